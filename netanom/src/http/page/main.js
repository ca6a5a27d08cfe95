// The page: what comes by /events goes to its places four times a second, and sums are read anew every few seconds.

import { Alerts } from "./alerts.js";
import { bars, even, line, rows } from "./charts.js";
import { ask, follow } from "./connection.js";
import { build } from "./form.js";
import { Hosts } from "./host.js";
import { Scatter } from "./scatter.js";
import { bytes, className, count, el, moment, put, short } from "./tell.js";

const REFRESH = 5000; // milliseconds between two readings of the sums
const HELD = 1200; // updates that a pause holds back: five minutes
const at = (id) => document.getElementById(id);

const hosts = new Hosts();
const alerts = new Alerts();
const scatter = new Scatter(at("scatter"), at("hint"), (ip) => hosts.open(ip));
let summary = null;
let connection = ["away", "connecting"];
let ready = null;
let paused = false;
let held = [];
let lost = 0;
let lately = []; // traffic of the last seconds

// What is clicked, wherever it stands

document.addEventListener("click", (event) => {
  const { host, alert, close } = event.target.closest("[data-host], [data-alert], [data-close]")?.dataset ?? {};
  if (host) {
    alerts.shown = null; // the same dialog shows one or the other
    hosts.open(host);
  }
  if (alert) alerts.open(alert);
  if (close !== undefined) at("detail").close();
});

// Theme, pause

const root = document.documentElement;
const dark = () => (root.dataset.theme ?? (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light")) === "dark";
function showTheme() {
  at("theme").textContent = dark() ? "Light" : "Dark";
  scatter.draw();
}
const kept = localStorage.getItem("netanom-theme");
if (kept) root.dataset.theme = kept;
at("theme").addEventListener("click", () => {
  root.dataset.theme = dark() ? "light" : "dark";
  localStorage.setItem("netanom-theme", root.dataset.theme);
  showTheme();
});
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", showTheme);

at("pause").addEventListener("click", () => {
  paused = !paused;
  at("pause").textContent = paused ? "Go on" : "Pause";
  at("pause").setAttribute("aria-pressed", String(paused));
  if (!paused) {
    for (const update of held) take(update);
    if (lost > 0) alerts.load();
    held = [];
    lost = 0;
    draw();
    refresh();
  }
  showState();
});

function showState() {
  let [is, text] = connection;
  if (is === "well" && ready && !ready.ready) {
    const failed = Object.entries(ready.checks).filter(([, check]) => !check.ok);
    [is, text] = ["ill", failed.map(([name, check]) => `${name}: ${check.reason}`).join("; ")];
  }
  if (paused) {
    const more = lost > 0 ? `, ${count(lost)} older ones were let go` : "";
    [is, text] = ["paused", `paused, ${count(held.length)} updates wait${more}`];
  }
  at("state").dataset.is = is;
  if (at("state-text").textContent !== text) at("state-text").textContent = text;
}

// What comes

function take({ traffic, flows, alerts: changed }) {
  lately.push(traffic);
  const now = Date.parse(traffic.time);
  lately = lately.filter((one) => Date.parse(one.time) > now - 2000);
  scatter.take(now, flows);
  alerts.take(changed);
}

function draw() {
  if (document.hidden) return;
  scatter.draw();
  tiles();
}

function tiles() {
  const newest = lately.at(-1);
  if (!newest) return;
  const seconds = lately.reduce((sum, one) => sum + one.seconds, 0) || 1;
  const rate = (name) => lately.reduce((sum, one) => sum + one[name], 0) / seconds;
  const scores = lately.map((one) => one.score).filter((score) => score !== null);
  const active = [...alerts.known.values()].filter((alert) => alert.state === "active");
  const severities = ["high", "medium", "low"].map((name) => [name, active.filter((alert) => alert.severity === name).length]);
  const which = severities.filter(([, n]) => n > 0).map(([name, n]) => `${count(n)} ${name}`).join(", ");
  const shown = [
    ["Packets a second", short(rate("packets"))],
    ["Bytes a second", bytes(rate("bytes"))],
    ["Open flows", short(newest.open_flows)],
    ["New flows a second", short(rate("flows")), ` ${short(rate("anomalous"))} anomalous`],
    ["Score now", scores.length > 0 ? (scores.reduce((a, b) => a + b) / scores.length).toFixed(2) : "–", " of 1"],
    ["Active alerts", count(active.length), which && ` ${which}`, active.length > 0],
  ];
  put(
    at("tiles"),
    shown.map(([name, value, more, alarm]) =>
      el("dl", { class: alarm ? "tile alarm" : "tile" }, el("dt", {}, name), el("dd", {}, value, more ? el("small", {}, more) : ""))),
  );
}

async function refresh() {
  if (paused || document.hidden) return;
  try {
    const [sums, flows, state] = await Promise.all([ask("/summary"), ask("/flows?limit=12"), ask("/readyz")]);
    [summary, ready] = [sums, state];
    hosts.showFlows(flows.flows);
    hosts.showBusiest(sums.busiest_hosts);
    charts();
    breakdown();
  } catch {
    // The stream says that the connection is lost, and comes back by itself.
  }
  showState();
}

function charts() {
  if (!summary?.began) return;
  const now = Date.parse(summary.now);
  const began = Date.parse(summary.began);
  const seconds = (pick, missing) => even(summary.seconds, now - 1000, 1000, 180, pick, missing);
  const gone = (n) => now - (180 - n) * 1000 < began; // before the sensor watched there is nothing, not zero
  const packets = seconds((slice) => slice.packets, 0).map((value, n) => (gone(n) ? null : value));
  const ago = [[0, "−3 min"], [0.5, "−90 s"], [1, "now"]];
  line(at("traffic"), { values: packets, label: "Packets a second over the last three minutes", marks: ago, written: short });
  at("traffic-now").textContent = `${short(summary.totals.packets)} packets, ${bytes(summary.totals.bytes)} since the start`;
  const scores = seconds((slice) => (slice.judgements > 0 ? slice.score : null), null);
  line(at("score"), { values: scores, label: "Mean score over the last three minutes, 0 to 1", marks: ago, written: (n) => n.toFixed(1), top: 1, red: true });
  at("score-now").textContent = "how unlike normal traffic, 0 to 1";
  const minutes = even(summary.minutes, now, 60_000, 60, (slice) => slice, null);
  const often = minutes.map((slice) => slice?.anomalous ?? 0);
  const says = (n) => `${59 - n} minutes ago: ${count(often[n])} anomalous of ${count(minutes[n]?.flows ?? 0)} flows`;
  bars(at("often"), { values: often, says, label: "Anomalous flows a minute over the last hour", marks: [[0, "−60 min"], [0.5, "−30 min"], [1, "now"]], written: short, red: true });
  at("often-now").textContent = `${count(often.at(-1))} in this minute`;
  const hours = even(summary.hours, now, 3_600_000, 48, (slice) => slice, null);
  const sayHour = (n) => (hours[n] ? `${moment(hours[n].time)}: ${bytes(hours[n].bytes)}, ${count(hours[n].flows)} flows, ${count(hours[n].alerts)} alerts` : "");
  bars(at("hours"), { values: hours.map((slice) => slice?.bytes ?? 0), says: sayHour, label: "Bytes by hour over the last two days", marks: [[0, "−48 h"], [0.5, "−24 h"], [1, "now"]], written: bytes });
}

function breakdown() {
  const { totals, threats } = summary;
  const largest = (sums) => Object.entries(sums).filter(([, n]) => n > 0).sort((a, b) => b[1] - a[1]).map(([name, n]) => [className(name), n, name]);
  rows(at("classes"), largest(totals.verdicts), { written: short, normal: "normal", empty: "No flow was judged yet." });
  put(
    at("severities"),
    ["high", "medium", "low"].map((name) => el("div", { class: name }, el("b", {}, count(threats.by_severity[name] ?? 0)), el("span", {}, name))),
  );
  rows(at("threats"), largest(threats.by_class), { written: count, empty: "No alert was raised yet." });
}

async function showSensor(model) {
  const settings = await ask("/config");
  const fact = (name, value) => el("div", {}, el("dt", {}, name), el("dd", {}, value));
  const interfaces = settings?.interfaces?.length > 0 ? settings.interfaces.join(", ") : "that of the default route";
  at("sensor").replaceChildren(
    fact("Interfaces", interfaces),
    fact("Watching since", summary?.began ? moment(summary.began) : "–"),
    fact("Model", `${model.name} ${model.version}`),
    fact("Trained", `${moment(model.trained_at)} by ${model.trainer}`),
    fact("Tells apart", model.classes.map(className).join(", ")),
    fact("Looks at", `${model.features.length} features of a flow`),
    fact("An alert needs", `evidence of ${model.evidence}, which fades to a half in ${model.half_life_seconds} s`),
    fact("Windows not shown here", count(summary?.windows_missed ?? 0)),
  );
}

// Begin

/** The flows of the last two minutes, as many as there are in the picture: the scatter does not begin empty. */
async function remember() {
  if (!summary?.began) return;
  const since = new Date(Date.parse(summary.now) - 120_000).toISOString();
  const before = await ask(`/flows?limit=1000&since=${encodeURIComponent(since)}`);
  scatter.take(Date.parse(summary.now), before.flows);
  scatter.draw();
}

at("live").hidden = false;
at("state").hidden = false;
at("pause").hidden = false;
at("theme").hidden = false;
showTheme();
await alerts.load();
await refresh();
await remember().catch(() => {}); // the stream says when the connection is lost
setInterval(refresh, REFRESH);
document.addEventListener("visibilitychange", () => {
  if (!document.hidden) refresh().then(draw);
});
addEventListener("resize", charts);
build().then((model) => showSensor(model).catch(() => {})).catch((error) => at("form").replaceChildren(el("p", { class: "bad" }, error.message)));

let opened = 0;
follow(
  (update) => {
    if (paused) {
      held.push(update);
      if (held.length > HELD) {
        held.shift();
        lost += 1;
      }
      showState();
      return;
    }
    take(update);
    draw();
  },
  (state, why) => {
    connection = state === "open" ? ["well", "watching"] : ["away", `no connection: ${why}. Trying again.`];
    if (state === "open") {
      opened += 1;
      // What happened in between is in the lists.
      if (opened > 1) alerts.load();
      refresh();
    }
    showState();
  },
);

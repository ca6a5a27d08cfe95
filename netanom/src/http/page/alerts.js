// The alerts: the list with its filters, and one alert in full.

import { ask } from "./connection.js";
import {
  advice, announce, beside, bytes, className, classNames, count, el, lasted, moment, party, put, short, time,
} from "./tell.js";

const PAGE = 50;

export class Alerts {
  constructor() {
    this.known = new Map();
    this.order = [];
    this.cursor = null;
    this.total = 0;
    this.list = document.getElementById("alert-list");
    this.filters = document.getElementById("filters");
    this.more = document.getElementById("more");
    this.detail = document.getElementById("detail");
    this.filters.elements.class.append(...classNames().map((name) => el("option", { value: name }, className(name))));
    this.filters.addEventListener("submit", (event) => event.preventDefault());
    this.filters.addEventListener("change", () => this.load());
    this.more.addEventListener("click", () => this.load(true));
  }

  wanted() {
    const { state, severity, class: kind, host } = this.filters.elements;
    return { state: state.value, severity: severity.value, class: kind.value, host: host.value.trim() };
  }

  matches(alert) {
    const { state, severity, class: kind, host } = this.wanted();
    return (
      (!state || alert.state === state) &&
      (!severity || alert.severity === severity) &&
      (!kind || alert.class === kind) &&
      (!host || alert.source.ip === host || alert.target.ip === host)
    );
  }

  /** Reads the newest alerts that the filters let through, or with `older` the page after the last. */
  async load(older = false) {
    const { host, ...filters } = this.wanted();
    const asked = (side, address) => {
      const query = new URLSearchParams({ limit: PAGE });
      for (const [name, value] of Object.entries(filters)) if (value) query.set(name, value);
      if (address) query.set(side, address);
      if (older && this.cursor && !host) query.set("cursor", this.cursor);
      return ask(`/alerts?${query}`);
    };
    try {
      const pages = await Promise.all(host ? [asked("source", host), asked("target", host)] : [asked()]);
      if (!older) {
        this.known.clear();
        this.order = [];
      }
      for (const alert of pages.flatMap((page) => page.alerts)) {
        if (!this.known.has(alert.id)) this.order.push(alert.id);
        this.known.set(alert.id, alert);
      }
      this.cursor = host ? null : pages[0].next_cursor;
      this.total = pages.reduce((sum, page) => sum + page.total, 0);
      this.show();
    } catch (error) {
      put(this.list, el("p", { class: "bad", role: "alert" }, error.message));
    }
  }

  /** Takes in alerts that began, changed or ended. */
  take(alerts) {
    for (const alert of alerts) {
      const isKnown = this.known.has(alert.id);
      if (isKnown || this.matches(alert)) {
        if (!isKnown) {
          this.order.unshift(alert.id);
          this.total += 1;
          announce(`${alert.severity} alert: ${alert.summary}`);
        }
        this.known.set(alert.id, alert);
      }
      if (this.detail.open && this.shown === alert.id) this.fill(alert);
    }
    if (alerts.length > 0) this.show();
  }

  show() {
    const alerts = this.order.map((id) => this.known.get(id)).filter((alert) => this.matches(alert));
    // What goes on stands first.
    alerts.sort((a, b) => (a.state === "active" ? 0 : 1) - (b.state === "active" ? 0 : 1));
    document.getElementById("alerts-count").textContent = this.total > 0 ? `${count(this.total)} in all` : "";
    this.more.hidden = !this.cursor;
    put(this.list, alerts.length > 0 ? alerts.map((alert) => this.entry(alert)) : [this.empty()]);
  }

  entry(alert) {
    const state = alert.state === "active" ? el("span", { class: `badge ${alert.severity}` }, alert.severity) : el("span", { class: "badge ended" }, "ended");
    const first = alert.explanation.find((part) => part.contribution > 0);
    return el(
      "button",
      { type: "button", class: "alert", "data-alert": alert.id, "data-severity": alert.severity },
      el("span", { class: "name" }, className(alert.class), " ", state),
      el("time", { class: "when", datetime: alert.first_seen }, time(alert.first_seen)),
      el("span", { class: "who" }, `${party(alert.source)} → ${party(alert.target)}`),
      el("span", { class: "why" }, first ? `${first.feature.replaceAll("_", " ")} ${beside(first)}` : alert.summary),
    );
  }

  empty() {
    const filtered = Object.values(this.wanted()).some(Boolean);
    if (filtered) return el("p", { class: "empty" }, "No alert matches these filters.");
    return el(
      "div",
      { class: "empty" },
      el("p", {}, el("strong", {}, "Nothing has raised an alert. "), "When something does, it stands here within a second: what it is, who does it to whom, and why the sensor thinks so."),
      el("p", {}, "See it at work, on a pair of interfaces that leads nowhere:"),
      el("pre", {}, "sudo cargo xtask lab --attack port-scan"),
      el("p", {}, "Or send a simulated attack through an interface that this sensor watches:"),
      el("pre", {}, "sudo netanom simulate port-scan --interface veth0 --source 198.19.66.6 --target 198.18.1.10"),
    );
  }

  async open(id) {
    this.shown = id;
    const known = this.known.get(id);
    if (known) this.fill(known);
    if (!this.detail.open) this.detail.showModal();
    try {
      this.fill(await ask(`/alerts/${encodeURIComponent(id)}`));
    } catch (error) {
      if (!known) put(this.detail, el("p", { class: "bad" }, error.message));
    }
  }

  fill(alert) {
    const host = (side) =>
      side.ip ? el("button", { type: "button", class: "link", "data-host": side.ip }, party(side)) : party(side);
    const fact = (name, ...value) => el("div", {}, el("dt", {}, name), el("dd", {}, ...value));
    const close = el("button", { type: "button", "data-close": true }, "Close");
    put(
      this.detail,
      el("header", {}, el("div", {}, el("h2", { id: "detail-title" }, className(alert.class)),
        el("p", {}, el("span", { class: `badge ${alert.severity}` }, alert.severity), " ", el("span", { class: alert.state === "active" ? "badge high" : "badge ended" }, alert.state === "active" ? "goes on" : "ended"))), close),
      el("p", {}, alert.summary),
      el("div", { class: "parties" },
        el("div", {}, el("span", { class: "note" }, "who"), el("b", {}, host(alert.source))),
        el("span", { "aria-hidden": "true" }, "→"),
        el("div", {}, el("span", { class: "note" }, "whom"), el("b", {}, host(alert.target)))),
      el("dl", { class: "facts" },
        fact("First packet", moment(alert.first_seen)),
        fact("Lasted", lasted(alert.first_seen, alert.last_seen)),
        fact("Score", alert.score.toFixed(2)),
        fact("Flows", count(alert.flows)),
        fact("Packets", `${short(alert.packets)}, ${bytes(alert.bytes)}`),
        fact("Rate", `${short(alert.rate.now)} packets a second, at most ${short(alert.rate.peak)}`),
        fact("Seen on", `${alert.interface || "a capture"}, ${alert.protocol}`),
        fact("Raised by", alert.detector)),
      ...(alert.explanation.length > 0 ? [el("h3", {}, "Why"), speaks(alert.explanation)] : []),
      ...(alert.alternatives.length > 0
        ? [el("h3", {}, "It may also be"), el("p", {}, alert.alternatives.map((other) => `${className(other.class)} (${Math.round(other.share * 100)} %)`).join(", "))]
        : []),
      ...(alert.began && alert.began.summary !== alert.summary
        ? [el("h3", {}, "When it was raised"), el("p", {}, `${alert.began.severity}, score ${alert.began.score.toFixed(2)}: ${alert.began.summary}`)]
        : []),
      el("h3", {}, "What to do"),
      el("p", {}, advice(alert.class)),
      el("p", { class: "note" }, "Alert ", el("a", { href: `/alerts/${encodeURIComponent(alert.id)}` }, alert.id), " as JSON"),
    );
  }
}

/** What speaks for a class, in red to the right, and against it, in blue to the left. */
export function speaks(parts) {
  const most = Math.max(...parts.map((part) => Math.abs(part.contribution)), 1e-9);
  const list = el("div", { class: "speaks" });
  for (const part of parts) {
    const fill = el("span", { class: part.contribution > 0 ? "fill" : "fill against" });
    const width = (Math.abs(part.contribution) / most) * 50;
    fill.style.width = `${width.toFixed(1)}%`;
    fill.style.left = `${part.contribution > 0 ? 50 : (50 - width).toFixed(1)}%`;
    const share = `${part.contribution > 0 ? "+" : "−"}${Math.abs(part.contribution).toFixed(3)}`;
    list.append(
      el("span", {}, part.feature.replaceAll("_", " ")),
      el("span", { class: "track", role: "img", "aria-label": `moves the score by ${share}`, title: share }, fill),
      el("span", { class: "note means" }, beside(part)),
    );
  }
  return list;
}

// Hosts and flows: the tables of the busiest, and one host in full.

import { ask } from "./connection.js";
import { bytes, className, count, el, endpoint, lasted, moment, party, put, short, time } from "./tell.js";

function table(head, rows, empty) {
  if (rows.length === 0) return el("p", { class: "note" }, empty);
  const numbers = new Set(head.flatMap((name, n) => (name.endsWith("#") ? [n] : [])));
  const cell = (tag, n, content) => el(tag, { class: numbers.has(n) ? "number" : null, scope: tag === "th" ? "col" : null }, content);
  return el(
    "table",
    {},
    el("thead", {}, el("tr", {}, head.map((name, n) => cell("th", n, name.replace("#", ""))))),
    el("tbody", {}, rows.map((row) => el("tr", {}, row.map((content, n) => cell("td", n, content))))),
  );
}

const verdict = (flow) =>
  flow.class === "normal" ? "normal" : el("span", { class: "badge high" }, className(flow.class));

export class Hosts {
  constructor() {
    this.detail = document.getElementById("detail");
  }

  link(ip) {
    return el("button", { type: "button", class: "link", "data-host": ip }, ip);
  }

  showBusiest(hosts) {
    const rows = hosts.map((host) => {
      const bad = Object.entries(host.verdicts).reduce((sum, [name, n]) => sum + (name === "normal" ? 0 : n), 0);
      return [this.link(host.ip), `${bytes(host.bytes_per_second)}/s`, short(host.opened.flows + host.answered.flows), bad > 0 ? el("span", { class: "bad" }, short(bad)) : "0"];
    });
    put(document.getElementById("hosts"), table(["Host", "Now#", "Flows#", "Anomalous#"], rows, "No host was seen yet."));
  }

  showFlows(flows) {
    const rows = flows.map((flow) => [
      el("span", {}, flow.initiator_ip ? this.link(flow.initiator_ip) : "many", flow.initiator_ip && flow.initiator_port ? `:${flow.initiator_port}` : "", " → ", this.link(flow.responder_ip), flow.responder_port ? `:${flow.responder_port}` : ""),
      flow.protocol,
      `${bytes(flow.bytes_per_second)}/s`,
      bytes(flow.bytes),
      short(flow.packets),
      verdict(flow),
    ]);
    put(document.getElementById("flows"), table(["Flow", "Protocol", "Now#", "Bytes#", "Packets#", "Judged"], rows, "No flow is open just now."));
  }

  async open(ip) {
    const close = () => el("button", { type: "button", "data-close": true }, "Close");
    this.shown = ip;
    const head = () => el("header", {}, el("h2", { id: "detail-title" }, ip), close());
    put(this.detail, head(), el("p", { class: "note" }, "…"));
    if (!this.detail.open) this.detail.showModal();
    try {
      const path = encodeURIComponent(ip);
      const [host, evidence] = await Promise.all([ask(`/hosts/${path}`), ask(`/evidence/${path}`)]);
      put(this.detail, head(), ...this.parts(host, evidence));
    } catch (error) {
      put(this.detail, head(), el("p", {}, error.message));
    }
  }

  parts(host, evidence) {
    const fact = (name, ...value) => el("div", {}, el("dt", {}, name), el("dd", {}, ...value));
    const role = (sum) => `${short(sum.flows)} flows, ${short(sum.packets)} packets, ${bytes(sum.bytes)}`;
    const near = evidence.near_misses.map((miss) =>
      el("p", {}, `${miss.subject} looked like ${className(miss.class)}: evidence ${miss.evidence.toFixed(1)} of the ${miss.needed.toFixed(1)} that an alert needs, in ${count(miss.flows)} flows.`));
    const judged = Object.entries(host.verdicts).map(([name, n]) => `${className(name)} ${short(n)}`).join(", ");
    return [
      el("dl", { class: "facts" },
        fact("Seen", `${moment(host.first_seen)}, for ${lasted(host.first_seen, host.last_seen)}`),
        fact("Now", `${bytes(host.bytes_per_second)}/s`),
        fact("Opened", role(host.opened)),
        fact("Was asked", role(host.answered)),
        fact("Flows judged", judged || "none")),
      el("h3", {}, "Alerts"),
      host.alerts.length === 0
        ? el("p", { class: "note" }, "None.")
        : el("div", {}, host.alerts.slice(0, 10).map((alert) => el("p", {},
            el("button", { type: "button", class: "link", "data-alert": alert.id }, className(alert.class)),
            ` ${time(alert.first_seen)}, ${alert.state}: ${party(alert.source)} → ${party(alert.target)}`))),
      el("h3", {}, "Evidence"),
      el("p", {}, `${count(evidence.suspicious_total)} of its flows of late are judged an attack. An alert needs evidence of ${evidence.needed.toFixed(1)}, which fades to a half in ${evidence.half_life_seconds.toFixed(0)} s.`),
      ...near,
      el("h3", {}, "Exchanged most with"),
      el("div", { class: "scroll" }, table(["Host", "Bytes#"], host.peers.map((peer) => [this.link(peer.of), bytes(peer.bytes)]), "Nobody.")),
      el("h3", {}, "At ports"),
      el("p", {}, host.ports.map((port) => `${port.of} (${bytes(port.bytes)})`).join(", ") || "none"),
      el("h3", {}, "Its newest flows"),
      el("div", { class: "scroll" }, table(["Last packet", "Flow", "Bytes#", "Judged"], host.flows.slice(0, 20).map((flow) => [
        time(flow.last_seen),
        `${endpoint(flow.initiator_ip, flow.initiator_port)} → ${endpoint(flow.responder_ip, flow.responder_port)} ${flow.protocol}`,
        bytes(flow.bytes),
        verdict(flow),
      ]), "None.")),
    ];
  }
}

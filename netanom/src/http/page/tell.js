// How things are said: elements, numbers, times, classes in words.

/** An element with attributes, listeners (`onclick`) and children; text is never read as markup. */
export function el(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (value === true) made.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) made.setAttribute(name, value);
  }
  made.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return made;
}

/** Makes what is in `place` as `made`, and changes only what differs: focus, and a click that has begun, are not lost. */
export function put(place, ...made) {
  const wanted = made.flat();
  wanted.forEach((node, n) => (n < place.childNodes.length ? become(place.childNodes[n], node) : place.append(node)));
  while (place.childNodes.length > wanted.length) place.lastChild.remove();
}

function become(old, made) {
  if (old.nodeName !== made.nodeName) {
    old.replaceWith(made);
  } else if (old.nodeType === Node.TEXT_NODE) {
    if (old.data !== made.data) old.data = made.data;
  } else {
    // The page's policy forbids styles as attributes, not as properties.
    const names = (node) => node.getAttributeNames().filter((name) => name !== "style");
    for (const name of names(old)) if (!made.hasAttribute(name)) old.removeAttribute(name);
    for (const name of names(made)) {
      if (old.getAttribute(name) !== made.getAttribute(name)) old.setAttribute(name, made.getAttribute(name));
    }
    if (old.style.cssText !== made.style.cssText) old.style.cssText = made.style.cssText;
    put(old, [...made.childNodes]);
  }
}

const NUMBER = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const SHORT = new Intl.NumberFormat("en", { notation: "compact", maximumSignificantDigits: 3 });
const TIME = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const DATE = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });

export const count = (n) => NUMBER.format(n);
export const short = (n) => (Math.abs(n) < 10_000 ? NUMBER.format(n) : SHORT.format(n));
export const time = (text) => TIME.format(new Date(text));
export const moment = (text) => DATE.format(new Date(text));

/** Bytes in steps of a thousand, as networks count. */
export function bytes(n) {
  const units = ["B", "kB", "MB", "GB", "TB", "PB"];
  let at = 0;
  let value = n;
  while (value >= 1000 && at < units.length - 1) {
    value /= 1000;
    at += 1;
  }
  return `${value >= 100 || at === 0 ? Math.round(value) : value.toPrecision(2)} ${units[at]}`;
}

/** A number of which one does not know how large it is. */
export function figure(n) {
  if (!Number.isFinite(n)) return "–";
  if (n === 0 || Math.abs(n) >= 1000) return short(n);
  return String(Number(n.toPrecision(3)));
}

/** A value with its unit, beside what is typical. */
export function beside(part) {
  const value = part.unit ? `${figure(part.value)} ${part.unit}` : figure(part.value);
  return `${value}, typically ${figure(part.typical)}`;
}

export function lasted(from, to) {
  const seconds = (new Date(to) - new Date(from)) / 1000;
  if (seconds < 60) return `${seconds.toFixed(1)} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${Math.round(seconds % 60)} s`;
  return `${Math.floor(seconds / 3600)} h ${Math.round((seconds % 3600) / 60)} min`;
}

const CLASSES = {
  normal: "Normal",
  syn_flood: "SYN flood",
  udp_flood: "UDP flood",
  icmp_flood: "ICMP flood",
  flood: "Flood",
  port_scan: "Port scan",
  brute_force: "Brute force",
  slow_http: "Slow HTTP",
  http_flood: "HTTP flood",
  anomaly: "Anomaly",
};
export const classNames = () => Object.keys(CLASSES).filter((name) => name !== "normal");
export const className = (name) => CLASSES[name] ?? name.replaceAll("_", " ");

const ADVICE = {
  syn_flood: "Check that SYN cookies are on (net.ipv4.tcp_syncookies). Sources may be forged: limit by target, not by source.",
  udp_flood: "See whether the port is one of yours. If not, drop it upstream; if sources answer from 53, 123 or 389, it is reflected.",
  icmp_flood: "Limit ICMP echo at the edge; keep errors such as “packet too big”, which paths need.",
  flood: "Packets that belong to no conversation: have them dropped where the line is wider than yours.",
  port_scan: "Look what the scanned host answered, and close what need not be open. From inside, look at the source: it may be taken over.",
  brute_force: "See in the service's log whether a log-in worked. Limit attempts, and prefer keys to passwords.",
  slow_http: "Shorten the server's header and body time-outs and limit connections for each client.",
  http_flood: "Limit requests for each client, cache what is asked for, and look which path is hit in the server's log.",
  anomaly: "Unusual without a name: compare with what the hosts normally do.",
};
export const advice = (name) => ADVICE[name] ?? ADVICE.anomaly;

/** One side of an alert: an address, a prefix or how many. */
export function party(side) {
  const name = side.ip ?? side.prefix;
  if (!name) return `${count(side.count)} hosts`;
  const port = side.port ? (name.includes(":") ? `[${name}]:${side.port}` : `${name}:${side.port}`) : name;
  return side.count > 1 ? `${port} and ${count(side.count - 1)} more` : port;
}

export function endpoint(ip, port) {
  if (!ip) return "many";
  if (!port) return ip;
  return ip.includes(":") ? `[${ip}]:${port}` : `${ip}:${port}`;
}

/** Says something to who cannot see it. */
export function announce(text) {
  document.getElementById("tell").textContent = text;
}

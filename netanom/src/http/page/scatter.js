// The scatter of flows: frame bytes (logarithmic) against time, round and blue when normal, a red triangle when not.

import { bytes, className, endpoint, time } from "./tell.js";

const SPAN = 120_000; // milliseconds that are shown
const MOST = 8000; // points; drawing them stays under a few milliseconds
const LEFT = 52;
const BOTTOM = 22;

export class Scatter {
  constructor(canvas, hint, opened) {
    this.canvas = canvas;
    this.hint = hint;
    this.points = [];
    this.now = 0;
    this.waits = false;
    new ResizeObserver(() => this.draw()).observe(canvas);
    canvas.addEventListener("pointermove", (event) => this.point(event));
    canvas.addEventListener("pointerleave", () => (hint.hidden = true));
    canvas.addEventListener("click", (event) => {
      const near = this.nearest(event);
      if (near) opened(near.flow.initiator_ip ?? near.flow.responder_ip);
    });
  }

  take(now, flows) {
    this.now = Math.max(this.now, now);
    for (const flow of flows) {
      const at = Math.min(Date.parse(flow.last_seen), this.now);
      this.points.push({ at, size: Math.log10(Math.max(flow.bytes, 1)), bad: flow.class !== "normal", flow });
    }
    const from = this.now - SPAN;
    this.points = this.points.filter((point) => point.at >= from);
    // Of too many the older ones are thinned out, anomalous ones last.
    for (let keep = 2; this.points.length > MOST; keep += 1) {
      const recent = this.points.length - MOST / 4;
      this.points = this.points.filter((point, n) => n >= recent || n % keep === 0 || (point.bad && keep < 4));
    }
  }

  /** Draws with the browser's next picture; a page that is not looked at draws nothing. */
  draw() {
    if (this.waits) return;
    this.waits = true;
    requestAnimationFrame(() => {
      this.waits = false;
      this.paint();
    });
  }

  place() {
    const { clientWidth: width, clientHeight: height } = this.canvas;
    const sizes = this.points.map((point) => point.size);
    const low = 1.6;
    const high = Math.max(5, Math.ceil(sizes.reduce((most, size) => Math.max(most, size), 0)));
    return {
      width,
      height,
      low,
      high,
      x: (at) => LEFT + ((at - this.now + SPAN) / SPAN) * (width - LEFT - 8),
      y: (size) => 8 + (1 - (size - low) / (high - low)) * (height - BOTTOM - 8),
    };
  }

  paint() {
    const at = this.place();
    const ratio = window.devicePixelRatio || 1;
    this.canvas.width = Math.round(at.width * ratio);
    this.canvas.height = Math.round(at.height * ratio);
    const draw = this.canvas.getContext("2d");
    draw.scale(ratio, ratio);
    const colour = (name) => getComputedStyle(document.querySelector(name)).color;
    const [normal, bad, quiet] = [".legend .normal .swatch", ".legend .anomalous .swatch", ".legend"].map(colour);
    const size = Math.max(11, parseFloat(getComputedStyle(document.documentElement).fontSize) * 0.69);
    draw.font = `${size}px system-ui, sans-serif`;
    draw.fillStyle = quiet;
    draw.strokeStyle = quiet;
    draw.textBaseline = "middle";
    for (let power = 2; power <= at.high; power += 1) {
      const y = at.y(power);
      draw.globalAlpha = 0.18;
      draw.fillRect(LEFT, Math.round(y), at.width - LEFT - 8, 1);
      draw.globalAlpha = 1;
      draw.textAlign = "right";
      draw.fillText(bytes(10 ** power), LEFT - 8, y);
    }
    draw.textAlign = "center";
    for (let ago = 0; ago <= SPAN; ago += 30_000) {
      const text = ago === 0 ? "now" : `−${ago / 1000} s`;
      draw.textAlign = ago === 0 ? "right" : "center";
      draw.fillText(text, at.x(this.now - ago), at.height - 8);
    }
    draw.globalAlpha = 0.5;
    draw.fillStyle = normal;
    for (const point of this.points) {
      if (point.bad) continue;
      draw.beginPath();
      draw.arc(at.x(point.at), at.y(point.size), 2.6, 0, 7);
      draw.fill();
    }
    draw.globalAlpha = 0.75;
    draw.fillStyle = bad;
    for (const point of this.points) {
      if (!point.bad) continue;
      const [x, y] = [at.x(point.at), at.y(point.size)];
      draw.beginPath();
      draw.moveTo(x, y - 4);
      draw.lineTo(x + 3.8, y + 3);
      draw.lineTo(x - 3.8, y + 3);
      draw.fill();
    }
    draw.globalAlpha = 1;
    if (this.points.length === 0) {
      draw.fillStyle = quiet;
      draw.textAlign = "center";
      draw.font = "14px system-ui, sans-serif";
      draw.fillText("No flow in the last two minutes.", at.width / 2, at.height / 2);
    }
  }

  nearest(event) {
    const box = this.canvas.getBoundingClientRect();
    const [x, y] = [event.clientX - box.left, event.clientY - box.top];
    const at = this.place();
    let best = null;
    let distance = 14 ** 2;
    for (const point of this.points) {
      const d = (at.x(point.at) - x) ** 2 + (at.y(point.size) - y) ** 2;
      if (d < distance) [best, distance] = [point, d];
    }
    return best;
  }

  point(event) {
    const near = this.nearest(event);
    this.hint.hidden = !near;
    if (!near) return;
    const { flow } = near;
    const from = endpoint(flow.initiator_ip, flow.initiator_port);
    const to = endpoint(flow.responder_ip, flow.responder_port);
    const sure = `${className(flow.class)}, ${(flow.score * 100).toFixed(0)} % sure`;
    this.hint.textContent = `${time(flow.last_seen)}  ${from} → ${to}, ${flow.protocol}, ${bytes(flow.bytes)}. ${sure}`;
    const panel = this.hint.parentElement.getBoundingClientRect();
    const left = Math.min(event.clientX - panel.left + 14, panel.width - this.hint.offsetWidth - 8);
    this.hint.style.left = `${Math.max(8, left)}px`;
    this.hint.style.top = `${event.clientY - panel.top + 16}px`;
  }
}

// Lines and bars over time in SVG, and bars beside names.

import { el, put } from "./tell.js";

const SPACE = "http://www.w3.org/2000/svg";
const HEIGHT = 150;
const EDGE = { left: 44, right: 6, top: 8, bottom: 20 };

function svg(tag, attributes, text) {
  const made = document.createElementNS(SPACE, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  if (text !== undefined) made.textContent = text;
  return made;
}

/** A round number at or above `most`, so that the axis does not jump with every value. */
function nice(most) {
  if (most <= 2) return 2;
  const power = 10 ** Math.floor(Math.log10(most));
  return [1, 2, 4, 6, 10].map((step) => step * power).find((step) => step >= most);
}

function frame(figure, label, top, written) {
  const width = Math.max(figure.clientWidth, 240);
  const image = svg("svg", { viewBox: `0 0 ${width} ${HEIGHT}`, role: "img", "aria-label": label, height: HEIGHT });
  const inner = { width: width - EDGE.left - EDGE.right, height: HEIGHT - EDGE.top - EDGE.bottom };
  for (const part of [0, 0.5, 1]) {
    const y = EDGE.top + inner.height * (1 - part);
    image.append(svg("line", { class: "grid", x1: EDGE.left, x2: width - EDGE.right, y1: y, y2: y }));
    image.append(svg("text", { x: EDGE.left - 7, y: y + 4, "text-anchor": "end" }, written(top * part)));
  }
  return { image, inner };
}

function times(image, inner, marks) {
  for (const [share, text] of marks) {
    const anchor = share === 0 ? "start" : share === 1 ? "end" : "middle";
    const x = EDGE.left + inner.width * share;
    image.append(svg("text", { x, y: HEIGHT - 4, "text-anchor": anchor }, text));
  }
}

/** A line of `values` that are evenly apart; `null` is a gap. */
export function line(figure, { values, label, marks, written, top, red }) {
  const present = values.filter((value) => value !== null);
  const most = top ?? nice(Math.max(0, ...present));
  const { image, inner } = frame(figure, label, most, written);
  const x = (n) => EDGE.left + (inner.width * n) / Math.max(values.length - 1, 1);
  const y = (value) => EDGE.top + inner.height * (1 - Math.min(value / most, 1));
  const colour = red ? " red" : "";
  let run = [];
  const close = () => {
    if (run.length > 0) {
      const path = run.map(([n, value], at) => `${at ? "L" : "M"}${x(n).toFixed(1)} ${y(value).toFixed(1)}`).join("");
      const [first, last] = [x(run[0][0]), x(run.at(-1)[0])];
      const floor = EDGE.top + inner.height;
      image.append(svg("path", { class: `area${colour}`, d: `${path}L${last} ${floor}L${first} ${floor}Z` }));
      image.append(svg("path", { class: `line${colour}`, d: path }));
    }
    run = [];
  };
  values.forEach((value, n) => (value === null ? close() : run.push([n, value])));
  close();
  times(image, inner, marks);
  figure.replaceChildren(image);
}

/** A bar for each of `values`, each with the words of `says`. */
export function bars(figure, { values, says, label, marks, written, red }) {
  const most = nice(Math.max(0, ...values));
  const { image, inner } = frame(figure, label, most, written);
  const step = inner.width / values.length;
  values.forEach((value, n) => {
    if (value <= 0) return;
    const height = Math.max((inner.height * value) / most, 1.5);
    const bar = svg("rect", {
      class: red ? "bar red" : "bar",
      x: EDGE.left + n * step + step * 0.12,
      y: EDGE.top + inner.height - height,
      width: Math.max(step * 0.76, 1),
      height,
      rx: Math.min(2, step / 4),
    });
    bar.append(svg("title", {}, says(n)));
    image.append(bar);
  });
  times(image, inner, marks);
  figure.replaceChildren(image);
}

/** Names with bars and numbers, the largest first. */
export function rows(place, entries, { written, normal, empty }) {
  if (entries.length === 0) {
    put(place, el("p", { class: "note" }, empty));
    return;
  }
  const most = Math.max(...entries.map(([, value]) => value));
  // Floods are thousands of times what is ordinary: by the logarithm both can be seen.
  const share = (value) => Math.log1p(value) / Math.log1p(most);
  const list = el("div", { class: "rows" });
  for (const [name, value, key] of entries) {
    const fill = el("span", { class: normal === key ? "fill normal" : "fill" });
    fill.style.width = `${(100 * share(value)).toFixed(1)}%`;
    list.append(el("span", {}, name), el("span", { class: "track" }, fill), el("span", { class: "number" }, written(value)));
  }
  put(place, list);
}

/** `slices` by time as an even row of `length` steps of `width` milliseconds that ends at `now`. */
export function even(slices, now, width, length, pick, missing) {
  const last = Math.floor(now / width);
  const known = new Map(slices.map((slice) => [Math.floor(Date.parse(slice.time) / width), slice]));
  return Array.from({ length }, (_, n) => {
    const slice = known.get(last - length + 1 + n);
    return slice ? pick(slice) : missing;
  });
}

// The prediction form, built from the model's own features.

import { speaks } from "./alerts.js";
import { ask, post } from "./connection.js";
import { className, el, figure } from "./tell.js";

/** Features that are shown at once; the others are behind a line that opens them. */
const FIRST = 12;

export class Form {
  constructor(model) {
    this.place = document.getElementById("form");
    this.inputs = new Map();
    const field = (feature) => {
      const typical = feature.typical ?? 0;
      const input = el("input", { name: feature.name, type: "text", inputmode: "decimal", value: String(typical), autocomplete: "off" });
      const error = el("span", { class: "error", id: `wrong-${feature.name}` });
      this.inputs.set(feature.name, { input, error, typical });
      const unit = feature.unit ? ` (${feature.unit})` : "";
      return el("label", { title: feature.meaning }, feature.name.replaceAll("_", " ") + unit, input, error);
    };
    const [first, rest] = [model.features.slice(0, FIRST), model.features.slice(FIRST)];
    this.answer = el("div", { class: "answer", role: "status" });
    this.form = el(
      "form",
      { novalidate: true, onsubmit: (event) => this.send(event) },
      el("div", { class: "features" }, first.map(field)),
      el("details", {}, el("summary", {}, `${rest.length} further features`), el("div", { class: "features" }, rest.map(field))),
      el("p", { class: "actions" },
        el("button", { class: "main" }, "Judge it"),
        el("button", { type: "button", onclick: () => this.reset() }, "Typical values")),
    );
    this.place.replaceChildren(this.form, this.answer);
  }

  reset() {
    for (const { input, typical } of this.inputs.values()) input.value = String(typical);
    this.mark([]);
    this.answer.replaceChildren();
  }

  /** Tells each wrong field at its place. */
  mark(fields) {
    const wrong = new Map(fields.map((problem) => [problem.field, problem.error]));
    for (const [name, { input, error }] of this.inputs) {
      const message = wrong.get(name);
      error.textContent = message ?? "";
      input.toggleAttribute("aria-invalid", false);
      if (message) {
        input.setAttribute("aria-invalid", "true");
        input.setAttribute("aria-describedby", error.id);
      } else {
        input.removeAttribute("aria-describedby");
      }
    }
    const first = [...this.inputs.entries()].find(([name]) => wrong.has(name));
    if (first) {
      const { input } = first[1];
      const hidden = input.closest("details");
      if (hidden) hidden.open = true;
      input.focus();
    }
  }

  async send(event) {
    event.preventDefault();
    const features = {};
    for (const [name, { input }] of this.inputs) {
      const text = input.value.trim().replace(",", ".");
      // What is no number goes as it is: the sensor says what is wrong with it.
      features[name] = text !== "" && Number.isFinite(Number(text)) ? Number(text) : input.value;
    }
    try {
      const said = await post("/predict", { features });
      this.mark([]);
      this.show(said);
    } catch (error) {
      this.mark(error.answer?.fields ?? []);
      this.answer.replaceChildren(el("p", { class: "bad" }, error.message));
    }
  }

  show(said) {
    const others = Object.entries(said.probabilities)
      .sort((a, b) => b[1] - a[1])
      .slice(0, 4)
      .map(([name, share]) => `${className(name)} ${(share * 100).toFixed(1)} %`);
    this.answer.replaceChildren(
      el("h3", {}, `${className(said.class)}, ${(said.score * 100).toFixed(0)} % sure`),
      el("p", { class: "note" }, `${others.join(" · ")}. Unlike normal traffic by ${figure(said.anomaly)} of 1.`),
      el("h3", {}, "Why"),
      speaks(said.contributions),
    );
  }
}

/** Reads the model and builds the form of it. */
export async function build() {
  const model = await ask("/model");
  new Form(model);
  return model;
}

// The options of a request: their fields and values.

const FIELDS = [
  ["n", "Samples"],
  ["width", "Trajectories"],
  ["depth", "Maximum steps"],
  ["want", "Distinct answers to stop at"],
  ["seed", "Seed of the noise"],
  ["temperature", "Factor on the noise"],
  ["restart_every", "Steps until a restart"],
  ["deadline_ms", "Time limit in milliseconds"],
  ["select", "How the answer is chosen"],
];
const APART = { solve: ["n"], generate: ["width", "want", "select"] }; // fields that do not apply to the request
const SAMPLES = 12;
const RULES = ["", "checked", "majority", "value", "halt", "first"];

export const names = FIELDS.map(([name]) => name);

const at = (name) => document.getElementById(`option-${name}`);

/** Create the fields in `place`. `changed()` is called when one is edited. */
export function build(place, changed) {
  for (const [name, label] of FIELDS) {
    const part = document.createElement("div"), field = document.createElement(name === "select" ? "select" : "input");
    const title = document.createElement("label"), error = document.createElement("p");
    Object.assign(field, { id: `option-${name}`, name });
    if (name === "select") field.append(...RULES.map((rule) => new Option(rule || "as usual", rule)));
    else Object.assign(field, { inputMode: "decimal", autocomplete: "off" });
    Object.assign(title, { htmlFor: field.id, textContent: label });
    Object.assign(error, { id: `error-${name}`, className: "error", role: "alert" });
    field.setAttribute("aria-describedby", error.id);
    field.addEventListener("change", changed);
    part.append(title, field, error);
    place.append(part);
  }
}

/** The defaults of empty fields, from the entry of /v1/tasks. */
export function suggest(task, without = []) {
  const usual = { seed: 0, n: SAMPLES, ...task.defaults };
  for (const name of names) {
    at(name).parentElement.hidden = [...APART[task.ask], ...without].includes(name);
    if (name !== "select") at(name).placeholder = usual[name] ?? "";
  }
}

export const written = () => Object.fromEntries(names.map((name) => [name, at(name).value.trim()]));

export function write(options) {
  for (const name of names) at(name).value = options[name] ?? "";
}

/** The options of a request. Text that is not a number is sent as it is, so that the server reports the error. */
export function asked(ask, without = []) {
  const kept = Object.entries(written()).filter(([name, value]) => value !== "" && ![...APART[ask], ...without].includes(name));
  const values = kept.map(([name, value]) => [name, name === "select" || !Number.isFinite(Number(value)) ? value : Number(value)]);
  return { ...(ask === "generate" && { n: SAMPLES }), ...Object.fromEntries(values) };
}

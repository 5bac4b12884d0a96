// The page: the choice of task and puzzle, the requests, and the display of answers.

import * as answers from "./answers.mjs";
import { generate, most, setToken, stream, tasks } from "./client.mjs";
import { editor } from "./editor.mjs";
import { kind as kindOf } from "./kinds.mjs";
import * as link from "./link.mjs";
import * as options from "./options.mjs";
import { Refusal } from "./refusal.mjs";
import { watcher } from "./watch.mjs";

const ALL = { want: 1000, width: 200 };
const UNDO = 200;
const LARGE = 20_000; // positions of all trajectories; above this, only answers and votes are sent

const at = (id) => document.getElementById(id);
const say = (text) => { at("said").textContent = text; };
const state = { task: "", kind: null, puzzle: null, board: null, certainty: undefined, tool: null, past: [], asking: null };
let served = [], examples = {};

const board = editor(at("board"), () => state, change, remember);
const watch = watcher(show);

/** Show a board on the large one: {board, certainty}. */
function show(shown) {
  Object.assign(state, shown);
  board.render();
  beside();
}

/** Show what some kinds keep apart from the large board: the output, and the pairs that the puzzle shows. */
function beside() {
  const { kind, puzzle, board: output, certainty } = state, pairs = (kind.apart && kind.pairs(puzzle)) || [];
  at("output").hidden = !kind.apart || !output;
  if (kind.apart && output) at("output").replaceChildren(at("output").firstElementChild, answers.still(kind, puzzle, output, "Output", certainty));
  at("shown").hidden = !pairs.length;
  at("pairs").replaceChildren(...pairs.map((pair, i) => {
    const item = document.createElement("li"), arrow = document.createElement("span");
    arrow.textContent = "→";
    item.append(answers.still(kind, puzzle, pair.input, `Input ${i + 1}`), arrow, answers.still(kind, puzzle, pair.output, `Output ${i + 1}`));
    return item;
  }));
}

// the puzzle -----------------------------------------------------------------------------------------------
function change(puzzle, { text = true } = {}) {
  state.asking?.abort();
  Object.assign(state, { puzzle, board: null, certainty: undefined });
  answers.hide();
  watch.begin(state);
  complain(null);
  if (text) at("text").value = state.kind.write(puzzle);
  beside();
  address();
}

function remember() {
  state.past.push(state.puzzle);
  if (state.past.length > UNDO) state.past.shift();
}

/** Parse a text as the puzzle. Errors appear beside its field. */
function take(text, { write = true, alone = false } = {}) {
  try {
    const parts = alone ? [text] : state.kind.split?.(text) ?? [text];
    if (!alone) offer(parts);
    const puzzle = state.kind.read(parts[0]);
    remember();
    state.kind.arrange?.();
    change(puzzle, { text: write });
    board.render();
  } catch (error) {
    complain(new Refusal(422, error.message, "puzzles"));
  }
}

/** Keep the address up to date, so that it can be shared at any time. */
function address() {
  const fragment = link.written({ task: state.task, puzzle: state.kind.write(state.puzzle), options: options.written() });
  history.replaceState(null, "", fragment);
}

// errors ---------------------------------------------------------------------------------------------------
/** Show an error beside its field; null clears it. */
function complain(error) {
  for (const part of document.querySelectorAll(".error")) part.textContent = "";
  for (const field of document.querySelectorAll("[aria-invalid]")) field.removeAttribute("aria-invalid");
  if (!error) return;
  if (!(error instanceof Refusal)) throw error;
  if (error.status === 401) {
    at("token-field").hidden = false;
    at("error-token").textContent = error.message;
    at("token").focus();
    return;
  }
  const name = (error.field ?? "").split("[")[0], beside = at(`error-${name}`) ?? at("error");
  beside.textContent = error.message;
  const field = name === "puzzles" ? at("text") : at(`option-${name}`);
  field?.setAttribute("aria-invalid", "true");
  if (field) field.closest("details").open = true;
}

// requests -------------------------------------------------------------------------------------------------
async function ask(more = {}) {
  state.asking?.abort();
  const control = new AbortController();
  complain(null);
  answers.hide();
  state.asking = control;
  busy(true);
  say("Thinking ...");
  try {
    const entry = served.find((each) => each.task === state.task), wanted = { ...options.asked(entry.ask, state.kind.without), ...more };
    say(await (entry.ask === "generate" ? draw : think)(entry, wanted, control.signal));
  } catch (error) {
    if (state.asking === control) say(error.name === "AbortError" ? "Stopped." : "");
    if (error.name !== "AbortError") complain(error);
  } finally {
    if (state.asking === control) {
      state.asking = null;
      busy(false);
    }
  }
}

/** Solve the puzzle while showing each step. Returns the message about the answer. */
async function think(entry, wanted, signal) {
  const { kind, puzzle } = state, usual = { ...entry.defaults, ...wanted };
  watch.begin({ kind, puzzle, usual: { ...usual, restarts: usual.select === "checked" } });
  const trajectories = usual.width * entry.length <= LARGE;
  const found = await stream(entry.task, kind.write(puzzle), { ...wanted, trajectories }, watch.add, signal);
  const choose = (board) => {
    watch.pause();
    show({ board, certainty: undefined });
  };
  const first = answers.first(found);
  choose(first === null ? null : kind.answer(first));
  answers.show(found, kind, puzzle, choose);
  return `${answers.verdict(found).split(/[:;.]/)[0]}. ${answers.tally(found)}`;
}

/** Draw samples. Returns the message about them. */
async function draw(entry, wanted, signal) {
  return answers.samples(await generate(entry.task, wanted, signal), state.kind, () => {});
}

function busy(on) {
  at("stop").hidden = !on;
  for (const id of ["solve", "all", "many-think"]) at(id).disabled = on;
}

// task and tools -------------------------------------------------------------------------------------------
/** Show the controls of a task, with this puzzle, an example, or a blank. */
function open(task, text) {
  const entry = served.find((each) => each.task === task);
  Object.assign(state, { task, kind: kindOf(task), past: [], board: null });
  at("task").value = task;
  at("hint").textContent = state.kind.hint;
  at("board-title").textContent = state.kind.title;
  for (const part of document.querySelectorAll("[data-ask]")) part.hidden = part.dataset.ask !== entry.ask;
  at("all").hidden ||= !entry.checked;
  at("many-think").hidden ||= Boolean(state.kind.apart);
  at("solve").textContent = entry.ask === "solve" ? "Solve" : "Draw samples";
  options.suggest(entry, state.kind.without);
  tools();
  const levels = examples[task] ?? {};
  const groups = Object.entries(levels).map(([level, list]) => {
    const group = document.createElement("optgroup");
    group.label = level;
    group.append(...list.map((puzzle, i) => new Option(`${level}, ${i + 1}`, puzzle)));
    return group;
  });
  at("example").replaceChildren(new Option(groups.length ? "choose one" : "none", ""), ...groups);
  at("several").hidden = true;
  state.puzzle = state.kind.blank();
  at("text").value = state.kind.write(state.puzzle);
  answers.hide();
  watch.begin(state);
  const first = Object.values(levels)[0]?.[0];
  if (text ?? first) take(text ?? first);
  board.render();
  say("");
}

/** The tools of the pointer, and key buttons for touch screens. */
function tools() {
  const { kind } = state;
  state.tool = kind.tools?.[0][0] ?? null;
  at("tools").hidden = !kind.tools;
  at("tools").replaceChildren(at("tools").firstElementChild, ...(kind.tools ?? []).map(([value, label]) => {
    const part = document.createElement("label"), radio = document.createElement("input");
    Object.assign(radio, { type: "radio", name: "tool", value, checked: value === state.tool });
    radio.addEventListener("change", () => { state.tool = value; });
    part.append(radio, ` ${label}`);
    return part;
  }));
  at("pad").hidden = !kind.pad;
  at("pad").setAttribute("aria-label", kind.padTitle ?? "Write into the cell");
  at("pad").replaceChildren(...(kind.pad ?? []).map(([key, label]) => {
    const button = document.createElement("button");
    Object.assign(button, { type: "button", textContent: label });
    button.addEventListener("click", () => {
      board.write(key);
      button.focus();
    });
    return button;
  }));
}

/** Let the reader choose one of several puzzles. */
function offer(texts) {
  at("several").hidden = texts.length < 2;
  at("which").replaceChildren(...texts.map((text, i) => new Option(`${i + 1} of ${texts.length}`, text)));
}

async function upload(file) {
  if (!file || !state.kind.read) return;
  try {
    const found = link.puzzles(file.name, await file.text(), state.kind);
    offer(found);
    take(found[0], { alone: true });
  } catch (error) {
    complain(new Refusal(422, error.message, "puzzles"));
  }
}

async function share() {
  address();
  try {
    await navigator.clipboard.writeText(location.href);
    say("Link copied.");
  } catch {
    say("The address of this page is the link; copy it from there.");
  }
}

/** Follow the fragment of the address. */
function follow() {
  const asked = link.read(location.hash, options.names);
  const known = served.some((each) => each.task === asked.task);
  options.write(asked.options);
  open(known ? asked.task : served[0].task, known ? asked.puzzle : null);
  if (asked.task && !known) complain(new Refusal(404, `This server does not serve ${asked.task}; choose another task.`, "task"));
}

function listen() {
  at("form").addEventListener("submit", (event) => {
    event.preventDefault();
    ask();
  });
  at("all").addEventListener("click", async () => {
    const width = Math.min(ALL.width, await most("width"));
    ask({ ...ALL, width, ...options.asked("solve") });
  });
  at("many-think").addEventListener("click", () => ask({ select: "majority" }));
  at("stop").addEventListener("click", () => state.asking?.abort());
  at("undo").addEventListener("click", () => {
    if (state.past.length) change(state.past.pop());
    board.render();
  });
  at("clear").addEventListener("click", () => {
    remember();
    change(state.kind.blank());
    board.render();
  });
  at("share").addEventListener("click", share);
  at("task").addEventListener("change", () => open(at("task").value));
  at("example").addEventListener("change", () => at("example").value && take(at("example").value));
  at("text").addEventListener("input", () => take(at("text").value, { write: false }));
  at("file").addEventListener("change", () => upload(at("file").files[0]));
  at("which").addEventListener("change", () => take(at("which").value, { alone: true }));
  document.addEventListener("paste", (event) => {
    if (!state.kind.read || event.target.closest?.("input, textarea")) return;
    event.preventDefault();
    take(event.clipboardData.getData("text/plain"));
  });
  document.addEventListener("dragover", (event) => event.preventDefault());
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    upload(event.dataTransfer.files[0]);
  });
  window.addEventListener("hashchange", () => { if (/(^#|&)task=/.test(location.hash)) follow(); });
}

// start ----------------------------------------------------------------------------------------------------
async function begin() {
  try {
    served = await tasks();
    at("token-field").hidden = true;
    at("task").replaceChildren(...served.map(({ task }) => new Option(kindOf(task).title, task)));
    follow();
  } catch (error) {
    complain(error);
  }
}

options.build(at("option-fields"), () => { complain(null); address(); });
listen();
at("enter").addEventListener("click", () => {
  setToken(at("token").value);
  begin();
});
examples = await (await fetch(new URL("examples.json", import.meta.url))).json();
begin();

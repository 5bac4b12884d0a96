// Replaces the server: runs the bundle in this folder with onnxruntime-web. Same interface as the page's client.mjs.

import { Refusal } from "./refusal.mjs";
import { search } from "./search.mjs";
import { decode, encode, load, think } from "./solver.mjs";

const WIDEST = 64; // the page freezes during a step
const LIMITS = { width: WIDEST, depth: 4096, want: 1_000_000, seed: 2 ** 32 - 1, restart_every: 1_000_000 };
let network = null;

export const setToken = () => {};
export const most = async () => WIDEST;

/** The task of the bundle. Loads the bundle. */
export async function tasks() {
  const page = await (await fetch(new URL("page.json", import.meta.url))).json();
  // from `npm pack onnxruntime-web`: dist/ort.wasm.min.mjs, ort-wasm-simd-threaded.mjs and .wasm go into ort/
  const ort = await import("./ort/ort.wasm.min.mjs").catch(() => {
    throw new Refusal(0, "There is no folder ort; put the files of onnxruntime-web there, as README.md says.");
  });
  ort.env.wasm.numThreads = 1;
  const read = async (name) => new Uint8Array(await (await fetch(new URL(name, import.meta.url))).arrayBuffer());
  network = await load(ort, page, read);
  const { task, size, width, depth, restart_every, halt_threshold } = page;
  const defaults = { width, depth, restart_every, halt_threshold, select: "checked", temperature: 1 };
  return [{ task, ask: "solve", checked: true, length: size * size, defaults }];
}

/** The options, checked against their limits. */
function resolved({ select = "checked", deadline_ms = Infinity, temperature = 1, ...numbers }) {
  for (const [name, value] of Object.entries(numbers)) {
    const least = name === "seed" ? 0 : 1;
    if (!(name in LIMITS)) continue;
    if (!Number.isInteger(value) || value < least || value > LIMITS[name]) {
      throw new Refusal(422, `The field ${name} is ${value}; it must be an integer from ${least} to ${LIMITS[name]}.`, name);
    }
  }
  if (!["checked", "majority"].includes(select)) throw new Refusal(422, "This page supports only checked and majority.", "select");
  if (!(temperature >= 0 && temperature <= 100)) throw new Refusal(422, "temperature must be a number from 0 to 100.", "temperature");
  if (!(deadline_ms > 0)) throw new Refusal(422, "deadline_ms must be a number above 0.", "deadline_ms");
  return { ...numbers, temperature, checked: select === "checked", deadline_ms };
}

/** Distinct answers of rows, those with the most votes first. */
function gathered(page, rows) {
  const found = new Map();
  for (const { tokens, valid, value } of rows) {
    const answer = decode(page, tokens), one = found.get(answer) ?? { answer, votes: 0, valid, value };
    found.set(answer, { ...one, votes: one.votes + 1, value: Math.max(one.value, value) });
  }
  return [...found.values()].sort((a, b) => b.valid - a.valid || b.votes - a.votes);
}

/** The answer to one puzzle; `watch(step)` is called after each supervision step. */
export async function stream(task, text, { trajectories, ...asked }, watch, signal) {
  const { page } = network, options = resolved(asked), { checked, deadline_ms } = options, begin = performance.now();
  let puzzle, step = 0, evaluations = 0, complete = true;
  try {
    puzzle = encode(page, text);
  } catch (error) {
    throw new Refusal(422, error.message, "puzzles");
  }
  const last = new Map();
  const chosen = (list) => (checked ? list.find((each) => each.valid) : [...list].sort((a, b) => b.votes - a.votes)[0]);
  const rounds = page.candidates ? search : think;
  for await (const rows of rounds(network, puzzle, options)) {
    signal.throwIfAborted();
    for (const row of rows) last.set(row.trajectory, row);
    step += 1;
    evaluations += rows.length;
    const votes = gathered(page, last.values()).sort((a, b) => b.votes - a.votes);
    const shown = rows.map(({ tokens, ...row }) => ({ ...row, board: decode(page, tokens) }));
    watch({ step, answer: chosen(votes)?.answer ?? null, distinct: votes.length, votes, trajectories: trajectories ? shown : [] });
    await new Promise((done) => setTimeout(done)); // lets the browser draw
    if (performance.now() - begin > deadline_ms) {
      complete = false;
      break;
    }
  }
  const all = gathered(page, last.values()), best = chosen(all);
  const ended = [...last.values()].filter((row) => row.ended).length, mine = [...last.values()].find((row) => decode(page, row.tokens) === best?.answer);
  return {
    answer: best?.answer ?? null, valid: best?.valid ?? false, distinct: all.filter((each) => each.valid).map((each) => each.answer),
    width: last.size, depth: options.depth ?? page.depth, steps: mine?.steps ?? null, value: best?.value ?? null,
    seconds: (performance.now() - begin) / 1000, agreed: best?.votes ?? 0, finished: ended, evaluations, exist: null, unique: null, complete,
  };
}

export const generate = async () => { throw new Refusal(0, "This page answers puzzles; it cannot draw samples."); };

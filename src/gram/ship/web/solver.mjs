// The sampler's loop for a bundle in a browser: parallel trajectories, noise, restarts, guesses, and the rules of queens
// and Sudoku. `ort` is onnxruntime-web; noise comes from the generator that is passed. See gram/solve/sampler.py.

export const FIRST = 2; // token of the first symbol after padding and blank: a queen, or the digit 1

/** Uniform numbers in [0, 1) from a seed (mulberry32). */
export function generator(seed) {
  let a = seed >>> 0;
  return () => {
    a = (a + 0x6d2b79f5) | 0;
    let t = Math.imul(a ^ (a >>> 15), 1 | a);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** n standard normal numbers, two at a time (Box and Muller). */
export function normal(n, random) {
  const out = new Float32Array(n);
  for (let i = 0; i < n; i += 2) {
    const r = Math.sqrt(-2 * Math.log(1 - random())), angle = 2 * Math.PI * random();
    out[i] = r * Math.cos(angle);
    if (i + 1 < n) out[i + 1] = r * Math.sin(angle);
  }
  return out;
}

/** Text -> tokens. Error with one sentence if the text is not a puzzle. */
export function encode(page, text) {
  const cells = [...text.replace(/[\s/]/g, "")];
  if (cells.length !== page.size ** 2) throw new Error(`Write ${page.size ** 2} cells; these are ${cells.length}.`);
  return cells.map((c) => {
    if (c === "." || c === "0") return 1;
    const at = page.symbols.indexOf(c.toUpperCase());
    if (at < 0) throw new Error(`${c} is no cell; write one of ${page.symbols} or . for a blank.`);
    return FIRST + at;
  });
}

/** Tokens -> text, row by row. */
export function decode(page, tokens) {
  const text = tokens.map((t) => page.symbols[t - FIRST] ?? ".").join("");
  return text.match(new RegExp(`.{${page.size}}`, "g")).join("\n");
}

/** Whether an answer keeps the givens and obeys all rules. */
export function valid(page, puzzle, answer) {
  const { size, box } = page;
  if (puzzle.some((t, i) => t >= FIRST && answer[i] !== t)) return false;
  const seen = new Set();
  const once = (...key) => seen.size < seen.add(key.join()).size;
  let filled = 0;
  for (let i = 0; i < answer.length; i++) {
    const r = Math.floor(i / size), c = i % size, t = answer[i];
    if (t < FIRST) continue;
    filled++;
    const last = box
      ? [["box", Math.floor(r / box[0]), Math.floor(c / box[1]), t]]
      : [["down", r - c], ["up", r + c]];
    if (!once("row", r, t) || !once("column", c, t) || !last.every((key) => once(...key))) return false;
  }
  return filled === (box ? size * size : size);
}

/** Index of the largest of `count` numbers from `first`. */
export function argmax(values, first, count) {
  let best = 0;
  for (let i = 1; i < count; i++) if (values[first + i] > values[first + best]) best = i;
  return best;
}

/** Guesses of a trajectory before it drops them all, times `luby` or MOST, as in gram.solve.active_batch. */
const GUESSES = 3;
const MOST = 4;

/** The n-th number, from 1, of Luby's sequence 1, 1, 2, 1, 1, 2, 4, ... */
function luby(n) {
  const power = Math.floor(Math.log2(n)) + 1;
  return n === 2 ** power - 1 ? 2 ** (power - 1) : luby(n - 2 ** (power - 1) + 1);
}

/** Add one given, drawn from the softmax of an unsure position or else of the least sure one. In place. */
export function guess(tokens, logits, first, vocabulary, random) {
  const blanks = [];
  for (let i = 0; i < tokens.length; i++) {
    if (tokens[i] >= FIRST) continue;
    const own = [...logits.subarray(first + i * vocabulary + FIRST, first + (i + 1) * vocabulary)];
    const top = Math.max(...own), odds = own.map((x) => Math.exp(x - top));
    const sum = odds.reduce((a, b) => a + b);
    blanks.push({ i, odds: odds.map((x) => x / sum), best: 1 / sum });
  }
  if (!blanks.length) return;
  const unsure = blanks.filter((b) => b.best < 0.95);
  const from = unsure.length ? unsure : [blanks.reduce((a, b) => (b.best < a.best ? b : a))];
  const { i, odds } = from[Math.floor(random() * from.length)];
  let left = random(), symbol = 0;
  while (symbol < odds.length - 1 && (left -= odds[symbol]) >= 0) symbol++;
  tokens[i] = FIRST + symbol;
}

/** Load the graphs of page.json: {page, encoder, step}. `read` returns the bytes of a file name. */
export async function load(ort, page, read) {
  const open = async (name) => ort.InferenceSession.create(await read(name), { executionProviders: ["wasm"] });
  return { ort, page, encoder: await open("encoder.onnx"), step: await open("step.onnx") };
}

/** The probability of the most likely symbol at a position. */
export function certainty(logits, first, count) {
  const own = logits.subarray(first, first + count), top = Math.max(...own);
  return 1 / own.reduce((sum, x) => sum + Math.exp(x - top), 0);
}

/**
 * The trajectories after each supervision step: {trajectory, steps, tokens, certainty, value, halt, valid, ended, restarts}
 * of the active ones. With `checked`, a trajectory ends at a valid answer and restarts if it halts at a wrong one or does
 * not halt in time; sampling ends after `want` distinct valid answers. Otherwise a trajectory ends when it halts.
 */
export async function* think(network, puzzle, options = {}) {
  const { ort, page } = network, { rows: M, channels: D, T, vocabulary: V } = page;
  const { seed, width: B, depth, want, restart_every, temperature, checked } = {
    ...{ seed: 0, width: page.width, depth: page.depth, want: 1, restart_every: page.restart_every, temperature: 1, checked: true },
    ...options,
  };
  const random = generator(seed), L = puzzle.length, size = M * D, ages = new Int32Array(B), over = Array(B).fill(false);
  const seen = Array.from({ length: B }, () => [...puzzle]), found = new Set();
  const guesses = new Int32Array(B), rounds = Array(B).fill(1), unguessed = Array(B);
  const embed = async (boards) => {
    const tokens = new ort.Tensor("int64", BigInt64Array.from(boards.flat(), BigInt), [boards.length, L]);
    return (await network.encoder.run({ tokens })).e_x.data;
  };
  const begin = (z, vector, row) => { for (let i = 0; i < z.length / B; i++) z[row * (z.length / B) + i] = vector[i % D]; };
  let h = new Float32Array(B * size), l = new Float32Array(B * (page.l ? size : 0));
  const e_x = new Float32Array(B * size), first = await embed([puzzle]);
  for (let row = 0; row < B; row++) { begin(h, page.h, row); begin(l, page.l ?? [0], row); e_x.set(first, row * size); }
  for (let step = 1; step <= depth; step++) {
    const tensor = (data, ...shape) => new ort.Tensor("float32", data, shape);
    const all = { h: tensor(h, B, M, D), l: tensor(l, B, page.l ? M : 0, D), e_x: tensor(e_x, B, M, D) };
    const noise = page.noisy ? normal(T * B * size, random).map((x) => temperature * x) : new Float32Array(T * B * size);
    all.noise = tensor(noise, T, B, M, D);
    const out = await network.step.run(Object.fromEntries(network.step.inputNames.map((name) => [name, all[name]])));
    [h, l] = [Float32Array.from(out.h_new.data), Float32Array.from(out.l_new.data)];
    const logits = out.logits.data, views = [];
    for (let row = 0; row < B; row++) {
      if (over[row]) continue;
      const tokens = puzzle.map((_, i) => argmax(logits, (row * L + i) * V, V)), halt = out.halt.data[2 * row];
      const good = valid(page, puzzle, tokens), due = ++ages[row] % restart_every === 0 || halt > page.halt_threshold;
      over[row] = checked ? good : halt > page.halt_threshold;
      if (good) found.add(tokens.join());
      const sure = puzzle.map((_, i) => certainty(logits, (row * L + i) * V, V)), value = out.value.data[row];
      const state = { valid: good, ended: over[row] || step === depth, restarts: checked && due && !good };
      views.push({ trajectory: row, steps: step, tokens, certainty: sure, value, halt, ...state });
      if (!state.restarts) continue;
      ages[row] = 0;
      if (page.box) {
        let own = logits.subarray(row * L * V, (row + 1) * L * V);
        unguessed[row] ??= own.slice();
        if (guesses[row] >= GUESSES * Math.min(MOST, luby(rounds[row]))) {
          [seen[row], guesses[row], own] = [[...puzzle], 0, unguessed[row]];
          rounds[row]++;
        }
        guesses[row]++;
        guess(seen[row], own, 0, V, random);
        e_x.set(await embed([seen[row]]), row * size);
      }
      begin(h, page.h, row);
      begin(l, page.l ?? [0], row);
    }
    yield views;
    if ((checked && found.size >= want) || over.every(Boolean)) return;
  }
}

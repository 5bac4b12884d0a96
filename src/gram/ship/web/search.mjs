// The search over candidates of a bundle in a browser: the rounds of gram/solve/candidates.py and candidate_batch.py, with
// the same guesses for the same seed.

import { FIRST, argmax, certainty, valid } from "./solver.mjs";
import { chances } from "./random.mjs";

const BLANK = 1, KEPT = 2 ** 15 - 1, RULED_OUT = -1; // levels of a candidate that was not dropped, and that a given excludes
const FEW = 3; // dropped candidates up to which a step also guesses
const STRICTER = 1; // reduction of the thresholds each time that there is no guess to take back

/** The candidates of each position of one puzzle, and the guesses made so far; each guess opens a level. */
export class Candidates {
  constructor(puzzle, symbols) {
    [this.puzzle, this.S, this.guesses, this.doubts] = [puzzle, symbols, [], 0];
    const level = (t, s) => (t >= FIRST && t !== FIRST + s ? RULED_OUT : KEPT);
    this.dropped = Int16Array.from(puzzle.flatMap((t) => Array.from({ length: symbols }, (_, s) => level(t, s))));
  }

  /** Indices of the symbols that remain at a position. */
  at(position) {
    const found = [];
    for (let s = 0; s < this.S; s++) if (this.dropped[position * this.S + s] === KEPT) found.push(s);
    return found;
  }

  /** Number of candidates of each position. */
  counts() {
    return this.puzzle.map((_, position) => this.at(position).length);
  }

  /** Input of the network: a token for each position and symbol. */
  tokens() {
    const counts = this.counts();
    return Array.from(this.dropped, (level, i) => {
      if (level !== KEPT) return FIRST + 1;
      return counts[Math.floor(i / this.S)] === 1 ? FIRST : BLANK;
    });
  }

  /** The most likely candidate of each position by logits (L * V), of which `first` is the index of the first one. */
  answers(logits, first, vocabulary) {
    return this.puzzle.map((_, position) => {
      const own = first + position * vocabulary + FIRST, scores = Array(this.S).fill(-Infinity);
      for (const s of this.at(position)) scores[s] = logits[own + s];
      return FIRST + argmax(scores, 0, this.S);
    });
  }

  /** Drop the candidates whose logit is below a threshold; givens stay. Returns their number. */
  drop(logits, first, below) {
    let count = 0;
    for (let i = 0; i < this.dropped.length; i++) {
      if (this.dropped[i] !== KEPT || logits[first + i] >= below || this.puzzle[Math.floor(i / this.S)] >= FIRST) continue;
      this.dropped[i] = this.guesses.length;
      count++;
    }
    return count;
  }

  /** Exclude the last guess and restore the candidates dropped since; without a guess, begin again and be stricter. */
  takeBack() {
    const level = this.guesses.length;
    if (!level) {
      this.restart();
      this.doubts++;
      return;
    }
    this.dropped = this.dropped.map((at) => (at >= level ? KEPT : at));
    this.dropped[this.guesses.pop()] = level - 1;
  }

  /** Begin again with all candidates that the givens allow. */
  restart() {
    this.dropped = this.dropped.map((at) => (at >= 0 ? KEPT : RULED_OUT));
    this.guesses = [];
  }

  /** Guess the most likely candidate of one of the open positions with the fewest, chosen by a number in [0, 1). */
  guess(answers, chance) {
    const counts = this.counts(), fewest = Math.min(...counts.filter((n) => n > 1));
    const open = counts.flatMap((n, position) => (n > 1 && n === fewest ? [position] : []));
    if (!open.length) return;
    const position = open[Math.floor(chance * open.length)], best = answers[position] - FIRST;
    this.guesses.push(position * this.S + best);
    for (const s of this.at(position)) if (s !== best) this.dropped[position * this.S + s] = this.guesses.length;
  }
}

/**
 * The trajectories after each supervision step, as `think` yields them. A trajectory has halted once each position has one
 * candidate; with `checked`, a wrong answer takes back its last guess, and sampling ends after `want` distinct valid ones.
 */
export async function* search(network, puzzle, options = {}) {
  const { page, step: graph, encoder } = network, { rows: M, channels: D, T, vocabulary: V } = page;
  const { seed = 0, width = page.width, depth = page.depth, want = 1, restart_every = page.restart_every, checked = true } = options;
  const Tensor = network.ort.Tensor, tensor = (data, ...shape) => new Tensor("float32", data, shape);
  const start = Float32Array.from({ length: M * D }, (_, i) => page.h[i % D]), S = M / puzzle.length, found = new Set();
  let rows = Array.from({ length: width }, (_, trajectory) => ({ trajectory, h: start, candidates: new Candidates(puzzle, S) }));
  for (let step = 1; step <= depth && rows.length; step++) {
    const B = rows.length, joined = new Float32Array(B * M * D);
    rows.forEach(({ h }, i) => joined.set(h, i * M * D));
    const tokens = BigInt64Array.from(rows.flatMap(({ candidates }) => candidates.tokens()), BigInt);
    const { e_x } = await encoder.run({ tokens: new Tensor("int64", tokens, [B, M]) });
    const all = { h: tensor(joined, B, M, D), l: tensor(new Float32Array(0), B, 0, D), e_x };
    if (graph.inputNames.includes("noise")) all.noise = tensor(new Float32Array(T * B * M * D), T, B, M, D);
    const out = await graph.run(Object.fromEntries(graph.inputNames.map((name) => [name, all[name]])));
    const views = rows.map((row, i) => {
      const { candidates, trajectory } = row, doubt = STRICTER * candidates.doubts, value = out.value.data[i];
      const logits = out.logits.data, first = i * puzzle.length * V;
      row.h = Float32Array.from(out.h_new.data.subarray(i * M * D, (i + 1) * M * D));
      const fewer = candidates.drop(out.candidates.data, i * M, page.drop_below - doubt);
      const answer = candidates.answers(logits, first, V), counts = candidates.counts();
      const dead = counts.includes(0) || value < page.give_up_below - doubt, complete = !dead && counts.every((n) => n === 1);
      if (!dead && !complete && fewer <= FEW) candidates.guess(answer, chances(seed, puzzle, trajectory, step)[0]);
      const good = valid(page, puzzle, answer), halt = complete ? 1 : -1;
      const halted = halt > page.halt_threshold, ended = (checked ? good : halted) || step === depth, due = step % restart_every === 0;
      if (good) found.add(answer.join());
      if (dead || (halted && checked && !good && !due)) candidates.takeBack();
      if (due) candidates.restart();
      const restarts = !ended && (dead || halted || due);
      if (restarts) row.h = start;
      row.over = ended;
      const sure = puzzle.map((_, position) => certainty(logits, first + position * V, V));
      return { trajectory, steps: step, tokens: answer, certainty: sure, value, halt, valid: good, ended, restarts };
    });
    yield views;
    if (checked && found.size >= want) return;
    rows = rows.filter((row) => !row.over);
  }
}

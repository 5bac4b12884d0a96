// ARC puzzles: a puzzle is {name, train: [{input, output}], test: [{input, output}]} with one test input, a board is a
// grid {tall, wide, cells}. The text is the JSON of the public files, or a name and a grid such as 25d8a9c8 07/70.

import { SIDE, draw, grid as lines, move } from "./square.mjs";

const COLORS = ["black", "blue", "red", "green", "yellow", "gray", "magenta", "orange", "light blue", "brown"];
const LARGEST = 30;
const SIZES = [["+r", "Add row"], ["-r", "Remove row"], ["+c", "Add column"], ["-c", "Remove column"]];

const color = (cell) => Number.isInteger(cell) && cell >= 0 && cell < COLORS.length;

/** Rows of integers -> a grid. */
function grid(rows, where) {
  const right = Array.isArray(rows) && rows.length && rows.every((row) => Array.isArray(row) && row.length === rows[0].length && row.every(color));
  if (!right || !rows[0].length) throw new Error(`${where} is not a grid; write rows of equally many integers from 0 to 9.`);
  if (Math.max(rows.length, rows[0].length) > LARGEST) throw new Error(`${where} is larger than ${LARGEST} × ${LARGEST}; make it smaller.`);
  return { tall: rows.length, wide: rows[0].length, cells: rows.flat() };
}

const rowsOf = ({ tall, wide, cells }) => Array.from({ length: tall }, (_, r) => cells.slice(r * wide, (r + 1) * wide));
const written = (one) => rowsOf(one).map((row) => row.join("")).join("/");
const spelled = (text, where) => grid(text.trim().split("/").map((row) => [...row].map(Number)), where);

/** Every test input of a text as a puzzle of its own. */
function puzzles(text) {
  const clean = text.trim();
  if (!/^[{[]/.test(clean)) {
    return clean.split("\n").map((line) => {
      const [, name, cells] = line.trim().match(/^(\S+)\s+([0-9/]+)$/) ?? [];
      if (!name) throw new Error("This is not an ARC puzzle; paste its JSON, or write its name and a grid as in 25d8a9c8 07/70.");
      return { name, train: [], test: [{ input: spelled(cells, "The test input") }] };
    });
  }
  let values;
  try {
    values = JSON.parse(clean);
  } catch {
    throw new Error("This is not valid JSON; paste the whole puzzle.");
  }
  const several = Array.isArray(values) ? values : values.train || values.test ? [values] : Object.values(values);
  return several.flatMap((value, n) => {
    const where = several.length > 1 ? `Puzzle ${n + 1}` : "The puzzle";
    if (![value?.train, value?.test].every(Array.isArray) || !value.test.length) throw new Error(`${where} needs the lists train and test; add them.`);
    const pair = (each, i, kind) => ({
      input: grid(each?.input, `${where}, ${kind} input ${i + 1}`),
      ...(each?.output != null || kind === "train" ? { output: grid(each?.output, `${where}, ${kind} output ${i + 1}`) } : {}),
    });
    const train = value.train.map((each, i) => pair(each, i, "train"));
    return value.test.map((each, i) => ({ name: null, train, test: [pair(each, i, "test")] }));
  });
}

function write({ name, train, test: [{ input, output }] }) {
  if (name) return `${name} ${written(input)}`;
  const pair = (each) => ({ input: rowsOf(each.input), ...(each.output && { output: rowsOf(each.output) }) });
  return JSON.stringify({ train: train.map(pair), test: [pair({ input, output })] });
}

/** The puzzle with another test input, whose output is unknown. */
const asking = (puzzle, input) => ({ ...puzzle, test: [{ input }] });

function resized({ tall, wide, cells }, key) {
  const [rows, columns] = { "+r": [1, 0], "-r": [-1, 0], "+c": [0, 1], "-c": [0, -1] }[key].map((n, i) => n + [tall, wide][i]);
  if (Math.min(rows, columns) < 1 || Math.max(rows, columns) > LARGEST) return null;
  const at = (r, c) => (r < tall && c < wide ? cells[r * wide + c] : 0);
  return { tall: rows, wide: columns, cells: Array.from({ length: rows * columns }, (_, i) => at(Math.floor(i / columns), i % columns)) };
}

/** The inside of an SVG of a grid; the paler a cell, the less sure the network is of it. */
function picture({ tall, wide, cells }, { certainty, edit, at } = {}) {
  const shown = cells.map((cell, i) => {
    const pale = certainty?.[i] === undefined ? 0 : Math.min(4, Math.floor(5 * (1 - certainty[i])));
    return { looks: [`arc${cell}`, ...(pale ? [`pale${pale}`] : [])], label: `${cell} ${COLORS[cell]}` };
  });
  return draw(wide, shown, { edit, at, tall, thin: lines(wide, 1, 1, tall) });
}

export function arc() {
  const blank = { tall: 3, wide: 3, cells: Array(9).fill(0) };
  const input = (puzzle) => puzzle.test[0].input;
  const put = (puzzle, at, cell) => asking(puzzle, { ...input(puzzle), cells: input(puzzle).cells.with(at, cell) });
  return {
    title: "ARC: abstraction and reasoning",
    hint: "Paste a puzzle that the weights were trained with, or change the test input: choose a color and drag over the cells. Keys: 0 to 9 write a color, arrow keys move.",
    apart: true,
    without: ["select", "want"],
    frame: (shown) => (shown ? `0 0 ${SIDE * shown.wide} ${SIDE * shown.tall}` : `0 0 ${SIDE} ${SIDE}`),
    input,
    pairs: (puzzle) => puzzle.train,
    known: (puzzle) => puzzle.test[0].output,
    size: (puzzle) => input(puzzle).cells.length,
    blank: () => ({ name: null, train: [], test: [{ input: blank }] }),
    read: (text) => puzzles(text)[0],
    split: (text) => puzzles(text).map(write),
    write,
    answer: (text) => (text == null ? null : spelled(text, "The answer")),
    svg: (puzzle, { board, certainty, edit, at } = {}) =>
      board === null ? '<path class="thin" d="M1 1l8 8M9 1l-8 8"/>' : picture(board ?? input(puzzle), { certainty, edit, at }),
    move: (at, key, control, puzzle) => move(input(puzzle).wide, at, key, control, input(puzzle).tall),
    key(puzzle, at, key) {
      if (/^[-+][rc]$/.test(key)) {
        const other = resized(input(puzzle), key);
        return other && asking(puzzle, other);
      }
      return /^[0-9]$/.test(key) ? put(puzzle, at, Number(key)) : null;
    },
    press: (puzzle, at, tool) => put(puzzle, at, Number(tool)),
    tools: COLORS.map((name, i) => [`${i}`, `${i} ${name}`]),
    pad: SIZES,
    padTitle: "Size of the test input",
  };
}

// What the page knows about each task, by its name.

import { arc } from "./arc.mjs";
import { coloring } from "./coloring.mjs";
import { digits } from "./digits.mjs";
import { maze } from "./maze.mjs";
import { queens } from "./queens.mjs";
import { sudoku } from "./sudoku.mjs";
import { words } from "./words.mjs";

const KNOWN = [
  [/^sudoku-([469])$/, (n) => sudoku(Number(n))],
  [/^queens-(\d+)$/, (n) => queens(Number(n))],
  [/^coloring-(\d+)(?:-k(\d))?$/, (n, k) => coloring(Number(n), Number(k ?? 3))],
  [/^maze-(\d+)$/, (n) => maze(Number(n))],
  [/^sudoku-boards(?:-(\d))?$/, (n) => boards(Number(n ?? 9))],
  [/^mnist$/, digits],
  [/^arc-[12](?:-\d+)?$/, arc],
];

function boards(n) {
  const title = `Sudoku boards of ${n} × ${n}, unconditional`, hint = "Draw boards; this task has no puzzle.";
  return { ...sudoku(n), title, hint, read: null, write: () => "", key: null, pad: null };
}

/** The kind of a task: how its puzzles are read, written, drawn and edited. */
export function kind(task) {
  for (const [pattern, make] of KNOWN) {
    const match = task.match(pattern);
    if (match) return make(...match.slice(1));
  }
  return words(task);
}

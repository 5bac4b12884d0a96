// Sudoku of 4, 6 or 9: a puzzle and a board are n * n texts, "" for a blank.

import { SIDE, draw, grid, move, shade } from "./square.mjs";

const BOXES = { 4: [2, 2], 6: [2, 3], 9: [3, 3] };

export function sudoku(n) {
  const [tall, wide] = BOXES[n];
  const lines = grid(n, wide, tall), thin = grid(n);
  const units = [];
  for (let k = 0; k < n; k++) {
    const all = Array.from({ length: n }, (_, i) => i), left = wide * (k % (n / wide)), top = tall * Math.floor(k / (n / wide));
    units.push(all.map((i) => k * n + i), all.map((i) => i * n + k));
    units.push(all.map((i) => (top + Math.floor(i / wide)) * n + left + (i % wide)));
  }
  const read = (text) => {
    const cells = [...text.replace(/[\s|+\-\u2500-\u257f]/g, "")];
    if (cells.length !== n * n) throw new Error(`Write ${n * n} cells, a dot for a blank; these are ${cells.length}.`);
    return cells.map((c) => {
      if (".0_".includes(c)) return "";
      if (!(c >= "1" && c <= `${n}`)) throw new Error(`${c} is no cell; write a digit from 1 to ${n}, or a dot for a blank.`);
      return c;
    });
  };
  const write = (cells) => cells.map((c) => c || ".").join("");
  const wrong = (puzzle, board) => {
    const found = new Set(board.flatMap((c, i) => (puzzle[i] && c !== puzzle[i] ? [i] : [])));
    for (const unit of units) {
      for (const i of unit) if (board[i] && unit.some((j) => j !== i && board[j] === board[i])) found.add(i);
    }
    return found;
  };
  const put = (puzzle, at, value) => puzzle.with(at, value);
  return {
    title: `Sudoku ${n} × ${n}`,
    hint: `Choose a cell and type a digit from 1 to ${n}; Delete clears it. Arrow keys move.`,
    box: `0 0 ${SIDE * n} ${SIDE * n}`,
    length: n * n,
    blank: () => Array(n * n).fill(""),
    read,
    write,
    answer: read,
    wrong,
    svg(puzzle, { board = puzzle, certainty, edit, at } = {}) {
      const bad = wrong(puzzle, board);
      const cells = board.map((c, i) => ({
        looks: [...(puzzle[i] ? ["given"] : shade(certainty?.[i])), ...(bad.has(i) ? ["wrong"] : [])],
        mark: c && `<text class="${puzzle[i] ? "fixed" : "found"}" x="5" y="5.4">${c}</text>`,
        label: `${c || "blank"}${puzzle[i] ? ", given" : ""}${bad.has(i) ? ", in conflict" : ""}`,
      }));
      return draw(n, cells, { edit, at, thin, lines });
    },
    move: (at, key, control) => move(n, at, key, control),
    key(puzzle, at, key) {
      if (key >= "1" && key <= `${n}` && key.length === 1) return put(puzzle, at, key);
      return [".", "0", " ", "Delete", "Backspace"].includes(key) ? put(puzzle, at, "") : null;
    },
    press: () => null,
    pad: [...Array.from({ length: n }, (_, i) => [`${i + 1}`, `${i + 1}`]), ["Delete", "Clear cell"]],
  };
}

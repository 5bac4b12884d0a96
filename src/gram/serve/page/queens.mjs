// Queens on an n x n board: a puzzle and a board are n * n characters, Q or a dot.

import { SIDE, draw, grid, move, rows, shade, slashed } from "./square.mjs";

const CROWN = "M2 8h6l1-5.2-2.2 2L5 1.6 3.2 4.8 1 2.8z";

export function queens(n) {
  const thin = grid(n);
  const read = (text) => rows(text, n).map((c) => {
    if (!"Qq.".includes(c)) throw new Error(`${c} is no cell; write Q for a queen and a dot for none.`);
    return c.toUpperCase();
  });
  const wrong = (puzzle, board) => {
    const placed = board.flatMap((c, i) => (c === "Q" ? [[i, Math.floor(i / n), i % n]] : []));
    const found = new Set(puzzle.flatMap((c, i) => (c === "Q" && board[i] !== "Q" ? [i] : [])));
    for (const [i, r, c] of placed) {
      const attacks = ([j, s, d]) => i !== j && (r === s || c === d || Math.abs(r - s) === Math.abs(c - d));
      if (placed.some(attacks)) found.add(i);
    }
    return found;
  };
  const toggle = (puzzle, at) => puzzle.with(at, puzzle[at] === "Q" ? "." : "Q");
  return {
    title: `${n} queens`,
    hint: "Click a cell, or press Enter in it, to place or remove a queen. Arrow keys move.",
    box: `0 0 ${SIDE * n} ${SIDE * n}`,
    length: n * n,
    blank: () => Array(n * n).fill("."),
    read,
    write: (cells) => slashed(cells, n),
    answer: read,
    wrong,
    svg(puzzle, { board = puzzle, certainty, edit, at } = {}) {
      const bad = wrong(puzzle, board);
      const cells = board.map((c, i) => {
        const given = puzzle[i] === "Q", dark = (Math.floor(i / n) + i) % 2 ? ["dark"] : [];
        return {
          looks: [...(given ? ["given"] : [...dark, ...shade(certainty?.[i])]), ...(bad.has(i) ? ["wrong"] : [])],
          mark: c === "Q" && `<path class="${given ? "fixed" : "found"}" d="${CROWN}"/>`,
          label: `${c === "Q" ? "queen" : "empty"}${given ? ", given" : ""}${bad.has(i) ? ", in conflict" : ""}`,
        };
      });
      return draw(n, cells, { edit, at, thin });
    },
    move: (at, key, control) => move(n, at, key, control),
    key(puzzle, at, key) {
      if (["Enter", " ", "q", "Q"].includes(key)) return toggle(puzzle, at);
      return [".", "Delete", "Backspace"].includes(key) ? puzzle.with(at, ".") : null;
    },
    press: toggle,
  };
}

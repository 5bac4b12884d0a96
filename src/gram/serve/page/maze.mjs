// Mazes of n x n cells: a puzzle and a board are n * n characters: # wall, dot free, S start, G goal, o path.

import { SIDE, draw, grid, move, rows, shade, slashed } from "./square.mjs";

const WORDS = { "#": "wall", ".": "free", S: "start", G: "goal", o: "path" };
const LOOKS = { "#": "wall", S: "start", G: "goal", o: "path" };

export function maze(n) {
  const thin = grid(n);
  const read = (text, known) => rows(text, n, { blanks: true }).map((c) => {
    const cell = c === " " ? "." : c;
    if (!known.includes(cell)) throw new Error(`${c} is no cell; write # for a wall, a dot for a free cell, S and G.`);
    return cell;
  });
  const beside = (i) => [i - n, i + n, ...(i % n ? [i - 1] : []), ...(i % n < n - 1 ? [i + 1] : [])];
  const wrong = (puzzle, board) => {
    const way = (i) => "SGo".includes(board[i] ?? "#");
    if (!board.includes("o")) return new Set();
    return new Set(board.flatMap((c, i) => {
      const changed = c !== puzzle[i] && !(c === "o" && puzzle[i] === ".");
      return changed || (way(i) && beside(i).filter(way).length !== (c === "o" ? 2 : 1)) ? [i] : [];
    }));
  };
  const put = (puzzle, at, c) =>
    ("SG".includes(c) ? puzzle.map((old) => (old === c ? "." : old)) : puzzle).with(at, c);
  const keys = { "#": "#", w: "#", ".": ".", " ": ".", Delete: ".", Backspace: ".", s: "S", S: "S", g: "G", G: "G" };
  return {
    title: `Maze ${n} × ${n}`,
    hint: "Choose what to draw, then drag over the cells. Keys: # wall, dot free, S start, G goal; arrow keys move.",
    box: `0 0 ${SIDE * n} ${SIDE * n}`,
    length: n * n,
    blank: () => Array(n * n).fill(".").with(0, "S").with(n * n - 1, "G"),
    read: (text) => {
      const cells = read(text, "#.SG");
      for (const end of "SG") {
        const count = cells.filter((c) => c === end).length;
        if (count !== 1) throw new Error(`A maze needs one ${end}, but this one has ${count}; correct it.`);
      }
      return cells;
    },
    write: (cells) => slashed(cells, n),
    answer: (text) => read(text, "#.SGo?"),
    wrong,
    svg(puzzle, { board = puzzle, certainty, edit, at } = {}) {
      const bad = wrong(puzzle, board);
      const cells = board.map((c, i) => ({
        looks: [
          ...(puzzle[i] === "." ? shade(certainty?.[i]) : []),
          ...(LOOKS[c] ? [LOOKS[c]] : []),
          ...(bad.has(i) ? ["wrong"] : []),
        ],
        mark: "SG".includes(c) && `<text class="end" x="5" y="5.4">${c}</text>`,
        label: `${WORDS[c] ?? "nothing"}${bad.has(i) ? ", broken" : ""}`,
      }));
      return draw(n, cells, { edit, at, thin: edit && thin });
    },
    move: (at, key, control) => move(n, at, key, control),
    key: (puzzle, at, key) => (key in keys && !"SG".includes(puzzle[at]) ? put(puzzle, at, keys[key]) : null),
    press: (puzzle, at, tool) => ("SG".includes(puzzle[at]) ? null : put(puzzle, at, tool)),
    tools: [["#", "Wall"], [".", "Free"], ["S", "Start"], ["G", "Goal"]],
  };
}

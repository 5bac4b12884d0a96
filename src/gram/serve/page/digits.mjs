// Images of 28 x 28 black and white pixels: a board is 784 characters, # for white.

import { SIDE, draw, rows } from "./square.mjs";

const N = 28;

export const digits = () => ({
  title: "Handwritten digits, unconditional",
  hint: "Draw digits; this task has no puzzle.",
  box: `0 0 ${SIDE * N} ${SIDE * N}`,
  length: N * N,
  blank: () => Array(N * N).fill("."),
  write: () => "",
  answer: (text) => rows(text, N),
  svg: (_, { board }) => draw(N, board.map((c) => ({ looks: [c === "#" ? "light" : "black"] }))),
});

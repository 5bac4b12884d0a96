// A task whose puzzles have no picture here: text in, text out.

export const words = (task) => ({
  title: task,
  hint: "Write the puzzle as text.",
  box: null,
  blank: () => "",
  read: (text) => text.trim(),
  write: (puzzle) => puzzle,
  answer: (text) => text,
  wrong: () => new Set(),
  svg: null,
});

// Boards of n x n cells as SVG: editable ones have a group per cell, read-only ones a path per look.

export const SIDE = 10;

const place = (n, i) => [SIDE * (i % n), SIDE * Math.floor(i / n)];
const outline = (x, y) => `M${x} ${y}h${SIDE}v${SIDE}h-${SIDE}z`;

/** The name of a cell for people. */
export const named = (n, i) => `row ${Math.floor(i / n) + 1}, column ${(i % n) + 1}`;

/** The look of a certainty from 0 to 1, in five shades; none if it is unknown. */
export const shade = (certainty) =>
  certainty === undefined ? [] : [`sure${Math.min(4, Math.floor(5 * Math.max(0, certainty)))}`];

/**
 * The inside of an SVG with the view box 0 0 10n 10n, or `tall` rows of n cells. Each cell is {looks, mark, label}: classes from the lowest to the
 * highest, what is drawn on top at 0 0, and its state in words. `thin` and `lines` are paths of light and heavy lines.
 */
export function draw(n, cells, { edit = false, at = 0, thin = "", lines = "", tall = n } = {}) {
  const parts = [`<rect class="ground" width="${SIDE * n}" height="${SIDE * tall}"/>`];
  const mark = (cell, x, y) => (cell.mark ? `<g transform="translate(${x} ${y})">${cell.mark}</g>` : "");
  if (edit) {
    for (let row = 0; row < tall; row++) {
      const inside = cells.slice(row * n, (row + 1) * n).map((cell, column) => {
        const i = row * n + column, [x, y] = place(n, i);
        const looks = ["plain", ...cell.looks].map((look) => `<path class="${look}" d="${outline(x, y)}"/>`).join("");
        const focus = `tabindex="${i === at ? 0 : -1}" aria-label="${named(n, i)}: ${cell.label}"`;
        return `<g role="gridcell" class="cell" data-at="${i}" ${focus}>${looks}${mark(cell, x, y)}</g>`;
      });
      parts.push(`<g role="row">${inside.join("")}</g>`);
    }
  } else {
    const paths = new Map();
    cells.forEach((cell, i) => cell.looks.forEach((look) => {
      paths.set(look, (paths.get(look) ?? "") + outline(...place(n, i)));
    }));
    for (const [look, path] of [...paths].sort(([a], [b]) => order(a) - order(b))) {
      parts.push(`<path class="${look}" d="${path}"/>`);
    }
    parts.push(...cells.map((cell, i) => mark(cell, ...place(n, i))));
  }
  if (thin) parts.push(`<path class="thin" d="${thin}"/>`);
  if (lines) parts.push(`<path class="lines" d="${lines}"/>`);
  return parts.join("");
}

/** Shades lie below the looks that show the content of a cell. */
const order = (look) => (look.startsWith("sure") ? 0 : look === "wrong" || look.startsWith("pale") ? 2 : 1);

/** Lines between the cells of a board, every `step` cells. */
export function grid(n, across = 1, down = 1, tall = n) {
  let path = "";
  for (let i = 0; i <= n; i += across) path += `M${SIDE * i} 0v${SIDE * tall}`;
  for (let i = 0; i <= tall; i += down) path += `M0 ${SIDE * i}h${SIDE * n}`;
  return path;
}

/** The cell that an arrow key moves to; null for another key. */
export function move(n, at, key, control = false, tall = n) {
  const row = Math.floor(at / n), column = at % n;
  const to = {
    ArrowUp: [row - 1, column], ArrowDown: [row + 1, column], ArrowLeft: [row, column - 1], ArrowRight: [row, column + 1],
    Home: [control ? 0 : row, 0], End: [control ? tall - 1 : row, n - 1], PageUp: [0, column], PageDown: [tall - 1, column],
  }[key];
  if (!to) return null;
  const [r, c] = to.map((x, i) => Math.max(0, Math.min((i ? n : tall) - 1, x)));
  return r * n + c;
}

/** Rows of a text, separated by `/`, line ends or nothing -> n * n characters. */
export function rows(text, n, { blanks = false } = {}) {
  const clean = blanks ? (line) => line.replace(/\r/g, "") : (line) => line.trim();
  let found = text.replace(/^[\r\n]+|[\r\n]+$/g, "").split(/[\n/]/).map(clean).filter((line) => line.length);
  if (found.length === 1 && found[0].length === n * n) found = found[0].match(new RegExp(`.{${n}}`, "g"));
  const wrong = found.findIndex((line) => line.length !== n);
  if (found.length !== n) throw new Error(`Write ${n} rows of ${n} characters; there are ${found.length} rows.`);
  if (wrong >= 0) throw new Error(`Write ${n} characters in row ${wrong + 1}; it has ${found[wrong].length}.`);
  return [...found.join("")];
}

/** Characters -> rows with `/` between them. */
export const slashed = (cells, n) => cells.join("").match(new RegExp(`.{${n}}`, "g")).join("/");

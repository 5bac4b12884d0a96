// A click on a heading sorts by its column: up, down, then as written. Cells without a value stay at the end.
const NEXT = { none: "ascending", ascending: "descending", descending: "none" };

function key(row, column) {
  const text = row.cells[column].firstElementChild.textContent.trim();
  const number = parseFloat(text.replaceAll(",", ""));
  return { text, number, rank: text === "–" ? 2 : Number.isNaN(number) ? 1 : 0 };
}

function compare(a, b, way) {
  if (a.rank !== b.rank) return a.rank - b.rank;
  return way * (a.rank === 0 ? a.number - b.number : a.text.localeCompare(b.text, "en", { numeric: true }));
}

for (const table of document.querySelectorAll("table")) {
  const body = table.tBodies[0], written = [...body.rows], heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    head.setAttribute("aria-sort", "none");
    button.addEventListener("click", () => {
      const way = NEXT[head.getAttribute("aria-sort")];
      for (const each of heads) each.setAttribute("aria-sort", "none");
      head.setAttribute("aria-sort", way);
      const sign = way === "descending" ? -1 : 1;
      const sorted = way === "none" ? written
        : written.map((row) => [key(row, column), row]).sort(([a], [b]) => compare(a, b, sign)).map(([, row]) => row);
      body.append(...sorted);
    });
  });
}

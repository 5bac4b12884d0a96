// The page state in the fragment of its address: #task=...&puzzle=...&width=...

/** What an address asks for: {task, puzzle, options}. */
export function read(fragment, names) {
  const found = new URLSearchParams(fragment.replace(/^#/, ""));
  const options = Object.fromEntries(names.flatMap((name) => (found.get(name) ? [[name, found.get(name)]] : [])));
  return { task: found.get("task"), puzzle: found.get("puzzle"), options };
}

/** The fragment for a state, without empty parts. */
export function written({ task, puzzle, options }) {
  const all = Object.entries({ task, puzzle, ...options }).filter(([, value]) => value !== "" && value != null);
  return `#${new URLSearchParams(all)}`;
}

/** The puzzles of a text file in the format of the task. */
export function puzzles(name, text, kind) {
  if (kind.split) return kind.split(text);
  const lines = text.replace(/\r/g, "").split("\n");
  if (/\.csv$/i.test(name)) {
    const at = lines[0].split(",").map((head) => head.trim().toLowerCase()).findIndex((head) => ["question", "puzzle"].includes(head));
    if (at < 0) throw new Error(`${name} has no column question; add one.`);
    return lines.slice(1).filter((line) => line.trim()).map((line) => line.split(",")[at]);
  }
  const reads = (part) => {
    try {
      kind.read(part);
      return true;
    } catch {
      return false;
    }
  };
  if (reads(text)) return [text];
  const blocks = text.replace(/\r/g, "").split(/\n\s*\n/).filter((part) => part.trim());
  if (blocks.length > 1 && blocks.every(reads)) return blocks;
  const kept = lines.map((line) => line.split(/ #|^#(?![#.])/)[0]).filter((line) => line.trim());
  return kept.every(reads) && kept.length ? kept : [text];
}

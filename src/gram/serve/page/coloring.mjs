// Coloring of a graph with n vertices: a puzzle is its edges, a Set of "u-v" from 0 with u < v; a board is n texts, "" for a
// vertex without color. Positions of vertices matter only for the picture.

const RADIUS = 5.2;

export function coloring(n, colors) {
  let spots = [], arranged = null, picked = null;
  const edge = (u, v) => (u < v ? `${u}-${v}` : `${v}-${u}`);
  const ends = (name) => name.split("-").map(Number);
  const read = (text) => {
    const dimacs = /^\s*[pe]\s/m.test(text);
    const lines = text.split("\n").filter((line) => !dimacs || /^\s*e\s/.test(line));
    const numbers = (lines.join(" ").match(/[^\s,;-]+/g) ?? []).filter((word) => !(dimacs && word === "e"));
    const bad = numbers.find((word) => !/^\d+$/.test(word));
    if (bad) throw new Error(`${bad} is no vertex; write edges as 1-2 1-3 2-4.`);
    if (numbers.length % 2) throw new Error("An edge has two vertices; write edges as 1-2 1-3 2-4.");
    const base = !dimacs && numbers.some((word) => Number(word) === 0) ? 0 : 1, found = new Set();
    for (let i = 0; i < numbers.length; i += 2) {
      const [u, v] = [numbers[i] - base, numbers[i + 1] - base];
      if (u < 0 || v < 0 || u >= n || v >= n) throw new Error(`There is no vertex ${Math.max(u, v) + base}; the graph has ${n}.`);
      if (u === v) throw new Error(`The edge ${numbers[i]}-${numbers[i + 1]} joins a vertex to itself; leave it out.`);
      found.add(edge(u, v));
    }
    return found;
  };
  const wrong = (puzzle, board) => new Set([...puzzle].filter((name) => {
    const [u, v] = ends(name);
    return board[u] && board[u] === board[v];
  }));
  const arrange = (puzzle) => {
    const text = [...puzzle].join(" ");
    if (arranged === null || spots.length !== n) spots = layout(n, [...puzzle].map(ends));
    arranged ??= text;
  };
  const press = (puzzle, at) => {
    if (picked === null || picked === at) {
      picked = picked === at ? null : at;
      return null;
    }
    const name = edge(picked, at), changed = new Set(puzzle);
    picked = null;
    if (!changed.delete(name)) changed.add(name);
    return changed;
  };
  return {
    title: `Coloring ${n} vertices with ${colors} colors`,
    hint: "Choose two vertices, by click or Enter, to draw or remove the edge between them; drag a vertex to move it.",
    box: "0 0 100 100",
    role: "group",
    length: n,
    blank: () => new Set(),
    read,
    write: (puzzle) => [...puzzle].map((name) => ends(name).map((v) => v + 1).join("-")).join(" ") || `p edge ${n} 0`,
    answer: (text) => text.trim().split(/\s+/).map((c) => (c === "." ? "" : c)),
    wrong,
    arrange: () => { arranged = null; },
    svg(puzzle, { board = Array(n).fill(""), certainty, edit, at } = {}) {
      arrange(puzzle);
      const bad = wrong(puzzle, board);
      const lines = [...puzzle].map((name) => {
        const [[x, y], [x2, y2]] = ends(name).map((v) => spots[v]);
        return `<line class="edge${bad.has(name) ? " wrong" : ""}" x1="${x}" y1="${y}" x2="${x2}" y2="${y2}"/>`;
      });
      const neighbors = (v) => [...puzzle].map(ends).filter((pair) => pair.includes(v)).map(([a, b]) => (a === v ? b : a) + 1);
      const vertices = spots.map(([x, y], v) => {
        const next = neighbors(v).join(", ") || "nothing";
        const label = `vertex ${v + 1}: ${board[v] ? `color ${board[v]}` : "no color"}, joined to ${next}`;
        const focus = edit ? `role="button" tabindex="${v === at ? 0 : -1}" aria-pressed="${v === picked}" aria-label="${label}"` : "";
        const sure = certainty?.[v] === undefined ? "" : ` fill-opacity="${(0.25 + 0.75 * certainty[v]).toFixed(2)}"`;
        return (
          `<g class="cell vertex${v === picked ? " picked" : ""}" data-at="${v}" ${focus}>` +
          `<circle class="back" cx="${x}" cy="${y}" r="${RADIUS}"/>` +
          `<circle class="ink${board[v] || 0}" cx="${x}" cy="${y}" r="${RADIUS}"${sure}/>` +
          `<text class="name" x="${x}" y="${y + 0.2}">${v + 1}</text></g>`
        );
      });
      return lines.join("") + vertices.join("");
    },
    move(at, key) {
      const by = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: n - 1, ArrowUp: n - 1 }[key];
      return by ? (at + by) % n : { Home: 0, End: n - 1 }[key] ?? null;
    },
    key: (puzzle, at, key) => (key === "Enter" || key === " " ? press(puzzle, at) ?? puzzle : null),
    press: (puzzle, at) => press(puzzle, at) ?? puzzle,
    drag(at, x, y) {
      const within = (z) => Math.max(RADIUS + 1, Math.min(99 - RADIUS, z));
      spots[at] = [within(x), within(y)];
    },
  };
}

/** Positions of vertices: starting on a circle, edges pull and all vertices push, more gently each round. */
export function layout(n, edges) {
  const spots = Array.from({ length: n }, (_, v) => {
    const angle = (2 * Math.PI * v) / n - Math.PI / 2;
    return [50 + 40 * Math.cos(angle), 50 + 40 * Math.sin(angle)];
  });
  const ideal = 70 / Math.sqrt(n);
  for (let round = 0; round < 120; round++) {
    const force = spots.map(([x, y]) => [(50 - x) * 0.3, (50 - y) * 0.3]);
    const act = (u, v, strength) => {
      const dx = spots[u][0] - spots[v][0], dy = spots[u][1] - spots[v][1], far = Math.hypot(dx, dy) || 0.01;
      const f = strength(far) / far;
      force[u] = [force[u][0] + dx * f, force[u][1] + dy * f];
      force[v] = [force[v][0] - dx * f, force[v][1] - dy * f];
    };
    for (let u = 0; u < n; u++) for (let v = u + 1; v < n; v++) act(u, v, (far) => (ideal * ideal) / far);
    for (const [u, v] of edges) act(u, v, (far) => -(far * far) / ideal);
    const most = 8 * (1 - round / 120);
    spots.forEach((spot, v) => {
      const size = Math.hypot(...force[v]) || 1, by = Math.min(most, size) / size;
      spots[v] = [spot[0] + force[v][0] * by, spot[1] + force[v][1] * by];
    });
  }
  const scaled = [0, 1].map((axis) => {
    const all = spots.map((spot) => spot[axis]), low = Math.min(...all), span = Math.max(...all) - low || 1;
    return all.map((z) => 9 + (82 * (z - low)) / span);
  });
  return spots.map((_, v) => [scaled[0][v], scaled[1][v]]);
}

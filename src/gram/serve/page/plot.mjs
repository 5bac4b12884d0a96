// One quantity of all trajectories over the supervision steps, as a small SVG that marks the current step.

const WIDE = 200, HIGH = 70, LEFT = 18, LOW = 10;

/** `name` is the quantity in each trajectory of a frame, `picked` the trajectory to emphasize. */
export function plot(frames, shown, name, title, picked) {
  const lines = new Map();
  frames.forEach((frame, i) => (frame.trajectories ?? []).forEach((each) => {
    if (!Number.isFinite(each[name])) return;
    if (!lines.has(each.trajectory)) lines.set(each.trajectory, []);
    lines.get(each.trajectory).push([i, each[name]]);
  }));
  const all = [...lines.values()].flat().map(([, y]) => y), least = Math.min(0, ...all), most = Math.max(1, ...all);
  const x = (i) => LEFT + ((WIDE - LEFT - 2) * i) / Math.max(1, frames.length - 1);
  const y = (value) => 3 + ((HIGH - LOW - 3) * (most - value)) / (most - least);
  const path = (points) => `M${points.map(([i, value]) => `${x(i).toFixed(1)} ${y(value).toFixed(1)}`).join("L")}h0`; // a single point is a dot
  const [thin, heavy] = [[...lines].filter(([n]) => n !== picked), [...lines].filter(([n]) => n === picked)];
  const here = (frames[shown].trajectories ?? []).map((each) => each[name]).filter(Number.isFinite);
  const mean = here.length ? (here.reduce((a, b) => a + b) / here.length).toFixed(2) : "none";
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", `0 0 ${WIDE} ${HIGH}`);
  svg.setAttribute("class", "plot");
  svg.setAttribute("role", "img");
  svg.setAttribute("aria-label", `${title} of each trajectory over ${frames.length} steps; the mean at the step shown is ${mean}`);
  const label = (value) => `<text class="axis" x="${LEFT - 2}" y="${y(value)}">${Math.round(value * 10) / 10}</text>`;
  svg.innerHTML =
    `<path class="frame" d="M${LEFT} ${y(most)}V${y(least)}H${WIDE - 2}M${LEFT} ${y(0)}H${WIDE - 2}"/>${label(most)}${label(least)}` +
    `<text class="title" x="${LEFT}" y="${HIGH - 3}">${title}, mean ${mean}</text>` +
    thin.map(([, points]) => `<path class="one" d="${path(points)}"/>`).join("") +
    heavy.map(([, points]) => `<path class="one heavy" d="${path(points)}"/>`).join("") +
    `<path class="now" d="M${x(shown)} 2V${HIGH - LOW}"/>`;
  return svg;
}

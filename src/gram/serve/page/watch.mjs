// Trajectories while they think: one frame per supervision step, to play and scrub.

import { still } from "./answers.mjs";
import { plot } from "./plot.mjs";

const SHOWN = 24; // trajectories
const LISTED = 6; // distinct answers
const QUANTITIES = [["value", "Value"], ["halt", "Halting logit"]];
const PACE = 500; // milliseconds of a step when played

const at = (id) => document.getElementById(id);
const number = (value) => (Number.isFinite(value) ? value.toFixed(2) : "none");

/**
 * A frame: the event of a step, with the last state of every trajectory so far. One that is not in the event has ended.
 * A trajectory restarts where it halts, or has not halted in time, and its answer is not valid.
 */
export function frame(event, before, usual) {
  const all = new Map();
  for (const [n, old] of before?.all ?? []) all.set(n, { ...old, ended: true, restarts: false });
  for (const now of event.trajectories ?? []) {
    const over = now.steps % usual.restart_every === 0 || now.halt > usual.halt_threshold;
    all.set(now.trajectory, { ...now, restarts: usual.restarts && over && !now.ended });
  }
  return { ...event, all };
}

/** The part of the page that shows frames. `look({board, certainty})` shows one on the large board. */
export function watcher(look) {
  let frames = [], kind, puzzle, usual, shown = 0, picked = null, timer = null, following = true;

  function begin(options) {
    ({ kind, puzzle, usual } = options);
    pause();
    [frames, shown, picked, following] = [[], 0, null, true];
    at("watch").hidden = true;
  }

  function add(event) {
    frames.push(frame(event, frames.at(-1), usual));
    at("watch").hidden = false;
    at("scrub").max = frames.length;
    if (following) go(frames.length - 1);
    else draw();
  }

  function pause() {
    clearInterval(timer);
    timer = null;
    at("play").textContent = "Play";
  }

  function play() {
    if (timer) return pause();
    if (shown === frames.length - 1) go(0);
    at("play").textContent = "Pause";
    timer = setInterval(() => (shown < frames.length - 1 ? go(shown + 1) : pause()), PACE);
  }

  function go(to) {
    shown = Math.max(0, Math.min(frames.length - 1, to));
    following = shown === frames.length - 1;
    draw();
  }

  function draw() {
    const now = frames[shown], scrub = at("scrub");
    if (!now) return;
    scrub.value = shown + 1;
    scrub.setAttribute("aria-valuetext", `step ${now.step} of ${frames.at(-1).step}`);
    at("step").textContent = `${now.step} of ${frames.at(-1).step}`;
    const list = [...now.all.values()].sort((a, b) => a.trajectory - b.trajectory);
    at("trajectories").replaceChildren(...list.slice(0, SHOWN).map(tile));
    at("more").textContent = list.length > SHOWN ? `${SHOWN} of ${list.length} trajectories are shown.` : "";
    votes(now);
    at("plots").replaceChildren(...QUANTITIES.map(([name, title]) => plot(frames, shown, name, title, picked)));
    const mine = now.all.get(picked), text = mine?.board ?? now.answer ?? now.votes[0]?.answer;
    look({ board: text === undefined ? null : kind.answer(text), certainty: mine?.certainty });
  }

  function tile(one) {
    const item = document.createElement("li"), button = document.createElement("button"), words = document.createElement("span");
    const n = one.trajectory + 1, state = one.valid ? "valid" : one.restarts ? "restarts" : one.ended ? "ended" : "thinking";
    button.type = "button";
    button.setAttribute("aria-pressed", one.trajectory === picked);
    button.append(still(kind, puzzle, kind.answer(one.board), `Trajectory ${n}`, one.certainty), words);
    words.textContent = `${n}: ${state}, value ${number(one.value)}`;
    item.className = `${state}${one.trajectory === picked ? " chosen" : ""}`;
    button.dataset.trajectory = one.trajectory;
    button.addEventListener("click", () => {
      picked = picked === one.trajectory ? null : one.trajectory;
      draw();
      at("trajectories").querySelector(`[data-trajectory="${one.trajectory}"]`).focus();
    });
    item.append(button);
    return item;
  }

  function votes(now) {
    const total = Math.max(1, now.votes.reduce((sum, each) => sum + each.votes, 0));
    at("votes").replaceChildren(...now.votes.slice(0, LISTED).map((each, i) => {
      const item = document.createElement("li"), bar = document.createElement("meter"), words = document.createElement("span");
      Object.assign(bar, { min: 0, max: total, value: each.votes });
      bar.setAttribute("aria-label", `Votes for answer ${i + 1}`);
      const state = each.valid ? ", valid" : each.valid === false ? ", breaks the rules" : "";
      words.textContent = `${each.votes} ${each.votes === 1 ? "vote" : "votes"}${state}`;
      item.append(still(kind, puzzle, kind.answer(each.answer), `Answer ${i + 1}`), bar, words);
      return item;
    }));
    at("gathered").textContent = now.distinct > LISTED ? `${LISTED} of ${now.distinct} distinct answers are shown.` : "";
  }

  at("play").addEventListener("click", play);
  at("back").addEventListener("click", () => { pause(); go(shown - 1); });
  at("next").addEventListener("click", () => { pause(); go(shown + 1); });
  at("scrub").addEventListener("input", () => { pause(); go(Number(at("scrub").value) - 1); });
  return { begin, add, pause };
}

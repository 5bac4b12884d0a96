// What was found, in words and as boards.

const counted = (n, word) => `${n.toLocaleString("en")} ${word}${n === 1 ? "" : "s"}`;
const at = (id) => document.getElementById(id);

/** A board that is only shown, as an SVG element; text where the task has no picture. */
export function still(kind, puzzle, board, label, certainty) {
  if (!kind.svg) {
    const text = document.createElement("pre");
    text.textContent = board;
    return text;
  }
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", kind.box);
  svg.setAttribute("class", "still");
  svg.setAttribute("role", "img");
  svg.setAttribute("aria-label", label);
  svg.innerHTML = kind.svg(puzzle, { board, certainty });
  return svg;
}

/** One sentence on an answer. */
export function verdict(answer) {
  const took = `${answer.seconds.toFixed(2)} s`;
  if (answer.answer === null) {
    if (!answer.complete) return `Unsolved when the time was up (${took}); more time may find an answer.`;
    const tried = `${counted(answer.width, "trajectory").replace("ys", "ies")} of ${counted(answer.depth, "step")}`;
    return `Unsolved: no valid answer among ${tried} (${took}); more of them may find one.`;
  }
  const votes = `${answer.agreed} of ${answer.finished} ended trajectories agree`;
  const effort = `${votes}, after ${counted(answer.steps ?? answer.depth, "step")} (${took}).`;
  const late = answer.complete ? "" : " The time was up, and this is the best so far.";
  if (answer.valid === null) return `Answered; nothing here can check it. ${effort}${late}`;
  if (!answer.valid) return `Unsolved: the chosen answer breaks the rules. ${effort}${late}`;
  return `Solved: the answer obeys all rules and keeps the givens. ${effort}${late}`;
}

/** How many answers were found, of how many. */
export function tally(answer) {
  const found = answer.distinct.length;
  const kind = answer.valid === null ? "distinct answer" : "distinct valid answer";
  if (answer.exist === 0) return "There is no answer (exact count).";
  if (answer.exist !== null) return `${counted(found, kind)} of ${answer.exist.toLocaleString("en")} that exist (exact count).`;
  const more = answer.unique === true ? "; there is no other" : answer.unique === false ? "; it is not the only one" : "";
  return found ? `${counted(found, kind)} found${more}.` : "";
}

/** Show an answer; `choose(board)` is called with the board that a reader picks. */
export function show(answer, kind, puzzle, choose) {
  at("answer").hidden = false;
  at("verdict").textContent = verdict(answer);
  at("count").textContent = tally(answer);
  at("answer-text").hidden = answer.answer === null;
  at("answer-text").textContent = answer.answer ?? "";
  const several = answer.distinct.length > 1 ? answer.distinct : [];
  at("distinct").replaceChildren(...several.map((text, i) => {
    const item = document.createElement("li"), button = document.createElement("button");
    const board = kind.answer(text);
    button.type = "button";
    button.append(still(kind, puzzle, board, `Answer ${i + 1}`));
    item.classList.toggle("chosen", text === answer.answer);
    button.addEventListener("click", () => {
      for (const other of item.parentElement.children) other.classList.toggle("chosen", other === item);
      at("answer-text").textContent = text;
      choose(board);
    });
    item.append(button);
    return item;
  }));
}

export function hide() {
  at("answer").hidden = true;
}

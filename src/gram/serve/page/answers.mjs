// Results, in words and as boards.

const counted = (n, word) => `${n.toLocaleString("en")} ${word}${n === 1 ? "" : "s"}`;
const at = (id) => document.getElementById(id);

/** A read-only board as an SVG element; text if the task has no picture. */
export function still(kind, puzzle, board, label, certainty) {
  if (!kind.svg) {
    const text = document.createElement("pre");
    text.textContent = board;
    return text;
  }
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", kind.apart ? kind.frame(board) : kind.box);
  svg.setAttribute("class", "still");
  svg.setAttribute("role", "img");
  svg.setAttribute("aria-label", label);
  svg.innerHTML = kind.svg(puzzle, { board, certainty });
  return svg;
}

/** Attempts at an ARC puzzle as text. */
const attempts = (answer) => answer.attempts.map((rows) => rows.map((row) => row.join("")).join("/"));

/** The text of the answer, or of the first attempt; null if there is none. */
export const first = (answer) => (answer.attempts ? attempts(answer)[0] ?? null : answer.answer);

/** One sentence about an answer. */
export function verdict(answer) {
  const took = `${answer.seconds.toFixed(2)} s`;
  if (answer.attempts) {
    const late = answer.complete ? "" : " The time was up, and these are the best so far.";
    const [first, second] = answer.votes, of = `${counted(answer.voters, "vote")} (${took}).${late}`;
    if (first === undefined) return `No attempt: no sample is a grid; ${of}`;
    return second === undefined ? `One attempt: ${first} of ${of}` : `Two attempts: ${first} and ${second} of ${of}`;
  }
  if (answer.answer === null) {
    if (!answer.complete) return `Unsolved within the time limit (${took}); more time may find an answer.`;
    const tried = `${counted(answer.width, "trajectory").replace("ys", "ies")} of ${counted(answer.depth, "step")}`;
    return `Unsolved: no valid answer among ${tried} (${took}); more of them may find one.`;
  }
  const votes = `${answer.agreed} of ${answer.finished} ended trajectories agree`;
  const effort = `${votes}, after ${counted(answer.steps ?? answer.depth, "step")} (${took}).`;
  const late = answer.complete ? "" : " The time was up, and this is the best so far.";
  if (answer.valid === null) return `Answered; this task has no rules to check it. ${effort}${late}`;
  if (!answer.valid) return `Unsolved: the chosen answer breaks the rules. ${effort}${late}`;
  return `Solved: the answer obeys all rules and keeps the givens. ${effort}${late}`;
}

/** How many of the answers were found. */
export function tally(answer) {
  if (answer.attempts) {
    if (answer.right === null) return "";
    return answer.right ? `Attempt ${answer.right} is the known output.` : "No attempt is the known output.";
  }
  const found = answer.distinct.length;
  const kind = answer.valid === null ? "distinct answer" : "distinct valid answer";
  if (answer.exist === 0) return "There is no answer (exact count).";
  if (answer.exist !== null) return `${counted(found, kind)} of ${answer.exist.toLocaleString("en")} that exist (exact count).`;
  const more = answer.unique === true ? "; there is no other" : answer.unique === false ? "; it is not the only one" : "";
  return found ? `${counted(found, kind)} found${more}.` : "";
}

/** Show an answer; `choose(board)` is called with the board that the reader picks. */
export function show(answer, kind, puzzle, choose) {
  if (answer.attempts) {
    const texts = attempts(answer), words = (i) => `attempt ${i + 1}, ${counted(answer.votes[i], "vote")}`;
    section("Attempts", verdict(answer), tally(answer), first(answer)?.replaceAll("/", "\n") ?? null);
    boards(texts, kind, puzzle, choose, (text) => text === texts[0], (i) => `Attempt ${i + 1}`, words);
    return;
  }
  const several = answer.distinct.length > 1 ? answer.distinct : [];
  section("Answer", verdict(answer), tally(answer), answer.answer);
  boards(several, kind, puzzle, choose, (text) => text === answer.answer, (i) => `Answer ${i + 1}`);
}

/** Show samples, and say how many are valid and distinct. */
export function samples({ samples: drawn, complete }, kind, choose) {
  const valid = drawn.filter((each) => each.valid).length, distinct = new Set(drawn.map((each) => each.sample)).size;
  const checked = drawn.some((each) => each.valid !== null) ? `, ${valid} valid` : "";
  const said = `${counted(drawn.length, "sample")}${checked}, ${distinct} distinct.${complete ? "" : " The time was up."}`;
  const label = (i) => `Sample ${i + 1}${drawn[i].valid === false ? ", breaks the rules" : ""}`;
  section("Samples", said, "", null);
  boards(drawn.map((each) => each.sample), kind, kind.blank(), choose, () => false, label);
  return said;
}

function section(title, verdict, count, text) {
  at("answer").hidden = false;
  at("answer-title").textContent = title;
  at("verdict").textContent = verdict;
  at("count").textContent = count;
  at("answer-text").hidden = text === null;
  at("answer-text").textContent = text ?? "";
}

function boards(texts, kind, puzzle, choose, chosen, label, words) {
  at("distinct").replaceChildren(...texts.map((text, i) => {
    const item = document.createElement("li"), button = document.createElement("button"), board = kind.answer(text);
    button.type = "button";
    button.append(still(kind, puzzle, board, label(i)));
    if (words) button.append(words(i));
    item.classList.toggle("chosen", chosen(text));
    button.addEventListener("click", () => {
      for (const other of item.parentElement.children) other.classList.toggle("chosen", other === item);
      at("answer-text").hidden = false;
      at("answer-text").textContent = text.replaceAll("/", "\n");
      choose(board);
    });
    item.append(button);
    return item;
  }));
}

export function hide() {
  at("answer").hidden = true;
}

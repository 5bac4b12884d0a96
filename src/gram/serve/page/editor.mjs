// The large board: drawn, and edited by pointer and keys.

/**
 * Edit on an SVG. `look()` is {kind, puzzle, board, certainty, tool}; `change(puzzle)` is called after every change, and
 * `before()` at the start of a gesture, which may change the puzzle several times.
 */
export function editor(svg, look, change, before) {
  let at = 0, gesture = null;

  function render(focus = false) {
    const { kind, puzzle, board, certainty } = look();
    svg.toggleAttribute("hidden", !kind.key);
    if (!kind.key) return;
    at = Math.min(at, (kind.size?.(puzzle) ?? kind.length) - 1);
    svg.setAttribute("viewBox", kind.apart ? kind.frame(kind.input(puzzle)) : kind.box);
    svg.setAttribute("role", kind.role ?? "grid");
    svg.classList.toggle("drawn", Boolean(kind.tools || kind.drag));
    svg.innerHTML = kind.svg(puzzle, { ...(!kind.apart && { board: board ?? undefined, certainty }), edit: true, at });
    if (focus) svg.querySelector(`[data-at="${at}"]`)?.focus();
  }

  const under = (event) => {
    const cell = document.elementFromPoint(event.clientX, event.clientY)?.closest?.("[data-at]");
    return cell && svg.contains(cell) ? Number(cell.dataset.at) : null;
  };

  function act(next, focus = true) {
    if (next) change(next);
    render(focus);
  }

  svg.addEventListener("mousedown", (event) => event.preventDefault());
  svg.addEventListener("pointerdown", (event) => {
    const cell = under(event);
    if (cell === null || event.button) return;
    const { kind, puzzle, tool } = look();
    at = cell;
    gesture = { x: event.clientX, y: event.clientY, moved: false };
    if (kind.drag || kind.tools) svg.setPointerCapture(event.pointerId);
    if (kind.drag) return render(true);
    before();
    act(kind.press(puzzle, at, tool));
  });
  svg.addEventListener("pointermove", (event) => {
    if (!gesture) return;
    const { kind, puzzle, tool } = look();
    gesture.moved ||= Math.hypot(event.clientX - gesture.x, event.clientY - gesture.y) > 4;
    if (!gesture.moved) return;
    if (kind.drag) {
      const { x, y } = new DOMPoint(event.clientX, event.clientY).matrixTransform(svg.getScreenCTM().inverse());
      kind.drag(at, x, y);
      render(true);
    } else if (kind.tools) {
      const cell = under(event);
      if (cell === null || cell === at) return;
      at = cell;
      act(kind.press(puzzle, at, tool));
    }
  });
  svg.addEventListener("pointerup", () => {
    const { kind, puzzle } = look();
    if (gesture && kind.drag && !gesture.moved) {
      before();
      act(kind.press(puzzle, at));
    }
    gesture = null;
  });
  svg.addEventListener("pointercancel", () => { gesture = null; });
  svg.addEventListener("focusin", (event) => {
    const cell = event.target.closest("[data-at]");
    if (cell) at = Number(cell.dataset.at);
  });
  svg.addEventListener("keydown", (event) => {
    if (event.altKey || event.metaKey || (event.ctrlKey && !["Home", "End"].includes(event.key))) return;
    const { kind, puzzle } = look();
    const to = kind.move(at, event.key, event.ctrlKey, puzzle);
    if (to !== null) {
      event.preventDefault();
      at = to;
      render(true);
    } else {
      write(event.key, event);
    }
  });

  /** Write into the focused cell. */
  function write(key, event) {
    const { kind, puzzle } = look(), next = kind.key(puzzle, at, key);
    if (!next) return;
    event?.preventDefault();
    before();
    act(next);
  }

  return { render, write };
}

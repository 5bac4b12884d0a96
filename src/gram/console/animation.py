"""Trajectories of one puzzle as an animated SVG, side by side, one picture per supervision step.

A piece that stays for several steps is drawn once, so that files stay small. Without animation (in print, or for
readers who prefer reduced motion), the last step is shown.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from gram.solve.sampler import rollout
from gram.tasks.base import Task
from gram.tasks.drawing import GIVEN, PLAIN, WRONG, draw, letters, page
from gram.tasks.spec import Tokens

if TYPE_CHECKING:
    from gram.solve.reasoner import Reasoner

SHOWN = 6
"""Maximum trajectories."""
GAP = 22
"""Pixels between boards."""
CAPTION = 26
"""Pixels under a board for its caption."""
PER_STEP, HOLD = 0.5, 2.5
"""Seconds per supervision step, and for the last one."""


@dataclass(frozen=True)
class Moment:
    """One trajectory after a supervision step."""

    answer: Tokens
    """(L,) uint8."""
    steps: int
    """Supervision steps so far."""
    valid: bool
    """Whether the rules accept the answer."""
    ended: bool
    """Whether it has ended."""


def check_file(path: Path, puzzles: int) -> None:
    """ValueError or FileExistsError if no animation of `puzzles` puzzles can be written to `path`."""
    if path.suffix != ".svg":
        raise ValueError(f"{path} is not the name of an SVG file; give one that ends in .svg.")
    if puzzles != 1:
        raise ValueError(f"An animation shows one puzzle, but {puzzles} were given; give one.")
    if path.exists():
        raise FileExistsError(f"{path} exists; give the name of a new file.")


def write(path: Path, reasoner: "Reasoner", puzzle: Tokens, options: dict[str, Any]) -> None:
    """Animate the first SHOWN trajectories of a puzzle (L,) into a new file. `options` are those of Reasoner.solve. If
    the task has a checker, each trajectory ends with its own valid answer."""
    task = reasoner.task
    _, asked = reasoner.prepare([puzzle], options)
    width = min(asked.width, SHOWN)
    want = 10 * width if task.checkable else None  # more than can be found, so that no trajectory stops another
    trajectories: list[list[Moment]] = [[] for _ in range(width)]
    for stage in rollout(reasoner.network, task, puzzle[None], replace(asked, width=width, want=want)):
        valid = np.zeros(len(stage.rows), bool) if stage.valid is None else stage.valid
        for i, (_, n) in enumerate(stage.rows):
            moment = Moment(stage.answers[i], int(stage.steps[i]), bool(valid[i]), bool(stage.leave[i]))
            trajectories[n].append(moment)
    path.write_text(animate(task, puzzle, [moments for moments in trajectories if moments]), encoding="utf-8")


def animate(task: Task, puzzle: Tokens, trajectories: Sequence[Sequence[Moment]], columns: int = 3) -> str:
    """An SVG of all trajectories of one puzzle (L,), each with a Moment per supervision step. The last one of a
    trajectory stays until all have ended. ValueError if there is nothing to show."""
    if not trajectories or not all(trajectories):
        raise ValueError("There is no trajectory to show; use a width and a depth of at least 1.")
    frames = max(map(len, trajectories)) + 1  # the puzzle itself comes first
    blank = draw(task, puzzle)
    wide, high = blank.width + GAP, blank.height + CAPTION + GAP
    columns = min(columns, len(trajectories))
    intervals: set[tuple[int, int]] = set()
    boards = []
    for n, moments in enumerate(trajectories):
        pieces = [blank.places | {-1: caption("the puzzle", GIVEN, blank.width, blank.height)}]
        for moment in moments:
            said = caption(*verdict(moment), blank.width, blank.height)
            pieces.append(draw(task, puzzle, moment.answer).places | {-1: said})
        pieces += [pieces[-1]] * (frames - len(pieces))
        inside = blank.fixed
        for first, last, piece in runs(pieces):
            if (first, last) == (0, frames):
                inside += piece
            else:
                intervals.add((first, last))
                inside += f'<g class="t{first}-{last}">{piece}</g>'
        x, y = GAP / 2 + n % columns * wide, GAP / 2 + n // columns * high
        boards.append(f'<g transform="translate({x:g} {y:g})">{inside}</g>')
    rows = -(-len(trajectories) // columns)
    style = f"<style>{''.join(rule(*interval, frames) for interval in sorted(intervals))}{STILL}</style>"
    return page(columns * wide, rows * high, style + "".join(boards))


def verdict(moment: Moment) -> tuple[str, str]:
    """The caption of a board, and its color."""
    steps = f"step {moment.steps}"
    if moment.valid:
        return f"{steps}: valid", "#2e7d32"
    return (f"{steps}: given up", WRONG) if moment.ended else (steps, PLAIN)


def caption(text: str, color: str, width: float, height: float) -> str:
    return letters(text, width / 2, height + CAPTION / 2 + 2, 14, color)


def runs(frames: Sequence[dict[int, str]]) -> list[tuple[int, int, str]]:
    """(first, last + 1, piece) of every piece that stays the same over consecutive frames."""
    found = []
    for key in dict.fromkeys(key for frame in frames for key in frame):
        first = 0
        for i in range(1, len(frames) + 1):
            before = frames[first].get(key)
            if i == len(frames) or frames[i].get(key) != before:
                if before is not None:
                    found.append((first, i, before))
                first = i
    return found


def rule(first: int, last: int, frames: int) -> str:
    """The style of a piece that is shown from frame `first` up to frame `last`."""
    seconds = PER_STEP * (frames - 1) + HOLD
    start, end = 100 * first * PER_STEP / seconds, 100 * last * PER_STEP / seconds
    name, final = f"t{first}-{last}", last == frames
    shown = f"0%{{opacity:{int(first == 0)}}}{start:.3f}%{{opacity:1}}"
    hidden = "" if final else f"{end:.3f}%{{opacity:0}}"
    return (
        f".{name}{{opacity:{int(final)};animation:{name} {seconds:g}s step-end infinite}}"
        f"@keyframes {name}{{{shown}{hidden}100%{{opacity:{int(final)}}}}}"
    )


STILL = "@media (prefers-reduced-motion:reduce),print{g{animation:none!important}}"

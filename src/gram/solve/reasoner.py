"""Weights ready to answer: texts in, answers out."""

import dataclasses
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from gram import tasks
from gram.config import Config
from gram.solve.backend import Network
from gram.solve.generate import Samples, draw
from gram.solve.memory import check_width
from gram.solve.options import SamplingOptions, answering, drawing
from gram.solve.sampler import Trajectories, deterministic, rollout, sample
from gram.solve.select import Candidate, choose, needs_check
from gram.tasks.base import Task, Tokens, Unconditional

BUDGET = 20_000
"""Nodes that the exact solver may visit to find out whether a puzzle has a solution at all."""

Puzzle = str | np.ndarray


@dataclass(frozen=True)
class Answer:
    """What came of one puzzle."""

    puzzle: str
    """The puzzle as text."""
    text: str | None
    """The answer as text; None if it is unsolved (select "checked" found no valid answer)."""
    tokens: Tokens | None
    """The answer as tokens (L,) uint8."""
    valid: bool | None
    """Whether the answer satisfies all rules and keeps the givens; None where nothing can tell (one's own data without
    a check)."""
    distinct: tuple[str, ...]
    """All distinct valid answers that were found, most votes first; where nothing can tell, all distinct answers."""
    candidates: tuple[Candidate, ...]
    """All distinct answers of finished trajectories, most votes first."""
    width: int
    """Trajectories that were to run; 1 where all would be equal."""
    depth: int
    """Supervision steps at most."""
    index: int | None
    """The trajectory that was chosen."""
    steps: int | None
    """Its supervision steps."""
    value: float | None
    """Its value: the accuracy that the model expects of it."""
    evaluations: int
    """Function evaluations spent on this puzzle (rows times supervision steps)."""
    seconds: float
    """Wall-clock time of the whole call, which all its puzzles share."""


class Reasoner:
    """A network, its task and how it answers unless told otherwise."""

    def __init__(self, config: Config, network: Network, task: Task | None = None, reason: str = "as given"):
        """`task` is what `config` says, without the check of one's own data, if it is None. `reason`: why the network
        has its arithmetic."""
        self.config, self.network, self.reason = config, network, reason
        self.task = tasks.of(config) if task is None else task

    def __reduce__(self):
        """For other processes: multiprocessing, joblib, Ray."""
        return Reasoner, (self.config, self.network, self.task, self.reason)

    @property
    def arithmetic(self) -> str:
        """What it computes in, and why: "bfloat16, measured on this processor"."""
        return f"{self.network.dtype}, {self.reason}"

    def solve(self, puzzles: Puzzle | Sequence[Puzzle], **options: Any) -> list[Answer]:
        """Answer one puzzle or several, each a text or an array of tokens (L,); an array (n, L) is n puzzles.

        `options` are those of SamplingOptions; what is left out or None is as in config.solve. With select "checked" a
        puzzle ends when `want` (1) distinct valid answers are found. Same puzzle, same options, same answer, whatever
        stands beside it. ValueError for text that is no puzzle, contradicting givens, a puzzle without solution, an
        option that is unknown or out of range, or a width beyond memory.
        """
        start = time.perf_counter()
        tokens, o = self.prepare(puzzles, options)
        found = sample(self.network, self.task, tokens, o)
        seconds = time.perf_counter() - start
        return [self.answer(*each, o, seconds) for each in zip(tokens, found, strict=True)]

    def stream(self, puzzle: Puzzle, **options: Any) -> Iterator[Answer]:
        """The answer to one puzzle as it stands after each supervision step, all trajectories counted as they are then.
        The options and errors are those of `solve`, whose answer is the last one."""
        start = time.perf_counter()
        tokens, o = self.prepare([puzzle], options)
        N = 1 if deterministic(self.network, self.task, o) else o.width
        seen = Trajectories.blank(N, self.task.spec.length, watched=o.want is not None)
        for stage in rollout(self.network, self.task, tokens, o):
            for i in range(len(stage.rows)):  # those in flight count as they are
                seen.put(stage, i, finished=bool(stage.done[i] or not stage.leave[i]))
            yield self.answer(tokens[0], seen, o, time.perf_counter() - start)

    def prepare(self, puzzles: Puzzle | Sequence[Puzzle], asked: dict[str, Any]) -> tuple[Tokens, SamplingOptions]:
        """Tokens (n, L) of the puzzles, and the options that hold."""
        o = answering(self.config.solve, asked)
        needs_check(self.task, o.select)
        tokens = self.read(puzzles)
        check_width(o.width, len(tokens), self.task.spec.length)
        return tokens, o

    def answer(self, puzzle: Tokens, found: Trajectories, options: SamplingOptions, seconds: float) -> Answer:
        """What `found` says of one puzzle (L,)."""
        choice = choose(self.task, puzzle, found, options.select)
        i, valid, candidates = choice.index, choice.right, choice.candidates
        if not self.task.checkable:
            valid, candidates = None, tuple(dataclasses.replace(c, valid=None) for c in candidates)
        return Answer(
            puzzle=self.task.show(puzzle),
            text=None if choice.answer is None else self.task.decode(choice.answer),
            tokens=choice.answer,
            valid=valid,
            distinct=tuple(self.task.decode(c.answer) for c in candidates if c.valid is not False),
            candidates=candidates,
            width=len(found),
            depth=options.depth,
            index=i,
            steps=None if i is None else int(found.steps[i]),
            value=None if i is None else float(found.value[i]),
            evaluations=found.evaluations,
            seconds=seconds,
        )

    def generate(self, n: int | None = None, **options: Any) -> Samples:
        """Draw n samples of a task without puzzles; n is `width`, and the options are those of SamplingOptions, as in
        config.solve unless given. The first samples are the same for every n. ValueError for a task with puzzles, or an
        option that is unknown, out of range or about answers to puzzles."""
        if not isinstance(self.task, Unconditional):
            raise ValueError(f"{self.task.spec.name} answers puzzles; use solve.")
        return draw(self.network, self.task, drawing(self.config.solve, n, options))

    def read(self, puzzles: Puzzle | Sequence[Puzzle]) -> Tokens:
        """Texts or token arrays -> (n, L) uint8. ValueError for what is no puzzle and for what has no solution; with
        several puzzles it names the one."""
        if isinstance(puzzles, str) or (isinstance(puzzles, np.ndarray) and puzzles.ndim == 1):
            puzzles = [puzzles]
        return encode(self.task, puzzles, self.read_one)

    def read_one(self, puzzle: Puzzle) -> Tokens:
        """One puzzle -> (L,) uint8."""
        spec = self.task.spec
        if isinstance(puzzle, str):
            tokens = self.task.encode(puzzle)
        else:
            tokens = spec.tokens(puzzle)
            if not np.array_equal(self.task.encode(self.task.show(tokens)), tokens):
                raise ValueError(f"these tokens are no puzzle of {spec.name}; compare with those that encode gives.")
        try:
            solvable = len(self.task.solutions(tokens, limit=1, budget=BUDGET)) > 0
        except RuntimeError:  # too long a search: whether it has a solution stays unknown
            solvable = True
        if not solvable:
            raise ValueError("the puzzle has no solution: the givens rule out every completion; change them.")
        return tokens


def encode(task: Task, puzzles: Sequence[Any] | np.ndarray, one: Callable[[Any], Tokens] | None = None) -> Tokens:
    """Puzzles -> (n, L) uint8 by `one`, which is task.encode if not given. ValueError names the puzzle if there are
    several."""
    tokens = np.zeros((len(puzzles), task.spec.length), np.uint8)
    for i, puzzle in enumerate(puzzles):
        try:
            tokens[i] = (one or task.encode)(puzzle)
        except ValueError as error:
            raise ValueError(f"Puzzle {i + 1}: {error}" if len(puzzles) > 1 else str(error)) from None
    return tokens


def load(
    name_or_path: str | Path,
    *,
    dtype: str = "auto",
    compile: bool = False,
    device: str = "auto",
    trust: bool = False,
    check: str | None = None,
) -> Reasoner:
    """Shipped weights by name, or a folder that `gram train` wrote.

    `dtype` is the arithmetic: "float32", "bfloat16", or "auto": what the environment variable GRAM_DTYPE holds, else
    bfloat16 where a short measurement, made once for each processor, finds it clearly faster. `compile` compiles a
    supervision step now, for half a minute the first time; then many puzzles take half to four fifths of the time.
    `device` is "cpu", "cuda", or "auto": a GPU where there is one. Answers can differ between these.
    The check that weights of one's own data name is code of whoever made them: it runs only with `trust`, and `check`
    ("file.py:function") takes its place. FileNotFoundError or ValueError with one sentence when something is missing or
    broken.
    """
    # imported late: a Reasoner itself needs no torch
    from gram import weights as weight_files
    from gram.models.build import settle
    from gram.models.device import arithmetic, place
    from gram.solve.torch_backend import TorchNetwork

    config, model = weight_files.load(name_or_path)
    task = tasks.of(config, trust=trust, check=check)
    chosen, reason = arithmetic(dtype, config.model.width, where := place(device))
    return Reasoner(config, TorchNetwork(settle(model.to(where), chosen), compile=compile), task, reason)

"""The sampler: `width` trajectories of at most `depth` steps from the prior, for many puzzles at once.

A row is one trajectory of one puzzle. A limited number of rows is active; when some finish, they leave the batch and
waiting rows replace them, so that nothing is computed for finished rows. The sampler never sees a target.

Noise is counter-based (solve/noise.py), so that a trajectory does not depend on the others. All code here is numpy; the
network is behind `Network` (solve/backend.py).
Shapes: B active rows, L positions of the task, M rows of the state, D width, T transitions, V vocabulary.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from gram.config import SolveConfig
from gram.solve.active_batch import ActiveBatch, noisy
from gram.solve.backend import Array, Network
from gram.solve.candidate_batch import CandidateBatch
from gram.solve.deadline import Deadline
from gram.solve.guess_batch import GuessBatch
from gram.solve.options import SamplingOptions, resolve
from gram.solve.scheduler import Scheduler
from gram.tasks.base import Task
from gram.tasks.spec import Tokens

DEFAULTS = SamplingOptions()


# options -------------------------------------------------------------------------------------------------
def temperature_of(network: Network, options: SolveConfig) -> float:
    """None becomes 1 for stochastic variants and 0 for deterministic ones."""
    if options.temperature is None:
        return 1.0 if network.config.guide.learned or network.config.guesses else 0.0
    return options.temperature


def varied(network: Network, task: Task, options: SolveConfig) -> bool:
    """Whether a restarted trajectory differs from the previous one, by fresh noise or by a guess."""
    config, restarts = network.config, bool(options.restart_every)
    guesses = config.candidates or config.guesses or (restarts and task.spec.givens)
    return guesses or noisy(network, temperature_of(network, options))


def deterministic(network: Network, task: Task, options: SolveConfig) -> bool:
    """Whether all trajectories of a puzzle are equal, so that one is enough."""
    alike = options.views == 1 or len(task.sides()) == 1
    return alike and not varied(network, task, options) and network.config.start == "fixed"


def renewable(network: Network, task: Task, options: SolveConfig) -> bool:
    """Whether a halted trajectory can restart. Trajectories of baselines cannot, since their depth is a maximum and not
    a budget."""
    return network.config.kind == "recursive" and varied(network, task, options)


# results --------------------------------------------------------------------------------------------------
class Stage(NamedTuple):
    """The active rows after one more supervision step. B rows."""

    rows: list[tuple[int, int]]
    """(puzzle, trajectory) of each."""
    answers: Tokens
    """(B, L) uint8, canonical."""
    steps: np.ndarray
    """(B,) int64 supervision steps so far."""
    value: np.ndarray
    """(B,) float32."""
    halt: np.ndarray
    """(B,) float32 halting logit; for "halt-continue" the halt margin."""
    valid: np.ndarray | None
    """(B,) bool: result of the checker; None if it does not run."""
    done: np.ndarray
    """(B,) bool: finished by depth, by halting, by the checker, or because its time is up."""
    leave: np.ndarray
    """(B,) bool: done, or stopped because its puzzle has enough valid answers."""
    over: list[int]
    """Puzzles without further rows."""
    state: tuple[Array, Array]
    """h and l, (B, M, D), as arrays of the network."""
    pooled: Array
    """(B, D): input of the heads, likewise."""
    logits: np.ndarray
    """(B, L, V) float32."""
    since: np.ndarray | int = 1
    """(B,) supervision steps of each row since the last stage."""


@dataclass(frozen=True)
class Trajectories:
    """The N trajectories of one puzzle. N is 1 if all would be equal (see `deterministic`)."""

    answers: Tokens
    """(N, L) uint8, canonical, padding before the answer starts; zeros for a row that never ran."""
    steps: np.ndarray
    """(N,) int64, supervision steps; 0 for a row that never ran."""
    value: np.ndarray
    """(N,) float32 at the last step; NaN for a row that never ran."""
    halt: np.ndarray
    """(N,) float32 halting logit at the last step; NaN for a row that never ran."""
    finished: np.ndarray
    """(N,) bool; False for a row that never ran or was stopped because its puzzle had enough valid answers."""
    valid: np.ndarray | None = None
    """(N,) bool: results of the checker; None if it has not run yet (see `judged`)."""

    @classmethod
    def blank(cls, N: int, L: int, *, watched: bool) -> "Trajectories":
        """N rows that never ran. watched: whether the checker runs after every step."""
        nothing, no = np.full(N, np.nan, np.float32), np.zeros(N, bool)
        valid = no.copy() if watched else None
        return cls(np.zeros((N, L), np.uint8), np.zeros(N, np.int64), nothing, nothing.copy(), no, valid)

    def __len__(self) -> int:
        return len(self.steps)

    def put(self, stage: Stage, i: int, *, finished: bool) -> None:
        """Store the current row i of a stage."""
        n = stage.rows[i][1]
        self.answers[n], self.steps[n], self.finished[n] = stage.answers[i], stage.steps[i], finished
        self.value[n], self.halt[n] = stage.value[i], stage.halt[i]
        if self.valid is not None and stage.valid is not None:
            self.valid[n] = stage.valid[i]

    def head(self, n: int) -> "Trajectories":
        """The first n trajectories."""
        valid = None if self.valid is None else self.valid[:n]
        return Trajectories(self.answers[:n], self.steps[:n], self.value[:n], self.halt[:n], self.finished[:n], valid)

    def judged(self, task: Task, puzzle: Tokens) -> "Trajectories":
        """The trajectories with `valid`: each distinct answer of finished rows to the puzzle (L,) is checked once."""
        if self.valid is not None:
            return self
        valid = np.zeros(len(self), bool)
        answers, which = np.unique(self.answers[self.finished], axis=0, return_inverse=True)
        right = task.check(np.broadcast_to(puzzle, answers.shape), answers)
        valid[self.finished] = right[which.reshape(-1)]
        return replace(self, valid=valid)

    @property
    def evaluations(self) -> int:
        """Function evaluations: rows times supervision steps."""
        return int(self.steps.sum())


# the sampler ----------------------------------------------------------------------------------------------
def rollout(
    network: Network,
    task: Task,
    puzzles: Tokens,
    options: SamplingOptions = DEFAULTS,
    *,
    widths: Sequence[int] | None = None,
    wants: Sequence[int] | None = None,
    deadline: Deadline | None = None,
    **changes: Any,
) -> Iterator[Stage]:
    """Sample `width` trajectories of every puzzle (n, L) uint8; yield the active rows after each supervision step.
    This is the only supervision loop for sampling. `changes` are options by name.

    A row finishes after `depth` supervision steps, or when its halting logit exceeds `halt_threshold`. With `want`, the
    task's checker runs after every step: a row finishes when its answer is valid, and the other rows of a puzzle leave
    once it has `want` distinct valid answers. `widths` and `wants` give each puzzle its own number. A row that halts at
    an answer that the checker rejects restarts, and a row with fewer than `spec.sparse` givens restarts after every
    step, with a guess if givens can be guessed. Since most puzzles need few rows, rows then start in waves, each about
    twice as large as the previous one, once that has left; rows that never start are not yielded. The checker uses the
    original puzzle, without guesses. When `deadline` has passed (made from `timeout` and `total_timeout` if not given),
    the rows of a puzzle finish as they are. Unless a deadline passes, the rows of a puzzle do not depend on the other
    puzzles, bitwise on a CPU (on a GPU up to rounding). ValueError for unknown options or values out of range.
    """
    o = resolve(options, changes)
    widths, wants = numbers(network, task, len(puzzles), o, widths, wants)
    renews = wants is not None and renewable(network, task, o)
    batch = active(network, task, puzzles, o)
    limit = o.rows or network.active_rows
    first_wave = network.first_wave if o.views == 1 else 1  # most puzzles are solved as they stand
    scheduler = Scheduler(widths, limit, wants, first_wave)
    deadline = deadline or Deadline(len(puzzles), each=o.timeout, total=o.total_timeout)
    deadline.resume()
    while scheduler.waiting or batch.rows:
        batch.admit(scheduler.take(limit - len(batch.rows)))
        answers, value, halt = batch.step()
        steps, valid = batch.steps, None
        owners = np.array([puzzle for puzzle, _ in batch.rows])
        done = steps >= o.depth
        halted = np.zeros(len(steps), bool) if o.halt_threshold is None else halt > o.halt_threshold
        if wants is not None:
            valid = task.check(puzzles[owners], answers)
            for i in np.flatnonzero(valid):
                scheduler.note(owners[i], answers[i])
            done |= valid
        if not renews:
            done |= halted
        late = deadline.spend(owners)
        scheduler.close(late)
        if len(late):
            done |= np.isin(owners, late)
        leave = done | np.array([scheduler.enough(puzzle) for puzzle in owners])
        over = scheduler.advance({*owners[leave].tolist()} - {*owners[~leave].tolist()})
        assert batch.state is not None
        rest = done, leave, over, batch.state, batch.pooled, batch.logits
        yield Stage(batch.rows, answers, steps, value, halt, valid, *rest)
        deadline.resume()
        batch.keep(np.flatnonzero(~leave))
        for puzzle in over:
            batch.forget(puzzle)
        restart(batch, o.restart_every, halted[~leave] if renews else None)


def restart(batch: ActiveBatch, every: int | None, halted: np.ndarray | None) -> None:
    """Restart the rows that are due, and where a checker watches (`halted` (B,) bool) those that halted on a wrong
    answer or have few givens."""
    due = batch.steps % every == 0 if every else np.zeros(len(batch.steps), bool)
    batch.restart(np.flatnonzero(due))
    if halted is not None:
        batch.reject(np.flatnonzero((halted | batch.sparse()) & ~due))


def active(network: Network, task: Task, puzzles: Tokens, options: SamplingOptions) -> ActiveBatch:
    """An empty batch for rows of these puzzles. ValueError unless they are (n, L)."""
    if puzzles.ndim != 2 or puzzles.shape[1] != task.spec.length:
        raise ValueError(f"The puzzles have shape {puzzles.shape}; {task.spec.name} needs (n, {task.spec.length}).")
    common = network, task, puzzles, options.seed, temperature_of(network, options)
    if network.config.guesses:
        return GuessBatch(*common, first=options.first)
    if not network.config.candidates:
        return ActiveBatch(*common, first=options.first, views=options.views)
    thresholds = {"drop_below": options.drop_below, "give_up_below": options.give_up_below}
    return CandidateBatch(*common, first=options.first, **thresholds)


def numbers(
    network: Network,
    task: Task,
    puzzles: int,
    options: SamplingOptions,
    widths: Sequence[int] | None,
    wants: Sequence[int] | None,
) -> tuple[list[int], list[int] | None]:
    """The width of each puzzle, and the valid answers after which it ends (None without checker). ValueError below
    1."""
    if wants is None and options.want is not None:
        if options.want == "all":
            raise ValueError('A number of trajectories does not list all answers; leave out want "all", or use solve.')
        wants = [options.want] * puzzles
    widths = [options.width] * puzzles if widths is None else widths
    for name, each in (("width", widths), ("want", wants or [])):
        if min(each, default=1) < 1:
            raise ValueError(f"{name} is {min(each)}; it must be at least 1.")
    alone = deterministic(network, task, options)
    return [1 if alone else int(n) for n in widths], None if wants is None else [int(n) for n in wants]


Watch = Callable[[Stage], None]
"""Called at every stage, to show the progress of sampling."""


@dataclass(frozen=True)
class Request:
    """Puzzles that other processes sample."""

    puzzles: Tokens
    """(n, L) uint8."""
    options: SamplingOptions
    widths: Sequence[int]
    """Trajectories of each puzzle."""
    wants: Sequence[int] | None
    """Valid answers after which each puzzle ends; None without checker."""

    def part(self, some: slice) -> "Request":
        """The same for some of the puzzles."""
        wants = None if self.wants is None else self.wants[some]
        return replace(self, puzzles=self.puzzles[some], widths=self.widths[some], wants=wants)


class Distributed(ABC):
    """A network whose puzzles are sampled by other processes."""

    @abstractmethod
    def completed(self, task: Task, asked: Request, watch: Watch | None) -> Iterator[tuple[int, Trajectories]]:
        """See the function `completed`."""


def completed(
    network: Network,
    task: Task,
    puzzles: Tokens,
    options: SamplingOptions = DEFAULTS,
    *,
    widths: Sequence[int] | None = None,
    wants: Sequence[int] | None = None,
    watch: Watch | None = None,
    deadline: Deadline | None = None,
    **changes: Any,
) -> Iterator[tuple[int, Trajectories]]:
    """`rollout`, collected by puzzle: the number and trajectories of each puzzle once the last of them has left, in the
    order in which puzzles end. Puzzles that did not start before the deadline come last, with rows that never ran."""
    o = resolve(options, changes)
    widths, wants = numbers(network, task, len(puzzles), o, widths, wants)
    if isinstance(network, Distributed):
        yield from network.completed(task, Request(puzzles, o, widths, wants), watch)
        return
    blank = partial(Trajectories.blank, L=task.spec.length, watched=wants is not None)
    open_ones: dict[int, Trajectories] = {}
    missing = dict.fromkeys(range(len(puzzles)))
    for stage in rollout(network, task, puzzles, o, widths=widths, wants=wants, deadline=deadline):
        for i in np.flatnonzero(stage.leave):
            puzzle = stage.rows[i][0]
            if puzzle not in open_ones:
                open_ones[puzzle] = blank(widths[puzzle])
            open_ones[puzzle].put(stage, int(i), finished=bool(stage.done[i]))
        if watch is not None:
            watch(stage)
        for puzzle in sorted(stage.over):
            del missing[puzzle]
            yield puzzle, open_ones.pop(puzzle)
    for puzzle in missing:
        yield puzzle, blank(widths[puzzle])


def sample(network: Network, task: Task, puzzles: Tokens, *options: SamplingOptions, **more: Any) -> list[Trajectories]:
    """`completed` in the order of the puzzles, with the same arguments."""
    found = dict(completed(network, task, puzzles, *options, **more))
    return [found[i] for i in range(len(puzzles))]

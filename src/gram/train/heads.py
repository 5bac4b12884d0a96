"""After training: fit the halt and value heads on prior rollouts of the frozen model, and choose the halting threshold.

Heads that learned together with the network lag behind it and are unreliable at test time; a minute of rollouts fixes
this (docs/log/sudoku.md, 2026-11-24).
"""

import math
import time
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from gram.config import Config
from gram.models.recursive import Model
from gram.progress import Progress, Snapshot
from gram.solve.options import SamplingOptions
from gram.solve.sampler import deterministic, rollout
from gram.solve.torch_backend import TorchNetwork
from gram.tasks.base import Task
from gram.tasks.spec import Examples

ShareDone = Callable[[float], None]
"""Called with the share that is done."""
CHUNK = 64
"""Rows that are rolled out together."""
DEPTH = 24
"""Maximum depth of rollouts: by then most rows no longer change, and restarts return to states that the heads know."""
TRAIN, DEV, WIDTH = 128, 256, 4
"""Puzzles for fitting the heads, puzzles for choosing the threshold, and trajectories per puzzle."""
GRID = tuple(np.arange(0, 8.25, 0.25).tolist())
"""Thresholds on the halting logit to compare."""
MARGIN = 0.5
"""Added to the best threshold on the rollouts, which are too few to show the rarest false stops."""
STEP = 5e-5
"""Validity that one step fewer per sample may cost: two hundred steps are worth one percentage point."""
LITTLE = 1e-4
"""What the highest threshold may cost more than the best one, where restarts make guesses: with more guesses than the
rollouts have, wrong boards look better (docs/log/sudoku.md, 2026-12-01)."""


def fit_heads(
    model: Model,
    task: Task,
    config: Config,
    train: Examples,
    dev: Examples,
    seconds: float | None = None,
    show: Progress | None = None,
) -> Config:
    """Fit both heads in place on rollouts of `train`; returns `config` with the threshold that halts best on `dev`.
    Without rules there is nothing to learn, and nothing halts. With `seconds`, fewer puzzles and updates are used, to
    end in about this time."""
    if not task.rules:
        return config
    begin = time.monotonic()

    def until(share: float) -> float:
        return math.inf if seconds is None else begin + share * seconds

    def between(begin: float, end: float) -> ShareDone:
        """A part of the work, from one share of it to another."""
        of = show or Progress()
        return lambda share: of.at(lambda: _snapshot(begin + share * (end - begin)))

    seed, c = config.train.seed, config.solve
    alone = deterministic(TorchNetwork(model), task, c)
    several = DEV if task.unconditional else 1  # there is a single blank input
    width = 1 if alone else several * WIDTH
    options = SamplingOptions(
        width=width, depth=min(c.depth, DEPTH), restart_every=c.restart_every, temperature=c.temperature, rows=CHUNK
    )
    some = train.select(np.random.default_rng([seed, 5]).permutation(len(train))[: TRAIN * several * WIDTH // width])
    inputs = task.hide(np.random.default_rng([seed, 8]), some.inputs)
    seen = rollouts(model, task, inputs, replace(options, seed=seed), until(0.4), between(0.0, 0.4))
    fit(model, *seen, restart_every=c.restart_every, until=until(0.6), progress=between(0.4, 0.6))
    pooled, right = rollouts(
        model, task, dev.inputs[:DEV], replace(options, seed=seed + 1), until(1.0), between(0.6, 1.0)
    )
    guessing = task.spec.givens and not config.model.candidates
    threshold = best_threshold(margin(model, pooled), right, config, width, high=guessing)
    return replace(config, solve=replace(c, halt_threshold=threshold))


def _snapshot(share: float) -> Snapshot:
    return Snapshot(share, f"Fitting the heads: {share:.0%}")


def best_threshold(margin: Tensor, right: Tensor, config: Config, width: int, *, high: bool = False) -> float | None:
    """The threshold of GRID (None: never stop) with the fewest wrong samples, counting steps at STEP, plus MARGIN. Too
    low, it stops at wrong answers; too high, it loses correct ones at restarts. high: at least the highest that costs
    LITTLE more, less MARGIN.

    margin, right (n * width, depth): halting logit and rightness at the steps of rollouts, the rows of a puzzle side by
    side. Every restart starts a trajectory; as many consecutive parts between restarts as fit into solve.depth form a
    sample.
    """
    length = min(config.solve.restart_every or margin.shape[1], margin.shape[1])
    parts = margin.shape[1] // length
    around = torch.arange(width * parts)[:, None] + torch.arange(-(-config.solve.depth // length) if parts > 1 else 1)

    def samples(z: Tensor) -> Tensor:
        """(n * width, depth) -> (n * width * parts, solve.depth)."""
        own = z[:, : parts * length].reshape(-1, width * parts, length)
        return own[:, around % (width * parts)].flatten(2).flatten(0, 1)[:, : config.solve.depth]

    margin, right = samples(margin), samples(right)
    last = margin.shape[1] - 1
    costs: dict[float | None, float] = {}
    for threshold in (*GRID, None):
        over = margin > (np.inf if threshold is None else threshold)
        stop = torch.where(over.any(1), over.float().argmax(1), last)
        wrong = 1 - right.gather(1, stop[:, None]).double().mean()
        costs[threshold] = float(wrong + STEP * (1 + stop.double().mean()))
    best = min(costs, key=costs.__getitem__)
    if best is None:
        return None
    highest = max(each for each, cost in costs.items() if each is not None and cost <= costs[best] + LITTLE)
    return max(best + MARGIN, highest - MARGIN) if high else best + MARGIN


def margin(model: Model, pooled: Tensor) -> Tensor:
    """The quantity compared with the threshold, (...), from the input of the heads (..., D)."""
    with torch.no_grad():
        halt, _ = model.judge(pooled.to(next(model.parameters()).device))
    return (halt[..., 0] - (halt[..., 1] if model.config.halting == "halt-continue" else 0.0)).cpu()


def rollouts(
    model: Model,
    task: Task,
    inputs: np.ndarray,
    options: SamplingOptions,
    until: float = math.inf,
    progress: ShareDone = lambda share: None,
) -> tuple[Tensor, Tensor]:
    """Prior trajectories of puzzles (n, L) without halting: what the heads read (n * width, depth, D) and whether the
    answer of each step obeys the rules (n * width, depth), the rows of a puzzle side by side. Only the first puzzles,
    if time.monotonic() reaches `until` earlier."""
    size = max(1, CHUNK // options.width)
    if until == math.inf or len(inputs) <= size:
        return _rollouts(model, task, inputs, options, progress)
    parts = []
    for first in range(0, len(inputs), size):
        parts.append(_rollouts(model, task, inputs[first : first + size], options))
        progress(min(1.0, (first + size) / len(inputs)))
        if time.monotonic() >= until:
            break
    pooled, right = zip(*parts, strict=True)
    return torch.cat(pooled), torch.cat(right)


@torch.no_grad()
def _rollouts(
    model: Model, task: Task, inputs: np.ndarray, options: SamplingOptions, progress: ShareDone = lambda share: None
) -> tuple[Tensor, Tensor]:
    N, depth, done = options.width, options.depth, 0
    right = torch.zeros(len(inputs) * N, depth, dtype=torch.bool)
    pooled = torch.zeros(len(inputs) * N, depth, 0)
    for stage in rollout(TorchNetwork(model), task, inputs, options):
        now, step = stage.pooled.cpu(), torch.from_numpy(stage.steps) - 1
        if not pooled.shape[2]:
            pooled = torch.zeros(*right.shape, now.shape[1], dtype=now.dtype)
        done += len(stage.rows)
        progress(done / right.numel())
        at = torch.tensor([puzzle * N + n for puzzle, n in stage.rows])
        puzzles = inputs[[puzzle for puzzle, _ in stage.rows]]
        pooled[at, step], right[at, step] = now, torch.from_numpy(task.check(puzzles, stage.answers))
    return pooled, right


def fit(
    model: Model,
    pooled: Tensor,
    right: Tensor,
    updates: int = 600,
    restart_every: int | None = None,
    until: float = math.inf,
    progress: ShareDone = lambda share: None,
) -> None:
    """Logistic regression of "right now" (halt) and least squares of "right at the end" (value), full batch. The end is
    the last step before the row may restart, since later steps say nothing about this answer. Stops when
    time.monotonic() reaches `until`."""
    device = next(model.parameters()).device
    features, now = pooled.to(device), right.to(device).float()
    step, depth = torch.arange(now.shape[1], device=device), now.shape[1]
    last = depth - 1 if restart_every is None else ((step // restart_every + 1) * restart_every).clamp(max=depth) - 1
    end = now[:, last].reshape(len(now), -1).expand_as(now)
    heads = [*model.halt.parameters(), *model.value.parameters()]
    with torch.no_grad():
        model.halt.bias.zero_()
        model.value.bias.fill_(float(end.mean()))
    optimizer = torch.optim.Adam(heads, lr=0.05)
    begin = time.monotonic()
    for update in range(updates):
        gone = max(update / updates, (time.monotonic() - begin) / max(1e-9, until - begin))
        if gone >= 1:
            break
        progress(gone)
        for group in optimizer.param_groups:
            group["lr"] = 0.05 * (1 - gone)
        halt, value = model.halt(features), model.value(features).squeeze(-1)  # a product is faster for so many
        loss = F.binary_cross_entropy_with_logits(halt[..., 0], now) + (value - end).square().mean()
        if model.config.halting == "halt-continue":  # the target of continue is the best later outcome
            best = now.flip(1).cummax(1).values.flip(1)
            loss = loss + F.binary_cross_entropy_with_logits(halt[..., 1], best)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

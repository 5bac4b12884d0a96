"""After training: fit the halt and value heads on prior rollouts of the frozen model, and choose the halting threshold.

Heads that learned beside the network lag behind it and are no guide at test time (LOG.md); a minute of rollouts is.
"""

import dataclasses

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from gram.config import Config
from gram.models.family import Model
from gram.solve.network import TorchNetwork
from gram.solve.sample import Flight, deterministic, settle_temperature
from gram.tasks.base import Examples, Task, Unconditional

CHUNK = 64
"""Rows that are rolled out side by side."""
GRID = tuple(np.arange(0, 8.5, 0.5).tolist())
"""Thresholds on the halt logit that are tried."""
MARGIN = 0.5
"""So few rollouts do not show the rarest false stops."""
DEPTH = 24
"""Rollouts are no deeper: most rows have long settled by then, and restarts come back to what the heads know."""


def fit_heads(
    model: Model,
    task: Task,
    config: Config,
    train: Examples,
    dev: Examples,
    *,
    row_steps: int = 12_800,
    width: int = 4,
    loss_of_validity: float = 0.0005,
) -> Config:
    """Fit both heads in place on rollouts of `train`, and return `config` with the threshold that stops samples
    earliest on `dev` while validity falls by at most `loss_of_validity`. Each of the two takes about `row_steps`
    supervision steps of single rows. Without rules there is nothing to learn, and nothing halts."""
    if not task.rules:
        return config
    depth, seed = min(config.solve.depth, DEPTH), config.train.seed
    restart_every = config.solve.restart_every
    width = 1 if deterministic(TorchNetwork(model), task, None, restart_every) else width
    puzzles = max(64, row_steps // (width * depth))
    if isinstance(task, Unconditional):  # all of them are the same blank one
        width *= puzzles
    options = {"width": width, "depth": depth, "restart_every": restart_every}
    rng = np.random.default_rng([seed, 5])
    some = train.select(rng.permutation(len(train))[:puzzles])
    fit(model, *rollouts(model, task, some.inputs, seed=seed, **options), restart_every=restart_every)
    some = dev.select(rng.permutation(len(dev))[:puzzles])
    pooled, right = rollouts(model, task, some.inputs, seed=seed + 1, **options)
    threshold = calibrate(model, pooled, right, loss_of_validity)
    return dataclasses.replace(config, solve=dataclasses.replace(config.solve, halt_threshold=threshold))


@torch.no_grad()
def rollouts(
    model: Model,
    task: Task,
    inputs: np.ndarray,
    *,
    width: int,
    depth: int,
    seed: int,
    restart_every: int | None = None,
) -> tuple[Tensor, Tensor]:
    """Prior trajectories of puzzles (n, L): what the heads read (n * width, depth, D) and whether the answer of each
    step obeys the rules (n * width, depth). With `restart_every` wrong rows begin anew as in sampling."""
    network = TorchNetwork(model)
    all_pooled, all_right = [], []
    rows = [(puzzle, trajectory) for puzzle in range(len(inputs)) for trajectory in range(width)]
    for first in range(0, len(rows), CHUNK):
        some = rows[first : first + CHUNK]
        flight = Flight(network, task, inputs, seed, settle_temperature(network, None))
        flight.admit(some)
        puzzles = inputs[[puzzle for puzzle, _ in some]]
        pooled, right = [], []
        for step in range(1, depth + 1):
            answers, _, _ = flight.step()
            now = task.check(puzzles, answers)
            pooled.append(flight.pooled.cpu().clone())
            right.append(torch.from_numpy(now))
            if restart_every is not None and step % restart_every == 0:
                flight.restart(np.flatnonzero(~now))
        all_pooled.append(torch.stack(pooled, 1))
        all_right.append(torch.stack(right, 1))
    return torch.cat(all_pooled), torch.cat(all_right)


def fit(model: Model, pooled: Tensor, right: Tensor, updates: int = 600, restart_every: int | None = None) -> None:
    """Logistic regression of "right now" (halt) and least squares of "right at the end" (value), full batch. The end is
    the last step before the row may begin anew: what comes of it after that says nothing of this answer."""
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
    for update in range(updates):
        for group in optimizer.param_groups:
            group["lr"] = 0.05 * (1 - update / updates)
        halt, value = model.judge(features)
        loss = F.binary_cross_entropy_with_logits(halt[..., 0], now) + (value - end).square().mean()
        if model.config.halting == "halt-continue":  # continue is worth what comes at best
            best = now.flip(1).cummax(1).values.flip(1)
            loss = loss + F.binary_cross_entropy_with_logits(halt[..., 1], best)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


@torch.no_grad()
def calibrate(model: Model, pooled: Tensor, right: Tensor, allowed: float) -> float | None:
    """The lowest threshold whose early stops keep validity within `allowed` of the full depth, and MARGIN more; None if
    none does."""
    halt, _ = model.judge(pooled.to(next(model.parameters()).device))
    lead = halt[..., 0] - (halt[..., 1] if model.config.halting == "halt-continue" else 0.0)
    lead, depth = lead.cpu(), right.shape[1]
    full = float(right[:, -1].float().mean())
    for threshold in GRID:
        over = lead > threshold
        stop = torch.where(over.any(1), over.float().argmax(1), depth - 1)
        if float(right.gather(1, stop[:, None]).float().mean()) >= full - allowed:
            return threshold + MARGIN
    return None

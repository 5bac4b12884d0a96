"""Whether inputs have one right answer or many: a run on your own data finds out.

Where one answer is right there is nothing to sample, and a network without guidance learns several times as fast, most
of all with the gradient through several transitions and an answer after one supervision step (docs/log/own-data.md,
2026-12-01). Where many are right, such a network mixes them, unless answers are drawn symbol by symbol
(gram.solve.guess_batch); where they cannot be, guidance samples them. The data show that many are right if inputs have
several targets, or if the target of one row would do for another. If they show nothing, the run begins as if one were
right, and restarts to sample answers if hardly any held-out answers are those of the data by then."""

import dataclasses
from typing import Any

import numpy as np

from gram.config import Config
from gram.tasks.base import Task
from gram.tasks.spec import PAD, Examples
from gram.train.budget import Progress

SAMPLED = 0.7
"""The recipe's temperature, at which fewer samples are wrong. Completions keep the model's own probabilities, and a
network without guidance would add noise of this scale."""
FIELDS: dict[str, dict[str, tuple[Any, Any]]] = {
    "model": {"guidance": ("none", "full"), "T": (2, 1), "gradient": ("full", "transition")},
    "train": {"N_sup": (1, 4)},
    "solve": {"depth": (1, 24), "restart_every": (None, 12), "temperature": (None, SAMPLED)},
}
"""The fields that differ, (one answer, many answers); the latter are those of the recipe. A field with another value
was set by the user and stays."""
SHARE = 0.2
"""Share of the run after which it decides."""
FEWEST = 400
"""Updates before which it does not, since little is learned by then in any case."""
LEARNED = 0.1
"""Share of held-out inputs answered like their targets by then, below which many answers are assumed."""
SEVERAL = 0.005
"""Share of the inputs with several answers from which the data show that many are right; fewer may be mistakes."""
KEPT = 0.95
"""Share of the targets that only fill holes, from which all are taken to do so."""
ROWS = 2000
"""Inputs and targets that are compared with each other."""


def begin(config: Config, task: Task, examples: Examples, *, started: bool) -> tuple[Config, str | None]:
    """`config` of a new run as it begins, and a sentence that says why. started: from weights, whose network stays."""
    if config.model.guesses:
        return drawing(config), None
    if config.model.kind != "recursive" or config.train.answers == "many":
        return config, None
    if config.train.answers == "one":
        return one(config), None
    samples, probabilities = config.model.guidance == "full", config.rows is not None
    if (probabilities or config.model.guidance == "none") and config.solve.temperature == SAMPLED:
        config = dataclasses.replace(config, solve=dataclasses.replace(config.solve, temperature=None))
    if probabilities and samples and not started:
        return many(config, task, examples), None
    if started or not samples:
        return decided(config, "many"), None
    if evidence := several(task, examples):
        text = f"Inputs have many right answers, since {evidence}: training to sample them."
        return many(config, task, examples), text
    return one(config), "The data do not show whether an input has many right answers: training first as if it had one."


def due(config: Config, progress: Progress) -> bool:
    """Whether a run with `answers` "auto" is to decide now, by `judge`."""
    return config.train.answers == "auto" and progress.update >= FEWEST and progress.share(config) >= SHARE


def judge(config: Config, task: Task, examples: Examples, learned: float) -> tuple[Config, str]:
    """What a run with `answers` "auto" goes on with, and why: `config` with `answers` "one", or a config to restart
    with. learned: the share of held-out inputs that it answers like their targets. Training answers would not do: a few
    hundred are soon learned by heart."""
    if learned >= LEARNED:
        return decided(config, "one"), f"{learned:.0%} of held-out answers are known ones, so one is right: going on."
    text = f"Only {learned:.0%} of held-out answers are known ones, so many may be right: restarting, to sample them."
    return many(swapped(config, 0, 1), task, examples), text


def several(task: Task, examples: Examples) -> str | None:
    """How the examples show that inputs have several right answers, or None."""
    several = float((examples.counts > 1).mean()) if len(examples) else 0.0
    if several >= SEVERAL:
        return f"{several:.0%} have several targets"
    fits = 0.0 if task.spec.answer_start else exchangeable(examples)
    return f"the targets of other rows fit {fits:.0%}" if fits >= SEVERAL else None


def exchangeable(examples: Examples) -> float:
    """The share of inputs with holes, which their targets fill, that the different target of another row would fill,
    too; 0 if targets change anything but holes. A hole is a symbol that no target has."""
    rows = np.random.default_rng(0).permutation(len(examples))[:ROWS]
    x, y = examples.inputs[rows], examples.targets[examples.first[rows]]
    hole = ~np.isin(x, np.unique(examples.targets))
    if not hole.any() or ((x == y) | hole).all(1).mean() < KEPT:
        return 0.0
    found = [
        ((y == each) | gap).all(1)[(y != target).any(1)].any() for each, target, gap in zip(x, y, hole, strict=True)
    ]
    return float(np.mean(found))


def one(config: Config) -> Config:
    """`config` for one right answer."""
    return swapped(config, 1, 0)


def swapped(config: Config, before: int, after: int) -> Config:
    """`config` with the fields that have their value `before` at the value `after`; see FIELDS."""
    parts = {}
    for part, fields in FIELDS.items():
        held = getattr(config, part)
        changes = {name: pair[after] for name, pair in fields.items() if getattr(held, name) == pair[before]}
        parts[part] = dataclasses.replace(held, **changes)
    return dataclasses.replace(config, **parts)


def many(config: Config, task: Task, examples: Examples) -> Config:
    """`config` for many right answers: by guesses where inputs have positions for them, else by guidance."""
    config = decided(config, "many")
    if not has_places(task, examples):
        return config
    plain, solve = one(config), config.solve
    if solve.depth == FIELDS["solve"]["depth"][1]:  # one step for each symbol, and one to see that none is left
        places = task.open(examples.inputs).sum(1).max() if not task.completes else task.spec.length
        solve = dataclasses.replace(solve, depth=1 + int(places))
    model = dataclasses.replace(plain.model, guesses=True)
    return drawing(dataclasses.replace(config, model=model, train=plain.train, solve=solve))


def drawing(config: Config) -> Config:
    """`config` of a network with guesses: a sample ends when nothing is left to draw."""
    solve = dataclasses.replace(config.solve, restart_every=None, halt_threshold=0.0)
    return decided(dataclasses.replace(config, solve=solve), "many")


def has_places(task: Task, examples: Examples) -> bool:
    """Whether answers can be drawn symbol by symbol: they follow the inputs, or fill holes in them."""
    if task.completes:
        return True
    x, y = examples.inputs[:ROWS], examples.targets[examples.first[: len(examples.inputs[:ROWS])]]
    try:
        places = task.open(x)
    except ValueError:
        return False
    return bool(places.any() and ((x == y) | places | (y == PAD)).all(1).mean() >= KEPT)


def decided(config: Config, answers: str) -> Config:
    """`config` with `answers` as decided."""
    return dataclasses.replace(config, train=dataclasses.replace(config.train, answers=answers))

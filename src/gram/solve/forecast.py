"""How much work is left, as a range: it depends on the hard puzzles still to come, of which a few puzzles tell little.

Lifetimes are supervision steps of rows, or function evaluations of whole puzzles. Their distribution is estimated from
those that have ended and those still running (Kaplan and Meier, 1958), and its uncertainty by weighing the puzzles at
random (the Bayesian bootstrap, Rubin 1981): whole puzzles, since the rows of one are alike.
"""

import numpy as np

from gram.progress import Left

DRAWS = 100
"""Random weights of the puzzles."""
SPREAD = (0.05, 0.5, 0.95)
"""The quantiles that make a range."""
UNSEEN = 0.5
"""Weight of an unseen puzzle, which takes all that it may; that of a seen one is 1."""
KNOWN = 400
"""Ended puzzles that count one by one; of more, only every second, third and so on."""


def spread(draws: np.ndarray) -> Left:
    """The range of draws."""
    return Left(*map(float, np.quantile(draws, SPREAD)))


def bound(age: np.ndarray, over: np.ndarray, most: float) -> float:
    """What is left at most. Arguments: see `rest`."""
    return float((most - age[~over]).sum())


def rest(age: np.ndarray, over: np.ndarray, most: float) -> np.ndarray | None:
    """Draws (DRAWS,) of the work that is left; None before anything has ended.

    age: (n, W) lifetimes so far of the W rows of n puzzles, 0 for those that have not begun; over: (n, W) bool, those
    that have ended or never will begin; most: the longest lifetime. The draws of two passes through the same puzzles
    belong together, the first to the first and so on.
    """
    if not np.any(age[over]):
        return None
    rows, begun = age.shape[1], np.any(age, axis=1)
    ended = begun & np.all(over, axis=1)
    active = begun & ~ended
    every = -(-int(ended.sum()) // KNOWN) or 1
    some = np.sort(np.concatenate([np.flatnonzero(ended)[::every], np.flatnonzero(active)]))
    rng = np.random.default_rng(0)
    unseen, weights = rng.gamma(UNSEEN, size=DRAWS), rng.exponential(size=(len(some), DRAWS)).T
    unseen[::2] = 0.0
    scale = np.where(ended[some], every, 1)
    seen, beyond = mean_life(age[some], over[some], np.vstack([np.ones_like(scale), weights]) * scale, most)
    drawn = seen[1:] + beyond[1:]
    mean = np.minimum(most, seen[0] + beyond[0] * rng.uniform(0, 2, DRAWS))  # no row has been there yet
    # rows that run: what the mean leaves for them, spread as if they ended by chance
    fresh, running = float(((age == 0) & ~over).sum()) / rows, int(active.sum())
    now = np.zeros(DRAWS)
    if running:
        now = np.maximum(0.0, mean * (age > 0).sum() - age.sum()) * rng.gamma(running, 1 / running, DRAWS)
        oldest = np.max(age, axis=1)
        reached = len(age) - np.searchsorted(np.sort(oldest), oldest[active])
        longer = np.where((age > 0) & ~over, most - age, 0)[active].sum(1)
        now += longer @ (unseen / (unseen + reached[:, None]))
    # the others: so many draws from an urn of the puzzles seen (Polya's) vary so many times as much as their mean
    hard = unseen / (unseen + weights.sum(1)) * (most - drawn)
    swing = [np.sqrt(n * (begun.sum() + n)) for n in (fresh + running, fresh)]
    later = fresh * mean + (drawn - seen[0] - beyond[0]) * swing[0] + hard * swing[1]
    return np.clip(now + rows * later, 0.0, bound(age, over, most))


def mean_life(age: np.ndarray, over: np.ndarray, weights: np.ndarray, most: float) -> tuple[np.ndarray, np.ndarray]:
    """Mean lifetimes of rows of which some still run, where puzzles have the weights (B, n): the area under the
    Kaplan-Meier survival curve, up to the largest age (B,), and beyond it (B,), where rows go on to end at the rate of
    those of more than half of it. Arguments: see `rest`; rows that have not begun do not count, and some must have."""
    n, rows = age.shape
    lives = np.stack([np.repeat(np.arange(n), rows), age.ravel(), over.ravel()])[:, age.ravel() > 0]
    (owner, age, over), count = np.unique(lives, axis=1, return_counts=True)
    order = np.lexsort((-over, age))  # at the same age, those that end come first
    owner, age, over, weights = owner[order], age[order], over[order], weights[:, owner[order]] * count[order]
    risk = np.cumsum(weights[:, ::-1], 1)[:, ::-1]
    left = np.cumprod(1 - np.divide(over * weights, risk, out=np.zeros_like(risk), where=risk > 0), 1)
    area = age[0] + (left[:, :-1] * np.diff(age)).sum(1)
    beyond = np.maximum(0.0, age - age[-1] / 2)
    rate = (weights * over * (beyond > 0)).sum(1) / (weights * beyond).sum(1)
    rate = np.where(rate > 0, rate, 2 / age[-1])  # none has ended since: as if it went on for half of its age
    longest = max(0.0, most - float(age[-1]))
    return area, left[:, -1] * -np.expm1(-rate * longest) / rate

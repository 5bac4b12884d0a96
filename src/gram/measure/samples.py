"""Metrics of unconditional samples: validity, distinct samples, and how evenly they cover all possible ones."""

import math
from typing import Any

import numpy as np

from gram.solve.generate import Samples
from gram.tasks.base import Unconditional
from gram.tasks.spec import Tokens


def metrics(task: Unconditional, samples: Samples) -> dict[str, Any]:
    """Metrics of the samples alone, shares in [0, 1]:

    samples; valid: those that obey the rules, and conflicts: violated constraints over all samples (None without
    rules); distinct: distinct ones among the valid (among all, without rules); halting_step: mean supervision steps;
    function_evaluations; seconds; and those of `evenness` if all possible samples can be listed.
    """
    blanks = np.broadcast_to(task.blank, samples.tokens.shape)
    good = samples.good
    values: dict[str, Any] = {
        "samples": len(samples),
        "valid": None if samples.valid is None else float(samples.valid.mean()),
        "distinct": len(np.unique(good, axis=0)) / len(good) if len(good) else 0.0,
        "conflicts": int(task.conflicts(blanks, samples.tokens).sum()) if task.rules else None,
        "halting_step": float(samples.steps.mean()),
        "function_evaluations": int(samples.steps.sum()),
        "seconds": samples.seconds,
    }
    support = task.support()
    return values if support is None else values | evenness(support, good)


def evenness(support: Tokens, valid: Tokens) -> dict[str, Any]:
    """How evenly valid samples (n, L) cover all possible ones (S, L).

    exist; reached: distinct samples; expected_reached: by the same number of uniform draws; least, most: draws of one
    sample; chi_square: Pearson's statistic against the uniform distribution, with S - 1 degrees of freedom, and
    chi_square_p: its p-value (Wilson and Hilferty's approximation); both None without samples.
    """
    places = {board.tobytes(): i for i, board in enumerate(support)}
    counts = np.bincount([places[board.tobytes()] for board in valid], minlength=len(support))
    n, exist = len(valid), len(support)
    values = {
        "exist": exist,
        "reached": int((counts > 0).sum()),
        "expected_reached": exist * (1 - (1 - 1 / exist) ** n),
        "least": int(counts.min()),
        "most": int(counts.max()),
        "chi_square": None,
        "chi_square_p": None,
    }
    if n:
        statistic = float(((counts - n / exist) ** 2).sum() * exist / n)
        values |= {"chi_square": statistic, "chi_square_p": chi_square_tail(statistic, exist - 1)}
    return values


def chi_square_tail(statistic: float, freedom: int) -> float:
    """P(chi-square of `freedom` degrees > statistic), by Wilson and Hilferty's cube root (1931)."""
    spread = 2 / (9 * freedom)
    z = ((statistic / freedom) ** (1 / 3) - (1 - spread)) / math.sqrt(spread)
    return 0.5 * math.erfc(z / math.sqrt(2))

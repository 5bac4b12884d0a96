"""Completion of rows: imputations of hidden cells, and their metrics."""

from typing import Any

import numpy as np

from gram.solve.backend import Network
from gram.solve.options import SamplingOptions
from gram.solve.sampler import Watch, sample
from gram.tasks.base import PAD, Examples, Tokens
from gram.tasks.own.rows import HIDDEN, Rows

COVERED = 0.9
"""Total probability of the sets of values whose coverage is measured."""


def draws(
    network: Network, task: Rows, puzzles: Tokens, options: SamplingOptions, watch: Watch | None = None
) -> np.ndarray:
    """Samples of each row, (n, width, L) uint8, with existing cells kept. If all samples of a network are equal, one is
    repeated. `watch`: see gram.solve.sampler."""
    found = sample(network, task, puzzles, options, watch=watch)
    drawn = np.stack([np.resize(f.answers, (options.width, task.spec.length)) for f in found])
    last = HIDDEN + task.sizes
    drawn = np.where((drawn > HIDDEN) & (drawn <= last), drawn, np.uint8(HIDDEN + 1))
    return np.where(puzzles[:, None] == HIDDEN, drawn, puzzles[:, None])


def probabilities(drawn: np.ndarray, size: int) -> np.ndarray:
    """Samples of a cell (n, width) -> the probability of each of `size` values, (n, size): its share, smoothed by one
    sample spread over all values."""
    counts = (drawn[:, :, None] == np.arange(HIDDEN + 1, HIDDEN + 1 + size)).sum(1)
    return (counts + 1 / size) / (drawn.shape[1] + 1)


def metrics(
    network: Network,
    task: Rows,
    examples: Examples,
    known: Tokens,
    options: SamplingOptions,
    watch: Watch | None = None,
) -> dict[str, Any]:
    """Metrics of the hidden cells of `examples`, whose targets hold their values: cells; accuracy of the most likely
    value; nats: mean negative log-likelihood of a cell; covered: how often the smallest set of values with total
    probability COVERED contains the correct one, and its mean set_size. mode_accuracy and mode_nats: the same for the
    shares of the values in the rows `known`, the baseline of a column by itself."""
    drawn = draws(network, task, examples.inputs, options, watch)
    right, nats, covered, sizes, mode_right, mode_nats = [], [], [], [], [], []
    for at, size in enumerate(task.sizes.tolist()):
        asked = (examples.inputs[:, at] == HIDDEN) & (examples.targets[:, at] != PAD)
        if not asked.any():
            continue
        truth = examples.targets[asked, at].astype(int) - HIDDEN - 1
        p = probabilities(drawn[asked, :, at], size)
        each = np.arange(len(truth))
        right += (p.argmax(1) == truth).tolist()
        nats += (-np.log(p[each, truth])).tolist()
        order = np.argsort(-p, axis=1)
        before = np.cumsum(np.take_along_axis(p, order, 1), axis=1) - np.take_along_axis(p, order, 1)
        held = before < COVERED
        rank = (order == truth[:, None]).argmax(1)
        covered += held[each, rank].tolist()
        sizes += held.sum(1).tolist()
        shares = probabilities(known[None, known[:, at] != HIDDEN, at], size)[0]
        mode_right += (truth == shares.argmax()).tolist()
        mode_nats += (-np.log(shares[truth])).tolist()
    return {
        "cells": len(right),
        "accuracy": float(np.mean(right)),
        "nats": float(np.mean(nats)),
        "covered": float(np.mean(covered)),
        "set_size": float(np.mean(sizes)),
        "mode_accuracy": float(np.mean(mode_right)),
        "mode_nats": float(np.mean(mode_nats)),
    }

"""Completion of rows: imputations of hidden cells, and their metrics."""

from typing import Any, NamedTuple

import numpy as np
from scipy.special import log_softmax

from gram.solve.backend import Network
from gram.solve.noise import cell_chances
from gram.solve.options import SamplingOptions
from gram.solve.sampler import Watch, deterministic, rollout
from gram.tasks.own.rows import HIDDEN, Rows
from gram.tasks.spec import PAD, Examples, Tokens

COVERED = 0.9
"""Total probability of the sets of values whose coverage is measured."""


class Imputations(NamedTuple):
    """Imputations of the hidden cells of n rows, by trajectories that are `width` samples each."""

    drawn: np.ndarray
    """(n, width, L) uint8: samples of each row, with existing cells kept."""
    chances: np.ndarray
    """(n, L, values) float64: the probability of each value of a column, the mean of all trajectories; 0 beyond its
    values."""


def log_values(task: Rows, logits: np.ndarray) -> np.ndarray:
    """Logits (..., L, V) -> log-probabilities of the values of each column, (..., L, values); -inf beyond them."""
    of_values = logits[..., HIDDEN + 1 :].astype(np.float64)
    return log_softmax(np.where(np.arange(of_values.shape[-1]) < task.sizes[:, None], of_values, -np.inf), axis=-1)


def imputations(
    network: Network, task: Rows, puzzles: Tokens, options: SamplingOptions, watch: Watch | None = None
) -> Imputations:
    """Samples of the rows (n, L) and their mean probabilities. A trajectory decides what its cells have in common, and
    leaves the rest to the probabilities of its last step, from which each cell is drawn by itself. If all trajectories
    of a network are equal, one serves for all samples. With guesses, the probabilities of the first step are those of
    each cell given the row.
    `watch`: see gram.solve.sampler."""
    n, L, width = len(puzzles), task.spec.length, options.width
    alone = deterministic(network, task, options)
    drawn = np.full((n, width, L), HIDDEN + 1, np.uint8)
    total, count = np.zeros((n, L, int(task.sizes.max()))), np.zeros((n, 1, 1))
    for stage in rollout(network, task, puzzles, options):
        leaving = np.flatnonzero(stage.leave)
        if network.config.guesses:
            begun = np.flatnonzero(stage.steps == 1)
            for i, p in zip(begun.tolist(), np.exp(log_values(task, stage.logits[begun])), strict=True):
                total[stage.rows[i][0]] += p
                count[stage.rows[i][0]] += 1
        for i, p in zip(leaving.tolist(), np.exp(log_values(task, stage.logits[leaving])), strict=True):
            puzzle, trajectory = stage.rows[i]
            for number in range(width) if alone else (trajectory,):
                below = p.cumsum(1) <= cell_chances(options.seed, puzzles[puzzle], number, L)[:, None]
                drawn[puzzle, number] = HIDDEN + 1 + np.minimum(below.sum(1), task.sizes - 1)
            if not network.config.guesses:
                total[puzzle] += p
                count[puzzle] += 1
        if watch is not None:
            watch(stage)
    uniform = np.exp(log_values(task, np.zeros((L, task.spec.vocabulary))))  # where no trajectory had time
    chances = np.where(count > 0, total / np.maximum(1, count), uniform)
    return Imputations(np.where(puzzles[:, None] == HIDDEN, drawn, puzzles[:, None]), chances)


def shares(tokens: np.ndarray, size: int) -> np.ndarray:
    """Tokens of a column (n,) -> the probability of each of `size` values, (size,): its share, smoothed by one more row
    that is spread over all values."""
    counts = (tokens[:, None] == np.arange(HIDDEN + 1, HIDDEN + 1 + size)).sum(0)
    return (counts + 1 / size) / (len(tokens) + 1)


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
    chances = imputations(network, task, examples.inputs, options, watch).chances
    right, nats, covered, sizes, mode_right, mode_nats = [], [], [], [], [], []
    for at, size in enumerate(task.sizes.tolist()):
        asked = (examples.inputs[:, at] == HIDDEN) & (examples.targets[:, at] != PAD)
        if not asked.any():
            continue
        truth = examples.targets[asked, at].astype(int) - HIDDEN - 1
        p = chances[asked, at, :size]
        each = np.arange(len(truth))
        right += (p.argmax(1) == truth).tolist()
        nats += (-np.log(p[each, truth])).tolist()
        order = np.argsort(-p, axis=1)
        before = np.cumsum(np.take_along_axis(p, order, 1), axis=1) - np.take_along_axis(p, order, 1)
        held = before < COVERED
        rank = (order == truth[:, None]).argmax(1)
        covered += held[each, rank].tolist()
        sizes += held.sum(1).tolist()
        column = shares(known[known[:, at] != HIDDEN, at], size)
        mode_right += (truth == column.argmax()).tolist()
        mode_nats += (-np.log(column[truth])).tolist()
    return {
        "cells": len(right),
        "accuracy": float(np.mean(right)),
        "nats": float(np.mean(nats)),
        "covered": float(np.mean(covered)),
        "set_size": float(np.mean(sizes)),
        "mode_accuracy": float(np.mean(mode_right)),
        "mode_nats": float(np.mean(mode_nats)),
    }

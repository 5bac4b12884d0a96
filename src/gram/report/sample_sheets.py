"""Unconditional samples, laid out for the report."""

from dataclasses import dataclass

import numpy as np

from gram.console import png as pictures
from gram.solve.reasoner import load

SHOWN = 64


@dataclass(frozen=True)
class Sheet:
    """Samples of one network side by side."""

    name: str
    """The recipe."""
    image: np.ndarray
    """(H, W) uint8, gray."""


def sheet(weights: str, dtype: str = "auto") -> Sheet:
    """SHOWN samples of shipped weights or a run folder; one if all would be equal. ValueError for weights that answer
    puzzles."""
    reasoner = load(weights, dtype=dtype)
    task = reasoner.task.sampled()
    images = np.stack([task.picture(tokens) for tokens in reasoner.generate(SHOWN).tokens])
    return Sheet(reasoner.config.recipe, pictures.tiled(images, columns=round(len(images) ** 0.5)))

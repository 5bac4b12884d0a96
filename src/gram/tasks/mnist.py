"""Binarized MNIST: p(x) over images of digits (paper, unconditional generation).

Tokens: padding 0, black 1, white 2 (pixels of at least half intensity are white). The input is a black image.
"""

import gzip
import zlib

import numpy as np

from gram import unpack
from gram.tasks.base import Symmetry, Unconditional
from gram.tasks.data.store import data_file
from gram.tasks.spec import SPLITS, Examples, TaskSpec, Tokens, splits_of

SIDE = 28
BLACK, WHITE = 1, 2
PARTS = {"train": "mnist/train", "dev": "mnist/train", "test": "mnist/t10k"}
"""File name prefixes of the splits; dev is part of the training file."""
BLOCKS = " ▀▄█"


class Mnist(Unconditional):
    """28x28 pixels, L = 784, V = 3. There are no rules: a classifier scores whether an image is a digit
    (gram.measure.images)."""

    rules = False
    digits = True

    def __init__(self):
        self.spec = TaskSpec(name="mnist", length=SIDE * SIDE, vocabulary=3)
        self.blank = np.full(self.spec.length, BLACK, np.uint8)

    # text and pictures ------------------------------------------------------------------------------------
    def decode(self, tokens: Tokens) -> str:
        """An image (L,) -> 28 lines of 28 characters, # for white."""
        return "\n".join("".join("#" if t == WHITE else "." for t in row) for row in tokens.reshape(SIDE, SIDE))

    def render(self, puzzle: Tokens, answer: Tokens | None = None) -> str:
        """The black image or an answer (L,), two rows of pixels per line."""
        white = ((puzzle if answer is None else answer) == WHITE).reshape(SIDE // 2, 2, SIDE)
        return "\n".join("".join(BLOCKS[up + 2 * down] for up, down in zip(*pair, strict=True)) for pair in white)

    def picture(self, sample: Tokens) -> np.ndarray:
        """(28, 28) uint8."""
        return np.where(sample == WHITE, 255, 0).astype(np.uint8).reshape(SIDE, SIDE)

    # rules ------------------------------------------------------------------------------------------------
    def conflicts(self, puzzles: Tokens, answers: Tokens) -> np.ndarray:
        """Pixels that are neither black nor white, (B,) int64."""
        return ((answers != BLACK) & (answers != WHITE)).sum(1)

    def solutions(self, puzzle: Tokens, limit: int | None = None, budget: int | None = None) -> Tokens:
        """Always raises RuntimeError, since the images are too many to list."""
        raise RuntimeError("All 2^784 images are answers, too many to list.")

    def symmetry(self, rng: np.random.Generator, batch: int) -> Symmetry:
        """The identity, since digits have no symmetries."""
        positions, tokens = (np.tile(np.arange(n), (batch, 1)) for n in (self.spec.length, self.spec.vocabulary))
        return Symmetry(positions, tokens)

    # data -------------------------------------------------------------------------------------------------
    def examples(self, split: str, seed: int = 0, count: int | None = None) -> Examples:
        """The images of a split, at most `count`: test is the file of 10,000, dev the tenth of the training file chosen
        by content (`split_of`), train the rest. FileNotFoundError or ValueError for missing or damaged files."""
        return self.all_of(self.labeled(split)[0][:count])

    def labeled(self, split: str) -> tuple[Tokens, np.ndarray]:
        """Images (n, L) uint8 of tokens and their digits (n,) uint8."""
        if split not in SPLITS:
            raise ValueError(f"There is no split {split!r}; the splits are {', '.join(SPLITS)}.")
        images = read_idx(f"{PARTS[split]}-images-idx3-ubyte.gz", 3)
        labels = read_idx(f"{PARTS[split]}-labels-idx1-ubyte.gz", 1)
        if images.shape[1:] != (SIDE, SIDE) or len(images) != len(labels):
            raise ValueError(f"The MNIST files hold images {images.shape} and {len(labels)} labels; copy them again.")
        tokens = np.where(images.reshape(-1, self.spec.length) >= 128, WHITE, BLACK).astype(np.uint8)
        if split == "test":
            return tokens, labels
        held_out = splits_of(tokens) == "dev"
        chosen = held_out if split == "dev" else ~held_out
        return tokens[chosen], labels[chosen]


def read_idx(name: str, axes: int) -> np.ndarray:
    """An IDX file of bytes, gzip'd: 0, 0, 8, the number of axes, their lengths as big-endian 32-bit integers, bytes."""
    path = data_file(name)
    try:
        data = unpack.gunzip(path.read_bytes(), str(path))
    except (gzip.BadGzipFile, zlib.error, EOFError) as error:
        raise ValueError(f"{path} is not a gzip file or is damaged ({error}); copy it again.") from None
    begin = 4 + 4 * axes
    shape = np.frombuffer(data[4:begin], ">u4") if len(data) >= begin else np.zeros(0)
    if data[:4] != bytes([0, 0, 8, axes]) or len(data) - begin != shape.prod(dtype=np.int64):
        raise ValueError(f"{path} is not an IDX file of bytes with {axes} axes, or it is truncated; copy it again.")
    return np.frombuffer(data, np.uint8, offset=begin).reshape(shape.astype(np.int64))

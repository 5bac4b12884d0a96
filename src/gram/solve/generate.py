"""Samples of p(x), drawn by the sampler from the blank input (metrics: gram.measure.samples)."""

import time
from dataclasses import dataclass, field
from html import escape
from typing import Any

import numpy as np

from gram.solve.answer import ESCAPES
from gram.solve.backend import Network
from gram.solve.options import SamplingOptions, resolve
from gram.solve.sampler import DEFAULTS, Watch, deterministic, rollout, sample
from gram.tasks.base import Unconditional
from gram.tasks.spec import Tokens

SHOWN = 3
"""Samples that `print` and a notebook show."""


@dataclass(frozen=True)
class Samples:
    """n samples of one task, in the order of their trajectories."""

    tokens: Tokens
    """(n, L) uint8."""
    valid: np.ndarray | None
    """(n,) bool: whether each obeys the rules; None if there are no rules."""
    steps: np.ndarray
    """(n,) int64, supervision steps: function evaluations."""
    value: np.ndarray
    """(n,) float32."""
    seconds: float
    """Wall-clock time of the sampling."""
    task: Unconditional = field(repr=False, compare=False)
    """The task of the samples."""

    def __len__(self) -> int:
        return len(self.tokens)

    @property
    def good(self) -> Tokens:
        """The valid samples; all if there are no rules."""
        return self.tokens if self.valid is None else self.tokens[self.valid]

    @property
    def texts(self) -> list[str]:
        """Each as text, on one line."""
        return [self.task.decode(tokens).replace("\n", "/") for tokens in self.tokens]

    def __str__(self) -> str:
        """The first samples side by side, and how many are valid."""
        blocks = [self._block(tokens) for tokens in self.tokens[:SHOWN]]
        boards = "\n".join("  ".join(lines) for lines in zip(*blocks, strict=True))
        verdict = "" if self.valid is None else f", {int(self.valid.sum())} of them valid"
        return f"{boards}\n{len(self)} sample{'s' * (len(self) != 1)} of {self.task.spec.name}{verdict}"

    def _block(self, tokens: Tokens) -> list[str]:
        """The lines of one, without colors."""
        return ESCAPES.sub("", self.task.render(self.task.blank, tokens)).splitlines()

    def _repr_html_(self) -> str:
        """The picture that a notebook shows: the first samples."""
        from gram.tasks.drawing import draw  # imported late, since it imports every task

        shown = "".join(draw(self.task, self.task.blank, tokens).svg() for tokens in self.tokens[:SHOWN])
        return f"<figure>{shown}<figcaption>{escape(str(self).splitlines()[-1])}</figcaption></figure>"

    def to_dicts(self) -> list[dict[str, Any]]:
        """Plain values of each, as `gram generate --json` prints them."""
        valid = [None] * len(self) if self.valid is None else self.valid.tolist()
        rows = zip(self.texts, valid, self.steps.tolist(), self.value.tolist(), strict=True)
        return [dict(zip(("sample", "valid", "steps", "value"), row, strict=True)) for row in rows]


def draw(
    network: Network,
    task: Unconditional,
    options: SamplingOptions = DEFAULTS,
    *,
    watch: Watch | None = None,
    **changes: Any,
) -> Samples:
    """Draw `width` samples from the prior, without checker or data. `changes` are options by name. A deterministic
    variant has only one sample, so one is returned. `watch`: called at every stage."""
    begin = time.perf_counter()
    found = sample(network, task, task.blank[None], options, watch=watch, **changes)[0]
    seconds = time.perf_counter() - begin
    valid = found.judged(task, task.blank).valid if task.rules else None
    return Samples(found.answers, valid, found.steps, found.value, seconds, task)


def evolution(network: Network, task: Unconditional, options: SamplingOptions = DEFAULTS, **changes: Any) -> Tokens:
    """The samples of `draw`, decoded after each supervision step, (n, depth, L) uint8; halted samples stay
    unchanged."""
    o = resolve(options, changes)
    N = 1 if deterministic(network, task, o) else o.width
    frames = np.zeros((N, o.depth, task.spec.length), np.uint8)
    for stage in rollout(network, task, task.blank[None], o):
        for (_, n), step, answer in zip(stage.rows, stage.steps, stage.answers, strict=True):
            frames[n, step - 1 :] = answer
    return frames

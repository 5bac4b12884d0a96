"""How a network is sampled and how one answer is chosen. The options are typed here, and once more as the command's."""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Annotated, Any

import numpy as np

from gram.config import SolveConfig
from gram.config.values import Count, Positive
from gram.fields import Range, from_dict, to_dict

Limit = Positive | None


@dataclass(kw_only=True, frozen=True)
class SamplingOptions(SolveConfig):
    """What is stored with the weights (SolveConfig), and what belongs to one call."""

    seed: Annotated[int, Range(0, 2**64, below=True)] = 0
    """Seed of the noise."""
    want: Count | None = None
    """Distinct valid answers after which a puzzle ends: the checker watches every step. None lets nothing watch."""
    timeout: Limit = None
    """Seconds that each puzzle may take of the sampling; then its answer is chosen from what there is. None is no
    limit."""
    total_timeout: Limit = None
    """Seconds that all puzzles of the call may take together, likewise."""
    rows: Count | None = None
    """Active trajectories at most; None chooses for the device."""


NAMES = {field.name for field in fields(SamplingOptions)}


def resolve(defaults: SolveConfig, asked: Mapping[str, Any]) -> SamplingOptions:
    """`defaults` with what is asked for in their place; an option that is None is not asked for. ValueError for an
    unknown option, with the name that was probably meant, and for a value of the wrong kind or out of range."""
    if not asked and isinstance(defaults, SamplingOptions):
        return defaults
    given = {name: value for name, value in asked.items() if value is not None or name not in NAMES}
    plain = {name: value.item() if isinstance(value, np.generic) else value for name, value in given.items()}
    return from_dict(SamplingOptions, to_dict(defaults) | plain)


def answering(defaults: SolveConfig, asked: Mapping[str, Any]) -> SamplingOptions:
    """`resolve` for puzzles that get one answer: the checker watches where it chooses, and nowhere else. It chooses
    where several answers are wanted. ValueError for several wanted answers that nobody would count."""
    several = (asked.get("want") or 1) > 1 and asked.get("select") is None
    options = resolve(defaults, {**asked, "select": "checked"} if several else asked)
    if options.select == "checked":
        return replace(options, want=options.want or 1)
    if options.want not in (None, 1):
        raise ValueError(
            f'want is {options.want}, but only select "checked" stops when enough answers are found; use it.'
        )
    return replace(options, want=None)


def drawing(defaults: SolveConfig, n: int | None, asked: Mapping[str, Any]) -> SamplingOptions:
    """`resolve` for n samples of a task without puzzles. ValueError for what chooses among answers."""
    for name in ("select", "want", "timeout", "total_timeout"):
        if asked.get(name) is not None:
            raise ValueError(f"{name} is about the answers to a puzzle, and there is none; leave it out.")
    return resolve(defaults, {**asked, "width": asked.get("width") if n is None else n})

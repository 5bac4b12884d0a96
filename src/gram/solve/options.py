"""Options of sampling and of choosing the answer. They are typed here and once more for the command line."""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Annotated, Any

import numpy as np

from gram.config import SolveConfig
from gram.config.values import Count, Positive, Want
from gram.fields import Range, from_dict, to_dict

Limit = Positive | None


@dataclass(kw_only=True, frozen=True)
class SamplingOptions(SolveConfig):
    """The options stored with the weights (SolveConfig), and those of a call."""

    seed: Annotated[int, Range(0, 2**64, below=True)] = 0
    """Seed of the noise."""
    first: Annotated[int, Range(0, 2**32, below=True)] = 0
    """Number of the first trajectory: with a width of 5, 10 gives trajectories 10 to 14 of a larger width."""
    want: Want | None = None
    """Distinct valid answers after which a puzzle ends, so that the checker runs after every step; "all" are listed
    case by case (gram.solve.every). None: no checker."""
    timeout: Limit = None
    """Sampling seconds per puzzle; then its answer is chosen from the trajectories so far. None means no limit."""
    total_timeout: Limit = None
    """Sampling seconds of all puzzles of the call together, likewise."""
    rows: Count | None = None
    """Maximum active trajectories; None chooses for the device."""


NAMES = {field.name for field in fields(SamplingOptions)}


def resolve(defaults: SolveConfig, asked: Mapping[str, Any]) -> SamplingOptions:
    """`defaults`, replaced by the options that are given and not None. ValueError for an unknown option, with the name
    that was probably meant, and for a value with a wrong type or out of range."""
    if not asked and isinstance(defaults, SamplingOptions):
        return defaults
    given = {name: value for name, value in asked.items() if value is not None or name not in NAMES}
    plain = {name: value.item() if isinstance(value, np.generic) else value for name, value in given.items()}
    return from_dict(SamplingOptions, to_dict(defaults) | plain)


def answering(defaults: SolveConfig, asked: Mapping[str, Any]) -> SamplingOptions:
    """`resolve` for puzzles that get one answer: the checker runs after every step only if it selects the answer, which
    is the default if several answers are wanted. ValueError for several wanted answers without the checker."""
    several = asked.get("want") not in (None, 1) and asked.get("select") is None
    options = resolve(defaults, {**asked, "select": "checked"} if several else asked)
    if options.select == "checked":
        return replace(options, want=options.want or 1)
    if options.want not in (None, 1):
        raise ValueError(
            f"want is {options.want} and counts answers that a check accepts; leave select out, or want if there is no "
            "check."
        )
    return replace(options, want=None)


def drawing(defaults: SolveConfig, n: int | None, asked: Mapping[str, Any]) -> SamplingOptions:
    """`resolve` for n samples of an unconditional task. ValueError for options that choose among answers."""
    for name in ("select", "want", "timeout", "total_timeout"):
        if asked.get(name) is not None:
            raise ValueError(f"{name} applies to answers of a puzzle, but there is none; leave it out.")
    return resolve(defaults, {**asked, "width": asked.get("width") if n is None else n})

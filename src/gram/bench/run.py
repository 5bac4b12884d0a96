"""`gram bench`: measurements as tables or JSON."""

import json
import logging
from collections.abc import Sequence
from typing import Any, Literal

import torch

from gram.bench.clock import Clock, Peak, take_turns
from gram.bench.sampling import Sampling
from gram.bench.training import Training
from gram.measure.record import hardware, origin
from gram.messages import log
from gram.models.device import choose_device
from gram.recipes import change, recipe
from gram.train.log import NullLog

DEFAULT = ("queens-8", "queens-8-trm", "queens-8-hrm", "queens-8-looped")
ALONE = 0.8
"""A process that computes for less than this share of its time shares the machine with others."""


class Aloud(NullLog):
    """A log that prints messages, such as a failure of the compiler, and writes no files."""

    def say(self, text: str, level: int = logging.INFO) -> None:
        log.log(level, text)


def bench(
    names: Sequence[str],
    *,
    what: Literal["train", "solve", "both"],
    batch: int | None,
    threads: int,
    dtype: Literal["auto", "float32", "bfloat16"],
    compile: bool,
    repeats: int,
    seconds: float,
    puzzles: int,
    width: int | None,
    select: Any,
    clock: Literal["wall", "cpu"],
    as_json: bool,
) -> int:
    """Measure the recipes `names` (by default four variants of queens-8) and print the results."""
    numbers = {"batch": batch, "threads": threads, "repeats": repeats, "puzzles": puzzles, "width": width}
    for name, number in numbers.items():
        if number is not None and number < 1:
            raise ValueError(f"{name} is {number}; it must be at least 1.")
    if not seconds > 0:
        raise ValueError(f"seconds is {seconds}; it must be above 0.")
    configs = [recipe(name) for name in names or DEFAULT]
    for config in configs:
        if config.model.kind != "recursive":
            raise ValueError(f"{config.recipe} is not a recursive model; gram bench measures only recursive models.")
    torch.set_num_threads(threads)
    watch = Clock(choose_device("auto"), clock)
    trainings, samplings = [], []
    if what != "solve":
        fields = {"dtype": dtype, "compile": compile, "threads": threads} | ({"batch": batch} if batch else {})
        trainings = [Training(change(c, train=fields), watch, seconds, Aloud()) for c in configs]
    if what != "train":
        samplings = [
            Sampling(c, watch, dtype, puzzles=puzzles, width=width, select=select, compile=compile) for c in configs
        ]
    cases = [*trainings, *samplings]
    peaks = {
        d: Peak(watch, d, sorted({s for c in cases if c.dtype == d for s in c.shapes()}))
        for d in {c.dtype for c in cases}
    }
    take_turns([*peaks.values(), *cases], repeats)
    values = {
        "hardware": hardware(),
        **origin(),
        "device": watch.device.type,
        "clock": clock,
        "repeats": repeats,
        "busy": watch.busy,
        "peak_operations_per_second": {str(d)[6:]: peak.metrics() for d, peak in peaks.items()},
        "train": [case.metrics(peaks[case.dtype]) for case in trainings],
        "solve": [case.metrics(peaks[case.dtype]) for case in samplings],
    }
    print(json.dumps(values, indent=2) if as_json else text(values))
    return 0


# for people -----------------------------------------------------------------------------------------------
def text(values: dict[str, Any]) -> str:
    """The results of `bench` as tables."""
    machine = values["hardware"]
    parts = [f"{machine['gpu'] or machine['cpu']}, {machine['threads']} thread(s), torch {machine['torch']}"]
    for dtype, peak in values["peak_operations_per_second"].items():
        parts.append(f"peak of {dtype} products: {peak['best'] / 1e9:,.0f} GFLOP/s ({peak['shape']})")
    for name, row in (("train", training_row), ("solve", sampling_row)):
        if values[name]:
            rows = [row(figures) for figures in values[name]]
            parts += ["", table([tuple(rows[0]), *(tuple(row.values()) for row in rows)])]
    if not all(figures["trained"] for figures in values["solve"]):
        parts.append("* untrained: every trajectory runs at full depth")
    if values["device"] == "cpu" and values["busy"] < ALONE:
        parts.append(
            f"\nThis process had only {values['busy']:.0%} of its cores, so the seconds are unreliable. Stop other "
            "programs, or use --clock cpu --threads 1."
        )
    return "\n".join(parts)


def training_row(f: dict[str, Any]) -> dict[str, str]:
    """Headings and cells of one recipe."""
    return {
        "training": f["recipe"],
        "parameters": f"{f['parameters']:,}",
        "batch": f"{f['batch']}",
        "dtype": f["dtype"] + ("" if f["compiled"] else ", eager"),
        "updates/s": f"{f['updates_per_second']:.2f}",
        "example-steps/s": f"{f['example_steps_per_second']:,.1f}",
        **shared(f),
        "first update": f"{f['first_update_seconds']:.0f} s",
    }


def sampling_row(f: dict[str, Any]) -> dict[str, str]:
    """Headings and cells of one recipe."""
    return {
        "sampling": f["recipe"] + ("" if f["trained"] else " *"),
        "parameters": f"{f['parameters']:,}",
        "width": f"{f['width']}",
        "dtype": f["dtype"],
        "puzzles/s": f"{f['puzzles_per_second']:.2f}",
        "evaluations/s": f"{f['evaluations_per_second']:,.1f}",
        "one, p50": f"{f['one_puzzle_p50_ms']:,.0f} ms",
        "p95": f"{f['one_puzzle_p95_ms']:,.0f} ms",
        **shared(f),
    }


def shared(f: dict[str, Any]) -> dict[str, str]:
    memory = f["peak_cuda_gib"] or f["peak_rss_gib"]
    return {"of peak": f"{f['share_of_peak']:.1%}", "memory": f"{memory:.2f} GiB"}


def table(rows: list[tuple[str, ...]]) -> str:
    """Aligned columns: the first to the left, the others to the right."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = ["  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]) for row in rows]
    return "\n".join(lines)

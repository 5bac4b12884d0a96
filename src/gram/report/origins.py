"""Where the rows of the report come from: results files, with the command that made them, and papers."""

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from gram.recipes.plans import EXTREME, MAZES
from gram.report.grid import Origin
from gram.report.results import FILE, Measurement, Result, machine_of

SPLITS = "dev", "test"
FILES = {Path(name).name: name for name in (EXTREME, MAZES)}
"""Data files by the name that results have."""
OPTIONS = {
    *("width", "depth", "select", "limit", "temperature", "restart_every", "edge_probability", "seed", "early_stop"),
    "bits",
}
"""Options of `gram eval` that the name of a measurement may state."""
ASIDE = {"hardware", "benchmark", "commit", "dirty", FILE}
"""Fields of a benchmark's file that are not its conditions."""
CONDITIONS = 12
"""At most this many conditions of a benchmark are shown."""


def measured(seeds: Sequence[Measurement]) -> tuple[Origin, ...]:
    """The results files of the measurements of a row, each once."""
    return tuple(dict.fromkeys(origin(m) for m in seeds))


def origin(m: Measurement) -> Origin:
    """The results file of a measurement."""
    commit = f"{m.values.get('commit') or m.result.commit}"[:12]
    detail = f"seed {m.result.seed}, commit {commit}, {m.result.machine}"
    return Origin(name(m.result), m.result.path, command(m), detail)


def name(result: Result) -> str:
    """The end of the path of a results file, with its group."""
    return "/".join(result.path.parts[-2:]) + (f" ({result.group})" if result.group else "")


def command(m: Measurement) -> str:
    """The command that measures the same again."""
    data, *asked = m.key.split(" ")
    words = ["gram", "eval", m.result.task]
    weights = m.values.get("weights")
    words += ["--weights", f"{weights}"] if weights and weights != m.result.task else []
    words += ["--split", data] if data in SPLITS else ["--data", FILES.get(data, data)]
    for each in asked:
        option, _, value = each.partition("=")
        if option in OPTIONS:
            words += [f"--{option.replace('_', '-')}", *([] if value == "True" else [value])]
    return shlex.join(words)


def benchmark(values: Mapping[str, Any], made_by: str) -> tuple[Origin, ...]:
    """The file in bench/ of a benchmark, with its conditions, and the command that makes such files."""
    path = values.get(FILE)
    if not isinstance(path, Path):
        return ()
    scalars = {k: v for k, v in values.items() if k not in ASIDE and isinstance(v, str | int | float | bool)}
    shown = [f"{k} {v:.4g}" if isinstance(v, float) else f"{k} {v}" for k, v in scalars.items()][:CONDITIONS]
    commit = [f"commit {values['commit']}"[:19]] if isinstance(values.get("commit"), str) else []
    detail = ", ".join([*shown, *commit, machine_of(values["hardware"])])
    return (Origin("/".join(path.parts[-2:]), path, made_by, detail),)


def cited(source: str) -> tuple[Origin, ...]:
    """A paper by its number on arXiv; none for ""."""
    return (Origin(f"arXiv:{source}", f"https://arxiv.org/abs/{source}"),) if source else ()

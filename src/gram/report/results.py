"""Results files as they lie in a folder: RECIPE/SEED.json of `gram eval --record`, the same below folders of older
comparisons, and bench/*.json of `gram bench --json`."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gram import recipes
from gram.config import read_json
from gram.recipes.variants import GRAM

BENCH = "bench"
ALONE = {"one_puzzle_p50_ms", "one_puzzle_p95_ms"}
BENCHED = {
    "train": {"recipe", "dtype", "share_of_peak", "batch", "updates_per_second"},
    "solve": {"recipe", "dtype", "share_of_peak", "width", "select", "puzzles_per_second"} | ALONE,
}
"""What the report tells of `gram bench`."""


@dataclass(frozen=True)
class Result:
    """One results file: what was measured of the weights of one recipe and seed."""

    path: Path
    group: str
    """The folder between the results folder and RECIPE/SEED.json; "" for none."""
    task: str
    scale: str
    """laptop or paper."""
    variant: str
    """The model: "gram", "trm", ...; for a recipe of one's own its name."""
    seed: int
    parameters: int | None
    seconds: float | None
    """Of the training."""
    machine: str
    commit: str
    """Of the last measurement, with what is to be said about it."""
    figures: dict[str, dict[str, Any]]


@dataclass(frozen=True)
class Measurement:
    """One entry of a results file."""

    result: Result
    key: str
    values: dict[str, Any]

    def number(self, name: str) -> float | None:
        """The figure of that name; None if it was not measured. ValueError if it is no number."""
        value = self.values.get(name)
        if value is not None and (not isinstance(value, int | float) or isinstance(value, bool)):
            raise ValueError(f"{self.result.path}: {name} of {self.key!r} is no number; repair or remove the file.")
        return value

    def table(self, name: str) -> dict[str, Any]:
        """The figures by group (by_solutions, by_width) or of a calibration; {} if they were not measured."""
        value = self.values.get(name) or {}
        if not isinstance(value, dict):
            raise ValueError(f"{self.result.path}: {name} of {self.key!r} is no object; repair or remove the file.")
        return value

    @property
    def plain(self) -> bool:
        """Whether the weights answered as they were tuned, on the task's own kind of puzzles."""
        asked = ("temperature=", "restart_every=", "edge_probability=", "seed=")
        return not any(f" {name}" in self.key for name in asked)


def read(folder: Path) -> list[Result]:
    """All results of a folder. FileNotFoundError if there are none, ValueError naming a damaged file."""
    if not folder.is_dir():
        raise FileNotFoundError(f"There is no folder {folder}; give the one that `gram eval --record` wrote.")
    paths = [*sorted(folder.glob("*/*.json")), *sorted(folder.glob("*/*/*.json"))]
    found = [result(path, folder) for path in paths if path.parent != folder / BENCH]
    if not found:
        raise FileNotFoundError(
            f"{folder} holds no results (RECIPE/SEED.json); measure some with `gram eval TASK --record {folder}`."
        )
    return found


def machine_of(hardware: dict[str, Any]) -> str:
    """What a figure was measured on, in words."""
    return hardware.get("gpu") or f"{hardware.get('cpu')}, {hardware.get('threads')} thread(s)"


def result(path: Path, folder: Path) -> Result:
    """One results file below `folder`."""
    values = read_json(path)
    wanted = {"recipe": str, "task": str, "seed": int, "figures": dict, "hardware": dict}
    for name, kind in wanted.items():
        if not isinstance(values.get(name), kind):
            raise ValueError(f"{path} is no results file: {name} is missing or damaged; repair or remove it.")
    for name in ("parameters", "seconds"):
        if not isinstance(values.get(name), int | float | None):
            raise ValueError(f"{path} is no results file: {name} is no number; repair or remove it.")
    if not all(isinstance(entry, dict) for entry in values["figures"].values()):
        raise ValueError(f"{path} is no results file: figures is damaged; repair or remove it.")
    scale, task, variant = recipes.split(values["recipe"])
    return Result(
        path=path,
        group="" if path.parent.parent == folder else path.parent.parent.name,
        task=values["task"],
        scale=scale,
        variant=(variant or GRAM) if task else values["recipe"],
        seed=values["seed"],
        parameters=values.get("parameters"),
        seconds=values.get("seconds"),
        machine=machine_of(values["hardware"]),
        commit=f"{values.get('commit') or 'unknown'}"[:12] + (", with changes" if values.get("dirty") else ""),
        figures=values["figures"],
    )


def measurements(results: list[Result], task: str) -> list[Measurement]:
    """Everything that was measured on a task."""
    return [Measurement(r, key, values) for r in results if r.task == task for key, values in r.figures.items()]


def bench(folder: Path) -> list[dict[str, Any]]:
    """What `gram bench --json` told, kept in bench/; what other benchmarks say is left out."""
    found = {path: read_json(path) for path in sorted((folder / BENCH).glob("*.json"))}
    found = {path: values for path, values in found.items() if {"train", "solve", "hardware"} <= values.keys()}
    for path, values in found.items():
        for part, names in BENCHED.items():
            for row in values[part]:
                if missing := names - row.keys():
                    raise ValueError(f"{path} lacks {min(missing)} of gram bench; repair or remove it.")
    return list(found.values())


EDGE = {"arithmetic", "load_seconds", "cold_start_seconds", "memory_mib", "p50_ms", "p95_ms"}
"""What every row of benchmarks/edge.py has."""


def edges(folder: Path) -> list[dict[str, Any]]:
    """What benchmarks/edge.py told of bundles, kept in bench/."""
    found = {path: read_json(path) for path in sorted((folder / BENCH).glob("*.json"))}
    found = {path: values for path, values in found.items() if "edge" in values}
    for path, values in found.items():
        missing = {"name", "width", "puzzles", "hardware"} - values.keys()
        for row in values["edge"]:
            missing |= EDGE - row.keys()
        if missing:
            raise ValueError(f"{path} lacks {min(missing)} of benchmarks/edge.py; repair or remove it.")
    return list(found.values())

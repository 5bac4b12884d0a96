"""Results files of a folder: RECIPE/SEED.json of `gram eval --record`, the same in subfolders of older comparisons, and
bench/*.json of `gram bench --json`."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gram import recipes, strict_json
from gram.fields import NAME, Form, Range
from gram.recipes.variants import GRAM
from gram.report import shapes
from gram.report.shapes import COUNT, NUMBER, TEXT, Each, Maybe

BENCH = "bench"
FILE = "file"
"""Where the values of a file in bench/ hold its path."""
HARDWARE = {"?cpu": Maybe(TEXT), "?gpu": Maybe(TEXT), "?threads": Maybe(COUNT)}
WIDTHS = Form(r"[1-9]\d{0,8}", "a number of samples")
BY_WIDTH = Each(WIDTHS, {"selected_valid": NUMBER, "coverage": NUMBER, "coverage_share": NUMBER}, least=1)
BY_SOLUTIONS = Each(TEXT, {"?examples": COUNT, "?valid": Maybe(NUMBER), "?coverage": Maybe(NUMBER)})
CALIBRATION = {"brier": NUMBER, "ece": NUMBER, "?bins": [(NUMBER, NUMBER, NUMBER)]}
FIGURES = {
    **{f"?{name}": Maybe(TEXT) for name in ("data", "date", "select")},
    **{f"?{name}": Maybe(COUNT) for name in ("depth", "width", "examples", "samples", "variants")},
    **{f"?{name}": Maybe(BY_WIDTH if name == "by_width" else BY_SOLUTIONS) for name in ("by_width", "by_solutions")},
    **{f"?{head}_calibration": Maybe(CALIBRATION) for head in ("halt", "value")},
}
RESULTS = {
    "recipe": NAME,
    "task": NAME,
    "seed": Range(0, 2**63 - 1),
    "hardware": HARDWARE,
    "figures": Each(TEXT, FIGURES),
    "?parameters": Maybe(COUNT),
    "?seconds": Maybe(NUMBER),
    "?commit": Maybe(TEXT),
}
"""RECIPE/SEED.json."""
ALONE = {"one_puzzle_p50_ms": NUMBER, "one_puzzle_p95_ms": NUMBER}
EITHER = {"recipe": TEXT, "dtype": TEXT, "share_of_peak": NUMBER}
BENCHED = {
    "hardware": HARDWARE,
    "train": [EITHER | {"batch": COUNT, "updates_per_second": NUMBER}],
    "solve": [EITHER | ALONE | {"width": COUNT, "select": TEXT, "puzzles_per_second": NUMBER}],
}
"""The results of `gram bench` that the report shows."""
TIMED = ("load_seconds", "cold_start_seconds", "memory_mib", "p50_ms", "p95_ms")
VALID = ("valid_one_sample", "valid_checked", "valid_majority")
EDGE = {
    **{"name": TEXT, "width": COUNT, "puzzles": COUNT, "hardware": HARDWARE},
    "?packages_mib": Maybe(Each(TEXT, NUMBER)),
    "edge": [
        {"arithmetic": TEXT, **dict.fromkeys(TIMED, NUMBER)}
        | {f"?{name}": Maybe(NUMBER) for name in ("bundle_mb", "same_answers", "rows_with_close_logits", *VALID)}
    ],
}
"""The results of benchmarks/edge.py about bundles."""


@dataclass(frozen=True)
class Result:
    """One results file: the measurements of the weights of one recipe and seed."""

    path: Path
    group: str
    """The folder between the results folder and RECIPE/SEED.json; "" for none."""
    task: str
    scale: str
    """laptop or paper."""
    variant: str
    """The model variant: "gram", "trm", ...; the name of the recipe for your own recipes."""
    seed: int
    parameters: int | None
    seconds: float | None
    """Seconds of training."""
    machine: str
    commit: str
    """Commit of the last measurement, with a note if there were changes."""
    figures: dict[str, dict[str, Any]]


@dataclass(frozen=True)
class Measurement:
    """One entry of a results file."""

    result: Result
    key: str
    values: dict[str, Any]

    def number(self, name: str) -> float | None:
        """The metric of that name; None if it was not measured. ValueError if it is not a number."""
        value = self.values.get(name)
        if value is not None and (not isinstance(value, int | float) or isinstance(value, bool)):
            raise ValueError(f"{self.result.path}: {name} of {self.key!r} is not a number; repair or remove the file.")
        return value

    def table(self, name: str) -> dict[str, Any]:
        """The metrics by group (by_solutions, by_width) or of a calibration; {} if they were not measured."""
        value = self.values.get(name) or {}
        if not isinstance(value, dict):
            raise ValueError(f"{self.result.path}: {name} of {self.key!r} is not an object; repair or remove the file.")
        return value

    @property
    def plain(self) -> bool:
        """Whether the weights answered with their tuned options, on the puzzles of their task."""
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
            f"{folder} has no results (RECIPE/SEED.json); measure some with `gram eval TASK --record {folder}`."
        )
    return found


def machine_of(hardware: dict[str, Any]) -> str:
    """A description of the machine."""
    return hardware.get("gpu") or f"{hardware.get('cpu')}, {hardware.get('threads')} thread(s)"


def result(path: Path, folder: Path) -> Result:
    """One results file below `folder`."""
    values = shapes.read(path, RESULTS, "results")
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
    """All measurements of a task."""
    return [Measurement(r, key, values) for r in results if r.task == task for key, values in r.figures.items()]


def bench(folder: Path) -> list[dict[str, Any]]:
    """The files of `gram bench --json` in bench/, without those of other benchmarks."""
    return files_of(folder, {"train", "solve", "hardware"}, BENCHED, "`gram bench --json`")


def edges(folder: Path) -> list[dict[str, Any]]:
    """The files of benchmarks/edge.py in bench/."""
    return files_of(folder, {"edge"}, EDGE, "benchmarks/edge.py")


def files_of(folder: Path, marks: set[str], shape: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    """The files in bench/ that have all keys of `marks`, with their paths. ValueError names a file with the wrong
    shape."""
    found = {path: strict_json.read_object(path) for path in sorted((folder / BENCH).glob("*.json"))}
    found = {path: values for path, values in found.items() if marks <= values.keys()}
    for path, values in found.items():
        shapes.compare(path, values, shape, kind)
    return [values | {FILE: path} for path, values in found.items()]

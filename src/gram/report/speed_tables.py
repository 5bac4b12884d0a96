"""Tables from the results in bench/ of `gram bench` and the programs in benchmarks/: speed, bundles (edge.py), accuracy
against cost (surface.py), the server (serving.py), and the sampler compared with other loops (sampling.py, halting.py).
The files of the last four name their program in "benchmark"."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gram import strict_json
from gram.report import origins, served, shapes
from gram.report.grid import DASH, Grid, Line, Origin, Row, grid
from gram.report.results import BENCH, FILE, HARDWARE, WIDTHS, machine_of
from gram.report.shapes import COUNT, NUMBER, TEXT, Each

Rows = list[dict[str, Any]]
RATIO = {"ratio": NUMBER, "ratio_spread": NUMBER, "?ceiling": NUMBER}
SPENT = {"evaluations_a_sample": NUMBER, "seconds_a_sample": NUMBER}
BY_WIDTH = Each(WIDTHS, {"selected_valid": NUMBER, "coverage": NUMBER}, least=1)
DEPTH = SPENT | {"depth": COUNT, "valid": NUMBER, "by_width": BY_WIDTH}
COST = {"values": (COUNT,), "seconds": (NUMBER,), "exponent": NUMBER, "exponent_upper": NUMBER}
SHAPES: dict[str, dict[str, Any]] = {
    "surface": {
        **{"name": TEXT, "dtype": TEXT, "puzzles": COUNT, "width": COUNT, "hardware": HARDWARE},
        **{"accuracy": [DEPTH], "cost": Each(TEXT, COST)},
    },
    "sampling": {
        **{"name": TEXT, "dtype": TEXT, "plain_dtype": TEXT, "puzzles": COUNT, "width": COUNT, "depth": COUNT},
        **{"value": RATIO, "checked": RATIO, "hardware": HARDWARE},
    },
    "halting": {
        **{"size": TEXT, "task": TEXT, "dtype": TEXT, "puzzles": COUNT, "hardware": HARDWARE},
        **{"?loop": RATIO, "?package": RATIO},
    },
    "serving": served.SHAPE,
}


def read(folder: Path) -> dict[str, Rows]:
    """The files of each benchmark in folder/bench, with their paths. ValueError names an incomplete file."""
    found: dict[str, Rows] = {kind: [] for kind in SHAPES}
    for path in sorted((folder / BENCH).glob("*.json")):
        values = strict_json.read_object(path)
        kind = values.get("benchmark")
        if not isinstance(kind, str) or kind not in SHAPES:
            continue
        shapes.compare(path, values, SHAPES[kind], f"benchmarks/{kind}.py")
        for axis in values.get("cost", {}).values() if kind == "surface" else ():
            if len(axis["values"]) != len(axis["seconds"]):
                raise ValueError(f"{path}: cost has values that are not seconds; {shapes.REMEDY}.")
        found[kind].append(values | {FILE: path})
    return found


# tables -----------------------------------------------------------------------------------------------------
def speed(benches: list[dict]) -> Grid | None:
    """Results of `gram bench`: one row per recipe and workload."""
    heads = (
        "recipe",
        "workload",
        "machine",
        "arithmetic",
        "rates",
        "one puzzle, p50 / p95",
        "share of the machine's peak",
    )
    lines: list[Line] = []
    for values in benches:
        machine = machine_of(values["hardware"])
        for row in values["train"]:
            rate = f"{row['updates_per_second']:.3g} updates/s"
            doing = f"updates of {row['batch']} rows"
            cells = (row["recipe"], doing, machine, row["dtype"], rate, DASH, f"{row['share_of_peak']:.0%}")
            lines.append(Line(cells, origins.benchmark(values, f"gram bench {row['recipe']} --json")))
        for row in values["solve"]:
            rate = f"{row['puzzles_per_second']:.3g} puzzles/s side by side"
            doing = f"{row['width']} samples, {row['select']}"
            alone = f"{row['one_puzzle_p50_ms']:.0f} / {row['one_puzzle_p95_ms']:.0f} ms"
            cells = (row["recipe"], doing, machine, row["dtype"], rate, alone, f"{row['share_of_peak']:.0%}")
            lines.append(Line(cells, origins.benchmark(values, f"gram bench {row['recipe']} --json")))
    return grid(heads, lines)


def edge(found: list[dict]) -> Grid | None:
    """Results of benchmarks/edge.py: one row per network and arithmetic, and the size of an installation without
    torch."""
    heads = ("weights", "arithmetic", "bundle MB", "load s", "cold start s", "memory MiB", "one puzzle, p50 / p95 ms")
    heads = (*heads, "answers as torch", "logits within 1e-3", "valid %: one sample", "checked", "majority")
    lines: list[Line] = []
    for values in found:
        for row in values["edge"]:
            size = DASH if row.get("bundle_mb") is None else f"{row['bundle_mb']:.2f}"
            cells = (f"{row['load_seconds']:.2f}", f"{row['cold_start_seconds']:.2f}", f"{row['memory_mib']:.0f}")
            alike = (row.get(name) for name in ("same_answers", "rows_with_close_logits"))
            alike = (DASH if count is None else f"{count} of {values['puzzles']}" for count in alike)
            valid = (row.get(f"valid_{how}") for how in ("one_sample", "checked", "majority"))
            valid = (DASH if share is None else f"{100 * share:.1f}" for share in valid)
            took = f"{row['p50_ms']:.0f} / {row['p95_ms']:.0f}"
            line = (values["name"], row["arithmetic"], size, *cells, took, *alike, *valid)
            lines.append(Line(line, origins.benchmark(values, "python benchmarks/edge.py")))
    if not lines:
        return None
    sizes = next((values["packages_mib"] for values in found if values.get("packages_mib")), None)
    note = f"Width {found[0]['width']}; a cold start is a new process that gives one answer, from start to end."
    for values in found:
        note += f" {values['name']}: {machine_of(values['hardware'])}."
    if sizes:
        each = ", ".join(f"{name} {size:.1f} MiB" for name, size in sizes.items())
        note += f" Installed without torch: {each}, {sum(sizes.values()):.1f} MiB in all."
    return Grid(heads, lines, [note])


def baselines(found: Mapping[str, Rows]) -> Grid | None:
    """The speed of the sampler relative to other loops."""
    heads = ("ours", "against", "arithmetic", "machine", "ratio", "spread of the repetitions", "ceiling")
    lines: list[Line] = []
    for values in found["sampling"]:
        shape = f"{values['name']}, {values['puzzles']} puzzles, width {values['width']}"
        for name, what in (("value", "all trajectories until they halt"), ("checked", "until the rules accept one")):
            against = f"the same weights for {values['depth']} steps in {values['plain_dtype']}"
            lines.append(Line((f"{shape}, {what}", against, *compared(values, values[name])), made_by(values)))
    for values in found["halting"]:
        shape = f"TRM, {values['size']} size, {values['puzzles']} of {values['task']}"
        for name, what in (("loop", "around our network"), ("package", "with its own network")):
            if name in values:
                cells = (shape, f"tiny-recursive-model {what}", *compared(values, values[name]))
                lines.append(Line(cells, made_by(values)))
    return grid(heads, lines)


def compared(values: Mapping[str, Any], baseline: Mapping[str, Any]) -> Row:
    """Arithmetic, machine and ratio."""
    ceiling = f"{baseline['ceiling']:.1f}x" if "ceiling" in baseline else DASH
    machine = machine_of(values["hardware"])
    return values["dtype"], machine, f"{baseline['ratio']:.2f}x", f"{baseline['ratio_spread']:.0%}", ceiling


def accuracies(found: Mapping[str, Rows]) -> Grid | None:
    """Validity and cost of a sample by depth."""
    heads = ("weights", "arithmetic", "puzzles", "depth", "evaluations a sample", "ms a sample")
    heads = (*heads, "validity of one %", "widest: chosen valid %", "widest: coverage %")
    lines: list[Line] = []
    for values in found["surface"]:
        for row in values["accuracy"]:
            widest = list(row["by_width"].values())[-1]
            rates = (row["valid"], widest["selected_valid"], widest["coverage"])
            spent = f"{row['evaluations_a_sample']:.2f}", f"{1e3 * row['seconds_a_sample']:.1f}"
            place = values["name"], values["dtype"], f"{values['puzzles']}", f"{row['depth']}"
            shares = (DASH if rate is None else f"{100 * rate:.1f}" for rate in rates)
            lines.append(Line((*place, *spent, *shares), made_by(values)))
    return grid(heads, lines)


def exponents(found: Mapping[str, Rows]) -> Grid | None:
    """How the time of one puzzle grows with width and depth."""
    heads = ("weights", "arithmetic", "over", "from", "ms", "to", "ms", "exponent", "of the upper half")
    lines: list[Line] = []
    for values in found["surface"]:
        for axis, cost in values["cost"].items():
            ends = [f"{cost['values'][i]}" for i in (0, -1)]
            ms = [f"{1e3 * cost['seconds'][i]:.1f}" for i in (0, -1)]
            fits = (f"{cost[name]:.2f}" for name in ("exponent", "exponent_upper"))
            cells = (values["name"], values["dtype"], axis, ends[0], ms[0], ends[1], ms[1], *fits)
            lines.append(Line(cells, made_by(values)))
    return grid(heads, lines)


def made_by(values: Mapping[str, Any]) -> tuple[Origin, ...]:
    """The file of a program in benchmarks/."""
    return origins.benchmark(values, f"python benchmarks/{values['benchmark']}.py")


def sections(found: Mapping[str, Rows]) -> list[tuple[str, Grid | None]]:
    """Title and table of each section."""
    return [
        ("The sampler against other loops", baselines(found)),
        ("Accuracy against cost, by `benchmarks/surface.py`", accuracies(found)),
        ("Cost over width and depth, no halting (exponent 1 is linear)", exponents(found)),
        ("The server, by `benchmarks/serving.py`", served.table(found["serving"])),
        ("Solved by a deadline, one request at a time", served.deadlines(found["serving"])),
    ]

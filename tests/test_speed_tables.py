"""gram report on what the programs in benchmarks/ measured."""

import json
from pathlib import Path
from typing import Any

import pytest

from gram.report import page, served, speed_tables
from gram.report.grid import Grid

HARDWARE = {"cpu": "tiny", "gpu": None, "threads": 2}
WIDEST = {"1": {"selected_valid": 0.5, "coverage": 0.2}, "20": {"selected_valid": 0.75, "coverage": 0.25}}
DEPTH = {"depth": 8, "valid": 0.5, "by_width": WIDEST, "evaluations_a_sample": 3.5, "seconds_a_sample": 0.01}
COST = {"values": [1, 256], "seconds": [0.01, 2.0], "exponent": 0.9, "exponent_upper": 0.98}
SURFACE = {"benchmark": "surface", "name": "queens-8", "dtype": "bfloat16", "puzzles": 50, "width": 20}
SURFACE |= {"hardware": HARDWARE, "accuracy": [DEPTH], "cost": {"width": COST, "depth": COST}}
RATIO = {"ratio": 2.345, "ratio_spread": 0.1}
SAMPLING = {"benchmark": "sampling", "name": "sudoku-9", "dtype": "bfloat16", "puzzles": 256, "width": 20, "depth": 16}
SAMPLING |= {
    "plain_dtype": "float32",
    "hardware": HARDWARE,
    "plain": {},
    "value": RATIO,
    "checked": RATIO | {"ratio": 6.5},
}
HALTING = {"benchmark": "halting", "size": "laptop", "task": "sudoku-9", "dtype": "float32", "puzzles": 256, "ours": {}}
HALTING |= {"hardware": HARDWARE, "loop": RATIO, "package": RATIO | {"ceiling": 2.6}}
SERVING = {"benchmark": "serving", "dtype": "float32", "hardware": HARDWARE}
SERVING |= {
    "throughput": {"clients": 64, "puzzles": 512, "server_per_second": 35.08, "share": 0.8367},
    "worker": {
        **{"requests": 64, "broken_by_the_kill": 26, "answered_afterwards": 64},
        **{"open_at_sigterm": 32, "answered_of_open": 32},
    },
    "deadlines": [
        {
            **{"deadline_ms": 500, "solved": 0.975, "puzzles": 200, "weights": "sudoku-9-search", "data": "a.csv"},
            **{"p50_ms": 61.0, "p95_ms": 204.0},
        }
    ],
}


def write(folder: Path, **files: dict[str, Any]) -> Path:
    (folder / "bench").mkdir()
    for name, values in files.items():
        (folder / "bench" / f"{name}.json").write_text(json.dumps(values))
    return folder


def cells(table: Grid | None, *start: str) -> list[list[str]]:
    """The rows of a table that begin so."""
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in str(table).splitlines()]
    return [row[len(start) :] for row in rows if row[: len(start)] == list(start)]


def test_tables_of_what_was_timed(tmp_path):
    found = speed_tables.read(write(tmp_path, a=SURFACE, b=SAMPLING, c=HALTING, d={"benchmark": "another"}, e={}))
    [row] = cells(speed_tables.accuracies(found), "queens-8", "bfloat16", "50", "8")
    assert row == ["3.50", "10.0", "50.0", "75.0", "25.0"]
    assert cells(speed_tables.exponents(found), "queens-8", "bfloat16", "width") == [
        ["1", "10.0", "256", "2000.0", "0.90", "0.98"]
    ]
    shape = "sudoku-9, 256 puzzles, width 20, until the rules accept one"
    assert cells(speed_tables.baselines(found), shape) == [
        ["the same weights for 16 steps in float32", "bfloat16", "tiny, 2 thread(s)", "6.50x", "10%", "–"]
    ]
    network, own = cells(speed_tables.baselines(found), "TRM, laptop size, 256 of sudoku-9")
    assert network[1:] == ["float32", "tiny, 2 thread(s)", "2.35x", "10%", "–"]
    assert own[-1] == "2.6x"


def test_tables_of_the_server(tmp_path):
    found = speed_tables.read(write(tmp_path, a=SERVING))["serving"]
    table = served.table(found)
    assert cells(table, "64 clients that each ask one of 512 puzzles at a time") == [
        ["tiny, 2 thread(s)", "float32", "35.1 puzzles/s, 84% of the library's"]
    ]
    [[*_, killed]] = cells(table, "one of two workers is killed under 64 requests")
    assert killed.startswith("26 broken")
    [row] = cells(served.deadlines(found), "sudoku-9-search", "200 of a.csv")
    assert row == ["tiny, 2 thread(s)", "float32", "500", "97.5", "61 / 204 ms"]


def test_nothing_was_timed(tmp_path):
    assert all(table is None for _, table in speed_tables.sections(speed_tables.read(tmp_path)))


@pytest.mark.parametrize(
    ("made", "lacking"),
    [
        ({name: value for name, value in SURFACE.items() if name != "cost"}, "lacks cost"),
        (
            SURFACE | {"accuracy": [{"depth": 1, "valid": 1, "evaluations_a_sample": 1, "seconds_a_sample": 1}]},
            r"accuracy\[0\] lacks by_width",
        ),
        (HALTING | {"package": {}}, "package lacks ratio"),
    ],
)
def test_a_file_that_lacks_something_is_named(made, lacking, tmp_path):
    with pytest.raises(ValueError, match=rf"a\.json.*{lacking};"):
        speed_tables.read(write(tmp_path, a=made))


def test_the_page_has_both(tmp_path):
    pytest.importorskip("matplotlib")
    results = write(tmp_path, a=SURFACE, b=SERVING)
    (results / "queens-8").mkdir()
    made = {"recipe": "queens-8", "task": "queens-8", "seed": 0, "figures": {}, "hardware": HARDWARE}
    (results / "queens-8" / "0.json").write_text(json.dumps(made))
    assert page.report(results, tmp_path / "out") == 0
    text = (tmp_path / "out" / "report.md").read_text()
    assert "### Cost over width and depth" in text
    for figure in ("surface", "deadlines"):
        drawn = (tmp_path / "out" / "figures" / f"{figure}.svg").read_text()
        assert "mathdefault" not in drawn


def test_what_stands_outside_of_tables_is_text_as_well():
    timed = dict.fromkeys(("load_seconds", "cold_start_seconds", "memory_mib", "p50_ms", "p95_ms"), 1.0)
    values = {"name": "\x1b[2J<script>", "width": 20, "puzzles": 3, "edge": [{"arithmetic": "float32"} | timed]}
    values |= {"packages_mib": {"<b>": 1.0}, "hardware": HARDWARE | {"cpu": "![x](http://x)"}}
    text = str(speed_tables.edge([values]))
    assert not [markup for markup in ("\x1b", "<script>", "<b>", "![x](") if markup in text]

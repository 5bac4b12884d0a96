"""`gram report`: tables and figures of a folder of results as one Markdown page, and the same for a browser. Without
matplotlib, tables only."""

import importlib.util
import os
import tempfile
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from gram.atomic import whole
from gram.console.text import counted
from gram.report import contents, learning_curves, results, speed_tables, tables
from gram.report.grid import Grid
from gram.report.html import Figure, Section, html
from gram.report.results import Result

PAGE, HTML, FIGURES = "report.md", "report.html", "figures"
MARK = "<!-- made by gram report -->"
MISSING = "Figures need matplotlib: pip install 'gram-reasoning[report]'."
INTRODUCTION = """Our results are samples from the prior; no target is used at test time, except by a bound on the
likelihood, which is named so. A value is the mean over seeds
± its standard deviation. Training is the time of one run. Evaluations (rows times supervision steps) and seconds are
per puzzle with all its samples, or per sample if there are no puzzles. Published results come from others, with larger
networks and other budgets. A dash means that there is no measurement."""
SORTABLE = (
    f"[The same for a browser]({HTML}): tables to sort, and for every value its file and its command or its paper."
)
NOT_YET = "Not measured yet."


def report(
    folder: Path,
    out: Path | None = None,
    *,
    run: Sequence[Path] = (),
    weights: Sequence[str] = (),
    puzzle: str | None = None,
    samples: Sequence[str] = (),
    dtype: str = "auto",
) -> int:
    """Write OUT/report.md, OUT/report.html and OUT/figures from the results in `folder`. OUT is FOLDER/report if not
    given.

    run: run folders, to draw their losses. weights: networks, to draw their trajectories side by side on `puzzle` or a
    dev puzzle. samples: networks, to draw their unconditional samples. dtype: the arithmetic of both; see gram.load.
    FileNotFoundError without results, ValueError for damaged files or if OUT is not an earlier report; then nothing is
    written.
    """
    out = folder / "report" if out is None else out
    check_out(out)
    if (weights or samples) and not drawable():
        raise ValueError(MISSING)
    found = results.read(folder) if folder.is_dir() or not (run or weights or samples) else []
    learned = [learning_curves.read(path) for path in run]
    measured = speed_tables.read(folder)
    sections = [
        *tabled(found),
        Section("Speed, by `gram bench --json`", speed_tables.speed(results.bench(folder))),
        *(Section(*section) for section in speed_tables.sections(measured)),
        Section("On the edge, by `benchmarks/edge.py`", speed_tables.edge(results.edges(folder))),
    ]
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".report-", suffix=".tmp", dir=out.parent) as holder:
        made = Path(holder)
        (made / FIGURES).mkdir()
        pictured = traced(weights, puzzle, dtype), sheets(samples, dtype)
        drawings = sketches(found, learned, *pictured, measured)
        figures = [figure for sketch in drawings if (figure := illustration(sketch, made))]
        missing, of = "" if drawings else MISSING, contents.sources(found)
        for_browsers = html(INTRODUCTION, sections, figures, missing, of, out)
        put(made, out, page(sections, figures, missing, of), for_browsers)
    drawn = len(list((out / FIGURES).glob("*.png")))
    print(f"The report is in {out / PAGE}: {counted(len(found), 'results file')}, {counted(drawn, 'figure')}.")
    if not drawable():
        print(MISSING)
    return 0


def check_out(out: Path) -> None:
    """ValueError if `out` exists and is not an earlier report."""
    if not out.exists() or (out.is_dir() and not any(out.iterdir())):
        return
    page = out / PAGE
    if not page.is_file() or not page.read_text(encoding="utf-8", errors="replace").startswith(MARK):
        raise ValueError(f"{out} is not an earlier report; choose another --out.")


def put(made: Path, out: Path, text: str, for_browsers: str) -> None:
    """Move the figures to `out`, then write the pages, so that none ever names a missing file."""
    (out / FIGURES).mkdir(parents=True, exist_ok=True)
    for old in (out / FIGURES).iterdir():
        if old.suffix in (".png", ".svg") and not (made / FIGURES / old.name).exists():
            old.unlink()
    for figure in (made / FIGURES).iterdir():
        os.replace(figure, out / FIGURES / figure.name)
    for name, written in ((HTML, for_browsers), (PAGE, text)):
        with whole(out / name) as temporary:
            temporary.write_text(written, encoding="utf-8")


def drawable() -> bool:
    """Whether matplotlib is installed."""
    return importlib.util.find_spec("matplotlib") is not None


def traced(weights: Sequence[str], puzzle: str | None, dtype: str) -> list[Any]:
    """Trajectories of each network."""
    if not weights:
        return []
    from gram.report import latent_paths  # torch

    return [latent_paths.trace(name, puzzle, dtype="float32" if dtype == "auto" else dtype) for name in weights]


def sheets(weights: Sequence[str], dtype: str) -> list[Any]:
    """Samples of each network."""
    if not weights:
        return []
    from gram.report.sample_sheets import sheet  # torch

    return [sheet(name, dtype) for name in weights]


# the page ---------------------------------------------------------------------------------------------------
Sketch = tuple[str, str, Callable[[], Any], str]
"""File name, caption, drawing function, and what to do if there is nothing to draw."""


def sketches(
    found: list[Result],
    learned: Sequence[learning_curves.Learning],
    traces: Sequence[Any],
    drawn: Sequence[Any],
    measured: Mapping[str, speed_tables.Rows],
) -> list[Sketch]:
    """All figures, in the order of the page."""
    if not drawable():
        return []
    from gram.report import figures

    tasks = dict.fromkeys(["queens-8", "sudoku-9", *(r.task for r in found)])
    measure = {"queens-8": "gram reproduce scaling", "sudoku-9": "gram reproduce scaling-sudoku"}
    again = "Measure again; older records hold only scores."
    surface = "Run `python benchmarks/surface.py --out results/bench/surface-queens-8-bfloat16.json`."
    served = "Measure the part `deadlines` of benchmarks/serving.py."
    runs = "Give runs: `gram report --run runs/queens-8-0`."
    weights = "Give weights: `gram report --trajectories queens-8`."
    digits = "Give weights: `gram report --samples mnist`."
    one, cost = (
        "Calibration of the halting and value heads",
        "Accuracy against time, and time over width and depth",
    )
    solutions = "Validity by number of solutions"
    scaling = [
        (
            f"scaling-{task}",
            f"Depth, width and coverage: {task}",
            partial(figures.scaling, found, task),
            f"Run `{measure[task]}`." if task in measure else "",
        )
        for task in tasks
    ]
    return [
        ("by-solutions", solutions, partial(figures.by_solutions, found), "Run `gram reproduce queens-8`."),
        *scaling,
        ("calibration", one, partial(figures.calibration, found), again),
        ("surface", cost, partial(figures.surface, measured["surface"]), surface),
        ("deadlines", "Solved by a deadline", partial(figures.deadlines, measured["serving"]), served),
        ("runs", "Runs over time", partial(figures.runs, learned), runs),
        ("learning", "The surrogate beside the full ELBO", partial(figures.learning, learned), runs),
        ("trajectories", "Trajectories of one puzzle", partial(figures.trajectories, traces), weights),
        ("samples", "Unconditional samples", partial(figures.samples, drawn), digits),
    ]


def tabled(found: list[Result]) -> list[Section]:
    """The tables of the results files."""
    rendered = [(table.title, tables.render(table, found)) for table in contents.tables()]
    return [
        *(Section(title, grid) for title, grid in rendered if grid is not None),
        *([Section("Likelihood of binarized MNIST", bound)] if (bound := contents.likelihoods(found)) else []),
        Section("By number of solutions", contents.by_solutions(found)),
        Section("Calibration", contents.calibrations(found)),
        Section("Cost of training, published", contents.training_cost()),
    ]


def page(sections: Sequence[Section], figures: Sequence[Figure], missing: str, of: Grid | None) -> str:
    """The Markdown. `missing`: why there are no figures. `of`: the results files."""
    parts = [MARK, "# Report", INTRODUCTION, SORTABLE, "## Tables"]
    for title, grid in sections:
        parts += [f"### {title}", NOT_YET if grid is None else str(grid)]
    parts.append("## Figures")
    for figure in figures:
        file = f"{FIGURES}/{figure.file.name}"
        shown = f"![{figure.caption}]({file}.svg)\n\n[PNG]({file}.png)"
        parts += [f"### {figure.caption}", f"{NOT_YET} {figure.otherwise}" if figure.otherwise else shown]
    parts += [missing, "## Sources of our results", "No results." if of is None else str(of)]
    return "\n\n".join(part for part in parts if part) + "\n"


def illustration(sketch: Sketch, made: Path) -> Figure | None:
    """One figure of the page; None if it is missing and optional."""
    from gram.report import figures

    file, caption, draw, otherwise = sketch
    if figures.write(draw, made / FIGURES / file):
        return Figure(caption, made / FIGURES / file)
    return Figure(caption, made / FIGURES / file, otherwise) if otherwise else None

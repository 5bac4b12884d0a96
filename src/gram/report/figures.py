"""Figures of the report, drawn with matplotlib (the extra `report`). Functions return None if there are no
measurements.

Figures are made without pyplot's global state, and the files do not contain the date.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.rcsetup import cycler
from matplotlib.ticker import NullFormatter, StrMethodFormatter

from gram.recipes.plans import EXTREME
from gram.report import published
from gram.report.contents import alike, compared, name
from gram.report.learning_curves import Learning
from gram.report.results import Measurement, Result, measurements
from gram.report.tables import weight

if TYPE_CHECKING:
    from gram.report.latent_paths import Trajectories
    from gram.report.sample_sheets import Sheet

STYLE: dict[Any, Any] = {
    "svg.hashsalt": "gram",
    "svg.fonttype": "none",
    "text.parse_math": False,  # a dollar sign in a name is just a character
    "font.size": 9,
    "axes.grid": True,
    "grid.alpha": 0.3,
    "axes.prop_cycle": cycler(color=[matplotlib.colormaps["tab20"](i) for i in (*range(0, 20, 2), *range(1, 20, 2))]),
}
CROWDED = 8
"""A legend with more entries than this is placed beside the panel."""
ASIDE = 3.4
"""Inches by which the figure grows for such a legend."""


def panels(count: int, width: float = 4.2, height: float = 3.3) -> tuple[Figure, list[Axes]]:
    """A figure with `count` axes side by side."""
    figure = Figure(figsize=(width * count, height), layout="constrained")
    return figure, list(np.atleast_1d(figure.subplots(1, count)))


def write(draw: Callable[[], Figure | None], path: Path) -> bool:
    """Draw, and write path.png and path.svg; False if there was nothing to draw."""
    with matplotlib.rc_context(STYLE):
        figure = draw()
        if figure is None:
            return False
        plain(figure)
        figure.savefig(path.with_suffix(".png"), dpi=100)
        figure.savefig(path.with_suffix(".svg"), metadata={"Date": None})
    return True


def plain(figure: Figure) -> None:
    """Numbers at logarithmic axes as 0.01 or 1000: powers are drawn as mathematics, which STYLE turns off."""
    for axis in (axis for axes in figure.axes for axis in (axes.xaxis, axes.yaxis)):
        if axis.get_scale() == "log":
            axis.set_major_formatter(StrMethodFormatter("{x:g}"))
            axis.set_minor_formatter(NullFormatter())


def label(axes: Axes, title: str, x: str, y: str) -> None:
    axes.set(title=title, xlabel=x, ylabel=y)
    lines = axes.get_legend_handles_labels()[0]
    if len(lines) > CROWDED:
        figure = axes.get_figure(root=True)
        assert figure is not None
        width, height = figure.get_size_inches()
        figure.set_size_inches(width + ASIDE, height)
        axes.legend(fontsize=6, loc="upper left", bbox_to_anchor=(1.0, 1.0))
    elif lines:
        axes.legend(fontsize=6)


# accuracy by number of solutions ---------------------------------------------------------------------------
def by_solutions(results: list[Result]) -> Figure | None:
    """Validity of one sample by the number of solutions of a puzzle, means over seeds."""
    found = {task: models for task in published.MANY if (models := alike(results, task))}
    if not found:
        return None
    figure, axes = panels(len(found))
    for panel, (task, models) in zip(axes, found.items(), strict=True):
        for model, seeds in models.items():
            groups = [m.table("by_solutions") for m in seeds]
            names = [n for n in groups[0] if all(g.get(n, {}).get("valid") is not None for g in groups)]
            panel.plot(names, [np.mean([100 * g[n]["valid"] for g in groups]) for n in names], "o-", label=model)
        panel.set_ylim(-5, 105)
        label(panel, task, "solutions of a puzzle", "validity of one sample, %")
    return figure


# depth and width --------------------------------------------------------------------------------------------
Series = dict[int, list[Measurement]]
"""Depth -> one measurement per seed."""


def series(results: list[Result], task: str) -> dict[str, Series]:
    """Model and data -> measurements by width that differ only in depth."""
    found: dict[str, Series] = {}
    for m in sorted(measurements(results, task), key=weight):
        if m.plain and m.table("by_width") and compared(m.result):
            place = f"{name(m.result)} ({m.values.get('data')}, {m.values.get('select')})"
            seeds = found.setdefault(place, {}).setdefault(int(m.number("depth") or 0), [])
            seeds[:] = [other for other in seeds if other.result.seed != m.result.seed] + [m]
    return found


def mean(seeds: Sequence[Measurement], width: str, metric: str) -> float:
    """Over seeds, in %."""
    return float(np.mean([100 * m.table("by_width")[width][metric] for m in seeds]))


def widths_of(seeds: Sequence[Measurement]) -> list[str]:
    """The widths at which all seeds were measured."""
    return [width for width in seeds[0].table("by_width") if all(width in m.table("by_width") for m in seeds)]


def scaling(results: list[Result], task: str) -> Figure | None:
    """Accuracy of the chosen answer by depth (for one sample and for all) and by width at the largest depth, and
    coverage by the number of samples, in the same colors. Dashed: published (Sudoku-Extreme). Dotted: the coverage of
    uniform samples of the solutions."""
    found = series(results, task)
    lines = {
        m: curve
        for m, curve in found.items()
        if (widths := widths_of(curve[max(curve)])) and (len(curve) > 1 or len(widths) > 1)
    }
    if not lines:  # single points show no more than the tables
        return None
    deep = {m: curve for m, curve in lines.items() if len(curve) > 1}
    figure, axes = panels(3 if deep else 2)
    if deep:
        by_depth(axes[0], task, deep)
    by_width, coverage = axes[-2:]
    for model, curve in lines.items():
        deepest = curve[max(curve)]
        names = widths_of(deepest)
        n = [int(width) for width in names]
        by_width.plot(n, [mean(deepest, width, "selected_valid") for width in names], "o-")
        covered = np.array([mean(deepest, width, "coverage") for width in names])
        share = np.array([mean(deepest, width, "coverage_share") for width in names])
        line = coverage.plot(n, covered, "o-", label=model)[0]
        if (share > 0).all():
            coverage.plot(n, 100 * covered / share, ":", color=line.get_color())
    for panel in axes:
        panel.set_xscale("log", base=2)
    label(by_width, f"{task}: width", "samples", "chosen answer valid, %")
    label(coverage, f"{task}: coverage", "samples", "solutions found, %")
    return figure


def by_depth(axes: Axes, task: str, lines: dict[str, Series]) -> None:
    """The first panel of `scaling`, for models that were measured at several depths."""
    if task == "sudoku-9" and any(EXTREME.rpartition("/")[2] in model for model in lines):
        for model, curve in published.DEPTH.items():
            axes.plot(list(curve), list(curve.values()), "--", linewidth=1, label=f"{model}, published")
    for model, curve in lines.items():
        names = widths_of(curve[max(curve)])
        for width in dict.fromkeys((names[0], names[-1])):
            steps = [d for d in sorted(curve) if all(width in m.table("by_width") for m in curve[d])]
            accuracy = [mean(curve[d], width, "selected_valid") for d in steps]
            axes.plot(steps, accuracy, "o-", label=f"{model}, N = {width}")
    label(axes, f"{task}: depth", "supervision steps", "chosen answer valid, %")


# calibration ------------------------------------------------------------------------------------------------
def calibration(results: list[Result]) -> Figure | None:
    """Reliability of both heads: accuracy against predicted probability, in ten bins. One color per task, one line per
    run; the table identifies the runs."""
    figure, axes = panels(2, 3.6, 3.5)
    colors = {task: f"C{i}" for i, task in enumerate(dict.fromkeys(result.task for result in results))}
    drawn = False
    for panel, head in zip(axes, ("halt", "value"), strict=True):
        panel.plot([0, 1], [0, 1], "k--", linewidth=0.8)
        named: set[str] = set()
        for result in results:
            found = [Measurement(result, key, values) for key, values in result.figures.items()]
            usable = [m for m in found if m.plain and m.table(f"{head}_calibration").get("bins")]
            if usable:
                bins = np.array([b[:3] for b in max(usable, key=weight).table(f"{head}_calibration")["bins"]])
                style: Any = {"color": colors[result.task], "markersize": 2, "linewidth": 0.8, "alpha": 0.6}
                panel.plot(bins[:, 1], bins[:, 2], "o-", label=None if result.task in named else result.task, **style)
                named.add(result.task)
                drawn = True
        label(panel, f"{head} head", "predicted", "observed")
    return figure if drawn else None


# cost -------------------------------------------------------------------------------------------------------
ARITHMETIC = {"float32": "-", "bfloat16": "--", "int8": ":"}


def surface(surfaces: Sequence[Mapping[str, Any]]) -> Figure | None:
    """Results of benchmarks/surface.py: validity of a sample against its seconds, one point per depth, and the seconds
    of one puzzle over width and over depth without halting. One color per task, one line style per arithmetic."""
    if not surfaces:
        return None
    figure, (accuracy, *costs) = panels(3)
    colors = {name: f"C{i}" for i, name in enumerate(dict.fromkeys(values["name"] for values in surfaces))}
    for values in surfaces:
        style: Any = {"color": colors[values["name"]], "linestyle": ARITHMETIC.get(values["dtype"], "-.")}
        style |= {"label": f"{values['name']}, {values['dtype']}", "marker": "o", "markersize": 3}
        rows = values["accuracy"]
        accuracy.plot([r["seconds_a_sample"] for r in rows], [100 * r["valid"] for r in rows], **style)
        for panel, axis in zip(costs, ("width", "depth"), strict=True):
            if axis in values["cost"]:
                panel.plot(values["cost"][axis]["values"], values["cost"][axis]["seconds"], **style)
    accuracy.set_xscale("log")
    for panel in costs:
        panel.set_xscale("log", base=2)
        panel.set_yscale("log")
    label(accuracy, "accuracy against time", "seconds a sample", "validity of one sample, %")
    label(costs[0], "one puzzle, no halting", "trajectories", "seconds")
    label(costs[1], "one puzzle, no halting", "supervision steps", "seconds")
    return figure


def deadlines(served: Sequence[Mapping[str, Any]]) -> Figure | None:
    """Results of benchmarks/serving.py: the share of puzzles that are solved by a deadline, one line per file."""
    served = [values for values in served if values.get("deadlines")]
    if not served:
        return None
    figure, (panel,) = panels(1)
    for values in served:
        rows = values["deadlines"]
        title = f"{rows[0]['weights']}, {values['dtype']}"
        panel.plot([r["deadline_ms"] for r in rows], [100 * r["solved"] for r in rows], "o-", label=title, markersize=3)
    panel.set_xscale("log")
    panel.set_ylim(0, 102)
    label(panel, "solved by a deadline", "milliseconds", "solved, %")
    return figure


# training ---------------------------------------------------------------------------------------------------
def learning(runs: Sequence[Learning]) -> Figure | None:
    """The surrogate loss and the full bound over the updates of each run."""
    runs = [run for run in runs if run.surrogate]
    if not runs:
        return None
    figure, axes = panels(len(runs), 4.6)
    for panel, run in zip(axes, runs, strict=True):
        lines = panel.plot(*zip(*run.surrogate, strict=True), linewidth=0.8, label="surrogate, per token")
        panel.set_yscale("log")
        if run.elbo:
            other = panel.twinx()
            other.grid(False)
            update, bound = np.array(run.elbo).T
            lines += other.plot(update, -bound, "o-", color="C1", label="negative ELBO, per puzzle (right)")
            other.set_yscale("log")
        panel.legend(handles=lines, fontsize=7)
        panel.set(title=run.name, xlabel="updates", ylabel="nats")
    return figure


OVER_TIME = (
    ("Loss", "cross-entropy, nats per token", ("ce",)),
    ("KL", "KL(posterior || prior), nats per row", ("kl",)),
    ("Prior against posterior", "right answers of training rows", ("prior_validity", "posterior_accuracy")),
    ("Validity", "valid samples of dev puzzles", ("valid",)),
    ("Coverage", "of all solutions of dev puzzles", ("coverage", "distinct")),
)
"""Panels: title, axis, and the series of gram.report.learning_curves; the second one is dashed."""


def runs(learned: Sequence[Learning]) -> Figure | None:
    """Losses, KL, prior against posterior, validity and coverage over time; a color for each run."""
    shown = [each for each in OVER_TIME if any(series in run.over_time for run in learned for series in each[2])]
    if not shown:
        return None
    figure, axes = panels(len(shown), 3.6)
    for panel, (title, axis, names) in zip(axes, shown, strict=True):
        for i, run in enumerate(learned):
            for style, series in zip(("-", "--"), names, strict=False):
                points = run.over_time.get(series)
                if points:
                    mark = "o" if len(points) < 3 else None
                    label = f"{run.name}{', posterior' if series == 'posterior_accuracy' else ''}"
                    panel.plot(
                        *zip(*points, strict=True), style, marker=mark, color=f"C{i}", label=label, linewidth=0.9
                    )
        seen = [value for run in learned for series in names for _, value in run.over_time.get(series, ())]
        if names in (("ce",), ("kl",)) and min(seen) > 0:
            panel.set_yscale("log")
        panel.set(title=title, xlabel="minutes", ylabel=axis)
        panel.legend(fontsize=6)
    return figure


# samples ----------------------------------------------------------------------------------------------------
def samples(sheets: "Sequence[Sheet]") -> Figure | None:
    """Unconditional samples of networks, side by side."""
    if not sheets:
        return None
    figure, axes = panels(len(sheets), 3.0, 3.2)
    for panel, sheet in zip(axes, sheets, strict=True):
        panel.imshow(sheet.image, cmap="gray", vmin=0, vmax=255, interpolation="nearest")
        panel.set_title(sheet.name)
        panel.axis("off")
    return figure


# trajectories -----------------------------------------------------------------------------------------------
def trajectories(traced: "Sequence[Trajectories]") -> Figure | None:
    """Paths of h in the plane of their principal components, over the loss between them. A path starts at a dot after
    the first supervision step and ends at a star (valid answer, one color each) or a cross."""
    if not traced:
        return None
    figure, axes = panels(len(traced), 5.0, 4.4)
    for panel, found in zip(axes, traced, strict=True):
        panel.grid(False)
        height = np.log10(found.loss + 1e-4)
        options: Any = {"cmap": "Greys_r", "shading": "gouraud", "rasterized": True, "vmin": -4, "vmax": 0}
        shades = panel.pcolormesh(found.x, found.y, height, **options)
        figure.colorbar(shades, ax=panel, label="log10 of the loss (nats per token)")
        for path, answer in zip(found.points, found.answers, strict=True):
            color, end = ("tab:red", "x") if answer < 0 else (f"C{answer % 10}", "*")
            panel.plot(*path.T, color=color, linewidth=0.6, alpha=0.7)
            panel.plot(*path[0], ".", color=color, markersize=3)
            panel.plot(*path[-1], end, color=color, markersize=7)
        reached = len(set(found.answers[found.answers >= 0]))
        title = f"{found.name}: {reached} of {found.solutions} solutions, {len(found.points)} path(s)"
        panel.set_title(f"{title}\n{'/'.join(found.puzzle.split())}", fontsize=7)
        panel.set(xlabel=f"first component ({found.share:.0%} of the variance in both)", ylabel="second component")
    return figure

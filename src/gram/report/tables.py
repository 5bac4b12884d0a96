"""The layout of a table of the report: published results, and ours beside them with seeds, spread and cost. Rows
without a measurement show a dash and the command that measures them. The tables themselves are in contents.py."""

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from gram.recipes.plans import PLANS, shown
from gram.recipes.variants import GRAM
from gram.report import origins
from gram.report.grid import DASH, Grid, Line, Row
from gram.report.published import Published, source
from gram.report.results import Measurement, Result, measurements

How = Callable[[Measurement], str | None]
"""None if a measurement is not in the table, else how its answers were drawn, in words ("" if all are drawn alike)."""


@dataclass(frozen=True)
class Metric:
    """A column: one metric of the records."""

    heading: str
    name: str
    scale: float = 100.0
    digits: int = 1

    def cell(self, values: Sequence[float]) -> str:
        """Mean and standard deviation over seeds."""
        return spread([value * self.scale for value in values], self.digits)


@dataclass(frozen=True)
class Table:
    """One table: the published models in order, then models that only we have, and GRAM last. Models of another table
    of the same task appear only there."""

    title: str
    task: str
    how: How
    metrics: tuple[Metric, ...]
    published: Sequence[Published] = ()
    plan: str | None = None
    """The name for `gram reproduce`. A table without it is omitted while it is empty."""
    note: str = ""
    unequal: str = ""
    """How our protocol and the published one differ."""

    def models(self, ours: Sequence[Measurement]) -> list[tuple[str, str]]:
        """Variant and label of all rows, in order: the published ones, GRAM last."""
        labels = {row.variant: row.model for row in reversed(self.published) if row.variant}
        named = [row.variant for row in self.published if row.variant]
        planned = PLANS[self.plan].models if self.plan else ()
        measured = [m.result.variant for m in ours if not self.plan or shown(self.plan, m.result.variant)]
        known = dict.fromkeys([*named, *planned, *measured])
        return [(variant, MODELS.get(variant, labels.get(variant, variant))) for variant in sorted(known, key=is_gram)]


def is_gram(variant: str) -> bool:
    return variant == GRAM


MODELS = {
    GRAM: "GRAM",
    "trm": "TRM",
    "hrm": "HRM",
    "looped": "Looped Transformer",
    "deterministic": "no guidance",
    "posterior-last": "several transitions a step, posterior in the last",
    "posterior-all": "several transitions a step, posterior in all",
    "kl-all": "several transitions a step, posterior and KL in all",
    "direct-8": "direct prediction, 8 layers",
    "mdlm": "MDLM",
    "d3pm-uniform": "D3PM uniform",
    "d3pm-absorbing": "D3PM absorbing",
}
"""Labels of models; others have their published label or the name of their recipe."""


# rows -------------------------------------------------------------------------------------------------------
HEAD = ("model", "whose", "parameters", "training", "seeds", "puzzles")
COST = ("evaluations each", "seconds each")


def render(table: Table, results: list[Result]) -> Grid | None:
    """A table; None if it has no rows."""
    ours = [m for m in measurements(results, table.task) if table.how(m) is not None]
    if not ours and not table.published:
        return None
    lines = [published_line(row, table) for row in table.published if not row.variant]
    for variant, label in table.models(ours):
        lines += [published_line(row, table) for row in table.published if row.variant == variant]
        mine = [m for m in ours if m.result.variant == variant]
        lines += our_lines(mine, label, table)
        if not mine and table.plan and variant in PLANS[table.plan].models:
            lines.append(missing_line(label, table))
    notes = ["Not measured by us."] if table.plan is None and not ours else []
    notes += [table.note] if table.note else []
    head = (*HEAD, *(metric.heading for metric in table.metrics), *COST)
    return Grid(head, lines, notes, table.unequal if ours and table.published else "")


def published_line(row: Published, table: Table) -> Line:
    cells = [DASH if value is None else f"{value:g}" for value in row.values]
    cells += [DASH] * (len(table.metrics) - len(cells))
    cited = origins.cited(source(row.model))
    return Line((row.model, "published", row.parameters, DASH, DASH, DASH, *cells, DASH, DASH), cited)


def missing_line(label: str, table: Table) -> Line:
    empty = [DASH] * (len(table.metrics) + len(COST) + 2)
    return Line((label, "ours", DASH, f"none yet: `gram reproduce {table.plan}`", *empty))


def our_lines(mine: list[Measurement], label: str, table: Table) -> list[Line]:
    """One line per scale, group of results and way of answering, over seeds. For each seed, the measurement with the
    most puzzles counts, then the deepest, then the newest."""
    groups: dict[tuple[str, str, str], dict[int, Measurement]] = {}
    for m in sorted(mine, key=weight):
        how = table.how(m) or ""
        groups.setdefault((m.result.scale, m.result.group, how), {})[m.result.seed] = m
    rows = [(list(seeds.values()), key) for key, seeds in sorted(groups.items())]
    return [Line(our_row(seeds, label, key, table), origins.measured(seeds)) for seeds, key in rows]


def weight(m: Measurement) -> tuple[float, float, str]:
    return m.number("examples") or 0, m.number("depth") or 0, str(m.values.get("date"))


def our_row(seeds: list[Measurement], label: str, key: tuple[str, str, str], table: Table) -> Row:
    scale, group, how = key
    parameters = {m.result.parameters for m in seeds if m.result.parameters is not None}
    minutes = [m.result.seconds / 60 for m in seeds if m.result.seconds is not None]
    counts = {m.values.get("examples", m.values.get("samples")) for m in seeds}
    read = {metric: [v for m in seeds if (v := m.number(metric.name)) is not None] for metric in table.metrics}
    return (
        ", ".join(filter(None, (label, how))),
        ", ".join(filter(None, ("ours", "the paper's scale" if scale == "paper" else "", group))),
        "/".join(millions(p) for p in sorted(parameters)) or DASH,
        f"{statistics.mean(minutes):.0f} min" if minutes else DASH,
        f"{len(seeds)}",
        "/".join(str(count) for count in sorted(counts, key=str)),
        *(metric.cell(values) for metric, values in read.items()),
        *(cost(seeds, name) for name in ("function_evaluations", "seconds")),
    )


def cost(seeds: Sequence[Measurement], name: str) -> str:
    """Cost of one puzzle or sample, mean over seeds."""
    each = []
    for m in seeds:
        count, spent = m.number("examples") or m.number("samples"), m.number(name)
        if count and spent is not None:
            each.append(spent / count)
    return f"{statistics.mean(each):.3g}" if each else DASH


def spread(values: Sequence[float], digits: int) -> str:
    """Mean ± standard deviation (n - 1); the value alone if there is one, a dash if there is none."""
    if not values:
        return DASH
    mean = f"{statistics.mean(values):.{digits}f}"
    return mean if len(values) == 1 else f"{mean} ± {statistics.stdev(values):.{digits}f}"


def millions(parameters: int) -> str:
    return f"{parameters / 1e6:.2f}M"

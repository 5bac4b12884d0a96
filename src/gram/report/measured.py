"""Which models of each table the report already has: the complement of its rows "none yet"."""

from gram.recipes.plans import PLANS
from gram.report import contents
from gram.report.results import Result, measurements


def measured(results: list[Result], scale: str) -> dict[str, set[str]]:
    """Table of `gram reproduce` -> the models with a row at that scale. A table that is drawn as a figure instead
    ("scaling") has the models with a curve: those measured with several numbers of samples."""
    results = [result for result in results if result.scale == scale]
    found: dict[str, set[str]] = {name: set() for name in PLANS}
    tables = {table.plan: table for table in contents.tables() if table.plan}
    for name, plan in PLANS.items():
        if name in tables:
            table = tables[name]
            rows = [m for m in measurements(results, table.task) if table.how(m) is not None]
        else:
            rows = [m for m in measurements(results, plan.task) if len(m.table("by_width")) > 1]
        found[name] = {m.result.variant for m in rows}
    return found

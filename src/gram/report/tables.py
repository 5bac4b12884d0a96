"""Tables of the report: published figures, and ours beside them with seeds, spread and cost. What is not measured is a
dash and the command that measures it."""

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from gram.recipes.plans import EXTREME, MAZES, PLANS, of_task, shown
from gram.recipes.variants import GRAM
from gram.report import published
from gram.report.published import Published
from gram.report.results import Measurement, Result, machine_of, measurements

DASH = "–"
LONGEST = 300
"""Signs of a cell at most."""
Row = tuple[str, ...]
How = Callable[[Measurement], str | None]
"""Whether a measurement belongs into a table: how the answers were drawn, in words ("" if all are drawn alike), or
None."""


@dataclass(frozen=True)
class Metric:
    """A column: a figure of the records."""

    heading: str
    name: str
    scale: float = 100.0
    digits: int = 1

    def cell(self, values: Sequence[float]) -> str:
        """Mean and standard deviation over seeds."""
        return spread([value * self.scale for value in values], self.digits)


@dataclass(frozen=True)
class Table:
    """One table: the published models in their order, then those that only ours has, and GRAM. Models of another table
    of the same task are left to that."""

    title: str
    task: str
    how: How
    metrics: tuple[Metric, ...]
    published: Sequence[Published] = ()
    plan: str | None = None
    """The name for `gram reproduce`; a table without it is left out while it is empty."""
    note: str = ""

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
    "several": "several transitions a step, posterior in the last",
    "literal": "several transitions a step, posterior in all",
    "all-pay": "several transitions a step, posterior and KL in all",
    "direct-8": "direct prediction, 8 layers",
    "mdlm": "MDLM",
    "d3pm-uniform": "D3PM uniform",
    "d3pm-absorbing": "D3PM absorbing",
}
"""How models are called; others by their published label or the name of their recipe."""


# which measurements -----------------------------------------------------------------------------------------
def covered(m: Measurement) -> str | None:
    """Test puzzles, twenty samples each."""
    fits = m.plain and m.values.get("data") == "test" and m.values.get("width") == 20
    return "" if fits and m.number("coverage") is not None else None


def drawn(m: Measurement) -> str | None:
    """Samples of p(x)."""
    return f"{m.values.get('depth')} steps" if m.plain and m.number("samples") is not None else None


def solved(data: str, width: int | None = None) -> How:
    """Puzzles of a file or split, however many samples, or `width` of them."""

    def how(m: Measurement) -> str | None:
        samples, select = m.values.get("width"), m.values.get("select")
        if not m.plain or m.values.get("data") != data or width not in (None, samples):
            return None
        chosen = "first valid one by the rules" if select == "checked" else f"by {select}"
        return "1 sample" if samples == 1 else f"{samples} samples, {chosen}"

    return how


def voted(m: Measurement) -> str | None:
    """ARC: test inputs of the evaluation puzzles, each asked in all variants."""
    if not m.plain or m.values.get("data") != "test" or m.number("mean_pass_2") is None:
        return None
    return f"{m.values.get('variants')} variants, {m.values.get('width')} samples of each"


VALID, COVERAGE = Metric("validity %", "valid"), Metric("coverage@20 %", "coverage")
CONFLICTS = Metric("conflicts", "conflicts", 1.0)
REACHED = Metric("reached, of 288", "reached", 1.0, 0)
EXACT = Metric("exact %", "exact", digits=2)
PASS_2 = Metric("pass@2 %", "mean_pass_2")
ATTEMPTS = Metric("pass@2 of test inputs %", "pass_2"), Metric("pass@1 of test inputs %", "pass_1")
BASELINES = (
    Metric("copying the input %", "copy_pass_2"),
    Metric("most frequent shown outputs %", "frequent_pass_2"),
)
VOTES = "pass@2: the share of a puzzle's test inputs that one of two attempts answers exactly, mean over puzzles."


def tables() -> list[Table]:
    """All of them, in the order of the report."""
    found = []
    for task in published.MANY:
        first = VALID if task.startswith("queens") else CONFLICTS
        metrics = (first, COVERAGE) if first is VALID else (first, COVERAGE, VALID)
        title = f"Many answers: {PLANS[task].title.split(':')[0]}"
        found.append(Table(title, task, covered, metrics, published.many(task), task))
    for task, title, data, plan in (
        ("sudoku-9", "One answer: Sudoku-Extreme", EXTREME, "sudoku"),
        ("maze-30", "One answer: Maze-Hard", MAZES, "maze"),
    ):
        note = f"Ours on the dev file {data.rpartition('/')[2]}; published ones on the whole test set."
        found.append(Table(title, task, solved(data.rpartition("/")[2]), (EXACT,), published.one(task), plan, note))
    for number in (1, 2):
        task, title = f"arc-{number}", f"One answer: ARC-AGI-{number}, two attempts"
        found.append(Table(title, task, voted, (PASS_2, *ATTEMPTS), published.one(task), note=VOTES))
        part = f"Its puzzles within 10 x 10. {VOTES}"
        metrics = (PASS_2, *ATTEMPTS, *BASELINES)
        plan = "arc" if number == 1 else None
        found.append(Table(f"{title}, small puzzles", f"{task}-10", voted, metrics, plan=plan, note=part))
    for size in (4, 6, 9):
        found.append(Table(f"One answer: generated {size}x{size} Sudokus", f"sudoku-{size}", solved("test"), (EXACT,)))
    found.append(Table("One answer: Sudoku bank", "sudoku-9", solved("sudoku_bank_dev.csv.gz"), (EXACT,)))
    five = "Published: accuracy with 5 samples."
    found += [
        Table(
            "Ablations on 8 queens",
            "queens-8",
            covered,
            (VALID, COVERAGE),
            published.ablations("queens-8"),
            "ablations",
            f"{five} Ours: validity of one sample.",
        ),
        Table(
            "Ablations on 3-colourings of 8 vertices",
            "coloring-8",
            covered,
            (CONFLICTS, COVERAGE, VALID),
            plan="ablations-coloring",
        ),
        Table(
            "Ablations on Sudoku-Extreme",
            "sudoku-9",
            solved(EXTREME.rpartition("/")[2], 5),
            (EXACT,),
            published.ablations("sudoku-9"),
            "ablations-sudoku",
            five,
        ),
        Table(
            "Generation: complete Sudoku boards",
            "sudoku-boards",
            drawn,
            (VALID, Metric("distinct, of the valid %", "distinct")),
            published.BOARDS,
            "boards",
        ),
        Table("Generation: complete 4x4 boards", "sudoku-boards-4", drawn, (VALID, REACHED)),
        Table(
            "Generation: binarised MNIST",
            "mnist",
            drawn,
            (
                Metric("IS", "inception_is", 1.0, 2),
                Metric("FID", "inception_fid", 1.0, 2),
                Metric("our classifier's IS", "classifier_is", 1.0, 2),
                Metric("our classifier's FID", "classifier_fid", 1.0, 2),
            ),
            published.MNIST,
            "mnist",
            "IS is better when higher, FID when lower. Those of our own small classifier compare our rows only.",
        ),
    ]
    return found


# rows -------------------------------------------------------------------------------------------------------
HEAD = ("model", "whose", "parameters", "training", "seeds", "puzzles")
COST = ("evaluations each", "seconds each")


def render(table: Table, results: list[Result]) -> str | None:
    """A table in Markdown; None if it has no rows of either side."""
    ours = [m for m in measurements(results, table.task) if table.how(m) is not None]
    if not ours and not table.published:
        return None
    rows: list[Row] = [(*HEAD, *(metric.heading for metric in table.metrics), *COST)]
    rows += [published_row(row, table) for row in table.published if not row.variant]
    for variant, label in table.models(ours):
        rows += [published_row(row, table) for row in table.published if row.variant == variant]
        mine = [m for m in ours if m.result.variant == variant]
        rows += our_rows(mine, label, table)
        if not mine and table.plan and variant in PLANS[table.plan].models:
            rows.append(missing_row(label, table))
    parts = [f"### {table.title}", markdown(rows)]
    if table.plan is None and not ours:
        parts.append("Not measured by us.")
    return "\n\n".join([*parts, *([table.note] if table.note else [])])


def published_row(row: Published, table: Table) -> Row:
    cells = [DASH if value is None else f"{value:g}" for value in row.values]
    cells += [DASH] * (len(table.metrics) - len(cells))
    return row.model, "published", row.parameters, DASH, DASH, DASH, *cells, DASH, DASH


def missing_row(label: str, table: Table) -> Row:
    empty = [DASH] * (len(table.metrics) + len(COST) + 2)
    return label, "ours", DASH, f"none yet: `gram reproduce {table.plan}`", *empty


def our_rows(mine: list[Measurement], label: str, table: Table) -> list[Row]:
    """A row for each scale, group of results and way of answering; over seeds, each by its measurement of the most
    puzzles, then the deepest, then the newest."""
    groups: dict[tuple[str, str, str], dict[int, Measurement]] = {}
    for m in sorted(mine, key=weight):
        how = table.how(m) or ""
        groups.setdefault((m.result.scale, m.result.group, how), {})[m.result.seed] = m
    return [our_row(list(seeds.values()), label, key, table) for key, seeds in sorted(groups.items())]


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
    """Of one puzzle or sample, mean over seeds."""
    each = []
    for m in seeds:
        count, spent = m.number("examples") or m.number("samples"), m.number(name)
        if count and spent is not None:
            each.append(spent / count)
    return f"{statistics.mean(each):.3g}" if each else DASH


def spread(values: Sequence[float], digits: int) -> str:
    """Mean ± standard deviation (n - 1); without it for a single value, a dash for none."""
    if not values:
        return DASH
    mean = f"{statistics.mean(values):.{digits}f}"
    return mean if len(values) == 1 else f"{mean} ± {statistics.stdev(values):.{digits}f}"


def millions(parameters: int) -> str:
    return f"{parameters / 1e6:.2f}M"


# other tables -----------------------------------------------------------------------------------------------
def by_solutions(results: list[Result]) -> str | None:
    """Validity and coverage by the number of solutions of a puzzle, over seeds, of what `covered` takes."""
    rows: list[Row] = [("task", "model", "seeds", "solutions", "puzzles", "validity %", "coverage@20 %")]
    for task in published.MANY:
        for label, seeds in alike(results, task).items():
            for solutions in seeds[0].table("by_solutions"):
                groups = [m.table("by_solutions").get(solutions, {}) for m in seeds]
                found = [g for g in groups if g.get("examples") and None not in (g.get("valid"), g.get("coverage"))]
                if found:
                    rates = (spread([100 * g[name] for g in found], 1) for name in ("valid", "coverage"))
                    rows.append((task, label, f"{len(found)}", solutions, f"{found[0]['examples']}", *rates))
    return markdown(rows) if len(rows) > 1 else None


def alike(results: list[Result], task: str) -> dict[str, list[Measurement]]:
    """Label of a model with its scale and group -> the measurements that count in the table of many answers, one for
    each seed."""
    found: dict[str, dict[int, Measurement]] = {}
    for m in sorted(measurements(results, task), key=weight):
        if covered(m) is not None and compared(m.result):
            found.setdefault(name(m.result), {})[m.result.seed] = m
    return {label: [seeds[seed] for seed in sorted(seeds)] for label, seeds in found.items()}


def compared(result: Result) -> bool:
    """Whether it is about a model of the first table of its task, or of none: no ablation."""
    first = of_task(result.task)
    return first is None or shown(first, result.variant)


def name(result: Result) -> str:
    """Model, scale and group."""
    scale = "the paper's scale" if result.scale == "paper" else ""
    return ", ".join(filter(None, (MODELS.get(result.variant, result.variant), scale, result.group)))


def calibrations(results: list[Result]) -> str | None:
    """Brier score and expected calibration error of both heads."""
    rows: list[Row] = [("task", "model", "seed", "measured on", "halt: Brier", "ECE", "value: Brier", "ECE")]
    for result in results:
        for key, values in result.figures.items():
            m = Measurement(result, key, values)
            heads = [m.table(f"{head}_calibration") for head in ("halt", "value")]
            if all(heads) and m.plain:
                scores = (f"{head[score]:.4f}" for head in heads for score in ("brier", "ece"))
                rows.append((result.task, name(result), f"{result.seed}", key, *scores))
    return markdown(rows) if len(rows) > 1 else None


def training_cost() -> str:
    """What others say of their training."""
    return markdown([("published training", "hardware", "time"), *published.COST])


def speed(benches: list[dict]) -> str | None:
    """What `gram bench` measured: a row for each recipe and what was done with it."""
    heads = ("recipe", "doing", "machine", "arithmetic", "rates", "one puzzle, p50 / p95", "of the machine's peak")
    rows: list[Row] = [heads]
    for values in benches:
        machine = machine_of(values["hardware"])
        for row in values["train"]:
            rate = f"{row['updates_per_second']:.3g} updates/s"
            doing = f"updates of {row['batch']} rows"
            rows.append((row["recipe"], doing, machine, row["dtype"], rate, DASH, f"{row['share_of_peak']:.0%}"))
        for row in values["solve"]:
            rate = f"{row['puzzles_per_second']:.3g} puzzles/s side by side"
            doing = f"{row['width']} samples, {row['select']}"
            alone = f"{row['one_puzzle_p50_ms']:.0f} / {row['one_puzzle_p95_ms']:.0f} ms"
            rows.append((row["recipe"], doing, machine, row["dtype"], rate, alone, f"{row['share_of_peak']:.0%}"))
    return markdown(rows) if len(rows) > 1 else None


def edge(found: list[dict]) -> str | None:
    """What benchmarks/edge.py measured: a row for each network and arithmetic, and what is installed without torch."""
    heads = ("weights", "arithmetic", "bundle MB", "load s", "cold start s", "memory MiB", "one puzzle, p50 / p95 ms")
    rows: list[Row] = [(*heads, "answers as torch", "logits within 1e-3", "valid %: one sample", "checked", "majority")]
    for values in found:
        for row in values["edge"]:
            size = DASH if row.get("bundle_mb") is None else f"{row['bundle_mb']:.2f}"
            cells = (f"{row['load_seconds']:.2f}", f"{row['cold_start_seconds']:.2f}", f"{row['memory_mib']:.0f}")
            alike = (row.get(name) for name in ("same_answers", "rows_with_close_logits"))
            alike = (DASH if count is None else f"{count} of {values['puzzles']}" for count in alike)
            valid = (row.get(f"valid_{how}") for how in ("one_sample", "checked", "majority"))
            valid = (DASH if share is None else f"{100 * share:.1f}" for share in valid)
            took = f"{row['p50_ms']:.0f} / {row['p95_ms']:.0f}"
            rows.append((values["name"], row["arithmetic"], size, *cells, took, *alike, *valid))
    if len(rows) == 1:
        return None
    sizes = next((values["packages_mib"] for values in found if values.get("packages_mib")), None)
    told = f"Width {found[0]['width']}; a cold start is a new process with one answer, from its start to its end."
    for values in found:
        told += f" {values['name']}: {machine_of(values['hardware'])}."
    if sizes:
        each = ", ".join(f"{name} {size:.1f} MiB" for name, size in sizes.items())
        told += f" Installed without torch: {each}, {sum(sizes.values()):.1f} MiB in all."
    return f"{markdown(rows)}\n\n{told}"


def markdown(rows: Sequence[Row]) -> str:
    """Rows, the first of them headings. What stands in a cell is text: markup of files that others wrote stays visible
    as what it is."""
    head, *body = (tuple(map(escape, row)) for row in rows)
    lines = [head, tuple("---" for _ in head), *body]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def escape(text: str) -> str:
    """Text on one line as Markdown that shows it; code between backticks stays code."""
    line = "".join(c if c.isprintable() else " " for c in text)
    for sign, written in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), *((c, f"\\{c}") for c in "|[]!")):
        line = line.replace(sign, written)
    return line if len(line) <= LONGEST else f"{line[: LONGEST - 3]}..."

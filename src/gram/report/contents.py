"""The tables of the report in order, with the measurements and metrics of each."""

from gram.console.text import counted
from gram.recipes.plans import EXTREME, MAZES, PLANS, of_task, shown
from gram.report import origins, published
from gram.report.grid import DASH, Grid, Line, Origin, grid
from gram.report.results import Measurement, Result, measurements
from gram.report.tables import MODELS, How, Metric, Table, spread, weight


# selection of measurements ----------------------------------------------------------------------------------
def covered(m: Measurement) -> str | None:
    """Test puzzles, twenty samples each."""
    fits = m.plain and m.values.get("data") == "test" and m.values.get("width") == 20
    return "" if fits and m.number("coverage") is not None else None


def drawn(m: Measurement) -> str | None:
    """Samples of p(x)."""
    return f"{m.values.get('depth')} steps" if m.plain and m.number("samples") is not None else None


def solved(data: str, width: int | None = None) -> How:
    """Puzzles of a file or split, with any number of samples or with `width`."""

    def how(m: Measurement) -> str | None:
        samples, select = m.values.get("width"), m.values.get("select")
        if not m.plain or m.values.get("data") != data or width not in (None, samples):
            return None
        chosen = "first valid one by the rules" if select == "checked" else f"by {select}"
        return "1 sample" if samples == 1 else f"{samples} samples, {chosen}"

    return how


def voted(m: Measurement) -> str | None:
    """ARC: test inputs of the evaluation puzzles, each answered in all variants."""
    if not m.plain or m.values.get("data") != "test" or m.number("mean_pass_2") is None:
        return None
    return f"{m.values.get('variants')} variants, {m.values.get('width')} samples of each"


VALID, COVERAGE = Metric("validity %", "valid"), Metric("coverage@20 %", "coverage")
CONFLICTS = Metric("conflicts", "conflicts", 1.0)
REACHED = Metric("reached, of 288", "reached", 1.0, 0)
EXACT = Metric("exact %", "exact", digits=2)
DISTINCT = Metric("distinct, of the valid %", "distinct")
REALISM = (
    Metric("IS", "inception_is", 1.0, 2),
    Metric("FID", "inception_fid", 1.0, 2),
    Metric("our classifier's IS", "classifier_is", 1.0, 2),
    Metric("our classifier's FID", "classifier_fid", 1.0, 2),
)
PASS_2 = Metric("pass@2 %", "mean_pass_2")
ATTEMPTS = Metric("pass@2 of test inputs %", "pass_2"), Metric("pass@1 of test inputs %", "pass_1")
BASELINES = (
    Metric("copying the input %", "copy_pass_2"),
    Metric("most frequent shown outputs %", "frequent_pass_2"),
)
VOTES = "pass@2: the share of a puzzle's test inputs that one of two attempts answers exactly, mean over puzzles."


BOUND = "A bound on the likelihood ± its standard error over images. It sees the images, so it is no accuracy."
FIVE = "Published: accuracy with 5 samples."
SPLIT = (
    "Published: 15% of the inputs are held out. Ours: 5%, by the content of the input, of which "
    'the column "puzzles" says how many are measured; the temperature of the weights was chosen on dev.'
)
GRAPHS = (
    "Published: the edge probability of the graphs is not stated. Ours: 0.4, so the test graphs are others, "
    "though equally many; the temperature of the weights was chosen on dev."
)


def tables() -> list[Table]:
    """All tables, in the order of the report."""
    return [*many_answers(), *one_answer(), *ablations(), *generation()]


def many_answers() -> list[Table]:
    """Queens and colorings."""
    found = []
    for task in published.MANY:
        metrics = (VALID, COVERAGE) if task.startswith("queens") else (CONFLICTS, COVERAGE, VALID)
        title = f"Many answers: {PLANS[task].title.split(':')[0]}"
        unequal = SPLIT if task.startswith("queens") else GRAPHS
        found.append(Table(title, task, covered, metrics, published.many(task), task, unequal=unequal))
    return found


def one_answer() -> list[Table]:
    """Sudokus, mazes and ARC."""
    found = []
    rules = 'Our rows "search" and "by the rules" check answers against the rules; GRAM\'s published rows do not.'
    path = "Exact: the one path of the data; LDT's counts any shortest path."
    for task, title, data, plan, more in (
        ("sudoku-9", "One answer: Sudoku-Extreme", EXTREME, "sudoku", rules),
        ("maze-30", "One answer: Maze-Hard", MAZES, "maze", path),
    ):
        file = data.rpartition("/")[2]
        unequal = f"Ours on the dev file {file}; published results on the whole test set. {more}"
        found.append(Table(title, task, solved(file), (EXACT,), published.one(task), plan, unequal=unequal))
    for number in (1, 2):
        task, title = f"arc-{number}", f"One answer: ARC-AGI-{number}, two attempts"
        found.append(Table(title, task, voted, (PASS_2, *ATTEMPTS), published.one(task), note=VOTES))
        part = f"Its puzzles within 10 x 10. {VOTES}"
        metrics = (PASS_2, *ATTEMPTS, *BASELINES)
        plan = "arc" if number == 1 else None
        found.append(Table(f"{title}, small puzzles", f"{task}-10", voted, metrics, plan=plan, note=part))
    for size in (4, 6, 9):
        found.append(Table(f"One answer: generated {size}x{size} Sudokus", f"sudoku-{size}", solved("test"), (EXACT,)))
    bank = solved("sudoku_bank_dev.csv.gz")
    return [*found, Table("One answer: Sudoku bank", "sudoku-9", bank, (EXACT,))]


def ablations() -> list[Table]:
    """The contribution of each part of the model."""
    of_queens, of_sudoku = (published.ablations(task) for task in ("queens-8", "sudoku-9"))
    note = f"{FIVE} Ours: validity of one sample."
    hard, several = solved(EXTREME.rpartition("/")[2], 5), (CONFLICTS, COVERAGE, VALID)
    colorings = "Ablations on 3-colorings of 8 vertices"
    return [
        Table("Ablations on 8 queens", "queens-8", covered, (VALID, COVERAGE), of_queens, "ablations", unequal=note),
        Table(colorings, "coloring-8", covered, several, plan="ablations-coloring"),
        Table("Ablations on Sudoku-Extreme", "sudoku-9", hard, (EXACT,), of_sudoku, "ablations-sudoku", FIVE),
    ]


def generation() -> list[Table]:
    """Samples of p(x)."""
    boards, digits = "Generation: complete Sudoku boards", "Generation: binarized MNIST"
    note = "Higher IS and lower FID are better."
    own = "Published: the network behind the scores is not stated. Ours: a small classifier, so they do not compare."
    data = "Published: 100,000 samples, after training on 50,000 boards that are not public. "
    data += 'Ours: as many as the column "puzzles" says, after training on other boards.'
    return [
        Table(boards, "sudoku-boards", drawn, (VALID, DISTINCT), published.BOARDS, "boards", unequal=data),
        Table("Generation: complete 4x4 boards", "sudoku-boards-4", drawn, (VALID, REACHED)),
        Table(digits, "mnist", drawn, REALISM, published.MNIST, "mnist", note, own),
    ]


# tables with other columns ----------------------------------------------------------------------------------
def by_solutions(results: list[Result]) -> Grid | None:
    """Validity and coverage by the number of solutions of a puzzle, over seeds, of the measurements that `covered`
    selects."""
    lines: list[Line] = []
    for task in published.MANY:
        for label, seeds in alike(results, task).items():
            for solutions in seeds[0].table("by_solutions"):
                groups = [m.table("by_solutions").get(solutions, {}) for m in seeds]
                found = [g for g in groups if g.get("examples") and None not in (g.get("valid"), g.get("coverage"))]
                if found:
                    rates = (spread([100 * g[name] for g in found], 1) for name in ("valid", "coverage"))
                    cells = (task, label, f"{len(found)}", solutions, f"{found[0]['examples']}", *rates)
                    lines.append(Line(cells, origins.measured(seeds)))
    return grid(("task", "model", "seeds", "solutions", "puzzles", "validity %", "coverage@20 %"), lines)


def likelihoods(results: list[Result]) -> Grid | None:
    """Bounds on the likelihood of held-out digits, of `gram eval mnist --bits`."""
    lines: list[Line] = []
    for m in sorted(measurements(results, "mnist"), key=weight):
        if (bits := m.number("bits_per_dim")) is not None:
            error, parts = m.number("bits_per_dim_error"), ("reconstruction_bits", "kl_bits")
            label = f"{name(m.result)}, {counted(int(m.number('depth') or 0), 'step')}"
            at_most = f"{bits:.4f}" + ("" if error is None else f" ± {error:.4f}")
            shown = (DASH if (part := m.number(p)) is None else f"{part:.4f}" for p in parts)
            counts = f"{m.values.get('examples')}", f"{m.values.get('draws')}"
            cells = (label, f"{m.result.seed}", *counts, at_most, *shown, f"{m.number('seconds') or 0:.0f}")
            lines.append(Line(cells, (origins.origin(m),)))
    head = ("model", "seed", "images", "trajectories each", "bits per pixel, at most", "of the last step", "of the KL")
    return Grid((*head, "seconds"), lines, [BOUND]) if lines else None


def alike(results: list[Result], task: str) -> dict[str, list[Measurement]]:
    """Label of a model with its scale and group -> its measurements in the table of many answers, one per seed."""
    found: dict[str, dict[int, Measurement]] = {}
    for m in sorted(measurements(results, task), key=weight):
        if covered(m) is not None and compared(m.result):
            found.setdefault(name(m.result), {})[m.result.seed] = m
    return {label: [seeds[seed] for seed in sorted(seeds)] for label, seeds in found.items()}


def compared(result: Result) -> bool:
    """Whether its model is in the first table of its task or in none, so that it is not an ablation."""
    first = of_task(result.task)
    return first is None or shown(first, result.variant)


def name(result: Result) -> str:
    """Model, scale and group."""
    scale = "the paper's scale" if result.scale == "paper" else ""
    return ", ".join(filter(None, (MODELS.get(result.variant, result.variant), scale, result.group)))


def calibrations(results: list[Result]) -> Grid | None:
    """Brier score and expected calibration error of both heads."""
    lines: list[Line] = []
    for result in results:
        for key, values in result.figures.items():
            m = Measurement(result, key, values)
            heads = [m.table(f"{head}_calibration") for head in ("halt", "value")]
            if all(heads) and m.plain:
                scores = (f"{head[score]:.4f}" for head in heads for score in ("brier", "ece"))
                cells = (result.task, name(result), f"{result.seed}", key, *scores)
                lines.append(Line(cells, (origins.origin(m),)))
    return grid(("task", "model", "seed", "measured on", "halt: Brier", "ECE", "value: Brier", "ECE"), lines)


def training_cost() -> Grid:
    """Published training costs."""
    lines = [Line(row, origins.cited(published.source(row[0]))) for row in published.COST]
    return Grid(("published training", "hardware", "time"), lines)


def sources(results: list[Result]) -> Grid | None:
    """The results files with commit and machine."""
    lines = [Line((origins.name(r), r.commit, r.machine), (Origin(origins.name(r), r.path),)) for r in results]
    return grid(("results", "commit", "machine"), lines)

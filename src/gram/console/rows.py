"""`gram solve` and `gram eval` for completing rows of tables."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from gram.console.inputs import examples as examples_of
from gram.console.inputs import load, print_arithmetic
from gram.console.output import records
from gram.console.text import counted, say
from gram.progress import EVERY, Progress, Snapshot, progress
from gram.solve.options import SamplingOptions, resolve
from gram.tasks.own.rows import HIDDEN, Rows, read_table
from gram.tasks.spec import Tokens

if TYPE_CHECKING:
    from gram.solve.reasoner import Reasoner
    from gram.solve.sampler import Watch

NEEDS = "--n is for weights of gram train own --complete, with --input FILE.csv, --output FILE and no --json."


def fill(
    task: Rows,
    *,
    input: Path,
    output: Path,
    n: int,
    weights: str | None,
    dtype: str,
    asked: dict[str, Any],
    quiet: bool = False,
) -> int:
    """Fill the empty cells of the table `input` and write it to the new file `output` (see gram.console.output). n = 1:
    the most likely value of each cell; more: this many drawn rows for each row, numbered in a column `imputation`.
    Columns NAME.p, after all others, hold the probability of a filled-in value, and are empty for existing cells."""
    if n < 1:
        raise ValueError(f"n is {n}; it must be at least 1.")
    header, rows = read_table(input)
    names = [column.name for column in task.config.columns]
    if strange := [name for name in header if name not in (*names, *task.config.left_out)]:
        raise ValueError(f"{input} has the column {strange[0]}, which the weights do not know; remove it.")
    puzzles = task.rows_of(input)
    if not len(puzzles):
        raise ValueError(f"{input} has no rows; write some below the header.")
    with progress("Filling in", quiet=quiet, first=EVERY) as bar:
        bar.at(lambda: Snapshot(0.0, "reading the weights"))
        reasoner, _, _ = load(task, weights, dtype)
        from gram.measure import rows as measure

        usual = reasoner.config.solve
        options = resolve(usual, {**asked, "width": max(n, asked.get("width") or usual.width)})
        watch = watched(reasoner, task, puzzles, options, bar)
        drawn, chances = measure.imputations(reasoner.network, task, puzzles, options, watch)
    filled = [i for i in range(len(names)) if (puzzles[:, i] == HIDDEN).any()]
    with records(output) as taken:
        for r, row in enumerate(rows):
            best = (chances[r].argmax(1) + HIDDEN + 1).astype(np.uint8)
            best = np.where(puzzles[r] == HIDDEN, best, puzzles[r])
            for k, tokens in enumerate(drawn[r, :n] if n > 1 else best[None]):
                words = dict(zip(names, task.words(tokens), strict=True))
                hidden = {name for name, token in zip(names, puzzles[r], strict=True) if token == HIDDEN}
                record: dict[str, Any] = {"imputation": k + 1} if n > 1 else {}
                record |= {
                    name: words[name] if name in hidden else cell for name, cell in zip(header, row, strict=True)
                }
                for i in filled:
                    chance = chances[r, i, tokens[i] - HIDDEN - 1]
                    record[f"{names[i]}.p"] = round(float(chance), 3) if puzzles[r, i] == HIDDEN else None
                taken.add(record)
    cells = int((puzzles == HIDDEN).sum())
    say(f"{output}: {counted(cells, 'cell')} of {counted(len(rows), 'row')} filled in, {counted(n, 'time')}.")
    if not quiet:
        print_arithmetic(reasoner)
    return 0


def watched(reasoner: "Reasoner", task: Rows, puzzles: Tokens, options: SamplingOptions, bar: Progress) -> "Watch":
    """Shows on a bar how many samples of rows are drawn."""
    from gram.solve.outlook import Outlook

    outlook = Outlook.of(reasoner.network, task, len(puzzles), options)
    return outlook.shown(bar, lambda: f"{outlook.over:,} of {counted(outlook.rows, 'sample')}")


def evaluate(
    task: Rows,
    *,
    weights: str | None,
    dtype: str,
    data: Path | None,
    split: str,
    limit: int | None,
    as_json: bool,
    asked: dict[str, Any],
    quiet: bool = False,
) -> int:
    """Print metrics of the hidden cells of held-out rows."""
    with progress("Measuring", quiet=quiet, first=0.0) as bar:
        bar.at(lambda: Snapshot(0.0, "Reading rows and weights."))
        found, _ = examples_of(task, data, split, limit, None)
        reasoner, label, _ = load(task, weights, dtype)
        from gram.measure import rows as measure

        options = resolve(reasoner.config.solve, asked)
        known = task.examples("train").inputs if task.config.files else found.inputs
        watch = watched(reasoner, task, found.inputs, options, bar)
        metrics: dict[str, Any] = measure.metrics(reasoner.network, task, found, known, options, watch)
    metrics = {"task": task.spec.name, "weights": label, "data": split if data is None else data.name} | metrics
    if as_json:
        print(json.dumps(metrics))
    else:
        say(
            f"{label}: {counted(metrics['cells'], 'hidden cell')} of {counted(len(found), 'row')}, {metrics['data']}\n"
            f"  accuracy  {metrics['accuracy']:8.2%}  the most likely value is correct "
            f"(the most frequent of the column: {metrics['mode_accuracy']:.2%})\n"
            f"  nats      {metrics['nats']:8.3f}  a cell, minus log-likelihood "
            f"(shares of the column: {metrics['mode_nats']:.3f})\n"
            f"  covered   {metrics['covered']:8.2%}  by the smallest set of values with 90% together, "
            f"{metrics['set_size']:.1f} values"
        )
    if not quiet:
        print_arithmetic(reasoner)
    return 0

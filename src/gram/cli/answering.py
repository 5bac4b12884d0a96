"""Verbs that answer, sample, measure and serve with weights."""

from pathlib import Path
from typing import Annotated, Literal

from tyro.conf import Positional, arg

from gram.console.options import Answering, Drawing, Solving
from gram.serve.settings import Settings

Dtype = Literal["auto", "float32", "bfloat16"]


def solve(
    task: Positional[str],
    puzzles: Positional[tuple[str, ...]] = (),
    /,
    *,
    options: Annotated[Solving, arg(name="")],
    input: Path | None = None,
    base: Literal[0, 1] | None = None,
    explain_input: Path | None = None,
    weights: str | None = None,
    dtype: Dtype = "auto",
    check: str | None = None,
    trust_check: bool = False,
    input_key: str | None = None,
    animate: Path | None = None,
    skip_bad: bool = False,
    unknown: Literal["refuse", "blank"] = "refuse",
    output: Path | None = None,
    n: int | None = None,
    quiet: bool = False,
    server: str | None = None,
    token_file: Path | None = None,
    as_json: Annotated[bool, arg(name="json")] = False,
) -> int:
    """Answer puzzles. What is left out is as the weights were tuned.

    Args:
        task: Name of the task, such as sudoku-9, queens-8 or coloring-10; own for weights of one's own data.
        puzzles: The puzzles as text (ARC: a JSON file); read from --input or standard input if none is given.
        options: How puzzles are answered.
        input: A file of puzzles, in any form of docs/formats.md.
        base: For graphs, the number of the first vertex; if not given, 0 where the file holds a vertex 0, else 1.
        explain_input: Only say how this file is understood, and answer nothing.
        weights: Shipped weights by name or a folder; the task's own if not given.
        dtype: Arithmetic; auto is GRAM_DTYPE, else bfloat16 where it was measured to be clearly faster.
        check: For own data, the function that judges an answer, file.py:function, in place of the one in the weights.
        trust_check: For own data, run the check that the weights name. It is code: read it first.
        input_key: For own data, the key, column or array of --input that holds the inputs, if training had another.
        animate: Also write how the first six trajectories of one puzzle think into this new SVG file.
        skip_bad: Answer the others where some are no puzzles; each is named on standard error, and the exit code is 2.
        output: A new file for the answers in place of their printing, whole at the end: .csv, .parquet or .jsonl, with
            the names of --json. For tables (gram train own --complete), the rows of --input, empty cells filled in.
            For ARC also .json: two attempts at each test input, as Kaggle takes submissions.
        n: For tables, imputations of each row; 1 takes the likeliest value of each cell.
        unknown: For own data without a check, what a symbol is that the weights do not know: an error, or a blank.
        quiet: Say nothing on standard error but what goes wrong.
        server: Address of a `gram serve` that answers in place of weights that are loaded here.
        token_file: A file with the bearer token of that server.
        as_json: One JSON object per puzzle, each printed as soon as it and those before it are there.
    """
    from gram.console import puzzles as console
    from gram.console.remote import Remote

    if token_file is not None and server is None:
        raise ValueError("--token-file opens a server; give --server URL with it, or leave it out.")
    return console.solve(
        task,
        puzzles,
        input=input,
        base=base,
        explain_input=explain_input,
        weights=weights,
        dtype=dtype,
        trust=trust_check,
        check=check,
        input_key=input_key,
        as_json=as_json,
        animate=animate,
        skip_bad=skip_bad,
        blank_unknown=unknown == "blank",
        output=output,
        n=n,
        quiet=quiet,
        remote=None if server is None else Remote(server, token_file),
        asked=options.asked(),
    )


def generate(
    task: Positional[str],
    /,
    *,
    options: Annotated[Drawing, arg(name="")],
    n: int | None = None,
    weights: str | None = None,
    dtype: Dtype = "auto",
    output: Path | None = None,
    png: Path | None = None,
    evolution: Path | None = None,
    quiet: bool = False,
    as_json: Annotated[bool, arg(name="json")] = False,
) -> int:
    """Draw samples of a task without puzzles. What is left out is as the weights were tuned.

    Args:
        task: Name of the task, such as sudoku-boards.
        options: How samples are drawn.
        n: Samples.
        weights: Shipped weights by name or a folder; the task's own if not given.
        dtype: Arithmetic; auto is GRAM_DTYPE, else bfloat16 where it was measured to be clearly faster.
        output: Also a new file of the samples: .csv, .parquet or .jsonl, with the names of --json.
        png: Write a picture of the first hundred samples into this new file.
        evolution: Write what the first eight samples were after each supervision step into this new PNG file.
        quiet: Say nothing on standard error but what goes wrong.
        as_json: One JSON object per sample.
    """
    from gram.console import samples

    return samples.sample(
        task,
        n=n,
        weights=weights,
        dtype=dtype,
        output=output,
        png=png,
        evolution=evolution,
        quiet=quiet,
        as_json=as_json,
        asked=options.asked(),
    )


def evaluate(
    task: Positional[str],
    /,
    *,
    options: Annotated[Answering, arg(name="")],
    weights: str | None = None,
    dtype: Dtype = "auto",
    check: str | None = None,
    trust_check: bool = False,
    input_key: str | None = None,
    target_key: str | None = None,
    data: Path | None = None,
    submission: Path | None = None,
    base: Literal[0, 1] | None = None,
    split: Literal["dev", "test"] = "dev",
    limit: int | None = None,
    edge_probability: float | None = None,
    early_stop: bool = False,
    record: Path | None = None,
    quiet: bool = False,
    as_json: Annotated[bool, arg(name="json")] = False,
) -> int:
    """Measure weights on puzzles that were not trained on; every metric comes from samples of the prior.

    Args:
        task: Name of the task.
        options: How puzzles are answered.
        weights: Shipped weights by name or a folder; the task's own if not given.
        dtype: Arithmetic; auto is GRAM_DTYPE, else bfloat16 where it was measured to be clearly faster.
        check: For own data, the function that judges an answer, file.py:function, in place of the one in the weights.
        trust_check: For own data, run the check that the weights name. It is code: read it first.
        input_key: For own data, the key, column or array of --data that holds the inputs, if training had another.
        target_key: The same of the targets.
        data: A file of puzzles instead of the task's own split: a CSV with question and answer for Sudoku, else any
            file that `gram solve --input` reads; the answers are then all that the exact solver finds. For own data a
            file with inputs and targets, for ARC a file or folder of puzzles, its solutions beside it.
        submission: For ARC, score this file of two attempts at each test input instead; needs no weights.
        base: For graphs of a file, the number of the first vertex, as in `gram solve`.
        split: The split by content: 5% of all inputs are test, 10% dev.
        limit: Use a sample of that many puzzles, always the same.
        edge_probability: For coloring, the density of the generated graphs (0.4 if not given).
        early_stop: With select "checked", stop at the first valid answer of a puzzle: much faster, but it tells nothing
            about single samples (valid, coverage and conflicts are then null).
        record: Also write the metrics with recipe, commit, hardware and seconds to RECORD/RECIPE/SEED.json.
        quiet: Say nothing on standard error but what goes wrong.
        as_json: One JSON object.
    """
    from gram.console import evaluation as console

    return console.evaluate(
        task,
        weights=weights,
        dtype=dtype,
        trust=trust_check,
        check=check,
        keys=(input_key, target_key),
        data=data,
        submission=submission,
        base=base,
        split=split,
        limit=limit,
        edge_probability=edge_probability,
        early_stop=early_stop,
        record=record,
        quiet=quiet,
        as_json=as_json,
        asked=options.asked(),
    )


def serve(weights: Positional[tuple[str, ...]] = (), /, *, settings: Annotated[Settings, arg(name="")]) -> int:
    """Answer puzzles over HTTP; /docs of the server tells how.

    Args:
        weights: Shipped weights by name, folders of runs, or bundles; all that ship if none are given.
        settings: Where the server listens and what it allows.
    """
    from gram.serve import run

    return run.serve(weights, settings)


# data, export, import: files --------------------------------------------------------------------------------

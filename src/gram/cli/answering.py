"""Verbs that answer, sample, evaluate and serve with weights."""

from pathlib import Path
from typing import Annotated, Literal

from tyro.conf import Positional, arg

from gram.console.options import Answering, Computing, Drawing, Solving
from gram.console.workers import address
from gram.serve.settings import Settings

Dtype = Literal["auto", "float32", "bfloat16"]
Ray = Annotated[tuple[str, ...] | None, arg(metavar="[HOST:PORT]")]


def solve(
    task: Positional[str],
    puzzles: Positional[tuple[str, ...]] = (),
    /,
    *,
    general: Annotated[Computing, arg(name="")],
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
    server: str | None = None,
    token_file: Path | None = None,
    ray: Ray = None,
    as_json: Annotated[bool, arg(name="json")] = False,
) -> int:
    """Answer puzzles. The defaults are those tuned for the weights.

    Args:
        general: Messages and device.
        task: Name of the task, such as sudoku-9, queens-8 or coloring-10; own for weights of your own data.
        puzzles: Puzzles as text (ARC: a JSON file); read from --input or standard input if none are given.
        options: How puzzles are answered.
        input: A file of puzzles, in any format of docs/formats.md.
        base: For graphs, the number of the first vertex; by default 0 if the file has a vertex 0, else 1.
        explain_input: Only show how this file is understood, without answering.
        weights: Shipped weights by name or a folder; by default those of the task.
        dtype: Arithmetic; auto is GRAM_DTYPE, else bfloat16 where it was measured clearly faster.
        check: For own data, the function that checks an answer, file.py:function, instead of the one in the weights.
        trust_check: For own data, run the check that the weights name. It is code, so read it first.
        input_key: For own data, the key, column or array of --input that holds the inputs, if different in training.
        animate: Also write how the first six trajectories of one puzzle think into this new SVG file.
        skip_bad: Skip invalid puzzles instead of stopping; standard error names each, and the exit code is 2.
        output: A new file for the answers instead of printing them, written at the end: .csv, .parquet or .jsonl, with
            the names of --json. For tables (gram train own --complete), the rows of --input with empty cells filled in.
            For ARC also .json: two attempts at each test input, in Kaggle's submission format.
        n: For tables, imputations of each row; 1 takes the most likely value of each cell.
        unknown: For own data without a check, how to treat unknown symbols: as an error, or as a blank.
        server: Address of a `gram serve` that answers instead of locally loaded weights.
        token_file: A file with the bearer token of that server.
        ray: Divide the puzzles among processes of Ray: of the cluster at this address, or else one per core of this
            machine. The answers are the same. With --output they are kept in FILE.part as they come; if the command is
            killed, the same one continues.
        as_json: Print one JSON object per puzzle, as soon as it and all earlier ones are ready.
    """
    from gram.console import puzzles as console
    from gram.console.remote import Remote

    if token_file is not None and server is None:
        raise ValueError("--token-file needs --server URL; give both, or leave it out.")
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
        quiet=general.quiet,
        remote=None if server is None else Remote(server, token_file),
        ray=address(ray),
        asked=options.asked(),
    )


def make(
    task: Positional[str],
    /,
    *,
    general: Annotated[Computing, arg(name="")],
    n: int = 1,
    difficulty: Literal["easy", "medium", "hard", "extreme"] | None = None,
    seed: int = 0,
    weights: str | None = None,
    output: Path | None = None,
    as_json: Annotated[bool, arg(name="json")] = False,
) -> int:
    """Make new puzzles; Sudokus have exactly one solution. Prints one a line, as `gram solve` reads them.

    Args:
        general: Messages and device.
        task: Name of the task, such as sudoku-9, sudoku-16, maze-10 or queens-8.
        n: Number of puzzles.
        difficulty: For Sudoku: by the evaluations that the search needs, 1 to 2, 3 to 5, 6 to 25, or more.
        seed: The same seed makes the same puzzles.
        weights: Weights of a search, which rate the puzzles; by default those of the task, such as sudoku-9-search.
        output: A new file instead of printing: .txt with a puzzle a line; .csv, .parquet or .jsonl with question,
            answer, rating and number of clues.
        as_json: Print one JSON object per puzzle, with its rating and its number of clues.
    """
    from gram.console import make as console

    return console.make(task, n=n, difficulty=difficulty, seed=seed, weights=weights, output=output, as_json=as_json)


def generate(
    task: Positional[str],
    /,
    *,
    general: Annotated[Computing, arg(name="")],
    options: Annotated[Drawing, arg(name="")],
    n: int | None = None,
    weights: str | None = None,
    dtype: Dtype = "auto",
    output: Path | None = None,
    png: Path | None = None,
    evolution: Path | None = None,
    ray: Ray = None,
    as_json: Annotated[bool, arg(name="json")] = False,
) -> int:
    """Draw samples of an unconditional task. The defaults are those tuned for the weights.

    Args:
        general: Messages and device.
        task: Name of the task, such as sudoku-boards.
        options: How samples are drawn.
        n: Number of samples.
        weights: Shipped weights by name or a folder; by default those of the task.
        dtype: Arithmetic; auto is GRAM_DTYPE, else bfloat16 where it was measured clearly faster.
        output: Also write the samples to this new file: .csv, .parquet or .jsonl, with the names of --json.
        png: Write a picture of the first hundred samples to this new file.
        evolution: Write the first eight samples after each supervision step to this new PNG file.
        ray: Divide the samples among processes of Ray: of the cluster at this address, or else one per core of this
            machine. The samples are the same.
        as_json: Print one JSON object per sample.
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
        ray=address(ray),
        quiet=general.quiet,
        as_json=as_json,
        asked=options.asked(),
    )


def evaluate(
    task: Positional[str],
    /,
    *,
    general: Annotated[Computing, arg(name="")],
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
    bits: bool = False,
    record: Path | None = None,
    ray: Ray = None,
    as_json: Annotated[bool, arg(name="json")] = False,
) -> int:
    """Evaluate weights on held-out puzzles. All metrics but --bits come from samples of the prior.

    Args:
        general: Messages and device.
        task: Name of the task.
        options: How puzzles are answered.
        weights: Shipped weights by name or a folder; by default those of the task.
        dtype: Arithmetic; auto is GRAM_DTYPE, else bfloat16 where it was measured clearly faster.
        check: For own data, the function that checks an answer, file.py:function, instead of the one in the weights.
        trust_check: For own data, run the check that the weights name. It is code, so read it first.
        input_key: For own data, the key, column or array of --data that holds the inputs, if different in training.
        target_key: The same for the targets.
        data: A file of puzzles instead of the task's own split: a CSV with question and answer for Sudoku, otherwise
            any file that `gram solve --input` reads, with all answers of the exact solver as targets. For own data a
            file with inputs and targets, for ARC a file or folder of puzzles with its solutions beside it.
        submission: For ARC, score this file of two attempts at each test input instead; needs no weights.
        base: For graphs in a file, the number of the first vertex, as in `gram solve`.
        split: The split by content: 5% of all inputs are test, 10% dev.
        limit: Use a fixed sample of this many puzzles.
        edge_probability: For coloring, the density of the generated graphs (0.4 if not given).
        early_stop: With select "checked", stop at the first valid answer of a puzzle. This is much faster, but gives no
            metrics of single samples (valid, coverage and conflicts are then null).
        bits: For digits and boards, instead of metrics of samples a bound on the likelihood of those in the split, in
            bits per pixel or cell. It sees them, so it is no accuracy. --depth is then by default that of training.
        record: Also write the metrics with recipe, commit, hardware and seconds to RECORD/RECIPE/SEED.json.
        ray: Divide the puzzles among processes of Ray: of the cluster at this address, or else one per core of this
            machine. The metrics are the same, except seconds.
        as_json: Print one JSON object.
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
        bits=bits,
        record=record,
        ray=address(ray),
        quiet=general.quiet,
        as_json=as_json,
        asked=options.asked(),
    )


def serve(
    weights: Positional[tuple[str, ...]] = (),
    /,
    *,
    general: Annotated[Computing, arg(name="")],
    settings: Annotated[Settings, arg(name="")],
) -> int:
    """Answer puzzles over HTTP; /docs on the server describes the requests.

    Args:
        general: Messages and device.
        weights: Shipped weights by name, run folders, or bundles; all shipped weights if none are given.
        settings: Where the server listens and what it allows.
    """
    from gram.serve import run

    return run.serve(weights, settings)


# data, export, import: files --------------------------------------------------------------------------------

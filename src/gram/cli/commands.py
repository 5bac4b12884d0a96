"""Every verb but train: its options, and the call that answers it."""

from pathlib import Path
from typing import Annotated, Literal

import tyro
from tyro.conf import Positional, arg

from gram.config import Select
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
        animate: Also write how the first six trajectories of one puzzle think into this new SVG file.
        skip_bad: Answer the others where some are no puzzles; each is named on standard error, and the exit code is 2.
        output: For tables (gram train own --complete), a new CSV file: the rows of --input, empty cells filled in.
        n: Imputations of each row in it; 1 takes the likeliest value of each cell.
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
    data: Path | None = None,
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
        data: A file of puzzles instead of the task's own split: a CSV with question and answer for Sudoku, else any
            file that `gram solve --input` reads; the answers are then all that the exact solver finds. For own data a
            file with inputs and targets, for ARC a JSON file of puzzles.
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
    from gram.console import puzzles as console

    return console.evaluate(
        task,
        weights=weights,
        dtype=dtype,
        trust=trust_check,
        check=check,
        data=data,
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
def data(
    name: Positional[str],
    /,
    *,
    source: Annotated[Path | None, arg(name="from")] = None,
    out: Path | None = None,
    mirror: str | None = None,
) -> int:
    """Store a public data set where recipes find it, with its checksums in manifest.json; or check one that is stored.
    It is copied from a folder that holds it, or downloaded; a download that broke off is gone on with.

    Args:
        name: sudoku-extreme, sudoku-bank, tdoku-hard, maze-30, arc-1, arc-2 or mnist.
        source: A folder laid out like the data folder; the data folders themselves if not given.
        out: The data folder to store in; the one in GRAM_DATA or data/ if not given.
        mirror: An address to download from instead of the original hosts, with the same paths below it.
    """
    from gram.tasks.data import datasets, download, store

    stored = datasets.obtain(
        name, out or store.data_folders()[0], source=source, mirror=mirror, report=download.progress
    )
    for file, facts in stored.files.items():
        print(f"{stored.folder / file}  {facts['bytes']:,} bytes  sha256 {facts['sha256']}")
    print(f"{name} {'is as it was stored' if stored.found else 'is stored and checked'}; it came from {stored.origin}.")
    print(f"Licence: {datasets.DATASETS[name].licence}.")
    return 0


def export(
    weights: Positional[str],
    /,
    *,
    out: Path,
    int8: bool = False,
    dtype: Literal["auto", "float32", "bfloat16", "int8"] = "auto",
    web: bool = False,
    official: bool = False,
    license: str | None = None,
    quiet: bool = False,
) -> int:
    """Write a bundle: ONNX graphs, config, model card and checksums. It answers with numpy and onnxruntime alone, by
    `python -m gram.ship.runtime OUT` or as --weights OUT. Or with --official a checkpoint.

    Args:
        weights: Shipped weights by name or the folder of a run.
        out: A new folder.
        int8: Matrix products in 8 bits: a third of the size. Short for --dtype int8.
        dtype: Arithmetic of the bundle; auto is float32. onnxruntime has no bfloat16 products for processors.
        web: A page beside it that solves in a browser, of queens and Sudoku.
        official: A checkpoint of the published TRM or HRM code instead, if the architecture is theirs.
        license: License of the network, for its card; a network of your own has none unless you give it.
        quiet: Say nothing on standard error but what goes wrong.
    """
    if dtype == "bfloat16":
        raise ValueError("A bundle cannot compute in bfloat16, onnxruntime lacks it; use --dtype float32 or int8.")
    if int8 and dtype == "float32":
        raise ValueError("--int8 and --dtype float32 contradict each other; give one of them.")
    int8 = int8 or dtype == "int8"
    if official:
        from gram.ship.official import export_official

        if int8 or web:
            raise ValueError(
                "Checkpoints of the published code are float32 and no page; leave out --int8, --web or --official."
            )
        if license is not None:
            raise ValueError("Checkpoints of the published code have no card; leave out --license or --official.")
        export_official(weights, out)
        return 0
    from gram.ship import export as ship

    ship.export(weights, out, int8=int8, web=web, license=license, quiet=quiet)
    return 0


def push(
    weights: Positional[str],
    name: Positional[str],
    /,
    *,
    private: bool = False,
    results: Path | None = None,
) -> int:
    """Put weights on the Hugging Face hub, with a model card: one commit, all of it or nothing. Log in first: hf auth
    login. Then hf:OWNER/NAME is a name of weights wherever one is asked for.

    Args:
        weights: Shipped weights by name or the folder of a run.
        name: The repository, OWNER/NAME; it is made if it is not there.
        private: Make it a private one.
        results: A folder that `gram eval --record` wrote, whose figures of this recipe the card shows.
    """
    from gram import hub
    from gram import weights as weight_files

    address = hub.push(weight_files.find(weights), name, private=private, results=results)
    print(f"The weights are at {address}; use them as {hub.SCHEME}{name}.")
    return 0


def import_official(checkpoint: Positional[Path], /, *, out: Path, task: str | None = None) -> int:
    """Make weights of a checkpoint of the published TRM or HRM code, with its all_config.yaml beside it.

    Args:
        checkpoint: The file, or the folder of a run: its file `checkpoint` or newest step_N.
        out: A new folder.
        task: The task; sudoku-9 or maze-30, as the vocabulary tells, if not given.
    """
    from gram.ship import official

    official.import_official(checkpoint, out, task=task)
    return 0


# bench, report, reproduce, info: results --------------------------------------------------------------------
def bench(
    recipes: Positional[tuple[str, ...]] = (),
    /,
    *,
    what: Literal["train", "solve", "both"] = "both",
    batch: int | None = None,
    threads: int = 1,
    dtype: Dtype = "auto",
    device: Literal["auto", "cpu", "cuda"] = "auto",
    compile: Annotated[bool, tyro.conf.FlagConversionOff] = True,
    repeats: int = 5,
    seconds: float = 1.0,
    puzzles: int = 20,
    width: int | None = None,
    select: Select | None = None,
    clock: Literal["wall", "cpu"] = "wall",
    as_json: Annotated[bool, arg(name="json")] = False,
) -> int:
    """Measure training and sampling in turns, beside the fastest matrix products of the same machine and dtype.

    Args:
        recipes: Recipes by name, variants included (queens-8-trm, paper-sudoku-9); four variants of queens-8 if none.
        what: Training, sampling, or both.
        batch: Rows per update.
        threads: CPU threads.
        dtype: Arithmetic of the network.
        device: Where.
        compile: Whether training uses torch.compile.
        repeats: Repetitions of each; medians are shown.
        seconds: How long the updates of a repetition take at least.
        puzzles: Dev puzzles, sampled side by side and one at a time.
        width: Trajectories per puzzle.
        select: How one answer is chosen when one puzzle is asked at a time.
        clock: Seconds on the wall, or those that this process computed (one thread, on a machine with other work).
        as_json: One JSON object.
    """
    from gram.bench import run

    return run.bench(
        recipes,
        what=what,
        batch=batch,
        threads=threads,
        dtype=dtype,
        device=device,
        compile=compile,
        repeats=repeats,
        seconds=seconds,
        puzzles=puzzles,
        width=width,
        select=select,
        clock=clock,
        as_json=as_json,
    )


def report(
    *,
    results: Path = Path("results"),
    out: Path | None = None,
    run: tuple[Path, ...] = (),
    trajectories: str | None = None,
    beside: str | None = None,
    puzzle: str | None = None,
    samples: tuple[str, ...] = (),
    dtype: Dtype = "auto",
) -> int:
    """Tables and figures of a folder of results, beside the published ones: OUT/report.md and OUT/figures. Figures need
    matplotlib (pip install 'gram-reasoning[report]'); without it there are tables only.

    Args:
        results: A folder that `gram eval --record` wrote.
        out: A new folder, or one with an earlier report; RESULTS/report if not given.
        run: Folders of runs whose losses are drawn.
        trajectories: Shipped weights by name or a folder, whose latent trajectories are drawn.
        beside: Other weights, such as TRM's, whose trajectories are drawn beside them.
        puzzle: The puzzle that they answer; the dev puzzle with the most solutions if not given.
        samples: Weights by name or folder that answer no puzzles, whose samples are drawn side by side.
        dtype: Arithmetic of what is drawn; auto is float32 for trajectories, and for samples as in `gram generate`.
    """
    from gram.report import page

    if beside is not None and trajectories is None:
        raise ValueError("--beside stands beside --trajectories WEIGHTS; give both.")
    weights = [name for name in (trajectories, beside) if name is not None]
    return page.report(results, out, run=run, weights=weights, puzzle=puzzle, samples=samples, dtype=dtype)


def reproduce(
    name: Positional[str | None] = None,
    /,
    *,
    scale: Literal["laptop", "paper"] = "laptop",
    out: Path | None = None,
    seeds: str | None = None,
    jobs: int | None = None,
    quiet: bool = False,
    listed: Annotated[bool, arg(name="list")] = False,
) -> int:
    """Train what a table needs, measure it, and end in the report. Stopped or killed, the same command goes on.

    Args:
        name: queens-8, queens-10, coloring-8, coloring-10, sudoku, maze, ablations, ...; --list names all.
        scale: laptop: at most three hours on two cores; paper: the sizes and updates of the paper, on a GPU.
        out: Where runs, results and report are; runs/reproduce/NAME if not given.
        seeds: Seeds with commas between them instead of those of the table.
        jobs: Runs side by side; one for each CPU core at laptop scale, one on a GPU, if not given.
        quiet: Say nothing of how far runs are; their logs do.
        listed: Only say what would be trained and measured, with minutes.
    """
    from gram.reproduce import run as tables

    return tables.reproduce(name, scale=scale, out=out, seeds=seeds, jobs=jobs, quiet=quiet, listed=listed)


def info(weights: Positional[str | None] = None, /, *, as_json: Annotated[bool, arg(name="json")] = False) -> int:
    """Tasks, recipes and shipped weights; or the parameters by part and the metrics of one set of weights.

    Args:
        weights: Shipped weights by name, a folder, or a recipe's name.
        as_json: One JSON object.
    """
    from gram import recipes
    from gram.console import info as show

    return show.info(
        weights,
        recipes=recipes.names(),
        variants=list(recipes.VARIANTS),
        recipe=recipes.recipe,
        as_json=as_json,
    )

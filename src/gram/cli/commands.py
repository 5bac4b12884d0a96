"""Verbs around weights: data, bundles, the hub, tables, speed."""

from pathlib import Path
from typing import Annotated, Literal

import tyro
from tyro.conf import Positional, arg

from gram.cli.answering import Dtype
from gram.config.values import Select
from gram.console.options import Computing, Messages


def data(
    name: Positional[str],
    /,
    *,
    general: Annotated[Messages, arg(name="")],
    source: Annotated[Path | None, arg(name="from")] = None,
    out: Path | None = None,
    mirror: str | None = None,
) -> int:
    """Store a public data set where recipes find it, with its checksums in manifest.json, or check a stored one.

    It is copied from a folder that holds it, or downloaded; an interrupted download continues.

    Args:
        general: Messages.
        name: sudoku-extreme, sudoku-bank, tdoku-hard, maze-30, arc-1, arc-2 or mnist.
        source: A folder with the layout of the data folder; by default the data folders themselves.
        out: The data folder to write to; by default GRAM_DATA or data/.
        mirror: An address to download from instead of the original hosts, with the same paths.
    """
    from gram.tasks.data import datasets, download, store

    stored = datasets.obtain(
        name, out or store.data_folders()[0], source=source, mirror=mirror, report=download.progress
    )
    for file, facts in stored.files.items():
        print(f"{stored.folder / file}  {facts['bytes']:,} bytes  sha256 {facts['sha256']}")
    print(f"{name} {'is unchanged' if stored.found else 'is stored and checked'}; it came from {stored.origin}.")
    print(f"License: {datasets.DATASETS[name].license}.")
    return 0


def export(
    weights: Positional[str],
    /,
    *,
    general: Annotated[Messages, arg(name="")],
    out: Path,
    int8: bool = False,
    dtype: Literal["auto", "float32", "bfloat16", "int8"] = "auto",
    web: bool = False,
    official: bool = False,
    license: str | None = None,
) -> int:
    """Write a bundle: ONNX graphs, config, model card and checksums. It runs with numpy and onnxruntime alone, by
    `python -m gram.ship.runtime OUT` or as --weights OUT. With --official, write a checkpoint instead.

    Args:
        general: Messages.
        weights: Shipped weights by name or a run folder.
        out: A new folder.
        int8: Matrix products in 8 bits, for a third of the size. Short for --dtype int8.
        dtype: Arithmetic of the bundle; auto is float32. onnxruntime has no bfloat16 products for CPUs.
        web: Also write a page that solves in a browser (queens and Sudoku).
        official: Write a checkpoint of the published TRM or HRM code instead, if the architecture matches.
        license: License of the network, for its card; your own network has none unless you give it.
    """
    if dtype == "bfloat16":
        raise ValueError("A bundle cannot use bfloat16, since onnxruntime lacks it; use --dtype float32 or int8.")
    if int8 and dtype == "float32":
        raise ValueError("--int8 and --dtype float32 contradict each other; give one of them.")
    int8 = int8 or dtype == "int8"
    if official:
        from gram.ship.official import export_official

        if int8 or web:
            raise ValueError(
                "Checkpoints of the published code are float32 without a page; leave out --int8, --web or --official."
            )
        if license is not None:
            raise ValueError(
                "Checkpoints of the published code have no card for a license; leave out --license or --official."
            )
        export_official(weights, out)
        return 0
    from gram.ship import export as ship

    ship.export(weights, out, int8=int8, web=web, license=license, quiet=general.quiet)
    return 0


def push(
    weights: Positional[str],
    name: Positional[str],
    /,
    *,
    general: Annotated[Messages, arg(name="")],
    private: bool = False,
    results: Path | None = None,
    license: str | None = None,
) -> int:
    """Upload weights with a model card to the Hugging Face hub, in one commit. Log in first with hf auth login.
    hf:OWNER/NAME then works wherever weights are named.

    Args:
        general: Messages.
        weights: Shipped weights by name or a run folder.
        name: The repository, OWNER/NAME; created if needed.
        private: Make the repository private.
        results: A folder that `gram eval --record` wrote; the card shows its metrics of this recipe.
        license: License of the network, for its card; your own network has none unless you give it.
    """
    from gram import hub
    from gram import weights as weight_files

    folder = weight_files.find(weights)
    license = license or weight_files.license_of(folder)
    address = hub.push(folder, name, private=private, results=results, license=license)
    print(f"The weights are at {address}; use them as {hub.SCHEME}{name}.")
    return 0


def import_official(
    checkpoint: Positional[Path],
    /,
    *,
    general: Annotated[Messages, arg(name="")],
    out: Path,
    task: str | None = None,
) -> int:
    """Convert a checkpoint of the published TRM or HRM code, with its all_config.yaml beside it, to weights.

    Args:
        general: Messages.
        checkpoint: The file, or a run folder with a file `checkpoint` or step_N (the newest is used).
        out: A new folder.
        task: The task; by default sudoku-9 or maze-30, by the vocabulary size.
    """
    from gram.ship import official

    official.import_official(checkpoint, out, task=task)
    return 0


# bench, report, reproduce, info: results --------------------------------------------------------------------
def bench(
    recipes: Positional[tuple[str, ...]] = (),
    /,
    *,
    general: Annotated[Computing, arg(name="")],
    what: Literal["train", "solve", "both"] = "both",
    batch: int | None = None,
    threads: int = 1,
    dtype: Dtype = "auto",
    compile: Annotated[bool, tyro.conf.FlagConversionOff] = True,
    repeats: int = 5,
    seconds: float = 1.0,
    puzzles: int = 20,
    width: int | None = None,
    select: Select | None = None,
    clock: Literal["wall", "cpu"] = "wall",
    as_json: Annotated[bool, arg(name="json")] = False,
) -> int:
    """Measure training and sampling, alternating with the fastest matrix products of the machine in the same dtype.

    Args:
        recipes: Recipes by name, including variants (queens-8-trm); by default four variants of queens-8.
        what: Training, sampling, or both.
        batch: Rows per update.
        threads: CPU threads.
        dtype: Arithmetic of the network.
        compile: Whether training uses torch.compile.
        repeats: Repetitions of each; medians are shown.
        seconds: Minimum seconds of the updates in a repetition.
        puzzles: Dev puzzles, sampled in parallel and one at a time.
        width: Trajectories per puzzle.
        select: How the answer is chosen when puzzles are sampled one at a time.
        clock: Wall-clock seconds, or CPU seconds of this process (one thread, for busy machines).
        as_json: Print one JSON object.
    """
    from gram.bench import run

    return run.bench(
        recipes,
        what=what,
        batch=batch,
        threads=threads,
        dtype=dtype,
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
    general: Annotated[Computing, arg(name="")],
    results: Path = Path("results"),
    out: Path | None = None,
    run: tuple[Path, ...] = (),
    follow: bool = False,
    trajectories: str | None = None,
    beside: str | None = None,
    puzzle: str | None = None,
    samples: tuple[str, ...] = (),
    dtype: Dtype = "auto",
) -> int:
    """Write tables and figures of a folder of results, with the published ones: OUT/report.md, OUT/report.html for a
    browser, and OUT/figures. Figures need matplotlib (pip install 'gram-reasoning[report]'); without it there are only
    tables.

    Args:
        general: Messages and device.
        results: A folder that `gram eval --record` wrote.
        out: A new folder, or one with an earlier report; by default RESULTS/report.
        run: Run folders, to draw losses, KL, validity and coverage over time, labeled by folder.
        follow: Only draw the runs, in OUT/runs.html, and update the page while they train.
        trajectories: Shipped weights by name or a folder, to draw their latent trajectories.
        beside: Other weights, such as TRM's, to draw their trajectories beside the first.
        puzzle: The puzzle of the trajectories; by default the dev puzzle with the most solutions.
        samples: Weights of unconditional tasks by name or folder, to draw their samples side by side.
        dtype: Arithmetic of the drawings; auto is float32 for trajectories, and for samples as in `gram generate`.
    """
    from gram.report import page

    if follow:
        from gram.report.follow import follow as follow_runs

        if trajectories or beside or puzzle or samples:
            raise ValueError("--follow draws only runs; leave out --trajectories, --beside, --puzzle and --samples.")
        return follow_runs(run, results / "report" if out is None else out)
    if beside is not None and trajectories is None:
        raise ValueError("--beside needs --trajectories WEIGHTS; give both.")
    weights = [name for name in (trajectories, beside) if name is not None]
    return page.report(results, out, run=run, weights=weights, puzzle=puzzle, samples=samples, dtype=dtype)


def reproduce(
    name: Positional[str | None] = None,
    /,
    *,
    general: Annotated[Computing, arg(name="")],
    scale: Literal["laptop", "paper"] = "laptop",
    out: Path | None = None,
    seeds: str | None = None,
    jobs: int | None = None,
    results: Path | None = None,
    status: bool = False,
    listed: Annotated[bool, arg(name="list")] = False,
) -> int:
    """Train and measure the models of a table and write the report; "all" does what is missing of all tables. If
    stopped or killed, the same command continues.

    Args:
        general: Messages and device.
        name: queens-8, queens-10, coloring-8, coloring-10, sudoku, maze, ablations, ..., all; --list names them.
        scale: laptop: at most three hours on two cores; paper: the sizes and updates of the paper, on a GPU.
        out: Folder for runs, results and report; by default runs/reproduce/NAME.
        seeds: Comma-separated seeds instead of those of the table.
        jobs: Parallel runs; by default one per CPU core at laptop scale (all: per idle core), one on a GPU.
        results: For all: the folder whose report has the missing rows, and that takes the measurements; by default the
            folder results, if there is one, else OUT/results.
        status: For all: only print what is done, running and to come, with the hours left.
        listed: Only print what would be trained and measured, with minutes.
    """
    if name == "all" or (name is None and status):
        from gram.reproduce import all_tables

        if seeds is not None:
            raise ValueError("--seeds is for one table; leave it out with all.")
        return all_tables.reproduce_all(
            scale=scale, out=out, into=results, jobs=jobs, quiet=general.quiet, listed=status or listed
        )
    if results is not None or status:
        raise ValueError(
            "--results and --status are for `gram reproduce all`; leave them out, or take all for the name."
        )
    from gram.reproduce import run as tables

    return tables.reproduce(name, scale=scale, out=out, seeds=seeds, jobs=jobs, quiet=general.quiet, listed=listed)


def info(
    weights: Positional[str | None] = None,
    /,
    *,
    general: Annotated[Messages, arg(name="")],
    as_json: Annotated[bool, arg(name="json")] = False,
) -> int:
    """Show tasks, recipes and shipped weights; or the parameters by part and the metrics of one set of weights.

    Args:
        general: Messages.
        weights: Shipped weights by name, a folder, or the name of a recipe.
        as_json: Print one JSON object.
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

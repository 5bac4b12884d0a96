"""Verbs around weights: data, bundles, the hub, tables, speed."""

from pathlib import Path
from typing import Annotated, Literal

import tyro
from tyro.conf import Positional, arg

from gram.cli.answering import Dtype
from gram.config.values import Select


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
    follow: bool = False,
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
        run: Folders of runs whose losses, KL, validity and coverage are drawn over time, told apart by folder.
        follow: Only draw these, in OUT/runs.html, again and again while they learn.
        trajectories: Shipped weights by name or a folder, whose latent trajectories are drawn.
        beside: Other weights, such as TRM's, whose trajectories are drawn beside them.
        puzzle: The puzzle that they answer; the dev puzzle with the most solutions if not given.
        samples: Weights by name or folder that answer no puzzles, whose samples are drawn side by side.
        dtype: Arithmetic of what is drawn; auto is float32 for trajectories, and for samples as in `gram generate`.
    """
    from gram.report import page

    if follow:
        from gram.report.follow import follow as follow_runs

        if trajectories or beside or puzzle or samples:
            raise ValueError("--follow draws runs alone; leave --trajectories, --beside, --puzzle and --samples out.")
        return follow_runs(run, results / "report" if out is None else out)
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

"""bench, report, reproduce, info: figures."""

from pathlib import Path
from typing import Annotated, Literal

import tyro
from tyro.conf import Positional, arg

from gram.cli.ask import Select


def bench(
    recipes: Positional[tuple[str, ...]] = (),
    /,
    *,
    what: Literal["train", "solve", "both"] = "both",
    batch: int | None = None,
    threads: int = 1,
    dtype: Literal["auto", "float32", "bfloat16"] = "auto",
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
        recipes: Recipes by name, members included (queens-8-trm, paper-sudoku-9); the family on queens-8 if none.
        what: Training, sampling, or both.
        batch: Rows per update.
        threads: CPU threads.
        dtype: Arithmetic of the network.
        device: Where.
        compile: Whether training uses torch.compile.
        repeats: Turns of each; medians are told.
        seconds: How long the updates of a turn take at least.
        puzzles: Dev puzzles, sampled side by side and one at a time.
        width: Trajectories per puzzle.
        select: How one answer is chosen when one puzzle is asked at a time.
        clock: Seconds on the wall, or those that this process computed (one thread, on a machine with other work).
        as_json: One JSON object.
    """
    from gram.bench import report

    return report.bench(
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
    """
    from gram.report import page

    if beside is not None and trajectories is None:
        raise ValueError("--beside stands beside --trajectories WEIGHTS; give both.")
    weights = [name for name in (trajectories, beside) if name is not None]
    return page.report(results, out, run=run, weights=weights, puzzle=puzzle, samples=samples)


def reproduce(
    name: Positional[str | None] = None,
    /,
    *,
    scale: Literal["laptop", "paper"] = "laptop",
    out: Path | None = None,
    seeds: str | None = None,
    jobs: int | None = None,
    listed: Annotated[bool, arg(name="list")] = False,
) -> int:
    """Train what a table needs, measure it, and end in the report. Stopped or killed, the same command goes on.

    Args:
        name: queens-8, queens-10, coloring-8, coloring-10, sudoku, maze, ablations, ...; --list names all.
        scale: laptop: at most three hours on two cores; paper: the sizes and updates of the paper, on a GPU.
        out: Where runs, results and report are; runs/reproduce/NAME if not given.
        seeds: Seeds with commas between them instead of those of the table.
        jobs: Runs side by side; one for each CPU core at laptop scale, one on a GPU, if not given.
        listed: Only say what would be trained and measured, with minutes.
    """
    from gram.report import reproduce as tables

    return tables.reproduce(name, scale=scale, out=out, seeds=seeds, jobs=jobs, listed=listed)


def info(weights: Positional[str | None] = None, /, *, as_json: Annotated[bool, arg(name="json")] = False) -> int:
    """Tasks, recipes and shipped weights; or the parameters by part and the figures of one set of weights.

    Args:
        weights: Shipped weights by name, a folder, or a recipe's name.
        as_json: One JSON object.
    """
    from gram import recipes
    from gram.solve import info as show

    return show.info(
        weights,
        recipes=recipes.names(),
        variants=list(recipes.VARIANTS),
        recipe=recipes.recipe,
        as_json=as_json,
    )

"""solve, generate, eval: what is asked of weights."""

from pathlib import Path
from typing import Annotated, Literal

from tyro.conf import Positional, arg

Select = Literal["first", "majority", "value", "halt", "checked"]


def solve(
    task: Positional[str],
    puzzles: Positional[tuple[str, ...]] = (),
    /,
    *,
    input: Path | None = None,
    width: int | None = None,
    depth: int | None = None,
    select: Select | None = None,
    want: int = 1,
    seed: int = 0,
    temperature: float | None = None,
    restart_every: int | None = None,
    weights: str | None = None,
    as_json: Annotated[bool, arg(name="json")] = False,
) -> int:
    """Answer puzzles. Width, depth and select default to what the weights were tuned for.

    Args:
        task: Name of the task, such as sudoku-9, queens-8 or coloring-10; own for weights of one's own data.
        puzzles: The puzzles as text (ARC: a JSON file); read from --input or standard input if none is given.
        input: A file of puzzles: text, CSV, DIMACS or JSON, as the task knows them.
        width: Trajectories per puzzle; with --want ten times as many as wanted, at least.
        depth: Supervision steps at most.
        select: How one answer is chosen.
        want: Stop after this many distinct valid answers; above 1 they are counted exactly as well, if that is quick.
        seed: Seed of the noise.
        temperature: Factor on the learned noise; for deterministic members its standard deviation.
        restart_every: Supervision steps until a trajectory begins anew (Sudoku: with a guess as a given); 0 never.
        weights: Shipped weights by name or a folder; the task's own if not given.
        as_json: One JSON object per puzzle.
    """
    from gram.solve import show

    return show.solve(
        task,
        puzzles,
        input=input,
        weights=weights,
        as_json=as_json,
        options={
            "width": width,
            "depth": depth,
            "select": select,
            "want": want,
            "seed": seed,
            "temperature": temperature,
            "restart_every": restart_every,
        },
        opener=opener(weights),
    )


def generate(
    task: Positional[str],
    /,
    *,
    n: int | None = None,
    depth: int | None = None,
    seed: int = 0,
    temperature: float | None = None,
    restart_every: int | None = None,
    weights: str | None = None,
    png: Path | None = None,
    evolution: Path | None = None,
    as_json: Annotated[bool, arg(name="json")] = False,
) -> int:
    """Draw samples of a task without puzzles. What is left out is as the weights were tuned.

    Args:
        task: Name of the task, such as sudoku-boards.
        n: Samples.
        depth: Supervision steps at most.
        seed: Seed of the noise.
        temperature: Factor on the learned noise.
        restart_every: Supervision steps until a trajectory that has not halted begins anew; 0 never.
        weights: Shipped weights by name or a folder; the task's own if not given.
        png: Write a picture of the first hundred samples into this new file.
        evolution: Write what the first eight samples were after each supervision step into this new PNG file.
        as_json: One JSON object per sample.
    """
    from gram.solve import show_samples

    return show_samples.sample(
        task,
        n=n,
        weights=weights,
        png=png,
        evolution=evolution,
        as_json=as_json,
        options={"depth": depth, "seed": seed, "temperature": temperature, "restart_every": restart_every},
        opener=opener(weights),
    )


def evaluate(
    task: Positional[str],
    /,
    *,
    weights: str | None = None,
    data: Path | None = None,
    split: Literal["dev", "test"] = "dev",
    width: int | None = None,
    depth: int | None = None,
    select: Select | None = None,
    limit: int | None = None,
    seed: int = 0,
    temperature: float | None = None,
    restart_every: int | None = None,
    edge_probability: float | None = None,
    early_stop: bool = False,
    record: Path | None = None,
    as_json: Annotated[bool, arg(name="json")] = False,
) -> int:
    """Measure weights on puzzles that were not trained on; every figure comes from samples of the prior.

    Args:
        task: Name of the task.
        weights: Shipped weights by name or a folder; the task's own if not given.
        data: A file of puzzles instead of the task's own split: a CSV with question and answer for Sudoku, else any
            file that `gram solve --input` reads; the answers are then all that the exact solver finds. For own data a
            file with inputs and targets, for ARC a JSON file of puzzles.
        split: The split by content: 5% of all inputs are test, 10% dev.
        width: Samples per puzzle; of a task without puzzles, samples.
        depth: Supervision steps.
        select: How one answer is chosen.
        limit: Use a sample of that many puzzles, always the same.
        seed: Seed of the noise.
        temperature: Factor on the learned noise.
        restart_every: Supervision steps until a trajectory begins anew (Sudoku: with a guess as a given); 0 never.
        edge_probability: For colouring, the density of the generated graphs (0.4 if not given).
        early_stop: With select "checked", stop at the first valid answer of a puzzle: much faster, but it tells nothing
            about single samples (valid, coverage and conflicts are then null).
        record: Also write the figures with recipe, commit, hardware and seconds to RECORD/RECIPE/SEED.json.
        as_json: One JSON object.
    """
    from gram.solve import show

    return show.evaluate(
        task,
        weights=weights,
        data=data,
        split=split,
        limit=limit,
        edge_probability=edge_probability,
        early_stop=early_stop,
        record=record,
        as_json=as_json,
        options={
            "width": width,
            "depth": depth,
            "select": select,
            "seed": seed,
            "temperature": temperature,
            "restart_every": restart_every,
        },
        opener=opener(weights),
    )


def opener(weights: str | None):
    """What opens `weights` if it is a bundle; None if it is not."""
    if weights is None or not (Path(weights) / "manifest.json").is_file():
        return None
    try:
        from gram.ship import runtime
    except ImportError as error:
        raise ValueError(f"{weights} is a bundle, but {error.name} is missing; pip install onnxruntime.") from None
    return runtime.load

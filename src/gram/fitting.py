"""gram.fit: what `gram train` does, from Python."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from gram import recipes
from gram import weights as weight_files
from gram.config import Config
from gram.fields import from_dict, to_dict
from gram.loading import load
from gram.solve.reasoner import Reasoner


def fit(
    recipe: str | Config,
    out: str | Path,
    *,
    data: str | Path | Sequence[str | Path] = (),
    check: str | None = None,
    minutes: float | None = None,
    model: Mapping[str, Any] | None = None,
    train: Mapping[str, Any] | None = None,
    resume: bool = False,
    trust: bool = False,
    callback: Callable[[dict[str, Any]], object] | None = None,
) -> Reasoner:
    """Train a recipe, by name or as a Config, in the run folder `out`, and load the finished weights.

    `data` is a file or several: pairs for the recipe own, puzzles to answer for ARC. `check` ("file.py:function")
    checks answers of your own data. `minutes` is the budget from the call to the weights. `model` and `train` change
    fields of ModelConfig and TrainConfig, such as train={"updates": 500, "minutes": None}. `resume` continues the run
    in `out` with its own config; `trust` then runs the check that the run names.

    `callback` is called with every line of metrics.jsonl as it is written, a dict whose "kind" is "train" (about every
    50 updates: update, seconds, share of the training that is done, ce, kl, prior_validity, ...), "dev" (an evaluation:
    valid, coverage, ...) or "warning" (text). An error that it raises ends the training as it is.

    Interrupting (Ctrl-C, a notebook's stop button) writes a checkpoint and raises KeyboardInterrupt. ValueError or
    OSError with one sentence otherwise.
    """
    import time

    from gram.tasks.arc import task as arc
    from gram.tasks.own import learn as own
    from gram.train import loop

    began, out = time.monotonic(), Path(out)
    config = recipes.recipe(recipe) if isinstance(recipe, str) else recipe
    if resume:
        if not (out / weight_files.CONFIG).is_file():
            raise FileNotFoundError(f"{out} has no run to resume; leave out resume to start one.")
        name, config = config.recipe, weight_files.read(out)
        if name != config.recipe:
            raise ValueError(f"{out} is a run of {config.recipe}, not of {name}; name that recipe to resume it.")
    files = [data] if isinstance(data, str | Path) else data
    if files:
        config = dataclasses.replace(config, data=tuple(str(file) for file in files))
    if minutes is not None and not minutes > 0:
        raise ValueError(f"minutes is {minutes}; it must be above 0.")
    parts = {"model": model or {}, "train": dict(train or {}) | ({} if minutes is None else {"minutes": minutes})}
    plain = to_dict(config)
    config = from_dict(Config, plain | {name: plain[name] | dict(part) for name, part in parts.items()})
    config = arc.describe(own.describe(config, check, trust=trust))
    loop.train(config, out, resume=resume, trust=trust or check is not None, began=began, callback=callback)
    return load(out, trust=trust or check is not None)

"""`gram eval --bits`: a bound on the likelihood of held-out images or boards, as text for people, or JSON."""

import json
from pathlib import Path
from typing import Any

from gram.config import SolveConfig
from gram.console.inputs import find, is_bundle, load, sample_rows
from gram.console.text import counted, say
from gram.progress import Snapshot, progress
from gram.solve.options import resolve
from gram.tasks.base import Unconditional

ASKED = "depth", "seed"
"""The options of sampling that matter to a bound."""


def evaluate(
    task: Unconditional,
    *,
    weights: str | None,
    dtype: str,
    split: str,
    limit: int | None,
    record: Path | None,
    as_json: bool,
    asked: dict[str, Any],
    quiet: bool = False,
) -> int:
    """Print the bound of the images or boards of a split, and record it if requested. `asked`: depth, by default the
    supervision steps of training, and seed. The arithmetic is float32 unless `dtype` says otherwise."""
    if odd := [name.replace("_", "-") for name, value in asked.items() if value is not None and name not in ASKED]:
        raise ValueError(f"--bits draws no samples; leave out --{odd[0]}.")
    if limit is not None and limit < 1:
        raise ValueError(f"limit is {limit}; it must be at least 1.")
    depth, seed = asked.get("depth"), resolve(SolveConfig(), {name: asked.get(name) for name in ASKED}).seed
    if is_bundle(find(task.spec.name, weights)):
        raise ValueError(f"{weights} is a bundle, which has no posterior; --bits needs weights of PyTorch.")
    from gram.measure.likelihood import bits  # torch
    from gram.measure.record import keep, key
    from gram.models.recursive import Model
    from gram.solve.torch_backend import TorchNetwork

    with progress("Measuring", quiet=quiet, first=0.0) as bar:
        bar.at(lambda: Snapshot(0.0, "Reading the weights and the data."))
        targets = task.examples(split).targets
        reasoner, label, folder = load(task, weights, "float32" if dtype == "auto" else dtype)
        network, config = reasoner.network, reasoner.config
        assert isinstance(network, TorchNetwork)
        recursive = isinstance(network.model, Model)
        if depth is not None and not recursive:
            raise ValueError(f"{label} has no supervision steps; leave out --depth.")
        bar.at(lambda: Snapshot(0.0, f"Measuring {counted(len(targets[:limit]), 'answer')}."))
        found = bits(
            network.model,
            task,
            targets[sample_rows(len(targets), limit)],
            depth=depth or config.train.N_sup,
            posterior_transitions=config.train.posterior_transitions,
            seed=seed,
        )
    values = {"task": task.spec.name, "weights": label, "data": split} | found.to_dict()
    if as_json:
        print(json.dumps(values))
    else:
        say(table(values, "pixel" if task.digits else "cell"))
    if record is not None:
        named_by = {"bits": True, "depth": found.depth if recursive else None, "limit": limit}
        keep(record, reasoner, folder, key(split, named_by | {"seed": seed or None}), values)
    return 0


def table(values: dict[str, Any], dimension: str) -> str:
    """The bound for people."""
    head = f"{values['task']}: {counted(values['examples'], 'answer')} of {values['data']}, weights {values['weights']}"
    error = values["bits_per_dim_error"]
    spread = "" if error is None else f", standard error {error:.4f}"
    what = "the likelihood" if values["exact"] else "a bound on the likelihood, at most"
    lines = [
        f"{head}, depth {values['depth']}",
        f"  {'bits':<15} {values['bits_per_dim']:8.4f}  per {dimension}: {what}{spread}",
        f"  {'last step':<15} {values['reconstruction_bits']:8.4f}  of its cross-entropy",
        f"  {'KL':<15} {values['kl_bits']:8.4f}  of the posterior from the prior",
        "  It sees the answers, so it is no accuracy.",
    ]
    draws = f"{counted(values['draws'], 'trajectory')} of each"
    return "\n".join([*lines, f"  {draws}, {values['seconds']:.1f} s"])

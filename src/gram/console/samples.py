"""What `gram generate` says, and `gram eval` of a task without puzzles: text for people, or JSON."""

import json
from pathlib import Path
from typing import Any

import numpy as np

from gram import tasks
from gram.console import png as pictures
from gram.console.inputs import load
from gram.console.text import counted, one_line, say
from gram.measure.samples import figures
from gram.solve import generate
from gram.tasks.base import Tokens, Unconditional
from gram.tasks.data.store import load_examples
from gram.tasks.mnist import Mnist

SHOWN = 3
"""Samples in the terminal."""
SHEET = 100
"""Samples in a picture."""
ROWS = 8
"""Samples whose evolution is drawn."""


def sample(
    name: str,
    *,
    n: int | None,
    weights: str | None,
    png: Path | None,
    evolution: Path | None,
    as_json: bool,
    options: dict[str, Any],
) -> int:
    """Draw n samples, print them or their figures, and write pictures if asked to. `options` may be depth, seed,
    temperature and restart_every; None is what the weights were tuned for."""
    task = tasks.task(name)
    if not isinstance(task, Unconditional):
        raise ValueError(f"{name} answers puzzles; give it one with `gram solve {name}`.")
    for path in filter(None, (png, evolution)):
        pictures.check_new(path)
    reasoner, label, _ = load(task, weights)
    samples = reasoner.generate(n, **options)
    settled = generate.settle(reasoner.config.solve, **options)
    if as_json:
        for i in range(len(samples)):
            print(json.dumps(fields(task, samples, i)))
    else:
        values = figures(task, samples) | {"task": name, "weights": label, "depth": settled["depth"]}
        values |= digits(task, samples, "test")
        say(beside([task.render(task.blank, tokens) for tokens in samples.tokens[:SHOWN]]))
        say(table(values))
    if png is not None:
        some = samples.tokens[:SHEET]
        pictures.write(png, np.stack([task.picture(s) for s in some]), columns=max(1, round(len(some) ** 0.5)))
    if evolution is not None:
        frames = generate.evolution(reasoner.network, task, n=min(ROWS, len(samples)), **settled)
        images = np.stack([task.picture(s) for s in frames.reshape(-1, task.spec.length)])
        pictures.write(evolution, images, columns=settled["depth"])
    return 0


def fields(task: Unconditional, samples: generate.Samples, i: int) -> dict[str, Any]:
    """One line of --json."""
    return {
        "sample": one_line(task.decode(samples.tokens[i])),
        "valid": None if samples.valid is None else bool(samples.valid[i]),
        "steps": int(samples.steps[i]),
        "value": float(samples.value[i]),
    }


def beside(blocks: list[str], gap: str = "  ") -> str:
    """Blocks of text of as many lines each, side by side."""
    return "\n".join(gap.join(lines) for lines in zip(*(block.splitlines() for block in blocks), strict=True))


def table(values: dict[str, Any]) -> str:
    """The figures for people."""
    drawn = counted(values["samples"], "sample")
    lines = [f"{values['task']}: {drawn}, weights {values['weights']}, depth {values['depth']}"]
    of = "the samples" if values["valid"] is None else "the valid ones"
    rates = {"valid": "obey all rules", "distinct": f"distinct, of {of}", "seen": f"in the training data, of {of}"}
    lines += [f"  {k:<15} {values[k]:8.2%}  {text}" for k, text in rates.items() if values.get(k) is not None]
    if values.get("chi_square") is not None:
        lines += [
            f"  {'reached':<15} {values['reached']:>8}  of {values['exist']} that exist; as many uniform draws would "
            f"reach {values['expected_reached']:.1f}",
            f"  {'chi-square':<15} {values['chi_square']:8.1f}  of {values['exist'] - 1} degrees of freedom against "
            f"uniform, p = {values['chi_square_p']:.3g}; each drawn {values['least']} to {values['most']} times",
        ]
    against = f"against {counted(values.get('reference'), 'image')} of the data"
    scores = {
        "classifier_fid": f"{against}; of our own small classifier, not Inception",
        "classifier_is": "1 to 10; of our own small classifier, not Inception",
        "inception_fid": against,
        "inception_is": "of Inception",
    }
    lines += [f"  {k:<15} {values[k]:8.2f}  {text}" for k, text in scores.items() if values.get(k) is not None]
    lines += [f"  {values['note']}"] if values.get("note") else []
    cost = counted(values["function_evaluations"], "function evaluation")
    return "\n".join([*lines, f"  {cost}, {values['seconds']:.1f} s"])


def digits(task: Unconditional, samples: generate.Samples, split: str) -> dict[str, Any]:
    """How much images look like those of a split (see gram.measure.images), where the files are here; {} for all
    other tasks."""
    if not isinstance(task, Mnist):
        return {}
    from gram.measure.images import realism

    try:
        reference = task.examples(split).targets
    except FileNotFoundError as error:
        return {"note": str(error)}
    return realism(samples.tokens, reference)


# eval -----------------------------------------------------------------------------------------------------
def evaluate(
    task: Unconditional,
    *,
    weights: str | None,
    split: str,
    record: Path | None,
    as_json: bool,
    options: dict[str, Any],
) -> int:
    """Figures of as many samples as `width`, recorded if asked to. seen: those among the training data of the recipe
    (over the valid ones; None where the files are not here)."""
    reasoner, label, folder = load(task, weights)
    given = {k: options[k] for k in ("depth", "seed", "temperature", "restart_every")}
    samples = reasoner.generate(options["width"], **given)
    settled = generate.settle(reasoner.config.solve, **given)
    values = {"task": task.spec.name, "weights": label, "data": split, "depth": settled["depth"]}
    values |= figures(task, samples) | {"seen": seen(task, reasoner.config.data, samples)}
    values |= digits(task, samples, split)
    values |= {k: settled[k] for k in ("seed", "temperature", "restart_every")}
    if as_json:
        print(json.dumps(values))
    else:
        say(table(values))
    if record is not None:
        asked = {"width": options["width"] or reasoner.config.solve.width, "depth": settled["depth"]}
        asked |= {k: options[k] for k in ("temperature", "restart_every")} | {"seed": options["seed"] or None}
        from gram.measure.record import keep, key

        keep(record, reasoner, folder, key(split, asked), values)
    return 0


def seen(task: Unconditional, files: tuple[str, ...], samples: generate.Samples) -> float | None:
    """Share of the valid samples that are in the training data; None where these are not here, or are all there is."""
    try:
        known = None if task.support() is not None else load_examples(task, files, "train").targets
    except FileNotFoundError:
        known = None
    good = samples.good
    return None if known is None or not len(good) else float(np.isin(rows(good), rows(known)).mean())


def rows(tokens: Tokens) -> np.ndarray:
    """(n, L) uint8 -> (n,) with a row as one value."""
    return np.ascontiguousarray(tokens).view(f"V{tokens.shape[1]}").ravel()

"""Output of `gram generate`, and of `gram eval` for unconditional tasks: text for people, or JSON."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from gram import tasks
from gram.cluster import distributed
from gram.config import SolveConfig
from gram.console import png as pictures
from gram.console.inputs import load, print_arithmetic
from gram.console.output import check_output, records
from gram.console.text import counted, say
from gram.console.workers import check_ray
from gram.measure.samples import metrics
from gram.progress import Snapshot, progress
from gram.solve import generate
from gram.solve.options import drawing
from gram.solve.outlook import Outlook
from gram.tasks.base import Unconditional
from gram.tasks.data.store import load_examples
from gram.tasks.spec import Tokens

if TYPE_CHECKING:
    from gram.solve.reasoner import Reasoner

SHOWN = 3
"""Samples shown in the terminal."""
SHEET = 100
"""Samples in a picture."""
ROWS = 8
"""Samples whose evolution is drawn."""


def sample(
    name: str,
    *,
    n: int | None,
    weights: str | None,
    dtype: str,
    png: Path | None,
    evolution: Path | None,
    as_json: bool,
    asked: dict[str, Any],
    quiet: bool = False,
    output: Path | None = None,
    ray: str | None = None,
) -> int:
    """Draw n samples, print them or their metrics, and write pictures if requested. `asked`: the options of
    Reasoner.generate. `output`: also write them to this new file, see gram.console.output. `ray`: see gram.cluster."""
    check_ray(ray, weights, asked, {"evolution": evolution})
    task = tasks.task(name).sampled()
    if output is not None:
        check_output(output)
    for path in filter(None, (png, evolution)):
        pictures.check_new(path)
    reasoner, label, _, samples = drawn(task, weights, dtype, n, asked, quiet, ray)
    options = drawing(reasoner.config.solve, n, asked)
    with records(output) as taken:
        for record in samples.to_dicts():
            taken.add(record)
    if as_json:
        for record in samples.to_dicts():
            print(json.dumps(record))
    else:
        values = metrics(task, samples) | {"task": name, "weights": label, "depth": options.depth}
        values |= digits(task, samples, "test")
        say(beside([task.render(task.blank, tokens) for tokens in samples.tokens[:SHOWN]]))
        say(table(values))
    if output is not None and not as_json:
        say(f"{output}: {counted(len(samples), 'sample')}")
    if png is not None:
        some = samples.tokens[:SHEET]
        pictures.write(png, np.stack([task.picture(s) for s in some]), columns=max(1, round(len(some) ** 0.5)))
    if evolution is not None:
        frames = generate.evolution(reasoner.network, task, options, width=min(ROWS, len(samples)))
        images = np.stack([task.picture(s) for s in frames.reshape(-1, task.spec.length)])
        pictures.write(evolution, images, columns=options.depth)
    if not quiet:
        print_arithmetic(reasoner)
    return 0


def drawn(
    task: Unconditional,
    weights: str | None,
    dtype: str,
    n: int | None,
    asked: dict[str, Any],
    quiet: bool,
    ray: str | None,
) -> tuple["Reasoner", str, Path, generate.Samples]:
    """The result of `load`, and n samples, with progress while they are drawn."""
    drawing(SolveConfig(), n, asked)  # what is out of range is refused before anything is said
    with progress("Drawing", quiet=quiet, first=0.0) as bar:
        bar.at(lambda: Snapshot(0.0, "Reading the weights."))
        reasoner, label, folder = load(task, weights, dtype)
        reasoner = distributed(reasoner, ray)
        options = drawing(reasoner.config.solve, n, asked)
        outlook = Outlook.of(reasoner.network, task, 1, options)
        watch = outlook.shown(bar, lambda: f"{outlook.over:,} of {counted(outlook.rows, 'sample')}")
        return reasoner, label, folder, reasoner.generate(n, watch=watch, **asked)


def beside(blocks: list[str], gap: str = "  ") -> str:
    """Blocks of text with equally many lines, side by side."""
    return "\n".join(gap.join(lines) for lines in zip(*(block.splitlines() for block in blocks), strict=True))


def table(values: dict[str, Any]) -> str:
    """The metrics for people."""
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
    """How similar images are to those of a split (see gram.measure.images), if the files are here; {} for all other
    tasks."""
    if not task.digits:
        return {}
    from gram.measure.images import realism

    try:
        reference = task.examples(split).targets
    except FileNotFoundError as error:
        return {"note": f"No scores, as they compare with images of the data. {error}"}
    return realism(samples.tokens, reference)


# eval -----------------------------------------------------------------------------------------------------
def evaluate(
    task: Unconditional,
    *,
    weights: str | None,
    dtype: str,
    split: str,
    record: Path | None,
    as_json: bool,
    asked: dict[str, Any],
    quiet: bool = False,
    ray: str | None = None,
) -> int:
    """Print metrics of `width` samples, and record them if requested. seen: share of the valid samples in the recipe's
    training data (None if the files are not here)."""
    reasoner, label, folder, samples = drawn(task, weights, dtype, None, asked, quiet, ray)
    options = drawing(reasoner.config.solve, None, asked)
    values = {"task": task.spec.name, "weights": label, "data": split, "depth": options.depth}
    values |= metrics(task, samples) | {"seen": seen(task, reasoner.config.data, samples)}
    values |= digits(task, samples, split)
    values |= {"seed": options.seed, "temperature": options.temperature}
    values["restart_every"] = options.restart_every or None
    if as_json:
        print(json.dumps(values))
    else:
        say(table(values))
    if record is not None:
        named_by = {"width": options.width, "depth": options.depth, "temperature": asked.get("temperature")}
        named_by |= {"restart_every": asked.get("restart_every"), "seed": asked.get("seed") or None}
        from gram.measure.record import keep, key

        keep(record, reasoner, folder, key(split, named_by), values)
    if not quiet:
        print_arithmetic(reasoner)
    return 0


def seen(task: Unconditional, files: tuple[str, ...], samples: generate.Samples) -> float | None:
    """Share of the valid samples in the training data; None if these are not here, or contain all possible samples."""
    try:
        known = None if task.support() is not None else load_examples(task, files, "train").targets
    except FileNotFoundError:
        known = None
    good = samples.good
    return None if known is None or not len(good) else float(np.isin(rows(good), rows(known)).mean())


def rows(tokens: Tokens) -> np.ndarray:
    """(n, L) uint8 -> (n,) with each row as one value."""
    return np.ascontiguousarray(tokens).view(f"V{tokens.shape[1]}").ravel()

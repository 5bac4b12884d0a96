"""Every set of weights that ships does what its results file says."""

import json
import math

import pytest
from support.command import run
from support.places import ROOT

import gram
from gram import weights as weight_files
from gram.config import read_config
from gram.measure.puzzles import evaluate
from gram.tasks.arc.task import Arc
from gram.tasks.base import Unconditional
from gram.tasks.data.store import data_file

RESULTS = ROOT / "results"
SHIPPED = weight_files.shipped()
LIMIT, WIDTH = 40, 2
LONG, FEW = 90, 20
"""Positions beyond which fewer puzzles, with one trajectory each, have to do."""


def test_all_weights_fit_in_twenty_megabytes():
    size = sum(path.stat().st_size for path in weight_files.SHIPPED.rglob("*") if path.is_file())
    assert 0 < size < 20_000_000


@pytest.mark.parametrize("name", SHIPPED)
def test_weights_name_their_recipe_and_results(name):
    config = read_config(weight_files.SHIPPED / name / weight_files.CONFIG)
    assert name in (config.task, config.recipe)
    record = json.loads((RESULTS / config.recipe / f"{config.train.seed}.json").read_text())
    assert record["task"] == config.task
    assert record["seconds"] > 0


@pytest.mark.parametrize("name", SHIPPED)
def test_weights_reproduce_their_validity(name):
    """Samples of a few test puzzles are valid as often as the results file says, within what so few puzzles tell."""
    reasoner = gram.load(name)
    config = reasoner.config
    record = json.loads((RESULTS / config.recipe / f"{config.train.seed}.json").read_text())
    figures = next(f for key, f in record["figures"].items() if key.startswith("test ") and "edge" not in key)
    if isinstance(reasoner.task, Arc):
        pytest.skip("votes on single test inputs: test_weights_of_arc_reproduce_their_attempts")
    if isinstance(reasoner.task, Unconditional):
        samples = reasoner.generate(LIMIT, depth=figures["depth"])
        if samples.valid is not None:
            assert abs(samples.valid.mean() - figures["valid"]) < 4 * deviation(figures["valid"])
        return
    size = reasoner.task.spec
    limit = 3 if len(size.symbols) > 9 else FEW if size.length > LONG else LIMIT  # a step of 16x16 takes 0.3 s
    examples = reasoner.task.examples("test", count=limit)
    found = evaluate(
        reasoner,
        examples,
        width=WIDTH if limit == LIMIT else 1,
        depth=figures["depth"],
        select="majority",
        halt_threshold=config.solve.halt_threshold,
        restart_every=figures.get("restart_every"),
    )
    assert found.valid is not None
    # Samples of one puzzle are alike, so a puzzle counts as one observation.
    assert abs(found.valid - figures["valid"]) < 4 * deviation(figures["valid"], max(limit, FEW))
    if figures["valid"] > 0.99:
        assert found.selected_valid > 0.9


def test_weights_of_arc_reproduce_their_attempts(capsys):
    try:
        data_file("arc/arc1_training.json.gz")
    except FileNotFoundError as error:
        pytest.skip(str(error))
    found = json.loads(run(capsys, "eval", "arc-1-10", "--split", "dev", "--limit", 20, "--json").out)
    record = json.loads((RESULTS / "arc-1-10" / "0.json").read_text())["figures"]
    figures = next(figures for key, figures in record.items() if key.startswith("dev "))
    assert abs(found["pass_2"] - figures["pass_2"]) < 3 * deviation(figures["pass_2"], 20)
    assert found["pass_2"] > max(found["copy_pass_2"], found["frequent_pass_2"])


def deviation(rate: float, observations: int = LIMIT) -> float:
    """Standard deviation of a rate over so many observations."""
    return math.sqrt(max(rate * (1 - rate), 0.01) / observations)

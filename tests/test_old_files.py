"""What was written before the rooms were renamed still loads: weights, a run to resume, a bundle, a results file."""

import json
import shutil
from functools import partial
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from support.command import exit_code

from gram.report import results
from gram.ship import runtime
from gram.solve import reasoner

OLD = Path(__file__).parent / "data" / "before-moves"
BOARD = ".Q../..../..../...."


@pytest.mark.parametrize("load", [partial(reasoner.load, dtype="float32"), runtime.load], ids=["weights", "bundle"])
def test_answers_are_those_of_then(load):
    then = json.loads((OLD / "answers.json").read_text())
    loaded = load(OLD / ("bundle" if load is runtime.load else "weights"))
    now = loaded.solve(then["puzzles"], width=4, depth=2, select="majority", seed=0)
    assert [answer.text for answer in now] == then["answers"]


def test_a_bundle_answers(capsys):
    assert runtime.main([str(OLD / "bundle"), BOARD, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["puzzle"].replace("\n", "/") == BOARD


def test_a_run_is_resumed_to_the_weights_of_then(tmp_path, capsys):
    """Six of twelve updates are in the run; those who trained all twelve at once wrote `weights`."""
    run = tmp_path / "run"
    shutil.copytree(OLD / "run", run)
    assert exit_code("train", "--resume", run) == 0, capsys.readouterr().err
    then, now = (load_file(folder / "model.safetensors") for folder in (OLD / "weights", run))
    assert then.keys() == now.keys()
    for name, tensor in then.items():
        torch.testing.assert_close(now[name].float(), tensor.float(), rtol=0.02, atol=1e-3, msg=name)


def test_results_are_read():
    found = results.read(OLD / "results")
    assert len(found) == 1
    assert found[0].seed == 0

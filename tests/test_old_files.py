"""What was written before the rooms were renamed still loads: weights, a run to resume, a bundle, a results file."""

import shutil
from pathlib import Path

import pytest

from gram import cli
from gram.report import results
from gram.ship import runtime
from gram.solve import reasoner

OLD = Path(__file__).parent / "data" / "before-moves"
BOARD = ".Q../..../..../...."


def test_weights_answer():
    [answer] = reasoner.load(OLD / "weights", dtype="float32").solve(BOARD, width=4, depth=4)
    assert answer.width == 4
    assert answer.evaluations > 0


def test_a_bundle_answers(capsys):
    assert runtime.main([str(OLD / "bundle"), BOARD, "--json"]) == 0
    assert '"puzzle": ".Q../..../..../...."' in capsys.readouterr().out


def test_a_run_is_resumed(tmp_path, capsys):
    run = tmp_path / "run"
    shutil.copytree(OLD / "run", run)
    with pytest.raises(SystemExit) as end:
        cli.main(["train", "--resume", str(run)])
    assert not end.value.code, capsys.readouterr().err
    assert (run / "model.safetensors").stat().st_size > 0


def test_results_are_read():
    found = results.read(OLD / "results")
    assert len(found) == 1
    assert found[0].seed == 0

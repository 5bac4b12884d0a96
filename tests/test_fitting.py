"""gram.fit: `gram train` from Python, with a callback."""

import json

import pytest
from support.configs import NARROW

import gram
from gram.recipes import recipe
from gram.train import loop, monitor

TRAIN = {"updates": 6, "batch": 8, "N_sup": 2, "compile": False, "evaluate_examples": 4, "dtype": "float32"}
SMALL = {"model": NARROW, "train": TRAIN | {"minutes": None}}


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """Heads are fitted in a test of training; there is a line of the log every four updates."""
    monkeypatch.setattr(loop, "fit_heads", lambda model, task, config, *_: config)
    monkeypatch.setattr(monitor, "EVERY", 4)


def test_a_callback_gets_every_line_of_the_log(tmp_path):
    seen = []
    reasoner = gram.fit("sudoku-4", tmp_path / "run", callback=seen.append, **SMALL)
    assert reasoner.task.spec.name == "sudoku-4"
    lines = [json.loads(line) for line in (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()]
    assert seen == lines
    train = [values for values in seen if values["kind"] == "train"]
    assert [values["update"] for values in train] == [4, 6]
    assert [values["share"] for values in train] == pytest.approx([4 / 6, 1.0], abs=1e-4)
    assert all(values["ce"] > 0 for values in train)
    assert "valid" in next(values for values in seen if values["kind"] == "dev")


def test_an_error_of_the_callback_ends_the_training(tmp_path):
    def stop(values):
        raise RuntimeError(f"enough at {values['update']}")

    with pytest.raises(RuntimeError, match="enough at 4"):
        gram.fit("sudoku-4", tmp_path / "run", callback=stop, **SMALL)
    again = gram.fit("sudoku-4", tmp_path / "run", **SMALL)  # nothing is locked or half written
    assert again.config.train.updates == 6


def test_a_run_goes_on(tmp_path):
    changes = SMALL | {"train": SMALL["train"] | {"updates": 4}}
    gram.fit("sudoku-4", tmp_path / "run", **changes)
    seen = []
    gram.fit("sudoku-4", tmp_path / "run", resume=True, train={"updates": 6}, callback=seen.append)
    assert [values["update"] for values in seen if values["kind"] == "train"] == [6]
    with pytest.raises(ValueError, match="is a run of sudoku-4, not of queens-4"):
        gram.fit("queens-4", tmp_path / "run", resume=True)
    with pytest.raises(ValueError, match="earlier run"):
        gram.fit("sudoku-4", tmp_path / "run", **changes)
    with pytest.raises(FileNotFoundError, match="no run to resume"):
        gram.fit("sudoku-4", tmp_path / "other", resume=True)


def test_own_data_and_a_check(tmp_path):
    rows = [{"input": f"{a}{b}", "target": f"{b}{a}"} for a in "abcdefghijklmnop" for b in "abcdefghijklmnop"]
    (tmp_path / "swap.jsonl").write_text("\n".join(map(json.dumps, rows)))
    (tmp_path / "swap.py").write_text("def check(x, y):\n    return y == x[::-1]\n")
    changes = SMALL | {"train": SMALL["train"] | {"updates": 2}}
    check = f"{tmp_path / 'swap.py'}:check"
    reasoner = gram.fit("own", tmp_path / "run", data=tmp_path / "swap.jsonl", check=check, **changes)
    answer = reasoner.solve("ab", select="majority", width=2, depth=1)
    assert answer.valid == (answer.text == "ba")
    with pytest.raises(ValueError, match="--data"):
        gram.fit("own", tmp_path / "none")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"train": {"lrr": 1.0}}, "lrr"),
        ({"model": {"K": 0}}, "K is 0"),
        ({"minutes": 0}, "minutes is 0"),
        ({"recipe": "queen-8"}, "queens-8"),
        ({"check": "a.py:b"}, "queens-5 has its own rules"),
    ],
)
def test_what_is_wrong_is_said_before_anything_is_written(tmp_path, arguments, sentence):
    with pytest.raises(ValueError, match=sentence):
        gram.fit(**{"recipe": "queens-5", "out": tmp_path / "run"} | arguments)
    assert not (tmp_path / "run").exists()


def test_a_config_is_a_recipe(tmp_path):
    seen = []
    config = recipe("queens-4-trm")
    changes = SMALL | {"train": SMALL["train"] | {"updates": 2}}
    reasoner = gram.fit(config, tmp_path / "run", callback=seen.append, **changes)
    assert (reasoner.config.recipe, reasoner.config.model.guidance) == ("queens-4-trm", "none")
    assert seen[-1]["kind"] == "dev"

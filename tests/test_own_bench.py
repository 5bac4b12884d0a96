"""The kinds of benchmarks/own_data.py: their files are right by their own rules, and the rules refuse what is wrong."""

import importlib.util
import json
import random
from dataclasses import replace
from types import SimpleNamespace

import pytest
from support.places import ROOT

import gram
from gram import tasks
from gram.models.build import build
from gram.recipes import recipe
from gram.tasks.own.learn import describe, learn
from gram.tasks.own.task import Table

FILE = ROOT / "benchmarks" / "own_data.py"
spec = importlib.util.spec_from_file_location("own_data", FILE)
assert spec is not None
assert spec.loader is not None
own_data = importlib.util.module_from_spec(spec)
spec.loader.exec_module(own_data)


@pytest.mark.parametrize("name", own_data.KINDS)
def test_targets_are_right_and_listed(name, tmp_path):
    own_data.write(tmp_path, [name], count=60)
    kind = own_data.KINDS[name]
    rows = [json.loads(line) for line in (tmp_path / f"{name}.jsonl").read_text().splitlines()]
    rng = random.Random(0)
    if name == "sorted-noise":  # about two in a hundred targets are of other inputs
        rows = [row for row in rows if kind.right(row["input"], row["target"])]
        assert len(rows) > 50
    for row in rows:
        made, target = row["input"], row["target"]
        assert kind.right(made, target)
        assert kind.every is None or target in kind.every(made)
        assert not target or not kind.right(made, target[:-1])
        assert kind.every is None or all(kind.right(made, one) for one in kind.every(made))
    others = [rng.choice(rows)["target"] for _ in rows]
    chance = sum(kind.right(row["input"], other) for row, other in zip(rows, others, strict=True))
    assert chance < (50 if name == "majority-1000" else 30)  # which has two answers
    config = learn([tmp_path / f"{name}.jsonl"])
    assert len(Table(config).load([tmp_path / f"{name}.jsonl"])) > 30


@pytest.mark.parametrize("name", ["walk", "sorted"])
@pytest.mark.parametrize("right", [True, False])
def test_rates_are_those_of_the_answers(name, right, tmp_path, monkeypatch):
    """Answers that are right for the inputs as made, or for none of them."""
    own_data.write(tmp_path, [name], count=200)
    task, kind = Table(learn([tmp_path / f"{name}.jsonl"])), own_data.KINDS[name]
    rng = random.Random(f"{name} measured")
    targets = [kind.make(rng)[1] for _ in range(80)]

    class Solver:
        def __init__(self):
            self.task = task

        def answers(self, texts, *, refuse, width, select):
            assert (width, select) == (10, "majority")
            for number, text in enumerate(texts, 1):
                task.encode(text)
                target = targets[number - 1] if right else targets[number - 1][::-1]
                target = target if isinstance(target, str) else " ".join(map(str, target))
                voted = SimpleNamespace(answer=target, votes=10)
                yield SimpleNamespace(number=number, text=target, candidates=(voted,))

    monkeypatch.setattr(gram, "load", lambda folder: Solver())
    monkeypatch.setattr(Table, "decode", lambda self, answer: answer)
    rates = own_data.measure(tmp_path, name, count=20, width=10)
    assert (rates["count"], rates["valid"], rates["majority"], rates["distinct"]) == (20, right, right, right)


def test_an_ambiguous_date_has_two_readings():
    assert own_data.readings("03/04/51") == {"1951-03-04", "1951-04-03"}
    assert own_data.readings("Apr 3, 2021") == own_data.readings("3-Apr-21") == {"2021-04-03"}
    assert own_data.readings("25/12/1999") == {"1999-12-25"}


def test_the_recipe_lets_the_posterior_tell_little():
    """One transition, and a beta that rises: docs/log/own-data.md."""
    c = recipe("own")
    assert (c.model.K, c.model.T, c.train.N_sup) == (1, 1, 4)
    assert (c.train.lr, c.train.beta, c.train.beta_warmup) == (3e-3, 1.5, 0.2)


@pytest.mark.parametrize(
    ("name", "mixer"),
    [("walk", "swiglu"), ("addition", "attention"), ("dates", "attention"), ("rotate-256", "attention")],
)
def test_the_mixer_is_that_of_the_lengths(name, mixer, tmp_path):
    """A SwiGLU over positions where a position means the same in every input, and there are not too many; else
    attention (docs/log/own-data.md)."""
    own_data.write(tmp_path, [name], count=100)
    config = describe(replace(recipe("own"), data=(str(tmp_path / f"{name}.jsonl"),)), None)
    assert config.model.mixer == "auto"
    assert tasks.described(config, tasks.of(config)).model.mixer == mixer
    asked = replace(config, model=replace(config.model, mixer="groups"))
    assert tasks.described(asked, tasks.of(asked)).model.mixer == "groups"
    assert tasks.described(config, tasks.task("sudoku-4")).model.mixer == "swiglu"


def test_baselines_are_of_the_size_of_gram(tmp_path):
    """On the data of a kind, within a fifth, with the options of the benchmark's command."""
    own_data.write(tmp_path, ["walk"], count=100)
    sizes, folders = {}, set()
    for variant in own_data.VARIANTS:
        command, out = own_data.train_command(tmp_path, "walk", 4, 0, variant)
        data = (command[command.index("--data") + 1],)
        config = describe(replace(recipe(command[command.index("train") + 1]), data=data), None)
        task = tasks.of(config)
        if "--model.blocks" in command:
            blocks = int(command[command.index("--model.blocks") + 1])
            config = replace(config, model=replace(config.model, blocks=blocks))
        model = build(task.spec, tasks.described(config, task).model)
        sizes[variant] = sum(p.numel() for p in model.parameters())
        folders.add(out)
    assert len(folders) == len(own_data.VARIANTS)
    assert all(0.8 < size / sizes["gram"] < 1.2 for size in sizes.values()), sizes

"""One right answer or many: what the data show, and what a run does where they show nothing."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from gram import tasks
from gram import weights as weight_files
from gram.cli.train import train as train_command
from gram.config import ColumnConfig, Config, RowsConfig
from gram.recipes import change, recipe
from gram.tasks.data.store import load_examples
from gram.tasks.own.learn import describe
from gram.train import answers, loop
from gram.train.budget import Progress

SMALL = {"width": 32, "hidden": 32, "mixer_hidden": 16, "guidance_hidden": 32}


def described(folder: Path, pairs: list[tuple[str, str]], **changes) -> Config:
    """The recipe for these pairs of input and target."""
    file = folder / "pairs.jsonl"
    file.write_text("".join(json.dumps({"input": x, "target": y}) + "\n" for x, y in pairs))
    return describe(replace(change(recipe("own"), **changes), data=(str(file),)), None)


def shown(config: Config) -> str | None:
    task = tasks.of(config)
    return answers.several(task, load_examples(task, config.data, "train"))


def word(rng: np.random.Generator, length: int, symbols: str = "abcd") -> str:
    return "".join(rng.choice(list(symbols), length))


def test_what_the_data_show(tmp_path):
    rng = np.random.default_rng(0)
    words = [word(rng, 12) for _ in range(400)]
    assert shown(described(tmp_path, [(w, w[::-1]) for w in words])) is None
    assert shown(described(tmp_path, [(w, "".join(sorted(w))) for w in words])) is None, "no holes"
    assert shown(described(tmp_path, [(w, w[:2]) for w in words])) is None, "behind the input"
    twice = [(w, v) for w in words[:100] for v in (w[::-1], w[:3] + w[3:][::-1])]
    assert shown(described(tmp_path, [(w, w[::-1]) for w in words[100:]] + twice)) == "25% have several targets"
    free = [("??" + w[2:4], w[:4]) for w in words]  # any two letters stand before the last two
    text = shown(described(tmp_path, free))
    assert text is not None
    assert "other rows" in text or "several targets" in text
    repeated = [(f"?{a}{b}{a}", f"{b}{a}{b}{a}") for a, b in (word(rng, 2) for _ in range(400))]
    assert shown(described(tmp_path, repeated)) is None, "the hole repeats what is given"


def test_how_a_run_begins(tmp_path):
    rng = np.random.default_rng(0)
    pairs = [(w, w[::-1]) for w in (word(rng, 8) for _ in range(200))]
    config = described(tmp_path, pairs)
    task = tasks.of(config)
    examples = load_examples(task, config.data, "train")

    def begin(config: Config, started: bool = False) -> Config:
        return answers.begin(config, task, examples, started=started)[0]

    first = begin(config)
    assert (first.model.guidance, first.model.T, first.model.gradient) == ("none", 2, "full")
    assert (first.train.N_sup, first.train.answers, first.solve.depth) == (1, "auto", 1)
    assert first.solve.temperature is None, "it would be noise"
    assert begin(change(config, model={"T": 3})).model.T == 3, "a field of the user's stays"
    assert begin(change(config, train={"answers": "many"})) == change(config, train={"answers": "many"})
    assert begin(config, started=True) == change(config, train={"answers": "many"})
    asked = begin(change(config, train={"answers": "one"}))
    assert (asked.model, asked.train.answers) == (first.model, "one")
    variant = begin(change(config, model={"guidance": "none"}))  # such as TRM, which keeps its own depth
    assert (variant.model.T, variant.train.N_sup, variant.train.answers) == (1, 4, "many")
    assert variant.solve.temperature is None
    filling = replace(config, table=None, rows=RowsConfig(columns=(ColumnConfig(name="a", values=("x", "y")),)))
    assert (config.solve.temperature, begin(filling).solve.temperature) == (0.7, None)
    several = examples.select(np.arange(100))
    several = replace(several, targets=np.repeat(several.targets, 2, 0), first=several.first * 2)
    assert answers.begin(config, task, several, started=False)[0] == change(config, train={"answers": "many"})


def test_when_a_run_decides(tmp_path):
    rng = np.random.default_rng(0)
    config = described(tmp_path, [(w, w[::-1]) for w in (word(rng, 8) for _ in range(200))])
    config = change(config, train={"updates": 2000, "minutes": None})
    first = answers.one(config)
    assert [answers.due(first, Progress(update=update)) for update in (50, 399, 400, 1000)] == [
        False,
        False,
        True,
        True,
    ]
    assert not answers.due(change(first, train={"updates": 20_000}), Progress(update=400)), "a fifth comes later"
    task = tasks.of(config)
    examples = load_examples(task, config.data, "train")
    assert answers.judge(first, task, examples, 0.1)[0] == change(first, train={"answers": "one"})
    assert answers.judge(first, task, examples, 0.09)[0] == change(config, train={"answers": "many"})
    assert not answers.due(answers.judge(first, task, examples, 0.1)[0], Progress(update=500))


def test_answers_are_drawn_where_they_have_places(tmp_path):
    rng = np.random.default_rng(0)
    words = [word(rng, 8) for _ in range(200)]
    shapes = {
        "behind": [(w, w[:3]) for w in words],
        "holes": [(f"?{w[1:]}", w) for w in words],
        "in place": [(w, w[::-1]) for w in words],
        "two kinds of holes": [(f"?*{w[2:]}", w) for w in words],
        "holes, but the rest changes": [(f"?{w[1:]}", w[::-1]) for w in words],
    }
    for name, pairs in shapes.items():
        (tmp_path / name).mkdir()
        config = described(tmp_path / name, pairs)
        task = tasks.of(config)
        found = answers.many(config, task, load_examples(task, config.data, "train"))
        assert found.train.answers == "many"
        assert found.model.guesses == (name in ("behind", "holes")), name
        assert (found.model.guidance == "none") == found.model.guesses
        assert found.solve.halt_threshold == (0.0 if found.model.guesses else None)
        if found.model.guesses:
            assert found.solve.depth == {"behind": 4, "holes": 2}[name]
            asked = change(config, model={"guesses": True, "guidance": "none"}, solve={"depth": found.solve.depth})
            assert (
                answers.begin(asked, task, load_examples(task, config.data, "train"), started=True)[0].solve
                == found.solve
            )


@pytest.mark.slow
def test_a_run_goes_on_or_restarts(tmp_path, monkeypatch, caplog):
    """Copies of a symbol are learned at once; a target that is any symbol is not."""
    caplog.set_level("INFO", logger="gram")
    monkeypatch.setattr(answers, "FEWEST", 100)
    rng = np.random.default_rng(0)
    fields = {
        "model": SMALL,
        "train": {"minutes": None, "updates": 500, "batch": 16, "compile": False, "dtype": "float32"}
        | {"evaluate_every": 1e9, "save_every": 1e9},
    }
    inputs = [word(rng, 6) for _ in range(600)]
    for name, target in (("one", lambda w: w), ("many", lambda w: word(rng, 6, "efghijklmnop"))):
        folder = tmp_path / name
        folder.mkdir()
        config = described(folder, [(w, target(w)) for w in inputs], **fields)
        run = loop.train(config, folder / "run", stop_at=160)
        written = weight_files.read(run)
        assert written.train.answers == name
        assert (written.model.guidance == "none") == (name == "one")
        assert ("to sample them" in caplog.text) == (name == "many")
        loop.train(written, run, resume=True, stop_at=170)
        if name == "one":
            options = (
                "--train.updates 1 --train.minutes None --train.batch 8 --train.compile False --train.dtype float32"
            )
            begin = ["own", "--data", str(folder / "pairs.jsonl"), "--start", str(run), *options.split()]
            assert train_command([*begin, "--out", str(folder / "next")]) == 0
            assert weight_files.read(folder / "next").train == replace(
                written.train, updates=1, batch=8, evaluate_every=120.0, save_every=120.0
            )

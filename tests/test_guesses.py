"""Answers drawn symbol by symbol: what training shows of them, what sampling draws, and that choices agree."""

import itertools
import random
from collections import Counter
from dataclasses import replace
from typing import Any, cast

import numpy as np
import pytest
import torch
from support.own import jsonl

import gram
from gram import weights as weight_files
from gram.config import ModelConfig, TableConfig
from gram.measure.likelihood import order_bound
from gram.measure.rows import imputations
from gram.models.build import build
from gram.models.recursive import Model
from gram.recipes import change, recipe
from gram.ship.export import export
from gram.ship.onnx_backend import load as load_bundle
from gram.solve.backend import StepOutput
from gram.solve.options import resolve
from gram.solve.sampler import sample
from gram.tasks.own.learn import describe
from gram.tasks.own.rows import Rows, describe_rows
from gram.tasks.own.task import NOTHING, Table
from gram.tasks.spec import PAD, Examples
from gram.train import loop
from gram.train.batches import Batches

A, B, X = 2, 3, 4
BEHIND = Table(
    TableConfig(
        kind="characters",
        in_place=False,
        input_length=2,
        target_length=3,
        input_symbols=("x",),
        target_symbols=("a", "b"),
    )
)
HOLES = Table(
    TableConfig(
        kind="characters",
        in_place=True,
        input_length=4,
        target_length=4,
        input_symbols=tuple("?ab"),
        target_symbols=("a", "b"),
    )
)


class Readings:
    """Knows that an answer is "ab", "ba" (as likely) or in one case of ten "a", and reads what was drawn of it."""

    config = ModelConfig(guidance="none", guesses=True)
    active_rows, first_wave, device, dtype, size = 3, 2, "cpu", "float32", "small"
    noise_shape, start_shape = (1, 5, 1), (2, 5, 1)

    def encode(self, tokens):
        return tokens[..., None].astype(float)

    def initial(self, rows, noise):
        return np.zeros((rows, 5, 1)), np.zeros((rows, 5, 1))

    def step(self, state, e_x, noise, *, temperature):
        assert noise is None
        x = e_x[..., 0].astype(int)
        logits = np.full((len(x), 5, 5), -50.0, np.float32)
        for row, told in zip(logits, x[:, 2:], strict=True):
            held = {0: NOTHING, NOTHING: None}
            told = [held.get(t, t) for t in told.tolist()]
            for text, share in (((A, B, NOTHING), 0.45), ((B, A, NOTHING), 0.45), ((A, NOTHING, NOTHING), 0.1)):
                if all(t in (None, s) for t, s in zip(told, text, strict=True)):
                    for at, symbol in enumerate(text):
                        row[2 + at, symbol] = np.logaddexp(row[2 + at, symbol], np.log(share))
        zeros = np.zeros(len(x), np.float32)
        return StepOutput(state, logits, zeros, zeros, zeros[:, None])

    def join(self, parts):
        return np.concatenate(parts)

    def pick(self, z, rows):
        return z[rows]

    def put(self, z, rows, new):
        z = z.copy()
        z[rows] = new
        return z


def drawn(**options: Any):
    network = cast(Any, Readings())
    puzzles = np.stack([BEHIND.encode("x"), BEHIND.encode("xx")])
    return sample(network, BEHIND, puzzles, depth=9, halt_threshold=0.0, **options)


def test_choices_agree_and_shares_are_those_of_the_network():
    first, second = drawn(width=400)
    votes = Counter(BEHIND.decode(answer) for answer in first.answers)
    assert set(votes) == {"ab", "ba", "a"}
    assert votes["ab"] == pytest.approx(180, abs=30)
    assert votes["a"] == pytest.approx(40, abs=20)
    assert first.finished.all()
    assert (first.halt == 1).all()
    assert set(first.steps) == {2, 3}  # one symbol decides, and two if the first leaves two answers
    for answer, value in zip(first.answers, first.value, strict=True):
        assert value == pytest.approx(0.1 if BEHIND.decode(answer) == "a" else 0.45, rel=0.03)
    assert Counter(map(BEHIND.decode, second.answers)) != votes, "another puzzle draws other symbols"


def test_a_trajectory_does_not_depend_on_the_others():
    whole, parts = drawn(width=7)[0], [drawn(width=1, first=n)[0] for n in range(7)]
    assert (whole.answers == np.concatenate([part.answers for part in parts])).all()
    assert (whole.value == np.concatenate([part.value for part in parts])).all()
    assert (drawn(width=7, seed=1)[0].answers != whole.answers).any()


def test_the_likeliest_symbols_at_temperature_0():
    likeliest = drawn(width=50, temperature=0.0)[0]
    assert {BEHIND.decode(answer) for answer in likeliest.answers} <= {"ab", "ba"}


def test_training_shows_a_random_part_of_the_target():
    x = np.tile(BEHIND.encode("xx"), (9, 1))
    y = np.tile(np.array([PAD, PAD, A, B, NOTHING], np.uint8), (9, 1))
    batches = Batches(BEHIND, Examples.single(x, y), batch=64, seed=0, augment=False, guard=False, guesses=True)
    shown = np.concatenate([batches.draw(update, np.arange(64)).x for update in range(20)])
    assert (shown[:, :2] == X).all()
    for at, given in ((2, A), (3, B), (4, PAD)):
        assert set(shown[:, at]) == {NOTHING, given}
        assert (shown[:, at] == given).mean() == pytest.approx(0.75 / 2, abs=0.06)
    assert (shown[:, 2:] == NOTHING).all(1).mean() > 0.25
    assert (batches.draw(3, np.arange(64)).x[10:20] == batches.draw(3, np.arange(10, 20)).x).all()


def test_holes_are_the_places_of_guesses():
    x = np.stack([HOLES.encode("a??b")])
    assert HOLES.open(x).tolist() == [[False, True, True, False]]
    assert not HOLES.open(np.stack([HOLES.encode("abab")])).any()
    with pytest.raises(ValueError, match="no symbol for holes"):
        Table(replace(HOLES.config, input_symbols=("a", "b"))).open(x)
    assert BEHIND.open(np.stack([BEHIND.encode("x")])).tolist() == [[False, False, True, True, True]]


def test_a_run_learns_choices_that_agree(tmp_path):
    """The answer to two different letters is both of them in either order, and a full stop."""
    rng = random.Random(0)
    letters = [rng.sample("abcdefgh", 2) for _ in range(600)]
    rows = [{"input": "".join(two), "target": "".join(rng.sample(two, 2)) + "."} for two in letters]
    file = jsonl(tmp_path / "pairs.jsonl", rows)
    train = {"minutes": None, "updates": 400, "batch": 32, "compile": False, "dtype": "float32"}
    train |= {"evaluate_every": 1e9, "save_every": 1e9}
    small = {"width": 32, "hidden": 32, "mixer_hidden": 16}
    config = describe(replace(change(recipe("own"), model=small, train=train), data=(str(file),)), None)
    loop.train(config, tmp_path / "run")
    written = weight_files.read(tmp_path / "run")
    assert written.model.guesses
    assert (written.model.guidance, written.train.answers) == ("none", "many")
    reasoner = gram.load(tmp_path / "run", dtype="float32")
    for text in ("ab", "ge", "hc"):
        votes = {reasoner.task.decode(c.answer): c.votes for c in reasoner.solve(text, width=20).candidates}
        assert set(votes) == {f"{text}.", f"{text[::-1]}."}
    bundle = load_bundle(export(str(tmp_path / "run"), tmp_path / "bundle"))
    one, two = (loaded.solve("ab", width=20) for loaded in (reasoner, bundle))
    assert one.text == two.text
    assert [c.votes for c in one.candidates] == [c.votes for c in two.candidates]
    assert one.evaluations == two.evaluations


def test_the_bound_is_the_mean_over_orders():
    model = Model(BEHIND.spec, ModelConfig(width=16, heads=2, guidance="none", guesses=True, K=1, T=1), seed=1)
    x, y = BEHIND.encode("xx"), np.array([PAD, PAD, A, B, NOTHING], np.uint8)

    def log_p(*known: int) -> np.ndarray:
        tokens = x.copy()
        tokens[list(known)] = BEHIND.given(y)[list(known)]
        e_x = model.encode(torch.from_numpy(tokens.astype(np.int64))[None])
        logits = model.decode(model.step(model.initial(1), e_x, None).readout).logits[0].detach()
        return logits.masked_fill(~torch.from_numpy(BEHIND.drawable()), -np.inf).log_softmax(-1).numpy()

    orders = list(itertools.permutations((2, 3, 4)))
    exact = np.mean([sum(log_p(*order[:i])[at, y[at]] for i, at in enumerate(order)) for order in orders])
    found = order_bound(model, BEHIND, np.tile(x, (64, 1)), np.tile(y, (64, 1)), seed=0, draws=100)
    assert found == pytest.approx(exact, abs=0.05)
    assert found == order_bound(model, BEHIND, np.tile(x, (64, 1)), np.tile(y, (64, 1)), seed=0, draws=100)


def test_completed_cells_agree(tmp_path):
    """Two columns hold the same color, the others what they like."""
    rng = random.Random(0)
    colors = [rng.choice(["red", "green", "blue", "white"]) for _ in range(3000)]
    rows = [f"{color},{color},{rng.choice('SL')},{rng.randrange(60)}" for color in colors]  # few are equal
    (tmp_path / "rows.csv").write_text("\n".join(["a,b,size,number", *rows]))
    train = {"minutes": None, "updates": 320, "batch": 32, "compile": False, "dtype": "float32"}
    train |= {"evaluate_every": 1e9, "save_every": 1e9}
    small = {"width": 32, "hidden": 32, "mixer_hidden": 16}
    config = replace(change(recipe("own"), model=small, train=train), data=(str(tmp_path / "rows.csv"),))
    loop.train(describe_rows(config), tmp_path / "run")
    reasoner = gram.load(tmp_path / "run", dtype="float32")
    assert (reasoner.config.model.guesses, reasoner.config.solve.depth) == (True, 5)
    task = cast(Rows, reasoner.task)
    puzzles = np.stack([task.encode(",,,"), task.encode("red,,,")])
    drawn, chances = imputations(reasoner.network, task, puzzles, resolve(reasoner.config.solve, {"width": 300}))
    assert (drawn[..., 0] == drawn[..., 1]).mean() > 0.75, "by themselves they would agree in 0.25"
    assert set(drawn[0, :, 0]) == {2, 3, 4, 5}
    np.testing.assert_allclose(chances[0, :2, :4], 0.25, atol=0.15)
    np.testing.assert_allclose(chances[:, 2, :2], 0.5, atol=0.2)
    assert chances[1, 1].max() > 0.9


def test_what_does_not_go_together():
    with pytest.raises(ValueError, match="guesses = true needs guidance"):
        Model(BEHIND.spec, ModelConfig(guesses=True, mixer="attention"))
    for name in ("guesses", "candidates"):
        with pytest.raises(ValueError, match=f'{name} = true needs kind "recursive", not "mdlm"'):
            build(BEHIND.spec, replace(recipe("own-mdlm").model, **cast(Any, {name: True})))
    with pytest.raises(ValueError, match="no positions for guesses"):
        gram.tasks.task("queens-5").open(np.zeros((1, 25), np.uint8))

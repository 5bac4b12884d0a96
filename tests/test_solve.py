"""Sampling, choosing, answering and measuring, with tiny random weights and with fakes that know the answers."""

import dataclasses
import hashlib
import json
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
import torch
from support.networks import (
    FOUR,
    QUEENS,
    SIX,
    fake,
    knowing,
    propagator,
    puzzles,
    same,
    same_answer,
    tiny,
)
from torch._dynamo.utils import counters

import gram
from gram import tasks
from gram import weights as weight_files
from gram.config import Config
from gram.measure.evaluation import Calibration, Evaluation, Group, calibration
from gram.measure.puzzles import Tally, evaluate
from gram.solve import active_batch
from gram.solve.noise import Noise
from gram.solve.reasoner import Reasoner
from gram.solve.sampler import ActiveBatch, Trajectories, rollout, sample
from gram.solve.select import choose
from gram.solve.torch_backend import TorchNetwork, cached_rows


def plain(network, task, puzzle, *, width, depth, seed=0, threshold=None) -> Trajectories:
    """The sampler without packing: one row after the other."""
    model, c, rows = network.model, network.config, []
    e_x = model.encode(torch.from_numpy(puzzle[None].astype(np.int64)))
    for trajectory in range(width):
        state, steps, halt = model.initial(1), 0, -np.inf
        while steps < depth and (threshold is None or halt <= threshold):
            eps = torch.from_numpy(Noise(seed, [(puzzle, trajectory, steps)], (c.T, *e_x.shape[1:])).draw())
            out = model.step(state, e_x, eps)
            state, steps = out.state, steps + 1
            logits, halts, values, _ = model.decode(out.readout)
            halt = float(halts[0, 0])
        answer = task.canonical(logits[:1].argmax(-1).numpy().astype(np.uint8))[0]
        rows.append((answer, steps, np.float32(values[0]), np.float32(halt), True))
    return Trajectories(*map(np.array, zip(*rows, strict=True)))


# sampling -------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("rows", [1, 5, 64])
def test_packing_gives_the_same_as_a_plain_loop(rows):
    model, x = tiny(pool="first"), puzzles(FOUR)
    halts = np.concatenate([t.halt for depth in range(1, 5) for t in sample(model, FOUR, x, width=3, depth=depth)])
    threshold = float(np.quantile(halts, 0.8))
    found = sample(model, FOUR, x, width=3, depth=6, halt_threshold=threshold, rows=rows)
    with torch.inference_mode():
        expected = [plain(model, FOUR, p, width=3, depth=6, threshold=threshold) for p in x]
    assert all(map(same, found, expected))
    assert len({int(s) for t in found for s in t.steps}) > 2  # rows did leave at different times


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("mixer", ["groups", "swiglu", "attention"])
@pytest.mark.parametrize("over", ["positions", "example"])
def test_a_puzzle_alone_and_among_others_gives_bitwise_the_same(mixer, dtype, over):
    model = tiny(SIX, dtype, mixer=mixer, width=128, guidance_over=over)
    x = np.random.default_rng(0).integers(1, 8, size=(7, 36), dtype=np.uint8)
    threshold = float(np.median([t.halt for t in sample(model, SIX, x, width=5, depth=1)]))
    options = {"width": 5, "depth": 4, "halt_threshold": threshold}
    together = sample(model, SIX, x, **options, rows=16)
    assert len({int(s) for t in together for s in t.steps}) > 1
    for i in (0, 3, 6):
        assert same(sample(model, SIX, x[i : i + 1], **options)[0], together[i])


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("mixer", ["groups", "swiglu", "attention"])
def test_the_number_of_threads_changes_nothing(mixer, dtype, monkeypatch):
    x, found = puzzles(SIX, 2), []
    monkeypatch.setattr("gram.solve.torch_backend.processors", lambda: 3)
    for threads in (1, 3):
        monkeypatch.setattr(torch, "get_num_threads", lambda threads=threads: threads)
        network = tiny(SIX, dtype, mixer=mixer, width=128)
        assert network.threads == threads
        found.append(sample(network, SIX, x, width=7, depth=2))
    assert all(map(same, *found))


@pytest.mark.skipif(not shutil.which("g++"), reason="no C++ compiler")
@pytest.mark.compile
def test_a_compiled_step_does_what_the_plain_one_does():
    short: dict[str, Any] = {"blocks": 1, "K": 1, "T": 1}
    plain, compiled = tiny(**short), TorchNetwork(tiny(**short).model, compile=True)
    assert compiled.compiled
    x, options = puzzles(FOUR, 3), {"width": 7, "depth": 3}
    ours = sample(plain, FOUR, x, **options)
    graphs = counters["stats"]["unique_graphs"]
    theirs = sample(compiled, FOUR, x, **options)
    cool = {t: sample(compiled, FOUR, x, **options, temperature=t) for t in (0.0, 0.5)}
    alone = sample(compiled, FOUR, x[:1], **options)
    assert counters["stats"]["unique_graphs"] == graphs  # one does for all steps and temperatures
    for a, b in zip(ours, theirs, strict=True):
        assert np.array_equal(a.answers, b.answers)
        assert np.allclose(a.halt, b.halt, atol=1e-4)
        assert np.allclose(a.value, b.value, atol=1e-4)
    assert same(alone[0], theirs[0])
    for temperature, found in cool.items():
        expected = sample(plain, FOUR, x, **options, temperature=temperature)
        assert all(np.allclose(a.halt, b.halt, atol=1e-4) for a, b in zip(expected, found, strict=True))
        assert not np.allclose(found[0].halt, theirs[0].halt, atol=1e-4)


def test_rows_that_are_computed_at_once_fit_the_cache(monkeypatch):
    sizes = [cached_rows(numbers) for numbers in (16 * 8, 256 * 16, 64 * 128, 729 * 32, 10**7)]
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[0] > sizes[-1] > 1
    rows, network = [], tiny(width=128)
    network.most, plain = 3, network.think
    monkeypatch.setattr(network, "think", lambda B, *arguments: rows.append(B) or plain(B, *arguments))
    found = sample(network, FOUR, puzzles(FOUR, 1), width=20, depth=1)
    assert sum(rows) == 20
    assert max(rows) == 3
    assert same(found[0], sample(tiny(width=128), FOUR, puzzles(FOUR, 1), width=20, depth=1)[0])
    network.threads, network.most, split = 2, 8, {}
    for cached in (16, 2):  # few rows are divided among threads where the cache holds few
        rows.clear()
        network.blocks = (cached,)
        assert same(found[0].head(6), sample(network, FOUR, puzzles(FOUR, 1), width=6, depth=1)[0])
        split[cached] = rows.copy()
    assert split == {16: [6], 2: [3, 3]}


def test_a_failed_compilation_is_announced_and_survived(monkeypatch):
    def broken(*_, **__):
        def call(*_):
            raise RuntimeError("the compiler is on strike")

        return call

    monkeypatch.setattr(torch, "compile", broken)
    with pytest.warns(UserWarning, match="on strike.*without it"):
        network = TorchNetwork(tiny().model, compile=True)
    assert all(map(same, *(sample(n, FOUR, puzzles(FOUR, 2), width=3, depth=2) for n in (network, tiny()))))


@pytest.mark.parametrize("rows", [4, 8, 15])
def test_early_stop_does_not_depend_on_other_puzzles(rows):
    x = puzzles(QUEENS)
    options = {"width": 6, "depth": 8, "want": 1, "rows": rows}
    together = sample(fake(QUEENS, delay=6), QUEENS, x, **options)
    for i in range(len(x)):
        assert same(sample(fake(QUEENS, delay=6), QUEENS, x[i : i + 1], **options)[0], together[i])


def test_seed_decides():
    model, x = tiny(), puzzles(FOUR, 2)
    first, again, other = (sample(model, FOUR, x, width=3, depth=2, seed=seed) for seed in (5, 5, 6))
    assert all(map(same, first, again))
    assert not any(map(same, first, other))


@pytest.mark.parametrize(("width", "depth"), [(1, 1), (5, 3)])
def test_width_and_depth_are_honoured(width, depth):
    for found in sample(tiny(), FOUR, puzzles(FOUR, 3), width=width, depth=depth, rows=4):
        assert found.answers.shape == (width, 16)
        assert found.finished.all()
        assert (found.steps == depth).all()
        assert found.evaluations == width * depth


def test_embedding_once_per_puzzle():
    network = fake(QUEENS)
    sample(network, QUEENS, puzzles(QUEENS, 5), width=9, depth=2, rows=4)
    assert network.model.embedded == 5


def test_early_stop_with_want():
    x = QUEENS.encode("...... ...... ...... ...... ...... ......".replace(" ", "/"))[None]  # 4 solutions
    options = {"width": 40, "depth": 30}
    found = sample(fake(QUEENS, delay=20), QUEENS, x, **options, want=1)[0]
    assert found.steps.max() == found.steps[found.finished].min()  # all leave with the first
    assert not found.finished.all()
    assert (found.steps > 0).sum() == 2  # the first wave was enough
    assert np.isnan(found.value[found.steps == 0]).all()
    four = sample(fake(QUEENS, delay=20), QUEENS, x, **options, want=4)[0]
    assert len(choose(QUEENS, x[0], four, "checked").valid) == 4
    assert found.evaluations < four.evaluations < 40 * 20


@pytest.mark.parametrize("rows", [3, 64])
def test_waves_run_all_trajectories_if_none_is_right(rows, monkeypatch):
    monkeypatch.setattr(type(QUEENS), "check", lambda _, x, y: np.zeros(len(x), bool))
    x = puzzles(QUEENS, 3)
    options: dict[str, Any] = {"width": 11, "depth": 4}
    seen: list[list[int]] = []
    for stage in rollout(fake(QUEENS, delay=6), QUEENS, x, **options, want=1, rows=rows):
        now = sorted({trajectory for puzzle, trajectory in stage.rows if puzzle == 0})
        if now and (not seen or now[0] > seen[-1][-1]):
            seen.append(now)
    assert [len(wave) for wave in seen] == ([2, 3, 3, 3] if rows == 3 else [2, 4, 5])
    assert [trajectory for wave in seen for trajectory in wave] == list(range(11))
    lazy = sample(fake(QUEENS, delay=6), QUEENS, x, **options, want=1, rows=rows)
    assert all(map(same, lazy, sample(fake(QUEENS, delay=6), QUEENS, x, **options)))


def test_early_stop_finds_whatever_the_plain_way_finds():
    x = puzzles(QUEENS, 12)
    options = {"width": 9, "depth": 3}
    plain = sample(fake(QUEENS, delay=40), QUEENS, x, **options)
    early = sample(fake(QUEENS, delay=40), QUEENS, x, **options, want=1)
    solved = [
        [bool(QUEENS.check(np.tile(p, (9, 1)), f.answers).any()) for p, f in zip(x, found, strict=True)]
        for found in (plain, early)
    ]
    assert solved[0] == solved[1]
    assert 0 < sum(solved[0]) < 12
    assert sum(f.evaluations for f in early) < sum(f.evaluations for f in plain)


def test_without_want_the_checker_is_not_asked(monkeypatch):
    def refuse(*_):
        raise AssertionError("the checker was asked")

    monkeypatch.setattr(type(FOUR), "conflicts", refuse)
    sample(tiny(), FOUR, puzzles(FOUR, 2), width=2, depth=2)


def test_the_posterior_is_never_called(monkeypatch):
    model = tiny()

    def refuse(*_):
        raise AssertionError("the posterior was called")

    monkeypatch.setattr(model.model.core.posterior, "forward", refuse)
    examples = FOUR.examples("dev", count=3)
    figures = evaluate((model, FOUR), examples, width=2, depth=2, select="checked")
    assert figures.function_evaluations == 12


def test_noise_is_philox_with_the_stated_key_and_counter():
    x = puzzles(FOUR, 2)
    key = [7, int.from_bytes(hashlib.sha256(x[0].tobytes()).digest()[:8], "little")]
    bits = np.random.Philox(key=np.array(key, np.uint64), counter=np.array([0, 0, 3, 2], np.uint64))
    expected = np.random.Generator(bits).standard_normal((2, 16, 32), dtype=np.float32)
    rows = [(x[0], 3, 2), (x[1], 3, 2), (x[0], 4, 2), (x[0], 3, 3)]
    drawn, *others = Noise(7, rows, (2, 16, 32)).draw().swapaxes(0, 1)
    assert np.array_equal(drawn, expected)
    for other in (*others, Noise(8, rows[:1], (2, 16, 32)).draw()):
        assert abs(np.corrcoef(drawn.ravel(), other.ravel())[0, 1]) < 0.15


def test_noise_is_drawn_in_any_shares():
    x = puzzles(FOUR, 2)
    rows = [(x[i % 2], i, 5 - i) for i in range(5)]
    noise = Noise(3, rows, (2, 16, 8))
    whole = noise.draw()
    assert whole.shape == (2, 5, 16, 8)
    assert np.array_equal(whole, np.concatenate([noise.draw(slice(3)), noise.draw(slice(3, 9))], 1))
    with ThreadPoolExecutor(3) as pool:
        assert np.array_equal(whole, noise.draw_by(pool, 3))
        assert np.array_equal(whole[:, 1:], noise.draw_by(pool, 3, slice(1, 9)))
        assert noise.draw_by(pool, 3).strides == whole.strides
    assert np.array_equal(Noise(3, rows, (2, 16, 8), scale=0.5).draw(), whole / 2)
    assert not Noise(3, rows, (2, 16, 8), scale=0).draw().any()


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_deterministic_members_run_once_and_ptrm_noise_spreads_them(dtype):
    model, x = tiny(dtype=dtype, guidance="none", shared=True), puzzles(FOUR, 2)
    assert [len(t) for t in sample(model, FOUR, x, width=5, depth=2)] == [1, 1]
    noisy = sample(model, FOUR, x, width=5, depth=2, temperature=0.3)
    assert [len(set(t.value.tolist())) for t in noisy] == [5, 5]
    # a noisy state keeps the arithmetic of the model
    seen = []
    step = model.model.step
    model.model.step = lambda *a, **k: seen.append(step(*a, **k)) or seen[-1]  # pyright: ignore
    sample(model, FOUR, x, width=5, depth=2, temperature=0.3)
    assert {out.state.h.dtype for out in seen} == {dtype}


@pytest.mark.parametrize("changes", [{"guidance": "mean"}, {"guidance": "decoder"}, {"start": "random"}, {"T": 1}])
def test_other_members(changes):
    model, x = tiny(**changes), puzzles(FOUR, 3)
    found = sample(model, FOUR, x, width=3, depth=2, rows=4)
    width = 1 if changes.get("guidance") == "mean" else 3
    assert [len(set(t.value.tolist())) for t in found] == [width] * 3
    assert same(found[2], sample(model, FOUR, x[2:], width=3, depth=2)[0])
    random = changes.get("start") == "random"
    assert len(sample(model, FOUR, x, width=3, depth=2, temperature=0.0)[0]) == (3 if random else 1)


def test_answers_are_canonical_and_padded_before_they_start():
    task = tasks.task("coloring-5")
    for found in sample(tiny(task), task, puzzles(task, 2), width=4, depth=1):
        assert not found.answers[:, : task.spec.answer_start].any()
        assert np.array_equal(task.canonical(found.answers), found.answers)


def test_halting_against_the_continue_logit():
    network, x = tiny(halting="halt-continue"), puzzles(FOUR, 2)
    model = network.model
    with torch.inference_mode():
        eps = torch.from_numpy(Noise(0, [(x[0], 0, 0)], (2, 16, 32)).draw())
        out = model.step(model.initial(1), model.encode(torch.from_numpy(x[:1].astype(np.int64))), eps)
        halt = model.decode(out.readout).halt[0]
    assert sample(network, FOUR, x, width=1, depth=1)[0].halt[0] == float(halt[0] - halt[1])


def hard(count=5) -> np.ndarray:
    """Boards with three givens of a solution: naked singles alone finish none of them."""
    y, rng = FOUR.examples("train", count=count).targets, np.random.default_rng(0)
    x = np.ones_like(y)
    for i in range(count):
        given = rng.choice(16, size=3, replace=False)
        x[i, given] = y[i, given]
    return x


def test_guesses_solve_what_propagation_leaves_open():
    x, model = hard(), propagator()
    without = sample(model, FOUR, x, width=20, depth=8)
    assert not any(FOUR.check(np.tile(p, (len(f), 1)), f.answers).any() for p, f in zip(x, without, strict=True))
    found = sample(model, FOUR, x, width=20, depth=8, restart_every=1, halt_threshold=0.0)
    all_right = []
    for puzzle, rows in zip(x, found, strict=True):
        right = FOUR.check(np.tile(puzzle, (20, 1)), rows.answers)
        assert right.any()
        assert (rows.steps[right] > 1).all()
        all_right.append(right)
    assert not np.all(all_right)  # some guesses are wrong
    early = sample(model, FOUR, x, width=20, depth=8, restart_every=2, want=1)
    for puzzle, rows in zip(x, early, strict=True):
        right = FOUR.check(np.tile(puzzle, (20, 1)), rows.answers)
        assert right.any()
        assert rows.evaluations < 20 * 8


def test_guesses_come_when_asked_and_depend_on_nothing_else():
    x, model = hard(), propagator()
    assert all(
        map(same, sample(model, FOUR, x, width=3, depth=4), sample(model, FOUR, x, width=3, depth=4, restart_every=4))
    )
    options = {"width": 6, "depth": 6, "restart_every": 2, "seed": 3}
    together = sample(model, FOUR, x, **options, rows=7)
    for i in range(len(x)):
        assert same(sample(model, FOUR, x[i : i + 1], **options)[0], together[i])
    other = sample(model, FOUR, x, **options | {"seed": 4})
    assert not all(map(same, together, other))


def test_a_guess_is_a_given_of_the_networks_puzzle_and_begins_anew():
    model, x = tiny(unary=True, width=8), puzzles(FOUR, 1)
    flight = ActiveBatch(model, FOUR, x, 0, 1.0)
    flight.admit([(0, 0), (0, 1)])
    flight.step()
    before = flight.state
    assert before is not None
    flight.restart(np.array([1]))
    assert flight.state is not None
    assert flight.e_x is not None
    assert (flight.tokens[0] == x[0]).all()
    [at] = np.flatnonzero(flight.tokens[1] != x[0])
    assert x[0, at] == 1
    assert flight.tokens[1, at] in FOUR.spec.symbols
    torch.testing.assert_close(flight.e_x[1:], model.encode(flight.tokens[1:]))
    torch.testing.assert_close(flight.state[0][1:], model.initial(1, None)[0])
    torch.testing.assert_close(flight.state[0][:1], before[0][:1])
    for made in (2, 3, 1, 2, 3, 1, 2, 3, 4, 5, 6, 1):  # three, three, six: then others
        flight.restart(np.array([1]))
        assert (flight.tokens[1] != x[0]).sum() == made
    assert (flight.tokens[0] == x[0]).all()


def test_guesses_never_fill_a_board():
    flight = ActiveBatch(tiny(unary=True, width=8), FOUR, puzzles(FOUR, 1), 0, 1.0)
    flight.admit([(0, 0)])
    flight.step()
    made = []
    while flight.rounds[0] < 16:
        made.append(int(flight.guesses[0]))
        flight.guess(0)
    assert max(made) == 3 * 4  # where Luby's sequence has its first 8


def test_lubys_sequence():
    assert [active_batch.luby(n) for n in range(1, 16)] == [1, 1, 2, 1, 1, 2, 4, 1, 1, 2, 1, 1, 2, 4, 8]


def test_nothing_is_guessed_where_nothing_is_blank(monkeypatch):
    monkeypatch.setattr(active_batch, "GUESSES", 99)
    flight = ActiveBatch(tiny(unary=True, width=8), FOUR, puzzles(FOUR, 1), 0, 1.0)
    flight.admit([(0, 0)])
    flight.step()
    for _ in range(20):
        flight.restart(np.array([0]))
    assert not (flight.tokens[0] == 1).any()


def test_guesses_spread_a_deterministic_member():
    found = sample(tiny(guidance="none"), FOUR, hard(1), width=4, depth=4, restart_every=2)[0]
    assert len(set(found.value.tolist())) == 4


def test_without_givens_a_trajectory_just_begins_anew():
    """A fixed start and fresh noise: after the restart a row is where its noise alone would have brought it."""
    model, x = tiny(QUEENS), puzzles(QUEENS, 1)
    flight = ActiveBatch(model, QUEENS, x, 0, 1.0)
    flight.admit([(0, 0), (0, 1)])
    flight.step()
    before, e_x = flight.state, flight.e_x
    assert before is not None
    flight.restart(np.array([1]))
    assert flight.state is not None
    assert (flight.tokens == x).all()
    torch.testing.assert_close(flight.e_x, e_x)
    torch.testing.assert_close(flight.state[0][1:], model.initial(1, None)[0])
    torch.testing.assert_close(flight.state[0][:1], before[0][:1])
    options = {"width": 8, "depth": 4}
    assert not all(map(same, sample(model, QUEENS, x, **options), sample(model, QUEENS, x, **options, restart_every=2)))
    silent = tiny(QUEENS, guidance="none")  # to restart would be to repeat itself
    assert all(map(same, sample(silent, QUEENS, x, **options), sample(silent, QUEENS, x, **options, restart_every=2)))


@pytest.mark.parametrize(
    "options", [{"width": 0}, {"depth": 0}, {"want": 0}, {"rows": 0}, {"seed": -1}, {"temperature": -0.5}]
)
def test_arguments_out_of_range(options):
    with pytest.raises(ValueError, match=next(iter(options))):
        list(rollout(tiny(), FOUR, puzzles(FOUR, 1), **{"width": 1, "depth": 1} | options))


# choosing -------------------------------------------------------------------------------------------------
EMPTY = FOUR.encode("1" + "." * 15)
RIGHT = FOUR.solutions(EMPTY)
WRONG = np.full(16, 3, np.uint8)


def hand(answers, steps=None, value=None, halt=None, finished=None) -> Trajectories:
    n = len(answers)
    filled = [np.array(v or [d] * n) for v, d in ((steps, 4), (value, 0.5), (halt, 0.0), (finished, True))]
    return Trajectories(np.array(answers), filled[0], filled[1], filled[2], filled[3])


def chosen(found, select):
    return choose(FOUR, EMPTY, found, select).index


def test_rules():
    a, b = RIGHT[:2]
    found = hand([WRONG, a, b, b, WRONG], [4, 3, 2, 3, 1], [0.1, 0.9, 0.2, 0.3, 0.1], [0.0, 1.0, 2.0, 5.0, 3.0])
    assert [chosen(found, rule) for rule in ("first", "majority", "value", "halt", "checked")] == [4, 2, 1, 3, 2]
    choice = choose(FOUR, EMPTY, found, "majority")
    assert [(c.votes, c.valid, c.steps, c.value) for c in choice.candidates] == [
        (2, True, 2, 0.3),
        (2, False, 1, 0.1),
        (1, True, 3, 0.9),
    ]
    with pytest.raises(ValueError, match="no selector"):
        choose(FOUR, EMPTY, found, "best")  # pyright: ignore


def test_majority_ties():
    a, b = RIGHT[:2]  # in token order
    assert chosen(hand([b, a], value=[0.6, 0.5]), "majority") == 0
    assert chosen(hand([b, a]), "majority") == 1


def test_unsolved_is_none_and_only_finished_rows_count():
    assert choose(FOUR, EMPTY, hand([WRONG]), "checked").answer is None
    found = hand([RIGHT[0], RIGHT[1]], value=[0.9, 0.1], finished=[False, True])
    choice = choose(FOUR, EMPTY, found, "value")
    assert (choice.index, len(choice.candidates)) == (1, 1)


# answering ------------------------------------------------------------------------------------------------
def test_solve():
    puzzle = ".Q..../" + "/".join(["......"] * 5)
    answer = knowing().solve(puzzle)
    assert answer.valid
    assert answer.puzzle == puzzle
    assert answer.text == QUEENS.decode(QUEENS.solutions(QUEENS.encode(puzzle))[0])
    assert answer.distinct == (answer.text,)
    assert (answer.width, answer.depth, answer.steps, answer.value) == (8, 4, 1, 1.0)
    assert answer.seconds > 0
    blank = "/".join(["......"] * 6)
    answers = knowing().solve([blank, QUEENS.encode(puzzle)], width=30, want=4)
    assert [len(a.distinct) for a in answers] == [4, 1]
    assert [a.text for a in knowing().solve(np.stack([QUEENS.encode(puzzle)] * 2))] == [answer.text] * 2


@pytest.mark.parametrize("options", [{"select": "majority"}, {"select": "checked", "want": 2}])
def test_a_stream_ends_in_the_answer(options):
    network = fake(QUEENS, delay=4)
    reasoner = Reasoner(Config(recipe="test", task="queens-6", model=network.config), network)
    x = puzzles(QUEENS)
    for puzzle in x[:4]:
        *partial, last = reasoner.stream(puzzle, width=6, depth=6, **options)
        whole = reasoner.solve(puzzle, width=6, depth=6, **options)
        assert same_answer(last, whole)
        assert [a.evaluations for a in partial] == sorted(a.evaluations for a in partial)
        if options["select"] == "majority":
            assert len(partial) == 5
            assert all(sum(c.votes for c in a.candidates) == 6 for a in partial)


def test_unsolved_is_said():
    answer = knowing(wrong=1.0).solve(puzzles(QUEENS, 1)[0])
    assert (answer.text, answer.tokens, answer.valid, answer.index, answer.distinct) == (None, None, False, None, ())
    answer = knowing(wrong=1.0).solve(puzzles(QUEENS, 1)[0], select="majority")
    assert answer.text is not None
    assert not answer.valid


def test_only_checked_stops_early():
    puzzle = puzzles(QUEENS, 1)[0]
    assert [knowing().solve(puzzle, select=rule).evaluations for rule in ("majority", "checked")] == [32, 2]


def test_unsolvable_puzzles_are_refused():
    reasoner = Reasoner(Config(recipe="test", task="sudoku-4"), tiny())
    with pytest.raises(ValueError, match="no solution"):
        reasoner.solve("12.. .... ..3. ..4.")
    with pytest.raises(ValueError, match=r"Puzzle 2: .*no solution"):
        reasoner.solve(["1" + "." * 15, "12........3...4."])
    with pytest.raises(ValueError, match=r"column|row|cells"):
        reasoner.solve("11" + "." * 14)
    for tokens in (np.ones(15, int), np.full(16, 9), np.ones(16), np.full(16, 0)):
        with pytest.raises(ValueError):  # noqa: PT011  each has a sentence of its own
            reasoner.solve(tokens)
    with pytest.raises(ValueError, match="want"):
        reasoner.solve("1" + "." * 15, select="majority", want=2)
    with pytest.raises(ValueError, match="select"):
        reasoner.solve("1" + "." * 15, select="best")  # pyright: ignore


def test_a_search_beyond_the_budget_goes_on(monkeypatch):
    def tired(*_, **__):
        raise RuntimeError("too many nodes")

    monkeypatch.setattr(type(FOUR), "solutions", tired)
    reasoner = Reasoner(Config(recipe="test", task="sudoku-4"), tiny())
    assert reasoner.solve("1" + "." * 15, width=2, depth=1).width == 2


def test_load(tmp_path):
    network = tiny()
    weight_files.save(tmp_path, Config(recipe="test", task="sudoku-4", model=network.config), network.model)
    reasoner = gram.load(tmp_path, dtype="float32")
    assert isinstance(reasoner, gram.Reasoner)
    x = puzzles(FOUR, 1)
    answer = reasoner.solve(x, width=3, depth=2, select="first")[0]
    assert answer.tokens is not None
    assert np.array_equal(answer.tokens, sample(network, FOUR, x, width=3, depth=2)[0].answers[0])
    assert reasoner.network.dtype == "float32"
    assert gram.load(str(tmp_path)).network.dtype in ("float32", "bfloat16")
    with pytest.raises(ValueError, match="dtype"):
        gram.load(tmp_path, dtype="float16")


def test_gram_tasks_need_no_torch():
    code = "import gram, sys; gram.tasks.task('queens-8'); assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


# measuring ------------------------------------------------------------------------------------------------
def test_a_uniform_sampler_is_measured_as_such():
    examples = tasks.task("queens-7").examples("test")
    task = tasks.task("queens-7")
    figures = evaluate((fake(task), task), examples, width=4, depth=2, select="checked")
    assert (figures.valid, figures.selected_valid, figures.checked) == (1.0, 1.0, 1.0)
    assert figures.coverage_share == pytest.approx(1, abs=0.05)
    assert figures.coverage_share_many == pytest.approx(1, abs=0.15)
    assert figures.by_solutions is not None
    assert figures.by_width is not None
    assert figures.by_solutions["1"].coverage == 1.0
    assert sum(group.examples for group in figures.by_solutions.values()) == len(examples)
    assert (figures.conflicts, figures.unlisted, figures.exact) == (0, 0, None)
    assert figures.function_evaluations == len(examples) * 4 * 2
    assert figures.halting_step == 2.0
    assert figures.checked_evaluations == len(examples) * 2  # the first wave was enough
    assert figures.value_calibration == Calibration(brier=0.0, ece=0.0, bins=((len(examples) * 4, 1.0, 1.0),))
    assert list(figures.by_width) == [1, 2, 4]
    assert figures.by_width[4].coverage == figures.coverage
    assert figures.by_width[1].coverage < figures.by_width[4].coverage


def test_validity_is_that_of_one_sample_and_checked_that_of_all():
    examples = QUEENS.examples("train", count=60)
    figures = evaluate((fake(QUEENS, wrong=0.5), QUEENS), examples, width=8, depth=1, select="checked")
    assert figures.valid == pytest.approx(0.5, abs=0.08)
    assert figures.checked == figures.selected_valid > 0.95
    assert figures.conflicts


def test_early_stop_measures_what_the_checker_finds_and_nothing_else():
    examples = QUEENS.examples("dev", count=12)
    source = fake(QUEENS, delay=4, wrong=0.7), QUEENS
    full = evaluate(source, examples, width=2, depth=6, select="checked")
    early = evaluate(source, examples, width=2, depth=6, select="checked", early_stop=True)
    assert early.checked == full.checked == early.selected_valid
    assert 0 < early.selected_valid < 1
    assert early.function_evaluations == full.checked_evaluations
    assert early.function_evaluations < full.function_evaluations
    assert early.exact == full.exact
    assert early.valid is early.coverage is early.conflicts is None
    with pytest.raises(ValueError, match="early_stop needs the checker"):
        evaluate(source, examples, width=2, depth=6, select="value", early_stop=True)


def test_the_order_changes_nothing(monkeypatch):
    source, examples = (tiny(), FOUR), FOUR.examples("dev", count=7)
    options = {"width": 3, "depth": 2, "select": "checked"}
    whole = evaluate(source, examples, **options)
    monkeypatch.setattr("gram.measure.puzzles.shuffled", np.arange)
    straight = evaluate(source, examples, **options)
    clocks = {"seconds": 0.0, "checked_seconds": 0.0}
    assert dataclasses.replace(whole, **clocks) == dataclasses.replace(straight, **clocks)


def test_an_evaluation_is_frozen_and_its_plain_values_are_those_of_results_files():
    """The keys are those of every file in results/: what reads them must not notice a change of the type."""
    examples = QUEENS.examples("dev", count=6)
    source = fake(QUEENS, delay=2, wrong=0.5), QUEENS
    full = gram.evaluate(source, examples, width=2, depth=3, select="checked")
    assert isinstance(full, Evaluation)
    with pytest.raises(dataclasses.FrozenInstanceError):
        full.valid = 1.0  # type: ignore
    sampled = {
        *("examples", "width", "depth", "select", "seed", "restart_every", "early_stop", "valid", "selected_valid"),
        *("exact", "exact_one", "coverage", "coverage_share", "coverage_share_many", "by_solutions", "by_width"),
        *("unlisted", "diversity", "agreement", "conflicts", "halting_step", "halt_calibration"),
        *("value_calibration", "function_evaluations", "seconds"),
    }
    second = {"checked", "checked_evaluations", "checked_seconds"}
    values = full.to_dict()
    assert values.keys() == sampled | second
    assert json.loads(json.dumps(values)) == values  # plain: lists and text as keys
    assert list(values["by_width"]) == ["1", "2"]
    assert list(values["halt_calibration"]) == ["brier", "ece", "bins"]
    first = gram.evaluate(source, examples, width=2, depth=3, select="first", timeout=1e6)
    assert first.to_dict().keys() == sampled | {"complete", "timeout", "total_timeout", "left_out"}
    early = gram.evaluate(source, examples, width=2, depth=3, select="checked", early_stop=True)
    shared = {"examples", "width", "depth", "select", "seed", "restart_every", "early_stop"}
    shared |= {"valid", "coverage", "conflicts", "exact", "selected_valid", "checked"}
    assert early.to_dict().keys() == shared | {"function_evaluations", "seconds"}


def test_figures_by_hand():
    several, a, b = RIGHT, RIGHT[0], RIGHT[1]
    tally = Tally(FOUR, 4, "first")
    found = hand([a, a, b, WRONG], steps=[2, 2, 2, 4], value=[1.0, 1.0, 1.0, 0.0], halt=[100.0, 100.0, 100.0, -100.0])
    tally.add(EMPTY, several, found)
    found = hand([WRONG, a, a, a], value=[1.0, 1.0, 1.0, 1.0])
    tally.add(a, a[None], found)
    figures = tally.metrics()
    S = len(several)
    assert figures["valid"] == 0.75
    assert figures["selected_valid"] == 0.5
    assert figures["coverage"] == pytest.approx((2 / S + 1) / 2)
    assert figures["coverage_share_many"] == pytest.approx((2 / S) / (1 - (1 - 1 / S) ** 4))
    assert figures["by_solutions"]["2-5"] == Group(examples=0)
    assert figures["diversity"] == (3 + 2) / 2 / 4
    assert figures["agreement"] == (2 / 4 + 3 / 4) / 2
    assert figures["conflicts"] == 0  # the most frequent answers are valid, whatever was selected
    assert (figures["halting_step"], figures["function_evaluations"]) == ((2.5 + 4) / 2, 10 + 16)
    calibrated = figures["value_calibration"]
    assert (calibrated.brier, calibrated.ece) == (1 / 8, pytest.approx(1 / 8))
    assert calibrated.bins == ((1, 0.0, 0.0), (7, 1.0, pytest.approx(6 / 7)))
    assert figures["by_width"][2].coverage == pytest.approx((1 / S + 1) / 2)
    assert figures["by_width"][4].selected_valid == figures["selected_valid"]
    assert figures["exact"] is None


def test_exact_needs_single_targets():
    x = FOUR.examples("dev", count=1)
    wrong = np.roll(x.targets[0], 1)
    tally = Tally(FOUR, 2, "value")
    found = hand([wrong, x.targets[0]], value=[0.1, 0.9])
    tally.add(x.inputs[0], x.targets, found)
    assert (tally.metrics()["exact"], tally.metrics()["exact_one"]) == (1.0, 0.0)


def test_calibration():
    figures = calibration(np.array([0.05, 0.95, 1.0]), np.array([0.0, 1.0, 1.0]))
    assert figures.brier == pytest.approx(0.005 / 3)
    assert figures.ece == pytest.approx((0.05 + 0.05) / 3)
    assert figures.bins == ((1, 0.05, 0.0), (2, pytest.approx(0.975), 1.0))


def test_nothing_to_evaluate():
    with pytest.raises(ValueError, match="no examples"):
        evaluate(
            (tiny(), FOUR), FOUR.examples("dev", count=2).select(np.array([], int)), width=1, depth=1, select="first"
        )

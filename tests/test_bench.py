"""Speed: what is counted, how repetitions are taken, and that nothing is measured that cannot be."""

import json
from dataclasses import replace

import pytest
import torch
from support.command import exit_code

from gram import machine, tasks
from gram.bench import clock
from gram.bench.clock import Clock, Memory, Peak, Timed, comparison, take_turns
from gram.config import Config, ModelConfig, TrainConfig
from gram.models.recursive import Model
from gram.train import flops

CPU = torch.device("cpu")
FLAT = ModelConfig(
    width=64,
    hidden=32,
    blocks=1,
    mixer="swiglu",
    mixer_hidden=8,
    positions="none",
    K=1,
    T=2,
    guidance="none",
    shared=True,
)
CONFIG = Config(recipe="tiny", task="sudoku-4", model=FLAT, train=TrainConfig(N_sup=1, prior_rows=0.0))


@pytest.fixture(autouse=True)
def small_products(monkeypatch):
    monkeypatch.setattr(clock, "SQUARES", {"cpu": (64, 128)})


# counting -----------------------------------------------------------------------------------------------------
def test_operations_of_an_update_and_of_a_step():
    """One transition without gradient, one with: forward once more, and twice as much backward."""
    L, D, H, P, V = 16, 64, 32, 8, tasks.task("sudoku-4").spec.vocabulary
    network = 2 * (L * (3 * D * H) + D * (3 * L * P))
    decoder = 2 * L * D * V
    found = flops.of_update(CONFIG, tasks.task("sudoku-4"), torch.float32)
    assert found.operations == pytest.approx(2 * network + 3 * (2 * network + decoder), rel=0.005)
    step = flops.of_step(Model(tasks.task("sudoku-4").spec, FLAT))
    assert step.operations == pytest.approx(4 * network + decoder, rel=0.005)


def test_bytes_are_those_of_a_row_and_halve_in_bfloat16():
    full, half = (flops.of_update(CONFIG, tasks.task("sudoku-4"), d).bytes for d in (torch.float32, torch.bfloat16))
    wide = replace(CONFIG, model=replace(FLAT, T=6))
    assert (
        flops.of_update(wide, tasks.task("sudoku-4"), torch.float32).bytes == full
    )  # earlier transitions keep nothing
    assert 16 * 64 * 4 < half < full


# measuring ----------------------------------------------------------------------------------------------------
def test_turns_are_taken_in_order():
    seen: list[str] = []
    cases = [Timed(Clock(CPU), lambda name=name: seen.append(name)) for name in "AB"]
    take_turns(cases, 3)
    assert seen == list("AB" + "ABABAB")
    assert [len(case.seconds) for case in cases] == [3, 3]


def test_ratios_are_those_within_a_turn():
    ours, theirs = (Timed(Clock(CPU), lambda: None) for _ in range(2))
    ours.seconds, theirs.seconds = [1.0, 10.0, 2.0], [2.0, 30.0, 8.0]  # the machine was slow in the second repetition
    found = comparison(ours, theirs)
    assert (found["ratio"], found["seconds_per_turn"]) == (3.0, {"ours": 2.0, "theirs": 8.0})


def test_peak_is_the_best_of_all_shapes_in_each_turn():
    peak = Peak(Clock(CPU), torch.float32, [(4, 2, 2)])
    take_turns([peak], 2)
    assert [set(found) for found in peak.rates] == [{"64x64x64", "128x128x128", "4x2x2"}] * 2
    assert peak.best == [max(found.values()) for found in peak.rates]
    assert peak.metrics()["shapes"][peak.metrics()["shape"]] == max(peak.metrics()["shapes"].values())


def test_cpu_seconds_are_of_one_thread(monkeypatch):
    monkeypatch.setattr(torch, "get_num_threads", lambda: 1)
    watch = Clock(CPU, "cpu")
    assert 0 <= watch.time(lambda: None) < 0.1
    monkeypatch.setattr(torch, "get_num_threads", lambda: 2)
    with pytest.raises(ValueError, match="--threads 1"):
        Clock(CPU, "cpu")


def test_memory_sees_what_was_taken():
    memory = Memory(CPU)
    memory.reset()
    memory.observe()
    before = memory.resident
    held = torch.ones(2**25)
    memory.observe()
    assert memory.resident - before > 0.9 * held.nbytes
    assert memory.metrics()["peak_cuda_gib"] is None


# the command --------------------------------------------------------------------------------------------------
BRIEF = ("--repeats", "2", "--seconds", "0.01", "--puzzles", "2", "--width", "2", "--batch", "2", "--compile", "False")


def test_figures(capsys):
    assert exit_code("bench", "queens-4-trm", *BRIEF, "--json") == 0
    out, err = capsys.readouterr()
    values = json.loads(out)
    [train], [solve] = values["train"], values["solve"]
    assert train["example_steps_per_second"] == pytest.approx(2 * train["updates_per_second"])
    best = values["peak_operations_per_second"][train["dtype"]]["best"]
    share = train["example_steps_per_second"] * train["operations_per_example_step"] / best
    assert train["share_of_peak"] == pytest.approx(share, rel=0.9)  # medians of ratios, and of their parts
    assert 0 < solve["one_puzzle_p50_ms"] <= solve["one_puzzle_p95_ms"]
    assert solve["evaluations_per_second"] == pytest.approx(48 * solve["puzzles_per_second"])  # all rows are alike: one
    assert not train["compiled"]
    assert not solve["trained"]
    assert "queens-4-trm" in err


def test_tables(capsys):
    assert exit_code("bench", "queens-4-trm", *BRIEF, "--what", "train") == 0
    lines = capsys.readouterr().out.splitlines()
    head, row = lines[lines.index("") + 1 : lines.index("") + 3]
    assert head.split()[:3] == ["training", "parameters", "batch"]
    assert row.split()[0] == "queens-4-trm"
    assert len(head) == len(row)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["queens-4", "--device", "cuda"], "no CUDA device"),
        (["queens-4", "--repeats", "0"], "repeats is 0; it must be at least 1"),
        (["queens-4", "--batch", "-1"], "batch is -1"),
        (["queens-4", "--seconds", "0"], "seconds is 0"),
        (["queens-4", "--threads", "2", "--clock", "cpu"], "--threads 1"),
        (["queens-4-trn"], "no recipe 'queens-4-trn'"),
        (["queens-4", "--batch", "100000000"], "use a batch of"),
        (["queens-4", "--dtype", "float16"], "float16"),
    ],
)
def test_bad_input(arguments, sentence, capsys):
    threads = torch.get_num_threads()
    try:
        assert exit_code("bench", *arguments) == 2
    finally:
        torch.set_num_threads(threads)
    captured = capsys.readouterr()
    assert sentence in captured.err + captured.out
    assert "Traceback" not in captured.err


@pytest.mark.parametrize(
    ("flags", "named"),
    [("fma avx2", "AMD EPYC, AVX2"), ("avx2 avx512f avx512_vnni", "AMD EPYC, AVX-512 with VNNI"), ("sse2", "AMD EPYC")],
)
def test_a_processor_is_named_with_its_instructions(flags, named, tmp_path):
    (tmp_path / "cpuinfo").write_text(
        f"processor\t: 0\nmodel name\t: AMD EPYC\nflags\t\t: fpu {flags}\n\nprocessor\t: 1\n"
    )
    assert machine.processor(tmp_path / "cpuinfo") == named
    assert machine.processor(tmp_path / "none")

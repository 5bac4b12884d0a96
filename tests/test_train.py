"""Training: exact continuation, several processes, files that survive, stopping, warnings, and that it learns."""

import io
import itertools
import json
import logging
import os
import pty
import re
import resource
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from contextlib import redirect_stdout
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
import torch
import torch.distributed as dist
from safetensors.torch import load_file
from support.ranks import together
from support.training import QUEENS, change, tiny
from torch import Tensor

import gram
from gram import cli, tasks
from gram import weights as weight_files
from gram.atomic import lock
from gram.config import Config, SolveConfig, read_config
from gram.solve.torch_backend import TorchNetwork
from gram.train import budget, checkpoint, heads, loop, memory, monitor, objective, parallel
from gram.train.budget import kept
from gram.train.flops import Cost
from gram.train.log import Log, NullLog
from gram.train.parallel import World

ALONE = World(0, 1, torch.device("cpu"))


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """Heads are fitted in their own test; metrics of every update are written."""
    monkeypatch.setattr(loop, "fit_heads", lambda model, task, config, *_: config)
    monkeypatch.setattr(monitor, "EVERY", 1)


def last(run: Path) -> dict[str, Any]:
    """The newest checkpoint without its clock and metrics."""
    state = torch.load(checkpoint.paths(run)[0], weights_only=True)
    return state | {"progress": state["progress"]["update"]}


def same(one: Any, other: Any) -> bool:
    """Equal bit for bit, in all parts."""
    if isinstance(one, Tensor):
        return one.dtype == other.dtype and torch.equal(one, other)
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(one[k], other[k]) for k in one)
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(same, one, other))
    return one == other


def lines(run: Path, kind: str = "train") -> list[dict[str, Any]]:
    text = (run / "metrics.jsonl").read_text(encoding="utf-8")
    return [line for line in map(json.loads, text.splitlines()) if line["kind"] == kind]


def press_ctrl_c(monkeypatch, update: int, times: int = 1, number: int = signal.SIGINT) -> None:
    """Let this signal arrive during this update, counted from 1."""
    original = loop.Run.update

    def pressed(run: loop.Run):
        if run.progress.update == update - 1:
            for _ in range(times):
                os.kill(os.getpid(), number)
        return original(run)

    monkeypatch.setattr(loop.Run, "update", pressed)


# continuation ------------------------------------------------------------------------------------------------
VARIANTS = {
    "GRAM": tiny(augment=True),
    "AdamW, lockstep": tiny(optimizer="adamw", carry="lockstep"),
    "deterministic, halting early": tiny(model={"guidance": "none"}, optimizer="adamatan2", halt_early=True),
    "random start, lockstep": tiny(model={"start": "random"}, carry="lockstep", posterior_transitions="all"),
    "MDLM": tiny(model={"kind": "mdlm"}),
    "D3PM, uniform": tiny(model={"kind": "d3pm-uniform", "start": "random"}),
    "autoregressive": tiny(model={"kind": "autoregressive", "mixer": "attention", "positions": "learned"}),
}


@pytest.mark.parametrize("name", VARIANTS)
def test_10_and_10_updates_equal_20(name, tmp_path, monkeypatch):
    config = change(VARIANTS[name], updates=20)
    loop.train(config, tmp_path / "whole")
    with monkeypatch.context() as patch:
        press_ctrl_c(patch, 10)
        with pytest.raises(loop.Interrupted, match="update 10; continue with --resume"):
            loop.train(config, tmp_path / "parts")
    halfway = last(tmp_path / "parts")
    assert halfway["progress"] == 10
    loop.train(config, tmp_path / "parts", resume=True)
    one, other = last(tmp_path / "whole"), last(tmp_path / "parts")
    assert one["progress"] == 20
    assert not same(halfway["model"], one["model"])
    for part in one:
        assert same(one[part], other[part]), part
    weights = [(tmp_path / run / weight_files.WEIGHTS).read_bytes() for run in ("whole", "parts")]
    assert weights[0] == weights[1]
    figures = [
        [{**line, "seconds": 0, "updates_per_second": 0} for line in lines(tmp_path / r)] for r in ("whole", "parts")
    ]
    assert [line["update"] for line in figures[0]] == list(range(1, 21))
    assert figures[0] == figures[1]


def test_stop_at(tmp_path):
    """The schedule is that of all updates; a crash later costs no more than what followed the last checkpoint."""
    config = tiny(updates=6, evaluate_examples=2)
    loop.train(config, tmp_path / "whole")
    run = loop.train(config, tmp_path / "parts", stop_at=2)
    assert last(run)["progress"] == 2
    assert not lines(run, "dev")
    shutil.copytree(run, tmp_path / "before")
    loop.train(config, run, resume=True, stop_at=4)
    for path in (tmp_path / "before").glob("checkpoints/*"):  # as if update 3 and 4 had not been saved
        shutil.copy(path, run / "checkpoints")
    (run / "checkpoints" / "00000004.pt").unlink()
    loop.train(config, run, resume=True)
    assert same(last(run), last(tmp_path / "whole"))
    assert [line["update"] for line in lines(run)] == [1, 2, 3, 4, 5, 6]


def test_a_seed_is_a_run(tmp_path):
    for name, seed in (("one", 0), ("again", 0), ("other", 1)):
        loop.train(tiny(updates=5, seed=seed), tmp_path / name)
    one, again, other = (last(tmp_path / name) for name in ("one", "again", "other"))
    assert same(one, again)
    assert not same(one["model"], other["model"])
    assert not same(one["carry"]["x"], other["carry"]["x"])


def test_a_run_may_begin_with_other_weights(tmp_path):
    """The first update starts from them; another size of the puzzle is the same network where nothing depends on it."""
    first = loop.train(QUEENS, tmp_path / "first")
    still = tiny(lr=0.0, ema=0.0, seed=5)
    larger = replace(still, task="queens-6", recipe="queens-6")
    for number, config in enumerate((still, larger)):
        out = loop.train(config, tmp_path / str(number), start=first)
        one, other = (load_file(run / "model.safetensors") for run in (first, out))
        assert one.keys() == other.keys()
        core = [name for name in one if name.startswith("core.")]  # the heads are fitted again
        assert core
        assert all(torch.equal(one[name], other[name]) for name in core)
    with pytest.raises(ValueError, match="has shape"):
        loop.train(tiny({"width": 16}), tmp_path / "narrow", start=first)
    with pytest.raises(ValueError, match="--start"):
        loop.train(still, tmp_path / "0", resume=True, start=first)


UNARY = {
    "unary": True,
    "mixer": "groups",
    "mixer_hidden": 8,
    "positions": "none",
    "candidates": True,
    "hierarchy": False,
    "guidance": "none",
    "gradient": "full",
    "K": 1,
}


SIX_BY_SIX = "123456345612561234214365436521652143"


def test_a_search_may_begin_with_weights_of_another_size(tmp_path):
    """A unary network reads four tokens at every size, so all else is taken over; more transitions fit, as ever."""
    still = change(replace(QUEENS, task="sudoku-4", recipe="sudoku-4"), UNARY, lr=0.0, ema=0.0, updates=1, N_sup=2)
    first = loop.train(still, tmp_path / "first")
    file = tmp_path / "six.csv"  # the generator would make 20,000
    file.write_text("question,answer\n" + f"{SIX_BY_SIX.replace('1', '.')},{SIX_BY_SIX}\n" * 2)
    other = change(still, {"T": 2}, seed=5)
    other = replace(other, task="sudoku-6-3x2", recipe="sudoku-6-3x2", data=(str(file),), dev=(str(file),))
    one, two = (load_file(run / "model.safetensors") for run in (first, loop.train(other, tmp_path / "o", start=first)))
    rows, more = one.pop("embed_x.weight"), two.pop("embed_x.weight")
    assert (len(rows), len(more)) == (6, 8)
    assert torch.equal(rows[:4], more[:4])
    assert one.keys() == two.keys()
    assert all(torch.equal(one[name], two[name]) for name in one)
    with pytest.raises(ValueError, match="different network"):
        loop.train(change(other, {"width": 16}), tmp_path / "narrow", start=first)


def test_a_guided_network_may_begin_with_the_search(tmp_path):
    """It takes the network; the guidance and the heads are new."""
    still = change(replace(QUEENS, task="sudoku-4", recipe="sudoku-4"), UNARY, lr=0.0, ema=0.0, updates=1, N_sup=2)
    search = load_file(loop.train(still, tmp_path / "search") / "model.safetensors")
    guided = change(still, {"candidates": False, "guidance": "full", "sigma_start": 0.05})
    now = load_file(loop.train(guided, tmp_path / "guided", start=tmp_path / "search") / "model.safetensors")
    taken = [name for name in search if not name.startswith(("halt.", "value.", "candidate."))]
    assert any(name.startswith("core.f_L") for name in taken)
    assert all(torch.equal(now[name], search[name]) for name in taken)
    assert any(name.startswith("core.prior") for name in now)
    with pytest.raises(ValueError, match="has shape"):
        loop.train(change(guided, {"width": 16}), tmp_path / "narrow", start=tmp_path / "search")


def test_what_resume_may_change(tmp_path):
    run = loop.train(tiny(), tmp_path / "run", stop_at=2)
    config = read_config(run / weight_files.CONFIG)
    for changed, word in (
        (change(config, {"width": 64}), "model.width = 32 .* 64"),
        (change(config, {"guidance": "none"}), "model.guidance"),
        (change(config, batch=16), "train.batch"),
        (change(config, N_sup=4), "train.N_sup"),
        (change(config, optimizer="adamw"), "train.optimizer"),
        (replace(config, task="queens-6"), "task"),
    ):
        with pytest.raises(ValueError, match=word):
            loop.train(changed, run, resume=True)
        assert read_config(run / weight_files.CONFIG) == config  # a refusal leaves the run as it was
    loop.train(change(config, weight_decay=0.7, lr=1e-05), run, resume=True, stop_at=3)
    muon, adamw = (o["param_groups"][0] for o in last(run)["optimizers"])
    assert muon["weight_decay"] == 0.7
    assert max(muon["lr"], adamw["lr"]) <= 1e-5


def test_a_resumed_run_keeps_its_arithmetic(tmp_path, monkeypatch):
    """ "auto" measures speed, which may come out differently the second time."""
    config = tiny(dtype="auto")
    monkeypatch.setattr("gram.train.run.arithmetic", lambda *_: (torch.bfloat16, "it was faster"))
    run = loop.train(config, tmp_path / "run", stop_at=2)
    monkeypatch.setattr("gram.train.run.arithmetic", lambda *_: (torch.float32, "now this is"))
    loop.train(config, run, resume=True, stop_at=4)
    assert last(run)["dtype"] == "bfloat16"
    assert last(run)["carry"]["h"].dtype == torch.bfloat16
    loop.train(change(config, dtype="float32"), run, resume=True, stop_at=5)
    assert last(run)["carry"]["h"].dtype == torch.float32


def test_folders_that_hold_no_run_or_one_already(tmp_path):
    with pytest.raises(FileNotFoundError, match="no checkpoint"):
        loop.train(QUEENS, tmp_path, resume=True)
    run = loop.train(QUEENS, tmp_path / "run", stop_at=1)
    with pytest.raises(ValueError, match=f"--resume {run}"):
        loop.train(QUEENS, run)
    shutil.rmtree(run / "checkpoints")
    with pytest.raises(ValueError, match="another --out"):  # finished weights are not overwritten either
        loop.train(QUEENS, run)
    assert command(["train", "--resume", str(tmp_path)]) == 2
    assert command(["train", "--resume", str(tmp_path / "nowhere")]) == 2


def command(arguments: list[str]) -> Any:
    """The exit code of `gram ...`."""
    with pytest.raises(SystemExit) as end, redirect_stdout(io.StringIO()):  # which a failing command closes
        cli.main(arguments)
    return end.value.code


def test_beta_follows_the_run(tmp_path, monkeypatch):
    seen, update = [], loop.Run.update

    def watched(run):
        result = update(run)
        seen.append(run.learner.beta)
        return result

    monkeypatch.setattr(loop.Run, "update", watched)
    loop.train(tiny(updates=4, beta=2.0, beta_warmup=0.5), tmp_path / "run")
    assert seen == [0.0, 1.0, 2.0, 2.0]


@pytest.mark.parametrize(
    "wrong",
    [
        {"updates": 0},
        {"minutes": 0.0},
        {"minutes": -1.0},
        {"batch": 0},
        {"N_sup": 0},
        {"prior_rows": 1.0},
        {"prior_together": 0},
        {"beta_warmup": 1.5},
    ],
)
def test_impossible_choices(wrong, tmp_path):
    with pytest.raises(ValueError, match=f"train.{next(iter(wrong))}"):
        loop.train(tiny(**wrong), tmp_path / "run")
    assert not (tmp_path / "run").exists()


# files that survive ------------------------------------------------------------------------------------------
def test_the_last_two_checkpoints_are_kept(tmp_path):
    run = loop.train(tiny(updates=5, save_every=0.0), tmp_path / "run")
    assert [p.name for p in checkpoint.paths(run)] == ["00000005.pt", "00000004.pt"]


@pytest.mark.parametrize("damage", ["half", "empty", "zeros"])
def test_a_torn_checkpoint_gives_way_to_the_one_before(damage, tmp_path):
    run = loop.train(tiny(save_every=0.0), tmp_path / "run", stop_at=4)
    torn, whole = checkpoint.paths(run)
    content = torn.read_bytes()
    torn.write_bytes({"half": content[: len(content) // 2], "empty": b"", "zeros": bytes(len(content))}[damage])
    loop.train(tiny(), run, resume=True, stop_at=3)
    assert checkpoint.paths(run) == [whole]  # the torn one does not count as one of the two
    loop.train(tiny(), run, resume=True, stop_at=4)
    whole.write_bytes(b"")
    torn.write_bytes(b"")
    with pytest.raises(ValueError, match="readable"):
        loop.train(tiny(), run, resume=True)


def test_a_damaged_bit_gives_way_to_the_checkpoint_before(tmp_path, caplog):
    """Wherever it is; a damaged checkpoint of an earlier version, which has no checksum, as well."""
    run = loop.train(tiny(save_every=0.0), tmp_path / "run", stop_at=4)
    newest, before = checkpoint.paths(run)
    content, wanted = newest.read_bytes(), weight_files.read_state(before)
    old = content[:-66] + bytes(2)
    rng = np.random.default_rng(0)
    for whole, places in ((content, rng.integers(len(content), size=150)), (old, stored_bytes(old, rng, 50))):
        newest.write_bytes(whole)
        assert checkpoint.newest(run, QUEENS)["progress"]["update"] == 4
        for place in places.tolist():
            damaged = bytearray(whole)
            damaged[place] ^= 1 << int(rng.integers(8))
            newest.write_bytes(damaged)
            caplog.clear()
            assert same(checkpoint.newest(run, QUEENS), wanted), place
            assert f"{newest} is damaged" in caplog.text


def stored_bytes(archive: bytes, rng: np.random.Generator, count: int) -> np.ndarray:
    """Places within the files of a ZIP."""
    with zipfile.ZipFile(io.BytesIO(archive)) as files:
        spans = [(info.header_offset + 200, info.file_size) for info in files.infolist() if info.file_size > 2000]
    return np.array([first + int(rng.integers(size - 400)) for first, size in rng.choice(spans, count)])


@pytest.mark.parametrize("content", [{}, {"fixed": {}}, {"fixed": {}, "progress": {"day": 1}}, [1, 2], "text"])
def test_a_checkpoint_of_something_else(content, tmp_path, capsys):
    run = loop.train(QUEENS, tmp_path / "run", stop_at=2)
    weight_files.write_state(checkpoint.paths(run)[0], content)
    assert command(["train", "--resume", str(run)]) == 2
    assert "Traceback" not in capsys.readouterr().err


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda state: state["carry"]["x"].fill_(-3), "x holds other numbers than 0 to "),
        (lambda state: state["carry"]["done"].fill_(99), "done holds other numbers than 0 to "),
        (lambda state: state["carry"].pop("index"), "index"),
        (lambda state: [s["step"].fill_(-1e30) for s in state["optimizers"][-1]["state"].values()], "number of steps"),
    ],
    ids=["tokens", "steps", "a part", "optimizer"],
)
def test_a_checkpoint_of_impossible_numbers(change, sentence, tmp_path, capsys):
    """Its checksum is right, so somebody made it."""
    run = loop.train(QUEENS, tmp_path / "run", stop_at=2)
    path = checkpoint.paths(run)[0]
    state = weight_files.read_state(path)
    change(state)
    weight_files.write_state(path, state)
    assert command(["train", "--resume", str(run)]) == 2
    err = capsys.readouterr().err
    assert "is not of this run" in err
    assert sentence in err


def test_a_checkpoint_is_no_larger_than_it_looks(tmp_path):
    """torch.save does not compress; what does may unpack to anything."""
    torch.save({"a": torch.zeros(10_000_000)}, tmp_path / "a.pt")
    with (
        zipfile.ZipFile(tmp_path / "a.pt") as plain,
        zipfile.ZipFile(tmp_path / "b.pt", "w", zipfile.ZIP_DEFLATED) as small,
    ):
        for info in plain.infolist():
            small.writestr(info.filename, plain.read(info))
    assert weight_files.unpickled(tmp_path / "a.pt")["a"].shape == (10_000_000,)
    assert weight_files.unpickled(tmp_path / "b.pt") is None


@pytest.mark.parametrize("pickled", [b"\x80\x02j\x00", b"\x80\x02h.", b"\x80\x02K\x01.", b"\x80\x02]q"])
def test_a_pickle_of_nothing_holds_no_state(tmp_path, pickled):
    path = tmp_path / "a.pt"
    torch.save({"a": torch.zeros(3)}, path)
    with zipfile.ZipFile(path) as old:
        parts = {name: old.read(name) for name in old.namelist()}
    with zipfile.ZipFile(path, "w") as new:
        for name, content in parts.items():
            new.writestr(name, pickled if name.endswith("data.pkl") else content)
    with pytest.raises(ValueError, match="is not a training state"):
        weight_files.read_state(path)


def test_a_log_goes_on_after_its_last_good_line(tmp_path):
    path = tmp_path / "metrics.jsonl"
    good = '{"kind": "train", "update": 1}\n'
    for bad in ("[1]\n", "[" * 100_000 + "\n", '{"update": "x"}\n', '{"update": NaN}\n', "\xff\n"):
        path.write_text(good + bad + good, encoding="latin-1")
        Log(tmp_path, 2).close()
        assert path.read_text() == good


def test_checkpoints_of_others_stay(tmp_path):
    (tmp_path / "run" / "checkpoints").mkdir(parents=True)
    for name in ("mine.pt", ".mine.tmp"):
        (tmp_path / "run" / "checkpoints" / name).touch()
    run = loop.train(tiny(save_every=0.0), tmp_path / "run", stop_at=3)
    assert {p.name for p in (run / "checkpoints").iterdir()} == {"mine.pt", ".mine.tmp", "00000002.pt", "00000003.pt"}


def test_metrics_are_not_written_through_a_link(tmp_path, capsys):
    run = loop.train(QUEENS, tmp_path / "run", stop_at=2)
    elsewhere = tmp_path / "diary"
    elsewhere.write_text("mine\n")
    (run / "metrics.jsonl").unlink()
    (run / "metrics.jsonl").symlink_to(elsewhere)
    assert command(["train", "--resume", str(run)]) == 2
    assert "metrics.jsonl is a link" in capsys.readouterr().err
    assert elsewhere.read_text() == "mine\n"


def test_a_finished_run_that_is_resumed_is_unfinished_until_its_heads_are_fitted(tmp_path, monkeypatch):
    run = loop.train(tiny(), tmp_path / "run")
    assert (run / "training.json").is_file()

    def killed(*_: Any) -> Config:
        raise SystemExit(137)

    monkeypatch.setattr(loop, "fit_heads", killed)
    with pytest.raises(SystemExit):
        loop.train(tiny(), run, resume=True)
    assert not (run / "training.json").exists()


def no_space(*_: Any, **__: Any) -> None:
    raise OSError(28, "No space left on device")


def half_written(state: Any, path: Path) -> None:
    path.write_bytes(b"PK")
    no_space()


@pytest.mark.parametrize(("module", "name", "fake"), [(torch, "save", half_written), (os, "replace", no_space)])
def test_failed_writes_leave_the_last_checkpoint(module, name, fake, tmp_path, monkeypatch, capsys):
    run = loop.train(QUEENS, tmp_path / "run", stop_at=2)
    before = last(run)
    capsys.readouterr()
    original = getattr(module, name)
    with monkeypatch.context() as patch:
        press_ctrl_c(patch, 4)  # saves
        patch.setattr(module, name, lambda a, b: (fake if "checkpoints" in str(b) else original)(a, b))
        assert command(["train", "--resume", str(run)]) == 2
    assert one_sentence(capsys.readouterr().err, "No space left on device", "free some disk space")
    assert same(last(run), before)
    assert sorted(p.name for p in (run / "checkpoints").iterdir()) == ["00000002.pt"]
    loop.train(QUEENS, run, resume=True, stop_at=3)


def one_sentence(text: str, *words: str) -> bool:
    """Among the lines on stderr one is the command's, and it says all `words`."""
    assert "Traceback" not in text
    said = [line for line in text.splitlines() if line.startswith("gram:")]
    assert len(said) == 1, text
    assert len(said[0]) < 400, said
    return all(word in said[0] for word in words)


def test_a_full_disk(tmp_path, capsys):
    """The kernel itself refuses: no file may grow beyond 64 kB."""
    run = loop.train(QUEENS, tmp_path / "run", stop_at=2)
    before = last(run)
    capsys.readouterr()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (64_000, hard))
    try:
        assert command(["train", "--resume", str(run), "--train.save-every", "0"]) == 2
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert one_sentence(capsys.readouterr().err, "Could not write", "free some disk space")
    assert same(last(run), before)
    assert len(list((run / "checkpoints").iterdir())) == 1
    loop.train(QUEENS, run, resume=True, stop_at=3)


def test_a_kill_while_writing_leaves_no_litter_for_long(tmp_path):
    run = loop.train(QUEENS, tmp_path / "run", stop_at=2)
    (run / "checkpoints" / ".00000003.pt.1.tmp").write_bytes(b"half")
    loop.train(QUEENS, run, resume=True, stop_at=4)
    assert sorted(p.name for p in (run / "checkpoints").iterdir()) == ["00000002.pt", "00000004.pt"]


def test_metrics_go_on_where_the_checkpoint_is(tmp_path):
    path = tmp_path / "metrics.jsonl"
    log = Log(tmp_path)
    for update in (1, 2, 3):
        log.write("train", {"update": update, "ce": [float("nan"), 1.0], "kl": float("inf")})
    log.write("warning", {"text": "no update here"})
    log.close()
    with open(path, "a", encoding="utf-8") as file:
        file.write('{"kind": "tra')
    Log(tmp_path, 2).close()
    kept = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    assert kept == [{"kind": "train", "update": u, "ce": [None, 1.0], "kl": None} for u in (1, 2)]


# stopping ----------------------------------------------------------------------------------------------------
def test_ctrl_c_from_outside(tmp_path):
    """A real process: exit code 130, one sentence, and the run goes on from there."""
    run = loop.train(tiny(updates=100_000), tmp_path / "run", stop_at=1)
    start = [sys.executable, "-c", "from gram.cli import main; main()", "train", "--resume", str(run)]
    process = subprocess.Popen(start, stderr=subprocess.PIPE, text=True)
    try:
        while len(lines(run)) < 2:
            assert process.poll() is None
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=300)
    finally:
        process.kill()
    assert process.returncode == 130, said
    reached = last(run)["progress"]
    assert one_sentence(said, f"Stopped at update {reached}", f"--resume {run}")
    assert reached > 1
    loop.train(tiny(updates=100_000), run, resume=True, stop_at=reached + 1)
    gram.load(run)


def test_a_terminal_that_closes_saves_first(tmp_path):
    """SIGHUP, and every line for the terminal fails from then on."""
    run = loop.train(tiny(updates=100_000), tmp_path / "run", stop_at=1)
    child, terminal = pty.fork()
    if child == 0:
        signal.signal(signal.SIGHUP, signal.SIG_DFL)  # the tests themselves may run under nohup
        code = "from gram.cli import main; main()"
        os.execv(sys.executable, [sys.executable, "-c", code, "train", "--resume", str(run)])
    try:
        while len(lines(run)) < 2:
            assert os.waitpid(child, os.WNOHANG) == (0, 0)
            time.sleep(0.05)
        os.close(terminal)
        _, status = os.waitpid(child, 0)
    except BaseException:
        os.kill(child, signal.SIGKILL)
        raise
    assert os.waitstatus_to_exitcode(status) in (130, 120)  # 120: Python could not flush stderr
    assert last(run)["progress"] >= lines(run)[-1]["update"] > 1


def test_sighup_that_nohup_ignores_stays_ignored(tmp_path, monkeypatch):
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        press_ctrl_c(monkeypatch, 2, number=signal.SIGHUP)
        loop.train(tiny(), tmp_path / "run", stop_at=4)
    finally:
        signal.signal(signal.SIGHUP, before)
    assert last(tmp_path / "run")["progress"] == 4


def test_a_second_ctrl_c_stops_at_once(tmp_path, monkeypatch):
    run = loop.train(QUEENS, tmp_path / "run", stop_at=2)
    before, handler = last(run), signal.getsignal(signal.SIGINT)
    press_ctrl_c(monkeypatch, 4, times=2)
    with pytest.raises(KeyboardInterrupt, match="last checkpoint is intact") as stop:
        loop.train(QUEENS, run, resume=True)
    assert not isinstance(stop.value, loop.Interrupted)
    assert same(last(run), before)
    assert signal.getsignal(signal.SIGINT) is handler


def test_a_second_ctrl_c_while_saving(tmp_path, monkeypatch):
    run = loop.train(QUEENS, tmp_path / "run", stop_at=2)
    before = last(run)
    press_ctrl_c(monkeypatch, 4)

    def interrupted(state: Any, path: Path) -> None:
        path.write_bytes(b"PK")
        os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr(torch, "save", interrupted)
    assert command(["train", "--resume", str(run)]) == 130
    assert same(last(run), before)
    assert len(list((run / "checkpoints").iterdir())) == 1


def test_a_compiler_that_hears_ctrl_c_is_no_error(tmp_path, monkeypatch):
    run = loop.train(QUEENS, tmp_path / "run", stop_at=2)

    def dies(_):
        os.kill(os.getpid(), signal.SIGINT)
        raise RuntimeError("C++ compile error")

    monkeypatch.setattr(loop.Run, "update", dies)
    with pytest.raises(loop.Interrupted, match="update 2"):
        loop.train(QUEENS, run, resume=True)


@pytest.mark.skipif(not shutil.which("g++"), reason="torch.compile needs a C++ compiler")
def test_compiled_updates_are_the_plain_ones():
    small = {"blocks": 1, "hierarchy": False, "mixer": "swiglu"}
    runs = [loop.Run(tiny(small, compile=wish), tasks.task("queens-5"), ALONE, NullLog()) for wish in (True, False)]
    for _ in range(3):
        one, other = (run.update() for run in runs)
        torch.testing.assert_close(one.loss, other.loss, rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(one.state.h, other.state.h, rtol=1e-3, atol=1e-3)
    assert [run.compiled for run in runs] == [True, False]


class Broken(RuntimeError):
    """As torch.compile raises it."""

    __module__ = "torch._inductor.exc"


def broken(*_):
    raise Broken("InductorError: no compiler\nand much more")


def spoilt(function, *inputs):
    out = function(*inputs)
    return out._replace(ce=out.ce * float("nan"))


@pytest.mark.parametrize(
    ("compiler", "reason"),
    [(broken, "InductorError: no compiler); continuing without it"), (spoilt, "The loss is not finite at update 0")],
)
def test_without_a_working_compiler_training_goes_on(compiler, reason, tmp_path, monkeypatch, caplog):
    def compiled(function, wish, device):
        return (partial(compiler, function), "compiled") if wish else (function, "not compiled")

    monkeypatch.setattr(loop.parallel, "compiled", compiled)
    run = loop.train(tiny(updates=4, compile=True), tmp_path / "run")
    assert f"torch.compile failed ({reason}" in caplog.text
    plain = loop.train(tiny(updates=4), tmp_path / "plain")
    assert same(last(run)["model"], last(plain)["model"])


def test_other_errors_are_not_the_compilers(tmp_path, monkeypatch):
    def fails(*_):
        raise RuntimeError("shapes do not match")

    monkeypatch.setattr(loop.parallel, "compiled", lambda *_: (fails, "compiled"))
    with pytest.raises(RuntimeError, match="shapes"):
        loop.train(tiny(updates=4, compile=True), tmp_path / "run")


def test_a_loss_that_is_no_number_stops_before_the_update(tmp_path, monkeypatch, capsys):
    run = loop.train(QUEENS, tmp_path / "run", stop_at=2)
    held: list[loop.Run] = []
    token_loss, begin = objective.token_loss, loop._loop
    monkeypatch.setattr(loop, "_loop", lambda r, *rest: (held.append(r), begin(r, *rest))[1])
    weights: list[dict[str, Tensor]] = []

    def spoilt(*arguments):
        weights.append({k: t.clone() for k, t in held[0].model.state_dict().items()})
        return token_loss(*arguments) * (float("nan") if len(weights) == 3 else 1.0)

    monkeypatch.setattr(objective, "token_loss", spoilt)
    assert command(["train", "--resume", str(run)]) == 2
    said = capsys.readouterr().err
    assert one_sentence(said, "not finite at update 4", "train.lr", str(run / "checkpoints" / "00000002.pt"))
    assert same(weights[2], dict(held[0].model.state_dict()))
    assert not same(weights[1], weights[2])
    assert last(run)["progress"] == 2


def test_a_learning_rate_far_too_high_is_told(tmp_path):
    with pytest.raises(loop.NotFinite, match="not written yet"):
        loop.train(tiny(optimizer="adamw", lr=100.0, warmup=1), tmp_path / "run")


def test_the_clock_is_kept_and_the_schedule_ends(tmp_path, monkeypatch):
    """On a clock that goes on by 0.1 s at each look; the loop looks once per update."""
    held: list[loop.Run] = []
    begin, ticks = loop._loop, itertools.count()
    monkeypatch.setattr(loop, "_loop", lambda run, *rest: (held.append(run), begin(run, *rest))[1])
    monkeypatch.setattr(loop, "time", SimpleNamespace(monotonic=lambda: next(ticks) / 10))
    config = tiny(updates=10**6, minutes=3 / 60, lr=1e-3, lr_final=0.05, warmup=1)
    loop.train(config, tmp_path / "run", stop_at=10)
    loop.train(config, tmp_path / "run", resume=True)  # the clock of the run stood still in between
    run = held[1]
    assert run.progress.update == 27  # 0.36 s are kept for heads and the last evaluation
    assert run.progress.seconds == pytest.approx(2.7)
    assert run.progress.share(config) == pytest.approx(1.0)
    assert run.optimizers[0].param_groups[0]["lr"] == pytest.approx(5e-5, rel=0.1)


def test_share_of_the_budget():
    clock = tiny(updates=100, minutes=2.0)
    assert budget.Progress().share(clock) == 0.0
    assert kept(clock) == pytest.approx(14.4)
    assert budget.Progress(update=10, seconds=26.4).share(clock) == pytest.approx(0.25)
    assert budget.Progress(update=90, seconds=26.4).share(clock) == pytest.approx(0.9)  # `updates` is a ceiling
    assert budget.Progress(update=10, seconds=1e4).share(clock) == 1.0
    assert budget.Progress(update=10, seconds=1e4).share(tiny(updates=100)) == pytest.approx(0.1)
    assert budget.Progress(update=1, seconds=45.6, startup=45.6).share(clock) == pytest.approx(0.01)
    assert budget.Progress(update=1, seconds=75.6, startup=45.6).share(clock) == pytest.approx(0.5)
    assert budget.Progress(update=1, seconds=200.0, startup=200.0).share(clock) == 1.0


def test_compilation_takes_nothing_of_the_warm_up(tmp_path, monkeypatch):
    """A first update of a minute, of two, leaves beta where it was; the others follow each other by 10 s."""
    held: list[loop.Run] = []
    begin, ticks = loop._loop, itertools.chain([0.0], itertools.count(60.0, 10.0))
    monkeypatch.setattr(loop, "_loop", lambda run, *rest: (held.append(run), begin(run, *rest))[1])
    monkeypatch.setattr(loop, "time", SimpleNamespace(monotonic=lambda: next(ticks)))
    monkeypatch.setattr(loop.parallel, "compiled", lambda function, *_: (function, "compiled"))
    config = tiny(updates=10**6, minutes=2.0, beta=4.0, beta_warmup=0.5)
    loop.train(config, tmp_path / "run", stop_at=3)
    assert held[0].progress.startup == 60.0
    assert held[0].progress.share(config) == pytest.approx(20 / 45.6)  # 14.4 s are kept for the end
    assert held[0].learner.beta == pytest.approx(4.0 * (10 / 45.6) / 0.5)  # of the third update, 10 s into learning


def test_minutes_count_from_the_beginning_of_the_command(tmp_path, monkeypatch, caplog):
    """Ten seconds went by before the loop began, of sixty; updates take 0.5 s, and 7.2 s are kept for the end."""
    held: list[loop.Run] = []
    begin, ticks = loop._loop, itertools.count(100.0, 0.5)
    monkeypatch.setattr(loop, "_loop", lambda run, *rest: (held.append(run), begin(run, *rest))[1])
    monkeypatch.setattr(loop, "time", SimpleNamespace(monotonic=lambda: next(ticks)))
    loop.train(tiny(updates=10**6, minutes=1.0), tmp_path / "run", began=90.0)
    assert held[0].progress.startup == 10.0
    assert held[0].progress.seconds == pytest.approx(53.0)  # the first at or after 52.8
    monkeypatch.setattr(loop, "time", SimpleNamespace(monotonic=lambda: 100.0))
    loop.train(tiny(updates=10**6, minutes=1.0), tmp_path / "late", began=40.0)
    assert held[1].progress.update == 1
    assert "took all of the minutes" in caplog.text


def test_a_finished_run_that_is_resumed_says_that_its_budget_is_spent(tmp_path, caplog):
    run = loop.train(tiny(updates=2), tmp_path / "run", stop_at=1)
    for config, says in ((tiny(updates=2), False), (tiny(updates=2), True), (tiny(updates=3), False)):
        caplog.clear()
        with caplog.at_level("INFO", logger="gram"):
            loop.train(config, run, resume=True)
        assert ("only the heads are fitted again" in caplog.text) is says


@pytest.mark.parametrize(
    ("changes", "says"),
    [({"minutes": 0.02, "compile": True}, "not compiled (too few minutes)"), ({"updates": 1}, "not compiled")],
)
def test_the_first_line_says_whether_a_run_is_compiled(tmp_path, caplog, changes, says):
    with caplog.at_level("INFO", logger="gram"):
        loop.train(replace(tiny(**changes), recipe="queens-5"), tmp_path / "run")
    first = next(line for line in caplog.messages if "parameters, mixer" in line)
    assert first.endswith(f", {says}")
    assert first.startswith("queens-5: 199 puzzles, ")  # a recipe of its own task names it once


def test_a_short_run_is_not_compiled():
    config = tiny(minutes=2.0, compile=True)
    assert not budget.uncompiled(config).train.compile
    assert budget.uncompiled(tiny(minutes=3.0, compile=True)).train.compile
    assert budget.uncompiled(tiny(compile=True)).train.compile
    assert not budget.uncompiled(tiny(minutes=5.0, compile=True), crowd=12.0).train.compile
    assert budget.uncompiled(tiny(minutes=5.0, compile=True), crowd=1.2).train.compile
    assert 1.0 <= budget.crowding(0.001) < 10_000


def test_a_budget_for_too_few_updates_is_told():
    progress = budget.Progress(update=2, seconds=4.0)
    text = progress.too_short(tiny(minutes=1.0), 2.0)
    assert text is not None
    assert "about 26 updates" in text  # 48.8 s are left for them
    assert "--minutes 12" in text  # 300 updates of 2 s, and the end
    assert progress.too_short(tiny(minutes=12.0), 2.0) is None
    assert progress.too_short(tiny(), 2.0) is None


def test_a_run_stops_at_its_target(tmp_path, monkeypatch):
    monkeypatch.setattr(monitor.Monitor, "metrics", lambda self, dev: {"valid": 0.3})
    run = loop.train(tiny(updates=40, evaluate_every=0.0, target=0.3), tmp_path / "run")
    assert json.loads((run / "training.json").read_text())["updates"] == 1
    run = loop.train(tiny(updates=4, evaluate_every=0.0, target=0.31), tmp_path / "other")
    assert json.loads((run / "training.json").read_text())["updates"] == 4


def test_the_end_takes_what_is_kept_for_it(monkeypatch):
    """Each portion of puzzles takes 4 s of the 8 there are, each update of the heads and each evaluation none."""
    now = [0.0]
    monkeypatch.setattr(heads, "time", SimpleNamespace(monotonic=lambda: now[0]))
    asked: list[int] = []

    def portion(model, task, inputs, options, progress=None):
        now[0] += 4.0
        asked.append(len(inputs))
        return torch.zeros(len(inputs) * 4, 2, 3), torch.zeros(len(inputs) * 4, 2, dtype=torch.bool)

    monkeypatch.setattr(heads, "_rollouts", portion)
    options = heads.SamplingOptions(width=4, depth=2)
    nothing: Any = None
    pooled, _ = heads.rollouts(nothing, nothing, np.zeros((100, 3)), options, until=8.0)
    assert asked == [16, 16]
    assert len(pooled) == 32 * 4
    heads.rollouts(nothing, nothing, np.zeros((100, 3)), options)
    assert asked[2:] == [100]


# several processes -------------------------------------------------------------------------------------------
def of_two(folder: Path, config: Config) -> None:
    """What each of two ranks does, in their processes; several runs in each."""
    parallel.start(1)
    rank, end = dist.get_rank(), dist.destroy_process_group
    dist.destroy_process_group = lambda: None
    begin = loop._loop

    def watched(run: loop.Run, *rest):
        try:
            return begin(run, *rest)
        finally:
            mine = torch.cat([p.detach().flatten() for p in run.model.parameters()])
            theirs = mine.clone()
            dist.broadcast(theirs, 0)
            assert torch.equal(mine, theirs), "the ranks drifted apart"

    loop._loop = watched
    loop.train(config, folder / "two", stop_at=6)
    loop.train(config, folder / "two", resume=True)
    loop.train(config, folder / "one-two", resume=True)

    # a budget on the clock: the ranks follow one clock
    loop.train(change(config, minutes=0.5 / 60, updates=10**6, optimizer="muon"), folder / "clock")

    # a signal to one rank stops both after the same update
    update, reached = loop.Run.update, []

    def pressed(run: loop.Run):
        if rank == 1 and run.progress.update == 2:
            os.kill(os.getpid(), signal.SIGINT)
        reached[:] = [run.progress.update + 1]
        return update(run)

    loop.Run.update = cast(Any, pressed)
    with pytest.raises(loop.Interrupted):
        loop.train(config, folder / "stopped")
    assert reached == [3]
    loop.Run.update = update

    # a loss that is no number on one rank stops both
    inner, factor = objective.Learner.plain, float("nan") if rank else 1.0

    def spoils(learner: objective.Learner, *arguments):
        out = inner(learner, *arguments)
        return out._replace(ce=factor * out.ce)

    objective.Learner.plain = cast(Any, spoils)
    with pytest.raises(loop.NotFinite):
        loop.train(config, folder / "broken")
    end()


ROUNDING = 128 * 2**-23
"""What the order of float32 sums may change in ten updates by AdamW. Gradients that are off by one unit in the last
place change the cross-entropy by at most 1 of 2**-23, KL by 3 and h by 15 in the norm, and so do two processes:
docs/log/arithmetic.md, 2026-11-28. Muon's bfloat16 iteration makes 200 times as much of the same, which would hide a
fault."""


def test_two_processes_are_one_run(tmp_path):
    config = tiny(updates=10, lr=1e-3, batch=8, prior_rows=0.5, prior_learns=True, prior_together=2, optimizer="adamw")
    loop.train(config, tmp_path / "one-two", stop_at=6)
    together(lambda: of_two(tmp_path, config))
    alone = loop.train(config, tmp_path / "one")
    shutil.copytree(tmp_path / "one-two", tmp_path / "back")
    expected = lines(alone)
    assert len(expected) == 10
    for name in ("two", "one-two"):  # the second: six updates of one process, then four of two
        found = lines(tmp_path / name)
        assert [line["update"] for line in found] == list(range(1, 11))
        for one, other in zip(expected, found, strict=True):
            for key in ("ce", "kl", "posterior_accuracy", "prior_validity", "ce_by_step"):
                assert other[key] == pytest.approx(one[key], rel=ROUNDING, abs=ROUNDING), (name, one["update"], key)
    one, two = last(alone), last(tmp_path / "two")
    for part in ("x", "y", "done", "index"):
        assert same(one["carry"][part], two["carry"][part]), part
    h, other = one["carry"]["h"], two["carry"]["h"]
    assert (h - other).norm() < ROUNDING * h.norm()
    stopped = tmp_path / "stopped"
    assert last(stopped)["progress"] == 3
    loop.train(config, stopped, resume=True)  # two processes began, one ends
    for one, other in zip(expected, lines(stopped), strict=True):
        assert other["ce"] == pytest.approx(one["ce"], rel=ROUNDING)
    assert not checkpoint.paths(tmp_path / "broken")


def test_a_batch_that_does_not_divide():
    with pytest.raises(ValueError, match=r"batch of 8 .* 3 processes"):
        World(0, 3, torch.device("cpu")).rows(8)
    rows = [World(rank, 4, torch.device("cpu")).rows(8) for rank in range(4)]
    assert np.concatenate(rows).tolist() == list(range(8))


# what it tells -----------------------------------------------------------------------------------------------
class Heard(NullLog):
    def __init__(self):
        self.said: list[str] = []

    def say(self, text: str, level: int = logging.INFO) -> None:
        self.said.append(text)


def watch(config: Config) -> tuple[monitor.Monitor, Heard]:
    task, heard = tasks.task(config.task), Heard()
    model = loop.Model(task.spec, config.model)
    return monitor.Monitor(model, task, config, heard, ALONE, 0), heard


HEALTHY = {"valid": 0.9, "coverage": 0.8, "coverage_share_many": 0.9}


@pytest.mark.parametrize(
    ("transitions", "posterior", "figures", "words"),
    [
        ("last", 0.95, {"valid": 0.02}, ("posterior leakage", "train.beta")),
        ("all", 0.95, {"valid": 0.02}, ("posterior leakage", "train.posterior_transitions")),
        ("last", 0.9, {"coverage_share_many": 0.1}, ("diversity", "train.beta")),
        ("last", 0.95, {}, ()),
        ("last", 0.1, {"valid": 0.0, "coverage_share_many": 0.0}, ()),  # nothing learned yet
        ("last", 0.9, {"coverage_share_many": None}, ()),  # every puzzle has one solution
    ],
)
def test_warnings_name_the_lever(transitions, posterior, figures, words):
    watching, heard = watch(tiny(posterior_transitions=transitions))
    progress = budget.Progress(update=30, means={"posterior_accuracy": posterior})
    for _ in range(2):  # told once
        watching.warn(progress, HEALTHY | figures)
    assert len(heard.said) == bool(words)
    assert all(word in heard.said[0] for word in words)


def test_answers_learned_by_heart_are_no_leakage():
    for answers, posterior, valid, words in (
        ("many", 0.99, 0.1, ("99%", "10%", "by heart", "More data")),
        ("many", 0.99, 0.6, ()),
        ("many", 0.8, 0.1, ()),  # still learning
        ("auto", 0.99, 0.1, ()),  # it has not decided yet whether one answer is right
    ):
        watching, heard = watch(change(tiny(answers=answers), model={"guidance": "none"}))
        progress = budget.Progress(update=30, means={"posterior_accuracy": posterior})
        watching.warn(progress, HEALTHY | {"valid": valid})
        assert len(heard.said) == bool(words)
        assert all(word in heard.said[0] for word in words)


def test_training_answers_say_nothing_where_inputs_hold_a_part_of_them():
    watching, heard = watch(tiny())
    watching.model = loop.Model(tasks.task("queens-5").spec, replace(QUEENS.model, guidance="none"))
    watching.config = change(tiny(), model={"guidance": "none", "guesses": True})
    progress = budget.Progress(update=30, means={"posterior_accuracy": 0.99, "ce": 0.1})
    watching.warn(progress, HEALTHY | {"valid": 0.1})
    assert not heard.said
    watching.last = "dev 0.125"
    assert watching.line(progress, 2.0).startswith("dev 0.125  ")


def test_metrics_and_evaluation(tmp_path, monkeypatch):
    monkeypatch.setattr(monitor, "EVERY", 4)
    run = loop.train(tiny(updates=10, evaluate_every=0.0), tmp_path / "run")
    assert [line["update"] for line in lines(run)] == [4, 8, 10]  # the rest is told at the end
    train, dev = lines(run)[-1], lines(run, "dev")
    assert {"ce", "kl", "posterior_accuracy", "prior_validity", "updates_per_second"} <= train.keys()
    assert len(train["kl_by_step"]) == 3
    assert 0 < train["updates_per_second"] < 10_000
    assert [line["update"] for line in dev] == [*range(1, 11), 10]
    assert {"valid", "coverage", "diversity", "halt_calibration", "elbo", "kl_by_step_dev"} <= dev[-1].keys()


@pytest.mark.parametrize("update", [50, 1_000_000])
def test_the_progress_line_fits(update):
    """On 80 columns, with the figure that counts first."""
    watching, _ = watch(tiny(updates=10**7, minutes=2000.0))
    means = {"prior_validity": 0.5, "ce": 1234.5, "kl": 1234.5, "posterior_accuracy": 0.25}
    watching.last = "dev 0.125"
    text = watching.line(budget.Progress(update=update, seconds=500.0, means=means), 1234.5)
    assert text.startswith("valid 0.500  dev 0.125  ")
    assert len(text) < 80


# learning ----------------------------------------------------------------------------------------------------
FAMILY = {
    "HRM": tiny(
        model={"guidance": "none", "gradient": "one-step", "halting": "halt-continue", "positions": "learned"},
        halt_early=True,
        loss="stablemax",
        optimizer="adamatan2",
    ),
    "TRM": tiny(model={"guidance": "none", "shared": True}, optimizer="adamw"),
    "Looped": tiny(model={"guidance": "none", "hierarchy": False, "gradient": "full"}, N_sup=1),
    "stochastic HRM": tiny(model={"halting": "halt-continue", "registers": 2, "mixer": "attention"}, halt_early=True),
    "decoder": tiny(model={"guidance": "decoder"}, kl_transitions="all", optimizer="adamw"),
    "noise only": tiny(model={"guidance": "noise", "fusion": "concat"}, prior_learns=False),
    "guide only": tiny(model={"guidance": "mean"}, prior_rows=0.0),
}


@pytest.mark.parametrize("member", FAMILY)
def test_every_member_trains(member, tmp_path):
    run = loop.train(change(FAMILY[member], updates=4), tmp_path / "run")
    assert len(lines(run)) == 4
    before = loop.Model(tasks.task("queens-5").spec, FAMILY[member].model).state_dict()
    after = last(run)["model"]
    assert not [k for k in after if not after[k].isfinite().all()]
    moved = {k for k in after if not torch.equal(after[k], before[k])}
    assert {
        k for k in after if "z0" not in k and "core" in k and "posterior" not in k and "relations" not in k
    } <= moved


@pytest.mark.parametrize("optimizer", ["muon", "adamw", "adamatan2"])
def test_it_learns(optimizer, tmp_path, monkeypatch):
    monkeypatch.setattr(monitor, "EVERY", 20)
    config = tiny(updates=100, batch=16, optimizer=optimizer, lr=5e-3, warmup=10, beta=0.1)
    seen = [line["ce"] for line in lines(loop.train(config, tmp_path / "run"))]
    assert np.mean(seen[-2:]) < 0.75 * seen[0], seen


def test_the_end_of_a_run(tmp_path, monkeypatch):
    """Heads are fitted, the figures recorded, and the folder is one that gram.load reads."""
    monkeypatch.undo()
    run = loop.train(tiny(updates=3), tmp_path / "run")
    assert json.loads((run / "training.json").read_text(encoding="utf-8"))["updates"] == 3
    reasoner = gram.load(run)
    fitted = cast(TorchNetwork, reasoner.network).model.state_dict()
    saved = {k.removeprefix("module."): t for k, t in last(run)["ema"].items() if k != "n_averaged"}
    moved = {k for k in fitted if not torch.equal(fitted[k], saved[k].bfloat16().float())}  # finished weights are half
    assert "halt.bias" in moved
    assert all(k.startswith(("halt.", "value.")) for k in moved)


def test_the_value_head_learns_the_end_before_the_next_restart():
    """Two rows: wrong to the restart and right after it; right all along. The features tell step and row."""
    model = loop.Model(tasks.task("queens-5").spec, replace(QUEENS.model, width=8))
    right = torch.tensor([[False, False, True, True], [True, True, True, True]])
    pooled = torch.eye(8).view(2, 4, 8)
    heads.fit(model, pooled, right, restart_every=2)
    value = model.judge(pooled)[1].detach()
    torch.testing.assert_close(value, right.float(), atol=0.05, rtol=0)
    heads.fit(model, pooled, right)
    torch.testing.assert_close(model.judge(pooled)[1].detach(), torch.ones(2, 4), atol=0.05, rtol=0)


def test_the_threshold_that_halts_best():
    """Two rows of one puzzle and restarts every two steps: four short trajectories, all of them right at their second
    step, where the logit is 2 or 0; at their first one is wrong with a logit of 1, one right with 0.9."""
    margin = torch.tensor([[1.0, 2.0, 0.9, 2.0], [-1.0, 2.0, -1.0, 0.0]])
    right = torch.tensor([[False, True, True, True], [False, True, False, True]])
    config = replace(QUEENS, solve=SolveConfig(depth=4, restart_every=2))
    assert heads.best_threshold(margin, right, config, width=2) == 1.0 + heads.MARGIN
    margin[0, 0] = 3.0  # now the wrong one cannot be told from the right ones: not stopping is best
    assert heads.best_threshold(margin, right, config, width=2) == 3.0 + heads.MARGIN
    alone = replace(QUEENS, solve=SolveConfig(depth=4))
    assert heads.best_threshold(margin, right | True, alone, width=2) == heads.MARGIN
    later = torch.tensor([[-1.0, 5.1], [-1.0, 6.0]]).expand(2, 2)  # at the last step, 5.0 costs no more than 0.0
    ends = replace(QUEENS, solve=SolveConfig(depth=2))
    assert heads.best_threshold(later, later > 0, ends, width=2) == heads.MARGIN
    assert heads.best_threshold(later, later > 0, ends, width=2, high=True) == heads.GRID[-1] - heads.MARGIN
    assert heads.best_threshold(torch.full((2, 4), 9.0), torch.eye(4)[[3, 3]] > 0, alone, width=2) is None


def test_a_batch_beyond_memory_is_told_what_fits(monkeypatch):
    monkeypatch.setattr(memory, "free_memory", lambda _: 10_000)
    row, cpu = Cost(1, 100), torch.device("cpu")
    with pytest.raises(ValueError, match=r"A batch of 1000 needs .* use a batch of 67\."):
        memory.check_memory(1000, row, 50, cpu)
    memory.check_memory(67, row, 50, cpu)
    with pytest.raises(ValueError, match="choose a smaller recipe"):
        memory.check_memory(1, row, 10_000, cpu)
    monkeypatch.setattr(memory, "free_memory", lambda _: None)
    memory.check_memory(1000, row, 50, cpu)


def test_a_run_beyond_memory_is_refused_before_it_begins(tmp_path, monkeypatch):
    monkeypatch.setattr(memory, "free_memory", lambda _: 2**20)
    with pytest.raises(ValueError, match="batch of"):
        loop.train(QUEENS, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_two_runs_cannot_share_a_folder(tmp_path):
    """The second is refused and changes nothing; afterwards the folder is free again."""
    run = loop.train(QUEENS, tmp_path / "run", stop_at=2)
    before = {p: p.read_bytes() for p in run.rglob("*") if p.is_file()}
    with lock(run), pytest.raises(ValueError, match=re.escape(str(run))):
        loop.train(QUEENS, run, resume=True)
    assert {p: p.read_bytes() for p in run.rglob("*") if p.is_file()} == before
    assert loop.train(QUEENS, run, resume=True) == run


def test_a_run_that_cannot_start_leaves_no_folder(tmp_path):
    with pytest.raises((ValueError, FileNotFoundError)):
        loop.train(QUEENS, tmp_path / "run", start=tmp_path / "nothing")
    assert not (tmp_path / "run" / "config.json").exists()

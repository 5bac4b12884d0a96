"""gram reproduce: tiny tables from scratch, cut off anywhere; the plans; and what it refuses."""

import os
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from support import forked
from support.command import Ran, exit_code, refusal
from support.jobs import job
from support.tables import TINY, make_tiny, table

from gram.config import Config
from gram.console import evaluation as console
from gram.measure import record
from gram.recipes import VARIANTS, plans, recipe
from gram.recipes.plans import PLANS, Plan
from gram.report import page
from gram.reproduce import run as reproduce
from gram.reproduce.processes import side_by_side
from gram.train import loop


@pytest.fixture(autouse=True)
def quick(monkeypatch) -> None:
    make_tiny(monkeypatch)


def gram(*arguments: Any) -> int:
    if arguments[0] == "reproduce" and "--jobs" not in arguments:  # in this process, where the table "tiny" is known
        arguments = *arguments, "--jobs", "1"
    return exit_code(*arguments)


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> Path:
    """The table without an interruption."""
    out = tmp_path_factory.mktemp("whole") / "out"
    with pytest.MonkeyPatch.context() as patch:
        make_tiny(patch)
        assert reproduce.reproduce("tiny", scale="laptop", out=out, seeds=None, jobs=1, listed=False) == 0
    return out


# whole and in parts ---------------------------------------------------------------------------------------
def test_a_table_from_nothing(whole, capsys, monkeypatch):
    names = ("queens-5", "queens-5-trm")
    keys = [f"{name} {seed} test width=20 depth=2 select=majority" for name in names for seed in (0, 1)]
    assert set(keys) < set(table(whole))
    assert len(table(whole)) == 4 + 6
    assert "# Report" in (whole / "report" / "report.md").read_text()
    before = {p: p.read_bytes() for p in whole.glob("r*s/**/*") if p.is_file()}
    for step in ("train.loop.train", "console.evaluation.evaluate"):
        monkeypatch.setattr(f"gram.{step}", lambda *_, **__: pytest.fail("this had been done"))
    assert gram("reproduce", "tiny", "--out", whole) == 0
    assert {p: p.read_bytes() for p in whole.glob("r*s/**/*") if p.is_file()} == before


STEPS = "during training", "before the heads", "between run and figures", "before the report"


@pytest.mark.parametrize("step", STEPS)
def test_interrupted_it_goes_on_to_the_same_table(step, whole, tmp_path, monkeypatch, capsys):
    out, calls = tmp_path / "out", []

    def interrupted(original, at):
        def wrapper(*arguments, **options):
            calls.append(1)
            if len(calls) == at:
                raise KeyboardInterrupt
            return original(*arguments, **options)

        return wrapper

    with monkeypatch.context() as patch:
        if step == "during training":
            patch.setattr(loop.Run, "update", interrupted(loop.Run.update, 9))
        elif step == "before the heads":
            patch.setattr(loop, "fit_heads", interrupted(loop.fit_heads, 2))
        elif step == "between run and figures":
            patch.setattr(console, "evaluate", interrupted(console.evaluate, 3))
        else:
            patch.setattr(page, "report", interrupted(page.report, 1))
        assert gram("reproduce", "tiny", "--out", out) == 130
    assert "the same command" in capsys.readouterr().err
    assert gram("reproduce", "tiny", "--out", out) == 0
    assert table(out) == table(whole)
    report, other = ((o / "report" / "report.md").read_text() for o in (out, whole))
    assert len(report.splitlines()) == len(other.splitlines())


def test_killed_it_goes_on_to_the_same_table(whole, tmp_path):
    """kill -9 in the fourth update of the second run, then in the middle of the second measurement."""
    out = tmp_path / "out"
    options: dict[str, Any] = {"scale": "laptop", "seeds": None, "jobs": 1, "listed": False}
    for owner, name, at in ((loop.Run, "update", 10), (record, "hardware", 2)):
        forked.killed(lambda: reproduce.reproduce("tiny", out=out, **options), owner, name, at)
        assert (out / "runs" / "queens-5-0").is_dir()
    assert not (out / "report").exists()
    assert gram("reproduce", "tiny", "--out", out) == 0
    assert table(out) == table(whole)


def test_a_run_that_does_not_end_leaves_its_row_empty(tmp_path, monkeypatch, capsys):
    original = loop.train

    def diverging(config, out, **options):
        if config.recipe == "queens-5-trm":
            raise loop.NotFinite("The loss is not finite at update 3")
        return original(config, out, **options)

    monkeypatch.setattr(loop, "train", diverging)
    assert gram("reproduce", "tiny", "--out", tmp_path / "out", "--seeds", "5") == 2
    assert "queens-5-trm, seed 5: The loss is not finite" in capsys.readouterr().err
    assert {key.split()[0] for key in table(tmp_path / "out")} == {"queens-5", "queens-5-5"}
    assert (tmp_path / "out" / "report" / "report.md").is_file()


# what it refuses ------------------------------------------------------------------------------------------
def refused(capsys, *arguments: Any) -> str:
    capsys.readouterr()
    code = gram("reproduce", *arguments)
    return refusal(Ran(code, *capsys.readouterr()))


def test_refused(capsys, tmp_path, monkeypatch):
    assert "did you mean 'queens-8'" in refused(capsys, "quens-8")
    assert "Name a table" in refused(capsys)
    assert "0,1,2" in refused(capsys, "tiny", "--seeds", "1;2")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert "needs a GPU" in refused(capsys, "queens-8", "--scale", "paper", "--out", tmp_path / "out")
    monkeypatch.setenv("GRAM_DATA", str(tmp_path))
    for name in ("sudoku", "maze", "mnist"):
        assert "There is no data file" in refused(capsys, name, "--out", tmp_path / "out")
    monkeypatch.setenv("WORLD_SIZE", "2")
    assert "without torchrun" in refused(capsys, "tiny", "--out", tmp_path / "out")
    assert not list(tmp_path.iterdir())


def test_folders_of_others_stay(capsys, tmp_path, whole, monkeypatch):
    (tmp_path / ".report-x.tmp").mkdir()  # left by a kill
    (tmp_path / "thesis.tex").write_text("mine")
    assert str(tmp_path) in refused(capsys, "tiny", "--out", tmp_path)
    assert sorted(p.name for p in tmp_path.iterdir()) == [".report-x.tmp", "thesis.tex"]
    (tmp_path / "thesis.tex").unlink()
    reproduce.check_out(tmp_path)
    monkeypatch.setitem(PLANS, "tiny", replace(TINY, minutes=1.0))
    assert "queens-5-trm-0 is a run with other settings" in refused(capsys, "tiny", "--out", whole)


def test_damaged_results_are_named_before_anything_is_trained(capsys, tmp_path, monkeypatch):
    path = tmp_path / "results" / "queens-5" / "1.json"
    path.parent.mkdir(parents=True)
    path.write_text("{")
    monkeypatch.setattr(loop, "train", lambda *_, **__: pytest.fail("trained"))
    assert f"{path} is not JSON" in refused(capsys, "tiny", "--out", tmp_path)


# side by side ---------------------------------------------------------------------------------------------
def test_two_jobs_end_in_the_same_table(whole, tmp_path, monkeypatch, capsys):
    """Their processes train and measure; this one only reports."""
    monkeypatch.setattr(reproduce, "one", alone)
    out = tmp_path / "out"
    assert gram("reproduce", "tiny", "--out", out, "--jobs", "2") == 0
    assert table(out) == table(whole)
    assert "[4 of 4] queens-5, seed 1 (log: " in capsys.readouterr().out
    assert "queens-5: " in (out / "runs" / "queens-5-0.log").read_text()


def alone(chosen: Plan, config: Config, out: Path) -> str | None:
    """`reproduce.one` in a process that knows nothing of the table yet."""
    with pytest.MonkeyPatch.context() as patch:
        make_tiny(patch)
        return ONE(chosen, config, out)


ONE = reproduce.one


def alive(path: Path) -> bool:
    try:
        os.kill(int(path.read_text()), 0)
    except OSError:
        return False
    return True


def test_side_by_side(tmp_path):
    done = [(j.title, result) for j, result in side_by_side([job(a, tmp_path) for a in "abc"], 2)]
    assert sorted(done) == [("a", "a"), ("b", "b"), ("c", "c")]
    assert (tmp_path / "a.log").read_text() == "working\n"


@pytest.mark.parametrize(
    ("answer", "error", "said"), [("wrong", ValueError, "It went"), ("dead", RuntimeError, "code 3")]
)
def test_a_job_that_fails_ends_the_others(answer, error, said, tmp_path):
    with pytest.raises(error, match=said):
        list(side_by_side([job("waits", tmp_path), job(answer, tmp_path)], 2))
    assert not (tmp_path / "waits").exists() or not alive(tmp_path / "waits")


def test_a_killed_parent_leaves_nobody_behind(tmp_path):
    script = f"""
import sys
from pathlib import Path
sys.path.insert(0, {str(Path(__file__).parent)!r})
if __name__ == "__main__":
    from gram.reproduce.processes import side_by_side
    from support.jobs import job
    list(side_by_side([job("waits", Path({str(tmp_path)!r}))], 1))
"""
    (tmp_path / "parent.py").write_text(script)
    parent = subprocess.Popen([sys.executable, tmp_path / "parent.py"])
    told = tmp_path / "waits"
    assert within(60, lambda: told.exists() and told.read_text())
    assert alive(told)
    parent.kill()
    parent.wait()
    assert within(10, lambda: not alive(told))


def within(seconds: float, happens) -> bool:
    end = time.monotonic() + seconds
    while not happens():
        if time.monotonic() > end:
            return False
        time.sleep(0.05)
    return True


# the plans ------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("name", [n for n in PLANS if n != "tiny"])
def test_plans(name, monkeypatch, capsys):
    monkeypatch.setattr(plans, "recipe", recipe)
    chosen = PLANS[name]
    assert chosen.total <= 180  # three hours
    assert chosen.models[-1] == "gram"
    assert set(chosen.models[:-1]) <= set(VARIANTS)
    for scale in ("laptop", "paper"):
        configs = plans.configs(chosen, scale)
        assert len(configs) == len(chosen.models) * (len(chosen.seeds) if scale == "laptop" else 1)
        assert all(c.recipe.startswith("paper-") == (scale == "paper") for c in configs)
        assert gram("reproduce", name, "--scale", scale, "--list") == 0
        told = capsys.readouterr().out
        assert all(f"{c.recipe}, seed {c.train.seed}: " in told for c in configs)
        assert ("torchrun" in told) == (scale == "paper")
        limits = {m.limit for c in configs for m in plans.measures(chosen, c.recipe)}
        assert scale == "laptop" or limits == {None}


def test_the_list(capsys):
    assert gram("reproduce", "--list") == 0
    out = capsys.readouterr().out
    assert all(name in out for name in PLANS)
    assert "21 runs, about 1.1 h" in out
    assert len({line.index(" runs, ") for line in out.splitlines() if " runs, " in line}) == 1  # one column


def test_seeds():
    configs = plans.configs(PLANS["queens-10"], "laptop", plans.numbers("3,4,3"))
    assert [c.train.seed for c in configs] == [3] * 7 + [4] * 7

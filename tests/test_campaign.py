"""gram reproduce all: killed anywhere it ends in the same tables; its status; what counts as done; what it refuses."""

import json
import logging
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from support import forked, tables
from support import results as made_up
from support.command import run as command

from gram import weights as weight_files
from gram.atomic import LOCK, holder, lock
from gram.measure import record
from gram.recipes import plans, recipe
from gram.recipes.plans import PLANS
from gram.report import contents, page, results
from gram.report import tables as report_tables
from gram.report.measured import measured
from gram.reproduce import all_tables, campaign, processes, runs
from gram.reproduce.status import status
from gram.train import loop

ROOT = Path(__file__).parent.parent
ORDERED = plans.ordered


@pytest.fixture(autouse=True)
def quick(monkeypatch, tmp_path) -> None:
    tables.make_campaign(monkeypatch)
    monkeypatch.chdir(tmp_path)


def work(out: Path, **options: Any) -> int:
    return all_tables.reproduce_all(**{"scale": "laptop", "out": out, "into": None, "jobs": 1} | options)


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> Path:
    """The tables without an interruption."""
    out = tmp_path_factory.mktemp("whole") / "out"
    with pytest.MonkeyPatch.context() as patch:
        tables.make_campaign(patch)
        patch.chdir(out.parent)
        assert work(out) == 0
    return out


# whole and killed -------------------------------------------------------------------------------------------
def test_all_tables(whole, monkeypatch):
    found = tables.table(whole)
    assert len(found) == 3 + 6  # runs, one of them for both tables, and measurements
    keys = "queens-5 0 dev width=3 depth=1 select=first", "queens-5-trm 0 test width=20 depth=2 select=majority"
    assert set(keys) < set(found)
    assert "# Report" in (whole / "report" / "report.md").read_text()
    told = status(whole)
    assert "Not running. The same command continues it" in told
    assert "3 of 3 runs done. Results: " in told
    assert "## shared: 2 of 2 runs done\n" in told
    assert (whole / "status.md").read_text().split("\n\n")[2:] == (told + "\n").split("\n\n")[2:]
    before = {p: p.read_bytes() for p in whole.glob("r*s/**/*") if p.is_file()}
    monkeypatch.setattr(all_tables, "one", lambda *_: pytest.fail("this had been done"))
    assert work(whole) == 0
    assert {p: p.read_bytes() for p in whole.glob("r*s/**/*") if p.is_file()} == before


def test_killed_again_and_again_it_ends_in_the_same_tables(whole, tmp_path):
    out = tmp_path / "out"
    assert "0 of 3 runs done, 3 to come; " in status(out)
    assert not out.exists()
    states = []
    for owner, name, at in ((loop.Run, "update", 4), (record, "hardware", 3), (page, "put", 1)):
        forked.killed(lambda: work(out), owner, name, at)
        told = status(out)
        assert "Not running. The same command continues it" in told
        states.append(told.split("\n\n")[2].partition(";")[0])
    first, second, third = states
    assert first == "0 of 3 runs done, 1 stopped, 2 to come"
    assert second == "1 of 3 runs done, 1 stopped, 1 to come"  # between the two measurements of the second run
    assert third == "2 of 3 runs done, 1 to come"
    assert work(out) == 0
    assert tables.table(out) == tables.table(whole)
    assert "3 of 3 runs done" in status(out)


def test_with_processes_beside_and_after_it(whole, tmp_path):
    """One looks, one wants to work too, one kills it and continues at once; two runs at a time."""
    out = tmp_path / "out"

    def beside() -> None:
        all_tables.side_by_side, all_tables.one = processes.side_by_side, tables.one
        work(out, jobs=2)

    first = forked.begun(beside)
    end = time.monotonic() + 120
    while " running, " not in (told := status(out)) and time.monotonic() < end:
        time.sleep(0.02)
    assert f"Running: process {first.pid} on " in told
    assert "- running: queens-5" in told
    with pytest.raises(ValueError, match=f"process {first.pid} on .* is working in {out}"):
        work(out)
    first.kill()
    first.join()
    assert work(out) == 0
    assert tables.table(out) == tables.table(whole)


def test_it_waits_for_an_orphan(whole, tmp_path, monkeypatch, caplog):
    """A run whose folder is locked begins when it is free; the lock of a dead process is nobody's."""
    folder = tmp_path / "run"
    folder.mkdir()
    code = "import sys, time; from pathlib import Path; from gram.atomic import lock\n"
    code += "with lock(Path(sys.argv[1])): print(1, flush=True); time.sleep(1)"
    orphan = subprocess.Popen([sys.executable, "-c", code, folder], stdout=subprocess.PIPE, text=True)
    assert orphan.stdout
    orphan.stdout.readline()
    assert holder(folder) == (folder / LOCK).read_text().strip()
    monkeypatch.setattr(runs, "train", lambda *_: caplog.messages.append("trains"))
    monkeypatch.setattr(runs, "measure", lambda *_: None)
    config = plans.configs(PLANS["tiny"], "laptop")[0]
    assert all_tables.one(config, (), folder, tmp_path / "results") is None
    assert orphan.wait() == 0
    assert any(f"is working in {folder}" in said for said in caplog.messages)
    (folder / LOCK).write_text(f"process {orphan.pid} on {record.platform.node()}\n")
    assert holder(folder) is None


def test_a_broken_run_leaves_the_others_and_is_named(tmp_path, monkeypatch):
    original = loop.train

    def diverging(config, out, **options):
        if config.recipe == "queens-5-trm":
            raise loop.NotFinite("The loss is not finite at update 3")
        return original(config, out, **options)

    monkeypatch.setattr(loop, "train", diverging)
    with pytest.raises(ValueError, match="rows are missing: queens-5-trm, seed 0: The loss"):
        work(tmp_path / "out")
    assert "2 of 3 runs done, 1 stopped" in status(tmp_path / "out")


def test_hours(tmp_path):
    """Of one core: minutes that are left, and those for heads and measurements."""
    out, minutes = tmp_path / "out", replace(PLANS["tiny"], minutes=60.0, after=30.0)
    PLANS["tiny"] = minutes
    assert "## tiny: 0 of 2 runs done, 2 to come; 3.0 h of one core left" in status(out)
    entries = [{"table": "tiny", "recipe": c.recipe, "seed": c.train.seed} for c in plans.configs(minutes, "laptop")]
    first, second = campaign.planned(entries, "laptop", out)
    for run, log in ((first, "update 7\n\n"), (second, "")):
        run.folder(out).mkdir(parents=True)
        run.log(out).write_text(log)
    (first.folder(out) / "metrics.jsonl").write_text('{"kind": "train", "update": 7, "seconds": 1800.0}\n')
    weight_files.write_json(second.folder(out) / "training.json", {"seconds": 3600.0, "updates": 9})
    told = status(out)
    assert "- stopped: queens-5-trm, seed 0, 60 min (1.0 h): update 7\n" in told
    assert "- stopped: queens-5, seed 0, 60 min (0.5 h)\n" in told
    assert "1.5 h of one core left" in told


# what counts as done ----------------------------------------------------------------------------------------
def test_what_is_missing_is_what_the_report_calls_none_yet(monkeypatch, tmp_path):
    made_up.write(tmp_path / "some", "queens-10-trm", 0, {"a": made_up.figures(0.5, 0.5)}, task="queens-10")
    made_up.write(tmp_path / "some" / "at-2-minutes", "queens-8", 5, {"a": made_up.figures(0.5, 0.5)})
    for folder in (ROOT / "results", tmp_path / "some"):
        found = results.read(folder)
        there = measured(found, "laptop")
        for table in contents.tables():
            grid = report_tables.render(table, found)
            if table.plan is not None and grid is not None:
                missing = len(PLANS[table.plan].models) - len(there[table.plan] & set(PLANS[table.plan].models))
                assert str(grid).count("none yet") == missing, table.title
        assert not any(measured(found, "paper").values())


def test_only_missing_rows_are_planned(monkeypatch, tmp_path, caplog):
    monkeypatch.setattr(plans, "ordered", ORDERED)
    monkeypatch.setattr(plans, "recipe", recipe)
    for name in ("tiny", "shared"):
        monkeypatch.delitem(PLANS, name)
    assert sorted(plans.ordered()) == sorted(PLANS)
    assert plans.ordered()[:4] == ["queens-10", "coloring-10", "boards", "arc"]
    made_up.write(tmp_path / "results", "queens-10-trm", 0, {"a": made_up.figures(0.5, 0.5)}, task="queens-10")
    planned = campaign.plan(tmp_path / "out", "laptop", None)
    assert planned.into == Path("results")
    of = [run.config.recipe for run in planned.runs if run.tables == ("queens-10",)]
    assert of == [f"queens-10-{m}" for m in PLANS["queens-10"].models[:-1] if m != "trm"] + ["queens-10"]
    shared = [run for run in planned.runs if len(run.tables) > 1]
    assert {run.tables for run in shared} == {("queens-8", "ablations"), ("coloring-8", "ablations-coloring")}
    places = [(run.group, run.config.recipe, run.config.train.seed) for run in planned.runs]
    assert len(set(places)) == len(places)


def test_measurements_go_to_the_results_folder(whole, tmp_path):
    """In the group of their minutes, beside what is there; rows that come in by and by do not shorten the list."""
    out, mine = tmp_path / "out", tmp_path / "mine"
    mine.mkdir()
    (mine / "at-1e+09-minutes").symlink_to(whole / "results" / "at-1e+09-minutes")
    campaign.begin(campaign.Campaign("laptop", mine, None, campaign.plan(whole, "laptop", None).runs), made(out))
    assert "3 of 3 runs done. Results: " in status(out)
    assert work(out, into=mine) == 0
    assert not (out / "runs").exists()
    assert "0 of 0 runs done" in status(tmp_path / "other", into=mine)


def made(folder: Path) -> Path:
    folder.mkdir()
    return folder


# what it refuses --------------------------------------------------------------------------------------------
def test_refused(refused, tmp_path, monkeypatch):
    def said(*arguments: Any) -> str:
        return refused("reproduce", *arguments)

    assert "no table 'al'" in said("al")
    assert "no folder nowhere" in said("all", "--results", "nowhere")
    assert "--seeds is for one table" in said("all", "--seeds", "1")
    assert "jobs is 0" in said("all", "--jobs", "0")
    for options in (("--results", tmp_path), ("--status",)):
        assert "are for `gram reproduce all`" in said("queens-8", *options)
    (made(tmp_path / "thesis") / "thesis.tex").write_text("mine")
    assert "is not an earlier" in said("all", "--out", tmp_path / "thesis")
    (made(tmp_path / "results") / "queens-8").mkdir()
    (tmp_path / "results" / "queens-8" / "1.json").write_text("{")
    assert "1.json is not JSON" in said("all")
    with monkeypatch.context() as patch:
        patch.setenv("WORLD_SIZE", "2")
        assert "without torchrun" in said("all", "--out", "new")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["results", "thesis"]


def test_another_campaign_in_its_folder_is_refused(refused, gram, tmp_path, monkeypatch, caplog):
    out = made(tmp_path / "out")
    campaign.begin(campaign.plan(out, "laptop", None), out)
    monkeypatch.setattr(all_tables, "one", lambda *_: pytest.fail("trained"))
    assert "was begun with --scale laptop" in refused("reproduce", "all", "--out", out, "--scale", "paper")
    said = refused("reproduce", "all", "--out", out, "--results", made(tmp_path / "other"))
    assert f"not in {tmp_path / 'other'}" in said
    config = plans.configs(PLANS["tiny"], "laptop")[0]
    folder = campaign.planned(json.loads((out / "campaign.json").read_text())["runs"], "laptop", out)[0].folder(out)
    folder.mkdir(parents=True)
    changed = replace(config, train=replace(config.train, lr=0.5, batch=9))
    weight_files.write_config(folder, changed)
    assert "other settings (train.batch, train.lr)" in refused("reproduce", "all", "--out", out)
    values = json.loads((out / "campaign.json").read_text())
    for wrong, why in (
        ({"runs": [{"table": "tiny", "recipe": "x", "seed": 0}]}, "another version"),
        ({"runs": 1}, "a list"),
    ):
        weight_files.write_json(out / "campaign.json", values | wrong)
        assert why in refused("reproduce", "all", "--out", out)
        assert why in refused("reproduce", "--status", "--out", out)
    weight_files.write_json(out / "campaign.json", values | {"results": "gone"})
    assert "is gone" in refused("reproduce", "all", "--out", out)


def test_another_commit_is_said_and_goes_on(tmp_path, caplog, monkeypatch):
    monkeypatch.setattr(all_tables, "crowding", lambda: 3.0)
    out = made(tmp_path / "out")
    campaign.begin(replace(campaign.plan(out, "laptop", None), runs=[]), out)
    values = json.loads((out / "campaign.json").read_text())
    weight_files.write_json(out / "campaign.json", values | {"commit": "abc"})
    with caplog.at_level(logging.WARNING, logger="gram"):
        assert work(out) == 0
    (said,) = caplog.messages  # with nothing to train, a busy core does not matter
    assert "began at commit abc; this is " in said


def test_a_busy_core_is_warned_of(tmp_path, caplog, monkeypatch):
    monkeypatch.setattr(all_tables, "one", lambda *_: None)
    monkeypatch.setattr(all_tables, "crowding", lambda: 3.0)
    with caplog.at_level(logging.WARNING, logger="gram"):
        assert work(tmp_path / "out") == 0
        monkeypatch.setattr(all_tables, "crowding", lambda: 1.1)
        assert work(tmp_path / "out") == 0
    (said,) = caplog.messages
    assert "the core, which is 3.0 times slower" in said


def test_a_full_disk_is_one_sentence(capsys, tmp_path, monkeypatch):
    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(weight_files, "write_state", full)
    ran = command(capsys, "reproduce", "all", "--out", tmp_path / "out", "--jobs", "1")
    assert ran.code == 2
    assert ran.err.splitlines()[-1] == "gram: No space left on device."
    assert "Traceback" not in ran.err
    assert "1 stopped, 2 to come" in status(tmp_path / "out")
    with lock(tmp_path / "out"):  # free again
        pass

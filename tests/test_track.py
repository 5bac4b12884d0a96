"""Trackers: TensorBoard for real, services by a stand-in; what fails is said once. Runs drawn while they learn."""

import json
import sys
import types
from dataclasses import replace
from importlib.machinery import ModuleSpec

import pytest
from support.training import tiny

from gram.report import learning_curves
from gram.report.follow import follow, html
from gram.train import loop
from gram.train.log import Log
from gram.train.track import check_tracker, scalars, tracker


def events(folder) -> dict[str, list[tuple[int, float]]]:
    """(update, value) of each scalar that TensorBoard reads in a folder."""
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    read = accumulator.EventAccumulator(str(folder))
    read.Reload()
    return {tag: [(event.step, event.value) for event in read.Scalars(tag)] for tag in read.Tags()["scalars"]}


def test_tensorboard_holds_what_the_metrics_do_and_a_resumed_run_goes_on(tmp_path):
    pytest.importorskip("tensorboard")
    config = tiny(updates=100, N_sup=1)
    run = loop.train(config, tmp_path / "run", stop_at=50, track="tensorboard")
    loop.train(config, run, resume=True, track="tensorboard")
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    found = events(run / "tensorboard")
    trained = [(line["update"], pytest.approx(line["ce"])) for line in lines if line["kind"] == "train"]
    assert found["train/ce"] == trained
    assert [update for update, _ in trained] == [50, 100]
    assert "train/kl_by_step/1" in found
    dev = [(line["update"], pytest.approx(line["valid"])) for line in lines if line["kind"] == "dev"]
    assert found["dev/valid"] == dev


def test_numbers_of_a_line():
    line = {"ce": 1.0, "kl": None, "ce_by_step": [1.0, None], "text": "x", "bins": [[1, 2]], "a": {"ece": 2, "b": [1]}}
    assert scalars("train", line) == {"train/ce": 1.0, "train/ce_by_step/1": 1.0, "train/a/ece": 2.0}


class Run:
    """A run of a service that goes away after some calls."""

    def __init__(self, calls: int):
        self.told, self.calls, self.finished = [], calls, False

    def log(self, metrics, step):
        if len(self.told) == self.calls:
            raise ConnectionError("the network\nis down")
        self.told.append((step, metrics))

    def finish(self):
        self.finished = True


@pytest.fixture
def service(monkeypatch):
    """A stand-in of trackio and wandb: the options that it began with, and its run."""
    module = types.ModuleType("service")
    module.__spec__ = ModuleSpec("service", None)
    module.began, module.run = [], Run(2)  # type: ignore[attr-defined]
    module.Settings = dict  # type: ignore[attr-defined]
    module.init = lambda **options: module.began.append(options) or module.run  # type: ignore[attr-defined]
    for name in ("trackio", "wandb"):
        monkeypatch.setitem(sys.modules, name, module)
    return module


@pytest.mark.parametrize("name", ["trackio", "wandb"])
def test_a_service_is_told_until_it_fails_which_is_said_once(name, service, tmp_path, caplog):
    log = Log(tmp_path).tracked(name, tiny())
    for update in (1, 2, 3, 4):
        log.write("train", {"update": update, "ce": float(update)})
    log.close()
    assert service.run.told == [
        (1, {"train/update": 1.0, "train/ce": 1.0}),
        (2, {"train/update": 2.0, "train/ce": 2.0}),
    ]
    assert (service.began[0]["project"], service.began[0]["name"]) == ("gram", tmp_path.name)
    assert service.began[0]["config"]["task"] == tiny().task
    said = caplog.text
    assert said.count(f"{name} cannot be reached (the network is down)") == 1
    lines = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    assert [line["update"] for line in lines if line["kind"] == "train"] == [1, 2, 3, 4]
    assert [line["kind"] for line in lines].count("warning") == 1


def test_a_service_that_never_answers_does_not_end_the_training(service, tmp_path, caplog):
    def refuse(**_):
        raise OSError("no route to host")

    service.init = refuse
    run = loop.train(tiny(updates=2), tmp_path / "run", track="wandb")
    assert (run / "training.json").is_file()
    assert caplog.text.count("wandb cannot be reached (no route to host)") == 1


def test_a_run_that_ends_well_finishes_its_service(service, tmp_path):
    told = tracker("trackio", tmp_path, tiny(), 0, lambda text: None)
    told.log({"train/ce": 1.0}, 1)
    told.close()
    assert service.run.finished


def test_a_package_that_is_missing_is_said_before_anything_is_trained(gram, monkeypatch, tmp_path):
    monkeypatch.setattr("gram.train.track.importlib.util.find_spec", lambda name: None)
    ran = gram("train", "queens-5", "--track", "wandb", "--out", tmp_path / "run")
    assert ran.code == 2
    assert "pip install wandb" in ran.err
    assert not (tmp_path / "run").exists()
    check_tracker(None)
    ran = gram("train", "queens-5", "--track", "wandbox", "--out", tmp_path / "run")
    assert ran.code == 2
    assert "wandbox" in ran.err


# runs over time -------------------------------------------------------------------------------------------
@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")
    return [loop.train(tiny(updates=50, N_sup=1, seed=seed), folder / f"seed-{seed}") for seed in (1, 2)]


def test_runs_are_told_apart_by_folder(runs, gram, tmp_path):
    pytest.importorskip("matplotlib")
    ran = gram("report", "--results", tmp_path / "none", "--run", *runs, "--out", tmp_path / "out")
    assert ran.code == 0, ran.err
    drawn = (tmp_path / "out" / "figures" / "runs.svg").read_text()
    assert all(str(run) in drawn for run in runs)
    assert all(title in drawn for title in ("Loss", "KL", "Prior against posterior", "Validity", "Coverage"))
    learned = learning_curves.read(runs[0])
    assert learned.finished
    assert set(learned.over_time) == {"ce", "kl", "prior_validity", "posterior_accuracy", "valid", "coverage"}


def test_a_page_follows_runs_until_they_are_over(runs, tmp_path, capsys, monkeypatch):
    pytest.importorskip("matplotlib")
    states = [False, False, True]
    read = learning_curves.read
    monkeypatch.setattr(learning_curves, "read", lambda path: replace(read(path), finished=states[0]))
    pages = []

    def wait(seconds):
        pages.append((tmp_path / "runs.html").read_text())
        states.pop(0)

    assert follow(runs[:1], tmp_path, every=7.0, wait=wait) == 0
    assert len(pages) == 2
    assert all('http-equiv="refresh" content="7"' in page for page in pages)
    last = (tmp_path / "runs.html").read_text()
    assert "refresh" not in last
    assert "<svg" in last
    assert str(tmp_path / "runs.html") in capsys.readouterr().out


def test_ctrl_c_ends_following_well(runs, tmp_path, monkeypatch):
    pytest.importorskip("matplotlib")
    read = learning_curves.read
    monkeypatch.setattr(learning_curves, "read", lambda path: replace(read(path), finished=False))

    def wait(seconds):
        raise KeyboardInterrupt

    assert follow(runs, tmp_path, wait=wait) == 0
    assert "refresh" not in (tmp_path / "runs.html").read_text()


def test_what_cannot_be_followed(gram, tmp_path):
    pytest.importorskip("matplotlib")
    ran = gram("report", "--follow")
    assert (ran.code, "--run" in ran.err) == (2, True)
    ran = gram("report", "--follow", "--run", tmp_path)
    assert (ran.code, "metrics.jsonl" in ran.err) == (2, True)
    assert "No metrics yet" in html([learning_curves.Learning("a", [], [])], None)

"""gram report: what the page says of made-up results, its figures, and what it refuses."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.command import exit_code
from support.configs import NARROW
from support.results import MARKUP, figures, write

from gram import tasks
from gram import weights as weight_files
from gram.config import Config, ModelConfig, SolveConfig
from gram.models.build import build
from gram.report import contents, latent_paths, learning_curves, page, sample_sheets, tables
from gram.report.results import read

MODEL = ModelConfig(**NARROW, mixer="swiglu", positions="none")


@pytest.fixture
def results(tmp_path) -> Path:
    """GRAM with three seeds, TRM with one, an older comparison, and depths of one set of weights."""
    folder = tmp_path / "results"
    for seed, valid in enumerate((0.9, 0.92, 0.94)):
        write(folder, "queens-8", seed, {"test width=20 depth=4 select=majority": figures(valid, 0.8)})
    deeper = {f"dev depth={d}": figures(0.1 * d, 0.5, data="dev", depth=d) for d in (1, 2, 8)}
    write(folder, "queens-8-trm", 0, {"test width=20": figures(0.5, 0.2), **deeper}, parameters=150_000)
    write(folder / "older", "queens-8", 0, {"test width=20": figures(0.7, 0.6)})
    return folder


@pytest.fixture
def draws() -> None:
    """The test wants figures, which take seconds."""


@pytest.fixture(autouse=True)
def quick(request, monkeypatch) -> None:
    """Tables only, unless the test draws."""
    if "draws" not in request.fixturenames:
        monkeypatch.setattr(page, "drawable", lambda: False)


def row(text: str, *cells: str) -> list[str]:
    """The only row of the page whose first cells are these."""
    start = "| " + " | ".join(cells) + " |"
    [line] = {line for line in text.splitlines() if line.startswith(start)}
    return [cell.strip() for cell in line.strip("|").split("|")]


def table(text: str, title: str) -> str:
    return text.split(f"### {title}\n")[1].split("\n###")[0]


# what it says ---------------------------------------------------------------------------------------------
def test_ours_beside_the_published_ones(results, tmp_path):
    assert exit_code("report", "--results", results, "--out", tmp_path / "out") == 0
    text = (tmp_path / "out" / "report.md").read_text()
    queens = table(text, "Many answers: completions of 8 queens")
    assert row(queens, "GRAM", "published", "10M")[6:8] == ["99.7", "90.3"]
    ours = row(queens, "GRAM", "ours", "0.49M")
    assert ours[3:] == ["10 min", "3", "10", "92.0 ± 2.0", "80.0 ± 0.0", "40", "0.5"]
    assert row(queens, "GRAM", "ours, older")[4:8] == ["1", "10", "70.0", "60.0"]
    assert row(queens, "TRM", "ours", "0.15M")[6] == "50.0"
    assert "`gram reproduce queens-8`" in row(queens, "MDLM", "ours")[3]
    assert set(row(queens, "MDLM", "ours")[4:]) == {"–"}
    assert (
        "`gram reproduce coloring-10`"
        in row(table(text, "Many answers: 3-colorings of 10 vertices"), "GRAM", "ours")[3]
    )
    assert "| queens-8 | GRAM | 3 | 2-5 | 5 | 92.0 ± 2.0 | 80.0 ± 0.0 |" in text
    assert "queens-8/0.json (older) | abc | tiny, 1 thread(s)" in text


def test_rivals_and_ablations_have_tables_of_their_own(results):
    """A model of one table of a task is in no other of its tables; what no table has is in all."""
    for recipe in ("queens-8-mdlm", "queens-8-deterministic", "mine"):
        write(results, recipe, 0, {"test width=20": figures(0.6, 0.4)})
    assert page.report(results, results / "report") == 0
    text = (results / "report" / page.PAGE).read_text(encoding="utf-8")

    def models(title: str, column: int) -> set[str]:
        lines = text.split(f"### {title}\n")[1].split("###")[0].splitlines()
        cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("|")]
        return {row[column] for row in cells if "published" not in row and "none yet" not in str(row)} - {
            "model",
            "---",
        }

    both = {"GRAM", "TRM", "mine"}
    assert models("Many answers: completions of 8 queens", 0) == both | {"MDLM"}
    assert models("Ablations on 8 queens", 0) == both | {"no guidance"}
    assert models("By number of solutions", 1) == both | {"MDLM", "GRAM, older"}


def test_samples_of_other_settings_do_not_mix(results):
    entries = {
        "test width=20 temperature=2.0": figures(0.1, 0.1),
        "test width=20 edge_probability=0.3": figures(0.1, 0.1),
        "test width=5": figures(0.1, 0.1, width=5),
        "dev width=20": figures(0.1, 0.1, data="dev"),
        "test limit=2": figures(0.1, 0.1, examples=2),
        "test early": figures(0.1, 0.1) | {"valid": None, "coverage": None, "early_stop": True},
        "test width=20": figures(0.9, 0.8),
    }
    write(results, "queens-10", 0, entries, task="queens-10")
    [many] = [t for t in contents.tables() if t.plan == "queens-10"]
    text = str(tables.render(many, read(results)))
    assert row(text, "GRAM", "ours")[6:8] == ["90.0", "80.0"]


def test_puzzles_have_a_row_for_each_way_of_answering(results):
    data = {"data": "sudoku_extreme_dev.csv.gz"}
    entries = {
        "a": figures(0.3, 0.3, exact=0.3, width=1, select="first", **data),
        "b": figures(0.3, 0.7, exact=0.7, select="value", **data),
        "c": figures(0.3, 0.7, exact=0.97, select="checked", early_stop=True, width=100, **data),
    }
    write(results, "sudoku-9", 0, entries, task="sudoku-9")
    write(results, "paper-sudoku-9", 0, {"a": figures(1.0, 1.0, exact=0.5, width=1, **data)}, task="sudoku-9")
    [hard] = [t for t in contents.tables() if t.plan == "sudoku"]
    text = str(tables.render(hard, read(results)))
    assert row(text, "GRAM, 1 sample", "ours")[6] == "30.00"
    assert row(text, "GRAM, 1 sample", "ours, the paper's scale")[6] == "50.00"
    assert row(text, "GRAM, 20 samples, by value", "ours")[6] == "70.00"
    assert row(text, "GRAM, 100 samples, first valid one by the rules", "ours")[6] == "97.00"


def test_samples_of_nothing(results):
    entry = {"samples": 100, "depth": 16, "valid": 0.9, "distinct": 1.0, "function_evaluations": 300, "seconds": 2.0}
    write(results, "sudoku-boards", 0, {"test width=100 depth=16": entry}, task="sudoku-boards")
    [boards] = [t for t in contents.tables() if t.plan == "boards"]
    text = str(tables.render(boards, read(results)))
    assert row(text, "GRAM, 16 steps", "ours")[5:] == ["100", "90.0", "100.0", "3", "0.02"]


@pytest.mark.usefixtures("draws")
def test_records_of_earlier_versions(results, tmp_path):
    """They have no parameters, figures by width or bins."""
    old = figures(0.9, 0.8)
    for name in ("by_width", "halt_calibration", "value_calibration"):
        del old[name]
    for path in results.glob("**/*.json"):
        values = json.loads(path.read_text())
        del values["parameters"]
        path.write_text(json.dumps(values | {"figures": {"test width=20": old}}))
    assert exit_code("report", "--results", results, "--out", tmp_path / "out") == 0
    text = (tmp_path / "out" / "report.md").read_text()
    assert row(table(text, "Many answers: completions of 8 queens"), "GRAM", "ours", "–")[6] == "90.0 ± 0.0"
    assert "Not measured yet. Run `gram reproduce scaling`." in text
    assert not (tmp_path / "out" / "figures" / "calibration.png").exists()


def test_speed_of_gram_bench(results, tmp_path):
    (results / "bench").mkdir()
    line = {"recipe": "queens-8", "dtype": "float32", "share_of_peak": 0.5}
    solve = line | {"width": 20, "select": "majority", "puzzles_per_second": 7.0}
    solve |= {"one_puzzle_p50_ms": 80.0, "one_puzzle_p95_ms": 90.0}
    made = {"hardware": {"cpu": "tiny", "gpu": None, "threads": 2}, "solve": [solve]}
    made["train"] = [line | {"batch": 64, "updates_per_second": 3.21}]
    (results / "bench" / "family.json").write_text(json.dumps(made))
    (results / "bench" / "another.json").write_text("{}")
    assert exit_code("report", "--results", results, "--out", tmp_path / "out") == 0
    speed = table((tmp_path / "out" / "report.md").read_text(), "Speed, by `gram bench --json`")
    assert row(speed, "queens-8", "updates of 64 rows")[3:] == ["float32", "3.21 updates/s", "–", "50%"]
    assert row(speed, "queens-8", "20 samples, majority")[4:6] == ["7 puzzles/s side by side", "80 / 90 ms"]


# figures --------------------------------------------------------------------------------------------------
@pytest.mark.usefixtures("draws")
def test_figures_are_written_twice_alike(results, tmp_path):
    out = tmp_path / "out"
    assert exit_code("report", "--results", results, "--out", out) == 0
    names = {"by-solutions", "scaling-queens-8", "calibration"}
    assert {p.name for p in (out / "figures").iterdir()} == {f"{n}.{kind}" for n in names for kind in ("png", "svg")}
    before = {p.name: p.read_bytes() for p in (out / "figures").iterdir()}
    (out / "notes.txt").write_text("mine")
    (out / "figures" / "learning.png").write_text("of an earlier report")
    assert exit_code("report", "--results", results, "--out", out) == 0
    assert {p.name: p.read_bytes() for p in (out / "figures").iterdir()} == before
    assert (out / "notes.txt").read_text() == "mine"


@pytest.mark.usefixtures("draws")
def test_many_lines_leave_room_for_the_panels(tmp_path):
    """Twelve models of three seeds each: every panel keeps its width, and a task is named once for all its runs."""
    from gram.report import figures as drawing

    folder = tmp_path / "results"
    for i in range(12):
        for seed in range(3):
            write(folder / f"group-{i}", "queens-8", seed, {"test width=20": figures(0.9, 0.8)})
    for draw in (drawing.by_solutions, lambda found: drawing.scaling(found, "queens-8"), drawing.calibration):
        figure = draw(read(folder))
        assert figure is not None
        figure.draw_without_rendering()
        width, _ = figure.get_size_inches()
        assert all(axes.get_position().width * width > 1.5 for axes in figure.axes)
    for axes in figure.axes:
        legend = axes.get_legend()
        assert legend is not None
        assert [text.get_text() for text in legend.get_texts()] == ["queens-8"]
    of_one_depth = drawing.scaling(read(folder), "queens-8")
    assert of_one_depth is not None
    assert [axes.get_title() for axes in of_one_depth.axes] == ["queens-8: width", "queens-8: coverage"]


@pytest.mark.usefixtures("draws")
def test_without_matplotlib_there_are_tables_only(results, monkeypatch, capsys):
    monkeypatch.setattr(page.importlib.util, "find_spec", lambda name: None)
    assert exit_code("report", "--results", results) == 0
    assert "gram-reasoning[report]" in capsys.readouterr().out
    assert "92.0 ± 2.0" in (results / "report" / "report.md").read_text()
    assert not list((results / "report" / "figures").iterdir())
    assert exit_code("report", "--results", results, "--trajectories", "queens-8") == 2


@pytest.mark.usefixtures("draws")
def test_losses_of_a_run(results, tmp_path, capsys):
    run = tmp_path / "run"
    run.mkdir()
    weight_files.write_json(run / "config.json", {"recipe": "mine", "task": "queens-5", "train": {"beta": 2.0}})
    lines = [{"kind": "train", "update": u, "ce": 1 / u, "kl": 25 / u} for u in (50, 100)]
    lines[0]["beta"] = 1.0  # it was rising
    lines += [{"kind": "dev", "update": 100, "elbo": -3.0}, {"kind": "warning", "text": "x"}]
    text = "".join(json.dumps(line) + "\n" for line in lines)
    (run / "metrics.jsonl").write_text(text + '{"kind": "tra')
    learned = learning_curves.read(run)
    assert learned.surrogate == [(50, pytest.approx(2 / 50)), (100, pytest.approx(3 / 100))]
    assert learned.elbo == [(100, -3.0)]
    assert exit_code("report", "--results", results, "--run", run, "--out", tmp_path / "out") == 0
    assert (tmp_path / "out" / "figures" / "learning.svg").is_file()
    (run / "metrics.jsonl").write_text(text + "x\n")
    assert exit_code("report", "--results", results, "--run", run) == 2
    assert "metrics.jsonl is damaged in line 5" in capsys.readouterr().err
    assert not (results / "report").exists()


# samples --------------------------------------------------------------------------------------------------
@pytest.mark.usefixtures("draws")
def test_samples_from_nothing(tmp_path, results, capsys):
    out = tmp_path / "out"
    assert exit_code("report", "--results", results, "--out", out, "--samples", "sudoku-boards-4") == 0
    assert "figures/samples.svg" in (out / "report.md").read_text()
    drawn = sample_sheets.sheet("sudoku-boards-4")
    assert drawn.name == "sudoku-boards-4"
    assert drawn.image.std() > 0
    capsys.readouterr()
    assert exit_code("report", "--results", results, "--out", tmp_path / "none", "--samples", "queens-8") == 2
    assert "queens-8 answers puzzles" in capsys.readouterr().err
    assert not (tmp_path / "none").exists()


# trajectories ---------------------------------------------------------------------------------------------
def saved(folder: Path, **model: Any) -> Path:
    config = Config(recipe="tiny", task="queens-5", model=replace(MODEL, **model), solve=SolveConfig())
    weight_files.save(folder, config, build(tasks.task("queens-5").spec, config.model))
    return folder


@pytest.mark.usefixtures("draws")
def test_trajectories(tmp_path, results):
    many = latent_paths.trace(str(saved(tmp_path / "many")), width=5, depth=3)
    assert many.points.shape == (5, 3, 2)
    assert many.loss.shape == (len(many.y), len(many.x))
    assert many.solutions > 1
    assert 0 < many.share <= 1
    one = latent_paths.trace(str(saved(tmp_path / "one", guidance="none")), width=5, depth=3)
    assert one.points.shape == (1, 3, 2)
    given = "--trajectories", tmp_path / "many", "--beside", tmp_path / "one"
    assert exit_code("report", "--results", tmp_path / "none", "--out", tmp_path / "out", *given) == 0
    assert "figures/trajectories.svg" in (tmp_path / "out" / "report.md").read_text()
    asked = latent_paths.trace(str(tmp_path / "many"), "Q..../...../...../...../.....", width=2, depth=2)
    assert asked.solutions == 2


@pytest.mark.usefixtures("draws")
def test_trajectories_of_no_recursion_are_refused(tmp_path, results, capsys):
    folder = saved(tmp_path / "baseline", kind="mdlm", positions="learned", mixer="attention", heads=4)
    assert exit_code("report", "--results", results, "--trajectories", folder) == 2
    assert str(folder) in capsys.readouterr().err
    assert exit_code("report", "--results", results, "--beside", folder) == 2


def test_the_plane_holds_what_is_flat():
    rng = np.random.default_rng(0)
    flat = rng.normal(size=(30, 2)) * [5.0, 1.0]
    turned = np.linalg.qr(rng.normal(size=(40, 40)))[0][:2]
    points, share = latent_paths.plane(flat @ turned + rng.normal(size=40))
    assert share == pytest.approx(1.0)
    centred = flat - flat.mean(0)
    assert np.allclose(points @ points.T, centred @ centred.T, atol=1e-8)


def test_the_landscape_is_the_loss_of_what_was_visited(tmp_path):
    """With every point far from all others, the loss at a point is that of its own state."""
    import torch

    model = build(tasks.task("queens-5").spec, MODEL)
    h = torch.randn(4, 25, 16, generator=torch.Generator().manual_seed(0))
    solutions = tasks.task("queens-5").solutions(np.full(25, 1, np.uint8))[:3]
    points, axis = np.array([[0.0, 0.0], [47.0, 0.0], [0.0, 47.0], [47.0, 47.0]]), np.arange(48.0)
    loss = latent_paths.landscape(model, h, points, axis, axis, solutions)  # pyright: ignore[reportArgumentType]
    logits = model.decode(h).logits.log_softmax(-1)  # pyright: ignore[reportAttributeAccessIssue]
    wanted = torch.from_numpy(solutions.astype(np.int64))
    each = torch.stack([-logits.gather(-1, t.expand(4, -1)[..., None]).mean((1, 2)) for t in wanted]).amin(0)
    assert loss[[0, 0, 47, 47], [0, 47, 0, 47]] == pytest.approx(each.detach().numpy(), abs=1e-5)


# what it refuses ------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("{", "is not JSON"),
        ("[]", "must hold a JSON object"),
        ('{"recipe": "queens-8"}', "lacks task"),
        (
            '{"recipe": "a", "task": "b", "seed": 0, "hardware": {}, "figures": {"x": 1}}',
            "figures['x'] is 1, not an object",
        ),
        (
            '{"recipe": "a", "task": "b", "seed": 0, "hardware": {}, "figures": {}, "seconds": "x"}',
            "seconds is 'x'",
        ),
    ],
)
def test_a_damaged_file_is_named(text, sentence, results, capsys):
    path = results / "queens-8" / "7.json"
    path.write_text(text)
    assert exit_code("report", "--results", results) == 2
    err = capsys.readouterr().err
    assert sentence in err
    assert str(path) in err
    assert len(err.splitlines()) == 1
    assert not (results / "report").exists()


def test_a_figure_that_is_no_number_is_named(results, capsys):
    path = write(results, "queens-8", 8, {"test width=20": figures(0.9, 0.8) | {"valid": "high"}})
    assert exit_code("report", "--results", results) == 2
    assert f"{path}: valid of 'test width=20' is" in capsys.readouterr().err


def test_bundles_on_the_edge(results, tmp_path):
    figures = {"arithmetic": "onnx int8", "bundle_mb": 0.56, "load_seconds": 0.1, "cold_start_seconds": 0.5}
    figures |= {"memory_mib": 99.6, "p50_ms": 30.2, "p95_ms": 60.0, "same_answers": 995, "rows_with_close_logits": 0}
    figures |= {"valid_one_sample": 0.999, "valid_checked": 1.0}
    made = {
        "name": "queens-8",
        "width": 20,
        "puzzles": 1000,
        "hardware": {"cpu": "tiny", "threads": 1},
        "edge": [figures],
    }
    made["packages_mib"] = {"numpy": 40.0, "onnxruntime": 60.0, "gram": 1.0}
    path = results / "bench" / "edge-queens-8.json"
    path.parent.mkdir()
    path.write_text(json.dumps(made))
    assert page.report(results, tmp_path / "out") == 0
    text = (tmp_path / "out" / "report.md").read_text()
    found = row(table(text, "On the edge, by `benchmarks/edge.py`"), "queens-8", "onnx int8")
    assert found[2:8] == ["0.56", "0.10", "0.50", "100", "30 / 60", "995 of 1000"]
    assert found[8:] == ["0 of 1000", "99.9", "100.0", "–"]
    assert "queens-8: tiny, 1 thread(s)." in text
    assert "numpy 40.0 MiB, onnxruntime 60.0 MiB, gram 1.0 MiB, 101.0 MiB in all." in text
    del figures["p50_ms"]
    path.write_text(json.dumps(made))
    with pytest.raises(ValueError, match=r"edge-queens-8\.json.* edge\[0\] lacks p50_ms"):
        page.report(results, tmp_path / "out")


def test_a_damaged_bench_is_named(results, capsys):
    (results / "bench").mkdir()
    path = results / "bench" / "family.json"
    path.write_text('{"hardware": {}, "train": [{"recipe": "queens-8"}], "solve": []}')
    assert exit_code("report", "--results", results) == 2
    error = capsys.readouterr().err
    assert str(path) in error
    assert "train[0] lacks dtype" in error


def test_no_results(tmp_path, capsys):
    assert exit_code("report", "--results", tmp_path / "nowhere") == 2
    (tmp_path / "empty").mkdir()
    assert exit_code("report", "--results", tmp_path / "empty") == 2
    first, second = capsys.readouterr().err.splitlines()
    assert "There is no folder" in first
    assert str(tmp_path / "empty") in second


def test_a_folder_of_something_else_stays(results, tmp_path, capsys):
    other = tmp_path / "thesis"
    other.mkdir()
    (other / "report.md").write_text("# Mine")
    assert exit_code("report", "--results", results, "--out", other) == 2
    assert str(other) in capsys.readouterr().err
    assert [p.name for p in other.iterdir()] == ["report.md"]


@pytest.mark.usefixtures("draws")
def test_what_breaks_while_drawing_leaves_nothing(results, tmp_path, monkeypatch):
    from gram.report import figures as drawing

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(drawing, "calibration", full)
    assert exit_code("report", "--results", results, "--out", tmp_path / "out") == 2
    assert sorted(p.name for p in tmp_path.iterdir()) == ["results"]


def test_what_files_say_is_no_markup(results, tmp_path):
    machine = {"cpu": MARKUP, "gpu": None, "threads": 1}
    write(results, "mine", 0, {f"test {MARKUP}": figures(0.5, 0.5, select=MARKUP)}, hardware=machine, commit=MARKUP)
    (results / "bench").mkdir()
    row_ = {"recipe": MARKUP, "dtype": MARKUP, "share_of_peak": 0.5, "batch": 1, "updates_per_second": 1.0}
    bench = {"hardware": machine, "train": [row_], "solve": []}
    (results / "bench" / "a.json").write_text(json.dumps(bench))
    assert page.report(results, tmp_path / "out") == 0
    text = (tmp_path / "out" / "report.md").read_text()
    for wrong in ("<script", "[a](javascript", "![i](", "\x1b", "alert(1)</"):
        assert wrong not in text
    assert "&lt;script&gt;alert(1)&lt;/script&gt; \\| x \\| new \\[a\\](javascript:b)" in text
    assert all(line.endswith(" |") for line in text.splitlines() if line.startswith("|"))


@pytest.mark.parametrize("name", ["../../x", "a/b", "a\nb", "<b>", "", "x" * 200, 3, None])
@pytest.mark.parametrize("field", ["recipe", "task"])
def test_names_in_results_are_names(field, name, results, capsys):
    path = write(results, "mine", 0, {"test": figures(0.5, 0.5)})
    path.write_text(json.dumps(json.loads(path.read_text()) | {field: name}))
    assert exit_code("report", "--results", results) == 2
    err = capsys.readouterr().err
    assert str(path) in err
    assert f" {field} " in err
    assert len(err.splitlines()) == 1
    assert not (results / "report").exists()


@pytest.mark.parametrize(
    "change",
    [
        {"figures": []},
        {"figures": {"x": {"by_width": [1]}}},
        {"figures": {"x": {"by_width": {}}}},
        {"figures": {"x": {"by_width": {"wide": {"selected_valid": 1, "coverage": 1, "coverage_share": 1}}}}},
        {"figures": {"x": {"by_solutions": {"1": 3}}}},
        {"figures": {"x": {"halt_calibration": {"brier": "a", "ece": 0}}}},
        {"figures": {"x": {"halt_calibration": {"brier": 0, "ece": 0, "bins": [[1]]}}}},
        {"figures": {"x": {"select": ["a"]}}},
        {"figures": {"x": {"width": True}}},
        {"hardware": {"cpu": 3}},
        {"seconds": {}},
        {"parameters": 10**30},
        {"commit": {}},
    ],
    ids=str,
)
def test_results_of_another_shape_are_named(change, results, capsys):
    path = write(results, "mine", 0, {"test": figures(0.5, 0.5)}, **change)
    assert exit_code("report", "--results", results) == 2
    assert str(path) in (err := capsys.readouterr().err)
    assert len(err.splitlines()) == 1


@pytest.mark.parametrize(
    "text", ["[" * 200_000, '{"a":' * 100_000, '{"seed": NaN}', '{"a": 1, "a": 2}', "\ud800"], ids=len
)
def test_results_that_are_no_json_are_named(text, results, capsys):
    path = results / "queens-8" / "9.json"
    path.write_text(text, encoding="utf-8", errors="surrogatepass")
    assert exit_code("report", "--results", results) == 2
    assert f"{path} is not JSON" in capsys.readouterr().err


@pytest.mark.usefixtures("draws")
def test_seeds_of_other_widths_are_drawn_where_they_agree(results, tmp_path):
    some = figures(0.5, 0.5)
    some["by_width"] = {"1": some["by_width"]["1"], "3": some["by_width"]["2"]}
    write(results, "queens-8", 1, {"test width=20 depth=4 select=majority": some})
    assert page.report(results, tmp_path / "out") == 0
    assert (tmp_path / "out" / "figures" / "scaling-queens-8.svg").is_file()

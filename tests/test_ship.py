"""Bundles: the same answers as PyTorch, in int8 nearly so, without torch, and one sentence for what is broken."""

import io
import json
import re
import shutil
import subprocess
import sys
import venv
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from support.command import run
from support.configs import NARROW
from support.networks import FOUR, shortened, speaking
from support.places import ROOT

from gram import tasks
from gram import weights as weight_files
from gram.config import Config, ModelConfig, SolveConfig
from gram.models.build import build
from gram.models.recursive import Model
from gram.ship import onnx_backend, runtime
from gram.ship.export import delicate, export
from gram.solve.noise import Noise
from gram.solve.sampler import ActiveBatch, sample
from gram.solve.torch_backend import TorchNetwork

SMALL = NARROW | {"mixer": "groups", "positions": "learned", "blocks": 1, "T": 2, "pool": "mean"}


def made(folder: Path, **changes) -> Path:
    """Random weights, none of them zero."""
    config = Config(
        recipe="small",
        task="sudoku-4",
        model=ModelConfig(**SMALL | changes),
        solve=SolveConfig(width=3, depth=8, select="first", halt_threshold=0.6),
    )
    weight_files.save(folder, config, speaking(Model(FOUR.spec, config.model), std=0.5))
    return folder


@pytest.fixture(scope="module")
def small(tmp_path_factory) -> tuple[Path, Path]:
    """Weights, and their bundle."""
    folder = tmp_path_factory.mktemp("ship")
    return made(folder / "weights"), export(str(folder / "weights"), folder / "bundle")


@pytest.fixture(scope="module")
def queens(tmp_path_factory) -> Path:
    """The shipped queens-8 weights in int8, with a step of one transition instead of two."""
    folder = tmp_path_factory.mktemp("ship")
    weight_files.save(folder / "weights", *shortened("queens-8", T=1))
    return export(str(folder / "weights"), folder / "queens", int8=True)


# the same as PyTorch --------------------------------------------------------------------------------------
def compare(folder: Path, out: Path) -> None:
    """Sixteen steps, each from the same state under the same noise: answers equal, all else within 1e-3."""
    _, model = weight_files.load(folder)
    ours, theirs = TorchNetwork(model), runtime.load(out, threads=1).network
    x = FOUR.examples("dev", count=5).inputs
    a, b = (ActiveBatch(network, FOUR, x, 0, 1.0) for network in (ours, theirs))
    for flight in (a, b):
        flight.admit([(puzzle, n) for puzzle in range(5) for n in range(2)])
    for _ in range(16):
        answers, values, halts = a.step()
        same, *heads = b.step()
        finite = np.isfinite(a.logits)
        assert np.array_equal(finite, np.isfinite(b.logits))
        np.testing.assert_allclose(a.logits[finite], b.logits[finite], atol=1e-3)
        np.testing.assert_allclose([values, halts], heads, atol=1e-3)
        assert np.array_equal(answers, same)
        assert a.state is not None
        assert b.state is not None
        pairs = [(p.numpy(), q) for p, q in zip(a.state, b.state, strict=True)]
        for p, q in pairs:
            np.testing.assert_allclose(p, q, atol=1e-3)
        b.state = pairs[0][0], pairs[1][0]


def test_a_bundle_is_the_model(small):
    compare(*small)


@pytest.mark.parametrize(
    "changes",
    [
        {"unary": True, "positions": "none", "pool": "first"},
        {"mixer": "attention", "positions": "rope", "heads": 2, "registers": 2, "guidance": "decoder"},
        {"mixer": "swiglu", "guidance": "none", "halting": "halt-continue", "shared": True},
        {"guidance": "mean", "start": "random", "hierarchy": False},
        {"guidance_over": "example", "start": "random"},
    ],
    ids=lambda c: next(iter(c)),
)
def test_every_member_of_the_family(changes, tmp_path):
    made(tmp_path / "weights", **{"T": 1} | changes)
    compare(tmp_path / "weights", export(str(tmp_path / "weights"), tmp_path / "bundle"))


def test_whole_trajectories_of_shipped_weights(tmp_path):
    config, model = shortened("sudoku-4", K=1, T=1)
    weight_files.save(tmp_path / "weights", config, model)
    out = export(str(tmp_path / "weights"), tmp_path / "bundle")
    x = FOUR.examples("dev", count=20).inputs
    options = {"width": 2, "depth": 16, "halt_threshold": config.solve.halt_threshold, "restart_every": 4}
    ours = sample(TorchNetwork(model), FOUR, x, **options)
    for a, b in zip(ours, sample(runtime.load(out).network, FOUR, x, **options), strict=True):
        assert np.array_equal(a.answers, b.answers)
        assert np.array_equal(a.steps, b.steps)


def test_a_row_alone_is_the_row_in_a_batch(queens):
    network = runtime.load(queens, threads=1).network
    shape = network.noise_shape
    h, l, e_x = np.random.default_rng(0).standard_normal((3, 5, *shape[1:]), np.float32)  # noqa: E741
    rows = [(np.zeros(8, np.uint8), n, 0) for n in range(5)]
    whole = network.step((h, l), e_x, Noise(0, rows, shape), temperature=1.0)
    for i in range(5):
        row = slice(i, i + 1)
        alone = network.step((h[row], l[row]), e_x[row], Noise(0, rows[row], shape), temperature=1.0)
        for one, all_rows in zip(alone[1:4], whole[1:4], strict=True):
            assert np.array_equal(one, all_rows[row])
        assert np.array_equal(alone.state[0], whole.state[0][row])


def test_constants_are_stored_once(small):
    graph = onnx.load(small[1] / "step.onnx").graph
    values = [(t.data_type, tuple(t.dims), t.raw_data) for t in graph.initializer if t.raw_data]
    assert len(values) == len(set(values)) > 10
    assert {t.name for t in graph.initializer} <= {name for node in graph.node for name in node.input}


# int8 -----------------------------------------------------------------------------------------------------
def test_int8_products_are_int8(queens, tmp_path):
    """Looked up in the graph that onnxruntime really runs."""
    options = onnxruntime.SessionOptions()
    options.optimized_model_filepath = str(tmp_path / "optimized.onnx")
    onnxruntime.InferenceSession(str(queens / "step.onnx"), options, providers=["CPUExecutionProvider"])
    ran = [node.op_type for node in onnx.load(tmp_path / "optimized.onnx").graph.node]
    int8 = sum(op in ("QLinearMatMul", "MatMulIntegerToFloat", "MatMulInteger", "DynamicQuantizeMatMul") for op in ran)
    assert int8 >= 28
    assert sum(op in ("MatMul", "Gemm", "FusedMatMul") for op in ran) <= 15  # `delicate`, and the heads
    assert not {"Softplus", "Where"} & set(ran)
    assert ran.count("Split") <= 1  # of the noise
    assert sum(path.stat().st_size for path in queens.iterdir()) < 1_000_000


def test_int8_solves_as_well(queens):
    reasoner = runtime.load(queens)
    x = reasoner.task.examples("dev", count=20).inputs
    solve = reasoner.config.solve
    found = sample(reasoner.network, reasoner.task, x, width=4, depth=24, halt_threshold=solve.halt_threshold)
    valid = [reasoner.task.check(np.repeat(p[None], 4, 0), f.answers).mean() for p, f in zip(x, found, strict=True)]
    assert np.mean(valid) > 0.95
    alone = sample(reasoner.network, reasoner.task, x[7:8], width=4, depth=24, halt_threshold=solve.halt_threshold)[0]
    assert np.array_equal(alone.answers, found[7].answers)  # whatever runs beside it


def test_int8_is_close_on_any_processor(queens):
    graph = onnx.load(queens / "step.onnx").graph
    weights = [onnx.numpy_helper.to_array(t) for t in graph.initializer if t.data_type == onnx.TensorProto.INT8]
    products = [w for w in weights if w.ndim == 2]
    assert len(products) >= 20
    # pairs of products with unsigned activations, as processors without VNNI add them up in 16 bits
    assert all(255 * np.abs(w.astype(np.int64)).max() * 2 < 2**15 for w in products)
    _, model = shortened("queens-8", T=1)
    small, exact = runtime.load(queens, threads=1), TorchNetwork(model)
    x = small.task.examples("dev", count=16).inputs
    flights = [ActiveBatch(network, small.task, x, 0, 1.0) for network in (small.network, exact)]
    for flight in flights:
        flight.admit([(puzzle, 0) for puzzle in range(len(x))])
        for _ in range(8):
            flight.step()
    finite = np.isfinite(flights[1].logits)
    assert np.median(np.abs(flights[0].logits[finite] - flights[1].logits[finite])) < 0.3


def test_what_would_lose_most_in_int8_stays_in_float32():
    config, model = weight_files.load("queens-8")
    assert isinstance(model, Model)
    spared = delicate(model)
    assert spared == {"decoder"} | {name for name, _ in model.named_modules() if name.endswith(".down")}
    assert {"core.f_L.0.mixer.mlp.down", "core.f_H.1.mlp.down", "core.prior.mu.down"} < spared
    groups = build(tasks.task("coloring-8").spec, replace(config.model, mixer="groups", mixer_hidden=8))
    assert isinstance(groups, Model)
    assert "core.f_L.0.mixer.out" in delicate(groups)


# without torch --------------------------------------------------------------------------------------------
def test_a_clean_environment_needs_numpy_and_onnxruntime_only(queens, tmp_path):
    venv.create(tmp_path / "env", with_pip=True)
    python = str(tmp_path / "env" / "bin" / "python")
    pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    constraints = ["-c", str(ROOT / "constraints.txt")]
    got = subprocess.run([*pip, *constraints, "numpy", "onnxruntime"], capture_output=True, text=True, check=False)
    if got.returncode:
        pytest.skip(f"no package index: {got.stderr.strip().splitlines()[-1]}")
    shutil.copytree(
        ROOT / "src", tmp_path / "src", ignore=shutil.ignore_patterns("*.egg-info", "weights", "__pycache__")
    )
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, tmp_path)
    subprocess.run([*pip, *constraints, "--no-deps", str(tmp_path)], check=True)
    board = "Q......./......../......../......../......../......../......../........"
    command = [python, "-m", "gram.ship.runtime", str(queens), board, "--json", "--want", "2"]
    ran = subprocess.run(command, capture_output=True, text=True, check=True, cwd=tmp_path / "env")
    answer = json.loads(ran.stdout)
    assert answer["valid"]
    assert len(answer["distinct"]) >= 2
    assert subprocess.run([python, "-c", "import torch"], capture_output=True, check=False).returncode == 1


# the command and bad input --------------------------------------------------------------------------------
def test_solve_and_eval_take_a_bundle(queens, capsys):
    code, out, _ = run(capsys, "solve", "queens-8", "Q......." + "/........" * 7, "--weights", str(queens), "--json")
    assert code == 0
    assert json.loads(out)["valid"]
    code, out, _ = run(capsys, "eval", "queens-8", "--weights", str(queens), "--limit", "4", "--width", "2", "--json")
    assert code == 0
    assert json.loads(out)["examples"] == 4


def test_a_bundle_leaves_the_results_of_its_weights_alone(small, tmp_path, capsys):
    code, _, err = run(capsys, "eval", "sudoku-4", "--weights", str(small[1]), "--record", str(tmp_path / "results"))
    assert code == 2
    assert "is a bundle" in err
    assert not (tmp_path / "results").exists()


def test_the_runtime_speaks_for_itself(small, capsys):
    assert runtime.main([str(small[1]), "1" + "." * 15, "--select", "first"]) == 0
    assert "1" in capsys.readouterr().out
    assert runtime.main([str(small[1]), "11" + "." * 14]) == 2
    assert capsys.readouterr().err.startswith("gram: ")


def broken(small: tuple[Path, Path], folder: Path) -> Path:
    return Path(shutil.copytree(small[1], folder / "broken"))


def test_a_missing_file(small, tmp_path):
    folder = broken(small, tmp_path)
    (folder / "encoder.onnx").unlink()
    with pytest.raises(FileNotFoundError, match=r"lacks encoder\.onnx; copy it again"):
        runtime.load(folder)
    (folder / "manifest.json").unlink()
    with pytest.raises(FileNotFoundError, match=r"manifest\.json"):
        runtime.load(folder)


@pytest.mark.parametrize("name", ["step.onnx", "start.npz", "config.json"])
def test_a_wrong_checksum(small, tmp_path, name):
    folder = broken(small, tmp_path)
    data = bytearray((folder / name).read_bytes())
    data[len(data) // 2] ^= 1
    (folder / name).write_bytes(data)
    with pytest.raises(ValueError, match=re.escape(name)):
        runtime.load(folder)


def test_another_format_and_a_damaged_manifest(small, tmp_path):
    folder = broken(small, tmp_path)
    manifest = json.loads((folder / "manifest.json").read_text())
    (folder / "manifest.json").write_text(json.dumps(manifest | {"format": 99}))
    with pytest.raises(ValueError, match="format 99"):
        runtime.load(folder)
    (folder / "manifest.json").write_text("{")
    with pytest.raises(ValueError, match="damaged; export the bundle again"):
        runtime.load(folder)


def test_another_arithmetic_and_another_onnxruntime(small, tmp_path, capsys):
    folder = broken(small, tmp_path)
    manifest = json.loads((folder / "manifest.json").read_text())
    (folder / "manifest.json").write_text(json.dumps(manifest | {"dtype": "float16"}))
    assert runtime.main([str(folder), "1" + "." * 15]) == 2
    assert "'float16'" in capsys.readouterr().err
    (folder / "step.onnx").write_bytes(b"what a later format may look like")
    manifest["sha256"]["step.onnx"] = onnx_backend.sha256(folder / "step.onnx")
    (folder / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(ValueError, match=r"cannot run .*step\.onnx .* install a newer onnxruntime"):
        runtime.load(folder)
    (folder / "step.onnx").write_bytes(b"\x08\x0a\x12\x04\xe1\xe1\xe1\xe1\x3a\x08\x12\x02\xe1\xe1\x22\x02\xe1\xe1")
    manifest["sha256"]["step.onnx"] = onnx_backend.sha256(folder / "step.onnx")
    (folder / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(ValueError, match=r"cannot run .*step\.onnx"):  # names that are no UTF-8
        runtime.load(folder)
    (folder / "manifest.json").write_text(json.dumps(manifest | {"dtype": "\x1b[2J"}))
    assert runtime.main([str(folder), "1" + "." * 15]) == 2
    assert r"'\x1b[2J'" in capsys.readouterr().err
    del manifest["sha256"]["step.onnx"]
    (folder / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(ValueError, match=r"step\.onnx; export the bundle again"):
        runtime.load(folder)


def swapped(small: tuple[Path, Path], folder: Path, name: str, content: bytes) -> Path:
    """A bundle with another file, whose checksum is right."""
    copy = broken(small, folder)
    (copy / name).write_bytes(content)
    manifest = json.loads((copy / "manifest.json").read_text())
    manifest["sha256"][name] = onnx_backend.sha256(copy / name)
    (copy / "manifest.json").write_text(json.dumps(manifest))
    return copy


def packed(**arrays: Any) -> bytes:
    file = io.BytesIO()
    np.savez(file, **arrays)
    return file.getvalue()


STATE = np.zeros((1, 16, 16), np.float32)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"no archive",
        packed(h=STATE),
        packed(h=STATE, l=STATE[..., :3]),
        packed(h=STATE, l=STATE.astype(np.float64)),
        packed(h=STATE, l=STATE).replace(b"\x93NUMPY", b"\x92NUMPY"),
        packed(h=STATE, l=STATE).replace(b"'shape': (", b"'shape':(("),
    ],
    ids=["empty", "text", "half", "narrow", "double", "magic", "brackets"],
)
def test_a_start_of_something_else(content, small, tmp_path):
    with pytest.raises(ValueError, match=r"start\.npz .*again\.$"):
        runtime.load(swapped(small, tmp_path, "start.npz", content))


def test_graphs_of_something_else(small, tmp_path):
    """Files outside of the folder, loops, and other inputs are refused."""
    step, encoder = ((small[1] / name).read_bytes() for name in ("step.onnx", "encoder.onnx"))
    for content, sentence in (
        (step + b"\x0a\x08location", "files outside"),
        (step + b"\x22\x04Loop", "the operator Loop"),
        (encoder, "inputs"),
    ):
        with pytest.raises(ValueError, match=sentence):
            runtime.load(swapped(small, tmp_path, "step.onnx", content))
        shutil.rmtree(tmp_path / "broken")


def test_a_manifest_that_names_files_elsewhere(small, tmp_path):
    folder = broken(small, tmp_path)
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["sha256"]["../weights/config.json"] = "0"
    (folder / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(ValueError, match=r"manifest\.json names"):
        runtime.load(folder)


def test_a_width_beyond_memory(small, capsys, monkeypatch):
    monkeypatch.setattr("gram.solve.memory.free_memory", lambda: 2**20)
    assert runtime.main([str(small[1]), "1" + "." * 15, "--width", "1000000"]) == 2
    err = capsys.readouterr().err
    assert re.fullmatch(
        r"gram: A width of 1000000 needs about 1\.0 GiB and 0\.0 GiB are free; use a width of 985 at most\.\n", err
    )
    assert runtime.main([str(small[1]), "1" + "." * 15, "--width", "985", "--depth", "1", "--select", "first"]) == 0


def test_what_cannot_be_exported(small, tmp_path, monkeypatch, capsys):
    code, _, err = run(capsys, "export", str(small[1]), "--out", str(tmp_path / "out"))
    assert (code, "is a bundle already" in err) == (2, True)
    direct = ModelConfig(kind="direct", guidance="none", width=16, hidden=16, heads=2)
    config = Config(recipe="baseline", task="sudoku-4", model=direct)
    weight_files.save(tmp_path / "baseline", config, build(FOUR.spec, config.model))
    code, _, err = run(capsys, "export", str(tmp_path / "baseline"), "--out", str(tmp_path / "out"))
    assert (code, "is of kind direct; only recursive models" in err) == (2, True)

    def fail(*_):
        raise torch.onnx.OnnxExporterError("an operation has no counterpart\nand a long story")

    monkeypatch.setattr("gram.ship.export.write_graphs", fail)
    code, _, err = run(capsys, "export", str(small[0]), "--out", str(tmp_path / "out"))
    assert (code, "cannot be exported (an operation has no counterpart);" in err) == (2, True)
    assert not (tmp_path / "out").exists()


def test_nothing_is_overwritten_and_nothing_half_written(small, tmp_path, monkeypatch):
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine").write_text("kept")
    with pytest.raises(FileExistsError, match="not empty; give a new folder"):
        export(str(small[0]), tmp_path / "full")

    def fail(*_):
        raise OSError("the disk is full")

    monkeypatch.setattr("gram.ship.export.write_graphs", fail)
    with pytest.raises(OSError, match="full"):
        export(str(small[0]), tmp_path / "out")
    assert [p.name for p in tmp_path.iterdir()] == ["full"]
    assert (tmp_path / "full" / "mine").read_text() == "kept"


def test_without_the_packages(small, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxscript", None)
    with pytest.raises(ValueError, match=r"onnxscript is missing; run pip install 'gram-reasoning\[export\]'"):
        export(str(small[0]), tmp_path / "out")


def test_a_bundle_is_served(small, tmp_path):
    """By a real process that has neither torch nor what the command needs."""
    pytest.importorskip("uvicorn", reason="the extra serve is not installed")
    from support.server import ONE, Running, without_time

    absent = ["torch", "tyro", "safetensors", "scipy", "rich", "onnx", "onnxscript"]
    code = f"import sys; sys.modules |= dict.fromkeys({absent}); "
    code += f"from gram.serve.__main__ import main; sys.exit(main([{str(small[1])!r}, '--port', '0']))"
    running = Running(tmp_path, command=[sys.executable, "-c", code])
    [answer] = running.client.post("/v1/sudoku-4/solve", json=ONE | {"width": 3}).json()["answers"]
    expected = runtime.load(small[1]).solve(ONE["puzzles"], width=3)
    assert without_time(answer) == without_time(expected.to_dict())
    assert running.client.get("/v1/tasks").json()["tasks"][0]["arithmetic"] == "float32, as exported"
    running.stop()

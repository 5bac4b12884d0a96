"""Checkpoints of the published TRM and HRM code: the same logits and q values, the same tensors back, and one sentence
for what cannot be exchanged. The forward pass here is written from what is known of theirs, not with our core."""

import math
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from support.command import Ran
from torch import Tensor

from gram import recipes, tasks
from gram import weights as weight_files
from gram.config import Config, ModelConfig
from gram.models.build import parameter_table
from gram.models.core import State
from gram.models.recursive import Model
from gram.ship.official import config_of, expansion, export_official, import_official, refuse_others
from gram.ship.official_files import HRM, PREFIX, TRM, Architecture

D, HEADS, V, L = 32, 4, 6, 16
CYCLES = {"H_cycles": 2, "L_cycles": 3, "L_layers": 2, "hidden_size": D, "num_heads": HEADS, "expansion": 4}
ARCHS: dict[str, dict[str, Any]] = {
    "trm": {"name": TRM, "H_layers": 0, "pos_encodings": "rope", "puzzle_emb_ndim": D, "puzzle_emb_len": 3},
    "trm-mixer": {
        "name": TRM,
        "H_layers": 0,
        "pos_encodings": "none",
        "puzzle_emb_ndim": D,
        "puzzle_emb_len": 3,
        "mlp_t": True,
    },
    "trm-bare": {"name": TRM, "H_layers": 0, "pos_encodings": "rope", "puzzle_emb_len": 0, "no_ACT_continue": False},
    "hrm": {"name": HRM, "H_layers": 2, "pos_encodings": "rope", "puzzle_emb_ndim": D},
    "hrm-learned": {"name": HRM, "H_layers": 2, "pos_encodings": "learned", "puzzle_emb_ndim": D},
}
MANY = pytest.mark.parametrize("kind", ARCHS)


def arch_of(kind: str, **changes) -> dict[str, Any]:
    return CYCLES | {"halt_max_steps": 5, "forward_dtype": "bfloat16"} | ARCHS[kind] | changes


def front(arch: dict[str, Any]) -> int:
    filled = arch.get("puzzle_emb_ndim", 0) // D
    return arch["puzzle_emb_len"] if filled and arch["name"] == TRM else filled


def tensors_of(arch: dict[str, Any]) -> dict[str, Tensor]:
    """Random weights in their format, buffers in bfloat16. What blocks add is small: else rounding errors grow."""
    generator = torch.Generator().manual_seed(3)

    def draw(*shape: int, std: float | None = None) -> Tensor:
        return torch.randn(shape, generator=generator) * (shape[-1] ** -0.5 if std is None else std)

    M, found = L + front(arch), {"embed_tokens.embedding_weight": draw(V, D), "lm_head.weight": draw(V, D)}
    found |= {"q_head.weight": draw(2, D), "q_head.bias": draw(2, std=1.0)}
    if arch.get("puzzle_emb_ndim"):
        found["puzzle_emb.weights"] = draw(1, arch["puzzle_emb_ndim"])
    if arch["pos_encodings"] == "learned":
        found["embed_pos.embedding_weight"] = draw(M, D)
    for level in ("L_level",) if arch["name"] == TRM else ("L_level", "H_level"):
        for i in range(arch["L_layers"]):
            shapes = {"mlp.gate_up_proj": (512, D), "mlp.down_proj": (D, 256)}
            if arch.get("mlp_t"):
                shapes |= {"mlp_t.gate_up_proj": (512, M), "mlp_t.down_proj": (M, 256)}
            else:
                shapes |= {"self_attn.qkv_proj": (3 * D, D), "self_attn.o_proj": (D, D)}
            layers = {f"{level}.layers.{i}.{name}.weight": draw(*shape) for name, shape in shapes.items()}
            found |= {name: w * (0.25 if "down" in name else 1.0) for name, w in layers.items()}
    found |= {name: draw(D, std=1.0).bfloat16() for name in ("H_init", "L_init")}
    return {PREFIX + name: tensor for name, tensor in found.items()}


def write(folder: Path, arch: dict[str, Any], tensors: dict[str, Tensor], name: str = "step_100") -> Path:
    """A run of theirs, as yaml.dump writes its settings."""
    folder.mkdir(exist_ok=True)
    torch.save(tensors, folder / name)
    words = {True: "true", False: "false"}
    lines = [f"  {key}: {words[v] if isinstance(v, bool) else v}" for key, v in sorted(arch.items())]
    loss = ["  loss:", "    loss_type: stablemax_cross_entropy", "    name: losses@ACTLossHead"]
    rest = ["beta1: 0.9", "checkpoint_path: checkpoints/Sudoku ACT-torch/HierarchicalReasoning", "  speedy-kagu"]
    rest += ["data_paths:", "- data/x", "evaluators:", "- name: arc@ARC", "  k: 1", "lr: 7.0e-05", "weight_decay: 1.0"]
    (folder / "all_config.yaml").write_text("\n".join(["arch:", *lines[:3], *loss, *lines[3:], *rest, ""]))
    return folder


# their forward pass ---------------------------------------------------------------------------------------
def norm(x: Tensor) -> Tensor:
    return F.rms_norm(x, x.shape[-1:], eps=1e-5)


def turn(x: Tensor) -> Tensor:
    """Rotary positions of (B, M, heads, d): entries i and i + d / 2 are one complex number."""
    d = x.shape[-1]
    angle = torch.arange(x.shape[1])[:, None] * 10_000.0 ** -(torch.arange(0, d, 2) / d)
    turned = torch.complex(*x.split(d // 2, -1)) * torch.polar(torch.ones_like(angle), angle)[:, None]
    return torch.cat([turned.real, turned.imag], -1)


def swiglu(w: dict[str, Tensor], name: str, x: Tensor) -> Tensor:
    both = x @ w[f"{name}.gate_up_proj.weight"].T
    half = both.shape[-1] // 2
    return (F.silu(both[..., :half]) * both[..., half:]) @ w[f"{name}.down_proj.weight"].T


def layer(arch: dict[str, Any], w: dict[str, Tensor], name: str, x: Tensor) -> Tensor:
    if arch.get("mlp_t"):
        x = x.mT
        x = norm(x + swiglu(w, f"{name}.mlp_t", x)).mT  # the norm runs over positions
    else:
        B, M, _ = x.shape
        qkv = (x @ w[f"{name}.self_attn.qkv_proj.weight"].T).view(B, M, 3 * HEADS, D // HEADS)
        q, k, v = qkv[:, :, :HEADS], qkv[:, :, HEADS : 2 * HEADS], qkv[:, :, 2 * HEADS :]
        if arch["pos_encodings"] == "rope":
            q, k = turn(q), turn(k)
        weights = (torch.einsum("bihd,bjhd->bhij", q, k) / math.sqrt(D // HEADS)).softmax(-1)
        read = torch.einsum("bhij,bjhd->bihd", weights, v).reshape(B, M, D)
        x = norm(x + read @ w[f"{name}.self_attn.o_proj.weight"].T)
    return norm(x + swiglu(w, f"{name}.mlp", x))


def level(arch: dict[str, Any], w: dict[str, Tensor], name: str, x: Tensor) -> Tensor:
    for i in range(arch["L_layers"]):
        x = layer(arch, w, f"{name}.layers.{i}", x)
    return x


def published(arch: dict[str, Any], tensors: dict[str, Tensor], tokens: Tensor, steps: int) -> tuple[Tensor, Tensor]:
    """Logits (steps, B, L, V) and q values (steps, B, 2) of every supervision step, in float32."""
    w = {name.removeprefix(PREFIX): tensor.float() for name, tensor in tensors.items()}
    B, P = len(tokens), front(arch)
    x = w["embed_tokens.embedding_weight"][tokens]
    if P:
        puzzle = F.pad(w["puzzle_emb.weights"], (0, P * D - arch["puzzle_emb_ndim"])).view(1, P, D)
        x = torch.cat([puzzle.expand(B, -1, -1), x], 1)
    if arch["pos_encodings"] == "learned":
        x = 0.707106781 * (x + w["embed_pos.embedding_weight"])
    x = x * math.sqrt(D)
    H, low = w["H_init"].expand_as(x), w["L_init"].expand_as(x)
    upper = "L_level" if arch["name"] == TRM else "H_level"
    logits, q = [], []
    for _ in range(steps):
        for _ in range(arch["H_cycles"]):
            for _ in range(arch["L_cycles"]):
                low = level(arch, w, "L_level", low + H + x)
            H = level(arch, w, upper, H + low)
        logits.append((H @ w["lm_head.weight"].T)[:, P:])
        q.append(H[:, 0] @ w["q_head.weight"].T + w["q_head.bias"])
    return torch.stack(logits), torch.stack(q)


# the same answers -----------------------------------------------------------------------------------------
@MANY
@torch.no_grad()
def test_logits_and_q_values_are_theirs(tmp_path, kind):
    arch, tokens = arch_of(kind), torch.randint(1, V, (5, L), generator=torch.Generator().manual_seed(1))
    tensors = tensors_of(arch)
    import_official(write(tmp_path / "run", arch, tensors), tmp_path / "out", task="sudoku-4")
    config, model = weight_files.load(tmp_path / "out")
    assert isinstance(model, Model)
    state: State = model.initial(len(tokens))
    logits, q = published(arch, tensors, tokens, steps=4)
    for t in range(4):
        step = model.step(state, model.encode(tokens), None)
        state, out = step.state, model.decode(step.readout)
        assert (out.logits[..., 1:] - logits[t][..., 1:]).abs().max() < 2e-5
        assert (out.halt - q[t]).abs().max() < 2e-5
    assert config.solve.depth == config.train.N_sup == 5
    assert config.train.lr == 7e-5
    assert config.model.halting == ("halt" if kind in ("trm", "trm-mixer") else "halt-continue")


@MANY
def test_what_was_imported_comes_out_bit_for_bit(tmp_path, kind):
    arch = arch_of(kind)
    tensors = tensors_of(arch)
    import_official(write(tmp_path / "run", arch, tensors), tmp_path / "ours", task="sudoku-4")
    back = export_official(str(tmp_path / "ours"), tmp_path / "theirs")
    found = torch.load(back / "checkpoint", weights_only=True)
    assert found.keys() == tensors.keys()
    for name, tensor in tensors.items():
        assert found[name].dtype == tensor.dtype
        assert torch.equal(found[name], tensor), name
    # and in again: the settings say the same
    import_official(back, tmp_path / "again", task="sudoku-4")
    assert weight_files.load(tmp_path / "again")[0] == weight_files.load(tmp_path / "ours")[0]


@pytest.mark.parametrize(("variant", "name"), [("trm", TRM), ("hrm", HRM)])
@torch.no_grad()
def test_ours_answer_alike_in_their_code(tmp_path, variant, name):
    """A member with unscaled registers and a start that bfloat16 does not hold."""
    large = recipes.recipe(f"paper-maze-30-{variant}").model
    small = replace(large, width=D, hidden=256, heads=HEADS, blocks=2, registers=3, K=3, T=2)
    config = Config(recipe="x", task="sudoku-4", model=small)
    model = Model(tasks.task("sudoku-4").spec, config.model, seed=2)
    weight_files.save(tmp_path / "ours", config, model)
    back = export_official(str(tmp_path / "ours"), tmp_path / "theirs")
    tokens = torch.randint(1, V, (3, L), generator=torch.Generator().manual_seed(1))
    arch = arch_of(variant, puzzle_emb_ndim=3 * D)
    logits, _ = published(arch, torch.load(back / "checkpoint", weights_only=True), tokens, steps=2)
    state = model.initial(3)
    for _ in range(2):
        step = model.step(state, model.encode(tokens), None)
        state = step.state
    assert (model.decode(step.readout).logits[..., 1:] - logits[-1][..., 1:]).abs().max() < 2e-5
    text = (back / "all_config.yaml").read_text()
    assert f'name: "{name}"' in text
    assert 'forward_dtype: "float32"' in text
    assert "rms_norm_eps: 1.0e-05" in text


def test_the_published_networks_have_their_number_of_parameters(monkeypatch):
    """27,275,266 parameters of HRM on Sudoku-Extreme; puzzle embedding and value head are not among them."""
    hrm: dict[str, Any] = {
        "H_cycles": 2,
        "L_cycles": 2,
        "H_layers": 4,
        "L_layers": 4,
        "hidden_size": 512,
        "num_heads": 8,
    }
    arch = Architecture(name=HRM, expansion=4.0, pos_encodings="rope", halt_max_steps=16, puzzle_emb_ndim=512, **hrm)
    config = config_of(arch, {"arch": {}}, "sudoku-9")
    monkeypatch.setattr(Model, "reset", lambda model, seed: None)  # drawing them takes long
    model = Model(tasks.of(config).spec, config.model)
    assert parameter_table(model)["total"] == 27_275_266 + 512 + 513


def test_commands(tmp_path, gram):
    run = write(tmp_path / "run", arch_of("trm"), tensors_of(arch_of("trm")), "step_90")
    write(run, arch_of("trm"), tensors_of(arch_of("trm")), "step_100")
    out, back = tmp_path / "out", tmp_path / "back"
    done = gram("import", run, "--out", out, "--task", "sudoku-4")
    assert done.code == 0
    assert "gram eval sudoku-4 --weights" in done.out
    assert gram("solve", "sudoku-4", "1...............", "--weights", out, "--json").code == 0
    assert gram("eval", "sudoku-4", "--weights", out, "--limit", "2").code == 0
    assert gram("export", out, "--official", "--out", back).code == 0
    assert sorted(p.name for p in back.iterdir()) == ["all_config.yaml", "checkpoint"]
    assert "--int8" in gram("export", out, "--official", "--int8", "--out", tmp_path / "other").err


def test_other_wrappings(tmp_path):
    """No prefix and safetensors; attention's rotary tables are ignored."""
    arch = arch_of("hrm")
    bare = {name.removeprefix(PREFIX): tensor for name, tensor in tensors_of(arch).items()}
    run = write(tmp_path / "run", arch, bare | {"rotary_emb.cos_cached": torch.zeros(17, 8)})
    one = import_official(run / "step_100", tmp_path / "one", task="sudoku-4")
    save_file(bare, run / "model.safetensors")
    assert import_official(run / "model.safetensors", tmp_path / "two", task="sudoku-4") == one


@pytest.mark.parametrize("wrapper", ["model", "state_dict", "model_state_dict"])
@pytest.mark.parametrize(
    ("name", "yaml"), [("best.pt", "config.yaml"), ("weights", "x.yml"), ("a.ckpt", "all_config.yaml")]
)
def test_any_name_and_dicts_with_an_optimizer(tmp_path, name, yaml, wrapper):
    arch = arch_of("trm")
    run = write(tmp_path / "run", arch, tensors_of(arch))
    one = import_official(run, tmp_path / "one", task="sudoku-4")
    other = tmp_path / "other"
    other.mkdir()
    saved = {wrapper: tensors_of(arch), "optimizer": {"state": {0: {"step": torch.zeros(1)}}, "lr": 0.1}, "step": 3}
    torch.save(saved, other / name)
    (run / "all_config.yaml").rename(other / yaml)
    assert import_official(other, tmp_path / "two", task="sudoku-4") == one
    torch.save(saved | {"ema": tensors_of(arch)}, other / name)
    with pytest.raises(ValueError, match=f"holds both {wrapper} and ema"):
        import_official(other, tmp_path / "three", task="sudoku-4")
    (other / "second.pt").write_bytes((other / name).read_bytes())
    with pytest.raises(ValueError, match="give the checkpoint itself"):
        import_official(other, tmp_path / "three", task="sudoku-4")


# bad input ------------------------------------------------------------------------------------------------
WRONG = {
    "missing": ("lacks the tensor q_head.bias", {"q_head.bias": None}),
    "shape": (r"lm_head.weight has shape \(7, 32\) but \(6, 32\)", {"lm_head.weight": torch.zeros(7, D)}),
    "extra": ("unknown tensor z_extra", {"z_extra": torch.zeros(1)}),
    "puzzles": ("embeddings of 900 puzzles", {"puzzle_emb.weights": torch.zeros(900, D)}),
    "start": ("lacks the tensor H_init", {"H_init": None}),
    "thing": ("tensors.*state dict", {"step": 3}),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_tensors(tmp_path, gram, case):
    sentence, changes = WRONG[case]
    tensors = tensors_of(arch_of("trm")) | {PREFIX + name: value for name, value in changes.items()}
    run = write(tmp_path / "run", arch_of("trm"), {k: v for k, v in tensors.items() if v is not None})
    refused(gram("import", run, "--out", tmp_path / "out", "--task", "sudoku-4"), sentence, tmp_path)


SETTINGS = {
    "name": ({"name": "recursive_reasoning.trm_singlez@X"}, "only recursive_reasoning.trm@"),
    "cycles": ({"H_cycles": 0}, "H_cycles is 0"),
    "theta": ({"rope_theta": 5000.0}, "rope_theta is 5000.0"),
    "puzzle": ({"puzzle_emb_ndim": 40}, "puzzle_emb_ndim is 40"),
    "type": ({"hidden_size": "wide"}, "hidden_size must be of type int"),
    "heads": ({"num_heads": 5}, "5 heads"),
    "positions": ({"pos_encodings": "monster"}, "pos_encodings is 'monster'"),
}


@pytest.mark.parametrize("case", SETTINGS)
def test_wrong_settings(tmp_path, gram, case):
    changes, sentence = SETTINGS[case]
    run = write(tmp_path / "run", arch_of("trm", **changes), tensors_of(arch_of("trm")))
    refused(gram("import", run, "--out", tmp_path / "out", "--task", "sudoku-4"), sentence, tmp_path)


def refused(ran: Ran, sentence: str, folder: Path) -> None:
    """One sentence, exit code 2, and nothing left behind."""
    assert ran.code == 2
    assert ran.err.count("\n") == 1
    assert re.search(sentence, ran.err), ran.err
    assert not [path for path in folder.iterdir() if "out" in path.name]


def test_wrong_files(tmp_path, gram):
    run = write(tmp_path / "run", arch_of("trm-mixer"), tensors_of(arch_of("trm-mixer")))
    out = tmp_path / "out"
    refused(gram("import", tmp_path / "nowhere", "--out", out), "no checkpoint .*nowhere", tmp_path)
    refused(gram("import", run, "--out", out, "--task", "sudoku-6"), "needed for sudoku-6", tmp_path)
    refused(gram("import", run, "--out", out), "needed for maze-30", tmp_path)  # as six tokens tell
    (tmp_path / "empty").mkdir()
    refused(gram("import", tmp_path / "empty", "--out", out), "no checkpoint .*empty/checkpoint", tmp_path)
    refused(gram("import", run, "--out", run, "--task", "sudoku-4"), "run exists and is not empty", tmp_path)
    (run / "step_100").write_bytes((run / "step_100").read_bytes()[:500])
    refused(gram("import", run, "--out", out), "not a checkpoint, or it is damaged", tmp_path)
    (run / "all_config.yaml").write_text("lr: 1\n")
    refused(gram("import", run, "--out", out), "has no section arch", tmp_path)
    (run / "all_config.yaml").unlink()
    refused(gram("import", run, "--out", out), "no all_config.yaml beside", tmp_path)


class Opened:
    """Something whose unpickling would run code."""

    def __reduce__(self):
        return Path.touch, (Path("opened"),)


def test_no_code_of_a_checkpoint_runs(tmp_path, gram, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run = write(tmp_path / "run", arch_of("trm"), tensors_of(arch_of("trm")) | {"x": Opened()})  # pyright: ignore
    refused(gram("import", run, "--out", tmp_path / "out"), "not a checkpoint", tmp_path)
    assert not Path("opened").exists()


def test_a_vocabulary_that_tells_no_task(tmp_path, gram):
    run = write(
        tmp_path / "run",
        arch_of("trm"),
        tensors_of(arch_of("trm")) | {PREFIX + "embed_tokens.embedding_weight": torch.zeros(12, D)},
    )
    refused(gram("import", run, "--out", tmp_path / "out"), "has 12 tokens.*--task", tmp_path)


OTHERS = {
    "guidance": ({"guidance": "full", "shared": True}, "model.guidance = 'full', but TRM has 'none'"),
    "norm": ({"mixer": "swiglu", "positions": "none", "shared": True}, "model.mixer_norm = 'channels'"),
    "halting": ({"halting": "halt"}, "model.halting = 'halt', but HRM has 'halt-continue'"),
    "pool": ({"pool": "mean", "shared": True}, "model.pool = 'mean'"),
    "registers": ({"halting": "halt-continue"}, "has no registers"),
    "hidden": ({"hidden": 100, "shared": True}, "widths of 100"),
}


@pytest.mark.parametrize("case", OTHERS)
def test_other_architectures_are_not_exported(tmp_path, gram, case):
    changes, sentence = OTHERS[case]
    model = ModelConfig(**{"width": D, "heads": HEADS, "hidden": 256, "guidance": "none", "blocks": 1} | changes)
    config = Config(recipe="x", task="sudoku-4", model=model)
    weight_files.save(tmp_path / "ours", config, Model(tasks.task("sudoku-4").spec, config.model))
    refused(gram("export", tmp_path / "ours", "--official", "--out", tmp_path / "out"), sentence, tmp_path)


@pytest.mark.parametrize("task", ["queens-8", "coloring-10", "maze-30"])
def test_own_networks_of_the_paper_go_back(task):
    """docs/official.md: which of the recipes do, and what keeps the others."""
    for variant in ("trm", "hrm"):
        own = recipes.recipe(f"paper-{task}-{variant}").model
        refuse_others(own, "these")
        assert expansion(own, 0) == 4
        with pytest.raises(ValueError, match=r"has model\.\w+ = "):
            refuse_others(recipes.recipe(f"{task}-{variant}").model, "these")
    with pytest.raises(ValueError, match="mixer_norm"):
        refuse_others(recipes.recipe("paper-sudoku-9-trm").model, "these")
    changed = recipes.change(recipes.recipe("paper-sudoku-9-trm"), model={"mixer_norm": "positions"}).model
    refuse_others(changed, "these")
    assert expansion(changed, 81 + changed.registers) == 4

"""`gram import` and `gram export --official`: checkpoints of the published TRM and HRM code <-> weight folders.

Both number the tokens of Sudoku and mazes as our tasks do. Each of their parameters has a counterpart here. Only the
value head exists here alone; it is 0 after import.
"""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from gram import tasks
from gram import weights as weight_files
from gram.atomic import new_folder, refuse_filled
from gram.config import Config, ModelConfig, SolveConfig, TrainConfig, from_dict
from gram.models.build import parameter_table
from gram.models.recursive import Model
from gram.ship.official_files import (
    CHECKPOINT,
    HRM,
    LOSSES,
    PREFIX,
    SETTINGS,
    TRAINING,
    TRM,
    Architecture,
    architecture_of,
    checkpoint_of,
    read_settings,
    read_tensors,
    settings_beside,
    settings_of,
)

TASKS = {11: "sudoku-9", 6: "maze-30"}
"""Vocabulary size -> task, for the published data sets (Sudoku-Extreme, Maze-Hard)."""
MULTIPLE = 256
"""Hidden widths are rounded up to a multiple of this."""


# import ---------------------------------------------------------------------------------------------------
def import_official(source: Path, out: Path, *, task: str | None = None, say: Callable[[str], None] = print) -> Config:
    """Write the checkpoint `source`, a file or run folder, as weights into the new folder `out`, completely or not at
    all. `task` follows from the vocabulary size if not given. FileNotFoundError, FileExistsError, ValueError."""
    refuse_filled(out)
    path = checkpoint_of(source)
    settings = read_settings(settings_beside(path))
    arch = architecture_of(settings, settings_beside(path))
    tensors = read_tensors(path)
    config = config_of(arch, settings, task or task_of(tensors, path))
    model = Model(tasks.of(config).spec, config.model)
    if model.identities is not None:
        raise ValueError(f"{config.task} has a vector for each puzzle; checkpoints of ARC cannot be imported.")
    fill(model, tensors, arch, path)
    with new_folder(out) as folder:
        weight_files.save(folder, config, model)
    say(
        f"{out}: {'TRM' if arch.name == TRM else 'HRM'}, {parameter_table(model)['total']:,} parameters; measure them: "
        f"gram eval {config.task} --weights {out}"
    )
    return config


def task_of(tensors: dict[str, Tensor], path: Path) -> str:
    """The task with this vocabulary size."""
    V = len(tensors.get("embed_tokens.embedding_weight", ()))
    if V not in TASKS:
        raise ValueError(
            f"{path} has {V} tokens, unlike the published Sudoku and maze data; name its task with --task."
        )
    return TASKS[V]


def config_of(arch: Architecture, settings: dict[str, Any], task: str) -> Config:
    """The whole configuration."""
    trm, D, M = arch.name == TRM, arch.hidden_size, tasks.task(task).spec.length + arch.tokens_in_front
    mixing = trm and arch.mlp_t
    model = ModelConfig(
        width=D,
        blocks=arch.L_layers,
        hidden=hidden_width(arch.expansion, D),
        mixer="swiglu" if mixing else "attention",
        mixer_hidden=hidden_width(arch.expansion, M) if mixing else ModelConfig.mixer_hidden,
        mixer_norm="positions" if mixing else "channels",
        heads=arch.num_heads,
        positions="none" if mixing and arch.pos_encodings == "rope" else arch.pos_encodings,
        registers=arch.tokens_in_front,
        puzzle_embedding=True,
        shared=trm,
        K=arch.L_cycles,
        T=arch.H_cycles,
        gradient="transition" if trm else "one-step",
        guidance="none",
        halting="halt" if trm and arch.no_ACT_continue else "halt-continue",
    )
    loss = settings["arch"].get("loss")
    kind = loss.get("loss_type") if isinstance(loss, dict) else None
    train: dict[str, Any] = {ours: settings[theirs] for ours, theirs in TRAINING.items() if theirs in settings}
    train |= {"N_sup": arch.halt_max_steps, "optimizer": "adamatan2"}
    train |= {"loss": "softmax" if kind == LOSSES["softmax"] else "stablemax"}
    return Config(
        recipe="official-trm" if trm else "official-hrm",
        task=task,
        model=model,
        train=from_dict(TrainConfig, train),
        solve=SolveConfig(depth=arch.halt_max_steps),
    )


def hidden_width(expansion: float, width: int) -> int:
    """Hidden width of a SwiGLU: two thirds of `expansion` times `width`, rounded up to a multiple of MULTIPLE."""
    return -(-round(expansion * width * 2 / 3) // MULTIPLE) * MULTIPLE


def fill(model: Model, tensors: dict[str, Tensor], arch: Architecture, path: Path) -> None:
    """Copy the tensors into `model`. ValueError unless every name and shape agrees."""
    state, D = model.state_dict(), arch.hidden_size
    same = names(model.config)
    shapes = {theirs: tuple(state[ours].shape) for ours, theirs in same.items()} | {"H_init": (D,), "L_init": (D,)}
    if arch.puzzle_emb_ndim:
        shapes["puzzle_emb.weights"] = (1, arch.puzzle_emb_ndim)
    for name, shape in shapes.items():
        if name not in tensors:
            raise ValueError(f"{path} lacks the tensor {name}; give a checkpoint and the {SETTINGS} of the same run.")
        found = tuple(tensors[name].shape)
        if name == "puzzle_emb.weights" and found[0] != 1:
            raise ValueError(
                f"{path} has embeddings of {found[0]:,} puzzles; only checkpoints with one can be imported."
            )
        if found != shape:
            raise ValueError(
                f"{path}: tensor {name} has shape {found} but {shape} is needed for {model.spec.name} and its "
                f"{SETTINGS}; choose the matching task and files."
            )
    if extra := sorted(set(tensors) - set(shapes)):
        raise ValueError(
            f"{path} holds the unknown tensor {extra[0]}, so it belongs to another network and cannot be imported."
        )
    new = {ours: tensors[theirs] for ours, theirs in same.items()}
    new["z0"] = torch.stack([tensors["H_init"], tensors["L_init"]])
    if arch.puzzle_emb_ndim:
        puzzle = tensors["puzzle_emb.weights"][0]
        new["registers"] = F.pad(puzzle, (0, state["registers"].numel() - len(puzzle))).view_as(state["registers"])
    model.load_state_dict(state | {name: tensor.float() for name, tensor in new.items()})


def names(config: ModelConfig) -> dict[str, str]:
    """Our names -> theirs, without prefix, for the tensors that are the same in both."""
    same = {
        "embed_x.weight": "embed_tokens.embedding_weight",
        "decoder.weight": "lm_head.weight",
        "halt.weight": "q_head.weight",
        "halt.bias": "q_head.bias",
    }
    if config.positions == "learned":
        same["embed_position.weight"] = "embed_pos.embedding_weight"
    layer = {"mlp.gate_up": "mlp.gate_up_proj", "mlp.down": "mlp.down_proj"}
    if config.mixer == "attention":
        layer |= {"mixer.qkv": "self_attn.qkv_proj", "mixer.out": "self_attn.o_proj"}
    else:
        layer |= {"mixer.mlp.gate_up": "mlp_t.gate_up_proj", "mixer.mlp.down": "mlp_t.down_proj"}
    levels = {"f_L": "L_level"} if config.shared else {"f_L": "L_level", "f_H": "H_level"}
    for f, level in levels.items():
        for i in range(config.blocks):
            for ours, theirs in layer.items():
                same[f"core.{f}.{i}.{ours}.weight"] = f"{level}.layers.{i}.{theirs}.weight"
    return same


# export ---------------------------------------------------------------------------------------------------
def export_official(weights: str, out: Path, *, say: Callable[[str], None] = print) -> Path:
    """Write weights, by name or folder, as a checkpoint of the TRM code (one network) or the HRM code (two) into the
    new folder `out`, completely or not at all. Imported weights are exported bit for bit. FileExistsError; ValueError
    names the field that makes the architecture a different one."""
    refuse_filled(out)
    config, model = weight_files.load(weights)
    if not isinstance(model, Model):
        raise ValueError(f"{weights} is of kind {config.model.kind}, which the TRM and HRM code does not have.")
    if model.identities is not None:
        raise ValueError(
            f"{weights} has a vector for each of its puzzles; those of ARC cannot be exported to that code."
        )
    refuse_others(config.model, weights)
    arch = architecture(config, model)
    with new_folder(out) as folder:
        weight_files.write_state(folder / CHECKPOINT, {PREFIX + name: t for name, t in theirs(model, arch).items()})
        (folder / SETTINGS).write_text(settings_of(config, arch), encoding="utf-8")
    say(f"{out / CHECKPOINT}: for {arch.name}; in {SETTINGS}, set data_path to the folder of {config.task}.")
    return out


def refuse_others(c: ModelConfig, weights: str) -> None:
    """ValueError if the network is neither TRM nor HRM."""
    mixing = c.mixer == "swiglu"
    wanted: dict[str, tuple[Any, ...]] = {
        "guidance": ("none",),
        "hierarchy": (True,),
        "unary": (False,),
        "stem": ("tokens",),
        "start": ("fixed",),
        "pool": ("first",),
        "mixer": ("attention", "swiglu") if c.shared else ("attention",),
        "mixer_norm": ("positions",) if mixing else ("channels",),
        "halting": ("halt", "halt-continue") if c.shared else ("halt-continue",),
        "positions": ("rope", "learned", "none") if c.shared else ("rope", "learned"),
        "puzzle_embedding": (True,) if c.positions == "learned" else (True, False),
    }
    for name, values in wanted.items():
        if getattr(c, name) not in values:
            raise ValueError(
                f"{weights} has model.{name} = {getattr(c, name)!r}, but {'TRM' if c.shared else 'HRM'} has "
                f"{' or '.join(map(repr, values))}; it cannot be exported to that code."
            )
    if not c.shared and not c.registers:
        raise ValueError(
            f"{weights} has no registers, but HRM has a puzzle embedding; it cannot be exported to that code."
        )


def architecture(config: Config, model: Model) -> Architecture:
    """The settings with which their code builds this network."""
    c, D, R = config.model, config.model.width, config.model.registers
    filled = R
    if model.registers is not None and c.shared:  # TRM adds the empty tokens itself
        filled = max([1, *(i + 1 for i, row in enumerate(model.registers) if row.any())])
    halves = torch.equal(model.z0.bfloat16().float(), model.z0)
    return Architecture(
        name=TRM if c.shared else HRM,
        H_cycles=c.T,
        L_cycles=c.K,
        H_layers=0 if c.shared else c.blocks,
        L_layers=c.blocks,
        hidden_size=D,
        num_heads=c.heads,
        expansion=expansion(c, model.rows),
        pos_encodings=c.positions,
        halt_max_steps=config.solve.depth,
        puzzle_emb_ndim=filled * D,
        puzzle_emb_len=R,
        mlp_t=c.mixer == "swiglu",
        no_ACT_continue=c.halting == "halt",
        forward_dtype="bfloat16" if halves else "float32",
    )


def expansion(c: ModelConfig, rows: int) -> float:
    """An expansion that yields all hidden widths; 4 if that does."""
    widths = [(c.width, c.hidden)] + ([(rows, c.mixer_hidden)] if c.mixer == "swiglu" else [])
    for candidate in (4.0, min(1.5 * hidden / width for width, hidden in widths)):
        if all(hidden_width(candidate, width) == hidden for width, hidden in widths):
            return candidate
    hidden = " and ".join(str(hidden) for _, hidden in widths)
    raise ValueError(
        f"Hidden widths of {hidden} cannot be exported to the TRM and HRM code, which rounds them to multiples of "
        f"{MULTIPLE}."
    )


def theirs(model: Model, arch: Architecture) -> dict[str, Tensor]:
    """The tensors with their names, without prefix."""
    state = model.state_dict()
    tensors = {theirs: state[ours] for ours, theirs in names(model.config).items()}
    H_init, L_init = state["z0"].to(getattr(torch, arch.forward_dtype)).unbind()
    tensors |= {"H_init": H_init.clone(), "L_init": L_init.clone()}
    if arch.puzzle_emb_ndim:
        scale = 1.0 if model.config.puzzle_embedding else math.sqrt(arch.hidden_size)
        tensors["puzzle_emb.weights"] = (state["registers"] / scale).view(1, -1)[:, : arch.puzzle_emb_ndim].clone()
    return tensors

"""Files of the published TRM (arXiv:2510.04871) and HRM (arXiv:2506.21734) code: a state dict written by torch.save,
whose names all have one prefix (of torch.compile and the loss head), and all_config.yaml with the settings that no
tensor shape shows.
"""

import dataclasses
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from gram import strict_json
from gram.config import Config, from_dict
from gram.weights import unpickled

CHECKPOINT, SETTINGS = "checkpoint", "all_config.yaml"
ENDINGS = ("", ".pt", ".pth", ".bin", ".ckpt", ".safetensors")
"""Endings of files that may be checkpoints."""
NO_WEIGHTS = ("LICENSE", "Makefile", "Dockerfile")
WRAPPERS = ("model", "state_dict", "model_state_dict", "module", "ema")
"""Keys of a dict that holds the state dict beside the optimizer's and other states."""
PREFIX = "_orig_mod.model.inner."
TRM = "recursive_reasoning.trm@TinyRecursiveReasoningModel_ACTV1"
HRM = "hrm.hrm_act_v1@HierarchicalReasoningModel_ACTV1"
NAMES = (TRM, HRM, "recursive_reasoning.hrm@HierarchicalReasoningModel_ACTV1")
"""Accepted values of arch.name. The third is the HRM of the TRM code."""
LOSSES = {"stablemax": "stablemax_cross_entropy", "softmax": "softmax_cross_entropy"}
TRAINING = {
    "batch": "global_batch_size",
    "lr": "lr",
    "lr_final": "lr_min_ratio",
    "warmup": "lr_warmup_steps",
    "weight_decay": "weight_decay",
    "seed": "seed",
}
"""Fields of TrainConfig -> their names in all_config.yaml."""


@dataclass(kw_only=True, frozen=True)
class Architecture:
    """The section `arch` of all_config.yaml, with its names and the defaults of the published code."""

    name: str
    H_cycles: int
    L_cycles: int
    H_layers: int
    L_layers: int
    hidden_size: int
    num_heads: int
    expansion: float
    pos_encodings: Literal["rope", "learned", "none"]
    halt_max_steps: int
    halt_exploration_prob: float = 0.1
    puzzle_emb_ndim: int = 0
    """Width of the single puzzle embedding. It fills the first of the prepended tokens; the others are 0."""
    puzzle_emb_len: int = 16
    """Number of prepended tokens (TRM). With 0, and in HRM, it follows from puzzle_emb_ndim."""
    mlp_t: bool = False
    """Whether TRM mixes positions with a SwiGLU."""
    no_ACT_continue: bool = True
    """Whether TRM halts by its halt logit alone."""
    rms_norm_eps: float = 1e-5
    rope_theta: float = 10_000.0
    forward_dtype: str = "bfloat16"

    @property
    def tokens_in_front(self) -> int:
        filled = -(-self.puzzle_emb_ndim // self.hidden_size)
        return (self.puzzle_emb_len or filled) if self.name == TRM and filled else filled


def checkpoint_of(source: Path) -> Path:
    """The checkpoint file; in a folder, the file `checkpoint`, the newest step_N, or the only one of another name.
    ValueError if there are several of these."""
    path = source
    if source.is_dir():
        steps = {int(match[1]): p for p in source.iterdir() if (match := re.fullmatch(r"step_(\d+)", p.name))}
        others = sorted(p for p in source.iterdir() if p.is_file() and p.suffix in ENDINGS and p.name not in NO_WEIGHTS)
        path = source / CHECKPOINT
        if not path.is_file() and steps:
            path = steps[max(steps)]
        elif not path.is_file() and others:
            if len(others) > 1:
                raise ValueError(f"{source} holds {others[0].name} and {others[1].name}; give the checkpoint itself.")
            path = others[0]
    if not path.is_file():
        raise FileNotFoundError(
            f"There is no checkpoint {path}; give a file of torch.save or the folder that holds it."
        )
    settings_beside(path)
    return path


def settings_beside(path: Path) -> Path:
    """all_config.yaml beside a checkpoint, or the only other YAML file there. FileNotFoundError if there is none."""
    beside = path.with_name(SETTINGS)
    others = sorted(p for p in path.parent.iterdir() if p.suffix in (".yaml", ".yml"))
    if not beside.is_file() and len(others) != 1:
        raise FileNotFoundError(f"There is no {SETTINGS} beside {path}; copy it there from the run.")
    return beside if beside.is_file() else others[0]


def read_settings(path: Path) -> dict[str, Any]:
    """The mappings and scalars of a YAML file in the block style of yaml.dump, without lists."""
    root: dict[str, Any] = {}
    sections = [(-1, root)]
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        key, colon, value = line.partition(":")
        name, indent = key.strip(), len(key) - len(key.lstrip())
        if not colon or name.startswith(("-", "#")):
            continue
        while sections[-1][0] >= indent:
            sections.pop()
        value = value.split(" #")[0].strip()
        sections[-1][1][name] = scalar(value) if value else {}
        if not value:
            sections.append((indent, sections[-1][1][name]))
    return root


def scalar(text: str) -> Any:
    try:
        return strict_json.parse(text, "It", "write a scalar")
    except ValueError:
        return text.strip("'\"")


def architecture_of(settings: dict[str, Any], path: Path) -> Architecture:
    """The section `arch`. ValueError if it is incomplete or describes a network that the core cannot build."""
    given = settings.get("arch")
    if not isinstance(given, dict):
        raise ValueError(
            f"{path} has no section arch; give the file that the published code writes next to its checkpoints."
        )
    known = {field.name for field in dataclasses.fields(Architecture)}
    try:
        arch = from_dict(Architecture, {key: value for key, value in given.items() if key in known})
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None
    if arch.name not in NAMES:
        raise ValueError(f"{path}: arch.name is {arch.name!r}; only {' and '.join(NAMES[:2])} can be imported.")
    for name in ("H_cycles", "L_cycles", "L_layers", "hidden_size", "num_heads", "expansion", "halt_max_steps"):
        if not getattr(arch, name) > 0:
            raise ValueError(f"{path}: arch.{name} is {getattr(arch, name)}; it must be above 0.")
    wanted: dict[str, Any] = {"rms_norm_eps": 1e-5, "rope_theta": 10_000.0}
    if arch.name != TRM:
        wanted["H_layers"] = arch.L_layers
    for name, value in wanted.items():
        if getattr(arch, name) != value:
            raise ValueError(f"{path}: arch.{name} is {getattr(arch, name)}; only {value} can be imported.")
    D, ndim = arch.hidden_size, arch.puzzle_emb_ndim
    if ndim % D or not 0 <= ndim <= arch.tokens_in_front * D:
        raise ValueError(f"{path}: arch.puzzle_emb_ndim is {ndim}; it must fit into the prepended tokens of width {D}.")
    return arch


def read_tensors(path: Path) -> dict[str, Tensor]:
    """The tensors of a checkpoint, without the prefix of their names. Never runs code from the file."""
    try:
        found = load_file(path) if path.suffix == ".safetensors" else unpickled(path)
    except (SafetensorError, OSError):
        found = None
    if found is None:
        raise ValueError(f"{path} is not a checkpoint, or it is damaged; give a state dict written by torch.save.")
    found = _inside(found, path)
    if not isinstance(found, dict) or not all(isinstance(n, str) and isinstance(t, Tensor) for n, t in found.items()):
        raise ValueError(f"{path} holds more than tensors; give a state dict written by torch.save.")
    prefix = next((name.removesuffix("H_init") for name in found if f".{name}".endswith(".H_init")), None)
    if prefix is None:
        raise ValueError(f"{path} lacks the tensor H_init, so it is not a checkpoint of TRM or HRM; give another file.")
    return {name.removeprefix(prefix): tensor for name, tensor in found.items() if "rotary_emb." not in name}


def _inside(found: Any, path: Path) -> Any:
    """The state dict in a dict of model, optimizer and the like. ValueError if it holds several."""
    if not isinstance(found, dict):
        return found
    inner = [key for key in WRAPPERS if isinstance(found.get(key), dict)]
    if len(inner) > 1:
        raise ValueError(f"{path} holds both {inner[0]} and {inner[1]}; save one of them as a state dict of its own.")
    return found[inner[0]] if inner else found


def settings_of(config: Config, arch: Architecture) -> str:
    """The text of all_config.yaml for both codes. Fields that only their training reads are taken from our config."""
    c = config.train
    values = {theirs: getattr(c, ours) for ours, theirs in TRAINING.items()}
    values |= {"beta1": c.betas[0], "beta2": c.betas[1], "epochs": 1}
    values |= {"puzzle_emb_lr": c.lr_rest or c.lr, "puzzle_emb_weight_decay": c.weight_decay}
    lines = ["arch:", *(f"  {key}: {written(value)}" for key, value in dataclasses.asdict(arch).items())]
    lines += ["  loss:", '    name: "losses@ACTLossHead"', f'    loss_type: "{LOSSES[c.loss]}"']
    lines += [f"{key}: {written(value)}" for key, value in values.items()]
    lines += [f"data_path: data/{config.task}", "data_paths:", f"- data/{config.task}", "evaluators: []"]
    return "\n".join(lines) + "\n"


def written(value: Any) -> str:
    """A scalar in YAML, which would read a float without a decimal point as a string."""
    return re.sub(r"^(-?\d+)e", r"\1.0e", json.dumps(value))

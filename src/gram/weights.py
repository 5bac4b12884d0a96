"""A folder of weights: config.json and model.safetensors. Written whole or not at all, read with plain errors."""

import json
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from safetensors.torch import save as packed
from torch import Tensor

from gram import tasks
from gram.atomic import whole
from gram.config import Config, read_config, to_dict
from gram.models.build import AnyModel, build

SHIPPED = Path(__file__).parent / "pretrained"
CONFIG, WEIGHTS = "config.json", "model.safetensors"


def shipped() -> list[str]:
    """Names of the weights that come with the package."""
    return sorted(p.parent.name for p in SHIPPED.glob(f"*/{CONFIG}"))


def find(name_or_path: str | Path) -> Path:
    """A folder given by path, or shipped weights by name. FileNotFoundError if there is neither."""
    path = Path(name_or_path)
    if (path / CONFIG).is_file():
        return path
    if path.name == str(name_or_path) and (SHIPPED / path / CONFIG).is_file():
        return SHIPPED / path
    if path.is_dir():
        raise FileNotFoundError(f"{path} holds no {CONFIG}; give the folder that `gram train --out` wrote.")
    raise FileNotFoundError(
        f"There are no weights {str(name_or_path)!r}; give a folder written by `gram train --out` or one of the "
        f"shipped: {', '.join(shipped()) or 'none'}."
    )


def load(name_or_path: str | Path) -> tuple[Config, AnyModel]:
    """Read config and model. FileNotFoundError or ValueError with one sentence when something is missing or broken."""
    folder = find(name_or_path)
    config = read_config(folder / CONFIG)
    model = build(tasks.of(config).spec, config.model)
    load_weights(model, folder / WEIGHTS)
    return config, model.eval()


def load_weights(model: AnyModel, path: Path) -> None:
    """Load safetensors into `model`; every name and shape must agree."""
    if not path.is_file():
        raise FileNotFoundError(f"The weight file {path} is missing; copy it beside its {CONFIG}.")
    try:
        tensors = load_file(path)
    except (SafetensorError, OSError) as error:
        raise ValueError(f"The weight file {path} is truncated or damaged ({error}); copy it again.") from None
    expected = model.state_dict()
    for name in expected:
        if name not in tensors:
            raise ValueError(f"{path} lacks the tensor {name}: it belongs to another {CONFIG}; use the matching pair.")
        if tensors[name].shape != expected[name].shape:
            raise ValueError(
                f"{path}: tensor {name} has shape {tuple(tensors[name].shape)} but {CONFIG} asks for "
                f"{tuple(expected[name].shape)}; use the config that the weights were trained with."
            )
    if extra := sorted(set(tensors) - set(expected)):
        raise ValueError(f"{path} holds the unknown tensor {extra[0]}: it belongs to another {CONFIG}.")
    model.load_state_dict({name: t.float() for name, t in tensors.items()})


def save(folder: Path, config: Config, model: AnyModel, *, half: bool = False) -> None:
    """Write config and weights; `half` stores bfloat16. OSError leaves earlier files as they were."""
    folder.mkdir(parents=True, exist_ok=True)
    state = model.state_dict()
    tensors = {k: (v.bfloat16() if half and v.is_floating_point() else v).contiguous() for k, v in state.items()}
    write_tensors(folder / WEIGHTS, tensors)
    write_json(folder / CONFIG, to_dict(config))


def write_tensors(path: Path, tensors: dict[str, Tensor]) -> None:
    """Atomic: write beside, fsync, rename."""
    _atomic(path, lambda temporary: temporary.write_bytes(packed(tensors)))


def write_json(path: Path, values: Any) -> None:
    """Atomic: write beside, fsync, rename."""
    _atomic(path, lambda temporary: temporary.write_text(json.dumps(values, indent=2) + "\n", encoding="utf-8"))


def write_state(path: Path, state: dict[str, Any]) -> None:
    """Atomic torch.save of tensors and plain values (optimiser state)."""
    _atomic(path, lambda temporary: torch.save(state, temporary))


def _atomic(path: Path, write) -> None:
    try:
        with whole(path) as temporary:
            write(temporary)
    except (OSError, SafetensorError, RuntimeError) as error:
        reason = (error.strerror if isinstance(error, OSError) else None) or "the disk may be full"
        raise OSError(f"Could not write {path} ({reason}); free some disk space. Earlier files are intact.") from error

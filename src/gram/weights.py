"""Weight folders: config.json and model.safetensors. Written completely or not at all.

Weights and training states contain their own sha256, so that damage is noticed: in the metadata of a safetensors file,
in the comment of a ZIP. Files of earlier versions have none and still load.

The paths of your own data and their check are stored with the checkpoints, not with the weights: paths hold only on
this machine, and weights are passed on."""

import dataclasses
import hashlib
import json
import os
import re
import zipfile
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save as packed
from torch import Tensor

from gram import hub, tasks
from gram.advice import FOLDER as SHIPPED
from gram.atomic import whole
from gram.config import Config, read_config, to_dict
from gram.models.build import AnyModel, build
from gram.strict_json import read_object

CONFIG, WEIGHTS = "config.json", "model.safetensors"
CHECKSUM, HEXADECIMAL = "sha256", 64
EMBEDDED = ("embed_x.weight", "core.posterior.embed_y.weight")
"""Tensors of a unary network with one row per token."""
PLACES = Path("checkpoints") / "places.json"
"""The file in a run folder with the paths of your own data and their check."""


def shipped() -> list[str]:
    """Names of the weights in the package."""
    return sorted(p.parent.name for p in SHIPPED.glob(f"*/{CONFIG}"))


def license_of(folder: Path) -> str | None:
    """License of the weights in a folder: that of this package for the shipped ones; the owner's own have none yet."""
    return "Apache-2.0" if folder.parent == SHIPPED else None


def find(name_or_path: str | Path) -> Path:
    """The folder of a path, of shipped weights by name, or of hf:owner/name on the hub. FileNotFoundError if there is
    none."""
    if hub.is_address(name_or_path):
        return hub.fetch(str(name_or_path))
    path = Path(name_or_path)
    if (path / CONFIG).is_file():
        return path
    if path.name == str(name_or_path) and (SHIPPED / path / CONFIG).is_file():
        return SHIPPED / path
    if path.is_dir():
        raise FileNotFoundError(f"{path} has no {CONFIG}; give the folder that `gram train --out` wrote.")
    raise FileNotFoundError(
        f"There are no weights {str(name_or_path)!r}; give a folder written by `gram train --out` or one of the "
        f"shipped: {', '.join(shipped()) or 'none'}."
    )


def any_size(config: Config) -> bool:
    """Whether the weights hold for every size of their kind of task, since none of them belongs to a position."""
    c = config.model
    return (c.kind, c.mixer, c.positions, c.guidance_over) == ("recursive", "groups", "none", "positions")


def for_task(config: Config, task: str | None) -> Config:
    """The config for another size of the same kind of task. ValueError if the weights hold for one size, or for another
    kind."""
    if task in (None, config.task):
        return config
    if not any_size(config) or kind(task) != kind(config.task) or not same_tokens(config, task):
        raise ValueError(
            f"The weights {config.recipe} are for {config.task}, not for {task}; choose others with --weights."
        )
    return dataclasses.replace(config, task=task)


def same_tokens(config: Config, task: str) -> bool:
    """Whether the network of `config` reads and writes the tokens of `task`. A unary one reads the same few tokens at
    every number of symbols."""
    one, other = tasks.of(config).spec, tasks.task(task).spec
    symbols = one.symbols[:2] == other.symbols[:2] if config.model.unary else one.symbols == other.symbols
    return symbols and not other.identities and (config.model.unary or one.vocabulary == other.vocabulary)


def of_any_size(task: str, size: int) -> Path | None:
    """The shipped weights that hold for every size of a task and were trained on the size nearest above `size`, else on
    the largest."""
    sizes = {}
    for name in shipped():
        if kind(name) != kind(task):
            continue
        config = read(SHIPPED / name)
        seen = same_tokens(config, task) and tasks.task(name).spec.symbols == tasks.task(task).spec.symbols
        if any_size(config) and config.task == name and seen:
            sizes[next(iter(tasks.numbers(name)), 0)] = SHIPPED / name
    above = [n for n in sizes if n >= size]
    return sizes[min(above) if above else max(sizes)] if sizes else None


def kind(task: str) -> str:
    """The name of a task with N for its numbers."""
    return re.sub(r"\d+", "N", task)


def load(name_or_path: str | Path, task: str | None = None) -> tuple[Config, AnyModel]:
    """Read config and model, for `task` if it is another size of the weights' own (see any_size). FileNotFoundError or
    ValueError with one sentence if something is missing, damaged or does not fit."""
    folder = find(name_or_path)
    own = read(folder)
    config = for_task(own, task)
    model = build(tasks.of(config).spec, config.model)
    if config.task != own.task and config.model.unary:
        load_resized(model, own, folder)
    else:
        load_weights(model, folder / WEIGHTS)
    return config, model.eval()


def read(folder: Path) -> Config:
    """The config of a folder, with the paths of your own data if known. ValueError or FileNotFoundError if it is
    damaged or missing."""
    config = read_config(folder / CONFIG)
    if (config.table is None and config.rows is None) or not (folder / PLACES).is_file():
        return config
    places = read_object(folder / PLACES, "remove it, and give --data and --check instead")
    files, check = places.get("files"), places.get("check")
    if not isinstance(files, list) or not all(
        isinstance(name, str) for name in (*files, "" if check is None else check)
    ):
        raise ValueError(f"{folder / PLACES} is damaged; remove it, and give --data and --check instead.")
    if config.rows is not None:
        rows = dataclasses.replace(config.rows, files=config.rows.files or tuple(files))
        return dataclasses.replace(config, rows=rows)
    table = config.table
    assert table is not None
    table = dataclasses.replace(table, files=table.files or tuple(files), check=table.check or check)
    return dataclasses.replace(config, table=table)


def public(config: Config) -> Config:
    """`config` without the paths of your own data."""
    if config.rows is not None:
        return dataclasses.replace(config, rows=dataclasses.replace(config.rows, files=()))
    if config.table is None:
        return config
    return dataclasses.replace(config, table=dataclasses.replace(config.table, files=(), check=None))


def write_config(folder: Path, config: Config) -> None:
    """Write config.json, and for your own data the paths."""
    write_json(folder / CONFIG, to_dict(public(config)))
    if (described := config.table or config.rows) is not None:
        (folder / PLACES).parent.mkdir(parents=True, exist_ok=True)
        check = None if config.table is None else config.table.check
        write_json(folder / PLACES, {"files": list(described.files), "check": check})


def load_weights(model: AnyModel, path: Path) -> None:
    """Load safetensors into `model`. Names and shapes must agree, numbers must be finite, and the checksum, if any,
    must be right."""
    if not path.is_file():
        raise FileNotFoundError(f"The weight file {path} is missing; copy it into the folder of its {CONFIG}.")
    try:
        with safe_open(path, "pt") as file:
            names = list(file.keys())
            compare(path, {name: tuple(file.get_slice(name).get_shape()) for name in names}, model)
            tensors = {name: file.get_tensor(name) for name in names}
            written = (file.metadata() or {}).get(CHECKSUM)
    except (SafetensorError, OSError) as error:
        raise ValueError(f"The weight file {path} is truncated or damaged ({error}); copy it again.") from None
    if written is not None and written != digest(tensors):
        raise ValueError(f"The weight file {path} is damaged, since its checksum is wrong; copy it again.")
    for name, tensor in tensors.items():
        if not tensor.isfinite().all():
            raise ValueError(f"{path}: tensor {name} holds a number that is not finite; copy the file again.")
    model.load_state_dict({name: t.float() for name, t in tensors.items()})


def load_resized(model: AnyModel, config: Config, folder: Path) -> None:
    """Load the weights of a unary network, of `folder` with its `config`, into one for another number of symbols. Its
    inputs are padding, blank, and the first two symbols for a match and for another symbol; rows of further tokens are
    never read, and stay. ValueError if the networks differ otherwise."""
    before = build(tasks.of(config).spec, config.model)
    load_weights(before, folder / WEIGHTS)
    state, fresh, read = before.state_dict(), model.state_dict(), before.spec.symbols[1] + 1
    for name in EMBEDDED:
        if name in state and name in fresh and state[name].shape[1:] == fresh[name].shape[1:]:
            state[name] = torch.cat([state[name][:read], fresh[name][read:]])
    same = {name: tensor.shape for name, tensor in state.items()} == {n: tensor.shape for n, tensor in fresh.items()}
    if not same or before.spec.symbols[:2] != model.spec.symbols[:2]:
        raise ValueError(f"{folder} has a different network; leave it out, or give the same --model options.")
    model.load_state_dict(state)


def compare(path: Path, shapes: dict[str, tuple[int, ...]], model: AnyModel) -> None:
    """ValueError unless a file has exactly the tensors of `model`, with their shapes."""
    expected = {name: tuple(tensor.shape) for name, tensor in model.state_dict().items()}
    for name in expected:
        if name not in shapes:
            raise ValueError(f"{path} lacks the tensor {name}: it belongs to another {CONFIG}; use the matching pair.")
        if shapes[name] != expected[name]:
            raise ValueError(
                f"{path}: tensor {name} has shape {shapes[name]} but {CONFIG} needs {expected[name]}; use the "
                "config that the weights were trained with."
            )
    if extra := sorted(set(shapes) - set(expected)):
        raise ValueError(f"{path} holds the unknown tensor {extra[0][:60]}: it belongs to another {CONFIG}.")


def save(folder: Path, config: Config, model: AnyModel, *, half: bool = False) -> None:
    """Write config and weights; `half` stores bfloat16. After an OSError, earlier files are intact."""
    folder.mkdir(parents=True, exist_ok=True)
    state = model.state_dict()
    tensors = {k: (v.bfloat16() if half and v.is_floating_point() else v).contiguous() for k, v in state.items()}
    write_tensors(folder / WEIGHTS, tensors)
    write_config(folder, config)


def write_tensors(path: Path, tensors: dict[str, Tensor]) -> None:
    """Write safetensors atomically: temporary file, fsync, rename."""
    checksum = {CHECKSUM: digest(tensors)}
    _atomic(path, lambda temporary: temporary.write_bytes(packed(tensors, checksum)))


def digest(tensors: dict[str, Tensor]) -> str:
    """sha256 of names, dtypes, shapes and contents."""
    total = hashlib.sha256()
    for name in sorted(tensors):
        tensor = tensors[name].detach().cpu().contiguous()
        total.update(f"{name} {tensor.dtype} {list(tensor.shape)}\n".encode())
        total.update(tensor.reshape(-1).view(torch.uint8).numpy().tobytes())
    return total.hexdigest()


def write_json(path: Path, values: Any) -> None:
    """Write JSON atomically: temporary file, fsync, rename."""
    _atomic(path, lambda temporary: temporary.write_text(json.dumps(values, indent=2) + "\n", encoding="utf-8"))


def write_state(path: Path, state: dict[str, Any]) -> None:
    """Atomic torch.save of tensors and plain values (optimizer state)."""

    def write(temporary: Path) -> None:
        torch.save(state, temporary)
        stamp(temporary)

    _atomic(path, write)


def stamp(path: Path) -> None:
    """Append the sha256 of a ZIP without comment as its comment. The length of the comment, the last field before it,
    is not hashed."""
    with open(path, "rb+") as file:
        size = file.seek(0, os.SEEK_END) - 2
        file.seek(0)
        checksum = hashlib.sha256(file.read(size)).hexdigest()
        file.seek(size)
        file.write(HEXADECIMAL.to_bytes(2, "little") + checksum.encode())


def read_state(path: Path) -> dict[str, Any]:
    """Read what `write_state` wrote. ValueError with one sentence for a damaged file; OSError if it cannot be read."""
    content = path.read_bytes()
    if content[-22:-18] == b"PK\5\6":  # the end of a ZIP without comment, from an earlier version; its files have CRCs
        try:
            with zipfile.ZipFile(path) as archive:
                whole_file = archive.testzip() is None
        except (zipfile.BadZipFile, NotImplementedError, EOFError, OSError, ValueError, RuntimeError):
            whole_file = False
    else:
        checksum = hashlib.sha256(content[: -2 - HEXADECIMAL]).hexdigest()
        whole_file = content[-2 - HEXADECIMAL :] == HEXADECIMAL.to_bytes(2, "little") + checksum.encode()
    if not whole_file:
        raise ValueError(f"{path} is damaged, since its checksum is wrong.")
    found = unpickled(path)
    if not isinstance(found, dict):
        raise ValueError(f"{path} is not a training state.")
    return found


def unpickled(path: Path) -> Any:
    """Read what torch.save wrote: tensors and plain values. None for anything else, a damaged file, and one that is
    compressed, since torch.save does not compress and unpacking has no limit. Never runs code from the file."""
    try:
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                if sum(info.file_size for info in archive.infolist()) > path.stat().st_size:
                    return None
        return torch.load(path, map_location="cpu", weights_only=True)
    except MemoryError:
        raise
    except Exception:  # torch lets through whatever its unpickler raises
        return None


def _atomic(path: Path, write) -> None:
    try:
        with whole(path) as temporary:
            write(temporary)
    except (OSError, SafetensorError, RuntimeError) as error:
        reason = (error.strerror if isinstance(error, OSError) else None) or "the disk may be full"
        raise OSError(f"Could not write {path} ({reason}); free some disk space. Earlier files are intact.") from error

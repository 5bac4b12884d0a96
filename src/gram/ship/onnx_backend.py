"""The recursion in ONNX: a bundle becomes a Reasoner with numpy and onnxruntime alone.

A bundle is the folder that `gram export` writes: encoder.onnx (tokens to e_x), step.onnx (one supervision step under
given noise), start.npz (z0), config.json, README.md, and manifest.json with the checksum of each.
"""

import hashlib
import json
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from onnxruntime.capi import onnxruntime_pybind11_state as errors  # pyright: ignore[reportAttributeAccessIssue]

from gram import tasks
from gram.config import ModelConfig, read_config
from gram.machine import processors
from gram.solve.backend import StepOutput
from gram.solve.noise import Noise
from gram.solve.reasoner import Reasoner
from gram.solve.threads import Threads
from gram.tasks.base import Tokens

MANIFEST, CONFIG, ENCODER, STEP, START = "manifest.json", "config.json", "encoder.onnx", "step.onnx", "start.npz"
FORMAT = 1
DTYPES = "float32", "int8"
REFUSALS = errors.Fail, errors.InvalidArgument, errors.InvalidGraph, errors.InvalidProtobuf, errors.NotImplemented
"""What onnxruntime raises for a graph that it cannot run."""
ROWS = 64
"""Active rows: more fall out of a CPU's caches."""
PART = 4
"""Rows that one thread takes at least."""


def load(folder: str | Path, *, threads: int | None = None, trust: bool = False, check: str | None = None) -> Reasoner:
    """A Reasoner from a bundle; `threads` of None is one for each processor. `trust`, `check`: see gram.load.
    FileNotFoundError or ValueError with one sentence when a file is missing, damaged or of another format."""
    folder = Path(folder)
    manifest = read_manifest(folder)
    config = read_config(folder / CONFIG)
    network = OnnxNetwork(folder, config.model, manifest["dtype"], threads)
    return Reasoner(config, network, tasks.of(config, trust=trust, check=check), "as exported")


def read_manifest(folder: Path) -> dict[str, Any]:
    """manifest.json, after every file has been compared with its checksum."""
    path = folder / MANIFEST
    if not path.is_file():
        raise FileNotFoundError(f"{folder} is no bundle: it has no {MANIFEST}; give a folder that `gram export` wrote.")
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
        written, sums, _ = manifest["format"], dict(manifest["sha256"]), manifest["dtype"]
    except (ValueError, KeyError, TypeError):
        raise ValueError(f"{path} is damaged; export the bundle again.") from None
    if missing := {CONFIG, ENCODER, STEP, START} - sums.keys():
        raise ValueError(f"{path} names no {min(missing)}; export the bundle again.")
    if manifest["dtype"] not in DTYPES:
        raise ValueError(
            f"{folder} is in {manifest['dtype']}, this program runs {' and '.join(DTYPES)}; export it again."
        )
    if written != FORMAT:
        raise ValueError(f"{folder} has format {written}, this program reads {FORMAT}; export the bundle again.")
    for name, expected in sums.items():
        if not (folder / name).is_file():
            raise FileNotFoundError(f"The bundle {folder} lacks {name}; copy it again.")
        if sha256(folder / name) != expected:
            raise ValueError(f"{name} in the bundle {folder} does not have its checksum; copy it again.")
    return manifest


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


class OnnxNetwork:
    """The recursion of a bundle; see gram.solve.backend.Network."""

    active_rows, first_wave, device = ROWS, 2, "cpu"

    def __init__(self, folder: Path, config: ModelConfig, dtype: str, threads: int | None = None):
        self.config, self.dtype, self.asked = config, dtype, threads
        self.files = {name: (folder / name).read_bytes() for name in (ENCODER, STEP, START)}
        """What a pickled copy is made of."""
        self.threads = threads or processors()
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1  # rows are divided among threads instead; see TorchNetwork
        self.encoder, self.transition = (session(folder / name, options) for name in (ENCODER, STEP))
        self.inputs = {i.name for i in self.transition.get_inputs()}  # what a variant does not use is none
        with np.load(folder / START, allow_pickle=False) as start:
            self.start: tuple[np.ndarray, np.ndarray] = start["h"], start["l"]
            """z0: h (1, M, D) and l (1, M, D), or (1, 0, D) in a flat variant."""
        M = self.start[0].shape[1]
        self.start_shape = 2, M, config.width
        self.noise_shape = config.T, M if config.guidance_over == "positions" else 1, config.width
        self.pool = Threads(self.threads)

    @property
    def size(self) -> str:
        return f"{sum(map(len, self.files.values())) / 1e6:.2f} MB"

    def close(self) -> None:
        self.pool.close()

    def encode(self, tokens: Tokens) -> np.ndarray:
        return np.asarray(self.encoder.run(None, {"tokens": tokens.astype(np.int64)})[0])

    def initial(self, rows: int, noise: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
        h, l = self.start if noise is None else noise  # noqa: E741
        return expand(h, rows), expand(l[:, : self.start[1].shape[1]], rows)

    def step(
        self,
        state: tuple[np.ndarray, np.ndarray],
        e_x: np.ndarray,
        noise: Noise | None,
        *,
        temperature: float,
    ) -> StepOutput:
        T, *one = self.noise_shape
        B = len(e_x if noise is None else noise)
        size = -(-B // min(self.threads, max(1, B // PART)))

        def part(first: int) -> list[np.ndarray]:
            rows = slice(first, first + size)
            b = min(size, B - first)
            drawn = np.zeros((T, b, *one), np.float32) if noise is None else noise.draw(rows)
            if temperature != 1:
                drawn *= np.float32(temperature)
            h, l, e = (expand(z if len(z) == 1 else z[rows], b) for z in (*state, e_x))  # noqa: E741
            inputs = {"h": h, "l": l, "e_x": e, "noise": np.ascontiguousarray(drawn)}
            given = {name: array for name, array in inputs.items() if name in self.inputs}
            return [np.asarray(out) for out in self.transition.run(None, given)]

        parts = list(self.pool.map(part, range(0, B, size)))
        joined = parts[0] if len(parts) == 1 else map(np.concatenate, zip(*parts, strict=True))
        h, l, logits, halt, value, *candidates = joined  # noqa: E741
        margin = halt[:, 0] - halt[:, 1] if self.config.halting == "halt-continue" else halt[:, 0]
        return StepOutput((h, l), logits, margin, value, np.zeros((B, 0), np.float32), *candidates)

    def join(self, parts: Sequence[np.ndarray]) -> np.ndarray:
        return np.concatenate(parts)

    def pick(self, z: np.ndarray, rows: np.ndarray) -> np.ndarray:
        return z[rows]

    def put(self, z: np.ndarray, rows: np.ndarray, new: np.ndarray) -> np.ndarray:
        z = z.copy()
        z[rows] = new
        return z

    def __reduce__(self):
        """By its files, so that it needs no folder elsewhere."""
        return restored, (self.files, self.config, self.dtype, self.asked)


def restored(files: dict[str, bytes], config: ModelConfig, dtype: str, threads: int | None) -> OnnxNetwork:
    """What was pickled."""
    with tempfile.TemporaryDirectory() as holder:
        for name, content in files.items():
            (Path(holder) / name).write_bytes(content)
        return OnnxNetwork(Path(holder), config, dtype, threads)


def session(path: Path, options: onnxruntime.SessionOptions) -> onnxruntime.InferenceSession:
    """A graph, ready to run. ValueError if this onnxruntime cannot: the checksum was right, so the file is whole."""
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except REFUSALS as error:
        raise ValueError(
            f"onnxruntime {onnxruntime.__version__} cannot run {path} ({str(error).splitlines()[0]}); "
            "install a newer onnxruntime."
        ) from None


def expand(z: np.ndarray, rows: int) -> np.ndarray:
    """(1 or rows, ...) -> (rows, ...), contiguous."""
    return np.ascontiguousarray(np.broadcast_to(z, (rows, *z.shape[1:])))

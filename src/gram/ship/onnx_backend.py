"""The ONNX backend: a Reasoner from a bundle, with numpy and onnxruntime alone.

A bundle is the folder that `gram export` writes: encoder.onnx (tokens to e_x), step.onnx (one supervision step with
given noise), start.npz (z0), config.json, README.md, and manifest.json with the checksum of each.
"""

import hashlib
import re
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from onnxruntime.capi import onnxruntime_pybind11_state as errors  # pyright: ignore[reportAttributeAccessIssue]

from gram import strict_json, tasks
from gram.config import ModelConfig, read_config
from gram.fields import shown
from gram.machine import processors
from gram.solve.backend import StepOutput
from gram.solve.noise import Noise
from gram.solve.reasoner import Reasoner
from gram.solve.threads import Threads
from gram.tasks.reading.containers import unpacked
from gram.tasks.spec import Tokens

MANIFEST, CONFIG, ENCODER, STEP, START = "manifest.json", "config.json", "encoder.onnx", "step.onnx", "start.npz"
FORMAT = 1
DTYPES = "float32", "int8"
REFUSALS = (
    *(errors.Fail, errors.InvalidArgument, errors.InvalidGraph, errors.InvalidProtobuf, errors.NotImplemented),
    *(errors.RuntimeException, errors.NoSuchFile, errors.EPFail, RuntimeError, IndexError, TypeError),
)
"""Exceptions that onnxruntime raises for a graph that it cannot run."""
GIVEN = {"h", "l", "e_x", "noise"}
"""Possible inputs of the step graph; a variant omits those that it does not use."""
FORBIDDEN = {
    b"\x0a\x08location": "files outside",
    **{b"\x22" + bytes([len(name)]) + name: f"the operator {name.decode()}" for name in (b"Loop", b"Scan", b"If")},
}
"""Protobuf bytes that no exported graph contains: tensors in other files, and loops, which might never end."""
LARGEST = 2**30
"""Maximum bytes of a file of a bundle, and of an array of its start."""
ROWS = 64
"""Active rows; more would not fit into the caches of a CPU."""
PART = 4
"""Minimum rows per thread."""


def load(folder: str | Path, *, threads: int | None = None, trust: bool = False, check: str | None = None) -> Reasoner:
    """A Reasoner from a bundle. `threads`: None means one per processor. `trust`, `check`: see gram.load.
    FileNotFoundError or ValueError with one sentence if a file is missing, damaged or in another format."""
    folder = Path(folder)
    manifest = read_manifest(folder)
    config = read_config(folder / CONFIG)
    task = tasks.of(config, trust=trust, check=check)
    logits = task.spec.length, task.spec.vocabulary
    network = OnnxNetwork(folder, config.model, manifest["dtype"], threads, logits)
    return Reasoner(config, network, task, "as exported")


def read_manifest(folder: Path) -> dict[str, Any]:
    """manifest.json, after the checksums of all files have been verified."""
    path = folder / MANIFEST
    if not path.is_file():
        raise FileNotFoundError(
            f"{folder} is not a bundle, since it has no {MANIFEST}; give a folder that `gram export` wrote."
        )
    try:
        manifest = strict_json.read_object(path)
        written, sums, dtype = manifest["format"], dict(manifest["sha256"]), manifest["dtype"]
    except (ValueError, KeyError, TypeError):
        raise ValueError(f"{path} is damaged; export the bundle again.") from None
    if not all(re.fullmatch(r"\w[\w.-]{0,99}", name) for name in sums):
        raise ValueError(f"{path} names a file that bundles do not have; export the bundle again.")
    if missing := {CONFIG, ENCODER, STEP, START} - sums.keys():
        raise ValueError(f"{path} does not name {min(missing)}; export the bundle again.")
    if dtype not in DTYPES:
        known = " and ".join(DTYPES)
        raise ValueError(f"{folder} is in {shown(dtype)}, but this program runs {known}; export it again.")
    if written != FORMAT:
        raise ValueError(f"{folder} has format {shown(written)}, but this program reads {FORMAT}; export it again.")
    for name, expected in sums.items():
        if not (folder / name).is_file():
            raise FileNotFoundError(f"The bundle {folder} lacks {name}; copy it again.")
        if (folder / name).stat().st_size > LARGEST:
            raise ValueError(f"The file {name} in the bundle {folder} is too large for a bundle; copy it again.")
        if sha256(folder / name) != expected:
            raise ValueError(f"The file {name} in the bundle {folder} has a wrong checksum; copy it again.")
    return manifest


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


class OnnxNetwork:
    """The network of a bundle; see gram.solve.backend.Network."""

    active_rows, first_wave, device = ROWS, 2, "cpu"

    def __init__(
        self,
        folder: Path,
        config: ModelConfig,
        dtype: str,
        threads: int | None = None,
        logits: tuple[int | None, int | None] = (None, None),
    ):
        """logits: the shape (L, V) of one row, if known."""
        self.config, self.dtype, self.asked, self.logits = config, dtype, threads, logits
        self.files = {name: (folder / name).read_bytes() for name in (ENCODER, STEP, START)}
        """The contents of the files, from which a pickled copy is restored."""
        self.threads = threads or processors()
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 4  # errors are reported in a sentence instead
        options.intra_op_num_threads = 1  # rows are split among threads instead; see TorchNetwork
        self.encoder, self.transition = (session(folder / name, options) for name in (ENCODER, STEP))
        self.inputs = inputs(self.transition)
        if not self.inputs <= GIVEN or inputs(self.encoder) != {"tokens"}:
            raise ValueError(f"The graphs in {folder} need inputs that a step does not have; export it again.")
        self.start = read_start(folder / START, config)
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
        [e_x] = computed(self.encoder, {"tokens": tokens.astype(np.int64)})
        fits(e_x, (len(tokens), *self.start_shape[1:]))
        return e_x

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
            out = computed(self.transition, given)
            if len(out) not in (5, 6):
                raise ValueError(UNFIT)
            for z, shape in zip(
                out, ((b, *h.shape[1:]), (b, *l.shape[1:]), (b, *self.logits), (b, 2), (b,)), strict=False
            ):
                fits(z, shape)
            return out

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
        """Pickle the contents of the files, so that a copy needs no folder."""
        return restored, (self.files, self.config, self.dtype, self.asked, self.logits)


def restored(
    files: dict[str, bytes],
    config: ModelConfig,
    dtype: str,
    threads: int | None,
    logits: tuple[int | None, int | None],
) -> OnnxNetwork:
    """Restore a pickled network."""
    with tempfile.TemporaryDirectory() as holder:
        for name, content in files.items():
            (Path(holder) / name).write_bytes(content)
        return OnnxNetwork(Path(holder), config, dtype, threads, logits)


def session(path: Path, options: onnxruntime.SessionOptions) -> onnxruntime.InferenceSession:
    """A graph, ready to run. ValueError if it contains FORBIDDEN bytes or this onnxruntime cannot run it. The file is
    intact, since its checksum was right."""
    content = path.read_bytes()
    for found, what in FORBIDDEN.items():
        if found in content:
            raise ValueError(f"{path} uses {what}, which no export does; do not use this bundle.")
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except (*REFUSALS, ValueError) as error:  # ValueError where its own message cannot be decoded
        undecodable = isinstance(error, UnicodeDecodeError)
        said = "it has a name that is not UTF-8" if undecodable else str(error).partition("\n")[0][:200]
        raise ValueError(
            f"This onnxruntime ({onnxruntime.__version__}) cannot run {path} ({said}); install a newer onnxruntime."
        ) from None


def inputs(graph: onnxruntime.InferenceSession) -> set[str]:
    """The names of a graph's inputs; none where they cannot be decoded."""
    try:
        return {one.name for one in graph.get_inputs()}
    except UnicodeDecodeError:
        return set()


def read_start(path: Path, config: ModelConfig) -> tuple[np.ndarray, np.ndarray]:
    """h and l of z0. ValueError for a damaged file or shapes that differ from the config."""
    arrays = unpacked(path, str(path), LARGEST).arrays or {}
    if not {"h", "l"} <= arrays.keys():
        raise ValueError(f"{path} is damaged: it lacks h and l; copy it again.")
    h, l = arrays["h"], arrays["l"]  # noqa: E741
    good = h.ndim == l.ndim == 3 and h.dtype == l.dtype == np.float32 and len(h) == len(l) == 1
    if not good or {h.shape[2], l.shape[2]} != {config.width} or l.shape[1] not in (0, h.shape[1]):
        raise ValueError(f"{path} holds no initial state of width {config.width}; export the bundle again.")
    return h, l


UNFIT = "The graphs of the bundle do not compute a step of its config; export it again."


def computed(graph: onnxruntime.InferenceSession, given: dict[str, np.ndarray]) -> list[np.ndarray]:
    """The outputs of a graph. ValueError if they cannot be computed."""
    try:
        return [np.asarray(out) for out in graph.run(None, given)]
    except (*REFUSALS, ValueError):
        raise ValueError(UNFIT) from None


def fits(z: np.ndarray, shape: tuple[int | None, ...]) -> None:
    """ValueError unless an output is float32 and has this shape, where None stands for any number."""
    alike = z.ndim == len(shape) and all(n in (None, m) for n, m in zip(shape, z.shape, strict=True))
    if not alike or z.dtype != np.float32:
        raise ValueError(UNFIT)


def expand(z: np.ndarray, rows: int) -> np.ndarray:
    """(1 or rows, ...) -> (rows, ...), contiguous."""
    return np.ascontiguousarray(np.broadcast_to(z, (rows, *z.shape[1:])))

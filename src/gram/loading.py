"""gram.load: weights and bundles alike."""

from pathlib import Path

from gram.solve import reasoner
from gram.solve.reasoner import Reasoner

MANIFEST = "manifest.json"


def is_bundle(folder: str | Path | None) -> bool:
    """Whether a folder is what `gram export` wrote."""
    return folder is not None and (Path(folder) / MANIFEST).is_file()


def load(
    name_or_path: str | Path,
    *,
    dtype: str = "auto",
    compile: bool = False,
    device: str = "auto",
    trust: bool = False,
    check: str | None = None,
) -> Reasoner:
    """Shipped weights by name, a folder that `gram train` wrote, hf:owner/name on the Hugging Face hub, or a bundle
    that `gram export` wrote.

    `dtype` is the arithmetic: "float32", "bfloat16", or "auto": what the environment variable GRAM_DTYPE holds, else
    bfloat16 where a short measurement, made once for each processor, finds it clearly faster. `compile` compiles a
    supervision step now, for half a minute the first time; then many puzzles take half to four fifths of the time.
    `device` is "cpu", "cuda", or "auto": a GPU where there is one. Answers can differ between these. A bundle runs as
    it was exported, on the CPU, without PyTorch.
    The check that weights of one's own data name is code of whoever made them: it runs only with `trust`, and `check`
    ("file.py:function") takes its place. FileNotFoundError or ValueError with one sentence when something is missing or
    broken.
    """
    if not is_bundle(name_or_path):
        return reasoner.load(name_or_path, dtype=dtype, compile=compile, device=device, trust=trust, check=check)
    if compile or device == "cuda":
        raise ValueError(f"{name_or_path} is a bundle, which runs on the CPU as it is; leave compile and device out.")
    try:
        from gram.ship import onnx_backend
    except ImportError as error:
        raise ValueError(f"{name_or_path} is a bundle, but {error.name} is missing; pip install onnxruntime.") from None
    loaded = onnx_backend.load(name_or_path, trust=trust, check=check)
    if dtype not in ("auto", loaded.network.dtype):
        raise ValueError(
            f"The bundle {name_or_path} computes in {loaded.network.dtype}, not in {dtype}; leave the dtype out, or "
            "give the weights that it was made of."
        )
    return loaded

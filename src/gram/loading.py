"""gram.load, for weights and bundles."""

from pathlib import Path

from gram import hub
from gram.machine import device_wished
from gram.solve import reasoner
from gram.solve.reasoner import Reasoner

MANIFEST = "manifest.json"


def is_bundle(folder: str | Path | None) -> bool:
    """Whether a folder is a bundle of `gram export`."""
    return folder is not None and (Path(folder) / MANIFEST).is_file()


def load(
    name_or_path: str | Path,
    *,
    dtype: str = "auto",
    compile: bool = False,
    device: str = "auto",
    trust: bool = False,
    check: str | None = None,
    task: str | None = None,
) -> Reasoner:
    """Load shipped weights by name, a folder of `gram train`, hf:owner/name from the Hugging Face hub, or a bundle of
    `gram export`.

    `dtype` is the arithmetic: "float32", "bfloat16", or "auto". "auto" is the value of the environment variable
    GRAM_DTYPE, else bfloat16 if a short measurement, made once per processor, finds it clearly faster. `compile`
    compiles a supervision step now, which takes half a minute the first time; then many puzzles take half to four
    fifths of the time. `device` is "cpu", "cuda", "mps", or "auto" (GRAM_DEVICE, else a CUDA GPU if there is one).
    Answers can differ between these settings. A bundle runs as exported, on the CPU, without PyTorch.
    Weights of your own data may name a check, which is code of their author: it runs only with `trust`. `check`
    ("file.py:function") replaces it. `task` is another size of the weights' task, such as "maze-40" for the weights
    maze-30, if their network has no weights for positions. FileNotFoundError or ValueError with one sentence if
    something is missing or damaged.
    """
    if hub.is_address(name_or_path):
        name_or_path = hub.fetch(str(name_or_path))
    if not is_bundle(name_or_path):
        return reasoner.load(
            name_or_path, dtype=dtype, compile=compile, device=device, trust=trust, check=check, task=task
        )
    if compile or device_wished(device) not in ("auto", "cpu"):
        raise ValueError(f"{name_or_path} is a bundle, which always runs on the CPU; leave out compile and device.")
    try:
        from gram.ship import onnx_backend
    except ImportError as error:
        raise ValueError(f"{name_or_path} is a bundle, but {error.name} is missing; pip install onnxruntime.") from None
    loaded = onnx_backend.load(name_or_path, trust=trust, check=check)
    if task not in (None, loaded.config.task):
        raise ValueError(f"The bundle {name_or_path} is for {loaded.config.task}, not for {task}; export another.")
    if dtype not in ("auto", loaded.network.dtype):
        raise ValueError(
            f"The bundle {name_or_path} computes in {loaded.network.dtype}, not in {dtype}; leave out the dtype, or "
            "give the original weights."
        )
    return loaded

"""Choice of device and arithmetic."""

import os
import time
from functools import lru_cache

import torch

from gram import cache
from gram.machine import device_wished, processor

VARIABLE = "GRAM_DTYPE"
"""The environment variable that overrides "auto"."""
FASTER = 1.2
""""auto" chooses bfloat16 if it is this many times as fast as float32."""
LIMITS = "ATEN_CPU_CAPABILITY", "ONEDNN_MAX_CPU_ISA", "DNNL_MAX_CPU_ISA"
"""Environment variables that disable instructions of the processor in torch."""


def choose_device(wish: str) -> torch.device:
    """The device: "cpu", "cuda", "mps" (an Apple GPU), or "auto": GRAM_DEVICE, else a CUDA GPU if there is one.
    ValueError for other values or a missing device."""
    name = device_wished(wish)
    if name == "cuda" and not torch.cuda.is_available():
        raise ValueError("This machine has no CUDA device that PyTorch can use; choose --device cpu or leave it out.")
    if name == "mps" and not torch.backends.mps.is_available():
        raise ValueError("This machine has no Apple GPU that PyTorch can use; choose --device cpu or leave it out.")
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    return torch.device(name)


def arithmetic(wish: str, width: int, device: torch.device) -> tuple[torch.dtype, str]:
    """The dtype of the recursion and the reason.

    "auto" is the value of GRAM_DTYPE, else bfloat16 if it is clearly faster. On a CPU this is measured in a few
    milliseconds and stored per processor, version of torch and model width, because near the limit another measurement
    might differ and change answers. ValueError for values other than "auto", "float32" or "bfloat16", and if a GPU does
    not support the choice.
    """
    asked, reason = known(wish, "dtype"), "as asked"
    if asked == "auto" and os.environ.get(VARIABLE):
        asked, reason = known(os.environ[VARIABLE], VARIABLE), f"by {VARIABLE}"
    able = device.type == "cpu" or (device.type == "cuda" and torch.cuda.is_bf16_supported())
    if asked == "bfloat16" and not able:
        raise ValueError("This GPU has no bfloat16; use --dtype float32.")
    if asked != "auto":
        return getattr(torch, asked), reason
    if device.type != "cpu":
        return (torch.bfloat16, "tensor cores") if able else (torch.float32, "no bfloat16 on this GPU")
    chosen = torch.bfloat16 if speed_of_bfloat16(width) > FASTER else torch.float32
    return chosen, "measured on this processor"


def known(dtype: str, name: str) -> str:
    """`dtype`, the value of `name`. ValueError if it is unknown."""
    if dtype not in ("auto", "float32", "bfloat16"):
        raise ValueError(f'{name} is {dtype!r}; choose "auto", "float32" or "bfloat16".')
    return dtype


@lru_cache
def speed_of_bfloat16(width: int) -> float:
    """Speed of a model's matrix product in bfloat16 relative to float32, as first measured on this machine."""
    limits = [f"{name}={os.environ[name]}" for name in LIMITS if name in os.environ]
    key = ", ".join([processor(), *limits, f"torch {torch.__version__}", f"width {width}"])
    speed = cache.recall("bfloat16", key)
    return cache.remember("bfloat16", key, measured(width)) if speed is None else speed


def measured(width: int) -> float:
    """This speed, measured now with one thread, since each thread of the sampler computes alone."""
    operands = {
        dtype: (torch.ones(2048, width, dtype=dtype), torch.ones(width, 2 * width, dtype=dtype))
        for dtype in (torch.float32, torch.bfloat16)
    }
    seconds = dict.fromkeys(operands, float("inf"))
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        for _ in range(5):  # alternating, since other work on the machine varies
            for dtype, (x, w) in operands.items():
                begin = time.perf_counter()
                torch.mm(x, w)
                seconds[dtype] = min(seconds[dtype], time.perf_counter() - begin)
    finally:
        torch.set_num_threads(threads)
    return seconds[torch.float32] / seconds[torch.bfloat16]

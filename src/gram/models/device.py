"""Where and in which arithmetic the recursion runs here, and why."""

import os
import time
from functools import lru_cache

import torch

from gram import cache
from gram.machine import processor

VARIABLE = "GRAM_DTYPE"
"""What this environment variable holds takes the place of "auto"."""
FASTER = 1.2
"""So many times as fast as float32 is bfloat16 where "auto" chooses it."""
LIMITS = "ATEN_CPU_CAPABILITY", "ONEDNN_MAX_CPU_ISA", "DNNL_MAX_CPU_ISA"
"""Environment variables that keep torch from instructions of the processor."""


def choose_device(wish: str) -> torch.device:
    """The device: "cpu", "cuda", or "auto", a GPU where there is one. ValueError for another wish, or where there is
    none of that kind."""
    if wish not in ("auto", "cpu", "cuda"):
        raise ValueError(f'device is {wish!r}; choose "auto", "cpu" or "cuda".')
    cuda = torch.cuda.is_available()
    if wish == "cuda" and not cuda:
        raise ValueError("There is no CUDA device here; use --device cpu.")
    return torch.device("cuda" if cuda and wish != "cpu" else "cpu")


def arithmetic(wish: str, width: int, device: torch.device) -> tuple[torch.dtype, str]:
    """The dtype of the recursion and the reason.

    "auto" is what GRAM_DTYPE says, else bfloat16 where it is clearly faster. On a CPU that is measured in a few
    milliseconds and remembered for each processor, version of torch and width of the model, because near the limit a
    second measurement may come out differently, and answers with it. ValueError for another wish than "auto", "float32"
    or "bfloat16", and where a GPU cannot do it.
    """
    asked, reason = known(wish, "dtype"), "as asked"
    if asked == "auto" and os.environ.get(VARIABLE):
        asked, reason = known(os.environ[VARIABLE], VARIABLE), f"by {VARIABLE}"
    able = device.type == "cpu" or torch.cuda.is_bf16_supported()
    if asked == "bfloat16" and not able:
        raise ValueError("This GPU has no bfloat16; use --dtype float32.")
    if asked != "auto":
        return getattr(torch, asked), reason
    if device.type == "cuda":
        return (torch.bfloat16, "tensor cores") if able else (torch.float32, "no bfloat16 on this GPU")
    chosen = torch.bfloat16 if speed_of_bfloat16(width) > FASTER else torch.float32
    return chosen, "measured on this processor"


def known(dtype: str, name: str) -> str:
    """`dtype`, which `name` holds. ValueError if there is no such arithmetic."""
    if dtype not in ("auto", "float32", "bfloat16"):
        raise ValueError(f'{name} is {dtype!r}; choose "auto", "float32" or "bfloat16".')
    return dtype


@lru_cache
def speed_of_bfloat16(width: int) -> float:
    """Speed of a matrix product of a model in bfloat16 over that in float32, as it was measured first here."""
    limits = [f"{name}={os.environ[name]}" for name in LIMITS if name in os.environ]
    key = ", ".join([processor(), *limits, f"torch {torch.__version__}", f"width {width}"])
    speed = cache.recall("bfloat16", key)
    return cache.remember("bfloat16", key, measured(width)) if speed is None else speed


def measured(width: int) -> float:
    """That speed, measured now with one thread: each thread of a sampler computes alone."""
    operands = {
        dtype: (torch.ones(2048, width, dtype=dtype), torch.ones(width, 2 * width, dtype=dtype))
        for dtype in (torch.float32, torch.bfloat16)
    }
    seconds = dict.fromkeys(operands, float("inf"))
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        for _ in range(5):  # in turns: other work of the machine comes and goes
            for dtype, (x, w) in operands.items():
                begin = time.perf_counter()
                torch.mm(x, w)
                seconds[dtype] = min(seconds[dtype], time.perf_counter() - begin)
    finally:
        torch.set_num_threads(threads)
    return seconds[torch.float32] / seconds[torch.bfloat16]

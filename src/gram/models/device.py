"""Where and in which arithmetic the recursion runs here, and why."""

import time
from functools import lru_cache

import torch


def place(wish: str, dtype: str = "auto") -> torch.device:
    """The device: "cpu", "cuda", or "auto", a GPU where there is one. ValueError for another wish, where there is none
    of that kind, or where it cannot do `dtype`."""
    if wish not in ("auto", "cpu", "cuda"):
        raise ValueError(f'device is {wish!r}; choose "auto", "cpu" or "cuda".')
    cuda = torch.cuda.is_available()
    if wish == "cuda" and not cuda:
        raise ValueError("There is no CUDA device here; use --device cpu.")
    chosen = torch.device("cuda" if cuda and wish != "cpu" else "cpu")
    if chosen.type == "cuda" and dtype == "bfloat16" and not torch.cuda.is_bf16_supported():
        raise ValueError("This GPU has no bfloat16; use --dtype float32.")
    return chosen


def arithmetic(wish: str, width: int, device: torch.device) -> tuple[torch.dtype, str]:
    """The dtype of the recursion and the reason. "auto": bfloat16 where it is clearly faster; on a CPU that is measured
    once per process, in a few milliseconds. ValueError for another wish than "auto", "float32" or "bfloat16"."""
    if wish not in ("auto", "float32", "bfloat16"):
        raise ValueError(f'dtype is {wish!r}; choose "auto", "float32" or "bfloat16".')
    if wish != "auto":
        return getattr(torch, wish), "as configured"
    if device.type == "cuda":
        fast = torch.cuda.is_bf16_supported()
        return (torch.bfloat16, "tensor cores") if fast else (torch.float32, "no bfloat16 on this GPU")
    ratio = _speed_of_bfloat16(width)
    chosen = torch.bfloat16 if ratio > 1.2 else torch.float32
    return chosen, f"bfloat16 products run {ratio:.1f}x as fast as float32 here"


@lru_cache
def _speed_of_bfloat16(width: int) -> float:
    """Speed of one matrix product in bfloat16 over that in float32."""
    seconds = {}
    for dtype in (torch.float32, torch.bfloat16):
        x, w = torch.ones(2048, width, dtype=dtype), torch.ones(width, 2 * width, dtype=dtype)
        times = []
        for _ in range(5):
            begin = time.perf_counter()
            torch.mm(x, w)
            times.append(time.perf_counter() - begin)
        seconds[dtype] = min(times)
    return seconds[torch.float32] / seconds[torch.bfloat16]

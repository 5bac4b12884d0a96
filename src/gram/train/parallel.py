"""Device, ranks, compilation (with the reason) and random streams."""

import os
import shutil
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from gram.models.device import choose_device

T = TypeVar("T")


@dataclass(frozen=True)
class World:
    """This process and its group. Start several processes with `torchrun --nproc-per-node N`."""

    rank: int
    size: int
    device: torch.device

    def rows(self, batch: int) -> np.ndarray:
        """The global row numbers of this rank. ValueError if the batch does not divide."""
        if batch % self.size:
            raise ValueError(f"The batch of {batch} is not divisible by {self.size} processes; change train.batch.")
        share = batch // self.size
        return np.arange(self.rank * share, (self.rank + 1) * share)

    def largest(self, *values: float) -> tuple[float, ...]:
        """The maximum of each value over the ranks, as a common basis for decisions."""
        if self.size == 1:
            return values
        votes = torch.tensor(values, dtype=torch.float64, device=self.device)
        dist.all_reduce(votes, op=dist.ReduceOp.MAX)
        return tuple(votes.tolist())

    def sum(self, x: Tensor) -> Tensor:
        """Sum over ranks."""
        if self.size > 1:
            dist.all_reduce(x)
        return x

    def all_rows(self, x: Tensor) -> Tensor:
        """The rows of all ranks, in order."""
        if self.size == 1:
            return x
        parts = [torch.empty_like(x) for _ in range(self.size)]
        dist.all_gather(parts, x.contiguous())
        return torch.cat(parts)

    def first(self, value: T) -> T:
        """The value of rank 0."""
        held = [value]
        if self.size > 1:
            dist.broadcast_object_list(held, device=self.device)
        return held[0]

    def gather(self, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
        """Named tensors with the rows of all ranks, on the CPU."""
        mine = {k: t.cpu() for k, t in tensors.items()}
        parts: list[Any] = [mine] * self.size
        if self.size > 1:
            dist.all_gather_object(parts, mine)
        return {k: torch.cat([part[k] for part in parts]) for k in mine}


def distributed(learner: nn.Module, world: World) -> nn.Module:
    """`learner` with gradients averaged over the ranks; as it is if there is one."""
    if world.size == 1:
        return learner
    with warnings.catch_warnings():  # newer versions of PyTorch have another name for the argument
        warnings.simplefilter("ignore", FutureWarning)
        return DistributedDataParallel(learner, broadcast_buffers=False)


def start(threads: int) -> World:
    """Join the process group if started by torchrun, and choose the device."""
    torch.set_num_threads(threads)
    device = choose_device("auto")
    if "WORLD_SIZE" not in os.environ:
        return World(0, 1, device)
    cuda = device.type == "cuda"
    if not dist.is_initialized():
        dist.init_process_group("nccl" if cuda else "gloo")
    if cuda:
        device = torch.device("cuda", int(os.environ["LOCAL_RANK"]))
        torch.cuda.set_device(device)
    return World(dist.get_rank(), dist.get_world_size(), device)


def compiled(function: Callable, wish: bool, device: torch.device) -> tuple[Callable, str]:
    """`function` compiled by torch.compile, or unchanged, with the reason."""
    if not wish:
        return function, "not compiled"
    if device.type == "cpu" and not any(shutil.which(c) for c in (os.environ.get("CXX", "g++"), "g++", "clang++")):
        return function, "not compiled (no C++ compiler found)"
    return torch.compile(function, dynamic=False), "compiled"


def compiler_failed(error: Exception) -> bool:
    """Whether torch.compile caused the error."""
    return type(error).__module__.startswith(("torch._dynamo", "torch._inductor"))


def stream(*key: int) -> int:
    """A 64-bit seed folded from the key (seed, purpose, update, ...)."""
    return int(np.random.SeedSequence(key).generate_state(1, np.uint64)[0]) >> 1

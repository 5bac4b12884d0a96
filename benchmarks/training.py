"""Our training against a plain one of the same network, on this machine: python benchmarks/training.py

The baseline is written out as the published TRM is (arXiv:2510.04871), eager and in float32: one network of two
post-norm blocks (attention with rotary positions; SwiGLU of 1,536, by their rule for an expansion of 4), width 512, 16
learned tokens in front, three cycles of six refinements and one proposal, gradients through the last cycle. Ours is the
recipe paper-sudoku-9-trm with attention. Both take AdamW, a softmax cross-entropy and a halting loss, and as many
operations in matrix products per update, which is checked. They take turns (A B A B ...); the ratio is the median of
the turns' ratios. Ours also clips, averages the weights and fetches data.
"""

import argparse
import json

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from gram import tasks
from gram.bench.clock import Clock, Timed, comparison, take_turns
from gram.bench.training import Training
from gram.measure.record import hardware, origin
from gram.models.device import choose_device
from gram.recipes import change, recipe
from gram.train.flops import of_update

WIDTH, HIDDEN, HEADS, TOKENS, LENGTH, VOCABULARY, CYCLES, REFINEMENTS = 512, 1536, 8, 16, 81, 11, 3, 6


class Attention(nn.Module):
    cos: Tensor
    sin: Tensor

    def __init__(self):
        super().__init__()
        self.qkv = nn.Linear(WIDTH, 3 * WIDTH, bias=False)
        self.out = nn.Linear(WIDTH, WIDTH, bias=False)
        size = WIDTH // HEADS
        angles = torch.outer(torch.arange(TOKENS + LENGTH), 10_000.0 ** -(torch.arange(0, size, 2) / size)).repeat(1, 2)
        self.register_buffer("cos", angles.cos())
        self.register_buffer("sin", angles.sin())

    def forward(self, x: Tensor) -> Tensor:
        B, L, _ = x.shape
        q, k, v = self.qkv(x).view(B, L, 3 * HEADS, WIDTH // HEADS).transpose(1, 2).chunk(3, dim=1)
        y = F.scaled_dot_product_attention(self.rotate(q), self.rotate(k), v)
        return self.out(y.transpose(1, 2).reshape(B, L, WIDTH))

    def rotate(self, x: Tensor) -> Tensor:
        a, b = x.chunk(2, dim=-1)
        return x * self.cos + torch.cat((-b, a), dim=-1) * self.sin


class SwiGLU(nn.Module):
    def __init__(self):
        super().__init__()
        self.gate_up = nn.Linear(WIDTH, 2 * HIDDEN, bias=False)
        self.down = nn.Linear(HIDDEN, WIDTH, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        gate, up = self.gate_up(x).chunk(2, dim=-1)
        return self.down(F.silu(gate) * up)


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.attention, self.mlp = Attention(), SwiGLU()

    def forward(self, x: Tensor) -> Tensor:
        x = F.rms_norm(x + self.attention(x), (WIDTH,), eps=1e-5)
        return F.rms_norm(x + self.mlp(x), (WIDTH,), eps=1e-5)


class PlainTRM(nn.Module):
    """The baseline's network."""

    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(VOCABULARY, WIDTH)
        self.tokens = nn.Parameter(torch.randn(TOKENS, WIDTH))
        self.level = nn.Sequential(Block(), Block())
        self.lm_head = nn.Linear(WIDTH, VOCABULARY, bias=False)
        self.q_head = nn.Linear(WIDTH, 2)

    def cycle(self, z_H: Tensor, z_L: Tensor, e_x: Tensor) -> tuple[Tensor, Tensor]:
        for _ in range(REFINEMENTS):
            z_L = self.level(z_L + z_H + e_x)
        return self.level(z_H + z_L), z_L

    def forward(self, z_H: Tensor, z_L: Tensor, x: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        e_x = torch.cat([self.tokens.expand(len(x), -1, -1), self.embed(x) * WIDTH**0.5], dim=1)
        with torch.no_grad():
            for _ in range(CYCLES - 1):
                z_H, z_L = self.cycle(z_H, z_L, e_x)
        z_H, z_L = self.cycle(z_H, z_L, e_x)
        return z_H.detach(), z_L.detach(), self.lm_head(z_H[:, TOKENS:]), self.q_head(z_H[:, 0].detach())


class Plain:
    """The baseline's updates."""

    def __init__(self, batch: int, device: torch.device):
        self.model = PlainTRM().to(device)
        self.optimizer = torch.optim.AdamW(self.model.parameters(), lr=1e-4, weight_decay=1.0, betas=(0.9, 0.95))
        generator = torch.Generator().manual_seed(0)
        shape = batch, LENGTH
        self.x, self.y = (torch.randint(1, VOCABULARY, shape, generator=generator).to(device) for _ in range(2))
        start = torch.randn(2, 1, 1, WIDTH, generator=generator).to(device)
        self.z_H, self.z_L = start.expand(2, batch, TOKENS + LENGTH, WIDTH)

    def update(self) -> None:
        self.z_H, self.z_L, logits, halt = self.model(self.z_H, self.z_L, self.x)
        right = (logits.argmax(-1) == self.y).all(1).float()
        loss = F.cross_entropy(logits.transpose(1, 2), self.y)
        loss = loss + 0.5 * F.binary_cross_entropy_with_logits(halt[:, 0], right)
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()


def operations() -> int:
    """Of the matrix products of one row of the baseline's update."""
    one = Plain(1, torch.device("cpu"))
    with sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:  # fused, a CPU's is not counted
        one.update()
    return counter.get_total_flops()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=1.0, help="how long ours computes in a turn, at least")
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto")
    parser.add_argument("--clock", choices=("wall", "cpu"), default="wall")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    clock = Clock(choose_device(options.device), options.clock)
    config = change(
        recipe("paper-sudoku-9-trm"),
        model={"mixer": "attention", "positions": "rope"},
        train={"batch": options.batch, "threads": options.threads},
    )
    mine, count = of_update(config, tasks.task(config.task), torch.float32).operations, operations()
    if not 0.99 < mine / count < 1.01:
        raise SystemExit(f"Not the same arithmetic: {mine} and {count} operations per row.")
    training, baseline = Training(config, clock, options.seconds), Plain(options.batch, clock.device)
    ours, theirs = (
        Timed(clock, lambda update=update: [update() for _ in range(training.updates)])
        for update in (training.run.update, baseline.update)
    )
    take_turns([ours, theirs], options.repeats)
    compared = comparison(ours, theirs)
    steps = {name: options.batch * training.updates / s for name, s in compared["seconds_per_turn"].items()}
    values = vars(options) | {"hardware": hardware(), **origin(), "busy": clock.busy}
    values |= {
        "dtype": str(training.dtype)[6:],
        "compiled": training.run.compiled,
        "operations_per_example_step": count,
    }
    print(json.dumps(values | {"example_steps_per_second": steps} | compared, indent=2))


if __name__ == "__main__":
    main()

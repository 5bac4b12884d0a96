"""The recursion: state, one transition, the T-loop and its gradient cut (arXiv:2605.19376).

Shapes: B batch, L positions (registers included), D width, T transitions.
"""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor, nn

from gram.config import ModelConfig
from gram.models.guidance import Gaussian, GaussianHead
from gram.models.layers import Attention, Block, GroupMixer, PositionMixer


class State(NamedTuple):
    """z = (h, l), both (B, L, D): h slow and abstract, l fast scratch (l is (B, 0, D) in a flat variant)."""

    h: Tensor
    l: Tensor  # noqa: E741  the paper's symbol

    def detach(self) -> "State":
        return State(self.h.detach(), self.l.detach())


class Step(NamedTuple):
    """One supervision step: the new state, the input of the decoder, the posterior and prior of the requested
    transitions, and the inputs of the decoder after the earlier transitions that have gradients."""

    state: State
    readout: Tensor
    guides: list[tuple[Gaussian, Gaussian]]
    earlier: tuple[Tensor, ...] = ()


class Core(nn.Module):
    """f_L, f_H and the guidance; every variant is a configuration of it."""

    def __init__(
        self,
        config: ModelConfig,
        length: int,
        relations_RLL: Tensor,
        symbols: int,
        embed_y: Callable[[], nn.Module],
    ):
        super().__init__()
        self.config = config
        self.f_L = network(config, length, relations_RLL, symbols)
        separate = config.hierarchy and not config.shared
        # None rather than an alias of f_L: a state dict must name every tensor once
        self.f_H = network(config, length, relations_RLL, symbols) if separate else None
        self.prior = self.posterior = None
        if config.guide.learned:
            self.prior = GaussianHead(config.width, length, config)
            self.posterior = GaussianHead(config.width, length, config, embed_y())

    def propose(self, state: State, e_x: Tensor, *, grad: bool) -> tuple[Tensor, Tensor]:
        """The deterministic part of a transition: K low-level updates, then the proposal u. Returns (u, l)."""
        h, l = state  # noqa: E741
        K, hierarchy = self.config.K, self.config.hierarchy
        one_step = self.config.gradient == "one-step"
        context = h + e_x
        for k in range(K):
            with torch.set_grad_enabled(grad and (k == K - 1 or not one_step)):
                if hierarchy:
                    l = self.f_L(l + context)  # noqa: E741
                else:
                    h = self.f_L(h + e_x)
        with torch.set_grad_enabled(grad):
            f_H = self.f_L if self.f_H is None else self.f_H
            return (f_H(h + l) if hierarchy else h), l

    def guide(
        self,
        u: Tensor,
        noise: Tensor | None,
        temperature: float,
        y: Tensor | None,
        posterior_rows: Tensor | None,
        follow: bool,
    ) -> tuple[Tensor | None, tuple[Gaussian, Gaussian] | None]:
        """eps of one transition, and with y (posterior, prior). eps is drawn from the prior, or with y and `follow`
        from the posterior (only in the rows `posterior_rows` (B, 1, 1), if given)."""
        if self.prior is None:  # deterministic variant: fixed noise only at test time (PTRM, arXiv:2605.19943)
            return (None if noise is None or temperature == 0 else (temperature * noise).to(u.dtype)), None
        assert self.posterior is not None
        assert noise is not None
        p = self.prior(u)
        draw = self.config.guide.draw
        eps = draw(p, noise, temperature)
        if y is None:
            return eps.to(u.dtype), None
        q = self.posterior(u, y)
        if follow:
            eps_q = draw(q, noise, temperature)
            eps = eps_q if posterior_rows is None else torch.where(posterior_rows, eps_q, eps)
        return eps.to(u.dtype), (q, p)

    def step(
        self,
        state: State,
        e_x: Tensor,
        noise_TBLD: Tensor | None,
        *,
        temperature: float = 1.0,
        y: Tensor | None = None,
        posterior_rows: Tensor | None = None,
        posterior_transitions: str = "last",
        kl_transitions: str = "last",
    ) -> Step:
        """T transitions. Gradients flow through the last one only (all, for gradient "full").

        Without y (sampling), every eps comes from the prior. With y, the posterior guides the last transition or all of
        them; `kl_transitions` "all" also returns the Gaussians of the earlier ones, computed on a detached u. A pure
        function of its arguments.
        """
        T, grad = self.config.T, torch.is_grad_enabled()
        guides: list[tuple[Gaussian, Gaussian]] = []
        earlier: list[Tensor] = []
        readout = state.h
        for t in range(T):
            last = t == T - 1
            through = grad and (last or self.config.gradient == "full")
            u, l = self.propose(state, e_x, grad=through)  # noqa: E741
            follow = (
                last or posterior_transitions == "all"
            )  # otherwise q has a KL term, but the state follows the prior
            seen = y if follow or kl_transitions == "all" else None
            with torch.set_grad_enabled(through or (grad and kl_transitions == "all")):
                noise = None if noise_TBLD is None else noise_TBLD[t]
                eps, pair = self.guide(u, noise, temperature, seen, posterior_rows, follow)
            if pair is not None and (last or kl_transitions == "all"):
                guides.append(pair)
            h, readout = (u, u) if eps is None else self.config.guide.move(u, eps)
            state = State(h, l)
            if through and not last:
                earlier.append(readout)
            elif not last:
                state = state.detach()
        return Step(state, readout, guides, tuple(earlier))


class Rows(NamedTuple):
    """The properties of the rows of the state that a mixer may use."""

    length: int
    """Number of rows."""
    relations_RLL: Tensor
    """The task's relations between positions; empty for other mixers than "groups"."""
    symbols: int
    """Rows of each position."""


MIXERS: dict[str, Callable[[ModelConfig, Rows], nn.Module]] = {
    "attention": lambda c, rows: Attention(c.width, c.heads, rows.length, rope=c.positions == "rope"),
    "swiglu": lambda c, rows: PositionMixer(rows.length, c.mixer_hidden),
    "groups": lambda c, rows: GroupMixer(c.width, c.mixer_hidden, rows.relations_RLL, rows.symbols),
}
"""Mixers by name (config.mixer): modules (B, L, D) -> (B, L, D) through which positions exchange information."""


def network(config: ModelConfig, length: int, relations_RLL: Tensor, symbols: int) -> nn.Sequential:
    """config.blocks blocks of [mixer + SwiGLU]."""
    if config.mixer != "attention" and config.positions == "rope":
        raise ValueError('positions "rope" needs mixer "attention"; choose "learned" or "none".')
    mixer, rows = MIXERS[config.mixer], Rows(length, relations_RLL, symbols)
    axis = -2 if config.mixer_norm == "positions" else -1
    return nn.Sequential(*[Block(mixer(config, rows), config.width, config.hidden, axis) for _ in range(config.blocks)])

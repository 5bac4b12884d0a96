"""The kinds of stochastic guidance: what the heads learn, how eps is drawn, and what it moves. Works without torch, in
any arithmetic. A new kind is a class and an entry in GUIDANCE."""

from typing import Any

Array = Any
"""A tensor, or an array of another library."""


class Guidance:
    """eps ~ N(mu, sigma) is added to each transition's proposal u; mu and sigma are learned (paper, section 3)."""

    learned = True
    """Whether there are heads, a prior and a posterior, and therefore an ELBO."""
    mean = True
    """Whether the heads learn mu; otherwise it is 0."""
    sigma = True
    """Whether the heads learn sigma; otherwise nothing is drawn, and the KL uses a sigma of 1."""

    @property
    def random(self) -> bool:
        """Whether trajectories of trained weights differ by their noise."""
        return self.learned and self.sigma

    def draw(self, given: Any, noise: Array, temperature: float) -> Array:
        """eps (B, L, D) of the prior or posterior `given` (models.guidance.Gaussian) from noise ~ N(0, I)."""
        return given.sample((temperature if self.sigma else 0.0) * noise)

    def move(self, u: Array, eps: Array) -> tuple[Array, Array]:
        """Both (B, L, D) -> the next h, and the input of the decoder."""
        moved = u + eps
        return moved, moved


class NoiseOnly(Guidance):
    """mu = 0."""

    mean = False


class MeanOnly(Guidance):
    """sigma = 0."""

    sigma = False


class DecoderOnly(Guidance):
    """The state moves to u; eps reaches only the decoder."""

    def move(self, u: Array, eps: Array) -> tuple[Array, Array]:
        return u, u + eps


class Unguided(Guidance):
    """A deterministic model. At test time, fixed noise can replace guidance (PTRM, arXiv:2605.19943)."""

    learned = False


GUIDANCE: dict[str, Guidance] = {
    "full": Guidance(),
    "noise": NoiseOnly(),
    "mean": MeanOnly(),
    "decoder": DecoderOnly(),
    "none": Unguided(),
}

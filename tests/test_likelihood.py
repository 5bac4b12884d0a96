"""Bounds on the likelihood of held-out answers, against sums and integrals written out here, and by the command."""

import json
import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from support.command import exit_code
from support.configs import NARROW
from torch.distributions import Normal, kl_divergence

from gram import recipes
from gram import weights as weight_files
from gram.config import Config, ModelConfig, SolveConfig, TrainConfig
from gram.measure.likelihood import CHUNK, bits, trajectory
from gram.models.build import build
from gram.models.recursive import Model
from gram.report import contents
from gram.report.results import read
from gram.tasks.mnist import BLACK, WHITE, Mnist
from gram.tasks.spec import TaskSpec

L = 4
TINY = replace(ModelConfig(**NARROW), width=2, guidance_hidden=8, mixer="swiglu", positions="learned")


class Small(Mnist):
    """Images of four pixels."""

    def __init__(self):
        self.spec = TaskSpec(name="small", length=L, vocabulary=3)
        self.blank = np.full(L, BLACK, np.uint8)


TASK = Small()
EVERY = np.array(np.meshgrid(*[[BLACK, WHITE]] * L)).reshape(L, -1).T.astype(np.uint8)
"""All 16 answers."""


def made(seed: int = 0, scale: float = 0.7, **changes) -> Model:
    """A model whose heads say something: their last layers start at zero."""
    model = build(TASK.spec, replace(TINY, **changes), seed=seed)
    assert isinstance(model, Model)
    generator = torch.Generator().manual_seed(seed + 1)
    for name, weight in model.named_parameters():
        if name.startswith(("core.prior", "core.posterior", "decoder")):
            weight.data += scale * torch.randn(weight.shape, generator=generator)
    return model.eval()


def rows(y: np.ndarray) -> tuple[torch.Tensor, torch.Tensor]:
    return torch.full(y.shape, BLACK), torch.from_numpy(y.astype(np.int64))


def test_the_bound_is_the_integral_over_the_posterior():
    """One draw of two numbers guides all positions, so sums over a grid replace every expectation; and the bound lies
    below the logarithm of p(y), which the same grid gives."""
    model = made(guidance_over="example")
    core = model.core
    assert core.prior is not None
    assert core.posterior is not None
    x, y = rows(EVERY[[0, 5, 11, 15]])
    axis = torch.linspace(-7, 7, 401)
    cell = float(axis[1] - axis[0]) ** 2
    z = torch.cartesian_prod(axis, axis)  # standard deviations from the mean
    weight = Normal(0.0, 1.0).log_prob(z).sum(1).exp() * cell
    with torch.no_grad():
        u, _ = core.propose(model.initial(len(y)), model.encode(x), grad=False)
        p, q = core.prior(u), core.posterior(u, y)

        def log_likelihood(i: int, eps: torch.Tensor) -> torch.Tensor:
            logits = model.decode(u[i] + eps[:, None]).logits.log_softmax(-1)
            return logits.gather(-1, y[i].expand(len(eps), L)[..., None]).sum((1, 2))

        exact, bound = [], []
        for i in range(len(y)):
            under_p, under_q = (g.mu[i] + g.sigma[i] * z for g in (p, q))
            exact.append(-(weight * log_likelihood(i, under_p).exp()).sum().log().item())
            ratio = Normal(q.mu[i], q.sigma[i]).log_prob(under_q) - Normal(p.mu[i], p.sigma[i]).log_prob(under_q)
            bound.append((weight * (ratio.sum(1) - log_likelihood(i, under_q))).sum().item())
    found = bits(model, TASK, y.numpy().astype(np.uint8), depth=1, posterior_transitions="all", draws=800)
    assert found.bits_per_dim * L * math.log(2) == pytest.approx(np.mean(bound), rel=0.02)
    assert np.mean(bound) > np.mean(exact) + 0.01
    assert not found.exact


@pytest.mark.parametrize("seed", range(3))
def test_probabilities_of_all_answers_add_up_to_at_most_one(seed):
    """exp of minus a bound is at most p(y)."""
    model, each = made(seed, scale=0.05, T=2), 300
    x, y = rows(np.repeat(EVERY, each, axis=0))
    stream = torch.Generator().manual_seed(seed)
    terms = trajectory(model, x, y, N_sup=2, posterior_transitions="all", generator=stream)
    total = (-(terms.nll + terms.kl.sum(1)).view(-1, each).mean(1)).exp().sum().item()
    assert 0.05 < total < 1.01


@pytest.mark.parametrize(("option", "T"), [("all", 2), ("last", 2), ("last", 1)])
def test_every_transition_of_every_step_pays(option, T):
    model = made(T=T)
    core = model.core
    assert core.prior is not None
    assert core.posterior is not None
    assert core.f_H is not None
    x, y = rows(EVERY[:3])
    N, stream = 3, torch.Generator().manual_seed(4)
    terms = trajectory(model, x, y, N_sup=N, posterior_transitions=option, generator=stream)
    stream = torch.Generator().manual_seed(4)
    h, l = (z.expand(3, L, 2) for z in model.z0)  # noqa: E741
    with torch.no_grad():
        e_x = model.encode(x)
        for n in range(N):
            nats = torch.zeros(3)
            for t, noise in enumerate(torch.randn(T, 3, L, 2, generator=stream)):
                l = core.f_L(l + h + e_x)  # noqa: E741  K = 1
                u = core.f_H(h + l)
                p, q = core.prior(u), core.posterior(u, y)
                q = p if option == "last" and t < T - 1 else q
                nats += kl_divergence(Normal(*q), Normal(*p)).sum((1, 2))
                h = u + q.sample(noise)
            assert terms.kl[:, n].tolist() == pytest.approx(nats.tolist(), rel=1e-4)
            assert nats.min() > 0
        log_p = model.decode(h).logits.log_softmax(-1).gather(-1, y[..., None])
    assert terms.nll.tolist() == pytest.approx((-log_p.sum((1, 2))).tolist(), rel=1e-4)


def test_a_posterior_that_is_the_prior_pays_nothing():
    model = made(T=2)
    prior, posterior = model.core.prior, model.core.posterior
    assert prior is not None
    assert posterior is not None
    posterior.load_state_dict(prior.state_dict(), strict=False)
    assert posterior.embed_y is not None
    for weight in posterior.embed_y.parameters():
        weight.data.zero_()
    found = bits(model, TASK, EVERY, depth=2, posterior_transitions="all", seed=3, draws=2)
    assert found.kl_bits == pytest.approx(0, abs=1e-7)
    assert found.bits_per_dim == pytest.approx(found.reconstruction_bits)
    x, y = rows(EVERY)
    stream, each = torch.Generator().manual_seed(3), []
    with torch.no_grad():
        for _ in range(2):  # samples of the prior, which saw no answer
            state, step = model.initial(len(y)), None
            for _ in range(2):
                step = model.step(
                    state, model.encode(x), torch.randn(2, len(y), *model.noise_shape[1:], generator=stream)
                )
                state = step.state
            assert step is not None
            log_p = model.decode(step.readout).logits.log_softmax(-1)
            each.append(-log_p.gather(-1, y[..., None]).sum((1, 2)).mean().item())
    assert found.bits_per_dim * L * math.log(2) == pytest.approx(np.mean(each), rel=1e-5)


@pytest.mark.parametrize(("changes", "exact"), [({}, True), ({"start": "random"}, False)])
def test_a_deterministic_variant_has_the_cross_entropy_of_its_only_output(changes, exact):
    model = made(guidance="none", **changes)
    found = bits(model, TASK, EVERY, depth=2, posterior_transitions="last")
    assert (found.exact, found.draws, found.kl_bits) == (exact, 1 if exact else 2, 0)
    # independent pixels without an input: uniform answers cost a bit each at least
    assert found.bits_per_dim > 1 - (0 if exact else 1e-9)
    if exact:
        x, _ = rows(EVERY)
        with torch.no_grad():
            state, step = model.initial(1), None
            for _ in range(2):
                step = model.step(state, model.encode(x[:1]), None)
                state = step.state
            assert step is not None
            p = model.decode(step.readout).logits.log_softmax(-1)[0, :, [BLACK, WHITE]]
        assert found.bits_per_dim == pytest.approx(-p.mean().item() / math.log(2), rel=1e-5)


@pytest.mark.parametrize("kind", ["direct", "autoregressive", "vae", "d3pm-uniform", "d3pm-absorbing", "mdlm"])
def test_baselines_have_their_own_bounds(kind):
    """No distribution over the 16 equally frequent answers has less than a bit for each of four positions."""
    start = "random" if kind == "d3pm-uniform" else "fixed"
    config = replace(
        TINY, kind=kind, start=start, width=8, mixer="attention", heads=2, guidance="none", denoising_steps=4, latent=3
    )
    model = build(TASK.spec, config)
    found = bits(model, TASK, EVERY, depth=9, posterior_transitions="last", draws=400)
    assert found.exact == (kind in ("direct", "autoregressive"))
    assert (found.depth, found.draws) == (1, 1 if found.exact else 400)
    assert found.bits_per_dim > 0.98
    assert found.reconstruction_bits + found.kl_bits == pytest.approx(found.bits_per_dim)
    assert (found.kl_bits > 0) == (kind == "vae")


def test_many_answers_are_computed_in_parts():
    model = made(guidance="none")
    y = np.concatenate([EVERY] * 4)
    assert len(y) > CHUNK
    parts = bits(model, TASK, y, depth=1, posterior_transitions="last")
    assert parts.bits_per_dim == pytest.approx(
        bits(model, TASK, EVERY, depth=1, posterior_transitions="last").bits_per_dim
    )
    assert parts.examples == len(y)
    one = bits(model, TASK, EVERY[:1], depth=1, posterior_transitions="last")
    assert one.bits_per_dim_error is None


def test_what_draws_nothing_has_no_bound():
    with pytest.raises(ValueError, match="draws nothing"):
        bits(made(guidance="mean"), TASK, EVERY, depth=1, posterior_transitions="all")


# the command ------------------------------------------------------------------------------------------------
@pytest.fixture
def digits(tmp_path, monkeypatch):
    """Weights of a small network for digits, and 12 test images."""
    tokens = np.random.default_rng(0).integers(BLACK, WHITE + 1, (12, 784)).astype(np.uint8)
    monkeypatch.setattr(Mnist, "examples", lambda self, split, **_: self.all_of(tokens))
    config = Config(
        recipe="mnist",
        task="mnist",
        model=replace(recipes.recipe("mnist").model, **NARROW, stem_channels=8),
        train=TrainConfig(N_sup=3, posterior_transitions="all", kl_transitions="all"),
        solve=SolveConfig(width=4, depth=2),
    )
    weight_files.save(tmp_path / "run", config, build(Mnist().spec, config.model))
    return tmp_path / "run"


def test_the_command_measures_records_and_reports(digits, tmp_path, capsys):
    asked = "eval", "mnist", "--bits", "--weights", digits, "--split", "test", "--limit", "5"
    assert exit_code(*asked, "--record", tmp_path / "results", "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["examples"], found["depth"], found["draws"]) == (5, 3, 2)
    assert found["function_evaluations"] == 5 * 2 * 3
    assert found["bits_per_dim"] == pytest.approx(found["reconstruction_bits"] + found["kl_bits"])
    assert exit_code(*asked) == 0
    text = capsys.readouterr().out
    assert f"{found['bits_per_dim']:8.4f}  per pixel: a bound on the likelihood, at most" in text
    assert "no accuracy" in text
    assert "accuracy" not in text.replace("no accuracy", "")
    [result] = read(tmp_path / "results")
    [(key, values)] = result.figures.items()
    assert key == "test bits=True depth=3 limit=5"
    assert values["bits_per_dim"] == found["bits_per_dim"]
    assert "seconds" in values
    shown = [line for line in str(contents.likelihoods([result])).splitlines() if line.startswith("| GRAM")]
    assert len(shown) == 1
    assert f"| {found['bits_per_dim']:.4f} |" in shown[0]
    assert "| 3 steps |" in shown[0] or "GRAM, 3 steps" in shown[0]


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        (("--width", "3"), "--width"),
        (("--temperature", "2"), "--temperature"),
        (("--limit", "0"), "at least 1"),
        (("--depth", "0"), "depth"),
        (("--early-stop",), "no puzzles"),
    ],
)
def test_options_of_samples_are_refused(digits, more, sentence, capsys):
    assert exit_code("eval", "mnist", "--bits", "--weights", digits, *more) == 2
    assert sentence in capsys.readouterr().err


def test_puzzles_are_refused(capsys):
    assert exit_code("eval", "queens-8", "--bits") == 2
    assert "queens-8 has puzzles" in capsys.readouterr().err

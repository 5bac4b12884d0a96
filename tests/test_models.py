"""The network against plain formulas: layers, Gaussians, one transition, where gradients go, and every switch."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from support.configs import SMALLEST
from torch.distributions import Normal, kl_divergence

from gram.config import ModelConfig
from gram.models.build import parameter_table
from gram.models.core import State
from gram.models.guidance import Gaussian, kl, kl_balanced
from gram.models.layers import Embedding, relation_matrices
from gram.models.recursive import Model
from gram.tasks.spec import PAD, TaskSpec
from gram.tasks.sudoku.task import Sudoku

SUDOKU = Sudoku(4)
SPEC = SUDOKU.spec
B, L, V, D = 3, SPEC.length, SPEC.vocabulary, 8
TINY = replace(SMALLEST, K=2, T=2)


def draw(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def lively(model: Model) -> Model:
    """`model` with nothing at zero, so that prior and posterior, halt and value all say something."""
    with torch.no_grad():
        for i, p in enumerate(model.parameters()):
            if not p.any() or p.ndim == 1:
                p.copy_(0.5 * draw(*p.shape, seed=i))
    return model


def build(**changes) -> Model:
    return lively(Model(SPEC, replace(TINY, **changes)))


def tokens(seed: int = 0, low: int = 1) -> torch.Tensor:
    return torch.randint(low, V, (B, L), generator=torch.Generator().manual_seed(seed))


def inputs(model: Model) -> tuple[State, torch.Tensor, torch.Tensor]:
    """A state in mid-flight, e_x and noise."""
    M = model.config.registers + L
    state = State(draw(B, M, D, seed=1), draw(B, M if model.config.hierarchy else 0, D, seed=2))
    T, *one = model.noise_shape
    return state, model.encode(tokens()), draw(T, B, *one, seed=3)


def reference(model: Model, state: State, e_x, noise, sources, y=None, cut: str = "transition"):
    """The recursion in plain words; `sources` names who gives eps of each transition. Returns h, l, pairs."""
    h, l = state  # noqa: E741
    core = model.core
    assert core.prior is not None
    assert core.posterior is not None
    f_H = core.f_L if core.f_H is None else core.f_H
    pairs = []
    for t, source in enumerate(sources):
        last = t == len(sources) - 1
        for k in range(model.config.K):
            if cut == "one-step" and k == model.config.K - 1:
                l = l.detach()  # noqa: E741
            l = core.f_L(l + h + e_x)  # noqa: E741
        u = f_H(h + l)
        p = core.prior(u)
        q = p if y is None else core.posterior(u, y)
        pairs.append((q, p))
        guide = q if source == "posterior" else p
        h = u + guide.mu + guide.sigma * noise[t]
        if cut != "full" and not last:
            h, l = h.detach(), l.detach()  # noqa: E741
    return h, l, pairs


def gradients(loss: torch.Tensor, model: Model) -> dict[str, torch.Tensor | None]:
    names, parameters = zip(*model.named_parameters(), strict=True)
    return dict(zip(names, torch.autograd.grad(loss, parameters, allow_unused=True), strict=True))


def same_gradients(one: dict, other: dict) -> None:
    for name in one:
        a, b = (torch.tensor(0.0) if g is None else g for g in (one[name], other[name]))
        assert (a - b).abs().max() <= 1e-4 * (a.abs().max() + b.abs().max()), name


# guidance ----------------------------------------------------------------------------------------------------
def four(seed: int = 0) -> list[torch.Tensor]:
    """mu and sigma of q and of p, asking for gradients."""
    mu_q, raw_q, mu_p, raw_p = draw(4, 2, 3, D, seed=seed)
    return [t.clone().requires_grad_() for t in (mu_q, raw_q.exp(), mu_p, raw_p.exp())]


def test_kl_is_that_of_torch_distributions():
    mu_q, sigma_q, mu_p, sigma_p = leaves = four()
    ours = kl(Gaussian(mu_q, sigma_q), Gaussian(mu_p, sigma_p))
    theirs = kl_divergence(Normal(mu_q, sigma_q), Normal(mu_p, sigma_p))
    torch.testing.assert_close(ours, theirs)
    weights = draw(*ours.shape, seed=5)
    for a, b in zip(*(torch.autograd.grad((weights * k).sum(), leaves) for k in (ours, theirs)), strict=True):
        torch.testing.assert_close(a, b)


@pytest.mark.parametrize("balance", [0.8, 0.3, 1.0])
def test_balanced_kl_shares_the_gradient_only(balance):
    leaves = four()
    q, p = Gaussian(*leaves[:2]), Gaussian(*leaves[2:])
    torch.testing.assert_close(kl_balanced(q, p, balance), kl(q, p))
    plain = torch.autograd.grad(kl(q, p).sum(), leaves)
    balanced = torch.autograd.grad(kl_balanced(q, p, balance).sum(), leaves)
    for share, a, b in zip((1 - balance, 1 - balance, balance, balance), balanced, plain, strict=True):
        torch.testing.assert_close(a, share * b)


def test_kl_of_equals_is_zero_and_never_negative_by_much():
    q = Gaussian(draw(4, 5, D), draw(4, 5, D, seed=1).exp())
    assert (kl(q, q) == 0).all()
    close = Gaussian(q.mu + 1e-5, q.sigma * (1 + 1e-5))
    assert kl(close, q).min() > -1e-6


def test_guidance_starts_as_published():
    model = Model(SPEC, TINY)
    assert model.core.prior is not None
    assert model.core.posterior is not None
    for head in (model.core.prior(draw(B, L, D)), model.core.posterior(draw(B, L, D), tokens())):
        assert (head.mu == 0).all()
        torch.testing.assert_close(head.sigma, torch.full((B, L, D), 0.3))


def test_sigma_is_a_softplus_above_its_floor():
    head = build().core.prior
    assert head is not None
    assert head.sigma is not None
    u = draw(B, L, D)
    raw = head.sigma(u) + math.log(math.expm1(0.29))
    torch.testing.assert_close(head(u).sigma, torch.log1p(raw.exp()) + 0.01)
    assert head(u).sigma.max() > 0.4


# mixers and symmetries ---------------------------------------------------------------------------------------
def test_embedding_has_unit_variance_times_root_width():
    model = Model(SPEC, replace(TINY, width=512, heads=8))
    e_x = model.encode(tokens())
    assert isinstance(model.embed_x, Embedding)
    torch.testing.assert_close(e_x, model.embed_x.weight[tokens()] * math.sqrt(512))
    assert 0.7 < e_x.std() < 1.1


def symmetries() -> tuple[list[torch.Tensor], list[torch.Tensor]]:
    """Permutations of the cells that keep every relation, and some that do not (transposition swaps two of them)."""
    matrices = relation_matrices(SPEC)
    drawn = torch.from_numpy(SUDOKU.symmetry(np.random.default_rng(0), 20).positions)
    keeps = [bool((matrices[:, order][:, :, order] == matrices).all()) for order in drawn]
    return [o for o, k in zip(drawn, keeps, strict=True) if k], [o for o, k in zip(drawn, keeps, strict=True) if not k]


def test_attention_refuses_odd_heads():
    with pytest.raises(ValueError, match="even multiple"):
        build(heads=3)


def test_model_of_groups_commutes_with_the_symmetries_of_its_relations():
    model, x = build(mixer="groups", positions="none"), tokens()
    order = symmetries()[0][0]
    assert (order != torch.arange(L)).any()
    noise = draw(TINY.T, B, L, D)
    plain = model.step(model.initial(B), model.encode(x), noise, y=tokens(1))
    turned = model.step(model.initial(B), model.encode(x[:, order]), noise[:, :, order], y=tokens(1)[:, order])
    torch.testing.assert_close(turned.state.h, plain.state.h[:, order], atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(
        model.decode(turned.readout).logits, model.decode(plain.readout).logits[:, order], atol=1e-4, rtol=1e-4
    )


def test_groups_need_relations_and_rope_needs_attention():
    bare = TaskSpec(name="bare", length=L, vocabulary=V)
    with pytest.raises(ValueError, match="needs a task with relations"):
        Model(bare, replace(TINY, mixer="groups", positions="none"))
    with pytest.raises(ValueError, match='"rope" needs mixer "attention"'):
        build(mixer="swiglu")
    with pytest.raises(ValueError, match="at least 1"):
        build(K=0)


UNARY = {"mixer": "groups", "positions": "none", "unary": True}


def test_unary_tokens_say_of_each_symbol_whether_it_is_this_one():
    model, x = build(**UNARY), tokens(low=0)
    this, other = SPEC.symbols[:2]
    for row, pairs in zip(x.tolist(), model.unary(x).view(B, L, -1).tolist(), strict=True):
        for token, said in zip(row, pairs, strict=True):
            known = token in SPEC.symbols
            assert said == ([this if token == s else other for s in SPEC.symbols] if known else [token] * 4)


def test_unary_model_commutes_with_new_names_of_the_symbols():
    model, x, y = build(**UNARY), tokens(), tokens(1)
    rename = torch.tensor([0, 1, 4, 2, 5, 3])
    noise = draw(TINY.T, B, L, 4, D)
    plain = model.step(model.initial(B), model.encode(x), noise.flatten(2, 3), y=y)
    moved = torch.empty_like(noise)
    moved[..., rename[2:] - 2, :] = noise
    turned = model.step(model.initial(B), model.encode(rename[x]), moved.flatten(2, 3), y=rename[y])
    logits = model.decode(plain.readout).logits
    assert logits[..., 2:].isfinite().all()
    torch.testing.assert_close(model.decode(turned.readout).logits[..., rename], logits, atol=1e-4, rtol=1e-4)
    assert not torch.allclose(model.decode(turned.readout).logits[..., 2:], logits[..., 2:], atol=1e-2)


def test_learned_positions_tell_symbols_apart():
    model = build(**UNARY | {"positions": "learned"})
    e_x = model.encode(torch.ones(1, L, dtype=torch.int64)).view(L, 4, D)
    assert len({tuple(row) for row in e_x.flatten(0, 1).tolist()}) == 4 * L


def test_unary_needs_groups_and_symbols():
    with pytest.raises(ValueError, match='needs mixer "groups" and a task with symbols'):
        build(unary=True)
    bare = TaskSpec(name="bare", length=L, vocabulary=V, relations=SPEC.relations)
    with pytest.raises(ValueError, match='needs mixer "groups" and a task with symbols'):
        Model(bare, replace(TINY, **UNARY))


# one supervision step ----------------------------------------------------------------------------------------
@pytest.mark.parametrize("shared", [False, True])
def test_step_is_the_written_recursion(shared):
    model = build(shared=shared, T=3)
    state, e_x, noise = inputs(model)
    h, l, _ = reference(model, state, e_x, noise, ["prior"] * 3)  # noqa: E741
    step = model.step(state, e_x, noise)
    torch.testing.assert_close(step.state.h, h)
    torch.testing.assert_close(step.state.l, l)
    assert step.guides == []
    assert step.readout is step.state.h


@pytest.mark.parametrize(
    ("option", "sources"),
    [("last", ["prior", "prior", "posterior"]), ("all", ["posterior"] * 3)],
)
@pytest.mark.parametrize("pays", ["last", "all"])
def test_posterior_transitions_and_kl_transitions(option, sources, pays):
    model, y = build(T=3), tokens(1, low=0)
    state, e_x, noise = inputs(model)
    h, _, pairs = reference(model, state, e_x, noise, sources, y)
    step = model.step(state, e_x, noise, y=y, posterior_transitions=option, kl_transitions=pays)
    torch.testing.assert_close(step.state.h, h, atol=1e-4, rtol=1e-4)
    expected = pairs if pays == "all" else pairs[-1:]
    assert len(step.guides) == len(expected)
    for (q, p), (wanted_q, wanted_p) in zip(step.guides, expected, strict=True):
        torch.testing.assert_close(kl(q, p), kl(wanted_q, wanted_p), atol=1e-4, rtol=1e-4)
    assert kl(*step.guides[0]).mean() > 0.01


def test_earlier_transitions_pay_kl_without_reaching_the_networks():
    model, y = build(T=3), tokens(1)
    state, e_x, noise = inputs(model)
    step = model.step(state, e_x, noise, y=y, kl_transitions="all")
    for q, p in step.guides[:-1]:
        found = gradients(kl(q, p).sum(), model)
        reached = {name for name, g in found.items() if g is not None and g.any()}
        assert reached == {n for n in found if n.startswith(("core.prior", "core.posterior"))}


@pytest.mark.parametrize("option", ["last", "all"])
def test_paying_kl_earlier_changes_no_other_gradient(option):
    model, y = build(T=3), tokens(1)
    state, e_x, noise = inputs(model)
    found = []
    for pays in ("last", "all"):
        step = model.step(state, e_x, noise, y=y, posterior_transitions=option, kl_transitions=pays)
        found.append(gradients(step.readout.sin().sum() + kl(*step.guides[-1]).mean(), model))
        e_x = model.encode(tokens())
    same_gradients(*found)


def test_posterior_rows():
    model, y = build(T=3), tokens(1)
    state, e_x, noise = inputs(model)
    rows = torch.tensor([True, False, True])
    mixed = model.step(state, e_x, noise, y=y, posterior_rows=rows[:, None, None]).state.h
    on_q, on_p = model.step(state, e_x, noise, y=y).state.h, model.step(state, e_x, noise).state.h
    torch.testing.assert_close(mixed, torch.where(rows[:, None, None], on_q, on_p))
    assert not torch.allclose(on_q, on_p, atol=0.01)


def test_without_a_target_the_posterior_is_not_called(monkeypatch):
    model = build()

    def refuse(*_):
        raise AssertionError("the posterior was called")

    monkeypatch.setattr(model.core.posterior, "forward", refuse)
    state, e_x, noise = inputs(model)
    model.step(state, e_x, noise, kl_transitions="all", posterior_transitions="all")
    with pytest.raises(AssertionError, match="was called"):
        model.step(state, e_x, noise, y=tokens(1))


@pytest.mark.parametrize("fusion", ["add", "concat"])
def test_posterior_sees_target_and_proposal(fusion):
    model = build(fusion=fusion)
    head, u, y = model.core.posterior, draw(B, L, D), tokens(1)
    assert head is not None
    assert head.mu is not None
    assert isinstance(head.embed_y, Embedding)
    e_y = head.embed_y.weight[y] * math.sqrt(D)
    torch.testing.assert_close(head(u, y).mu, head.mu(torch.cat([u, e_y], -1) if fusion == "concat" else u + e_y))


def test_step_is_a_pure_function_of_its_inputs():
    model, y = build(), tokens(1)
    state, e_x, noise = inputs(model)
    before = [t.detach().clone() for t in (*state, e_x, noise, *model.state_dict().values())]
    stream = torch.get_rng_state()
    first, second = (model.step(state, e_x, noise, y=y) for _ in range(2))
    assert torch.equal(first.readout, second.readout)
    assert torch.equal(stream, torch.get_rng_state())
    after = [*state, e_x, noise, *model.state_dict().values()]
    assert all(torch.equal(a, b) for a, b in zip(before, after, strict=True))
    other = model.step(state, e_x, noise + 1, y=y)
    assert not torch.allclose(first.readout, other.readout)


def test_rows_do_not_see_each_other():
    model, y = build(registers=2, positions="learned"), tokens(1)
    state, e_x, noise = inputs(model)
    together = model.step(state, e_x, noise, y=y).readout
    for b in range(B):
        one = slice(b, b + 1)
        alone = model.step(State(state.h[one], state.l[one]), e_x[one], noise[:, one], y=y[one]).readout
        torch.testing.assert_close(together[one], alone)


# gradients ---------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("gradient", ["transition", "one-step", "full"])
@pytest.mark.parametrize("with_y", [False, True])
def test_gradients_flow_where_the_configuration_says(gradient, with_y):
    model = build(gradient=gradient, T=3, K=3)
    y = tokens(1) if with_y else None
    sources = ["prior", "prior", "posterior" if with_y else "prior"]

    def loss(h, pair):
        paid = kl_balanced(pair[0], pair[1], 0.8).sum() if with_y else 0.0
        return model.decode(h).logits[..., 1:].square().sum() + paid

    state, e_x, noise = inputs(model)
    step = model.step(state, e_x, noise, y=y)
    ours = gradients(loss(step.readout, step.guides[-1] if with_y else None), model)
    h, _, pairs = reference(model, state, model.encode(tokens()), noise, sources, y, cut=gradient)
    same_gradients(ours, gradients(loss(h, pairs[-1]), model))
    # and the three cuts differ, or the comparison would say nothing
    h, _, pairs = reference(model, state, model.encode(tokens()), noise, sources, y, cut="full")
    uncut = gradients(loss(h, pairs[-1]), model)["core.f_L.0.mlp.down.weight"]
    mine = ours["core.f_L.0.mlp.down.weight"]
    assert mine is not None
    assert uncut is not None
    assert torch.allclose(mine, uncut, rtol=1e-3) is (gradient == "full")


@pytest.mark.parametrize("hierarchy", [True, False])
@pytest.mark.parametrize(
    ("gradient", "T", "reaches"),
    [("transition", 2, False), ("one-step", 2, False), ("full", 2, True), ("transition", 1, True)],
)
def test_gradient_at_the_initial_state(gradient, T, reaches, hierarchy):
    model = build(gradient=gradient, T=T, hierarchy=hierarchy)
    state, e_x, noise = inputs(model)
    h = state.h.requires_grad_()
    found = torch.autograd.grad(model.step(State(h, state.l), e_x, noise).readout.square().sum(), h, allow_unused=True)
    assert (found[0] is not None and bool(found[0].any())) is reaches


def test_nothing_needs_a_gradient_under_no_grad():
    model = build(gradient="full")
    state, e_x, noise = inputs(model)
    with torch.no_grad():
        step = model.step(state, e_x, noise, y=tokens(1), kl_transitions="all")
    assert not step.readout.requires_grad
    assert not any(t.requires_grad for pair in step.guides for g in pair for t in g)


@pytest.mark.parametrize("pool", ["first", "mean"])
def test_heads_send_no_gradient_into_the_core(pool):
    model = build(pool=pool)
    state, e_x, noise = inputs(model)
    readout = model.step(state, e_x, noise).readout
    out = model.decode(readout)
    read = readout[:, 0] if pool == "first" else readout.mean(1)
    torch.testing.assert_close(out.halt, read @ model.halt.weight.T + model.halt.bias)
    torch.testing.assert_close(out.value, read @ model.value.weight[0] + model.value.bias)
    found = gradients((out.halt.sum() + out.value.sum()).square(), model)
    assert {n for n, g in found.items() if g is not None} == {"halt.weight", "halt.bias", "value.weight", "value.bias"}


# start -------------------------------------------------------------------------------------------------------
def test_z0_is_fixed_stored_and_never_trained():
    model, again, other = Model(SPEC, TINY, seed=1), Model(SPEC, TINY, seed=1), Model(SPEC, TINY, seed=2)
    assert torch.equal(model.z0, again.z0)
    assert not torch.equal(model.z0, other.z0)
    assert "z0" in model.state_dict()
    assert "z0" not in dict(model.named_parameters())
    start = model.z0.clone()
    initial = model.initial(B)
    torch.testing.assert_close(initial.h, start[0].expand(B, L, D))
    torch.testing.assert_close(initial.l, start[1].expand(B, L, D))
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.1, weight_decay=1.0)
    for _ in range(2):
        step = model.step(model.initial(B), model.encode(tokens()), draw(TINY.T, B, L, D), y=tokens(1))
        loss = model.decode(step.readout).logits[..., 1:].square().mean() + kl(*step.guides[0]).sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert torch.equal(model.z0, start)
    assert not torch.equal(model.decoder.weight, again.decoder.weight)


def test_initialization_depends_on_the_seed_only():
    one, two = (Model(SPEC, TINY, seed=3).state_dict() for _ in range(2))
    assert all(torch.equal(one[name], two[name]) for name in one)
    assert torch.allclose(Model(SPEC, TINY).halt(draw(B, D)), torch.tensor(-5.0))  # no head says "halt" yet


def test_random_start_takes_its_noise():
    model, noise = build(start="random"), draw(2, B, L, D)
    state = model.initial(B, noise)
    assert torch.equal(state.h, noise[0])
    assert torch.equal(state.l, noise[1])
    with pytest.raises(ValueError, match="needs noise"):
        model.initial(B)


# switches ----------------------------------------------------------------------------------------------------
SWITCHES = {
    "default": {},
    "noise": {"guidance": "noise"},
    "mean": {"guidance": "mean"},
    "decoder": {"guidance": "decoder"},
    "none": {"guidance": "none"},
    "looped": {"hierarchy": False, "guidance": "none", "gradient": "full"},
    "flat": {"hierarchy": False},
    "shared": {"shared": True},
    "trm": {"shared": True, "guidance": "none", "registers": 2, "positions": "none", "mixer": "swiglu"},
    "hrm": {"guidance": "none", "blocks": 2, "gradient": "one-step", "halting": "halt-continue"},
    "concat": {"fusion": "concat"},
    "random": {"start": "random"},
    "registers": {"registers": 3},
    "learned": {"registers": 3, "positions": "learned"},
    "groups": {"mixer": "groups", "positions": "none"},
    "unary": {"mixer": "groups", "positions": "learned", "unary": True},
    "pool": {"pool": "mean", "registers": 1},
}


@pytest.mark.parametrize("name", SWITCHES)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_every_switch_steps_and_decodes(name, dtype):
    model = build(**SWITCHES[name])
    model.dtype = dtype
    c, M = model.config, model.rows
    noise = draw(c.T, B, M, D)
    state = model.initial(B, draw(2, B, M, D) if c.start == "random" else None)
    e_x = model.encode(tokens())
    assert e_x.shape == (B, M, D)
    step = model.step(state, e_x, noise, y=tokens(1), kl_transitions="all", posterior_transitions="all")
    step = model.step(step.state, e_x, noise)
    assert step.state.h.shape == step.readout.shape == (B, M, D)
    assert step.state.l.shape == (B, M if c.hierarchy else 0, D)
    assert {t.dtype for t in (e_x, *step.state, step.readout)} == {dtype}
    out = model.decode(step.readout)
    assert out.logits.shape == (B, L, V)
    assert out.halt.shape == (B, 2)
    assert out.value.shape == (B,)
    assert {t.dtype for t in out if t is not None} == {torch.float32}
    assert (out.logits[..., PAD] == -math.inf).all()
    chosen = out.logits[..., 2 if c.unary else 1 :]
    assert chosen.isfinite().all()
    used = gradients(chosen.square().sum() + step.readout.float().square().sum(), model)
    idle = {n for n, g in used.items() if g is None} - {
        n for n in used if n.startswith(("core.posterior", "halt", "value"))
    }
    assert idle == set()
    assert (set(model.state_dict()) - set(dict(model.named_parameters()))) == {"z0"}
    assert (model.core.posterior is None) is (c.guidance == "none")


def test_padding_is_never_chosen():
    model = build()
    with torch.no_grad():
        model.decoder.weight[PAD] = 100 * draw(D)
    answer = model.decode(100 * draw(B, L, D)).logits.argmax(-1)
    assert (answer != PAD).all()


def states(model: Model, seed: int, **options) -> tuple[torch.Tensor, torch.Tensor]:
    """State and readout of a step with noise of this seed."""
    state, e_x, noise = inputs(model)
    step = model.step(state, e_x, draw(*noise.shape, seed=seed), **options)
    return step.state.h, step.readout


def test_guidance_full_is_mean_and_noise():
    model = build()
    assert not torch.allclose(states(model, 1)[0], states(model, 2)[0])
    assert not torch.allclose(states(model, 1)[0], states(model, 1, temperature=0.5)[0])


def test_guidance_noise_has_no_mean():
    model = build(guidance="noise", T=1)
    state, e_x, noise = inputs(model)
    u, _ = model.core.propose(state, e_x, grad=False)
    torch.testing.assert_close(model.step(state, e_x, 0 * noise).state.h, u)
    torch.testing.assert_close(model.step(state, e_x, 0 * noise, y=tokens(1)).state.h, u)
    assert not torch.allclose(model.step(state, e_x, noise).state.h, u)
    (q, p), *_ = model.step(state, e_x, noise, y=tokens(1)).guides
    assert not q.mu.any()
    assert not p.mu.any()
    assert not torch.allclose(q.sigma, p.sigma)


@pytest.mark.parametrize("options", [{}, {"y": tokens(1)}, {"y": tokens(1), "kl_transitions": "all"}])
def test_guidance_mean_has_no_randomness(options):
    model = build(guidance="mean", T=3)
    assert torch.equal(states(model, 1, **options)[0], states(model, 2, **options)[0])
    state, e_x, noise = inputs(model)
    sources = ["prior", "prior", "posterior" if options else "prior"]
    h, *_ = reference(model, state, e_x, 0 * noise, sources, options.get("y"))
    torch.testing.assert_close(model.step(state, e_x, noise, **options).state.h, h)


def test_guidance_over_the_example_is_one_vector_that_sees_every_position():
    model = build(guidance_over="example", T=1, registers=1)
    assert model.noise_shape == (1, 1, D)
    assert model.start_shape == (2, 1 + L, D)
    state, e_x, noise = inputs(model)
    u, _ = model.core.propose(state, e_x, grad=False)
    step = model.step(state, e_x, noise, y=(y := tokens(1)))
    (q, p), *_ = step.guides
    assert q.mu.shape == q.sigma.shape == p.mu.shape == (B, 1, D)
    torch.testing.assert_close(step.state.h - u, q.sample(noise[0]).expand_as(u))
    assert model.core.prior is not None
    for position in range(1 + L):
        moved = u.clone()
        moved[:, position] += 1
        assert not torch.allclose(model.core.prior(moved).mu, p.mu)
    for position in range(L):
        other = y.clone()
        other[:, position] = y[:, position] % (V - 1) + 1
        assert not torch.allclose(model.step(state, e_x, noise, y=other).guides[0][0].mu, q.mu)


def test_guidance_decoder_is_seen_by_the_decoder_only():
    model, plain = build(guidance="decoder"), build(guidance="none")
    plain.load_state_dict(model.state_dict(), strict=False)
    (h, readout), (h2, readout2) = states(model, 1), states(model, 2)
    assert torch.equal(h, h2)
    assert not torch.allclose(readout, readout2)
    state, e_x, _ = inputs(model)
    torch.testing.assert_close(h, plain.step(state, e_x, None).state.h)


def test_guidance_none_has_no_randomness_but_takes_noise_at_test_time():
    model = build(guidance="none", T=1)
    state, e_x, noise = inputs(model)
    plain = model.step(state, e_x, None).state.h
    assert torch.equal(plain, model.step(state, e_x, None).state.h)
    assert torch.equal(plain, model.step(state, e_x, noise, temperature=0.0).state.h)
    torch.testing.assert_close(model.step(state, e_x, noise, temperature=0.3).state.h, plain + 0.3 * noise[0])
    assert not [n for n in model.state_dict() if "prior" in n or "posterior" in n]


def test_flat_member_repeats_one_network():
    model = build(hierarchy=False, guidance="none", T=2, K=3)
    state, e_x, _ = inputs(model)
    h = state.h
    for _ in range(6):
        h = model.core.f_L(h + e_x)
    torch.testing.assert_close(model.step(state, e_x, None).state.h, h)


def test_shared_network_is_held_once():
    model = build(shared=True, guidance="none")
    assert parameter_table(model)["f_H"] == 0
    assert not [n for n in model.state_dict() if "f_H" in n]
    storages = [t.data_ptr() for t in model.state_dict().values()]
    assert len(set(storages)) == len(storages)


def test_registers_stand_in_front():
    model = build(registers=3, positions="learned")
    e_x = model.encode(tokens())
    assert model.registers is not None
    assert model.embed_position is not None
    torch.testing.assert_close(e_x[:, :3], model.registers.expand(B, 3, D))
    table = model.embed_position.weight[:L] * math.sqrt(D)
    assert isinstance(model.embed_x, Embedding)
    torch.testing.assert_close(e_x[:, 3:], model.embed_x.weight[tokens()] * math.sqrt(D) + table)
    readout = draw(B, 3 + L, D)
    torch.testing.assert_close(model.decode(readout).logits[..., 1:], readout[:, 3:] @ model.decoder.weight[1:].T)
    torch.testing.assert_close(model.pool(readout), readout[:, 0])


# sizes -------------------------------------------------------------------------------------------------------
PAPER = TaskSpec(name="sudoku-9", length=81, vocabulary=11)
TRM = ModelConfig(shared=True, hidden=1536, guidance="none", K=6, registers=16)
SIZES = {
    "GRAM": (ModelConfig(), 10.5e6),
    "TRM": (TRM, 6.8e6),
    "TRM mixing by SwiGLU": (replace(TRM, mixer="swiglu", mixer_hidden=512, positions="none"), 5.0e6),
    "HRM": (ModelConfig(hidden=1536, blocks=4, guidance="none"), 27e6),
    "Looped": (ModelConfig(hierarchy=False, hidden=1536, guidance="none"), 7e6),
}


@pytest.mark.parametrize("name", SIZES)
def test_published_sizes(name):
    config, published = SIZES[name]
    with torch.device("meta"):  # shapes only: nothing is drawn
        table = parameter_table(sized(config))
    assert table["total"] == pytest.approx(published, rel=0.03)
    if name == "GRAM":
        assert table["f_L"] + table["f_H"] == pytest.approx(7.3e6, rel=0.03)
        assert table["prior"] + table["posterior"] == pytest.approx(3.2e6, rel=0.03)


def sized(config: ModelConfig) -> Model:
    class Shapes(Model):
        def reset(self, seed: int) -> None:
            pass

    return Shapes(PAPER, config)

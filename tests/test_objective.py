"""What an update sees and minimizes: batches, losses, the full bound, optimizers, schedule and averaged weights."""

import itertools
import math
from collections.abc import Iterable
from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from support.configs import SMALLEST
from torch.distributions import Normal, kl_divergence

from gram.config import TrainConfig
from gram.measure.likelihood import full_elbo
from gram.models.core import State
from gram.models.recursive import Model
from gram.tasks.coloring import Coloring
from gram.tasks.queens import NQueens
from gram.tasks.spec import PAD, Examples, split_of
from gram.tasks.sudoku.task import Sudoku
from gram.train.batches import Batches, Carry, empty_carry, leaders, refill, retarget
from gram.train.objective import Inner, Inputs, Learner, Update, token_loss
from gram.train.optim import AdamAtan2, averaged, gradient_norm, optimizers, schedule, warmed_beta

TASK = Sudoku(4)
L, V, D, B, N = TASK.spec.length, TASK.spec.vocabulary, 8, 4, 3
TINY = replace(SMALLEST, T=2)
TRAIN = TrainConfig(batch=B, N_sup=N, prior_rows=0.25)
ON_PRIOR = torch.tensor([False, False, False, True])
EXAMPLES = TASK.examples("train", seed=0, count=60)


def draw(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def build(**changes) -> Model:
    """A tiny model with nothing at zero, so that posterior and prior differ and the heads say something."""
    model = Model(TASK.spec, replace(TINY, **changes))
    with torch.no_grad():
        for i, p in enumerate(model.parameters()):
            if not p.any() or p.ndim == 1:
                p.copy_(0.5 * draw(*p.shape, seed=i))
    return model


def learner(model: Model | None = None, **changes) -> Learner:
    return Learner(model or build(), replace(TRAIN, **changes), TASK.check)


def update(learn: Learner, *inputs) -> Update:
    """Both calls of the objective."""
    given = Inputs(*inputs)
    return learn.objective(given, learn(given))


def batch(model: Model) -> tuple[torch.Tensor, torch.Tensor, State, torch.Tensor, torch.Tensor, torch.Tensor]:
    """x, y, state, noise, done, pooled of B rows."""
    x, y = (torch.from_numpy(t[:B].astype(np.int64)) for t in (EXAMPLES.inputs, EXAMPLES.targets))
    M = model.config.registers + L
    state = State(draw(B, M, D, seed=1), draw(B, M if model.config.hierarchy else 0, D, seed=2))
    return x, y, state, draw(TINY.T, B, M, D, seed=3), torch.zeros(B, dtype=torch.int64), torch.zeros(B, N, D)


# losses ------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("loss_after", ["step", "transition"])
def test_answers_after_earlier_transitions_count(loss_after):
    model = build(gradient="full")
    learn = learner(model, loss_after=loss_after)
    x, y, state, noise, done, pooled = batch(model)
    result = update(learn, x, y, state, noise, done, pooled, ON_PRIOR)
    step = model.step(state, model.encode(x), noise, y=y, posterior_rows=~ON_PRIOR[:, None, None])
    assert len(step.earlier) == TINY.T - 1
    counted = (*step.earlier, step.readout) if loss_after == "transition" else (step.readout,)
    each = [F.cross_entropy(model.decode(r).logits.transpose(1, 2), y, reduction="none").mean(1) for r in counted]
    torch.testing.assert_close(result.rows["ce"], torch.stack(each).mean(0).detach())


@pytest.mark.parametrize("reduction", ["sum", "mean"])
@pytest.mark.parametrize("registers", [0, 2])
@pytest.mark.parametrize(("prior_learns", "later"), [(False, 0), (False, 1), (True, 0), (True, 1)])
def test_rows_and_their_reduction(reduction, registers, prior_learns, later):
    model = build(registers=registers)
    changes = {"beta": 0.7, "kl_reduction": reduction, "halt_weight": 0.3, "value_weight": 0.0}
    learn = learner(model, prior_learns=prior_learns, **changes)
    x, y, state, noise, done, pooled = batch(model)
    y[0, :5] = PAD  # five positions of row 0 are not scored
    done = done + later
    result = update(learn, x, y, state, noise, done, pooled, ON_PRIOR)
    assert all(row.shape == (B,) for row in result.rows.values())
    step = model.step(state, model.encode(x), noise, y=y, posterior_rows=~ON_PRIOR[:, None, None])
    (q, p) = step.guides[0]
    nats = kl_divergence(Normal(*q), Normal(*p)).sum((1, 2))
    scored = torch.tensor([11.0, 16.0, 16.0, 16.0])
    log_p = model.decode(step.readout).logits.log_softmax(-1)
    ce = torch.stack([-sum(log_p[b, i, y[b, i]] for i in range(L) if y[b, i] != PAD) / scored[b] for b in range(B)])
    torch.testing.assert_close(result.rows["ce"], ce.detach())
    torch.testing.assert_close(result.rows["true_kl"], nats.detach(), rtol=1e-4, atol=1e-4)
    paid = nats / scored / (1 if reduction == "sum" else D)
    torch.testing.assert_close(result.rows["kl"], paid.detach(), rtol=1e-4, atol=1e-4)
    learning = ce.sum() if prior_learns else ce[:3].sum()
    expected = learning / (B if prior_learns else 3) + 0.7 * paid[:3].mean() + 0.3 * result.rows["halt"][3]
    torch.testing.assert_close(result.loss, expected, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(result.state.h, step.state.h)
    assert not result.state.h.requires_grad


def test_prior_rows_are_spread_evenly():
    assert learner().prior_rows(8).tolist() == [False, False, False, True] * 2
    assert learner(prior_rows=0.125).prior_rows(64).sum() == 8
    assert not learner(prior_rows=0.0).prior_rows(8).any()
    assert not learner(build(guidance="none")).prior_rows(8).any()


def gradients(loss: torch.Tensor, model: Model) -> dict[str, torch.Tensor]:
    """Of the parameters that the loss reaches."""
    names, parameters = zip(*model.named_parameters(), strict=True)
    found = zip(names, torch.autograd.grad(loss, parameters, allow_unused=True), strict=True)
    return {name: g for name, g in found if g is not None and g.any()}


@pytest.mark.parametrize("prior_learns", [False, True])
def test_what_prior_rows_teach(prior_learns):
    """The heads only, or with prior_learns also to answer; never prior and posterior through the KL."""
    learn = learner(halt_weight=0.0, value_weight=0.0, prior_learns=prior_learns)
    x, y, state, noise, done, pooled = batch(learn.model)
    rest = [state, noise, done + 1, pooled]

    def changed(row: int) -> set[str]:
        """Parameters whose gradient depends on puzzle and target of this row."""
        other_x, other_y = x.clone(), y.clone()
        other_x[row], other_y[row] = x[row - 1], y[row - 1].flip(0)
        one, other = (
            gradients(update(learn, *pair, *rest, ON_PRIOR).loss, learn.model) for pair in ((x, y), (other_x, other_y))
        )
        return {n for n in one if (one[n] - other[n]).abs().max() > 1e-5 * one[n].abs().max()}

    everything = set(gradients(update(learn, x, y, *rest, ON_PRIOR).loss, learn.model))
    assert changed(2) == everything
    assert changed(3) == ({n for n in everything if "posterior" not in n} if prior_learns else set())


def test_prior_rows_step_without_the_target():
    learn = learner()
    x, y, state, noise, *rest = batch(learn.model)
    moved = update(learn, x, y, state, noise, *rest, ON_PRIOR).state.h
    torch.testing.assert_close(moved[3], learn.model.step(state, learn.model.encode(x), noise).state.h[3])
    assert not torch.allclose(moved[2], learn.model.step(state, learn.model.encode(x), noise).state.h[2])


def test_heads_learn_from_prior_rows_only_and_reach_nothing_else():
    learn = learner()
    x, y, state, noise, done, pooled = batch(learn.model)
    result = update(learn, x, y, state, noise, done + N - 1, pooled, ON_PRIOR)
    plain = replace(TRAIN, halt_weight=0.0, value_weight=0.0)
    without = update(Learner(learn.model, plain, TASK.check), x, y, state, noise, done + N - 1, pooled, ON_PRIOR)
    both = gradients(result.loss, learn.model)
    heads_only = {f"{head}.{part}" for head in ("halt", "value") for part in ("weight", "bias")}
    assert set(both) - set(gradients(without.loss, learn.model)) == heads_only
    heads = result.loss - without.loss
    torch.testing.assert_close(heads, 0.5 * result.rows["halt"][3] + N * 0.5 * result.rows["value"][3])


def test_the_kl_has_the_price_of_the_moment():
    learn = learner()
    given = (*batch(learn.model), ON_PRIOR)
    result = update(learn, *given)
    learn.beta = 0.0
    free = update(learn, *given)
    kl = result.rows["kl"][~ON_PRIOR].mean()
    torch.testing.assert_close(result.loss - free.loss, TRAIN.beta * kl)


def stub(learn: Learner, answer: torch.Tensor, pooled: torch.Tensor) -> None:
    """Let the compiled part return hand-made values."""
    zero = torch.zeros(B)
    state = State(draw(B, L, D, seed=1), draw(B, L, D, seed=2))
    learn.inner = lambda *_: Inner(state, pooled, F.one_hot(answer, V).float(), zero, zero, zero)


def hand_made(learn: Learner, done: list[int], on_prior: torch.Tensor = ON_PRIOR, halt: torch.Tensor | None = None):
    """An update whose answers are: wrong, right, right, right for the rules but not the target."""
    x, y, state, noise, _, pooled = batch(learn.model)
    answer = y.clone()
    answer[0, 0] = y[0, 0] % (V - 1) + 1
    x[3] = 1  # blank: every complete grid is right
    answer[3] = y[2]
    assert (y[2] != y[3]).any()
    read = torch.zeros(B, D)
    read[:, 0] = torch.tensor([0.5, -1.0, 2.0, 3.0]) if halt is None else halt
    stub(learn, answer, read)
    with torch.no_grad():
        for head in (learn.model.halt, learn.model.value):
            head.weight.zero_()
            head.bias.zero_()
        learn.model.halt.weight[0, 0] = 1.0  # the halt logit is the first channel of what the head reads,
        learn.model.value.weight[0, 0] = 0.1  # the value a tenth of it
    return update(learn, x, y, state, noise, torch.tensor(done), pooled, on_prior), read


def test_halting_target():
    result, _ = hand_made(learner(), [0, 0, 0, 0])
    assert result.rows["exact"].tolist() == [False, True, True, False]
    assert result.rows["right"].tolist() == [False, True, True, True]  # the prior row is judged by the rules
    expected = [
        math.log1p(math.exp(0.5)),
        math.log1p(math.exp(1.0)),
        math.log1p(math.exp(-2)),
        math.log1p(math.exp(-3)),
    ]
    torch.testing.assert_close(result.rows["halt"], torch.tensor(expected))
    assert result.finished.tolist() == [False] * B
    torch.testing.assert_close(result.loss, 0.5 * result.rows["halt"][3])  # a mean over prior rows


def test_without_prior_rows_every_row_teaches_the_heads():
    nobody = torch.zeros(B, dtype=torch.bool)
    result, _ = hand_made(learner(prior_rows=0.0), [0, 0, 0, 0], nobody)
    assert result.rows["right"].tolist() == [False, True, True, False]
    torch.testing.assert_close(result.loss, 0.5 * result.rows["halt"].mean())


def test_padding_in_the_target_is_not_judged():
    learn = learner(prior_rows=0.0)
    x, y, *rest = batch(learn.model)
    answer = y.clone()
    y[:, :3] = PAD
    answer[1, 5] = y[1, 5] % (V - 1) + 1
    stub(learn, answer, torch.zeros(B, D))
    assert update(learn, x, y, *rest, torch.zeros(B, dtype=torch.bool)).rows["exact"].tolist() == [
        True,
        False,
        True,
        True,
    ]


def test_continue_target_is_the_better_of_the_next_two(monkeypatch):
    model = build(halting="halt-continue")
    learn = learner(model)
    following = torch.tensor([[0.3, 1.2], [0.7, -0.4], [0.3, 1.2], [-2.0, 1.0]])
    judge = model.judge
    read = torch.zeros(B, D)
    read[:, 0] = torch.tensor([0.5, -1.0, 2.0, 3.0])

    def two(pooled):  # the first call reads this step, the second the next one
        if torch.equal(pooled, read):
            return judge(pooled)
        return (following if pooled.ndim == 2 else judge(pooled)[0]), judge(pooled)[1]

    monkeypatch.setattr(model, "judge", two)
    result, _ = hand_made(learn, [0, 0, N - 1, 0])
    target = torch.tensor([1.2, 0.7, 0.3, 1.0]).sigmoid()  # row 2 is at its last step: only halting is left
    first = F.softplus(torch.tensor([0.5, 1.0, -2.0, -3.0]))
    second = torch.full((B,), math.log(2))  # the continue logit is 0: log 2 whatever the target
    torch.testing.assert_close(result.rows["halt"], 0.5 * (first + second))
    with torch.no_grad():
        model.halt.bias[1] = 1.0
    again = update(learn, *batch(model)[:4], torch.tensor([0, 0, N - 1, 0]), torch.zeros(B, N, D), ON_PRIOR)
    first = F.binary_cross_entropy_with_logits(read[:, 0], again.rows["right"].float(), reduction="none")
    second = F.binary_cross_entropy_with_logits(torch.ones(B), target, reduction="none")
    torch.testing.assert_close(again.rows["halt"], 0.5 * (first + second))


def test_value_target_is_the_result_at_the_end():
    learn = learner(halt_weight=0.0)
    x, y, state, noise, _, pooled = batch(learn.model)
    hand_made(learn, [0] * B)
    for row, steps in enumerate([[1.0, 2.0], [0.0, 4.0], [1.0, 9.0], [2.0, 4.0]]):
        pooled[row, : N - 1, 0] = torch.tensor(steps)  # 0: a rolling start did not see that step; 9 comes later
    done = torch.tensor([N - 1, N - 1, 0, N - 1])
    learn.check = lambda x, answer: np.array([True])
    result = update(learn, x, y, state, noise, done, pooled, ON_PRIOR)
    values = [[0.1, 0.2, 0.05], [0.4, -0.1], [0.2], [0.2, 0.4, 0.3]]
    right = [0.0, 1.0, 1.0, 1.0]
    expected = [sum((v - r) ** 2 for v in seen) / len(seen) for seen, r in zip(values, right, strict=True)]
    torch.testing.assert_close(result.rows["value"], torch.tensor(expected))
    assert result.finished.tolist() == [True, True, False, True]
    # Only finished prior rows pay, which on average is one in N of them.
    torch.testing.assert_close(result.loss, 0.5 * N * result.rows["value"][3])
    torch.testing.assert_close(result.pooled[:, :, 0][3], torch.tensor([2.0, 4.0, 3.0]))


@pytest.mark.parametrize("prior_rows", [0.125, 0.25])
@pytest.mark.parametrize("prior_learns", [False, True])
def test_halves_of_a_batch_average_to_the_whole(prior_rows, prior_learns):
    """As DistributedDataParallel needs it, also where only one of the ranks has rows on the prior."""
    learn = learner(batch=2 * B, prior_rows=prior_rows, prior_learns=prior_learns)
    parts = batch(learn.model)
    on_prior = learn.prior_rows(2 * B)
    one = update(learn, *parts, on_prior[:B]).loss
    x, y, state, noise, done, pooled = parts
    turned = (x.flip(0), y.flip(0), State(state.h.flip(0), state.l.flip(0)), noise.flip(1), done + 2, pooled)
    other = update(learn, *turned, on_prior[B:]).loss
    both = State(*(torch.cat(pair) for pair in zip(state, turned[2], strict=True)))
    tensors = [torch.cat([a, b]) for a, b in ((x, turned[0]), (y, turned[1]), (done, turned[4]), (pooled, pooled))]
    whole = update(learn, *tensors[:2], both, torch.cat([noise, turned[3]], 1), *tensors[2:], on_prior).loss
    torch.testing.assert_close(whole, (one + other) / 2)


def test_deterministic_member_learns_from_every_row():
    model = build(guidance="none")
    learn = learner(model, halt_weight=0.0)
    x, y, state, _, done, pooled = batch(model)
    result = update(learn, x, y, state, None, done, pooled, learn.prior_rows(B))
    torch.testing.assert_close(result.loss, result.rows["ce"].mean())
    assert not result.rows["kl"].any()


def test_stablemax_is_the_formula():
    logits = (5 * draw(B, L, V)).index_fill(-1, torch.tensor([PAD]), float("-inf"))
    y = torch.randint(0, V, (B, L), generator=torch.Generator().manual_seed(0))
    loss = token_loss(logits, y, "stablemax")
    assert (y == PAD).any()
    for b, i in np.ndindex(B, L):
        s = [1 / (1 - v) if v < 0 else v + 1 for v in logits[b, i, 1:].double().tolist()]
        expected = 0.0 if y[b, i] == PAD else -math.log(s[int(y[b, i]) - 1] / sum(s))
        assert loss[b, i].item() == pytest.approx(expected, rel=1e-6, abs=1e-7)


@pytest.mark.parametrize("kind", ["softmax", "stablemax"])
@pytest.mark.parametrize("value", [-1.0, 0.0, 1.0, 1e4])  # at 1 stablemax divides by 0 in the branch not taken
def test_token_loss_has_finite_gradients(kind, value):
    logits = torch.full((1, 3, V), value)
    logits[..., PAD] = float("-inf")
    logits.requires_grad_()
    token_loss(logits, torch.tensor([[PAD, 1, 2]]), kind).sum().backward()
    assert logits.grad is not None
    assert logits.grad.isfinite().all()
    assert not logits.grad[0, 0].any()  # padding is not scored
    assert logits.grad[0, 1].any()


# the full bound ----------------------------------------------------------------------------------------------
@pytest.mark.parametrize("option", ["last", "all"])
@pytest.mark.parametrize("start", ["fixed", "random"])
def test_full_elbo_is_the_sum_over_the_trajectory(option, start):
    model = build(start=start)
    x, y, *_ = batch(model)
    y[:, 2] = PAD
    stream = torch.Generator().manual_seed(7)
    bound = full_elbo(model, x, y, N_sup=N, posterior_transitions=option, generator=stream)
    core, stream = model.core, torch.Generator().manual_seed(7)
    assert core.prior is not None
    assert core.posterior is not None
    assert core.f_H is not None
    h, l = (z.expand(B, L, D) for z in model.z0)  # noqa: E741
    if start == "random":
        h, l = torch.randn(2, B, L, D, generator=stream)  # noqa: E741
    with torch.no_grad():
        e_x = model.encode(x)
        for n in range(N):
            nats = torch.zeros(B)
            for t, noise in enumerate(torch.randn(TINY.T, B, L, D, generator=stream)):
                l = core.f_L(l + h + e_x)  # noqa: E741  K = 1
                u = core.f_H(h + l)
                p, q = core.prior(u), core.posterior(u, y)
                if option == "last" and t < TINY.T - 1:
                    q = p
                nats += kl_divergence(Normal(*q), Normal(*p)).sum((1, 2))
                h = u + q.sample(noise)
            assert bound.kl[n] == pytest.approx(nats.mean().item(), rel=1e-4)
        log_p = model.decode(h).logits.log_softmax(-1).gather(-1, y[..., None]).squeeze(-1)
    assert bound.reconstruction == pytest.approx(torch.where(y == PAD, 0.0, log_p).sum(1).mean().item(), rel=1e-4)
    assert bound.elbo == pytest.approx(bound.reconstruction - sum(bound.kl))


def test_full_elbo_of_one_step_is_the_loss_of_that_step():
    model = build()
    x, y, *_, done, pooled = batch(model)
    noise = torch.randn(TINY.T, B, L, D, generator=torch.Generator().manual_seed(7))
    learn = learner(model, prior_rows=0.0, beta=1.0, halt_weight=0.0, value_weight=0.0)
    initial = State(*(t.clone() for t in model.initial(B)))
    result = update(learn, x, y, initial, noise, done, pooled, torch.zeros(B, dtype=torch.bool))
    stream = torch.Generator().manual_seed(7)
    bound = full_elbo(model, x, y, N_sup=1, posterior_transitions="last", generator=stream)
    assert result.loss.item() * L == pytest.approx(-bound.elbo, rel=1e-4)


def test_a_deterministic_member_has_no_bound():
    x, y, *_ = batch(model := build(guidance="none"))
    with pytest.raises(ValueError, match="no ELBO"):
        full_elbo(model, x, y, N_sup=1, posterior_transitions="last", generator=torch.Generator())


# optimizers --------------------------------------------------------------------------------------------------
def test_adam_atan2_is_the_written_rule():
    p = torch.nn.Parameter(draw(3, 2).double())
    optimizer = AdamAtan2([p], lr=0.1, betas=(0.8, 0.9), weight_decay=0.2)
    w, m, v = p.detach().numpy().copy(), 0.0, 0.0
    for t in range(1, 6):
        g = draw(3, 2, seed=t).double()
        p.grad = g.clone()
        optimizer.step()
        m, v = 0.8 * m + 0.2 * g.numpy(), 0.9 * v + 0.1 * g.numpy() ** 2
        w = w * (1 - 0.1 * 0.2) - 0.1 * np.arctan2(m / (1 - 0.8**t), np.sqrt(v / (1 - 0.9**t)))
        np.testing.assert_allclose(p.detach().numpy(), w, rtol=1e-10)


def test_adam_atan2_goes_on_from_its_state():
    def run(split: bool) -> torch.Tensor:
        p = torch.nn.Parameter(draw(3, 2))
        optimizer = AdamAtan2([p], lr=0.1)
        for t in range(4):
            if split and t == 2:
                state = optimizer.state_dict()
                optimizer = AdamAtan2([p], lr=0.1)
                optimizer.load_state_dict(state)
            p.grad = draw(3, 2, seed=t)
            optimizer.step()
        return p.detach()

    assert torch.equal(run(True), run(False))


MEMBERS = {
    "GRAM": {},
    "TRM": {"shared": True, "guidance": "none", "registers": 2},
    "learned": {"positions": "learned", "registers": 2, "fusion": "concat"},
    "mean": {"guidance": "mean", "hierarchy": False},
}


@pytest.mark.parametrize("kind", ["adamw", "muon", "adamatan2"])
@pytest.mark.parametrize("member", MEMBERS)
def test_every_parameter_has_one_group_and_only_matrices_of_the_core_decay(kind, member):
    model = build(**MEMBERS[member])
    config = replace(TRAIN, optimizer=kind, weight_decay=0.3)
    made = optimizers(model, config)
    groups = [(type(o).__name__, g) for o in made for g in o.param_groups]
    grouped = [id(p) for _, g in groups for p in g["params"]]
    names = {id(p): name for name, p in model.named_parameters()}
    assert sorted(grouped) == sorted(names)
    matrices = {n for n, p in model.named_parameters() if n.startswith("core.") and "embed_y" not in n}
    assert {names[id(p)] for _, g in groups if g["weight_decay"] for p in g["params"]} == matrices
    assert {g["weight_decay"] for _, g in groups} == {0.0, 0.3}
    if kind == "muon":
        assert {names[id(p)] for o, g in groups if o == "Muon" for p in g["params"]} == matrices


@pytest.mark.parametrize("kind", ["adamw", "muon", "adamatan2"])
def test_an_update_moves_every_parameter(kind):
    model = build()
    learn = learner(model, optimizer=kind)
    before = {n: p.detach().clone() for n, p in model.named_parameters()}
    x, y, state, noise, done, pooled = batch(model)
    update(learn, x, y, state, noise, done + N - 1, pooled, ON_PRIOR).loss.backward()
    assert gradient_norm(list(model.parameters()), 1e-3) > 1e-3
    norm = torch.stack([p.grad.norm() for p in model.parameters() if p.grad is not None]).norm()
    assert norm == pytest.approx(1e-3, rel=1e-3)
    for optimizer in optimizers(model, learn.config):
        optimizer.step()
    assert not [n for n, p in model.named_parameters() if torch.equal(p, before[n])]


def test_schedule():
    config = replace(TRAIN, warmup=10, lr_final=0.2)
    assert schedule(0, 0.0, config) == pytest.approx(0.1)
    assert schedule(9, 0.0, config) == pytest.approx(1.0)
    assert schedule(500, 0.5, config) == pytest.approx(0.6)
    assert schedule(500, 0.25, config) == pytest.approx(0.2 + 0.8 * (1 + math.sqrt(0.5)) / 2)
    assert schedule(900, 1.0, config) == pytest.approx(0.2)
    assert schedule(900, 1.7, config) == pytest.approx(0.2)
    assert schedule(0, 0.0, replace(config, warmup=0)) == pytest.approx(1.0)
    assert schedule(700, 0.7, replace(config, lr_final=1.0)) == pytest.approx(1.0)


def test_beta_rises():
    config = replace(TRAIN, beta=4.0)
    assert warmed_beta(0.0, config) == warmed_beta(0.5, config) == 4.0
    rising = replace(config, beta_warmup=0.2)
    assert [warmed_beta(p, rising) for p in (0.0, 0.05, 0.2, 0.9, 1.1)] == pytest.approx([0, 1, 4, 4, 4])


def test_average_of_weights_with_its_ramp():
    model = build()
    ema = averaged(model, decay=0.3)
    expected = None
    for n in range(6):
        with torch.no_grad():
            model.decoder.weight.fill_(float(n * n))
            model.z0.fill_(n)
        ema.update_parameters(model)
        decay = min(0.3, (1 + n) / (10 + n))
        expected = n * n if expected is None else decay * expected + (1 - decay) * n * n
        average = ema.module.state_dict()["decoder.weight"]
        torch.testing.assert_close(average, torch.full_like(average, expected))
    assert (ema.module.state_dict()["z0"] == 5).all()
    assert (model.decoder.weight == 25).all()


# batches -----------------------------------------------------------------------------------------------------
def batches(**changes) -> Batches:
    options = {"batch": 32, "seed": 1, "augment": True, "guard": True} | changes
    return Batches(TASK, EXAMPLES, **options)


@pytest.mark.parametrize("augment", [False, True])
def test_a_batch_depends_on_seed_and_update_only(augment):
    rows = np.arange(32)
    x, y, index, symmetry = batches(augment=augment).draw(5, rows)
    assert x.shape == y.shape == (32, L)
    assert x.dtype == y.dtype == np.uint8
    assert TASK.check(x, y).all()
    assert (symmetry.apply(EXAMPLES.inputs[index]) == x).all()
    assert (symmetry.apply(EXAMPLES.targets[index]) == y).all()
    again = batches(augment=augment)
    again.draw(4, rows)
    assert (again.draw(5, rows)[0] == x).all()
    for some in (rows[:16], rows[16:], rows[[3, 30, 7]], rows[:0]):
        part_x, part_y, *_ = again.draw(5, some)
        assert (part_x == x[some]).all()
        assert (part_y == y[some]).all()
    assert (again.draw(6, rows)[0] != x).any()
    assert (batches(augment=augment, seed=2).draw(5, rows)[0] != x).any()


def test_augmentation_shows_other_views():
    known = {row.tobytes() for row in EXAMPLES.inputs}
    plain, turned = (batches(augment=a).draw(0, np.arange(32))[0] for a in (False, True))
    assert all(row.tobytes() in known for row in plain)
    assert sum(row.tobytes() not in known for row in turned) > 16


def test_guard_keeps_views_of_other_splits_out():
    assert all(split_of(row) == "train" for row in EXAMPLES.inputs)
    splits = {
        g: [split_of(row) for n in range(4) for row in batches(guard=g).draw(n, np.arange(32))[0]] for g in (0, 1)
    }
    assert set(splits[True]) == {"train"}
    assert set(splits[False]) == {"train", "dev", "test"}
    assert TASK.check(*batches().draw(2, np.arange(32))[:2]).all()  # what the guard puts back is a whole example


def test_each_visit_draws_any_of_the_targets():
    queens = NQueens(5)
    examples = queens.examples("train")
    many = examples.select(examples.counts > 1)
    drawn = Batches(queens, many.select(np.arange(3)), batch=64, seed=0, augment=False, guard=True)
    seen: dict[bytes, set[bytes]] = {}
    for update in range(3):
        for x, y in zip(*drawn.draw(update, np.arange(64))[:2], strict=True):
            seen.setdefault(x.tobytes(), set()).add(y.tobytes())
    assert seen == {many.inputs[i].tobytes(): {t.tobytes() for t in many.targets_of(i)} for i in range(3)}


@pytest.mark.parametrize("task", [NQueens(5), Coloring(5)])
@pytest.mark.parametrize("augment", [False, True])
@pytest.mark.parametrize("together", [1, 2, 4])
def test_rows_of_one_puzzle_share_out_its_right_targets(task, augment, together):
    examples = task.examples("train", count=40)
    examples = examples.select(examples.counts > 1)
    model, rows = Model(task.spec, TINY), np.arange(16)
    on_prior = torch.arange(16) % 2 == 0
    leader = leaders(on_prior.numpy(), together)
    data = Batches(task, examples, batch=16, seed=0, augment=augment, guard=False, leader=leader)
    carry = empty_carry(model, rows, N, torch.device("cpu"))
    refill(carry, model, data, 0, rows, N, rolling=False)
    logits = draw(16, task.spec.length, task.spec.vocabulary, seed=1)
    log_p = logits.log_softmax(-1)
    y = retarget(carry, data, 0, rows, on_prior, logits)
    assert torch.equal(y[~on_prior], carry.y[~on_prior])
    for leader in range(0, 16, 2 * together):
        group = range(leader, leader + 2 * together, 2)
        x = carry.x[leader]
        assert all(torch.equal(carry.x[b], x) for b in group)
        own = [tuple(target) for target in task.solutions(x.numpy().astype(np.uint8)).tolist()]
        shared = [tuple(y[b].tolist()) for b in group]
        shares = [shared.count(target) for target in own]
        assert sum(shares) == together  # all are right
        assert max(shares) - min(shares) <= 1

        def likely(targets: Iterable[tuple[int, ...]], group: range = group) -> float:
            return sum(float(log_p[b, i, t]) for b, y in zip(group, targets, strict=True) for i, t in enumerate(y) if t)

        assert likely(shared) == pytest.approx(max(map(likely, itertools.permutations(shared))), abs=1e-4)


def test_no_target_is_learnt_more_often_than_another():
    """However likely one of them is, and on however many ranks the rows are."""
    task = NQueens(5)
    examples = task.examples("train")
    examples = examples.select(np.flatnonzero(examples.counts > 1)[:1])
    own = examples.targets_of(0)
    model, rows, all_rows = Model(task.spec, TINY), np.arange(64), np.ones(64, bool)
    for together in (1, 2, 4):
        leader = leaders(all_rows, together)
        data = Batches(task, examples, batch=64, seed=0, augment=False, guard=False, leader=leader)
        seen = []
        for part in (rows, rows[:32], rows[32:]):
            carry = empty_carry(model, part, N, torch.device("cpu"))
            refill(carry, model, data, 0, part, N, rolling=False)
            logits = 9.0 * F.one_hot(torch.from_numpy(own[0].astype(np.int64)), task.spec.vocabulary).float()
            answered = logits.expand(len(part), -1, -1)
            seen.append(retarget(carry, data, 0, part, torch.ones(len(part), dtype=torch.bool), answered))
        assert torch.equal(seen[0], torch.cat(seen[1:]))
        _, counts = seen[0].unique(dim=0, return_counts=True)
        assert len(counts) == len(own)
        if together % len(own) == 0:
            assert set(counts.tolist()) == {64 // len(own)}


def test_rows_of_one_puzzle_begin_together():
    task, on_prior = NQueens(5), np.arange(16) >= 8
    model, rows = Model(task.spec, TINY), np.arange(16)
    leader = leaders(on_prior, 4)
    assert leader.tolist() == [0, 1, 2, 3, 4, 5, 6, 7, 8, 8, 8, 8, 12, 12, 12, 12]
    data = Batches(task, task.examples("train"), batch=16, seed=0, augment=False, guard=False, leader=leader)
    carry = empty_carry(model, rows, 4, torch.device("cpu"))
    refill(carry, model, data, 0, rows, 4, rolling=True)
    assert carry.done.tolist() == [0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3]


def test_rows_of_one_puzzle_are_on_one_process():
    on_prior = np.arange(16) % 4 == 3
    assert leaders(on_prior, 2, 2).tolist() == leaders(on_prior, 2).tolist()
    with pytest.raises(ValueError, match=r"4 processes.*prior_together = 2"):
        leaders(on_prior, 2, 4)


def test_first_answers_on_the_prior_are_taught_the_targets_they_get():
    """Rows on the prior at their first step: their CE is against the targets that are assigned after `forward`, and
    reaches the prior."""
    learn = learner(prior_learns=True, halt_weight=0.0, value_weight=0.0, beta=0.0)
    x, y, state, noise, done, pooled = batch(learn.model)
    inputs = Inputs(x, y, state, noise, done, pooled, ON_PRIOR)
    assigned = inputs._replace(y=torch.where(ON_PRIOR[:, None], y.flip(0), y))
    result = learn.objective(assigned, learn(inputs))
    expected = learn.objective(assigned, learn(assigned))
    torch.testing.assert_close(result.rows["ce"], expected.rows["ce"])
    torch.testing.assert_close(result.loss, expected.loss)
    assert result.rows["ce"][3] != update(learn, *inputs).rows["ce"][3]
    assert any("prior" in name for name in gradients(result.loss, learn.model))
    later = inputs._replace(done=done + 1)  # nobody is at the first step: what `forward` found stays
    torch.testing.assert_close(learn.objective(later, learn(inputs)).rows["ce"], update(learn, *inputs).rows["ce"])


def test_forward_changes_nothing_outside_itself():
    learn = learner(prior_learns=True)
    inputs = Inputs(*batch(learn.model), ON_PRIOR)
    given = [inputs.x, inputs.y, *inputs.state, inputs.done, inputs.pooled, *learn.state_dict().values()]
    before = [tensor.clone() for tensor in given]
    learn(inputs)
    assert all(torch.equal(a, b) for a, b in zip(given, before, strict=True))


def test_retarget_where_this_rank_has_no_prior_rows():
    model, rows = build(), np.arange(8)
    carry = empty_carry(model, rows, N, torch.device("cpu"))
    refill(carry, model, batches(batch=8), 0, rows, N, rolling=False)
    y = retarget(carry, batches(batch=8), 0, rows, torch.zeros(8, dtype=torch.bool), torch.zeros(8, L, V))
    assert torch.equal(y, carry.y)


def test_no_examples():
    nothing = Examples.single(np.zeros((0, L), np.uint8), np.zeros((0, L), np.uint8))
    with pytest.raises(ValueError, match="no training examples"):
        Batches(TASK, nothing, batch=4, seed=0, augment=False, guard=True)


def lives(rolling: bool, updates: int, rows: np.ndarray, start: str = "fixed") -> list[Carry]:
    """The carry as each update sees it; the latent state moves on by 1 at every step."""
    model, data = build(start=start), batches(batch=8)
    carry, found = empty_carry(model, rows, N, torch.device("cpu")), []
    for update in range(updates):
        refill(carry, model, data, update, rows, N, rolling)
        found.append(Carry.of({name: t.clone() for name, t in carry.tensors().items()}))
        carry.state.h.add_(1.0)
        carry.pooled.add_(1.0)
        carry.done.add_(1)
    return found


def test_rolling_rows_show_every_stage_at_every_update():
    seen = lives(True, 9, np.arange(8))
    z0 = build().z0
    for update, (before, now) in enumerate(zip([None, *seen[:-1]], seen, strict=True)):
        assert set(now.done.tolist()) == set(range(N))
        fresh = now.done == 0 if update else torch.ones(8, dtype=torch.bool)  # at first all rows start at z0
        torch.testing.assert_close(now.state.h[fresh], z0[0].expand(int(fresh.sum()), L, D))
        torch.testing.assert_close(now.state.l[fresh], z0[1].expand(int(fresh.sum()), L, D))
        assert not now.pooled[fresh].any()
        if before is not None:
            assert torch.equal(fresh, before.done == N - 1)
            assert torch.equal(now.x[~fresh], before.x[~fresh])
            assert torch.equal(now.y[~fresh], before.y[~fresh])
            torch.testing.assert_close(now.state.h[~fresh], before.state.h[~fresh] + 1)
            new_x, new_y, *_ = batches(batch=8).draw(update, np.flatnonzero(fresh.numpy()))
            assert (now.x[fresh].numpy() == new_x).all()
            assert (now.y[fresh].numpy() == new_y).all()


def test_lockstep_rows_start_and_finish_together():
    seen = lives(False, 7, np.arange(8))
    assert [c.done.tolist() for c in seen] == [[n % N] * 8 for n in range(7)]
    same = [torch.equal(a.x, b.x) for a, b in itertools.pairwise(seen)]
    assert same == [True, True, False, True, True, False]


@pytest.mark.parametrize("rolling", [False, True])
@pytest.mark.parametrize("start", ["fixed", "random"])
def test_two_ranks_together_see_what_one_sees(rolling, start):
    halves = [lives(rolling, 5, rows, start) for rows in np.split(np.arange(8), 2)]
    for whole, one, other in zip(lives(rolling, 5, np.arange(8), start), *halves, strict=True):
        for name, t in whole.tensors().items():
            assert torch.equal(t, torch.cat([one.tensors()[name], other.tensors()[name]])), name


def test_random_starts_differ_between_rows_and_updates():
    seen = lives(False, 4, np.arange(8), start="random")
    first, second = seen[0].state, seen[3].state
    assert len({row.sum().item() for row in torch.cat([first.h, first.l, second.h, second.l])}) == 32
    assert 0.8 < first.h.std() < 1.2


@pytest.mark.parametrize("changes", [{}, {"hierarchy": False}, {"registers": 2}])
def test_empty_carry_is_finished(changes):
    model = build(**changes)
    carry = empty_carry(model, np.arange(8), N, torch.device("cpu"))
    assert carry.done.tolist() == [N] * 8
    refill(carry, model, batches(batch=8), 0, np.arange(8), N, rolling=False)
    for made, z in zip(carry.state, model.initial(8), strict=True):
        torch.testing.assert_close(made, z.contiguous())
    assert carry.pooled.shape == (8, N, D)

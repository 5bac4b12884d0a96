"""Baselines: likelihoods and posteriors against enumeration on small vocabularies, and the sampler of the family."""

import itertools
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from gram import tasks
from gram import weights as weight_files
from gram.config import Config, ModelConfig, SolveConfig, TrainConfig
from gram.measure.likelihood import baseline_elbo
from gram.measure.puzzles import evaluate
from gram.models.baselines import autoregressive, diffusion
from gram.models.baselines.base import Baseline, draw
from gram.models.build import build, parameter_table
from gram.models.core import State
from gram.recipes import change, recipe
from gram.ship.export import export
from gram.solve.sampler import sample
from gram.solve.torch_backend import TorchNetwork
from gram.tasks.spec import PAD, TaskSpec
from gram.train import baselines, loop, monitor
from gram.train.objective import Inputs

KINDS = ("direct", "autoregressive", "mdlm", "d3pm-uniform", "d3pm-absorbing", "vae")
DIFFUSIONS = ("mdlm", "d3pm-uniform", "d3pm-absorbing")
SPEC = TaskSpec(name="tiny", length=4, vocabulary=4, answer_start=1)
QUEENS = tasks.task("queens-4")


def config(kind: str, **changes) -> ModelConfig:
    sizes: dict[str, Any] = {"width": 16, "blocks": 2, "hidden": 16, "heads": 2, "latent": 3, "denoising_steps": 5}
    sizes |= {"mixer": "attention", "positions": "learned", "kind": kind}
    sizes |= {"direct": {"guidance": "none"}, "d3pm-uniform": {"start": "random"}}.get(kind, {})
    return ModelConfig(**(sizes | changes))


@pytest.fixture(autouse=True)
def one_thread():
    """As in a thread of the sampler: rows of a product that several share differ in the last bit on some processors."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def made(kind: str, spec: TaskSpec = SPEC, **changes) -> Any:
    """A baseline with random weights that has opinions."""
    model = build(spec, config(kind, **changes), 3)
    assert isinstance(model, Baseline)
    with torch.no_grad():
        model.decoder.weight.mul_(3)
    return model.eval()


def every_answer(spec: TaskSpec = SPEC) -> Tensor:
    """All answers that there are, (n, L); padding before the answer."""
    places = [range(1, spec.vocabulary)] * (spec.length - spec.answer_start)
    return torch.tensor([(PAD,) * spec.answer_start + answer for answer in itertools.product(*places)])


def puzzle(rows: int, spec: TaskSpec = SPEC) -> Tensor:
    return (torch.arange(spec.length) % (spec.vocabulary - 1) + 1).expand(rows, -1)


def normal(model: Baseline, rows: int, seed: int = 0) -> Tensor:
    T, *one = model.noise_shape
    return torch.randn(T, rows, *one, generator=torch.Generator().manual_seed(seed))


@torch.no_grad()
def samples(model: Baseline, rows: int, steps: int) -> Tensor:
    """Answers (rows, L) to one puzzle."""
    state = model.initial(rows, torch.cat([normal(model, rows, 99)] * 2))
    out = None
    for step in range(steps):
        out = model.step(state, model.encode(puzzle(rows)), normal(model, rows, step))
        state = out.state
    assert out is not None
    return model.decode(out.readout).logits.argmax(-1)


def assert_frequencies(answers: Tensor, p: dict[tuple[int, ...], float]) -> None:
    """The samples follow p: each frequency within five standard deviations."""
    n = len(answers)
    found = {answer: 0 for answer in p}
    for answer in map(tuple, answers.tolist()):
        found[answer] += 1
    assert sum(p.values()) == pytest.approx(1, abs=1e-4)
    for answer, expected in p.items():
        assert abs(found[answer] / n - expected) < 5 * (expected * (1 - expected) / n) ** 0.5 + 1e-3


# autoregressive ---------------------------------------------------------------------------------------------
@torch.no_grad()
def test_autoregressive_likelihood_sums_to_one_over_all_answers():
    model, y = made("autoregressive"), every_answer()
    p = (-model.losses(puzzle(len(y)), y, None).nll).exp()
    assert len(y) == 27
    assert p.sum().item() == pytest.approx(1, abs=1e-5)
    assert p.max() > 2 / 27  # it has opinions


@torch.no_grad()
def test_steps_with_the_cache_give_the_factors_of_the_likelihood(monkeypatch):
    model, y = made("autoregressive"), every_answer()
    scores: list[Tensor] = []

    def forced(logits: Tensor, noise: Tensor | None, temperature: float) -> Tensor:
        scores.append(logits)
        return y[:, len(scores) : len(scores) + 1]

    monkeypatch.setattr(autoregressive, "draw", forced)
    x = puzzle(len(y))
    e_x, state = model.encode(x), model.initial(len(y))
    for _ in range(3):
        out = model.step(state, e_x, None)
        state = out.state
    log_p = torch.cat(scores, dim=1).log_softmax(-1)
    product = log_p.gather(2, y[:, 1:, None]).sum((1, 2))
    assert torch.allclose(product, -model.losses(x, y, None).nll, atol=1e-5)
    assert torch.equal(state.h.squeeze(-1), y[:, 1:])


@torch.no_grad()
def test_no_token_sees_what_comes_after_it():
    model, y = made("autoregressive"), every_answer()[[0, 26]]
    y[1, :3] = y[0, :3]  # they differ in the last token only
    assert torch.equal(y[0, 1:3], y[1, 1:3])
    seen: list[Tensor] = []
    original = model.logits
    model.logits = lambda h: seen.append(original(h)) or seen[-1]
    model.losses(puzzle(2), y, None)
    assert torch.equal(seen[0][0], seen[0][1])


def test_autoregressive_samples_follow_the_likelihood():
    model, y = made("autoregressive"), every_answer()
    with torch.no_grad():
        p = (-model.losses(puzzle(len(y)), y, None).nll).exp()
    expected = {tuple(answer): chance for answer, chance in zip(y.tolist(), p.tolist(), strict=True)}
    assert_frequencies(samples(model, 4000, 3), expected)


@torch.no_grad()
def test_rows_at_different_places_share_a_batch():
    model = made("autoregressive")
    e_x = model.encode(puzzle(1))
    first = model.step(model.initial(1), e_x, None)
    second = model.step(first.state, e_x, None)
    mixed = State(*(torch.cat(pair) for pair in zip(model.initial(1), first.state, strict=True)))
    both = model.step(mixed, e_x.expand(2, -1, -1), None)
    assert torch.equal(both.state.h, torch.cat([first.state.h, second.state.h]))
    assert torch.allclose(both.state.l, torch.cat([first.state.l, second.state.l]), atol=1e-6)


# diffusion --------------------------------------------------------------------------------------------------
def matrices(kind: str, T: int, V: int) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Q_t and their products, from the paper's beta_t; token 0 is the mask. Entry [i, j] is q(j | i)."""
    steps, products = [np.eye(V)], [np.eye(V)]
    for t in range(1, T + 1):
        if kind == "d3pm-uniform":
            f = [np.cos((s / T + 0.008) / 1.008 * np.pi / 2) ** 2 for s in (t - 1, t)]
            keep, other = f[1] / f[0], np.r_[0, np.ones(V - 1)] / (V - 1)
        else:
            keep, other = 1 - 1 / (T - t + 1), np.r_[1, np.zeros(V - 1)]
        steps.append(keep * np.eye(V) + (1 - keep) * other)
        products.append(products[-1] @ steps[-1])
    return steps, products


@pytest.mark.parametrize("T", [1, 2, 5])
@pytest.mark.parametrize("kind", ["d3pm-uniform", "d3pm-absorbing"])
def test_posteriors_are_those_of_the_chain(kind, T):
    model, V = made(kind, denoising_steps=T), SPEC.vocabulary
    Q, product = matrices(kind, T, V)
    for t, x_0, x_t in itertools.product(range(1, T + 1), range(1, V), range(V)):
        one_hot = torch.eye(V)[x_0].expand(1, 4, V)
        forward = model.onward(one_hot, torch.tensor([t]))[0, 0].numpy()
        assert np.allclose(forward, product[t][x_0], atol=1e-6)
        if product[t][x_0, x_t] < 1e-12:
            continue
        found = model.back(one_hot, torch.full((1, 4), x_t), torch.tensor([t])).exp()[0, 0].numpy()
        bayes = Q[t][:, x_t] * product[t - 1][x_0] / product[t][x_0, x_t]
        assert np.allclose(found, bayes, atol=1e-6)


@torch.no_grad()
def chain(model, kind: str, spec: TaskSpec) -> tuple[dict[tuple[int, ...], float], dict[tuple[int, ...], float]]:
    """By enumeration: p(y) of the steps back in time, and the variational bound in nats of each y."""
    T, V, first = model.T, spec.vocabulary, spec.answer_start
    Q, product = matrices(kind, T, V)
    answers = [tuple(y) for y in every_answer(spec).tolist()]
    tokens = range(1, V) if kind == "d3pm-uniform" else range(V)
    states = [(PAD,) * first + s for s in itertools.product(tokens, repeat=spec.length - first)]
    p = {s: float(np.prod([product[T][1, token] for token in s[first:]])) for s in states}
    bound = dict.fromkeys(answers, 0.0)
    for t in range(T, 0, -1):
        e_x = model.encode(puzzle(len(states), spec))
        belief = model.predict(torch.tensor(states), torch.full((len(states),), t), e_x).softmax(-1).double().numpy()
        before = dict.fromkeys(states, 0.0)
        for state, b in zip(states, belief, strict=True):
            # p(x_{t-1} | x_t), a sum over x_0 for each position
            steps = [Q[t][:, state[i]] * (b[i] @ product[t - 1]) for i in range(first, spec.length)]
            if not all(step.any() for step in steps):  # this state is never reached
                continue
            steps = [step / step.sum() for step in steps]
            for s in states:
                factors = [step[token] for step, token in zip(steps, s[first:], strict=True)]
                before[s] += p[state] * float(np.prod(factors))
            for y in answers:
                weight = np.prod([product[t][y[i], state[i]] for i in range(first, spec.length)])
                if weight < 1e-15:
                    continue
                for i, step in zip(range(first, spec.length), steps, strict=True):
                    q = Q[t][:, state[i]] * product[t - 1][y[i]] / product[t][y[i], state[i]]
                    bound[y] += weight * float((q * np.log(np.where(q > 0, q, 1) / np.where(q > 0, step, 1))).sum())
        p = before
    return {y: p[y] for y in answers}, bound


TWO = TaskSpec(name="two", length=3, vocabulary=3, answer_start=1)


@pytest.mark.parametrize("kind", ["d3pm-uniform", "d3pm-absorbing"])
def test_d3pm_bound_and_samples_agree_with_enumeration(kind):
    model = made(kind, TWO, denoising_steps=3)
    p, bound = chain(model, kind, TWO)
    n = 6000
    for y, exact in bound.items():
        with torch.no_grad():
            losses = model.losses(puzzle(n, TWO), torch.tensor(y).expand(n, -1), normal(model, n))
        error = losses.nll.std().item() / n**0.5
        assert abs(losses.nll.mean().item() - exact) < 5 * error
        assert exact > -np.log(p[y])
    state = model.initial(n, torch.cat([normal(model, n, 99)] * 2))
    for step in range(3):
        with torch.no_grad():
            out = model.step(state, model.encode(puzzle(n, TWO)), normal(model, n, step))
        state = out.state
    assert_frequencies(state.h.squeeze(-1), p)


@torch.no_grad()
def test_mdlm_bound_is_that_of_random_orders():
    """In continuous time the tokens appear one by one in a random order: log p(y) and its bound by enumeration."""
    model, places, total = made("mdlm"), (1, 2, 3), 0.0
    states = torch.tensor([(PAD, *state) for state in itertools.product(range(4), repeat=3)])
    belief = model.predict(states, torch.ones(len(states)), model.encode(puzzle(len(states)))).log_softmax(-1)
    log_p = {tuple(state): b for state, b in zip(states.tolist(), belief.numpy(), strict=True)}
    for y in every_answer().tolist():
        p, bound = 0.0, 0.0
        for order in itertools.permutations(places):
            shown = [tuple(token if i in order[:k] else PAD for i, token in enumerate(y)) for k in range(3)]
            path = sum(log_p[state][i, y[i]] for state, i in zip(shown, order, strict=True))
            p, bound = p + np.exp(path) / 6, bound - path / 6
        total += p
        assert bound > -np.log(p)
        if y in ([0, 1, 1, 1], [0, 3, 2, 1]):
            n = 8000
            losses = model.losses(puzzle(n), torch.tensor(y).expand(n, -1), normal(model, n))
            assert abs(losses.nll.mean().item() - bound) < 5 * losses.nll.std().item() / n**0.5
    assert total == pytest.approx(1, abs=1e-4)


@pytest.mark.parametrize("kind", DIFFUSIONS)
def test_what_is_done_stays(kind):
    model = made(kind)
    state = model.initial(3, torch.cat([normal(model, 3, 9)] * 2))
    for step in range(5):
        out = model.step(state, model.encode(puzzle(3)), normal(model, 3, step))
        assert (model.decode(out.readout).halt[:, 0] > 0).all() == (step == 4)
        state = out.state
    assert (state.h.squeeze(-1)[:, 1:] != PAD).all()
    assert torch.equal(model.step(state, model.encode(puzzle(3)), normal(model, 3, 5)).state.h, state.h)


@pytest.mark.parametrize(("alpha", "end"), [(diffusion.linear(9), 0), (diffusion.cosine(9), 0)])
def test_schedules_fall_from_one_to_nothing(alpha, end):
    assert alpha[0] == 1
    assert alpha[-1] == end
    assert (alpha.diff() < 0).all()


# the others -------------------------------------------------------------------------------------------------
@torch.no_grad()
def test_vae_bound_is_a_bound():
    model, y = made("vae", latent=1), every_answer()
    z = torch.linspace(-8, 8, 801).view(-1, 1, 1)
    weight = torch.exp(-0.5 * z.square()).view(-1) / (2 * torch.pi) ** 0.5 * (z[1] - z[0]).item()
    logits = model.generate(model.encode(puzzle(len(z))), z).log_softmax(-1)
    each = logits[:, None].expand(-1, len(y), -1, -1).gather(3, y[None, :, :, None].expand(len(z), -1, -1, -1))
    log_p = (each[:, :, 1:].sum((2, 3)).exp() * weight[:, None]).sum(0).log()
    assert log_p.exp().sum().item() == pytest.approx(1, abs=1e-3)
    runs = model.losses(puzzle(100 * len(y)), y.repeat(100, 1), normal(model, 100 * len(y)))
    bound = (runs.nll + runs.kl).view(100, -1).mean(0)
    assert (bound > -log_p).all()


@torch.no_grad()
def test_direct_likelihood_is_a_product_over_positions():
    model, y = made("direct"), every_answer()
    p = (-model.losses(puzzle(len(y)), y, None).nll).exp()
    assert p.sum().item() == pytest.approx(1, abs=1e-5)


def test_draws_follow_the_scores():
    scores, n = torch.tensor([0.0, 1.0, float("-inf"), -1.0]), 20_000
    noise = torch.randn(n, 4, generator=torch.Generator().manual_seed(0))
    for temperature in (1.0, 0.5):
        found = draw(scores, noise, temperature).bincount(minlength=4) / n
        assert torch.allclose(found, (scores / temperature).softmax(-1), atol=0.02)
    assert (draw(scores, noise, 0.0) == 1).all()
    assert draw(scores, torch.full((4,), 7.0), 1.0) == 1  # far out, and finite


# the sampler ------------------------------------------------------------------------------------------------
STEPS = {"direct": 1, "vae": 1, "autoregressive": 16}


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("kind", KINDS)
def test_a_puzzle_alone_and_among_others_gives_bitwise_the_same(kind, dtype):
    model = made(kind, QUEENS.spec, width=64, hidden=64)
    model.dtype = dtype
    network, x = TorchNetwork(model), QUEENS.examples("train", count=6).inputs
    options = {"width": 5, "depth": 100, "halt_threshold": 0.0}
    together = sample(network, QUEENS, x, **options, rows=14)
    for found in together:
        assert (found.steps == STEPS.get(kind, 5)).all()
        assert found.finished.all()
        assert (found.answers != PAD).all()
    for i in (0, 3, 5):
        alone = sample(network, QUEENS, x[i : i + 1], **options)[0]
        assert np.array_equal(alone.answers, together[i].answers)
    if kind == "direct":
        assert len(together[0]) == 1
    elif kind != "vae":
        assert len(np.unique(together[0].answers, axis=0)) > 1
    again, other = (sample(network, QUEENS, x, **options, seed=seed) for seed in (0, 1))
    assert all(np.array_equal(a.answers, b.answers) for a, b in zip(together, again, strict=True))
    if kind not in ("direct", "vae"):
        assert not all(np.array_equal(a.answers, b.answers) for a, b in zip(together, other, strict=True))


@pytest.mark.parametrize("kind", KINDS)
def test_coloring_is_answered_at_the_vertices_only(kind):
    task = tasks.task("coloring-5")
    network = TorchNetwork(made(kind, task.spec))
    found = sample(network, task, task.examples("train", count=2).inputs, width=2, depth=100, halt_threshold=0.0)
    for trajectories in found:
        assert (trajectories.answers[:, : task.spec.answer_start] == PAD).all()
        assert (trajectories.answers[:, task.spec.answer_start :] != PAD).all()
        assert trajectories.evaluations == len(trajectories) * {"autoregressive": 5}.get(kind, STEPS.get(kind, 5))


@pytest.mark.parametrize("kind", KINDS)
@torch.no_grad()
def test_a_row_is_bitwise_the_same_in_any_company(kind):
    model = made(kind, QUEENS.spec, width=64, hidden=64)
    noise, start = [normal(model, 9, seed) for seed in range(3)], torch.cat([normal(model, 9, 9)] * 2)

    def logits(rows: int) -> Tensor:
        seen: list[Tensor] = []
        model.logits = lambda h: seen.append(Baseline.logits(model, h)) or seen[-1]
        state, e_x = model.initial(rows, start[:, :rows]), model.encode(puzzle(rows, QUEENS.spec))
        for some in noise:
            state = model.step(state, e_x, some[:, :rows]).state
        return torch.stack([z[:rows] for z in seen])

    assert all(torch.equal(logits(rows), logits(9)[:, :rows]) for rows in range(1, 9))


# training ---------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("kind", KINDS)
def test_each_learns_a_tiny_task(kind, tmp_path, monkeypatch):
    monkeypatch.setattr(monitor, "EVERY", 20)
    train = TrainConfig(
        updates=100, batch=24, N_sup=1, lr=1e-2, warmup=5, ema=0.9, dtype="float32", compile=False, beta=0.5,
        evaluate_every=1e9, evaluate_examples=4, save_every=1e9,
    )  # fmt: skip
    model = config(kind, width=32, hidden=32, denoising_steps=8)
    solve = SolveConfig(width=2, depth=16, halt_threshold=0.0)
    whole = Config(recipe="tiny", task="queens-4", model=model, train=train, solve=solve)
    loop.train(whole, tmp_path / "run")
    config_read, learned = weight_files.load(tmp_path / "run")
    assert config_read == whole
    examples = QUEENS.examples("train")
    options = {"width": 4, "depth": 16, "select": "majority", "halt_threshold": 0.0}
    before = evaluate((TorchNetwork(build(QUEENS.spec, model)), QUEENS), examples, **options).valid
    after = evaluate((TorchNetwork(learned), QUEENS), examples, **options).valid
    assert before is not None
    assert before < 0.1
    assert after is not None
    assert after > 0.5


def test_loss_is_weighted_in_one_place():
    model, y = made("vae"), every_answer()
    learner = baselines.BaselineLearner(model, TrainConfig(beta=0.5))
    x, noise = puzzle(len(y)), normal(model, len(y))
    state, rest = State(torch.zeros(0), torch.zeros(0)), torch.zeros(len(y), dtype=torch.int64)
    inputs = Inputs(x, y, state, noise, rest, rest, rest.bool())
    update = learner.objective(inputs, learner(inputs))
    losses = model.losses(x, y, noise)
    assert update.loss.item() == pytest.approx(((losses.nll + 0.5 * losses.kl) / 3).mean().item(), rel=1e-5)
    assert update.finished.all()
    assert (update.done == 1).all()


def test_elbo_of_a_dev_set_is_the_likelihood_where_that_is_exact():
    model, y = made("autoregressive"), every_answer()
    bound = baseline_elbo(model, puzzle(len(y)), y, generator=torch.Generator().manual_seed(0), draws=2)
    assert bound.elbo == pytest.approx(-model.losses(puzzle(len(y)), y, None).nll.mean().item(), rel=1e-5)


# configurations ---------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("queens-8-autoregressive", 0.47),
        ("queens-8-direct-32", 0.52),
        ("coloring-8-d3pm-uniform", 0.48),
        ("paper-queens-8-direct-8", 27.3),
        ("paper-queens-8-autoregressive", 10.6),
        ("paper-queens-8-mdlm", 12.6),
        ("paper-queens-8-d3pm-absorbing", 15.9),
    ],
)
def test_sizes_are_the_published_ones(name, parameters):
    made_of = recipe(name)
    with torch.device("meta"):
        model = build(tasks.task(made_of.task).spec, made_of.model)
    assert parameter_table(model)["total"] / 1e6 == pytest.approx(parameters, rel=0.02)


def test_every_recipe_takes_every_rival():
    for name in ("queens-6", "coloring-5", "sudoku-4"):
        for variant in ("direct-8", "direct-32", "autoregressive", "mdlm", "d3pm-uniform", "d3pm-absorbing", "vae"):
            small = change(recipe(f"{name}-{variant}"), model={"width": 8, "blocks": 1, "hidden": 8})
            assert isinstance(build(tasks.task(name).spec, small.model), Baseline)


@pytest.mark.parametrize(
    ("kind", "changes", "message"),
    [
        ("direct", {"guidance": "full"}, "model.guidance = 'none'"),
        ("autoregressive", {"mixer": "groups"}, "model.mixer = 'attention'"),
        ("d3pm-uniform", {"start": "fixed"}, "model.start = 'random'"),
        ("mdlm", {"unary": True}, "model.unary = False"),
        ("mdlm", {"mixer": "groups"}, 'mixer "groups" needs a task with relations'),
        ("vae", {"mixer": "swiglu", "positions": "rope"}, 'positions "rope" needs mixer "attention"'),
        ("mdlm", {"denoising_steps": 0}, "model.denoising_steps is 0"),
    ],
)
def test_what_does_not_fit_is_refused(kind, changes, message):
    with pytest.raises(ValueError, match=message):
        build(SPEC, replace(config(kind), **changes))


def test_a_rival_is_not_exported(tmp_path):
    whole = Config(recipe="tiny", task="queens-4", model=config("mdlm"))
    weight_files.save(tmp_path / "run", whole, build(QUEENS.spec, whole.model))
    with pytest.raises(ValueError, match="of kind mdlm; only recursive models can be exported"):
        export(str(tmp_path / "run"), tmp_path / "bundle")
    assert not (tmp_path / "bundle").exists()

"""Binarized MNIST: its files, the stem of patches, training without rules, and the measures of realism."""

import gzip
import json
import struct
from dataclasses import replace

import numpy as np
import pytest
import torch
from support.command import exit_code
from support.configs import NARROW

from gram import recipes
from gram import weights as weight_files
from gram.config import Config, ModelConfig, SolveConfig, TrainConfig
from gram.measure import images as realism
from gram.models.baselines.base import Baseline
from gram.models.build import build
from gram.models.recursive import Model
from gram.models.stem import PatchStem, patches, pixels
from gram.ship import runtime
from gram.ship.export import export
from gram.solve import reasoner
from gram.tasks import task
from gram.tasks.data import store
from gram.tasks.mnist import BLACK, WHITE, Mnist
from gram.tasks.spec import PAD, TaskSpec, split_of
from gram.train import loop

MNIST = Mnist()
SMALL = replace(
    ModelConfig(**NARROW), mixer="swiglu", mixer_hidden=16, positions="none", stem="patches", stem_channels=8
)
IMAGE = TaskSpec(name="image", length=16, vocabulary=3)


def idx(array: np.ndarray) -> bytes:
    """An array of bytes as a gzip'd IDX file."""
    head = bytes([0, 0, 8, array.ndim]) + b"".join(struct.pack(">I", n) for n in array.shape)
    return gzip.compress(head + array.astype(np.uint8).tobytes())


@pytest.fixture
def files(tmp_path, monkeypatch):
    """A data folder with 60 training and 30 test images of noise."""
    rng, folder = np.random.default_rng(0), tmp_path / "data" / "mnist"
    folder.mkdir(parents=True)
    for name, n in (("train", 60), ("t10k", 30)):
        (folder / f"{name}-images-idx3-ubyte.gz").write_bytes(idx(rng.integers(0, 256, (n, 28, 28))))
        (folder / f"{name}-labels-idx1-ubyte.gz").write_bytes(idx(rng.integers(0, 10, n)))
    monkeypatch.setenv("GRAM_DATA", str(tmp_path / "data"))
    return folder


# the task -------------------------------------------------------------------------------------------------
def test_images_are_binarized_and_split_by_content(files):
    raw = np.frombuffer(gzip.decompress((files / "train-images-idx3-ubyte.gz").read_bytes())[16:], np.uint8)
    white = raw.reshape(60, 784) >= 128
    parts = {split: MNIST.examples(split) for split in ("train", "dev", "test")}
    assert len(parts["test"].targets) == 30
    assert len(parts["train"].targets) + len(parts["dev"].targets) == 60
    assert {split_of(t) for t in parts["dev"].targets} == {"dev"}
    assert "dev" not in {split_of(t) for t in parts["train"].targets}
    both = {(t == WHITE).tobytes() for part in ("train", "dev") for t in parts[part].targets}
    assert both == {row.tobytes() for row in white}
    for part in parts.values():
        np.testing.assert_array_equal(part.inputs, np.full((1, 784), BLACK))
        assert MNIST.check(np.tile(MNIST.blank, (len(part.targets), 1)), part.targets).all()
    assert len(MNIST.examples("train", count=7).targets) == 7


def test_pictures_of_an_image():
    tokens = np.full((28, 28), BLACK, np.uint8)
    tokens[0, 1], tokens[1, 2], tokens[2:4, 3] = WHITE, WHITE, WHITE
    image = tokens.ravel()
    assert MNIST.decode(image).splitlines()[:2] == [".#" + "." * 26, "..#" + "." * 25]
    assert MNIST.render(MNIST.blank, image).splitlines()[:2] == [" ▀▄" + " " * 25, "   █" + " " * 24]
    assert MNIST.picture(image)[0, :3].tolist() == [0, 255, 0]
    assert MNIST.picture(image).sum() == 4 * 255


@pytest.mark.parametrize("damage", [b"no gzip", gzip.compress(b"\0\0\x08\x03short"), idx(np.zeros((60, 28))), b""])
def test_damaged_files(files, damage):
    (files / "train-images-idx3-ubyte.gz").write_bytes(damage)
    with pytest.raises(ValueError, match=r"train-images.*copy it again"):
        MNIST.examples("train")


def test_files_that_do_not_belong_together(files):
    (files / "t10k-labels-idx1-ubyte.gz").write_bytes(idx(np.zeros(29)))
    with pytest.raises(ValueError, match="29 labels"):
        MNIST.examples("test")
    (files / "t10k-labels-idx1-ubyte.gz").unlink()
    with pytest.raises(FileNotFoundError, match="GRAM_DATA"):
        MNIST.examples("test")


# the stem -------------------------------------------------------------------------------------------------
def test_patches_and_pixels():
    x = torch.arange(2 * 3 * 16).view(2, 3, 4, 4)
    rows = patches(x)
    assert rows.shape == (2, 4, 12)
    assert rows[0, 1].tolist() == x[0, :, :2, 2:].flatten().tolist()  # the patch of the first rows, last columns
    assert torch.equal(pixels(rows), x.flatten(2).transpose(1, 2))


def test_the_stem_sees_grey_values_and_where_they_are():
    stem = PatchStem(16, 3, 6, 8)
    stem.reset(torch.Generator().manual_seed(0))
    image = torch.full((1, 16), BLACK)
    changed = image.clone()
    changed[0, 15] = WHITE
    one, other = stem(image, torch.float32), stem(changed, torch.float32)
    assert one.shape == (1, 4, 6)
    assert not torch.equal(one[0, 3], other[0, 3])
    assert stem(image, torch.bfloat16).dtype == torch.bfloat16
    # black is -1 and white 1: the first convolution of the inverted image is the negative
    seen = []
    stem.convs[0].register_forward_hook(lambda _, given, out: seen.append(out))
    stem(image, torch.float32)
    stem(3 - image, torch.float32)
    assert torch.equal(seen[0], -seen[1])


def test_a_model_of_patches_steps_decodes_and_learns():
    model = Model(IMAGE, SMALL)
    x, y = torch.full((3, 16), BLACK), torch.randint(1, 3, (3, 16), generator=torch.Generator().manual_seed(0))
    e_x = model.encode(x)
    assert e_x.shape == (3, 4, 16) == (3, model.rows, 16)
    step = model.step(model.initial(3), e_x, torch.randn(1, 3, 4, 16), y=y)
    logits = model.decode(step.readout).logits
    assert logits.shape == (3, 16, 3)
    assert (logits[..., 0] == -torch.inf).all()
    # row 1 of the state speaks for the pixels of its patch alone
    moved = step.readout.clone()
    moved[:, 1] += 1
    differs = (model.decode(moved).logits != logits)[..., 1:].any(-1).any(0)
    assert differs.view(4, 4).nonzero().tolist() == [[0, 2], [0, 3], [1, 2], [1, 3]]
    loss = logits[..., 1].sum() + sum(q.mu.sum() + p.sigma.sum() for q, p in step.guides)
    loss.backward()
    assert model.core.posterior is not None
    for stem in (model.embed_x, model.core.posterior.embed_y):
        assert isinstance(stem, PatchStem)
    assert model.embed_x is not model.core.posterior.embed_y
    assert all(p.grad is not None for p in model.embed_x.parameters())


def test_patches_with_attention_and_learned_positions():
    changes = {"mixer": "attention", "heads": 2, "positions": "learned", "fusion": "concat"}
    model = Model(IMAGE, replace(SMALL, **changes))
    assert model.embed_position is not None
    assert len(model.embed_position.weight) == 4
    assert model.encode(torch.full((2, 16), BLACK)).shape == (2, 4, 16)


@pytest.mark.parametrize(
    ("length", "changes", "sentence"),
    [
        (15, {}, "square images"),
        (25, {}, "even sides"),
        (16, {"stem_channels": 12}, "multiple of 8"),
        (16, {"registers": 1}, "registers = 0"),
        (16, {"mixer": "groups"}, "relations|attention"),
    ],
)
def test_impossible_stems(length, changes, sentence):
    with pytest.raises(ValueError, match=sentence):
        Model(replace(IMAGE, length=length), replace(SMALL, **changes))


@pytest.mark.parametrize("name", ["mnist", "paper-mnist", "mnist-trm"])
def test_recipes(name):
    config = recipes.recipe(name)
    model = Model(task(config.task).spec, config.model)
    assert model.rows == 14 * 14
    assert config.train.prior_rows == 0


@pytest.mark.parametrize("name", ["vae", "d3pm-uniform", "d3pm-absorbing", "mdlm", "direct-8"])
def test_rivals_see_patches_too(name):
    config = recipes.recipe(f"mnist-{name}")
    baseline = build(task(config.task).spec, config.model)
    assert isinstance(baseline, Baseline)
    x, y = torch.zeros(2, 784, dtype=torch.long), torch.randint(BLACK, WHITE + 1, (2, 784))
    noise = torch.randn(1, 2, *baseline.noise_shape[1:])
    losses = baseline.losses(x, y, noise)
    assert losses.answer.shape == (2, 784)
    assert losses.nll.shape == (2,)
    assert baseline.encode(x).shape[1] == 14 * 14
    start = baseline.initial(2, torch.randn(2, 2, *baseline.noise_shape[1:]))
    logits = baseline.decode(baseline.step(start, baseline.encode(x), noise).readout).logits
    assert logits.shape == (2, 784, 3)
    assert (logits.argmax(-1) != PAD).all() or name in ("d3pm-absorbing", "mdlm")  # masked until the end


def test_no_patches_token_by_token():
    config = recipes.recipe("mnist-autoregressive")
    assert config.model.stem == "tokens"
    with pytest.raises(ValueError, match=r"needs model\.stem = 'tokens'"):
        build(task(config.task).spec, replace(config.model, stem="patches"))


# training and commands ------------------------------------------------------------------------------------
@pytest.fixture
def run(files, tmp_path):
    train = TrainConfig(
        updates=4, batch=4, N_sup=2, prior_rows=0.0, dtype="float32", compile=False, evaluate_examples=3
    )
    solve = SolveConfig(width=4, depth=2)
    return loop.train(Config(recipe="tiny", task="mnist", model=SMALL, train=train, solve=solve), tmp_path / "run")


def test_it_trains_measures_and_generates_without_rules(run, files, tmp_path, capsys):
    config = weight_files.read_config(run / weight_files.CONFIG)
    assert config.solve.halt_threshold is None  # nothing says that an image is done
    dev = json.loads((run / "training.json").read_text())["dev"]
    assert dev["valid"] is None
    assert dev["samples"] == 3
    capsys.readouterr()
    assert exit_code("generate", "mnist", "--weights", run, "--n", 3, "--json") == 0
    for line in map(json.loads, capsys.readouterr().out.splitlines()):
        assert line["valid"] is None
        assert [len(row) for row in line["sample"].split("/")] == [28] * 28
    assert exit_code("eval", "mnist", "--weights", run, "--split", "test", "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert found["reference"] == 30
    assert found["classifier_fid"] > 0
    assert 1 <= found["classifier_is"] <= 10
    if found["inception_fid"] is None:
        assert "Inception" in found["note"]
    assert exit_code("generate", "mnist", "--weights", run) == 0
    assert "not Inception" in capsys.readouterr().out
    for file in files.iterdir():
        file.unlink()
    assert exit_code("generate", "mnist", "--weights", run, "--evolution", tmp_path / "grown.png") == 0
    out = capsys.readouterr().out
    assert "No scores, as they compare with images of the data. There is no data file" in out


def test_a_bundle_of_patches_generates_the_same(run, tmp_path):
    bundled = runtime.load(export(str(run), tmp_path / "bundle")).generate(3)
    np.testing.assert_array_equal(bundled.tokens, reasoner.load(run, dtype="float32").generate(3).tokens)


# realism --------------------------------------------------------------------------------------------------
def test_frechet_distance_of_gaussians():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(500, 3))
    assert realism.frechet(x, x[::-1]) == pytest.approx(0, abs=1e-8)
    assert realism.frechet(x, x + np.array([1, 2, 0])) == pytest.approx(5)
    spread = (x - x.mean(0)) * 3 + x.mean(0)  # covariances C and 9 C: the trace of C + 9 C - 2 * 3 C
    assert realism.frechet(x, spread) == pytest.approx(4 * np.trace(np.cov(x, rowvar=False)))
    alone = np.square(x[0] - x.mean(0)).sum() + np.trace(np.cov(x, rowvar=False))
    assert realism.frechet(x[:1], x) == pytest.approx(alone)


def test_inception_score_of_known_distributions():
    assert realism.score(np.tile(np.eye(10), (3, 1))) == pytest.approx(10)
    assert realism.score(np.tile(np.eye(10)[:1], (30, 1))) == pytest.approx(1)
    assert realism.score(np.full((30, 10), 0.1)) == pytest.approx(1)
    assert realism.score(np.eye(10)[np.arange(40) % 2]) == pytest.approx(2)


def test_the_shipped_classifier_knows_digits_from_noise():
    try:
        store.data_file("mnist/t10k-images-idx3-ubyte.gz")
    except FileNotFoundError:
        pytest.skip("the MNIST files are not here")
    images, labels = MNIST.labeled("test")
    model = realism.load_classifier()
    assert realism.accuracy(model, images[:2000], labels[:2000]) > 0.98
    record = json.loads((realism.FOLDER / "training.json").read_text())
    assert record["test_accuracy"] > 0.985
    noise = np.random.default_rng(0).integers(1, 3, (500, 784)).astype(np.uint8)
    real, fake = realism.realism(images[2000:2500], images[:2000]), realism.realism(noise, images[:2000])
    assert real["classifier_fid"] < 0.2 * fake["classifier_fid"]
    assert real["classifier_is"] > 8 > fake["classifier_is"]
    assert sum(path.stat().st_size for path in realism.FOLDER.iterdir()) < 1_000_000

"""Realism of digits: Fréchet distance (FID, arXiv:1706.08500) and inception score (IS, arXiv:1606.03498) of binarized
MNIST.

classifier_fid and classifier_is use the features of a small MNIST classifier that ships with the package. They can only
be compared with each other, never with published scores; inception_fid and inception_is can, and need torchmetrics and
the weights of its network. Images are tokens (n, L) uint8.
"""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file
from torch import Tensor

from gram import weights as weight_files
from gram.models.classifier import Classifier
from gram.tasks.mnist import SIDE, WHITE
from gram.tasks.spec import Tokens

FOLDER = weight_files.SHIPPED / "mnist-classifier"
CHUNK = 500
INCEPTION = "weights-inception-2015-12-05-6726825d.pth"
"""The weights file of torch-fidelity in the checkpoints of torch.hub."""


def realism(samples: Tokens, reference: Tokens) -> dict[str, Any]:
    """Metrics of samples compared with reference images: reference (their number), classifier_fid and classifier_is,
    inception_fid and inception_is, and note: what Inception needs if these two are None."""
    model = load_classifier()
    features, odds = read_out(model, samples)
    known, _ = read_out(model, reference)
    values = {"reference": len(reference), "classifier_fid": frechet(features, known), "classifier_is": score(odds)}
    if missing := inception_missing():
        return values | {"inception_fid": None, "inception_is": None, "note": missing}
    return values | inception(samples, reference) | {"note": None}


# the classifier -------------------------------------------------------------------------------------------
def load_classifier() -> Classifier:
    """The shipped classifier. FileNotFoundError if it is missing."""
    path = FOLDER / weight_files.WEIGHTS
    if not path.is_file():
        raise FileNotFoundError(f"The classifier {path} is missing; train it with python -m gram.train.classifier.")
    model = Classifier()
    model.load_state_dict(load_file(path))
    return model.eval()


@torch.inference_mode()
def read_out(model: Classifier, images: Tokens) -> tuple[np.ndarray, np.ndarray]:
    """Features (n, 64) and probabilities of the digits (n, 10), float64."""
    parts = [model(part) for part in white(images).split(CHUNK)]
    features, logits = (torch.cat(each).double() for each in zip(*parts, strict=True))
    return features.numpy(), logits.softmax(-1).numpy()


def white(images: Tokens) -> Tensor:
    """1 for white, 0 for black, (n, L) float32."""
    return torch.from_numpy((images == WHITE).astype(np.float32))


def accuracy(model: Classifier, images: Tokens, labels: np.ndarray) -> float:
    """Share of images with the correct digit."""
    return float((read_out(model, images)[1].argmax(1) == labels).mean())


# the scores -----------------------------------------------------------------------------------------------
def frechet(one: np.ndarray, other: np.ndarray) -> float:
    """Squared Fréchet distance of Gaussians fitted to features (n, F) and (m, F). A single sample, the output of
    a deterministic model, is a Gaussian with zero variance."""
    a, b = (np.cov(z, rowvar=False) if len(z) > 1 else np.zeros(2 * z.shape[1:]) for z in (one, other))
    values, vectors = np.linalg.eigh(a)
    root = (vectors * np.sqrt(values.clip(0))) @ vectors.T
    cross = np.sqrt(np.linalg.eigvalsh(root @ b @ root).clip(0)).sum()  # the trace of (a b)^(1/2)
    return float(np.square(one.mean(0) - other.mean(0)).sum() + np.trace(a) + np.trace(b) - 2 * cross)


def score(odds: np.ndarray) -> float:
    """exp of the mean KL of each image's distribution over digits (n, 10) from their mean: 1 to 10."""
    mean = odds.mean(0)
    return float(np.exp((odds * (np.log(odds + 1e-12) - np.log(mean + 1e-12))).sum(1).mean()))


# Inception ------------------------------------------------------------------------------------------------
def inception_missing() -> str | None:
    """A sentence about what `inception` still needs, or None."""
    try:
        import torch_fidelity  # noqa: F401  # pyright: ignore[reportMissingImports]
        import torchmetrics.image  # noqa: F401  # pyright: ignore[reportMissingImports]
    except ImportError as error:
        return f"Inception FID and IS need {error.name}: pip install 'gram-reasoning[images]'."
    path = Path(torch.hub.get_dir()) / "checkpoints" / INCEPTION
    return None if path.is_file() else f"Inception FID and IS need the weights of torch-fidelity as {path}."


def inception(samples: Tokens, reference: Tokens) -> dict[str, float]:
    """FID and IS of the Inception network of torchmetrics; gray images become three equal channels."""
    from torchmetrics.image.fid import FrechetInceptionDistance  # pyright: ignore[reportMissingImports]
    from torchmetrics.image.inception import InceptionScore  # pyright: ignore[reportMissingImports]

    fid, score = FrechetInceptionDistance(feature=2048), InceptionScore()
    for images, real in ((samples, False), (reference, True)):
        for part in (white(images) * 255).to(torch.uint8).view(-1, 1, SIDE, SIDE).expand(-1, 3, -1, -1).split(CHUNK):
            fid.update(part, real=real)
            if not real:
                score.update(part)
    return {"inception_fid": float(fid.compute()), "inception_is": float(score.compute()[0])}

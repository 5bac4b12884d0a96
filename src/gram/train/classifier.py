"""Train the classifier of classifier-FID and classifier-IS, in a minute or two:

    python -m gram.train.classifier [--out FOLDER] [--epochs N] [--seed N]

Images are shifted by up to two pixels in training; dev and test accuracy go to training.json beside the weights.
"""

import argparse
import time
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from gram import weights as weight_files
from gram.measure.images import FOLDER, accuracy, white
from gram.measure.record import TRAINING, origin
from gram.models.classifier import SIDE, Classifier
from gram.tasks.mnist import Mnist

BATCH = 128
SHIFT = 2  # pixels


def train(out: Path, *, epochs: int = 4, seed: int = 0) -> dict:
    """Adam, cosine from 2e-3, label-preserving shifts. Returns the contents of out/training.json."""
    begin = time.monotonic()
    task, rng = Mnist(), np.random.default_rng(seed)
    images, labels = task.labeled("train")
    x, y = white(images), torch.from_numpy(labels.astype(np.int64))
    model = Classifier()
    model.reset(torch.Generator().manual_seed(seed))
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3, weight_decay=1e-5)
    updates = epochs * (len(x) // BATCH)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, updates)
    for _ in range(epochs):
        order = torch.from_numpy(rng.permutation(len(x)))
        for rows in order[: len(x) // BATCH * BATCH].view(-1, BATCH):
            _, logits = model(shifted(x[rows], rng))
            loss = F.cross_entropy(logits, y[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
    record = {"seconds": round(time.monotonic() - begin, 1), "updates": updates, "seed": seed}
    for split in ("dev", "test"):
        record[f"{split}_accuracy"] = accuracy(model, *task.labeled(split))
    out.mkdir(parents=True, exist_ok=True)
    weight_files.write_tensors(out / weight_files.WEIGHTS, {k: v.contiguous() for k, v in model.state_dict().items()})
    weight_files.write_json(out / TRAINING, record | origin())
    return record


def shifted(x: Tensor, rng: np.random.Generator) -> Tensor:
    """A batch of images (B, L), shifted together by up to SHIFT pixels in each direction."""
    down, right = rng.integers(-SHIFT, SHIFT + 1, 2).tolist()
    return torch.roll(x.view(-1, SIDE, SIDE), (down, right), (1, 2)).flatten(1)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m gram.train.classifier")
    parser.add_argument("--out", type=Path, default=FOLDER)
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    print(train(given.out, epochs=given.epochs, seed=given.seed))

"""A small classifier of binarized MNIST images, whose features measure realism."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

SIDE = 28
FEATURES = 64
DIGITS = 10


class Classifier(nn.Module):
    """Two of [Conv 5x5, ReLU, max-pool 2x2] with 16 and 32 channels, Linear to 64 features, ReLU, Linear to logits."""

    def __init__(self):
        super().__init__()
        self.first = nn.Conv2d(1, 16, 5, padding=2)
        self.second = nn.Conv2d(16, 32, 5, padding=2)
        self.hidden = nn.Linear(32 * (SIDE // 4) ** 2, FEATURES)
        self.out = nn.Linear(FEATURES, DIGITS)

    def reset(self, generator: torch.Generator) -> None:
        """All initialization: normal with standard deviation sqrt(2 / inputs), biases zero (He)."""
        for name, p in self.named_parameters():
            with torch.no_grad():
                if name.endswith("bias"):
                    p.zero_()
                else:
                    p.normal_(std=math.sqrt(2 / p[0].numel()), generator=generator)

    def forward(self, white_BL: Tensor) -> tuple[Tensor, Tensor]:
        """(B, 784) float, 1 for white and 0 for black -> features (B, 64) after the ReLU, and logits (B, 10)."""
        x = white_BL.view(-1, 1, SIDE, SIDE)
        x = F.max_pool2d(F.relu(self.first(x)), 2)
        x = F.max_pool2d(F.relu(self.second(x)), 2)
        features = F.relu(self.hidden(x.flatten(1)))
        return features, self.out(features)

"""The MLP decoder of SegFormer, arXiv:2105.15203, section 3.2."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Projection(nn.Module):
    """A linear layer over channels, kept as a 1x1 convolution."""

    def __init__(self, in_channels: int, dim: int) -> None:
        super().__init__()
        self.proj = nn.Conv2d(in_channels, dim, kernel_size=1)

    def forward(self, x: Tensor) -> Tensor:
        return self.proj(x)


class MlpDecoder(nn.Module):
    """Four maps at 1/4, 1/8, 1/16, 1/32 to logits [B, num_classes, H/4, W/4]."""

    def __init__(
        self, in_channels: Sequence[int], dim: int, num_classes: int, dropout: float = 0.1
    ) -> None:
        super().__init__()
        c1, c2, c3, c4 = in_channels
        self.linear_c4 = Projection(c4, dim)
        self.linear_c3 = Projection(c3, dim)
        self.linear_c2 = Projection(c2, dim)
        self.linear_c1 = Projection(c1, dim)
        self.linear_fuse = nn.Sequential(
            nn.Conv2d(4 * dim, dim, kernel_size=1), nn.BatchNorm2d(dim), nn.ReLU()
        )
        self.dropout = nn.Dropout2d(dropout)
        self.linear_pred = nn.Conv2d(dim, num_classes, kernel_size=1)

    def forward(self, features: Sequence[Tensor]) -> Tensor:
        y1, y2, y3, y4 = features
        e1 = self.linear_c1(y1)
        size = e1.shape[2:]
        e2, e3, e4 = (
            F.interpolate(linear(y), size=size, mode="bilinear", align_corners=False)
            for linear, y in ((self.linear_c2, y2), (self.linear_c3, y3), (self.linear_c4, y4))
        )
        fused = self.linear_fuse(torch.cat((e4, e3, e2, e1), dim=1))
        return self.linear_pred(self.dropout(fused))

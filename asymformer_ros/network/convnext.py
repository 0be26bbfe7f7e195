"""The RGB path: ConvNeXt, Liu et al., "A ConvNet for the 2020s", arXiv:2201.03545."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class ChannelLayerNorm(nn.LayerNorm):
    """Layer norm over the channels of a [B, C, H, W] map."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


class StochasticDepth(nn.Module):
    """Drop a residual branch of whole samples in training (Huang et al., arXiv:1603.09382)."""

    def __init__(self, drop_probability: float) -> None:
        super().__init__()
        self.drop_probability = drop_probability

    def forward(self, x: Tensor) -> Tensor:
        if not self.training or self.drop_probability == 0.0:
            return x
        keep = 1.0 - self.drop_probability
        shape = (x.shape[0],) + (1,) * (x.ndim - 1)
        return x * x.new_empty(shape).bernoulli_(keep).div_(keep)


class ConvNeXtBlock(nn.Module):
    """Depthwise 7x7, layer norm, inverted bottleneck, layer scale (section 2); [B, C, H, W]."""

    def __init__(self, dim: int, drop_path: float = 0.0) -> None:
        super().__init__()
        self.dwconv = nn.Conv2d(dim, dim, kernel_size=7, padding=3, groups=dim)
        self.norm = nn.LayerNorm(dim, eps=1e-6)
        self.pwconv1 = nn.Linear(dim, 4 * dim)
        self.act = nn.GELU()
        self.pwconv2 = nn.Linear(4 * dim, dim)
        self.gamma = nn.Parameter(torch.full((dim,), 1e-6))
        self.drop_path = StochasticDepth(drop_path)

    def forward(self, x: Tensor) -> Tensor:
        u = self.norm(self.dwconv(x).permute(0, 2, 3, 1))
        u = self.gamma * self.pwconv2(self.act(self.pwconv1(u)))
        return x + self.drop_path(u.permute(0, 3, 1, 2))


def convnext_stem(in_channels: int, dim: int) -> nn.Sequential:
    """[B, in_channels, H, W] to [B, dim, H/4, W/4]."""
    return nn.Sequential(
        nn.Conv2d(in_channels, dim, kernel_size=4, stride=4), ChannelLayerNorm(dim, eps=1e-6)
    )


def convnext_downsample(in_channels: int, dim: int) -> nn.Sequential:
    """[B, in_channels, H, W] to [B, dim, H/2, W/2]."""
    return nn.Sequential(
        ChannelLayerNorm(in_channels, eps=1e-6),
        nn.Conv2d(in_channels, dim, kernel_size=2, stride=2),
    )

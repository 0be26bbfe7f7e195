"""The two fusion modules of the paper: LAFS (section III-B) and CMA (section III-C)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from asymformer_ros.network.mix_transformer import to_map, to_tokens


class LocalAttentionGuidedFeatureSelection(nn.Module):
    """LAFS: weigh the concatenated features in space and over channels; [B, C, H, W] kept.

    The released weights use two squeeze networks where the paper speaks of one, with reductions
    16 (space, no final non-linearity) and 8 (channels).
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.fc_spatial = nn.Sequential(
            nn.Linear(channels, channels // 16, bias=False),
            nn.ReLU(),
            nn.Linear(channels // 16, channels, bias=False),
        )
        self.fc_channel = nn.Sequential(
            nn.Linear(channels, channels // 8, bias=False),
            nn.ReLU(),
            nn.Linear(channels // 8, channels, bias=False),
            nn.Sigmoid(),
        )

    def forward(self, x: Tensor) -> Tensor:
        channels, height, width = x.shape[1:]
        average = x.mean(dim=(2, 3))
        # Scaling the short vector, in two steps, instead of the sum over channels keeps every
        # intermediate value inside the range of half precision: the bare sum passes 65504.
        spatial = self.fc_spatial(average) / channels / channels
        spatial_weight = torch.sigmoid(spatial[:, None] @ x.flatten(2))
        channel_weight = self.fc_channel(average)[:, :, None, None]
        return spatial_weight.unflatten(2, (height, width)) * x * channel_weight


class CrossModalAttention(nn.Module):
    """CMA: attention whose keys and queries mix both modalities; depth map in, depth map out.

    x1: depth features [B, C1, H, W]; x2: RGB features [B, C2, H, W]; fused: [B, C1, H, W], the
    source of the values. Keys and queries of the two modalities are interleaved and cut into two
    subspaces of C2/4 channels, each with a soft-max of its own.
    """

    def __init__(self, dim1: int, dim2: int, dropout: float = 0.2) -> None:
        super().__init__()
        self.key_dim = dim2 // 4
        value_dim = dim1 // 4
        self.dropout = dropout
        self.bn_x1 = nn.BatchNorm2d(dim1)
        self.bn_x2 = nn.BatchNorm2d(dim2)
        self.kq1 = nn.Linear(dim1, 2 * self.key_dim)
        self.kq2 = nn.Linear(dim2, 2 * self.key_dim)
        self.v_conv = nn.Linear(dim1, 2 * value_dim)
        self.out_conv = nn.Linear(2 * value_dim, dim1)
        self.bn_last = nn.BatchNorm2d(dim1)

    def forward(self, x1: Tensor, x2: Tensor, fused: Tensor) -> Tensor:
        height, width = fused.shape[2:]
        a = self.kq1(to_tokens(self.bn_x1(x1)))
        b = self.kq2(to_tokens(self.bn_x2(x2)))
        shuffled = torch.stack((a, b), dim=3).flatten(2)  # A0 B0 A1 B1 ...
        k1, q1, k2, q2 = shuffled.chunk(4, dim=2)
        v1, v2 = self.v_conv(to_tokens(fused)).chunk(2, dim=2)
        dropout = self.dropout if self.training else 0.0
        o1 = F.scaled_dot_product_attention(q1, k1, v1, dropout_p=dropout)
        o2 = F.scaled_dot_product_attention(q2, k2, v2, dropout_p=dropout)
        out = self.out_conv(torch.cat((o1, o2), dim=2))
        return self.bn_last(to_map(out, height, width)) + fused


class SpatialChannelCrossFusion(nn.Module):
    """LAFS, a 1x1 projection to the depth width, then CMA (named SCC in the released weights)."""

    def __init__(self, depth_dim: int, rgb_dim: int, cross_attention: bool = True) -> None:
        super().__init__()
        self.fus_atten = LocalAttentionGuidedFeatureSelection(depth_dim + rgb_dim)
        self.conv_bn = nn.Sequential(
            nn.Conv2d(depth_dim + rgb_dim, depth_dim, kernel_size=1, bias=False),
            nn.BatchNorm2d(depth_dim),
        )
        self.cross_atten = CrossModalAttention(depth_dim, rgb_dim) if cross_attention else None

    def forward(self, depth: Tensor, rgb: Tensor) -> Tensor:
        fused = self.conv_bn(self.fus_atten(torch.cat((depth, rgb), dim=1)))
        return fused if self.cross_atten is None else self.cross_atten(depth, rgb, fused)

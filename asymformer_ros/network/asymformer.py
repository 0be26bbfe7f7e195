"""AsymFormer: ConvNeXt for RGB, Mix Transformer for depth, arXiv:2309.14065, figure 1."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from asymformer_ros.network.convnext import ConvNeXtBlock, convnext_downsample, convnext_stem
from asymformer_ros.network.decoder import MlpDecoder
from asymformer_ros.network.fusion import SpatialChannelCrossFusion
from asymformer_ros.network.mix_transformer import MixTransformerBlock, OverlapPatchEmbed, to_map

Widths = tuple[int, int, int, int]


@dataclass(frozen=True)
class AsymFormerConfig:
    """Widths and depths of the four stages; the defaults are the paper's (ConvNeXt-T, MiT-B0)."""

    num_classes: int = 40
    rgb_dims: Widths = (96, 192, 384, 768)
    rgb_blocks: Widths = (3, 3, 9, 3)
    depth_dims: Widths = (32, 64, 160, 256)
    depth_blocks: Widths = (2, 2, 2, 2)
    depth_heads: Widths = (1, 2, 5, 8)
    sr_ratios: Widths = (8, 4, 2, 1)
    cma_stages: tuple[int, ...] = (2, 3, 4)
    decoder_dim: int = 256
    drop_path: float = 0.3


VARIANTS: dict[str, AsymFormerConfig] = {
    "asymformer-t": AsymFormerConfig(),
    "asymformer-nano": AsymFormerConfig(
        rgb_dims=(24, 48, 96, 192),
        rgb_blocks=(1, 2, 4, 2),
        depth_dims=(16, 32, 64, 128),
        depth_blocks=(1, 1, 1, 1),
        depth_heads=(1, 1, 2, 4),
        cma_stages=(3, 4),  # at 1/8 its H/8*W/8 squared products double the time of a frame
        decoder_dim=96,
        drop_path=0.0,
    ),
}


class Stage(nn.Module):
    """One scale of both paths; from stage 2 on the two are fused into the depth path."""

    def __init__(self, config: AsymFormerConfig, index: int, drop_paths: list[float]) -> None:
        super().__init__()
        rgb_dim, depth_dim = config.rgb_dims[index], config.depth_dims[index]
        if index == 0:
            self.depth_stem = OverlapPatchEmbed(1, depth_dim, kernel_size=7, stride=4)
            self.rgb_stem = convnext_stem(3, rgb_dim)
        else:
            self.depth_stem = OverlapPatchEmbed(config.depth_dims[index - 1], depth_dim, 3, 2)
            self.rgb_stem = convnext_downsample(config.rgb_dims[index - 1], rgb_dim)
        self.rgb_layer = nn.Sequential(*(ConvNeXtBlock(rgb_dim, rate) for rate in drop_paths))
        self.depth_layer = nn.ModuleList(
            MixTransformerBlock(depth_dim, config.depth_heads[index], config.sr_ratios[index])
            for _ in range(config.depth_blocks[index])
        )
        self.depth_norm = nn.LayerNorm(depth_dim, eps=1e-6)
        self.SCC = (
            SpatialChannelCrossFusion(depth_dim, rgb_dim, index + 1 in config.cma_stages)
            if index > 0
            else None
        )

    def forward(self, rgb: Tensor, depth: Tensor) -> tuple[Tensor, Tensor]:
        """RGB features and merged depth features of the previous stage to those of this one."""
        rgb = self.rgb_layer(self.rgb_stem(rgb))
        tokens, height, width = self.depth_stem(depth)
        for block in self.depth_layer:
            tokens = block(tokens, height, width)
        merged = to_map(self.depth_norm(tokens), height, width)
        return rgb, merged if self.SCC is None else self.SCC(merged, rgb)


class AsymFormer(nn.Module):
    """RGB [B, 3, H, W] and depth [B, 1, H, W], both normalised, to logits [B, classes, H, W].

    H and W are multiples of 32. Only the merged depth path reaches the decoder.
    """

    def __init__(self, config: AsymFormerConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or AsymFormerConfig()
        rates = torch.linspace(0, config.drop_path, sum(config.rgb_blocks)).tolist()
        ends = [sum(config.rgb_blocks[: i + 1]) for i in range(4)]
        stages = [
            Stage(config, i, rates[end - count : end])
            for i, (end, count) in enumerate(zip(ends, config.rgb_blocks, strict=True))
        ]
        self.down_sample_1, self.down_sample_2, self.down_sample_3, self.down_sample_4 = stages
        self.Decoder = MlpDecoder(config.depth_dims, config.decoder_dim, config.num_classes)

    def quarter_logits(self, rgb: Tensor, depth: Tensor) -> Tensor:
        """Logits before the last upsampling, [B, num_classes, H/4, W/4]."""
        height, width = rgb.shape[2:]
        if height % 32 or width % 32:
            raise ValueError(f"input is {width}x{height}: width and height must be multiples of 32")
        features = []
        merged = depth
        for stage in (
            self.down_sample_1,
            self.down_sample_2,
            self.down_sample_3,
            self.down_sample_4,
        ):
            rgb, merged = stage(rgb, merged)
            features.append(merged)
        return self.Decoder(features)

    def forward(self, rgb: Tensor, depth: Tensor) -> Tensor:
        logits = self.quarter_logits(rgb, depth)
        return F.interpolate(logits, size=rgb.shape[2:], mode="bilinear", align_corners=False)


def create(variant: str, num_classes: int = 40) -> AsymFormer:
    """Build a member of the family, `asymformer-t` or `asymformer-nano`, with random weights."""
    if variant not in VARIANTS:
        raise ValueError(f"unknown network {variant!r}: choose one of {', '.join(VARIANTS)}")
    return AsymFormer(replace(VARIANTS[variant], num_classes=num_classes))

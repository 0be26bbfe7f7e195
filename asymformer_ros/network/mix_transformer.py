"""The depth path: Mix Transformer, Xie et al., "SegFormer", arXiv:2105.15203, section 3.1."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn


def to_tokens(x: Tensor) -> Tensor:
    """[B, C, H, W] to [B, H*W, C]."""
    return x.flatten(2).transpose(1, 2)


def to_map(tokens: Tensor, height: int, width: int) -> Tensor:
    """[B, H*W, C] to [B, C, H, W]."""
    return tokens.transpose(1, 2).unflatten(2, (height, width))


class OverlapPatchEmbed(nn.Module):
    """Overlapping patches ("overlapped patch merging"); [B, C, H, W] to (tokens, H', W')."""

    def __init__(self, in_channels: int, dim: int, kernel_size: int, stride: int) -> None:
        super().__init__()
        self.proj = nn.Conv2d(in_channels, dim, kernel_size, stride, padding=kernel_size // 2)
        self.norm = nn.LayerNorm(dim, eps=1e-5)

    def forward(self, x: Tensor) -> tuple[Tensor, int, int]:
        x = self.proj(x)
        return self.norm(to_tokens(x)), x.shape[2], x.shape[3]


class EfficientSelfAttention(nn.Module):
    """Self-attention whose keys and values are reduced `sr_ratio` times a side (equation 2)."""

    def __init__(self, dim: int, num_heads: int, sr_ratio: int) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.sr_ratio = sr_ratio
        self.q = nn.Linear(dim, dim)
        self.kv = nn.Linear(dim, 2 * dim)
        self.proj = nn.Linear(dim, dim)
        if sr_ratio > 1:
            self.sr = nn.Conv2d(dim, dim, kernel_size=sr_ratio, stride=sr_ratio)
            self.norm = nn.LayerNorm(dim, eps=1e-5)

    def forward(self, tokens: Tensor, height: int, width: int) -> Tensor:
        def heads(t: Tensor) -> Tensor:  # [B, N, C] to [B, heads, N, C/heads]
            return t.unflatten(2, (self.num_heads, -1)).transpose(1, 2)

        reduced = tokens
        if self.sr_ratio > 1:
            reduced = self.norm(to_tokens(self.sr(to_map(tokens, height, width))))
        k, v = self.kv(reduced).chunk(2, dim=2)
        out = F.scaled_dot_product_attention(heads(self.q(tokens)), heads(k), heads(v))
        return self.proj(out.transpose(1, 2).flatten(2))


class DepthwiseConv(nn.Module):
    """Depthwise 3x3 over tokens; it stands in for a positional encoding."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.dwconv = nn.Conv2d(dim, dim, kernel_size=3, padding=1, groups=dim)

    def forward(self, tokens: Tensor, height: int, width: int) -> Tensor:
        return to_tokens(self.dwconv(to_map(tokens, height, width)))


class MixFfn(nn.Module):
    """Feed-forward network with a depthwise convolution inside (equation 3)."""

    def __init__(self, dim: int, ratio: int = 4) -> None:
        super().__init__()
        self.fc1 = nn.Linear(dim, ratio * dim)
        self.dwconv = DepthwiseConv(ratio * dim)
        self.act = nn.GELU()
        self.fc2 = nn.Linear(ratio * dim, dim)

    def forward(self, tokens: Tensor, height: int, width: int) -> Tensor:
        return self.fc2(self.act(self.dwconv(self.fc1(tokens), height, width)))


class MixTransformerBlock(nn.Module):
    """Pre-norm attention and Mix-FFN on tokens [B, H*W, C]."""

    def __init__(self, dim: int, num_heads: int, sr_ratio: int) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(dim, eps=1e-6)
        self.attn = EfficientSelfAttention(dim, num_heads, sr_ratio)
        self.norm2 = nn.LayerNorm(dim, eps=1e-6)
        self.mlp = MixFfn(dim)

    def forward(self, tokens: Tensor, height: int, width: int) -> Tensor:
        tokens = tokens + self.attn(self.norm1(tokens), height, width)
        return tokens + self.mlp(self.norm2(tokens), height, width)

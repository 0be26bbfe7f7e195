"""The graph every engine runs: camera frame in, labels and confidence out, everything folded.

Batch norms, layer scales, the decoder's projections and the interleaving of the CMA keys and
queries are constants at run time; they are multiplied into the neighbouring weights once, in
float64. Logits stay within 1e-4 of the network's.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from asymformer_ros.network.asymformer import AsymFormer
from asymformer_ros.network.convnext import ConvNeXtBlock
from asymformer_ros.network.decoder import MlpDecoder, Projection
from asymformer_ros.network.fusion import CrossModalAttention, SpatialChannelCrossFusion
from asymformer_ros.network.mix_transformer import EfficientSelfAttention, to_map, to_tokens
from asymformer_ros.network.profile import Profile
from asymformer_ros.perception.frames import UNLABELLED


def _scale_and_shift(norm: nn.BatchNorm2d) -> tuple[Tensor, Tensor]:
    """A batch norm in evaluation mode as y = scale * x + shift, float64 [C] each."""
    mean, variance = cast(Tensor, norm.running_mean), cast(Tensor, norm.running_var)
    scale = norm.weight.double() / torch.sqrt(variance.double() + norm.eps)
    return scale, norm.bias.double() - scale * mean.double()


def _linear(weight: Tensor, bias: Tensor) -> nn.Linear:
    layer = nn.Linear(weight.shape[1], weight.shape[0])
    layer.weight = nn.Parameter(weight.float().contiguous())
    layer.bias = nn.Parameter(bias.float().contiguous())
    return layer


def _conv1x1(weight: Tensor, bias: Tensor) -> nn.Conv2d:
    layer = nn.Conv2d(weight.shape[1], weight.shape[0], kernel_size=1)
    layer.weight = nn.Parameter(weight.float().contiguous()[:, :, None, None])
    layer.bias = nn.Parameter(bias.float().contiguous())
    return layer


class FoldedConvNeXtBlock(nn.Module):
    """`ConvNeXtBlock` with the layer scale inside its last layer.

    Both linear layers are 1x1 convolutions: around them runtimes need not transpose the map.
    """

    def __init__(self, block: ConvNeXtBlock) -> None:
        super().__init__()
        self.dwconv, self.norm = block.dwconv, block.norm
        self.pwconv1 = _conv1x1(block.pwconv1.weight, block.pwconv1.bias)
        gamma = block.gamma.double()
        self.pwconv2 = _conv1x1(
            gamma[:, None] * block.pwconv2.weight.double(), gamma * block.pwconv2.bias.double()
        )

    def forward(self, x: Tensor) -> Tensor:
        u = self.norm(self.dwconv(x).permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
        return x + self.pwconv2(F.gelu(self.pwconv1(u)))


def _attention(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """Attention [..., N, C] whose 1/sqrt(C) is already in q; written out for the exporter."""
    return torch.softmax(q @ k.transpose(-2, -1), dim=-1) @ v


class FoldedSelfAttention(nn.Module):
    """`EfficientSelfAttention` with the scale of the dot product inside the query's weights."""

    def __init__(self, attention: EfficientSelfAttention) -> None:
        super().__init__()
        self.num_heads = attention.num_heads
        scale = (attention.q.out_features // attention.num_heads) ** -0.5
        self.q = _linear(scale * attention.q.weight.double(), scale * attention.q.bias.double())
        self.kv, self.proj = attention.kv, attention.proj
        self.sr_ratio = attention.sr_ratio
        if attention.sr_ratio > 1:
            self.sr, self.norm = attention.sr, attention.norm

    def forward(self, tokens: Tensor, height: int, width: int) -> Tensor:
        def heads(t: Tensor) -> Tensor:
            return t.unflatten(2, (self.num_heads, -1)).transpose(1, 2)

        reduced = tokens
        if self.sr_ratio > 1:
            reduced = self.norm(to_tokens(self.sr(to_map(tokens, height, width))))
        k, v = self.kv(reduced).chunk(2, dim=2)
        out = _attention(heads(self.q(tokens)), heads(k), heads(v))
        return self.proj(out.transpose(1, 2).flatten(2))


class FoldedCrossModalAttention(nn.Module):
    """`CrossModalAttention` without batch norms and without the channel shuffle.

    A soft-max of K Q^T does not change with the order of the channels inside K and Q, so that each
    subspace is a plain concatenation of its depth and its RGB half.
    """

    def __init__(self, cma: CrossModalAttention) -> None:
        super().__init__()
        self.kq1 = self._keys_and_queries(cma.bn_x1, cma.kq1)
        self.kq2 = self._keys_and_queries(cma.bn_x2, cma.kq2)
        scale, shift = _scale_and_shift(cma.bn_last)
        self.out_conv = _linear(
            scale[:, None] * cma.out_conv.weight.double(),
            scale * cma.out_conv.bias.double() + shift,
        )
        self.v_conv = cma.v_conv

    @staticmethod
    def _keys_and_queries(norm: nn.BatchNorm2d, linear: nn.Linear) -> nn.Linear:
        scale, shift = _scale_and_shift(norm)
        weight = linear.weight.double() * scale
        bias = linear.bias.double() + linear.weight.double() @ shift
        rows = weight.shape[0] // 4  # k1, q1, k2, q2, each this modality's half of m2 channels
        factor = torch.ones(4, dtype=torch.float64)
        factor[1::2] = (2 * rows) ** -0.5
        factor = factor.repeat_interleave(rows)
        return _linear(factor[:, None] * weight, factor * bias)

    def forward(self, x1: Tensor, x2: Tensor, fused: Tensor) -> Tensor:
        depth_parts = self.kq1(to_tokens(x1)).chunk(4, dim=2)
        rgb_parts = self.kq2(to_tokens(x2)).chunk(4, dim=2)
        k1, q1, k2, q2 = (
            torch.cat(parts, dim=2) for parts in zip(depth_parts, rgb_parts, strict=True)
        )
        v1, v2 = self.v_conv(to_tokens(fused)).chunk(2, dim=2)
        o1 = _attention(q1, k1, v1)
        o2 = _attention(q2, k2, v2)
        out = self.out_conv(torch.cat((o1, o2), dim=2))
        return to_map(out, *fused.shape[2:]) + fused


class FoldedDecoder(nn.Module):
    """`MlpDecoder` with each projection inside its share of the fuse convolution.

    A 1x1 convolution commutes with bilinear upsampling, so it runs at the map's own resolution.
    """

    def __init__(self, decoder: MlpDecoder) -> None:
        super().__init__()
        fuse, norm = cast(nn.Conv2d, decoder.linear_fuse[0]), decoder.linear_fuse[1]
        scale, shift = _scale_and_shift(cast(nn.BatchNorm2d, norm))
        weight = scale[:, None] * fuse.weight.double()[:, :, 0, 0]
        constant = scale * cast(Tensor, fuse.bias).double() + shift
        linears: Sequence[Projection] = (
            decoder.linear_c4,
            decoder.linear_c3,
            decoder.linear_c2,
            decoder.linear_c1,
        )
        projections = []
        for linear, share in zip(linears, weight.chunk(4, dim=1), strict=True):
            bias = share @ cast(Tensor, linear.proj.bias).double()
            if linear is decoder.linear_c1:
                bias = bias + constant
            projections.append(_conv1x1(share @ linear.proj.weight.double()[:, :, 0, 0], bias))
        self.projection4, self.projection3, self.projection2, self.projection1 = projections
        self.linear_pred = decoder.linear_pred

    def forward(self, features: Sequence[Tensor]) -> Tensor:
        y1, y2, y3, y4 = features

        fused = self.projection1(y1)
        for projection, y in (
            (self.projection2, y2),
            (self.projection3, y3),
            (self.projection4, y4),
        ):
            fused = fused + F.interpolate(
                projection(y), size=fused.shape[2:], mode="bilinear", align_corners=False
            )
        return self.linear_pred(F.relu(fused))


def fold(network: AsymFormer) -> AsymFormer:
    """Copy `network` with every constant folded; it computes the same logits in evaluation mode."""
    folded = copy.deepcopy(network).eval()
    with torch.no_grad():
        for module in list(folded.modules()):
            if isinstance(module, SpatialChannelCrossFusion):
                conv, norm = module.conv_bn
                scale, shift = _scale_and_shift(cast(nn.BatchNorm2d, norm))
                kernel = cast(nn.Conv2d, conv).weight.double()[:, :, 0, 0]
                module.conv_bn = nn.Sequential(_conv1x1(scale[:, None] * kernel, shift))
            for name, child in list(module.named_children()):
                if isinstance(child, ConvNeXtBlock):
                    setattr(module, name, FoldedConvNeXtBlock(child))
                elif isinstance(child, EfficientSelfAttention):
                    setattr(module, name, FoldedSelfAttention(child))
                elif isinstance(child, CrossModalAttention):
                    setattr(module, name, FoldedCrossModalAttention(child))
                elif isinstance(child, MlpDecoder):
                    setattr(module, name, FoldedDecoder(child))
    return folded.requires_grad_(False)


class Normalise(nn.Module):
    """Camera values to network values: uint8 [B, H, W, 3] R, G, B and metres [B, H, W] to NCHW.

    Its constants are buffers: to bring them to a GPU in each frame would stop it, and cannot be
    recorded in a CUDA graph.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, profile: Profile) -> None:
        super().__init__()
        self.profile = profile
        for name, values in (("mean", profile.rgb_mean), ("std", profile.rgb_std)):
            self.register_buffer(name, 255.0 * torch.tensor(values).view(1, 3, 1, 1), False)

    def forward(self, rgb: Tensor, depth_m: Tensor) -> tuple[Tensor, Tensor]:
        profile = self.profile
        color = rgb.permute(0, 3, 1, 2).float()
        if profile.channel_order == "bgr":
            color = color.flip(1)
        color = (color - self.mean) / self.std
        missing = torch.isnan(depth_m)
        scaled = depth_m.masked_fill(missing, 0.0) * (profile.depth_scale / profile.depth_std)
        depth = scaled - profile.depth_mean / profile.depth_std
        if profile.depth_holes == "mean":
            depth = depth.masked_fill(missing, 0.0)
        return color, depth[:, None]


def normalise(rgb: Tensor, depth_m: Tensor, profile: Profile) -> tuple[Tensor, Tensor]:
    """`Normalise` once."""
    return Normalise(profile).to(rgb.device)(rgb, depth_m)


class DeployGraph(nn.Module):
    """Camera frame in, labels and confidence out; batch size 1.

    rgb: uint8 [H, W, 3], R, G, B. depth_m: float32 [H, W], metres, NaN = no reading. Returns labels
    uint8 [H, W] (255 where the network gave NaN), confidence uint8 [H, W] and what both are made
    of, log-probabilities float32 [classes, H/4, W/4]: CPU engines stop there, see
    `labels_and_confidence`. Upsampled, their largest channel is the logits' too; the two differ by
    one number a pixel.
    """

    def __init__(self, network: AsymFormer, profile: Profile) -> None:
        super().__init__()
        self.network = fold(network)
        self.profile = profile
        self.normalise = Normalise(profile)

    def forward(self, rgb: Tensor, depth_m: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        return self.tail(self.log_probabilities(rgb, depth_m))

    def log_probabilities(self, rgb: Tensor, depth_m: Tensor) -> Tensor:
        """The frame's log-probabilities, float32 [classes, H/4, W/4]."""
        # Cast before all else: TensorRT gives uint8 to nothing but a cast, not even to a reshape.
        inputs = self.normalise(rgb.float()[None], depth_m[None])
        logits = self.network.quarter_logits(*inputs)
        # Written out: exporters' LogSoftmax over channels is 20 times slower on CPU engines.
        shifted = logits - logits.amax(dim=1, keepdim=True)
        return (shifted - shifted.exp().sum(dim=1, keepdim=True).log())[0]

    def tail(self, log_probabilities: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Labels, confidence, and the log-probabilities that they are made of.

        Confidence is the largest soft-max of the upsampled logits, times 255.
        """
        volume = F.interpolate(
            log_probabilities[None], scale_factor=4.0, mode="bilinear", align_corners=False
        )[0]
        best, labels = volume.max(dim=0)
        # One class stands for all of a cell; not every runtime's maximum carries NaN.
        failed = torch.isnan(volume[0])
        # Through float: TensorRT casts to uint8 from nothing else.
        labels = labels.float().masked_fill(failed, UNLABELLED).to(torch.uint8)
        # The soft-max of the best class; no exponential overflows and not all underflow.
        share = (volume - best).exp().sum(dim=0).reciprocal()
        confidence = (share * 255.0).masked_fill(failed, 0.0).round().to(torch.uint8)
        return labels, confidence, log_probabilities

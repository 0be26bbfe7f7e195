"""Train a member of the family on NYUv2 frames mixed with simulated rooms."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from queue import Queue
from typing import Any, cast

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from asymformer_ros.engines.deploy_graph import normalise
from asymformer_ros.evaluation.labelled_frames import LabelledFrame
from asymformer_ros.network.asymformer import AsymFormer, create
from asymformer_ros.network.convnext import ConvNeXtBlock
from asymformer_ros.network.profile import Profile
from asymformer_ros.perception.frames import UNLABELLED
from asymformer_ros.training.augmentation import augment


@dataclass(frozen=True)
class Phase:
    """Consecutive steps at one crop size; scales are relative to NYUv2 at 320x240."""

    steps: int
    batch: int
    size: tuple[int, int]
    scales: tuple[float, float]


@dataclass(frozen=True)
class Recipe:
    """Everything that, with the data, determines the weights."""

    phases: tuple[Phase, ...]
    learning_rate: float = 2e-3
    weight_decay: float = 0.02
    warmup_steps: int = 200
    simulated_share: float = 0.3
    class_balance: float = 0.35
    ema_decay: float = 0.998
    layer_scale: float = 0.5
    seed: int = 0

    @property
    def steps(self) -> int:
        """Optimizer steps of all phases."""
        return sum(phase.steps for phase in self.phases)


#: The bundled weights. Small crops teach the classes, large ones the scale of a 640x480 camera.
NANO_RECIPE = Recipe(
    phases=(
        Phase(steps=3300, batch=12, size=(192, 256), scales=(0.75, 1.6)),
        Phase(steps=700, batch=6, size=(352, 480), scales=(1.4, 2.4)),
    )
)


def class_weights(samples: Sequence[LabelledFrame], num_classes: int, power: float) -> Tensor:
    """Loss weights: class frequency to the power of -`power`, mean 1 over the pixels, at most 5."""
    counts = np.zeros(256, np.int64)
    for sample in samples:
        counts += np.bincount(sample.labels.reshape(-1), minlength=256)
    share = counts[:num_classes] / counts[:num_classes].sum()
    weights = np.maximum(share, 1e-5) ** -power
    weights = np.minimum(weights / (share * weights).sum(), 5.0)
    return torch.from_numpy(weights.astype(np.float32))


def train(
    profile: Profile,
    real: Sequence[LabelledFrame],
    simulated: Sequence[LabelledFrame],
    recipe: Recipe,
    report: Callable[[str], None] = print,
    snapshot: Callable[[AsymFormer], None] = lambda _: None,
) -> AsymFormer:
    """Run the recipe and return the averaged network in evaluation mode.

    snapshot: called with the average every 500 steps, so that an interrupted run leaves something.
    """
    torch.manual_seed(recipe.seed)
    network = create(profile.network, profile.num_classes)
    for module in network.modules():
        if isinstance(module, ConvNeXtBlock):
            # 1e-6, made for deep networks and 300 epochs, leaves a short run with dead blocks.
            nn.init.constant_(module.gamma, recipe.layer_scale)
    groups: list[dict[str, Any]] = [
        {"params": [p for p in network.parameters() if p.ndim > 1]},
        {"params": [p for p in network.parameters() if p.ndim <= 1], "weight_decay": 0.0},
    ]
    optimizer = torch.optim.AdamW(
        groups,
        lr=recipe.learning_rate,
        weight_decay=recipe.weight_decay,
        fused=True,
    )
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer,
        max_lr=recipe.learning_rate,
        total_steps=recipe.steps,
        pct_start=recipe.warmup_steps / recipe.steps,
    )
    average = AveragedModel(
        network, multi_avg_fn=get_ema_multi_avg_fn(recipe.ema_decay), use_buffers=True
    )
    weights = class_weights([*real, *simulated], profile.num_classes, recipe.class_balance)
    started, seen, losses = time.monotonic(), 0, []
    network.train()
    for step, batch in enumerate(_prefetch(_batches(real, simulated, recipe)), start=1):
        loss = _loss(network, profile, batch, weights)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), 2.0)
        optimizer.step()
        schedule.step()
        average.update_parameters(network)
        losses.append(loss.item())
        seen += len(batch)
        if step % 500 == 0:
            snapshot(cast(AsymFormer, average.module))
        if step % 50 == 0 or step == recipe.steps:
            rate = seen / (time.monotonic() - started)
            report(
                f"step {step}/{recipe.steps}  loss {np.mean(losses[-50:]):.3f}  "
                f"{rate:.1f} samples/s"
            )
    return cast(AsymFormer, average.module).eval()


def _loss(
    network: AsymFormer, profile: Profile, batch: Sequence[LabelledFrame], weights: Tensor
) -> Tensor:
    rgb = torch.from_numpy(np.stack([sample.rgb for sample in batch]))
    depth = torch.from_numpy(np.stack([sample.depth_m for sample in batch]))
    labels = torch.from_numpy(np.stack([sample.labels for sample in batch]))
    logits = network.quarter_logits(*normalise(rgb, depth, profile))
    # The network's own resolution: upsampling first would cost half as much again.
    return F.cross_entropy(
        logits, labels[:, 2::4, 2::4].long(), weight=weights, ignore_index=UNLABELLED
    )


def _batches(
    real: Sequence[LabelledFrame], simulated: Sequence[LabelledFrame], recipe: Recipe
) -> Iterator[list[LabelledFrame]]:
    rng = np.random.default_rng(recipe.seed)
    decks = [_shuffled_forever(real, rng), _shuffled_forever(simulated, rng)]
    for phase in recipe.phases:
        for _ in range(phase.steps):
            picks = rng.random(phase.batch) < recipe.simulated_share
            yield [augment(next(decks[int(p)]), phase.size, phase.scales, rng) for p in picks]


def _shuffled_forever(
    samples: Sequence[LabelledFrame], rng: np.random.Generator
) -> Iterator[LabelledFrame]:
    while True:
        for index in rng.permutation(len(samples)):
            yield samples[index]


def _prefetch(batches: Iterator[list[LabelledFrame]]) -> Iterator[list[LabelledFrame]]:
    """Prepare the next batches in a thread while the network computes."""
    queue: Queue[list[LabelledFrame] | BaseException | None] = Queue(maxsize=4)

    def fill() -> None:
        try:
            for batch in batches:
                queue.put(batch)
            queue.put(None)
        except BaseException as error:  # handed over to the consumer
            queue.put(error)

    threading.Thread(target=fill, daemon=True).start()
    while (item := queue.get()) is not None:
        if isinstance(item, BaseException):
            raise item
        yield item

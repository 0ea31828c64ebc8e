"""A small model whose best weights are known in closed form."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from engine.audio.clip import Clip
from engine.tasks import Context, Failure
from engine.training.recipe import Recipe
from engine.training.trainable import Figure, Preview, Series

INPUTS = 4
SEEN_VARIABLE = "TOY_SEEN"


class Regression:
    """Least squares; ``jitter`` adds noise the global generators draw, so that resuming can fail.

    The hooks are called before a validation and when a batch is made.
    """

    def __init__(
        self,
        recipe: Recipe,
        jitter: float = 0.0,
        on_validate: Callable[[Context], None] | None = None,
        on_batch: Callable[[int], None] | None = None,
    ) -> None:
        self.module = nn.Linear(INPUTS, 1)
        self.recipe = recipe
        self.jitter = jitter
        self.on_validate = on_validate
        self.on_batch = on_batch
        rng = np.random.default_rng(recipe.seed)
        self.inputs = rng.standard_normal((256, INPUTS)).astype(np.float32)
        noise = 0.1 * rng.standard_normal(256)
        self.targets = (self.inputs @ [1.0, -2.0, 3.0, 0.5] + 0.7 + noise).astype(np.float32)

    def solution(self) -> np.ndarray:
        """Weights and bias of the least squares."""
        ones = np.ones((len(self.inputs), 1))
        design = np.hstack([self.inputs, ones]).astype(np.float64)
        return np.linalg.lstsq(design, self.targets.astype(np.float64), rcond=None)[0]

    def weights(self) -> np.ndarray:
        return np.append(self.module.weight.detach().numpy(), self.module.bias.detach().numpy())

    def batch(self, step: int, rank: int, world: int) -> Any:
        if self.on_batch is not None:
            self.on_batch(step)
        rng = np.random.default_rng((self.recipe.seed, step))
        chosen = rng.choice(len(self.inputs), self.recipe.loop.batch_size * world, replace=False)
        mine = chosen[rank::world]
        return torch.from_numpy(self.inputs[mine]), torch.from_numpy(self.targets[mine])

    def losses(self, batch: Any) -> dict[str, torch.Tensor]:
        inputs, targets = batch
        if self.jitter:
            inputs = inputs + self.jitter * torch.randn_like(inputs)
        error = (self.module(inputs)[:, 0] - targets).square().mean()
        return {"total": error, "bias": self.module.bias.abs().sum()}

    def validate(self, context: Context) -> dict[str, float]:
        if self.on_validate is not None:
            self.on_validate(context)
        context.checkpoint()
        torch.randn(7)  # a validation that draws must not change the training
        error = self.module(torch.from_numpy(self.inputs))[:, 0] - torch.from_numpy(self.targets)
        return {"score": error.square().mean().item(), "worst": error.abs().max().item()}

    def previews(self) -> tuple[Preview, ...]:
        clip = Clip(np.zeros((1, 64), np.float32), 8000)
        return (Preview("tone", clip, Clip(clip.samples + 0.25, 8000)),)

    def figures(self) -> tuple[Figure, ...]:
        series = Series("weights", tuple("abcde"), tuple(map(float, self.weights())))
        return (Figure("weights", "Weights", (series,), "input", "weight", "bar"),)

    def description(self) -> dict[str, Any]:
        return {"data": "made up", "licence": "CC0", "model": {"weights": INPUTS + 1}}

    def config(self) -> dict[str, Any]:
        return {"inputs": INPUTS}


def make(recipe: Recipe, device: str, context: Context) -> Regression:
    """What a process of a team is told to make; it notes which examples it saw."""
    return Noting(recipe)


def broken(recipe: Recipe, device: str, context: Context) -> Regression:
    """One process fails while the others wait for it."""
    if os.environ.get("RANK") == "1":
        raise Failure("The toy is broken.", "It was meant to be.", "Buy another.")
    return Regression(recipe)


def killed(recipe: Recipe, device: str, context: Context) -> Regression:
    """A process that ends without a word."""
    os._exit(3)


class Noting(Regression):
    """Writes the numbers of its examples into the folder the environment names."""

    def batch(self, step: int, rank: int, world: int) -> Any:
        inputs, targets = super().batch(step, rank, world)
        seen = [int(np.flatnonzero((self.inputs == row).all(axis=1))[0]) for row in inputs.numpy()]
        path = Path(os.environ[SEEN_VARIABLE]) / f"{rank}-{step}.json"
        path.write_text(json.dumps(seen))
        return inputs, targets


def plain(recipe: Recipe, device: str, context: Context) -> Regression:
    """The toy as the command line makes it."""
    return Regression(recipe)

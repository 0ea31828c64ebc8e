"""A small model whose best weights are known in closed form."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from engine.audio.clip import Clip
from engine.tasks import Context
from engine.training.loop import TrainSpec
from engine.training.recipe import LoopSettings, Recipe
from engine.training.trainable import Figure, Preview, Series

INPUTS = 4


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


@pytest.fixture
def recipe():
    """A short recipe; keywords change its loop."""

    def change(**changes: Any) -> Recipe:
        base: dict[str, Any] = {
            "steps": 20,
            "batch_size": 8,
            "learning_rate": 0.05,
            "warmup_steps": 3,
            "weight_decay": 0.0,
            "ema_decay": 0.9,
            "validate_every": 5,
            "checkpoint_every": 5,
            "preview_every": 0,
            "log_every": 3,
        }
        return Recipe("regression", "toy", 3, LoopSettings(**(base | changes)))

    return change


@pytest.fixture
def spec(tmp_path):
    """A TrainSpec of the regression; ``made`` receives the model."""

    def make_spec(
        recipe: Recipe,
        run: str | Path = "run",
        made: list[Regression] | None = None,
        resume: bool = False,
        **options: Any,
    ) -> TrainSpec:
        def make(recipe: Recipe, device: str, context: Context) -> Regression:
            model = Regression(recipe, **options)
            if made is not None:
                made.append(model)
            return model

        return TrainSpec(recipe, tmp_path / run, make, resume)

    return make_spec

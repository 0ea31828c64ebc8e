"""A kind of model that trains in milliseconds and has something to see and to hear."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import nn

from engine.audio.clip import Clip
from engine.tasks import Context
from engine.training.recipe import Recipe
from engine.training.trainable import Figure, Preview, Series

RATE = 8000
KIND = "toy"
ENTRY = "tests.app.training_toy:make"
RECIPE = """\
kind = "toy"
name = "little"
seed = 1

[loop]
steps = 40
batch_size = 8
learning_rate = 0.05  # as it was found
warmup_steps = 2
weight_decay = 0.0
validate_every = 10
checkpoint_every = 10
preview_every = 20
log_every = 1
"""


class Gain:
    """Finds the gain that was taken away from noise; ``[toy] step_s`` is the least a step takes."""

    def __init__(self, recipe: Recipe) -> None:
        self.module = nn.Linear(1, 1, bias=False)
        self.recipe = recipe
        self.step_s = float(recipe.sections.get("toy", {}).get("step_s", 0.0))
        self.errors: list[float] = []

    def batch(self, step: int, rank: int, world: int) -> Any:
        time.sleep(self.step_s)
        rng = np.random.default_rng((self.recipe.seed, step, rank))
        return torch.from_numpy(rng.standard_normal((8, 1)).astype(np.float32))

    def losses(self, batch: Any) -> Mapping[str, torch.Tensor]:
        error = (self.module(batch) - 2.0 * batch).square().mean()
        return {"total": error, "size": self.module.weight.abs().sum()}

    def validate(self, context: Context) -> Mapping[str, float]:
        error = abs(float(self.module.weight.detach()) - 2.0)
        self.errors.append(error)
        return {"score": error, "gain": float(self.module.weight.detach())}

    def previews(self) -> tuple[Preview, ...]:
        noise = 0.05 * np.random.default_rng(1).standard_normal((1, RATE)).astype(np.float32)
        gain = float(self.module.weight.detach())
        return (Preview("noise", Clip(noise, RATE), Clip((gain * noise).astype(np.float32), RATE)),)

    def figures(self) -> tuple[Figure, ...]:
        counts = tuple(float(number) for number in range(len(self.errors)))
        bars = Series("mean gate", ("1", "2", "3"), (0.2, 0.9, self.errors[-1] % 1.0))
        line = Series("error", counts, tuple(self.errors))
        return (
            Figure("usage", "Band usage", (bars,), "band", "gate", "bar"),
            Figure("errors", "Errors", (line,), "validation", "error"),
        )

    def description(self) -> Mapping[str, Any]:
        return {"data": "noise"}

    def config(self) -> Mapping[str, Any]:
        return {}


def make(recipe: Recipe, device: str, context: Context) -> Gain:
    return Gain(recipe)

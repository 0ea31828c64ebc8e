"""Recipes and specs of the toy model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from engine.tasks import Context
from engine.training.loop import TrainSpec
from engine.training.recipe import LoopSettings, Recipe
from tests.engine.training.toy import Regression


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

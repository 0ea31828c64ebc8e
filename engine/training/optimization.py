"""Optimization: what one step does to the weights."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from engine.tasks import Failure
from engine.training.recipe import LoopSettings
from engine.training.schedule import learning_rate
from engine.training.team import Team
from engine.training.trainable import TOTAL

NORM = "gradient_norm"


def seed_step(seed: int, rank: int, step: int, device: str) -> None:
    """Seed torch's and NumPy's global generators for one step on a device.

    What a step draws then depends on nothing that happened before it, neither on a validation nor
    on whether the training was resumed, and differs between processes.
    """
    words = np.random.SeedSequence((seed, rank, step)).generate_state(3, np.uint32)
    number = int(words[0]) | int(words[1]) << 32
    # torch.manual_seed would format a stack for every kind of device that is not there
    torch.default_generator.manual_seed(number)
    if device.startswith("cuda"):
        torch.cuda.init()  # type: ignore[no-untyped-call]
        torch.cuda.default_generators[torch.device(device).index or 0].manual_seed(number)
    np.random.seed(int(words[2]))


def make_optimizer(module: nn.Module, settings: LoopSettings) -> torch.optim.AdamW:
    """AdamW whose decay leaves biases, norms and other vectors alone."""
    weights = [weight for weight in module.parameters() if weight.requires_grad]
    if not weights:
        raise Failure("The model has no weights to train.", "All of its parameters are fixed.")
    groups: list[dict[str, Any]] = [
        {"params": [weight for weight in weights if weight.ndim >= 2]},
        {"params": [weight for weight in weights if weight.ndim < 2], "weight_decay": 0.0},
    ]
    fused = all(weight.device.type in ("cpu", "cuda") for weight in weights)
    return torch.optim.AdamW(
        [group for group in groups if group["params"]],
        lr=settings.learning_rate,
        weight_decay=settings.weight_decay,
        fused=fused,
    )


class Stepper:
    """Makes steps: gradients of all batches, averaged over the team, clipped, applied.

    Parameters
    ----------
    module, losses
        What is trained, and the scalars of a batch.
    settings, team, device
        As of the loop.
    """

    def __init__(
        self,
        module: nn.Module,
        losses: Callable[[Any], Mapping[str, Tensor]],
        settings: LoopSettings,
        team: Team,
        device: str,
    ) -> None:
        self.optimizer = make_optimizer(module, settings)
        self._weights = [weight for weight in module.parameters() if weight.requires_grad]
        self._losses = losses
        self._settings = settings
        self._team = team
        self._device = torch.device(device).type
        self._half = settings.precision == "bf16" and self._device == "cuda"

    def step(self, step: int, batches: list[Any]) -> tuple[dict[str, float], bool]:
        """Make step number ``step`` with its batches.

        Returns
        -------
        tuple
            The losses (means over batches and team) and the norm of the gradients; and whether
            the weights were changed: they are not if any of that is not finite.
        """
        self.optimizer.zero_grad(set_to_none=True)
        parts: dict[str, list[Tensor]] = {}
        for batch in batches:
            with torch.autocast(self._device, torch.bfloat16, enabled=self._half):
                losses = self._losses(batch)
            if TOTAL not in losses:
                raise KeyError(f"losses() gave {sorted(losses)}, without “{TOTAL}”")
            torch.autograd.backward(losses[TOTAL] / len(batches))
            for name, value in losses.items():
                parts.setdefault(name, []).append(value.detach().float().reshape(()))
        values = torch.stack([torch.stack(part).mean() for part in parts.values()])
        gradients = self._gradients()
        self._team.average([*gradients, values])
        norm = torch.nn.utils.get_total_norm(gradients)
        numbers = torch.cat([values, norm.reshape(1).to(values)]).tolist()
        measured = dict(zip([*parts, NORM], numbers, strict=True))
        if not (math.isfinite(measured[TOTAL]) and math.isfinite(measured[NORM])):
            return measured, False
        if 0.0 < self._settings.clip_norm < measured[NORM]:
            torch._foreach_mul_(gradients, self._settings.clip_norm / measured[NORM])
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate(step, self._settings)
        self.optimizer.step()
        return measured, True

    def _gradients(self) -> list[Tensor]:
        """All gradients; in a team also of weights a batch did not reach, as others' may have."""
        if self._team.world > 1:
            for weight in self._weights:
                if weight.grad is None:
                    weight.grad = torch.zeros_like(weight)
        return [weight.grad for weight in self._weights if weight.grad is not None]

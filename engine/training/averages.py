"""Averages: the exponential moving average of a module's weights."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor, nn


class Averages:
    """A second set of weights that follows the first slowly, and is better than it.

    Early on the decay is smaller, ``(1 + n) / (10 + n)`` after ``n`` updates, so that the random
    first weights are forgotten. Buffers (counters, statistics) are copied as they are. A decay of
    0 follows at once.

    Parameters
    ----------
    module
        Whose weights are followed.
    decay
        Share of the average that stays at each update.
    """

    def __init__(self, module: nn.Module, decay: float) -> None:
        self._module = module
        self._decay = decay
        own = {key for key, _ in module.named_parameters(remove_duplicate=False)}
        state = module.state_dict(keep_vars=True)
        self._weights = {key: value for key, value in state.items() if key in own}
        self._buffers = {key: value for key, value in state.items() if key not in own}
        self._owners = {key: _owner(module, key) for key in self._buffers}
        self.tensors: dict[str, Tensor] = {
            key: value.detach().clone() for key, value in state.items()
        }

    @torch.no_grad()
    def update(self, updates: int) -> None:
        """Follow the weights after update number ``updates`` (from 0)."""
        decay = min(self._decay, (1.0 + updates) / (10.0 + updates))
        averages = [self.tensors[key] for key in self._weights]
        torch._foreach_lerp_(averages, list(self._weights.values()), 1.0 - decay)
        for key, value in self._buffers.items():
            self.tensors[key].copy_(value)

    @torch.no_grad()
    def load(self, tensors: Mapping[str, Tensor]) -> None:
        """Take saved averages; the names are those of the module."""
        for key, value in self.tensors.items():
            value.copy_(tensors[key])

    @contextmanager
    def used(self) -> Iterator[None]:
        """Let the module compute with the averages, without gradients and in evaluation mode."""
        training = self._module.training
        state = {**self._weights, **self._buffers}
        kept = {key: value.data for key, value in state.items()}
        for key, value in state.items():
            value.data = self.tensors[key]
        self._module.eval()
        try:
            with torch.no_grad():
                yield
        finally:
            for key, value in state.items():
                value.data = kept[key]
            # a module that was moved to another device and back has new buffers
            for key, (owner, name) in self._owners.items():
                owner._buffers[name] = self._buffers[key]
            self._module.train(training)


def _owner(module: nn.Module, key: str) -> tuple[nn.Module, str]:
    path, _, name = key.rpartition(".")
    return module.get_submodule(path), name

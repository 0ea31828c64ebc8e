"""Trainable: what the loop has to know of a model."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from torch import Tensor, nn

from engine.audio.clip import Clip
from engine.tasks import Context
from engine.training.recipe import Recipe

SCORE = "score"
TOTAL = "total"


@dataclass(frozen=True, slots=True)
class Preview:
    """A short piece of audio before and after what the model does to it."""

    name: str
    before: Clip
    after: Clip


@dataclass(frozen=True, slots=True)
class Series:
    """One curve or one set of bars; ``x`` holds numbers, or the labels of bars."""

    label: str
    x: tuple[float, ...] | tuple[str, ...]
    y: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Figure:
    """A plot a window can draw: lines, bars or points over one pair of axes."""

    name: str
    title: str
    series: tuple[Series, ...]
    x_label: str = ""
    y_label: str = ""
    style: Literal["line", "bar", "scatter"] = "line"
    log_x: bool = False


class Trainable(Protocol):
    """A model, its data and its measure, made for one recipe and device.

    Everything random must follow from the step (or from torch's and NumPy's global generators
    inside :meth:`losses`, which the loop seeds for every step), so that a resumed training goes on
    bit for bit.
    """

    @property
    def module(self) -> nn.Module:
        """What is trained, on its device. It is saved as its ``state_dict``."""
        ...

    def batch(self, step: int, rank: int, world: int) -> Any:
        """The examples of a step for process ``rank`` of ``world``; same arguments, same batch.

        It is called in order, but from another thread and ahead of time if the recipe has workers,
        so it changes nothing and takes randomness from a generator of its own, seeded by its
        arguments and the recipe's seed. With accumulation every batch of a step has a number.
        """
        ...

    def losses(self, batch: Any) -> Mapping[str, Tensor]:
        """Scalars to log; ``"total"`` is the one that is made small.

        Others need not come every time, but which come follows from the batch's number alone.
        """
        ...

    def validate(self, context: Context) -> Mapping[str, float]:
        """Numbers on held-out data; ``"score"`` chooses the best weights: lower is better."""
        ...

    def previews(self) -> tuple[Preview, ...]:
        """Audio to listen to while it trains."""
        ...

    def figures(self) -> tuple[Figure, ...]:
        """Plots to look at while it trains, of the last validation."""
        ...

    def description(self) -> Mapping[str, Any]:
        """For the card, plain values: model, parameters, data, licence."""
        ...

    def config(self) -> Mapping[str, Any]:
        """Plain values that rebuild the module around the weights."""
        ...


Make = Callable[[Recipe, str, Context], Trainable]

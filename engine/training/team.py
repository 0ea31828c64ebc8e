"""Team: the processes that train one model together, seen from one of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from torch import Tensor


class Team(Protocol):
    """What processes have to tell one another; every one calls the same in the same order."""

    @property
    def rank(self) -> int:
        """Number of this process; 0 leads: it alone validates and writes."""
        ...

    @property
    def world(self) -> int:
        """Number of processes."""
        ...

    def average(self, tensors: Sequence[Tensor]) -> None:
        """Replace each tensor by its mean over the processes."""
        ...

    def any(self, flag: bool) -> bool:
        """Whether the flag is set in one of them."""
        ...

    def follow(self, value: int) -> int:
        """The leader's value, in every process, once the leader has it."""
        ...


class Solo:
    """A team of one."""

    rank = 0
    world = 1

    def average(self, tensors: Sequence[Tensor]) -> None:
        """Leave them as they are."""

    def any(self, flag: bool) -> bool:
        """The flag."""
        return flag

    def follow(self, value: int) -> int:
        """The value."""
        return value

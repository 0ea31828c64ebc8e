"""Clip: the one value type for audio held in memory."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, eq=False)
class Clip:
    """Audio samples and their sample rate.

    Parameters
    ----------
    samples
        Float32 or float64, shape ``[channels, frames]``, full scale at +-1.
    rate
        Sample rate in Hz.

    Raises
    ------
    ValueError
        If the samples are not a two-dimensional float array or the rate is not positive.
    """

    samples: NDArray[np.floating]
    rate: int

    def __post_init__(self) -> None:
        if self.samples.ndim != 2 or self.samples.dtype.kind != "f":
            raise ValueError(
                "samples must be a float array [channels, frames], "
                f"got {self.samples.dtype} {self.samples.shape}"
            )
        if self.rate <= 0:
            raise ValueError(f"rate must be positive, got {self.rate}")

    @property
    def channels(self) -> int:
        """Number of channels."""
        return int(self.samples.shape[0])

    @property
    def frames(self) -> int:
        """Number of sample frames."""
        return int(self.samples.shape[1])

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return self.frames / self.rate

    def part(self, start_frame: int, stop_frame: int) -> Clip:
        """Frames ``start_frame`` up to (not including) ``stop_frame``, as a view."""
        return Clip(self.samples[:, start_frame:stop_frame], self.rate)

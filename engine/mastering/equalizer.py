"""Streaming equalizer: up to ten gated bands in series."""

from __future__ import annotations

from collections.abc import Sequence

from engine.mastering.filter_bank import Filter, FilterBank
from engine.mastering.parameters import MAX_BANDS, Band


class EqualizerProcessor(FilterBank):
    """Up to ten bands in series; inactive bands leave every bit as it is.

    Parameters
    ----------
    rate
        Sample rate in Hz.
    channels
        Number of channels.
    parameters
        The bands, applied in their order.
    """

    def __init__(self, rate: int, channels: int, parameters: Sequence[Band]) -> None:
        super().__init__(rate, channels, self._filters(parameters))

    def set_parameters(self, parameters: Sequence[Band]) -> None:
        """Move to these bands over ``RAMP_S``."""
        self.set_filters(self._filters(parameters))

    @staticmethod
    def _filters(bands: Sequence[Band]) -> list[Filter]:
        missing = MAX_BANDS - len(bands)
        return [Filter.of(band) for band in bands] + [Filter()] * missing

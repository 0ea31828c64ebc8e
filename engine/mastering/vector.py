"""The chain's numbers as one vector in [0, 1], by the ranges of ``PARAM_RANGES``.

What is no number on a scale (the kinds of the bands, bypasses, the name of the residual's model)
is not in the vector: it comes from the record that the vector is read back into.
"""

from __future__ import annotations

from dataclasses import fields, is_dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from engine.mastering.parameters import ChainParameters
from engine.mastering.ranges import PARAM_RANGES, Range

_RECORDS = {"bands": "band", "low": "compressor", "mid": "compressor", "high": "compressor"}


def names(like: ChainParameters) -> tuple[str, ...]:
    """What each number of the vector is, as ``bands.0.gain_db`` or ``multiband.low.ratio``."""
    return tuple(path for path, _, _ in _numbers(like))


def ranges(like: ChainParameters) -> tuple[Range, ...]:
    """Limits of each number of the vector."""
    return tuple(limits for _, limits, _ in _numbers(like))


def to_vector(parameters: ChainParameters) -> NDArray[np.float64]:
    """Positions in [0, 1] of all numbers, in the order of :func:`names`."""
    return np.array([limits.normalise(value) for _, limits, value in _numbers(parameters)])


def from_vector(vector: ArrayLike, like: ChainParameters) -> ChainParameters:
    """The record whose numbers are at the given positions; all else is as in ``like``.

    The inverse of :func:`to_vector` to 1e-12 of each range. Positions outside [0, 1] are taken as
    the nearest inside.

    Raises
    ------
    ValueError
        If the vector has another length than :func:`names`, or values that are no numbers.
    """
    positions = np.asarray(vector, dtype=np.float64)
    each = ranges(like)
    if positions.shape != (len(each),):
        raise ValueError(f"the vector has the shape {positions.shape}, expected ({len(each)},)")
    if not np.isfinite(positions).all():
        raise ValueError("the vector holds values that are no numbers")
    values = iter(
        limits.clamp(limits.physical(position))
        for limits, position in zip(each, np.clip(positions, 0.0, 1.0).tolist(), strict=True)
    )
    chain: ChainParameters = _filled(like, "", values)
    return chain


def _numbers(record: Any, prefix: str = "", name: str = "") -> list[tuple[str, Range, float]]:
    """Path, limits and value of every number in a record, depth first."""
    found = []
    for item in fields(record):
        value, path = getattr(record, item.name), f"{prefix}{item.name}"
        inner = _RECORDS.get(item.name, item.name)
        if is_dataclass(value):
            found += _numbers(value, f"{path}.", inner)
        elif isinstance(value, tuple):
            for index, each in enumerate(value):
                found += _numbers(each, f"{path}.{index}.", inner)
        elif limits := PARAM_RANGES.get(f"{name}.{item.name}"):
            found.append((path, limits, value))
    return found


def _filled(record: Any, name: str, values: Any) -> Any:
    """The record with its numbers replaced by the next ``values``, in the same order."""
    changes: dict[str, Any] = {}
    for item in fields(record):
        value = getattr(record, item.name)
        inner = _RECORDS.get(item.name, item.name)
        if is_dataclass(value):
            changes[item.name] = _filled(value, inner, values)
        elif isinstance(value, tuple):
            changes[item.name] = tuple(_filled(each, inner, values) for each in value)
        elif f"{name}.{item.name}" in PARAM_RANGES:
            changes[item.name] = next(values)
    return replace(record, **changes)

"""Polygons from arrays, without a Python object for every point."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtGui import QPolygonF
from shiboken6 import VoidPtr

POINT_BYTES = 16


def polygon(x: NDArray[np.float64], y: NDArray[np.float64]) -> QPolygonF:
    """A polygon through the points ``(x, y)``, both ``[points]``.

    A ``QPointF`` for each of some hundred points in every frame costs a millisecond, and now and
    then a collection of garbage; here numpy writes into the polygon's own memory.
    """
    result = QPolygonF()
    result.resize(len(x))
    if len(x):
        # The stubs know an older signature of VoidPtr.
        memory: Any = VoidPtr(result.data(), len(x) * POINT_BYTES, True)  # type: ignore
        points = np.frombuffer(memory, np.float64).reshape(-1, 2)
        points[:, 0] = x
        points[:, 1] = y
    return result

"""What JSON can say: no NaN, no infinities."""

from __future__ import annotations

import math
from typing import Any


def finite(value: Any) -> Any:
    """The same document with null for NaN and infinities, and lists for tuples."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [finite(item) for item in value]
    return value

"""Recipe keys: the name of a result is the hash of everything it was made from."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import asdict, is_dataclass
from enum import Enum
from typing import Any

import numpy as np


def recipe_key(**parts: Any) -> str:
    """Name of a result: BLAKE2b of the canonical JSON of everything it was made from.

    Parameters
    ----------
    **parts
        Plain values, lists, dictionaries, dataclasses, enums, paths and NumPy scalars.

    Returns
    -------
    str
        40 hexadecimal digits; equal parts give equal keys, in every process and version.

    Raises
    ------
    TypeError
        If a part has no canonical form.
    ValueError
        If a number is not finite.
    """
    text = json.dumps(parts, sort_keys=True, separators=(",", ":"), allow_nan=False, default=_plain)
    return hashlib.blake2b(text.encode(), digest_size=20).hexdigest()


def _plain(value: Any) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    raise TypeError(f"{type(value).__name__} cannot be part of a recipe key")

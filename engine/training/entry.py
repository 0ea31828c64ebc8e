"""Entry: the name under which a kind of model is found, ``"package.module:function"``."""

from __future__ import annotations

import importlib
from typing import cast

from engine.tasks import Failure
from engine.training.trainable import Make


def load_entry(entry: str) -> Make:
    """Import the function that makes a Trainable.

    Raises
    ------
    Failure
        If there is no such module or function.
    """
    module, _, name = entry.partition(":")
    try:
        make = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError, ValueError) as error:
        raise Failure(
            f"The model code “{entry}” could not be loaded.",
            f"{type(error).__name__}: {error}.",
            "Check the installation; “audiobench doctor” helps.",
        ) from error
    return cast(Make, make)

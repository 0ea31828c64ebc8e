"""Kinds: where the code of each kind of model is that can be trained."""

from __future__ import annotations

from engine.tasks import Failure

KINDS = {"mastering": "engine.mastering.train.trainer:make"}


def entry_of(kind: str) -> str:
    """The entry of a recipe's kind, for :func:`engine.training.entry.load_entry`.

    Raises
    ------
    Failure
        If the kind is unknown.
    """
    if kind not in KINDS:
        raise Failure(
            f"Models of the kind “{kind}” are not known.",
            f"Known: {', '.join(KINDS)}.",
            "Correct “kind” in the recipe.",
        )
    return KINDS[kind]

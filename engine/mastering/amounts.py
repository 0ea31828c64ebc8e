"""Amounts by name: all of one stage and nothing of the others."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import fields, replace

from engine.mastering.parameters import Amounts
from engine.tasks import Failure

STAGES = tuple(item.name for item in fields(Amounts) if item.name != "overall")


def only(stages: Collection[str], amounts: Amounts | None = None) -> Amounts:
    """The amounts of ``stages`` as they are, 0 for every other stage.

    Raises
    ------
    Failure
        If there is no such stage.
    """
    amounts = amounts or Amounts()
    for stage in stages:
        if stage not in STAGES:
            raise Failure(
                f"There is no stage called {stage!r}.", f"The stages are {', '.join(STAGES)}."
            )
    off = dict.fromkeys([stage for stage in STAGES if stage not in stages], 0.0)
    return replace(amounts, **off)


def only_tone(amounts: Amounts | None = None) -> Amounts:
    """Equalizer alone."""
    return only(("tone",), amounts)


def only_dynamics(amounts: Amounts | None = None) -> Amounts:
    """Compressors alone."""
    return only(("dynamics",), amounts)


def only_width(amounts: Amounts | None = None) -> Amounts:
    """Stereo width alone."""
    return only(("width",), amounts)


def describe(amounts: Amounts) -> str:
    """What is not 100 %, in words: ``amount 80 %, width 0 %``; empty when all is."""
    usual = Amounts()
    parts = [
        f"{'amount' if item.name == 'overall' else item.name} {getattr(amounts, item.name):.0%}"
        for item in fields(amounts)
        if getattr(amounts, item.name) != getattr(usual, item.name)
    ]
    return ", ".join(parts).replace("%", " %")

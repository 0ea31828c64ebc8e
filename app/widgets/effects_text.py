"""What each stage did, in the words that stand beside it."""

from __future__ import annotations

from dataclasses import dataclass

from app.document.state import Effect, MasteringEntry
from engine.mastering.parameters import ChainParameters

# The effect of a group of stages stands beside each of its boxes that is at work.
GROUPS = {
    "compressor": "dynamics",
    "multiband": "dynamics",
    "saturator": "saturation",
    "imager": "width",
    "limiter": "limiter",
}
_SIGNED = ("dB", "LU")
_MAGNITUDES = ("RMS", "most ")


@dataclass(frozen=True, slots=True)
class EffectText:
    """A measure in words, its number alone for where there is no room, and all measures."""

    text: str = ""
    short: str = ""
    detail: str = ""


NOT_LIVE = EffectText(
    "heard once rendered",
    "rendered",
    "The network is not in the live sound. Render the numbers to hear it.",
)


def effect_texts(entry: MasteringEntry) -> dict[str, EffectText]:
    """Per stage of the effects (tone, dynamics ...) what it did in the rendering there is.

    What was measured of other numbers than those of now is left out. A residual that is turned up
    says where it can be heard.
    """
    if entry.outcome is None or entry.rendering_key is None:
        chain = entry.parameters
        added = chain is not None and chain.scaled(entry.amounts).residual.active
        return {"residual": NOT_LIVE} if added else {}
    return {each.stage: _in_words(each) for each in entry.outcome.effects}


def board_texts(texts: dict[str, EffectText], parameters: ChainParameters) -> dict[str, EffectText]:
    """The same per box of the stage board; a box that does nothing says nothing."""
    shown = {}
    for box, group in GROUPS.items():
        stage = getattr(parameters, box)
        at_work = getattr(stage, "active", stage.enabled)
        if group in texts and at_work:
            shown[box] = texts[group]
    return shown


def measure_text(name: str, value: float, unit: str) -> str:
    """A measure with its unit and a sign where it is a change: "mean gain −1.2 dB"."""
    return f"{name} {_number(name, value, unit)}"


def _in_words(effect: Effect) -> EffectText:
    if not effect.measures:
        return EffectText("no change", "0 dB", "This stage changed nothing.")
    name, value, unit = effect.measures[0]
    detail = "\n".join(measure_text(*each) for each in effect.measures)
    return EffectText(measure_text(name, value, unit), _number(name, value, unit), detail)


def _number(name: str, value: float, unit: str) -> str:
    change = unit in _SIGNED and not any(word in name for word in _MAGNITUDES)
    sign = "+" if change else ""
    places = 1 if unit else 0
    return f"{value:{sign}.{places}f} {unit}".rstrip().replace("-", "−")

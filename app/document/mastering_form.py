"""The JSON form of how one clip is mastered."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from app.document.state import Effect, MasteringEntry, Outcome
from app.document.unknown import pruned
from engine.mastering.parameters import Amounts, ChainParameters
from engine.mastering.prediction import Confidence
from engine.tasks import Failure


def mastering_to_dict(entry: MasteringEntry) -> dict[str, Any]:
    """Plain numbers, texts and lists."""
    outcome = entry.outcome
    return {
        "target": entry.target,
        "references": list(entry.references),
        "weights": list(entry.weights),
        "lufs": entry.lufs,
        "ceiling_dbtp": entry.ceiling_dbtp,
        "amounts": asdict(entry.amounts),
        "model": entry.model,
        "refine": entry.refine,
        "parameters": entry.parameters and entry.parameters.to_dict(),
        "fitted": entry.fitted and entry.fitted.to_dict(),
        "outcome": outcome and _outcome_to_dict(outcome),
        "rendering_key": entry.rendering_key,
    }


def mastering_from_dict(data: Mapping[str, Any]) -> MasteringEntry:
    """Read the form :func:`mastering_to_dict` writes; what is missing is at its default.

    Raises what a wrong type raises, ``ValueError`` or :class:`Failure` for a wrong value.
    """
    default = MasteringEntry()
    key = data.get("rendering_key")
    references = tuple(str(path) for path in data.get("references", ()))
    return MasteringEntry(
        target=str(data.get("target", default.target)),
        references=references,
        weights=_weights(data.get("weights", ()), len(references)),
        lufs=finite(data.get("lufs", default.lufs)),
        ceiling_dbtp=finite(data.get("ceiling_dbtp", default.ceiling_dbtp)),
        amounts=_amounts(data.get("amounts", {})),
        model=str(data.get("model", default.model)),
        refine=bool(data.get("refine", default.refine)),
        parameters=_parameters(data.get("parameters")),
        fitted=_parameters(data.get("fitted")),
        outcome=_outcome(data.get("outcome")),
        rendering_key=None if key is None else str(key),
    )


def finite(value: Any) -> float:
    """A number; raises ``ValueError`` for infinity and for what is no number."""
    number = float(value)
    if not math.isfinite(number):
        raise ValueError(f"{value} is not a finite number")
    return number


def _outcome_to_dict(outcome: Outcome) -> dict[str, Any]:
    effects = {each.stage: [list(item) for item in each.measures] for each in outcome.effects}
    return asdict(outcome) | {"explanation": dict(outcome.explanation), "effects": effects}


def _weights(data: Any, references: int) -> tuple[float, ...]:
    weights = tuple(finite(value) for value in data)
    if weights and len(weights) != references:
        raise ValueError(f"{len(weights)} weights for {references} references")
    if any(weight < 0.0 for weight in weights):
        raise ValueError("a reference has a negative weight")
    return weights


def _amounts(data: Mapping[str, Any]) -> Amounts:
    known = asdict(Amounts())
    try:
        return Amounts(**{name: finite(data[name]) for name in known if name in data})
    except Failure as failure:
        raise ValueError(failure.what) from failure


def _parameters(data: object) -> ChainParameters | None:
    if data is None:
        return None
    return ChainParameters.from_dict(pruned(data, ChainParameters().to_dict()))


def _outcome(data: Mapping[str, Any] | None) -> Outcome | None:
    if data is None:
        return None
    confidence = data.get("confidence")
    return Outcome(
        model=str(data.get("model", "")),
        variant=str(data.get("variant", "")),
        model_hash=str(data.get("model_hash", "")),
        confidence=None if confidence is None else _confidence(confidence),
        referenced=bool(data.get("referenced", False)),
        explanation=tuple(
            (str(stage), str(why)) for stage, why in data.get("explanation", {}).items()
        ),
        effects=tuple(
            Effect(str(stage), tuple((str(n), finite(v), str(unit)) for n, v, unit in measures))
            for stage, measures in data.get("effects", {}).items()
        ),
    )


def _confidence(data: Mapping[str, Any]) -> Confidence:
    known = asdict(Confidence())
    return Confidence(**{name: finite(data[name]) for name in known if name in data})

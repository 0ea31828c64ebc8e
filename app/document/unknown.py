"""Fields of a newer version: taken off when reading, kept, and put back when writing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def unknown_part(data: Any, known: Any) -> Any:
    """What of ``data`` the ``known`` form has no place for.

    Nested mappings, also those in lists of equal length, are searched. The answer has the shape of
    ``data`` with everything known left out; None when nothing is unknown.
    """
    if isinstance(data, Mapping) and isinstance(known, Mapping):
        rest = {
            key: value if key not in known else unknown_part(value, known[key])
            for key, value in data.items()
        }
        return {k: v for k, v in rest.items() if k not in known or v is not None} or None
    if _mappings(data) and _mappings(known) and len(data) == len(known):
        items = [unknown_part(one, other) for one, other in zip(data, known, strict=True)]
        return items if any(item is not None for item in items) else None
    return None


def merged(known: Any, unknown: Any) -> Any:
    """Put what :func:`unknown_part` took off back; where both have a value, ``known`` wins."""
    if isinstance(known, Mapping) and isinstance(unknown, Mapping):
        both = {k: merged(v, unknown[k]) if k in unknown else v for k, v in known.items()}
        return both | {k: v for k, v in unknown.items() if k not in known}
    if _mappings(known) and isinstance(unknown, list) and len(known) == len(unknown):
        return [merged(one, other) for one, other in zip(known, unknown, strict=True)]
    return known


def pruned(data: Any, template: Any) -> Any:
    """``data`` without the fields ``template`` lacks; a list's template is its first item."""
    if isinstance(data, Mapping) and isinstance(template, Mapping):
        return {k: pruned(v, template[k]) for k, v in data.items() if k in template}
    if isinstance(data, list) and isinstance(template, list | tuple) and template:
        return [pruned(item, template[0]) for item in data]
    return data


def _mappings(value: Any) -> bool:
    return isinstance(value, list | tuple) and all(isinstance(item, Mapping) for item in value)

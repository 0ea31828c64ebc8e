"""The JSON form of a session: versioned, and patient with fields it does not know."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from app.document.mastering_form import mastering_from_dict, mastering_to_dict
from app.document.state import ClipEntry, SessionState, Span
from app.document.unknown import merged, unknown_part
from engine.tasks import Failure

FORMAT = "audiobench session"
VERSION = 2


def _one_amount_to_amounts(document: dict[str, Any]) -> dict[str, Any]:
    """Version 1 had one amount for everything; it is the overall one now."""

    def clip(old: dict[str, Any]) -> dict[str, Any]:
        mastering = dict(old.get("mastering", {}))
        if "amount" in mastering:
            mastering["amounts"] = {"overall": mastering.pop("amount")}
        return old | {"mastering": mastering}

    return document | {"clips": [clip(each) for each in document["clips"]]}


# MIGRATIONS[n] turns a document of version n into one of version n + 1.
MIGRATIONS: dict[int, Callable[[dict[str, Any]], dict[str, Any]]] = {1: _one_amount_to_amounts}


def to_dict(state: SessionState, folder: Path | None = None) -> dict[str, Any]:
    """The JSON form of a state; with ``folder``, paths relative to it are written as well."""
    known = {
        "format": FORMAT,
        "version": VERSION,
        "clips": [clip_to_dict(clip, folder) for clip in state.clips],
        "current_id": state.current_id,
        "selection": state.selection,
        "loop": state.loop,
        "layout": state.layout,
    }
    document: dict[str, Any] = merged(known, state.extra)
    return document


def from_dict(document: object, folder: Path | None = None, name: str = "file") -> SessionState:
    """Read the form :func:`to_dict` writes, bringing older versions up to date.

    Raises
    ------
    Failure
        If it is no session, is damaged or comes from a newer version.
    """
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise Failure(
            f"{name} is no audiobench session.",
            "It is another kind of file.",
            "Open a file that audiobench saved; its name ends in .abench.",
        )
    try:
        data = _migrated(document, name)
        state = SessionState(
            clips=tuple(clip_from_dict(clip, folder) for clip in data["clips"]),
            current_id=_optional(str, data.get("current_id")),
            selection=_span(data.get("selection")),
            loop=_span(data.get("loop")),
            layout=str(data.get("layout", SessionState().layout)),
        )
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise Failure(
            f"The session {name} is damaged.",
            f"{type(error).__name__}: {error}.",
            "Open an earlier copy of it.",
        ) from error
    if len({clip.id for clip in state.clips}) != len(state.clips):
        raise Failure(
            f"The session {name} is damaged.",
            "Two clips share an identifier.",
            "Open an earlier copy of it.",
        )
    if state.current is None:
        state = state.with_current(state.clips[0].id if state.clips else None)
    known = {key: value for key, value in to_dict(state).items() if key != "clips"}
    unknown = unknown_part({key: value for key, value in data.items() if key != "clips"}, known)
    return replace(state, extra=unknown or {})


def clip_to_dict(clip: ClipEntry, folder: Path | None = None) -> dict[str, Any]:
    """The JSON form of one clip."""
    mastering = clip.mastering
    known: dict[str, Any] = {
        "id": clip.id,
        "name": clip.name,
        "path": str(clip.path),
        "content_hash": clip.content_hash,
        "rate": clip.rate,
        "channels": clip.channels,
        "frames": clip.frames,
        "mastering": mastering_to_dict(mastering),
    }
    if folder is not None:
        known["relative_path"] = _relative(clip.path, folder)
        known["mastering"]["relative_references"] = [
            _relative(Path(reference), folder) for reference in mastering.references
        ]
    data: dict[str, Any] = merged(known, clip.extra)
    return data


def clip_from_dict(data: dict[str, Any], folder: Path | None = None) -> ClipEntry:
    """Read the form :func:`clip_to_dict` writes; raises what a wrong type raises."""
    path = _located(data["path"], data.get("relative_path"), folder)
    raw = dict(data.get("mastering", {}))
    references = raw.get("references", ())
    beside = raw.pop("relative_references", [None] * len(references))
    raw["references"] = [
        str(_located(path, relative, folder))
        for path, relative in zip(references, beside, strict=True)
    ]
    clip = ClipEntry(
        id=str(data["id"]),
        name=str(data["name"]),
        path=path,
        content_hash=str(data["content_hash"]),
        rate=_positive(data["rate"]),
        channels=_positive(data["channels"]),
        frames=int(data["frames"]),
        mastering=mastering_from_dict(raw),
    )
    known = clip_to_dict(clip) | {"relative_path": None}
    known["mastering"]["relative_references"] = None
    return replace(clip, extra=unknown_part(data, known) or {})


def _relative(path: Path, folder: Path) -> str | None:
    """The path from the session's folder; None where there is none (another drive on Windows)."""
    try:
        return Path(os.path.relpath(path, folder)).as_posix()
    except ValueError:
        return None


def _located(path: Any, relative: Any, folder: Path | None) -> Path:
    """Where a file is: beside the session if it is there, else where it was."""
    absolute = Path(str(path))
    if folder is None or relative is None:
        return absolute
    beside = Path(os.path.normpath(folder / str(relative)))
    return beside if beside.is_file() else absolute


def _migrated(document: dict[str, Any], name: str) -> dict[str, Any]:
    version = int(document["version"])
    if version > VERSION:
        raise Failure(
            f"The session {name} was saved by a newer audiobench.",
            f"It has version {version}, this program reads up to {VERSION}.",
            "Update audiobench.",
        )
    for step in range(version, VERSION):
        document = MIGRATIONS[step](document)
    return document


def _optional(kind: type[str], value: object) -> str | None:
    return None if value is None else kind(value)


def _positive(value: Any) -> int:
    number = int(value)
    if number <= 0:
        raise ValueError(f"{value} is not positive")
    return number


def _span(value: Any) -> Span | None:
    if value is None:
        return None
    start, stop = (int(frame) for frame in value)
    return (start, stop) if 0 <= start < stop else None

"""The session file ``.abench``: JSON that survives moves, newer versions and crashes."""

from __future__ import annotations

import json
import os
from pathlib import Path

from app.document.serial import from_dict, to_dict
from app.document.state import ClipEntry, SessionState
from engine.atomic import write_text
from engine.audio.hashing import content_hash
from engine.tasks import Failure

SUFFIX = ".abench"


def save(state: SessionState, path: Path) -> None:
    """Write a session file; an existing one is replaced only once the new one is complete.

    Raises
    ------
    Failure
        If the file cannot be written.
    """
    try:
        write_text(path, json.dumps(to_dict(state, path.parent), indent=1))
    except OSError as error:
        raise Failure(
            f"The session could not be saved to {path.name}.",
            f"{error.strerror or error}.",
            "Choose another folder with Save as.",
        ) from error


def load(path: Path) -> SessionState:
    """Read a session file.

    A clip's path is the one relative to the session file where that exists, else the absolute one.

    Raises
    ------
    Failure
        If the file cannot be read, is damaged, is no session or comes from a newer version.
    """
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise Failure(
            f"The session {path.name} could not be opened.",
            f"{error.strerror or error}.",
            "Check the path and its permissions.",
        ) from error
    except (ValueError, RecursionError) as error:
        raise Failure(
            f"{path.name} is no session file or is damaged.",
            f"{error}.",
            "Open a file that audiobench saved; its name ends in .abench.",
        ) from error
    return from_dict(document, path.parent, path.name)


def missing(state: SessionState) -> tuple[ClipEntry, ...]:
    """The clips whose file is not where the session says."""
    return tuple(clip for clip in state.clips if not clip.path.is_file())


def relocate(state: SessionState, clip_id: str, path: Path) -> SessionState:
    """Say where a clip's file is now.

    Other missing clips that lie in the same new folder under their old names, or at the same place
    relative to this one, are found along with it if their content is the same.

    Raises
    ------
    Failure
        If there is no such file.
    """
    clip = state.clip(clip_id)
    if clip is None or not path.is_file():
        raise Failure(
            f"{path.name} cannot take the place of the missing file.",
            "There is no such file.",
            "Choose the audio file where it is now.",
        )
    for other in missing(state):
        for candidate in (path.parent / other.path.name, _same_step(clip.path, path, other.path)):
            if other.id != clip_id and _holds(candidate, other.content_hash):
                state = state.with_clip(other.id, path=candidate)
                break
    return state.with_clip(clip_id, path=path)


def _holds(path: Path, expected_hash: str) -> bool:
    try:
        return path.is_file() and content_hash(path) == expected_hash
    except OSError:
        return False


def _same_step(old: Path, new: Path, other: Path) -> Path:
    """Where ``other`` is when the whole tree moved as ``old`` moved to ``new``."""
    return Path(os.path.normpath(new.parent / os.path.relpath(other, old.parent)))

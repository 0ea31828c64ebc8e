"""The journal on disk: a snapshot and the edits since, in files that say when they are damaged.

One folder belongs to one running window::

    lock                  held while the window lives (pid inside)
    snapshot-000003.json  a whole state
    journal-000003.jsonl  every edit since that snapshot, one line each

Each line is ``checksum SPACE json``. An edit is handed to the operating system at once, which
survives the death of the process, and flushed to the disk a little later, which bounds the loss at
a power cut. The two newest generations are kept: a damaged snapshot is rebuilt from the one before
and its whole journal.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, replace
from hashlib import blake2b
from io import TextIOWrapper
from pathlib import Path
from typing import Any

from app.document.serial import clip_to_dict, to_dict
from app.document.state import SessionState
from engine.atomic import write_text

GENERATIONS_KEPT = 2


@dataclass(frozen=True, slots=True)
class Moment:
    """The document at one time: its state, its file, and whether the file holds this state."""

    state: SessionState
    path: Path | None = None
    dirty: bool = False

    @property
    def header(self) -> dict[str, Any]:
        """Path and dirty flag as plain data."""
        return {"path": None if self.path is None else str(self.path), "dirty": self.dirty}


def encode_line(record: dict[str, Any]) -> str:
    """One line: checksum, space, JSON, newline."""
    text = json.dumps(record, separators=(",", ":"))
    return f"{_checksum(text)} {text}\n"


def decode_line(line: str) -> dict[str, Any] | None:
    """What :func:`encode_line` wrote; None for a torn or damaged line."""
    checksum, _space, text = line.rstrip("\n").partition(" ")
    if not line.endswith("\n") or checksum != _checksum(text):
        return None
    record = json.loads(text)
    return record if isinstance(record, dict) else None


def difference(before: SessionState, after: SessionState) -> dict[str, Any]:
    """What changed, as plain data: fields, changed clips, and the order where that changed."""
    old_fields = _fields(before)
    record = {k: v for k, v in _fields(after).items() if k not in old_fields or old_fields[k] != v}
    old_clips = {clip.id: clip for clip in before.clips}
    if changed := [clip_to_dict(clip) for clip in after.clips if old_clips.get(clip.id) != clip]:
        record["clips"] = changed
    if (order := [clip.id for clip in after.clips]) != list(old_clips):
        record["order"] = order
    return record


def apply(document: dict[str, Any], record: dict[str, Any]) -> dict[str, Any]:
    """Redo on a document (JSON form) what :func:`difference` wrote down."""
    clips = {clip["id"]: clip for clip in document["clips"]}
    clips |= {clip["id"]: clip for clip in record.get("clips", ())}
    order = record.get("order", list(clips))
    fields = {key: value for key, value in record.items() if key not in ("clips", "order")}
    return document | fields | {"clips": [clips[clip_id] for clip_id in order]}


class Journal:
    """Writes one window's folder. Plain Python, used from one thread at a time."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._generation = 0
        self._file: TextIOWrapper | None = None
        self._written: Moment | None = None
        self._snapshot: Moment | None = None

    def snapshot(self, moment: Moment) -> None:
        """Write the whole state and begin a new journal; nothing when it is written already.

        Raises
        ------
        OSError
            If the disk does not take it. Edits are not journalled until a snapshot succeeds.
        """
        if self._file is not None and moment == self._snapshot:
            return
        if self._file is not None and self._written is not None:
            # Whoever finds the new snapshot damaged may go on from here to the next journal.
            edit = difference(self._written.state, moment.state)
            self._write(moment.header | {"edit": edit, "end": True})
        self._close_file()
        self._generation += 1
        number = f"{self._generation:06d}"
        record = moment.header | {"session": to_dict(moment.state)}
        write_text(self._folder / f"snapshot-{number}.json", encode_line(record))
        self._file = (self._folder / f"journal-{number}.jsonl").open("w", encoding="utf-8")
        self._write(moment.header)
        self._written = self._snapshot = moment
        for path in sorted(self._folder.glob("*-*.json*")):
            if int(path.stem.rpartition("-")[2]) <= self._generation - GENERATIONS_KEPT:
                path.unlink()

    def append(self, moment: Moment) -> None:
        """Write what changed since the last call; raises :class:`OSError` as :meth:`snapshot`."""
        if self._file is None or self._written is None or moment == self._written:
            return
        record = difference(self._written.state, moment.state)
        self._write(moment.header | {"edit": record})
        self._written = moment

    @property
    def writing(self) -> bool:
        """Whether edits are being kept."""
        return self._file is not None

    def sync(self) -> None:
        """Flush what was appended to the disk itself."""
        if self._file is not None:
            os.fsync(self._file.fileno())

    def close(self) -> None:
        """Close the file; what was written stays."""
        self._close_file()

    def _write(self, record: dict[str, Any]) -> None:
        assert self._file is not None
        try:
            self._file.write(encode_line(record))
            self._file.flush()
        except OSError:
            # A gap would make every later line wrong.
            self._close_file()
            raise

    def _close_file(self) -> None:
        file, self._file = self._file, None
        if file is not None:
            file.close()


def _fields(state: SessionState) -> dict[str, Any]:
    """Everything of the JSON form but the clips."""
    document = to_dict(replace(state, clips=()))
    del document["clips"]
    return document


def _checksum(text: str) -> str:
    return blake2b(text.encode(), digest_size=8).hexdigest()

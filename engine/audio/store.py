"""Decoded audio in the cache: raw float32 that every process can map."""

from __future__ import annotations

import json
import uuid
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
from numpy.typing import NDArray

from engine.audio.clip import Clip
from engine.audio.hashing import content_hash
from engine.audio.info import unreadable
from engine.audio.reader import open_reader
from engine.cache import Cache, Hold, recipe_key, unwritable
from engine.file_hold import take_lock
from engine.tasks import Context, Failure

__all__ = ["StoreWriter", "StoredAudio", "content_hash", "decode", "decode_key", "find"]

DATA_SUFFIX = ".f32"
SIDECAR_SUFFIX = ".json"
FORMAT_VERSION = 1
SAMPLE_BYTES = 4
# A file may promise any length; what it can plausibly hold bounds the space reserved for it.
_MAX_FRAMES_PER_BYTE = 64


@dataclass(frozen=True, slots=True)
class StoredAudio:
    """Audio in the cache, as raw interleaved little-endian float32.

    Parameters
    ----------
    path
        The data file: frame after frame, no header. It stays where it is while it grows and
        afterwards, and never becomes shorter, so a mapping of it stays valid.
    rate
        Sample rate in Hz.
    channels
        Number of channels.
    frames
        Length in sample frames; while the audio grows, the best estimate of it.
    content_hash
        Of the file the audio was decoded from, or the recipe key of a rendering.
    available_frames
        How many of the frames are there; what lies beyond reads as silence.
    complete
        False while the audio still grows.
    nonfinite_samples
        Samples that were no numbers in the source and are 0 here.
    damage
        What is wrong with the source; empty if nothing is.
    """

    path: Path
    rate: int
    channels: int
    frames: int
    content_hash: str
    available_frames: int = 0
    complete: bool = True
    nonfinite_samples: int = 0
    damage: str = ""

    def __post_init__(self) -> None:
        if self.complete:
            object.__setattr__(self, "available_frames", self.frames)

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return self.frames / self.rate

    def map(self) -> NDArray[np.float32]:
        """Map the file read-only: float32 ``[frames, channels]``, nothing is read yet.

        While the mapping lives, no process trims the audio from the cache.

        Raises
        ------
        Failure
            If the cache has dropped the file meanwhile.
        """
        if self.frames == 0:
            return np.zeros((0, self.channels), np.float32)
        try:
            with self.path.open("rb") as file:
                take_lock(file.fileno(), shared=True)  # the mapping keeps a duplicate, and the lock
                return np.memmap(file, "<f4", "r", shape=(self.frames, self.channels))
        except (OSError, ValueError) as error:
            raise Failure(
                "Decoded audio is no longer in the cache.",
                f"{self.path.name} was removed or cut.",
                "Open the file again; a larger cache in Preferences keeps more.",
            ) from error

    def clip(self, start_frame: int = 0, stop_frame: int | None = None) -> Clip:
        """Copy a part into memory; limits beyond the ends are clamped."""
        stop = self.frames if stop_frame is None else min(stop_frame, self.frames)
        part = self.map()[max(start_frame, 0) : max(stop, 0)]
        return Clip(np.array(part.T, np.float32, order="C"), self.rate)


class StoreWriter:
    """Writes audio into the cache block by block; readers may map it while it grows.

    A context manager: leaving it without :meth:`finish` removes what was written.

    Parameters
    ----------
    cache
        Where it goes.
    key
        Name of the entry, from :func:`engine.cache.recipe_key` or :func:`decode_key`.
    rate, channels
        Of the audio.
    expected_frames
        Estimate of the length. That much is reserved (sparsely: it takes no space yet).
    content_hash
        Noted in the result; the key by default.
    """

    def __init__(
        self,
        cache: Cache,
        key: str,
        rate: int,
        channels: int,
        expected_frames: int = 0,
        content_hash: str = "",
    ) -> None:
        self._cache = cache
        self._key = key
        # A name of its own for every attempt: two writers of one key never share a file, and the
        # file need not be renamed when it is finished. The sidecar says which one counts.
        path = cache.path(key, f".{uuid.uuid4().hex[:8]}{DATA_SUFFIX}")
        self._stored = StoredAudio(
            path, rate, channels, expected_frames, content_hash or key, complete=False
        )
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            # unbuffered: mappings see all that was appended, and closing cannot fail
            self._file = path.open("xb", buffering=0)
            self._file.truncate(expected_frames * channels * SAMPLE_BYTES)
        except OSError as error:
            self.discard()
            raise unwritable(cache.root, error) from error
        self._hold = Hold([path])

    @property
    def partial(self) -> StoredAudio:
        """What is there so far."""
        return self._stored

    def append(self, block: NDArray[np.floating]) -> None:
        """Add a block ``[channels, n]``.

        Raises
        ------
        Failure
            If the disk is full.
        """
        if block.shape[0] != self._stored.channels:
            raise ValueError(f"expected {self._stored.channels} channels, got {block.shape[0]}")
        try:
            data = np.ascontiguousarray(block.T, "<f4").reshape(-1).view(np.uint8).data
            while data:
                data = data[self._file.write(data) :]
        except OSError as error:
            raise unwritable(self._cache.root, error) from error
        available = self._stored.available_frames + block.shape[1]
        frames = max(self._stored.frames, available)
        self._stored = replace(self._stored, frames=frames, available_frames=available)

    def finish(self, nonfinite_samples: int = 0, damage: str = "") -> StoredAudio:
        """Make the entry complete and give it back.

        If another writer finished the same key first, its audio is given back instead.

        Raises
        ------
        Failure
            If the disk is full.
        """
        first = find(self._cache, self._key)
        if first is not None:
            self.discard()
            return first
        stored = replace(
            self._stored,
            frames=self._stored.available_frames,
            complete=True,
            nonfinite_samples=nonfinite_samples,
            damage=damage,
        )
        self._file.close()
        sidecar = {**asdict(stored), "path": stored.path.name, "version": FORMAT_VERSION}
        self._cache.put(self._key, SIDECAR_SUFFIX, json.dumps(sidecar, indent=1).encode())
        self._stored = stored
        self._cache.account(self._key, stored.frames * stored.channels * SAMPLE_BYTES)
        self._hold.release()
        return stored

    def discard(self) -> None:
        """Remove what was written unless it is finished."""
        if self._stored.complete:
            return
        if hasattr(self, "_file"):
            self._file.close()
        if hasattr(self, "_hold"):
            self._hold.release()
        self._stored.path.unlink(missing_ok=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.discard()


def decode_key(source_hash: str) -> str:
    """Key under which the decoded audio of a file with this :func:`content_hash` is kept."""
    return recipe_key(task="decode", source=source_hash, version=FORMAT_VERSION)


def find(cache: Cache, key: str) -> StoredAudio | None:
    """The finished audio of ``key`` if the cache has it, marked as used now."""
    sidecar = cache.path(key, SIDECAR_SUFFIX)
    try:
        values = json.loads(sidecar.read_text())
        if values.pop("version") != FORMAT_VERSION:
            return None
        stored = StoredAudio(**{**values, "path": sidecar.parent / values["path"]})
        needed = stored.frames * stored.channels * SAMPLE_BYTES
        if not stored.complete or stored.path.stat().st_size < needed:
            return None
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None  # not there, or not ours; a new decode puts it right
    cache.touch(key)
    return stored


def decode(path: Path | str, cache: Cache, context: Context) -> StoredAudio:
    """Decode a file into the cache, once; a task.

    Progress counts frames and carries a growing :class:`StoredAudio` that can be mapped at once.
    What is wrong with a readable file becomes a warning of the context.
    Cancelled or failed, it leaves nothing behind.

    Raises
    ------
    Failure
        If the file cannot be read as audio or the disk is full.
    Cancelled
        If it was cancelled.
    """
    path = Path(path)
    with open_reader(path) as reader:
        context.checkpoint()
        try:
            source_hash = content_hash(path)
        except OSError as error:  # a drive that was unplugged, say
            raise unreadable(path, error.strerror or str(error)) from error
        key = decode_key(source_hash)
        stored = find(cache, key)
        if stored is not None:
            context.report(stored.frames, stored.frames, "decoded before", stored)
            _warn(path, stored, context)
            return stored
        info = reader.info
        estimate = info.frames or round((info.duration_s or 0.0) * info.rate)
        estimate = min(estimate, path.stat().st_size * _MAX_FRAMES_PER_BYTE)
        with StoreWriter(cache, key, info.rate, info.channels, estimate, source_hash) as writer:
            for block in reader.blocks():
                context.checkpoint()
                writer.append(block)
                partial = writer.partial
                context.report(partial.available_frames, partial.frames, "decoding", partial)
            stored = writer.finish(reader.info.nonfinite_samples, reader.info.damage)
    context.report(stored.frames, stored.frames, "decoded", stored)
    _warn(path, stored, context)
    return stored


def _warn(path: Path, stored: StoredAudio, context: Context) -> None:
    """Tell the user what is wrong with a file that could be read all the same."""
    if stored.damage:
        context.warn(f"“{path.name}” is damaged. {stored.damage}")
    if stored.nonfinite_samples:
        context.warn(
            f"“{path.name}” holds {stored.nonfinite_samples} samples that are no numbers; "
            "they were replaced by silence."
        )

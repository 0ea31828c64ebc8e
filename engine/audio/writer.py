"""Write audio files: complete or not at all, and never over a file that was good before."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import av
import numpy as np
from numpy.typing import NDArray

from engine.audio.encoder import Encoder
from engine.audio.export_format import ExportFormat
from engine.audio.resample import StreamResampler
from engine.tasks import Context, Failure

__all__ = ["ExportFormat", "WrittenAudio", "write_audio"]


@dataclass(frozen=True, slots=True)
class WrittenAudio:
    """What was written.

    ``clipped_samples`` counts samples beyond full scale that an integer format had to clip.
    """

    path: Path
    format: ExportFormat
    rate: int
    channels: int
    frames: int
    clipped_samples: int


class _WatchedFile:
    """A file that remembers its first error, as FFmpeg does not report every failed write."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.error: OSError | None = None

    def write(self, data: bytes) -> int:
        try:
            return self._file.write(data)
        except OSError as error:
            self.error = self.error or error
            raise

    def seek(self, offset: int, whence: int = 0) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()


def write_audio(
    path: Path | str,
    blocks: Iterable[NDArray[np.floating]],
    rate: int,
    channels: int,
    format: ExportFormat,
    metadata: Mapping[str, str] | None = None,
    context: Context | None = None,
    total_frames: int = 0,
) -> WrittenAudio:
    """Write audio to a temporary file beside ``path``, then put it in its place at once.

    Failed or cancelled, nothing is left behind and a file that was at ``path`` is untouched.

    Parameters
    ----------
    path
        The file; one that is there is replaced.
    blocks
        Float blocks ``[channels, n]`` of any lengths.
    rate, channels
        Of the blocks.
    format
        What to write; audio at a rate the format cannot hold, or another than it asks for, is
        resampled.
    metadata
        Tags to write, as in :class:`engine.audio.info.AudioInfo`.
    context
        Progress in frames of the input, cancel, the seed of the dither, and a warning if samples
        were clipped.
    total_frames
        Length of the input, for the progress; 0 when unknown.

    Raises
    ------
    Failure
        If the format cannot hold the audio, there is none, it holds NaN, or the place cannot be
        written (missing folder, no right, write-protected, full disk).
    Cancelled
        If it was cancelled.
    """
    context = context or Context()
    format.check(rate, channels)
    target = Path(path)
    # a link is followed: what it points to is replaced, not the link
    target = target.resolve() if target.is_symlink() else target
    _check_writable(target)
    temporary = target.with_name(f".{target.name[:80]}.{uuid.uuid4().hex[:8]}.part")
    done = False
    try:
        with temporary.open("xb") as file:
            watched = _WatchedFile(file)
            try:
                written = _encode(
                    watched, blocks, rate, channels, format, metadata or {}, context, total_frames
                )
            except av.FFmpegError as error:
                raise watched.error or _not_encoded(target, error) from error
            if watched.error is not None:
                raise watched.error
            file.flush()
            os.fsync(file.fileno())
        context.checkpoint()
        temporary.replace(target)
        done = True
    except OSError as error:
        raise _unwritable(target, error) from error
    finally:
        if not done:
            # on a read-only disk removing fails, too, and would hide what is wrong
            with contextlib.suppress(OSError):
                temporary.unlink(missing_ok=True)
    rate_out, frames, clipped = written
    if clipped:
        context.warn(
            f"{clipped} samples of “{target.name}” were above full scale and were clipped; "
            "lower the level or write 32-bit float."
        )
    return WrittenAudio(target, format, rate_out, channels, frames, clipped)


def _encode(
    file: _WatchedFile,
    blocks: Iterable[NDArray[np.floating]],
    rate: int,
    channels: int,
    format: ExportFormat,
    metadata: Mapping[str, str],
    context: Context,
    total_frames: int,
) -> tuple[int, int, int]:
    """Encode all blocks; rate, frames and clipped samples of what was written."""
    rate_out = format.rate_for(rate)
    resampler = StreamResampler(rate, rate_out, channels, np.float64) if rate_out != rate else None
    rng = context.rng if format.dither else None
    encoder = Encoder(file, format, rate_out, channels, metadata, rng)
    try:
        frames = 0
        for block in blocks:
            context.checkpoint()
            _check_block(block, channels)
            frames += block.shape[1]
            encoder.write(resampler.process(block) if resampler else block)
            context.report(frames, total_frames, "writing")
        if frames == 0:
            raise Failure("There is nothing to write.", "The audio is empty.", "Select some first.")
        if resampler:
            encoder.write(resampler.process(np.zeros((channels, 0)), last=True))
        encoder.close()
    except BaseException:
        encoder.abort()
        raise
    return rate_out, encoder.frames, encoder.clipped_samples


def _check_block(block: NDArray[np.floating], channels: int) -> None:
    if block.ndim != 2 or block.shape[0] != channels:
        raise ValueError(f"expected blocks [{channels}, n], got {block.shape}")
    if not np.isfinite(block).all():
        raise Failure(
            "The audio holds samples that are no numbers.",
            "A file with NaN or infinite samples can damage loudspeakers and hearing.",
            "Undo the last step and try again; if it comes back, report it.",
        )


def _check_writable(target: Path) -> None:
    """Say early what would fail late; the permission bits bind an administrator, too."""
    if target.is_dir():
        raise Failure(
            f"“{target.name}” is a folder.", "A file cannot take its place.", "Choose a file name."
        )
    if not target.parent.is_dir():
        raise Failure(
            f"There is no folder {target.parent}.",
            "The file would have nowhere to go.",
            "Make the folder or choose another.",
        )
    if target.exists() and not target.stat().st_mode & stat.S_IWUSR:
        raise Failure(
            f"“{target.name}” is write-protected.",
            "It was left as it is.",
            "Take the protection off or choose another name.",
        )


def _not_encoded(target: Path, error: av.FFmpegError) -> Failure:
    return Failure(
        f"“{target.name}” could not be encoded.",
        f"{error.strerror or error}.",
        "Choose another format, rate or bit rate.",
    )


def _unwritable(target: Path, error: OSError) -> Failure:
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return Failure(
            f"“{target.name}” was not written: there is no room left.",
            f"{target.parent} could not take more ({error.strerror}).",
            "Free some disk space or choose another folder.",
        )
    return Failure(
        f"“{target.name}” could not be written.",
        f"{target.parent}: {error.strerror or error}.",
        "Choose a folder you may write to.",
    )

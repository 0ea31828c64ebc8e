"""Find the audio in what was dropped: files as they are, folders searched."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from engine.audio.hashing import content_hash
from engine.audio.probe import probe
from engine.failures import as_failure
from engine.tasks import Context, Failure

_NAMES = (
    "wav wave w64 rf64 aif aiff aifc caf au flac wv ape tta "
    "ogg oga opus mp2 mp3 m4a m4b aac ac3 wma mp4 mov mkv webm avi"
)
# In a folder only these are looked at; a file the user names is tried whatever its name.
SUFFIXES = frozenset(f".{name}" for name in _NAMES.split())
MOST_FILES = 5000


@dataclass(frozen=True, slots=True)
class FoundFile:
    """An audio file; ``frames`` may be an estimate until it is decoded."""

    path: Path
    content_hash: str
    rate: int
    channels: int
    frames: int


@dataclass(frozen=True, slots=True)
class Found:
    """What was found, and what could not be opened."""

    found: tuple[FoundFile, ...]
    failures: tuple[Failure, ...]


def find_audio(paths: tuple[Path, ...], context: Context) -> Found:
    """Look through files and folders; a file that is no audio becomes a failure in the result."""
    candidates, left_out = _candidates(paths)
    found: list[FoundFile] = []
    failures: list[Failure] = []
    for done, path in enumerate(candidates):
        context.checkpoint()
        context.report(done, len(candidates), path.name)
        try:
            info = probe(path)
            frames = info.frames or round((info.duration_s or 0.0) * info.rate)
            digest = content_hash(path)
            found.append(FoundFile(path, digest, info.rate, info.channels, frames))
        except (Failure, OSError) as error:  # it may vanish while we look
            failures.append(as_failure(error))
    if not candidates:
        failures.append(
            Failure(
                "There is no audio in what was dropped.",
                "The folder holds no file with an audio or video suffix.",
                "Drop audio files, or a folder that holds some.",
            )
        )
    if left_out:
        failures.append(
            Failure(
                f"{left_out} files were left out.",
                f"At most {MOST_FILES} are opened at once.",
                "Open the other folders one by one.",
            )
        )
    return Found(tuple(found), tuple(failures))


def _candidates(paths: tuple[Path, ...]) -> tuple[list[Path], int]:
    """Files to look at, each once, and how many are too many."""
    files: dict[Path, None] = {}
    for path in paths:
        inside = sorted(path.rglob("*")) if path.is_dir() else [path]
        for each in inside:
            if each == path or _is_audio_name(each):
                files[each] = None
    ordered = list(files)
    return ordered[:MOST_FILES], max(len(ordered) - MOST_FILES, 0)


def _is_audio_name(path: Path) -> bool:
    # macOS leaves "._song.wav" beside files on foreign disks; it holds no sound.
    hidden = path.name.startswith(".")
    return not hidden and path.suffix.lower() in SUFFIXES and path.is_file()

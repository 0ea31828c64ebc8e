"""Find the audio in what was dropped: files as they are, folders searched."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from engine.audio.hashing import content_hash
from engine.audio.probe import probe
from engine.tasks import Context, Failure

# In a folder only these are looked at; a file the user names is tried whatever its name.
SUFFIXES = frozenset(
    f".{name}"
    for names in (
        (
            "wav",
            "wave",
            "w64",
            "rf64",
            "aif",
            "aiff",
            "aifc",
            "caf",
            "au",
            "flac",
            "wv",
            "ape",
            "tta",
        ),
        ("ogg", "oga", "opus", "mp2", "mp3", "m4a", "m4b", "aac", "ac3", "wma"),
        ("mp4", "mov", "mkv", "webm", "avi"),
    )
    for name in names
)
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
    candidates = _candidates(paths)
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
        except Failure as failure:
            failures.append(failure)
    if not candidates:
        failures.append(
            Failure(
                "There is no audio in what was dropped.",
                "The folder holds no file with an audio or video suffix.",
                "Drop audio files, or a folder that holds some.",
            )
        )
    return Found(tuple(found), tuple(failures))


def _candidates(paths: tuple[Path, ...]) -> list[Path]:
    files: list[Path] = []
    for path in paths:
        if path.is_dir():
            inside = (each for each in sorted(path.rglob("*")) if each.suffix.lower() in SUFFIXES)
            files += [each for each in inside if each.is_file()]
        else:
            files.append(path)
    return files[:MOST_FILES]

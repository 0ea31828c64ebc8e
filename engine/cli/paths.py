"""Paths on the command line: patterns, folders, and where results go."""

from __future__ import annotations

import glob
from collections.abc import Iterable, Sequence
from pathlib import Path

from engine.tasks import Failure


def audio_files(arguments: Iterable[str]) -> list[Path]:
    """The files meant by the arguments, in order and each once.

    A folder means the audio files below it. A pattern the shell left alone (as shells on Windows
    do) is expanded. A file is taken whatever its name.

    Raises
    ------
    Failure
        If a folder or pattern holds no audio file.
    """
    files: dict[Path, None] = {}
    for argument in arguments:
        found = _meant(argument)
        if not found:
            raise Failure(
                f"There is no audio file in “{argument}”.",
                "The folder or pattern matches no file this program knows by its name.",
                "Name the files themselves.",
            )
        files |= dict.fromkeys(found)
    return list(files)


def _meant(argument: str) -> list[Path]:
    from engine.audio.finder import SUFFIXES

    path = Path(argument)
    if path.is_dir():
        below = (p for p in path.rglob("*") if p.suffix.lower() in SUFFIXES and p.is_file())
        return sorted(below)
    if not path.exists() and glob.has_magic(argument):
        # Path.glob takes no absolute pattern.
        return sorted(Path(found) for found in glob.glob(argument, recursive=True))  # noqa: PTH207
    return [path]


def outputs_in(folder: Path, inputs: Sequence[Path], suffix: str) -> list[Path]:
    """One name in ``folder`` for each input; inputs that share a name are numbered."""
    names: set[str] = set()
    outputs = []
    for path in inputs:
        name, number = path.stem, 2
        while name.lower() in names:
            name, number = f"{path.stem}-{number}", number + 1
        names.add(name.lower())
        outputs.append(folder / f"{name}{suffix}")
    return outputs

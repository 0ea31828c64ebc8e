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


def check_output(output: Path, inputs: Iterable[Path], overwrite: bool) -> None:
    """Refuse, before any work, an output that must not or cannot be written.

    Raises
    ------
    Failure
        If it is one of the inputs, exists and ``overwrite`` is False, or has no folder.
    """
    if output.exists() and any(path.exists() and output.samefile(path) for path in inputs):
        raise Failure(
            f"“{output}” is an input itself.",
            "It would be destroyed by its own master.",
            "Name another output.",
        )
    if output.exists() and not overwrite:
        raise Failure(f"“{output}” is there already.", "It was left as it is.", "Use --overwrite.")
    if not output.parent.is_dir():
        raise Failure(
            f"There is no folder “{output.parent}”.",
            "The result would have nowhere to go.",
            "Make the folder or name another.",
        )

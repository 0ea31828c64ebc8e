"""``audiobench dataset``: what a collection to learn from is like."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from engine.cli.command import DONE, Command, UsageError
from engine.cli.paths import check_output
from engine.cli.terminal import Terminal
from engine.tasks import Context

if TYPE_CHECKING:
    from engine.mastering.data.songs import Recordings, Songs
    from engine.mastering.data.split import Split
    from engine.mastering.data.statistics import StatisticsSettings

SUFFIXES = (".html", ".htm", ".json")
DESCRIPTION = """\
Measure a collection of good songs and the degradations a model learns to undo on it.

  audiobench dataset --folder songs/ --report songs.html
  audiobench dataset --procedural 50
  audiobench dataset --recipe recipe.toml --limit 100

Prints spectrum, loudness, dynamics and width of the songs, how they are split for training, and
what is left of each kind of degradation when nothing is done about it.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of ``dataset``."""
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--folder", type=Path, metavar="FOLDER", help="audio files of good songs")
    source.add_argument(
        "--procedural", type=int, metavar="N", help="N songs composed by the machine"
    )
    source.add_argument(
        "--recipe", type=Path, metavar="FILE", help="the songs of a recipe for training"
    )
    parser.add_argument("--limit", type=int, metavar="N", help="most songs, spread over all")
    parser.add_argument(
        "--seconds", type=float, default=30.0, metavar="S", help="heard of each song (default 30)"
    )
    parser.add_argument(
        "--draws", type=int, default=300, metavar="N", help="per kind and tier (default 300)"
    )
    parser.add_argument("--seed", type=int, default=0, help="of draws, split and songs (default 0)")
    parser.add_argument("--report", type=Path, metavar="FILE", help="write .html or .json")
    parser.add_argument("--overwrite", action="store_true", help="replace an existing report")


def run(arguments: argparse.Namespace, terminal: Terminal) -> int:
    """Measure, tell, write."""
    from engine.mastering.data import dataset_report as report
    from engine.mastering.data.statistics import describe

    settings = _settings(arguments)
    if arguments.report is not None:
        if arguments.report.suffix.lower() not in SUFFIXES:
            raise UsageError("--report takes a name that ends in .html or .json")
        check_output(arguments.report, (), arguments.overwrite)
    with terminal.context("Measuring", seed=arguments.seed) as context:
        collection = _collection(arguments, terminal, context.part(0.0, 0.05, "Searching"))
        found = describe(collection.songs, settings, context.part(0.05, 1.0), collection.parts)
    for sentence in found.failures:
        terminal.note(sentence)
    terminal.say(
        f"{collection.title}: {len(found.songs)} songs of {found.groups} groups, "
        f"{report.length(found.duration_s)}"
    )
    terminal.say()
    terminal.table(report.measure_rows(found), right=frozenset(range(2, 6)))
    terminal.say()
    terminal.table(report.split_rows(found), right=frozenset((1, 2)))
    terminal.say()
    terminal.say("What doing nothing costs")
    terminal.table(report.harm_rows(found), right=frozenset(range(2, 7)))
    if arguments.report is not None:
        report.write_report(found, arguments.report, collection.title)
        terminal.say(f"Wrote {arguments.report}.")
    terminal.emit({"title": collection.title} | found.to_dict())
    return DONE


def _settings(arguments: argparse.Namespace) -> StatisticsSettings:
    from engine.mastering.data.statistics import StatisticsSettings

    if not 1.0 <= arguments.seconds <= 600.0:
        raise UsageError("--seconds goes from 1 to 600")
    if not 2 <= arguments.draws <= 100_000:
        raise UsageError("--draws goes from 2 to 100000")
    if arguments.limit is not None and arguments.limit < 1:
        raise UsageError("--limit starts at 1")
    if arguments.seed < 0:
        raise UsageError("--seed starts at 0")
    return StatisticsSettings(
        seconds=arguments.seconds,
        draws=arguments.draws,
        limit=arguments.limit,
        seed=arguments.seed,
    )


class _Collection(NamedTuple):
    """Songs, what they are called, and how they are split; None for the usual way."""

    songs: Songs
    title: str
    parts: Mapping[Split, Sequence[str]] | None = None


def _collection(arguments: argparse.Namespace, terminal: Terminal, context: Context) -> _Collection:
    from engine.mastering.data.songs import ProceduralSongs

    if arguments.procedural is not None:
        if not 1 <= arguments.procedural <= 100_000:
            raise UsageError("--procedural goes from 1 to 100000")
        seeds = range(arguments.seed, arguments.seed + arguments.procedural)
        return _Collection(ProceduralSongs(seeds, arguments.seconds), "Procedural songs")
    if arguments.recipe is not None:
        return _of_recipe(arguments.recipe, terminal, context)
    folder = arguments.folder
    return _Collection(_recordings(folder, terminal, context), folder.resolve().name or str(folder))


def _of_recipe(path: Path, terminal: Terminal, context: Context) -> _Collection:
    """The songs a training would use, split as it would."""
    from engine.mastering.data.songs import ProceduralSongs, Together
    from engine.mastering.data.split import Split, divide
    from engine.mastering.train.collection import VALIDATION_SEED
    from engine.mastering.train.settings import DataSettings
    from engine.training.recipe import load_recipe, section

    recipe = load_recipe(path)
    data = section(recipe, "data", DataSettings)
    parts: dict[Split, tuple[str, ...]] = dict.fromkeys(Split, ())
    sources: list[Songs] = []
    for split, first, count in (
        (Split.TRAIN, data.first_seed, data.songs),
        (Split.VALIDATION, VALIDATION_SEED, data.validation_songs if data.songs else 0),
    ):
        composed = ProceduralSongs(range(first, first + count), data.seconds)
        sources.append(composed)
        parts[split] += composed.names
    if data.folder is not None:
        recordings = _recordings(data.folder, terminal, context)
        sources.append(recordings)
        for split, names in divide(recordings).items():
            parts[split] += names
    return _Collection(Together(*sources), recipe.name, parts)


def _recordings(folder: Path, terminal: Terminal, context: Context) -> Recordings:
    from engine.mastering.data.songs import Recordings

    recordings = Recordings(folder, context=context)
    for failure in recordings.failures:
        terminal.note(str(failure))
    for name, seconds in recordings.too_short.items():
        terminal.note(f"{name}: {seconds:.1f} s are too short; left out.")
    for name, first in recordings.duplicates.items():
        terminal.note(f"{name}: the same as {first}; left out.")
    return recordings


COMMAND = Command(
    "dataset", "what a collection to learn from is like", add_arguments, run, DESCRIPTION
)

"""``audiobench info``: what a file is and how loud it is."""

from __future__ import annotations

import argparse
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.audio.info import AudioInfo
from engine.cli.command import DONE, FAILED, Command
from engine.cli.paths import audio_files
from engine.cli.terminal import Terminal, decibels, duration
from engine.tasks import Cancelled, Context

if TYPE_CHECKING:
    from engine.audio.loudness import Loudness

DESCRIPTION = """\
Print format, length and loudness of audio files.

Loudness follows ITU-R BS.1770-4 and EBU R 128: integrated (LUFS-I), range (LRA), true peak.
Folders are searched for audio. With --json: {"files": [...]}, one record for each file; a level
that does not exist (silence) is null.
"""


@dataclass(frozen=True, slots=True)
class Report:
    """A file and its loudness; both are what decoding all of it showed."""

    info: AudioInfo
    loudness: Loudness

    def document(self) -> dict[str, Any]:
        """Plain values for JSON."""
        info = {item.name: getattr(self.info, item.name) for item in fields(self.info)}
        info |= {"path": str(self.info.path), "metadata": dict(self.info.metadata)}
        return info | asdict(self.loudness) | {"note": self.loudness.note}


def describe(path: Path, context: Context) -> Report:
    """Decode a file once, measuring as it goes; a task."""
    from engine.audio.loudness import LoudnessMeter
    from engine.audio.reader import open_reader

    with open_reader(path) as reader:
        meter = LoudnessMeter(reader.info.rate, reader.info.channels)
        expected = (reader.info.duration_s or 0.0) * reader.info.rate
        done = 0
        for block in reader.blocks():
            context.checkpoint()
            meter.push(block)
            done += block.shape[1]
            context.report(done, expected)
        return Report(reader.info, meter.result())


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of ``info``."""
    parser.add_argument("files", nargs="+", metavar="FILE", help="audio files or folders")


def run(arguments: argparse.Namespace, terminal: Terminal) -> int:
    """Describe every file; goes on after one that cannot be read."""
    documents: list[dict[str, Any]] = []
    failed = False
    paths = audio_files(arguments.files)
    for number, path in enumerate(paths):
        try:
            with terminal.context(path.name) as context:
                report = describe(path, context)
        except Cancelled:
            raise
        except Exception as error:  # the other files are still to be described
            failed = True
            documents.append({"path": str(path), "error": terminal.fail(error)})
            continue
        documents.append(report.document())
        if number:
            terminal.say()
        _print(report, terminal)
    terminal.emit({"files": documents})
    return FAILED if failed else DONE


def _print(report: Report, terminal: Terminal) -> None:
    info, loudness = report.info, report.loudness
    depth = info.sample_format if info.bits is not None else "lossy"
    names = dict.fromkeys((info.container.upper(), info.codec.upper(), depth))
    rows = [
        ("File", str(info.path)),
        ("Format", ", ".join(names)),
        ("Rate", f"{info.rate} Hz"),
        ("Channels", str(info.channels)),
        ("Length", f"{duration(info.duration_s or 0.0)} ({info.frames} frames)"),
        ("Bit rate", f"{info.bit_rate / 1000:.0f} kbit/s" if info.bit_rate else "unknown"),
        ("Integrated", decibels(loudness.integrated_lufs, "LUFS")),
        ("Range", f"{loudness.range_lu:.1f} LU"),
        ("Momentary max", decibels(loudness.max_momentary_lufs, "LUFS")),
        ("Short-term max", decibels(loudness.max_short_term_lufs, "LUFS")),
        ("True peak", decibels(loudness.true_peak_dbtp, "dBTP")),
        ("Sample peak", decibels(loudness.sample_peak_dbfs, "dBFS")),
    ]
    rows += [(name.capitalize(), value) for name, value in info.metadata.items()]
    terminal.table(rows)
    for text in (loudness.note, info.damage):
        if text:
            terminal.note(f"{info.path.name}: {text}")
    if info.nonfinite_samples:
        terminal.note(
            f"{info.path.name}: {info.nonfinite_samples} samples are no numbers; read as silence."
        )


COMMAND = Command("info", "what a file is and how loud it is", add_arguments, run, DESCRIPTION)

"""What ``audiobench master`` was asked for: arguments, files, format, parameters."""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.cli.command import UsageError
from engine.cli.paths import audio_files, outputs_in
from engine.mastering.parameters import ChainParameters
from engine.tasks import Failure

if TYPE_CHECKING:
    from engine.audio.export_format import ExportFormat

FORMATS = ("wav", "flac", "mp3", "opus", "aac")
REPORT_SUFFIXES = (".json", ".html")


@dataclass(frozen=True, slots=True)
class Item:
    """One file to master, where to, and where its report goes."""

    source: Path
    output: Path
    report: Path | None


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of ``master``."""
    parser.add_argument("paths", nargs="*", metavar="PATH", help="IN OUT, or inputs with --out-dir")
    parser.add_argument("-o", "--out-dir", type=Path, metavar="DIR", help="folder for many outputs")
    parser.add_argument("--overwrite", action="store_true", help="replace files that exist")
    parser.add_argument(
        "--report",
        metavar="R",
        help="R.json or R.html; with --out-dir “json” or “html”, written beside each output",
    )
    aim = parser.add_argument_group("what to aim at")
    aim.add_argument("--preset", default="balanced", help="tonal-balance preset (%(default)s)")
    aim.add_argument("--list-presets", action="store_true", help="print the presets and stop")
    aim.add_argument(
        "--reference",
        action="append",
        default=[],
        type=Path,
        metavar="REF",
        help="track to sound like, instead of a preset; may be given several times",
    )
    aim.add_argument(
        "--lufs",
        type=_between(-70.0, 0.0),
        help="integrated loudness (the preset's, mostly -14)",
    )
    aim.add_argument(
        "--ceiling", type=_between(-24.0, 0.0), help="true-peak ceiling in dBTP (the preset's, -1)"
    )
    aim.add_argument(
        "--amount",
        type=_between(0.0, 1.5),
        default=1.0,
        help="how much of tone, dynamics and width to apply, 0 to 1.5 (%(default)s)",
    )
    aim.add_argument(
        "--parameters",
        type=Path,
        metavar="P.json",
        help="use these parameters, or those of a JSON report, instead of fitting",
    )
    aim.add_argument(
        "--keep-gain",
        action="store_true",
        help="with --parameters: keep their limiter gain instead of meeting --lufs",
    )
    aim.add_argument("--seed", type=int, default=0, help="of the dither (%(default)s)")
    form = parser.add_argument_group("what to write")
    form.add_argument("--format", choices=FORMATS, help="instead of what OUT ends in")
    form.add_argument("--bits", type=int, choices=(16, 24, 32), help="16, 24, 32 float (24)")
    form.add_argument("--bit-rate", type=_bit_rate, help="of lossy formats: 192k or 192000")
    form.add_argument("--no-dither", action="store_true", help="round to 16 and 24 bit undithered")
    form.add_argument("--rate", type=int, metavar="HZ", help="sample rate (the input's)")


def plan(arguments: argparse.Namespace) -> list[Item]:
    """What to master and where to.

    Raises
    ------
    UsageError
        If the arguments do not fit together.
    Failure
        If a folder holds no audio.
    """
    if arguments.keep_gain and not arguments.parameters:
        raise UsageError("--keep-gain needs --parameters")
    if arguments.keep_gain and arguments.lufs is not None:
        raise UsageError("--keep-gain and --lufs exclude each other")
    paths, report = arguments.paths, arguments.report
    if arguments.out_dir is None:
        if len(paths) != 2:
            raise UsageError("name an input and an output, or inputs and --out-dir")
        if report and Path(report).suffix.lower() not in REPORT_SUFFIXES:
            raise UsageError("a report ends in .json or .html")
        return [Item(Path(paths[0]), Path(paths[1]), Path(report) if report else None)]
    if not paths:
        raise UsageError("name at least one input")
    if report and f".{report}" not in REPORT_SUFFIXES:
        raise UsageError("with --out-dir, --report is json or html")
    from engine.audio.export_format import CONTAINERS

    inputs = audio_files(paths)
    suffix = CONTAINERS[arguments.format or "wav"].suffix
    outputs = outputs_in(arguments.out_dir, inputs, suffix)
    return [
        Item(source, output, output.with_suffix(f".{report}") if report else None)
        for source, output in zip(inputs, outputs, strict=True)
    ]


def export_format(arguments: argparse.Namespace, output: Path) -> ExportFormat:
    """The format asked for by options and file name; raises Failure if there is none such."""
    from engine.audio.export_format import ExportFormat

    options: dict[str, Any] = {
        "bit_rate": arguments.bit_rate,
        "dither": not arguments.no_dither,
        "rate": arguments.rate,
    }
    if arguments.bits is not None:
        options["bits"] = arguments.bits
    if arguments.format is not None:
        return ExportFormat(arguments.format, **options)
    return ExportFormat.for_path(output, **options)


def read_parameters(path: Path) -> ChainParameters:
    """Chain parameters from their own JSON file or from a report."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        detail = error.strerror if isinstance(error, OSError) else error
        raise Failure(
            f"The parameters {path.name} could not be read.",
            f"{detail}.",
            "Use a JSON report or parameters that audiobench wrote.",
        ) from error
    if isinstance(data, dict) and isinstance(data.get("parameters"), dict):
        data = data["parameters"]
    return ChainParameters.from_dict(data)


def _between(low: float, high: float) -> Callable[[str], float]:
    """An argument type: a number within limits."""

    def number(text: str) -> float:
        value = float(text)
        if not math.isfinite(value) or not low <= value <= high:
            raise argparse.ArgumentTypeError(f"{text} is not between {low:g} and {high:g}")
        return value

    return number


def _bit_rate(text: str) -> int:
    """An argument type: bits per second, ``192k`` or ``192000``."""
    number = float(text.lower().removesuffix("k"))
    return round(number * (1000 if text.lower().endswith("k") else 1))

"""What ``audiobench master`` is to do: files, reports, format, parameters."""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.cli.command import UsageError
from engine.cli.paths import audio_files, outputs_in
from engine.mastering.parameters import ChainParameters
from engine.tasks import Failure

if TYPE_CHECKING:
    from engine.audio.export_format import ExportFormat

REPORT_SUFFIXES = (".json", ".html")


@dataclass(frozen=True, slots=True)
class Item:
    """One file to master, where to, and where its report goes."""

    source: Path
    output: Path
    report: Path | None


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
    if arguments.weight and len(arguments.weight) != len(arguments.reference):
        raise UsageError("give one --weight for each --reference, or none")
    if arguments.refine and arguments.parameters:
        raise UsageError("--refine and --parameters exclude each other")
    if arguments.album and arguments.out_dir is None:
        raise UsageError("--album needs --out-dir")
    if arguments.album and arguments.parameters:
        raise UsageError("--album and --parameters exclude each other")
    if arguments.save_preset and arguments.out_dir is not None and not arguments.reference:
        raise UsageError("--save-preset needs --reference, or one input and one output")
    paths, report = arguments.paths, arguments.report
    if arguments.out_dir is None:
        if len(paths) != 2:
            hint = "; repeat --reference for each reference" if arguments.reference else ""
            raise UsageError(f"name an input and an output, or inputs and --out-dir{hint}")
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

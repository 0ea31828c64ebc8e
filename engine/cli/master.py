"""``audiobench master``: master one file, or many."""

from __future__ import annotations

import argparse
import time
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from engine.cli.command import DONE, FAILED, Command
from engine.cli.info import describe
from engine.cli.mastering_plan import Item, add_arguments, export_format, plan, read_parameters
from engine.cli.paths import check_output
from engine.cli.terminal import Terminal, decibels, duration
from engine.locations import Locations
from engine.mastering.parameters import Amounts, ChainParameters
from engine.tasks import Cancelled, Context

if TYPE_CHECKING:
    from engine.audio.export_format import ExportFormat
    from engine.audio.loudness import Loudness
    from engine.audio.writer import WrittenAudio
    from engine.mastering.master import MasterResult

CACHE_BUDGET_BYTES = 10 * 10**9
CEILING_TOLERANCE_DB = 0.05

DESCRIPTION = """\
Master audio: fit equalizer, dynamics and width to a preset or to reference tracks, then meet a
loudness under a true-peak ceiling.

  audiobench master song.wav song-master.wav
  audiobench master song.wav out.flac --reference good.wav --lufs -11 --report report.html
  audiobench master *.wav --out-dir mastered --format mp3

The format follows the ending of OUT. With --out-dir every other path is an input (folders are
searched), outputs carry the inputs' names, and the next file is mastered even if one fails.
An existing file is left alone unless --overwrite is given, and is never replaced by half a
file. An input is never overwritten.
"""


@dataclass(frozen=True, slots=True)
class Mastered:
    """One file that was mastered.

    ``delivered`` is measured on the file, ``told`` what the task warned of on its way.
    """

    item: Item
    result: MasterResult
    written: WrittenAudio
    seconds: float
    delivered: Loudness
    told: tuple[str, ...]

    @property
    def warnings(self) -> tuple[str, ...]:
        """What the user should know about the file."""
        texts = [*self.told, *self.result.warnings]
        if self.written.clipped_samples:
            texts.append(f"{self.written.clipped_samples} samples were clipped.")
        over_db = self.delivered.true_peak_dbtp - self.result.target.ceiling_dbtp
        if over_db > CEILING_TOLERANCE_DB:
            texts.append(
                f"In this format the true peak is {self.delivered.true_peak_dbtp:.1f} dBTP,"
                f" {over_db:.1f} dB over the ceiling; lower --ceiling by as much."
            )
        return tuple(texts)


def run(arguments: argparse.Namespace, terminal: Terminal) -> int:
    """Master everything that was asked for."""
    if arguments.list_presets:
        return _list_presets(terminal)
    items = plan(arguments)
    parameters = read_parameters(arguments.parameters) if arguments.parameters else None
    done: list[Mastered] = []
    documents: list[dict[str, Any]] = []
    try:
        for number, item in enumerate(items, start=1):
            label = f"[{number}/{len(items)}] " if len(items) > 1 else ""
            try:
                mastered = _master(arguments, terminal, item, parameters, label)
            except Cancelled:
                raise
            except Exception as error:  # the other files are still to be mastered
                about = f"{item.source.name}: " if len(items) > 1 else ""
                documents.append({"source": str(item.source), "error": terminal.fail(error, about)})
                continue
            done.append(mastered)
            documents.append(document(mastered))
            _tell(mastered, terminal, label)
    finally:
        if len(items) > 1:
            _summarise(items, done, terminal)
        terminal.emit({"files": documents})
    return DONE if len(done) == len(items) else FAILED


def document(mastered: Mastered) -> dict[str, Any]:
    """One mastered file as plain data."""
    from engine.report import as_dict

    written = mastered.written
    return as_dict(mastered.result) | {
        "source": str(mastered.item.source),
        "output": str(written.path),
        "format": written.format.container,
        "rate": written.rate,
        "frames": written.frames,
        "clipped_samples": written.clipped_samples,
        "delivered": asdict(mastered.delivered),
        "warnings": mastered.warnings,
        "seconds": round(mastered.seconds, 3),
    }


def _master(
    arguments: argparse.Namespace,
    terminal: Terminal,
    item: Item,
    parameters: ChainParameters | None,
    label: str,
) -> Mastered:
    """Master one file and write its report."""
    form = export_format(arguments, item.output)
    if arguments.out_dir is not None:
        arguments.out_dir.mkdir(parents=True, exist_ok=True)
    check_output(item.output, [item.source, *arguments.reference], arguments.overwrite)
    if item.report is not None:
        check_output(item.report, [item.source, item.output], arguments.overwrite)
    began = time.monotonic()
    with terminal.context(f"{label}{item.source.name}", seed=arguments.seed) as context:
        result, written = _master_to_file(arguments, item, parameters, form, context.part(0, 0.95))
        # A lossy codec or another rate moves the peaks: what counts is what is in the file.
        changed = not form.kind.bits or written.rate != result.rendered.rate
        measuring = context.part(0.95, 1.0, "Checking the file")
        delivered = describe(written.path, measuring).loudness if changed else result.after
    seconds = time.monotonic() - began
    mastered = Mastered(item, result, written, seconds, delivered, tuple(context.warnings))
    if item.report is not None:
        from engine.report import write_report

        write_report(replace(result, warnings=mastered.warnings), item.report)
    return mastered


def _master_to_file(
    arguments: argparse.Namespace,
    item: Item,
    parameters: ChainParameters | None,
    form: ExportFormat,
    context: Context,
) -> tuple[MasterResult, WrittenAudio]:
    from engine.cache import Cache
    from engine.mastering.master import MasterSpec, master_to_file

    context.report(0.0, 0.0, "Loading")
    spec = MasterSpec(
        source=item.source,
        cache=Cache(Locations.standard().cache, CACHE_BUDGET_BYTES),
        target=arguments.preset,
        references=tuple(arguments.reference),
        lufs=arguments.lufs,
        ceiling_dbtp=arguments.ceiling,
        amounts=Amounts(overall=arguments.amount),
        parameters=parameters,
        keep_gain=arguments.keep_gain,
    )
    return master_to_file(spec, item.output, form, context)


def _tell(mastered: Mastered, terminal: Terminal, label: str) -> None:
    """Say what was done to one file."""
    result, written = mastered.result, mastered.written
    before, after = result.before, mastered.delivered
    rows = [
        ("", "before", "after"),
        *(
            (name, decibels(getattr(before, field), unit), decibels(getattr(after, field), unit))
            for name, field, unit in (
                ("Integrated", "integrated_lufs", "LUFS"),
                ("Range", "range_lu", "LU"),
                ("True peak", "true_peak_dbtp", "dBTP"),
            )
        ),
    ]
    terminal.say(f"{label}{mastered.item.source.name} -> {mastered.item.output}")
    if not label:
        terminal.table(rows, right=frozenset((1, 2)))
        for text in result.explanation.values():
            terminal.say(text)
        length = duration(written.frames / written.rate)
        bits = f" {written.format.bits} bit" if written.format.kind.bits else ""
        kind = f"{written.format.kind.label}{bits}, {written.rate} Hz, {length}"
        terminal.say(f"Wrote {written.path} ({kind}) in {mastered.seconds:.1f} s.")
        if mastered.item.report is not None:
            terminal.say(f"Wrote {mastered.item.report}.")
    for warning in mastered.warnings:
        terminal.note(f"{mastered.item.source.name}: {warning}")


def _summarise(items: list[Item], done: list[Mastered], terminal: Terminal) -> None:
    rows = [("File", "before", "after", "true peak", "took")]
    finished = {mastered.item.source: mastered for mastered in done}
    for item in items:
        mastered = finished.get(item.source)
        if mastered is None:
            rows.append((item.source.name, "", "not done", "", ""))
            continue
        before, after = mastered.result.before, mastered.delivered
        rows.append(
            (
                item.source.name,
                decibels(before.integrated_lufs, "LUFS"),
                decibels(after.integrated_lufs, "LUFS"),
                decibels(after.true_peak_dbtp, "dBTP"),
                f"{mastered.seconds:.1f} s",
            )
        )
    terminal.say()
    terminal.table(rows, right=frozenset((1, 2, 3, 4)))
    terminal.say(f"{len(done)} of {len(items)} mastered.")


def _list_presets(terminal: Terminal) -> int:
    from engine.mastering.targets import presets

    known = presets()
    terminal.table([(preset.name, preset.title, preset.description) for preset in known])
    terminal.emit({"presets": [asdict(preset) for preset in known]})
    return DONE


COMMAND = Command("master", "master audio files", add_arguments, run, DESCRIPTION)

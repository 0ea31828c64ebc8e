"""What ``audiobench master`` says: one file, many files, an album, presets."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from engine.cli.command import DONE
from engine.cli.mastering_plan import Item
from engine.cli.terminal import Terminal, decibels, duration
from engine.locations import Locations

if TYPE_CHECKING:
    from engine.audio.loudness import Loudness
    from engine.audio.writer import WrittenAudio
    from engine.mastering.album import AlbumResult
    from engine.mastering.master_spec import MasterResult

CEILING_TOLERANCE_DB = 0.05


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
        return tuple(dict.fromkeys(texts))

    @property
    def document(self) -> dict[str, Any]:
        """The file as plain data."""
        from engine.report import as_dict

        written = self.written
        return as_dict(self.result) | {
            "source": str(self.item.source),
            "output": str(written.path),
            "format": written.format.container,
            "rate": written.rate,
            "frames": written.frames,
            "clipped_samples": written.clipped_samples,
            "delivered": asdict(self.delivered),
            "warnings": self.warnings,
            "seconds": round(self.seconds, 3),
        }


def tell(mastered: Mastered, terminal: Terminal, label: str) -> None:
    """Say what was done to one file; in brief where it is one of many."""
    result, written = mastered.result, mastered.written
    terminal.say(f"{label}{mastered.item.source.name} -> {mastered.item.output}")
    if not label:
        _tell_loudness(result.before, mastered.delivered, terminal)
        for text in result.explanation.values():
            terminal.say(text)
        rows = [(effect.stage, effect.text) for effect in result.effects if effect.active]
        if rows:
            terminal.say("Measured on the audio:")
            terminal.table([(f"  {stage}", text) for stage, text in rows])
        length = duration(written.frames / written.rate)
        bits = f" {written.format.bits} bit" if written.format.kind.bits else ""
        kind = f"{written.format.kind.label}{bits}, {written.rate} Hz, {length}"
        terminal.say(f"Wrote {written.path} ({kind}) in {mastered.seconds:.1f} s.")
        if mastered.item.report is not None:
            terminal.say(f"Wrote {mastered.item.report}.")
    for warning in mastered.warnings:
        terminal.note(f"{mastered.item.source.name}: {warning}")


def tell_album(album: AlbumResult, terminal: Terminal) -> None:
    """Say what was done to all tracks together."""
    before, after = decibels(album.before_lufs, "LUFS"), decibels(album.after_lufs, "LUFS")
    gain = f"{album.gain_db:+.1f} dB for every track"
    terminal.say(f"The album went from {before} to {after}: {gain}, their differences kept.")


def summarise(items: Sequence[Item], done: Sequence[Mastered], terminal: Terminal) -> None:
    """Say what became of many files."""
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
                f"{mastered.seconds:.1f} s" if math.isfinite(mastered.seconds) else "",
            )
        )
    terminal.say()
    terminal.table(rows, right=frozenset((1, 2, 3, 4)))
    terminal.say(f"{len(done)} of {len(items)} mastered.")


def list_presets(terminal: Terminal) -> int:
    """Say which presets there are, built-in and one's own."""
    from engine.mastering.match import presets

    known = presets(Locations.standard())
    terminal.table([(preset.name, preset.title, preset.description) for preset in known])
    terminal.emit({"presets": [asdict(preset) for preset in known]})
    return DONE


def _tell_loudness(before: Loudness, after: Loudness, terminal: Terminal) -> None:
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
    terminal.table(rows, right=frozenset((1, 2)))

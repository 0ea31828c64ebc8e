"""What a person wants to have exported; the library carries it out."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from engine.audio.export_format import ExportFormat


class ExportWhat(StrEnum):
    """Which sound of a clip is written."""

    MASTER = "master"
    LIVE = "live"
    ORIGINAL = "original"


@dataclass(frozen=True, slots=True)
class ExportRequest:
    """One export.

    Parameters
    ----------
    what
        The finished rendering, the numbers as they stand now, or the source.
    path
        The file to write.
    format
        How to write it.
    report_html, report_json
        Whether a report is written beside it, under the same name.
    """

    what: ExportWhat
    path: Path
    format: ExportFormat
    report_html: bool = False
    report_json: bool = False

    @property
    def reports(self) -> tuple[Path, ...]:
        """The report files asked for."""
        wanted = ((self.report_html, ".html"), (self.report_json, ".json"))
        return tuple(self.path.with_suffix(suffix) for there, suffix in wanted if there)

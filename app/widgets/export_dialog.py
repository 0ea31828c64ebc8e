"""The export dialog: which sound, in which form, where to."""

from __future__ import annotations

import os
from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtGui import QStandardItemModel
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QFileDialog,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from app.document.state import ClipEntry
from app.export_request import ExportRequest, ExportWhat
from engine.audio.export_format import CONTAINERS, ExportFormat
from engine.tasks import Failure

RATES = (44100, 48000, 88200, 96000)
DEPTHS = ((16, "16 bit"), (24, "24 bit"), (32, "32 bit float"))
BIT_RATES_KBPS = (64, 96, 128, 160, 192, 256, 320)
WHATS = {
    ExportWhat.MASTER: ("Master", "The finished rendering"),
    ExportWhat.LIVE: ("Live numbers", "The chain with the numbers as they stand now"),
    ExportWhat.ORIGINAL: ("Original", "The source, converted only"),
}


class ExportDialog(QDialog):
    """Asks how a clip shall be exported; :meth:`request` is the answer.

    What cannot be chosen is grey and says why in its tool tip; what stands in the way of the
    export is written above the buttons.

    Parameters
    ----------
    clip
        The clip to export.
    has_master
        Whether there is a finished rendering of its present numbers.
    """

    def __init__(self, clip: ClipEntry, has_master: bool, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(f"Export {clip.name}")
        self.setMinimumWidth(520)
        self._clip = clip
        self.sound = self._combo("What to export")
        for what, (title, hint) in WHATS.items():
            self.sound.addItem(title, what)
            self.sound.setItemData(self.sound.count() - 1, hint, Qt.ItemDataRole.ToolTipRole)
        if not has_master:
            _forbid(self.sound, 0, "There is no rendering of the present numbers: press Master.")
        self.sound.setCurrentIndex(
            0 if has_master else 1 if clip.mastering.parameters is not None else 2
        )
        self.container = self._combo("Format")
        for name, kind in CONTAINERS.items():
            self.container.addItem(kind.label, name)
        self.bit_depth = self._combo("Bit depth")
        for bits, title in DEPTHS:
            self.bit_depth.addItem(title, bits)
        self.bit_depth.setCurrentIndex(1)
        self.bit_rate = self._combo("Bit rate")
        self.bit_rate.addItem("Automatic (transparent)", None)
        for kbps in BIT_RATES_KBPS:
            self.bit_rate.addItem(f"{kbps} kbit/s", kbps * 1000)
        self.rate = self._combo("Sample rate")
        self.rate.addItem(f"Keep ({clip.rate / 1000:g} kHz)", None)
        for rate in RATES:
            self.rate.addItem(f"{rate / 1000:g} kHz", rate)
        self.dither = QCheckBox("Triangular dither", self)
        self.dither.setChecked(True)
        self.dither.setAccessibleName("Dither")
        self.path = QLineEdit(self)
        self.path.setAccessibleName("Destination")
        self.browse = QPushButton("Browse…", self)
        self.browse.setAccessibleName("Browse for the destination")
        self.report_html = QCheckBox("HTML report", self)
        self.report_json = QCheckBox("JSON report", self)
        for report in (self.report_html, self.report_json):
            report.setAccessibleName(report.text())
            report.setToolTip("Loudness, peaks and tonal balance before and after, bands used")
        self.report_html.setChecked(True)
        self.note = QLabel(self)
        self.note.setWordWrap(True)
        self.note.setAccessibleName("Notes on this export")
        self.buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel, self)
        self.go = self.buttons.addButton("Export", QDialogButtonBox.ButtonRole.AcceptRole)
        self.go.setProperty("primary", True)
        self._lay_out()
        self.path.setText(str(self._proposal()))
        self._proposed = self.path.text()
        self.sound.currentIndexChanged.connect(self._propose)
        self.container.currentIndexChanged.connect(self._change_container)
        for box in (self.bit_depth, self.bit_rate, self.rate):
            box.currentIndexChanged.connect(self._refresh)
        self.path.textChanged.connect(self._refresh)
        for tick in (self.report_html, self.report_json):
            tick.toggled.connect(self._refresh)
        self.browse.clicked.connect(self._ask)
        self.buttons.accepted.connect(self.accept)
        self.buttons.rejected.connect(self.reject)
        self._change_container()

    def request(self) -> ExportRequest:
        """What was asked for.

        Raises
        ------
        Failure
            If the format cannot be; the dialog does not let that be accepted.
        """
        container = str(self.container.currentData())
        lossless = bool(CONTAINERS[container].bits)
        return ExportRequest(
            ExportWhat(self.sound.currentData()),
            Path(self.path.text().strip()).expanduser(),
            ExportFormat(
                container,
                bits=int(self.bit_depth.currentData()) if lossless else 24,
                bit_rate=None if lossless else self.bit_rate.currentData(),
                dither=self.dither.isChecked() and self.dither.isEnabled(),
                rate=self.rate.currentData(),
            ),
            report_html=self.report_html.isChecked(),
            report_json=self.report_json.isChecked(),
        )

    # -- what goes together ----------------------------------------------------------------

    def _change_container(self) -> None:
        kind = CONTAINERS[str(self.container.currentData())]
        for index, (bits, title) in enumerate(DEPTHS):
            if kind.bits and bits not in kind.bits:
                _forbid(self.bit_depth, index, f"{kind.label} has no {title}.")
            else:
                _allow(self.bit_depth, index)
        for index, rate in enumerate(RATES, start=1):
            if kind.rates and rate not in kind.rates:
                _forbid(self.rate, index, f"{kind.label} has no {rate / 1000:g} kHz.")
            else:
                _allow(self.rate, index)
        for box in (self.bit_depth, self.rate):
            if not _allowed(box, box.currentIndex()):
                box.setCurrentIndex(next(i for i in range(box.count()) if _allowed(box, i)))
        self._enable(self.bit_depth, bool(kind.bits), f"{kind.label} has no fixed depth.")
        self._enable(self.bit_rate, not kind.bits, f"{kind.label} is lossless.")
        path = Path(self.path.text())
        if path.suffix.lower() in {each.suffix for each in CONTAINERS.values()}:
            moved = str(path.with_suffix(kind.suffix))
            self._proposed = moved if self.path.text() == self._proposed else self._proposed
            self.path.setText(moved)
        self._refresh()

    def _refresh(self) -> None:
        kind = CONTAINERS[str(self.container.currentData())]
        if kind.bits:
            floats = self.bit_depth.currentData() == 32
            self._enable(self.dither, not floats, "Floating point needs no dither.")
        else:
            self._enable(self.dither, False, "The encoder takes floating point: no dither needed.")
        trouble, warning = self._trouble(), ""
        if not trouble:
            request = self.request()
            there = [each.name for each in (request.path, *request.reports) if each.exists()]
            if there:
                warning = f"Already there and will be replaced: {', '.join(there)}."
            else:
                rate = request.format.rate_for(self._clip.rate)
                if rate != self._clip.rate:
                    warning = f"The audio will be resampled to {rate / 1000:g} kHz."
        self.note.setText(trouble or warning)
        self.note.setProperty("muted", not trouble)
        self.go.setEnabled(not trouble)
        self.go.setText("Replace" if "replaced" in warning else "Export")

    def _trouble(self) -> str:
        """Why this cannot be exported; empty when it can."""
        if not self.path.text().strip():
            return "Choose where to write the file."
        try:
            request = self.request()
            request.format.check(self._clip.rate, self._clip.channels)
        except Failure as failure:
            return str(failure)
        path = request.path
        if path.is_dir():
            return "This is a folder. Add a file name."
        if not path.parent.is_dir():
            return f"The folder {path.parent} does not exist."
        if not os.access(path.parent, os.W_OK):
            return f"The folder {path.parent} cannot be written to. Choose another one."
        if path.exists() and self._clip.path.exists() and path.samefile(self._clip.path):
            return "This is the track itself. Choose another name, so that it is not lost."
        return ""

    # -- destination -----------------------------------------------------------------------

    def _proposal(self) -> Path:
        what = WHATS[ExportWhat(self.sound.currentData())][0].lower().replace(" numbers", "")
        suffix = CONTAINERS[str(self.container.currentData())].suffix
        source = self._clip.path
        return source.with_name(f"{source.stem} - {what}{suffix}")

    def _propose(self) -> None:
        """Follow the choice of sound as long as the name is not the user's own."""
        if self.path.text() == self._proposed:
            self._proposed = str(self._proposal())
            self.path.setText(self._proposed)
        self._refresh()

    def _ask(self) -> None:
        kind = CONTAINERS[str(self.container.currentData())]
        # The dialog's own note warns of replacing; asking twice teaches to click away.
        name, _ = QFileDialog.getSaveFileName(
            self,
            "Export to",
            self.path.text(),
            f"{kind.label} (*{kind.suffix})",
            options=QFileDialog.Option.DontConfirmOverwrite,
        )
        if name:
            path = Path(name)
            self.path.setText(str(path if path.suffix else path.with_suffix(kind.suffix)))

    # -- form ------------------------------------------------------------------------------

    def _lay_out(self) -> None:
        form = QFormLayout()
        form.setVerticalSpacing(8)
        form.setHorizontalSpacing(14)
        form.addRow("What", self.sound)
        form.addRow("Format", self.container)
        form.addRow("Depth", self.bit_depth)
        form.addRow("", self.dither)
        form.addRow("Bit rate", self.bit_rate)
        form.addRow("Sample rate", self.rate)
        reports = QHBoxLayout()
        reports.addWidget(self.report_html)
        reports.addWidget(self.report_json)
        reports.addStretch(1)
        form.addRow("Report", reports)
        destination = QHBoxLayout()
        destination.addWidget(self.path, 1)
        destination.addWidget(self.browse)
        form.addRow("To", destination)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 16, 16, 12)
        layout.setSpacing(12)
        layout.addLayout(form)
        layout.addWidget(self.note)
        layout.addStretch(1)
        layout.addWidget(self.buttons)

    def _combo(self, name: str) -> QComboBox:
        box = QComboBox(self)
        box.setAccessibleName(name)
        return box

    def _enable(self, widget: QWidget, enabled: bool, why_not: str) -> None:
        widget.setEnabled(enabled)
        widget.setToolTip("" if enabled else why_not)


def _model(box: QComboBox) -> QStandardItemModel:
    model = box.model()
    assert isinstance(model, QStandardItemModel)
    return model


def _forbid(box: QComboBox, index: int, why: str) -> None:
    item = _model(box).item(index)
    item.setEnabled(False)
    item.setToolTip(why)


def _allow(box: QComboBox, index: int) -> None:
    item = _model(box).item(index)
    item.setEnabled(True)
    item.setToolTip("")


def _allowed(box: QComboBox, index: int) -> bool:
    return _model(box).item(index).isEnabled()

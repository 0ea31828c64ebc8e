"""Band usage: a folder is put before a model, and what it opens is plotted."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtGui import QCloseEvent
from PySide6.QtWidgets import (
    QComboBox,
    QDialog,
    QFileDialog,
    QHBoxLayout,
    QLabel,
    QPlainTextEdit,
    QProgressBar,
    QPushButton,
    QTabWidget,
    QVBoxLayout,
    QWidget,
)

from app.widgets.elided import ElidedLabel
from app.widgets.job_watch import JobWatch
from engine.atomic import write_text
from engine.lanes import Job, JobState
from engine.tasks import Failure, Progress

if TYPE_CHECKING:
    from engine.mastering.usage import BandUsage


@dataclass(frozen=True, slots=True)
class UsagePlots:
    """The two plots, which the panel makes, and how a result is put into them."""

    gates: QWidget
    active: QWidget
    show: Callable[[BandUsage], None]


class BandUsageDialog(QDialog):
    """Choose a model and a folder, watch the task, read the plots, export the table.

    Parameters
    ----------
    start
        Begins the task for a folder and a model.
    plots
        What shows a result.
    fail
        Tells a failure.
    """

    def __init__(
        self,
        start: Callable[[Path, str], Job],
        plots: UsagePlots,
        fail: Callable[[Failure], None],
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle("Band usage")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._start, self._plots, self._fail = start, plots, fail
        self._watched = JobWatch(self)
        self._watched.progressed.connect(self._show_progress)
        self._job: Job | None = None
        self.usage: BandUsage | None = None
        self.model = QComboBox(self)
        self.model.setAccessibleName("Model to ask")
        self.choose = QPushButton("Choose folder…", self)
        self.choose.setProperty("primary", True)
        self.choose.clicked.connect(self._ask)
        self.progress = QProgressBar(self)
        self.progress.setRange(0, 1000)
        self.progress.setFormat("%p %")
        self.progress.setAccessibleName("Band usage progress")
        self.cancel = QPushButton("Cancel", self)
        self.cancel.setAccessibleName("Cancel the analysis")
        self.cancel.clicked.connect(self._watched.cancel)
        self.export = QPushButton("Export CSV…", self)
        self.export.clicked.connect(self._ask_export)
        self.summary = ElidedLabel(self)
        self.summary.setProperty("muted", True)
        self.summary.setAccessibleName("What was found")
        self.bad = QPlainTextEdit(self)
        self.bad.setReadOnly(True)
        self.bad.setAccessibleName("Files that could not be read")
        self.tabs = QTabWidget(self)
        self.tabs.setDocumentMode(True)
        self.tabs.addTab(plots.gates, "Mean gate per band")
        self.tabs.addTab(plots.active, "Active bands per track")
        self.tabs.addTab(self.bad, "Left out")
        label = QLabel("Model", self)
        label.setProperty("muted", True)
        label.setBuddy(self.model)
        head = QHBoxLayout()
        for widget in (label, self.model, self.choose):
            head.addWidget(widget)
        head.addWidget(self.progress, 1)
        head.addWidget(self.cancel)
        head.addStretch(0)
        foot = QHBoxLayout()
        foot.addWidget(self.summary, 1)
        foot.addWidget(self.export)
        layout = QVBoxLayout(self)
        layout.addLayout(head)
        layout.addWidget(self.tabs, 1)
        layout.addLayout(foot)
        self.resize(820, 480)
        self._show_running(False)
        self.export.setEnabled(False)
        self.offer(None)

    def offer(self, models: Sequence[tuple[str, str]] | None) -> None:
        """Offer models by name and title; None while they are being looked for."""
        if self._watched.running:
            return
        self.model.clear()
        for name, title in models or ():
            self.model.addItem(title, name)
        self.choose.setEnabled(bool(models))
        if models is None:
            self.summary.setText("Looking for models…")
        elif not models:
            self.summary.setText("No model is installed: train one in the Training panel.")
        elif self.usage is None:
            self.summary.setText(
                "The model listens to every recording of a folder; its sub-folders are the groups."
            )

    def analyse(self, folder: Path) -> None:
        """Put a folder before the chosen model."""
        job = self._start(folder, str(self.model.currentData()))
        self._job = job
        job.ended.connect(lambda: self._end(job))
        self._watched.watch(job)
        self._show_running(True)
        self.summary.setText(f"Listening to {folder}")

    def closeEvent(self, event: QCloseEvent) -> None:
        """Nobody waits for the answer any more."""
        self._watched.cancel()
        self._watched.watch(None)
        self._job = None
        super().closeEvent(event)

    def show_usage(self, usage: BandUsage) -> None:
        """Plot what is known."""
        self.usage = usage
        self._plots.show(usage)
        self.export.setEnabled(True)
        tracks = len(usage.tracks)
        text = (
            f"{usage.model}: {tracks} recording{'s' * (tracks != 1)}, on average "
            f"{usage.total.mean_active:.1f} of {usage.band_count} bands open"
        )
        left_out = len(usage.failures)
        self.summary.setText(f"{text}, {left_out} left out" if left_out else text)
        self.tabs.setTabText(2, f"Left out ({left_out})" if left_out else "Left out")
        lines = "\n".join(str(failure) for failure in usage.failures)
        self.bad.setPlainText(lines or "Every file could be read.")

    def _end(self, job: Job) -> None:
        if job is not self._job:
            return
        self._job = None
        self._show_running(False)
        if job.state is JobState.DONE:
            self.show_usage(job.result)
        elif job.state is JobState.FAILED and job.failure is not None:
            self.summary.setText(job.failure.what)
            self._fail(job.failure)
        elif self.usage is not None:
            self.show_usage(self.usage)
        else:
            self.summary.setText("Cancelled.")

    def _show_progress(self, progress: Progress) -> None:
        self.progress.setValue(round(1000 * progress.fraction))
        self.summary.setText(progress.text)
        if progress.partial is not None and hasattr(progress.partial, "tracks"):
            self.usage = progress.partial
            self._plots.show(progress.partial)

    def _show_running(self, running: bool) -> None:
        self.progress.setVisible(running)
        self.cancel.setVisible(running)
        self.choose.setVisible(not running)
        self.model.setEnabled(not running)
        self.progress.setValue(0)

    def _ask(self) -> None:
        name = QFileDialog.getExistingDirectory(self, "Folder of recordings")
        if name:
            self.analyse(Path(name))

    def _ask_export(self) -> None:
        if self.usage is None:
            return
        suggested = f"band usage of {self.usage.folder.name}.csv"
        name, _ = QFileDialog.getSaveFileName(self, "Export band usage", suggested, "CSV (*.csv)")
        if name:
            self.save(Path(name))

    def save(self, path: Path) -> None:
        """Write the table."""
        if self.usage is None:
            return
        try:
            write_text(path, self.usage.to_csv())
        except OSError as error:
            self._fail(
                Failure(
                    f"The table could not be written to {path.name}.",
                    f"{error.strerror or error}.",
                    "Choose another place.",
                )
            )

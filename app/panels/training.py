"""Training panel: start, watch, hear, compare and keep trainings."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QSize, Qt, QTimer, QUrl, Signal
from PySide6.QtGui import QDesktopServices, QHideEvent, QShowEvent
from PySide6.QtWidgets import (
    QInputDialog,
    QMessageBox,
    QSplitter,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from app.commands import Command
from app.panels.base import Panel, Services
from app.run_page import RunPage
from app.training import Training
from app.training_tasks import check_recipe, find_devices
from app.widgets.training_form import TrainingForm
from app.widgets.training_owed import OwedBar
from app.widgets.training_runs import RunList
from app.widgets.training_words import name_of
from engine.lanes import Job, JobState
from engine.tasks import Failure
from engine.training.run_folder import RunFolder

Button = QMessageBox.StandardButton
MOST_STEPS = 2_000_000_000
LIST_MS = 2000


class TrainingPanel(Panel):
    """The runs on the left; on the right a new training, or the run that is chosen.

    Signals
    -------
    asked_for()
        A command wants the panel to be seen.
    """

    panel_id = "training"
    title = "Training"
    narrowest_px = 320
    asked_for = Signal()

    def __init__(
        self, services: Services, training: Training, parent: QWidget | None = None
    ) -> None:
        super().__init__(services, parent)
        self.training = training
        self._check: Job | None = None
        self._asked_devices = False
        self.runs = RunList(services.theme, self)
        self.form = TrainingForm(services.fail, self)
        self.page = RunPage(training, services.player, services.theme, services.fail, self)
        self.owed = OwedBar(self)
        self.pages = QStackedWidget(self)
        self.pages.addWidget(self.form)
        self.pages.addWidget(self.page)
        split = QSplitter(Qt.Orientation.Horizontal, self)
        split.addWidget(self.runs)
        split.addWidget(self.pages)
        split.setStretchFactor(1, 1)
        split.setSizes([230, 900])
        split.setChildrenCollapsible(False)
        self.runs.setMinimumWidth(170)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(6, 6, 6, 6)
        layout.addWidget(self.owed)
        layout.addWidget(split, 1)
        self._timer = QTimer(self)
        self._timer.setInterval(LIST_MS)
        self._timer.timeout.connect(self._look_again)
        training.changed.connect(self._show_runs)
        self.runs.chosen.connect(self._choose)
        self.runs.asked.connect(self.do)
        self.page.asked.connect(lambda word: self.do(word, self.page.folder))
        self.page.moved.connect(services.commands.refresh)
        self.form.edited.connect(self._check_recipe)
        self.form.started.connect(self._start)
        self.owed.go_on.connect(lambda folder: self.do("go_on", folder))
        self.owed.let_go.connect(training.let_go)
        self._show_runs()

    def sizeHint(self) -> QSize:
        """The size at which everything is readable."""
        return QSize(1000, 460)

    def commands(self) -> list[Command]:
        """What one can do with trainings."""
        page = self.page
        return [
            Command("training.new", "New training…", self._new, (), "Master/Training"),
            Command("training.pause", "Pause or resume", self._toggle_pause, (),
                    "Master/Training", lambda: page.running),
            Command("training.stop", "Stop", lambda: self.do("stop", page.folder), (),
                    "Master/Training", lambda: page.running),
            Command("training.go_on", "Go on", lambda: self.do("go_on", page.folder), (),
                    "Master/Training", self._can_go_on),
        ]  # fmt: skip

    def showEvent(self, event: QShowEvent) -> None:
        """Somebody looks: bring everything up to date."""
        super().showEvent(event)
        self.training.refresh()
        self._timer.start()
        self.page.wake()
        if not self._asked_devices:
            self._asked_devices = True
            job = self.training.lanes.submit("Find devices", find_devices, None, quiet=True)
            job.ended.connect(lambda: self.form.offer_devices(job.result or ()))

    def hideEvent(self, event: QHideEvent) -> None:
        """Nobody looks: read nothing, play nothing."""
        super().hideEvent(event)
        self._timer.stop()
        self.page.sleep()

    def may_close(self) -> bool:
        """Whether the window may close: nothing is trained, or it may stop with a checkpoint."""
        names = [name_of(folder) for folder in self.training.trained_here]
        if not names:
            return True
        text = (
            f"“{'”, “'.join(names)}” is being trained. Closing stops it with a checkpoint; "
            "the next time audiobench opens it can go on from there."
        )
        return self._sure("Stop the training and close?", text)

    def do(self, word: str, folder: RunFolder | None) -> None:
        """Do with a run what a button or a menu said."""
        if folder is None:
            return
        actions = {
            "pause": self.training.pause,
            "unpause": self.training.unpause,
            "stop": self.training.stop,
            "go_on": self._go_on,
            "install": self._ask_install,
            "open": _open_folder,
            "use": self._use,
            "delete": self._ask_delete,
        }
        try:
            actions[word](folder)
        except Failure as failure:
            self.services.fail(failure)
        except OSError as error:
            self.services.fail(
                Failure(f"That cannot be done with {folder.name}.", f"{error.strerror or error}.")
            )
        self.page.wake()
        self.page.refresh()

    # -- the list and the pages ----------------------------------------------------------------

    def _show_runs(self) -> None:
        self.runs.show_runs(self.training.runs)
        self.owed.show_runs(self.training.owed)
        self.page.refresh()
        self.services.commands.refresh()

    def _look_again(self) -> None:
        """While something runs the list moves, too."""
        if any(info.status is not None and not info.status.ended for info in self.training.runs):
            self.training.refresh()

    def _choose(self, folder: RunFolder | None) -> None:
        self.pages.setCurrentWidget(self.form if folder is None else self.page)
        self.page.show_run(folder)
        self.services.commands.refresh()

    def _new(self) -> None:
        self.runs.choose_new()
        self.asked_for.emit()

    def _can_go_on(self) -> bool:
        return self.page.status is not None and self.page.status.ended

    def _toggle_pause(self) -> None:
        folder = self.page.folder
        if folder is not None:
            self.do("unpause" if folder.paused else "pause", folder)

    # -- what can be done with a run -----------------------------------------------------------

    def _go_on(self, folder: RunFolder) -> None:
        status = folder.status()
        steps = None
        if status is not None and status.state == "done":
            steps, taken = QInputDialog.getInt(
                self, "More steps", "Train on to how many steps in all?",
                status.steps * 2, status.step + 1, MOST_STEPS,
            )  # fmt: skip
            if not taken:
                return
        self.training.go_on(folder, steps)
        self.runs.choose(folder)

    def _use(self, folder: RunFolder) -> None:
        self.form.use(folder.recipe_path.read_text(encoding="utf-8"))
        self.runs.choose_new()

    def _ask_install(self, folder: RunFolder) -> None:
        suggested = self.training.free_name(folder.recipe().name)
        name, taken = QInputDialog.getText(
            self, "Install the model", "Name to choose it by where you master:", text=suggested
        )
        name = name.strip()
        if not taken or not name:
            return
        if name != Path(name).name or name.startswith("."):
            raise Failure(
                f"“{name}” cannot be a model's name.", "It has to name a folder.", "Choose another."
            )
        if self.training.is_shipped(name):
            raise Failure(
                f"“{name}” is a model that comes with the program.", "", "Choose another name."
            )
        replacing = self.training.has_model(name)
        if replacing and not self._sure(
            "Replace the model?", f"A model “{name}” is installed already. Replace it by this one?"
        ):
            return
        self.training.install(folder, name, replacing=replacing)

    def _ask_delete(self, folder: RunFolder) -> None:
        text = (
            f"Delete the training “{name_of(folder)}” with its checkpoints, previews and model?"
            "\n\nAn installed copy of the model stays. This cannot be undone."
        )
        if self._sure("Delete the training?", text):
            if folder == self.page.folder:
                self.runs.choose_new()
            self.training.delete(folder)

    def _sure(self, title: str, text: str) -> bool:
        answer = QMessageBox.question(self, title, text, Button.Yes | Button.Cancel, Button.Yes)
        return answer == Button.Yes

    # -- a new training ------------------------------------------------------------------------

    def _check_recipe(self, text: str) -> Job:
        """Let the recipe's kind read it, which may take a moment, and show what it says."""
        job = self.training.lanes.submit("Check the recipe", check_recipe, text, quiet=True)
        self._check = job

        def take() -> None:
            if job is self._check and job.state is not JobState.CANCELLED:
                self.form.show_failure(job.failure)

        job.ended.connect(take)
        return job

    def _start(self) -> None:
        """Start what the form says, once its kind finds nothing wrong with it."""
        job = self._check_recipe(self.form.text.toPlainText())
        device, processes = self.form.chosen_device, self.form.processes.value()
        self.form.start.setEnabled(False)

        def go() -> None:
            if job.state is not JobState.DONE:
                return
            try:
                folder = self.training.start(job.result, device, processes)
            except Failure as failure:
                self.services.fail(failure)
                return
            self._await(folder)

        job.ended.connect(go)

    def _await(self, folder: RunFolder) -> None:
        """Choose a run as soon as the list has it."""

        def choose() -> None:
            if self.training.info(folder) is not None:
                self.training.changed.disconnect(choose)
                self.runs.choose(folder)

        self.training.changed.connect(choose)
        choose()


def _open_folder(folder: RunFolder) -> None:
    QDesktopServices.openUrl(QUrl.fromLocalFile(str(folder.path)))

"""Training panel: start, watch, hear, compare and keep trainings."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QSize, Qt, QUrl, Signal
from PySide6.QtGui import QDesktopServices, QHideEvent, QShowEvent
from PySide6.QtWidgets import (
    QInputDialog,
    QMessageBox,
    QPlainTextEdit,
    QSplitter,
    QStackedWidget,
    QTabWidget,
    QTextBrowser,
    QVBoxLayout,
    QWidget,
)

from app.audio.player import Player
from app.canvas.curve_view import CurveView
from app.canvas.figure_grid import FigureGrid
from app.commands import Command
from app.curve_store import CurveStore
from app.panels.base import Panel, Services
from app.training_follow import RunFollower
from app.training_tasks import PreviewSpec, check_recipe, find_devices, load_preview
from app.widgets.training_form import TrainingForm
from app.widgets.training_head import RunHead
from app.widgets.training_listen import PreviewPlayer
from app.widgets.training_owed import OwedBar
from app.widgets.training_runs import RunList
from app.widgets.training_words import began, name_of
from engine.lanes import Job, JobState
from engine.tasks import Failure
from engine.training.run_folder import RunFolder, RunStatus, Sample

if TYPE_CHECKING:
    from app.training import Training
    from app.training_news import News

Button = QMessageBox.StandardButton


class TrainingPanel(Panel):
    """The runs on the left; on the right a new training, or the run that is chosen.

    Signals
    -------
    asked_for()
        A command wants the panel to be seen.
    """

    asked_for = Signal()

    panel_id = "training"
    title = "Training"
    narrowest_px = 320

    def __init__(
        self, services: Services, training: Training, parent: QWidget | None = None
    ) -> None:
        super().__init__(services, parent)
        self.training = training
        self._curves = CurveStore()
        self._check: Job | None = None
        self._asked_devices = False
        self._steps_per_s = float("nan")
        self._status: RunStatus | None = None
        self._follower = RunFollower(training.lanes, self)
        self._follower.news.connect(self._take_news)
        self._other = RunFollower(training.lanes, self)
        self._other.news.connect(self._take_other)
        self._other_curves = CurveStore()
        self.runs = RunList(self)
        self.form = TrainingForm(services.fail, self)
        self.head = RunHead(self)
        self.curves = CurveView(services.theme, self)
        self.figures = FigureGrid(services.theme, self)
        self.listen = PreviewPlayer(self._make_player, self)
        self.card = QTextBrowser(self)
        self.card.setAccessibleName("Card of the model")
        self.card.setOpenLinks(False)
        self.recipe = QPlainTextEdit(self)
        self.recipe.setReadOnly(True)
        self.recipe.setAccessibleName("Recipe of this run")
        self.owed = OwedBar(self)
        self._lay_out()
        self._connect()
        self._show_runs()

    def sizeHint(self) -> QSize:
        """The size at which everything is readable."""
        return QSize(1000, 460)

    def commands(self) -> list[Command]:
        """What one can do with trainings."""
        return [
            Command("training.new", "New training…", self._new, (), "Master"),
            Command("training.pause", "Pause or resume the training", self._toggle_pause, (),
                    "Master", self._is_running),
            Command("training.stop", "Stop the training", self._stop, (), "Master",
                    self._is_running),
        ]  # fmt: skip

    def open_run(self, folder: RunFolder) -> None:
        """Show a run."""
        self.runs.choose(folder)

    def showEvent(self, event: QShowEvent) -> None:
        """Somebody looks: bring everything up to date."""
        super().showEvent(event)
        self.training.refresh()
        self._follower.wake()
        self._other.wake()
        if not self._asked_devices:
            self._asked_devices = True
            job = self.training.lanes.submit("Find devices", find_devices, None, quiet=True)
            job.ended.connect(lambda: self.form.offer_devices(job.result or ()))

    def hideEvent(self, event: QHideEvent) -> None:
        """Nobody looks: read nothing, play nothing."""
        super().hideEvent(event)
        self._follower.sleep()
        self._other.sleep()
        self.listen.pause()

    @property
    def _folder(self) -> RunFolder | None:
        return self._follower.folder

    def _lay_out(self) -> None:
        self.tabs = QTabWidget(self)
        self.tabs.setDocumentMode(True)
        for widget, title in (
            (self.curves, "Curves"),
            (self.figures, "Plots"),
            (self.listen, "Listen"),
            (self.card, "Card"),
            (self.recipe, "Recipe"),
        ):
            self.tabs.addTab(widget, title)
        page = QWidget(self)
        column = QVBoxLayout(page)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.head)
        column.addWidget(self.tabs, 1)
        self.pages = QStackedWidget(self)
        self.pages.addWidget(self.form)
        self.pages.addWidget(page)
        split = QSplitter(Qt.Orientation.Horizontal, self)
        split.addWidget(self.runs)
        split.addWidget(self.pages)
        split.setStretchFactor(0, 0)
        split.setStretchFactor(1, 1)
        split.setSizes([230, 900])
        split.setChildrenCollapsible(False)
        self.runs.setMinimumWidth(170)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(6, 6, 6, 6)
        layout.addWidget(self.owed)
        layout.addWidget(split, 1)

    def _connect(self) -> None:
        training = self.training
        training.changed.connect(self._show_runs)
        self.runs.chosen.connect(self._choose)
        self.runs.asked.connect(self._do)
        self.head.asked.connect(lambda word: self._do(word, self._folder))
        self.form.edited.connect(self._check_recipe)
        self.form.started.connect(self._start)
        self.curves.compare_chosen.connect(self._compare)
        self.listen.wanted.connect(self._load_preview)
        self.listen.playing.connect(self.services.player.pause)
        self.owed.go_on.connect(lambda folder: self._do("go_on", folder))
        self.owed.let_go.connect(training.let_go)
        self.services.player.playing_changed.connect(
            lambda playing: self.listen.pause() if playing else None
        )
        self.destroyed.connect(self.listen.shutdown)

    # -- the list and the run that is chosen ---------------------------------------------------

    def _show_runs(self) -> None:
        infos = self.training.runs
        self.runs.show_runs(infos)
        self.owed.show_runs(self.training.owed)
        self.curves.offer(
            [
                (f"{name_of(info.folder)}, {began(info.status)}", info.folder)
                for info in infos
                if info.folder != self._folder and info.status is not None
            ]
        )
        self._show_head()
        self.services.commands.refresh()

    def _choose(self, folder: RunFolder | None) -> None:
        self.listen.pause()
        self.pages.setCurrentIndex(0 if folder is None else 1)
        if folder == self._folder:
            return
        self._curves, self._status, self._steps_per_s = CurveStore(), None, float("nan")
        self.curves.show_curves(self._curves, None)
        self.figures.show_figures({})
        self.listen.show_samples(())
        self.card.setMarkdown("")
        self.recipe.clear()
        self._follower.follow(folder)
        self._show_runs()

    def _take_news(self, news: News) -> None:
        if news.steps_per_s == news.steps_per_s:
            self._steps_per_s = news.steps_per_s
        moved = self._status is None or news.status != self._status
        ended = news.status is not None and news.status.ended
        if moved and ended and self._status is not None and not self._status.ended:
            self.training.refresh()
        best_before = self._status.best_step if self._status else None
        self._status = news.status
        best = news.status.best_step if news.status else None
        if self._curves.take(news) or best != best_before:
            self.curves.show_curves(self._curves, best)
        if news.figures is not None:
            self.figures.show_figures(news.figures)
        if news.samples is not None:
            self.listen.show_samples(news.samples)
        if news.card is not None:
            self.card.setMarkdown(news.card or "*The card comes with the first validation.*")
            self.training.refresh()
        if not self.recipe.toPlainText() and self._folder is not None:
            self._show_recipe(self._folder)
        self._show_head()

    def _show_recipe(self, folder: RunFolder) -> None:
        try:
            self.recipe.setPlainText(folder.recipe_path.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError) as error:
            self.recipe.setPlainText(f"# The recipe could not be read: {error}")

    def _show_head(self) -> None:
        folder = self._folder
        if folder is None:
            return
        info, job = self.training.info(folder), self.training.job(folder)
        self.head.show_run(
            folder,
            self._status,
            self._steps_per_s,
            stopping=job.cancelling if job is not None else folder.stop_asked,
            has_model=info is not None and info.has_model,
        )

    def _compare(self, folder: RunFolder | None) -> None:
        self._other_curves = CurveStore()
        self._other.follow(folder)
        self.curves.show_other("", None)

    def _take_other(self, news: News) -> None:
        folder = self._other.folder
        if folder is not None and self._other_curves.take(news):
            self.curves.show_other(name_of(folder), self._other_curves)

    # -- what can be done ----------------------------------------------------------------------

    def _new(self) -> None:
        self.runs.choose_new()
        self.asked_for.emit()

    def _stop(self) -> None:
        self._do("stop", self._folder)

    def _is_running(self) -> bool:
        return self._folder is not None and self._status is not None and not self._status.ended

    def _toggle_pause(self) -> None:
        if self._folder is not None:
            self._do("unpause" if self._folder.paused else "pause", self._folder)

    def _do(self, word: str, folder: RunFolder | None) -> None:
        """Do with a run what a button or a menu said."""
        if folder is None:
            return
        try:
            if word == "go_on":
                self._go_on(folder)
            elif word == "install":
                self._ask_install(folder)
            elif word == "open":
                QDesktopServices.openUrl(QUrl.fromLocalFile(str(folder.path)))
            elif word == "use":
                self.form.use(folder.recipe_path.read_text(encoding="utf-8"))
                self.runs.choose_new()
            elif word == "delete":
                self._ask_delete(folder)
            else:
                {"pause": self.training.pause, "unpause": self.training.unpause,
                 "stop": self.training.stop}[word](folder)  # fmt: skip
        except Failure as failure:
            self.services.fail(failure)
        except OSError as error:
            self.services.fail(
                Failure(f"That cannot be done with {folder.name}.", f"{error.strerror or error}.")
            )
        self._follower.wake()
        self._show_head()

    def _go_on(self, folder: RunFolder) -> None:
        status = folder.status()
        steps = None
        if status is not None and status.state == "done":
            steps, taken = QInputDialog.getInt(
                self, "More steps", "Train on to how many steps in all?",
                status.steps * 2, status.step + 1, 2_000_000_000,
            )  # fmt: skip
            if not taken:
                return
        self.training.go_on(folder, steps)
        self.runs.choose(folder)

    def _ask_install(self, folder: RunFolder) -> None:
        suggested = self.training.free_name(folder.recipe().name)
        name, taken = QInputDialog.getText(
            self, "Install the model", "Name to choose it by where you master:", text=suggested
        )
        name = name.strip()
        if not taken or not name:
            return
        if name != Path(name).name or name.startswith("."):
            raise Failure(f"“{name}” cannot be a model's name.", "It has to name a folder.")
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
            self.listen.pause()
            if folder == self._folder:
                self.runs.choose_new()
            self.training.delete(folder)

    def _sure(self, title: str, text: str) -> bool:
        yes = Button.Yes
        return QMessageBox.question(self, title, text, yes | Button.Cancel, yes) == yes

    # -- a new training ------------------------------------------------------------------------

    def _check_recipe(self, text: str) -> None:
        self._check = job = self.training.lanes.submit(
            "Check the recipe", check_recipe, text, quiet=True
        )

        def take() -> None:
            if job is self._check and job.state is not JobState.CANCELLED:
                self.form.show_failure(job.failure)

        job.ended.connect(take)

    def _start(self) -> None:
        """Start what the form says, once its kind finds nothing wrong with it."""
        self._check_recipe(self.form.text.toPlainText())
        job = self._check
        if job is None:
            return
        self.form.start.setEnabled(False)

        def go() -> None:
            self.form.start.setEnabled(job.failure is None)
            if job.state is not JobState.DONE:
                return
            try:
                folder = self.training.start(
                    job.result, self.form.chosen_device, self.form.processes.value()
                )
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

    # -- previews ------------------------------------------------------------------------------

    def _make_player(self) -> Player:
        from app.audio.bank import Bank

        output = self.services.player.output
        bank = Bank(self.training.lanes, self.training.cache, self)
        player = Player(self, output=output, bank=bank)
        player.trouble.connect(self.services.fail)
        return player

    def _load_preview(self, sample: Sample) -> None:
        spec = PreviewSpec(sample.before, sample.after, self.training.cache)
        job = self.training.lanes.submit("Load the preview", load_preview, spec, quiet=True)

        def take() -> None:
            if job.state is JobState.DONE:
                self.listen.show_loaded(sample, *job.result)
            elif job.failure is not None:
                self.services.fail(job.failure)

        job.ended.connect(take)

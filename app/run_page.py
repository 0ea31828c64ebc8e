"""The page of one run: its head, curves, plots, previews, card and recipe, as they come."""

from __future__ import annotations

import math
from collections.abc import Callable

from PySide6.QtCore import Signal
from PySide6.QtGui import QFontDatabase
from PySide6.QtWidgets import QPlainTextEdit, QTabWidget, QTextBrowser, QVBoxLayout, QWidget

from app.audio.player import Player
from app.canvas.curve_view import CurveView
from app.canvas.figure_grid import FigureGrid
from app.curve_store import CurveStore
from app.theme import Theme
from app.training import Training
from app.training_follow import RunFollower
from app.training_news import News
from app.training_tasks import PreviewSpec, load_preview
from app.widgets.training_head import RunHead
from app.widgets.training_listen import PreviewPlayer
from app.widgets.training_words import began, name_of
from engine.lanes import Job, JobState
from engine.tasks import Failure
from engine.training.run_folder import RunFolder, RunStatus, Sample

NO_CARD = "*The card comes with the first validation.*"


class RunPage(QWidget):
    """Follows a run folder while it is seen.

    Parameters
    ----------
    training
        Knows all runs.
    player
        The session's: previews pause it, on its device, and give way when it plays.
    theme, fail
        Colours, and where failures are told.

    Signals
    -------
    asked(str)
        A button of the head was pressed; see :class:`~app.widgets.training_head.RunHead`.
    moved()
        The state of the run is another one.
    """

    asked = Signal(str)
    moved = Signal()

    def __init__(
        self,
        training: Training,
        player: Player,
        theme: Theme,
        fail: Callable[[Failure], None],
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._training, self._session_player, self._fail = training, player, fail
        self._curves, self._other_curves = CurveStore(), CurveStore()
        self._steps_per_s = math.nan
        self.status: RunStatus | None = None
        self._follower = RunFollower(training.lanes, self)
        self._follower.news.connect(self._take)
        self._other = RunFollower(training.lanes, self)
        self._other.news.connect(self._take_other)
        self.head = RunHead(self)
        self.head.asked.connect(self.asked)
        self.curves = CurveView(theme, self)
        self.curves.compare_chosen.connect(self._compare)
        self.figures = FigureGrid(theme, self)
        self.listen = PreviewPlayer(self._make_player, self)
        self.listen.wanted.connect(self._load_preview)
        self.listen.playing.connect(player.pause)
        player.playing_changed.connect(self._give_way)
        self.card = QTextBrowser(self)
        self.card.setAccessibleName("Card of the model")
        self.card.setOpenLinks(False)
        self.recipe = QPlainTextEdit(self)
        self.recipe.setReadOnly(True)
        self.recipe.setAccessibleName("Recipe of this run")
        self.recipe.setFont(QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont))
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
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.head)
        layout.addWidget(self.tabs, 1)

    @property
    def folder(self) -> RunFolder | None:
        """The run that is shown."""
        return self._follower.folder

    @property
    def running(self) -> bool:
        """Whether somebody works on it."""
        return self.status is not None and not self.status.ended

    def show_run(self, folder: RunFolder | None) -> None:
        """Show another run from its beginning, or none."""
        if folder == self.folder:
            return
        self.listen.pause()
        self._curves, self.status, self._steps_per_s = CurveStore(), None, math.nan
        self.curves.show_curves(self._curves, None)
        self.figures.show_figures({})
        self.listen.show_samples(())
        self.card.setMarkdown(NO_CARD)
        self.recipe.clear()
        self._follower.follow(folder)
        self.refresh()

    def wake(self) -> None:
        """Somebody looks, or something began: read often."""
        self._follower.wake()
        self._other.wake()

    def sleep(self) -> None:
        """Nobody looks: read and play nothing."""
        self._follower.sleep()
        self._other.sleep()
        self.listen.pause()

    def refresh(self) -> None:
        """Show what the list of runs knows of this one, and of those to compare it with."""
        folder = self.folder
        if folder is None:
            return
        self.curves.offer(
            [
                (f"{name_of(info.folder)}, {began(info.status)}", info.folder)
                for info in self._training.runs
                if info.folder != folder and info.status is not None
            ]
        )
        self._show_head(folder)

    def _show_head(self, folder: RunFolder) -> None:
        info, job = self._training.info(folder), self._training.job(folder)
        self.head.show_run(
            folder,
            self.status,
            self._steps_per_s,
            stopping=job.cancelling if job is not None else folder.stop_asked,
            has_model=info is not None and info.has_model,
            waiting=_waiting(job),
        )

    def _take(self, news: News) -> None:
        folder = self.folder
        if folder is None:
            return
        before, self.status = self.status, news.status
        if math.isfinite(news.steps_per_s):
            self._steps_per_s = news.steps_per_s
        best = news.status.best_step if news.status else None
        if self._curves.take(news) or best != (before.best_step if before else None):
            self.curves.show_curves(self._curves, best)
        if news.figures is not None:
            self.figures.show_figures(news.figures)
        if news.samples is not None:
            self.listen.show_samples(news.samples)
        if news.card is not None:
            self.card.setMarkdown(news.card or NO_CARD)
        if not self.recipe.toPlainText():
            self._show_recipe(folder)
        if news.card or _state(before) != _state(self.status):
            self._training.refresh()
            self.moved.emit()
        self._show_head(folder)

    def _show_recipe(self, folder: RunFolder) -> None:
        try:
            self.recipe.setPlainText(folder.recipe_path.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError) as error:
            self.recipe.setPlainText(f"# The recipe could not be read: {error}")

    def _compare(self, folder: RunFolder | None) -> None:
        self._other_curves = CurveStore()
        self._other.follow(folder)
        self.curves.show_other("", None)

    def _take_other(self, news: News) -> None:
        folder = self._other.folder
        if folder is not None and self._other_curves.take(news):
            self.curves.show_other(name_of(folder), self._other_curves)

    def _give_way(self, playing: bool) -> None:
        if playing:
            self.listen.pause()

    def _make_player(self) -> Player:
        """A player beside the session's, on the same device, so that the slots there stay."""
        from app.audio.bank import Bank

        bank = Bank(self._training.lanes, self._training.cache, self)
        player = Player(self, output=self._session_player.output, bank=bank)
        player.trouble.connect(self._fail)
        self._training.closing.connect(self.listen.shutdown)
        return player

    def _load_preview(self, sample: Sample) -> None:
        spec = PreviewSpec(sample.before, sample.after, self._training.cache)
        job = self._training.lanes.submit("Load the preview", load_preview, spec, quiet=True)

        def take() -> None:
            if job.state is JobState.DONE:
                self.listen.show_loaded(sample, *job.result)
            elif job.failure is not None:
                self._fail(job.failure)

        job.ended.connect(take)


def _waiting(job: Job | None) -> str:
    """What a job waits for that has not said anything yet; empty when it waits no more."""
    if job is None or job.progress.partial is not None:
        return ""
    queued = job.state is JobState.QUEUED
    return "It waits until what runs before it has ended." if queued else "Starting."


def _state(status: RunStatus | None) -> str:
    return status.state if status is not None else ""

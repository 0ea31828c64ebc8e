"""Previews of a run: what the model makes of a song after so many steps, switched at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import QSignalBlocker, Qt, Signal
from PySide6.QtWidgets import (
    QButtonGroup,
    QComboBox,
    QHBoxLayout,
    QLabel,
    QListWidget,
    QListWidgetItem,
    QPushButton,
    QSlider,
    QVBoxLayout,
    QWidget,
)

from app.audio.player import Player, Slot
from app.slots import matching_gains_db
from app.widgets.training_words import count
from engine.training.run_folder import Sample

if TYPE_CHECKING:
    from engine.audio.intake import Intake

BEFORE, AFTER = 0, 1
SLIDER_STEPS = 1000


class PreviewPlayer(QWidget):
    """A song, the steps it was heard at, before and after at equal loudness.

    It plays through a player of its own, which is made when it is first needed: the session's
    slots stay as they are.

    Signals
    -------
    wanted(object)
        A :class:`~engine.training.run_folder.Sample` is to be loaded; see :meth:`show_loaded`.
    playing()
        It begins to play: what else plays should stop.
    """

    wanted = Signal(object)
    playing = Signal()

    def __init__(self, make_player: Callable[[], Player], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._make_player = make_player
        self._player: Player | None = None
        self._samples: tuple[Sample, ...] = ()
        self._loaded: Sample | None = None
        self._side = AFTER
        self._play_when_loaded = False
        self.songs = QComboBox(self)
        self.songs.setAccessibleName("Preview")
        self.songs.currentIndexChanged.connect(lambda _index: self._list_steps())
        self.steps = QListWidget(self)
        self.steps.setAccessibleName("Steps that can be heard")
        self.steps.setMaximumWidth(190)
        self.steps.currentItemChanged.connect(lambda *_items: self._ask())
        self.before = QPushButton("Before", self)
        self.after = QPushButton("After", self)
        sides = QButtonGroup(self)
        for button, side, hint in (
            (self.before, BEFORE, "The song as it is put before the model"),
            (self.after, AFTER, "What the model made of it at this step"),
        ):
            button.setCheckable(True)
            button.setToolTip(f"{hint}; both are played at equal loudness")
            button.clicked.connect(lambda _checked=False, side=side: self.choose_side(side))
            button.setMinimumHeight(36)
            sides.addButton(button, side)
        self.after.setChecked(True)
        self.play = QPushButton("Play", self)
        self.play.setMinimumHeight(36)
        self.play.clicked.connect(self.toggle)
        self.place = QSlider(Qt.Orientation.Horizontal, self)
        self.place.setAccessibleName("Place in the preview")
        self.place.setRange(0, SLIDER_STEPS)
        self.place.sliderMoved.connect(self._seek)
        self.time = QLabel("0.0 s", self)
        self.hint = QLabel(self)
        self.hint.setWordWrap(True)
        self.hint.setProperty("muted", True)
        buttons = QHBoxLayout()
        for widget in (self.play, self.before, self.after):
            buttons.addWidget(widget, 1)
        slide = QHBoxLayout()
        slide.addWidget(self.place, 1)
        slide.addWidget(self.time)
        right = QVBoxLayout()
        right.addWidget(self.songs)
        right.addLayout(buttons)
        right.addLayout(slide)
        right.addWidget(self.hint)
        right.addStretch(1)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 6, 0, 0)
        row.addWidget(self.steps)
        row.addLayout(right, 1)
        self.show_samples(())

    @property
    def player(self) -> Player | None:
        """What plays; None until something was to be heard."""
        return self._player

    def show_samples(self, samples: Sequence[Sample]) -> None:
        """Offer these; what is heard now plays on."""
        self._samples = tuple(samples)
        names = list(dict.fromkeys(sample.name for sample in samples))
        chosen = self.songs.currentText()
        with QSignalBlocker(self.songs):
            self.songs.clear()
            self.songs.addItems(names)
            self.songs.setCurrentIndex(max(self.songs.findText(chosen), 0) if names else -1)
        self._list_steps()
        for widget in (self.songs, self.steps, self.play, self.before, self.after, self.place):
            widget.setEnabled(bool(samples))
        if samples:
            self.hint.setText("Choose a step to hear the model at it; the place stays.")
        else:
            self.hint.setText("There is nothing to hear yet: previews come as the recipe says.")

    def show_loaded(self, sample: Sample, before: Intake, after: Intake) -> None:
        """Put a preview that was wanted into the player."""
        if sample != self._chosen():
            return
        player = self._ready_player()
        lufs = [
            each.loudness.integrated_lufs if each.loudness else None for each in (before, after)
        ]
        gains = matching_gains_db(lufs)
        player.set_slots(
            [Slot("Before", before.stored, gains[0]), Slot("After", after.stored, gains[1])]
        )
        player.select(self._side)
        self._loaded = sample
        if self._play_when_loaded:
            self._play_when_loaded = False
            self._start(player)

    def choose_side(self, side: int) -> None:
        """Hear the song before (0) or after (1); at once, at the same place."""
        self._side = side
        (self.before, self.after)[side].setChecked(True)
        if self._player is not None:
            self._player.select(side)

    def toggle(self) -> None:
        """Play or pause."""
        if self._player is not None and self._player.playing:
            self._player.pause()
        elif self._loaded is not None and self._loaded == self._chosen():
            self._start(self._ready_player())
        else:
            self._play_when_loaded = True
            self._ask()

    def pause(self) -> None:
        """Stop where it is."""
        self._play_when_loaded = False
        if self._player is not None:
            self._player.pause()

    def shutdown(self) -> None:
        """End the player."""
        if self._player is not None:
            self._player.shutdown()
            self._player = None

    def _start(self, player: Player) -> None:
        self.playing.emit()
        player.play()

    def _ready_player(self) -> Player:
        if self._player is None:
            self._player = self._make_player()
            self._player.playing_changed.connect(
                lambda playing: self.play.setText("Pause" if playing else "Play")
            )
            self._player.position_changed.connect(self._show_place)
        return self._player

    def _show_place(self, frame: int) -> None:
        player = self._player
        if player is None or not player.rate:
            return
        self.time.setText(f"{frame / player.rate:.1f} s")
        if player.frames and not self.place.isSliderDown():
            self.place.setValue(round(SLIDER_STEPS * frame / player.frames))

    def _seek(self, value: int) -> None:
        if self._player is not None:
            self._player.seek(round(value / SLIDER_STEPS * self._player.frames))

    def _list_steps(self) -> None:
        """The newest step first; the chosen one stays, and the newest if that was chosen."""
        chosen, newest = self._chosen(), self.steps.currentRow() <= 0
        name = self.songs.currentText()
        with QSignalBlocker(self.steps):
            self.steps.clear()
            for sample in reversed(self._samples):
                if sample.name == name:
                    item = QListWidgetItem(f"Step {count(sample.step)}", self.steps)
                    item.setData(Qt.ItemDataRole.UserRole, sample)
                    if chosen is not None and sample.step == chosen.step and not newest:
                        self.steps.setCurrentItem(item)
            if self.steps.count() and self.steps.currentRow() < 0:
                self.steps.setCurrentRow(0)
        playing = self._player is not None and self._player.playing
        if playing and self._chosen() != self._loaded:
            self._ask()

    def _chosen(self) -> Sample | None:
        item = self.steps.currentItem()
        sample: Sample | None = item.data(Qt.ItemDataRole.UserRole) if item is not None else None
        return sample

    def _ask(self) -> None:
        sample = self._chosen()
        if sample is not None and sample != self._loaded:
            self.wanted.emit(sample)

"""Transport: play, seek, loop, shuttle, and switching between what is compared."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Protocol

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QLabel, QToolButton, QWidget
from shiboken6 import isValid

from app.commands import Command, Commands
from app.document.session import Session
from app.document.state import SessionState, Span
from app.theme import Theme, number_font
from app.widgets.focus_keys import FocusKeys
from app.widgets.icons import icon, set_icon
from app.widgets.slot_row import Matching, SlotRow

if TYPE_CHECKING:
    from app.audio.player import Player

ICON_PX = 20
STEP_S = 5.0
LEAST_WIDTH_PX = 560
DURATION_FROM_PX = 880
SPEED_FROM_PX = 780
SPEEDS = (0.25, 0.5, 0.75, 1.0, 1.25, 1.5, 2.0)
SHUTTLE_SPEEDS = (1.0, 2.0, 4.0)
SLOTS = 9
ALTERNATE = "transport.alternate"
PLAY = "transport.play"


class TransportServices(Protocol):
    """The part of the panels' services that the transport needs."""

    @property
    def session(self) -> Session:
        """The open document, which holds the loop."""
        ...

    @property
    def player(self) -> Player:
        """What plays."""
        ...

    @property
    def commands(self) -> Commands:
        """Where the keys live."""
        ...

    @property
    def theme(self) -> Theme:
        """Colours."""
        ...


def clock_text(frame: int, rate: int) -> str:
    """Such as ``01:23.456`` or ``1:01:23.456``; zero while there is no rate."""
    total_ms = round(1000 * frame / rate) if rate else 0
    seconds, ms = divmod(total_ms, 1000)
    minutes, second = divmod(seconds, 60)
    hours, minute = divmod(minutes, 60)
    text = f"{minute:02d}:{second:02d}.{ms:03d}"
    return f"{hours}:{text}" if hours else text


def shuttled(speed: float, direction: int) -> float:
    """The next speed of a shuttle: faster in its direction, else at once the other way round."""
    magnitude = abs(speed) if speed * direction > 0 else 0.0
    faster = next((each for each in SHUTTLE_SPEEDS if each > magnitude), SHUTTLE_SPEEDS[-1])
    return direction * faster


class Transport(QWidget):
    """The bar under the editor.

    Space plays, Home and End seek, L loops the selection, J and ``;`` shuttle (again: faster), K
    stops the shuttle, 1 to 9 switch what is heard and Tab alternates the last two.
    """

    def __init__(
        self, services: TransportServices, matching: Matching, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._services = services
        self._player, self._session = services.player, services.session
        self._shuttling = False
        self._possible = (False, 0)
        self._focus = FocusKeys(self)
        self._focus.changed.connect(self._refresh_keys)
        self.setAccessibleName("Transport")
        row = QHBoxLayout(self)
        row.setSizeConstraint(QHBoxLayout.SizeConstraint.SetNoConstraint)
        row.setContentsMargins(8, 5, 8, 6)
        row.setSpacing(4)
        for name, title, run in (
            ("to_start", "To the start (Home)", self._to_start),
            ("back", "Back 5 s (,)", partial(self._step, -STEP_S)),
        ):
            row.addWidget(self._button(name, title, run))
        self.play = self._button("play", "Play (Space)", self.toggle)
        row.addWidget(self.play)
        for name, title, run in (
            ("stop", "Stop", self._stop),
            ("forward", "Forward 5 s (.)", partial(self._step, STEP_S)),
        ):
            row.addWidget(self._button(name, title, run))
        self.loop = self._button("loop", "Loop the selection (L)", self.toggle_loop)
        self.loop.setCheckable(True)
        row.addWidget(self.loop)
        row.addSpacing(10)
        self._add_clock(row)
        row.addStretch(1)
        self.slots = SlotRow(self._player, matching, services.theme)
        row.addWidget(self.slots)
        row.addSpacing(6)
        row.addWidget(self._speed_box())
        self._player.position_changed.connect(lambda _frame: self._show_time())
        self._player.slots_changed.connect(self._show_all)
        self._player.slot_changed.connect(lambda _index: self._refresh_keys())
        self._player.playing_changed.connect(self._show_playing)
        self._session.changed.connect(self._show_loop)
        services.theme.changed.connect(lambda _tokens: self._show_playing(self._player.playing))
        self._show_all()
        self._show_loop(self._session.state)

    # -- building

    def _button(self, name: str, title: str, run: Callable[[], object]) -> QToolButton:
        button = QToolButton(self)
        set_icon(button, name, self._services.theme)
        button.setIconSize(QSize(ICON_PX, ICON_PX))
        button.setToolTip(title)
        button.setAccessibleName(title.split(" (")[0])
        # A click leaves the focus where it is, so that keys go on working there.
        button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        button.clicked.connect(lambda: run())
        return button

    def _add_clock(self, row: QHBoxLayout) -> None:
        self.position = QLabel()
        self.position.setFont(number_font(self.font().pointSizeF() * 1.7))
        self.position.setAccessibleName("Position")
        self.duration = QLabel()
        self.duration.setFont(number_font())
        self.duration.setProperty("muted", True)
        self.duration.setAccessibleName("Duration")
        self.position.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        row.addWidget(self.position)
        row.addWidget(self.duration)

    def _speed_box(self) -> QComboBox:
        self.speed = QComboBox(self)
        for speed in SPEEDS:
            self.speed.addItem(f"{speed:g}×", speed)
        self.speed.setCurrentIndex(SPEEDS.index(1.0))
        self.speed.setAccessibleName("Speed")
        self.speed.setToolTip("Speed; the pitch goes with it, as on tape")
        self.speed.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.speed.currentIndexChanged.connect(lambda _index: self._end_shuttle())
        return self.speed

    # -- commands

    def commands(self) -> list[Command]:
        """Playback by keys, menu and palette."""
        menu = "Playback"
        return [
            Command(PLAY, "Play or pause", self.toggle, ("Space",), menu, self._may_take_space),
            Command("transport.stop", "Stop", self._stop, ("Ctrl+.",), menu, self._has_audio),
            Command("transport.start", "Go to the start", self._to_start, ("Home",), menu,
                    self._has_audio),
            Command("transport.end", "Go to the end", self._to_end, ("End",), menu,
                    self._has_audio),
            Command("transport.back", "Back 5 seconds", partial(self._step, -STEP_S), (",",), menu,
                    self._has_audio),
            Command("transport.forward", "Forward 5 seconds", partial(self._step, STEP_S), (".",),
                    menu, self._has_audio),
            Command("transport.loop", "Loop the selection", self.toggle_loop, ("L",), menu,
                    self._has_audio, lambda: self._session.state.loop is not None,
                    "Loop the selection, or everything when nothing is selected"),
            Command("transport.shuttle_back", "Shuttle back", partial(self.shuttle, -1), ("J",),
                    menu, self._has_audio, hint="Play backwards; again for faster"),
            Command("transport.shuttle_stop", "Stop the shuttle", self.stop_shuttle, ("K",), menu,
                    self._has_audio),
            Command("transport.shuttle_forward", "Shuttle forward", partial(self.shuttle, 1),
                    (";", "Shift+L"), menu, self._has_audio, hint="Play on; again for faster"),
            Command(ALTERNATE, "Alternate the last two", self._player.select_last, ("Tab",),
                    "Playback/Hear", self._may_take_tab),
            Command("transport.match", "Match loudness", self.slots.match.click, ("M",),
                    "Playback/Hear", lambda: len(self._player.slots) > 1,
                    self.slots.match.isChecked),
            *(
                Command(f"transport.slot_{index + 1}", f"Hear slot {index + 1}",
                        partial(self._player.select, index), (str(index + 1),), "Playback/Hear",
                        partial(self._has_slot, index))
                for index in range(SLOTS)
            ),
            Command("transport.next_control", "Go to the next control", self._next_control,
                    ("F6",), "", hint="Where Tab alternates what is heard"),
        ]  # fmt: skip

    def toggle(self) -> None:
        """Play or pause; ends a shuttle."""
        self._end_shuttle()
        self._player.toggle()

    def shuttle(self, direction: int) -> None:
        """Play backwards (-1) or on (+1), each time faster."""
        speed = self._player.speed if self._shuttling and self._player.playing else 0.0
        self._shuttling = True
        self._player.set_speed(shuttled(speed, direction))
        self._player.play()

    def stop_shuttle(self) -> None:
        """Pause and go back to the chosen speed."""
        self._player.pause()
        self._end_shuttle()

    def toggle_loop(self) -> None:
        """Loop the selection (everything, if nothing is selected), or end the loop."""
        state = self._session.state
        if state.loop is not None:
            self._session.edit("End the loop", replace(state, loop=None))
        else:
            loop: Span = state.selection or (0, self._player.frames)
            if loop[1] > loop[0]:
                self._session.edit("Loop", replace(state, loop=loop))
        self._show_loop(self._session.state)

    def _end_shuttle(self) -> None:
        self._shuttling = False
        self._player.set_speed(float(self.speed.currentData()))

    def _stop(self) -> None:
        self._end_shuttle()
        self._player.stop()

    def _to_start(self) -> None:
        self._player.seek(0)

    def _to_end(self) -> None:
        self._player.seek(self._player.frames)

    def _step(self, seconds: float) -> None:
        self._player.seek(self._player.position_frame + round(seconds * self._player.rate))

    def _next_control(self) -> None:
        self.focusNextChild()

    def _has_audio(self) -> bool:
        return self._player.frames > 0

    def _has_slot(self, index: int) -> bool:
        return index < len(self._player.slots)

    def _may_take_space(self) -> bool:
        return self._has_audio() and self._focus.space_is_free

    def _may_take_tab(self) -> bool:
        return len(self._player.slots) > 1 and self._focus.tab_is_free

    # -- showing

    def _show_all(self) -> None:
        self.setEnabled(self._has_audio())
        self._show_time()
        self._show_playing(self._player.playing)
        possible = (self._has_audio(), len(self._player.slots))
        if possible != self._possible:  # slots also change while a file is read
            self._possible = possible
            self._services.commands.refresh()
        self._refresh_keys()

    def minimumSizeHint(self) -> QSize:
        """Narrow enough for a small screen with panels on both sides."""
        return QSize(LEAST_WIDTH_PX, super().sizeHint().height())

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Leave out what is said elsewhere too when there is no room."""
        self.duration.setVisible(event.size().width() >= DURATION_FROM_PX)
        self.speed.setVisible(event.size().width() >= SPEED_FROM_PX)
        super().resizeEvent(event)

    def _show_time(self) -> None:
        rate, frames = self._player.rate, self._player.frames
        self.position.setText(clock_text(self._player.position_frame, rate))
        duration = f"/ {clock_text(frames, rate)}"
        if duration != self.duration.text():
            self.duration.setText(duration)
            # Digits that change sixty times a second must not move the layout.
            widest = "0:00:00.000" if frames >= 3600 * rate > 0 else "00:00.000"
            metrics = self.position.fontMetrics()
            self.position.setFixedWidth(metrics.horizontalAdvance(widest) + 6)

    def _show_playing(self, playing: bool) -> None:
        tokens = self._services.theme.tokens
        self.play.setIcon(icon("pause" if playing else "play", tokens))
        self.play.setToolTip("Pause (Space)" if playing else "Play (Space)")
        self.play.setAccessibleName("Pause" if playing else "Play")

    def _show_loop(self, state: SessionState) -> None:
        self.loop.setChecked(state.loop is not None)

    def _refresh_keys(self) -> None:
        commands = self._services.commands
        known = {command.id for command in commands.all()}
        for command_id in known & {PLAY, ALTERNATE}:
            action = commands.action(command_id)
            if isValid(action):  # the focus still moves while a window is taken down
                action.setEnabled(commands.get(command_id).enabled())

"""Commands of a ClipView: zoom, height, which pictures, and following the playhead."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from app.canvas.clipview import ClipView, ViewMode
from app.canvas.timeline import ZOOM_STEP, Follow
from app.commands import Command

# A key press is meant to go farther than a notch of the wheel.
ZOOM_NOTCHES = 2.0
MODES = {
    ViewMode.WAVE: "Waveform only",
    ViewMode.SPECTROGRAM: "Spectrogram only",
    ViewMode.BOTH: "Waveform and spectrogram",
}
FOLLOWS = {
    Follow.OFF: "Do not follow the playhead",
    Follow.PAGE: "Follow the playhead by pages",
    Follow.CENTRE: "Keep the playhead in the middle",
}


class ViewCommands:
    """What keys, menu and buttons do to a view; nothing of it is an edit of the document.

    Parameters
    ----------
    view
        The view.
    choose_mode, choose_follow
        Called with what was chosen, so that buttons can show it too.
    """

    def __init__(
        self,
        view: ClipView,
        choose_mode: Callable[[ViewMode], None],
        choose_follow: Callable[[Follow], None],
    ) -> None:
        self._view = view
        self._axis = view.axis
        self._choose_mode = choose_mode
        self._choose_follow = choose_follow
        self.zooms: dict[str, Callable[[], None]] = {
            "in": partial(self._zoom, ZOOM_NOTCHES),
            "out": partial(self._zoom, -ZOOM_NOTCHES),
            "selection": self._zoom_selection,
            "all": self._axis.show_all,
        }

    def commands(self) -> list[Command]:
        """All of them."""
        zoom, wave = "View/Zoom", self._view.wave
        step = ZOOM_STEP**ZOOM_NOTCHES
        return [
            Command("editor.zoom_in", "Zoom in", self.zooms["in"], ("Ctrl+=", "Ctrl++"), zoom,
                    self._has_clip),
            Command("editor.zoom_out", "Zoom out", self.zooms["out"], ("Ctrl+-",), zoom,
                    self._has_clip),
            Command("editor.zoom_selection", "Zoom to the selection", self._zoom_selection,
                    ("Z",), zoom, lambda: self._view.marks.selection is not None),
            Command("editor.zoom_all", "Show everything", self._axis.show_all, ("Ctrl+0",), zoom,
                    self._has_clip),
            Command("editor.taller", "Draw the wave taller",
                    lambda: wave.set_gain(wave.gain * step), ("Ctrl+Shift+Up",), zoom,
                    self._has_clip),
            Command("editor.shorter", "Draw the wave shorter",
                    lambda: wave.set_gain(wave.gain / step), ("Ctrl+Shift+Down",), zoom,
                    self._has_clip),
            Command("editor.fit_height", "Fit the height of the wave", wave.fit_gain,
                    ("Shift+Z",), zoom, self._has_clip),
            Command("editor.true_height", "True height of the wave", partial(wave.set_gain, 1.0),
                    ("Ctrl+Shift+0",), zoom, lambda: wave.gain != 1.0),
            *(
                Command(f"editor.view_{mode}", title, partial(self._choose_mode, mode), (),
                        "View/Editor", checked=partial(self._shows, mode))
                for mode, title in MODES.items()
            ),
            *(
                Command(f"editor.follow_{follow}", title, partial(self._choose_follow, follow), (),
                        "View/Editor", checked=partial(self._follows, follow))
                for follow, title in FOLLOWS.items()
            ),
        ]  # fmt: skip

    def _zoom(self, notches: float) -> None:
        self._axis.zoom_notches(notches, self._axis.anchor(self._view.marks.playhead))

    def _zoom_selection(self) -> None:
        if self._view.marks.selection is not None:
            self._axis.show(*self._view.marks.selection)

    def _has_clip(self) -> bool:
        return not self._axis.empty

    def _shows(self, mode: ViewMode) -> bool:
        return self._view.mode is mode

    def _follows(self, follow: Follow) -> bool:
        return self._axis.follow is follow

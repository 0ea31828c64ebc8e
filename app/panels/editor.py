"""The editor: waveform and spectrogram of the current clip, its selection, loop and zoom."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtGui import QContextMenuEvent, QShowEvent
from PySide6.QtWidgets import QMenu, QStackedWidget, QVBoxLayout, QWidget

from app.canvas.axes import LevelScale, TimeUnit
from app.canvas.clipview import ClipView, ViewMode
from app.canvas.colormaps import ColorMap
from app.canvas.overlays import Span
from app.canvas.pitch import FrequencyScale
from app.canvas.tiles import LoadRequest, TileLoader
from app.canvas.tilesource import TileSource, channel_names, channel_of, open_tiles
from app.canvas.timeline import Follow
from app.canvas.viewcommands import ViewCommands
from app.canvas.wave import WaveSource
from app.commands import Command
from app.document.state import SessionState
from app.panels.base import Panel, Services
from app.widgets.editor_bar import EditorBar
from app.widgets.empty import EmptyState
from app.widgets.spectrogram_options import (
    OptionChoices,
    SpectrogramOptions,
    SpectrogramOptionsBox,
    from_defaults,
    to_defaults,
)
from engine.lanes import Job, Lane
from engine.tasks import Context, Failure

if TYPE_CHECKING:
    from app.library import LoadedClip
    from engine.audio.peaks import PeakPyramid
    from engine.audio.store import StoredAudio

WINDOWS = ("hann", "hamming", "blackman", "blackmanharris", "flattop", "kaiser", "rectangular")
WELCOME = (
    "Drop audio files here",
    "or open them with Ctrl+O: WAV, FLAC, AIFF, MP3, AAC, Opus, Ogg and video files.",
)
# Commands of other panels stand here by name; an empty one is a line between groups.
CONTEXT_MENU = (
    "editor.play_selection", "transport.loop", "", "editor.select_all", "editor.select_none",
    "editor.select_start", "editor.select_stop", "", "editor.zoom_selection", "editor.zoom_all",
    "editor.fit_height", "editor.true_height",
)  # fmt: skip


class EditorPanel(Panel):
    """Shows the current clip and its rendering; seeks, selects, loops and zooms."""

    panel_id = "editor"
    title = "Editor"

    def __init__(self, services: Services, parent: QWidget | None = None) -> None:
        super().__init__(services, parent)
        self.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
        self._clip_id: str | None = None
        self._tiles_of: tuple[object, ...] = ()
        loader = TileLoader(self._submit_tiles, self)
        loader.failed.connect(services.fail)
        self._loader = loader
        self.view = ClipView(services.theme, loader)
        self.axis, self.marks = self.view.axis, self.view.marks
        choices = OptionChoices(WINDOWS, tuple(ColorMap), tuple(FrequencyScale), ("original",))
        remembered = from_defaults(services.settings.current.spectrogram, choices)
        self.options = SpectrogramOptionsBox(choices, remembered)
        self.bar = EditorBar(services.theme, self.options)
        self._view_commands = ViewCommands(self.view, self._choose_view, self._choose_follow)
        self._empty = EmptyState(*WELCOME)
        self._stack = QStackedWidget()
        self._stack.addWidget(self._empty)
        self._stack.addWidget(self.view)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.bar)
        column.addWidget(self._stack, 1)
        self._connect()
        self._show_options(self.options.options)
        self._choose_view(ViewMode.BOTH)
        self._choose_scale(LevelScale.LINEAR)
        self._choose_unit(TimeUnit.CLOCK)
        self._choose_follow(Follow.PAGE)
        self._show_clip()
        self._follow_session(services.session.state)

    def _connect(self) -> None:
        bar, marks, services = self.bar, self.marks, self.services
        bar.view_chosen.connect(lambda key: self._choose_view(ViewMode(key)))
        bar.zoom_asked.connect(lambda key: self._view_commands.zooms[key]())
        bar.follow_chosen.connect(lambda key: self._choose_follow(Follow(key)))
        bar.scale_chosen.connect(lambda key: self._choose_scale(LevelScale(key)))
        bar.unit_chosen.connect(lambda key: self._choose_unit(TimeUnit(key)))
        bar.compare_toggled.connect(lambda _on: self._show_waves())
        self.options.edited.connect(self._take_options)
        marks.seek_requested.connect(self._seek)
        marks.selection_edited.connect(self._select)
        marks.loop_edited.connect(self._loop)
        marks.edit_ended.connect(services.session.seal)
        services.session.changed.connect(self._follow_session)
        services.library.changed.connect(self._follow_library)
        services.player.position_changed.connect(self._follow_player)
        services.player.playing_changed.connect(lambda _playing: self.axis.find_again())

    def showEvent(self, event: QShowEvent) -> None:
        """Take the focus that nobody has, so that keys mean playback and not the first button."""
        super().showEvent(event)
        if self.window().focusWidget() is None:
            self._target.setFocus(Qt.FocusReason.OtherFocusReason)

    @property
    def _target(self) -> QWidget:
        return self if self._stack.currentIndex() == 0 else self.view.focus_target

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        """Offer what can be done with the selection and the view."""
        commands = self.services.commands
        known = {command.id for command in commands.all()}
        commands.refresh()
        menu = QMenu(self)
        for command_id in CONTEXT_MENU:
            if not command_id:
                menu.addSeparator()
            elif command_id in known:
                menu.addAction(commands.action(command_id))
        menu.aboutToHide.connect(menu.deleteLater)
        menu.popup(event.globalPos())

    # -- what one can do

    def commands(self) -> list[Command]:
        """Zoom, view, follow and selection."""
        return [
            *self._view_commands.commands(),
            Command("editor.compare", "Draw the mastered waveform too", self.bar.compare.toggle,
                    ("Ctrl+Shift+W",), "View/Editor", self.bar.compare.isEnabled,
                    self.bar.compare.isChecked),
            Command("editor.select_all", "Select all", self._select_all, ("Ctrl+A",), "Edit",
                    self._has_clip),
            Command("editor.select_none", "Select nothing", partial(self._select_now, None),
                    ("Ctrl+Shift+A",), "Edit", self._has_selection),
            Command("editor.select_start", "Selection starts at the playhead",
                    partial(self._select_to_playhead, 0), ("[",), "Edit", self._has_clip),
            Command("editor.select_stop", "Selection ends at the playhead",
                    partial(self._select_to_playhead, 1), ("]",), "Edit", self._has_clip),
            Command("editor.play_selection", "Play the selection", self._play_selection,
                    ("Shift+Space",), "Playback", self._has_selection),
        ]  # fmt: skip

    def _has_clip(self) -> bool:
        return not self.axis.empty

    def _has_selection(self) -> bool:
        return self.services.session.state.selection is not None

    def _choose_view(self, mode: ViewMode) -> None:
        self.view.set_mode(mode)
        self.bar.show_view(mode)

    def _choose_follow(self, follow: Follow) -> None:
        self.axis.set_follow(follow)
        self.axis.find_again()
        self.bar.show_follow(follow)

    def _choose_scale(self, scale: LevelScale) -> None:
        self.view.set_scale(scale)
        self.bar.show_scale(scale)

    def _choose_unit(self, unit: TimeUnit) -> None:
        self.view.set_unit(unit)
        self.bar.show_unit(unit)

    # -- edits of the session: a drag is one step, because its edits share a key until it ends

    def _select(self, span: Span | None) -> None:
        session = self.services.session
        session.edit("Select", replace(session.state, selection=span), "editor.selection")

    def _loop(self, span: Span | None) -> None:
        session = self.services.session
        session.edit("Change the loop", replace(session.state, loop=span), "editor.loop")

    def _select_now(self, span: Span | None) -> None:
        self._select(span)
        self.services.session.seal()

    def _select_all(self) -> None:
        self._select_now((0, self.axis.total_frames))

    def _select_to_playhead(self, end: int) -> None:
        frame = round(self.marks.playhead)
        start, stop = self.marks.selection or (0, self.axis.total_frames)
        start, stop = (frame, max(stop, frame)) if end == 0 else (min(start, frame), frame)
        if stop == start:
            start, stop = (frame, self.axis.total_frames) if end == 0 else (0, frame)
        self._select_now((start, stop) if stop > start else None)

    def _play_selection(self) -> None:
        selection = self.services.session.state.selection
        if selection is not None:
            self._seek(selection[0])
            self.services.player.play()

    def _seek(self, frame: int) -> None:
        self.services.player.seek(frame)
        self.axis.find_again()

    # -- following the document, the library and the player

    def _follow_session(self, state: SessionState) -> None:
        if state.current_id != self._clip_id:
            self._clip_id = state.current_id
            clip = state.current
            self.axis.set_audio(clip.frames if clip else 0, clip.rate if clip else 48000)
            self.marks.set_playhead(float(self.services.player.position_frame))
            self._tiles_of = ()
            self._show_clip()
        self.marks.set_spans(state.selection, state.loop)

    def _follow_library(self, clip_id: str) -> None:
        if clip_id == self._clip_id:
            self._show_clip()

    def _follow_player(self, frame: int) -> None:
        self.marks.set_playhead(float(frame))
        if self.services.player.playing:
            self.axis.track(float(frame))

    @property
    def _loaded(self) -> LoadedClip | None:
        return self.services.library.audio(self._clip_id)

    def _show_clip(self) -> None:
        """Show what there is of the current clip."""
        loaded = self._loaded
        stored = loaded.stored if loaded else None
        focused = self.hasFocus()
        self._stack.setCurrentIndex(1 if stored else 0)
        if focused:
            self._target.setFocus(Qt.FocusReason.OtherFocusReason)
        self.bar.setEnabled(stored is not None)
        rendered = loaded is not None and loaded.rendering is not None
        if rendered != self.bar.compare.isEnabledTo(self.bar):
            # What is new is shown, until it is switched off.
            self.bar.compare.setEnabled(rendered)
            self.bar.compare.setChecked(rendered)
        if stored is None:
            self._show_why_empty(loaded)
            self.view.spectrogram.set_source(None)
        else:
            self.axis.set_total(stored.frames)
            self.options.set_choices("source", ("original", "master")[: 1 + rendered])
            self.options.set_choices("channel", channel_names(stored.channels))
            self._show_spectrum()
        self._show_waves()

    def _show_why_empty(self, loaded: LoadedClip | None) -> None:
        clip = self.services.session.state.clip(self._clip_id)
        if clip is None:
            self._empty.show_text(*WELCOME)
        elif loaded is not None and loaded.failure is not None:
            failure = loaded.failure
            self._empty.show_text(failure.what, f"{failure.why} {failure.remedy}".strip())
        else:
            self._empty.show_text(f"Opening {clip.name} …")

    def _show_waves(self) -> None:
        loaded = self._loaded
        before = _wave(loaded.stored, loaded.peaks) if loaded else None
        after = _wave(loaded.rendering, loaded.rendering_peaks) if loaded else None
        available = loaded.stored.available_frames if loaded and loaded.stored else 0
        self.view.set_waves(before, after if self.bar.compare.isChecked() else None, available)

    # -- the spectrogram

    def _take_options(self, options: SpectrogramOptions) -> None:
        self._show_options(options)
        self._show_spectrum()
        try:
            self.services.settings.change(spectrogram=to_defaults(options))
        except Failure as failure:
            self.services.fail(failure)

    def _show_options(self, options: SpectrogramOptions) -> None:
        spectrogram = self.view.spectrogram
        spectrogram.set_scale(FrequencyScale(options.axis))
        spectrogram.set_colors(ColorMap(options.colors), options.low_db, options.high_db)

    def _show_spectrum(self) -> None:
        """Give the view the tiles of what was chosen; a growing file keeps its own."""
        loaded, options = self._loaded, self.options.options
        if loaded is None or loaded.stored is None:
            return
        chosen = loaded.rendering if options.source == "master" else None
        stored = chosen or loaded.stored
        tiles_of = (stored.path, options.window, options.size, options.hop, options.channel)
        source = self._loader.source
        if source is None or tiles_of != self._tiles_of:
            self._tiles_of = tiles_of
            self.view.spectrogram.set_source(self._open_tiles(stored, options))
        elif source.available_frames != stored.available_frames:
            source.grow(stored)
            self.view.spectrogram.refresh()

    def _open_tiles(self, stored: StoredAudio, options: SpectrogramOptions) -> TileSource:
        from engine.audio.spectrogram import SpectrogramSettings

        channel = channel_of(options.channel, stored.channels)
        settings = SpectrogramSettings(options.window, options.size, options.hop, channel)
        return open_tiles(stored, settings, self.services.cache)

    def _submit_tiles(
        self, task: Callable[[LoadRequest, Context], None], request: LoadRequest
    ) -> Job:
        clip = self.services.session.state.clip(self._clip_id)
        title = f"Spectrogram of {clip.name}" if clip else "Spectrogram"
        return self.services.lanes.submit(title, task, request, lane=Lane.LIGHT, quiet=True)


def _wave(stored: StoredAudio | None, peaks: PeakPyramid | None) -> WaveSource | None:
    if stored is None or peaks is None:
        return None
    return WaveSource(peaks, lambda a, b: stored.clip(a, b).samples, stored.channels)

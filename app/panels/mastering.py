"""Mastering panel: the chain of the current clip, drawn, in numbers, heard live and fitted."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtGui import QHideEvent, QResizeEvent, QShowEvent
from PySide6.QtWidgets import QWidget

from app.canvas.live_display import REDUCING_STAGES, LiveDisplay
from app.canvas.meters import REDUCTION_SCALE, BarMeter
from app.canvas.response import ResponseView
from app.commands import Command
from app.document.state import MasteringEntry, SessionState
from app.panels.base import Panel, Services
from app.widgets.band_strip import BandStrip
from app.widgets.job_watch import JobWatch
from app.widgets.mastering_header import MasteringHeader, preset_delivery
from app.widgets.mastering_layout import MasteringLayout
from app.widgets.mastering_summary import summarise
from app.widgets.stage_board import StageBoard
from engine.mastering.parameters import MAX_BANDS, Amounts, Band, ChainParameters
from engine.tasks import Progress


class MasteringPanel(Panel):
    """Edits the mastering of the session's current clip; every edit is one undoable step.

    The panel shows what the session says, never the other way round, so undo and redo need no
    code here. Solo is listening, not editing: it is not part of the session.
    """

    panel_id = "mastering"
    title = "Mastering"

    def __init__(self, services: Services, parent: QWidget | None = None) -> None:
        super().__init__(services, parent)
        self.setAutoFillBackground(True)
        self._clip_id: str | None = None
        self._watched = JobWatch(self)
        self._fitting: ChainParameters | None = None
        self._solo = -1
        self._sent = b""
        self._possible: tuple[bool, ...] = ()

        theme = services.theme
        self.header = MasteringHeader(self)
        self.graph = ResponseView(theme, self)
        self.strip = BandStrip(self)
        self.reductions = {
            stage: BarMeter(theme, REDUCTION_SCALE, f"{stage.capitalize()} gain reduction")
            for stage in REDUCING_STAGES
        }
        for meter in self.reductions.values():
            meter.setFixedWidth(38)
        self.board = StageBoard(self.reductions, self)
        self.live = LiveDisplay(services.player, self.graph, self.reductions, self)
        self._layout = MasteringLayout(self, self.header, self.graph, self.strip, self.board)
        self._connect()
        self._follow(services.session.state)

    # -- commands --------------------------------------------------------------------------

    def commands(self) -> list[Command]:
        """What can be done here, for menus, keys and the palette."""
        here = partial(Command, menu="Master", enabled=self._has_clip)
        selections = [partial(self.select_band, index) for index in range(MAX_BANDS)]
        return [
            here(
                "master.run",
                "Master",
                self.master,
                ("Ctrl+M",),
                enabled=self._can_master,
                hint="Fit the chain to the target and render the result",
            ),
            here(
                "master.render",
                "Render the present numbers",
                self.render_numbers,
                ("Ctrl+Shift+M",),
                enabled=self._can_render,
                hint="Render the numbers as they are, without a new fit",
            ),
            here("master.cancel", "Cancel mastering", self.cancel, enabled=self._is_running),
            here("master.reset", "Back to what Master found", self.reset, enabled=self._has_fit),
            here("master.flatten", "All processing off", self.flatten),
            here("master.solo_off", "Solo off", partial(self.set_solo, -1), enabled=self._soloed),
            here("master.export", "Export…", self.export, ("Ctrl+E",), menu="File"),
            *(
                here(f"master.band_{band}", f"Select band {band}", select, menu="")
                for band, select in enumerate(selections, start=1)
            ),
        ]

    def master(self) -> None:
        """Start the fit of the current clip."""
        if self._can_master() and self._clip_id is not None:
            self.services.masters.master(self._clip_id)

    def render_numbers(self) -> None:
        """Render the numbers as they are, without a new fit."""
        if self._can_render() and self._clip_id is not None:
            self.services.masters.render(self._clip_id)

    def cancel(self) -> None:
        """Stop the running fit."""
        self._watched.cancel()

    def reset(self) -> None:
        """Go back to the parameters the fit found."""
        entry = self.entry
        if entry.fitted is not None:
            self._edit("Reset to the fit", parameters=entry.fitted, amounts=Amounts())

    def flatten(self) -> None:
        """Take all processing off; the ceiling stays."""
        flat = ChainParameters()
        limiter = replace(flat.limiter, ceiling_dbtp=self.entry.ceiling_dbtp)
        self._edit("Flat mastering", parameters=replace(flat, limiter=limiter), amounts=Amounts())

    def export(self) -> None:
        """Ask for a format and hand the wish to the library."""
        from app.widgets.export_dialog import ExportDialog

        clip = self.services.session.state.current
        if clip is None:
            return
        loaded = self.services.library.audio(clip.id)
        rendered = loaded is not None and loaded.rendering is not None
        dialog = ExportDialog(clip, rendered and clip.mastering.rendering_key is not None, self)
        if dialog.exec():
            self.services.masters.export(clip.id, dialog.request())

    def select_band(self, index: int) -> None:
        """Select a band in the graph and give it the keyboard."""
        self.graph.select(index)
        self.graph.setFocus(Qt.FocusReason.ShortcutFocusReason)

    def set_solo(self, index: int) -> None:
        """Hear one band alone; -1 for all."""
        self._solo = index
        self.graph.set_solo(index)
        self._show()

    # -- state -> widgets ------------------------------------------------------------------

    @property
    def entry(self) -> MasteringEntry:
        """How the current clip is mastered; the defaults while nothing is open."""
        clip = self.services.session.state.current
        return clip.mastering if clip is not None else MasteringEntry()

    @property
    def parameters(self) -> ChainParameters:
        """The chain as it stands: the running fit's, else the session's, else a flat one."""
        if self._fitting is not None:
            return self._fitting
        entry = self.entry
        if entry.parameters is not None:
            return entry.parameters
        flat = ChainParameters()
        return replace(flat, limiter=replace(flat.limiter, ceiling_dbtp=entry.ceiling_dbtp))

    def _follow(self, state: SessionState) -> None:
        if state.current_id != self._clip_id:
            self._clip_id = state.current_id
            self._solo = -1
            self.graph.set_solo(-1)
            self.live.clear()
            self._watch(self._clip_id)
        self._show()

    def _show(self) -> None:
        """Bring every control, the graph and the live preview to the state."""
        entry, parameters = self.entry, self.parameters
        fitting = self._fitting is not None  # it shows what it finds, whole
        heard = parameters.scaled(Amounts() if fitting else entry.amounts)
        self.setEnabled(self._has_clip())
        self.graph.show_bands(parameters.bands, heard.bands, self._rate())
        self.strip.show_bands(parameters.bands, self.graph.selected_index, self._solo)
        self.board.show_parameters(parameters)
        self.header.show_entry(entry)
        self.header.render_button.setVisible(self._can_render())
        self._show_summary()
        self._play_live(heard)
        self._refresh_commands()

    def _refresh_commands(self) -> None:
        """Tell menus and buttons, but not at every step of a drag."""
        possible = (
            self._has_clip(),
            self._is_running(),
            self._can_render(),
            self._has_fit(),
            self._soloed(),
        )
        if possible != self._possible:
            self._possible = possible
            self.services.commands.refresh()

    def _show_summary(self) -> None:
        if self._clip_id is None:
            self.header.show_summary("Open a track to master it.")
            return
        services = self.services
        loaded = services.library.audio(self._clip_id)
        result = services.masters.result(self._clip_id)
        self.header.show_summary(*summarise(self.entry, loaded, result))

    def _play_live(self, heard: ChainParameters) -> None:
        message: dict[str, Any] = heard.to_dict()
        if self._solo >= 0:
            message["solo"] = self._solo
        data = json.dumps(message).encode()
        if data != self._sent and self._has_clip():
            self._sent = data
            self.services.player.set_insert_parameters(data)

    def _rate(self) -> int:
        clip = self.services.session.state.current
        return (clip.rate if clip is not None else 0) or 48000

    # -- widgets -> state ------------------------------------------------------------------

    def _connect(self) -> None:
        services = self.services
        services.session.changed.connect(self._follow)
        services.library.changed.connect(self._clip_changed)
        services.masters.changed.connect(self._watch)
        self._watched.switched.connect(self._switch_job)
        self._watched.progressed.connect(self._show_progress)
        seal = services.session.seal
        self.graph.edited.connect(self._edit_band)
        self.graph.edit_finished.connect(seal)
        self.graph.selected.connect(lambda _: self._show())
        self.graph.solo_requested.connect(self.set_solo)
        self.graph.reset_requested.connect(self._reset_band)
        self.graph.crowded.connect(
            lambda: services.notify("All ten bands are in use. Reset one to free it.")
        )
        self.strip.edited.connect(self._edit_band)
        self.strip.selected.connect(self.graph.select)
        self.strip.solo_requested.connect(self.set_solo)
        self.board.edited.connect(self._edit_stage)
        for source in (self.strip, self.board, self.header):
            source.held.connect(lambda held: None if held else seal())
        header = self.header
        header.edited.connect(self._edit_entry)
        header.references.added.connect(self._add_references)
        header.references.removed.connect(self._remove_reference)
        header.master.clicked.connect(self.master)
        header.render_button.clicked.connect(self.render_numbers)
        header.cancel.clicked.connect(self.cancel)
        header.export.clicked.connect(self.export)
        self._reset_action = header.reset_menu.addAction("Back to what Master found", self.reset)
        header.reset_menu.addAction("All processing off", self.flatten)
        header.reset_menu.aboutToShow.connect(
            lambda: self._reset_action.setEnabled(self._has_fit())
        )

    def _edit(self, label: str, merge: str = "", **changes: Any) -> None:
        if self._clip_id is None or self._watched.running:
            self._show()  # what was edited shows what is in force again
            return
        entry = replace(self.entry, **changes)
        if (entry.parameters, entry.amounts) != (self.entry.parameters, self.entry.amounts):
            changes["rendering_key"] = None  # it is a rendering of other numbers now
            self._hear_live()
        session = self.services.session
        session.edit(label, session.state.with_mastering(self._clip_id, **changes), merge=merge)

    def _hear_live(self) -> None:
        """Whoever edits while hearing the finished master wants to hear the edit."""
        player = self.services.player
        slots = list(player.slots)
        if player.current_slot < len(slots) and slots[player.current_slot].label == "Master":
            player.select(next(i for i, slot in enumerate(slots) if slot.label == "Live"))

    def _edit_band(self, index: int, changes: dict[str, Any]) -> None:
        merge = f"{self._clip_id}.band.{index}.{'_'.join(sorted(changes))}"
        parameters = self.parameters.with_band(index, **changes)
        self._edit(f"Change band {index + 1}", merge, parameters=parameters)

    def _reset_band(self, index: int) -> None:
        bands = list(self.parameters.bands)
        defaults = ChainParameters().bands
        bands[index] = defaults[index] if index < len(defaults) else Band()
        self._edit(
            f"Reset band {index + 1}", parameters=replace(self.parameters, bands=tuple(bands))
        )

    def _edit_stage(self, stage: str, changes: dict[str, Any]) -> None:
        record = replace(getattr(self.parameters, stage), **changes)
        entry_changes: dict[str, Any] = {}
        if "ceiling_dbtp" in changes:
            entry_changes["ceiling_dbtp"] = changes["ceiling_dbtp"]
        self._edit(
            f"Change the {stage}",
            f"{self._clip_id}.{stage}.{'_'.join(changes)}",
            parameters=replace(self.parameters, **{stage: record}),
            **entry_changes,
        )

    def _edit_entry(self, changes: dict[str, Any]) -> None:
        labels = {
            "target": "Choose target",
            "lufs": "Change loudness target",
            "ceiling_dbtp": "Change ceiling",
            "amounts": "Change amount",
        }
        field = next(iter(changes))
        if field == "target":
            # A purpose brings its own delivery level; it can be changed afterwards.
            changes = {**changes, **preset_delivery(changes[field])}
        if "ceiling_dbtp" in changes and self.entry.parameters is not None:
            # The ceiling aimed for is the limiter's: one number in two places.
            limiter = replace(self.parameters.limiter, ceiling_dbtp=changes["ceiling_dbtp"])
            changes = {**changes, "parameters": replace(self.parameters, limiter=limiter)}
        self._edit(labels[field], f"{self._clip_id}.mastering.{field}", **changes)

    def _add_references(self, paths: list[Path]) -> None:
        there = self.entry.references
        new = tuple(str(path) for path in paths if str(path) not in there)
        if new:
            self._edit("Add reference", references=(*there, *new))

    def _remove_reference(self, path: str) -> None:
        rest = tuple(each for each in self.entry.references if each != path)
        self._edit("Remove reference", references=rest)

    # -- the running fit -------------------------------------------------------------------

    def _clip_changed(self, clip_id: str) -> None:
        if clip_id == self._clip_id:
            self._show()

    def _watch(self, clip_id: str | None) -> None:
        if clip_id == self._clip_id:
            self._watched.watch(self.services.masters.job(clip_id) if clip_id else None)

    def _switch_job(self) -> None:
        running = self._watched.running
        self._fitting = None
        self.graph.set_editable(not running)
        for controls in (self.strip, self.board, *self.header.settings):
            controls.setEnabled(not running)
        self.header.show_running(0.0 if running else None)
        self._show()

    def _show_progress(self, progress: Progress) -> None:
        self.header.show_running(progress.fraction, progress.text)
        if isinstance(progress.partial, ChainParameters):
            self._fitting = progress.partial
            self._show()

    # -- layout ----------------------------------------------------------------------------

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Put the numbers beside the graph where there is room, below it where not."""
        super().resizeEvent(event)
        self._layout.arrange()

    def showEvent(self, event: QShowEvent) -> None:
        """Start the live display."""
        super().showEvent(event)
        self.live.set_visible(True)

    def hideEvent(self, event: QHideEvent) -> None:
        """Stop the live display."""
        super().hideEvent(event)
        self.live.set_visible(False)

    # -- conditions ------------------------------------------------------------------------

    def _has_clip(self) -> bool:
        return self.services.session.state.current is not None

    def _is_running(self) -> bool:
        return self._watched.running

    def _can_master(self) -> bool:
        return self._has_clip() and not self._is_running()

    def _can_render(self) -> bool:
        entry = self.entry
        rendered = entry.rendering_key is not None
        return self._can_master() and entry.parameters is not None and not rendered

    def _soloed(self) -> bool:
        return self._solo >= 0

    def _has_fit(self) -> bool:
        return self.entry.fitted is not None and not self._is_running()

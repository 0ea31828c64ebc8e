"""Mastering panel: the chain of the current clip, drawn, in numbers, heard live and fitted."""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QHideEvent, QResizeEvent, QShowEvent
from PySide6.QtWidgets import QWidget

from app.canvas.gain_meter import GainMeter
from app.canvas.live_display import BANDS, GAIN_STAGES, LiveDisplay
from app.canvas.meters import BarMeter
from app.canvas.response import ResponseView
from app.commands import Command
from app.document.state import MasteringEntry, SessionState
from app.panels.base import Panel, Services
from app.usage_window import UsageWindow
from app.widgets.amounts_box import why_no_residual
from app.widgets.band_strip import BandStrip
from app.widgets.difference_button import DifferenceButton
from app.widgets.effects_text import board_texts, effect_texts
from app.widgets.job_watch import JobWatch
from app.widgets.live_chain import STAGE_NAMES, LiveChain
from app.widgets.mastering_edits import ONLY, MasteringEdits
from app.widgets.mastering_header import MasteringHeader
from app.widgets.mastering_layout import MasteringLayout
from app.widgets.mastering_summary import summarise
from app.widgets.match_name import ask_delete, ask_name, ask_new_name
from app.widgets.model_chooser import explain
from app.widgets.model_page import ModelPage
from app.widgets.stage_board import StageBoard
from engine.mastering.parameters import MAX_BANDS, Amounts, ChainParameters
from engine.tasks import Progress

# To look for models loads torch, which has time until the window stands.
LOOK_MS = 1500
METER_HINTS = {
    "compressor": "Gain of the compressor in dB while it plays: down from 0 it makes quieter, up "
    "from 0 (ratio under 1:1, upward expansion) louder",
    "limiter": "Gain reduction of the limiter in dB while it plays",
}


class MasteringPanel(Panel):
    """Shows the mastering of the session's current clip, and hands on what a person changes.

    The panel shows what the session says, never the other way round, so undo and redo need no
    code here. Solo and difference are listening, not editing: no part of the session.
    """

    panel_id = "mastering"
    title = "Mastering"

    def __init__(self, services: Services, parent: QWidget | None = None) -> None:
        super().__init__(services, parent)
        self.setAutoFillBackground(True)
        self._clip_id: str | None = None
        self._watched = JobWatch(self)
        self._fitting: ChainParameters | None = None
        self._possible: tuple[bool, ...] = ()
        self._usage = UsageWindow(services.theme, services.masters, services.fail, self)

        theme = services.theme
        self.chain = LiveChain(services.player, self)
        self.header = MasteringHeader(self)
        self.edits = MasteringEdits(services.session, self.header.delivery, self)
        self.graph = ResponseView(theme, self)
        self.strip = BandStrip(self)
        self.reductions = {
            stage: BarMeter(theme, scale, f"{stage.capitalize()} gain reduction")
            for stage, scale in GAIN_STAGES.items()
        }
        for stage, meter in self.reductions.items():
            meter.setFixedWidth(38)
            meter.setToolTip(METER_HINTS[stage])
        self.band_gains = GainMeter(theme, BANDS, "Gain of the three bands")
        self.board = StageBoard({**self.reductions, "multiband": self.band_gains}, self)
        self.model = ModelPage(self)
        self.live = LiveDisplay(services.player, self.graph, self.reductions, self.band_gains, self)
        self._layout = MasteringLayout(
            self, self.header, self.graph, self.strip, self.board, self.model
        )
        self._differences = self.findChildren(DifferenceButton)
        self._connect()
        self._connect_header()
        self._follow(services.session.state)

    # -- commands --------------------------------------------------------------------------

    def commands(self) -> list[Command]:
        """What can be done here, for menus, keys and the palette."""
        here = partial(Command, menu="Master", enabled=self._has_clip)
        bands = [partial(self.select_band, index) for index in range(MAX_BANDS)]
        return [
            here("master.run", "Master", self.master, ("Ctrl+M",), enabled=self._can_master,
                 hint="Find the chain, meet the loudness and render the result"),
            here("master.render", "Render the present numbers", self.render_numbers,
                 ("Ctrl+Shift+M",), enabled=self._can_render,
                 hint="Render the numbers as they are, without finding the chain anew"),
            here("master.album", "Master all as an album", self.master_album,
                 enabled=self._has_album,
                 hint="One gain for all clips keeps their relative loudness; preset, loudness and "
                 "ceiling are the first clip's"),
            here("master.cancel", "Cancel mastering", self.cancel, enabled=self._is_running),
            *self.edits.commands(self._has_clip, self._has_fit),
            *self.chain.commands(),
            here("master.save_match", "Save match as preset…", self.save_match,
                 enabled=self._has_references),
            here("master.rename_preset", "Rename preset…", self.rename_preset,
                 enabled=self._has_own_preset),
            here("master.delete_preset", "Delete preset…", self.delete_preset,
                 enabled=self._has_own_preset),
            here("master.band_usage", "Band usage…", self._usage.open, enabled=lambda: True,
                 hint="Which bands a model opens over a folder of recordings"),
            here("master.export", "Export…", self.export, ("Ctrl+E",), menu="File"),
            *(
                here(f"master.band_{band}", f"Select band {band}", select, menu="")
                for band, select in enumerate(bands, start=1)
            ),
        ]  # fmt: skip

    def master(self) -> None:
        """Start mastering the current clip."""
        if self._can_master() and self._clip_id is not None:
            self.services.masters.master(self._clip_id)

    def render_numbers(self) -> None:
        """Render the numbers as they are."""
        if self._can_render() and self._clip_id is not None:
            self.services.masters.render(self._clip_id)

    def master_album(self) -> None:
        """Start mastering all clips of the session as one album."""
        if self.services.masters.master_album() is None:
            self.services.notify("A clip is being mastered. Wait for it, or cancel it, first.")

    def save_match(self) -> None:
        """Ask for a name and keep what the references sound like as a preset."""
        installed = self.services.masters.models.installed
        taken = [preset.name for preset in installed.presets] if installed is not None else []
        asked = ask_name(taken, self)
        if asked is not None and self._clip_id is not None:
            self.services.masters.save_match(self._clip_id, asked.name, replacing=asked.replacing)

    def rename_preset(self) -> None:
        """Ask for another name of the chosen preset."""
        name = self.header.own_preset
        new = ask_new_name(name, self) if name else ""
        if new:
            self.services.masters.rename_match(name, new)

    def delete_preset(self) -> None:
        """Ask whether the chosen preset should go."""
        name = self.header.own_preset
        if name and ask_delete(name, self):
            self.services.masters.delete_match(name)

    def cancel(self) -> None:
        """Stop what runs."""
        self._watched.cancel()

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

    # -- state -> widgets ------------------------------------------------------------------

    @property
    def entry(self) -> MasteringEntry:
        """How the current clip is mastered; the defaults while nothing is open."""
        return self.edits.entry

    @property
    def parameters(self) -> ChainParameters:
        """The chain as it stands: the running fit's, else the session's, else a flat one."""
        return self._fitting if self._fitting is not None else self.edits.parameters

    def _follow(self, state: SessionState) -> None:
        if state.current_id != self._clip_id:
            self._clip_id = state.current_id
            self.chain.stop()
            self.live.clear()
            self._watch(self._clip_id)
        self._show()

    def _show(self) -> None:
        """Bring every control, the graph and the live preview to the state."""
        entry, parameters, chain = self.entry, self.parameters, self.chain
        fitting = self._fitting is not None  # it shows what it finds, whole
        heard = parameters.scaled(Amounts() if fitting else entry.amounts)
        self.setEnabled(self._has_clip())
        self.graph.show_bands(parameters.bands, heard.bands, self._rate())
        self.graph.set_solo(chain.solo)
        self.strip.show_bands(parameters.bands, self.graph.selected_index, chain.solo)
        self.board.show_parameters(parameters)
        self.header.show_entry(entry)
        self.header.render_button.setVisible(self._can_render())
        self._show_model(entry, parameters)
        for button in self._differences:
            button.show_stage(chain.stage, chain.can_listen)
        self.header.show_heard(STAGE_NAMES.get(chain.stage, ""))
        self._show_summary()
        if self._has_clip():
            chain.send(heard)
        self._refresh_commands()

    def _show_model(self, entry: MasteringEntry, parameters: ChainParameters) -> None:
        """Show what was answered, the amounts, the references and what each stage did."""
        page, texts = self.model, effect_texts(entry)
        page.answer.show_entry(entry, explain(entry, self.header.model.installed))
        page.amounts.show_amounts(entry.amounts, why_no_residual(entry, parameters))
        page.amounts.show_effects(texts)
        page.references.show_references(entry.references, entry.weights)
        self.board.show_effects(board_texts(texts, parameters))

    def _refresh_commands(self) -> None:
        """Tell menus and buttons, but not at every step of a drag."""
        possible = (
            self._has_clip(),
            self._is_running(),
            self._can_render(),
            self._has_fit(),
            *self.chain.conditions,
            self._has_references(),
            self._has_own_preset(),
            self._has_album(),
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

    def _rate(self) -> int:
        clip = self.services.session.state.current
        return (clip.rate if clip is not None else 0) or 48000

    def _show_models(self) -> None:
        installed = self.services.masters.models.installed
        if installed is not None:
            self.header.model.show_models(installed.models)
            self.header.show_presets(installed.presets)
            self._show()

    # -- widgets -> state ------------------------------------------------------------------

    def _connect(self) -> None:
        services, edits = self.services, self.edits
        services.session.changed.connect(self._follow)
        services.library.changed.connect(self._clip_changed)
        services.masters.changed.connect(self._watch)
        services.masters.models.changed.connect(self._show_models)
        self._watched.switched.connect(self._switch_job)
        self._watched.progressed.connect(self._show_progress)
        self.chain.changed.connect(self._show)
        edits.refused.connect(self._show)  # what was edited shows what is in force again
        edits.sounded.connect(self.chain.hear_edits)
        seal = services.session.seal
        self.graph.edited.connect(edits.change_band)
        self.graph.edit_finished.connect(seal)
        self.graph.selected.connect(lambda _: self._show())
        self.graph.solo_requested.connect(self.chain.listen_to_band)
        self.graph.reset_requested.connect(edits.reset_band)
        self.graph.crowded.connect(
            lambda: services.notify("All ten bands are in use. Reset one to free it.")
        )
        self.strip.edited.connect(edits.change_band)
        self.strip.selected.connect(self.graph.select)
        self.strip.solo_requested.connect(self.chain.listen_to_band)
        self.strip.all_enabled.connect(edits.enable_bands)
        self.board.edited.connect(edits.change_stage)
        for button in self._differences:
            button.asked.connect(self.chain.listen_to_stage)
        page = self.model
        page.answer.edited.connect(edits.change_entry)
        page.amounts.edited.connect(lambda amounts: edits.change_entry({"amounts": amounts}))
        for source in (self.strip, self.board, self.header, page.amounts, page.references):
            source.held.connect(lambda held: None if held else seal())
        references = page.references
        for each in (self.header.references, references):
            each.added.connect(edits.add_references)
            each.removed.connect(edits.remove_reference)
        references.moved.connect(edits.move_reference)
        references.weighed.connect(edits.weigh_reference)
        references.located.connect(edits.locate_reference)
        references.save_asked.connect(self.save_match)

    def _connect_header(self) -> None:
        header, edits = self.header, self.edits
        header.edited.connect(edits.change_entry)
        header.preset.rename_asked.connect(self.rename_preset)
        header.preset.delete_asked.connect(self.delete_preset)
        header.model.opened.connect(self.services.masters.models.refresh)
        header.master.clicked.connect(self.master)
        header.render_button.clicked.connect(self.render_numbers)
        header.cancel.clicked.connect(self.cancel)
        header.export.clicked.connect(self.export)
        header.heard.stopped.connect(self.chain.stop)
        for title, groups in ONLY.items():
            header.only_menu.addAction(title, partial(edits.only, *groups))
        back = header.reset_menu.addAction("Back to what Master found", edits.reset)
        header.reset_menu.addAction("All processing off", edits.flatten)
        header.reset_menu.aboutToShow.connect(lambda: back.setEnabled(self._has_fit()))

    # -- what runs -------------------------------------------------------------------------

    def _clip_changed(self, clip_id: str) -> None:
        if clip_id == self._clip_id:
            self._show()

    def _watch(self, clip_id: str | None) -> None:
        if clip_id == self._clip_id:
            self._watched.watch(self.services.masters.job(clip_id) if clip_id else None)

    def _switch_job(self) -> None:
        running = self._watched.running
        self._fitting = None
        self.edits.locked = running
        self.graph.set_editable(not running)
        for controls in (self.strip, self.board, self.model, *self.header.settings):
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
        """Start the live display, and look which models there are."""
        super().showEvent(event)
        self.live.set_visible(True)
        if self.header.model.installed is None:
            QTimer.singleShot(LOOK_MS, self, self.services.masters.models.refresh)

    def hideEvent(self, event: QHideEvent) -> None:
        """Stop the live display; a difference is not heard where it cannot be seen."""
        super().hideEvent(event)
        self.live.set_visible(False)
        self.chain.listen_to_band(self.chain.solo)

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

    def _has_album(self) -> bool:
        return len(self.services.session.state.clips) > 1

    def _has_references(self) -> bool:
        return bool(self.entry.references)

    def _has_own_preset(self) -> bool:
        return bool(self.header.own_preset)

    def _has_fit(self) -> bool:
        return self.entry.fitted is not None and not self._is_running()

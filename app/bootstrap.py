"""Bootstrap: builds everything once, in order, and wires it."""

from __future__ import annotations

import base64
import logging
from collections.abc import Callable
from dataclasses import dataclass
from importlib.resources import files as package_files
from pathlib import Path

from PySide6.QtCore import QTimer
from PySide6.QtGui import QIcon
from PySide6.QtWidgets import QApplication

import resources
from app.audio.bank import Bank
from app.audio.devices import Output
from app.audio.player import Player
from app.commands import Command, Commands
from app.document.autosave import Autosave
from app.document.recovery import Recovery
from app.document.session import Session
from app.document.state import MasteringEntry
from app.errors import CrashHandler
from app.library import Library
from app.live_loudness import LiveLoudness
from app.masters import Masters
from app.menus import Menus
from app.panels.base import Panel, Services
from app.panels.editor import EditorPanel
from app.panels.files import FilesPanel
from app.panels.jobs import JobsPanel
from app.panels.log import LogPanel
from app.panels.mastering import MasteringPanel
from app.panels.meters import MetersPanel
from app.panels.training import TrainingPanel
from app.session_files import SessionFiles
from app.settings import Locations, Settings, SettingsStore
from app.slots import Slots
from app.theme import Theme
from app.training import Training
from app.widgets.status import StatusLine
from app.widgets.toast import Toast
from app.widgets.transport import Transport
from app.window import BOTTOM, LAYOUTS, LEFT, RIGHT, Window
from engine.cache import Cache
from engine.lanes import Lanes
from engine.mastering.parameters import Amounts
from engine.tasks import Failure

log = logging.getLogger("audiobench")
LAYOUT_KEY, GEOMETRY_KEY = "last", "last geometry"


@dataclass(slots=True)
class Workbench:
    """The running program; :meth:`close` ends it in order."""

    window: Window
    services: Services
    files: SessionFiles
    autosave: Autosave
    slots: Slots
    live_loudness: LiveLoudness
    training: Training
    panels: dict[str, Panel]
    menus: Menus

    def open(self, paths: list[Path]) -> None:
        """Open files as if they had been dropped."""
        self.files.open_paths(paths)

    def close(self, *, recoverable: bool = False) -> None:
        """Keep the layout, end playback and work.

        Nothing is left to recover, unless ``recoverable`` asks for it: nobody was asked to save.
        """
        self._keep_layout()
        self.services.player.shutdown()
        self.live_loudness.stop()
        self.training.close()
        self.services.lanes.shutdown()
        if recoverable and self.files.unsaved:
            self.autosave.snapshot()
            self.autosave.flush()
        else:
            self.autosave.close()

    def _keep_layout(self) -> None:
        settings = self.services.settings
        layouts = dict(settings.current.layouts)
        layouts[LAYOUT_KEY] = base64.b64encode(self.window.layout_bytes()).decode()
        layouts[GEOMETRY_KEY] = base64.b64encode(bytes(self.window.saveGeometry().data())).decode()
        try:
            settings.change(layouts=layouts)
        except Failure as failure:
            log.warning("%s", failure)


def build(locations: Locations, output: Output | None = None) -> Workbench:
    """Build the workbench; the window is not shown yet.

    Parameters
    ----------
    locations
        Where settings, cache and data of this user lie.
    output
        Device and latency instead of the ones in the settings.
    """
    settings = SettingsStore(locations.settings)
    current = settings.current
    theme = Theme(current.theme.value)
    theme.apply()
    cache = Cache(locations.cache, int(current.cache_budget_gb * 1e9))
    session = Session()
    lanes = Lanes()
    player = Player(output=output or output_of(current), bank=Bank(lanes, cache))
    library = Library(
        session,
        lanes,
        cache,
        keep_current=lambda: player.playing,
        mastering=lambda: mastering_of(settings.current),
    )
    masters = Masters(session, library, lanes, cache, locations)
    training = Training(lanes, cache, masters.models, locations)
    commands = Commands(key_overrides(current))
    said: list[Toast] = []  # the toast needs the window, which needs the panels, which need this

    def fail(failure: Failure) -> None:
        log.error("%s", failure)
        said[0].fail(failure)

    services = Services(
        session=session,
        library=library,
        masters=masters,
        player=player,
        lanes=lanes,
        cache=cache,
        commands=commands,
        settings=settings,
        theme=theme,
        notify=lambda text: said[0].notify(text),
        fail=fail,
    )
    slots = Slots(session, library, player)
    live_loudness = LiveLoudness(session, library, lanes)
    files = SessionFiles(session, library, settings, services.fail, services.notify)
    editor = EditorPanel(services)
    transport = Transport(services, slots)
    training_panel = TrainingPanel(services, training)
    docked = (
        (FilesPanel(services), LEFT),
        (MasteringPanel(services), BOTTOM),
        (training_panel, BOTTOM),
        (JobsPanel(services), BOTTOM),
        (LogPanel(services), BOTTOM),
        (MetersPanel(services), RIGHT),
    )
    panels: dict[str, Panel] = {panel.panel_id: panel for panel, _ in docked} | {"editor": editor}
    menus = Menus(services)
    commands.add(files.commands())
    commands.add(menus.commands())
    commands.add(transport.commands())
    for panel in panels.values():
        commands.add(panel.commands())
    status = StatusLine(lanes, player, commands)
    window = Window(
        commands,
        editor,
        transport,
        status,
        docked,
        files.open_paths,
        lambda: training_panel.may_close() and files.may_discard(),
    )
    commands.add(
        [Command("jobs.show", "Show jobs", lambda: window.show_panel("jobs"), ("Ctrl+J",), "View")]
    )
    said.append(Toast(window, theme))
    training_panel.asked_for.connect(lambda: _show_training(window))
    files.window = menus.window = window
    files.layout_name = lambda: window.layout_name
    session.opened.connect(lambda: _show_session_layout(window, session))
    recent = window.menu("File/Open recent")
    recent.setToolTipsVisible(True)
    recent.aboutToShow.connect(lambda: files.fill_recent(recent))
    masters.exported.connect(lambda path: services.notify(f"Exported {path.name}"))
    for source in (library.failed, masters.failed, training.failed, player.trouble):
        source.connect(services.fail)
    library.noticed.connect(services.notify)
    masters.noticed.connect(services.notify)
    training.noticed.connect(services.notify)
    player.device_changed.connect(lambda name: log.info("output device: %s", name))
    _follow_title(window, session, files)
    autosave = Autosave(session, locations.recovery)
    autosave.troubled.connect(services.fail)
    QTimer.singleShot(0, training.refresh)
    if not _restore_layout(window, current):
        window.show_layout("Master")
    return Workbench(
        window, services, files, autosave, slots, live_loudness, training, panels, menus
    )


def output_of(settings: Settings) -> Output:
    """The wished-for output of the settings."""
    return Output(settings.output_device or None, settings.latency_ms / 1000.0)


def mastering_of(settings: Settings) -> MasteringEntry:
    """What mastering of a newly opened clip starts with."""
    wanted = settings.master
    return MasteringEntry(
        target=wanted.target,
        lufs=wanted.lufs,
        ceiling_dbtp=wanted.ceiling_dbtp,
        amounts=Amounts(overall=wanted.amount),
        model=wanted.model,
        refine=wanted.refine,
    )


def key_overrides(settings: Settings) -> dict[str, tuple[str, ...]]:
    """The user's keys by command."""
    return {
        command_id: tuple(key for key in text.split(", ") if key)
        for command_id, text in settings.keys.items()
    }


def recover(workbench: Workbench, root: Path, ask: Callable[[Recovery], bool | None]) -> bool:
    """Offer what a killed window left behind; tell whether it was taken.

    ``ask`` says whether to take it or let it go; None leaves it for the next start.
    """
    recovery = Recovery.find(root)
    if recovery is None:
        return False
    answer = ask(recovery)
    if answer is None:
        recovery.lock.unlock()
        return False
    if answer:
        workbench.services.session.open(recovery.state, recovery.path, dirty=True)
        workbench.autosave.snapshot()
        workbench.autosave.flush()  # on the disk, before the old journal goes
        recovery.discard()
        return True
    recovery.discard()
    return False


def crash_handler(locations: Locations, workbench: Workbench) -> CrashHandler:
    """Errors nobody caught go to the crash log and, from any thread, to the window."""
    window = workbench.window

    def tell(failure: Failure) -> None:
        QTimer.singleShot(0, window, lambda: workbench.services.fail(failure))

    return CrashHandler(locations.logs, tell)


def _follow_title(window: Window, session: Session, files: SessionFiles) -> None:
    def show() -> None:
        name = session.path.stem if session.path else "Untitled"
        window.setWindowTitle(f"{name}[*] – audiobench")
        window.setWindowModified(files.unsaved)
        for command_id, verb, label in (
            ("edit.undo", "Undo", session.undo_label),
            ("edit.redo", "Redo", session.redo_label),
        ):
            window.name_command(command_id, f"{verb} “{label}”" if label else verb)
        window.refresh_commands()

    session.status_changed.connect(show)
    session.changed.connect(lambda _state: show())
    show()


def _show_training(window: Window) -> None:
    """Curves need room: where the panel is not there yet, its layout comes."""
    if not window.docks["training"].isVisible():
        window.show_layout("Train")
    window.show_panel("training")


def _show_session_layout(window: Window, session: Session) -> None:
    """A saved session comes back in the layout it was saved in."""
    if session.path is not None and session.state.layout in LAYOUTS:
        window.show_layout(session.state.layout)


def _restore_layout(window: Window, settings: Settings) -> bool:
    state = base64.b64decode(settings.layouts.get(LAYOUT_KEY, ""))
    geometry = base64.b64decode(settings.layouts.get(GEOMETRY_KEY, ""))
    return window.restore_layout(state, geometry)


def make_application(arguments: list[str]) -> QApplication:
    """The Qt application with its names set."""
    application = QApplication(arguments)
    application.setApplicationName("audiobench")
    application.setApplicationDisplayName("audiobench")
    application.setDesktopFileName("audiobench")
    application.setWindowIcon(QIcon(str(package_files(resources).joinpath("audiobench.svg"))))
    return application

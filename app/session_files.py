"""Opening and saving from the window: dialogs, recent files, missing files, unsaved work."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

from PySide6.QtWidgets import QFileDialog, QMenu, QMessageBox, QWidget

from app.commands import Command
from app.document import store
from app.document.session import Session
from app.document.state import SessionState
from app.library import Library
from app.settings import SettingsStore
from engine.tasks import Failure

log = logging.getLogger("audiobench.session")

AUDIO_FILTER = (
    "Audio and video (*.wav *.aif *.aiff *.flac *.ogg *.opus *.mp3 *.m4a *.aac *.wma *.w64 *.rf64 "
    "*.mp4 *.mov *.mkv *.webm);;All files (*)"
)
SESSION_FILTER = "audiobench session (*.abench)"
Button = QMessageBox.StandardButton


class SessionFiles:
    """What the File menu does.

    Parameters
    ----------
    fail, notify
        Show a failure, or a line that goes by itself, to the user.
    """

    def __init__(
        self,
        session: Session,
        library: Library,
        settings: SettingsStore,
        fail: Callable[[Failure], None],
        notify: Callable[[str], None],
    ) -> None:
        self._session = session
        self._library = library
        self._settings = settings
        self._fail = fail
        self._notify = notify
        self.window: QWidget | None = None
        self.layout_name: Callable[[], str] = str

    def commands(self) -> list[Command]:
        """Open, save and their like."""
        session = self._session
        return [
            Command("file.new", "New session", self.new, ("Ctrl+N",), "File"),
            Command("file.open", "Open audio…", self.ask_audio, ("Ctrl+O",), "File"),
            Command("file.open_folder", "Open folder…", self.ask_folder, (), "File"),
            Command("file.open_session", "Open session…", self.ask_session, ("Ctrl+Shift+O",),
                    "File"),
            Command("file.save", "Save session", self.save, ("Ctrl+S",), "File",
                    lambda: self.unsaved),
            Command("file.save_as", "Save session as…", self.save_as, ("Ctrl+Shift+S",), "File",
                    lambda: bool(session.state.clips)),
            Command("file.locate", "Locate missing files…", self.locate_missing, (), "File",
                    lambda: bool(store.missing(session.state))),
        ]  # fmt: skip

    @property
    def unsaved(self) -> bool:
        """Whether there is something to save: an empty session that has no file is nothing."""
        session = self._session
        return session.dirty and bool(session.state.clips or session.path)

    def open_paths(self, paths: list[Path]) -> None:
        """Open what was dropped or named: a session file, or audio files and folders."""
        sessions = [path for path in paths if path.suffix.lower() == store.SUFFIX]
        audio = [path for path in paths if path not in sessions]
        if sessions and not self.open_session(sessions[0]):
            return
        if audio:
            self._library.add(audio)
            self._remember(audio)

    def fill_recent(self, menu: QMenu) -> None:
        """Put the recent files that are still there into a menu."""
        menu.clear()
        paths = [Path(name) for name in self._settings.current.recent_files]
        for path in paths:
            if path.exists():
                action = menu.addAction(path.name)
                action.setToolTip(str(path))
                action.triggered.connect(partial(self.open_paths, [path]))
        if menu.isEmpty():
            menu.addAction("Nothing opened yet").setEnabled(False)

    def open_session(self, path: Path) -> bool:
        """Replace the session by a saved one, after asking about unsaved work."""
        if not self.may_discard():
            return False
        try:
            state = store.load(path)
        except Failure as failure:
            self._fail(failure)
            return False
        self._session.open(state, path)
        self._remember([path])
        log.info("opened session %s", path)
        if store.missing(state):
            self.locate_missing()
        return True

    def new(self) -> None:
        """An empty session, after asking about unsaved work."""
        if self.may_discard():
            self._session.open(SessionState())

    def save(self) -> bool:
        """Save where the session lies; ask where it was never saved."""
        path = self._session.path
        return self._write(path) if path is not None else self.save_as()

    def save_as(self) -> bool:
        """Ask for a place and save there."""
        name, _ = QFileDialog.getSaveFileName(
            self.window, "Save session", self._folder(), SESSION_FILTER
        )
        if not name:
            return False
        path = Path(name)
        if path.suffix.lower() != store.SUFFIX:
            path = path.with_name(path.name + store.SUFFIX)
            # The dialog asked about the name without it.
            if path.exists() and not self._ask(
                "Replace the file?", f"{path.name} is there already.", Button.Save
            ):
                return False
        return self._write(path)

    def may_discard(self) -> bool:
        """Whether the session may be replaced: it is saved, or the user lets it go."""
        if not self.unsaved:
            return True
        answer = QMessageBox.question(
            self.window,
            "Unsaved session",
            "Save the changes to this session?",
            Button.Save | Button.Discard | Button.Cancel,
            Button.Save,
        )
        return self.save() if answer == Button.Save else answer == Button.Discard

    def ask_audio(self) -> None:
        """Choose audio files to add."""
        names, _ = QFileDialog.getOpenFileNames(
            self.window, "Open audio", self._folder(), AUDIO_FILTER
        )
        if names:
            self.open_paths([Path(name) for name in names])

    def ask_folder(self) -> None:
        """Choose a folder whose audio is added."""
        name = QFileDialog.getExistingDirectory(self.window, "Open folder", self._folder())
        if name:
            self.open_paths([Path(name)])

    def ask_session(self) -> None:
        """Choose a session file to open."""
        name, _ = QFileDialog.getOpenFileName(
            self.window, "Open session", self._folder(), SESSION_FILTER
        )
        if name:
            self.open_session(Path(name))

    def locate_missing(self) -> None:
        """Ask where the files are that are not where the session says, one after the other."""
        found = 0
        while lost := store.missing(self._session.state):
            clip = lost[0]
            more = f" {len(lost)} files are missing in all." if len(lost) > 1 else ""
            text = f"{clip.name} is not at\n{clip.path}\n\nWhere is it now?{more}"
            if not self._ask("A file is missing", text, Button.Open):
                return
            name, _ = QFileDialog.getOpenFileName(
                self.window, f"Where is {clip.name}?", self._folder(), "All files (*)"
            )
            if not name:
                return
            try:
                state = store.relocate(self._session.state, clip.id, Path(name))
            except Failure as failure:
                self._fail(failure)
                return
            self._session.edit(f"Locate {clip.name}", state)
            found += len(lost) - len(store.missing(state))
        if found:
            self._notify("The missing file was found." if found == 1 else f"{found} files found.")

    def _ask(self, title: str, text: str, yes: QMessageBox.StandardButton) -> bool:
        answer = QMessageBox.question(self.window, title, text, yes | Button.Cancel, yes)
        return answer == yes

    def _write(self, path: Path) -> bool:
        layout = self.layout_name()
        if layout:
            self._session.adjust(lambda state: replace(state, layout=layout))
        try:
            store.save(self._session.state, path)
        except Failure as failure:
            self._fail(failure)
            return False
        self._session.mark_saved(path)
        self._remember([path])
        log.info("saved session %s", path)
        return True

    def _folder(self) -> str:
        recent = self._settings.current.recent_files
        return str(Path(recent[0]).parent) if recent else str(Path.home())

    def _remember(self, paths: list[Path]) -> None:
        settings = self._settings.current
        for path in reversed(paths):
            settings = settings.with_recent(path.resolve())
        try:
            self._settings.use(settings)
        except Failure as failure:
            self._fail(failure)

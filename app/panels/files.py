"""Files panel: the clips of the session, what each is, and how far its work is."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection
from itertools import chain, count
from pathlib import Path
from typing import Any

from PySide6.QtCore import QAbstractListModel, QModelIndex, QPoint, Qt
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import (
    QAbstractItemView,
    QFileDialog,
    QHBoxLayout,
    QLabel,
    QListView,
    QMenu,
    QPushButton,
    QStackedLayout,
    QVBoxLayout,
    QWidget,
)

from app.commands import Command
from app.document.state import ClipEntry
from app.export_request import ExportRequest, ExportWhat
from app.panels.base import Panel, Services
from app.widgets.clip_list import DETAIL_ROLE, STATUS_ROLE, ClipDelegate, Index
from engine.audio.export_format import ExportFormat


def clock(duration_s: float) -> str:
    """Minutes and seconds, hours only where there are some."""
    seconds = round(duration_s)
    hours, minutes = seconds // 3600, seconds // 60 % 60
    return f"{hours}:{minutes:02}:{seconds % 60:02}" if hours else f"{minutes}:{seconds % 60:02}"


def unused(path: Path, taken: Collection[Path] = ()) -> Path:
    """The path, numbered if there is such a file already or it is one of ``taken``."""
    numbered = (path.with_stem(f"{path.stem} {number}") for number in count(2))
    candidates = chain([path], numbered)
    return next(each for each in candidates if not each.exists() and each not in taken)


class ClipModel(QAbstractListModel):
    """The session's clips as rows."""

    def __init__(self, services: Services) -> None:
        super().__init__()
        self._services = services
        self._clips: tuple[ClipEntry, ...] = services.session.state.clips

    def show_clips(self, clips: tuple[ClipEntry, ...]) -> None:
        """Take the clips of a new session state."""
        if [clip.id for clip in clips] == [clip.id for clip in self._clips]:
            self._clips = clips
            self.refresh()
            return
        self.beginResetModel()
        self._clips = clips
        self.endResetModel()

    def refresh(self) -> None:
        """Read lengths, loudness and status again."""
        if self._clips:
            self.dataChanged.emit(self.index(0), self.index(len(self._clips) - 1))

    def clip(self, row: int) -> ClipEntry:
        """The clip of a row."""
        return self._clips[row]

    def row_of(self, clip_id: str | None) -> int:
        """The row of a clip, -1 when it is not there."""
        return next((row for row, clip in enumerate(self._clips) if clip.id == clip_id), -1)

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008 - Qt's signature
        """Number of clips."""
        return 0 if parent.isValid() else len(self._clips)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Name, details and status of a clip."""
        clip = self._clips[index.row()]
        if role == Qt.ItemDataRole.DisplayRole:
            return clip.name
        if role == Qt.ItemDataRole.ToolTipRole:
            return str(clip.path)
        if role == DETAIL_ROLE:
            return self._detail(clip)
        if role == STATUS_ROLE:
            return self._services.masters.status(clip.id)
        if role == Qt.ItemDataRole.AccessibleTextRole:
            status = self._services.masters.status(clip.id)
            return ", ".join(part for part in (clip.name, self._detail(clip), status) if part)
        return None

    def _detail(self, clip: ClipEntry) -> str:
        kind = {1: "mono", 2: "stereo"}.get(clip.channels, f"{clip.channels} ch")
        parts = [clock(clip.duration_s)]
        loaded = self._services.library.audio(clip.id)
        loudness = loaded.loudness if loaded else None
        if loudness is not None and math.isfinite(loudness.integrated_lufs):
            parts.append(f"{loudness.integrated_lufs:.1f} LUFS")
        return " · ".join([*parts, f"{clip.rate / 1000:g} kHz", kind])  # a narrow panel cuts it


class FilesPanel(Panel):
    """List of clips; Enter or double-click shows one, Delete closes it."""

    panel_id = "files"
    title = "Files"

    def __init__(self, services: Services, parent: QWidget | None = None) -> None:
        super().__init__(services, parent)
        self._clips = ClipModel(services)
        self._view = QListView(self)
        self._view.setModel(self._clips)
        self._view.setItemDelegate(ClipDelegate(services.theme, self._view))
        self._view.setUniformItemSizes(True)
        self._view.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self._view.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self._view.setAccessibleName("Clips of the session")
        self._view.customContextMenuRequested.connect(self._open_menu)
        self._view.activated.connect(lambda index: self._show_clip(index.row()))
        self._view.clicked.connect(lambda index: self._show_clip(index.row()))
        delete = QShortcut(QKeySequence(QKeySequence.StandardKey.Delete), self._view)
        delete.setContext(Qt.ShortcutContext.WidgetShortcut)
        delete.activated.connect(self._close_selected)
        self._add = QPushButton("Open…", self)
        self._add.clicked.connect(lambda: services.commands.run("file.open"))
        self._master_all = QPushButton("Master all", self)
        self._master_all.setToolTip("Master every clip of the session with its own settings")
        self._master_all.clicked.connect(lambda: services.commands.run("files.master_all"))
        buttons = QHBoxLayout()
        buttons.addWidget(self._add)
        buttons.addWidget(self._master_all)
        buttons.addStretch(1)

        empty = QLabel("Drop audio files or folders here,\nor press Ctrl+O.", self)
        empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        empty.setProperty("muted", True)
        pages = QWidget(self)
        self._pages = QStackedLayout(pages)
        self._pages.addWidget(empty)
        self._pages.addWidget(self._view)

        layout = QVBoxLayout(self)
        layout.setContentsMargins(6, 6, 6, 6)
        layout.addWidget(pages, 1)
        layout.addLayout(buttons)

        services.session.changed.connect(self._show_state)
        for source in (services.library, services.masters):
            source.changed.connect(lambda _clip_id: self._clips.refresh())
        self._show_state(services.session.state)

    def selected_ids(self) -> list[str]:
        """Ids of the selected clips, in the order of the list."""
        rows = sorted(index.row() for index in self._view.selectionModel().selectedRows())
        return [self._clips.clip(row).id for row in rows]

    def commands(self) -> list[Command]:
        """What one can do with clips."""
        has_clips = self._has_clips
        return [
            Command("files.next", "Next clip", lambda: self._step(1), ("Ctrl+PgDown",), "Clip",
                    has_clips),
            Command("files.previous", "Previous clip", lambda: self._step(-1), ("Ctrl+PgUp",),
                    "Clip", has_clips),
            Command("files.master_all", "Master all clips", self._master_every, ("Ctrl+Alt+M",),
                    "Clip", has_clips, hint="Queue a mastering job for every clip"),
            Command("files.export_all", "Export all masters…",
                    self._export_all, (), "Clip", has_clips),
            Command("files.close", "Close clip", self._close_selected, ("Ctrl+W",), "Clip",
                    has_clips),
        ]  # fmt: skip

    def _has_clips(self) -> bool:
        return bool(self.services.session.state.clips)

    def _show_state(self, state: Any) -> None:
        self._clips.show_clips(state.clips)
        self._pages.setCurrentIndex(1 if state.clips else 0)
        self._master_all.setEnabled(bool(state.clips))
        row = self._clips.row_of(state.current_id)
        if row >= 0 and self._view.currentIndex().row() != row:
            self._view.setCurrentIndex(self._clips.index(row))

    def _show_clip(self, row: int) -> None:
        session = self.services.session
        clip = self._clips.clip(row)
        if clip.id != session.state.current_id:
            # Not an edit: undo must not jump between clips. Earlier states may lack this one.
            session.adjust(
                lambda state: state.with_current(clip.id) if state.clip(clip.id) else state
            )

    def _step(self, by: int) -> None:
        rows = self._clips.rowCount()
        row = self._clips.row_of(self.services.session.state.current_id)
        self._show_clip((row + by) % rows)

    def _master_every(self) -> None:
        for clip in self.services.session.state.clips:
            self.services.masters.master(clip.id)

    def _cancel(self, clip_ids: list[str]) -> None:
        for clip_id in clip_ids:
            self.services.masters.cancel(clip_id)

    def _export(self, clip_ids: list[str]) -> None:
        """One clip by the dialog, which is of the clip on screen; several into a folder."""
        if len(clip_ids) == 1:
            self._show_clip(self._clips.row_of(clip_ids[0]))
            self.services.commands.run("master.export")
        else:
            self._export_into_folder(clip_ids)

    def _export_all(self) -> None:
        self._export_into_folder([clip.id for clip in self.services.session.state.clips])

    def _export_into_folder(self, clip_ids: list[str]) -> None:
        """Write clips' masters as 24-bit WAV under the clips' names."""
        name = QFileDialog.getExistingDirectory(self, "Export masters into")
        if not name:
            return
        taken: set[Path] = set()
        for clip in self.services.session.state.clips:
            if clip.id not in clip_ids:
                continue
            path = unused(Path(name) / f"{clip.path.stem} - master.wav", taken)
            taken.add(path)  # it is written later, in a lane
            request = ExportRequest(ExportWhat.MASTER, path, ExportFormat("wav", 24))
            self.services.masters.export(clip.id, request)

    def _close_selected(self) -> None:
        session = self.services.session
        ids = self.selected_ids() or [session.state.current_id or ""]
        state = session.state
        for clip_id in ids:
            state = state.without_clip(clip_id)
        if state == session.state:
            return
        session.edit("Close clip" if len(ids) == 1 else f"Close {len(ids)} clips", state)

    def _open_menu(self, where: QPoint) -> None:
        ids = self.selected_ids()
        if not ids:
            return
        menu = QMenu(self)
        entries: list[tuple[str, Callable[[], object]]] = [
            ("Master", lambda: [self.services.masters.master(each) for each in ids]),
            ("Cancel mastering", lambda: self._cancel(ids)),
            ("Export…", lambda: self._export(ids)),
            ("Close", self._close_selected),
        ]
        for title, run in entries:
            menu.addAction(title).triggered.connect(run)
        menu.exec(self._view.viewport().mapToGlobal(where))

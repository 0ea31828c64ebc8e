"""Live loudness: the level of the live chain, known after every edit, so that A/B stays matched."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer

from app.document.session import Session
from app.document.state import SessionState
from app.library import Library
from engine.lanes import Job, JobState, Lane, Lanes
from engine.mastering.parameters import ChainParameters
from engine.tasks import Context

if TYPE_CHECKING:
    from engine.audio.store import StoredAudio

SETTLE_MS = 350


class LiveLoudness(QObject):
    """Measures the loudest part of the current clip through its parameters after every edit."""

    def __init__(
        self, session: Session, library: Library, lanes: Lanes, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._session = session
        self._library = library
        self._lanes = lanes
        self._measured: tuple[str, ChainParameters] | None = None
        self._job: Job | None = None
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(SETTLE_MS)
        self._timer.timeout.connect(self._measure)
        session.changed.connect(self._follow)
        library.changed.connect(self._follow_library)

    def stop(self) -> None:
        """Measure nothing any more; the lanes are about to end."""
        self._session.changed.disconnect(self._follow)
        self._library.changed.disconnect(self._follow_library)
        self._timer.stop()

    def _follow_library(self, _clip_id: str) -> None:
        self._follow(self._session.state)

    def _follow(self, state: SessionState) -> None:
        wanted = self._wanted()
        if wanted is not None and wanted != self._measured:
            self._timer.start()

    def _wanted(self) -> tuple[str, ChainParameters] | None:
        clip = self._session.state.current
        loaded = self._library.audio(clip.id) if clip else None
        if clip is None or loaded is None or loaded.loudness is None or loaded.stored is None:
            return None
        if not loaded.stored.complete:
            return None
        parameters = clip.mastering.parameters
        return (clip.id, parameters.scaled(clip.mastering.amounts)) if parameters else None

    def _measure(self) -> None:
        wanted = self._wanted()
        if wanted is None or wanted == self._measured:
            return
        clip_id, parameters = wanted
        loaded = self._library.audio(clip_id)
        if loaded is None or loaded.stored is None or loaded.loudness is None:
            return
        if self._job is not None:
            self._job.cancel()
        self._measured = wanted
        before_lufs = loaded.loudness.integrated_lufs
        job = self._lanes.submit(
            "Match live loudness",
            _change_lu,
            (loaded.stored, parameters),
            lane=Lane.LIGHT,
            quiet=True,
        )
        self._job = job

        def take() -> None:
            if job.state is JobState.DONE and self._measured == wanted:
                self._library.update(clip_id, live_lufs=before_lufs + job.result)

        job.ended.connect(take)


def _change_lu(spec: tuple[StoredAudio, ChainParameters], context: Context) -> float:
    from engine.mastering.audition import AuditionSpec, loudness_change_lu

    return loudness_change_lu(AuditionSpec(*spec), context)

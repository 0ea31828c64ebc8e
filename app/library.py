"""Library: what is decoded and measured of the session's clips, and the work that runs on them."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from app.document.session import Session
from app.document.state import ClipEntry, SessionState, new_clip_id
from engine.cache import Cache
from engine.lanes import Job, JobState, Lane, Lanes
from engine.tasks import Context, Failure

if TYPE_CHECKING:
    from engine.audio.finder import Found, FoundFile
    from engine.audio.intake import Intake
    from engine.audio.loudness import Loudness
    from engine.audio.peaks import PeakPyramid
    from engine.audio.store import StoredAudio

log = logging.getLogger("audiobench.library")


@dataclass(frozen=True, slots=True)
class LoadedClip:
    """What is there of one clip.

    ``stored`` grows while the file decodes. ``rendering`` is the mastered audio and
    ``rendering_key`` the recipe it was made by; ``live_lufs`` is how loud the live chain is.
    """

    clip_id: str
    stored: StoredAudio | None = None
    peaks: PeakPyramid | None = None
    loudness: Loudness | None = None
    rendering: StoredAudio | None = None
    rendering_key: str | None = None
    rendering_peaks: PeakPyramid | None = None
    rendered_loudness: Loudness | None = None
    live_lufs: float | None = None
    failure: Failure | None = None

    @property
    def available_frames(self) -> int:
        """Frames that are decoded."""
        return self.stored.available_frames if self.stored else 0


class Library(QObject):
    """Keeps one :class:`LoadedClip` for every clip of the session, by watching the session.

    Parameters
    ----------
    keep_current
        Asked when files were added: True leaves the clip on screen (it is being listened to),
        False shows the first new one.

    Signals
    -------
    changed(clip_id)
        Something about a clip is new: decoded frames, loudness, a rendering, its status.
    failed(Failure)
        A file could not be opened.
    """

    changed = Signal(str)
    failed = Signal(object)

    def __init__(
        self,
        session: Session,
        lanes: Lanes,
        cache: Cache,
        keep_current: Callable[[], bool],
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._session = session
        self._lanes = lanes
        self._cache = cache
        self._keep_current = keep_current
        self._clips: dict[str, LoadedClip] = {}
        self._intakes: dict[str, Job] = {}
        session.changed.connect(self._follow)
        self._follow(session.state)

    def audio(self, clip_id: str | None) -> LoadedClip | None:
        """What is loaded of a clip; None when there is no such clip."""
        return self._clips.get(clip_id or "")

    def add(self, paths: Iterable[Path]) -> Job:
        """Find the audio in files and folders and add it to the session as one undoable step."""
        job = self._lanes.submit("Open files", _find, tuple(paths))
        job.ended.connect(lambda: self._add_found(job))
        return job

    def update(self, clip_id: str, **changes: object) -> None:
        """Change what is known of a clip and tell everybody; nothing happens when it is closed."""
        loaded = self._clips.get(clip_id)
        if loaded is not None:
            self._clips[clip_id] = replace(loaded, **changes)  # type: ignore[arg-type]
            self.changed.emit(clip_id)

    def intake_job(self, clip_id: str) -> Job | None:
        """The job that decodes a clip, None when it is done."""
        return self._intakes.get(clip_id)

    def _add_found(self, job: Job) -> None:
        if job.state is not JobState.DONE:
            if job.failure is not None:
                self.failed.emit(job.failure)
            return
        found: tuple[FoundFile, ...] = job.result.found
        clips = tuple(_entry(each) for each in found)
        if clips:
            label = f"Open {clips[0].name}" if len(clips) == 1 else f"Open {len(clips)} files"
            state = self._session.state.with_clips(*clips)
            if not self._keep_current():
                state = state.with_current(clips[0].id)
            self._session.edit(label, state)
        for failure in job.result.failures:
            log.warning("%s", failure)
        if job.result.failures:
            self.failed.emit(_joined(job.result.failures))

    def _follow(self, state: SessionState) -> None:
        """Start what a new clip needs, drop what a closed one held."""
        wanted = {clip.id: clip for clip in state.clips}
        for clip_id in [each for each in self._clips if each not in wanted]:
            job = self._intakes.pop(clip_id, None)
            if job is not None:
                job.cancel()
            del self._clips[clip_id]
        for clip in state.clips:
            if clip.id not in self._clips:
                self._clips[clip.id] = LoadedClip(clip.id)
                self._take_in(clip)

    def _take_in(self, clip: ClipEntry) -> None:
        spec = (clip.path, self._cache)
        job = self._lanes.submit(f"Read {clip.name}", _take_in, spec, lane=Lane.LIGHT)
        self._intakes[clip.id] = job
        job.progressed.connect(lambda progress: self._show_intake(clip.id, progress.partial))
        job.ended.connect(lambda: self._end_intake(clip.id, job))

    def _show_intake(self, clip_id: str, intake: Intake | None) -> None:
        if intake is not None:
            self.update(
                clip_id,
                stored=intake.stored,
                peaks=intake.peaks,
                loudness=intake.loudness,
            )

    def _end_intake(self, clip_id: str, job: Job) -> None:
        if self._intakes.get(clip_id) is job:
            del self._intakes[clip_id]
        if job.state is JobState.DONE:
            self._show_intake(clip_id, job.result)
            self._correct_length(clip_id, job.result)
        elif job.state is JobState.FAILED and job.failure is not None:
            self.update(clip_id, failure=job.failure)
            self.failed.emit(job.failure)

    def _correct_length(self, clip_id: str, intake: Intake) -> None:
        """A header may only estimate the length, and a file may have changed since it was saved."""
        stored = intake.stored
        self._session.adjust(
            lambda state: state.with_clip(
                clip_id,
                frames=stored.frames,
                rate=stored.rate,
                channels=stored.channels,
                content_hash=stored.content_hash,
            )
        )


# The engine's audio modules load compiled kernels; they are imported in a lane, after first paint.


def _find(paths: tuple[Path, ...], context: Context) -> Found:
    from engine.audio.finder import find_audio

    return find_audio(paths, context)


def _take_in(spec: tuple[Path, Cache], context: Context) -> Intake:
    from engine.audio.intake import IntakeSpec, take_in

    return take_in(IntakeSpec(*spec), context)


def _entry(found: FoundFile) -> ClipEntry:
    return ClipEntry(
        id=new_clip_id(),
        name=found.path.name,
        path=found.path,
        content_hash=found.content_hash,
        rate=found.rate,
        channels=found.channels,
        frames=found.frames,
    )


def _joined(failures: tuple[Failure, ...]) -> Failure:
    """One message for several files; the log has each."""
    if len(failures) == 1:
        return failures[0]
    return Failure(
        f"{len(failures)} files could not be opened.",
        f"The first: {failures[0].what} {failures[0].why}",
        "The log lists them all.",
    )

"""Library: what is decoded and measured of the session's clips, and the work that runs on them."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from app.document.session import Session
from app.document.state import ClipEntry, MasteringEntry, SessionState, new_clip_id
from engine.cache import Cache, Hold
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
    mastering
        What mastering of a newly opened clip starts with.

    Signals
    -------
    changed(clip_id)
        Something about a clip is new: decoded frames, loudness, a rendering, its status.
    failed(Failure)
        A file could not be opened.
    noticed(str)
        A file was opened, and something is wrong with it.
    """

    changed = Signal(str)
    failed = Signal(object)
    noticed = Signal(str)

    def __init__(
        self,
        session: Session,
        lanes: Lanes,
        cache: Cache,
        keep_current: Callable[[], bool],
        mastering: Callable[[], MasteringEntry] = MasteringEntry,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._session = session
        self._lanes = lanes
        self._cache = cache
        self._keep_current = keep_current
        self._mastering = mastering
        self._clips: dict[str, LoadedClip] = {}
        self._paths: dict[str, Path] = {}
        self._intakes: dict[str, Job] = {}
        self._again: dict[int, Callable[[], Job | None]] = {}
        self._holds: dict[Path, Hold] = {}
        self._current_id: str | None = None
        session.changed.connect(self._follow)
        self._follow(session.state)

    def audio(self, clip_id: str | None) -> LoadedClip | None:
        """What is loaded of a clip; None when there is no such clip."""
        return self._clips.get(clip_id or "")

    def add(self, paths: Iterable[Path]) -> Job:
        """Find the audio in files and folders and add it to the session as one undoable step."""
        wanted = tuple(paths)
        job = self._lanes.submit("Open files", _find, wanted)
        self._again[job.id] = partial(self.add, wanted)
        job.ended.connect(lambda: self._add_found(job))
        return job

    def update(self, clip_id: str, **changes: object) -> None:
        """Change what is known of a clip and tell everybody; nothing happens when it is closed."""
        loaded = self._clips.get(clip_id)
        if loaded is not None:
            self._clips[clip_id] = replace(loaded, **changes)  # type: ignore[arg-type]
            if clip_id == self._current_id:
                self._hold_current()
            self.changed.emit(clip_id)

    def intake_job(self, clip_id: str) -> Job | None:
        """The job that decodes a clip, None when it is done."""
        return self._intakes.get(clip_id)

    def retry(self, job: Job) -> Job | None:
        """Open or read again what failed or was cancelled; None when it is no job of ours."""
        again = self._again.pop(job.id, None)
        return again() if again is not None else None

    def _add_found(self, job: Job) -> None:
        if job.state is not JobState.DONE:
            if job.failure is not None:
                self.failed.emit(job.failure)
            return
        del self._again[job.id]
        found: tuple[FoundFile, ...] = job.result.found
        clips = tuple(_entry(each, self._mastering()) for each in found)
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
            self._cancel_intake(clip_id)
            del self._clips[clip_id], self._paths[clip_id]
        for clip in state.clips:
            if clip.id not in self._clips or clip.path != self._paths[clip.id]:
                self._clips[clip.id] = LoadedClip(clip.id)
                self._take_in(clip)
        if state.current_id != self._current_id:
            self._current_id = state.current_id
            self._bring_back(state.current)
            self._hold_current()

    def _bring_back(self, clip: ClipEntry | None) -> None:
        """Read a clip again whose audio the cache dropped while another one was on screen."""
        loaded = self._clips.get(clip.id) if clip else None
        if clip is None or loaded is None:
            return
        if loaded.rendering is not None and not loaded.rendering.path.is_file():
            self._clips[clip.id] = loaded = _without_rendering(loaded)
        stored = loaded.stored
        if stored is not None and stored.complete and not stored.path.is_file():
            self._clips[clip.id] = replace(loaded, stored=None)
            self._take_in(clip)

    def _hold_current(self) -> None:
        """Keep the cache from dropping what is on screen; of the others it may drop anything.

        A session of a thousand clips must neither fill the disk nor use up the open files.
        """
        loaded = self._clips.get(self._current_id or "")
        audio = (loaded.stored, loaded.rendering) if loaded else ()
        wanted = {stored.path for stored in audio if stored is not None}
        for path in self._holds.keys() - wanted:
            self._holds.pop(path).release()
        for path in wanted - self._holds.keys():
            self._holds[path] = Hold([path])

    def _cancel_intake(self, clip_id: str) -> None:
        job = self._intakes.pop(clip_id, None)
        if job is not None:
            job.cancel()

    def _take_in(self, clip: ClipEntry) -> Job:
        self._cancel_intake(clip.id)
        self._paths[clip.id] = clip.path
        spec = (clip.path, self._cache)
        job = self._lanes.submit(f"Read {clip.name}", _take_in, spec, lane=Lane.LIGHT)
        self._intakes[clip.id] = job
        self._again[job.id] = partial(self._read_again, clip.id)
        job.progressed.connect(lambda progress: self._progress(clip.id, job, progress.partial))
        job.ended.connect(lambda: self._end_intake(clip.id, job))
        return job

    def _read_again(self, clip_id: str) -> Job | None:
        clip = self._session.state.clip(clip_id)
        if clip is None:
            return None
        self.update(clip_id, failure=None)
        return self._take_in(clip)

    def _progress(self, clip_id: str, job: Job, intake: Intake | None) -> None:
        if intake is not None and self._intakes.get(clip_id) is job:
            self._show_intake(clip_id, intake)

    def _show_intake(self, clip_id: str, intake: Intake) -> None:
        self.update(clip_id, stored=intake.stored, peaks=intake.peaks, loudness=intake.loudness)

    def _end_intake(self, clip_id: str, job: Job) -> None:
        if self._intakes.get(clip_id) is not job:
            self._again.pop(job.id, None)
            return  # closed, or read again from another place
        del self._intakes[clip_id]
        if job.state is JobState.DONE:
            del self._again[job.id]
            self._show_intake(clip_id, job.result)
            self._correct_length(clip_id, job.result)
            for warning in job.warnings:
                log.warning("%s", warning)
            if job.warnings:
                self.noticed.emit("\n".join(job.warnings))
        elif job.state is JobState.FAILED and job.failure is not None:
            self.update(clip_id, failure=job.failure)
            self.failed.emit(job.failure)
        elif job.state is JobState.CANCELLED:
            failure = Failure(
                f"{job.title} was cancelled.", "", "Retry it in the Jobs panel, or open it again."
            )
            self.update(clip_id, stored=None, peaks=None, failure=failure)

    def _correct_length(self, clip_id: str, intake: Intake) -> None:
        """A header may only estimate the length, and a file may have changed since it was saved."""
        self._session.adjust(lambda state: _as_read(state, clip_id, intake.stored))


# The engine's audio modules load compiled kernels; they are imported in a lane, after first paint.


def _find(paths: tuple[Path, ...], context: Context) -> Found:
    from engine.audio.finder import find_audio

    return find_audio(paths, context)


def _take_in(spec: tuple[Path, Cache], context: Context) -> Intake:
    from engine.audio.intake import IntakeSpec, take_in

    return take_in(IntakeSpec(*spec), context)


def _without_rendering(loaded: LoadedClip) -> LoadedClip:
    return replace(
        loaded, rendering=None, rendering_key=None, rendering_peaks=None, rendered_loudness=None
    )


def _as_read(state: SessionState, clip_id: str, stored: StoredAudio) -> SessionState:
    clip = state.clip(clip_id)
    if clip is not None and clip.content_hash != stored.content_hash:
        state = state.with_mastering(clip_id, rendering_key=None)  # it is of another recording
    return state.with_clip(
        clip_id,
        frames=stored.frames,
        rate=stored.rate,
        channels=stored.channels,
        content_hash=stored.content_hash,
    )


def _entry(found: FoundFile, mastering: MasteringEntry) -> ClipEntry:
    return ClipEntry(
        id=new_clip_id(),
        name=found.path.name,
        path=found.path,
        content_hash=found.content_hash,
        rate=found.rate,
        channels=found.channels,
        frames=found.frames,
        mastering=mastering,
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

"""Masters: the mastering and export jobs of the session's clips, and their renderings."""

from __future__ import annotations

import logging
import math
from collections import OrderedDict
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from app.document.session import Session
from app.document.state import ClipEntry, SessionState
from app.export_request import ExportRequest, ExportWhat
from app.library import Library
from app.master_tasks import (
    ClipSpec,
    ExportSpec,
    FindSpec,
    Mastered,
    export_clip,
    find_rendering,
    master_clip,
    master_clips,
    outcome_of,
)
from app.match_task import MatchChange, MatchSpec, change_match, save_match
from app.models import Models
from app.usage_task import UsageSpec, find_usage
from engine.cache import Cache
from engine.lanes import Job, JobState, Lane, Lanes
from engine.locations import Locations

if TYPE_CHECKING:
    from engine.audio.intake import Intake
    from engine.mastering.master import MasterResult

log = logging.getLogger("audiobench.master")
# Renderings whose peaks and measurements stay in memory, for undo; older ones come from the cache.
RENDERINGS_KEPT = 64


class Masters(QObject):
    """Runs mastering in the heavy lane and keeps the renderings the session names.

    Signals
    -------
    changed(clip_id)
        A job of this clip started, ended or was replaced.
    failed(Failure)
        A job failed.
    exported(path)
        A file was written.
    noticed(str)
        A job was done, and there is something the user should know about it.
    """

    changed = Signal(str)
    failed = Signal(object)
    exported = Signal(object)
    noticed = Signal(str)

    def __init__(
        self,
        session: Session,
        library: Library,
        lanes: Lanes,
        cache: Cache,
        locations: Locations,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self.models = Models(lanes, locations, self)
        self._session = session
        self._library = library
        self._lanes = lanes
        self._cache = cache
        self._jobs: dict[str, Job] = {}
        self._results: dict[str, MasterResult] = {}
        self._intakes: OrderedDict[str, Intake] = OrderedDict()
        self._again: dict[int, Callable[[], Job | None]] = {}
        self._seeking: set[str] = set()
        session.changed.connect(self._follow)
        library.changed.connect(lambda _clip_id: self._follow(session.state))
        self._follow(session.state)

    def job(self, clip_id: str) -> Job | None:
        """The job that masters a clip now, None when there is none."""
        return self._jobs.get(clip_id)

    def result(self, clip_id: str) -> MasterResult | None:
        """What mastering a clip measured; None when it was not mastered since the start."""
        clip = self._session.state.clip(clip_id)
        return self._results.get(clip.mastering.rendering_key or "") if clip else None

    def master(self, clip_id: str) -> Job | None:
        """Fit, render and measure a clip; the running job if there is one already."""
        return self._start(clip_id, refit=True)

    def render(self, clip_id: str) -> Job | None:
        """Render a clip by its numbers as they are now, without a fit."""
        return self._start(clip_id, refit=False)

    def master_album(self) -> Job | None:
        """Master all clips of the session as one album; None while one of them is mastered.

        Target, loudness and ceiling are the first clip's, as is the order of the tracks theirs.
        """
        clips = self._session.state.clips
        if not clips or any(clip.id in self._jobs for clip in clips):
            return None
        specs = tuple(self._spec(clip, refit=True) for clip in clips)
        title = f"Master {len(clips)} tracks as an album"
        job = self._lanes.submit(title, master_clips, specs, lane=Lane.HEAVY)
        self._again[job.id] = self.master_album
        ids = [clip.id for clip in clips]
        for clip_id in ids:
            self._jobs[clip_id] = job
            job.progressed.connect(lambda _progress, clip_id=clip_id: self.changed.emit(clip_id))
        job.ended.connect(lambda: self._end_album(ids, job))
        for clip_id in ids:
            self.changed.emit(clip_id)
        return job

    def save_match(self, clip_id: str, name: str, *, replacing: bool = False) -> Job | None:
        """Keep what a clip's references sound like as a preset of one's own."""
        clip = self._session.state.clip(clip_id)
        if clip is None:
            return None
        entry = clip.mastering
        weights = entry.weights if any(entry.weights) else ()
        paths = tuple(Path(path) for path in entry.references)
        spec = MatchSpec(name, paths, weights, self._cache, self.models.shelf, replacing)
        job = self._lanes.submit(f"Save match {name}", save_match, spec, lane=Lane.HEAVY)

        def end() -> None:
            if job.state is JobState.DONE:
                self.models.refresh()
                self.noticed.emit(f"The match is saved: “{job.result}” stands among the presets.")
            elif job.state is JobState.FAILED and job.failure is not None:
                self.failed.emit(job.failure)

        job.ended.connect(end)
        return job

    def rename_match(self, name: str, new_name: str) -> None:
        """Give a preset of one's own another name; clips that aim for it follow, undone or not."""

        def follow(state: SessionState, now: str) -> SessionState:
            aiming = [clip.id for clip in state.clips if clip.mastering.target == name]
            for clip_id in aiming:
                state = state.with_mastering(clip_id, target=now)
            return state

        self._change_match(
            MatchChange(name, new_name, self.models.shelf),
            lambda now: self._session.adjust(lambda state: follow(state, now)),
        )

    def delete_match(self, name: str) -> None:
        """Remove a preset of one's own; clips that aim for it keep their masters."""
        self._change_match(MatchChange(name, "", self.models.shelf), lambda _now: None)

    def _change_match(self, change: MatchChange, done: Callable[[str], None]) -> None:
        title = f"{'Rename' if change.new_name else 'Delete'} preset {change.name}"
        job = self._lanes.submit(title, change_match, change)

        def end() -> None:
            if job.state is JobState.DONE:
                done(job.result)
                self.models.refresh()
            elif job.state is JobState.FAILED and job.failure is not None:
                self.failed.emit(job.failure)

        job.ended.connect(end)

    def find_usage(self, folder: Path, model: str) -> Job:
        """Ask a model about every recording of a folder."""
        spec = UsageSpec(folder, model, self._cache, self.models.shelf)
        return self._lanes.submit(f"Band usage of {folder.name}", find_usage, spec, lane=Lane.HEAVY)

    def cancel(self, clip_id: str) -> None:
        """Stop a clip's job."""
        job = self._jobs.get(clip_id)
        if job is not None:
            job.cancel()

    def retry(self, job: Job) -> Job | None:
        """Run a job again that failed or was cancelled, with the settings of now."""
        again = self._again.pop(job.id, None)
        if again is not None:
            return again()
        return self._library.retry(job) or job.retry()

    def export(self, clip_id: str, request: ExportRequest) -> Job | None:
        """Write a clip to a file."""
        clip = self._session.state.clip(clip_id)
        if clip is None:
            return None
        # A clip nobody mastered yet is mastered on the way out.
        refit = request.what is ExportWhat.MASTER and clip.mastering.parameters is None
        spec = ExportSpec(self._spec(clip, refit=refit), request)
        title = f"Export {request.path.name}"
        job = self._lanes.submit(title, export_clip, spec, lane=Lane.HEAVY)
        self._again[job.id] = partial(self.export, clip_id, request)
        job.ended.connect(lambda: self._end_export(job, clip.name))
        return job

    def status(self, clip_id: str) -> str:
        """A few words on how far a clip is."""
        loaded, clip = self._library.audio(clip_id), self._session.state.clip(clip_id)
        if loaded is None or clip is None:
            return ""
        if loaded.failure is not None:
            return "cannot be read"
        job = self._jobs.get(clip_id)
        if job is not None:
            if job.cancelling:
                return "stopping"
            waiting = job.state is JobState.QUEUED
            return "waiting" if waiting else f"mastering {job.progress.fraction:.0%}"
        if loaded.stored is None or not loaded.stored.complete:
            frames = loaded.stored.frames if loaded.stored else 0
            return f"decoding {loaded.available_frames / frames:.0%}" if frames else "opening"
        if loaded.rendered_loudness is not None:
            lufs = loaded.rendered_loudness.integrated_lufs
            return f"mastered, {lufs:.1f} LUFS" if math.isfinite(lufs) else "mastered"
        return "edited" if clip.mastering.parameters is not None else ""

    def _start(self, clip_id: str, *, refit: bool) -> Job | None:
        clip = self._session.state.clip(clip_id)
        if clip is None or clip_id in self._jobs:
            return self._jobs.get(clip_id)
        verb = "Master" if refit else "Render"
        spec = self._spec(clip, refit=refit)
        job = self._lanes.submit(f"{verb} {clip.name}", master_clip, spec, lane=Lane.HEAVY)
        self._jobs[clip_id] = job
        self._again[job.id] = partial(self._start, clip_id, refit=refit)
        job.progressed.connect(lambda _progress: self.changed.emit(clip_id))
        job.ended.connect(lambda: self._end(clip_id, verb, job))
        self.changed.emit(clip_id)
        return job

    def _spec(self, clip: ClipEntry, *, refit: bool) -> ClipSpec:
        loaded = self._library.audio(clip.id)
        stored = loaded.stored if loaded else None
        # The cache may have dropped what is not on screen; the task decodes the file again then.
        there = stored is not None and stored.complete and stored.path.is_file()
        return ClipSpec(clip, stored if there else None, self._cache, self.models.shelf, refit)

    def _end(self, clip_id: str, verb: str, job: Job) -> None:
        del self._jobs[clip_id]
        clip = self._session.state.clip(clip_id)
        if job.state is JobState.DONE:
            del self._again[job.id]
            if clip is not None:
                self._take(clip, verb, job.result)
        elif job.state is JobState.FAILED and job.failure is not None:
            self.failed.emit(job.failure)
        self.changed.emit(clip_id)

    def _end_album(self, clip_ids: Sequence[str], job: Job) -> None:
        for clip_id in clip_ids:
            del self._jobs[clip_id]
        if job.state is JobState.DONE:
            del self._again[job.id]
            state = self._session.state
            for clip_id, mastered in zip(clip_ids, job.result, strict=True):
                clip = state.clip(clip_id)
                if clip is not None:  # it may have been closed in the meantime
                    state = self._with_result(state, clip, "Master", mastered)
            self._session.edit("Master the album", state)
            warnings = [warning for each in job.result for warning in each.result.warnings]
            self._notice("Album", tuple(dict.fromkeys(warnings)))
        elif job.state is JobState.FAILED and job.failure is not None:
            self.failed.emit(job.failure)
        for clip_id in clip_ids:
            self.changed.emit(clip_id)

    def _take(self, clip: ClipEntry, verb: str, mastered: Mastered) -> None:
        """Put the result into the session as one undoable step, and its sound into the library."""
        result = mastered.result
        state = self._with_result(self._session.state, clip, verb, mastered)
        self._session.edit(f"{verb} {clip.name}", state)
        self._notice(clip.name, result.warnings)

    def _with_result(
        self, state: SessionState, clip: ClipEntry, verb: str, mastered: Mastered
    ) -> SessionState:
        """The session with a result in it; its sound is kept for the library."""
        result = mastered.result
        self._keep(result.rendering_key, mastered.intake)
        self._results[result.rendering_key] = result
        log.info(
            "mastered %s: %.1f -> %.1f LUFS, true peak %.2f dBTP",
            clip.name,
            result.before.integrated_lufs,
            result.after.integrated_lufs,
            result.after.true_peak_dbtp,
        )
        return state.with_mastering(
            clip.id,
            parameters=result.parameters,
            fitted=result.parameters if verb == "Master" else clip.mastering.fitted,
            outcome=outcome_of(mastered, None if verb == "Master" else clip.mastering.outcome),
            rendering_key=result.rendering_key,
        )

    def _notice(self, name: str, warnings: tuple[str, ...]) -> None:
        for warning in warnings:
            log.warning("%s: %s", name, warning)
        if warnings:
            self.noticed.emit("\n".join((name, *warnings)))

    def _end_export(self, job: Job, name: str) -> None:
        if job.state is JobState.DONE:
            del self._again[job.id]
            log.info("exported %s", job.result)
            self.exported.emit(job.result)
            self._notice(name, job.warnings)
        elif job.state is JobState.FAILED and job.failure is not None:
            self.failed.emit(job.failure)

    def _follow(self, state: SessionState) -> None:
        """Keep every clip's rendering the one its session entry names; undo changes it too."""
        for clip_id in [each for each in self._jobs if state.clip(each) is None]:
            self._jobs[clip_id].cancel()
        for clip in state.clips:
            loaded = self._library.audio(clip.id)
            key = clip.mastering.rendering_key
            if loaded is None or loaded.rendering_key == key:
                continue
            intake = self._kept(key)
            if intake is not None or key is None:
                self._show(clip.id, key, intake)
            elif key not in self._seeking:
                self._seek(key)

    def _keep(self, key: str, intake: Intake) -> None:
        self._intakes[key] = intake
        self._intakes.move_to_end(key)
        while len(self._intakes) > RENDERINGS_KEPT:
            oldest, _ = self._intakes.popitem(last=False)
            self._results.pop(oldest, None)

    def _kept(self, key: str | None) -> Intake | None:
        """The rendering of a key, None when it is unknown or the cache has dropped it."""
        intake = self._intakes.get(key or "")
        return intake if intake is not None and intake.stored.path.is_file() else None

    def _show(self, clip_id: str, key: str | None, intake: Intake | None) -> None:
        self._library.update(
            clip_id,
            rendering_key=key,
            rendering=intake.stored if intake else None,
            rendering_peaks=intake.peaks if intake else None,
            rendered_loudness=intake.loudness if intake else None,
        )

    def _seek(self, key: str) -> None:
        """Look for a rendering of an earlier run in the cache."""
        self._seeking.add(key)
        job = self._lanes.submit(
            "Find the master", find_rendering, FindSpec(key, self._cache), quiet=True
        )

        def take() -> None:
            self._seeking.discard(key)
            if job.state is JobState.DONE and job.result is not None:
                self._keep(key, job.result)
            # Several clips may be the same recording, mastered the same way.
            for clip in self._session.state.clips:
                if clip.mastering.rendering_key == key:
                    self._show(clip.id, key, self._kept(key))

        job.ended.connect(take)

"""The tasks behind Master, Render and Export; they import the engine's heavy modules in a lane."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from app.document.state import ClipEntry, Effect, Outcome
from app.export_request import ExportRequest, ExportWhat
from app.models import Shelf
from engine.cache import Cache
from engine.tasks import Context, Failure

if TYPE_CHECKING:
    from engine.audio.intake import Intake
    from engine.audio.store import StoredAudio
    from engine.mastering.master import MasterResult, MasterSpec


INSTEAD = "The chain is fitted to the target."


@dataclass(frozen=True, slots=True)
class ClipSpec:
    """A clip with its settings; ``stored`` is None while it is not decoded.

    ``refit`` asks the model or the fit; without it the clip's parameters are rendered as they
    are.
    """

    clip: ClipEntry
    stored: StoredAudio | None
    cache: Cache
    shelf: Shelf
    refit: bool = True

    def master_spec(self) -> MasterSpec:
        """What the engine is asked to do; loads the model the clip asks for.

        Raises
        ------
        Failure
            If there is no such preset.
        """
        from engine.mastering.master import MasterSpec

        entry = self.clip.mastering
        model, without = None, ""
        if self.refit or self._adds_residual:
            model, without = self.shelf.predictor(entry.model)
        return MasterSpec(
            source=self.stored or self.clip.path,
            cache=self.cache,
            target=entry.target,
            references=tuple(Path(path) for path in entry.references),
            weights=entry.weights if any(entry.weights) else (),
            custom_target=None if entry.references else self.shelf.target(entry.target),
            lufs=entry.lufs,
            ceiling_dbtp=entry.ceiling_dbtp,
            amounts=entry.amounts,
            parameters=None if self.refit else entry.parameters,
            keep_gain=not self.refit,
            model=model,
            without_model=f"{without} {INSTEAD}" if without else "",
            refine=entry.refine,
        )

    @property
    def _adds_residual(self) -> bool:
        """Whether the numbers that are rendered need a model's network."""
        entry = self.clip.mastering
        chain = entry.parameters
        return chain is not None and chain.scaled(entry.amounts).residual.active


@dataclass(frozen=True, slots=True)
class Mastered:
    """A result, what a view needs of its rendering, and why no model was asked if one should be."""

    result: MasterResult
    intake: Intake
    without_model: str = ""


def master_clip(spec: ClipSpec, context: Context) -> Mastered:
    """Master a clip and summarise the rendering."""
    from engine.audio.intake import summarise
    from engine.mastering.master import master

    asked = spec.master_spec()
    result = master(asked, context.part(0.0, 0.95))
    intake = summarise(result.rendered, spec.cache, context.part(0.95, 1.0))
    return Mastered(result, intake, asked.without_model)


def master_clips(specs: tuple[ClipSpec, ...], context: Context) -> tuple[Mastered, ...]:
    """Master clips as one album, in their order, and summarise the renderings."""
    from engine.audio.intake import summarise
    from engine.mastering.album import AlbumSpec, master_album

    asked = tuple(spec.master_spec() for spec in specs)
    # A chain so far is one track's, and those who follow this job cannot know whose.
    quiet = Context(
        lambda progress: context.report(0.9 * progress.fraction, 1.0, progress.text),
        context.cancel_event,
        context.device,
        context.seed,
        context.warnings,
    )
    album = master_album(AlbumSpec(asked), quiet)
    mastered = []
    for index, (spec, track, result) in enumerate(zip(specs, asked, album.tracks, strict=True)):
        start, stop = (0.9 + 0.1 * (index + each) / len(specs) for each in (0, 1))
        intake = summarise(result.rendered, spec.cache, context.part(start, stop))
        mastered.append(Mastered(result, intake, track.without_model))
    return tuple(mastered)


def outcome_of(mastered: Mastered, before: Outcome | None = None) -> Outcome:
    """What the session keeps of a result.

    ``before`` is what Master said when it found the chain that was now only rendered: that stays,
    but what the stages did is of this rendering.
    """
    result = mastered.result
    effects = tuple(
        Effect(
            each.stage,
            tuple(
                (item.name, item.value, item.unit)
                for item in each.measures
                if each.active and math.isfinite(item.value)
            ),
        )
        for each in result.effects
    )
    if before is not None:
        return replace(before, effects=effects)
    explanation = dict(result.explanation)
    if mastered.without_model:
        explanation["model"] = mastered.without_model
    outcome = Outcome(explanation=tuple(explanation.items()), effects=effects)
    found = result.prediction
    if found is None:
        return outcome
    return replace(
        outcome,
        model=found.model,
        variant=found.variant,
        model_hash=found.model_hash,
        confidence=found.confidence,
        referenced=found.referenced,
    )


@dataclass(frozen=True, slots=True)
class FindSpec:
    """A rendering the session names, by its key."""

    key: str
    cache: Cache


def find_rendering(spec: FindSpec, context: Context) -> Intake | None:
    """A rendering made before; None when the cache has dropped it."""
    from engine.audio.intake import summarise
    from engine.audio.store import find

    stored = find(spec.cache, spec.key)
    return summarise(stored, spec.cache, context) if stored is not None else None


@dataclass(frozen=True, slots=True)
class ExportSpec:
    """A clip and how to write it."""

    source: ClipSpec
    request: ExportRequest


def export_clip(spec: ExportSpec, context: Context) -> Path:
    """Write the original, the live numbers or the master to a file, and the reports beside it."""
    from engine.audio.store import decode
    from engine.audio.writer import write_audio
    from engine.mastering.loudness_solve import blocks_of
    from engine.mastering.master import master
    from engine.report import write_report

    request, source = spec.request, spec.source
    result = None
    if request.what is ExportWhat.ORIGINAL:
        audio = source.stored or decode(source.clip.path, source.cache, context.part(0.0, 0.6))
    else:
        result = master(source.master_spec(), context.part(0.0, 0.8))
        audio = result.rendered
    context.checkpoint()
    writing = context.part(0.8, 1.0, "Writing")
    write_audio(
        request.path,
        blocks_of(audio, writing),
        audio.rate,
        audio.channels,
        request.format,
        _tags(source.clip.path, context),
        writing,
        audio.frames,
    )
    for path in request.reports:
        if result is not None:
            write_report(result, path)
    return request.path


def _tags(path: Path, context: Context) -> Mapping[str, str]:
    """Title, artist and the like of the source; none when it has gone since it was decoded."""
    from engine.audio.probe import probe

    try:
        return probe(path).metadata
    except Failure as failure:
        context.warn(f"The tags could not be taken along. {failure.what}")
        return {}

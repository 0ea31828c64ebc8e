"""Master: find a chain, meet the loudness, render into the cache, measure. The task behind the
button.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from engine.audio.export_format import ExportFormat
from engine.audio.loudness import Loudness, LoudnessMeter
from engine.audio.probe import probe
from engine.audio.store import StoredAudio, decode
from engine.audio.writer import WrittenAudio, write_audio
from engine.cache import Hold
from engine.mastering.analysis import Analysis, analyse, band_centres_hz
from engine.mastering.effects import effects_of
from engine.mastering.loudness_solve import (
    TOLERANCE_LU,
    LoudnessSolution,
    LoudnessSolver,
    blocks_of,
)
from engine.mastering.master_spec import MasterResult, MasterSpec, TonalBalance
from engine.mastering.parameters import ChainParameters, Compressor
from engine.mastering.rendering import Rendering, render_to_loudness
from engine.mastering.route import Found, find_chain
from engine.mastering.targets import Target
from engine.tasks import Context

__all__ = ["MasterResult", "MasterSpec", "export", "master", "master_to_file"]

# Less loudness than this is not worth giving up the dynamics aimed for.
NOTABLE_LU = 0.5
THIRD_OCTAVE = 2.0 ** (1.0 / 6.0) - 2.0 ** (-1.0 / 6.0)


def master(spec: MasterSpec, context: Context | None = None) -> MasterResult:
    """Master one recording; a task.

    Progress carries the chain so far as ``partial`` while the fit runs. The rendering is a recipe:
    the same source and parameters are not rendered twice.

    Raises
    ------
    Failure
        If the source or a reference cannot be read, or the target is unknown.
    Cancelled
        If it was cancelled.
    """
    context = context or Context()
    source = spec.source
    if isinstance(source, Path):
        source = decode(source, spec.cache, context.part(0.0, 0.1, "Decoding"))
    with Hold([source.path]):  # what renders now must not be trimmed to make room for it
        return _master(spec, source, context)


def _master(spec: MasterSpec, source: StoredAudio, context: Context) -> MasterResult:
    analysis = analyse(source, context.part(0.1, 0.15))
    found = find_chain(spec, source, analysis, context.part(0.15, 0.4))
    before = measured(source, context.part(0.4, 0.42))
    lufs, why = _aim(spec, analysis, before, found.target)
    found = replace(found, warnings=(*found.warnings, *([why] if why else [])))
    found, solver = _loud_enough(spec, source, found, lufs, context)
    chain = found.parameters.scaled(spec.amounts)
    rendering = render_to_loudness(
        source,
        chain,
        solver,
        None if spec.keep_gain and spec.parameters is not None else lufs,
        spec.max_reduction_db,
        spec.cache,
        context.part(0.5, 0.93, "Rendering"),
        found.network(chain),
    )
    return conclude(spec, source, analysis, found, before, rendering, context.part(0.93, 1.0))


def conclude(
    spec: MasterSpec,
    source: StoredAudio,
    analysis: Analysis,
    found: Found,
    before: Loudness,
    rendering: Rendering,
    context: Context,
) -> MasterResult:
    """Measure a rendering and say what was done.

    ``before`` is the loudness of the source.
    """
    name = spec.source.name if isinstance(spec.source, Path) else source.content_hash[:12]
    context.report(0.0, 1.0, "Measuring the result")
    applied, solution = rendering.parameters, rendering.solution
    result = MasterResult(
        name=name,
        target=found.target,
        amounts=spec.amounts,
        parameters=replace(found.parameters, limiter=applied.limiter),
        applied=applied,
        prediction=found.prediction,
        effects=effects_of(
            source,
            applied,
            before,
            rendering.loudness,
            solution.reduction_db,
            found.network(applied).stage,
            context,
        ),
        source=source,
        rendered=rendering.audio,
        rendering_key=rendering.key,
        before=before,
        after=rendering.loudness,
        balance_before=tonal_balance(analysis),
        balance_after=tonal_balance(analyse(rendering.audio, context.part(0.7, 1.0))),
        limiter_reduction_db=solution.reduction_db,
        history=found.history,
        explanation=_explained(found, solution),
        warnings=_warnings(spec, source, found, solution),
    )
    context.report(1.0, 1.0, "Mastered", applied)
    return result


def export(
    result: MasterResult,
    path: Path | str,
    format: ExportFormat,
    metadata: Mapping[str, str] | None = None,
    context: Context | None = None,
) -> WrittenAudio:
    """Write the rendering to a file; raises like :func:`engine.audio.writer.write_audio`."""
    audio = result.rendered
    return write_audio(
        path,
        blocks_of(audio),
        audio.rate,
        audio.channels,
        format,
        metadata,
        context,
        audio.frames,
    )


def master_to_file(
    spec: MasterSpec,
    path: Path | str,
    format: ExportFormat,
    context: Context | None = None,
) -> tuple[MasterResult, WrittenAudio]:
    """Master and export in one task; the source file's tags are kept."""
    context = context or Context()
    metadata = probe(spec.source).metadata if isinstance(spec.source, Path) else {}
    result = master(spec, context.part(0.0, 0.9))
    return result, export(result, path, format, metadata, context.part(0.9, 1.0, "Writing"))


def tonal_balance(analysis: Analysis) -> TonalBalance:
    """Third-octave levels from an analysis; bands over the rate's reach are left out."""
    centres_hz = band_centres_hz()[::2]
    levels_db = analysis.band_db(analysis.power)[::2] + 10.0 * np.log10(centres_hz * THIRD_OCTAVE)
    reach = centres_hz <= 0.45 * analysis.rate
    return TonalBalance(tuple(centres_hz[reach].tolist()), tuple(levels_db[reach].tolist()))


def measured(source: StoredAudio, context: Context) -> Loudness:
    """Loudness of a recording, read in blocks."""
    meter = LoudnessMeter(source.rate, source.channels)
    for block in blocks_of(source, context):
        meter.push(block)
    return meter.result()


def _aim(
    spec: MasterSpec, analysis: Analysis, before: Loudness, target: Target
) -> tuple[float, str]:
    """The loudness to solve for, and why it is not the target's.

    What a limiter has pressed once a second pass would press again, and a third once more. Unless a
    loudness was asked for, a recording whose peaks look limited is made no louder than its peaks
    have room.
    """
    room_db = max(target.ceiling_dbtp - before.true_peak_dbtp, 0.0)
    pressed_lu = target.lufs - before.integrated_lufs - room_db
    if spec.lufs is not None or analysis.limited == 0.0 or not TOLERANCE_LU < pressed_lu < math.inf:
        return target.lufs, ""
    lufs = target.lufs - analysis.limited * pressed_lu
    return lufs, (
        f"The peaks look limited already: the loudness goes to {lufs:.1f} LUFS and not to "
        f"{target.lufs:g}. Ask for a loudness to have it all the same."
    )


def _loud_enough(
    spec: MasterSpec, source: StoredAudio, found: Found, lufs: float, context: Context
) -> tuple[Found, LoudnessSolver]:
    """Leave the dynamics alone where compressing them would cost the loudness aimed for.

    Attacks pass a compressor that turns down all the rest: the limiter may then not lift it again.
    """
    chain = found.parameters.scaled(spec.amounts)
    stage = found.network(chain).stage
    solver = LoudnessSolver(source, chain, context.part(0.42, 0.46), stage)
    gentler = _without_compression(found.parameters)
    if spec.parameters is not None or gentler.scaled(spec.amounts) == chain:
        return found, solver
    solution = solver.solve(lufs, spec.max_reduction_db)
    if solution.reached:
        return found, solver
    other = LoudnessSolver(source, gentler.scaled(spec.amounts), context.part(0.46, 0.5), stage)
    gained_lu = other.solve(lufs, spec.max_reduction_db).expected_lufs
    gained_lu -= solution.expected_lufs
    if not gained_lu > NOTABLE_LU:
        return found, solver
    why = f"Compression would have cost {gained_lu:.1f} LU under the ceiling: left as it is."
    explanation = {**found.explanation, "dynamics": why}
    return replace(found, parameters=gentler, explanation=explanation), other


def _without_compression(parameters: ChainParameters) -> ChainParameters:
    """The chain with every ratio above 1 set to 1; expansion stays."""

    def open_up(compressor: Compressor) -> Compressor:
        return replace(compressor, ratio=min(compressor.ratio, 1.0))

    multiband = replace(
        parameters.multiband,
        low=open_up(parameters.multiband.low),
        mid=open_up(parameters.multiband.mid),
        high=open_up(parameters.multiband.high),
    )
    return replace(parameters, compressor=open_up(parameters.compressor), multiband=multiband)


def _explained(found: Found, solution: LoudnessSolution) -> Mapping[str, str]:
    """What is said of the chain, with the level that was solved for in place of its estimate."""
    if "all" in found.explanation:
        return found.explanation
    level = f"{solution.gain_db:+.1f} dB into the limiter"
    if solution.reduction_db > 0.0:
        level += f", which takes off at most {solution.reduction_db:.1f} dB"
    return {**found.explanation, "level": f"{level}."}


def _warnings(
    spec: MasterSpec, source: StoredAudio, found: Found, solution: LoudnessSolution
) -> tuple[str, ...]:
    """What the user should know; what decoding a file says is the context's already."""
    warnings = [*found.warnings, *([solution.note] if solution.note else [])]
    decoded_before = isinstance(spec.source, StoredAudio)
    if decoded_before and source.nonfinite_samples:
        count = source.nonfinite_samples
        warnings.append(f"{count} samples of the source were no numbers and were read as silence.")
    if decoded_before and source.damage:
        warnings.append(f"The source is damaged: {source.damage}")
    return tuple(warnings)

"""Master: fit, meet the loudness, render into the cache, measure. The task behind the button."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from engine.audio.export_format import ExportFormat
from engine.audio.loudness import Loudness, LoudnessMeter
from engine.audio.probe import probe
from engine.audio.store import StoredAudio, StoreWriter, decode, find
from engine.audio.writer import WrittenAudio, write_audio
from engine.cache import Cache, Hold, recipe_key
from engine.mastering.analysis import Analysis, analyse, band_centres_hz
from engine.mastering.chain import render_blocks
from engine.mastering.fit import FitResult, FitSettings, FitStep, fit
from engine.mastering.loudness_solve import (
    MAX_REDUCTION_DB,
    TOLERANCE_LU,
    LoudnessSolution,
    LoudnessSolver,
    blocks_of,
)
from engine.mastering.parameters import ChainParameters
from engine.mastering.targets import Target, from_preset, from_references, with_delivery
from engine.tasks import Context, Failure

RENDERING_VERSION = 2
MAX_RENDERINGS = 3
# Less loudness than this is not worth giving up the dynamics aimed for.
NOTABLE_LU = 0.5
THIRD_OCTAVE = 2.0 ** (1.0 / 6.0) - 2.0 ** (-1.0 / 6.0)


@dataclass(frozen=True, slots=True)
class MasterSpec:
    """What to master, and how.

    Parameters
    ----------
    source
        A file, or audio that is decoded already.
    cache
        Where decoded audio and the rendering go.
    target
        Name of a preset; used when there is no reference and no ``custom_target``.
    references, weights
        Reference tracks, and how much each counts (equal by default).
    custom_target
        A target of one's own, as :meth:`Target.from_json` reads.
    lufs, ceiling_dbtp
        Delivery loudness and ceiling; None for the target's own.
    amount
        How much of tone, dynamics and width to apply, 0 to 1.5.
    parameters
        The chain to render; None lets the fit find it.
    keep_gain
        With ``parameters``: render their limiter gain as it is instead of solving for ``lufs``.
    settings
        Limits of the fit.
    max_reduction_db
        The most the limiter may take off a peak to reach the loudness.
    """

    source: StoredAudio | Path
    cache: Cache
    target: str = "balanced"
    references: tuple[Path, ...] = ()
    weights: tuple[float, ...] = ()
    custom_target: Target | None = None
    lufs: float | None = None
    ceiling_dbtp: float | None = None
    amount: float = 1.0
    parameters: ChainParameters | None = None
    keep_gain: bool = False
    settings: FitSettings = field(default_factory=FitSettings)
    max_reduction_db: float = MAX_REDUCTION_DB

    def __post_init__(self) -> None:
        if not 0.0 <= self.amount <= 1.5:
            raise Failure("The amount is out of range.", "It goes from 0 to 1.5 (150 %).")
        if self.weights and len(self.weights) != len(self.references):
            raise Failure("There must be as many weights as references.")


@dataclass(frozen=True, slots=True)
class TonalBalance:
    """Third-octave levels of the whole recording in dB re full scale, mid and side together."""

    frequencies_hz: tuple[float, ...]
    levels_db: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class MasterResult:
    """What mastering did.

    ``parameters`` are what the fit found (or was given), with the limiter gain that was solved
    for; ``applied`` is what was rendered: the same with the amount taken into account.
    """

    name: str
    target: Target
    amount: float
    parameters: ChainParameters
    applied: ChainParameters
    source: StoredAudio
    rendered: StoredAudio
    rendering_key: str
    before: Loudness
    after: Loudness
    balance_before: TonalBalance
    balance_after: TonalBalance
    limiter_reduction_db: float
    history: tuple[FitStep, ...]
    explanation: Mapping[str, str]
    warnings: tuple[str, ...]


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
    source = _load(spec.source, spec.cache, context.part(0.0, 0.1, "Decoding"))
    with Hold([source.path]):  # what renders now must not be trimmed to make room for it
        return _master(spec, source, context)


def _master(spec: MasterSpec, source: StoredAudio, context: Context) -> MasterResult:
    name = spec.source.name if isinstance(spec.source, Path) else source.content_hash[:12]
    analysis = analyse(source, context.part(0.1, 0.15))
    target = _target(spec, analysis, context)
    found = _parameters(spec, source, target, analysis, context)
    found, solver = _loud_enough(spec, source, target, found, context)
    applied = found.parameters.scaled(spec.amount)
    applied, rendered, key, after, solution = _render(
        spec, source, target, applied, solver, context
    )
    context.report(0.95, 1.0, "Measuring the result")
    before_meter = LoudnessMeter(source.rate, source.channels)
    for block in blocks_of(source, context.part(0.95, 0.98)):
        before_meter.push(block)
    result = MasterResult(
        name=name,
        target=target,
        amount=spec.amount,
        parameters=replace(found.parameters, limiter=applied.limiter),
        applied=applied,
        source=source,
        rendered=rendered,
        rendering_key=key,
        before=before_meter.result(),
        after=after,
        balance_before=tonal_balance(analysis),
        balance_after=tonal_balance(analyse(rendered, context.part(0.98, 1.0))),
        limiter_reduction_db=solution.reduction_db,
        history=found.history,
        explanation=_explained(found, solution),
        warnings=_warnings(spec, source, solution),
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


def rendering_key(source_hash: str, parameters: ChainParameters) -> str:
    """Cache key of the rendering of a source with parameters."""
    return recipe_key(
        task="master", version=RENDERING_VERSION, source=source_hash, parameters=parameters
    )


def _load(source: StoredAudio | Path, cache: Cache, context: Context) -> StoredAudio:
    return decode(source, cache, context) if isinstance(source, Path) else source


def _target(spec: MasterSpec, analysis: Analysis, context: Context) -> Target:
    if spec.custom_target is not None:
        target = spec.custom_target
    elif spec.references:
        progress = context.part(0.15, 0.2, "Reference")
        heard = [analyse(_load(path, spec.cache, progress), progress) for path in spec.references]
        name = ", ".join(path.name for path in spec.references)
        target = from_references(analysis, heard, spec.weights or None, name)
    else:
        target = from_preset(spec.target)
    return with_delivery(target, spec.lufs, spec.ceiling_dbtp)


def _parameters(
    spec: MasterSpec, source: StoredAudio, target: Target, analysis: Analysis, context: Context
) -> FitResult:
    if spec.parameters is None:
        return fit(source, target, spec.settings, context.part(0.2, 0.4), analysis)
    limiter = replace(spec.parameters.limiter, ceiling_dbtp=target.ceiling_dbtp)
    return FitResult(replace(spec.parameters, limiter=limiter), (), {"all": "Set by hand."})


def _loud_enough(
    spec: MasterSpec, source: StoredAudio, target: Target, found: FitResult, context: Context
) -> tuple[FitResult, LoudnessSolver]:
    """Leave the dynamics alone where compressing them would cost the loudness aimed for.

    Attacks pass a compressor that turns down all the rest: the limiter may then not lift it again.
    """
    solver = LoudnessSolver(source, found.parameters.scaled(spec.amount), context.part(0.4, 0.45))
    compressor = found.parameters.compressor
    if spec.parameters is not None or not compressor.enabled or compressor.ratio <= 1.0:
        return found, solver
    solution = solver.solve(target.lufs, spec.max_reduction_db)
    if solution.reached:
        return found, solver
    parameters = replace(found.parameters, compressor=replace(compressor, ratio=1.0))
    other = LoudnessSolver(source, parameters.scaled(spec.amount), context.part(0.45, 0.5))
    gained_lu = other.solve(target.lufs, spec.max_reduction_db).expected_lufs
    gained_lu -= solution.expected_lufs
    if not gained_lu > NOTABLE_LU:
        return found, solver
    why = f"Compression would have cost {gained_lu:.1f} LU under the ceiling: left as it is."
    explanation = {**found.explanation, "dynamics": why}
    return replace(found, parameters=parameters, explanation=explanation), other


def _explained(found: FitResult, solution: LoudnessSolution) -> Mapping[str, str]:
    """What the fit says, with the level that was solved for in place of its estimate."""
    if "level" not in found.explanation:
        return found.explanation
    level = f"{solution.gain_db:+.1f} dB into the limiter"
    if solution.reduction_db > 0.0:
        level += f", which takes off at most {solution.reduction_db:.1f} dB"
    return {**found.explanation, "level": f"{level}."}


def _warnings(spec: MasterSpec, source: StoredAudio, solution: LoudnessSolution) -> tuple[str, ...]:
    """What the user should know; what decoding a file says is the context's already."""
    warnings = [solution.note] if solution.note else []
    decoded_before = isinstance(spec.source, StoredAudio)
    if decoded_before and source.nonfinite_samples:
        count = source.nonfinite_samples
        warnings.append(f"{count} samples of the source were no numbers and were read as silence.")
    if decoded_before and source.damage:
        warnings.append(f"The source is damaged: {source.damage}")
    return tuple(warnings)


def _render(
    spec: MasterSpec,
    source: StoredAudio,
    target: Target,
    parameters: ChainParameters,
    solver: LoudnessSolver,
    context: Context,
) -> tuple[ChainParameters, StoredAudio, str, Loudness, LoudnessSolution]:
    """Render until the loudness is met: nearly always the first time."""
    keep = spec.keep_gain and spec.parameters is not None
    for attempt in range(MAX_RENDERINGS):
        if keep:
            solution = solver.at(parameters.limiter.gain_db)
        else:
            solution = solver.solve(target.lufs, spec.max_reduction_db)
        limiter = replace(parameters.limiter, gain_db=round(solution.gain_db, 4))
        parameters = replace(parameters, limiter=limiter)
        key = rendering_key(source.content_hash, parameters)
        # The first try is nearly always the last, so it gets nearly all of the bar.
        start, stop = ((0.5, 0.9), (0.9, 0.92), (0.92, 0.94))[attempt]
        progress = context.part(start, stop, "Rendering")
        rendered, after = _rendering(source, parameters, key, spec.cache, progress)
        error_lu = after.integrated_lufs - solution.expected_lufs
        if keep or not math.isfinite(error_lu) or abs(error_lu) <= TOLERANCE_LU:
            break
        solver.learn(solution.gain_db, after.integrated_lufs)
    return parameters, rendered, key, after, solution


def _rendering(
    source: StoredAudio, parameters: ChainParameters, key: str, cache: Cache, context: Context
) -> tuple[StoredAudio, Loudness]:
    meter = LoudnessMeter(source.rate, source.channels)
    known = find(cache, key)
    if known is not None:
        for block in blocks_of(known, context):
            meter.push(block)
        return known, meter.result()
    with StoreWriter(cache, key, source.rate, source.channels, source.frames) as writer:
        blocks = blocks_of(source, context, "rendering")
        for block in render_blocks(blocks, source.rate, source.channels, parameters):
            meter.push(block)
            writer.append(block)
        return writer.finish(), meter.result()

"""Rendering: a chain, the loudness it is to meet, and the audio in the cache."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from engine.audio.loudness import Loudness, LoudnessMeter
from engine.audio.store import StoredAudio, StoreWriter, find
from engine.cache import Cache, recipe_key
from engine.mastering.chain import ResidualProcessor, render_blocks
from engine.mastering.loudness_solve import (
    TOLERANCE_LU,
    LoudnessSolution,
    LoudnessSolver,
    blocks_of,
)
from engine.mastering.parameters import ChainParameters
from engine.tasks import Context

RENDERING_VERSION = 3
MAX_RENDERINGS = 3


@dataclass(frozen=True, slots=True)
class Network:
    """The residual network as it was made for one recording.

    ``heard`` identifies what it listened to besides the recording.
    """

    stage: ResidualProcessor | None = None
    heard: str = ""


@dataclass(frozen=True, slots=True)
class Rendering:
    """Audio in the cache, the chain that made it, and what was solved and measured."""

    parameters: ChainParameters
    audio: StoredAudio
    key: str
    loudness: Loudness
    solution: LoudnessSolution


def rendering_key(source_hash: str, parameters: ChainParameters, heard: str = "") -> str:
    """Cache key of the rendering of a source with parameters.

    ``heard`` is what a residual network listened to besides the source; its weights are named in
    the parameters.
    """
    parts = {"heard": heard} if heard and parameters.residual.active else {}
    return recipe_key(
        task="master", version=RENDERING_VERSION, source=source_hash, parameters=parameters, **parts
    )


def render_to_loudness(
    source: StoredAudio,
    parameters: ChainParameters,
    solver: LoudnessSolver,
    lufs: float | None,
    max_reduction_db: float,
    cache: Cache,
    context: Context,
    network: Network | None = None,
) -> Rendering:
    """Render until the loudness is met: nearly always the first time.

    Parameters
    ----------
    source, parameters
        The recording, and the chain.
    solver
        Of this recording and chain.
    lufs
        Loudness to meet; None for the limiter gain as it is.
    max_reduction_db
        The most the limiter may take off a peak.
    cache
        Where the rendering goes, or is found.
    context
        For progress and cancel.
    network
        The residual's where the chain has one.
    """
    network = network or Network()
    for attempt in range(MAX_RENDERINGS):
        if lufs is None:
            solution = solver.at(parameters.limiter.gain_db)
        else:
            solution = solver.solve(lufs, max_reduction_db)
        limiter = replace(parameters.limiter, gain_db=round(solution.gain_db, 4))
        parameters = replace(parameters, limiter=limiter)
        key = rendering_key(source.content_hash, parameters, network.heard)
        # The first try is nearly always the last, so it gets nearly all of the bar.
        start, stop = ((0.0, 0.9), (0.9, 0.95), (0.95, 1.0))[attempt]
        progress = context.part(start, stop)
        audio, loudness = _render(source, parameters, key, cache, network.stage, progress)
        error_lu = loudness.integrated_lufs - solution.expected_lufs
        if lufs is None or not math.isfinite(error_lu) or abs(error_lu) <= TOLERANCE_LU:
            break
        solver.learn(solution.gain_db, loudness.integrated_lufs)
    return Rendering(parameters, audio, key, loudness, solution)


def _render(
    source: StoredAudio,
    parameters: ChainParameters,
    key: str,
    cache: Cache,
    residual: ResidualProcessor | None,
    context: Context,
) -> tuple[StoredAudio, Loudness]:
    meter = LoudnessMeter(source.rate, source.channels)
    known = find(cache, key)
    if known is not None:
        for block in blocks_of(known, context):
            meter.push(block)
        return known, meter.result()
    with StoreWriter(cache, key, source.rate, source.channels, source.frames) as writer:
        blocks = blocks_of(source, context, "rendering")
        for block in render_blocks(blocks, source.rate, source.channels, parameters, residual):
            meter.push(block)
            writer.append(block)
        return writer.finish(), meter.result()

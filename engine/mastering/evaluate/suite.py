"""The suite: every method repairs every case, and what is left is measured, row by row.

One song is in memory at a time, and a passage of the next one. A method that fails on a case
leaves a row that says so; the suite goes on.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from engine.audio.clip import Clip
from engine.audio.loudness import measure
from engine.mastering.analysis import Analysis, analyse
from engine.mastering.biquad import response_db
from engine.mastering.data.degradation import Degradation, Kind, Tier
from engine.mastering.data.songs import Songs
from engine.mastering.evaluate.cases import KINDS, Case, Listening, Parts, another, passages
from engine.mastering.evaluate.methods import Identity, Method, Repair
from engine.mastering.evaluate.metrics import (
    Floats,
    active_bands,
    energy_weights,
    eq_error_db,
    grid_hz,
    log_spectral_distance_db,
    loudness_contour_error_lu,
    transfer_db,
    waveform_snr_db,
    width_error_db,
)
from engine.mastering.targets import same_recording
from engine.tasks import Cancelled, Context, Failure

IDENTITY = Identity()
SECOND_PASS_KINDS = (Kind.EQ,)


@dataclass(frozen=True, slots=True)
class SuiteSettings:
    """Which cases.

    Parameters
    ----------
    kinds, tiers, listening
        What is done to the songs, and what the methods have beside them.
    repeats
        Draws per song, kind and tier.
    seconds
        Longest passage taken of each half of a song.
    rate
        Sample rate in Hz at which all songs are worked on.
    limit
        Most songs, or None for all.
    seed
        Of all draws.
    second_pass
        Whether equalized cases are repaired twice, to see if the second time changes anything.
    """

    kinds: tuple[str, ...] = KINDS
    tiers: tuple[Tier, ...] = tuple(Tier)
    listening: tuple[Listening, ...] = tuple(Listening)
    repeats: int = 1
    seconds: float = 20.0
    rate: int = 44100
    limit: int | None = None
    seed: int = 0
    second_pass: bool = True


@dataclass(frozen=True, slots=True)
class Row:
    """What one method left of one case.

    Errors are against the song as it was; ``eq_error_db`` is by the method's own curve where it
    has one, ``eq_measured_db`` by long-term spectra for everyone. ``first_pass_db`` and
    ``second_pass_db`` are how far the repair moved the recording, and a second repair the first.
    None where there is nothing to say; with ``error`` set all numbers are None.
    """

    method: str
    song: str
    kind: str
    tier: str
    listening: str
    repeat: int
    eq_error_db: float | None = None
    eq_measured_db: float | None = None
    contour_error_lu: float | None = None
    distance_db: float | None = None
    width_error_db: float | None = None
    snr_db: float | None = None
    loudness_lu: float | None = None
    bands: int | None = None
    first_pass_db: float | None = None
    second_pass_db: float | None = None
    seconds: float | None = None
    note: str = ""
    error: str = ""


@dataclass(frozen=True, slots=True)
class Evaluation:
    """All rows, and the songs that could not take part, with the reason."""

    settings: SuiteSettings
    rows: tuple[Row, ...]
    songs: tuple[str, ...]
    skipped: dict[str, str]


@dataclass(frozen=True, slots=True, eq=False)
class _Judge:
    """What is known of the good recording a case was made of."""

    clean: Clip
    analysis: Analysis
    weights: Floats
    loudness_lufs: float

    @classmethod
    def of(cls, clean: Clip) -> _Judge:
        analysis = analyse(clean)
        return cls(clean, analysis, energy_weights(analysis), measure(clean).integrated_lufs)

    def judge(self, row: Row, degradation: Degradation, repair: Repair) -> Row:
        """The row with all that can be told of one repair."""
        output = analyse(repair.clip)
        rate = self.clean.rate
        measured = eq_error_db(transfer_db(self.analysis, output), self.weights)
        by_curve, bands = measured, None
        if repair.parameters is not None:
            own_db = response_db(repair.parameters.bands, grid_hz(), rate)
            by_curve = eq_error_db(degradation.curve_db(grid_hz(), rate) + own_db, self.weights)
            bands = active_bands(repair.parameters.bands)
        return replace(
            row,
            eq_error_db=by_curve,
            eq_measured_db=measured,
            contour_error_lu=loudness_contour_error_lu(repair.clip, self.clean),
            distance_db=log_spectral_distance_db(repair.clip, self.clean),
            width_error_db=width_error_db(output, self.analysis),
            snr_db=waveform_snr_db(repair.clip, self.clean),
            loudness_lu=measure(repair.clip).integrated_lufs - self.loudness_lufs,
            bands=bands,
            seconds=repair.seconds,
            note=repair.note,
        )


def evaluate(
    songs: Songs,
    methods: Sequence[Method],
    settings: SuiteSettings,
    context: Context,
    on_row: Callable[[Row], None] = lambda row: None,
) -> Evaluation:
    """Run the suite.

    Doing nothing always takes part, whatever the methods: the others are compared with it.

    Parameters
    ----------
    songs
        Good recordings; of each the first half is degraded and the second is its reference.
    methods
        Who repairs.
    settings
        Which cases.
    context
        Progress, and the way to cancel.
    on_row
        Told each row as soon as it is there.

    Raises
    ------
    Failure
        If no song can take part.
    """
    others = [method for method in methods if method.name != IDENTITY.name]
    names = _chosen(songs, settings.limit)
    rows: list[Row] = []
    skipped: dict[str, str] = {}
    for number, name in enumerate(names):
        context.checkpoint()
        share = context.part(number / len(names), (number + 1) / len(names), name)
        try:
            found = passages(songs, name, settings.seconds, settings.rate)
        except Failure as failure:
            skipped[name] = str(failure)
            continue
        other = None
        if Listening.OTHER_SONG in settings.listening:
            other = another(songs, name, settings.seconds, settings.rate)
        for row in _of_song(name, found, other, others, settings, share):
            rows.append(row)
            on_row(row)
    if not rows:
        raise Failure(
            "No song can be evaluated.",
            " ".join(skipped.values()),
            "Give a folder with songs of at least ten seconds.",
        )
    taken = tuple(dict.fromkeys(row.song for row in rows))
    return Evaluation(settings, tuple(rows), taken, skipped)


def _chosen(songs: Songs, limit: int | None) -> tuple[str, ...]:
    """At most ``limit`` names, spread evenly: neighbours in a folder are alike."""
    names = songs.names
    if limit is None or limit >= len(names):
        return names
    return tuple(names[index * len(names) // limit] for index in range(limit))


def _of_song(
    name: str,
    found: Parts,
    other: Clip | None,
    methods: Sequence[Method],
    settings: SuiteSettings,
    context: Context,
) -> Iterator[Row]:
    """All rows of one song."""
    judge = _Judge.of(found.a)
    repeats = same_recording(judge.analysis, analyse(found.b))
    if repeats:
        context.warn(f"“{name}” repeats itself, so its other half tells no more than itself.")
    references: dict[Listening, Clip | None] = {
        Listening.NONE: None,
        Listening.SAME_SONG: None if repeats else found.b,
        Listening.OTHER_SONG: other,
        Listening.PERFECT: found.a,
    }
    cases = [
        Case(name, kind, tier, repeat)
        for kind, tier, repeat in itertools.product(
            settings.kinds, settings.tiers, range(settings.repeats)
        )
    ]
    for number, case in enumerate(cases):
        degradation = case.degradation(settings.seed, found.a.channels)
        degraded = degradation.apply(found.a)
        alone = _row(
            judge, case, degradation, degraded, IDENTITY, Listening.NONE, None, settings, context
        )
        for listening in settings.listening:
            reference = references[listening]
            if reference is None and listening is not Listening.NONE:
                continue
            yield replace(alone, listening=listening)
            for method in methods:
                context.checkpoint()
                context.report(number, len(cases), f"{case.kind} {case.tier}: {method.name}")
                if reference is None and method.needs_reference:
                    continue
                yield _row(
                    judge,
                    case,
                    degradation,
                    degraded,
                    method,
                    listening,
                    reference,
                    settings,
                    context,
                )


def _row(
    judge: _Judge,
    case: Case,
    degradation: Degradation,
    degraded: Clip,
    method: Method,
    listening: Listening,
    reference: Clip | None,
    settings: SuiteSettings,
    context: Context,
) -> Row:
    row = Row(method.name, case.song, case.kind, case.tier, listening, case.repeat)
    # Progress is told by the case, not by what a method does inside.
    inside = replace(context, on_progress=lambda progress: None)
    try:
        repair = method.repair(degraded, reference, inside)
        row = judge.judge(row, degradation, repair)
        if settings.second_pass and case.kind in SECOND_PASS_KINDS:
            again = method.repair(repair.clip, reference, inside)
            row = replace(
                row,
                first_pass_db=log_spectral_distance_db(repair.clip, degraded),
                second_pass_db=log_spectral_distance_db(again.clip, repair.clip),
            )
        return row
    except Cancelled:
        raise
    except Exception as error:  # one case of thousands must not end a night's work
        return replace(row, error=f"{type(error).__name__}: {error}")

"""What the rows come to: statistics per group, and which bars are met."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from engine.mastering.data.degradation import Kind, Tier
from engine.mastering.evaluate.cases import THREE_BANDS, Listening
from engine.mastering.evaluate.methods import Identity
from engine.mastering.evaluate.suite import Row

IDENTITY = Identity().name
WORSE_BY_DB = 0.3
METRICS: dict[str, tuple[str, str]] = {
    "eq_error_db": ("Equalizer error", "dB"),
    "eq_measured_db": ("Equalizer error, measured on the audio", "dB"),
    "contour_error_lu": ("Loudness contour error", "LU"),
    "distance_db": ("Log-spectral distance", "dB"),
    "width_error_db": ("Width error", "dB"),
}
"""Fields of a row in which less is better, with title and unit."""
TONAL = (Kind.EQ, Kind.EQ_COMPRESSION, Kind.EQ_WIDTH)
SAME_DB = 0.005


@dataclass(frozen=True, slots=True)
class Group:
    """One metric of one method over all songs and draws of a kind, tier and way of listening.

    ``better`` and ``worse`` are shares of cases against doing nothing: better at all, worse by
    more than 0.3. Statistics are None where every case failed.
    """

    method: str
    kind: str
    tier: str
    listening: str
    metric: str
    count: int
    failed: int
    mean: float | None
    p10: float | None
    p50: float | None
    p90: float | None
    better: float | None
    worse: float | None


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar, one method: what was reached, what is asked for.

    ``met`` is None where the suite ran nothing that tells.
    """

    number: int
    title: str
    method: str
    reached: str
    asked: str
    met: bool | None


def groups(rows: Sequence[Row]) -> tuple[Group, ...]:
    """Statistics of every metric, in the order in which the rows came."""
    keys = dict.fromkeys((row.method, row.kind, row.tier, row.listening) for row in rows)
    found = {key: [row for row in rows if _key(row) == key] for key in keys}
    nothing = _identities(rows)
    return tuple(
        _group(metric, *key, members, nothing)
        for metric in METRICS
        for key, members in sorted(found.items(), key=lambda item: _order(item[0], list(keys)))
    )


def _key(row: Row) -> tuple[str, str, str, str]:
    return row.method, row.kind, row.tier, row.listening


def _order(key: tuple[str, str, str, str], keys: list[tuple[str, str, str, str]]) -> list[int]:
    """Kind, tier, listening, then method, each as it came first."""
    columns = [list(dict.fromkeys(each[place] for each in keys)) for place in range(4)]
    return [columns[place].index(key[place]) for place in (1, 2, 3, 0)]


Case = tuple[str, str, str, str, int]


def _case(row: Row) -> Case:
    return row.song, row.kind, row.tier, row.listening, row.repeat


def _identities(rows: Iterable[Row]) -> dict[Case, Row]:
    return {_case(row): row for row in rows if row.method == IDENTITY}


def _group(
    metric: str,
    method: str,
    kind: str,
    tier: str,
    listening: str,
    rows: Sequence[Row],
    nothing: dict[Case, Row],
) -> Group:
    values = [value for row in rows if (value := getattr(row, metric)) is not None]
    moved = changes(rows, nothing, metric)
    failed = sum(bool(row.error) for row in rows)
    p10, p50, p90 = np.percentile(values, (10, 50, 90)).tolist() if values else (None,) * 3
    better = worse = None
    if moved:
        better = sum(change < -SAME_DB for change in moved) / len(moved)
        worse = sum(change > WORSE_BY_DB for change in moved) / len(moved)
    return Group(
        method,
        kind,
        tier,
        listening,
        metric,
        len(values),
        failed,
        _mean(values),
        p10,
        p50,
        p90,
        better,
        worse,
    )


def changes(rows: Iterable[Row], nothing: dict[Case, Row], metric: str) -> list[float]:
    """By how much each case is worse than doing nothing; cases that cannot tell are left out."""
    moved = []
    for row in rows:
        value = getattr(row, metric)
        base = nothing.get(_case(row))
        before = getattr(base, metric) if base is not None else None
        if value is not None and before is not None:
            moved.append(value - before)
    return moved


def bars(rows: Sequence[Row]) -> tuple[Bar, ...]:
    """The bars this suite can judge, for every method but doing nothing."""
    methods = dict.fromkeys(row.method for row in rows if row.method != IDENTITY)
    nothing = _identities(rows)
    found: list[Bar] = []
    for method in methods:
        own = [row for row in rows if row.method == method and not row.error]
        for number, title, judge in _BARS:
            reached, asked, met = judge(own, nothing)
            found.append(Bar(number, title, method, reached, asked, met))
    return tuple(sorted(found, key=lambda bar: bar.number))


Verdict = tuple[str, str, bool | None]
NOT_RUN = "not run"


def _mean(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known else None


def _of(rows: Iterable[Row], listening: Listening, *kinds: str) -> list[Row]:
    return [row for row in rows if row.listening == listening and row.kind in kinds]


def _tier_means(rows: Iterable[Row]) -> list[float | None]:
    members = list(rows)
    return [_mean(row.eq_error_db for row in members if row.tier == tier) for tier in Tier]


def _within(means: Sequence[float | None], limits: Sequence[float]) -> bool | None:
    """Whether all that was run is within its limit; None if nothing was."""
    known = [(mean, limit) for mean, limit in zip(means, limits, strict=True) if mean is not None]
    return all(mean <= limit for mean, limit in known) if known else None


def _say(means: Sequence[float | None], unit: str = "dB") -> str:
    return " / ".join("–" if mean is None else f"{mean:.2f}" for mean in means) + f" {unit}"


def _same_song(rows: Sequence[Row], nothing: dict[Case, Row]) -> Verdict:
    asked = "≤ 1.90 / 2.80 dB, better in ≥ 85 %"
    members = _of(rows, Listening.SAME_SONG, Kind.EQ)
    means = _tier_means(members)
    within = _within(means, (1.9, 2.8))
    moved = changes(members, nothing, "eq_error_db")
    if within is None or not moved:
        return NOT_RUN, asked, None
    better = sum(change < -SAME_DB for change in moved) / len(moved)
    return f"{_say(means)}, better in {better:.0%}", asked, within and better >= 0.85


def _no_reference(rows: Sequence[Row], nothing: dict[Case, Row]) -> Verdict:
    asked = "≤ 2.45 / 4.10 dB, worse in ≤ 5 %"
    means = _tier_means(_of(rows, Listening.NONE, Kind.EQ))
    within = _within(means, (2.45, 4.1))
    # Worse counts whatever was wrong: also where the tone was right all along.
    moved = changes(_of(rows, Listening.NONE, *Kind), nothing, "eq_error_db")
    if within is None or not moved:
        return NOT_RUN, asked, None
    worse = sum(change > WORSE_BY_DB for change in moved) / len(moved)
    return f"{_say(means)}, worse in {worse:.0%}", asked, within and worse <= 0.05


def _perfect(rows: Sequence[Row], nothing: dict[Case, Row]) -> Verdict:
    asked = "≤ 0.25 dB in family, ≤ 0.60 dB out of it"
    means = [
        _mean(row.eq_error_db for row in _of(rows, Listening.PERFECT, *kinds))
        for kinds in (TONAL, (Kind.OUT_OF_FAMILY,))
    ]
    met = _within(means, (0.25, 0.6))
    return (NOT_RUN if met is None else _say(means)), asked, met


def _dynamics(rows: Sequence[Row], nothing: dict[Case, Row]) -> Verdict:
    asked = "≤ 1.00 LU with another part of the song"
    members = _of(rows, Listening.SAME_SONG, Kind.EQ_COMPRESSION)
    mean = _mean(row.contour_error_lu for row in members)
    if mean is None:
        return NOT_RUN, asked, None
    before = _mean(
        nothing[case].contour_error_lu for case in map(_case, members) if case in nothing
    )
    if before is None:
        return NOT_RUN, asked, None
    return f"{mean:.2f} LU (doing nothing {before:.2f})", asked, mean <= 1.0


def _second_pass(rows: Sequence[Row], nothing: dict[Case, Row]) -> Verdict:
    asked = "≤ 0.50 dB and ≤ 0.30 of the first"
    pairs = [row for row in rows if row.second_pass_db is not None]
    first, second = (
        _mean(getattr(row, name) for row in pairs) for name in ("first_pass_db", "second_pass_db")
    )
    if first is None or second is None:
        return NOT_RUN, asked, None
    share = second / first if first > 0.0 else 0.0
    met = second <= 0.5 and share <= 0.3
    return f"{second:.2f} dB, {share:.2f} of {first:.2f} dB", asked, met


def _band_count(rows: Sequence[Row], nothing: dict[Case, Row]) -> Verdict:
    asked = "≤ 6.0 bands where 3 did the harm"
    mean = _mean(row.bands for row in rows if row.kind == THREE_BANDS)
    return (NOT_RUN, asked, None) if mean is None else (f"{mean:.1f} bands", asked, mean <= 6.0)


_BARS: tuple[tuple[int, str, Callable[[Sequence[Row], dict[Case, Row]], Verdict]], ...] = (
    (5, "Another part of the song as reference (±6 / ±12 dB)", _same_song),
    (6, "No reference (±6 / ±12 dB)", _no_reference),
    (7, "The recording itself as reference", _perfect),
    (8, "Dynamics undone", _dynamics),
    (10, "A second pass changes little", _second_pass),
    (17, "Few bands", _band_count),
)

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest

from engine.audio.clip import Clip
from engine.mastering.chain import render
from engine.mastering.data.degradation import Kind, Tier
from engine.mastering.evaluate.cases import THREE_BANDS, Case, Listening, another, passages
from engine.mastering.evaluate.methods import Repair, untouched, without_limiter
from engine.mastering.evaluate.suite import Row, SuiteSettings, evaluate
from engine.mastering.parameters import ChainParameters, Compressor
from engine.tasks import Cancelled, Context, Failure, Progress

SMALL = SuiteSettings(
    kinds=(Kind.EQ,), tiers=(Tier.STRONG,), listening=(Listening.PERFECT,), seconds=3.2
)


@dataclass(frozen=True)
class Knows:
    """Undoes a case it is told, from outside."""

    inverse: ChainParameters
    name: str = "knows"
    needs_reference: bool = False

    def repair(self, degraded: Clip, reference: Clip | None, context: Context) -> Repair:
        parameters = without_limiter(self.inverse)
        return Repair(render(degraded, parameters), parameters, 0.5, "a note")


@dataclass(frozen=True)
class Listens:
    """Writes down what it was given, and gives it back."""

    heard: list[tuple[Clip, Clip | None]]
    name: str = "listens"
    needs_reference: bool = False

    def repair(self, degraded: Clip, reference: Clip | None, context: Context) -> Repair:
        self.heard.append((degraded, reference))
        return Repair(degraded, None, 0.0)


@dataclass(frozen=True)
class Fails:
    """Never works."""

    error: Exception
    name: str = "fails"
    needs_reference: bool = True

    def repair(self, degraded: Clip, reference: Clip | None, context: Context) -> Repair:
        raise self.error


def inverse(case: Case, seed: int) -> ChainParameters:
    """The chain that undoes an equalizer: the same bells and shelves the other way round."""
    bands = case.degradation(seed, 2).bands
    return ChainParameters(bands=tuple(replace(band, gain_db=-band.gain_db) for band in bands))


def test_the_inverse_of_what_was_done_leaves_no_error(make_songs) -> None:
    undo = Knows(inverse(Case("one", Kind.EQ, Tier.STRONG, 0), 0))
    rows = evaluate(make_songs("one"), [undo], SMALL, Context()).rows
    nothing, repaired = rows
    assert nothing.method == "identity" and nothing.eq_error_db > 1.0
    assert repaired.eq_error_db < 1e-9
    assert repaired.eq_measured_db < 0.05
    assert repaired.contour_error_lu < 0.01
    assert repaired.snr_db > 60.0
    assert repaired.seconds == 0.5 and repaired.note == "a note"
    assert abs(repaired.loudness_lu) < 0.01


def test_doing_nothing_has_the_error_of_the_degradation_and_uses_no_band(songs) -> None:
    row = evaluate(songs, [], SMALL, Context()).rows[0]
    assert row.bands == 0
    assert row.eq_error_db == pytest.approx(row.eq_measured_db, abs=0.3)
    assert row.second_pass_db == 0.0


def test_what_is_measured_twice_is_the_same_for_all_who_do_the_same(make_songs) -> None:
    """A method without parameters is judged on its audio alone."""
    rows = evaluate(make_songs("one"), [Listens([])], SMALL, Context()).rows
    nothing, listened = rows
    assert listened.eq_error_db == nothing.eq_measured_db
    assert listened.bands is None
    assert listened.snr_db == nothing.snr_db


@pytest.mark.parametrize("listening", list(Listening))
def test_a_method_hears_what_it_may_and_nothing_else(songs, listening: Listening) -> None:
    method = Listens([])
    settings = replace(SMALL, listening=(listening,), limit=1, second_pass=False)
    evaluate(songs, [method], settings, Context())
    (degraded, reference), *more = method.heard
    assert not more
    own = passages(songs, "one", 3.2, 44100)
    expected = {
        Listening.NONE: None,
        Listening.SAME_SONG: own.b,
        Listening.OTHER_SONG: passages(songs, "two", 3.2, 44100).b,
        Listening.PERFECT: own.a,
    }[listening]
    assert degraded.samples.shape == own.a.samples.shape
    assert not np.array_equal(degraded.samples, own.a.samples)
    if expected is None:
        assert reference is None
    else:
        assert reference is not None
        np.testing.assert_array_equal(reference.samples, expected.samples)


def test_the_passages_do_not_overlap(songs) -> None:
    own = passages(songs, "one", 3.2, 44100)
    whole = songs.part("one", 0.0, 6.4, 44100).samples
    np.testing.assert_array_equal(np.concatenate([own.a.samples, own.b.samples], axis=1), whole)


def test_a_second_pass_starts_from_the_first(songs) -> None:
    method = Listens([])
    evaluate(songs, [method], replace(SMALL, limit=1), Context())
    assert len(method.heard) == 2
    row = evaluate(songs, [Knows(_louder())], replace(SMALL, limit=1), Context()).rows[1]
    # A gain of 6 dB on all frequencies is 6 dB the first time and as much the second.
    assert row.first_pass_db == pytest.approx(6.0, abs=1e-3)
    assert row.second_pass_db == pytest.approx(6.0, abs=1e-3)


def _louder() -> ChainParameters:
    return replace(untouched(), compressor=Compressor(makeup_db=6.0))


def test_a_case_does_not_depend_on_what_else_is_run(make_songs) -> None:
    alone = evaluate(make_songs("one"), [], SMALL, Context()).rows
    wide = replace(SMALL, kinds=(Kind.GAIN, Kind.EQ), tiers=tuple(Tier), repeats=2)
    among = evaluate(make_songs("zero", "one", "two"), [], wide, Context()).rows
    same = [row for row in among if row in alone]
    assert len(same) == len(alone) == 1
    assert len({row.eq_error_db for row in among if row.kind == Kind.EQ}) == 12


def test_another_seed_is_another_case() -> None:
    case = Case("one", Kind.EQ, Tier.MILD, 0)
    assert case.degradation(0, 2) == case.degradation(0, 2)
    assert case.degradation(0, 2) != case.degradation(1, 2)
    assert case.degradation(0, 2) != replace(case, repeat=1).degradation(0, 2)


def test_three_bands_do_the_harm_where_bands_are_counted() -> None:
    assert len(Case("one", THREE_BANDS, Tier.MILD, 0).degradation(0, 2).bands) == 3
    assert len(Case("one", Kind.EQ, Tier.MILD, 0).degradation(0, 2).bands) == 8


def test_songs_that_cannot_take_part_are_told_and_the_others_are_run(make_songs) -> None:
    songs = make_songs("one", "short", "broken", "silent", "two")
    evaluation = evaluate(songs, [], SMALL, Context())
    assert evaluation.songs == ("one", "two")
    assert set(evaluation.skipped) == {"short", "broken", "silent"}
    assert "too short" in evaluation.skipped["short"]


def test_without_any_song_it_fails_and_says_why(make_songs) -> None:
    with pytest.raises(Failure, match="short"):
        evaluate(make_songs("short"), [], SMALL, Context())


def test_the_other_song_is_of_another_group(make_songs) -> None:
    songs = make_songs("a-1", "a-2", "b-short", "c-1")
    other = another(songs, "a-1", 3.2, 44100)
    assert other is not None
    expected = passages(songs, "c-1", 3.2, 44100).b
    np.testing.assert_array_equal(other.samples, expected.samples)
    assert another(make_songs("a-1", "a-2"), "a-1", 3.2, 44100) is None


def test_a_limit_takes_songs_from_all_over_the_folder(make_songs) -> None:
    songs = make_songs("a", "b", "c", "d", "e", "f")
    evaluation = evaluate(songs, [], replace(SMALL, limit=3), Context())
    assert evaluation.songs == ("a", "c", "e")


def test_a_failing_case_is_a_row_and_not_the_end(songs) -> None:
    rows = evaluate(songs, [Fails(ValueError("no luck"))], SMALL, Context()).rows
    failed = [row for row in rows if row.method == "fails"]
    assert [row.error for row in failed] == ["ValueError: no luck"] * 2
    assert all(row.eq_error_db is None for row in failed)


def test_who_needs_a_reference_is_not_asked_without_one(songs) -> None:
    settings = replace(SMALL, listening=(Listening.NONE,))
    rows = evaluate(songs, [Fails(ValueError())], settings, Context()).rows
    assert {row.method for row in rows} == {"identity"}


def test_rows_are_told_as_they_come_and_a_cancel_ends_it(songs) -> None:
    context = Context()
    told: list[Row] = []

    def cancel(row: Row) -> None:
        told.append(row)
        context.cancel_event.set()

    with pytest.raises(Cancelled):
        evaluate(songs, [Listens([])], SMALL, context, cancel)
    assert len(told) == 1


def test_a_method_that_is_cancelled_is_no_failing_case(songs) -> None:
    with pytest.raises(Cancelled):
        evaluate(songs, [Fails(Cancelled())], SMALL, Context())


def test_progress_never_goes_back(songs) -> None:
    seen: list[Progress] = []
    context = Context(seen.append, interval_s=0.0)
    settings = replace(SMALL, kinds=(Kind.EQ, Kind.GAIN), listening=tuple(Listening))
    evaluate(songs, [Listens([])], settings, context)
    shares = [progress.fraction for progress in seen]
    assert shares == sorted(shares)
    assert "one" in seen[0].text


def test_a_loop_is_no_other_part_of_a_song(make_songs) -> None:
    class Loop(make_songs):
        def part(self, name: str, start_s: float, duration_s: float, rate: int) -> Clip:
            return super().part(name, start_s % 3.2, duration_s, rate)

    context = Context()
    settings = replace(SMALL, listening=(Listening.SAME_SONG, Listening.PERFECT))
    rows = evaluate(Loop("one"), [Listens([])], settings, context).rows
    assert {row.listening for row in rows} == {Listening.PERFECT}
    assert "repeats itself" in context.warnings[0]


def test_a_mono_song_is_repaired_in_mono(make_songs) -> None:
    class Mono(make_songs):
        def part(self, *arguments) -> Clip:
            clip = super().part(*arguments)
            return Clip(clip.samples[:1], clip.rate)

    settings = replace(SMALL, kinds=(Kind.EQ_WIDTH,))
    method = Listens([])
    rows = evaluate(Mono("one"), [method], settings, Context()).rows
    assert method.heard[0][0].channels == 1
    assert rows[0].width_error_db is None

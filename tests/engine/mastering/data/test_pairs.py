"""Pairs: the same index is the same pair, and what has to be undone is known."""

from __future__ import annotations

import hashlib
from concurrent.futures import ProcessPoolExecutor
from itertools import islice
from multiprocessing import get_context

import numpy as np
import pytest

from engine.audio.clip import Clip
from engine.mastering.analysis import analyse
from engine.mastering.data.augment import AugmentSettings
from engine.mastering.data.degradation import Kind, Tier, error_grid_hz
from engine.mastering.data.neutral import MeanSpectrum, third_octave_db
from engine.mastering.data.pairs import (
    NORMAL_LUFS,
    Pair,
    Pairs,
    PairSettings,
    integrated_lufs,
    normalise,
)
from engine.mastering.data.songs import ProceduralSongs
from engine.tasks import Failure

RATE = 22050
SHORT = PairSettings(part_s=2.0, rate=RATE)


def pulses(seed: int, duration_s: float, rate: int) -> Clip:
    """Noise that swells and fades, other for every seed."""
    rng = np.random.default_rng(seed)
    frames = round(duration_s * rate)
    swell = 0.3 + 0.7 * np.abs(np.sin(np.arange(frames) / rate * (1.0 + seed % 3)))
    return Clip((0.1 * swell * rng.normal(size=(2, frames))).astype(np.float32), rate)


def songs(count: int = 3, duration_s: float = 8.0) -> ProceduralSongs:
    return ProceduralSongs(range(count), duration_s, kept=count, compose=pulses)


def pairs(settings: PairSettings = SHORT, seed: int = 0) -> Pairs:
    collection = songs()
    return Pairs(collection, collection.names, settings, seed)


def digest(pair: Pair) -> str:
    text = hashlib.sha256()
    for clip in (pair.input, pair.clean, pair.reference):
        text.update(b"none" if clip is None else clip.samples.tobytes())
    text.update(pair.degradation.to_json().encode())
    return text.hexdigest()


def test_an_index_is_one_pair_in_any_order() -> None:
    forward = [digest(pairs().pair(index)) for index in range(5)]
    one = pairs()
    assert [digest(one.pair(index)) for index in (3, 0, 4)] == [forward[i] for i in (3, 0, 4)]
    assert len(set(forward)) == 5
    assert digest(pairs(seed=1).pair(0)) != forward[0]


def test_workers_share_the_work_without_overlap() -> None:
    one = pairs()
    alone = [digest(pair) for pair in islice(one.stream(), 6)]
    shared = [[digest(pair) for pair in islice(one.stream(worker, 2), 3)] for worker in (0, 1)]
    assert alone == [shared[index % 2][index // 2] for index in range(6)]


def test_other_processes_make_the_same_pairs() -> None:
    """Started afresh, as on every system but Linux; this is also how workers get their songs."""
    made = pairs()
    here = [digest(made.pair(index)) for index in range(4)]
    with ProcessPoolExecutor(1, get_context("spawn")) as executor:
        there = [digest(pair) for pair in executor.map(made.pair, range(4))]
    assert there == here


def test_all_parts_are_normalised_and_alike_in_form() -> None:
    for pair in islice(pairs().stream(), 8):
        clips = [pair.input, pair.clean, *([pair.reference] if pair.reference else [])]
        for clip in clips:
            assert clip.samples.shape == (2, 2 * RATE)
            assert clip.samples.dtype == np.float32
            assert integrated_lufs(clip) == pytest.approx(NORMAL_LUFS, abs=0.05)


def transfer_error_db(pair: Pair) -> float:
    """How far the stated curve is from the measured one, without the level."""
    grid = error_grid_hz()
    grid = grid[(grid > 60.0) & (grid < 8000.0)]
    frames = 1 << int(np.ceil(np.log2(2 * pair.clean.frames)))
    spectra = [np.fft.rfft(clip.samples[0], frames) for clip in (pair.input, pair.clean)]
    bins = np.fft.rfftfreq(frames, 1.0 / pair.clean.rate)
    measured = []
    for hz in grid:
        near = np.abs(np.log2(np.maximum(bins, 1.0) / hz)) < 1.0 / 24.0
        power = [np.sum(np.abs(spectrum[near]) ** 2) for spectrum in spectra]
        measured.append(10.0 * np.log10(power[0] / power[1]))
    return float(np.std(np.array(measured) - pair.curve_db(grid)))


@pytest.mark.parametrize("kind", [Kind.EQ, Kind.OUT_OF_FAMILY, Kind.GAIN])
@pytest.mark.parametrize("reference_probability", [0.0, 1.0])
def test_the_curve_leads_from_the_clean_part_to_the_input(
    kind: Kind, reference_probability: float
) -> None:
    settings = PairSettings(
        part_s=2.0,
        rate=RATE,
        kinds=(kind,),
        tiers=(Tier.MILD,),
        reference_probability=reference_probability,
    )
    for index in range(3):
        assert transfer_error_db(pairs(settings).pair(index)) < 0.25


def test_the_curve_contains_what_neutralising_did() -> None:
    collection = songs()
    spectra = [
        third_octave_db(analyse(collection.part(name, 0.0, 8.0, RATE))) for name in collection.names
    ]
    settings = PairSettings(part_s=2.0, rate=RATE, kinds=(Kind.EQ,), neutralise=1.0)
    mean = MeanSpectrum.of(np.array(spectra))
    made = Pairs(collection, collection.names, settings, 0, mean)
    plain = pairs(PairSettings(part_s=2.0, rate=RATE, kinds=(Kind.EQ,)))
    for index in range(3):
        pair = made.pair(index)
        assert pair.neutralisation is not None
        assert transfer_error_db(pair) < 0.25
        # the songs have the mean spectrum, so that nearly all of the equalizer is gone
        grid = np.geomspace(80.0, 7000.0, 50)
        before = np.std(plain.pair(index).curve_db(grid))
        assert np.std(pair.curve_db(grid)) < 0.4 * before + 0.3
    with pytest.raises(ValueError, match="mean"):
        Pairs(collection, collection.names, settings)


def test_the_reference_is_another_part_of_the_same_song() -> None:
    settings = PairSettings(
        part_s=2.0,
        rate=44100,
        kinds=(Kind.GAIN,),
        reference_probability=1.0,
        style_probability=0.0,
        augment=None,
    )
    collection = songs()
    for index in range(4):
        pair = pairs(settings).pair(index)
        whole = collection.part(pair.song, 0.0, 8.0, 44100).samples[0]
        assert pair.reference is not None
        starts = []
        for clip in (pair.clean, pair.reference):
            found = np.correlate(whole, clip.samples[0, 20000:20500], "valid")
            starts.append(int(np.argmax(found)) - 20000)
        assert starts[0] == round(pair.start_s * 44100)
        assert abs(starts[1] - starts[0]) >= 2 * 44100


def test_a_style_is_on_the_reference_and_on_what_should_come_out() -> None:
    def spectra(style: float) -> list[np.ndarray]:
        settings = PairSettings(
            part_s=3.0,
            rate=44100,
            kinds=(Kind.GAIN,),
            reference_probability=1.0,
            style_probability=style,
            augment=None,
        )
        pair = pairs(settings).pair(2)
        assert pair.reference is not None
        return [third_octave_db(analyse(clip)) for clip in (pair.clean, pair.reference)]

    plain, styled = spectra(0.0), spectra(1.0)
    middle = slice(4, 27)
    changes = [(after - before)[middle] for before, after in zip(plain, styled, strict=True)]
    assert np.std(changes[0]) > 1.0
    assert np.std(changes[0] - changes[1]) < 0.4


def test_no_reference_where_none_is_wanted() -> None:
    settings = PairSettings(part_s=2.0, rate=RATE, reference_probability=0.0)
    assert all(pair.reference is None for pair in islice(pairs(settings).stream(), 4))


def test_kinds_come_as_often_as_weighted() -> None:
    settings = PairSettings(
        part_s=0.5,
        rate=8000,
        kinds=(Kind.GAIN, Kind.EQ),
        kind_weights=(3.0, 1.0),
        augment=None,
        reference_probability=0.0,
    )
    kinds = [pair.degradation.kind for pair in islice(pairs(settings).stream(), 200)]
    # 150 expected with a standard deviation of 6
    assert 126 <= kinds.count(Kind.GAIN) <= 174


def test_three_bands_can_be_asked_for() -> None:
    settings = PairSettings(part_s=0.5, rate=8000, kinds=(Kind.EQ,), band_counts=(3,), augment=None)
    assert len(pairs(settings).pair(0).degradation.bands) == 3


def test_songs_that_are_too_short_are_left_out_and_none_is_a_failure() -> None:
    collection = songs(duration_s=2.0)
    with pytest.raises(Failure, match="long enough"):
        Pairs(collection, collection.names, SHORT)
    made = Pairs(collection, collection.names, PairSettings(part_s=1.9, rate=RATE, augment=None))
    assert made.pair(0).clean.frames == round(1.9 * RATE)


def test_silent_songs_make_finite_pairs() -> None:
    silent = ProceduralSongs(
        range(1), 8.0, compose=lambda seed, s, rate: Clip(np.zeros((2, round(s * rate))), rate)
    )
    made = Pairs(silent, silent.names, SHORT)
    for index in range(6):
        pair = made.pair(index)
        assert not pair.input.samples.any()
        assert pair.input_gain_db == 0.0


def test_mono_songs_stay_mono() -> None:
    mono = ProceduralSongs(
        range(2), 8.0, compose=lambda seed, s, rate: Clip(pulses(seed, s, rate).samples[:1], rate)
    )
    made = Pairs(mono, mono.names, SHORT)
    assert all(made.pair(index).input.channels == 1 for index in range(6))


def test_another_song_may_be_mixed_in() -> None:
    mixing = AugmentSettings(mix_probability=1.0)
    mixed = PairSettings(part_s=2.0, rate=RATE, augment=mixing)
    assert digest(pairs(mixed).pair(0)) != digest(pairs(SHORT).pair(0))


def test_normalising_reports_its_gain() -> None:
    clip = pulses(0, 3.0, RATE)
    louder, gain_db = normalise(clip)
    assert gain_db == pytest.approx(NORMAL_LUFS - integrated_lufs(clip))
    np.testing.assert_allclose(louder.samples, clip.samples * 10.0 ** (gain_db / 20.0), rtol=1e-5)


@pytest.mark.parametrize(
    "wrong",
    [{"kinds": ()}, {"tiers": ()}, {"kind_weights": (1.0,)}, {"kind_weights": (0.0,) * 6}],
)
def test_impossible_settings_are_refused(wrong: dict[str, tuple[float, ...]]) -> None:
    with pytest.raises(Failure):
        PairSettings(**wrong)  # type: ignore[arg-type]


def test_no_song_outside_the_given_names_is_ever_read() -> None:
    """Neither as a part, nor as a reference, nor mixed in."""
    collection = songs(6)
    read: set[str] = set()

    class Watched(ProceduralSongs):
        def part(self, name: str, start_s: float, duration_s: float, rate: int) -> Clip:
            read.add(name)
            return collection.part(name, start_s, duration_s, rate)

    watched = Watched(range(6), 8.0, compose=pulses)
    settings = PairSettings(part_s=1.0, rate=8000, augment=AugmentSettings(mix_probability=1.0))
    allowed = watched.names[1::2]
    made = Pairs(watched, allowed, settings)
    for index in range(20):
        made.pair(index)
    assert read == set(allowed)

"""Band usage against sums done by hand, with a predictor that reads its answer off the file."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import soundfile

from engine.audio.clip import Clip
from engine.audio.store import StoredAudio
from engine.mastering.parameters import Band, BandKind, ChainParameters
from engine.mastering.prediction import Confidence, Prediction
from engine.mastering.usage import BandUsage, band_usage
from engine.tasks import Cancelled, Context, Failure, Progress

LEVELS = {0.1: (1.0, 0.2, 0.0), 0.2: (0.6, 0.6, 0.4), 0.3: (0.0, 0.0, 0.0)}


class ByLevel:
    """Opens gates by the level of the recording; refuses loud ones."""

    name = "by level"
    model_hash = "ab12"

    def __init__(self) -> None:
        self.asked = 0

    def predict(
        self,
        audio: Clip | StoredAudio,
        references: Sequence[Clip | StoredAudio] = (),
        weights: Sequence[float] = (),
        context: Context | None = None,
    ) -> Prediction:
        self.asked += 1
        assert isinstance(audio, Clip)
        level = round(float(np.abs(audio.samples).max()), 1)
        if level not in LEVELS:
            raise Failure("It is too loud.")
        bands = tuple(
            Band(BandKind.BELL, 100.0 * 10.0**index * (1.0 + level), 2.0, gate=gate)
            for index, gate in enumerate(LEVELS[level])
        )
        parameters = ChainParameters(bands=bands)
        return Prediction(self.name, "1C", self.model_hash, parameters, Confidence(), False, 1)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    files = {"Rock/one.wav": 0.1, "Rock/two.wav": 0.2, "Jazz/Trio/three.wav": 0.3, "four.wav": 0.1}
    for name, level in files.items():
        path = tmp_path / "songs" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, np.full((800, 2), level), 8000)
    return tmp_path / "songs"


def test_gates_are_averaged_over_all_and_by_sub_folder(folder: Path) -> None:
    usage = band_usage(folder, ByLevel())
    assert usage.total.tracks == 4
    assert usage.total.mean_gates == pytest.approx((2.6 / 4, 1.0 / 4, 0.4 / 4))
    groups = {group.name: group for group in usage.groups}
    assert set(groups) == {"songs", "Jazz/Trio", "Rock"}
    assert groups["Rock"].tracks == 2
    assert groups["Rock"].mean_gates == pytest.approx((0.8, 0.4, 0.2))
    assert groups["Jazz/Trio"].mean_gates == (0.0, 0.0, 0.0)


def test_tracks_are_counted_by_their_open_bands(folder: Path) -> None:
    usage = band_usage(folder, ByLevel())
    # 0.3: none open; 0.1 (twice): one; 0.2: two, its third band is open by 0.4 only
    assert usage.active_histogram == (1, 2, 1, 0)
    assert {group.name: group.mean_active for group in usage.groups}["Rock"] == 1.5


def test_an_open_band_without_gain_is_not_active(folder: Path) -> None:
    track = band_usage(folder, ByLevel()).tracks[0]
    flat = tuple(Band(gate=1.0, gain_db=0.0) for _ in track.bands)
    assert type(track)(track.path, "", flat).active == 0


def test_frequencies_are_geometric_means(folder: Path) -> None:
    usage = band_usage(folder, ByLevel())
    middle = (1.1 * 1.1 * 1.2 * 1.3) ** 0.25
    assert usage.frequencies_hz == pytest.approx([100 * middle, 1000 * middle, 10000 * middle])


def test_bad_files_are_told_and_cost_the_others_nothing(folder: Path) -> None:
    (folder / "Rock" / "broken.wav").write_bytes(b"RIFF no audio at all")
    soundfile.write(folder / "loud.wav", np.full((800, 2), 0.9), 8000)
    usage = band_usage(folder, ByLevel())
    assert len(usage.tracks) == 4
    assert len(usage.failures) == 2
    assert "loud.wav" in " ".join(failure.what for failure in usage.failures)


def test_a_folder_without_audio_is_a_failure(tmp_path: Path) -> None:
    with pytest.raises(Failure, match="no audio"):
        band_usage(tmp_path, ByLevel())


def test_it_stops_when_it_is_cancelled(folder: Path) -> None:
    predictor = ByLevel()

    def stop(progress: Progress) -> None:
        if predictor.asked == 2:
            context.cancel_event.set()

    context = Context(stop, interval_s=0.0)
    with pytest.raises(Cancelled):
        band_usage(folder, predictor, context)
    assert predictor.asked == 2


def test_what_is_known_so_far_comes_with_the_progress(folder: Path) -> None:
    told: list[BandUsage] = []

    def listen(progress: Progress) -> None:
        if isinstance(progress.partial, BandUsage):
            told.append(progress.partial)

    context = Context(listen)
    usage = band_usage(folder, ByLevel(), context)
    context.flush()
    assert told[-1] == usage


def test_the_table_has_a_line_per_track_and_its_numbers(folder: Path) -> None:
    usage = band_usage(folder, ByLevel())
    rows = list(csv.DictReader(io.StringIO(usage.to_csv())))
    assert [Path(row["path"]).name for row in rows] == [track.path.name for track in usage.tracks]
    two = next(row for row in rows if row["path"].endswith("two.wav"))
    assert (two["group"], two["active_bands"]) == ("Rock", "2")
    assert [float(two[f"gate_{n}"]) for n in (1, 2, 3)] == [0.6, 0.6, 0.4]
    assert float(two["frequency_hz_2"]) == pytest.approx(1200.0)

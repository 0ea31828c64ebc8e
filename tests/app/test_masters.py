"""Masters: a result is one undoable step, and its rendering is found again wherever it is named."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from app import masters as masters_module
from app.document.state import AUTO_MODEL, NO_MODEL, ClipEntry
from app.export_request import ExportRequest, ExportWhat
from app.library import Library
from app.masters import Masters
from engine.audio.export_format import ExportFormat
from engine.lanes import JobState, Lanes
from engine.mastering.parameters import ChainParameters, Imager, Limiter
from engine.mastering.prediction import Confidence, Prediction
from engine.tasks import Context, Failure
from tests.app.conftest import Rooms, WriteSong

LOUDER = ChainParameters(limiter=Limiter(gain_db=6.0))
SOFTER = ChainParameters(limiter=Limiter(gain_db=-3.0))


def set_parameters(rooms: Rooms, clip_id: str, parameters: ChainParameters) -> None:
    state = rooms.session.state.with_mastering(clip_id, parameters=parameters, rendering_key=None)
    rooms.session.edit("Set parameters", state)


def render(rooms: Rooms, clip_id: str, parameters: ChainParameters) -> float:
    """Render a clip by these numbers; the loudness of the rendering."""
    set_parameters(rooms, clip_id, parameters)
    rooms.masters.render(clip_id)
    rooms.wait()
    loudness = rooms.loaded(clip_id).rendered_loudness
    assert loudness is not None
    return loudness.integrated_lufs


@pytest.fixture
def clip(rooms: Rooms, write_song: WriteSong) -> ClipEntry:
    return rooms.open(write_song())[0]


def original_lufs(rooms: Rooms, clip: ClipEntry) -> float:
    loudness = rooms.loaded(clip.id).loudness
    assert loudness is not None
    return loudness.integrated_lufs


def test_mastering_is_one_step_that_meets_the_loudness(rooms: Rooms, write_song: WriteSong) -> None:
    (clip,) = rooms.open(write_song(seconds=4.0))
    rooms.session.adjust(lambda state: state.with_mastering(clip.id, lufs=-18.0))
    before = rooms.session.state
    rooms.masters.master(clip.id)
    rooms.wait()
    entry = rooms.session.state.clips[0].mastering
    assert entry.parameters is not None
    assert entry.fitted == entry.parameters
    loudness = rooms.loaded(clip.id).rendered_loudness
    assert loudness is not None
    assert loudness.integrated_lufs == pytest.approx(-18.0, abs=0.2)
    assert rooms.masters.status(clip.id) == "mastered, -18.0 LUFS"
    assert rooms.session.undo_label == f"Master {clip.name}"
    rooms.session.undo()
    assert rooms.session.state == before
    assert rooms.loaded(clip.id).rendering is None


def test_rendering_keeps_the_users_numbers(rooms: Rooms, clip: ClipEntry) -> None:
    lufs = render(rooms, clip.id, LOUDER)
    assert lufs == pytest.approx(original_lufs(rooms, clip) + 6.0, abs=0.1)
    parameters = rooms.session.state.clips[0].mastering.parameters
    assert parameters is not None
    assert parameters.limiter.gain_db == 6.0


def test_undo_returns_to_the_older_rendering(rooms: Rooms, clip: ClipEntry) -> None:
    first = render(rooms, clip.id, LOUDER)
    second = render(rooms, clip.id, SOFTER)
    assert second < first
    rooms.session.undo()  # the rendering
    rooms.session.undo()  # its numbers
    loaded = rooms.loaded(clip.id)
    assert loaded.rendered_loudness is not None
    assert loaded.rendered_loudness.integrated_lufs == first
    rooms.session.redo()
    assert rooms.loaded(clip.id).rendering is None
    rooms.session.redo()
    loaded = rooms.loaded(clip.id)
    assert loaded.rendered_loudness is not None
    assert loaded.rendered_loudness.integrated_lufs == second


def test_a_rendering_is_found_again_after_a_restart(rooms: Rooms, clip: ClipEntry) -> None:
    lufs = render(rooms, clip.id, LOUDER)
    lanes = Lanes()
    library = Library(rooms.session, lanes, rooms.cache, keep_current=lambda: False)
    masters = Masters(rooms.session, library, lanes, rooms.cache, rooms.locations)
    try:
        rooms.qtbot.waitUntil(lambda: not lanes.busy, timeout=30_000)
        loaded = library.audio(clip.id)
        assert loaded is not None
        assert loaded.rendered_loudness is not None
        assert loaded.rendered_loudness.integrated_lufs == pytest.approx(lufs, abs=1e-6)
        assert masters.status(clip.id).startswith("mastered")
    finally:
        lanes.shutdown()


def test_a_rendering_the_cache_dropped_is_no_master_and_no_error(
    rooms: Rooms, clip: ClipEntry, write_song: WriteSong
) -> None:
    render(rooms, clip.id, LOUDER)
    other = rooms.open(write_song("other.wav", seed=4))[1]
    assert rooms.session.state.current_id == other.id
    rooms.cache.clear()
    rooms.session.adjust(lambda state: state.with_current(clip.id))
    rooms.wait()
    loaded = rooms.loaded(clip.id)
    assert loaded.rendering is None
    assert rooms.masters.status(clip.id) == "edited"
    assert rooms.said == []


def test_what_the_cache_dropped_can_be_mastered_all_the_same(
    rooms: Rooms, clip: ClipEntry, write_song: WriteSong
) -> None:
    rooms.open(write_song("other.wav", seed=4))
    rooms.cache.clear()
    render(rooms, clip.id, LOUDER)
    assert rooms.said == []


def test_two_clips_of_one_recording_share_the_rendering(rooms: Rooms, clip: ClipEntry) -> None:
    twin = rooms.open(clip.path)[1]
    render(rooms, clip.id, LOUDER)
    state = rooms.session.state
    mastered = state.clips[0].mastering
    masters = Masters(  # knows of neither
        rooms.session, rooms.library, rooms.lanes, rooms.cache, rooms.locations
    )
    for each in (clip, twin):
        rooms.library.update(each.id, rendering_key=None, rendering=None)
    rooms.session.edit("Paste", state.with_clip(twin.id, mastering=mastered))
    rooms.wait()
    assert rooms.loaded(clip.id).rendering is not None
    assert rooms.loaded(twin.id).rendering == rooms.loaded(clip.id).rendering
    assert masters.status(twin.id).startswith("mastered")


def test_a_second_press_joins_the_running_job(rooms: Rooms, clip: ClipEntry) -> None:
    job = rooms.masters.master(clip.id)
    assert job is not None
    assert rooms.masters.master(clip.id) is job
    assert rooms.masters.job(clip.id) is job
    assert rooms.masters.status(clip.id) in ("waiting", "mastering 0%")
    rooms.masters.cancel(clip.id)
    rooms.wait()
    assert rooms.masters.job(clip.id) is None
    assert rooms.session.state.clips[0].mastering.parameters is None


def test_closing_a_clip_cancels_its_mastering(rooms: Rooms, clip: ClipEntry) -> None:
    job = rooms.masters.master(clip.id)
    assert job is not None
    rooms.session.edit("Close", rooms.session.state.without_clip(clip.id))
    rooms.wait()
    assert job.state is JobState.CANCELLED
    assert rooms.said == []


def test_a_retry_uses_the_settings_of_now(rooms: Rooms, clip: ClipEntry) -> None:
    rooms.session.edit("Aim", rooms.session.state.with_mastering(clip.id, target="no such preset"))
    job = rooms.masters.master(clip.id)
    assert job is not None
    rooms.wait()
    assert job.state is JobState.FAILED
    assert isinstance(rooms.said[0], Failure)
    set_parameters(rooms, clip.id, SOFTER)
    rooms.session.edit("Aim", rooms.session.state.with_mastering(clip.id, target="warm"))
    again = rooms.masters.retry(job)
    assert again is not None
    rooms.wait()
    assert again.state is JobState.DONE
    assert rooms.session.state.clips[0].mastering.target == "warm"


def test_a_loudness_that_cannot_be_reached_is_told(rooms: Rooms, clip: ClipEntry) -> None:
    rooms.session.edit("Aim", rooms.session.state.with_mastering(clip.id, lufs=-5.0))
    rooms.masters.master(clip.id)
    rooms.wait()
    result = rooms.masters.result(clip.id)
    assert result is not None
    assert result.warnings
    (notice,) = rooms.said
    assert str(notice).startswith(clip.name)
    assert result.warnings[0] in str(notice)


def test_old_renderings_leave_the_memory_and_come_from_the_cache(
    rooms: Rooms, clip: ClipEntry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(masters_module, "RENDERINGS_KEPT", 1)
    first = render(rooms, clip.id, LOUDER)
    render(rooms, clip.id, SOFTER)
    assert len(rooms.masters._intakes) == 1
    assert len(rooms.masters._results) == 1
    rooms.session.undo()
    rooms.session.undo()
    rooms.wait()
    loudness = rooms.loaded(clip.id).rendered_loudness
    assert loudness is not None
    assert loudness.integrated_lufs == pytest.approx(first, abs=1e-6)


def test_the_original_is_exported_as_it_is(rooms: Rooms, clip: ClipEntry, tmp_path: Path) -> None:
    out = tmp_path / "out.wav"
    request = ExportRequest(ExportWhat.ORIGINAL, out, ExportFormat("wav", 32))
    rooms.masters.export(clip.id, request)
    rooms.wait()
    expected, _ = soundfile.read(clip.path, dtype="float32")
    found, _ = soundfile.read(out, dtype="float32")
    np.testing.assert_array_equal(found, expected)


def test_a_clip_whose_file_is_gone_is_exported_from_the_cache(
    rooms: Rooms, clip: ClipEntry, tmp_path: Path
) -> None:
    set_parameters(rooms, clip.id, LOUDER)
    clip.path.unlink()
    out = tmp_path / "out.wav"
    written: list[Path] = []
    rooms.masters.exported.connect(written.append)
    rooms.masters.export(clip.id, ExportRequest(ExportWhat.LIVE, out, ExportFormat("wav", 24)))
    rooms.wait()
    assert written == [out]
    assert soundfile.info(out).frames == clip.frames
    assert any("tags" in str(notice) for notice in rooms.said)


def test_an_export_that_fails_is_told_and_leaves_nothing(
    rooms: Rooms, clip: ClipEntry, tmp_path: Path
) -> None:
    folder = tmp_path / "taken.wav"
    folder.mkdir()
    request = ExportRequest(ExportWhat.ORIGINAL, folder, ExportFormat("wav", 24))
    job = rooms.masters.export(clip.id, request)
    assert job is not None
    rooms.wait()
    assert job.state is JobState.FAILED
    assert len(rooms.said) == 1
    assert list(folder.iterdir()) == []


class TiltModel:
    """Predicts a brighter chain and is fairly sure of it; listens to how many references it got."""

    name = "tilt"
    model_hash = "ab12"

    def __init__(self) -> None:
        self.heard: list[tuple[int, tuple[float, ...]]] = []

    def predict(
        self,
        audio: object,
        references: Sequence[object] = (),
        weights: Sequence[float] = (),
        context: Context | None = None,
    ) -> Prediction:
        self.heard.append((len(references), tuple(weights)))
        bands = tuple(replace(band, gate=0.0) for band in ChainParameters().bands)
        parameters = ChainParameters(bands=bands).with_band(9, gain_db=2.0, gate=0.6)
        confidence = Confidence(0.6, 0.0, 0.1)
        return Prediction(
            self.name, "1C", self.model_hash, parameters, confidence, bool(references), 3
        )


@pytest.fixture
def model(rooms: Rooms, monkeypatch: pytest.MonkeyPatch) -> TiltModel:
    """The model every clip gets that wants one."""
    model = TiltModel()
    answers = {AUTO_MODEL: (model, ""), NO_MODEL: (None, ""), "gone": (None, "It is gone.")}
    monkeypatch.setattr(rooms.masters.models.shelf, "predictor", answers.__getitem__)
    return model


def test_the_models_answer_is_kept_with_what_each_stage_did(
    rooms: Rooms, write_song: WriteSong, model: TiltModel
) -> None:
    (clip,) = rooms.open(write_song(seconds=4.0))
    rooms.masters.master(clip.id)
    rooms.wait()
    entry = rooms.session.state.clips[0].mastering
    assert entry.parameters is not None and entry.outcome is not None
    assert [band.gate for band in entry.parameters.bands] == [0.0] * 9 + [0.6]
    assert (entry.outcome.model, entry.outcome.variant) == ("tilt", "1C")
    assert entry.outcome.confidence == Confidence(0.6, 0.0, 0.1)
    tone, width = entry.outcome.effect("tone"), entry.outcome.effect("width")
    assert tone is not None and tone.measures
    assert width is not None and not width.measures, "the width was left alone"
    rooms.session.undo()
    assert rooms.session.state.clips[0].mastering.outcome is None


def test_rendering_by_hand_keeps_the_answer_and_measures_anew(
    rooms: Rooms, write_song: WriteSong, model: TiltModel
) -> None:
    (clip,) = rooms.open(write_song(seconds=4.0))
    rooms.masters.master(clip.id)
    rooms.wait()
    first = rooms.session.state.clips[0].mastering
    assert first.parameters is not None and first.outcome is not None
    narrower = replace(first.parameters, imager=Imager(width=0.5))
    set_parameters(rooms, clip.id, narrower)
    rooms.masters.render(clip.id)
    rooms.wait()
    second = rooms.session.state.clips[0].mastering.outcome
    assert second is not None
    assert second.confidence == first.outcome.confidence
    width = second.effect("width")
    assert width is not None
    name, change_db, unit = width.measures[0]
    assert (change_db, unit) == (pytest.approx(-6.02, abs=0.05), "dB"), name


def test_no_model_is_asked_where_none_is_wanted_and_its_absence_is_said(
    rooms: Rooms, write_song: WriteSong, model: TiltModel
) -> None:
    (clip,) = rooms.open(write_song(seconds=4.0))
    for choice, reason in (
        (NO_MODEL, None),
        ("gone", "It is gone. The chain is fitted to the target."),
    ):
        rooms.session.edit(
            f"Choose {choice}", rooms.session.state.with_mastering(clip.id, model=choice)
        )
        rooms.masters.master(clip.id)
        rooms.wait()
        outcome = rooms.session.state.clips[0].mastering.outcome
        assert outcome is not None and outcome.confidence is None
        assert dict(outcome.explanation).get("model") == reason
    assert model.heard == []


def test_references_reach_the_model_with_their_weights(
    rooms: Rooms, write_song: WriteSong, model: TiltModel
) -> None:
    (clip,) = rooms.open(write_song(seconds=4.0))
    references = tuple(
        str(write_song(f"{name}.wav", seconds=4.0, seed=seed)) for seed, name in enumerate("ab", 7)
    )
    for weights in ((0.25, 1.0), (0.0, 0.0)):
        state = rooms.session.state.with_mastering(
            clip.id, references=references, weights=weights, rendering_key=None
        )
        rooms.session.edit("Weigh", state)
        rooms.masters.master(clip.id)
        rooms.wait()
    assert model.heard == [(2, (0.25, 1.0)), (2, ())], "no weight at all is as good as equal ones"


def test_an_album_is_one_step_and_keeps_the_clips_apart(
    rooms: Rooms, write_song: WriteSong, model: TiltModel, tmp_path: Path
) -> None:
    loud = write_song("loud.wav", seconds=5.0)
    samples, rate = soundfile.read(loud)
    soundfile.write(tmp_path / "quiet.wav", 0.5 * samples[::-1], rate)
    clips = rooms.open(loud, tmp_path / "quiet.wav")
    before = rooms.session.state
    job = rooms.masters.master_album()
    assert job is not None
    assert rooms.masters.master(clips[0].id) is job and rooms.masters.master_album() is None
    rooms.wait()
    levels = []
    for clip in clips:
        loudness = rooms.loaded(clip.id).rendered_loudness
        assert loudness is not None
        levels.append(loudness.integrated_lufs)
        assert rooms.masters.status(clip.id).startswith("mastered")
    assert levels[0] - levels[1] == pytest.approx(6.02, abs=0.1)
    assert rooms.session.undo_label == "Master the album"
    rooms.session.undo()
    assert rooms.session.state == before


def test_a_match_is_kept_and_mastered_to(rooms: Rooms, write_song: WriteSong) -> None:
    (clip,) = rooms.open(write_song(seconds=4.0))
    reference = write_song("reference.wav", seconds=4.0, seed=8)
    rooms.session.edit(
        "Add", rooms.session.state.with_mastering(clip.id, references=(str(reference),))
    )
    rooms.masters.save_match(clip.id, "Mine")
    rooms.qtbot.waitUntil(lambda: bool(rooms.said), timeout=60_000)
    assert "“Mine”" in str(rooms.said[0])
    state = rooms.session.state.with_mastering(
        clip.id, references=(), target="Mine", model=NO_MODEL
    )
    rooms.session.edit("Choose", state)
    rooms.masters.master(clip.id)
    rooms.wait()
    result = rooms.masters.result(clip.id)
    assert result is not None and result.target.name == "Mine"
    rooms.masters.rename_match("Mine", "Ours")

    def aim() -> str:
        return rooms.session.state.clip(clip.id).mastering.target

    rooms.qtbot.waitUntil(lambda: aim() == "Ours", timeout=20_000)
    rooms.session.undo()
    assert aim() == "Ours", "the state before the master aimed for it too"
    rooms.masters.delete_match("Ours")
    rooms.wait()
    rooms.masters.delete_match("Ours")
    rooms.qtbot.waitUntil(lambda: isinstance(rooms.said[-1], Failure), timeout=20_000)
    rooms.masters.save_match(clip.id, "con")
    rooms.wait()
    assert isinstance(rooms.said[-1], Failure), "a name that is none for a file is refused"

from __future__ import annotations

import json
import os
import stat
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.document import serial, store
from app.document.state import Effect, MasteringEntry, Outcome, SessionState
from engine.mastering.parameters import Amounts, ChainParameters
from engine.mastering.prediction import Confidence
from engine.tasks import Failure


@pytest.fixture
def full(make_clip, tmp_path):
    """A state that uses every field."""
    state = SessionState().with_clips(make_clip("a"), make_clip("b", tmp_path / "sub"))
    parameters = ChainParameters().with_band(3, gain_db=2.5, gate=0.5)
    state = state.with_mastering(
        "id-b",
        target="bright",
        references=("/music/ref.flac",),
        weights=(0.4,),
        lufs=-10.5,
        ceiling_dbtp=-0.3,
        amounts=Amounts(0.7, tone=1.2, residual=0.5),
        model="small",
        refine=True,
        parameters=parameters,
        fitted=ChainParameters(),
        outcome=Outcome(
            "small",
            "1D",
            "ab12",
            Confidence(0.8, 0.3, 0.0),
            True,
            (("width", "Left as it is."),),
            (Effect("tone", (("curve RMS", 1.25, "dB"), ("bands", 3.0, ""))), Effect("width")),
        ),
        rendering_key="abc",
    )
    return replace(state.with_current("id-b"), selection=(5, 70), loop=(10, 20), layout="Master")


def test_a_saved_session_opens_equal(full, tmp_path):
    store.save(full, tmp_path / "s.abench")
    assert store.load(tmp_path / "s.abench") == full


def test_a_folder_that_moved_still_finds_its_clips(full, make_clip, tmp_path):
    home = tmp_path / "before"
    state = SessionState().with_clips(make_clip("x", home), make_clip("y", home / "audio"))
    store.save(state, home / "s.abench")
    home.rename(tmp_path / "after")
    loaded = store.load(tmp_path / "after" / "s.abench")
    assert [clip.path for clip in loaded.clips] == [
        tmp_path / "after" / "x.wav",
        tmp_path / "after" / "audio" / "y.wav",
    ]
    assert store.missing(loaded) == ()


def test_a_session_that_moved_alone_still_finds_its_clips(full, tmp_path):
    store.save(full, tmp_path / "s.abench")
    (tmp_path / "deep" / "er").mkdir(parents=True)
    (tmp_path / "s.abench").rename(tmp_path / "deep" / "er" / "s.abench")
    assert store.load(tmp_path / "deep" / "er" / "s.abench").clips == full.clips


def test_missing_clips_are_listed_and_found_together(make_clip, tmp_path):
    old, new = tmp_path / "old", tmp_path / "new"
    state = SessionState().with_clips(
        make_clip("a", old), make_clip("b", old), make_clip("c", old / "sub"), make_clip("d", old)
    )
    (old / "d.wav").unlink()
    old.rename(new)
    assert [clip.name for clip in store.missing(state)] == ["a", "b", "c", "d"]
    found = store.relocate(state, "id-a", new / "a.wav")
    assert [clip.path for clip in found.clips[:3]] == [
        new / "a.wav",
        new / "b.wav",
        new / "sub" / "c.wav",
    ]
    assert [clip.name for clip in store.missing(found)] == ["d"]


def test_another_file_of_the_same_name_is_not_taken_along(make_clip, tmp_path):
    old, new = tmp_path / "old", tmp_path / "new"
    state = SessionState().with_clips(make_clip("a", old), make_clip("mix", old))
    old.rename(new)
    (new / "mix.wav").write_bytes(b"another mix")
    found = store.relocate(state, "id-a", new / "a.wav")
    assert [clip.name for clip in store.missing(found)] == ["mix"]
    chosen = store.relocate(found, "id-mix", new / "mix.wav")
    assert store.missing(chosen) == ()


def test_references_move_with_their_folder(make_clip, tmp_path):
    home = tmp_path / "before"
    state = SessionState().with_clips(make_clip("x", home), make_clip("ref", home / "refs"))
    far = tmp_path / "far.wav"
    far.write_bytes(b"RIFF")
    references = (str(home / "refs" / "ref.wav"), str(far))
    state = state.with_mastering("id-x", references=references)
    store.save(state, home / "s.abench")
    home.rename(tmp_path / "after")
    loaded = store.load(tmp_path / "after" / "s.abench")
    assert loaded.clips[0].mastering.references == (
        str(tmp_path / "after" / "refs" / "ref.wav"),
        str(far),
    )
    assert loaded.clips[0].extra == {}


def test_relocating_to_nothing_fails(full, tmp_path):
    with pytest.raises(Failure, match="no such file"):
        store.relocate(full, "id-a", tmp_path / "nowhere.wav")


def test_fields_of_a_newer_version_survive_at_every_level(full, tmp_path):
    path = tmp_path / "s.abench"
    store.save(full, path)
    document = json.loads(path.read_text())
    document["future"] = {"deep": [1, {"x": None}]}
    clip = document["clips"][1]
    clip["colour"] = "red"
    clip["mastering"]["mood"] = 3
    clip["mastering"]["parameters"]["exciter"] = {"mix": 0.5}
    clip["mastering"]["parameters"]["bands"][3]["dynamic"] = True
    path.write_text(json.dumps(document))
    state = store.load(path)
    assert replace(state, extra={}, clips=full.clips) == full
    assert state.clips[1].mastering == full.clips[1].mastering
    # An edit, another order and a clip less must not lose or misplace them.
    state = state.without_clip("id-a").with_mastering("id-b", lufs=-8.0)
    store.save(state, path)
    again = json.loads(path.read_text())
    document["clips"][1]["mastering"]["lufs"] = -8.0
    assert again["clips"] == [document["clips"][1]]
    assert again["future"] == document["future"]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "null",
        "\x00\x01",
        '{"format": "other"}',
        '{"format": "audiobench session", "version": 1}',
        '{"format": "audiobench session", "version": 1, "clips": [1]}',
        '{"format": "audiobench session", "version": 1, "clips": [{"id": "a"}]}',
        '{"format": "audiobench session", "version": 1, "clips": [], "selection": 3}',
        '{"format": "audiobench session", "version": "x", "clips": []}',
        '{"format": "audiobench session", "version": -4, "clips": []}',
        "[" * 100_000,
    ],
)
def test_a_damaged_or_foreign_file_is_a_clear_failure(text, tmp_path):
    path = tmp_path / "s.abench"
    path.write_text(text)
    with pytest.raises(Failure) as caught:
        store.load(path)
    assert "s.abench" in caught.value.what and caught.value.remedy


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150)
@given(data=st.data())
def test_any_damage_to_a_value_is_a_failure_or_a_valid_state(data, full):
    document = serial.to_dict(full)
    places = [(document, key) for key in document if key not in ("format", "version")]
    for clip in document["clips"]:
        places += [(clip, key) for key in clip]
        places += [(clip["mastering"], key) for key in clip["mastering"]]
    holder, key = data.draw(st.sampled_from(places))
    holder[key] = data.draw(
        st.none() | st.integers() | st.floats() | st.text(max_size=5) | st.lists(st.integers())
    )
    try:
        state = serial.from_dict(json.loads(json.dumps(document)))
    except Failure:
        return
    assert serial.from_dict(json.loads(json.dumps(serial.to_dict(state)))) == state


def test_a_newer_version_is_refused_with_advice(tmp_path):
    path = tmp_path / "s.abench"
    path.write_text(
        json.dumps({"format": serial.FORMAT, "version": serial.VERSION + 1, "clips": []})
    )
    with pytest.raises(Failure, match="newer"):
        store.load(path)


def test_an_older_version_is_migrated(monkeypatch, full, tmp_path):
    def rename_layout(document):
        return document | {"version": 1, "layout": document["view"]}

    monkeypatch.setitem(serial.MIGRATIONS, 0, rename_layout)
    document = serial.to_dict(full) | {"version": 0, "view": "Listen"}
    del document["layout"]
    assert serial.from_dict(document).layout == "Listen"


def test_the_one_amount_of_version_1_is_the_overall_amount(full):
    document = serial.to_dict(full) | {"version": 1}
    for clip in document["clips"]:
        for name in ("amounts", "weights", "model", "refine", "outcome"):
            del clip["mastering"][name]
    document["clips"][1]["mastering"]["amount"] = 0.7
    state = serial.from_dict(json.loads(json.dumps(document)))
    first, second = (clip.mastering for clip in state.clips)
    assert first == MasteringEntry()
    assert second.amounts == Amounts(overall=0.7)
    assert second.parameters == full.clips[1].mastering.parameters
    assert (second.model, second.outcome) == (MasteringEntry().model, None)
    assert state.clips[1].extra == {}, "the old field is still carried along"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("amounts", {"tone": 1.6}),
        ("amounts", 0.5),
        ("weights", [0.5, 0.5]),
        ("weights", [-1.0]),
        ("outcome", {"confidence": {"tone": "much"}}),
        ("outcome", "done"),
        ("outcome", {"effects": {"tone": [["curve RMS", "much", "dB"]]}}),
    ],
)
def test_mastering_that_cannot_be_is_damage(full, field, value):
    document = serial.to_dict(full)
    document["clips"][1]["mastering"][field] = value
    with pytest.raises(Failure, match="damaged"):
        serial.from_dict(document)


def test_a_failed_save_leaves_the_old_file(full, tmp_path, monkeypatch):
    path = tmp_path / "s.abench"
    store.save(SessionState(), path)
    before = path.read_bytes()

    def full_disk(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full_disk)
    with pytest.raises(Failure, match="No space left"):
        store.save(full, path)
    assert path.read_bytes() == before
    assert sorted(p.name for p in tmp_path.glob("*abench*")) == ["s.abench"]


def test_saving_keeps_permissions_and_links(full, tmp_path):
    real = tmp_path / "real.abench"
    store.save(SessionState(), real)
    real.chmod(0o640)
    link = tmp_path / "link.abench"
    link.symlink_to(real)
    store.save(full, link)
    assert link.is_symlink() and stat.S_IMODE(real.stat().st_mode) == 0o640
    assert store.load(real) == full


def test_a_missing_session_file_fails(tmp_path: Path):
    with pytest.raises(Failure, match=r"gone\.abench"):
        store.load(tmp_path / "gone.abench")

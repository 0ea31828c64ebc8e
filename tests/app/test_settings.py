from __future__ import annotations

import json
from dataclasses import fields, replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import app.settings as module
from app.settings import Locations, MasterDefaults, Settings, SettingsStore, ThemeChoice, load, save
from engine.tasks import Failure

CHANGED = Settings(
    output_device="Speakers",
    latency_ms=25.0,
    theme=ThemeChoice.HIGH_CONTRAST,
    cache_budget_gb=2.0,
    keys={"play": "Ctrl+P"},
    recent_files=("/a.wav",),
    layouts={"Master": "AAAA"},
    master=MasterDefaults(lufs=-9.0),
    first_run=False,
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "config" / "settings.json"


def test_without_a_file_the_defaults_hold(path):
    loaded = load(path)
    assert loaded.settings == Settings() and loaded.notice is None
    assert not path.parent.exists()


def test_what_is_saved_is_loaded(path):
    save(CHANGED, path)
    assert load(path).settings == CHANGED
    unchanged = [
        item.name
        for item in fields(Settings)
        if getattr(CHANGED, item.name) == getattr(Settings(), item.name)
    ]
    assert unchanged == ["spectrogram", "extra"]


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "3", "{}", '{"version": "x"}', '{"version": -1}', "[" * 100_000]
)
def test_a_damaged_file_is_set_aside_and_told(text, path):
    path.parent.mkdir()
    path.write_text(text)
    loaded = load(path)
    assert loaded.settings == Settings()
    assert loaded.notice is not None and "settings.json.bad" in loaded.notice.remedy
    assert path.with_name("settings.json.bad").read_text() == text
    assert not path.exists()


def test_bytes_that_are_no_text_are_set_aside(path):
    path.parent.mkdir()
    path.write_bytes(b"\xff\xfe\x00\x80")
    assert load(path).notice is not None


def test_one_damaged_value_costs_only_itself(path):
    save(CHANGED, path)
    document = json.loads(path.read_text())
    document["latency_ms"] = "fast"
    document["theme"] = "pink"
    document["spectrogram"]["size"] = 10**9
    document["master"]["lufs"] = -11.0
    path.write_text(json.dumps(document))
    loaded = load(path)
    assert loaded.notice is not None
    for name in ("latency_ms", "theme", "spectrogram.size"):
        assert name in loaded.notice.why
    expected = replace(
        CHANGED, latency_ms=60.0, theme=ThemeChoice.SYSTEM, master=MasterDefaults(lufs=-11.0)
    )
    assert loaded.settings == expected


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200)
@given(
    name=st.sampled_from([item.name for item in fields(Settings)]),
    value=st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
        max_leaves=5,
    ),
)
def test_no_value_stops_the_start(name, value, path):
    save(CHANGED, path)
    document = json.loads(path.read_text())
    document[name] = value
    path.write_text(json.dumps(document))
    loaded = load(path)
    save(loaded.settings, path)
    assert load(path).settings == loaded.settings
    for item in fields(Settings):
        if item.name not in (name, "extra"):
            assert getattr(loaded.settings, item.name) == getattr(CHANGED, item.name)


def test_unknown_fields_survive(path):
    save(CHANGED, path)
    document = json.loads(path.read_text())
    document["future"] = {"a": 1}
    document["spectrogram"]["reassigned"] = True
    path.write_text(json.dumps(document))
    store = SettingsStore(path)
    store.change(latency_ms=30.0)
    document["latency_ms"] = 30.0
    assert json.loads(path.read_text()) == document


def test_older_settings_are_migrated(path, monkeypatch):
    monkeypatch.setitem(
        module.MIGRATIONS, 0, lambda old: {"latency_ms": old["latency_seconds"] * 1000}
    )
    path.parent.mkdir()
    path.write_text('{"version": 0, "latency_seconds": 0.1}')
    assert load(path).settings == Settings(latency_ms=100.0)


def test_a_change_is_written_at_once(path):
    store = SettingsStore(path)
    store.change(theme=ThemeChoice.DARK)
    store.use(store.current.with_recent(Path("/a.wav")))
    assert SettingsStore(path).current == store.current
    assert store.current.theme == "dark" and store.current.recent_files == ("/a.wav",)


def test_an_unwritable_place_is_a_failure_and_the_change_holds(tmp_path):
    (tmp_path / "config").write_text("in the way")
    store = SettingsStore(tmp_path / "config" / "settings.json")
    with pytest.raises(Failure, match="could not be saved"):
        store.change(first_run=False)
    assert store.current.first_run is False


def test_recent_files_are_short_and_without_repetition():
    settings = Settings()
    for number in [*range(30), 25]:
        settings = settings.with_recent(Path(f"/{number}.wav"))
    assert settings.recent_files[:3] == ("/25.wav", "/29.wav", "/28.wav")
    assert len(settings.recent_files) == len(set(settings.recent_files)) == module.RECENT_LIMIT


def test_every_place_lies_below_audiobench_home(monkeypatch, tmp_path):
    monkeypatch.setenv("AUDIOBENCH_HOME", str(tmp_path))
    places = Locations.standard()
    for place in (places.settings, places.cache, places.recovery, places.logs):
        assert place.is_relative_to(tmp_path)
    monkeypatch.delenv("AUDIOBENCH_HOME")
    assert not Locations.standard().settings.is_relative_to(tmp_path)

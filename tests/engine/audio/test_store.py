from __future__ import annotations

import json
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
import soundfile

from engine.audio import store
from engine.audio.reader import read_clip
from engine.audio.store import StoredAudio, StoreWriter, content_hash, decode, decode_key, find
from engine.cache import Cache, recipe_key
from engine.tasks import Cancelled, Context, Failure, Progress, run_inline

KEY = recipe_key(test="store")


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    return Cache(tmp_path / "cache", 10**9)


@pytest.fixture
def song(tmp_path: Path, noise) -> Path:
    path = tmp_path / "song.wav"
    soundfile.write(path, noise(300_000).T, 44100, subtype="PCM_24")
    return path


def leftovers(cache: Cache) -> list[Path]:
    return [path for path in cache.root.rglob("*") if path.is_file()]


def test_decoded_audio_is_what_the_file_holds(cache: Cache, small_files) -> None:
    for name, path in small_files.items():
        clip = read_clip(path)
        stored = decode(path, cache, Context())
        assert (stored.rate, stored.channels, stored.frames) == (
            clip.rate,
            clip.channels,
            clip.frames,
        ), name
        mapped = stored.map()
        assert mapped.shape == (clip.frames, clip.channels)
        assert mapped.dtype == np.float32
        np.testing.assert_array_equal(mapped.T, clip.samples)
        assert stored.complete
        assert stored.available_frames == stored.frames
        assert stored.content_hash == content_hash(path)


def test_the_data_file_is_raw_interleaved_float32(cache: Cache, song: Path) -> None:
    stored = decode(song, cache, Context())
    raw = np.frombuffer(stored.path.read_bytes(), "<f4").reshape(-1, 2)
    np.testing.assert_array_equal(raw.T, read_clip(song).samples)


def test_a_part_is_copied_and_its_limits_are_clamped(cache: Cache, song: Path) -> None:
    stored, whole = decode(song, cache, Context()), read_clip(song).samples
    part = stored.clip(100, 250)
    np.testing.assert_array_equal(part.samples, whole[:, 100:250])
    assert part.samples.flags.c_contiguous
    np.testing.assert_array_equal(stored.clip(299_990, 400_000).samples, whole[:, 299_990:])
    assert stored.clip(-5, 3).frames == 3
    assert stored.clip(500_000).frames == 0


def test_a_file_is_decoded_once_under_any_name(
    cache: Cache, song: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = decode(song, cache, Context())
    copy = tmp_path / "copy of song.wav"
    copy.write_bytes(song.read_bytes())

    def refuse(*arguments: object) -> StoreWriter:
        raise AssertionError("decoded twice")

    monkeypatch.setattr(store, "StoreWriter", refuse)
    assert decode(copy, cache, Context()) == first


def test_a_changed_file_is_decoded_anew(cache: Cache, song: Path, noise) -> None:
    first = decode(song, cache, Context())
    soundfile.write(song, noise(300_000, seed=5).T, 44100, subtype="PCM_24")
    second = decode(song, cache, Context())
    assert second.path != first.path
    assert not np.array_equal(first.map(), second.map())


def test_what_is_there_can_be_mapped_while_the_rest_still_comes(cache: Cache, noise) -> None:
    samples = noise(10_000)
    with StoreWriter(cache, KEY, 48000, 2, expected_frames=12_000) as writer:
        writer.append(samples[:, :4000])
        partial = writer.partial
        assert (partial.frames, partial.available_frames, partial.complete) == (12_000, 4000, False)
        early = partial.map()
        assert early.shape == (12_000, 2)
        np.testing.assert_array_equal(early[:4000].T, samples[:, :4000])
        assert not early[4000:].any()
        writer.append(samples[:, 4000:])
        stored = writer.finish()
    assert stored.path == partial.path
    assert stored.frames == 10_000
    np.testing.assert_array_equal(early[:10_000].T, samples)
    assert not early[10_000:].any(), "the mapping stays valid beyond the true end"


def test_more_audio_than_estimated_is_kept(cache: Cache, noise) -> None:
    samples = noise(10_000, 3)
    with StoreWriter(cache, KEY, 48000, 3, expected_frames=100) as writer:
        for start in range(0, 10_000, 999):
            writer.append(samples[:, start : start + 999])
            assert writer.partial.frames == writer.partial.available_frames
        stored = writer.finish()
    np.testing.assert_array_equal(stored.clip().samples, samples)


def test_progress_carries_growing_audio(cache: Cache, song: Path) -> None:
    seen: list[Progress] = []
    stored = decode(song, cache, Context(on_progress=seen.append, interval_s=0.0))
    available = [progress.partial.available_frames for progress in seen]
    assert len(available) > 4
    assert available == sorted(available)
    assert all(progress.total == 300_000 for progress in seen)
    assert all(progress.done == progress.partial.available_frames for progress in seen)
    assert {progress.partial.path for progress in seen} == {stored.path}
    assert seen[-1].partial == stored


def test_cancelled_decoding_leaves_nothing(cache: Cache, song: Path) -> None:
    context = Context()
    context.on_progress = lambda progress: context.cancel_event.set()
    with pytest.raises(Cancelled):
        decode(song, cache, context)
    assert leftovers(cache) == []


def test_failed_decoding_leaves_nothing(cache: Cache, tmp_path: Path) -> None:
    (tmp_path / "text.wav").write_text("no audio at all")
    with pytest.raises(Failure, match=r"text\.wav"):
        run_inline(lambda spec, context: decode(spec, cache, context), tmp_path / "text.wav")
    with pytest.raises(Failure, match="is not there"):
        decode(tmp_path / "missing.wav", cache, Context())
    assert leftovers(cache) == []


def test_a_drive_that_goes_away_is_a_failure(
    cache: Cache, song: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(path: Path) -> str:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(store, "content_hash", gone)
    with pytest.raises(Failure, match="Input/output error"):
        decode(song, cache, Context())
    assert leftovers(cache) == []


def test_many_threads_may_decode_one_file(cache: Cache, song: Path) -> None:
    results: list[StoredAudio] = []
    start = threading.Barrier(6)

    def work() -> None:
        start.wait()
        results.append(decode(song, cache, Context()))

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 6
    expected = read_clip(song).samples
    for stored in results:
        np.testing.assert_array_equal(stored.clip().samples, expected)
    assert find(cache, decode_key(content_hash(song))) in results


@pytest.mark.parametrize(
    "damage",
    [
        lambda sidecar, stored: sidecar.write_text("{"),
        lambda sidecar, stored: sidecar.write_text("[]"),
        lambda sidecar, stored: sidecar.write_text(json.dumps({"version": 999})),
        lambda sidecar, stored: stored.path.unlink(),
        lambda sidecar, stored: stored.path.write_bytes(b"short"),
    ],
)
def test_a_damaged_entry_is_made_again(cache: Cache, song: Path, damage) -> None:
    stored = decode(song, cache, Context())
    damage(cache.path(decode_key(stored.content_hash), ".json"), stored)
    again = decode(song, cache, Context())
    np.testing.assert_array_equal(again.clip().samples, read_clip(song).samples)


def test_audio_dropped_from_the_cache_is_a_failure(cache: Cache, song: Path) -> None:
    stored = decode(song, cache, Context())
    cache.clear()
    with pytest.raises(Failure, match="no longer in the cache"):
        stored.map()


def test_held_audio_stays_when_the_cache_is_trimmed(cache: Cache, song: Path) -> None:
    stored = decode(song, cache, Context())
    with cache.hold(decode_key(stored.content_hash)):
        Cache(cache.root, 10).clear()
        assert stored.clip(0, 10).frames == 10


def test_mapped_audio_stays_when_another_process_trims_the_cache(cache: Cache, song: Path) -> None:
    stored = decode(song, cache, Context())
    mapped = stored.map()
    script = "import sys; from engine.cache import Cache; Cache(sys.argv[1], 10).clear()"
    subprocess.run([sys.executable, "-c", script, str(cache.root)], check=True, timeout=60)
    assert stored.clip(0, 10).frames == 10
    del mapped
    subprocess.run([sys.executable, "-c", script, str(cache.root)], check=True, timeout=60)
    assert leftovers(cache) == []


def test_samples_that_are_no_numbers_are_reported(cache: Cache, tmp_path: Path) -> None:
    samples = np.full((500, 1), 0.5, "f4")
    samples[7] = np.nan
    soundfile.write(tmp_path / "a.wav", samples, 44100, subtype="FLOAT")
    for _ in ("decoded", "found in the cache"):
        context = Context()
        stored = decode(tmp_path / "a.wav", cache, context)
        assert stored.nonfinite_samples == 1
        assert stored.map()[7, 0] == 0.0
        assert ["no numbers" in warning for warning in context.warnings] == [True]


def test_a_file_that_ends_early_is_decoded_with_a_warning(cache: Cache, small_files, tmp_path):
    data = small_files["c.flac"].read_bytes()
    (tmp_path / "cut.flac").write_bytes(data[: len(data) * 9 // 10])
    context = Context()
    stored = decode(tmp_path / "cut.flac", cache, context)
    assert 0 < stored.frames < 6000
    assert f"{stored.frames} of 6000" in stored.damage
    assert [stored.damage in warning for warning in context.warnings] == [True]


def test_a_promised_length_takes_no_space(cache: Cache) -> None:
    with StoreWriter(cache, KEY, 48000, 2, expected_frames=10**9) as writer:
        writer.append(np.ones((2, 100), "f4"))
        stored = writer.finish()
    assert stored.frames == 100
    assert cache.size_bytes < 100_000


FILL_DISK = """
import resource, signal, sys
import numpy as np
from engine.audio.store import StoreWriter
from engine.cache import Cache
from engine.tasks import Failure
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (100_001, 100_001))
try:
    with StoreWriter(Cache(sys.argv[1], 10**9), "key", 48_000, 2, int(sys.argv[2])) as writer:
        for _ in range(100):
            writer.append(np.ones((2, 1000)))
except Failure as failure:
    print(failure)
"""


@pytest.mark.parametrize("expected_frames", [0, 1000, 100_000])
def test_a_full_disk_is_a_failure_that_leaves_nothing(cache: Cache, expected_frames) -> None:
    done = subprocess.run(
        [sys.executable, "-c", FILL_DISK, str(cache.root), str(expected_frames)],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert "Free some disk space" in done.stdout, done.stdout + done.stderr
    assert leftovers(cache) == []


def test_a_wrong_number_of_channels_is_refused(cache: Cache) -> None:
    with (
        pytest.raises(ValueError, match="channels"),
        StoreWriter(cache, KEY, 48000, 2) as writer,
    ):
        writer.append(np.ones((3, 10), "f4"))

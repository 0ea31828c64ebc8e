from __future__ import annotations

import dataclasses
import os
import shutil
import subprocess
import sys
import threading
import time
from enum import Enum
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.cache import ABANDONED_AFTER_S, Cache, recipe_key
from engine.tasks import Failure

KEYS = [recipe_key(number=number) for number in range(64)]


def put_at(cache: Cache, key: str, size: int, used_at: float, suffix: str = ".bin") -> None:
    cache.put(key, suffix, b"x" * size)
    os.utime(cache.path(key, suffix), (used_at, used_at))


def test_what_was_put_is_found_by_its_key(tmp_path: Path) -> None:
    cache = Cache(tmp_path / "deep" / "cache", 1000)
    assert not cache.has(KEYS[0])
    path = cache.put(KEYS[0], ".bin", b"hello")
    assert path == cache.path(KEYS[0], ".bin")
    assert path.read_bytes() == b"hello"
    assert cache.has(KEYS[0])
    assert cache.has(KEYS[0], ".bin")
    assert not cache.has(KEYS[0], ".json")
    assert cache.size_bytes == 5


def test_commit_moves_the_temporary_file_and_takes_its_suffix(tmp_path: Path) -> None:
    cache = Cache(tmp_path, 1000)
    temporary = cache.temporary(".f32")
    temporary.write_bytes(b"data")
    assert cache.size_bytes == 0, "an unfinished file is no entry"
    assert cache.commit(temporary, KEYS[0]) == cache.path(KEYS[0], ".f32")
    assert not temporary.exists()


def test_least_recently_used_go_first_and_the_newest_stay(tmp_path: Path) -> None:
    cache = Cache(tmp_path, 1000)
    now = time.time()
    for number in range(9):
        put_at(cache, KEYS[number], 100, now - 100 + number)
    cache.touch(KEYS[0])
    cache.put(KEYS[9], ".bin", b"x" * 200)
    left = {key for key in KEYS if cache.has(key)}
    assert KEYS[9] in left
    assert KEYS[0] in left
    assert KEYS[1] not in left
    assert KEYS[8] in left
    assert cache.size_bytes <= 1000


def test_files_of_one_key_leave_together(tmp_path: Path) -> None:
    cache = Cache(tmp_path, 10_000)
    put_at(cache, KEYS[0], 600, 1000.0, ".f32")
    put_at(cache, KEYS[0], 10, time.time() - 50, ".json")
    put_at(cache, KEYS[1], 600, 2000.0)
    cache.budget_bytes = 700
    cache.trim()
    assert cache.has(KEYS[0], ".f32"), "its sidecar was used later than the other key"
    assert cache.has(KEYS[0], ".json")
    assert not cache.has(KEYS[1])
    cache.budget_bytes = 100
    cache.trim()
    assert cache.files(KEYS[0]) == []


def test_an_entry_above_the_budget_lives_until_the_next_one(tmp_path: Path) -> None:
    cache = Cache(tmp_path, 100)
    cache.put(KEYS[0], ".bin", b"x" * 500)
    assert cache.has(KEYS[0])
    cache.put(KEYS[1], ".bin", b"x" * 50)
    assert not cache.has(KEYS[0])
    assert cache.has(KEYS[1])


def test_a_held_key_outlives_trimming_and_clearing_until_released(tmp_path: Path) -> None:
    cache, other = Cache(tmp_path, 100), Cache(tmp_path, 100)
    cache.put(KEYS[0], ".bin", b"x" * 90)
    with cache.hold(KEYS[0]):
        other.put(KEYS[1], ".bin", b"x" * 90)
        other.clear()
        assert cache.has(KEYS[0])
        assert not cache.has(KEYS[1])
    other.clear()
    assert not cache.has(KEYS[0])


def test_a_cache_deleted_by_hand_fills_again(tmp_path: Path) -> None:
    cache = Cache(tmp_path / "cache", 1000)
    cache.put(KEYS[0], ".bin", b"x")
    shutil.rmtree(tmp_path / "cache")
    assert not cache.has(KEYS[0])
    assert cache.size_bytes == 0
    assert cache.trim() == 0
    cache.put(KEYS[0], ".bin", b"x")
    assert cache.has(KEYS[0])


def test_a_mapping_outlives_the_entry(tmp_path: Path) -> None:
    cache = Cache(tmp_path, 1000)
    mapped = np.memmap(cache.put(KEYS[0], ".bin", b"\7" * 100), np.uint8, "r")
    cache.clear()
    assert not cache.has(KEYS[0])
    assert int(mapped.sum()) == 700


def test_temporary_files_of_dead_writers_are_swept_but_not_those_in_work(tmp_path: Path) -> None:
    cache = Cache(tmp_path, 100)
    dead, alive = cache.temporary(), cache.temporary()
    dead.write_bytes(b"x")
    alive.write_bytes(b"x")
    long_ago = time.time() - ABANDONED_AFTER_S - 60
    os.utime(dead, (long_ago, long_ago))
    cache.trim()
    assert not dead.exists()
    assert alive.exists()


@pytest.mark.parametrize("key", ["", "ab", "../../etc/passwd", "a/b/c", "key.with.dots"])
def test_a_key_cannot_leave_the_folder(tmp_path: Path, key: str) -> None:
    with pytest.raises(ValueError, match="not a cache key"):
        Cache(tmp_path, 100).path(key)


def test_a_folder_that_cannot_be_made_is_a_failure(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("I am in the way")
    with pytest.raises(Failure, match="cache"):
        Cache(tmp_path / "file" / "cache", 100)


def test_what_cannot_be_put_in_its_place_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(self: Path, target: Path) -> Path:
        raise PermissionError(13, "Permission denied")

    cache = Cache(tmp_path, 1000)
    with monkeypatch.context() as patched:
        patched.setattr(Path, "replace", refused)
        with pytest.raises(Failure):
            cache.put("abc", ".bin", b"data")
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_a_full_disk_is_a_failure_and_leaves_no_entry(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(self: Path, data: bytes) -> int:
        raise OSError(28, "No space left on device")

    cache = Cache(tmp_path, 100)
    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(Failure, match="Free some disk space"):
        cache.put(KEYS[0], ".bin", b"x")
    assert not cache.has(KEYS[0])


WRITER = """
import sys
import numpy as np
from engine.cache import Cache, recipe_key
cache = Cache(sys.argv[1], 20_000)
order = np.random.default_rng(int(sys.argv[2])).permutation(64)
for number in [*order, *order]:
    key = recipe_key(number=int(number))
    if cache.has(key, ".bin"):
        cache.touch(key)
    cache.put(key, ".bin", bytes([number]) * 1000)
"""


def test_two_processes_share_one_cache_without_torn_files(tmp_path: Path) -> None:
    writers = [
        subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path), seed]) for seed in "12"
    ]
    assert [writer.wait(60) for writer in writers] == [0, 0]
    cache = Cache(tmp_path, 20_000)
    assert cache.trim() <= 20_000
    found = [number for number, key in enumerate(KEYS) if cache.has(key)]
    assert found
    for number in found:
        assert cache.path(KEYS[number], ".bin").read_bytes() == bytes([number]) * 1000


def test_many_threads_may_commit_the_same_key(tmp_path: Path) -> None:
    cache = Cache(tmp_path, 5000)
    trouble: list[BaseException] = []

    def work() -> None:
        try:
            for key in KEYS[:16]:
                cache.put(key, ".bin", key.encode() * 10)
        except BaseException as error:
            trouble.append(error)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert trouble == []
    assert cache.trim() <= 5000


class Colour(Enum):
    RED = "red"


@dataclasses.dataclass(frozen=True)
class Settings:
    size: int
    colour: Colour


def test_a_recipe_key_depends_on_values_not_on_order_or_container() -> None:
    base = recipe_key(a=1, b=[1, 2], c={"x": 1.5, "y": None})
    assert base == recipe_key(c={"y": None, "x": np.float64(1.5)}, b=(1, np.int32(2)), a=1)
    assert base != recipe_key(a=2, b=[1, 2], c={"x": 1.5, "y": None})
    assert recipe_key(s=Settings(3, Colour.RED)) == recipe_key(s={"size": 3, "colour": "red"})
    assert recipe_key(p=Path("x")) == recipe_key(p="x")
    assert recipe_key(x=True) != recipe_key(x=1)


PARTS = st.dictionaries(st.text(), st.lists(st.integers() | st.text() | st.booleans()))


@given(PARTS, PARTS)
def test_keys_are_equal_exactly_when_the_parts_are(first: dict, second: dict) -> None:
    # repr, because Python holds True == 1 and a recipe does not
    same = repr(sorted(first.items())) == repr(sorted(second.items()))
    assert same == (recipe_key(parts=first) == recipe_key(parts=second))


def test_what_has_no_canonical_form_is_refused() -> None:
    with pytest.raises(TypeError, match="object"):
        recipe_key(x=object())
    with pytest.raises(ValueError, match="JSON"):
        recipe_key(x=float("nan"))

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest

from engine.audio import hashing
from engine.audio.hashing import content_hash


def test_equal_content_has_an_equal_hash_under_any_name(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"same" * 1000)
    (tmp_path / "b").write_bytes(b"same" * 1000)
    assert content_hash(tmp_path / "a") == content_hash(tmp_path / "b")


@pytest.mark.parametrize("size", [0, 1, 999, 1000, 1001, 5000])
def test_the_hash_is_the_hash_of_the_hashes_of_its_parts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    monkeypatch.setattr(hashing, "LEAF_BYTES", 1000)
    data = np.random.default_rng(size).bytes(size)
    (tmp_path / "a").write_bytes(data)
    parts = [data[start : start + 1000] for start in range(0, size, 1000)]
    leaves = b"".join(hashlib.blake2b(part, digest_size=32).digest() for part in parts)
    expected = hashlib.blake2b(size.to_bytes(8, "little") + leaves, digest_size=20)
    assert content_hash(tmp_path / "a") == expected.hexdigest()


def test_one_changed_bit_anywhere_changes_the_hash(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hashing, "LEAF_BYTES", 100)
    data = bytearray(1000)
    path = tmp_path / "a"
    seen = set()
    for position in range(0, 1000, 37):
        data[position] ^= 1
        path.write_bytes(data)
        seen.add(content_hash(path))
        data[position] ^= 1
    assert len(seen) == len(range(0, 1000, 37))

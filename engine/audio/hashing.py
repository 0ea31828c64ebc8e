"""Hash of a file's content, by which the cache knows it again under any name."""

from __future__ import annotations

import hashlib
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

LEAF_BYTES = 8 * 2**20
_MAX_THREADS = 8


def content_hash(path: Path | str) -> str:
    """BLAKE2b hash tree of a file: the hash of the hashes of its 8 MiB parts.

    Hashing releases the interpreter lock, so the parts of a long file are hashed side by side.

    Returns
    -------
    str
        40 hexadecimal digits.

    Raises
    ------
    OSError
        If the file cannot be read.
    """
    path = Path(path)
    size = path.stat().st_size
    offsets = range(0, size, LEAF_BYTES)
    root = hashlib.blake2b(size.to_bytes(8, "little"), digest_size=20)
    threads = min(len(offsets), os.cpu_count() or 1, _MAX_THREADS)
    if threads <= 1:
        leaves = [_leaf(path, offset) for offset in offsets]
    else:
        with ThreadPoolExecutor(threads) as pool:
            leaves = list(pool.map(lambda offset: _leaf(path, offset), offsets))
    for leaf in leaves:
        root.update(leaf)
    return root.hexdigest()


def _leaf(path: Path, offset: int) -> bytes:
    with path.open("rb") as file:
        file.seek(offset)
        return hashlib.blake2b(file.read(LEAF_BYTES), digest_size=32).digest()

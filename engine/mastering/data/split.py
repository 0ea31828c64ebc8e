"""Songs for training, for validation and for the test, divided by group.

A group's share is decided by a hash of its name and the seed alone: adding a song or a whole
album moves no other song, no group is ever in two parts, and every machine divides alike. What
that costs: the shares are met on average only, and a handful of groups may leave a part empty.
"""

from __future__ import annotations

import hashlib
import unicodedata
from dataclasses import dataclass
from enum import StrEnum

from engine.mastering.data.songs import Songs
from engine.tasks import Failure


class Split(StrEnum):
    """What a song is used for."""

    TRAIN = "train"
    VALIDATION = "validation"
    TEST = "test"


@dataclass(frozen=True, slots=True)
class Shares:
    """Share of the groups that is held back; the rest is for training."""

    validation: float = 0.1
    test: float = 0.1

    def __post_init__(self) -> None:
        if not (self.validation >= 0.0 and self.test >= 0.0 and self.validation + self.test <= 1.0):
            raise Failure(
                "The shares of validation and test are impossible.",
                f"They are {self.validation} and {self.test}.",
                "Choose shares of 0 or more that add up to 1 at most.",
            )


USUAL_SHARES = Shares()


def split_of(group: str, seed: int = 0, shares: Shares = USUAL_SHARES) -> Split:
    """What a group is used for; depends on nothing but the arguments."""
    # Systems write the same accent in one character or in two, and names need not be valid.
    composed = unicodedata.normalize("NFC", group)
    text = f"{seed}:{composed}".encode("utf-8", "surrogatepass")
    digest = hashlib.blake2b(text, digest_size=8).digest()
    place = int.from_bytes(digest, "big") / 2.0**64
    if place < shares.test:
        return Split.TEST
    return Split.VALIDATION if place < shares.test + shares.validation else Split.TRAIN


def divide(
    songs: Songs, seed: int = 0, shares: Shares = USUAL_SHARES
) -> dict[Split, tuple[str, ...]]:
    """Names of the songs in each part, in the collection's order; a part may be empty."""
    parts: dict[Split, list[str]] = {split: [] for split in Split}
    for name in songs.names:
        parts[split_of(songs.group(name), seed, shares)].append(name)
    return {split: tuple(names) for split, names in parts.items()}

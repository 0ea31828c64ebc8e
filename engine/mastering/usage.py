"""Band usage: which bands a model opens over a folder of recordings, and how many per track."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from engine.audio.clip import Clip
from engine.audio.finder import find_audio
from engine.audio.reader import read_clip
from engine.audio.store import StoredAudio
from engine.failures import as_failure
from engine.mastering.parameters import Band
from engine.mastering.prediction import Predictor
from engine.tasks import Cancelled, Context, Failure

ACTIVE_GATE = 0.5
"""From here on a gate counts as open, as in the report of the reference design."""

Read = Callable[[Path, Context], Clip | StoredAudio]


@dataclass(frozen=True, slots=True)
class TrackUsage:
    """What a model said of one recording.

    ``group`` is the folder it lies in, from the folder that was looked through; empty for that
    one itself.
    """

    path: Path
    group: str
    bands: tuple[Band, ...]

    @property
    def gates(self) -> tuple[float, ...]:
        """How far each band is open; a bypassed band is shut."""
        return tuple(band.gate if band.enabled else 0.0 for band in self.bands)

    @property
    def active(self) -> int:
        """How many bands are open and change the sound."""
        return sum(
            band.active and gate >= ACTIVE_GATE
            for band, gate in zip(self.bands, self.gates, strict=True)
        )


@dataclass(frozen=True, slots=True)
class GroupUsage:
    """The tracks of one group taken together."""

    name: str
    tracks: int
    mean_gates: tuple[float, ...]
    mean_active: float


@dataclass(frozen=True, slots=True)
class BandUsage:
    """What a model said of a whole folder.

    Parameters
    ----------
    folder, model, model_hash
        What was looked through, and who was asked.
    tracks
        One per recording, in the order of their paths.
    failures
        One per file that could not be read or predicted.
    """

    folder: Path
    model: str
    model_hash: str
    tracks: tuple[TrackUsage, ...]
    failures: tuple[Failure, ...]

    @property
    def band_count(self) -> int:
        """The most bands any track has."""
        return max((len(track.bands) for track in self.tracks), default=0)

    @property
    def frequencies_hz(self) -> tuple[float, ...]:
        """Geometric mean of each band's frequency over the tracks that have the band."""
        columns = [
            [math.log(track.bands[index].frequency_hz) for track in self._with_band(index)]
            for index in range(self.band_count)
        ]
        return tuple(math.exp(sum(column) / len(column)) for column in columns)

    @property
    def total(self) -> GroupUsage:
        """All tracks together."""
        return self._summed("All", self.tracks)

    @property
    def groups(self) -> tuple[GroupUsage, ...]:
        """The groups by name; the folder itself, where it holds tracks, is called by its name."""
        names = sorted({track.group for track in self.tracks}, key=str.casefold)
        return tuple(
            self._summed(
                name or self.folder.name, [track for track in self.tracks if track.group == name]
            )
            for name in names
        )

    @property
    def active_histogram(self) -> tuple[int, ...]:
        """How many tracks have 0, 1, 2 ... bands open."""
        counts = [0] * (self.band_count + 1)
        for track in self.tracks:
            counts[track.active] += 1
        return tuple(counts)

    def to_csv(self) -> str:
        """A line per track: group, path, open bands, then gate, frequency and gain per band."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        numbers = range(1, self.band_count + 1)
        columns = [f"{name}_{n}" for n in numbers for name in ("gate", "frequency_hz", "gain_db")]
        writer.writerow(["group", "path", "active_bands", *columns])
        for track in self.tracks:
            values = [
                f"{value:.4f}"
                for band, gate in zip(track.bands, track.gates, strict=True)
                for value in (gate, band.frequency_hz, band.gain_db)
            ]
            writer.writerow([track.group, str(track.path), track.active, *values])
        return text.getvalue()

    def _with_band(self, index: int) -> list[TrackUsage]:
        return [track for track in self.tracks if index < len(track.bands)]

    def _summed(self, name: str, tracks: Sequence[TrackUsage]) -> GroupUsage:
        count = max(len(tracks), 1)
        gates = [
            sum(track.gates[index] for track in tracks if index < len(track.gates)) / count
            for index in range(self.band_count)
        ]
        active = sum(track.active for track in tracks) / count
        return GroupUsage(name, len(tracks), tuple(gates), active)


def band_usage(
    folder: Path, predictor: Predictor, context: Context | None = None, read: Read | None = None
) -> BandUsage:
    """Ask a model about every recording below a folder; a task.

    Files that cannot be read or predicted are told in the result. Progress carries the
    :class:`BandUsage` so far as ``partial``.

    Parameters
    ----------
    read
        Reads a file; by default the whole file into memory.

    Raises
    ------
    Failure
        If the folder holds no audio at all.
    Cancelled
        If it was cancelled.
    """
    context = context or Context()
    found = find_audio((folder,), context.part(0.0, 0.1, "Looking for audio"))
    if not found.found:
        raise found.failures[0]
    tracks: list[TrackUsage] = []
    failures = list(found.failures)

    def so_far() -> BandUsage:
        return BandUsage(
            folder, predictor.name, predictor.model_hash, tuple(tracks), tuple(failures)
        )

    count = len(found.found)
    for done, file in enumerate(found.found):
        start, stop = (0.1 + 0.9 * (done + each) / count for each in (0, 1))
        context.report(start, 1.0, file.path.name, so_far() if tracks else None)
        context.checkpoint()
        part = context.part(start, stop, file.path.name)
        try:
            audio = read(file.path, part) if read else read_clip(file.path)
            prediction = predictor.predict(audio, context=part)
        except Cancelled:
            raise
        except Exception as error:  # one bad file must not cost the other thousand
            failures.append(_named(file.path, as_failure(error)))
            continue
        group = file.path.parent.relative_to(folder).as_posix()
        tracks.append(
            TrackUsage(file.path, "" if group == "." else group, prediction.parameters.bands)
        )
    if not tracks:
        raise failures[0]
    context.report(1.0, 1.0, "Done", so_far())
    return so_far()


def _named(path: Path, failure: Failure) -> Failure:
    """The failure with the file's name in it, so that a list of them can be read."""
    if path.name in failure.what:
        return failure
    return Failure(f"{path.name}: {failure.what}", failure.why, failure.remedy)

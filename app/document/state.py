"""What is open and how it is set: frozen records, so that undo is a list of earlier ones."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from engine.mastering.parameters import Amounts, ChainParameters
from engine.mastering.prediction import Confidence

DEFAULT_LUFS = -14.0
DEFAULT_CEILING_DBTP = -1.0

AUTO_MODEL = "auto"
NO_MODEL = "none"

Span = tuple[int, int]


def new_clip_id() -> str:
    """An identifier no other clip has."""
    return uuid.uuid4().hex


@dataclass(frozen=True, slots=True)
class Effect:
    """What one stage did: measures as name, value and unit, the most telling first; none: nothing.

    The stages are those of ``engine.mastering.effects``.
    """

    stage: str
    measures: tuple[tuple[str, float, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the last Master said of a clip, kept so that it can be read after reopening.

    Parameters
    ----------
    model, variant, model_hash
        Which model answered; all empty when none did and the preset was fitted to.
    confidence
        Share of each stage's correction the model trusts; None without a model.
    referenced
        Whether the model listened to references.
    explanation
        Stage and why it does what it does, as pairs.
    effects
        What each stage did to the recording in the last rendering.
    """

    model: str = ""
    variant: str = ""
    model_hash: str = ""
    confidence: Confidence | None = None
    referenced: bool = False
    explanation: tuple[tuple[str, str], ...] = ()
    effects: tuple[Effect, ...] = ()

    def effect(self, stage: str) -> Effect | None:
        """What a stage did; None when that is not known."""
        return next((each for each in self.effects if each.stage == stage), None)


@dataclass(frozen=True, slots=True)
class MasteringEntry:
    """How one clip is mastered.

    Parameters
    ----------
    target
        Name of a tonal-balance preset; used when there is no reference.
    references, weights
        Paths of reference tracks, and how much each counts; no weights at all: equally.
    lufs, ceiling_dbtp
        Loudness target and true-peak ceiling.
    amounts
        How much of each stage is applied.
    model
        ``AUTO_MODEL``, ``NO_MODEL``, or the name of a bundle.
    refine
        Whether a model's answer is fitted on to the target.
    parameters
        The chain as the user has it now; None before the first fit or edit.
    fitted
        The chain the fit found, to return to.
    outcome
        What Master said when it found ``fitted``; None before.
    rendering_key
        Cache key of the finished rendering of ``parameters``, None when there is none.
    """

    target: str = "balanced"
    references: tuple[str, ...] = ()
    weights: tuple[float, ...] = ()
    lufs: float = DEFAULT_LUFS
    ceiling_dbtp: float = DEFAULT_CEILING_DBTP
    amounts: Amounts = field(default_factory=Amounts)
    model: str = AUTO_MODEL
    refine: bool = False
    parameters: ChainParameters | None = None
    fitted: ChainParameters | None = None
    outcome: Outcome | None = None
    rendering_key: str | None = None


@dataclass(frozen=True, slots=True)
class ClipEntry:
    """One open file: where it is, what it is, how it is mastered.

    ``rate`` is in Hz and ``frames`` the length at that rate. ``extra`` keeps fields of the session
    file this version does not know.
    """

    id: str
    name: str
    path: Path
    content_hash: str
    rate: int
    channels: int
    frames: int
    mastering: MasteringEntry = MasteringEntry()
    extra: Mapping[str, Any] = field(default_factory=dict)

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return self.frames / self.rate if self.rate else 0.0


@dataclass(frozen=True, slots=True)
class SessionState:
    """Everything a session file holds.

    ``selection`` and ``loop`` are ``(start_frame, stop_frame)`` of the current clip. ``extra``
    keeps fields of the session file this version does not know.
    """

    clips: tuple[ClipEntry, ...] = ()
    current_id: str | None = None
    selection: Span | None = None
    loop: Span | None = None
    layout: str = "Analyse"
    extra: Mapping[str, Any] = field(default_factory=dict)

    @property
    def current(self) -> ClipEntry | None:
        """The clip on screen, None when nothing is open."""
        return self.clip(self.current_id)

    def clip(self, clip_id: str | None) -> ClipEntry | None:
        """The clip with this id, None when there is none."""
        return next((clip for clip in self.clips if clip.id == clip_id), None)

    def with_clips(self, *clips: ClipEntry) -> SessionState:
        """Add clips at the end; the first one becomes current when nothing was open."""
        state = replace(self, clips=(*self.clips, *clips))
        return state.with_current(clips[0].id) if clips and self.current is None else state

    def with_clip(self, clip_id: str, **changes: Any) -> SessionState:
        """Change fields of one clip."""
        clips = (replace(clip, **changes) if clip.id == clip_id else clip for clip in self.clips)
        return replace(self, clips=tuple(clips))

    def with_mastering(self, clip_id: str, **changes: Any) -> SessionState:
        """Change fields of one clip's mastering."""
        clip = self.clip(clip_id)
        if clip is None:
            return self
        return self.with_clip(clip_id, mastering=replace(clip.mastering, **changes))

    def with_current(self, clip_id: str | None) -> SessionState:
        """Show another clip; selection and loop belonged to the one before."""
        if clip_id == self.current_id:
            return self
        return replace(self, current_id=clip_id, selection=None, loop=None)

    def without_clip(self, clip_id: str) -> SessionState:
        """Close a clip; its neighbour becomes current if it was."""
        index = next((i for i, clip in enumerate(self.clips) if clip.id == clip_id), None)
        if index is None:
            return self
        clips = self.clips[:index] + self.clips[index + 1 :]
        state = replace(self, clips=clips)
        if clip_id != self.current_id:
            return state
        return state.with_current(clips[min(index, len(clips) - 1)].id if clips else None)

    def moved(self, clip_id: str, index: int) -> SessionState:
        """Put a clip at another place of the list."""
        clip = self.clip(clip_id)
        if clip is None:
            return self
        others = [other for other in self.clips if other.id != clip_id]
        others.insert(index, clip)
        return replace(self, clips=tuple(others))

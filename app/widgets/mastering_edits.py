"""What a person changes about a clip's mastering, as undoable steps of the session."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, Signal

from app.commands import Command
from app.document.session import Session
from app.document.state import MasteringEntry
from engine.mastering.amounts import only
from engine.mastering.parameters import Amounts, Band, ChainParameters

FULL_WEIGHT = 1.0
GROUPS = ("tone", "dynamics", "saturation", "width")
ONLY = {f"Only {group}": (group,) for group in GROUPS} | {"Everything": GROUPS}
_LABELS = {
    "target": "Choose target",
    "model": "Choose model",
    "refine": "Change refining",
    "lufs": "Change loudness target",
    "ceiling_dbtp": "Change ceiling",
    "amounts": "Change amount",
}
_STAGES = {"low": "low band", "mid": "mid band", "high": "high band"}


class MasteringEdits(QObject):
    """Edits the mastering of the session's current clip.

    Parameters
    ----------
    delivery
        Gives the loudness and ceiling of a preset, as fields of the entry.

    Signals
    -------
    refused()
        An edit came while the fit holds the numbers; who asked for it should show them again.
    sounded()
        What is heard live is about to change.
    """

    refused = Signal()
    sounded = Signal()

    def __init__(
        self,
        session: Session,
        delivery: Callable[[str], dict[str, float]],
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._session = session
        self._delivery = delivery
        self.locked = False

    @property
    def entry(self) -> MasteringEntry:
        """How the current clip is mastered; the defaults while nothing is open."""
        clip = self._session.state.current
        return clip.mastering if clip is not None else MasteringEntry()

    @property
    def parameters(self) -> ChainParameters:
        """The session's chain, or a flat one with the ceiling aimed for."""
        entry = self.entry
        if entry.parameters is not None:
            return entry.parameters
        flat = ChainParameters()
        return replace(flat, limiter=replace(flat.limiter, ceiling_dbtp=entry.ceiling_dbtp))

    def change(self, label: str, merge: str = "", **changes: Any) -> None:
        """Change fields of the entry; edits in a row with the same ``merge`` are one step."""
        clip_id = self._session.state.current_id
        if clip_id is None or self.locked:
            self.refused.emit()
            return
        entry = replace(self.entry, **changes)
        if (entry.parameters, entry.amounts) != (self.entry.parameters, self.entry.amounts):
            changes["rendering_key"] = None  # it is a rendering of other numbers now
            self.sounded.emit()
        merge = f"{clip_id}.{merge}" if merge else ""
        state = self._session.state.with_mastering(clip_id, **changes)
        self._session.edit(label, state, merge=merge)

    def commands(self, possible: Callable[[], bool], has_fit: Callable[[], bool]) -> list[Command]:
        """Resetting and the quick amounts, for menus, keys and the palette."""
        here = partial(Command, menu="Master", enabled=possible)
        quick = partial(here, menu="Master/Amounts")
        return [
            here("master.reset", "Back to what Master found", self.reset, enabled=has_fit),
            here("master.flatten", "All processing off", self.flatten),
            *(
                quick(f"master.{title.lower().replace(' ', '_')}", title, partial(self.only, *of))
                for title, of in ONLY.items()
            ),
        ]

    # -- the chain -------------------------------------------------------------------------

    def change_band(self, index: int, changes: dict[str, Any]) -> None:
        """Change fields of a band."""
        merge = f"band.{index}.{'_'.join(sorted(changes))}"
        parameters = self.parameters.with_band(index, **changes)
        self.change(f"Change band {index + 1}", merge, parameters=parameters)

    def reset_band(self, index: int) -> None:
        """Bring a band's first place back."""
        defaults = ChainParameters().bands
        self._use_bands(
            f"Reset band {index + 1}",
            [
                band if at != index else (defaults[at] if at < len(defaults) else Band())
                for at, band in enumerate(self.parameters.bands)
            ],
        )

    def enable_bands(self, enabled: bool) -> None:
        """Bypass all bands, or none."""
        bands = [replace(band, enabled=enabled) for band in self.parameters.bands]
        self._use_bands("Switch the equalizer on" if enabled else "Bypass the equalizer", bands)

    def change_stage(self, stage: str, changes: dict[str, Any]) -> None:
        """Change fields of a stage, or of a part of one: ``"multiband.low"``."""
        whole, _, part = stage.partition(".")
        record = getattr(self.parameters, whole)
        if part:
            record = replace(record, **{part: replace(getattr(record, part), **changes)})
        else:
            record = replace(record, **changes)
        entry_changes: dict[str, Any] = {}
        if "ceiling_dbtp" in changes:
            entry_changes["ceiling_dbtp"] = changes["ceiling_dbtp"]
        self.change(
            f"Change the {_STAGES.get(part, whole)}",
            f"{stage}.{'_'.join(changes)}",
            parameters=replace(self.parameters, **{whole: record}),
            **entry_changes,
        )

    def reset(self) -> None:
        """Go back to the parameters Master found."""
        if self.entry.fitted is not None:
            self.change("Reset to the fit", parameters=self.entry.fitted, amounts=Amounts())

    def flatten(self) -> None:
        """Take all processing off; the ceiling stays."""
        flat = ChainParameters()
        limiter = replace(flat.limiter, ceiling_dbtp=self.entry.ceiling_dbtp)
        self.change("Flat mastering", parameters=replace(flat, limiter=limiter), amounts=Amounts())

    def only(self, *stages: str) -> None:
        """Apply these of the stages whole and the others not."""
        amounts = self.entry.amounts
        label = "Apply everything" if len(stages) > 1 else f"Only {stages[0]}"
        residual = amounts.residual if len(stages) > 1 else 0.0
        chosen = replace(only(stages), overall=amounts.overall, residual=residual)
        self.change(label, amounts=chosen)

    # -- what is aimed for -----------------------------------------------------------------

    def change_entry(self, changes: dict[str, Any]) -> None:
        """Change what is aimed for; a target brings its delivery along, a ceiling the limiter."""
        field = next(iter(changes))
        if field == "target":
            # A purpose brings its own delivery level; it can be changed afterwards.
            changes = {**changes, **self._delivery(changes[field])}
        if "ceiling_dbtp" in changes and self.entry.parameters is not None:
            # The ceiling aimed for is the limiter's: one number in two places.
            limiter = replace(self.parameters.limiter, ceiling_dbtp=changes["ceiling_dbtp"])
            changes = {**changes, "parameters": replace(self.parameters, limiter=limiter)}
        # What is chosen is a step each time, what is turned is one until it is let go.
        merge = f"mastering.{field}" if isinstance(changes[field], float | Amounts) else ""
        if field == "amounts":  # a drag of one amount is a step, that of another one the next
            old, new = self.entry.amounts, changes[field]
            moved = [name for name in Amounts.__slots__ if getattr(old, name) != getattr(new, name)]
            merge += "." + "_".join(moved)
        self.change(_LABELS[field], merge, **changes)

    # -- references ------------------------------------------------------------------------

    def add_references(self, paths: Sequence[Path]) -> None:
        """Add tracks to come near to, each once and with full weight."""
        there = self.entry.references
        new = tuple(dict.fromkeys(str(path) for path in paths if str(path) not in there))
        if new:
            weights = (*self._weights(), *[FULL_WEIGHT] * len(new))
            self._use_references("Add reference", [*there, *new], weights)

    def remove_reference(self, path: str) -> None:
        """Take a track off the list."""
        kept = [pair for pair in self._pairs() if pair[0] != path]
        self._use_references("Remove reference", [p for p, _ in kept], [w for _, w in kept])

    def move_reference(self, path: str, by: int) -> None:
        """Put a track further up (negative) or down."""
        pairs = self._pairs()
        start = next(at for at, pair in enumerate(pairs) if pair[0] == path)
        pair = pairs.pop(start)
        pairs.insert(min(max(start + by, 0), len(pairs)), pair)
        self._use_references("Move reference", [p for p, _ in pairs], [w for _, w in pairs])

    def weigh_reference(self, path: str, weight: float) -> None:
        """Let a track count more or less."""
        weights = [weight if each == path else old for each, old in self._pairs()]
        self.change("Weigh reference", f"weight.{path}", weights=tuple(weights))

    def locate_reference(self, path: str, found: Path) -> None:
        """Say where a track is now."""
        paths = [str(found) if each == path else each for each in self.entry.references]
        self._use_references("Locate reference", paths, self._weights())

    def _pairs(self) -> list[tuple[str, float]]:
        return list(zip(self.entry.references, self._weights(), strict=True))

    def _weights(self) -> tuple[float, ...]:
        entry = self.entry
        return entry.weights or (FULL_WEIGHT,) * len(entry.references)

    def _use_references(self, label: str, paths: Sequence[str], weights: Sequence[float]) -> None:
        self.change(label, references=tuple(paths), weights=tuple(weights))

    def _use_bands(self, label: str, bands: Sequence[Band]) -> None:
        self.change(label, parameters=replace(self.parameters, bands=tuple(bands)))

"""Undo: the list of earlier states with what led away from each."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from app.document.state import SessionState

LIMIT = 500
# A wheel has no release: edits further apart than this are two steps even with one merge key.
MERGE_PAUSE_S = 1.0


@dataclass(frozen=True, slots=True)
class Step:
    """One undoable edit: its label, the state before, the state after."""

    label: str
    before: SessionState
    after: SessionState
    merge: str = ""


class History:
    """Steps done and steps undone.

    Parameters
    ----------
    limit
        Most steps kept; the oldest are forgotten first. States share all that did not change, so
        a step costs about a kilobyte.
    clock
        Seconds, for the pause that ends a merge.
    """

    def __init__(self, limit: int = LIMIT, clock: Callable[[], float] = time.monotonic) -> None:
        self._limit = limit
        self._clock = clock
        self._pushed_at = 0.0
        self._done: list[Step] = []
        self._undone: list[Step] = []
        self._sealed = True

    @property
    def undo_label(self) -> str:
        """What undo would take back, empty when nothing."""
        return self._done[-1].label if self._done else ""

    @property
    def redo_label(self) -> str:
        """What redo would do again, empty when nothing."""
        return self._undone[-1].label if self._undone else ""

    def push(self, step: Step) -> None:
        """Add an edit; one with the same merge key as the last joins it."""
        self._undone.clear()
        now = self._clock()
        joins = not self._sealed and now - self._pushed_at <= MERGE_PAUSE_S
        last = self._done[-1] if self._done else None
        if joins and last and step.merge and step.merge == last.merge:
            self._done[-1] = replace(step, before=last.before)
            if step.after == last.before:  # dragged back to where it began
                self._done.pop()
                self._sealed = True
                return
        else:
            self._done.append(step)
            del self._done[: -self._limit]
        self._sealed = False
        self._pushed_at = now

    def seal(self) -> None:
        """End the drag: the next edit is a step of its own, whatever its merge key."""
        self._sealed = True

    def undo(self) -> SessionState | None:
        """The state before the last step, None when there is none."""
        if not self._done:
            return None
        step = self._done.pop()
        self._undone.append(step)
        self._sealed = True
        return step.before

    def redo(self) -> SessionState | None:
        """The state after the step last undone, None when there is none."""
        if not self._undone:
            return None
        step = self._undone.pop()
        self._done.append(step)
        self._sealed = True
        return step.after

    def map(self, change: Callable[[SessionState], SessionState]) -> None:
        """Apply a change to every state kept, so that undo does not take it back."""
        changed: dict[int, SessionState] = {}

        def once(state: SessionState) -> SessionState:
            # Neighbouring steps share their states and go on sharing them.
            if id(state) not in changed:
                changed[id(state)] = change(state)
            return changed[id(state)]

        for steps in (self._done, self._undone):
            steps[:] = [replace(s, before=once(s.before), after=once(s.after)) for s in steps]

    def clear(self) -> None:
        """Forget all steps."""
        self._done.clear()
        self._undone.clear()
        self._sealed = True

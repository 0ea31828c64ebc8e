from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from app.document.session import Session
from app.document.state import SessionState


@pytest.fixture
def session(qapp):
    return Session()


def test_edits_are_told_undone_and_redone(session, make_clip):
    told = []
    session.changed.connect(told.append)
    empty, one = session.state, session.state.with_clips(make_clip("a"))
    session.edit("Open a", one)
    assert session.state is one and session.undo_label == "Open a" and session.can_undo
    session.undo()
    assert session.state is empty and session.redo_label == "Open a" and session.can_redo
    session.redo()
    session.redo()
    assert session.state is one and not session.can_redo
    assert told == [one, empty, one]


def test_an_equal_state_is_no_edit(session):
    told = []
    session.changed.connect(told.append)
    session.edit("Nothing", SessionState())
    assert told == [] and not session.can_undo and not session.dirty


def test_an_edit_needs_a_label(session):
    with pytest.raises(ValueError, match="label"):
        session.edit("", SessionState(layout="Master"))


def test_undo_to_the_saved_state_is_not_dirty(session):
    session.edit("Layout", SessionState(layout="Master"))
    assert session.dirty
    session.mark_saved(Path("a.abench"))
    assert not session.dirty and session.path == Path("a.abench")
    session.edit("Layout", SessionState(layout="Listen"))
    assert session.dirty
    session.undo()
    assert not session.dirty
    session.undo()
    assert session.dirty


def test_opening_another_document_forgets_the_history(session):
    opened = []
    session.opened.connect(lambda: opened.append(session.state))
    session.edit("Layout", SessionState(layout="Master"))
    state = SessionState(layout="Explore")
    session.open(state, Path("b.abench"))
    assert not session.can_undo and not session.dirty and session.path == Path("b.abench")
    session.open(state, None, dirty=True)
    assert session.dirty and opened == [state, state]


def test_an_adjustment_is_no_step_and_survives_undo(session):
    session.edit("Loop", replace(session.state, loop=(1, 2)))
    session.adjust(lambda state: replace(state, layout="Master"))
    assert session.undo_label == "Loop" and session.state.loop == (1, 2)
    session.undo()
    assert session.state == SessionState(layout="Master")


def test_release_ends_a_drag(session):
    for frame in range(1, 5):
        session.edit("Select", replace(session.state, selection=(0, frame)), merge="selection")
    session.seal()
    session.edit("Select", replace(session.state, selection=(0, 9)), merge="selection")
    session.undo()
    assert session.state.selection == (0, 4)
    session.undo()
    assert session.state.selection is None

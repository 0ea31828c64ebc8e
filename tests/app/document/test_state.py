from __future__ import annotations

from dataclasses import replace

from app.document.state import SessionState


def test_the_first_clip_becomes_current(make_clip):
    state = SessionState().with_clips(make_clip("a"), make_clip("b"))
    assert state.current is not None and state.current.name == "a"
    assert state.with_clips(make_clip("c")).current_id == "id-a"


def test_showing_another_clip_drops_selection_and_loop(make_clip):
    state = SessionState().with_clips(make_clip("a"), make_clip("b"))
    state = replace(state, selection=(1, 2), loop=(3, 4))
    assert state.with_current("id-a") is state
    other = state.with_current("id-b")
    assert (other.selection, other.loop) == (None, None)


def test_closing_the_current_clip_shows_its_neighbour(make_clip):
    state = SessionState().with_clips(make_clip("a"), make_clip("b"), make_clip("c"))
    state = state.with_current("id-b").without_clip("id-b")
    assert state.current_id == "id-c"
    state = state.without_clip("id-c")
    assert state.current_id == "id-a"
    assert state.without_clip("id-a").current is None


def test_closing_another_clip_keeps_the_selection(make_clip):
    state = SessionState().with_clips(make_clip("a"), make_clip("b"))
    state = replace(state, selection=(1, 2)).without_clip("id-b")
    assert state.selection == (1, 2)


def test_a_change_touches_one_clip_only(make_clip):
    state = SessionState().with_clips(make_clip("a"), make_clip("b"))
    changed = state.with_mastering("id-b", lufs=-9.0)
    assert changed.clips[0] is state.clips[0]
    assert changed.clips[1].mastering.lufs == -9.0
    assert state.with_mastering("nobody", lufs=-9.0) is state


def test_a_clip_is_moved_in_the_list(make_clip):
    state = SessionState().with_clips(make_clip("a"), make_clip("b"), make_clip("c"))
    assert [clip.name for clip in state.moved("id-c", 0).clips] == ["c", "a", "b"]
    assert [clip.name for clip in state.moved("id-a", 2).clips] == ["b", "c", "a"]

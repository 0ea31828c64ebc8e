from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from app.document.history import MERGE_PAUSE_S, History, Step
from app.document.state import SessionState


def layout(name: object) -> SessionState:
    return SessionState(layout=str(name))


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@given(st.lists(st.sampled_from(["edit", "undo", "redo"]), max_size=60))
def test_undo_and_redo_behave_like_a_list_with_a_cursor(actions):
    history = History()
    states, cursor = [layout(0)], 0
    for number, action in enumerate(actions, start=1):
        if action == "edit":
            after = layout(number)
            history.push(Step(f"edit {number}", states[cursor], after))
            states, cursor = [*states[: cursor + 1], after], cursor + 1
        elif action == "undo":
            cursor, expected = (cursor - 1, states[cursor - 1]) if cursor else (0, None)
            assert history.undo() == expected
        else:
            last = len(states) - 1
            cursor, expected = (cursor + 1, states[cursor + 1]) if cursor < last else (last, None)
            assert history.redo() == expected
        assert bool(history.undo_label) == (cursor > 0)
        assert bool(history.redo_label) == (cursor < len(states) - 1)


def test_a_drag_is_one_step():
    history = History()
    for number in range(50):
        history.push(Step("Drag", layout(number), layout(number + 1), merge="band 3"))
    assert history.undo() == layout(0)
    assert history.undo() is None
    assert history.redo() == layout(50)


def test_another_key_a_pause_or_a_release_begin_a_new_step():
    clock = Clock()
    history = History(clock=clock)
    history.push(Step("a", layout(0), layout(1), merge="x"))
    history.push(Step("b", layout(1), layout(2), merge="y"))
    history.push(Step("c", layout(2), layout(3)))
    history.push(Step("d", layout(3), layout(4), merge="y"))
    history.seal()
    history.push(Step("e", layout(4), layout(5), merge="y"))
    clock.now += MERGE_PAUSE_S + 0.1
    history.push(Step("f", layout(5), layout(6), merge="y"))
    assert [history.undo() for _ in range(6)] == [layout(n) for n in (5, 4, 3, 2, 1, 0)]


def test_an_edit_after_undo_does_not_join_the_step_before():
    history = History()
    history.push(Step("a", layout(0), layout(1), merge="x"))
    history.push(Step("b", layout(1), layout(2), merge="y"))
    history.undo()
    history.push(Step("c", layout(1), layout(3), merge="x"))
    assert history.undo() == layout(1)


def test_a_drag_back_to_its_start_leaves_no_step():
    history = History()
    history.push(Step("Drag", layout(0), layout(1), merge="x"))
    history.push(Step("Drag", layout(1), layout(0), merge="x"))
    assert history.undo_label == ""


def test_the_oldest_steps_are_forgotten():
    history = History(limit=3)
    for number in range(10):
        history.push(Step(str(number), layout(number), layout(number + 1)))
    assert [history.undo() for _ in range(4)] == [layout(9), layout(8), layout(7), None]


def test_a_mapped_change_is_in_every_state():
    history = History()
    for number in range(3):
        history.push(Step(str(number), layout(number), layout(number + 1)))
    history.undo()
    history.map(lambda state: replace(state, current_id="found"))
    assert history.redo() == replace(layout(3), current_id="found")
    assert [history.undo() for _ in range(3)] == [
        replace(layout(n), current_id="found") for n in (2, 1, 0)
    ]

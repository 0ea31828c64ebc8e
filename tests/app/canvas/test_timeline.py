import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.canvas.timeline import MIN_SPAN_FRAMES, Follow, TimeAxis


def axis_of(total: int = 480_000, start: float = 0.0, stop: float | None = None) -> TimeAxis:
    axis = TimeAxis()
    axis.set_audio(total, 48_000)
    axis.show(start, total if stop is None else stop)
    return axis


def window(axis: TimeAxis) -> tuple[float, float]:
    return axis.start_frame, axis.stop_frame


def test_new_audio_is_shown_whole():
    axis = axis_of(1000)
    assert window(axis) == (0.0, 1000.0)
    assert axis.shows_all


def test_one_notch_magnifies_by_a_quarter():
    axis = axis_of()
    axis.zoom_notches(1.0, 240_000)
    assert axis.span_frames == pytest.approx(480_000 / 1.25)


@given(
    anchor=st.floats(100_000, 300_000),
    notches=st.floats(-1.0, 20.0),
)
def test_zoom_leaves_the_anchor_where_it_is_on_screen(anchor, notches):
    axis = axis_of(10_000_000, 100_000, 300_000)
    before = axis.x_of(anchor, 1000.0)
    axis.zoom_notches(notches, anchor)
    assert axis.x_of(anchor, 1000.0) == pytest.approx(before, abs=1e-3)


@given(
    steps=st.lists(
        st.tuples(st.sampled_from(["zoom", "pan", "show", "centre"]), st.floats(-1e6, 1e6)),
        max_size=20,
    ),
    total=st.integers(0, 1_000_000),
)
def test_the_window_never_leaves_the_audio(steps, total):
    axis = axis_of(total)
    for name, value in steps:
        if name == "zoom":
            axis.zoom_notches(value / 1e5, value)
        elif name == "show":
            axis.show(value, value + 1000.0)
        else:
            getattr(axis, name)(value)
        assert -1e-6 <= axis.start_frame <= axis.stop_frame <= total + 1e-6
        assert axis.span_frames >= min(MIN_SPAN_FRAMES, total) - 1e-6


def test_zooming_in_and_out_again_returns():
    axis = axis_of(480_000, 100_000, 200_000)
    axis.zoom_notches(3.0, 130_000)
    axis.zoom_notches(-3.0, 130_000)
    assert window(axis) == pytest.approx((100_000, 200_000))


def test_a_negative_zoom_factor_is_refused():
    with pytest.raises(ValueError, match="positive"):
        axis_of().zoom(-1.0, 0.0)


def test_panning_stops_at_the_ends():
    axis = axis_of(1000, 100, 300)
    axis.pan(-5000.0)
    assert window(axis) == (0.0, 200.0)
    axis.pan(5000.0)
    assert window(axis) == (800.0, 1000.0)


def test_frame_and_pixel_are_inverse():
    axis = axis_of(1000, 100, 300)
    assert axis.frame_at(axis.x_of(217.0, 640), 640) == pytest.approx(217.0)


def test_a_growing_file_stays_shown_whole():
    axis = axis_of(1000)
    axis.set_total(4000)
    assert window(axis) == (0.0, 4000.0)


def test_growth_does_not_move_a_window_that_was_chosen():
    axis = axis_of(1000, 100, 300)
    axis.set_total(4000)
    assert window(axis) == (100.0, 300.0)


def test_the_page_turns_when_the_playhead_leaves():
    axis = axis_of(1000, 0, 200)
    axis.track(150.0)
    assert window(axis) == (0.0, 200.0)
    axis.track(205.0)
    assert window(axis) == (205.0, 405.0)


def test_centred_follow_keeps_the_playhead_in_the_middle():
    axis = axis_of(1000, 0, 200)
    axis.set_follow(Follow.CENTRE)
    axis.track(150.0)
    axis.track(400.0)
    assert window(axis) == (300.0, 500.0)


def test_follow_off_never_moves_the_window():
    axis = axis_of(1000, 0, 200)
    axis.set_follow(Follow.OFF)
    axis.track(150.0)
    axis.track(900.0)
    assert window(axis) == (0.0, 200.0)


def test_who_scrolls_away_is_left_alone_until_the_playhead_is_back():
    axis = axis_of(1000, 0, 200)
    axis.track(100.0)
    axis.show(600.0, 800.0)
    axis.track(110.0)
    axis.track(120.0)
    assert window(axis) == (600.0, 800.0)
    axis.track(700.0)
    axis.track(801.0)
    assert window(axis) == (800.0, 1000.0)


def test_starting_to_play_follows_again():
    axis = axis_of(1000, 0, 200)
    axis.track(100.0)
    axis.show(600.0, 800.0)
    axis.track(110.0)
    axis.find_again()
    axis.track(120.0)
    assert window(axis) == (120.0, 320.0)


def test_columns_stay_on_one_grid_while_scrolling():
    axis = axis_of(480_000, 10_000, 20_000)
    start, stop, count, offset = axis.columns(800)
    step = (stop - start) / count
    assert step == pytest.approx(12.5)
    assert start / step == pytest.approx(round(start / step))
    assert -1.0 < offset <= 0.0
    axis.pan(3.7)
    moved, *_ = axis.columns(800)
    assert moved / step == pytest.approx(round(moved / step))


def test_columns_cover_the_window():
    axis = axis_of(480_000, 12_345.6, 54_321.0)
    start, stop, count, _offset = axis.columns(777)
    assert start <= 12_345.6
    assert stop >= 54_321.0 - 1e-6
    assert count == 778


def test_listeners_hear_only_of_real_changes(qtbot):
    axis = axis_of(1000, 100, 300)
    with qtbot.assertNotEmitted(axis.changed):
        axis.show(100.0, 300.0)
    with qtbot.waitSignal(axis.changed):
        axis.pan(1.0)

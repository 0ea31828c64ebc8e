"""The way of a read head."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from app.audio.route import Motion, route


def frames_of(legs, speed: float) -> list[float]:
    return [leg.position + step * speed for leg in legs for step in range(leg.count)]


def walk(position: int, count: int, speed: int, loop: tuple[int, int] | None, length: int):
    """The same, one frame at a time."""
    frames = []
    for _ in range(count):
        if not 0 <= position < length:
            break
        frames.append(position)
        following = position + speed
        if loop and speed > 0 and position < loop[1] <= following:
            following -= loop[1] - loop[0]
        if loop and speed < 0 and following < loop[0] <= position:
            following += loop[1] - loop[0]
        position = following
    return frames


@given(
    position=st.integers(0, 60),
    count=st.integers(0, 200),
    speed=st.sampled_from([-4, -2, -1, 1, 2, 4]),
    edges=st.none() | st.tuples(st.integers(0, 50), st.integers(5, 14)),
)
def test_it_is_the_walk_of_single_frames(position, count, speed, edges) -> None:
    loop = (edges[0], edges[0] + edges[1]) if edges else None
    legs, _ = route(position, count, Motion(speed, loop), 64)
    assert frames_of(legs, speed) == walk(position, count, speed, loop, 64)


@given(
    position=st.integers(0, 60),
    first=st.integers(0, 50),
    second=st.integers(0, 50),
    speed=st.sampled_from([-1, 1, 3]),
)
def test_two_short_ways_are_one_long_one(position, first, second, speed) -> None:
    motion = Motion(speed, (10, 30))
    start, middle = route(position, first, motion)
    end, there = route(middle, second, motion)
    whole, goal = route(position, first + second, motion)
    assert frames_of(start, speed) + frames_of(end, speed) == frames_of(whole, speed)
    assert there == goal

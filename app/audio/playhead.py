"""From what is mixed to what is heard: a playhead that moves evenly."""

from __future__ import annotations

from app.audio.layout import Block


def heard_frame(block: Block, now: float) -> float:
    """The bank frame that leaves the loudspeaker at ``now`` while playing.

    The playback process mixes ahead by the device's latency and in blocks. The clock it writes
    with every block is carried on to ``now`` and set back by the latency, but never behind the
    point where the sound began, never past what is mixed, and around the loop.

    Parameters
    ----------
    block
        The shared block.
    now
        ``time.monotonic()`` in seconds.
    """
    position, moment, origin = block.read_clock()
    rate, speed = float(block.control["rate"][0]), float(block.control["speed"][0])
    delay_s = float(block.state["latency_s"][0]) - (now - moment)
    heard = position - max(delay_s, 0.0) * rate * speed
    if origin >= 0:
        return max(heard, min(origin, position)) if speed > 0 else min(heard, max(origin, position))
    loop = block.read_loop()
    if loop is None or loop[1] <= loop[0]:
        return max(heard, 0.0)
    start, end = loop
    if start <= position < end and not start <= heard < end:
        return start + (heard - start) % (end - start)
    return heard

"""TimeAxis: which part of the audio is on screen, shared by every view of it."""

from __future__ import annotations

import math
from enum import StrEnum

from PySide6.QtCore import QObject, Signal

ZOOM_STEP = 1.25
# Closer than this a view shows nothing but a straight line.
MIN_SPAN_FRAMES = 16.0


class Follow(StrEnum):
    """How the window follows the playhead."""

    OFF = "off"
    PAGE = "page"
    CENTRE = "centre"


class TimeAxis(QObject):
    """The visible window ``start_frame .. stop_frame`` of ``total_frames`` at ``rate`` Hz.

    The ends are floats, so that slow scrolling at sample level does not stick to whole frames.
    They always lie inside the audio, at least ``MIN_SPAN_FRAMES`` apart (or all of it, if it is
    shorter than that).

    Signals
    -------
    changed()
        The window or the length is another one.
    follow_changed()
        The follow mode is another one.
    """

    changed = Signal()
    follow_changed = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.rate = 48000
        self.total_frames = 0
        self.start_frame = 0.0
        self.stop_frame = 0.0
        self.follow = Follow.PAGE
        self._lost = False
        self._tracked = (0.0, 0.0)

    @property
    def span_frames(self) -> float:
        """Length of the window in frames."""
        return self.stop_frame - self.start_frame

    @property
    def empty(self) -> bool:
        """Whether there is nothing to show."""
        return self.total_frames <= 0

    @property
    def shows_all(self) -> bool:
        """Whether the whole audio is in the window."""
        return self.start_frame <= 0.0 and self.stop_frame >= self.total_frames

    def set_audio(self, total_frames: int, rate: int) -> None:
        """Show another audio, all of it."""
        self.rate = rate
        self.total_frames = max(total_frames, 0)
        self._show(0.0, float(self.total_frames), force=True)

    def set_total(self, total_frames: int) -> None:
        """Take a new length of the same audio; a window that showed all goes on doing so."""
        if total_frames == self.total_frames:
            return
        all_shown = self.shows_all
        self.total_frames = max(total_frames, 0)
        stop = float(self.total_frames) if all_shown else self.stop_frame
        self._show(0.0 if all_shown else self.start_frame, stop, force=True)

    def show(self, start_frame: float, stop_frame: float) -> None:
        """Make a part visible, clamped to the audio; the ends may come in either order."""
        self._show(min(start_frame, stop_frame), max(start_frame, stop_frame))

    def show_all(self) -> None:
        """Make the whole audio visible."""
        self._show(0.0, float(self.total_frames))

    def zoom(self, factor: float, anchor_frame: float) -> None:
        """Magnify by ``factor`` around a frame that stays where it is on the screen.

        Raises
        ------
        ValueError
            If the factor is not positive.
        """
        if factor <= 0.0:
            raise ValueError(f"zoom factor must be positive, got {factor}")
        if self.empty:
            return
        anchor = min(max(anchor_frame, self.start_frame), self.stop_frame)
        # The limits change the factor rather than the ends, so that the anchor holds there too.
        span = min(max(self.span_frames / factor, self._min_span), float(self.total_frames))
        share = (anchor - self.start_frame) / self.span_frames
        self._show(anchor - share * span, anchor + (1.0 - share) * span)

    def zoom_notches(self, notches: float, anchor_frame: float) -> None:
        """Zoom by wheel notches, x1.25 each; positive is closer."""
        self.zoom(ZOOM_STEP**notches, anchor_frame)

    def anchor(self, playhead_frame: float) -> float:
        """Where keys and buttons zoom: at the playhead if it is on screen, else in the middle."""
        if self.start_frame <= playhead_frame <= self.stop_frame:
            return playhead_frame
        return (self.start_frame + self.stop_frame) / 2.0

    def pan(self, frames: float) -> None:
        """Move the window; it stops at the ends of the audio."""
        start = min(max(self.start_frame + frames, 0.0), self.total_frames - self.span_frames)
        self._show(start, start + self.span_frames)

    def centre(self, frame: float) -> None:
        """Bring a frame to the middle, as far as the ends allow."""
        self.pan(frame - (self.start_frame + self.stop_frame) / 2.0)

    def reveal(self, frame: float) -> None:
        """Move just far enough to see a frame, with a little air."""
        air = self.span_frames * 0.05
        if frame < self.start_frame:
            self.pan(frame - self.start_frame - air)
        elif frame > self.stop_frame:
            self.pan(frame - self.stop_frame + air)

    def set_follow(self, follow: Follow) -> None:
        """Choose how :meth:`track` follows."""
        if follow != self.follow:
            self.follow = follow
            self.follow_changed.emit()

    def track(self, playhead_frame: float) -> None:
        """Follow the playhead: turn the page when it leaves, or keep it in the middle.

        Who scrolls away from the playhead is left alone until it is in the window again.
        """
        if self.empty or self.follow is Follow.OFF or self.shows_all:
            return
        window = (self.start_frame, self.stop_frame)
        if window[0] <= playhead_frame < window[1]:
            self._lost = False
        elif window != self._tracked:
            self._lost = True
        if not self._lost:
            if self.follow is Follow.CENTRE:
                self.centre(playhead_frame)
            elif not window[0] <= playhead_frame < window[1]:
                self.pan(playhead_frame - self.start_frame)
        self._tracked = (self.start_frame, self.stop_frame)

    def find_again(self) -> None:
        """Follow again from wherever the playhead is: playback began, or somebody sought."""
        self._lost = False
        self._tracked = (self.start_frame, self.stop_frame)

    def frame_at(self, x: float, width: float) -> float:
        """The frame at pixel ``x`` of a view ``width`` pixels wide."""
        return self.start_frame + x * self.span_frames / max(width, 1.0)

    def x_of(self, frame: float, width: float) -> float:
        """The pixel of a frame in a view ``width`` pixels wide; outside it when off screen."""
        if self.span_frames <= 0.0:
            return 0.0
        return (frame - self.start_frame) * width / self.span_frames

    def columns(self, width: int) -> tuple[float, float, int, float]:
        """Split the window into pixel columns that stay on one grid while it is scrolled.

        Columns begin at multiples of the frames per pixel; with a grid that moved along with the
        window the picture would shimmer.

        Returns
        -------
        start_frame, stop_frame, columns, offset_px
            What to ask of a peak pyramid, and where its first column stands (0 to -1 px).
        """
        step = self.span_frames / max(width, 1)
        if step <= 0.0:
            return 0.0, 0.0, 0, 0.0
        first = math.floor(self.start_frame / step + 1e-9)
        count = width + 1
        offset = first - self.start_frame / step
        return first * step, (first + count) * step, count, offset

    @property
    def _min_span(self) -> float:
        return min(MIN_SPAN_FRAMES, float(self.total_frames))

    def _show(self, start: float, stop: float, force: bool = False) -> None:
        total = float(self.total_frames)
        span = min(max(stop - start, self._min_span), total)
        middle = (start + stop) / 2.0
        start = min(max(middle - span / 2.0, 0.0), total - span)
        window = (start, start + span)
        if force or window != (self.start_frame, self.stop_frame):
            self.start_frame, self.stop_frame = window
            self.changed.emit()

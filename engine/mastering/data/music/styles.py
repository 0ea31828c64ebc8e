"""All styles."""

from __future__ import annotations

from engine.mastering.data.music.style import Style
from engine.mastering.data.music.styles_beats import BEATS
from engine.mastering.data.music.styles_concert import CONCERT
from engine.mastering.data.music.styles_songs import SONGS

STYLES: tuple[Style, ...] = (*SONGS, *BEATS, *CONCERT)

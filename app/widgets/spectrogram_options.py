"""SpectrogramOptionsBox: how a spectrogram is made and shown, as a small form."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from PySide6.QtCore import QSignalBlocker, Signal
from PySide6.QtWidgets import QComboBox, QFormLayout, QSpinBox, QWidget

from app.settings import SpectrogramDefaults

SIZES = (256, 512, 1024, 2048, 4096, 8192, 16384)
OVERLAPS = (2, 4, 8, 16)
RANGE_DB = (-140, 10)
LEAST_RANGE_DB = 10


@dataclass(frozen=True, slots=True)
class SpectrogramOptions:
    """What the form says.

    ``size`` and ``hop`` are in samples, ``low_db`` and ``high_db`` get the first and last colour;
    ``source`` and ``channel`` say what is transformed.
    """

    window: str = "hann"
    size: int = 2048
    hop: int = 512
    colors: str = "magma"
    axis: str = "mel"
    low_db: float = -100.0
    high_db: float = 0.0
    source: str = "original"
    channel: str = "mix"


@dataclass(frozen=True, slots=True)
class OptionChoices:
    """What can be chosen of each."""

    windows: tuple[str, ...]
    colors: tuple[str, ...]
    axes: tuple[str, ...]
    sources: tuple[str, ...] = ("original", "master")
    channels: tuple[str, ...] = ("mix",)


def from_defaults(defaults: SpectrogramDefaults, choices: OptionChoices) -> SpectrogramOptions:
    """The remembered options, as far as they are still possible."""
    plain = SpectrogramOptions()
    size = defaults.size if defaults.size in SIZES else plain.size
    return SpectrogramOptions(
        window=defaults.window if defaults.window in choices.windows else plain.window,
        size=size,
        hop=min(max(defaults.hop, size // OVERLAPS[-1]), size // OVERLAPS[0]),
        colors=defaults.colours if defaults.colours in choices.colors else plain.colors,
        axis=defaults.axis if defaults.axis in choices.axes else plain.axis,
        low_db=defaults.low_db,
        high_db=max(defaults.high_db, defaults.low_db + LEAST_RANGE_DB),
    )


def to_defaults(options: SpectrogramOptions) -> SpectrogramDefaults:
    """What is remembered of them: how, not of what."""
    return SpectrogramDefaults(
        options.window,
        options.size,
        options.hop,
        options.low_db,
        options.high_db,
        options.colors,
        options.axis,
    )


class SpectrogramOptionsBox(QWidget):
    """A form for :class:`SpectrogramOptions`; ``edited`` carries what a person chose."""

    edited = Signal(object)

    def __init__(
        self,
        choices: OptionChoices,
        options: SpectrogramOptions,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._options = options
        form = QFormLayout(self)
        form.setContentsMargins(12, 12, 12, 12)
        self._boxes = {
            "source": self._combo("Audio", choices.sources),
            "channel": self._combo("Channel", choices.channels),
            "window": self._combo("Window", choices.windows),
            "size": self._combo("Size", [str(size) for size in SIZES]),
            "overlap": self._combo("Overlap", [_overlap_text(part) for part in OVERLAPS]),
            "axis": self._combo("Frequency axis", choices.axes),
            "colors": self._combo("Colours", choices.colors),
        }
        self._low = self._number("Quietest")
        self._high = self._number("Loudest")
        for name, box in self._boxes.items():
            box.currentTextChanged.connect(lambda text, name=name: self._choose(name, text))
            form.addRow(box.accessibleName(), box)
        self._low.valueChanged.connect(lambda value: self._set_range(float(value), None))
        self._high.valueChanged.connect(lambda value: self._set_range(None, float(value)))
        form.addRow("Quietest", self._low)
        form.addRow("Loudest", self._high)
        self._show()

    @property
    def options(self) -> SpectrogramOptions:
        """What the form says now."""
        return self._options

    def set_choices(self, name: str, items: tuple[str, ...]) -> None:
        """Offer other sources or channels; a choice that is gone falls back to the first."""
        box = self._boxes[name]
        if [box.itemText(index) for index in range(box.count())] == list(items):
            return
        with QSignalBlocker(box):
            box.clear()
            box.addItems(list(items))
        if getattr(self._options, name) not in items:
            self._edit(_with(self._options, name, items[0]))
        self._show()

    def _combo(self, name: str, items: Any) -> QComboBox:
        box = QComboBox(self)
        box.addItems(list(items))
        box.setAccessibleName(name)
        return box

    def _number(self, name: str) -> QSpinBox:
        box = QSpinBox(self)
        box.setRange(*RANGE_DB)
        box.setSingleStep(5)
        box.setSuffix(" dB")
        box.setKeyboardTracking(False)
        box.setAccessibleName(name)
        return box

    def _choose(self, name: str, text: str) -> None:
        options = self._options
        if name == "size":
            part = options.size // options.hop
            options = replace(options, size=int(text), hop=max(int(text) // part, 1))
        elif name == "overlap":
            part = OVERLAPS[self._boxes["overlap"].currentIndex()]
            options = replace(options, hop=max(options.size // part, 1))
        else:
            options = _with(options, name, text)
        self._edit(options)

    def _set_range(self, low_db: float | None, high_db: float | None) -> None:
        """Keep the range open by pushing the other end along."""
        low = self._options.low_db if low_db is None else low_db
        high = self._options.high_db if high_db is None else high_db
        if high - low < LEAST_RANGE_DB:
            if high_db is None:
                high = min(low + LEAST_RANGE_DB, RANGE_DB[1])
                low = high - LEAST_RANGE_DB
            else:
                low = max(high - LEAST_RANGE_DB, RANGE_DB[0])
                high = low + LEAST_RANGE_DB
        self._edit(replace(self._options, low_db=low, high_db=high))
        self._show()

    def _edit(self, options: SpectrogramOptions) -> None:
        if options != self._options:
            self._options = options
            self.edited.emit(options)

    def _show(self) -> None:
        options = self._options
        part = min(OVERLAPS, key=lambda each: abs(options.size / each - options.hop))
        texts = {
            "source": options.source,
            "channel": options.channel,
            "window": options.window,
            "size": str(options.size),
            "overlap": _overlap_text(part),
            "axis": options.axis,
            "colors": options.colors,
        }
        for name, text in texts.items():
            with QSignalBlocker(self._boxes[name]):
                self._boxes[name].setCurrentText(text)
        for number, value in ((self._low, options.low_db), (self._high, options.high_db)):
            with QSignalBlocker(number):
                number.setValue(round(value))


def _overlap_text(part: int) -> str:
    """The overlap of windows that are ``size / part`` apart."""
    return f"{100.0 - 100.0 / part:.4g} %"


def _with(options: SpectrogramOptions, name: str, text: str) -> SpectrogramOptions:
    """A copy in which one of the texts is another one."""
    changes: dict[str, Any] = {name: text}
    return replace(options, **changes)

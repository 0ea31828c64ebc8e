"""Labelled controls for one number: a slider and a field that say the same thing."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, QSignalBlocker, Qt, Signal
from PySide6.QtGui import QKeyEvent, QMouseEvent, QValidator, QWheelEvent
from PySide6.QtWidgets import QDoubleSpinBox, QHBoxLayout, QLabel, QSlider, QWidget

from app.theme import number_font
from app.widgets.numbers import format_value, parse_value
from engine.mastering.ranges import Range

SLIDER_STEPS = 1000


class NumberField(QDoubleSpinBox):
    """A typed-in number with unit; steps are multiplicative where the range is logarithmic.

    ``edited`` carries the values a person sets (never those set by the program). Shift or Ctrl
    makes a step ten times finer. The wheel turns it only once it has the focus, so that scrolling
    past does no harm.
    """

    edited = Signal(float)

    def __init__(
        self, limits: Range, name: str, *, percent: bool = False, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._limits = limits
        self._percent = percent
        self.setDecimals(6)
        self.setRange(limits.low, limits.high)
        self.setKeyboardTracking(False)
        self.setAccessibleName(name)
        self.setFont(number_font())
        self.setButtonSymbols(QDoubleSpinBox.ButtonSymbols.NoButtons)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAlignment(Qt.AlignmentFlag.AlignRight)
        self.valueChanged.connect(self.edited)
        low, high = (
            format_value(limits, each, percent=percent) for each in (limits.low, limits.high)
        )
        self.setToolTip(f"{name}: {low} to {high}. Arrow keys or wheel to step, Shift for fine.")

    def show_value(self, value: float) -> None:
        """Show a value without saying that anybody edited it."""
        if value != self.value():
            with QSignalBlocker(self):
                self.setValue(value)

    def textFromValue(self, value: float) -> str:
        """Write the value with its unit."""
        return format_value(self._limits, value, percent=self._percent)

    def valueFromText(self, text: str) -> float:
        """Read what was typed; nonsense leaves the value as it was."""
        if text == self.textFromValue(self.value()):  # rounded for display, not edited
            return self.value()
        try:
            return self._limits.clamp(parse_value(text, percent=self._percent))
        except ValueError:
            return self.value()

    def validate(self, text: str, position: int) -> tuple[QValidator.State, str, int]:
        """Accept whatever begins with a number."""
        try:
            parse_value(text, percent=self._percent)
        except ValueError:
            return QValidator.State.Intermediate, text, position
        return QValidator.State.Acceptable, text, position

    def fixup(self, text: str) -> str:
        """Replace nonsense by the value in force."""
        return self.textFromValue(self.value())

    def stepBy(self, steps: int) -> None:
        """Step by semitones on a logarithmic range, else by a handy amount."""
        self._step(float(steps))

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Turn the value under the pointer."""
        if not self.hasFocus():
            event.ignore()
            return
        fine = event.modifiers() & _FINE
        # Qt swaps the wheel's axes while Alt is held; take whichever moved.
        turned = event.angleDelta().y() or event.angleDelta().x()
        self._step(turned / 120.0 * (0.1 if fine else 1.0))
        event.accept()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Do what the key says."""
        if event.modifiers() & _FINE and event.key() in (Qt.Key.Key_Up, Qt.Key.Key_Down):
            self._step(0.1 if event.key() == Qt.Key.Key_Up else -0.1)
            event.accept()
            return
        super().keyPressEvent(event)

    def _step(self, steps: float) -> None:
        limits = self._limits
        if limits.logarithmic:
            value = self.value() * 1.05946**steps  # a semitone
        else:
            span = limits.high - limits.low
            value = self.value() + steps * (0.5 if span > 5.0 else 0.05 if span > 0.5 else 0.01)
        self.setValue(limits.clamp(value))


class NumberSlider(QSlider):
    """A slider over a :class:`~engine.mastering.parameters.Range`; double click = default."""

    edited = Signal(float)

    def __init__(
        self,
        limits: Range,
        name: str,
        default: float,
        *,
        percent: bool = False,
        orientation: Qt.Orientation = Qt.Orientation.Horizontal,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(orientation, parent)
        self._limits = limits
        self._default = default
        self.setRange(0, SLIDER_STEPS)
        self.setPageStep(SLIDER_STEPS // 10)
        self.setSingleStep(SLIDER_STEPS // 100)
        self.setAccessibleName(name)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        shown = format_value(limits, default, percent=percent)
        self.setToolTip(f"{name}. Double-click for {shown}.")
        self.valueChanged.connect(self._emit)

    def show_value(self, value: float) -> None:
        """Show a value without saying that anybody edited it."""
        position = round(self._limits.normalise(self._limits.clamp(value)) * SLIDER_STEPS)
        if position != self.value():
            with QSignalBlocker(self):
                self.setValue(position)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Reset what was double-clicked."""
        self.show_value(self._default)
        self.edited.emit(self._default)

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Turn the value under the pointer."""
        if self.hasFocus():
            super().wheelEvent(event)
        else:
            event.ignore()

    def _emit(self, position: int) -> None:
        # exp(log(x)) may end a rounding error beyond the range, which the records refuse.
        self.edited.emit(self._limits.clamp(self._limits.physical(position / SLIDER_STEPS)))


class NumberControl(QWidget):
    """Label, slider and field for one number.

    Parameters
    ----------
    limits
        Range, unit and spacing.
    label
        What stands before the slider.
    default
        What a double click on slider or label sets.
    name
        The accessible name when the label alone is not enough ("Compressor attack").
    percent
        Show a share as per cent.

    Notes
    -----
    ``edited(value)`` carries a person's edits; ``held(True/False)`` says that the slider is being
    dragged, so that the whole drag can be one undo step.
    """

    edited = Signal(float)
    held = Signal(bool)

    def __init__(
        self,
        limits: Range,
        label: str,
        default: float,
        *,
        name: str = "",
        percent: bool = False,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        name = name or label
        self._default = default
        self.label = QLabel(label, self)
        self.label.setProperty("muted", True)
        self.slider = NumberSlider(limits, f"{name} slider", default, percent=percent, parent=self)
        self.field = NumberField(limits, name, percent=percent, parent=self)
        self.field.setFixedWidth(74 if limits.unit != "dBTP" else 84)
        self.label.setBuddy(self.field)
        self.label.installEventFilter(self)
        self.slider.setMinimumWidth(22)
        self.slider.edited.connect(self._from_slider)
        self.field.edited.connect(self._from_field)
        self.slider.sliderPressed.connect(lambda: self.held.emit(True))
        self.slider.sliderReleased.connect(lambda: self.held.emit(False))
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(5)
        row.addWidget(self.label)
        row.addWidget(self.slider, 1)
        row.addWidget(self.field)
        self.show_value(default)

    @property
    def value(self) -> float:
        """The value shown."""
        return self.field.value()

    def show_value(self, value: float) -> None:
        """Show a value without saying that anybody edited it."""
        self.slider.show_value(value)
        self.field.show_value(value)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Watch events of the children."""
        if watched is self.label and event.type() == QEvent.Type.MouseButtonDblClick:
            self.show_value(self._default)
            self.edited.emit(self._default)
            return True
        return super().eventFilter(watched, event)

    def _from_slider(self, value: float) -> None:
        self.field.show_value(value)
        self.edited.emit(value)

    def _from_field(self, value: float) -> None:
        self.slider.show_value(value)
        self.edited.emit(value)


_FINE = Qt.KeyboardModifier.ShiftModifier | Qt.KeyboardModifier.ControlModifier

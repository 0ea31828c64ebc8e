"""Opens the band-usage dialog with its plots, and keeps its list of models up to date."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QWidget

from app.widgets.model_chooser import title_of

if TYPE_CHECKING:
    from app.masters import Masters
    from app.theme import Theme
    from app.widgets.band_usage import BandUsageDialog
    from engine.mastering.usage import BandUsage
    from engine.tasks import Failure


class UsageWindow(QObject):
    """At most one dialog; what it is made of is imported when it is asked for."""

    def __init__(
        self, theme: Theme, masters: Masters, fail: Callable[[Failure], None], parent: QWidget
    ) -> None:
        super().__init__(parent)
        self._theme, self._masters, self._fail = theme, masters, fail
        self._parent = parent
        self.dialog: BandUsageDialog | None = None
        masters.models.changed.connect(self._offer)

    def open(self) -> None:
        """Show the dialog, in front of the others."""
        if self.dialog is None:
            self.dialog = self._make()
            self.dialog.destroyed.connect(self._forget)
            self._offer()
            self._masters.models.refresh()
        self.dialog.show()
        self.dialog.raise_()

    def _make(self) -> BandUsageDialog:
        from app.canvas.bars import BarPlot
        from app.canvas.usage_plots import active_chart, gate_chart
        from app.widgets.band_usage import BandUsageDialog, UsagePlots

        gates = BarPlot(self._theme, "Mean gate per band")
        active = BarPlot(self._theme, "Active bands per track")

        def show(usage: BandUsage) -> None:
            gates.show_chart(gate_chart(usage))
            active.show_chart(active_chart(usage))

        plots = UsagePlots(gates, active, show)
        return BandUsageDialog(self._masters.find_usage, plots, self._fail, self._parent)

    def _offer(self) -> None:
        installed = self._masters.models.installed
        if self.dialog is not None and installed is not None:
            self.dialog.offer([(each.folder.name, title_of(each)) for each in installed.models])

    def _forget(self) -> None:
        self.dialog = None

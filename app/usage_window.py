"""Opens the band-usage dialog with its plots, and keeps its list of models up to date."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QWidget

from app.widgets.model_chooser import title_of

if TYPE_CHECKING:
    from app.panels.base import Services
    from app.widgets.band_usage import BandUsageDialog


class UsageWindow(QObject):
    """At most one dialog; what it is made of is imported when it is asked for."""

    def __init__(self, services: Services, parent: QWidget) -> None:
        super().__init__(parent)
        self._services = services
        self._parent = parent
        self.dialog: BandUsageDialog | None = None
        services.masters.models.changed.connect(self._offer)

    def open(self) -> None:
        """Show the dialog, in front of the others."""
        if self.dialog is None:
            self.dialog = self._make()
            self.dialog.destroyed.connect(self._forget)
            self._offer()
            self._services.masters.models.refresh()
        self.dialog.show()
        self.dialog.raise_()

    def _make(self) -> BandUsageDialog:
        from app.canvas.bars import BarPlot
        from app.canvas.usage_plots import active_chart, gate_chart
        from app.widgets.band_usage import BandUsageDialog, UsagePlots

        services = self._services
        gates = BarPlot(services.theme, "Mean gate per band")
        active = BarPlot(services.theme, "Active bands per track")
        plots = UsagePlots(
            gates,
            active,
            lambda usage: (
                gates.show_chart(gate_chart(usage)),
                active.show_chart(active_chart(usage)),
            ),
        )
        return BandUsageDialog(services.masters.find_usage, plots, services.fail, self._parent)

    def _offer(self) -> None:
        installed = self._services.masters.models.installed
        if self.dialog is not None and installed is not None:
            self.dialog.offer([(each.folder.name, title_of(each)) for each in installed.models])

    def _forget(self) -> None:
        self.dialog = None

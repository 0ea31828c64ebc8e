"""Where the parts of the mastering panel stand, by the room there is."""

from __future__ import annotations

from PySide6.QtWidgets import QGridLayout, QWidget

from app.widgets.band_strip import BandStrip
from app.widgets.mastering_header import PAGES, MasteringHeader
from app.widgets.model_page import ModelPage
from app.widgets.stage_board import StageBoard

WIDE_PIXELS = 1420
SIDE_PIXELS = 530
ANY_PIXELS = 16777215  # Qt's "no limit"
SIDE_PAGES = ("Dynamics", "Model")


class MasteringLayout(QGridLayout):
    """Header above; in a wide panel graph and bands on the left, and a page on the right.

    In a narrow one the bands or a page stand below the graph, or neither, as the header's buttons
    say.
    """

    def __init__(
        self,
        panel: QWidget,
        header: MasteringHeader,
        graph: QWidget,
        strip: BandStrip,
        board: StageBoard,
        model: ModelPage,
    ) -> None:
        super().__init__(panel)
        self._panel, self._header, self._graph = panel, header, graph
        self._strip, self._pages = strip, {"Dynamics": board, "Model": model}
        self._page = "Bands"
        self._wide: bool | None = None
        self.setContentsMargins(8, 8, 8, 8)
        self.setSpacing(6)
        self.addWidget(header, 0, 0, 1, 2)
        self.setRowStretch(1, 1)
        self.setColumnStretch(0, 1)
        header.page_chosen.connect(self.show_page)
        self.arrange()

    def show_page(self, page: str) -> None:
        """Choose one of the header's pages, or none (empty)."""
        self._page = page
        self.arrange()

    def arrange(self) -> None:
        """Follow the width of the panel and the chosen page."""
        wide = self._panel.width() >= WIDE_PIXELS
        if wide is not self._wide:
            self._wide = wide
            for widget in (self._graph, self._strip, *self._pages.values()):
                self.removeWidget(widget)
            self.addWidget(self._graph, 1, 0, 1, 1 if wide else 2)
            self.addWidget(self._strip, 2, 0, 1, 1 if wide else 2)
            for page in self._pages.values():
                self.addWidget(page, *((1, 1, 2, 1) if wide else (3, 0, 1, 2)))
                page.setMinimumWidth(SIDE_PIXELS if wide else 0)
                page.setMaximumWidth(SIDE_PIXELS if wide else ANY_PIXELS)
        shown = self._page
        if wide and shown == "Bands":  # they stand beside the page there
            shown = "Dynamics"
        self._header.show_pages(SIDE_PAGES if wide else PAGES, shown)
        self._strip.setVisible(wide or shown == "Bands")
        for name, page in self._pages.items():
            page.setVisible(name == shown)

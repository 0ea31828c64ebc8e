"""Where the parts of the mastering panel stand, by the room there is."""

from __future__ import annotations

from PySide6.QtWidgets import QGridLayout, QWidget

from app.widgets.band_strip import BandStrip
from app.widgets.mastering_header import MasteringHeader
from app.widgets.stage_board import StageBoard

WIDE_PIXELS = 1400
SIDE_PIXELS = 480
ANY_PIXELS = 16777215  # Qt's "no limit"


class MasteringLayout(QGridLayout):
    """Header above; in a wide panel graph and bands on the left and the stages on the right.

    In a narrow one bands or stages stand below the graph, or neither, as the header's buttons say.
    """

    def __init__(
        self,
        panel: QWidget,
        header: MasteringHeader,
        graph: QWidget,
        strip: BandStrip,
        board: StageBoard,
    ) -> None:
        super().__init__(panel)
        self._panel, self._header, self._graph = panel, header, graph
        self._strip, self._board = strip, board
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
        """Choose what stands below the graph of a narrow panel: "Bands", "Dynamics", or empty."""
        self._page = page
        self.arrange()

    def arrange(self) -> None:
        """Follow the width of the panel and the chosen page."""
        wide = self._panel.width() >= WIDE_PIXELS
        if wide is not self._wide:
            self._wide = wide
            for widget in (self._graph, self._strip, self._board):
                self.removeWidget(widget)
            self.addWidget(self._graph, 1, 0, 1, 1 if wide else 2)
            self.addWidget(self._strip, 2, 0, 1, 1 if wide else 2)
            if wide:
                self.addWidget(self._board, 1, 1, 2, 1)
            else:
                self.addWidget(self._board, 3, 0, 1, 2)
            self._board.setMinimumWidth(SIDE_PIXELS if wide else 0)
            self._board.setMaximumWidth(SIDE_PIXELS if wide else ANY_PIXELS)
        self._header.show_pages(not wide, self._page)
        self._strip.setVisible(wide or self._page == "Bands")
        self._board.setVisible(wide or self._page == "Dynamics")

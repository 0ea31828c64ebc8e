"""The panel every test of this folder works on."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from tests.app.panels.mastering.bench import Bench


@pytest.fixture
def bench(qtbot: QtBot) -> Bench:
    return Bench(qtbot)


@pytest.fixture
def dressed(bench: Bench) -> Iterator[None]:
    """The application in the theme's style sheet, which decides how wide things are."""
    bench.services.theme.apply()
    yield
    app = QApplication.instance()
    assert isinstance(app, QApplication)
    app.setStyleSheet("")

"""Preferences edit a copy: accepted they are given back, cancelled they change nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from PySide6.QtGui import QKeySequence
from PySide6.QtWidgets import QKeySequenceEdit, QPushButton
from pytestqt.qtbot import QtBot

from app.commands import Command, Commands
from app.document.state import NO_MODEL
from app.settings import MasterDefaults, Settings, ThemeChoice
from app.widgets.preferences import CacheView, Preferences

SETTINGS = Settings(
    output_device="Studio",
    latency_ms=40.0,
    theme=ThemeChoice.LIGHT,
    cache_budget_gb=3.5,
    master=MasterDefaults("warm", -16.0, -2.0, 0.8),
)
Open = Callable[..., Preferences]


@pytest.fixture
def commands(qapp: object) -> Commands:
    registry = Commands()
    registry.add(
        [
            Command("a.play", "Play", lambda: None, ("Space",)),
            Command("a.redo", "Redo", lambda: None, ("Ctrl+Shift+Z", "Ctrl+Y")),
            Command("a.loop", "Loop", lambda: None, ("L",)),
        ]
    )
    return registry


@pytest.fixture
def show(qtbot: QtBot, commands: Commands) -> Open:
    def make(settings: Settings = SETTINGS, devices: tuple[str, ...] = ("Laptop",)) -> Preferences:
        cache = CacheView("/where/it/is", lambda: 1_230_000_000, lambda: None)
        dialog = Preferences(settings, commands, list(devices), cache)
        qtbot.addWidget(dialog)
        return dialog

    return make


def key_edit(dialog: Preferences, name: str) -> QKeySequenceEdit:
    return next(
        each
        for each in dialog.findChildren(QKeySequenceEdit)
        if each.accessibleName() == f"Key of {name}"
    )


@pytest.mark.parametrize("settings", [SETTINGS, Settings()])
def test_untouched_they_give_back_what_they_were_given(show: Open, settings: Settings) -> None:
    assert show(settings).edited() == settings


def test_what_was_edited_is_given_back(show: Open) -> None:
    dialog = show()
    dialog._theme.setCurrentText("dark")
    dialog._device.setCurrentText("System default")
    dialog._latency.setValue(100)
    dialog._amount.setValue(120)
    dialog._target.setCurrentIndex(dialog._target.findData("podcast"))
    dialog._model.setCurrentIndex(dialog._model.findData(NO_MODEL))
    dialog._refine.click()
    edited = dialog.edited()
    assert edited == replace(
        SETTINGS,
        theme=ThemeChoice.DARK,
        output_device="",
        latency_ms=100.0,
        master=replace(SETTINGS.master, amount=1.2, target="podcast", model=NO_MODEL, refine=True),
    )


def test_a_device_that_is_unplugged_stays_chosen(show: Open) -> None:
    assert show(devices=()).edited().output_device == "Studio"


def test_a_changed_key_is_the_only_one_that_is_kept(show: Open) -> None:
    dialog = show()
    key_edit(dialog, "Loop").setKeySequence(QKeySequence("Ctrl+K"))
    assert dialog.edited().keys == {"a.loop": "Ctrl+K"}


def test_a_command_can_be_left_without_a_key(show: Open, commands: Commands) -> None:
    dialog = show()
    key_edit(dialog, "Loop").clear()
    assert dialog.edited().keys == {"a.loop": ""}


def test_a_key_that_is_taken_is_said_to_be(show: Open) -> None:
    dialog = show()
    key_edit(dialog, "Loop").setKeySequence(QKeySequence("Ctrl+Y"))
    assert "Redo" in dialog._conflict.text()
    key_edit(dialog, "Loop").setKeySequence(QKeySequence("Ctrl+K"))
    assert dialog._conflict.text() == ""


def test_conflicts_are_found_among_what_stands_in_the_form(show: Open) -> None:
    dialog = show()
    key_edit(dialog, "Play").setKeySequence(QKeySequence("P"))
    key_edit(dialog, "Loop").setKeySequence(QKeySequence("Space"))
    assert dialog._conflict.text() == ""
    key_edit(dialog, "Redo").setKeySequence(QKeySequence("P"))
    assert "Play" in dialog._conflict.text()


def test_all_keys_can_be_taken_back(show: Open) -> None:
    dialog = show(replace(SETTINGS, keys={"a.loop": "Ctrl+K", "a.play": ""}))
    reset = next(b for b in dialog.findChildren(QPushButton) if b.text() == "Reset all keys")
    reset.click()
    assert dialog.edited().keys == {}
    assert key_edit(dialog, "Loop").keySequence().toString() == "L"


def test_the_search_leaves_what_fits(show: Open) -> None:
    dialog = show()
    dialog._filter_keys("lo")
    hidden = [dialog._table.isRowHidden(row) for row in range(3)]
    assert hidden == [True, True, False]

"""Commands are one table; menus, keys, palette and cheat sheet read it."""

from __future__ import annotations

import pytest

from app.commands import Command, Commands
from app.widgets.palette import CommandPalette, match_score
from app.widgets.shortcuts import cheat_sheet_html


@pytest.fixture
def done() -> list[str]:
    return []


@pytest.fixture
def commands(qapp: object, done: list[str]) -> Commands:
    registry = Commands()
    registry.add(
        [
            Command("a.play", "Play", lambda: done.append("play"), ("Space",), "Playback"),
            Command("a.never", "Never", lambda: done.append("never"), (), "", lambda: False),
            Command("a.loop", "Loop <on>", lambda: done.append("loop"), ("L",), "Playback"),
        ]
    )
    return registry


def test_a_command_runs_once_and_only_when_enabled(commands: Commands, done: list[str]) -> None:
    assert commands.run("a.play")
    assert not commands.run("a.never")
    assert done == ["play"]


def test_its_action_runs_it_too(commands: Commands, done: list[str]) -> None:
    commands.action("a.loop").trigger()
    assert done == ["loop"]


def test_an_id_is_registered_once(commands: Commands) -> None:
    with pytest.raises(ValueError, match="twice"):
        commands.add([Command("a.play", "Again", lambda: None)])


def test_the_users_keys_replace_the_commands_own(commands: Commands) -> None:
    commands.set_keys("a.play", ("P",))
    assert commands.keys("a.play") == ("P",)
    assert [key.toString() for key in commands.action("a.play").shortcuts()] == ["P"]


def test_two_commands_with_one_key_are_a_conflict(commands: Commands) -> None:
    assert commands.conflicts() == {}
    commands.set_keys("a.loop", ("Space",))
    assert commands.conflicts() == {"Space": ["a.play", "a.loop"]}


def test_refresh_brings_the_enabled_state_to_the_action(commands: Commands) -> None:
    commands.refresh()
    assert commands.action("a.play").isEnabled()
    assert not commands.action("a.never").isEnabled()


def test_the_cheat_sheet_lists_every_key_and_escapes_titles(commands: Commands) -> None:
    html = cheat_sheet_html(commands)
    assert "Space" in html
    assert "Loop &lt;on&gt;" in html
    assert "Never" not in html


def test_letters_match_in_order_and_word_starts_count_most() -> None:
    assert match_score("xyz", "Play") == 0
    assert match_score("lp", "Play loop") == 0 or match_score("pl", "Play loop") > 0
    assert match_score("pl", "Play loop") > match_score("pl", "apply a lot")
    assert match_score("play", "Play") > match_score("play", "P l a y around")


def test_the_palette_offers_what_can_run_and_runs_it(
    qtbot: object, commands: Commands, done: list[str]
) -> None:
    palette = CommandPalette(commands)
    palette.popup()
    assert set(palette.found()) == {"a.play", "a.loop"}
    palette._query.setText("loop")
    assert palette.found() == ["a.loop"]
    palette._run(palette._list.currentItem())
    assert done == ["loop"]
    assert not palette.isVisible()

"""The window's own commands: preferences at work at once, themes kept, the welcome's tick."""

from __future__ import annotations

from dataclasses import replace

from app import bootstrap
from app.bootstrap import Workbench
from app.settings import SettingsStore, ThemeChoice
from app.widgets.welcome import Welcome


def test_accepted_preferences_are_at_work_at_once_and_kept(bench: Workbench) -> None:
    services = bench.services
    edited = replace(
        services.settings.current,
        theme=ThemeChoice.LIGHT,
        cache_budget_gb=2.0,
        latency_ms=120.0,
        keys={"edit.undo": "Ctrl+U", "a.command.of.another.version": "F12"},
    )
    bench.menus.apply(edited)
    assert not services.theme.tokens.dark
    assert services.cache.budget_bytes == 2_000_000_000
    assert services.player.output == bootstrap.output_of(edited)
    keys = [key.toString() for key in services.commands.action("edit.undo").shortcuts()]
    assert keys == ["Ctrl+U"]
    kept = SettingsStore(services.settings._path).current
    assert kept == edited
    bench.menus.apply(replace(edited, keys={}))
    keys = [key.toString() for key in services.commands.action("edit.undo").shortcuts()]
    assert keys == ["Ctrl+Z"]


def test_a_theme_chosen_in_the_menu_is_kept(bench: Workbench) -> None:
    services = bench.services
    services.commands.run("theme.high_contrast")
    assert services.settings.current.theme is ThemeChoice.HIGH_CONTRAST
    assert services.commands.action("theme.high_contrast").isChecked()
    assert not services.commands.action("theme.light").isChecked()


def test_the_welcome_comes_again_only_where_it_is_asked_for(bench: Workbench) -> None:
    settings = bench.services.settings
    for again in (True, False):
        bench.menus.welcome()
        welcome = bench.window.findChildren(Welcome)[-1]
        welcome.again.setChecked(again)
        welcome.accept()
        bench._keep_layout()
        assert settings.current.first_run is again

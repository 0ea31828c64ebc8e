"""The form of a new training: fields and text say the same, whichever is edited."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtWidgets import QFileDialog
from pytestqt.qtbot import QtBot

from app.widgets.training_form import TrainingForm
from engine.devices import Device
from engine.tasks import Failure
from engine.training.recipe import parse_recipe
from engine.training.shipped import find_recipe, shipped_recipes


@pytest.fixture
def failures() -> list[Failure]:
    return []


@pytest.fixture
def form(qtbot: QtBot, failures: list[Failure]) -> TrainingForm:
    form = TrainingForm(failures.append)
    qtbot.addWidget(form)
    form.show()
    return form


def table(form: TrainingForm) -> dict[str, Any]:
    return tomllib.loads(form.text.toPlainText())


def test_it_begins_with_the_shipped_recipe_for_newcomers(form: TrainingForm) -> None:
    assert form.chooser.currentText() == "mastering-1d"
    assert form.recipe == find_recipe("mastering-1d")
    names = [form.chooser.itemText(row) for row in range(form.chooser.count())]
    assert tuple(names) == shipped_recipes()
    assert form.start.isEnabled() and form.message.isHidden()


@pytest.mark.parametrize("name", shipped_recipes())
def test_every_shipped_recipe_fills_the_fields(form: TrainingForm, name: str) -> None:
    form.chooser.setCurrentText(name)
    form.chooser.activated.emit(form.chooser.currentIndex())
    recipe = find_recipe(name)
    assert form.recipe == recipe
    assert form.steps.value() == recipe.loop.steps
    assert form.batch.value() == recipe.loop.batch_size
    assert float(form.rate.text()) == pytest.approx(recipe.loop.learning_rate, rel=1e-4)
    assert form.name.text() == recipe.name
    assert form.seed.value() == recipe.seed


def test_a_field_changes_its_value_in_the_text_only(form: TrainingForm) -> None:
    before = table(form)
    form.steps.setValue(123)
    after = table(form)
    assert after["loop"].pop("steps") == 123
    before["loop"].pop("steps")
    assert after == before
    assert "#" in form.text.toPlainText(), "comments stay"
    form.text.undo()
    assert form.steps.value() != 123, "an edit can be undone in the text"


def test_an_edited_text_fills_the_fields(form: TrainingForm) -> None:
    form.use('kind = "mastering"\nname = "mine"\n[loop]\nsteps = 7\nlearning_rate = 1e-4\n')
    assert (form.steps.value(), form.name.text(), form.rate.text()) == (7, "mine", "0.0001")


def test_a_rate_is_typed_as_people_type_it(form: TrainingForm) -> None:
    form.rate.setText("5e-4")
    form.rate.editingFinished.emit()
    assert table(form)["loop"]["learning_rate"] == 5e-4
    form.rate.setText("quick")
    form.rate.editingFinished.emit()
    assert form.rate.text() == "0.0005", "nonsense leaves it as it was"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("kind = ", "no TOML"),
        ('kind = "mastering"\nname = "a"\n[loop]\nstep = 1\n', "loop.step"),
        ('kind = "mastering"\nname = "a"\n[loop]\nsteps = 0\n', "a number from 1"),
        ('kind = "mastering"\n', "name"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_can_be_started(
    form: TrainingForm, text: str, words: str
) -> None:
    form.use(text)
    assert words in form.message.text()
    assert not form.start.isEnabled() and form.message.isVisible()
    form.use('kind = "mastering"\nname = "a"\n')
    assert form.start.isEnabled() and form.message.isHidden()


def test_a_text_is_checked_by_its_kind_once_it_rests(form: TrainingForm, qtbot: QtBot) -> None:
    form.steps.setValue(55)
    with qtbot.waitSignal(form.edited, timeout=3000) as waited:
        form.steps.setValue(56)
    assert parse_recipe(waited.args[0]).loop.steps == 56


def test_songs_are_chosen(
    form: TrainingForm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    composed = table(form)["data"]["songs"]
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_arguments: str(tmp_path))
    songs = form.songs
    songs.source.setCurrentIndex(1)
    songs.source.activated.emit(1)
    assert table(form)["data"]["songs"] == composed
    assert table(form)["data"]["folder"] == tmp_path.as_posix()
    songs.source.setCurrentIndex(2)
    songs.source.activated.emit(2)
    assert table(form)["data"]["songs"] == 0
    assert not songs.folder.isHidden() and songs.folder.toolTip() == tmp_path.as_posix()
    songs.source.setCurrentIndex(0)
    songs.source.activated.emit(0)
    assert "folder" not in table(form)["data"] and "songs" not in table(form)["data"]
    assert songs.folder.isHidden()


def test_a_dialog_that_is_left_changes_nothing(
    form: TrainingForm, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = form.text.toPlainText()
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_arguments: "")
    form.songs.source.setCurrentIndex(2)
    form.songs.source.activated.emit(2)
    assert form.text.toPlainText() == before
    assert form.songs.source.currentIndex() == 0


def test_the_cpu_stays_the_choice_and_gpus_limit_the_processes(form: TrainingForm) -> None:
    form.offer_devices(
        (Device("cpu", "x86, 8 cores", 2**34), Device("cuda:0", "A", 2**33), Device("cuda:1", "B"))
    )
    assert form.chosen_device == "cpu"
    assert form.device.itemText(1) == "cuda:0 (A, 8 GB)"
    form.processes.setValue(5)
    form.device.setCurrentIndex(2)
    assert form.chosen_device == "cuda:1"
    assert form.processes.value() == 2, "one for each GPU"


def test_a_copy_is_saved_and_offered(form: TrainingForm, tmp_path: Path) -> None:
    form.steps.setValue(9)
    path = tmp_path / "mine.toml"
    form.save_copy(path)
    assert path.read_text() == form.text.toPlainText()
    assert form.chooser.currentText() == "mine.toml"
    form.chooser.setCurrentIndex(0)
    form.chooser.activated.emit(0)
    form.chooser.setCurrentIndex(form.chooser.findText("mine.toml"))
    form.chooser.activated.emit(form.chooser.currentIndex())
    assert form.steps.value() == 9


def test_a_copy_that_cannot_be_written_is_told(
    form: TrainingForm, tmp_path: Path, failures: list[Failure]
) -> None:
    form.save_copy(tmp_path / "nowhere" / "mine.toml")
    assert "could not be written" in failures[0].what


def test_a_damaged_file_is_told_and_can_be_mended(
    form: TrainingForm, tmp_path: Path, failures: list[Failure]
) -> None:
    path = tmp_path / "bad.toml"
    path.write_text('kind = "mastering"\nname = "a"\n[loop]\nsteps = "many"\n')
    form.load(path)
    assert "loop.steps" in failures[0].what
    assert form.text.toPlainText() == path.read_text()
    assert not form.start.isEnabled()
    failures.clear()
    form.load(tmp_path / "missing.toml")
    assert "There is no recipe" in failures[0].what


def test_only_mastering_has_songs_to_choose(form: TrainingForm) -> None:
    form.use('kind = "denoise"\nname = "a"\n')
    assert form.songs.isHidden()
    form.use('kind = "mastering"\nname = "a"\n')
    assert not form.songs.isHidden()

"""References, the match they make, and the model that is asked."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import QMimeData, QPointF, Qt, QUrl
from PySide6.QtGui import QDropEvent
from PySide6.QtWidgets import QInputDialog, QMessageBox

from app.document.state import AUTO_MODEL, NO_MODEL, Effect, Outcome
from app.models import OwnPreset
from engine.mastering.parameters import Amounts, ChainParameters
from engine.mastering.prediction import Confidence
from tests.app.panels.mastering.bench import FITTED, NOISE, Bench


@pytest.fixture
def songs(tmp_path: Path) -> list[Path]:
    paths = [tmp_path / f"{name}.wav" for name in "abc"]
    for path in paths:
        path.touch()
    return paths


def test_references_are_added_once_and_removed(bench: Bench, tmp_path: Path) -> None:
    song = tmp_path / "reference.wav"
    bench.panel.header.references.added.emit([song, tmp_path / "b.wav"])
    bench.panel.header.references.added.emit([song])
    assert bench.entry.references == (str(song), str(tmp_path / "b.wav"))
    assert not bench.panel.header.target.isEnabled()
    bench.panel.header.references.removed.emit(str(song))
    bench.services.session.undo()
    assert len(bench.entry.references) == 2


def test_references_have_weights_that_a_drag_changes_in_one_step(
    bench: Bench, songs: list[Path]
) -> None:
    references = bench.panel.model.references
    references.added.emit(songs)
    assert bench.entry.weights == (1.0, 1.0, 1.0)
    for value in (900, 600, 250):
        references.rows[1].slider.setValue(value)
    assert bench.entry.weights == (1.0, 0.25, 1.0)
    assert references.rows[1].field.text() == "25 %"
    bench.services.session.undo()
    assert bench.entry.weights == (1.0, 1.0, 1.0)


def test_weights_go_with_their_references(bench: Bench, songs: list[Path]) -> None:
    a, b, c = map(str, songs)
    bench.set(references=(a, b, c), weights=(0.1, 0.2, 0.3))
    references = bench.panel.model.references
    references.rows[2].up.click()
    assert (bench.entry.references, bench.entry.weights) == ((a, c, b), (0.1, 0.3, 0.2))
    assert [row.path.name for row in references.rows] == ["a.wav", "c.wav", "b.wav"]
    assert not references.rows[0].up.isEnabled() and not references.rows[2].down.isEnabled()
    references.rows[0].remove.click()
    assert (bench.entry.references, bench.entry.weights) == ((c, b), (0.3, 0.2))
    references.added.emit([songs[0]])
    assert (bench.entry.references, bench.entry.weights) == ((c, b, a), (0.3, 0.2, 1.0))


def test_references_of_an_older_session_count_alike(bench: Bench, songs: list[Path]) -> None:
    bench.set(references=tuple(map(str, songs)))
    rows = bench.panel.model.references.rows
    assert [row.field.text() for row in rows] == ["100 %"] * 3
    rows[0].field.setValue(0.5)
    assert bench.entry.weights == (0.5, 1.0, 1.0)


def test_a_missing_reference_says_so_and_is_located(bench: Bench, songs: list[Path]) -> None:
    gone = songs[0].with_name("gone.wav")
    bench.set(references=(str(gone), str(songs[1])), weights=(0.4, 1.0))
    row, other = bench.panel.model.references.rows
    assert "missing" in row.name.text()
    assert not row.locate.isHidden() and row.slider.isHidden()
    assert other.locate.isHidden()
    row.located.emit(songs[2])
    assert bench.entry.references == (str(songs[2]), str(songs[1]))
    assert bench.entry.weights == (0.4, 1.0)
    assert bench.panel.model.references.rows[0].locate.isHidden()


def test_a_match_is_saved_under_a_name(
    bench: Bench, songs: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not bench.services.commands.run("master.save_match"), "there is nothing to match"
    bench.set(references=(str(songs[0]),))
    answers = iter([(" My match ", True), ("", True), ("x", False), ("my Match", True)])
    monkeypatch.setattr(QInputDialog, "getText", lambda *_: next(answers))
    save = bench.panel.model.references.save
    save.click()
    save.click()
    save.click()
    assert bench.services.masters.matches == [(bench.clip_id, "My match", False)]
    yes = QMessageBox.StandardButton.Yes
    monkeypatch.setattr(QMessageBox, "question", lambda *_: yes)
    bench.services.masters.models.install(presets=(OwnPreset("My match", "", -12.0, -1.5),))
    save.click()
    assert bench.services.masters.matches[-1] == (bench.clip_id, "My match", True)


def test_a_saved_match_stands_among_the_presets_with_its_delivery(bench: Bench) -> None:
    target = bench.panel.header.target
    built_in = target.count()
    bench.services.masters.models.install(presets=(OwnPreset("Mine", "a.wav", -11.0, -1.5),))
    assert target.count() == built_in + 1
    target.setCurrentIndex(target.findData("Mine"))
    target.activated.emit(target.currentIndex())
    entry = bench.entry
    assert (entry.target, entry.lufs, entry.ceiling_dbtp) == ("Mine", -11.0, -1.5)
    bench.services.masters.models.install()
    assert bench.entry.target == target.currentData() == "Mine", "a preset that went is still said"


def test_a_preset_of_ones_own_is_renamed_and_deleted_from_beside_it(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    header, masters = bench.panel.header, bench.services.masters
    masters.models.install(presets=(OwnPreset("Mine", "a.wav", -11.0, -1.5),))
    assert header.preset.isHidden(), "a built-in preset stays"
    assert not bench.services.commands.run("master.rename_preset")
    bench.set(target="Mine")
    assert not header.preset.isHidden()
    answers = iter([("Ours ", True), ("Mine", True), ("x", False)])
    monkeypatch.setattr(QInputDialog, "getText", lambda *_, **__: next(answers))
    for _ in range(3):
        header.preset.rename.trigger()
    assert masters.renamed == [("Mine", "Ours")]
    buttons = iter([QMessageBox.StandardButton.No, QMessageBox.StandardButton.Yes])
    monkeypatch.setattr(QMessageBox, "question", lambda *_: next(buttons))
    header.preset.delete.trigger()
    assert masters.deleted == []
    assert bench.services.commands.run("master.delete_preset")
    assert masters.deleted == ["Mine"]
    masters.models.install()
    assert header.preset.isHidden(), "what is gone cannot be renamed"


def test_the_model_is_chosen_and_the_choice_explains_itself(bench: Bench) -> None:
    chooser = bench.panel.header.model
    why = bench.panel.model.answer.why
    assert chooser.currentText() == "Automatic"
    bench.services.masters.models.install("small", "large")
    assert [chooser.itemData(row) for row in range(chooser.count())] == [
        AUTO_MODEL,
        "small",
        "large",
        NO_MODEL,
    ]
    assert chooser.itemText(1) == "small (1D)"
    assert "best installed model listens to the recording" in why.text()
    chooser.setCurrentIndex(1)
    chooser.activated.emit(1)
    assert bench.entry.model == "small"
    assert "“small” listens" in why.text()
    chooser.setCurrentIndex(3)
    chooser.activated.emit(3)
    assert bench.entry.model == NO_MODEL
    assert "fitted to the preset" in why.text()
    assert not bench.panel.model.answer.refine.isEnabled()
    bench.services.session.undo()
    assert chooser.currentData() == "small"


def test_a_model_that_went_is_said_to_be_missing(bench: Bench) -> None:
    bench.set(model="gone")
    bench.services.masters.models.install("small")
    chooser = bench.panel.header.model
    assert chooser.currentText() == "gone (not installed)"
    assert "not installed" in chooser.toolTip()
    bench.services.masters.models.install()
    bench.set(model=AUTO_MODEL)
    assert "No model is installed" in chooser.toolTip()


def test_refining_is_a_choice_of_the_clip(bench: Bench) -> None:
    bench.panel.model.answer.refine.click()
    assert bench.entry.refine
    assert "goes on from there" in bench.panel.header.model.toolTip()


def test_the_answer_says_who_how_sure_and_what_was_left_alone(bench: Bench) -> None:
    outcome = Outcome("small", "1D", "ab", Confidence(0.82, 0.3, 0.0), referenced=True)
    bench.set(parameters=FITTED, outcome=outcome)
    answer = bench.panel.model.answer
    assert answer.who.text() == "small (1D), heard the references"
    assert [answer.meters[stage].value() for stage in ("tone", "dynamics", "width")] == [82, 30, 0]
    assert answer.numbers["tone"].text() == "82 %"
    assert answer.why.text().startswith("Leaves width as it is")


def test_a_model_that_abstains_says_so(bench: Bench) -> None:
    bench.set(parameters=FITTED, outcome=Outcome("small", "1D", "ab", Confidence()))
    assert bench.panel.model.answer.why.text().startswith("Leaves it as it is:")


def test_a_model_that_changes_nothing_says_so_however_sure_it_is(bench: Bench) -> None:
    flat = ChainParameters()
    outcome = Outcome("small", "1D", "ab", Confidence(0.9, 0.9, 0.9))
    bench.set(parameters=flat, fitted=flat, outcome=outcome)
    assert "heard nothing to correct" in bench.panel.model.answer.why.text()


def test_dropped_tracks_join_the_list(bench: Bench, songs: list[Path]) -> None:
    references = bench.panel.model.references
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path)) for path in (*songs[:2], songs[0].parent)])
    event = QDropEvent(
        QPointF(5, 5),
        Qt.DropAction.CopyAction,
        data,
        Qt.MouseButton.LeftButton,
        Qt.KeyboardModifier.NoModifier,
    )
    references.dropEvent(event)
    assert bench.entry.references == (str(songs[0]), str(songs[1])), "a folder is no track"


def test_the_fit_without_a_model_says_why(bench: Bench) -> None:
    reason = "No model is installed. The chain is fitted to the target."
    bench.set(parameters=FITTED, outcome=Outcome(explanation=(("model", reason),)))
    answer = bench.panel.model.answer
    assert answer.who.text() == "No model answered"
    assert answer.why.text() == reason
    assert answer.numbers["tone"].text() == "–" and not answer.meters["tone"].isEnabled()


def test_each_stage_says_what_it_did_until_the_numbers_change(bench: Bench) -> None:
    effects = (
        Effect("tone", (("curve RMS", 1.8, "dB"), ("bands", 2.0, ""))),
        Effect("dynamics", (("mean gain", -0.84, "dB"),)),
        Effect("saturation"),
        Effect("width", (("side over mid", 0.9, "dB"),)),
    )
    bench.set(parameters=FITTED, outcome=Outcome(effects=effects), rendering_key="key")
    labels, boxes = bench.panel.model.amounts.effects, bench.panel.board.boxes
    assert labels["tone"].text() == "curve RMS 1.8 dB"
    assert "bands 2" in labels["tone"].toolTip()
    assert labels["saturation"].text() == "no change"
    assert boxes["compressor"].effect.text() == "mean gain −0.8 dB"
    assert boxes["imager"].effect.text() == "side over mid +0.9 dB"
    assert boxes["saturator"].effect.text() == "", "a stage that does nothing says nothing"
    bench.panel.edits.change_entry({"amounts": Amounts(tone=0.5)})
    assert labels["tone"].text() == boxes["compressor"].effect.text() == ""
    bench.services.session.undo()
    assert labels["tone"].text() == "curve RMS 1.8 dB"


def test_an_album_needs_two_clips_and_no_running_job(bench: Bench) -> None:
    commands, masters = bench.services.commands, bench.services.masters
    assert not commands.run("master.album")
    bench.services.open_clip(NOISE, name="two.wav")
    assert commands.run("master.album")
    assert masters.albums == 1
    masters.master(bench.clip_id)
    assert commands.run("master.album")
    assert "being mastered" in bench.services.said[-1]

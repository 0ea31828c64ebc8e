from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.document import store
from app.document.autosave import Autosave
from app.document.journal import Journal, Moment, apply, decode_line, difference, encode_line
from app.document.recovery import Recovery
from app.document.serial import from_dict, to_dict
from app.document.session import Session
from app.document.state import ClipEntry, SessionState
from engine.mastering.parameters import ChainParameters

EDITOR = """
import sys
from dataclasses import replace
from pathlib import Path
from PySide6.QtCore import QCoreApplication, QTimer
from app.document.autosave import Autosave
from app.document.session import Session
from app.document.state import ClipEntry

application = QCoreApplication([])
session = Session()
autosave = Autosave(session, Path(sys.argv[1]), snapshot_interval_ms=20)
session.edit("Open", session.state.with_clips(ClipEntry("c", "c", Path("/c.wav"), "h", 8000, 1, 9)))
number = 0

def edit():
    global number
    number += 1
    session.edit("Loop", replace(session.state, loop=(0, number)), merge="loop")
    autosave.flush()
    print(number, flush=True)

timer = QTimer()
timer.timeout.connect(edit)
timer.start(1)
application.exec()
"""


@pytest.fixture
def editor(tmp_path):
    """A process that edits without pause; gives (process, recovery root)."""
    process = subprocess.Popen(
        [sys.executable, "-c", EDITOR, str(tmp_path / "recovery")],
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).resolve().parents[3],
    )
    yield process, tmp_path / "recovery"
    if process.poll() is None:
        process.kill()
    process.wait()
    process.stdout.close()


@pytest.mark.parametrize("edits", [1, 7, 150])
def test_a_killed_editor_loses_no_finished_edit(editor, edits):
    process, root = editor
    for _ in range(edits):
        process.stdout.readline()
    process.send_signal(signal.SIGKILL)
    last = [int(line) for line in process.stdout.read().split()] or [edits]
    process.wait()
    recovery = Recovery.find(root)
    assert recovery is not None
    assert recovery.state.loop[1] >= last[-1]
    assert [clip.path for clip in recovery.state.clips] == [Path("/c.wav")]
    assert recovery.path is None
    assert time.time() - recovery.written_at < 60
    recovery.discard()
    assert Recovery.find(root) is None


def test_a_living_window_keeps_its_journal(editor):
    process, root = editor
    process.stdout.readline()
    assert Recovery.find(root) is None
    assert process.poll() is None
    assert len(list(root.iterdir())) == 1
    before = int(process.stdout.readline())
    process.kill()
    process.wait()
    recovery = Recovery.find(root)
    assert recovery is not None and recovery.state.loop[1] >= before


def test_a_find_is_offered_to_one_window_only(editor):
    process, root = editor
    process.stdout.readline()
    process.kill()
    process.wait()
    first = Recovery.find(root)
    assert first is not None
    assert Recovery.find(root) is None
    first.lock.unlock()  # as when that window dies before it decides
    assert Recovery.find(root) is not None


@pytest.fixture
def session(qapp):
    return Session()


def abandon(autosave: Autosave) -> None:
    """Leave the folder as a kill would, from inside this process."""
    autosave.flush()
    for timer in autosave._timers:
        timer.stop()
    autosave._writer.shutdown()
    autosave._lock.unlock()


def edit(session: Session, stop_frame: int) -> None:
    session.edit("Loop", replace(session.state, loop=(0, stop_frame)))


def test_an_orderly_end_leaves_nothing_and_says_nothing(session, tmp_path, qtlog):
    autosave = Autosave(session, tmp_path)
    edit(session, 1)
    autosave.close()
    assert list(tmp_path.iterdir()) == [] and qtlog.records == []


def test_a_saved_session_is_not_offered(session, tmp_path):
    autosave = Autosave(session, tmp_path / "r")
    edit(session, 1)
    store.save(session.state, tmp_path / "s.abench")
    session.mark_saved(tmp_path / "s.abench")
    abandon(autosave)
    assert Recovery.find(tmp_path / "r") is None
    assert list((tmp_path / "r").iterdir()) == []


def test_edits_after_a_save_are_offered_with_their_file(session, tmp_path):
    autosave = Autosave(session, tmp_path / "r")
    session.mark_saved(tmp_path / "s.abench")
    edit(session, 8)
    abandon(autosave)
    recovery = Recovery.find(tmp_path / "r")
    assert recovery is not None and recovery.complete
    assert recovery.path == tmp_path / "s.abench" and recovery.state.loop == (0, 8)


def test_undo_is_journalled_too(session, tmp_path):
    autosave = Autosave(session, tmp_path)
    edit(session, 8)
    edit(session, 9)
    session.undo()
    abandon(autosave)
    recovery = Recovery.find(tmp_path)
    assert recovery is not None and recovery.state.loop == (0, 8)


def test_a_torn_last_line_falls_back_to_the_line_before(session, tmp_path):
    autosave = Autosave(session, tmp_path)
    edit(session, 8)
    edit(session, 9)
    abandon(autosave)
    journal = autosave.folder / "journal-000001.jsonl"
    journal.write_bytes(journal.read_bytes()[:-5])
    recovery = Recovery.find(tmp_path)
    assert recovery is not None and not recovery.complete
    assert recovery.state.loop == (0, 8)


def test_a_flipped_byte_in_the_journal_falls_back_to_what_was_before(session, tmp_path):
    autosave = Autosave(session, tmp_path)
    edit(session, 8)
    autosave.snapshot()
    edit(session, 9)
    abandon(autosave)
    journal = autosave.folder / "journal-000002.jsonl"
    data = bytearray(journal.read_bytes())
    data[-20] ^= 1
    journal.write_bytes(data)
    recovery = Recovery.find(tmp_path)
    assert recovery is not None and not recovery.complete
    assert recovery.state.loop == (0, 8)


def test_a_damaged_snapshot_is_rebuilt_from_the_one_before(session, tmp_path):
    autosave = Autosave(session, tmp_path)
    edit(session, 8)
    autosave.snapshot()
    edit(session, 9)
    abandon(autosave)
    (autosave.folder / "snapshot-000002.json").write_text("rubbish")
    recovery = Recovery.find(tmp_path)
    assert recovery is not None and recovery.complete
    assert recovery.state.loop == (0, 9)


def test_without_any_snapshot_the_saved_file_is_offered(session, tmp_path):
    edit(session, 5)
    saved = session.state
    store.save(saved, tmp_path / "s.abench")
    session.mark_saved(tmp_path / "s.abench")
    autosave = Autosave(session, tmp_path / "r")
    edit(session, 6)
    abandon(autosave)
    (autosave.folder / "snapshot-000001.json").write_text("rubbish")
    recovery = Recovery.find(tmp_path / "r")
    assert recovery is not None and not recovery.complete
    assert (recovery.state, recovery.path) == (saved, tmp_path / "s.abench")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=80)
@given(
    damage=st.integers(0, 10_000),
    byte=st.integers(0, 255),
    name=st.sampled_from(["snapshot-000002.json", "journal-000002.jsonl"]),
)
def test_no_damage_to_one_file_invents_a_state(damage, byte, name, tmp_path_factory):
    folder = tmp_path_factory.mktemp("damage") / "window"
    folder.mkdir()
    journal = Journal(folder)
    states = [SessionState(loop=(0, n)) for n in range(1, 7)]
    for state in states[:3]:
        (journal.append if journal.writing else journal.snapshot)(Moment(state, None, True))
    for state in states[2:]:
        move = journal.snapshot if state is states[2] else journal.append
        move(Moment(state, None, True))
    journal.close()
    path = folder / name
    data = bytearray(path.read_bytes()) if path.exists() else bytearray(b"?")
    data[damage % len(data)] = byte
    path.write_bytes(data)
    recovery = Recovery.find(folder.parent)
    assert recovery is not None
    assert recovery.state in states[2:]
    recovery.lock.unlock()


def test_only_the_newest_generations_are_kept(tmp_path):
    journal = Journal(tmp_path)
    for number in range(1, 9):
        journal.snapshot(Moment(SessionState(loop=(0, number))))
    journal.snapshot(Moment(SessionState(loop=(0, 8))))
    journal.close()
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "journal-000007.jsonl",
        "journal-000008.jsonl",
        "snapshot-000007.json",
        "snapshot-000008.json",
    ]


def test_a_full_disk_is_told_once_and_forgiven(session, tmp_path, monkeypatch, qtbot):
    autosave = Autosave(session, tmp_path)
    autosave.flush()
    told = []
    autosave.troubled.connect(told.append)

    def full_disk(self: Journal, record: object) -> None:
        self._close_file()
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Journal, "_write", full_disk)
        edit(session, 1)
        edit(session, 2)
        autosave.snapshot()
        autosave.flush()
    qtbot.waitUntil(lambda: bool(told))
    assert len(told) == 1 and "No space left" in str(told[0])
    autosave.snapshot()
    edit(session, 3)
    abandon(autosave)
    recovery = Recovery.find(tmp_path)
    assert recovery is not None and recovery.state.loop == (0, 3)


def test_a_folder_that_cannot_be_made_is_told(session, tmp_path, qtbot):
    (tmp_path / "root").write_text("a file is in the way")
    autosave = Autosave(session, tmp_path / "root")
    with qtbot.waitSignal(autosave.troubled):
        pass
    autosave.close()


clips = st.builds(
    lambda number, rate: ClipEntry(str(number), f"n{number}", Path("/x"), "h", rate, 2, 9),
    st.integers(0, 4),
    st.integers(1, 3),
)
states = st.builds(
    lambda clips, loop, layout, fitted: (
        SessionState(
            clips=tuple({clip.id: clip for clip in clips}.values()),
            loop=(0, loop) if loop else None,
            layout=layout,
            extra={"note": layout},
        )
        .with_current(clips[0].id if clips else None)
        .with_mastering("0", parameters=ChainParameters() if fitted else None)
    ),
    st.lists(clips, max_size=4),
    st.integers(0, 3),
    st.sampled_from(["Analyse", "Master"]),
    st.booleans(),
)


@given(states, states)
def test_applying_a_difference_gives_the_later_state(before, after):
    document = apply(to_dict(before), decode_line(encode_line(difference(before, after))))
    assert from_dict(document) == after


def test_a_difference_holds_what_changed_and_nothing_else():
    clip = ClipEntry("a", "a", Path("/x"), "h", 8000, 2, 9)
    state = SessionState().with_clips(clip, replace(clip, id="b"))
    assert difference(state, state) == {}
    assert difference(state, replace(state, layout="Listen")) == {"layout": "Listen"}
    moved = difference(state, state.with_mastering("b", lufs=-9.0))
    assert [data["id"] for data in moved.pop("clips")] == ["b"] and moved == {}


def test_killed_by_its_parent_is_how_the_kernel_tells_it(editor):
    # The tests above are worth nothing if the child ends in an orderly way.
    process, _root = editor
    process.stdout.readline()
    os.kill(process.pid, signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL

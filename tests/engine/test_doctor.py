from __future__ import annotations

import json
import sys
from importlib.metadata import PackageNotFoundError

import pytest

import engine.doctor as module
from engine.cli import run
from engine.doctor import Finding, Status, ask_child, compare_versions, examine, healthy
from engine.tasks import Cancelled, Context


@pytest.fixture
def fast(monkeypatch):
    """Only checks that need no child process."""
    names = ("Python", "Packages", "Display", "Cache")
    monkeypatch.setattr(module, "CHECKS", [c for c in module.CHECKS if c[0] in names])


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("AUDIOBENCH_HOME", str(tmp_path))
    return tmp_path


def found(name: str, findings: list[Finding]) -> Finding:
    return next(finding for finding in findings if finding.name.startswith(name))


def test_this_machine_can_run_audiobench():
    findings = examine(None, Context())
    missing = [finding for finding in findings if finding.status is Status.MISSING]
    assert missing == [] and healthy(findings)
    names = {finding.name for finding in findings}
    assert {"Python", "Packages", "torch", "Device cpu", "FFmpeg", "PortAudio", "Cache"} <= names
    assert all(finding.remedy for finding in findings if finding.status is not Status.OK)


def test_a_broken_check_does_not_hide_the_others(monkeypatch):
    def broken() -> list[Finding]:
        raise RuntimeError("boom")

    monkeypatch.setattr(module, "CHECKS", [("Broken", broken), module.CHECKS[0]])
    broken_finding, python = examine(None, Context())
    assert broken_finding.status is Status.MISSING and "boom" in broken_finding.detail
    assert python.status is Status.OK


def test_a_doctor_can_be_cancelled():
    context = Context()
    context.cancel_event.set()
    with pytest.raises(Cancelled):
        examine(None, context)


def test_versions_are_compared_with_their_pins():
    there = {"same": "1.2", "local": "2.0+cpu", "other": "3.1"}

    def installed(name: str) -> str:
        if name not in there:
            raise PackageNotFoundError(name)
        return there[name]

    requirements = ["same==1.2", "local==2.0", "other==3.0", "gone==1", "free>=2", "x==1; extra"]
    assert compare_versions(requirements, installed) == [
        ("other", "3.0", "3.1"),
        ("gone", "1", None),
    ]


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("import os; os.kill(os.getpid(), 11)", "crashed with signal 11"),
        ("import time; time.sleep(60)", "no answer after"),
        ("raise RuntimeError('no driver')", "RuntimeError: no driver"),
        ("import sys; sys.exit(4)", "ended with code 4"),
        ("print('hello')", "gave no answer"),
        ("", "gave no answer"),
        ("print('[1]')", "gave no answer"),
    ],
)
def test_a_child_that_crashes_hangs_or_lies_is_an_answer(code, words):
    assert words in ask_child(code, timeout_s=1.0)["error"]


def test_a_child_answers_in_its_last_line():
    assert ask_child("print('noise'); print('{\"a\": 1}')") == {"a": 1}


@pytest.mark.parametrize(
    ("source", "status", "words"),
    [
        (None, Status.OPTIONAL, "not installed"),
        ("class FrameProcessor: pass", Status.OK, "pytrac"),
        ("class TracClient: pass", Status.OPTIONAL, "client for Trac tickets"),
        ("import os; os.abort()", Status.OPTIONAL, "crashed with signal 6"),
    ],
)
def test_the_real_pytrac_is_told_from_its_namesake(source, status, words, tmp_path, monkeypatch):
    if source is not None:
        package = tmp_path / "pytrac"
        package.mkdir()
        (package / "__init__.py").write_text(source)
        monkeypatch.syspath_prepend(str(tmp_path))
        monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    (finding,) = module._pytrac()
    assert finding.status is status and words in finding.detail
    assert "pytrac" not in sys.modules
    assert status is Status.OK or "github.com/aynik/pytrac" in finding.remedy


def test_a_missing_portaudio_is_told_with_the_way_to_it(monkeypatch):
    monkeypatch.setattr(
        module, "ask_child", lambda code, timeout_s=0: {"error": "OSError: PortAudio not found"}
    )
    (finding,) = module._portaudio()
    assert finding.status is Status.OPTIONAL and "libportaudio2" in finding.remedy


def test_a_missing_gpu_is_optional(monkeypatch):
    answer = {
        "version": "2.11.0",
        "cuda": None,
        "devices": [{"id": "cpu", "name": "x", "memory_bytes": 0}],
    }
    monkeypatch.setattr(module, "ask_child", lambda code: answer)
    findings = module._torch()
    assert found("GPU", findings).status is Status.OPTIONAL and healthy(findings)


def test_a_broken_torch_is_missing(monkeypatch):
    monkeypatch.setattr(module, "ask_child", lambda code: {"error": "crashed with signal 11"})
    assert not healthy(module._torch())


def test_the_cache_is_counted_where_it_lies(home):
    (home / "cache" / "ab").mkdir(parents=True)
    (home / "cache" / "ab" / "x.f32").write_bytes(bytes(3_000_000))
    (finding,) = module._cache()
    assert f"{home / 'cache'}: 3.0 MB in 1 files" in finding.detail


def test_the_command_prints_findings_and_says_the_verdict(fast, home, capsys):
    assert run(["doctor"]) == 0
    assert "Everything needed is here." in capsys.readouterr().out
    assert run(["doctor", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["healthy"] and document["findings"][0]["name"] == "Python"


def test_a_missing_thing_makes_the_command_fail(monkeypatch, capsys):
    gone = Finding("Thing", Status.MISSING, "gone", "Get it back.")
    monkeypatch.setattr(module, "CHECKS", [("Thing", lambda: [gone])])
    assert run(["doctor"]) == 1
    assert "Thing: Get it back." in capsys.readouterr().out

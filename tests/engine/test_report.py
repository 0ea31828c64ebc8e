"""The report says what was measured, as JSON and as a page that stands alone."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
import torch

from engine.audio.store import StoreWriter
from engine.cache import Cache
from engine.mastering.master import MasterResult, MasterSpec, master
from engine.mastering.parameters import Amounts, Band, BandKind, ChainParameters, Limiter
from engine.mastering.prediction import Confidence, Prediction
from engine.report import as_dict, to_html, to_json, write_report
from engine.tasks import Failure

torch.set_num_threads(1)

RATE = 22050
BANDS = (Band(BandKind.BELL, 700.0, -3.0, 1.2), Band(BandKind.HIGH_SHELF, 8000.0, 2.5))


def mastered(folder: Path, level: float) -> MasterResult:
    cache = Cache(folder, 1 << 28)
    noise = level * np.random.default_rng(0).standard_normal((2, 2 * RATE))
    with StoreWriter(cache, f"noise{round(1000 * level)}", RATE, 2) as writer:
        writer.append(noise)
        audio = writer.finish()
    chain = ChainParameters(bands=BANDS, limiter=Limiter(1.0))
    return master(MasterSpec(audio, cache, parameters=chain))


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> MasterResult:
    return mastered(tmp_path_factory.mktemp("cache"), 0.1)


class Page(HTMLParser):
    """Tags that are open, and everything the page would load."""

    VOID = frozenset({"meta", "line", "path", "link", "img", "br"})

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.loads: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.loads += [value or "" for name, value in attrs if name in ("src", "href")]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.loads += [value or "" for name, value in attrs if name in ("src", "href")]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_json_carries_the_measured_values(result: MasterResult) -> None:
    document = json.loads(to_json(result))
    assert document["after"]["integrated_lufs"] == result.after.integrated_lufs
    assert document["bands_used"] == 2
    assert ChainParameters.from_dict(document["applied"]) == result.applied
    assert len(document["balance_after"]["levels_db"]) == len(result.balance_after.frequencies_hz)


def test_silence_makes_valid_json(tmp_path: Path) -> None:
    text = to_json(mastered(tmp_path, 0.0))
    assert json.loads(text)["before"]["integrated_lufs"] is None
    assert "Infinity" not in text and "NaN" not in text


def test_the_page_is_well_formed_and_loads_nothing(result: MasterResult) -> None:
    page = Page()
    page.feed(to_html(result))
    assert page.open == []
    assert page.loads == []
    assert "url(" not in to_html(result) and "@import" not in to_html(result)


def test_the_page_shows_loudness_bands_and_both_themes(result: MasterResult) -> None:
    html = to_html(result)
    assert f"{result.after.integrated_lufs:.1f}".replace("-", "−") in html
    assert "high shelf" in html and "8000" in html and "−3.0" in html
    assert "prefers-color-scheme: dark" in html


def test_curves_stay_inside_their_axes(result: MasterResult) -> None:
    paths = re.findall(r'<path class="curve \w+" d="([^"]+)"', to_html(result))
    assert len(paths) == 3
    for path in paths:
        points = np.array([float(number) for number in re.findall(r"[\d.]+", path)]).reshape(-1, 2)
        assert points[:, 0].min() >= 44.0 and points[:, 0].max() <= 684.0
        assert points[:, 1].min() >= 10.0 and points[:, 1].max() <= 230.0
        assert (np.diff(points[:, 0]) > 0.0).all()


def test_the_page_of_silence_can_be_made(tmp_path: Path) -> None:
    html = to_html(mastered(tmp_path, 0.0))
    assert "−∞" in html
    assert 'role="note"' in html


def test_a_change_that_rounds_to_nothing_has_no_minus(result: MasterResult) -> None:
    level = result.before.true_peak_dbtp
    after = replace(result.after, true_peak_dbtp=level - 0.01)
    assert "−0.0" not in to_html(replace(result, after=after))


def test_names_are_shown_as_text_and_not_as_markup(result: MasterResult) -> None:
    html = to_html(replace(result, name="<script>alert(1)</script>"))
    assert "<script>" not in html
    assert "&lt;script&gt;" in html


def predicted(result: MasterResult) -> MasterResult:
    confidence = Confidence(tone=0.62, dynamics=0.0, width=1.0)
    prediction = Prediction("house", "1D", "a" * 64, result.parameters, confidence, True, 9)
    gated = replace(result.applied, bands=(replace(BANDS[0], gate=0.75), BANDS[1]))
    return replace(result, prediction=prediction, applied=gated)


def test_the_model_s_answer_is_shown_with_confidence_and_gates(result: MasterResult) -> None:
    assert "What the model said" not in to_html(result)
    html = to_html(predicted(result))
    page = Page()
    page.feed(html)
    assert page.open == [] and page.loads == []
    assert "house (1D), 9 windows heard, with a reference" in html
    assert "62 %" in html and "75 %" in html and "100 %" in html
    document = json.loads(to_json(predicted(result)))
    assert document["prediction"]["confidence"] == {"tone": 0.62, "dynamics": 0.0, "width": 1.0}
    assert document["prediction"]["model_hash"] == "a" * 64


def test_what_each_stage_did_is_shown(result: MasterResult) -> None:
    html = to_html(result)
    stages = [effect.stage for effect in result.effects]
    assert stages == [
        *("tone", "residual", "dynamics", "saturation", "width", "limiter", "loudness"),
    ]
    assert "largest band (700 Hz) −3.0 dB" in html and "no change" in html
    effects = json.loads(to_json(result))["effects"]
    assert [effect["stage"] for effect in effects] == stages
    assert effects[0]["measures"][1]["value"] == -3.0


def test_amounts_that_are_not_whole_are_shown(result: MasterResult) -> None:
    assert "amount" not in to_html(result).split("</p>")[0]
    html = to_html(replace(result, amounts=Amounts(overall=0.8, width=0.0)))
    assert "amount 80 %, width 0 %" in html


@pytest.mark.parametrize("name", ["report.json", "report.html", "REPORT.HTML"])
def test_the_suffix_chooses_the_form(result: MasterResult, tmp_path: Path, name: str) -> None:
    text = write_report(result, tmp_path / name).read_text(encoding="utf-8")
    assert text.startswith("{" if name.endswith("json") else "<!doctype html>")


def test_other_forms_and_places_are_refused(result: MasterResult, tmp_path: Path) -> None:
    with pytest.raises(Failure, match="JSON or HTML"):
        write_report(result, tmp_path / "report.pdf")
    with pytest.raises(Failure, match="could not be written"):
        write_report(result, tmp_path / "no such folder" / "report.json")


def test_as_dict_holds_plain_values_only(result: MasterResult) -> None:
    def plain(value: object) -> bool:
        if isinstance(value, dict):
            return all(isinstance(key, str) and plain(item) for key, item in value.items())
        if isinstance(value, list):
            return all(plain(item) for item in value)
        return value is None or isinstance(value, str | int | float | bool)

    assert plain(as_dict(result))

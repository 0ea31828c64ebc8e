from __future__ import annotations

import csv
import json
from html.parser import HTMLParser
from pathlib import Path

import pytest

from engine.mastering.data.degradation import Kind, Tier
from engine.mastering.evaluate.cases import Listening
from engine.mastering.evaluate.report import (
    as_dict,
    bar_rows,
    group_rows,
    row_file,
    tables,
    to_html,
    write_report,
)
from engine.mastering.evaluate.suite import Evaluation, Row, SuiteSettings
from engine.mastering.evaluate.summary import bars, groups
from engine.tasks import Failure


def made_up() -> Evaluation:
    rows = []
    for index in range(5):
        for method, error in (("identity", 2.0 + 0.1 * index), ("fit <b>", 0.5 * index)):
            rows.append(
                Row(
                    method,
                    f"song {index}",
                    Kind.EQ,
                    Tier.MILD,
                    Listening.SAME_SONG,
                    0,
                    eq_error_db=error,
                    snr_db=float("-inf"),
                )
            )
    rows.append(
        Row("fit <b>", "bad", Kind.GAIN, Tier.MILD, Listening.NONE, 0, error="no <i>luck</i>")
    )
    skipped = {"short": "“short” is too short."}
    return Evaluation(SuiteSettings(), tuple(rows), ("song 0",), skipped)


class Page(HTMLParser):
    """Tags that are open, and all text; fails on a tag that closes what is not open."""

    VOID = ("meta", "line", "rect", "circle", "br")

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[str] = []
        self.words: list[str] = []
        self.boxes: list[dict[str, str | None]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs) -> None:
        self.seen.append(tag)
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs) -> None:
        if tag == "rect":
            self.boxes.append(dict(attrs))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def test_the_page_is_well_formed_and_needs_nothing_else() -> None:
    text = to_html(made_up())
    page = Page(text)
    assert not page.open
    assert not {"script", "link", "img", "b", "i"} & set(page.seen)
    assert "http" not in text.replace("http-equiv", "")


def test_the_page_says_what_was_measured_what_failed_and_who_was_left_out() -> None:
    words = " ".join(Page(to_html(made_up())).words)
    for text in ("fit <b>", "no <i>luck</i>", "“short” is too short.", "Equalizer error", "2.20"):
        assert text in words


def test_boxes_lie_where_the_figures_say() -> None:
    page = Page(to_html(made_up()))
    (table,) = tables(groups(made_up().rows))
    assert table.reach == pytest.approx(2.36)
    lines = {line.group.method: line for line in table.lines}
    box = lines["fit <b>"].box
    # 0, 0.5, 1, 1.5, 2 of 2.36 dB on a drawing 300 wide.
    assert box.low == pytest.approx(0.2 / 2.36 * 300, abs=0.06)
    assert box.high == pytest.approx(1.8 / 2.36 * 300, abs=0.06)
    assert box.median == box.mean == pytest.approx(1.0 / 2.36 * 300, abs=0.06)
    assert [float(each["x"]) for each in page.boxes] == [
        lines[name].box.low for name in ("identity", "fit <b>")
    ]


def test_json_has_everything_and_null_for_what_does_not_exist(tmp_path: Path) -> None:
    path = tmp_path / "eval.json"
    write_report(made_up(), path)
    document = json.loads(path.read_text())
    assert document == as_dict(made_up())
    assert document["rows"][0]["snr_db"] is None
    assert document["settings"]["repeats"] == 1
    assert document["skipped"] == {"short": "“short” is too short."}
    assert {"bars", "groups", "songs"} <= set(document)


def test_csv_has_one_line_for_each_row(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    write_report(made_up(), path)
    with path.open(newline="") as file:
        lines = list(csv.DictReader(file))
    assert len(lines) == len(made_up().rows)
    assert lines[1]["method"] == "fit <b>"
    assert float(lines[0]["eq_error_db"]) == 2.0
    assert lines[0]["width_error_db"] == ""


def test_rows_are_on_the_disk_before_the_file_is_closed(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    with row_file(path) as file:
        file.write(made_up().rows[0])
        assert len(path.read_text().splitlines()) == 2


@pytest.mark.parametrize("name", ["eval.pdf", "eval"])
def test_another_suffix_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(Failure, match=r"\.html"):
        write_report(made_up(), tmp_path / name)


@pytest.mark.parametrize("name", ["eval.html", "eval.json", "rows.csv"])
def test_a_missing_folder_is_said(tmp_path: Path, name: str) -> None:
    with pytest.raises(Failure, match="could not be written"):
        write_report(made_up(), tmp_path / "nowhere" / name)


def test_text_tables_have_one_line_for_each_group_with_a_value() -> None:
    found = groups(made_up().rows)
    lines = group_rows(found, "eq_error_db")
    assert [line[3] for line in lines] == ["Method", "identity", "fit <b>"]
    assert lines[2][4:] == ("5", "1.00", "0.20", "1.00", "1.80", "100%", "0%")
    assert len({len(line) for line in lines}) == 1
    said = bar_rows(bars(made_up().rows))
    assert said[1][0] == "5" and said[1][-1] == "met"
    assert said[2][-1] == "–"

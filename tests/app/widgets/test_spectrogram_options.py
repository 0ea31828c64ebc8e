import pytest

from app.settings import SpectrogramDefaults
from app.widgets.spectrogram_options import (
    LEAST_RANGE_DB,
    OptionChoices,
    SpectrogramOptions,
    SpectrogramOptionsBox,
    from_defaults,
    to_defaults,
)

CHOICES = OptionChoices(("hann", "kaiser"), ("magma", "grey"), ("linear", "log", "mel"))


@pytest.fixture
def box(qtbot):
    box = SpectrogramOptionsBox(CHOICES, SpectrogramOptions())
    qtbot.addWidget(box)
    box.heard = []
    box.edited.connect(box.heard.append)
    return box


def test_a_choice_is_told(box):
    box._boxes["window"].setCurrentText("kaiser")
    assert [options.window for options in box.heard] == ["kaiser"]


def test_another_size_keeps_the_overlap(box):
    box._boxes["size"].setCurrentText("8192")
    assert (box.options.size, box.options.hop) == (8192, 2048)


def test_the_overlap_sets_the_hop(box):
    box._boxes["overlap"].setCurrentText("87.5 %")
    assert (box.options.size, box.options.hop) == (2048, 256)


def test_the_range_is_never_empty(box):
    box._low.setValue(0)
    assert box.options.high_db - box.options.low_db >= LEAST_RANGE_DB
    box._high.setValue(-140)
    assert box.options.high_db - box.options.low_db >= LEAST_RANGE_DB
    assert (box._low.value(), box._high.value()) == (box.options.low_db, box.options.high_db)


def test_a_channel_that_is_gone_falls_back(box):
    box.set_choices("channel", ("mix", "side", "left", "right"))
    box._boxes["channel"].setCurrentText("right")
    box.set_choices("channel", ("mix",))
    assert box.options.channel == "mix"
    assert box.heard[-1].channel == "mix"


def test_what_is_remembered_comes_back():
    options = SpectrogramOptions("kaiser", 4096, 512, "grey", "log", -90.0, -5.0)
    assert from_defaults(to_defaults(options), CHOICES) == options


def test_impossible_memories_become_possible():
    odd = SpectrogramDefaults("triangle", 3000, 9999, -20.0, -80.0, "rainbow", "bark")
    options = from_defaults(odd, CHOICES)
    assert (options.window, options.size, options.colors) == ("hann", 2048, "magma")
    assert 128 <= options.hop <= 1024
    assert options.high_db >= options.low_db + LEAST_RANGE_DB

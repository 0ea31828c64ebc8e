import pytest

from app.canvas.tilesource import channel_names, channel_of


def test_channels_can_be_looked_at_one_by_one():
    assert channel_names(1) == ("mix",)
    assert channel_names(2) == ("mix", "side", "left", "right")
    assert channel_names(6) == ("mix", "1", "2", "3", "4", "5", "6")


@pytest.mark.parametrize(
    ("name", "channels", "channel"),
    [
        ("mix", 2, "mix"),
        ("side", 2, "side"),
        ("left", 2, 0),
        ("right", 2, 1),
        ("5", 6, 4),
        ("side", 6, "mix"),
        ("right", 1, "mix"),
    ],
)
def test_a_name_stands_for_its_channel(name, channels, channel):
    assert channel_of(name, channels) == channel

"""The record of the chain's numbers and its JSON form."""

from __future__ import annotations

import json
from dataclasses import asdict, fields
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.mastering.parameters import (
    MAX_BANDS,
    Band,
    BandKind,
    ChainParameters,
    Compressor,
    Imager,
    Limiter,
    Saturator,
)
from engine.mastering.ranges import PARAM_RANGES
from engine.tasks import Failure

RECORDS: dict[str, type[Any]] = {
    "band": Band,
    "compressor": Compressor,
    "saturator": Saturator,
    "imager": Imager,
    "limiter": Limiter,
}


def records(name: str) -> st.SearchStrategy[Any]:
    """Any record of a stage whose numbers lie in their ranges."""
    numbers: dict[str, st.SearchStrategy[Any]] = {"enabled": st.booleans()}
    for item in fields(RECORDS[name]):
        if limits := PARAM_RANGES.get(f"{name}.{item.name}"):
            numbers[item.name] = st.floats(limits.low, limits.high)
    if name == "band":
        numbers["kind"] = st.sampled_from(BandKind)
    return st.builds(RECORDS[name], **numbers)


chains = st.builds(
    ChainParameters,
    bands=st.lists(records("band"), max_size=MAX_BANDS).map(tuple),
    compressor=records("compressor"),
    saturator=records("saturator"),
    imager=records("imager"),
    limiter=records("limiter"),
)


def broken(path: str, value: Any) -> str:
    """The JSON of the defaults with one value replaced; ``path`` is ``stage.field``."""
    data = ChainParameters().to_dict()
    stage, _, name = path.partition(".")
    if not name:
        data[stage] = value
    elif stage == "bands":
        data["bands"][0][name] = value
    else:
        data[stage][name] = value
    return json.dumps(data)


def test_every_number_has_a_range_that_holds_its_default() -> None:
    for name, record in RECORDS.items():
        for key, value in asdict(record()).items():
            if key not in ("kind", "enabled"):
                limits = PARAM_RANGES[f"{name}.{key}"]
                assert limits.low <= value <= limits.high


@given(st.sampled_from(sorted(PARAM_RANGES)), st.floats(0.0, 1.0))
def test_normalising_undoes_making_physical(name: str, position: float) -> None:
    limits = PARAM_RANGES[name]
    value = limits.physical(position)
    assert limits.clamp(value) == pytest.approx(value)
    assert limits.normalise(value) == pytest.approx(position, abs=1e-9)


@given(chains)
def test_json_keeps_every_number_exactly(parameters: ChainParameters) -> None:
    assert ChainParameters.from_json(parameters.to_json()) == parameters
    assert ChainParameters.from_dict(parameters.to_dict()) == parameters


@pytest.mark.parametrize(
    "text",
    [
        "",
        "null",
        "[]",
        "{}",
        "[" * 100000,
        "9" * 5000,
        broken("bands", None),
        broken("bands", 3),
        broken("bands", [[]]),
        broken("bands", [{}] * (MAX_BANDS + 1)),
        broken("bands.kind", "wiggle"),
        broken("bands.frequency_hz", 0.0),
        broken("bands.q", float("nan")),
        broken("bands.gain_db", float("inf")),
        broken("bands.gate", 1.0001),
        broken("bands.colour", 1.0),
        broken("compressor", []),
        broken("compressor", ""),
        broken("compressor.ratio", "3"),
        broken("compressor.ratio", None),
        broken("compressor.ratio", True),
        broken("compressor.enabled", "false"),
        broken("saturator.drive_db", 10**400),
        broken("limiter.ceiling_dbtp", 1.0),
    ],
    ids=lambda text: text[:40],
)
def test_what_is_no_record_is_refused(text: str) -> None:
    with pytest.raises(Failure):
        ChainParameters.from_json(text)


def test_a_missing_number_takes_its_default() -> None:
    data = ChainParameters().to_dict()
    del data["limiter"]["release_ms"]
    assert ChainParameters.from_dict(data) == ChainParameters()


@given(chains)
def test_amount_one_changes_nothing_and_amount_zero_leaves_the_limiter(
    parameters: ChainParameters,
) -> None:
    assert parameters.scaled(1.0) == parameters
    nothing = parameters.scaled(0.0)
    assert nothing.limiter == parameters.limiter
    assert not any(band.active for band in nothing.bands)
    assert not (nothing.compressor.active or nothing.saturator.active or nothing.imager.active)


@given(chains, st.floats(0.0, 1.5))
def test_any_amount_stays_in_range(parameters: ChainParameters, amount: float) -> None:
    assert ChainParameters.from_json(parameters.scaled(amount).to_json())


@given(records("band"), st.floats(0.0, 1.0))
def test_amount_scales_gain_in_decibels(band: Band, amount: float) -> None:
    scaled = ChainParameters((band,)).scaled(amount).bands[0]
    assert scaled.effective_gain_db == pytest.approx(band.effective_gain_db * amount)


@pytest.mark.parametrize(
    ("record", "active"),
    [
        (Band(gain_db=3.0), True),
        (Band(), False),
        (Band(gain_db=3.0, gate=0.0), False),
        (Band(gain_db=3.0, enabled=False), False),
        (Band(BandKind.LOW_PASS), True),
        (Band(BandKind.LOW_PASS, gate=0.0), False),
        (Compressor(), False),
        (Compressor(ratio=2.0), True),
        (Compressor(makeup_db=1.0), True),
        (Compressor(ratio=2.0, enabled=False), False),
        (Saturator(), False),
        (Saturator(6.0), True),
        (Saturator(6.0, 0.0), False),
        (Imager(), False),
        (Imager(1.1), True),
        (Imager(mono_below_hz=80.0), True),
        (Imager(1.1, enabled=False), False),
    ],
    ids=str,
)
def test_active_means_that_the_sound_changes(record: Any, active: bool) -> None:
    assert record.active is active


def test_with_band_changes_one_band_of_a_copy() -> None:
    before = ChainParameters()
    after = before.with_band(3, gain_db=2.0)
    assert after.bands[3].gain_db == 2.0
    assert after.bands[:3] + after.bands[4:] == before.bands[:3] + before.bands[4:]
    assert before == ChainParameters()

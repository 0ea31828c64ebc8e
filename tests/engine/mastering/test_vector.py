"""The chain's numbers as a vector, and back."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.mastering.parameters import (
    Band,
    BandKind,
    ChainParameters,
    Compressor,
    Imager,
    Limiter,
    Multiband,
    Residual,
    Saturator,
)
from engine.mastering.ranges import PARAM_RANGES
from engine.mastering.vector import from_vector, names, ranges, to_vector


def record(build: type, name: str, **others: st.SearchStrategy) -> st.SearchStrategy:
    numbers = {
        path.split(".")[1]: st.floats(limits.low, limits.high)
        for path, limits in PARAM_RANGES.items()
        if path.startswith(f"{name}.")
    }
    return st.builds(build, **numbers, **others)


compressors = record(Compressor, "compressor", enabled=st.booleans())
chains = st.builds(
    ChainParameters,
    bands=st.lists(
        record(Band, "band", kind=st.sampled_from(BandKind), enabled=st.booleans()), max_size=10
    ).map(tuple),
    residual=record(Residual, "residual", model=st.text(max_size=3)),
    compressor=compressors,
    multiband=record(Multiband, "multiband", low=compressors, mid=compressors, high=compressors),
    saturator=record(Saturator, "saturator"),
    imager=record(Imager, "imager"),
    limiter=record(Limiter, "limiter"),
)


@given(chains)
@settings(max_examples=60, deadline=None)
def test_there_and_back_gives_every_number_to_12_digits(parameters: ChainParameters) -> None:
    vector = to_vector(parameters)
    assert ((vector >= 0.0) & (vector <= 1.0)).all()
    again = from_vector(vector, parameters)
    np.testing.assert_allclose(to_vector(again), vector, rtol=0.0, atol=1e-12)
    # What is no number is untouched, and the record is one that JSON accepts.
    assert [band.kind for band in again.bands] == [band.kind for band in parameters.bands]
    assert again.multiband.mid.enabled == parameters.multiband.mid.enabled
    assert again.residual.model == parameters.residual.model
    assert ChainParameters.from_json(again.to_json()) == again


def test_there_and_back_gives_every_physical_value_to_12_digits() -> None:
    parameters = ChainParameters(
        compressor=Compressor(-17.3, 0.37, 3.3, 333.0, 5.5, 1.5),
        multiband=Multiband(133.0, 3456.0, mid=Compressor(-33.0, 2.2)),
        limiter=Limiter(4.56, -0.7, 1.9, 77.0),
    )
    again = from_vector(to_vector(parameters), parameters)
    assert again.compressor.ratio == pytest.approx(0.37, rel=1e-12)
    assert again.multiband.high_hz == pytest.approx(3456.0, rel=1e-12)
    assert again.multiband.mid.ratio == pytest.approx(2.2, rel=1e-12)
    assert again.bands[3].frequency_hz == pytest.approx(320.0, rel=1e-12)
    assert again.limiter.release_ms == pytest.approx(77.0, rel=1e-12)


def test_every_number_has_a_name_of_its_own() -> None:
    parameters = ChainParameters()
    listed = names(parameters)
    assert len(set(listed)) == len(listed) == len(to_vector(parameters)) == len(ranges(parameters))
    # Ten bands of four numbers, four compressors of seven, and what the other stages have.
    assert len(listed) == 10 * 4 + 1 + 4 * 7 + 2 + 2 + 2 + 4
    assert {"bands.9.q", "multiband.low.ratio", "residual.amount", "limiter.gain_db"} <= set(listed)


@pytest.mark.parametrize(
    ("name", "position", "value"),
    [
        ("bands.0.frequency_hz", 0.5, (20.0 * 20000.0) ** 0.5),
        ("bands.2.gain_db", 0.5, 0.0),
        ("compressor.ratio", 0.0, 0.25),
        ("multiband.low_hz", 1.0, 500.0),
        ("imager.width", 0.75, 1.5),
    ],
)
def test_a_position_is_what_its_range_says(name: str, position: float, value: float) -> None:
    like = ChainParameters()
    vector = to_vector(like)
    vector[names(like).index(name)] = position
    found = from_vector(vector, like)
    for part in name.split("."):
        found = found[int(part)] if part.isdigit() else getattr(found, part)
    assert found == pytest.approx(value, rel=1e-12, abs=1e-12)


def test_positions_outside_end_at_the_limits() -> None:
    like = ChainParameters()
    lowest, highest = from_vector(np.full(79, -3.0), like), from_vector(np.full(79, 3.0), like)
    ratios = (lowest.compressor.ratio, highest.compressor.ratio)
    assert ratios == pytest.approx((0.25, 20.0), rel=1e-12)
    assert (lowest.bands[4].gain_db, highest.bands[4].gain_db) == (-12.0, 12.0)


@pytest.mark.parametrize("vector", [np.zeros(3), np.zeros((79, 1)), np.full(79, np.nan)])
def test_what_is_no_such_vector_is_refused(vector: np.ndarray) -> None:
    with pytest.raises(ValueError, match="vector"):
        from_vector(vector, ChainParameters())


def test_fewer_bands_make_a_shorter_vector() -> None:
    few = replace(ChainParameters(), bands=(Band(),))
    assert len(to_vector(few)) == len(to_vector(ChainParameters())) - 36

from __future__ import annotations

import errno

import pytest

from engine.failures import as_failure, is_out_of_memory
from engine.tasks import Failure


class OutOfMemoryError(RuntimeError):
    """As torch names its own."""


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB"),
        RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried"),
        RuntimeError("CUDA error: out of memory"),
    ],
)
def test_memory_that_ran_out_is_recognised(error):
    assert is_out_of_memory(error)
    assert "memory" in as_failure(error).what


@pytest.mark.parametrize(
    "error", [RuntimeError("shapes differ"), ValueError("out of memory"), KeyError("x")]
)
def test_other_errors_are_not_taken_for_memory(error):
    assert not is_out_of_memory(error)


def test_torchs_own_class_is_recognised():
    import torch

    assert is_out_of_memory(torch.OutOfMemoryError("no"))


def test_a_real_cpu_allocation_that_cannot_be_met_is_recognised():
    import torch

    with pytest.raises(RuntimeError) as caught:
        torch.empty(2**60, dtype=torch.uint8)
    assert is_out_of_memory(caught.value)


def test_a_failure_stays_the_same_object():
    failure = Failure("No.")
    assert as_failure(failure) is failure


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.ENOSPC, "disk is full"),
        (errno.EACCES, "permission"),
        (errno.EROFS, "read-only"),
        (errno.ENOENT, "moved, renamed or deleted"),
        (errno.EIO, "Input/output error"),
    ],
)
def test_disk_errors_say_what_to_do(number, words):
    import os

    failure = as_failure(OSError(number, os.strerror(number), "/music/a.wav"))
    assert "/music/a.wav" in failure.what and words in failure.why and failure.remedy


def test_an_unexpected_error_is_named():
    failure = as_failure(ZeroDivisionError("division by zero"))
    assert "ZeroDivisionError: division by zero" in failure.why and failure.remedy
    assert as_failure(AssertionError()).why == "AssertionError."

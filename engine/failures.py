"""Any exception -> a Failure a user can read."""

from __future__ import annotations

import errno

from engine.tasks import Failure

_OUT_OF_MEMORY_TEXTS = ("out of memory", "can't allocate memory", "not enough memory")
_DISK_ERRORS = {
    errno.ENOSPC: ("The disk is full.", "Free some space or choose another folder."),
    errno.EDQUOT: ("The disk quota is used up.", "Free some space or choose another folder."),
    errno.EROFS: ("The disk is read-only.", "Choose another folder."),
    errno.EACCES: ("The permission is missing.", "Choose another folder or change its rights."),
    errno.EPERM: ("The permission is missing.", "Choose another folder or change its rights."),
}


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an exception means that main or device memory ran out.

    torch raises its own class on a GPU and a plain ``RuntimeError`` on the CPU; both are known by
    name and text, so that torch need not be imported to ask.
    """
    if isinstance(error, MemoryError):
        return True
    if any(kind.__name__ == "OutOfMemoryError" for kind in type(error).__mro__):
        return True
    text = str(error).lower()
    return isinstance(error, RuntimeError) and any(part in text for part in _OUT_OF_MEMORY_TEXTS)


def as_failure(error: BaseException) -> Failure:
    """The failure a user is told about when ``error`` was raised; a Failure is returned as is."""
    if isinstance(error, Failure):
        return error
    if is_out_of_memory(error):
        return Failure(
            "The task ran out of memory.",
            "The audio or the model needs more memory than is free.",
            "Close other programs or work on a shorter part.",
        )
    if isinstance(error, OSError):
        return _from_os_error(error)
    detail = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    return Failure(
        "The task stopped on an unexpected error.",
        f"{detail}.",
        "This is a fault of audiobench; the log has the details a report needs.",
    )


def _from_os_error(error: OSError) -> Failure:
    where = f" ({error.filename})" if error.filename else ""
    if error.errno in _DISK_ERRORS:
        why, remedy = _DISK_ERRORS[error.errno]
        return Failure(f"A file could not be written or read{where}.", why, remedy)
    if isinstance(error, FileNotFoundError):
        return Failure(
            f"A file is missing{where}.",
            "It was moved, renamed or deleted.",
            "Check the path and try again.",
        )
    return Failure(
        f"A file could not be written or read{where}.",
        f"{error.strerror or error}.",
        "Check the path and the disk, then try again.",
    )

"""Batches: computed ahead by threads, handed out in order."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as NotYet
from types import TracebackType
from typing import Any

WAIT_S = 0.05
AHEAD = 2


class Batches:
    """Batch after batch; which worker computed one makes no difference.

    Parameters
    ----------
    make
        Batch of a number; called by several threads at once if there are workers.
    stop
        Number after the last batch.
    workers
        Threads; 0 computes each batch when it is asked for.
    """

    def __init__(self, make: Callable[[int], Any], stop: int, workers: int) -> None:
        self._make = make
        self._stop = stop
        self._ahead = AHEAD * workers
        self._pool = ThreadPoolExecutor(workers, "batches") if workers else None
        self._coming: dict[int, Future[Any]] = {}

    def get(self, number: int, checkpoint: Callable[[], None]) -> Any:
        """The batch ``number``; while it waits it calls ``checkpoint``, which may raise."""
        if self._pool is None:
            return self._make(number)
        for ahead in range(number, min(number + self._ahead, self._stop)):
            if ahead not in self._coming:
                self._coming[ahead] = self._pool.submit(self._make, ahead)
        future = self._coming[number]
        while True:
            try:
                result = future.result(WAIT_S)
            except NotYet:
                if future.done():  # the batch itself raised this
                    raise
                checkpoint()
            else:
                del self._coming[number]
                return result

    def __enter__(self) -> Batches:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)

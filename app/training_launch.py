"""Launch: how the window started a training, kept in the run folder so that it can go on later."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from engine.atomic import write_text

FILE = "window.json"


@dataclass(frozen=True, slots=True)
class Launch:
    """Device and processes of a training.

    ``owed`` says that the window began it and has not ended it: where no window trains it any
    more, one was closed or died meanwhile, and going on is offered.
    """

    device: str = "cpu"
    processes: int = 1
    owed: bool = False

    def write(self, run: Path) -> None:
        """Keep it in the run folder."""
        write_text(run / FILE, json.dumps(asdict(self)))

    @classmethod
    def read(cls, run: Path) -> Launch:
        """What is kept there; the defaults where there is nothing, or nothing of use."""
        try:
            values = json.loads((run / FILE).read_text(encoding="utf-8"))
            launch = cls(str(values["device"]), int(values["processes"]), bool(values["owed"]))
        except (OSError, ValueError, KeyError, TypeError):
            return cls()
        return launch if launch.processes >= 1 else cls()

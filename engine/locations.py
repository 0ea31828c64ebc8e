"""Where a user's files lie."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import platformdirs

HOME_VARIABLE = "AUDIOBENCH_HOME"


@dataclass(frozen=True, slots=True)
class Locations:
    """Folders for settings, cache and data; all below ``AUDIOBENCH_HOME`` where that is set."""

    config: Path
    cache: Path
    data: Path

    @classmethod
    def standard(cls) -> Locations:
        """The places the operating system means for them."""
        if home := os.environ.get(HOME_VARIABLE):
            root = Path(home).expanduser().absolute()
            return cls(root / "config", root / "cache", root / "data")
        dirs = platformdirs.PlatformDirs("audiobench", appauthor=False)
        return cls(dirs.user_config_path, dirs.user_cache_path, dirs.user_data_path)

    @property
    def settings(self) -> Path:
        """The settings file."""
        return self.config / "settings.json"

    @property
    def recovery(self) -> Path:
        """Journals of running and killed windows."""
        return self.data / "recovery"

    @property
    def logs(self) -> Path:
        """Crash logs."""
        return self.data / "logs"

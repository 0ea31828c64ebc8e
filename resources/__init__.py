"""Icons, presets, templates and the demo, made by this project's own scripts.

Read through :func:`text` and :func:`stems`, which work from an installed package too.
"""

from __future__ import annotations

from importlib.resources import files


def text(*parts: str) -> str:
    """The UTF-8 text of the resource at ``parts``, folder names first."""
    return files(__name__).joinpath(*parts).read_text(encoding="utf-8")


def stems(folder: str, suffix: str) -> list[str]:
    """Names without ``suffix`` of the files in ``folder`` that end in it, sorted."""
    names = [entry.name for entry in files(__name__).joinpath(folder).iterdir()]
    return sorted(name.removesuffix(suffix) for name in names if name.endswith(suffix))

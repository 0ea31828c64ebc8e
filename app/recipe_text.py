"""Single values changed in the text of a recipe, so that comments and order stay."""

from __future__ import annotations

import json
import re

Value = int | float | str | bool


def set_value(text: str, table: str, key: str, value: Value | None) -> str:
    """The text with another value of one key; what is missing is added, None takes it away.

    Parameters
    ----------
    text
        TOML whose tables stand under headers of their own, ``[loop]``.
    table
        Name of the table; empty for the top.
    key
        A bare key.
    value
        What it shall be.
    """
    lines = text.splitlines()
    start, stop = _span(lines, table)
    if start is None:
        if value is None:
            return text
        lines += ["", f"[{table}]", f"{key} = {_written(value)}"]
        return "\n".join(lines) + "\n"
    pattern = re.compile(rf"\s*{re.escape(key)}\s*=")
    for index in range(start, stop):
        if pattern.match(lines[index]):
            if value is None:
                del lines[index]
            else:
                lines[index] = f"{key} = {_written(value)}{_comment(lines[index])}"
            return "\n".join(lines) + "\n"
    if value is None:
        return text
    at = stop
    while at > start and not lines[at - 1].strip():
        at -= 1
    lines.insert(at, f"{key} = {_written(value)}")
    return "\n".join(lines) + "\n"


def _span(lines: list[str], table: str) -> tuple[int | None, int]:
    """Lines of a table without its header; (None, ...) where there is none."""
    headers = [index for index, line in enumerate(lines) if line.lstrip().startswith("[")]
    if not table:
        return 0, headers[0] if headers else len(lines)
    for number, index in enumerate(headers):
        if re.match(rf"\s*\[\s*{re.escape(table)}\s*\]", lines[index]):
            following = headers[number + 1 :]
            return index + 1, following[0] if following else len(lines)
    return None, len(lines)


def _written(value: Value) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)  # a TOML basic string is written the same way
    return repr(value)


def _comment(line: str) -> str:
    """What stands after a value, with the space before it; a # inside quotes is no comment."""
    outside = re.sub(r'"(?:\\.|[^"\\])*"|\'[^\']*\'', lambda found: "x" * len(found[0]), line)
    match = re.search(r"\s*#.*$", outside)
    return line[match.start() :] if match else ""

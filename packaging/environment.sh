#!/usr/bin/env bash
# Make or refresh .venv from pyproject.toml and the constraints. Usage: environment.sh run|test
set -eu
cd "$(dirname "$0")/.."

extra=""
[ "${1:-run}" = test ] && extra="[dev]"
stamp=".venv/.installed-${1:-run}"
wanted=$(cat pyproject.toml packaging/constraints.txt | cksum)
[ -f "$stamp" ] && [ "$(cat "$stamp")" = "$wanted" ] && exit 0

if [ ! -x .venv/bin/python ]; then
  python=""
  for candidate in "${PYTHON:-}" python3.13 python3.12 python3.11 python3; do
    [ -n "$candidate" ] && command -v "$candidate" >/dev/null || continue
    if "$candidate" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))'; then
      python=$candidate
      break
    fi
  done
  if [ -z "$python" ]; then
    echo "audiobench: needs Python 3.11, 3.12 or 3.13; none was found. Install one, or say PYTHON=/path/to/python make run" >&2
    exit 1
  fi
  echo "audiobench: making .venv with $($python --version)"
  "$python" -m venv .venv
fi
echo "audiobench: installing pinned packages (the first time takes a few minutes; torch is large)"
.venv/bin/python -m pip install --quiet --disable-pip-version-check -c packaging/constraints.txt -e ".$extra"
# Else the first window would compile for its first ten seconds; it does so itself if this fails.
echo "audiobench: compiling the audio kernels (about ten seconds, once)"
.venv/bin/python -m engine.warmup > /dev/null 2>&1 || true
printf '%s\n' "$wanted" > "$stamp"

#!/usr/bin/env bash
# Install what the system lacks, or print the one line to type. Usage: system.sh run|test
set -u

wanted_for_run="libportaudio2 libegl1 libgl1 libxkbcommon-x11-0 libdbus-1-3 libfontconfig1 fonts-dejavu-core \
libxcb-cursor0 libxcb-icccm4 libxcb-image0 libxcb-keysyms1 libxcb-randr0 libxcb-render-util0 libxcb-shape0 \
libxcb-xinerama0 libxcb-xkb1"
wanted_for_test="xvfb xauth xdotool pulseaudio pulseaudio-utils libasound2-plugins ffmpeg"

wanted=$wanted_for_run
[ "${1:-run}" = test ] && wanted="$wanted_for_run $wanted_for_test"

[ "$(uname -s)" = Linux ] || exit 0   # on macOS and Windows the wheels carry what they need

if ! command -v dpkg-query >/dev/null; then
  python3 - <<'PY' || echo "audiobench: sound needs PortAudio; install it with your package manager (Fedora: sudo dnf install portaudio; Arch: sudo pacman -S portaudio)"
import ctypes.util, sys
sys.exit(0 if ctypes.util.find_library("portaudio") else 1)
PY
  exit 0
fi

missing=""
for package in $wanted; do
  dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q "ok installed" || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

as_root=""
if [ "$(id -u)" != 0 ]; then
  if command -v sudo >/dev/null && sudo -n true 2>/dev/null; then
    as_root="sudo"
  else
    echo "audiobench: some system packages are missing. Type this once:"
    echo "  sudo apt-get install -y --no-install-recommends$missing"
    exit 0
  fi
fi
echo "audiobench: installing system packages:$missing"
export DEBIAN_FRONTEND=noninteractive
$as_root apt-get update -qq
# shellcheck disable=SC2086
$as_root apt-get install -y -qq --no-install-recommends $missing >/dev/null \
  || echo "audiobench: apt could not install all of them; what needs them will say so"
exit 0

"""A sound device of our own: a PulseAudio null sink whose monitor is recorded bit for bit."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PySide6.QtCore import QCoreApplication

from app.audio.devices import Output
from app.audio.player import Player, Slot
from engine.audio.store import StoredAudio

RATE = 48000
SINK = f"module-null-sink sink_name=bench rate={RATE} channels=2 format=float32le norewinds=1"

RECORD = "parec --device=bench.monitor --format=float32le --channels=2 --raw --latency-msec=10"


def wait_until(condition: Callable[[], object], seconds: float = 5.0) -> None:
    """Let Qt work until the condition holds; fails when it never does."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        QCoreApplication.processEvents()
        time.sleep(0.002)


def let_seconds_pass(seconds: float) -> None:
    """Let Qt work for a while."""
    end = time.monotonic() + seconds
    wait_until(lambda: time.monotonic() >= end, seconds + 1)


@pytest.fixture
def wait_for() -> Callable[..., None]:
    """Let Qt work until a condition holds."""
    return wait_until


@pytest.fixture
def let_pass() -> Callable[[float], None]:
    """Let Qt work for some seconds."""
    return let_seconds_pass


@dataclass
class Recorder:
    """A running recording of what the sink played."""

    process: subprocess.Popen[bytes]
    path: Path

    def stop(self) -> NDArray[np.float32]:
        """End the recording; float32 ``[frames, 2]``."""
        time.sleep(0.2)
        self.process.terminate()
        self.process.wait(5)
        data = self.path.read_bytes()
        return np.frombuffer(data[: len(data) // 8 * 8], np.float32).reshape(-1, 2)

    @property
    def frames(self) -> int:
        """Frames recorded up to now."""
        return self.path.stat().st_size // 8


@dataclass
class SoundServer:
    """The daemon with its null sink."""

    folder: Path
    recorders: list[Recorder] = field(default_factory=list)

    def control(self, *words: str) -> str:
        """Run a pactl command."""
        done = subprocess.run(["pactl", *words], capture_output=True, text=True, timeout=10)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def plug(self) -> None:
        """Bring the sink (back)."""
        self.control("load-module", *SINK.split())
        self.control("set-default-sink", "bench")

    def unplug(self) -> None:
        """Take the sink away as if a cable were pulled."""
        for line in self.control("list", "short", "modules").splitlines():
            if "module-null-sink" in line:
                self.control("unload-module", line.split()[0])

    def record(self) -> Recorder:
        """Start to record; returns when the recording runs."""
        path = self.folder / f"recording{len(self.recorders)}.raw"
        with path.open("wb") as file:
            process = subprocess.Popen(
                [*RECORD.split(), f"--rate={RATE}"],
                stdout=file,
            )
        recorder = Recorder(process, path)
        self.recorders.append(recorder)
        wait_until(lambda: recorder.frames > 0)
        return recorder


@pytest.fixture(scope="session")
def sound_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SoundServer]:
    """A private PulseAudio daemon that every child process plays to by default."""
    for program in ("pulseaudio", "pactl", "parec"):
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not installed")
    folder = tmp_path_factory.mktemp("sound")
    for name in ("run", "state"):
        (folder / name).mkdir(mode=0o700)
    (folder / "asound.conf").write_text(
        "pcm.!default { type pulse }\nctl.!default { type pulse }\n"
    )
    (folder / "client.conf").write_text("autospawn = no\nenable-shm = no\nenable-memfd = no\n")
    environment = {
        "PULSE_RUNTIME_PATH": str(folder / "run"),
        "PULSE_STATE_PATH": str(folder / "state"),
        "PULSE_SERVER": f"unix:{folder}/run/native",
        "PULSE_COOKIE": str(folder / "run" / "cookie"),
        "PULSE_CLIENTCONFIG": str(folder / "client.conf"),
        "ALSA_CONFIG_PATH": f"/usr/share/alsa/alsa.conf:{folder}/asound.conf",
    }
    patch = pytest.MonkeyPatch()
    for name, value in environment.items():
        patch.setenv(name, value)
    try:
        import sounddevice  # noqa: F401 - only to see whether PortAudio is there
    except OSError:
        patch.undo()
        pytest.skip("PortAudio is not installed")
    options = (
        "-n --daemonize=no --use-pid-file=no --exit-idle-time=-1 "
        "--realtime=yes --high-priority=yes "
        f"--disable-shm=yes --enable-memfd=no --log-target=file:{folder}/pulse.log"
    )
    protocol = f"module-native-protocol-unix auth-anonymous=1 socket={folder}/run/native"
    daemon = subprocess.Popen(
        ["pulseaudio", *options.split(), "-L", protocol, "-L", SINK],
        env=os.environ | {"HOME": str(folder)},
    )

    def is_up() -> bool:
        done = subprocess.run(["pactl", "set-default-sink", "bench"], capture_output=True)
        return done.returncode == 0

    server = SoundServer(folder)
    try:
        wait_until(is_up, 10)
        yield server
    finally:
        daemon.terminate()
        daemon.wait(5)
        patch.undo()


@pytest.fixture(autouse=True)
def no_recorder_runs_on(sound_server: SoundServer) -> Iterator[None]:
    """End what a test began to record."""
    yield
    for recorder in sound_server.recorders:
        if recorder.process.poll() is None:
            recorder.process.kill()
            recorder.process.wait(5)


Keep = Callable[..., StoredAudio]


@pytest.fixture
def keep(tmp_path: Path) -> Keep:
    """Write samples ``[frames, channels]`` the way the store does."""

    def write(samples: NDArray[np.float32], rate: int = RATE) -> StoredAudio:
        path = tmp_path / f"{len(list(tmp_path.iterdir()))}.f32"
        samples.astype(np.float32).tofile(path)
        return StoredAudio(path, rate, samples.shape[1], samples.shape[0], path.name)

    return write


@pytest.fixture
def player(sound_server: SoundServer, qapp: QCoreApplication) -> Iterator[Player]:
    """A player on the null sink, with a latency that a busy test machine keeps."""
    player = Player(output=Output(latency=0.1))
    yield player
    # Shown with a failure: a machine that starves the sound looks like a fault otherwise.
    print(f"slips {player.slips}, load {player.load:.3f}, machine {os.getloadavg()}")
    player.shutdown()


@pytest.fixture
def load(player: Player, keep: Keep) -> Callable[..., None]:
    """Put arrays ``[frames, channels]`` into the player's slots and wait for the device."""

    def set_slots(*signals: NDArray[np.float32], insert: int | None = None) -> None:
        player.set_slots([Slot(f"{i}", keep(x), insert=i == insert) for i, x in enumerate(signals)])
        wait_until(lambda: player.has_sound)

    return set_slots

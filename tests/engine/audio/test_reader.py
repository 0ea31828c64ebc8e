from __future__ import annotations

import io
import struct
import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile

from engine.audio.align import align
from engine.audio.clip import Clip
from engine.audio.reader import open_reader, read_clip
from engine.tasks import Failure

LENGTHS = [700, 1023, 1024, 2400, 30011]


@pytest.mark.parametrize(
    ("name", "subtype", "step"),
    [
        ("a.wav", "PCM_U8", 2**-7),
        ("a.wav", "PCM_16", 2**-15),
        ("a.wav", "PCM_24", 2**-23),
        ("a.wav", "FLOAT", 0.0),
        ("a.wav", "DOUBLE", 0.0),
        ("a.aiff", "PCM_16", 2**-15),
        ("a.rf64", "PCM_24", 2**-23),
        ("a.w64", "PCM_16", 2**-15),
        ("a.au", "PCM_16", 2**-15),
        ("a.nist", "PCM_16", 2**-15),
        ("a.caf", "PCM_24", 2**-23),
        ("a.flac", "PCM_16", 2**-15),
        ("a.flac", "PCM_24", 2**-23),
    ],
)
def test_lossless_samples_come_back_exactly(tmp_path: Path, noise, name, subtype, step) -> None:
    path = tmp_path / name
    samples = noise(5003, 3)
    if step:
        samples = np.round(samples / step).astype("f4") * np.float32(step)
    form = "NIST" if name == "a.nist" else None
    soundfile.write(path, samples.T, 44100, subtype=subtype, format=form)
    clip = read_clip(path)
    assert clip.rate == 44100
    np.testing.assert_array_equal(clip.samples, samples)


@pytest.mark.parametrize("subtype", ["ULAW", "ALAW"])
@pytest.mark.parametrize("frames", [1, 5003])
def test_telephone_codecs_in_wav_keep_their_length(tmp_path: Path, noise, subtype, frames) -> None:
    samples = noise(frames)
    soundfile.write(tmp_path / "a.wav", samples.T, 8000, subtype=subtype)
    read = read_clip(tmp_path / "a.wav").samples
    assert read.shape == samples.shape
    assert np.abs(read - samples).max() < 0.02


def test_float_samples_above_full_scale_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "loud.wav"
    soundfile.write(path, np.array([[3.5], [-2.0], [0.1]], "f4"), 48000, subtype="FLOAT")
    np.testing.assert_array_equal(read_clip(path).samples, np.array([[3.5, -2.0, 0.1]], "f4"))


@pytest.mark.parametrize("frames", LENGTHS)
@pytest.mark.parametrize(
    ("name", "rate", "codec"),
    [
        ("a.mp3", 44100, "libmp3lame"),
        ("a.mp3", 22050, "libmp3lame"),
        ("a.m4a", 44100, "aac"),
        ("a.mov", 48000, "aac"),
        ("a.opus", 48000, "libopus"),
        ("a.webm", 48000, "libopus"),
        ("a.mp4", 48000, "libopus"),
        ("a.m4a", 44100, "alac"),
        ("a.ogg", 44100, None),
    ],
)
def test_encoder_delay_and_padding_are_taken_off(
    tmp_path: Path, noise, encode_by_av, name, rate, codec, frames
) -> None:
    path = tmp_path / name
    samples = noise(frames)
    if codec is None:  # libsndfile carries the reference Vorbis encoder
        soundfile.write(path, samples.T, rate, format="OGG", subtype="VORBIS")
    else:
        encode_by_av(path, samples, rate, codec)
    clip = read_clip(path)
    assert (clip.rate, clip.channels, clip.frames) == (rate, 2, frames)
    if frames >= 2400:
        found = align(Clip(np.asarray(samples, np.float32), rate), clip)
        assert abs(found.offset_frames) < 0.5
        assert not found.inverted


@pytest.mark.parametrize("frames", [1025, 2048 + 30, 10 * 1024 + 7])
def test_a_last_packet_within_the_rounding_of_an_edit_list_is_kept(
    tmp_path: Path, noise, encode_by_av, frames
) -> None:
    path = encode_by_av(tmp_path / "a.m4a", noise(frames), 44100, "aac")
    assert read_clip(path).frames == frames


def test_an_edit_list_that_ends_early_cuts_the_audio(tmp_path: Path, noise, encode_by_av) -> None:
    path = encode_by_av(tmp_path / "a.m4a", noise(30_011), 44100, "aac")
    whole = read_clip(path).samples
    data = bytearray(path.read_bytes())
    entry = data.index(b"elst") + 12  # after version, flags and the number of entries
    assert struct.unpack_from(">Ii", data, entry) == (680, 1024)
    struct.pack_into(">I", data, entry, 400)  # in ticks of 1 ms
    path.write_bytes(data)
    cut = read_clip(path).samples
    assert cut.shape == (2, 44100 * 400 // 1000)
    np.testing.assert_array_equal(cut, whole[:, : cut.shape[1]])


def _with_itunes_tag(data: bytes, text: str) -> bytes:
    """Put an iTunSMPB tag into an M4A whose moov box is the last one."""

    def box(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", 8 + len(body)) + kind + body

    tag = box(
        b"----",
        box(b"mean", bytes(4) + b"com.apple.iTunes")
        + box(b"name", bytes(4) + b"iTunSMPB")
        + box(b"data", struct.pack(">II", 1, 0) + text.encode()),
    )
    moov = data.rindex(b"moov") - 4
    boxes = [moov]
    for kind in (b"udta", b"meta", b"ilst"):
        boxes.append(data.index(kind, boxes[-1]) - 4)
    out = bytearray(data)
    end = boxes[-1] + struct.unpack_from(">I", data, boxes[-1])[0]
    for start in boxes:
        struct.pack_into(">I", out, start, struct.unpack_from(">I", data, start)[0] + len(tag))
    return bytes(out[:end] + tag + out[end:])


def test_the_gapless_tag_of_itunes_is_obeyed(tmp_path: Path, noise, encode_by_av) -> None:
    frames = 30011
    path = encode_by_av(tmp_path / "a.m4a", noise(frames), 44100, "aac")
    true_frames = frames - 300
    tag = f" 00000000 00000400 000001C4 {true_frames:016X} 00000000 00000000"
    path.write_bytes(_with_itunes_tag(path.read_bytes(), tag))
    assert read_clip(path).frames == true_frames


@pytest.mark.parametrize("frames", [1, 2, 100, 500])
def test_vorbis_of_less_than_a_page_is_exact(tmp_path: Path, noise, frames) -> None:
    soundfile.write(tmp_path / "a.ogg", noise(frames).T, 44100, format="OGG", subtype="VORBIS")
    assert read_clip(tmp_path / "a.ogg").frames == frames


@pytest.mark.parametrize("channels", range(1, 9))
@pytest.mark.parametrize("name", ["a.wav", "a.flac", "a.aiff"])
def test_one_to_eight_channels_keep_their_order(tmp_path: Path, noise, name, channels) -> None:
    samples = np.round(noise(4800, channels) * 2**15) / np.float32(2**15)
    soundfile.write(tmp_path / name, samples.T, 48000, subtype="PCM_16")
    np.testing.assert_array_equal(read_clip(tmp_path / name).samples, samples)


@pytest.mark.parametrize("rate", [100, 8000, 11025, 192000, 384000])
def test_any_rate_is_read(tmp_path: Path, noise, rate) -> None:
    soundfile.write(tmp_path / "a.wav", noise(321).T, rate, subtype="FLOAT")
    assert read_clip(tmp_path / "a.wav").rate == rate


@pytest.mark.parametrize("block_frames", [1, 7, 1152, 4096, 100_000])
@pytest.mark.parametrize("name", ["a.wav", "c.flac", "f.mp3", "g.m4a", "h.opus"])
def test_blocks_of_any_size_hold_the_same_audio(small_files, name, block_frames) -> None:
    whole = read_clip(small_files[name]).samples
    with open_reader(small_files[name]) as reader:
        blocks = list(reader.blocks(block_frames))
    assert {block.shape[1] for block in blocks[:-1]} <= {block_frames}
    assert 0 < blocks[-1].shape[1] <= block_frames
    assert all(block.dtype == np.float32 and block.flags.c_contiguous for block in blocks)
    np.testing.assert_array_equal(np.concatenate(blocks, axis=1), whole)


def test_every_kind_of_file_is_known_by_its_content(tmp_path: Path, small_files) -> None:
    for name, path in small_files.items():
        renamed = tmp_path / f"{name}.jpg"
        renamed.write_bytes(path.read_bytes())
        np.testing.assert_array_equal(read_clip(renamed).samples, read_clip(path).samples, name)


def test_samples_that_are_no_numbers_become_silence_and_are_counted(tmp_path: Path) -> None:
    samples = np.full((1000, 2), 0.25, "f4")
    samples[10, 0], samples[20, 1], samples[30, 0] = np.nan, np.inf, -np.inf
    soundfile.write(tmp_path / "a.wav", samples, 44100, subtype="FLOAT")
    with open_reader(tmp_path / "a.wav") as reader:
        read = np.concatenate(list(reader.blocks(64)), axis=1)
        assert reader.info.nonfinite_samples == 3
    assert np.count_nonzero(read == 0.0) == 3
    assert np.count_nonzero(read == 0.25) == 1997


def test_the_audio_of_a_video_is_read(tmp_path: Path, noise) -> None:
    samples = noise(48000, 1)
    path = tmp_path / "film.mkv"
    with av.open(str(path), "w") as container:
        video = container.add_stream("mpeg4", rate=25)
        video.width = video.height = 64
        audio = container.add_stream("pcm_s16le", rate=48000)
        audio.codec_context.layout = "mono"
        for number in range(25):
            picture = av.VideoFrame.from_ndarray(np.full((64, 64, 3), 9 * number, "u1"), "rgb24")
            picture.pts, picture.time_base = number, Fraction(1, 25)
            container.mux(video.encode(picture))
        stored = np.round(samples * 2**15).astype("i2")
        frame = av.AudioFrame.from_ndarray(stored, format="s16", layout="mono")
        frame.sample_rate = 48000
        container.mux(audio.encode(frame))
        container.mux(video.encode(None))
        container.mux(audio.encode(None))
    np.testing.assert_array_equal(read_clip(path).samples, stored / np.float32(2**15))


def test_damage_in_the_middle_leaves_the_rest_in_time(tmp_path: Path, noise) -> None:
    path = tmp_path / "a.flac"
    samples = np.round(noise(100_000) * 2**15) / np.float32(2**15)
    soundfile.write(path, samples.T, 44100, subtype="PCM_16")
    data = bytearray(path.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 64] = b"\x5a" * 64
    path.write_bytes(data)
    with open_reader(path) as reader:
        read = np.concatenate(list(reader.blocks()), axis=1)
        assert "lost" in reader.info.damage
    assert read.shape == samples.shape
    np.testing.assert_array_equal(read[:, -30_000:], samples[:, -30_000:])
    np.testing.assert_array_equal(read[:, :30_000], samples[:, :30_000])


@pytest.mark.parametrize("name", ["a.wav", "a.flac"])
def test_memory_does_not_grow_with_length(tmp_path: Path, name) -> None:
    path = tmp_path / name
    block = np.zeros((48000, 2), "i2")
    with soundfile.SoundFile(path, "w", 48000, 2, "PCM_16") as file:
        for _ in range(240):
            file.write(block)
    with open_reader(path) as reader:
        tracemalloc.start()
        frames = sum(block.shape[1] for block in reader.blocks())
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert frames == 240 * 48000
    assert peak < 8e6, "the whole would be 92 MB"


def test_real_recordings_are_as_long_as_a_second_decoder_says(shared_audio: Path) -> None:
    compared = 0
    for path in sorted(shared_audio.glob("music/*.*")):
        if path.suffix not in (".flac", ".ogg"):
            continue
        expected, rate = soundfile.read(path, always_2d=True, dtype="float32")
        clip = read_clip(path)
        assert (clip.rate, clip.frames) == (rate, len(expected)), path.name
        np.testing.assert_allclose(clip.samples, expected.T, atol=2e-6, err_msg=path.name)
        compared += 1
    assert compared >= 10


def test_real_mp3_files_hold_what_their_header_states(shared_audio: Path) -> None:
    stated = 0
    for path in sorted(shared_audio.glob("*/berklee*.mp3"))[:6]:
        with open_reader(path) as reader:
            promised = reader.info.frames
            frames = sum(block.shape[1] for block in reader.blocks())
            assert reader.info.damage == ""
        assert promised == frames == soundfile.info(path).frames
        stated += 1
    assert stated == 6


def test_nothing_but_the_file_itself_is_opened(tmp_path: Path, small_files) -> None:
    (tmp_path / "part.wav").write_bytes(small_files["a.wav"].read_bytes())
    playlists = {
        "list.mp3": "#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\npart.wav\n#EXT-X-ENDLIST\n",
        "list.wav": "ffconcat version 1.0\nfile part.wav\n",
    }
    for name, text in playlists.items():
        (tmp_path / name).write_text(text)
        with pytest.raises(Failure):
            open_reader(tmp_path / name)


def test_a_reader_reads_once(small_files) -> None:
    with open_reader(small_files["a.wav"]) as reader:
        assert sum(block.shape[1] for block in reader.blocks()) == 6000
        with pytest.raises(RuntimeError, match="once"):
            next(reader.blocks())


def test_eight_threads_may_read_at_once(small_files) -> None:
    expected = {path: read_clip(path).samples for path in small_files.values()}

    def work(turn: int) -> bool:
        paths = list(expected)[turn % len(expected) :] + list(expected)[: turn % len(expected)]
        return all(np.array_equal(read_clip(path).samples, expected[path]) for path in paths * 3)

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(work, range(8)))


def test_a_closed_reader_may_be_closed_again(small_files) -> None:
    for path in small_files.values():
        reader = open_reader(path)
        reader.close()
        reader.close()


def test_wav_from_a_pipe_is_whole(tmp_path: Path, noise) -> None:
    memory = io.BytesIO()
    soundfile.write(memory, noise(2000).T, 44100, format="WAV", subtype="PCM_16")
    data = bytearray(memory.getvalue())
    at = data.index(b"data") + 4
    data[at : at + 4] = b"\xff" * 4
    (tmp_path / "a.wav").write_bytes(data)
    with open_reader(tmp_path / "a.wav") as reader:
        assert sum(block.shape[1] for block in reader.blocks()) == 2000
        assert reader.info.damage == ""

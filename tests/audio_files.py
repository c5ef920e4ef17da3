"""Real audio files for tests: MP3 and WAV made here, every other format by ffmpeg where it is.

An MP3's frames decode to silence and carry bytes of their own behind it, so that no two files are
alike unless they are asked to be. Tags are written by mutagen, as taggers do.
"""

from __future__ import annotations

import functools
import os
import random
import shutil
import subprocess
import wave
from pathlib import Path
from typing import Any

import pytest
from mutagen import id3

FRAME_BYTES = 417
FRAME_MS = 1152 / 44.1

FRAMES: dict[str, type[id3.TextFrame]] = {
    "title": id3.TIT2,
    "artist": id3.TPE1,
    "album": id3.TALB,
    "album_artist": id3.TPE2,
    "track": id3.TRCK,
    "disc": id3.TPOS,
    "date": id3.TDRC,
    "genre": id3.TCON,
    "compilation": id3.TCMP,
}

ENCODERS = {
    "mp3": ("libmp3lame", "mp3"),
    "flac": ("flac", "flac"),
    "ogg": ("libvorbis", "vorbis"),
    "opus": ("libopus", "opus"),
    "m4a": ("aac", "aac"),
    "alac.m4a": ("alac", "alac"),
    "oga": ("flac", "flac"),
    "spx": ("libspeex", "speex"),
    "wav": ("pcm_s16le", "pcm"),
    "aiff": ("pcm_s16be", "pcm"),
    "wma": ("wmav2", "wma"),
    "wv": ("wavpack", "wavpack"),
    "tta": ("tta", "tta"),
    "mp2": ("mp2", "mp2"),
    "aac": ("aac", "aac"),
    "ac3": ("ac3", "ac3"),
}
"""ffmpeg's encoder and Kleio's name of the codec, by extension."""


def mp3(path: Path | bytes, audio: object = None, *, frames: int = 8, **tags: Any) -> bytes:
    """Write an MP3 and return its path.

    Args:
        path: the file; its folders are made.
        audio: what decides its bytes; the same gives the same audio, None one of the path's own.
        frames: its length, each of 26 ms.
        **tags: by the names of FRAMES; a list is several values.
    """
    name = os.fsencode(path)
    os.makedirs(os.path.dirname(name), exist_ok=True)
    noise = random.Random(repr(name if audio is None else audio))
    with open(name, "wb") as file:
        for _ in range(frames):
            # MPEG-1 layer III, 128 kbit/s, 44.1 kHz; side information of zeros: silence.
            file.write(bytes.fromhex("fffb90c4") + bytes(32) + noise.randbytes(FRAME_BYTES - 36))
    tag(name, **tags)
    return name


def tag(path: Path | bytes, *more: id3.Frame, **tags: Any) -> None:
    """Add or replace tags of an MP3, in the modern or the older way that most files have."""
    if not tags and not more:
        return
    try:
        held = id3.ID3(os.fsencode(path))
    except id3.ID3NoHeaderError:
        held = id3.ID3()
    for name, value in tags.items():
        held.add(FRAMES[name](encoding=3, text=value if isinstance(value, list) else [str(value)]))
    for frame in more:
        held.add(frame)
    held.save(os.fsencode(path))


def wav(path: Path, audio: object = None, *, seconds: float = 0.2) -> Path:
    """Write a WAV of noise, 8 kHz, 16 bits, mono."""
    path.parent.mkdir(parents=True, exist_ok=True)
    noise = random.Random(repr(path if audio is None else audio))
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(noise.randbytes(int(seconds * 8000) * 2))
    return path


def encoded(path: Path, *, seconds: float = 1.5, frequency: int = 440) -> Path:
    """Write a tone in the format of the file's extension with ffmpeg, without tags."""
    if ffmpeg() is None:
        pytest.skip("ffmpeg is not installed; on Debian: apt-get install ffmpeg")
    extension = path.name.partition(".")[2]
    encoder, _ = ENCODERS[extension]
    path.parent.mkdir(parents=True, exist_ok=True)
    tone = f"sine=frequency={frequency}:duration={seconds}:sample_rate=48000"
    container = ("-f", "ogg") if extension == "oga" else ()
    run_ffmpeg("-f", "lavfi", "-i", tone, "-c:a", encoder, *container, path)
    return path


class FfmpegError(Exception):
    """ffmpeg could not do it."""


def run_ffmpeg(*arguments: str | Path) -> None:
    done = subprocess.run(
        ("ffmpeg", "-loglevel", "error", "-y", *arguments),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise FfmpegError(done.stderr)


@functools.cache
def ffmpeg() -> str | None:
    return shutil.which("ffmpeg")

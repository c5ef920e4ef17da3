"""Processes that read files: order, death, time, memory, and the end of their parent."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from mutagen import id3

from audio_files import mp3, tag
from kleio.importers import music_reader
from kleio.importers.music_reader import Reader
from kleio.importers.music_song import Broken, Gone, Reading, Song
from started import started

pytestmark = pytest.mark.anyio


def read_or_die(path: bytes, root_length: int) -> Reading:
    """Stands for a file that kills its reader; runs in the processes."""
    if b"deadly" in path:
        os.kill(os.getpid(), signal.SIGKILL)
    return music_reader.read_song(path, root_length)


def read_for_ever(path: bytes, root_length: int) -> Reading:
    """Stands for a file in which a reader runs in circles; runs in the processes."""
    music_reader.FILE_SECONDS = 0.1
    if b"endless" in path:
        signal.setitimer(signal.ITIMER_REAL, 0.1)
        while True:
            try:
                time.monotonic()
            except Exception:
                continue
    return music_reader.read_song(path, root_length)


def read_greedily(path: bytes, root_length: int) -> Reading:
    """Stands for a tag that unpacks to more than there is; runs in the processes."""
    del path, root_length
    return Broken(f"{len(bytearray(3 * 1024**3))} bytes")


async def test_songs_come_in_the_order_of_the_files(tmp_path: Path) -> None:
    files = [(mp3(tmp_path / f"{number}.mp3", title=f"T{number}"), 0) for number in range(20)]
    files.insert(7, (bytes(tmp_path / "gone.mp3"), 0))
    async with Reader(2) as reader:
        readings = await reader.read(files)
    assert isinstance(readings.pop(7), Gone)
    assert [song.title for song in readings if isinstance(song, Song)] == [
        f"T{number}" for number in range(20)
    ]


async def test_no_process_starts_where_nothing_is_read() -> None:
    async with Reader(2) as reader:
        assert reader._pool is None


async def test_a_file_that_kills_its_reader_is_broken_and_the_others_are_read(
    tmp_path: Path,
) -> None:
    names = ["1.mp3", "deadly.mp3", "2.mp3", "also deadly.mp3", "3.mp3"]
    files = [(mp3(tmp_path / name), 0) for name in names]
    async with Reader(2, read=read_or_die) as reader:
        readings = await reader.read(files)
        again = await reader.read(files[:1])
    assert [type(reading) for reading in readings] == [Song, Broken, Song, Broken, Song]
    assert readings[1] == Broken("ended the process that read it", again=True)
    assert [type(reading) for reading in again] == [Song]


async def test_a_file_that_takes_for_ever_is_broken(tmp_path: Path) -> None:
    files = [(mp3(tmp_path / name), 0) for name in ("endless.mp3", "1.mp3")]
    async with Reader(1, read=read_for_ever) as reader:
        first, second = await reader.read(files)
    assert isinstance(first, Broken)
    assert first.reason.startswith("took longer than")
    assert first.again
    assert isinstance(second, Song)


async def test_a_process_takes_no_more_memory_than_is_right(tmp_path: Path) -> None:
    async with Reader(1, read=_in_memory) as reader:
        (reading,) = await reader.read([(bytes(tmp_path), 0)])
    assert reading == Broken("MemoryError")


def _in_memory(path: bytes, root_length: int) -> Reading:
    try:
        return read_greedily(path, root_length)
    except MemoryError:
        return Broken("MemoryError")


async def test_a_tag_that_unpacks_to_gigabytes_is_broken_or_read(tmp_path: Path) -> None:
    """A packed frame of ID3 that is a thousand times as large when it is unpacked."""
    path = mp3(tmp_path / "x.mp3", title="T")
    tag(path, id3.TXXX(3, "bomb", ["0" * 50_000_000]))
    async with Reader(1) as reader:
        (reading,) = await reader.read([(path, 0)])
    assert isinstance(reading, Song | Broken)


PARENT = """
import asyncio, os, sys
from kleio.importers.music_reader import Reader
async def main():
    async with Reader(2) as reader:
        await reader.read([(b"/nowhere", 0)])
        print(*(p.pid for p in reader._pool._processes.values()), flush=True)
        await asyncio.sleep(600)
if __name__ == "__main__":
    asyncio.run(main())
"""


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_processes_end_with_their_parent(tmp_path: Path, how: signal.Signals) -> None:
    script = tmp_path / "parent.py"
    script.write_text(PARENT)
    with started(sys.executable, script, stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        pids = [int(pid) for pid in parent.stdout.readline().split()]
        assert pids
        parent.send_signal(how)
        # The pipe is closed when the last process that holds it has ended.
        assert parent.stdout.read() == ""
    for pid in pids:
        with pytest.raises(ProcessLookupError):
            _wait_and_probe(pid)


def _wait_and_probe(pid: int) -> None:
    """Raise when the process is gone; a zombie whose new parent is slow counts as gone."""
    stat = Path(f"/proc/{pid}/stat")
    if not stat.exists() or stat.read_text().rpartition(")")[2].split()[0] == "Z":
        raise ProcessLookupError

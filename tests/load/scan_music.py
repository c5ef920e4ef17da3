"""How fast a tree of small MP3 files is scanned, first and again, and what memory that takes.

    python tests/load/scan_music.py --files 20000

Prints a table: files a second of each scan and the most memory that the process and one of its
readers took; the database is an embedded one of its own. Small files show what Kleio costs; with
real ones the disk is what is waited for.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from audio_files import mp3
from kleio.db.embedded import embedded_server
from kleio.db.migrate import migrate

SONGS, ALBUMS = 10, 5


def make_tree(root: Path, files: int) -> None:
    for number in range(files):
        artist, album = number // (SONGS * ALBUMS), number // SONGS % ALBUMS
        mp3(
            root / f"Artist {artist:06}" / f"Album {album}" / f"{number % SONGS + 1:02} Song.mp3",
            number,
            title=f"Song {number}",
            artist=f"Artist {artist}",
            album=f"Album {album}",
            track=f"{number % SONGS + 1}/{SONGS}",
            date="1999",
            genre="Rock",
        )


def change_tree(root: Path) -> None:
    """Move every tenth artist's folder, and touch one file in a hundred."""
    folders = sorted(root.iterdir())
    for folder in folders[::10]:
        folder.rename(root / f"Moved {folder.name}")
    for path in sorted(root.rglob("*.mp3"))[::100]:
        os.utime(path, (1, 1))


class Memory(threading.Thread):
    """Looks at a process and its descendants until it ends: the most that each took."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self.pid = pid
        self.process = 0
        self.readers: dict[int, int] = {}

    def run(self) -> None:
        while (own := _peak(self.pid)) is not None:
            self.process = max(self.process, own)
            for pid in _descendants(self.pid):
                self.readers[pid] = max(self.readers.get(pid, 0), _peak(pid) or 0)
            time.sleep(0.05)


def _peak(pid: int) -> int | None:
    """Return a process's peak resident memory in MiB."""
    try:
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) // 1024
    except OSError:
        pass
    return None


def _descendants(pid: int) -> list[int]:
    found = []
    try:
        for task in Path(f"/proc/{pid}/task").iterdir():
            for child in (task / "children").read_text().split():
                found += [int(child), *_descendants(int(child))]
    except OSError:
        pass
    return found


def scan(root: Path, conninfo: str, home: Path) -> tuple[dict[str, float], Memory]:
    command = [sys.executable, "-m", "kleio", "import", "music", str(root), "--json"]
    environment = {**os.environ, "DATABASE_URL": conninfo, "KLEIO_HOME": str(home)}
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        memory = Memory(process.pid)
        memory.start()
        out, _ = process.communicate()
    memory.join()
    if process.returncode:
        raise SystemExit(f"the scan ended with {process.returncode}: {out}")
    return json.loads(out.splitlines()[-1]), memory


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--files", type=int, default=20_000)
    files = parser.parse_args().files
    home = Path(tempfile.mkdtemp(prefix="kleio-scan-"))
    try:
        root = home / "music"
        make_tree(root, files)
        with embedded_server(home / "kleio") as server:
            migrate(server.conninfo)
            print("| scan | files | read | moved | seconds | files/s | MiB | MiB a reader |")
            print("|---|---|---|---|---|---|---|---|")
            for name in ("first", "again", "a tenth moved", "again"):
                if name == "a tenth moved":
                    change_tree(root)
                line, memory = scan(root, server.conninfo, home)
                reader = max(memory.readers.values(), default=0)
                print(
                    f"| {name} | {line['files']:,} | {line['read']:,} | {line['moved']:,} "
                    f"| {line['seconds']:.1f} | {line['files'] / line['seconds']:,.0f} "
                    f"| {memory.process} | {reader or ''} |"
                )
    finally:
        shutil.rmtree(home, ignore_errors=True)


if __name__ == "__main__":
    main()

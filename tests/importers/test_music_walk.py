"""What a walk over music folders finds, passes over and reports."""

from __future__ import annotations

import os
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from kleio.importers.music_paths import path_bytes, path_shown, path_text
from kleio.importers.music_walk import (
    FolderError,
    Found,
    Unread,
    Walk,
    find_roots,
    is_audio,
    is_hidden,
)


def touch(root: Path | bytes, *names: str | bytes, content: bytes = b"x") -> None:
    for name in names:
        path = os.path.join(os.fsencode(root), os.fsencode(name))
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(content)


def walk(*roots: Path) -> tuple[list[str], list[tuple[str, str, str]]]:
    """Return the paths that are found and what is unread, both below the first root."""
    found, unread = [], []
    for item in Walk(find_roots(roots)):
        name = path_text(os.path.relpath(item.path, os.fsencode(roots[0])))
        if isinstance(item, Found):
            found.append(name)
        else:
            unread.append((name, item.kind, item.reason))
    return sorted(found), sorted(unread)


@pytest.fixture
def public_path() -> Iterator[Path]:
    """A folder that other users can reach."""
    with tempfile.TemporaryDirectory(prefix="kleio-test-") as name:
        path = Path(name)
        path.chmod(0o755)
        yield path


@contextmanager
def as_nobody() -> Iterator[None]:
    """Give up what root may do, where the tests run as root."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


def test_extensions_count_in_any_case(tmp_path: Path) -> None:
    touch(tmp_path, "a.mp3", "b.MP3", "c.FlAc", "d.txt", "e", "f.mp3.part", "cover.jpg", "g.mp4")
    assert walk(tmp_path)[0] == ["a.mp3", "b.MP3", "c.FlAc"]


def test_sizes_and_times_are_the_files(tmp_path: Path) -> None:
    touch(tmp_path, "a.mp3", content=b"12345")
    os.utime(tmp_path / "a.mp3", ns=(0, 1_234_567_890_123_456_789))
    (found,) = Walk(find_roots([tmp_path]))
    assert isinstance(found, Found)
    assert (found.size, found.mtime_ns) == (5, 1_234_567_890_123_456_789)
    assert found.path[found.root_length :] == b"/a.mp3"


@pytest.mark.parametrize(
    "name",
    ["...And Justice for All", "..Hidden In Plain Sight", ".38 Special", "a.b", "#1 Record"],
)
def test_music_may_begin_with_a_dot(tmp_path: Path, name: str) -> None:
    assert not is_hidden(name.encode())
    touch(tmp_path, f"{name}/{name}.mp3")
    assert walk(tmp_path)[0] == [f"{name}/{name}.mp3"]


@pytest.mark.parametrize(
    "name",
    [
        *("._song.mp3", ".hidden.mp3", ".Trash-1000/a.mp3", "@eaDir/a.mp3", "#Recycle/a.mp3"),
        *("$RECYCLE.BIN/a.mp3", ".stversions/a.mp3", "lost+found/a.mp3"),
    ],
)
def test_hidden_files_and_what_was_thrown_away_are_no_music(tmp_path: Path, name: str) -> None:
    touch(tmp_path, name, "ok.mp3")
    assert walk(tmp_path) == (["ok.mp3"], [])


def test_a_hidden_folder_that_is_named_is_scanned(tmp_path: Path) -> None:
    touch(tmp_path, ".music/a.mp3")
    assert walk(tmp_path / ".music")[0] == ["a.mp3"]


def test_pipes_sockets_and_folders_with_the_name_of_audio(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.mp3")
    with socket.socket(socket.AF_UNIX) as listener:
        here = Path.cwd()
        os.chdir(tmp_path)
        try:
            listener.bind("socket.mp3")
        finally:
            os.chdir(here)
        os.symlink("pipe.mp3", tmp_path / "link.mp3")
        touch(tmp_path, "folder.mp3/a.mp3")
        assert walk(tmp_path) == (["folder.mp3/a.mp3"], [])


def test_loops_of_links_end_and_no_file_is_found_twice(tmp_path: Path) -> None:
    touch(tmp_path, "a/b/1.mp3", "c/2.mp3")
    os.symlink("..", tmp_path / "a/b/up")
    os.symlink(".", tmp_path / "a/self")
    os.symlink("../c", tmp_path / "a/aside")
    os.symlink("../../c/2.mp3", tmp_path / "a/b/again.mp3")
    os.symlink("loop", tmp_path / "loop")
    found, unread = walk(tmp_path)
    assert found == ["a/b/1.mp3", "c/2.mp3"]
    assert [(name, kind) for name, kind, _ in unread] == [("loop", "link")]


def test_links_that_lead_elsewhere_are_followed_once(tmp_path: Path) -> None:
    music, disk = tmp_path / "music", tmp_path / "disk"
    touch(disk, "album/1.mp3", "single.mp3", "album/deep/2.mp3")
    music.mkdir()
    os.symlink(disk / "album", music / "first")
    os.symlink(disk / "album", music / "second")
    os.symlink(disk / "album" / "deep", music / "third")
    os.symlink(disk / "single.mp3", music / "one.mp3")
    os.symlink(music, disk / "album" / "back")
    assert walk(music) == (["first/1.mp3", "first/deep/2.mp3", "one.mp3"], [])


def test_a_link_to_a_folder_above_is_reported_and_not_followed(tmp_path: Path) -> None:
    music = tmp_path / "all" / "music"
    touch(tmp_path, "all/music/1.mp3", "all/private/2.mp3")
    os.symlink(tmp_path, music / "everything")
    os.symlink("/", music / "system")
    found, unread = walk(music)
    assert found == ["1.mp3"]
    assert [name for name, _, _ in unread] == ["everything", "system"]
    assert "holds one that is scanned" in unread[0][2]


def test_a_link_into_a_part_of_the_library_that_is_not_walked(tmp_path: Path) -> None:
    """Whether the whole library is scanned or a part, each file is one song at one place."""
    touch(tmp_path, "a/1.mp3", "b/2.mp3", "b/3.mp3")
    os.symlink("../b", tmp_path / "a" / "folder")
    os.symlink("../b/3.mp3", tmp_path / "a" / "file.mp3")
    (found,) = Walk(find_roots([tmp_path / "a"]), bytes(tmp_path))
    assert found.path == os.fsencode(tmp_path / "a/1.mp3")


def test_links_into_hidden_folders_are_what_the_library_is_made_of(tmp_path: Path) -> None:
    """As in an annex: the files are links, the objects hidden."""
    touch(tmp_path, ".git/annex/objects/ab/sha.mp3")
    os.symlink(".git/annex/objects/ab/sha.mp3", tmp_path / "song.mp3")
    assert walk(tmp_path) == (["song.mp3"], [])


def test_a_link_to_a_file_without_the_name_of_audio_is_audio_by_its_own(tmp_path: Path) -> None:
    touch(tmp_path, "store/4711")
    os.symlink("store/4711", tmp_path / "song.mp3")
    assert walk(tmp_path)[0] == ["song.mp3"]


def test_links_to_nothing_are_reported(tmp_path: Path) -> None:
    os.symlink("/nowhere/at/all", tmp_path / "usb")
    os.symlink("gone.mp3", tmp_path / "song.mp3")
    reason = "a symbolic link to nothing"
    assert walk(tmp_path)[1] == [("song.mp3", "link", reason), ("usb", "link", reason)]


def test_two_hard_links_are_two_files(tmp_path: Path) -> None:
    touch(tmp_path, "a.mp3")
    os.link(tmp_path / "a.mp3", tmp_path / "b.mp3")
    assert walk(tmp_path)[0] == ["a.mp3", "b.mp3"]


def test_folders_that_overlap_are_walked_once(tmp_path: Path) -> None:
    touch(tmp_path, "a/1.mp3", "a/b/2.mp3", "ab/3.mp3")
    os.symlink(tmp_path / "a", tmp_path / "link")
    roots = [tmp_path / "a" / "b", tmp_path / "a", tmp_path / "link", tmp_path / "ab"]
    assert find_roots(roots) == [os.fsencode(tmp_path / "a"), os.fsencode(tmp_path / "ab")]
    assert find_roots([tmp_path, *roots]) == [os.fsencode(tmp_path)]


def test_a_root_that_a_link_of_another_root_leads_to(tmp_path: Path) -> None:
    touch(tmp_path, "a/1.mp3", "z/2.mp3")
    os.symlink("../z", tmp_path / "a" / "z")
    found = [item.path for item in Walk(find_roots([tmp_path / "a", tmp_path / "z"]))]
    assert sorted(found) == [os.fsencode(tmp_path / name) for name in ("a/1.mp3", "z/2.mp3")]


@pytest.mark.parametrize("name", ["missing", "file.mp3"])
def test_a_folder_that_is_none_is_an_error(tmp_path: Path, name: str) -> None:
    touch(tmp_path, "file.mp3")
    with pytest.raises(FolderError) as caught:
        find_roots([tmp_path / name])
    assert caught.value.path == os.fsencode(tmp_path / name)
    assert caught.value.reason in ("no such file or directory", "not a directory")


def test_folders_that_cannot_be_read_are_reported(public_path: Path) -> None:
    touch(public_path, "a/1.mp3", "b/2.mp3", "c/3.mp3", "c/4.mp3")
    (public_path / "b").chmod(0o000)
    (public_path / "c").chmod(0o444)
    with as_nobody():
        found, unread = walk(public_path)
    (public_path / "b").chmod(0o700)
    (public_path / "c").chmod(0o700)
    assert found == ["a/1.mp3"]
    assert unread == [
        ("b", "folder", "permission denied"),
        ("c", "folder", "permission denied"),
    ]


def test_a_path_that_is_too_long_is_reported(tmp_path: Path) -> None:
    """One can be made step by step, and nothing can open it by its name."""
    touch(tmp_path, "ok.mp3")
    name = "n" * 250
    folder = os.open(tmp_path, os.O_RDONLY)
    for _ in range(20):
        os.mkdir(name, dir_fd=folder)
        inner = os.open(name, os.O_RDONLY, dir_fd=folder)
        os.close(folder)
        folder = inner
    os.close(folder)
    found, unread = walk(tmp_path)
    assert found == ["ok.mp3"]
    assert [(kind, reason) for _, kind, reason in unread] == [("folder", "file name too long")]


def test_what_vanishes_while_the_walk_goes_on_was_never_there(tmp_path: Path) -> None:
    touch(tmp_path, "a/1.mp3", "b/2.mp3", "c/3.mp3")
    items = iter(Walk(find_roots([tmp_path])))
    first = next(items)
    assert first.path.endswith(b"1.mp3")
    (tmp_path / "b/2.mp3").unlink()
    (tmp_path / "b").rmdir()
    assert [os.path.basename(item.path) for item in items] == [b"3.mp3"]


def test_a_root_that_vanishes_is_reported(tmp_path: Path) -> None:
    root = tmp_path / "usb"
    touch(root, "1.mp3")
    items = Walk(find_roots([root]))
    (root / "1.mp3").unlink()
    root.rmdir()
    assert [type(item) for item in items] == [Unread]


def test_folders_come_in_the_order_of_their_names(tmp_path: Path) -> None:
    touch(tmp_path, "b/1.mp3", "a/2.mp3", "a/b/3.mp3", "a c/4.mp3")
    found = [os.path.relpath(item.path, os.fsencode(tmp_path)) for item in Walk([bytes(tmp_path)])]
    assert found == [b"a/2.mp3", b"a/b/3.mp3", b"a c/4.mp3", b"b/1.mp3"]


def test_a_wide_folder_is_streamed(tmp_path: Path) -> None:
    """The first file comes before the last was looked at."""
    touch(tmp_path, *(f"{number}.mp3" for number in range(500)))
    items = iter(Walk([bytes(tmp_path)]))
    next(items)
    for path in tmp_path.iterdir():
        path.unlink()
    assert len(list(items)) < 499


def test_names_of_any_bytes_are_found(tmp_path: Path) -> None:
    name = b"caf\xe9 \xff\n\\x.mp3"
    touch(os.fsencode(tmp_path), name)
    (found,) = Walk(find_roots([tmp_path]))
    assert os.path.basename(found.path) == name


@pytest.mark.parametrize(
    ("path", "text"),
    [
        (b"a/b.mp3", "a/b.mp3"),
        ("Björk/Jóga.mp3".encode(), "Björk/Jóga.mp3"),
        (b"caf\xe9", "caf\\xe9"),
        (b"caf\\xe9", "caf\\\\xe9"),
        (b"\\\xff\\", "\\\\\\xff\\\\"),
        ("\udc80".encode("utf-8", "surrogatepass"), "\\xed\\xb2\\x80"),
        (b"line\nbreak", "line\nbreak"),
    ],
)
def test_a_path_as_text_and_back(path: bytes, text: str) -> None:
    assert path_text(path) == text
    assert path_bytes(text) == path
    text.encode()


def test_any_bytes_survive_as_text(rng) -> None:
    for _ in range(2000):
        path = bytes(rng.choice(b"\\x/ab0\xc3\xa9\xff\xed\xa0\x80") for _ in range(12))
        assert path_bytes(path_text(path)) == path
        path_text(path).encode()


def test_a_path_on_a_terminal_is_one_line() -> None:
    assert path_shown(b"a\nb\x1b[31m\xff") == "a?b?[31m\\xff"


def test_is_audio_needs_an_extension() -> None:
    assert not is_audio(b"mp3")
    assert is_audio(b".mp3.Mp3")

"""A dump's bytes: forbidden characters, chunk boundaries, gzip, and damage of every kind."""

from __future__ import annotations

import gzip
import resource
from pathlib import Path

import pytest

from dump_files import read, release, write
from kleio.catalogue import Document, MasterDocument, ReleaseDocument
from kleio.importers.discogs_bytes import READ_BYTES
from kleio.importers.discogs_xml import Dump, DumpError, Refused, open_dump

STATM = Path("/proc/self/statm")


def read_damaged(path: Path) -> tuple[list[Document | Refused], DumpError]:
    entries: list[Document | Refused] = []
    with open_dump(path) as dump, pytest.raises(DumpError) as caught:
        entries.extend(dump)
    return entries, caught.value


# --- characters that XML forbids -----------------------------------------------------------------


@pytest.mark.parametrize(
    "forbidden",
    [
        b"\0",
        b"\x01\x08\x0b\x0c\x0e\x1f",
        b"\xef\xbf\xbe\xef\xbf\xbf",
        b"&#0;",
        b"&#x0;&#x00;&#8;&#11;&#12;&#14;&#0031;&#x1F;&#xb;",
        b"&#xFFFE;&#xffff;&#65534;&#65535;",
        b"&#xD800;&#xdfff;&#55296;&#57343;",
        b"&#x110000;&#1114112;&#99999999999;&#xFFFFFFFFF;",
    ],
)
def test_forbidden_characters_are_removed(tmp_path: Path, forbidden: bytes) -> None:
    entry = release(tmp_path, b"<title>a" + forbidden + b"b</title>")
    assert entry.title == "ab"


def test_allowed_characters_stay(tmp_path: Path) -> None:
    inner = "<title>&#9;&#10;&#13;&#x20;&#xD7FF;&#xE000;&#xFFFD;&#x10FFFF;&#1114111;�é𝔖</title>"
    entry = release(tmp_path, inner)
    assert entry.title == "\t\n\r \ud7ff\ue000\ufffd\U0010ffff\U0010ffff\ufffdé𝔖"


def test_bytes_that_are_no_utf8_cost_only_themselves(tmp_path: Path) -> None:
    entry = release(tmp_path, b"<title>a\xffb\xed\xa0\x80c</title><country>\xc3</country>")
    assert entry.title.replace("\ufffd", "") == "abc"
    assert entry.country == "\ufffd"


@pytest.mark.parametrize("special", ["&#0;", "&amp;", "&#13;", "é", "𝔖", "</title><title>x"])
def test_chunk_boundaries_cut_nothing(tmp_path: Path, special: str) -> None:
    """A boundary falls on every byte of the special text, once."""
    expected = {"&#0;": "", "&amp;": "&", "&#13;": "\r"}.get(special, special)
    raw = special.encode()
    chunk = 64 * 1024
    before = b'<releases><release id="1"><title>'
    after = b'</title></release><release id="2"></release></releases>'
    for cut in range(1, len(raw)):
        padding = b"p" * (chunk - len(before) - cut)
        entries = read(write(tmp_path, before + padding + raw + after))
        assert [e.discogs_id for e in entries] == [1, 2]
        if "<" not in special:
            first = entries[0]
            assert isinstance(first, ReleaseDocument)
            assert first.title == padding.decode() + expected


def test_chunk_boundary_in_an_end_tag(tmp_path: Path) -> None:
    for cut in range(1, len("</release>")):
        before = b'<releases><release id="1"><title>'
        tail = b'</release><release id="2"></release></releases>'
        padding = b"p" * (64 * 1024 - len(before) - len("</title>") - cut)
        entries = read(write(tmp_path, before + padding + b"</title>" + tail))
        assert [e.discogs_id for e in entries] == [1, 2]


def test_byte_order_mark_and_prolog(tmp_path: Path) -> None:
    xml = (
        b"\xef\xbb\xbf<?xml version='1.0' encoding='UTF-8'?>\n<!-- <labels> -->\n<?style x?>\n"
        b'<masters><master id="1"><title>T</title></master></masters>\n<!-- end -->\n'
    )
    (entry,) = read(write(tmp_path, xml))
    assert isinstance(entry, MasterDocument)


# --- files ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "is empty"),
        (b" \n ", "is empty"),
        (gzip.compress(b"", mtime=0), "is empty"),
        (b"hello", "is not XML"),
        (b"{}", "is not XML"),
        (b"<html></html>", "root element is <html>"),
        (b"<!-- never closed", "is not XML"),
        ("<?xml version='1.0'?><artists/>".encode("utf-16"), "UTF-16"),
        (b"<?xml version='1.0' encoding='latin1'?><artists/>", "latin1"),
        (b"<!DOCTYPE artists [<!ENTITY a 'b'>]><artists/>", "document type"),
        (b"<?xml version='1.0'?>\n<!DOCTYPE artists SYSTEM 'x'><artists/>", "document type"),
        (b"\x1f\x8bnonsense", "gzip data is damaged"),
    ],
)
def test_files_that_are_no_dumps(tmp_path: Path, content: bytes, reason: str) -> None:
    path = write(tmp_path, content)
    with pytest.raises(DumpError, match=reason) as caught:
        open_dump(path)
    assert str(path) in str(caught.value)


# What is small as a file and has no end unpacked, or grows in the parser.
BOMBS = {
    "a text": b"<artists><artist><id>1</id><name>" + b"0" * 40_000_000,
    "spaces between entries": b"<artists>" + b" " * 40_000_000,
    "elements that are no entries": b"<artists>" + b"<x/>" * 10_000_000,
    "labels in a label": b"<labels><label><sublabels>" + b"<label>x</label>" * 2_500_000,
    "an attribute": b'<artists><artist a="' + b"0" * 40_000_000,
    "a comment": b"<artists><!--" + b"-0" * 20_000_000,
}


@pytest.mark.parametrize("what", BOMBS)
def test_a_bomb_is_refused_before_it_fills_the_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    monkeypatch.setattr("kleio.importers.discogs_xml.MAX_ENTRY_BYTES", 2 * 1024 * 1024)
    packed = gzip.compress(BOMBS[what], compresslevel=1)
    assert len(packed) < 1_000_000
    entries, error = read_damaged(write(tmp_path, packed))
    assert entries == []
    assert "an entry of more than 2 MiB" in str(error)
    # It was read no further than that takes.
    assert error.byte == READ_BYTES


def test_a_long_entry_and_many_short_ones_are_no_bomb(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kleio.importers.discogs_xml.MAX_ENTRY_BYTES", 1024 * 1024)
    long = b"<artist><id>1</id><name>a</name><profile>" + b"x" * 500_000 + b"</profile></artist>"
    short = b"".join(
        b"<artist><id>%d</id><name>a</name></artist>" % number for number in range(2, 30_000)
    )
    found = read(write(tmp_path, b"<artists>" + long + short + b"</artists>"))
    assert len(found) == 29_999


def test_missing_file_and_folder(tmp_path: Path) -> None:
    with pytest.raises(DumpError, match="No such file"):
        open_dump(tmp_path / "absent.xml")
    with pytest.raises(DumpError, match="directory"):
        open_dump(tmp_path)


@pytest.mark.parametrize("kind", ["artists", "labels", "masters", "releases"])
def test_dump_without_entries(tmp_path: Path, kind: str) -> None:
    assert read(write(tmp_path, f"<{kind}></{kind}>")) == []
    assert read(write(tmp_path, f"<{kind}/>")) == []


def test_gzip_is_told_by_content_and_may_have_members(tmp_path: Path) -> None:
    parts = (b'<masters><master id="1"></master>', b'<master id="2"></master></masters>')
    content = b"".join(gzip.compress(part) for part in parts) + b"\0" * 100
    assert len(read(write(tmp_path, content, "x.xml"))) == 2
    assert len(read(write(tmp_path, b"".join(parts), "x.gz"))) == 2


def masters(count: int) -> bytes:
    entries = b"".join(
        b'<master id="%d"><title>Title %d</title></master>\n' % (n, n * n)
        for n in range(1, count + 1)
    )
    return b"<masters>\n" + entries + b"</masters>\n"


def ids(entries: list[Document | Refused]) -> list[int | None]:
    return [entry.discogs_id for entry in entries]


@pytest.mark.parametrize(
    "broken",
    [b"<master id='9'><title></master>", b"<master id=9/>", b"&nbsp;", b"<", b"</masters><x/>"],
)
def test_broken_xml_keeps_what_was_whole(tmp_path: Path, broken: bytes) -> None:
    whole = masters(3).removesuffix(b"</masters>\n")
    entries, error = read_damaged(write(tmp_path, whole + broken + b"\n</masters>\n"))
    assert ids(entries) == [1, 2, 3]
    assert error.line in (5, 6)
    assert f"line {error.line}" in str(error)
    assert "XML is broken" in str(error)


def test_broken_xml_directly_behind_an_entry(tmp_path: Path) -> None:
    entries, error = read_damaged(
        write(tmp_path, b'<masters><master id="1"></master><master id="2"></master></x>')
    )
    assert ids(entries) == [1, 2]
    assert error.line == 1


def test_line_of_broken_xml_far_down(tmp_path: Path) -> None:
    whole = masters(70_000).removesuffix(b"</masters>\n")
    entries, error = read_damaged(write(tmp_path, whole + b"<x></y>"))
    assert len(entries) == 70_000
    assert error.line == 70_002


def test_removed_characters_do_not_shift_lines(tmp_path: Path) -> None:
    xml = b"<masters>\n\0\0\n&#0;\n<master id='1'/>\n\0</oops>"
    _, error = read_damaged(write(tmp_path, xml))
    assert error.line == 5


def test_plain_file_cut_anywhere(tmp_path: Path) -> None:
    content = masters(3)
    for length in range(len(b"<masters>"), len(content) - 1):
        if content[:length].rstrip().endswith(b"</masters>"):
            continue
        entries, error = read_damaged(write(tmp_path, content[:length]))
        assert ids(entries) == list(range(1, content[:length].count(b"</master>") + 1))
        assert error.line is not None


@pytest.mark.parametrize("share", [0.2, 0.5, 0.9, 0.999])
def test_gzip_cut_in_the_middle(tmp_path: Path, share: float) -> None:
    packed = gzip.compress(masters(20_000))
    cut = packed[: int(len(packed) * share)]
    entries, error = read_damaged(write(tmp_path, cut))
    assert ids(entries) == list(range(1, len(entries) + 1))
    assert len(entries) > 20_000 * share * 0.8
    assert error.byte == len(cut)
    assert f"byte {len(cut)}" in str(error)
    assert error.line is not None
    assert abs(error.line - len(entries)) <= 3


def test_gzip_cut_behind_the_last_entry_keeps_all(tmp_path: Path) -> None:
    packed = gzip.compress(masters(100))
    entries, error = read_damaged(write(tmp_path, packed[:-8]))
    assert len(entries) == 100
    assert "cut off" in str(error)


def test_damaged_gzip_keeps_what_was_before(tmp_path: Path) -> None:
    packed = bytearray(gzip.compress(masters(20_000)))
    middle = len(packed) // 2
    packed[middle : middle + 64] = b"\xff" * 64
    entries, error = read_damaged(write(tmp_path, bytes(packed)))
    assert 5_000 < len(entries) < 15_000
    assert ids(entries[:5000]) == list(range(1, 5001))
    assert error.line is not None


def test_gzip_with_a_wrong_checksum_keeps_all(tmp_path: Path) -> None:
    packed = bytearray(gzip.compress(masters(100)))
    packed[-5] ^= 0xFF
    entries, error = read_damaged(write(tmp_path, bytes(packed)))
    assert len(entries) == 100
    assert error.byte is not None


def test_other_data_behind_gzip(tmp_path: Path) -> None:
    packed = gzip.compress(masters(10))
    entries, error = read_damaged(write(tmp_path, packed + b"trailing"))
    assert len(entries) == 10
    assert error.byte == len(packed)


@pytest.mark.skipif(not STATM.exists(), reason="memory is read from /proc")
def test_memory_stays_flat(tmp_path: Path) -> None:
    """60 MB of XML from 600 kB of gzip pass through a process that grows by less than 20 MB."""
    entry = b"<artist><id>1</id><name>" + b"n" * 1000 + b"</name></artist>\n"
    count = 60_000
    path = tmp_path / "dump.xml"
    with gzip.open(path, "wb", 1) as file:
        file.write(b"<artists>")
        for _ in range(count):
            file.write(entry)
        file.write(b"</artists>")

    def resident() -> int:
        return int(STATM.read_text().split()[1]) * resource.getpagesize()

    read_so_far = most = 0
    with open_dump(path) as dump:
        before = resident()
        for _ in dump:
            read_so_far += 1
            if read_so_far % 1000 == 0:
                most = max(most, resident())
    assert read_so_far == count
    assert most - before < 20_000_000


def test_dump_reports_its_position(tmp_path: Path) -> None:
    path = write(tmp_path, gzip.compress(masters(1000)))
    dump: Dump
    with open_dump(path) as dump:
        assert dump.size == path.stat().st_size
        assert len(list(dump)) == 1000
        assert dump.position == dump.size

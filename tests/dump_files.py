"""Small dump files, written and read."""

from __future__ import annotations

from pathlib import Path

from kleio.catalogue import Document, ReleaseDocument
from kleio.importers.discogs_xml import Refused, open_dump


def read(path: Path) -> list[Document | Refused]:
    with open_dump(path) as dump:
        return list(dump)


def write(tmp_path: Path, xml: str | bytes, name: str = "dump.xml") -> Path:
    path = tmp_path / name
    path.write_bytes(xml if isinstance(xml, bytes) else xml.encode())
    return path


def one(tmp_path: Path, kind: str, inner: str | bytes) -> Document | Refused:
    inner = inner if isinstance(inner, bytes) else inner.encode()
    root = kind.encode()
    (entry,) = read(write(tmp_path, b"<%b>\n%b\n</%b>\n" % (root, inner, root)))
    return entry


def release(tmp_path: Path, inner: str | bytes) -> ReleaseDocument:
    inner = inner if isinstance(inner, bytes) else inner.encode()
    entry = one(tmp_path, "releases", b'<release id="7" status="Accepted">%b</release>' % inner)
    assert isinstance(entry, ReleaseDocument)
    return entry

"""Which library a folder belongs to.

A library is one folder of the server and all below it; its songs' paths are kept below that
folder, so that it can be moved or mounted elsewhere. This module decides from the folders that are
named, and from those of the libraries there are; it looks at no file and scans nothing.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import UUID, uuid4

import msgspec

from kleio.db.queries import Connection
from kleio.importers.music_paths import path_bytes, path_text
from kleio.importers.music_report import ScanError
from kleio.importers.music_walk import is_below
from kleio.repositories import libraries
from kleio.repositories.catalogue_entries import lock_entries

NAME_CHARACTERS = 200


class Target(msgspec.Struct, frozen=True):
    """A library to be scanned, and what of it, below its root; `b""` is all."""

    library_id: UUID
    name: str
    root: bytes
    folders: list[bytes]


class _Known(msgspec.Struct, frozen=True):
    library_id: UUID
    name: str
    root: bytes

    def holds(self, folder: bytes) -> bool:
        return folder == self.root or is_below(folder, self.root)


async def find_targets(
    conn: Connection,
    roots: Sequence[bytes],
    *,
    name: str | None,
    has_moved: bool = False,
    dry_run: bool = False,
) -> list[Target]:
    """Return the libraries that folders belong to; those that are new are added.

    Without a name, a folder belongs to the library that it lies in, or becomes one of its own name.
    With the name of a library, the folders must lie in it; with a new name, they become that
    library, whose folder is the one that they have in common.

    Args:
        conn: an autocommit connection.
        roots: what to scan, as `find_roots` returns it.
        name: the library's name, None to go by the folders.
        has_moved: the named library's folder is now the one that is given.
        dry_run: add nothing; a new library gets an id that is not kept.

    Raises:
        ScanError: the folders and the libraries don't agree.
    """
    async with conn.transaction():
        await lock_entries(conn, kind="libraries")
        known = [
            _Known(library.id, library.name, path_bytes(library.root))
            for library in await libraries.list_libraries(conn)
        ]
        if name is not None:
            return [await _named(conn, roots, name.strip(), known, has_moved, dry_run)]
        if has_moved:
            raise ScanError("--moved says where the folder of a library is now: name it, --library")
        return await _unnamed(conn, roots, known, dry_run)


async def _unnamed(
    conn: Connection, roots: Sequence[bytes], known: list[_Known], dry_run: bool
) -> list[Target]:
    scopes: dict[UUID, Target] = {}
    for root in roots:
        library = _library_of(root, known)
        if library is None:
            title = path_text(os.path.basename(root))[:NAME_CHARACTERS] or "music"
            if other := _find(title, known):
                raise ScanError(
                    f"{path_text(root)}: another library is called {other.name}, in "
                    f"{path_text(other.root)}; choose a name with --library"
                )
            library = await _add(conn, title, root, known, dry_run)
            known.append(library)
        target = Target(library.library_id, library.name, library.root, [])
        scopes.setdefault(library.library_id, target).folders.append(_inside(root, library.root))
    return list(scopes.values())


async def _named(
    conn: Connection,
    roots: Sequence[bytes],
    name: str,
    known: list[_Known],
    has_moved: bool,
    dry_run: bool,
) -> Target:
    if not name or len(name) > NAME_CHARACTERS:
        raise ScanError(f"--library: a name has 1 to {NAME_CHARACTERS} characters")
    library = _find(name, known)
    if library is None:
        if has_moved:
            raise ScanError(f"--moved: there is no library called {name}")
        common = os.path.commonpath(roots)
        if common == b"/" and len(roots) > 1:
            raise ScanError(
                "the folders have none in common but /; make libraries of them one by one"
            )
        for root in roots:
            if other := _library_of(root, known):
                raise ScanError(
                    f"{path_text(root)}: belongs to the library {other.name}; scan it as that"
                )
        library = await _add(conn, name, common, known, dry_run)
    elif has_moved:
        if len(roots) != 1:
            raise ScanError("--moved: one folder is where the library is now")
        library = msgspec.structs.replace(library, root=roots[0])
        _check_free(library, known)
        if not dry_run:
            await _save(conn, library)
    for root in roots:
        if not library.holds(root):
            raise ScanError(
                f"{path_text(root)}: does not lie in {path_text(library.root)}, the folder of the "
                f"library {library.name}; if that is where it is now, say --moved"
            )
    folders = [_inside(root, library.root) for root in roots]
    return Target(library.library_id, library.name, library.root, folders)


def _find(name: str, known: list[_Known]) -> _Known | None:
    return next((library for library in known if library.name.lower() == name.lower()), None)


def _library_of(folder: bytes, known: list[_Known]) -> _Known | None:
    holding = [library for library in known if library.holds(folder)]
    return max(holding, key=lambda library: len(library.root), default=None)


def _inside(folder: bytes, root: bytes) -> bytes:
    return folder[len(root) :].lstrip(b"/")


def _check_free(library: _Known, known: list[_Known]) -> None:
    """Refuse a library that lies in another one or holds it: each song would be there twice."""
    for other in known:
        if other.library_id != library.library_id and (
            library.holds(other.root) or other.holds(library.root)
        ):
            raise ScanError(
                f"{path_text(library.root)}: overlaps with {path_text(other.root)}, the folder of "
                f"the library {other.name}"
            )


async def _add(
    conn: Connection, name: str, root: bytes, known: list[_Known], dry_run: bool
) -> _Known:
    library = _Known(uuid4(), name, root)
    _check_free(library, known)
    if dry_run:
        return library
    return msgspec.structs.replace(library, library_id=await _save(conn, library))


async def _save(conn: Connection, library: _Known) -> UUID:
    library_id = await libraries.upsert_library(
        conn, name=library.name, root=path_text(library.root), now=datetime.now(UTC)
    )
    assert library_id is not None
    return library_id

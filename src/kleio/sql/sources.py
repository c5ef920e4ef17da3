"""The texts of `queries/*.sql`: where a query stands, and its statement with every place known.

A statement is the file's text as PostgreSQL takes it (`$1` for `:name`, `%` for `%%`), comments
included, so that any position in it leads back to a line and a column of the file. That it is the
same statement that the loader sends is a test.
"""

from __future__ import annotations

import bisect
import re
from pathlib import Path

import msgspec

from kleio.db.queries import NAME_LINE, sql_folder

# In this order: what stands in comments, strings and quoted names is no parameter.
_TOKEN = re.compile(
    r"(?P<comment>--[^\n]*)|(?P<string>'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\")|(?P<cast>::)"
    r"|:(?P<parameter>\w+)|(?P<percent>%%)"
)
_ALLOW = re.compile(r"^-- Allow:\s+([a-z-]+)(?:\s+([\w.]+))?:\s+(\S.*)$")


class Allowance(msgspec.Struct, frozen=True):
    """An `-- Allow: RULE [SUBJECT]: reason` line; `reason` is its first line."""

    rule: str
    subject: str
    reason: str
    line: int


class Source(msgspec.Struct, frozen=True):
    """One query's part of a file, from its name line to the next one's.

    `text` ends with the statement's semicolon or the part's last word, `body` is where the
    statement begins in it, after the header.
    """

    name: str
    file: str
    line: int
    text: str
    body: int

    def place(self, offset: int) -> tuple[int, int]:
        """Return line and column in the file of an offset into the text."""
        return _place(self.text, offset, self.line)

    @property
    def header_lines(self) -> list[str]:
        """The name line and the comment below it."""
        return self.text[: self.body].splitlines()

    def header_place(self, key: str) -> tuple[int, int]:
        """Return the place of a header's line by its key, or of the name line."""
        for number, line in enumerate(self.header_lines):
            if line.startswith(f"-- {key}:"):
                return self.line + number, 1
        return self.line, 1

    @property
    def allowances(self) -> list[Allowance]:
        """What the header allows."""
        return _allowances(self.header_lines, self.line)


class Statement(msgspec.Struct, frozen=True):
    """A query as PostgreSQL takes it; `uses` has the offset of each parameter's every use."""

    source: Source
    text: str
    uses: dict[str, list[int]]
    moves: list[tuple[int, int]]
    """Offsets into the statement, and those into the source's text that they come from."""

    def place(self, offset: int) -> tuple[int, int]:
        """Return line and column in the file of an offset (from 0) into the statement."""
        start, origin = self.moves[bisect.bisect_right(self.moves, (offset, 1 << 60)) - 1]
        return self.source.place(origin + offset - start)


class QueryFile(msgspec.Struct, frozen=True):
    """A file of `queries/`: `head` is what stands before the first query."""

    name: str
    text: str
    head: str
    sources: list[Source]

    @property
    def label(self) -> str:
        """The file's name as findings have it."""
        return label(self.name)

    @property
    def allowances(self) -> list[Allowance]:
        """What the head allows, for the file's queries or the tables that it is about."""
        return _allowances(self.head.splitlines(), 1)

    def place(self, offset: int) -> tuple[int, int]:
        """Return line and column of an offset into the file."""
        return _place(self.text, offset, 1)


def label(file: str) -> str:
    """Return the name by which findings call a file of `queries/`."""
    return f"queries/{file}"


def read_files() -> list[QueryFile]:
    """Return all files of `queries/`, in the order of their names."""
    return [read_file(path) for path in sorted(sql_folder("queries").glob("*.sql"))]


def read_file(path: Path) -> QueryFile:
    """Return one file with its queries' parts."""
    text = path.read_text("utf-8")
    starts = list(NAME_LINE.finditer(text))
    ends = [start.start() for start in starts[1:]] + [len(text)]
    sources = []
    for start, end in zip(starts, ends, strict=True):
        part = text[start.start() : end].rstrip()
        header = re.match(r"(?:--[^\n]*(?:\n|\Z))+", part)
        sources.append(
            Source(
                name=f"{path.stem}.{start[1]}",
                file=path.name,
                line=text.count("\n", 0, start.start()) + 1,
                text=part,
                body=header.end() if header else 0,
            )
        )
    head = text[: starts[0].start()] if starts else text
    return QueryFile(name=path.name, text=text, head=head, sources=sources)


def read_statement(source: Source, parameters: tuple[str, ...]) -> Statement:
    """Return the statement of a part, its parameters numbered in the order given.

    A name that is not among them stays as it is, and PostgreSQL says where it stands.
    """
    numbers = {name: f"${number}" for number, name in enumerate(parameters, 1)}
    body = source.text[source.body :].rstrip().rstrip(";")
    parts: list[str] = []
    uses: dict[str, list[int]] = {name: [] for name in parameters}
    moves = [(0, source.body)]
    length = position = 0

    def replace(start: int, end: int, text: str) -> None:
        nonlocal length, position
        parts.append(body[position:start])
        parts.append(text)
        length += start - position + len(text)
        position = end
        moves.append((length, source.body + end))

    for token in _TOKEN.finditer(body):
        name = token["parameter"]
        if name in numbers:
            uses[name].append(length + token.start() - position)
            replace(*token.span(), numbers[name])
        elif not token["comment"]:
            for sign in re.finditer("%%", token[0]):
                replace(token.start() + sign.start(), token.start() + sign.end(), "%")
    parts.append(body[position:])
    return Statement(source=source, text="".join(parts), uses=uses, moves=moves)


def blank(text: str) -> str:
    """Return SQL with its comments and strings' contents overwritten by spaces, same length."""

    def hide(token: re.Match[str]) -> str:
        if token["comment"]:
            return " " * len(token[0])
        if token["string"] and token[0].startswith("'"):
            return "'" + re.sub(r"[^\n]", " ", token[0][1:-1]) + "'"
        return token[0]

    return _TOKEN.sub(hide, text)


def comments(text: str) -> list[int]:
    """Return where comments begin in SQL."""
    return [token.start() for token in _TOKEN.finditer(text) if token["comment"]]


def _allowances(lines: list[str], first: int) -> list[Allowance]:
    return [
        Allowance(rule=match[1], subject=match[2] or "", reason=match[3], line=first + number)
        for number, line in enumerate(lines)
        if (match := _ALLOW.match(line))
    ]


def _place(text: str, offset: int, first: int) -> tuple[int, int]:
    return first + text.count("\n", 0, offset), offset - text.rfind("\n", 0, offset)

"""PostgreSQL's own parse trees of statements: every function, operator and cast by its number.

The server writes them to the log (`debug_print_parse`), which a session may have sent to itself.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import psycopg

_TOKEN = re.compile(r'[{}()]|"(?:\\.|[^"\\])*"|(?:\\.|[^\s{}()\\])+', re.S)


@dataclass
class Node:
    """A node of a parse tree: its type as PostgreSQL writes it, and its fields."""

    kind: str
    fields: dict[str, Any] = field(default_factory=dict)

    def __getitem__(self, name: str) -> Any:
        return self.fields[name]

    def number(self, name: str) -> int:
        return int(self.fields[name])

    def children(self) -> Iterator[Node]:
        """Give the nodes right below this one."""
        for value in self.fields.values():
            yield from _nodes(value)

    def walk(self) -> Iterator[Node]:
        """Give this node and all below it."""
        yield self
        for child in self.children():
            yield from child.walk()


def _nodes(value: Any) -> Iterator[Node]:
    if isinstance(value, Node):
        yield value
    elif isinstance(value, list):
        for item in value:
            yield from _nodes(item)


def parse_tree(conn: psycopg.Connection[Any], statement: str) -> Node:
    """Return the Query that PostgreSQL makes of a statement with `$n` parameters."""
    found: list[str] = []

    def note(diagnostic: psycopg.errors.Diagnostic) -> None:
        if diagnostic.message_primary == "parse tree:":
            found.append(diagnostic.message_detail or "")

    conn.add_notice_handler(note)
    try:
        with conn.transaction(force_rollback=True):
            conn.execute("SET LOCAL client_min_messages = log")
            conn.execute("SET LOCAL debug_pretty_print = off")
            conn.execute("SET LOCAL debug_print_parse = on")
            found.clear()
            conn.execute(f"PREPARE kleio_parsed AS {statement}".encode())
            conn.execute("DEALLOCATE kleio_parsed")
    finally:
        conn.remove_notice_handler(note)
    # PREPARE itself is a tree too, of a utility.
    (text,) = [text for text in found if not text.startswith("{QUERY :commandType 6 ")]
    tokens = iter(_TOKEN.findall(text))
    tree: Node = _value(next(tokens), tokens)
    return tree


def _value(token: str, tokens: Iterator[str]) -> Any:
    if token == "{":
        node = Node(next(tokens))
        name = ""
        for token in tokens:
            if token == "}":
                return node
            if token.startswith(":"):
                name = token[1:]
                node.fields[name] = None
            elif node.fields[name] is None:
                node.fields[name] = _value(token, tokens)
            else:
                # The bytes of a constant: its length is enough.
                _value(token, tokens)
    if token == "(":
        items: list[Any] = []
        for token in tokens:
            if token == ")":
                return items
            items.append(_value(token, tokens))
    return token

"""All queries with their texts and functions, and what keeps any of them from being loaded."""

from __future__ import annotations

import ast as python
import importlib
import pkgutil
import re
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import Any

import kleio.repositories
from kleio.db.queries import WRITE_VERBS, Query, QueryError, namespace
from kleio.sql.findings import Finding
from kleio.sql.sources import QueryFile, Source, Statement, read_files, read_statement


class Entry:
    """One query: `query` as the loader has it, `source` in its file, `function` bound to it."""

    def __init__(self, query: Query, source: Source, function: Callable[..., Any] | None) -> None:
        self.query = query
        self.source = source
        self.function = function

    @cached_property
    def statement(self) -> Statement:
        """The query as PostgreSQL takes it."""
        return read_statement(self.source, self.query.parameters)

    @cached_property
    def tree(self) -> Any:
        """The statement's parse tree (a node of `pglast.ast`).

        Raises:
            ToolMissing: pglast is not installed.
            SyntaxProblem: the statement is none.
        """
        from kleio.sql.trees import parse

        return parse(self.statement.text)

    @property
    def writes(self) -> bool:
        """Whether it writes, locks, or calls a function that may: its verb says so too."""
        from kleio.sql.trees import is_write

        verb = self.query.name.partition(".")[2].partition("_")[0]
        return verb in WRITE_VERBS or is_write(self.tree)

    def finding(self, rule: str, message: str, place: tuple[int, int] | None = None) -> Finding:
        """Return a finding about this query, at its name line where no place is given."""
        line, column = place or (self.source.line, 1)
        return Finding(
            f"queries/{self.source.file}", line, column, rule, message, subject=self.query.name
        )


class Inventory:
    """Every file and every query that can be loaded, and findings about the others."""

    def __init__(
        self, files: list[QueryFile], entries: dict[str, Entry], problems: list[Finding]
    ) -> None:
        self.files = files
        self.entries = entries
        self.problems = problems
        self.broken_modules = {
            Path(problem.file).stem for problem in problems if problem.file.endswith(".py")
        }

    def select(self, names: tuple[str, ...]) -> list[Entry]:
        """Return the entries of these names, `plays.list_plays`, `list_plays` or a file `plays`.

        Raises:
            KeyError: a name fits none; its argument is the name.
        """
        found: list[Entry] = []
        for name in names:
            fitting = [
                entry
                for full, entry in self.entries.items()
                if name in (full, full.partition(".")[2], full.partition(".")[0])
            ]
            if not fitting:
                raise KeyError(name)
            found += [entry for entry in fitting if entry not in found]
        return found if names else list(self.entries.values())


def load() -> Inventory:
    """Load every file and every repository; what is wrong with one hides none of the others."""
    files = read_files()
    problems: list[Finding] = []
    loaded: dict[str, Query] = {}
    whole = set()
    for file in files:
        try:
            loaded |= {query.name: query for query in namespace(file.name[:-4]).queries.values()}
            whole.add(file.name)
        except QueryError as error:
            problems.append(_in_file(file, error))
    functions: dict[str, Callable[..., Any]] = {}
    unbound = set()
    for module in pkgutil.iter_modules(kleio.repositories.__path__):
        path = f"{kleio.repositories.__name__}.{module.name}"
        try:
            imported = importlib.import_module(path)
        except QueryError as error:
            if error.file in whole:
                problems.append(_in_module(module.name, error))
            unbound.add(module.name)
            continue
        functions |= {
            f"{module.name}.{name}": value
            for name, value in vars(imported).items()
            if callable(value) and getattr(value, "__module__", "") == path
        }
    for name in loaded:
        stem, _, short = name.partition(".")
        if stem not in unbound:
            loaded[name] = namespace(stem).queries[short]  # bound by the import just now
    entries = {
        source.name: Entry(loaded[source.name], source, functions.get(source.name))
        for file in files
        for source in file.sources
        if source.name in loaded
    }
    return Inventory(files, entries, problems)


def python_place(module: str, function: str) -> tuple[str, int]:
    """Return file and line of a repository's function, the file's first where there is none."""
    path = Path(kleio.repositories.__path__[0]) / f"{module}.py"
    line = 1
    nodes = python.parse(path.read_text("utf-8")).body if path.exists() else []
    for node in nodes:
        if isinstance(node, python.AsyncFunctionDef | python.FunctionDef) and node.name == function:
            line = node.lineno
    return f"src/kleio/repositories/{module}.py", line


def _in_file(file: QueryFile, error: QueryError) -> Finding:
    message = str(error).removeprefix(f"{file.name}: ")
    # aiosql names the query, or the file and what it stumbled over, in words of its own.
    named = [
        source
        for source in file.sources
        if source.name.partition(".")[2] == error.query or _names(message, source)
    ]
    if not named:
        return Finding(file.label, 1, 1, "load", message, subject=file.name[:-4])
    source = named[0]
    line, column = source.line, 1
    for word in re.findall(r"\w+", message.rpartition(":")[2]):
        if used := re.search(rf"(?<!:):{word}\b", source.text[source.body :]):
            line, column = source.place(source.body + used.start())
    rule = "operator" if error.query else "load"
    return Finding(file.label, line, column, rule, message, subject=source.name)


def _names(message: str, source: Source) -> bool:
    return re.search(rf"\b{source.name.partition('.')[2]}\b", message) is not None


def _in_module(module: str, error: QueryError) -> Finding:
    file, line = python_place(module, error.query)
    return Finding(file, line, 1, "parameters", str(error), subject=f"{module}.{error.query}")

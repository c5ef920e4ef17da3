"""The rules of `queries/README.md`, run over all files; what a line allows is left out.

A rule is a function from what it looks at to findings; the tables below say which there are. An
allowance that allows nothing is a finding itself, so that none outlives its reason.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import msgspec

from kleio.sql import rules_citus, rules_header, rules_text, rules_use
from kleio.sql.findings import Finding
from kleio.sql.inventory import Entry, Inventory
from kleio.sql.schema import Schema
from kleio.sql.sources import Allowance, QueryFile, Source
from kleio.sql.trees import SyntaxProblem, need_parser

RULES: dict[str, str] = {
    "load": "The file loads, and the name line's parameters are the statement's.",
    "operator": "The verb of the name and the operator behind it agree.",
    "parameters": "The function of the query takes the query's parameters.",
    "syntax": "The statement is one.",
    **rules_text.RULES,
    **rules_header.RULES,
    **rules_use.RULES,
    **rules_citus.RULES,
    "allow": "An Allow line names a rule that would speak here, and a reason.",
}
"""Every rule by its name, with what it wants."""

_FILE_RULES: tuple[Callable[[QueryFile], Iterable[Finding]], ...] = (
    rules_text.file_head,
    rules_text.banner,
)
_SOURCE_RULES: tuple[Callable[[Source], Iterable[Finding]], ...] = (
    rules_text.comment,
    rules_text.percent,
    rules_text.slices,
    rules_text.line_length,
)
_ENTRY_RULES: tuple[Callable[[Entry, Schema], Iterable[Finding]], ...] = (
    rules_header.order_of_keys,
    rules_header.mandatory_keys,
    rules_header.order_of_rows,
    rules_header.measures,
    rules_header.indexes,
    rules_text.select_star,
    rules_text.offset,
    rules_text.parameter_cast,
    rules_use.function,
    rules_citus.isolation,
    rules_citus.time_in_write,
    rules_citus.volatile_in_update,
    rules_citus.statement_kind,
    rules_citus.user_of_a_query,
    rules_citus.session_setting,
    rules_citus.zone,
)
_WHOLE_RULES: tuple[Callable[[Inventory, Schema], Iterable[Finding]], ...] = (
    rules_text.parameter_type,
    rules_use.unused_function,
    rules_use.duplicate,
    rules_use.unread,
    rules_use.unnamed_index,
    rules_use.named_query,
    rules_citus.tables,
)


def lint(inventory: Inventory, schema: Schema) -> list[Finding]:
    """Return what breaks a rule in any file, in the order of the files.

    Raises:
        ToolMissing: pglast is not installed.
    """
    need_parser()
    found = list(inventory.problems)
    for file in inventory.files:
        for file_rule in _FILE_RULES:
            found += file_rule(file)
        for source in file.sources:
            for source_rule in _SOURCE_RULES:
                found += source_rule(source)
    for entry in inventory.entries.values():
        try:
            entry.tree  # noqa: B018
        except SyntaxProblem as error:
            place = entry.statement.place(error.offset)
            found.append(entry.finding("syntax", str(error), place))
            continue
        for entry_rule in _ENTRY_RULES:
            found += entry_rule(entry, schema)
    parsed = Inventory(
        inventory.files,
        {name: e for name, e in inventory.entries.items() if "tree" in vars(e)},
        inventory.problems,
    )
    for whole_rule in _WHOLE_RULES:
        found += whole_rule(parsed, schema)
    return sorted(_without_allowed(inventory.files, found))


class _Use(msgspec.Struct):
    """An allowance, what it covers, and whether it was needed."""

    allowance: Allowance
    file: QueryFile
    query: str
    was_needed: bool = False

    def covers(self, finding: Finding) -> bool:
        if finding.rule != self.allowance.rule:
            return False
        if self.query:
            return finding.subject == self.query
        if subject := self.allowance.subject:
            return finding.subject == subject or finding.subject.startswith(f"{subject}.")
        return finding.file == self.file.label


def _without_allowed(files: list[QueryFile], found: list[Finding]) -> list[Finding]:
    uses = [_Use(allowance, file, "") for file in files for allowance in file.allowances]
    uses += [
        _Use(allowance, file, source.name)
        for file in files
        for source in file.sources
        for allowance in source.allowances
    ]
    left = []
    for finding in found:
        covering = [use for use in uses if use.covers(finding)]
        for use in covering:
            use.was_needed = True
        if not covering:
            left.append(finding)
    left += [
        Finding(
            use.file.label,
            use.allowance.line,
            1,
            "allow",
            f"{use.allowance.rule} says nothing here: take the line out"
            if use.allowance.rule in RULES
            else f"there is no rule {use.allowance.rule}",
            subject=use.query,
        )
        for use in uses
        if not use.was_needed
    ]
    return left + [_malformed(file, number) for file in files for number in _malformed_lines(file)]


def _malformed_lines(file: QueryFile) -> list[int]:
    understood = {a.line for a in file.allowances}
    understood |= {a.line for source in file.sources for a in source.allowances}
    return [
        number
        for number, line in enumerate(file.text.splitlines(), 1)
        if line.startswith("-- Allow:") and number not in understood
    ]


def _malformed(file: QueryFile, number: int) -> Finding:
    return Finding(file.label, number, 1, "allow", "write `-- Allow:   RULE [SUBJECT]: reason.`")

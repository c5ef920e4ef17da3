"""What is wrong and where: the one form in which every check of `kleio sql` answers."""

from __future__ import annotations

import msgspec


class Finding(msgspec.Struct, frozen=True, order=True):
    """Something to put right.

    `file` is as a person would open it (`queries/plays.sql`), `line` and `column` count from 1;
    `rule` is the word that an `-- Allow:` line names, `subject` the query, table or index that it
    is about, `message` what is wrong and what to do.
    """

    file: str
    line: int
    column: int
    rule: str
    message: str
    subject: str = ""

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}: {self.rule}: {self.message}"

"""What `kleio sql` writes: findings, plans and statistics for a person to read."""

from __future__ import annotations

from typing import TYPE_CHECKING

import rich_click as click

from kleio.cli.runtime import fail, print_json, print_table
from kleio.words import show_text

if TYPE_CHECKING:
    from kleio.sql.findings import Finding
    from kleio.sql.plans import Plan
    from kleio.sql.samples import Value
    from kleio.sql.schema import Schema
    from kleio.sql.stats import QueryStats


def print_findings(findings: list[Finding], as_json: bool, done: str) -> None:
    """Write what has to be put right, and end the command with 1 where there is anything."""
    if as_json:
        print_json(findings)
    else:
        for finding in findings:
            click.echo(str(finding))
    if findings:
        things = "thing" if len(findings) == 1 else "things"
        fail(f"{len(findings)} {things} to put right")
    click.echo(done, err=True)


def print_values(values: dict[str, Value]) -> None:
    """Write the parameters of a query and where each comes from."""
    rows = [
        (
            f"  {name}",
            value.type,
            "NULL" if value.text is None else value.text[:60],
            value.origin,
        )
        for name, value in values.items()
    ]
    if rows:
        print_table(("  PARAMETER", "TYPE", "VALUE", "FROM"), rows)


def print_plan(plan: Plan, schema: Schema, warnings: list[str]) -> None:
    """Write a plan as a tree, with what speaks against it below."""
    words = [f"{plan.mode} plan"]
    if plan.is_run:
        words.append(f"{plan.rows:,} rows, {plan.buffers:,} buffers, {plan.milliseconds:,.3f} ms")
    words += [f"{count} partitions of {name}" for name, count in plan.partitions(schema).items()]
    click.echo(": ".join([words[0], ", ".join(words[1:])]) if words[1:] else words[0])
    for line in plan.lines():
        click.echo(show_text(line))
    for warning in warnings:
        click.secho(f"warning: {warning}", fg="yellow")


def print_stats(rows: list[QueryStats]) -> None:
    """Write a line a query, numbers under each other."""
    header = (
        *("NAME", "CALLS", "TOTAL ms", "SHARE", "MEAN ms", "STDDEV", "MAX ms"),
        *("ROWS/CALL", "BUFFERS/CALL", "READ"),
    )
    table = [
        (
            entry.name,
            f"{entry.calls:,}",
            f"{entry.total_ms:,.1f}",
            f"{entry.share:.1%}",
            f"{entry.mean_ms:,.3f}",
            f"{entry.stddev_ms:,.3f}",
            f"{entry.max_ms:,.1f}",
            f"{entry.rows / entry.calls:,.1f}",
            f"{entry.buffers / entry.calls:,.1f}",
            f"{entry.buffers_read / entry.buffers:.1%}" if entry.buffers else "-",
        )
        for entry in rows
    ]
    widths = [max(len(row[n]) for row in (header, *table)) for n in range(len(header))]
    aligned = [
        (row[0], *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)))
        for row in (header, *table)
    ]
    print_table(aligned[0], aligned[1:])

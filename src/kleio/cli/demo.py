"""`kleio demo`: options and what is printed; the data is `kleio.demo`'s, the server `serve`'s."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Any
from urllib.parse import quote_plus

import rich_click as click

from kleio.cli.runtime import (
    clear_errors,
    fail,
    open_database,
    prepare_database,
    read_settings,
    run_connected,
)
from kleio.cli.serve import (
    base_url,
    describe_database,
    listening_address,
    preload_app,
    run_server,
)
from kleio.settings import Settings

if TYPE_CHECKING:
    from psycopg import AsyncConnection

    from kleio.demo import DemoResult


@click.command("demo", epilog="Example: kleio demo --port 8080")
@click.option("--host", metavar="ADDRESS", help="Address to listen on [KLEIO_HOST; 127.0.0.1].")
@click.option("--port", type=click.IntRange(1, 65_535), help="Port [KLEIO_PORT; 8000].")
@click.option("--workers", type=click.IntRange(1, 256), help="Server processes [KLEIO_WORKERS; 1].")
@click.option(
    "--here",
    is_flag=True,
    help="Write the demo into the configured database, or beside users that are there already.",
)
def demo(host: str | None, port: int | None, workers: int | None, here: bool) -> None:
    """Serve an invented catalogue with three users, their shelves and plays, until Ctrl-C.

    The data is written at the first start, into the embedded PostgreSQL below KLEIO_HOME. A
    configured database and one with users of its own are left alone unless --here says otherwise:
    invented records are hard to tell from real ones afterwards.
    """
    settings = read_settings({"KLEIO_HOST": host, "KLEIO_PORT": port, "KLEIO_WORKERS": workers})
    if not settings.embedded and not here:
        fail(
            "a database is configured (DATABASE_URL or DB_HOST), and the demo keeps to its own; "
            "unset it, or write the demo into that one with --here",
            2,
        )
    address = listening_address(settings)
    preload = preload_app()
    with clear_errors(), open_database(settings) as conninfo:
        prepare_database(settings, conninfo)
        result = _load(settings, conninfo, here=here)
        text = _welcome(settings, describe_database(settings, conninfo), result)
        run_server(settings, conninfo, address, preload, ready=lambda: click.echo(text))


def _load(settings: Settings, conninfo: str, *, here: bool) -> DemoResult:
    from kleio.demo import DemoError, load_demo

    async def main(conn: AsyncConnection[Any], _settings: Settings) -> DemoResult:
        return await load_demo(conn, beside_others=here)

    try:
        return run_connected(main, settings, conninfo)
    except DemoError as error:
        fail(f"{error}; choose another KLEIO_HOME, or put the demo there anyway with --here")


def _welcome(settings: Settings, database: str, result: DemoResult) -> str:
    api = f"{base_url(settings)}/api/v1"
    token = f"Authorization: Bearer {result.token}"

    def curl(path: str) -> str:
        return f"  curl -s -H {shlex.quote(token)} {shlex.quote(api + path)}"

    return "\n".join(
        (
            f"Kleio serves its demo on {base_url(settings)}, {database}",
            f"Users: {', '.join(result.users)}. Open the address and sign in with a token, or send "
            f"it along; {result.owner}'s, until the next start:",
            f"  {result.token}",
            f"{result.owner}'s shelf, the newest five:",
            curl("/collection?limit=5"),
            f"What {result.owner} could play now, and why:",
            curl("/recommendations?limit=3"),
            f'A search with a typo, for "{result.title}":',
            curl(f"/releases?limit=5&q={quote_plus(result.search)}"),
            "One release with its tracks:",
            curl(f"/releases/{result.release_id}"),
            f"All of the API: {base_url(settings)}/docs    Ctrl-C stops it.",
        )
    )

"""The application: what all routes share, and the life of a server worker.

`create_app` is the factory that the server calls in each worker; it reads the settings from the
environment. Nothing here knows a noun but the list of routers.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from litestar import Litestar, Router
from litestar.config.compression import CompressionConfig
from litestar.datastructures import State
from litestar.exceptions import HTTPException
from litestar.middleware import DefineMiddleware

from kleio.account_rules import InvalidField
from kleio.cache import Cache
from kleio.db.citus import is_distributed
from kleio.db.errors import DatabaseError
from kleio.db.health import check_ready
from kleio.db.pool import Database
from kleio.db.replica import Replica, Writes
from kleio.db.session import check_session
from kleio.discogs.worker import SyncWorker
from kleio.health import HealthCheck
from kleio.http import (
    albums,
    artists,
    cleanings,
    collection,
    docs,
    erasure,
    exports,
    folders,
    genres,
    health,
    imports,
    labels,
    library_artists,
    library_stats,
    log,
    metrics,
    plays,
    problems,
    recommendations,
    releases,
    search,
    session,
    shelf_matches,
    songs,
    stats,
    styles,
    styluses,
    sync,
    user_songs,
    users,
)
from kleio.http.auth import NO_AUTH, Authentication, SessionReader, TokenUse
from kleio.http.bodies import StrictRequest
from kleio.http.compression import Compression
from kleio.http.guesses import Guesses
from kleio.http.import_tasks import ImportTasks
from kleio.http.observe import ObservedApplication
from kleio.http.query_names import known_query_names
from kleio.maintenance import maintain_on_schedule
from kleio.settings import Settings, load_settings
from kleio.sight import logs
from kleio.sight.cells import DIRECTORY_VARIABLE
from kleio.tasks import end_tasks
from kleio.web.errors import page_or_problem
from kleio.web.router import router as page

START_SECONDS = 10.0
"""How long a worker that starts waits for its first connection."""

PUBLISH_SECONDS = 5.0
"""How old the numbers of another worker's pool may be in the metrics."""


def create_app(settings: Settings | None = None) -> ObservedApplication:
    """Return the application of one worker.

    Args:
        settings: from the environment where None; they must name a database.
    """
    settings = settings or load_settings()
    logs.configure(settings.log_level, settings.log_format)
    conninfo, direct = settings.conninfo(), settings.direct_conninfo()
    if conninfo is None or direct is None:
        raise RuntimeError("no database: start the server with `kleio serve`")
    database = Database(settings, conninfo)
    writes = _follow_replica(settings, database)
    token_use = TokenUse(database)
    import_tasks = ImportTasks(database)
    sync_worker = SyncWorker(settings, direct, database)
    cache = Cache(settings.cache_url)

    @asynccontextmanager
    async def lifespan(_app: Litestar) -> AsyncIterator[None]:
        await database.open()
        try:
            async with database.connection(wait=START_SECONDS) as conn:
                await check_ready(conn)
                database.is_distributed = await is_distributed(conn)
                await check_session(conn, statement_timeout=settings.db_statement_timeout)
            tasks = [
                asyncio.create_task(token_use.run()),
                asyncio.create_task(sync_worker.run()),
                asyncio.create_task(maintain_on_schedule(settings, direct)),
                asyncio.create_task(_publish(app)),
            ]
            if database.replica is not None:
                await database.replica.database.open()
                tasks.append(asyncio.create_task(database.replica.watch()))
            try:
                yield
            finally:
                await import_tasks.close()
                await end_tasks(tasks)
                await token_use.flush()
        finally:
            await cache.close()
            if database.replica is not None:
                await database.replica.database.close()
            await database.close()
            if app.tracing is not None:
                await asyncio.to_thread(app.tracing.close)

    api = Router(
        "/api/v1",
        route_handlers=[
            session.router,
            users.router,
            releases.router,
            artists.router,
            labels.router,
            genres.router,
            styles.router,
            collection.router,
            plays.router,
            cleanings.router,
            log.router,
            styluses.router,
            stats.router,
            recommendations.router,
            folders.router,
            songs.router,
            albums.router,
            library_artists.router,
            library_stats.router,
            user_songs.router,
            search.router,
            shelf_matches.router,
            exports.router,
            erasure.router,
            imports.router,
            sync.router,
        ],
        middleware=[DefineMiddleware(Authentication, exclude_from_auth_key=NO_AUTH)],
        guards=[known_query_names],
        request_class=StrictRequest,
        response_headers=[docs.ATTRIBUTION_HEADER],
    )
    app = ObservedApplication(
        route_handlers=[
            api,
            page,
            health.router,
            metrics.router,
            docs.openapi_document,
            docs.docs_asset,
        ],
        lifespan=[lifespan],
        state=State(
            {
                "database": database,
                "sessions": SessionReader(database),
                "token_use": token_use,
                "guesses": Guesses(database, settings),
                "writes": writes,
                "settings": settings,
                "import_tasks": import_tasks,
                "exporting": set(),
                "sync_worker": sync_worker,
                "cache": cache,
                "songs": songs.SongReader(database, cache),
                "health_check": HealthCheck(database, cache),
            }
        ),
        openapi_config=docs.openapi_config(),
        plugins=[docs.StrictSchemas()],
        exception_handlers={
            problems.ProblemError: problems.handle_problem,
            InvalidField: problems.handle_invalid_field,
            DatabaseError: problems.handle_database_error,
            HTTPException: page_or_problem,
            Exception: problems.handle_bug,
        },
        # As many bytes of a shelf page as zlib's level 5, in a third of the time.
        compression_config=CompressionConfig(
            backend="gzip",
            minimum_size=1024,
            gzip_compress_level=4,
            middleware_class=Compression,
        ),
        request_max_body_size=settings.max_body_bytes,
        logging_config=None,
    )
    app.observe(settings)
    app.writes = writes
    return app


def _follow_replica(settings: Settings, database: Database) -> Writes | None:
    """Give the database its replica, where there is one, and return who wrote when."""
    conninfo = settings.replica_conninfo()
    if conninfo is None:
        return None
    database.replica = Replica(settings, conninfo, database)
    shared = os.environ.get(DIRECTORY_VARIABLE)
    return Writes(Path(shared) if shared else None)


async def _publish(app: ObservedApplication) -> None:
    """Bring this worker's pool and cache into the meters, which any worker may be asked for."""
    while True:
        app.meters.publish(app.state.database.stats(), app.state.cache.counters)
        await asyncio.sleep(PUBLISH_SECONDS)

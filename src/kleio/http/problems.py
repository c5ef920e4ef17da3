"""Errors as RFC 9457 problem details: the one place where an error becomes an answer.

Every error of the API has this shape, those of the router and of bugs included. The text of the
database never leaves the server; a request id ties an answer to the log.
"""

from __future__ import annotations

import logging
from http import HTTPStatus
from typing import Any

import msgspec
from litestar import Request, Response
from litestar.enums import ParamType
from litestar.exceptions import HTTPException, ValidationException
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import ParameterKwarg

from kleio.account_rules import InvalidField
from kleio.db import errors
from kleio.http.fields import in_words
from kleio.http.methods import allow
from kleio.sight.context import request_id

logger = logging.getLogger("kleio.http")

PROBLEM_JSON = "application/problem+json"

BODY_UNREADABLE = "not valid JSON"

MAX_NAME_LENGTH = 100
"""How much of a field's name an answer repeats; the client may have made it up."""


class FieldProblem(msgspec.Struct, frozen=True, rename="camel"):
    """What is wrong with one field: its name, where it stands, and why."""

    field: str
    source: str
    message: str


class Problem(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """RFC 9457's members, and `requestId` and `errors` of our own.

    `type` is stable and meant for programs, `title` is the same for all problems of a type,
    `detail` tells of this one.
    """

    type: str
    title: str
    status: int
    detail: str
    request_id: str
    instance: str | None = None
    errors: list[FieldProblem] = []


class ProblemError(Exception):
    """Raised by a handler to answer with a problem.

    Args:
        status: the HTTP status.
        slug: the last part of the type, such as `not-found`.
        detail: a sentence for people.
        errors: the fields at fault.
        headers: further response headers.
    """

    def __init__(
        self,
        status: HTTPStatus,
        slug: str,
        detail: str,
        *,
        errors: list[FieldProblem] | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.slug = slug
        self.detail = detail
        self.errors = errors or []
        self.headers = headers or {}


def not_found(what: str, *, field: str | None = None) -> ProblemError:
    """Return the problem of something that does not exist, or that the user may not see.

    Args:
        what: the thing, as people call it.
        field: the body's field that refers to it, where there is one.
    """
    detail = f"There is no such {what}."
    if field is None:
        return ProblemError(HTTPStatus.NOT_FOUND, "not-found", detail)
    return ProblemError(
        HTTPStatus.NOT_FOUND,
        "not-found",
        f"{field}: {detail}",
        errors=[FieldProblem(field, "body", detail)],
    )


def invalid_field(field: str, message: str, *, source: str = "body") -> ProblemError:
    """Return the problem of one field with a value that is not allowed."""
    field = field[:MAX_NAME_LENGTH]
    return ProblemError(
        HTTPStatus.BAD_REQUEST,
        "invalid-request",
        f"{field}: {message}",
        errors=[FieldProblem(field, source, message)],
    )


def unauthorized(detail: str) -> ProblemError:
    """Return the problem of a request without a valid token."""
    return ProblemError(
        HTTPStatus.UNAUTHORIZED,
        "unauthorized",
        detail,
        headers={"WWW-Authenticate": 'Bearer realm="kleio"'},
    )


def forbidden(detail: str) -> ProblemError:
    """Return the problem of a request that this user may not make."""
    return ProblemError(HTTPStatus.FORBIDDEN, "forbidden", detail)


# A reference that fails, by the foreign key where the server names it: the field at fault.
_FIELDS_BY_CONSTRAINT = {
    "user_releases_folder_id_fkey": ("folderId", "There is no such folder."),
    "user_releases_release_id_fkey": ("releaseId", "There is no such release."),
    "play_history_release_id_fkey": ("releaseId", "There is no such release."),
    "play_history_user_release_id_fkey": ("copyId", "There is no such copy."),
    "play_history_stylus_id_fkey": ("stylusId", "There is no such stylus."),
    "play_history_side_check": ("side", "One or two letters, A to Z."),
    "play_history_duration_check": ("durationSeconds", "0 to 48 hours."),
    "cleaning_history_release_id_fkey": ("releaseId", "There is no such release."),
    "cleaning_history_user_release_id_fkey": ("copyId", "There is no such copy."),
    "styluses_model_id_fkey": ("modelId", "There is no such model."),
    "styluses_primary_check": ("primary", "Only an active stylus can be primary."),
    "styluses_user_primary_key": ("primary", "Another one was made primary at the same time."),
    "library_artists_artist_id_fkey": ("artistId", "There is no such artist."),
    "users_username_key": ("username", "The name is taken."),
    "users_email_key": ("email", "The address is taken."),
    "users_username_check": (
        "username",
        "1 to 64 letters, digits, dots, dashes and underscores, the first a letter or digit.",
    ),
    "users_email_check": ("email", "Not an e-mail address."),
    "folders_user_id_number_key": ("number", "The number is taken."),
}

_BY_DATABASE_ERROR: tuple[tuple[type[errors.DatabaseError], HTTPStatus, str, str], ...] = (
    (errors.Conflict, HTTPStatus.CONFLICT, "conflict", "It exists already."),
    (
        errors.MissingReference,
        HTTPStatus.NOT_FOUND,
        "not-found",
        "Something that the request refers to does not exist.",
    ),
    (errors.InvalidData, HTTPStatus.BAD_REQUEST, "invalid-request", "A value is not allowed."),
    (
        errors.Overloaded,
        HTTPStatus.SERVICE_UNAVAILABLE,
        "overloaded",
        "The server is busy; try again.",
    ),
    (
        errors.StatementTimeout,
        HTTPStatus.SERVICE_UNAVAILABLE,
        "timeout",
        "The request took too long; narrow it down or try again.",
    ),
    (
        errors.Contention,
        HTTPStatus.SERVICE_UNAVAILABLE,
        "contention",
        "Another request was in the way; try again.",
    ),
    (
        errors.Unavailable,
        HTTPStatus.SERVICE_UNAVAILABLE,
        "unavailable",
        "The database is not available; try again.",
    ),
    (
        errors.NotMigrated,
        HTTPStatus.SERVICE_UNAVAILABLE,
        "unavailable",
        "The database is not ready for this version.",
    ),
)

_SLUGS = {
    HTTPStatus.BAD_REQUEST: "invalid-request",
    HTTPStatus.UNAUTHORIZED: "unauthorized",
    HTTPStatus.FORBIDDEN: "forbidden",
    HTTPStatus.NOT_FOUND: "not-found",
    HTTPStatus.METHOD_NOT_ALLOWED: "method-not-allowed",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "too-large",
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE: "unsupported-media-type",
}


def from_database_error(error: errors.DatabaseError) -> ProblemError:
    """Return the problem that a client sees for an error of the database."""
    for kind, status, slug, detail in _BY_DATABASE_ERROR:
        if not isinstance(error, kind):
            continue
        found = _FIELDS_BY_CONSTRAINT.get(error.constraint or "")
        fields = [FieldProblem(found[0], "body", found[1])] if found else []
        return ProblemError(
            status,
            slug,
            f"{found[0]}: {found[1]}" if found else detail,
            errors=fields,
            headers={"Retry-After": "1"} if status is HTTPStatus.SERVICE_UNAVAILABLE else None,
        )
    return bug()


def bug() -> ProblemError:
    """Return the problem of what is the server's own fault."""
    return ProblemError(
        HTTPStatus.INTERNAL_SERVER_ERROR, "internal-error", "The server failed; it is logged."
    )


def from_http_exception(error: HTTPException, request: Request[Any, Any, Any]) -> ProblemError:
    """Return the problem for an error of the framework: routing, size, validation."""
    status = HTTPStatus(error.status_code)
    slug = _SLUGS.get(status, f"http-{status.value}")
    if isinstance(error, ValidationException):
        fields = _validation_errors(error, request)
        detail = "; ".join(f"{f.field}: {f.message}" for f in fields) or "The request is not valid."
        return ProblemError(status, slug, detail, errors=fields)
    if status is HTTPStatus.INTERNAL_SERVER_ERROR:
        return bug()
    detail = status.description or status.phrase
    headers = dict(error.headers or {})
    if "allow" in headers:
        headers["allow"] = allow(headers["allow"].split(", "))
    return ProblemError(status, slug, detail, headers=headers)


def _validation_errors(
    error: ValidationException, request: Request[Any, Any, Any]
) -> list[FieldProblem]:
    if not isinstance(error.extra, list):
        return _missing_parameters(request)
    return [_field_problem(entry, request) for entry in error.extra if isinstance(entry, dict)]


def _missing_parameters(request: Request[Any, Any, Any]) -> list[FieldProblem]:
    """Return the parameters that the handler needs and the request lacks.

    The framework gives up at the first one, and names it only in the middle of a sentence.
    """
    return [
        FieldProblem(name, "query", "needed")
        for parameter in request.route_handler.parsed_fn_signature.parameters.values()
        if isinstance(definition := parameter.kwarg_definition, ParameterKwarg)
        and definition.param_type is ParamType.QUERY
        and parameter.is_required
        and (name := definition.name or camel(parameter.name)) not in request.query_params
    ]


def _field_problem(entry: dict[str, Any], request: Request[Any, Any, Any]) -> FieldProblem:
    name, message = str(entry.get("key", "")), str(entry.get("message", "not valid"))
    source = entry.get("source")
    if name == "data":  # what else is wrong with a body, kleio.http.bodies says
        return FieldProblem("body", "body", "needed")
    return FieldProblem(
        _api_name(name, request), str(getattr(source, "value", source)), in_words(message)
    )


def _api_name(name: str, request: Request[Any, Any, Any]) -> str:
    """Return what clients call a handler's parameter."""
    parameter = request.route_handler.parsed_fn_signature.parameters.get(name)
    definition = None if parameter is None else parameter.kwarg_definition
    return getattr(definition, "name", None) or camel(name)


def camel(name: str) -> str:
    """Return what the API calls a name of the code's."""
    head, *rest = name.split("_")
    return head + "".join(part.capitalize() for part in rest)


def log_failure(
    request: Request[Any, Any, Any], error: ProblemError, cause: Exception | None = None
) -> None:
    """Log a problem in one line, where it is the server's and not the client's.

    Args:
        request: that failed.
        error: what the client is told.
        cause: what it is not told; of a bug the log has all of it.
    """
    if error.status.value < 500:
        return
    logger.log(
        logging.WARNING if error.slug == "overloaded" else logging.ERROR,
        "%s %s: %d %s (request %s)%s",
        request.method,
        request.url.path,
        error.status.value,
        error.slug,
        request_id(request.scope),
        "" if cause is None else f": {cause}",
        exc_info=cause if error.slug == "internal-error" else None,
    )


def respond(
    request: Request[Any, Any, Any], error: ProblemError, cause: Exception | None = None
) -> Response[Problem]:
    """Return the response of a problem, and log it with its cause where it is the server's."""
    log_failure(request, error, cause)
    number = request_id(request.scope)
    problem = Problem(
        type=f"urn:kleio:problem:{error.slug}",
        title=error.status.phrase,
        status=error.status.value,
        detail=error.detail,
        instance=request.url.path,
        request_id=number,
        errors=error.errors,
    )
    return Response(
        problem,
        status_code=error.status.value,
        media_type=PROBLEM_JSON,
        headers={**error.headers, "X-Request-Id": number, "Cache-Control": "no-store"},
    )


def handle_problem(request: Request[Any, Any, Any], error: ProblemError) -> Response[Problem]:
    """Answer a problem that a handler raised."""
    return respond(request, error)


def handle_invalid_field(request: Request[Any, Any, Any], error: InvalidField) -> Response[Problem]:
    """Answer a rule of accounts that a field breaks."""
    return respond(request, invalid_field(error.field, error.problem))


def handle_database_error(
    request: Request[Any, Any, Any], error: errors.DatabaseError
) -> Response[Problem]:
    """Answer an error of the database."""
    return respond(request, from_database_error(error), error)


def handle_http_exception(
    request: Request[Any, Any, Any], error: HTTPException
) -> Response[Problem]:
    """Answer an error of the framework."""
    return respond(request, from_http_exception(error, request))


def handle_bug(request: Request[Any, Any, Any], error: Exception) -> Response[Problem]:
    """Answer anything else: a bug, told in the log and not to the client."""
    logger.error("unhandled error", exc_info=error)
    return respond(request, bug())


def documented(*statuses: int) -> dict[int, ResponseSpec]:
    """Return the OpenAPI responses of the problems that a handler may answer with.

    Args:
        statuses: beside 400 (an unknown parameter), 500 and 503, which any of them may answer; with
            413, for a handler that takes a body, comes 415; with 401 comes 429.
    """
    # 429: an address that has tried too many tokens, 401's brother.
    always = {400, 500, 503}
    always |= {415} if 413 in statuses else set()
    always |= {429} if 401 in statuses else set()
    return {
        status: ResponseSpec(
            Problem,
            description=HTTPStatus(status).phrase,
            media_type=PROBLEM_JSON,
            generate_examples=False,
        )
        for status in sorted({*statuses, *always})
    }

"""Errors as people see them: a page of their own, or a note on the page that is open.

What went wrong is said by the same problems that the API answers with; here they are only drawn.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from typing import Any

from litestar import Request, Response
from litestar.exceptions import HTTPException

from kleio.account_rules import InvalidField
from kleio.db.errors import DatabaseError
from kleio.http import problems
from kleio.http.problems import ProblemError
from kleio.sight.context import request_id
from kleio.web import words
from kleio.web.query_strings import EmptyParameters
from kleio.web.rendering import render, see_other, wants_fragment
from kleio.web.sessions import SignInNeeded, sign_in_path

_TITLES = {
    HTTPStatus.NOT_FOUND: "Not on this shelf",
    HTTPStatus.FORBIDDEN: "Not from here",
    HTTPStatus.SERVICE_UNAVAILABLE: "The needle is lifted",
    HTTPStatus.INTERNAL_SERVER_ERROR: "A scratch in the record",
}


def show(
    request: Request[Any, Any, Any], error: ProblemError, cause: Exception | None = None
) -> Response[str]:
    """Return a problem as a page, or as a note for one that is open."""
    problems.log_failure(request, error, cause)
    fragment = wants_fragment(request)
    headers = {name: value for name, value in error.headers.items() if name != "WWW-Authenticate"}
    headers |= {"X-Request-Id": request_id(request.scope)}
    if fragment:
        headers |= {"HX-Retarget": "#notes", "HX-Reswap": "innerHTML"}
    return render(
        request,
        "parts/problem.html" if fragment else "problem.html",
        status=error.status,
        headers=headers,
        title=_TITLES.get(error.status, "That did not work"),
        detail=in_sentence(error),
        status_code=error.status.value,
        number=request_id(request.scope),
    )


def in_sentence(error: ProblemError) -> str:
    """Return what is wrong, each field by the name that people see."""
    if not error.errors:
        return error.detail
    return " ".join(
        f"{words.field(field.field)}: {field.message.rstrip('.')}." for field in error.errors
    )


class Refused(Exception):
    """Raised where a form can't be done: what is wrong, for the page that shows the form again."""

    def __init__(self, problem: ProblemError) -> None:
        super().__init__(problem.detail)
        self.problem = problem
        self.status = problem.status
        self.says = in_sentence(problem)


@contextmanager
def refusals(
    request: Request[Any, Any, Any], *, always: HTTPStatus | None = None
) -> Iterator[None]:
    """Let a form that was sent without scripts be shown again with what was typed into it.

    With scripts its page is still open, and what is wrong becomes a note there.

    Args:
        request: of the page.
        always: what is wrong with this status shows the form again with scripts too.

    Raises:
        Refused: something is wrong with the form; failures of the server pass as they are.
    """
    try:
        yield
    except (ProblemError, InvalidField, DatabaseError) as error:
        problem = _as_problem(error)
        is_noted = wants_fragment(request) and problem.status is not always
        if problem.status.value >= 500 or is_noted:
            raise
        raise Refused(problem) from error


def _as_problem(error: ProblemError | InvalidField | DatabaseError) -> ProblemError:
    if isinstance(error, InvalidField):
        return problems.invalid_field(error.field, error.problem)
    return problems.from_database_error(error) if isinstance(error, DatabaseError) else error


def _lead_to_sign_in(request: Request[Any, Any, Any], _error: SignInNeeded) -> Response[str]:
    return see_other(request, sign_in_path(request))


def _without_empty(request: Request[Any, Any, Any], error: EmptyParameters) -> Response[str]:
    # A search field that was emptied: its script goes on to what is there without a search.
    return see_other(request, error.path, same_part=True)


def _problem(request: Request[Any, Any, Any], error: ProblemError) -> Response[str]:
    return show(request, error)


def _invalid_field(request: Request[Any, Any, Any], error: InvalidField) -> Response[str]:
    return show(request, _as_problem(error))


def _database_error(request: Request[Any, Any, Any], error: DatabaseError) -> Response[str]:
    return show(request, _as_problem(error), error)


def _http_exception(request: Request[Any, Any, Any], error: HTTPException) -> Response[str]:
    return show(request, problems.from_http_exception(error, request))


def _bug(request: Request[Any, Any, Any], error: Exception) -> Response[str]:
    problems.logger.error("unhandled error", exc_info=error)
    return show(request, problems.bug())


HANDLERS: dict[Any, Any] = {
    SignInNeeded: _lead_to_sign_in,
    EmptyParameters: _without_empty,
    ProblemError: _problem,
    InvalidField: _invalid_field,
    DatabaseError: _database_error,
    HTTPException: _http_exception,
    Exception: _bug,
}
"""By their errors, for the routes of the page."""


def page_or_problem(request: Request[Any, Any, Any], error: HTTPException) -> Response[Any]:
    """Answer an address that nothing serves: people with a page, programs with a problem."""
    is_person = "text/html" in request.headers.get("accept", "")
    if is_person and not request.url.path.startswith("/api/"):
        return _http_exception(request, error)
    return problems.handle_http_exception(request, error)

"""Forms with a file, read as they come: the fields first, then the file, never all in memory.

The page's token has to stand before the file, so that nothing of a file is kept that the page did
not send.
"""

from __future__ import annotations

from typing import Any, BinaryIO

import multipart
from litestar import Request

from kleio.http.bodies import refuse_encoded
from kleio.http.import_start import check_length
from kleio.http.problems import invalid_field
from kleio.web.sessions import CSRF_FIELD, CSRF_HEADER, check_form

FILE = "file"
MAX_FIELDS = 20
MAX_FIELD_BYTES = 4096


async def receive_file(
    request: Request[Any, Any, Any], file: BinaryIO
) -> tuple[str, dict[str, str]]:
    """Write the file of a form and return its name and the fields before it.

    Raises:
        ProblemError: 400 where the form is damaged or has no file, 403 where it is not from the
            page, 413 where the file is too long, 415 where it is
            compressed.
    """
    refuse_encoded(request)
    form = _Form(request, file)
    try:
        with multipart.PushMultipartParser(
            request.content_type[1].get("boundary", ""),
            max_segment_count=MAX_FIELDS,
            strict=True,
        ) as parser:
            async for block in request.stream():
                if block:
                    for event in parser.parse(block):
                        form.take(event)
    except multipart.MultipartError as error:
        raise invalid_field("body", "the form did not arrive whole") from error
    if not form.file_name:
        form.check()
        raise invalid_field(FILE, "choose one first")
    return form.file_name, form.fields


class _Form:
    def __init__(self, request: Request[Any, Any, Any], file: BinaryIO) -> None:
        self.fields: dict[str, str] = {}
        self.file_name = ""
        self._request = request
        self._file = file
        self._received = 0
        self._is_checked = CSRF_HEADER in request.headers  # and so looked at already
        self._segment: multipart.MultipartSegment | None = None
        self._text = bytearray()

    def check(self) -> None:
        """Refuse a form that is not from the page."""
        if not self._is_checked:
            check_form(self.fields.get(CSRF_FIELD, ""), self._request.auth)
            self._is_checked = True

    def take(self, event: multipart.MultipartSegment | bytearray | None) -> None:
        """Take the beginning of a field, a piece of its value, or its end."""
        if isinstance(event, multipart.MultipartSegment):
            self._segment = event
            self._text.clear()
            if event.filename:
                self.check()
                self.file_name = event.filename
        elif self._segment is None:
            return
        elif self._segment.filename:
            if event is not None:
                self._received += len(event)
                check_length(self._request, self._received)
                self._file.write(event)
        elif event is not None:
            self._text += event
            if len(self._text) > MAX_FIELD_BYTES:
                raise invalid_field(self._segment.name, "too long")
        else:
            try:
                self.fields[self._segment.name] = self._text.decode()
            except UnicodeDecodeError as error:
                raise invalid_field(self._segment.name, "not UTF-8") from error

"""The OpenAPI document at /openapi.json and a page to read and try it at /docs.

The page's parts (Swagger UI) come from a package and are served from here; nothing is fetched from
elsewhere.
"""

from __future__ import annotations

import functools
import importlib.util
import re
from dataclasses import fields
from http import HTTPStatus
from pathlib import Path
from typing import Any, get_origin

import msgspec
from litestar import Litestar, Request, Response, Router, get
from litestar._openapi.schema_generation import SchemaCreator
from litestar._openapi.schema_generation.plugins.struct import StructSchemaPlugin
from litestar.datastructures import ResponseHeader
from litestar.handlers import HTTPRouteHandler
from litestar.openapi import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin, SwaggerRenderPlugin
from litestar.openapi.spec import Components, OpenAPI, Schema, SecurityScheme
from litestar.params import FromPath
from litestar.typing import FieldDefinition

from kleio import __version__
from kleio.discogs import ATTRIBUTION, NOTICE, SITE_URL
from kleio.export import MEDIA_TYPES
from kleio.http.auth import NO_AUTH
from kleio.http.problems import camel, not_found
from kleio.http.security import page_policy

ATTRIBUTION_HEADER = ResponseHeader(
    name="X-Attribution",
    value=f"{ATTRIBUTION} {SITE_URL}",
    description="What to show beside data of the catalogue, with a link to Discogs.",
)
"""On every answer of the API: most of them hold something of the catalogue."""

_ASSETS = {
    "swagger-ui-bundle.js": ("swagger_bundle.js", "text/javascript"),
    "swagger-ui-standalone-preset.js": ("swagger_preset.js", "text/javascript"),
    "swagger-ui.css": ("swagger_style.css", "text/css"),
}


_HEADERS = {
    "304": ("If-None-Match", "The `ETag` of an earlier answer: 304 while it is still the same."),
    "412": (
        "If-Match",
        "The `ETag` of the version to change: 412 where it is not the current one.",
    ),
    "422": (
        "Idempotency-Key",
        "1 to 255 characters of the client's choice: what is sent again with them is done once, "
        "and answered alike; 422 where it is another request.",
    ),
}
"""By the status that nothing else brings about: the header that a handler takes."""

_PATH_PARAMETER = re.compile(r"\{(\w+)\}")


def _asset_folder() -> Path:
    """Return the package's folder without importing it, which would read all of it into memory."""
    spec = importlib.util.find_spec("offapi")
    if spec is None or not spec.submodule_search_locations:
        raise RuntimeError("the package offapi is not installed")
    return Path(spec.submodule_search_locations[0])


@get("/docs/assets/{name:str}", opt={NO_AUTH: True}, include_in_schema=False)
async def docs_asset(name: FromPath[str]) -> Response[bytes]:
    """Return a file of the documentation page."""
    if name not in _ASSETS:
        raise not_found("file")
    file, media_type = _ASSETS[name]
    return Response(
        (_asset_folder() / file).read_bytes(),
        media_type=media_type,
        headers={"Cache-Control": "public, max-age=86400"},
    )


@get("/openapi.json", opt={NO_AUTH: True}, include_in_schema=False)
async def openapi_document(request: Request[Any, Any, Any]) -> Response[bytes]:
    """Return the OpenAPI document, encoded once in a worker's life."""
    return Response(_encoded_document(request.app), media_type="application/json")


@functools.cache
def _encoded_document(app: Litestar) -> bytes:
    return msgspec.json.encode(app.openapi_schema.to_schema())


class StrictSchemas(StructSchemaPlugin):
    """Says of Structs that refuse unknown fields that they do."""

    def to_openapi_schema(
        self, field_definition: FieldDefinition, schema_creator: SchemaCreator
    ) -> Schema:
        """Return the schema of a Struct."""
        schema = super().to_openapi_schema(field_definition, schema_creator)
        struct = get_origin(field_definition.annotation) or field_definition.annotation
        if struct.__struct_config__.forbid_unknown_fields:
            schema.additional_properties = False
        return schema


class Document(OpenAPI):
    """The document with what the handlers leave to this place."""

    def to_schema(self) -> dict[str, Any]:
        """Return it as JSON's objects, path parameters in camelCase and headers among them."""
        document = super().to_schema()
        document["paths"] = {
            documented_path(path): item for path, item in document["paths"].items()
        }
        for item in document["paths"].values():
            for operation in item.values():
                for parameter in operation.get("parameters", ()):
                    if parameter["in"] == "path":
                        parameter["name"] = camel(parameter["name"])
                _name_formats(operation)
                headers = [
                    {
                        "name": name,
                        "in": "header",
                        "description": description,
                        "required": False,
                        "schema": {"type": "string"},
                    }
                    for status, (name, description) in _HEADERS.items()
                    if status in operation["responses"]
                ]
                if headers:
                    operation["parameters"] = [*operation.get("parameters", ()), *headers]
        return document


def _name_formats(operation: dict[str, Any]) -> None:
    """Name the other files that a parameter `format` makes; the framework knows one."""
    content = operation["responses"].get("200", {}).get("content", {})
    for parameter in operation.get("parameters", ()):
        if parameter["name"] == "format" and "text/csv" in content:
            for form in parameter["schema"]["enum"]:
                media_type = MEDIA_TYPES[form].partition(";")[0]
                kind = "object" if form == "json" else "string"
                content.setdefault(media_type, {"schema": {"type": kind}})


def documented_path(path: str) -> str:
    """Return a path as the document has it: its parameters are called as they are in errors."""
    return _PATH_PARAMETER.sub(lambda match: f"{{{camel(match[1])}}}", path)


async def _page(response: Response[Any]) -> Response[Any]:
    """Say what the page may load; answer a missing one as everywhere, and not with HTML."""
    if response.status_code == HTTPStatus.NOT_FOUND:
        raise not_found("page")
    page = response.content
    if isinstance(page, str | bytes):
        text = page.encode() if isinstance(page, str) else page
        response.headers["Content-Security-Policy"] = page_policy(text)
    return response


def _operation_id(handler: HTTPRouteHandler, _method: Any, _path: Any) -> str:
    """Return the handler's name in camelCase: what generated clients call the operation."""
    return camel(handler.handler_name)


class _Config(OpenAPIConfig):
    def to_openapi_schema(self) -> OpenAPI:
        base = super().to_openapi_schema()
        return Document(**{field.name: getattr(base, field.name) for field in fields(base)})


def openapi_config() -> OpenAPIConfig:
    """Return the configuration of the document and its page."""
    assets: dict[str, Any] = {
        "js_url": "/docs/assets/swagger-ui-bundle.js",
        "standalone_preset_js_url": "/docs/assets/swagger-ui-standalone-preset.js",
        "css_url": "/docs/assets/swagger-ui.css",
    }
    return _Config(
        title="Kleio",
        version=__version__,
        description=(
            "The multi-user server for record collectors and music libraries. Send the token as "
            "`Authorization: Bearer kleio_...`. Lists are read page by page with `cursor`; errors "
            "are `application/problem+json`.\n\n"
            f"{ATTRIBUTION} Show that beside what is shown of the catalogue, with a link to the "
            f"release at [Discogs]({SITE_URL}). {NOTICE}"
        ),
        # Not "/": below its path the framework answers every unknown address itself.
        openapi_router=Router(
            "/docs", route_handlers=[], include_in_schema=False, after_request=_page
        ),
        use_handler_docstrings=True,
        operation_id_creator=_operation_id,
        security=[{"token": []}],
        components=Components(
            security_schemes={"token": SecurityScheme(type="http", scheme="bearer")}
        ),
        render_plugins=[
            SwaggerRenderPlugin(path="/", favicon='<link rel="icon" href="data:,">', **assets),
            JsonRenderPlugin(path="/openapi.json"),
        ],
    )

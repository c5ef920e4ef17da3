"""The OpenAPI document at /openapi.json and a page to read and try it at /docs.

The page's parts (Swagger UI) come from a package and are served from here; nothing is fetched from
elsewhere.
"""

from __future__ import annotations

import functools
import importlib.util
from http import HTTPStatus
from pathlib import Path
from typing import Any, get_origin

import msgspec
from litestar import Litestar, Request, Response, Router, get
from litestar._openapi.schema_generation import SchemaCreator
from litestar._openapi.schema_generation.plugins.struct import StructSchemaPlugin
from litestar.handlers import HTTPRouteHandler
from litestar.openapi import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin, SwaggerRenderPlugin
from litestar.openapi.spec import Components, Schema, SecurityScheme
from litestar.params import FromPath
from litestar.typing import FieldDefinition

from kleio import __version__
from kleio.http.auth import NO_AUTH
from kleio.http.problems import not_found

_ASSETS = {
    "swagger-ui-bundle.js": ("swagger_bundle.js", "text/javascript"),
    "swagger-ui-standalone-preset.js": ("swagger_preset.js", "text/javascript"),
    "swagger-ui.css": ("swagger_style.css", "text/css"),
}


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


async def _no_such_page(response: Response[Any]) -> Response[Any]:
    """Answer as everywhere where the framework would with an HTML page."""
    if response.status_code == HTTPStatus.NOT_FOUND:
        raise not_found("page")
    return response


def _operation_id(handler: HTTPRouteHandler, _method: Any, _path: Any) -> str:
    """Return the handler's name in camelCase: what generated clients call the operation."""
    head, *rest = handler.handler_name.split("_")
    return head + "".join(part.capitalize() for part in rest)


def openapi_config() -> OpenAPIConfig:
    """Return the configuration of the document and its page."""
    assets: dict[str, Any] = {
        "js_url": "/docs/assets/swagger-ui-bundle.js",
        "standalone_preset_js_url": "/docs/assets/swagger-ui-standalone-preset.js",
        "css_url": "/docs/assets/swagger-ui.css",
    }
    return OpenAPIConfig(
        title="Kleio",
        version=__version__,
        description=(
            "The multi-user server for record collectors and music libraries. Send the token as "
            "`Authorization: Bearer kleio_...`. Lists are read page by page with `cursor`; errors "
            "are `application/problem+json`."
        ),
        # Not "/": below its path the framework answers every unknown address itself.
        openapi_router=Router(
            "/docs", route_handlers=[], include_in_schema=False, after_request=_no_such_page
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

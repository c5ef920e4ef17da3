"""What single settings may be beyond their types: addresses, keys, and what contradicts what.

Each function raises SettingsError with a sentence that names the variable and what is allowed, and
never shows a secret. Which variable is checked by which, and when, `kleio.settings` knows.
"""

import base64
import binascii
import ipaddress
from urllib.parse import urlsplit

from kleio.cache_url import CACHE_ADDRESSES, check_cache_address
from kleio.environment import Secret, SettingsError

_KEY_BYTES = 32

_DATABASE_PARTS = (
    *("DB_PORT", "DB_USER", "DB_PASSWORD", "DB_NAME", "DB_SSL_MODE", "DB_SSL_ROOT_CERT"),
)


def check_database(given: set[str]) -> None:
    """Refuse two ways to name the database at once, and parts of one without its host."""
    beside = [name for name in ("DATABASE_DIRECT_URL", "DATABASE_REPLICA_URL") if name in given]
    if beside and not given & {"DATABASE_URL", "DB_HOST"}:
        raise SettingsError(
            f"{' and '.join(beside)} given without DATABASE_URL or DB_HOST; the embedded server "
            "has no pooler and no replica"
        )
    parts = [name for name in ("DB_HOST", *_DATABASE_PARTS) if name in given]
    if not parts:
        return
    if "DATABASE_URL" in given:
        raise SettingsError(
            f"DATABASE_URL and {', '.join(parts)} are both given; keep one way to name the database"
        )
    if "DB_HOST" not in given:
        raise SettingsError(
            f"{', '.join(parts)} given without DB_HOST; add DB_HOST (localhost for a server on "
            "this machine), or remove it to use the embedded server"
        )


def check_url(url: Secret, name: str) -> None:
    """Refuse a database's address that libpq can't read; `name` is the variable."""
    from psycopg import ProgrammingError
    from psycopg.conninfo import conninfo_to_dict

    try:
        ports = conninfo_to_dict(url.reveal()).get("port", "")
        # libpq reads the port only when it connects; several hosts have several.
        if not all(port == "" or port.isdecimal() for port in str(ports).split(",")):
            raise ValueError
    except (ProgrammingError, ValueError):
        # libpq's own message quotes parts of the string, perhaps of the password.
        raise SettingsError(
            f"{name} (not shown) can't be read; allowed is "
            "postgresql://user:password@host:port/database with special characters "
            "percent-encoded, or host=... dbname=... user=... password=..."
        ) from None


def check_discogs_url(url: str) -> None:
    """Refuse an address that is no whole http or https one."""
    try:
        parts = urlsplit(url)
        is_whole = parts.scheme in ("http", "https") and bool(parts.hostname)
        # Reading the port is what checks it.
        is_plain = not (parts.query or parts.fragment or parts.username) and parts.port != 0
    except ValueError:
        is_whole = is_plain = False
    if not (is_whole and is_plain and url.isascii() and url.isprintable() and " " not in url):
        raise SettingsError(
            f"KLEIO_DISCOGS_URL is {url!r}; allowed is http:// or https://, a host, perhaps a path"
        )


def check_contact(contact: str) -> None:
    """Refuse what can't stand in a header."""
    if not (contact.isascii() and contact.isprintable() and len(contact) <= 200):
        raise SettingsError(
            "KLEIO_DISCOGS_CONTACT must be at most 200 printable ASCII characters: it goes into "
            "a header"
        )


def check_cache_url(url: Secret) -> None:
    """Refuse an address that the cache can't use."""
    try:
        check_cache_address(url.reveal())
    except ValueError:
        raise SettingsError(
            f"CACHE_URL (not shown) can't be used; allowed is {CACHE_ADDRESSES}"
        ) from None


def check_proxies(text: str) -> None:
    """Refuse what is no address or network."""
    for part in text.split(","):
        try:
            ipaddress.ip_network(part.strip())
        except ValueError:
            raise SettingsError(
                f"KLEIO_TRUSTED_PROXIES has {part.strip()!r}; allowed is addresses and networks "
                "separated by commas, such as 10.0.0.0/8, 127.0.0.1"
            ) from None


def decode_key(part: str) -> bytes:
    """Return the 32 bytes of a key in base64; refuse any other."""
    try:
        key = base64.b64decode(part.strip().replace("-", "+").replace("_", "/"), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if len(key) != _KEY_BYTES:
        raise SettingsError(
            "KLEIO_SECRET_KEY (not shown) can't be used; allowed is base64 of 32 bytes, several "
            "separated by commas (`openssl rand -base64 32` makes one)"
        )
    return key

"""Settings: defaults, ranges, units, secrets, and which database they name."""

import base64
import pickle
import traceback
from pathlib import Path

import msgspec
import psycopg.conninfo
import pytest
from redis.asyncio import SSLConnection

from kleio.cache_url import connection_options
from kleio.settings import Secret, Settings, SettingsError, list_settings, load_settings

KEY = base64.b64encode(bytes(range(32))).decode()
OTHER_KEY = base64.urlsafe_b64encode(bytes([255] * 32)).decode()


def test_defaults() -> None:
    settings = load_settings({})
    assert settings.embedded
    assert settings.conninfo() is None
    assert (settings.db_max_open_conns, settings.db_max_idle_conns) == (50, 25)
    assert (settings.db_conn_max_lifetime, settings.db_conn_max_idle_time) == (1800, 900)
    assert (settings.db_pool_timeout, settings.db_max_waiting) == (3, 200)
    assert (settings.db_statement_timeout, settings.db_prepare_threshold) == (30, 5)
    assert (settings.host, settings.port, settings.workers) == ("127.0.0.1", 8000, 1)
    assert settings.max_body_bytes == 1024 * 1024
    assert settings.registration == "closed"
    assert settings.token_lifetime == 30 * 86_400
    assert settings.secret_keys() == ()
    assert settings.home.is_absolute()


def test_an_empty_variable_is_not_given() -> None:
    empty = {info.variable: "" for info in list_settings()}
    assert load_settings(empty) == load_settings({})


def test_it_is_frozen() -> None:
    with pytest.raises(AttributeError):
        load_settings({}).port = 1  # type: ignore[misc]


def test_a_default_passes_its_own_range() -> None:
    for info in list_settings():
        if not info.secret and not info.default.startswith(("none", "the user's")):
            given = {info.variable: info.default}
            if info.variable.startswith("DB_") and info.type in ("text", "word"):
                given["DB_HOST"] = "db"
            if info.variable == "DB_PORT":
                given["DB_HOST"] = "db"
            loaded = load_settings(given)
            assert msgspec.structs.replace(loaded, db_host=None) == load_settings({})


def test_every_setting_is_documented() -> None:
    infos = list_settings()
    assert len(infos) == len(Settings.__struct_fields__)
    assert len({info.variable for info in infos}) == len(infos)
    for info in infos:
        assert info.sentence.endswith(".")
        assert info.allowed
        assert info.default
        assert info.type
    secrets = {info.variable for info in infos if info.secret}
    assert secrets == {
        *("CACHE_URL", "DATABASE_URL", "DB_PASSWORD"),
        *("DATABASE_DIRECT_URL", "DATABASE_REPLICA_URL"),
        *("KLEIO_METRICS_TOKEN", "KLEIO_SECRET_KEY"),
    }


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90", 90),
        ("90s", 90),
        ("30m", 1800),
        ("1h30m", 5400),
        ("1d", 86_400),
        ("1d2h3m4s", 93_784),
        (" 2H ", 7200),
        ("1.5s", 1.5),
        ("2.5", 2.5),
    ],
)
def test_durations(text: str, seconds: float) -> None:
    assert load_settings({"DB_CONN_MAX_LIFETIME": text}).db_conn_max_lifetime == seconds


@pytest.mark.parametrize(
    ("text", "size"),
    [("2048", 2048), ("2048B", 2048), ("4KiB", 4096), ("2 MiB", 2 << 20), ("3m", 3 << 20)],
)
def test_sizes(text: str, size: int) -> None:
    assert load_settings({"KLEIO_MAX_BODY_BYTES": text}).max_body_bytes == size


@pytest.mark.parametrize(
    ("variable", "text"),
    [
        ("DB_MAX_OPEN_CONNS", "0"),
        ("DB_MAX_OPEN_CONNS", "10001"),
        ("DB_MAX_OPEN_CONNS", "-1"),
        ("DB_MAX_OPEN_CONNS", "1.5"),
        ("DB_MAX_OPEN_CONNS", "ten"),
        ("DB_MAX_OPEN_CONNS", "１０"),
        ("DB_MAX_OPEN_CONNS", "1_0"),
        ("DB_MAX_OPEN_CONNS", "9" * 5000),
        ("DB_CONN_MAX_LIFETIME", "0"),
        ("DB_CONN_MAX_LIFETIME", "31d"),
        ("DB_CONN_MAX_LIFETIME", "30x"),
        ("DB_CONN_MAX_LIFETIME", "m"),
        ("DB_CONN_MAX_LIFETIME", " "),
        ("DB_CONN_MAX_LIFETIME", "1m1h"),
        ("DB_CONN_MAX_LIFETIME", "inf"),
        ("DB_POOL_TIMEOUT", "0"),
        ("DB_STATEMENT_TIMEOUT", "-1s"),
        ("DB_PREPARE_THRESHOLD", "x"),
        ("KLEIO_PORT", "65536"),
        ("KLEIO_PORT", "0"),
        ("KLEIO_WORKERS", "0"),
        ("KLEIO_MAX_BODY_BYTES", "11MiB"),
        ("KLEIO_MAX_BODY_BYTES", "1GiB"),
        ("KLEIO_REGISTRATION", "maybe"),
        ("KLEIO_LOG_LEVEL", "loud"),
        ("KLEIO_TOKEN_LIFETIME", "1s"),
        ("KLEIO_HOST", "a\0b"),
        ("KLEIO_HOME", "~no-such-user-here/x"),
    ],
)
def test_a_wrong_value_names_variable_value_and_range(variable: str, text: str) -> None:
    with pytest.raises(SettingsError) as raised:
        load_settings({variable: text})
    message = str(raised.value)
    info = next(info for info in list_settings() if info.variable == variable)
    assert message.startswith(f"{variable} is ")
    assert info.allowed in message
    assert repr(text)[:70] in message
    assert "\n" not in message
    assert len(message) < 300


@pytest.mark.parametrize("text", ["OPEN", " open "])
def test_words_in_any_case(text: str) -> None:
    assert load_settings({"KLEIO_REGISTRATION": text}).registration == "open"


def test_no_limit_and_no_preparing() -> None:
    settings = load_settings({"DB_STATEMENT_TIMEOUT": "0", "DB_PREPARE_THRESHOLD": "0"})
    assert (settings.db_statement_timeout, settings.db_prepare_threshold) == (0, 0)


def test_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert load_settings({"KLEIO_HOME": "here"}).home == tmp_path / "here"
    assert load_settings({"KLEIO_HOME": "~/there"}).home == tmp_path / "there"


def test_default_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 0)
    assert load_settings({}).home == Path("/var/lib/kleio")
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert load_settings({}).home == tmp_path / "kleio"


@pytest.mark.parametrize(
    "password", ["plain", "two words", "it's", 'back\\slash"', "p@ss:w/rd%20?&=#", "ünï", " "]
)
def test_any_password_survives_the_conninfo(password: str) -> None:
    settings = load_settings({"DB_HOST": "db", "DB_PASSWORD": password, "DB_SSL_MODE": "require"})
    conninfo = settings.conninfo()
    assert conninfo is not None
    assert psycopg.conninfo.conninfo_to_dict(conninfo) == {
        "host": "db",
        "port": "5432",
        "user": "kleio",
        "password": password,
        "dbname": "kleio",
        "sslmode": "require",
    }


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://me:it%27s%20%5C@db:6543/music?sslmode=require",
        r"host=db port=6543 user=me password='it\'s \\' dbname=music sslmode=require",
    ],
)
def test_database_url(url: str) -> None:
    settings = load_settings({"DATABASE_URL": url})
    assert not settings.embedded
    parts = psycopg.conninfo.conninfo_to_dict(settings.conninfo() or "")
    assert parts["password"] == "it's \\"
    assert (parts["host"], parts["port"], parts["dbname"]) == ("db", "6543", "music")


@pytest.mark.parametrize(
    "url", ["mysql://me:hunter2@db/x?a=b", "postgresql://me:hunter2@db:port:x/", "hunter2", "a=b"]
)
def test_a_wrong_database_url_is_not_shown(url: str) -> None:
    with pytest.raises(SettingsError, match=r"^DATABASE_URL .* allowed is postgresql://") as raised:
        load_settings({"DATABASE_URL": url})
    assert "hunter2" not in "".join(traceback.format_exception(raised.value, chain=True))


@pytest.mark.parametrize(
    ("url", "options"),
    [
        ("redis://cache", {"host": "cache"}),
        ("redis://cache:7000/3", {"host": "cache", "port": 7000, "db": 3}),
        ("valkey://cache/", {"host": "cache"}),
        ("redis://:it%27s%20%5C@[::1]:7000", {"host": "::1", "port": 7000, "password": "it's \\"}),
        ("rediss://me:p@cache?ssl_cert_reqs=none", {"username": "me", "ssl_cert_reqs": "none"}),
        ("valkeys://me:p@cache", {"password": "p", "connection_class": SSLConnection}),
        ("unix:///run/cache.sock", {"path": "/run/cache.sock"}),
        ("unix://me@/run/cache.sock?db=2&password=p", {"username": "me", "db": 2, "password": "p"}),
    ],
)
def test_cache_url(url: str, options: dict[str, object]) -> None:
    given = load_settings({"CACHE_URL": url}).cache_url
    assert given is not None
    assert connection_options(given.reveal()).items() >= options.items()
    assert "p@" not in repr(given)


@pytest.mark.parametrize(
    "url",
    [
        *("hunter2", "http://hunter2@cache", "cache:6379", "redis://", "redis://:hunter2@/0"),
        *("redis://cache:port", "redis://cache:0", "redis://cache:70000", "redis://cache/x"),
        *("redis://cache/0/1", "redis://cache/-1", "redis://cache?db=x", "redis://cache/１"),
        *("redis://cache?socket_timeout=9", "redis://cache?hunter2", "redis://cache#hunter2"),
        *("redis://cache?ssl_cert_reqs=none", "rediss://cache?ssl_cert_reqs=maybe"),
        *("unix://run/cache.sock", "unix://", "unix:cache.sock", "redis://[::1", "redis://a b"),
    ],
)
def test_a_wrong_cache_url_is_not_shown(url: str) -> None:
    with pytest.raises(SettingsError, match=r"^CACHE_URL .* allowed is redis://") as raised:
        load_settings({"CACHE_URL": url})
    assert "hunter2" not in "".join(traceback.format_exception(raised.value, chain=True))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"DATABASE_URL": "postgresql://db/x", "DB_HOST": "db"}, "DATABASE_URL and DB_HOST"),
        ({"DATABASE_URL": "postgresql://db/x", "DB_PASSWORD": "p"}, "DATABASE_URL and DB_PASSWORD"),
        ({"DB_PASSWORD": "p"}, "DB_PASSWORD given without DB_HOST"),
        ({"DB_PORT": "1", "DB_NAME": "x"}, "DB_PORT, DB_NAME given without DB_HOST"),
    ],
)
def test_half_a_database_is_refused(given: dict[str, str], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        load_settings(given)


def test_secrets_from_files(tmp_path: Path) -> None:
    password, key = tmp_path / "password", tmp_path / "key"
    password.write_bytes(b"two words \r\n")
    key.write_text(KEY + "\n")
    settings = load_settings(
        {"DB_HOST": "db", "DB_PASSWORD_FILE": str(password), "KLEIO_SECRET_KEY_FILE": str(key)}
    )
    assert settings.db_password == Secret("two words ")
    assert settings.secret_keys() == (bytes(range(32)),)
    url = tmp_path / "url"
    url.write_text("postgresql://db/x\n")
    assert "dbname=x" in (load_settings({"DATABASE_URL_FILE": str(url)}).conninfo() or "")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "can't read .*: No such file"),
        (b"", "is empty"),
        (b"\n", "is empty"),
        (b"\xff\xfe", "not a file of UTF-8"),
        (b"x" * 70_000, "larger than 64 KiB"),
    ],
)
def test_a_secret_file_that_cannot_be_used(
    tmp_path: Path, content: bytes | None, message: str
) -> None:
    path = tmp_path / "password"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(SettingsError, match=f"^DB_PASSWORD_FILE: .*{message}"):
        load_settings({"DB_HOST": "db", "DB_PASSWORD_FILE": str(path)})


def test_a_secret_file_that_is_a_directory(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"^KLEIO_SECRET_KEY_FILE: can't read"):
        load_settings({"KLEIO_SECRET_KEY_FILE": str(tmp_path)})


def test_a_secret_given_twice(tmp_path: Path) -> None:
    given = {"DB_HOST": "db", "DB_PASSWORD": "p", "DB_PASSWORD_FILE": str(tmp_path)}
    with pytest.raises(SettingsError, match="DB_PASSWORD and DB_PASSWORD_FILE are both given"):
        load_settings(given)


def test_only_secrets_come_from_files() -> None:
    assert load_settings({"KLEIO_PORT_FILE": "/nowhere"}).port == 8000


def test_secrets_are_not_shown() -> None:
    given = {"DB_HOST": "db", "DB_PASSWORD": "hunter2", "KLEIO_SECRET_KEY": KEY}
    settings = load_settings(given)
    for shown in (repr(settings), str(settings), f"{settings.db_password}", str(vars_of(settings))):
        assert "hunter2" not in shown
        assert KEY not in shown
    assert settings.db_password is not None
    assert settings.db_password.reveal() == "hunter2"
    assert "hunter2" not in repr(load_settings({"DATABASE_URL": "postgresql://u:hunter2@db/x"}))


def vars_of(settings: Settings) -> dict[str, object]:
    return msgspec.structs.asdict(settings)


def test_settings_reach_a_spawned_worker() -> None:
    settings = load_settings({"DB_HOST": "db", "DB_PASSWORD": "p"})
    assert pickle.loads(pickle.dumps(settings)) == settings


def test_secret_keys_in_the_order_given() -> None:
    settings = load_settings({"KLEIO_SECRET_KEY": f"{OTHER_KEY}, {KEY}"})
    assert settings.secret_keys() == (bytes([255] * 32), bytes(range(32)))


@pytest.mark.parametrize("key", ["hunter2", "A" * 40, KEY + ",", f"{KEY},short", KEY + "!", "ü"])
def test_a_wrong_secret_key_is_not_shown(key: str) -> None:
    with pytest.raises(SettingsError, match=r"^KLEIO_SECRET_KEY \(not shown\).*32 bytes") as raised:
        load_settings({"KLEIO_SECRET_KEY": key})
    assert key not in str(raised.value)


@pytest.mark.parametrize(
    ("workers", "max_open", "max_idle", "max_waiting"),
    [(1, 50, 25, 200), (2, 25, 12, 100), (3, 16, 8, 66), (100, 1, 1, 2)],
)
def test_a_worker_s_share(workers: int, max_open: int, max_idle: int, max_waiting: int) -> None:
    share = load_settings({"KLEIO_WORKERS": str(workers)}).per_worker()
    assert (share.max_open, share.max_idle, share.max_waiting) == (max_open, max_idle, max_waiting)


def test_idle_is_never_above_open() -> None:
    share = load_settings({"DB_MAX_OPEN_CONNS": "4"}).per_worker()
    assert (share.max_open, share.max_idle) == (4, 4)


@pytest.mark.parametrize(
    ("text", "networks"),
    [
        ("127.0.0.1", ["127.0.0.1/32"]),
        (" 10.0.0.0/8 , fd00::/8,::1", ["10.0.0.0/8", "fd00::/8", "::1/128"]),
    ],
)
def test_trusted_proxies_are_networks(text: str, networks: list[str]) -> None:
    found = load_settings({"KLEIO_TRUSTED_PROXIES": text}).proxy_networks()
    assert [str(network) for network in found] == networks


@pytest.mark.parametrize("text", ["localhost", "10.0.0.1/8", "10.0.0.0/33", "*", "127.0.0.1,"])
def test_what_is_no_network_is_no_proxy(text: str) -> None:
    with pytest.raises(SettingsError, match=r"KLEIO_TRUSTED_PROXIES has '.*allowed is addresses"):
        load_settings({"KLEIO_TRUSTED_PROXIES": text})


def test_without_proxies_none_is_trusted() -> None:
    assert load_settings({}).proxy_networks() == ()

"""The client over real HTTP: what is sent, what is tried again, and how it fails."""

from __future__ import annotations

import gzip
import logging
import traceback
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import msgspec
import pytest

from discogs_standin import Discogs, Fault
from kleio import __version__
from kleio.discogs import client as client_module
from kleio.discogs.client import ATTEMPTS, GARBLED_ATTEMPTS, Answer, DiscogsClient
from kleio.discogs.errors import (
    DiscogsError,
    DiscogsUnavailable,
    NotFound,
    Refused,
    TokenRefused,
    UnexpectedAnswer,
)
from kleio.settings import Secret, Settings
from kleio.sight import logs
from shelf_at_discogs import Shelf

pytestmark = pytest.mark.anyio

TOKEN = "s3cret-token-of-nobody"


class Pace:
    """Lets every call go at once, and remembers what it is told."""

    def __init__(self) -> None:
        self.taken = 0
        self.seen: list[tuple[int, int]] = []
        self.blocked: list[float] = []

    async def take(self) -> None:
        self.taken += 1

    def saw(self, limit: int, used: int) -> None:
        self.seen.append((limit, used))

    async def block(self, seconds: float) -> None:
        self.blocked.append(seconds)


@pytest.fixture
def pace() -> Pace:
    return Pace()


@pytest.fixture
def slept() -> list[float]:
    """How long the client waited between attempts; nobody really waits."""
    return []


@pytest.fixture
async def client(
    settings: Settings, discogs: Discogs, pace: Pace, slept: list[float], anyio_backend: str
) -> AsyncIterator[DiscogsClient]:
    discogs.add_shelf(Shelf("collector", TOKEN))

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    async with DiscogsClient(
        settings, Secret(TOKEN), pace, sleep=sleep, jitter=lambda: 1.0
    ) as made:
        yield made


def whole(answer: Answer) -> dict[str, object]:
    found: dict[str, object] = msgspec.json.decode(answer.body, type=dict)
    return found


async def test_every_call_says_who_calls_and_carries_the_token_in_its_header(
    client: DiscogsClient, discogs: Discogs, pace: Pace
) -> None:
    await client.get("/oauth/identity", whole)
    (call,) = discogs.calls
    assert call.agent == f"Kleio/{__version__}"
    assert call.token == TOKEN
    assert call.query == {}
    assert (pace.taken, client.calls) == (1, 1)
    assert pace.seen == [(100_000, 1)]


async def test_a_contact_stands_in_the_user_agent(
    settings: Settings, discogs: Discogs, pace: Pace
) -> None:
    discogs.add_shelf(Shelf("collector", TOKEN))
    named = msgspec.structs.replace(settings, discogs_contact="https://records.example.org")
    async with DiscogsClient(named, Secret(TOKEN), pace) as client:
        await client.get("/oauth/identity", whole)
    assert discogs.calls[0].agent == f"Kleio/{__version__} (+https://records.example.org)"


REFUSALS: list[tuple[Fault, type[DiscogsError], str]] = [
    (Fault("status", value=401), TokenRefused, "Discogs refuses the token: You must authenticate"),
    (Fault("status", value=403), Refused, "/releases/1"),
    (Fault("status", value=404), NotFound, "/releases/1"),
    (Fault("status", value=405), UnexpectedAnswer, "405"),
    (Fault("status", value=422), UnexpectedAnswer, "422"),
    (Fault("moved", value="http://elsewhere.example/releases/1"), UnexpectedAnswer, "302"),
]


@pytest.mark.parametrize(
    ("fault", "kind", "words"), REFUSALS, ids=lambda x: str(getattr(x, "value", ""))
)
async def test_a_refusal_is_final_where_trying_again_can_t_help(
    client: DiscogsClient, discogs: Discogs, fault: Fault, kind: type[DiscogsError], words: str
) -> None:
    fault.times = 99
    discogs.faults.append(fault)
    with pytest.raises(kind) as raised:
        await client.get("/releases/1", whole)
    assert words in str(raised.value)
    assert TOKEN not in str(raised.value)
    most = GARBLED_ATTEMPTS if kind is UnexpectedAnswer else 1
    assert len(discogs.calls) == client.calls == most


@pytest.mark.parametrize("status", [500, 502, 503, 504])
async def test_a_failing_discogs_is_asked_again_after_growing_waits(
    client: DiscogsClient, discogs: Discogs, pace: Pace, slept: list[float], status: int
) -> None:
    discogs.faults.append(Fault("status", times=3, value=status))
    assert (await client.get("/releases/1", whole))["id"] == 1
    assert slept == [1.0, 2.0, 4.0]
    # A call is a call, whatever comes of it.
    assert pace.taken == len(discogs.calls) == 4


async def test_a_wait_has_jitter(settings: Settings, discogs: Discogs, pace: Pace) -> None:
    discogs.add_shelf(Shelf("collector", TOKEN))
    discogs.faults.append(Fault("status", times=2, value=500))
    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)

    async with DiscogsClient(
        settings, Secret(TOKEN), pace, sleep=sleep, jitter=lambda: 0.0
    ) as client:
        await client.get("/releases/1", whole)
    assert waits == [0.5, 1.0]


async def test_a_discogs_that_fails_for_good_is_given_up(
    client: DiscogsClient, discogs: Discogs, slept: list[float]
) -> None:
    discogs.faults.append(Fault("status", times=99, value=503))
    with pytest.raises(DiscogsUnavailable, match="503"):
        await client.get("/releases/1", whole)
    assert len(discogs.calls) == ATTEMPTS
    assert sum(slept) == 31.0


@pytest.mark.parametrize(
    ("retry_after", "seconds"),
    [("7", 7.0), ("0", 0.0), (None, 30.0), ("soon", 30.0)],
)
async def test_too_many_calls_block_everybody_for_as_long_as_discogs_says(
    client: DiscogsClient,
    discogs: Discogs,
    pace: Pace,
    slept: list[float],
    retry_after: str | None,
    seconds: float,
) -> None:
    discogs.faults.append(Fault("status", value=429, retry_after=retry_after))
    assert (await client.get("/releases/1", whole))["id"] == 1
    assert pace.blocked == [seconds]
    # The pace waits, and for all; the client does not wait a second time.
    assert slept == []


async def test_retry_after_may_be_a_date(
    client: DiscogsClient, discogs: Discogs, pace: Pace
) -> None:
    at = format_datetime(datetime.now(UTC) + timedelta(seconds=90), usegmt=True)
    discogs.faults.append(Fault("status", value=429, retry_after=at))
    await client.get("/releases/1", whole)
    (seconds,) = pace.blocked
    assert 80 < seconds <= 90


async def test_a_wait_of_hours_ends_the_call(
    client: DiscogsClient, discogs: Discogs, pace: Pace
) -> None:
    discogs.faults.append(Fault("status", value=429, retry_after="7200"))
    with pytest.raises(DiscogsUnavailable, match="7,200 s"):
        await client.get("/releases/1", whole)
    assert pace.blocked == []


@pytest.mark.parametrize("kind", ["garbage", "cut", "empty", "html"])
async def test_an_answer_that_makes_no_sense_is_asked_for_again(
    client: DiscogsClient, discogs: Discogs, kind: str
) -> None:
    discogs.faults.append(Fault(kind, times=2))
    assert (await client.get("/releases/1", whole))["id"] == 1
    assert len(discogs.calls) == 3


@pytest.mark.parametrize(
    ("kind", "words"),
    [("garbage", "makes no sense"), ("empty", "is empty"), ("html", "makes no sense")],
)
async def test_an_answer_that_never_makes_sense_is_an_error(
    client: DiscogsClient, discogs: Discogs, kind: str, words: str
) -> None:
    discogs.faults.append(Fault(kind, times=99))
    with pytest.raises(UnexpectedAnswer, match=f"/releases/1 {words}"):
        await client.get("/releases/1", whole)
    assert len(discogs.calls) == GARBLED_ATTEMPTS


async def test_connections_that_are_cut_are_given_up_at_last(
    client: DiscogsClient, discogs: Discogs
) -> None:
    discogs.faults.append(Fault("cut", times=99))
    with pytest.raises(DiscogsUnavailable, match="can't be reached"):
        await client.get("/releases/1", whole)
    assert len(discogs.calls) == ATTEMPTS


async def test_an_answer_without_end_is_not_taken(
    client: DiscogsClient, discogs: Discogs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client_module, "MAX_BODY_BYTES", 100_000)
    discogs.faults.append(Fault("large", times=99, value=200_000))
    with pytest.raises(UnexpectedAnswer, match="exceeds 100,000 bytes"):
        await client.get("/releases/1", whole)


async def test_packed_answers_are_bounded_unpacked(
    client: DiscogsClient, discogs: Discogs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client_module, "MAX_BODY_BYTES", 100_000)
    packed = gzip.compress(b"[" + b" " * 10_000_000 + b"]")
    assert len(packed) < 100_000
    discogs.faults.append(Fault("packed", times=99, value=packed))
    with pytest.raises(UnexpectedAnswer, match="exceeds 100,000 bytes"):
        await client.get("/releases/1", whole)


async def test_a_call_that_hangs_is_given_up_and_made_again(
    client: DiscogsClient, discogs: Discogs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client_module, "CALL_SECONDS", 0.2)
    discogs.faults.append(Fault("slow", times=1, value=30))
    assert (await client.get("/releases/1", whole))["id"] == 1
    assert len(discogs.calls) == 2


async def test_an_address_where_nobody_answers(
    settings: Settings, pace: Pace, slept: list[float]
) -> None:
    nowhere = msgspec.structs.replace(settings, discogs_url="http://127.0.0.1:1")

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    async with DiscogsClient(nowhere, Secret(TOKEN), pace, sleep=sleep) as client:
        with pytest.raises(DiscogsUnavailable, match="can't be reached") as raised:
            await client.get("/oauth/identity", whole)
    assert len(slept) == ATTEMPTS - 1
    assert TOKEN not in str(raised.value)


async def test_the_token_is_in_no_repr_and_no_log(
    client: DiscogsClient, discogs: Discogs, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    caplog.set_level(logging.DEBUG, "httpx")  # whatever a server in another test has set
    discogs.faults += [Fault("status", value=500), Fault("cut"), Fault("status", value=401)]
    with pytest.raises(TokenRefused) as raised:
        await client.get("/releases/1", whole)
    assert "HTTP Request" in caplog.text  # the libraries did log
    for text in (caplog.text, repr(client), repr(vars(client)), repr(raised.value)):
        assert TOKEN not in text


async def test_a_token_that_no_header_can_hold_is_told_to_nobody(
    settings: Settings, pace: Pace, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    for name in ("httpx", "httpcore"):  # also after this test
        caplog.set_level(logging.DEBUG, name)
    logs.configure("debug", "text")

    async def sleep(_seconds: float) -> None:
        pass

    async with DiscogsClient(settings, Secret(f"{TOKEN}\n"), pace, sleep=sleep) as client:
        with pytest.raises(UnexpectedAnswer) as raised:
            await client.get("/oauth/identity", whole)
    told = "".join(traceback.format_exception(raised.value))
    assert "/oauth/identity" in told
    assert "/oauth/identity" in caplog.text
    assert TOKEN not in told + caplog.text


async def test_what_the_headers_say_of_other_programs_reaches_the_pace(
    client: DiscogsClient, discogs: Discogs, pace: Pace
) -> None:
    discogs.limit = 60
    discogs.others.extend([discogs.clock()] * 17)
    await client.get("/releases/1", whole)
    assert pace.seen == [(60, 18)]

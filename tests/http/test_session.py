"""One's own account: login, tokens, profile, preferences, the Discogs token."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from http_site import PASSWORD, SECRET_KEY, HeldPasswords, Site, field_problem, problem

import factories
from kleio import encryption, passwords
from kleio.db.errors import Overloaded
from kleio.http.session import Preferences
from kleio.repositories import discogs_credentials
from kleio.repositories.tokens import Token
from kleio.repositories.users import User
from waiting import until

pytestmark = pytest.mark.anyio


async def login(site: Site, username: str, password: str) -> httpx.Response:
    return await site.anonymous.post(
        "/api/v1/auth/login", json={"username": username, "password": password}
    )


# --- login --------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["alice", "ALICE"])
async def test_login_gives_a_token_that_works_and_expires(site: Site, name: str) -> None:
    answer = await login(site, name, PASSWORD)
    assert answer.status_code == 201
    assert answer.headers["cache-control"] == "no-store"
    body = answer.json()
    assert body["token"].startswith("kleio_")
    assert body["token"].startswith(body["prefix"])
    expires_at = datetime.fromisoformat(body["expiresAt"])
    lifetime = expires_at - datetime.now(UTC)
    assert timedelta(days=29) < lifetime <= timedelta(seconds=site.settings.token_lifetime)
    me = await site.client(body["token"]).get("/api/v1/me")
    assert me.json()["username"] == "alice"


@pytest.mark.parametrize(
    ("name", "password"),
    [
        ("alice", "wrong password"),
        ("alice", PASSWORD.upper()),
        ("alice", PASSWORD + " "),
        ("bob", PASSWORD),  # has no password
        ("nobody", PASSWORD),
    ],
)
async def test_a_wrong_login_tells_one_thing_only(reading: Site, name: str, password: str) -> None:
    answer = await login(reading, name, password)
    assert problem(answer, 401)["detail"] == "The name or the password is wrong."
    assert answer.headers["www-authenticate"].startswith("Bearer")


@pytest.mark.parametrize("name", ["nobody", "bob"])
async def test_a_login_without_a_hash_verifies_a_dummy(
    reading: Site, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    checked: list[str] = []
    hasher = passwords.HASHER

    class Spy:
        def __getattr__(self, attribute: str) -> Any:
            return getattr(hasher, attribute)

        def verify(self, password_hash: str, password: bytes) -> bool:
            checked.append(password_hash)
            return hasher.verify(password_hash, password)

    monkeypatch.setattr(passwords, "HASHER", Spy())
    problem(await login(reading, name, PASSWORD), 401)
    (dummy,) = checked
    assert dummy.startswith("$argon2id$")
    assert f"m={hasher.memory_cost}," in dummy


async def test_a_login_ignores_a_token_and_needs_none(reading: Site) -> None:
    answer = await reading.client("kleio_nothing").post(
        "/api/v1/auth/login", json={"username": "alice", "password": "x"}
    )
    assert problem(answer, 401)["detail"] == "The name or the password is wrong."


async def test_too_many_logins_are_sent_away(
    reading: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def full(*args: Any) -> None:
        raise Overloaded("too many passwords are being checked", operation="password")

    monkeypatch.setattr(passwords, "_in_thread", full)
    answer = await login(reading, "alice", PASSWORD)
    problem(answer, 503, "overloaded")
    assert int(answer.headers["retry-after"]) >= 1


# --- tokens -------------------------------------------------------------------------------------


@pytest.mark.parametrize("days", [None, 1, 36_500])
async def test_a_token_is_made_listed_and_revoked(site: Site, days: int | None) -> None:
    made = await site.alice.post("/api/v1/auth/tokens", json={"name": "🎧", "expiresInDays": days})
    assert made.status_code == 201
    assert made.headers["cache-control"] == "no-store"
    body = made.json()
    assert (body["expiresAt"] is None) is (days is None)
    client = site.client(body["token"])
    assert (await client.get("/api/v1/me")).status_code == 200
    listed = (await site.alice.get("/api/v1/auth/tokens")).json()
    assert listed["total"] == len(listed["items"]) == 3
    assert listed["items"][0]["id"] == body["id"]
    assert body["token"] not in str(listed)
    assert {*listed["items"][0]} == {*_camel(Token)}
    # A token may revoke itself, at once.
    assert (await client.delete(f"/api/v1/auth/tokens/{body['id']}")).status_code == 204
    problem(await client.get("/api/v1/me"), 401)
    problem(await site.alice.delete(f"/api/v1/auth/tokens/{body['id']}"), 404)


def _camel(struct: Any) -> tuple[str, ...]:
    return struct.__struct_encode_fields__


async def test_only_the_hash_of_a_token_is_kept(site: Site) -> None:
    token = (await site.alice.post("/api/v1/auth/tokens", json={"name": "x"})).json()["token"]
    kept = await site.value(
        "SELECT to_jsonb(t)::text FROM auth_tokens AS t WHERE token_hash = %s",
        factories.token_hash(token),
    )
    assert token not in kept


async def test_the_use_of_a_token_is_told(site: Site) -> None:
    await site.alice.get("/api/v1/me")
    await site.app.state.token_use.flush()
    items = (await site.alice.get("/api/v1/auth/tokens")).json()["items"]
    used = {item["name"]: item["lastUsedAt"] for item in items}
    assert used["fixture"] is not None
    assert used["test"] is None


# --- profile ------------------------------------------------------------------------------------


async def test_me_is_the_owner_of_the_token(reading: Site) -> None:
    for client, name, role in (
        (reading.alice, "alice", "user"),
        (reading.bob, "bob", "user"),
        (reading.root, "root", "admin"),
    ):
        body = (await client.get("/api/v1/me")).json()
        assert (body["username"], body["role"]) == (name, role)
        assert {*body} == {*_camel(User)}


async def test_me_changes_what_is_given(site: Site) -> None:
    before = (await site.alice.get("/api/v1/me")).json()
    answer = await site.alice.patch("/api/v1/me", json={"discogsUsername": "alice_d"})
    after = answer.json()
    assert after == before | {"discogsUsername": "alice_d", "updatedAt": after["updatedAt"]}
    cleared = (await site.alice.patch("/api/v1/me", json={"discogsUsername": None})).json()
    assert cleared["discogsUsername"] is None
    changed = await site.alice.patch("/api/v1/me", json={"email": "new@example.org"})
    assert changed.json()["email"] == "new@example.org"
    assert (await site.alice.get("/api/v1/me")).json() == changed.json()


@pytest.mark.parametrize("field", ["role", "username", "id", "passwordHash", "createdAt"])
async def test_me_can_not_change_everything(reading: Site, field: str) -> None:
    answer = await reading.alice.patch("/api/v1/me", json={field: "admin"})
    field_problem(answer, field, "body")


async def test_an_address_that_is_taken(site: Site) -> None:
    answer = await site.alice.patch("/api/v1/me", json={"email": "BOB@example.org"})
    assert problem(answer, 409, "conflict")["errors"][0]["field"] == "email"


async def test_if_match_on_me(site: Site) -> None:
    tag = (await site.alice.get("/api/v1/me")).headers["etag"]
    new = {"email": "a@example.org"}
    right = await site.alice.patch("/api/v1/me", json=new, headers={"If-Match": tag})
    assert right.status_code == 200
    assert right.headers["etag"] != tag
    stale = await site.alice.patch("/api/v1/me", json=new, headers={"If-Match": tag})
    problem(stale, 412, "version-changed")


async def test_a_password_is_changed_with_the_current_one(site: Site) -> None:
    async def change(**body: str) -> httpx.Response:
        return await site.alice.patch("/api/v1/me", json=body)

    new = "another long password"
    field_problem(await change(password=new), "currentPassword", "body")
    field_problem(
        await change(password=new, currentPassword="not this one"), "currentPassword", "body"
    )
    problem(await login(site, "alice", new), 401)
    changed = await change(password=new, currentPassword=PASSWORD)
    assert changed.json()["hasPassword"] is True
    assert "hash" not in changed.text.lower()
    assert (await login(site, "alice", new)).status_code == 201
    problem(await login(site, "alice", PASSWORD), 401)


@pytest.mark.parametrize("name", ["alice", "bob"])
async def test_of_two_passwords_at_once_one_counts(
    site: Site, held_passwords: HeldPasswords, name: str
) -> None:
    """Else who knows the old one undoes the owner's change to a new one."""
    client = site.alice if name == "alice" else site.bob  # bob has none yet
    changing = [
        asyncio.create_task(
            client.patch("/api/v1/me", json={"password": new, "currentPassword": PASSWORD})
        )
        for new in ("the owner's new one", "the intruder's one")
    ]
    try:
        await until(lambda: held_passwords.waiting == 2)
    finally:
        held_passwords.go_on.set()
        answers = await asyncio.gather(*changing)
    assert sorted(answer.status_code for answer in answers) == [200, 412]


async def test_a_first_password_needs_no_current_one(site: Site) -> None:
    assert (await site.bob.get("/api/v1/me")).json()["hasPassword"] is False
    answer = await site.bob.patch("/api/v1/me", json={"password": PASSWORD})
    assert answer.json()["hasPassword"] is True
    assert (await login(site, "bob", PASSWORD)).status_code == 201


# --- preferences --------------------------------------------------------------------------------


async def test_preferences_merge(site: Site) -> None:
    url = "/api/v1/me/preferences"
    expected = {
        "recentlyPlayedDays": 180,
        "neglectedDays": 365,
        "cleaningFrequencyPlays": 5,
        "timeZone": "UTC",
    }
    assert (await site.alice.get(url)).json() == expected
    for changes in (
        {"timeZone": "Europe/Stockholm"},
        {"neglectedDays": 36_500, "cleaningFrequencyPlays": 1},
        {},
    ):
        expected |= changes
        assert (await site.alice.patch(url, json=changes)).json() == expected
        assert (await site.alice.get(url)).json() == expected
    assert (await site.bob.get(url)).json()["timeZone"] == "UTC"
    assert {*expected} == {*_camel(Preferences)}


async def test_preferences_changed_at_once_all_count(site: Site) -> None:
    url = "/api/v1/me/preferences"
    changes = [{"recentlyPlayedDays": 7}, {"neglectedDays": 8}, {"cleaningFrequencyPlays": 9}]
    answers = await asyncio.gather(*(site.alice.patch(url, json=one) for one in changes))
    assert [answer.status_code for answer in answers] == [200, 200, 200]
    merged = (await site.alice.get(url)).json()
    assert {**changes[0], **changes[1], **changes[2], "timeZone": "UTC"} == merged


# --- the Discogs token --------------------------------------------------------------------------

DISCOGS = "abcdefghDISCOGSsecret"
KEYS = (b"01234567890123456789012345678901",)


async def _stored(site: Site, username: str) -> bytes:
    async with site.database.connection() as conn:
        stored = await discogs_credentials.get_credential(
            conn, user_id=await site.user_id(username)
        )
    assert stored is not None
    return stored


async def test_the_discogs_token_is_encrypted_and_never_read(site: Site) -> None:
    url = "/api/v1/me/discogs-token"
    problem(await site.alice.delete(url), 404)
    answer = await site.alice.put(url, json={"token": DISCOGS})
    assert (answer.status_code, answer.content) == (204, b"")
    stored = await _stored(site, "alice")
    assert DISCOGS.encode() not in stored
    user_id = await site.user_id("alice")
    assert encryption.decrypt(stored, user_id=user_id, keys=KEYS) == DISCOGS
    assert site.settings.secret_keys() == KEYS
    assert SECRET_KEY not in repr(site.settings)
    problem(await site.alice.get(url), 405)
    for path in ("/api/v1/me", "/api/v1/me/preferences"):
        assert DISCOGS not in (await site.alice.get(path)).text
    assert (await site.alice.delete(url)).status_code == 204
    problem(await site.alice.delete(url), 404)


async def test_a_discogs_token_in_another_row_does_not_open(site: Site) -> None:
    for client in (site.alice, site.bob):
        await client.put("/api/v1/me/discogs-token", json={"token": DISCOGS})
    hers, his = await _stored(site, "alice"), await _stored(site, "bob")
    assert hers != his
    with pytest.raises(encryption.EncryptionError):
        encryption.decrypt(hers, user_id=await site.user_id("bob"), keys=KEYS)


async def test_without_a_key_no_discogs_token_is_kept(start: Any) -> None:
    async with start(KLEIO_SECRET_KEY="") as site:
        answer = await site.alice.put("/api/v1/me/discogs-token", json={"token": DISCOGS})
        assert "KLEIO_SECRET_KEY" in problem(answer, 503, "not-configured")["detail"]
        assert DISCOGS not in answer.text
        assert await site.value("SELECT count(*) FROM discogs_credentials") == 0

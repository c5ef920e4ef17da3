"""Albums and artists of the library: lists, one of each, what is theirs, links, and counts."""

from __future__ import annotations

import pytest
from http_site import API, NOWHERE, Site, field_problem, follow, problem

from library_rows import ALBUMS, MANY, SONGS

pytestmark = pytest.mark.anyio

ALBUM_NAMES = [album for _, album, _ in ALBUMS]


async def album_id(site: Site, name: str = "Abbey Road") -> str:
    return str(await site.value("SELECT id FROM albums WHERE name = %s", name))


async def artist_id(site: Site, name: str = "The Beatles") -> str:
    return str(await site.value("SELECT id FROM library_artists WHERE name = %s", name))


@pytest.mark.parametrize("query", ["", "sort=added", "sort=name", "q=a", "yearFrom=1900"])
async def test_pages_of_albums(reading: Site, query: str) -> None:
    whole = (await reading.bob.get(f"{API}/albums?limit=200&{query}")).json()["items"]
    pages = await follow(reading.bob, f"{API}/albums?limit=1{'&' if query else ''}{query}")
    assert [album["id"] for page in pages for album in page] == [album["id"] for album in whole]


async def test_orders_of_albums(reading: Site) -> None:
    async def names(query: str) -> list[str]:
        page = (await reading.bob.get(f"{API}/albums?{query}")).json()
        return [album["name"] for album in page["items"]]

    assert await names("") == ALBUM_NAMES[::-1]
    assert await names("sort=added") == ALBUM_NAMES
    by_name = ["Abbey Road", "Ágætis byrjun", "Sixty Sketches", "Группа крови", "無罪モラトリアム"]
    assert await names("sort=name") == by_name
    assert await names("q=abey rod") == ["Abbey Road"]
    assert await names("yearFrom=1999") == ["無罪モラトリアム", "Ágætis byrjun"]
    assert await names("yearTo=1970&sort=name") == ["Abbey Road"]
    assert await names(f"libraryId={NOWHERE}") == []


async def test_the_total_of_albums_and_its_age(reading: Site) -> None:
    page = (await reading.bob.get(f"{API}/albums?limit=1")).json()
    assert (page["total"], page["totalIsEstimate"]) == (len(ALBUMS), True)
    assert page["refreshedAt"]
    filtered = (await reading.bob.get(f"{API}/albums?yearFrom=1900")).json()
    assert (filtered["total"], filtered["refreshedAt"]) == (None, None)


async def test_one_album_and_its_songs(reading: Site) -> None:
    url = f"{API}/albums/{await album_id(reading)}"
    answer = await reading.bob.get(url)
    album = answer.json()
    assert (album["name"], album["artistName"], album["year"]) == (
        "Abbey Road",
        "The Beatles",
        1969,
    )
    assert album["songCount"] == 4
    etag = {"If-None-Match": answer.headers["etag"]}
    assert (await reading.bob.get(url, headers=etag)).status_code == 304
    songs = (await reading.bob.get(f"{url}/songs")).json()
    assert [song["name"] for song in songs["items"]] == ALBUMS["The Beatles", "Abbey Road", 1969]
    assert [song["trackNumber"] for song in songs["items"]] == [1, 2, 3, 4]
    assert (songs["total"], songs["next"]) == (4, None)
    long = await reading.bob.get(f"{API}/albums/{await album_id(reading, 'Sixty Sketches')}/songs")
    assert len(long.json()["items"]) == MANY


@pytest.mark.parametrize(
    ("path", "parameter"),
    [
        ("albums/{}", "albumId"),
        ("albums/{}/songs", "albumId"),
        ("library/artists/{}", "artistId"),
        ("library/artists/{}/songs", "artistId"),
        ("library/artists/{}/albums", "artistId"),
    ],
)
async def test_what_is_not_there(reading: Site, path: str, parameter: str) -> None:
    problem(await reading.bob.get(f"{API}/{path.format(NOWHERE)}"), 404, "not-found")
    field_problem(await reading.bob.get(f"{API}/{path.format('x')}"), parameter, "path")


async def test_an_album_that_lost_its_songs_is_empty_and_not_gone(site: Site) -> None:
    await site.rows("UPDATE songs SET missing_since = now() WHERE album_name = 'Abbey Road'")
    answer = await site.bob.get(f"{API}/albums/{await album_id(site)}/songs")
    assert answer.json() == {"items": [], "next": None, "total": 0}


async def test_artists_of_the_library_with_their_counts(reading: Site) -> None:
    page = (await reading.bob.get(f"{API}/library/artists")).json()
    counts = {artist["name"]: (artist["songs"], artist["albums"]) for artist in page["items"]}
    assert counts["The Beatles"] == (4, 1)
    assert counts["Nobody"] == (MANY, 1)
    assert (page["total"], page["totalIsEstimate"]) == (len(ALBUMS), True)
    pages = await follow(reading.bob, f"{API}/library/artists?limit=2")
    assert [artist for one in pages for artist in one] == page["items"]
    found = (await reading.bob.get(f"{API}/library/artists?q=beatels")).json()
    assert [artist["name"] for artist in found["items"]] == ["The Beatles"]
    one = await reading.bob.get(f"{API}/library/artists/{await artist_id(reading)}")
    assert one.json() == found["items"][0]
    assert one.headers["etag"]


async def test_the_total_of_artists_is_that_of_their_list(site: Site) -> None:
    # One with an album and no song of its own, one whose songs are gone.
    await site.rows(
        "INSERT INTO library_artists (name, created_at, updated_at)"
        " VALUES ('Various Artists', now(), now()), ('Gone', now(), now())"
    )
    various = await artist_id(site, "Various Artists")
    await site.rows("UPDATE albums SET artist_id = %s WHERE name = 'Abbey Road'", various)
    await site.rows("REFRESH MATERIALIZED VIEW mv_artist_stats")
    page = (await site.bob.get(f"{API}/library/artists")).json()
    counts = {artist["name"]: (artist["songs"], artist["albums"]) for artist in page["items"]}
    assert (counts["Various Artists"], counts["Gone"]) == ((0, 1), (0, 0))
    assert page["total"] == len(page["items"]) == len(ALBUMS) + 2


async def test_songs_and_albums_of_an_artist(reading: Site) -> None:
    url = f"{API}/library/artists/{await artist_id(reading, 'Nobody')}"
    pages = await follow(reading.bob, f"{url}/songs?limit=25")
    assert [len(page) for page in pages] == [25, 25, 10]
    assert len({song["id"] for page in pages for song in page}) == MANY
    albums = (await reading.bob.get(f"{url}/albums")).json()["items"]
    assert [album["name"] for album in albums] == ["Sixty Sketches"]


async def test_a_link_to_the_catalogue_is_made_and_undone_by_an_admin(site: Site) -> None:
    url = f"{API}/library/artists/{await artist_id(site)}"
    beatles = await site.value("SELECT id FROM artists WHERE name = 'The Beatles'")
    before = (await site.bob.get(url)).json()
    assert (before["artistId"], before["link"]) == (str(beatles), "name")
    problem(await site.bob.put(f"{url}/link", json={"artistId": None}), 403, "forbidden")
    undone = await site.root.put(f"{url}/link", json={"artistId": None})
    assert (undone.json()["artistId"], undone.json()["link"]) == (None, "none")
    made = await site.root.put(f"{url}/link", json={"artistId": str(beatles)})
    assert (made.json()["artistId"], made.json()["link"]) == (str(beatles), "hand")
    unknown = await site.root.put(f"{url}/link", json={"artistId": str(NOWHERE)})
    assert problem(unknown, 404)["errors"][0]["field"] == "artistId"
    field_problem(await site.root.put(f"{url}/link", json={}), "artistId", "body")
    nowhere = f"{API}/library/artists/{NOWHERE}/link"
    problem(await site.root.put(nowhere, json={"artistId": None}), 404, "not-found")


async def test_what_the_libraries_hold(reading: Site) -> None:
    answer = await reading.bob.get(f"{API}/library/stats")
    body = answer.json()
    assert body["totals"]["songs"] == SONGS
    assert body["totals"]["missingSongs"] == 1
    assert body["totals"]["refreshedAt"]
    (library,) = body["libraries"]
    assert (library["songs"], library["albums"]) == (SONGS, len(ALBUMS))
    etag = {"If-None-Match": answer.headers["etag"]}
    assert (await reading.bob.get(f"{API}/library/stats", headers=etag)).status_code == 304


async def test_genres_and_popular_releases(reading: Site) -> None:
    genres = (await reading.bob.get(f"{API}/library/genres")).json()
    (rock,) = [genre for genre in genres["items"] if genre["name"] == "Rock"]
    assert rock["songs"] > 30
    assert rock["releases"] > 0
    assert genres["refreshedAt"] == rock["refreshedAt"]
    pages = await follow(reading.bob, f"{API}/releases/popular?limit=20")
    items = [item for page in pages for item in page]
    # Alice has two copies of the first, and Bob has one.
    assert (items[0]["owners"], items[0]["copies"] + items[1]["copies"]) == (2, 5)
    assert [item["owners"] for item in items] == sorted(
        (item["owners"] for item in items), reverse=True
    )


async def test_an_album_is_also_on_the_shelf_and_a_copy_in_the_library(reading: Site) -> None:
    album = await album_id(reading)
    hers = (await reading.alice.get(f"{API}/albums/{album}/copies")).json()
    assert [copy["release"]["title"] for copy in hers["items"]] == ["Abbey Road"]
    assert (hers["total"], hers["next"]) == (1, None)
    copy = f"{API}/collection/{hers['items'][0]['id']}"
    assert (await reading.alice.get(copy)).json()["releaseId"] == hers["items"][0]["releaseId"]
    (found,) = (await reading.alice.get(f"{copy}/albums")).json()["items"]
    assert (found["id"], found["songCount"]) == (album, 4)
    assert (await reading.root.get(f"{API}/albums/{album}/copies")).json()["items"] == []
    none = await album_id(reading, "Sixty Sketches")
    assert (await reading.alice.get(f"{API}/albums/{none}/copies")).json()["total"] == 0
    problem(await reading.alice.get(f"{API}/albums/{NOWHERE}/copies"), 404, "not-found")
    problem(await reading.alice.get(f"{API}/collection/{NOWHERE}/albums"), 404, "not-found")
    problem(await reading.bob.get(f"{copy}/albums"), 404, "not-found")

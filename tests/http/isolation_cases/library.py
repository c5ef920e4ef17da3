"""The music library, which all users share, and what each does with its songs."""

from __future__ import annotations

import httpx
from http_site import ALICES_SONG, API, Site, problem

from isolation_cases.case import Hers, case

UNTOUCHED = {"playCount": 0, "rating": 0, "lastPlayedAt": None, "starredAt": None}


@case("get", f"{API}/songs")
@case("get", f"{API}/songs/{{song_id}}")
@case("post", f"{API}/songs/lookup")
@case("get", f"{API}/albums")
@case("get", f"{API}/albums/{{album_id}}")
@case("get", f"{API}/albums/{{album_id}}/songs")
@case("get", f"{API}/library/artists")
@case("get", f"{API}/library/artists/{{artist_id}}")
@case("get", f"{API}/library/artists/{{artist_id}}/songs")
@case("get", f"{API}/library/artists/{{artist_id}}/albums")
@case("get", f"{API}/library/stats")
@case("get", f"{API}/library/genres")
@case("get", f"{API}/releases/popular")
@case("get", f"{API}/search")
async def library(site: Site, hers: Hers) -> list[httpx.Response]:
    song = (await site.bob.get(f"{API}/songs/{await site.song_id()}")).json()
    album, artist = song["albumId"], song["artistId"]
    paths = [
        *("songs?limit=200", f"songs/{song['id']}", "albums?limit=200", f"albums/{album}"),
        *(f"albums/{album}/songs", "library/artists", f"library/artists/{artist}"),
        *(f"library/artists/{artist}/songs", f"library/artists/{artist}/albums"),
        *("library/stats", "library/genres", "releases/popular?limit=200", "search?q=alice"),
    ]
    answers = [await site.bob.get(f"{API}/{path}") for path in paths]
    answers.append(await site.bob.post(f"{API}/songs/lookup", json={"ids": [song["id"]]}))
    assert [answer.status_code for answer in answers] == [200] * len(answers)
    return answers


@case("put", f"{API}/library/artists/{{artist_id}}/link")
async def link(site: Site, hers: Hers) -> list[httpx.Response]:
    artist = await site.value("SELECT id FROM library_artists LIMIT 1")
    url = f"{API}/library/artists/{artist}/link"
    refused = await site.bob.put(url, json={"artistId": None})
    problem(refused, 403, "forbidden")
    return [refused]


@case("get", f"{API}/songs/{{song_id}}/state")
@case("patch", f"{API}/songs/{{song_id}}/state")
@case("post", f"{API}/songs/{{song_id}}/plays")
@case("post", f"{API}/songs/states")
@case("get", f"{API}/songs/starred")
@case("get", f"{API}/songs/played")
async def states(site: Site, hers: Hers) -> list[httpx.Response]:
    song_id = str(await site.song_id(ALICES_SONG))
    url = f"{API}/songs/{song_id}"
    untouched = {"songId": song_id, **UNTOUCHED}
    answers = [
        await site.bob.get(f"{url}/state"),
        await site.bob.post(f"{API}/songs/states", json={"ids": [song_id]}),
        await site.bob.get(f"{API}/songs/starred"),
        await site.bob.get(f"{API}/songs/played"),
    ]
    assert answers[0].json() == untouched
    assert answers[1].json() == {"items": [untouched]}
    assert [answer.json()["items"] for answer in answers[2:]] == [[], []]
    changed = await site.bob.patch(f"{url}/state", json={"starred": True, "rating": 1})
    played = await site.bob.post(f"{url}/plays", json={})
    assert (changed.json()["rating"], played.json()["playCount"]) == (1, 1)
    return [*answers, changed, played]


@case("get", f"{API}/albums/{{album_id}}/copies")
@case("get", f"{API}/collection/{{copy_id}}/albums")
async def shelf_matches(site: Site, hers: Hers) -> list[httpx.Response]:
    album = await site.value("SELECT id FROM albums WHERE name = 'Abbey Road'")
    own = await site.bob.get(f"{API}/albums/{album}/copies")
    assert len(own.json()["items"]) == 1
    foreign = await site.bob.get(f"{API}/collection/{hers.copy}/albums")
    problem(foreign, 404, "not-found")
    return [own, foreign]

"""The invented catalogue and shelves: the same every time, and shaped like the real ones."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from functools import cache
from itertools import pairwise
from zoneinfo import ZoneInfo

import msgspec
import pytest

from kleio.catalogue import ArtistCredit, ReleaseDocument, encode_documents, seal
from kleio.seed import (
    FIRST_DISCOGS_ID,
    DemoUser,
    Listening,
    ShelfEntry,
    demo_catalogue,
    demo_listening,
    demo_shelf,
    demo_users,
)

MEDIA = {"M", "NM", "VG+", "VG", "G+", "G", "F", "P", "Not Graded"}
INT4 = 2**31 - 1
TITLES = ["Blueprint", "Gentle Ghost", "The Mountain Between Us EP"]


@cache
def catalogue(count: int = 1500, seed: int = 1) -> tuple[ReleaseDocument, ...]:
    return tuple(demo_catalogue(count, seed))


def all_credits(release: ReleaseDocument) -> Iterator[ArtistCredit]:
    yield from release.artists
    for track in release.tracks:
        yield from track.credits


def all_texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield key
            yield from all_texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from all_texts(inner)


def main_artists(release: ReleaseDocument) -> list[ArtistCredit]:
    return [credit for credit in release.artists if credit.role is None]


class TestCatalogue:
    def test_the_same_seed_gives_the_same_hashes(self) -> None:
        again = [release.source_hash for release in demo_catalogue(300, 1)]
        assert again == [release.source_hash for release in catalogue()[:300]]
        assert len(set(again)) == 300

    def test_another_seed_gives_another_catalogue(self) -> None:
        hashes = {release.source_hash for release in demo_catalogue(50, 2)}
        assert hashes.isdisjoint(release.source_hash for release in catalogue()[:50])

    def test_hashes_do_not_depend_on_the_version_of_python(self) -> None:
        titles = [release.title for release in catalogue()[:3]]
        assert titles == TITLES

    def test_documents_are_sealed_and_have_a_playing_time(self) -> None:
        for release in catalogue(300):
            sealed = release.source_hash
            assert seal(release).source_hash == sealed
            assert release.play_duration
            assert 60 < release.play_duration < 12 * 3600

    def test_ids_are_in_the_reserved_range(self) -> None:
        releases = catalogue()
        ids = [release.discogs_id for release in releases]
        assert ids == list(range(FIRST_DISCOGS_ID, FIRST_DISCOGS_ID + len(releases)))
        for release in releases:
            used = [release.master_discogs_id]
            used += [credit.discogs_id for credit in all_credits(release)]
            used += [label.discogs_id for label in release.labels]
            used += [company["id"] for company in release.metadata.get("companies", [])]
            assert all(FIRST_DISCOGS_ID <= one <= INT4 for one in used if one is not None)

    def test_an_id_has_one_name(self) -> None:
        artists: dict[int, set[str]] = {}
        labels: dict[int, set[str]] = {}
        for release in catalogue():
            for credit in all_credits(release):
                if credit.discogs_id:
                    artists.setdefault(credit.discogs_id, set()).add(credit.name)
            for label in release.labels:
                if label.discogs_id:
                    labels.setdefault(label.discogs_id, set()).add(label.name)
            for company in release.metadata.get("companies", []):
                labels.setdefault(company["id"], set()).add(company["name"])
        assert all(len(names) == 1 for names in (*artists.values(), *labels.values()))
        names = Counter(name for names in artists.values() for name in names)
        assert max(names.values()) == 1

    @pytest.mark.parametrize(
        ("name", "share"), [("Vinyl", 515), ("CD", 288), ("File", 86), ("Cassette", 74)]
    )
    def test_formats(self, name: str, share: int) -> None:
        found = sum(release.formats[0].name == name for release in catalogue())
        assert found / len(catalogue()) * 1000 == pytest.approx(share, abs=max(35, share * 0.08))

    @pytest.mark.parametrize(
        ("kind", "share"), [("year", 571), ("day", 236), ("month", 75), ("none", 118)]
    )
    def test_release_dates(self, kind: str, share: int) -> None:
        kinds: Counter[str] = Counter()
        for release in catalogue():
            released = release.released
            if released is None:
                assert release.year is None
                kinds["none"] += 1
                continue
            assert int(released[:4]) == release.year
            kinds[
                "year" if len(released) == 4 else "month" if released.endswith("-00") else "day"
            ] += 1
        assert kinds[kind] / len(catalogue()) * 1000 == pytest.approx(share, abs=40)

    def test_half_of_the_durations_are_empty_by_whole_releases(self) -> None:
        tracks = [track for release in catalogue() for track in release.tracks]
        empty = sum(track.duration_text is None for track in tracks)
        assert 0.42 < empty / len(tracks) < 0.58
        mixed = 0
        for release in catalogue():
            known = {t.duration_text is not None for t in release.tracks if t.type == "track"}
            mixed += len(known) > 1
        assert 0 < mixed / len(catalogue()) < 0.1

    def test_everything_that_a_page_shows_occurs(self) -> None:
        releases = catalogue(400)
        assert any(len(main_artists(release)) > 1 for release in releases)
        assert any(credit.join_relation for r in releases for credit in r.artists)
        assert any(credit.anv for r in releases for credit in r.artists)
        assert any(credit.role for r in releases for credit in r.artists)
        assert any(release.artists[0].name == "Various" for release in releases)
        assert {t.type for r in releases for t in r.tracks} == {"track", "heading", "index"}
        assert any(len(release.labels) > 1 for release in releases)
        assert any(release.country is None for release in releases)
        identifiers = {one["type"] for r in releases for one in r.metadata.get("identifiers", [])}
        assert {"Barcode", "Matrix / Runout", "Rights Society"} <= identifiers
        positions = {track.position for r in releases for track in r.tracks}
        assert {"A", "B", "A1", "B4", "C1", "D1", "1", "12", "1-1", "2-1"} <= positions

    def test_positions_are_unique_and_sub_tracks_follow_their_parent(self) -> None:
        for release in catalogue():
            positions = [track.position for track in release.tracks if track.position]
            assert len(positions) == len(set(positions))
            assert [track.seq for track in release.tracks] == [*range(1, len(release.tracks) + 1)]
            for track in release.tracks:
                if track.parent_seq is not None:
                    assert track.parent_seq < track.seq
                    assert release.tracks[track.parent_seq - 1].type == "index"

    def test_pressings_of_a_master_differ(self) -> None:
        masters: dict[int, list[ReleaseDocument]] = {}
        for release in catalogue():
            if release.master_discogs_id:
                masters.setdefault(release.master_discogs_id, []).append(release)
        several = [pressings for pressings in masters.values() if len(pressings) > 1]
        assert len(several) > len(catalogue()) / 10
        for pressings in several:
            assert len({pressing.title for pressing in pressings}) == 1
        assert sum(len({p.formats[0].name for p in pressings}) > 1 for pressings in several) > 50
        assert sum(len({p.country for p in pressings}) > 1 for pressings in several) > 50

    def test_titles_seldom_repeat(self) -> None:
        works = {r.master_discogs_id or -(r.discogs_id or 0): r.title for r in catalogue()}
        assert len(set(works.values())) > 0.97 * len(works)
        for release in catalogue():
            titles = [track.title for track in release.tracks if track.type == "track"]
            assert len(set(titles)) > 0.8 * len(titles)

    def test_several_scripts(self) -> None:
        text = "".join(release.title for release in catalogue(400))
        assert any("\u0400" <= char <= "\u04ff" for char in text)
        assert any("\u3040" <= char <= "\u30ff" for char in text)
        assert any("\u00e0" <= char <= "\u00ff" for char in text)
        assert "&" in text

    def test_texts_are_clean_and_documents_encode(self) -> None:
        text = encode_documents(catalogue())
        assert len(msgspec.json.decode(text, type=list[ReleaseDocument])) == len(catalogue())
        for found in all_texts(msgspec.json.decode(text)):
            assert found
            assert found == found.strip()
            assert found.isprintable() or "\n" in found
            assert "\0" not in found
            assert "{" not in found


class TestShelves:
    def test_users(self) -> None:
        users = demo_users()
        assert [user.username for user in users] == ["ada", "ben", "cleo"]
        assert [user.admin for user in users] == [True, False, False]
        assert len({user.email for user in users}) == 3

    def test_shelves_hold_copies_of_existing_releases(self) -> None:
        ids = [release.discogs_id for release in catalogue(400) if release.discogs_id]
        shelves = [demo_shelf(user, ids) for user in demo_users()]
        for user, shelf in zip(demo_users(), shelves, strict=True):
            assert 60 <= len(shelf) == user.copies <= 250
            copies = Counter(entry.release_discogs_id for entry in shelf)
            assert copies.keys() <= set(ids)
            assert sum(count > 1 for count in copies.values()) >= 2
            assert {entry.folder for entry in shelf} == set(user.folders)
            assert {entry.media_condition for entry in shelf} <= MEDIA
            assert {entry.sleeve_condition for entry in shelf} <= MEDIA | {"Generic", "No Cover"}
            assert {entry.rating for entry in shelf} <= {None, 1, 2, 3, 4, 5}
            assert sum(entry.rating is None for entry in shelf) > len(shelf) / 2
            assert any(entry.notes for entry in shelf)
            moments = [entry.added_at for entry in shelf]
            assert moments == sorted(moments)
            assert moments[0].tzinfo is UTC
            assert user.collecting_since <= moments[0]
            assert moments[-1] < datetime(2026, 1, 1, 12, tzinfo=UTC)
        held = [{entry.release_discogs_id for entry in shelf} for shelf in shelves]
        assert held[0] & held[1]
        assert held[1] & held[2]
        assert held[0] & held[1] & held[2]

    def test_some_copies_are_archived_for_different_reasons(self) -> None:
        ids = [release.discogs_id for release in catalogue(400) if release.discogs_id]
        gone = [e for user in demo_users() for e in demo_shelf(user, ids) if e.archived_at]
        assert 8 <= len(gone) <= 25
        assert len({entry.archive_reason for entry in gone}) >= 3
        assert all(entry.archived_at > entry.added_at for entry in gone)

    def test_the_same_seed_is_the_same_shelf(self) -> None:
        user = demo_users()[1]
        ids = range(FIRST_DISCOGS_ID, FIRST_DISCOGS_ID + 400)
        assert demo_shelf(user, ids) == demo_shelf(user, ids)
        assert demo_shelf(user, ids) != demo_shelf(user, ids, seed=2)

    @pytest.mark.parametrize("size", [0, 1, 2, 20])
    def test_a_small_catalogue_gives_a_small_shelf(self, size: int) -> None:
        ids = range(FIRST_DISCOGS_ID, FIRST_DISCOGS_ID + size)
        shelf = demo_shelf(demo_users()[0], ids)
        assert {entry.release_discogs_id for entry in shelf} == set(ids)


DAYS = [date(2026, 1, 1), date(2026, 11, 21), date(2027, 3, 29), date(2028, 2, 29)]


@cache
def year(user: int, day: date, seed: int = 1) -> tuple[DemoUser, list[ShelfEntry], Listening]:
    releases = {release.discogs_id: release for release in catalogue(400) if release.discogs_id}
    one = demo_users()[user]
    shelf = demo_shelf(one, list(releases))
    return one, shelf, demo_listening(one, shelf, releases, day, seed)


@pytest.mark.parametrize("day", DAYS, ids=str)
class TestListening:
    def test_the_same_seed_and_day_is_the_same_year(self, day: date) -> None:
        releases = {release.discogs_id: release for release in catalogue(400) if release.discogs_id}
        user, shelf, listening = year(1, day)
        assert demo_listening(user, shelf, releases, day) == listening
        assert year(1, day, 2)[2] != listening
        assert year(1, day + timedelta(days=1))[2] != listening

    def test_the_busiest_user_plays_some_hundred_records(self, day: date) -> None:
        numbers = [len(year(user, day)[2].plays) for user in range(3)]
        assert 350 < numbers[0] < 600
        assert numbers[0] > numbers[1] > numbers[2] > 80

    @pytest.mark.parametrize("number", range(3))
    def test_nothing_is_played_that_is_not_on_the_shelf(self, number: int, day: date) -> None:
        user, shelf, listening = year(number, day)
        midnight = datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(user.time_zone))
        for record in (*listening.plays, *listening.cleanings):
            entry = shelf[int(record.copy_id or "")]
            moment = getattr(record, "played_at", None) or record.cleaned_at
            assert record.release_id == str(entry.release_discogs_id)
            assert entry.added_at - timedelta(minutes=10) < moment < midnight
            assert entry.archived_at is None or moment < entry.archived_at
        for times in (
            [play.played_at for play in listening.plays],
            [cleaning.cleaned_at for cleaning in listening.cleanings],
        ):
            assert times == sorted(times)

    def test_habits(self, day: date) -> None:
        user, shelf, listening = year(0, day)
        local = [play.played_at.astimezone(ZoneInfo(user.time_zone)) for play in listening.plays]
        by_weekday = Counter(moment.weekday() >= 5 for moment in local)
        assert by_weekday[True] / 2 > by_weekday[False] / 5  # more on a day of the weekend
        hours = Counter(moment.hour for moment in local)
        assert sum(hours[hour] for hour in (19, 20, 21, 22)) > len(local) / 2
        assert not {3, 4, 5, 6, 7, 8} & hours.keys()
        days = sorted({moment.date() for moment in local})
        assert max((after - before).days for before, after in pairwise(days[1:])) > 6
        assert max(Counter(moment.date() for moment in local).values()) >= 5
        copies = Counter(play.copy_id for play in listening.plays)
        assert copies.most_common(1)[0][1] >= 10
        assert len(copies) < len(shelf) * 0.8
        assert 5 < sum(play.side is not None for play in listening.plays) < len(local) / 10
        assert 0 < sum(play.notes is not None for play in listening.plays) < len(local) / 15

    @pytest.mark.parametrize("number", range(3))
    def test_styluses_and_cleanings(self, number: int, day: date) -> None:
        _, _, listening = year(number, day)
        primary, retired, *others = listening.styluses
        assert (primary.is_primary, primary.active) == (True, True)
        assert (retired.is_primary, retired.active) == (False, False)
        used = [play.stylus_id for play in listening.plays if play.stylus_id]
        assert set(used) == {primary.id, retired.id}
        assert used.index(primary.id) > max(
            at for at, name in enumerate(used) if name == retired.id
        )
        assert not {stylus.id for stylus in others} & set(used)
        assert any(play.stylus_id is None for play in listening.plays)
        deep = sum(cleaning.deep for cleaning in listening.cleanings)
        assert 0 < deep < len(listening.cleanings) < len(listening.plays) / 3

    @pytest.mark.parametrize("number", range(3))
    def test_the_day_has_an_anniversary_and_a_run(self, number: int, day: date) -> None:
        user, _, listening = year(number, day)
        zone = ZoneInfo(user.time_zone)
        days = {play.played_at.astimezone(zone).date() for play in listening.plays}
        assert {day - timedelta(days=1), day - timedelta(days=2)} <= days
        assert any((one.month, one.day) == (day.month, day.day) for one in days)

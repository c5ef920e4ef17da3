"""Dump files into Documents: each trap of the real dumps by itself."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from dump_files import one, read, release, write
from kleio.catalogue import (
    ArtistCredit,
    ArtistDocument,
    LabelDocument,
    MasterDocument,
    ReleaseDocument,
)
from kleio.importers.discogs_xml import Refused


def artist_xml(number: str, name: str, role: str = "") -> str:
    return (
        f"<artist><id>{number}</id><name>{name}</name><anv/><join></join>"
        f"<role>{role}</role><tracks/></artist>"
    )


# --- releases ------------------------------------------------------------------------------------


def test_headings_index_tracks_and_sub_tracks(tmp_path: Path) -> None:
    entry = release(
        tmp_path,
        """<tracklist>
        <track><position/><title>Act I</title><duration></duration></track>
        <track><position></position><title>Suite</title><duration/><sub_tracks>
          <track><position>A1.a</position><title>One</title><duration>1:00</duration></track>
          <track><position/><title>Two</title><duration/></track>
        </sub_tracks></track>
        <track><position>A2</position><title/><duration>2:00</duration><sub_tracks/></track>
        <track><position/><title>Unnumbered</title><duration>3:00</duration></track>
        </tracklist>""",
    )
    assert [(t.seq, t.type, t.parent_seq, t.position, t.title) for t in entry.tracks] == [
        (1, "heading", None, None, "Act I"),
        (2, "index", None, None, "Suite"),
        (3, "track", 2, "A1.a", "One"),
        (4, "track", 2, None, "Two"),
        (5, "track", None, "A2", ""),
        (6, "track", None, None, "Unnumbered"),
    ]
    assert entry.play_duration == 360


def test_sub_tracks_below_sub_tracks(tmp_path: Path) -> None:
    inner = "<track><title>c</title></track>"
    for name in ("b", "a"):
        inner = f"<track><title>{name}</title><sub_tracks>{inner}</sub_tracks></track>"
    entry = release(tmp_path, f"<tracklist>{inner}</tracklist>")
    assert [(t.title, t.type, t.parent_seq) for t in entry.tracks] == [
        ("a", "index", None),
        ("b", "index", 1),
        ("c", "track", 2),
    ]


def test_unlinked_and_repeated_credits_are_kept(tmp_path: Path) -> None:
    entry = release(
        tmp_path,
        "<artists>"
        + artist_xml("0", "Nobody")
        + artist_xml("", "Empty")
        + artist_xml("NULL", "Null")
        + artist_xml("194", "Various")
        + "</artists><extraartists>"
        + artist_xml("5", "Eve", "Mixed By") * 2
        + artist_xml("6", "Roleless")
        + "</extraartists>",
    )
    assert [(a.name, a.discogs_id, a.role) for a in entry.artists] == [
        ("Nobody", None, None),
        ("Empty", None, None),
        ("Null", None, None),
        ("Various", 194, None),
        ("Eve", 5, "Mixed By"),
        ("Eve", 5, "Mixed By"),
        ("Roleless", 6, ""),
    ]
    assert "other" not in entry.metadata
    assert b'"role":""' in msgspec.json.encode(entry)


def test_main_artists_come_first_whatever_the_order(tmp_path: Path) -> None:
    entry = release(
        tmp_path,
        f"<extraartists>{artist_xml('2', 'Extra', 'Flute')}</extraartists>"
        f"<artists>{artist_xml('1', 'Main')}</artists>",
    )
    assert [a.name for a in entry.artists] == ["Main", "Extra"]


def test_track_credits(tmp_path: Path) -> None:
    entry = release(
        tmp_path,
        "<tracklist><track><position>1</position><title>T</title><duration/>"
        f"<extraartists>{artist_xml('2', 'Remixer', 'Remix')}</extraartists>"
        "<artists><artist><id>1</id><name>Main</name><anv>M.</anv><join>&amp;</join></artist>"
        "</artists></track></tracklist>",
    )
    assert entry.tracks[0].credits == [
        ArtistCredit(name="Main", discogs_id=1, anv="M.", join_relation="&"),
        ArtistCredit(name="Remixer", discogs_id=2, role="Remix"),
    ]


@pytest.mark.parametrize(
    ("text", "released", "year"),
    [
        ("1999", "1999", 1999),
        ("1999-07-13", "1999-07-13", 1999),
        ("1999-03-00", "1999-03-00", 1999),
        ("1999-00-00", "1999-00-00", 1999),
        ("0", "0", None),
        ("0000", "0000", None),
        ("199?", "199?", None),
        ("19990713", "19990713", None),
        ("", None, None),
        (" ", None, None),
    ],
)
def test_release_dates(tmp_path: Path, text: str, released: str | None, year: int | None) -> None:
    entry = release(tmp_path, f"<released>{text}</released>")
    assert (entry.released, entry.year) == (released, year)


def test_quantities_and_titles_of_any_length(tmp_path: Path) -> None:
    quantity = "1" + "0" * 62 + "1"
    title = "Ü" * 3_000_000
    entry = release(
        tmp_path,
        f'<title>{title}</title><formats><format name="Vinyl" qty="{quantity}" text="">'
        "<descriptions><description>LP</description><description/></descriptions></format>"
        "</formats>",
    )
    assert entry.title == title
    assert entry.formats[0].qty == quantity
    assert entry.formats[0].text is None
    assert entry.formats[0].descriptions == ["LP"]


def test_empty_texts_are_none(tmp_path: Path) -> None:
    entry = release(
        tmp_path,
        "<title></title><country/><notes> \n </notes><data_quality></data_quality>"
        "<master_id>0</master_id><companies/><tracklist/>"
        '<labels><label name="" catno="" id="0"/></labels>',
    )
    assert entry.title == ""
    assert (entry.country, entry.notes, entry.data_quality) == (None, None, None)
    assert entry.master_discogs_id is None
    assert [(label.name, label.catno, label.discogs_id) for label in entry.labels] == [
        ("", None, None)
    ]
    assert entry.metadata == {"status": "Accepted"}
    assert (entry.play_duration, entry.play_duration_estimated) == (2400, True)


def test_what_nobody_knows_is_kept(tmp_path: Path) -> None:
    entry = release(
        tmp_path,
        '<new a="1">text<b>x</b>tail</new><master_id>12x</master_id>'
        '<series><serie name="S" catno="3" id="9"/></series>'
        '<labels><label name="L" catno="1" id="99999999999" colour="red"/></labels>'
        "<artists><artist><id>1</id><name>N</name><role>Odd</role><instrument>oboe</instrument>"
        "</artist></artists>",
    )
    other = entry.metadata["other"]
    assert {
        "path": "",
        "element": {
            "tag": "new",
            "attributes": {"a": "1"},
            "text": "text",
            "children": [{"tag": "b", "text": "x", "tail": "tail"}],
        },
    } in other
    assert {"path": "master_id", "value": "12x"} in other
    assert {"path": "labels/label@id", "value": "99999999999"} in other
    assert {"path": "artists/artist/role", "value": "Odd"} in other
    assert "oboe" in str(other)
    assert "red" in str(other)
    assert entry.metadata["series"] == [{"name": "S", "catno": "3", "id": 9}]
    assert entry.artists == [ArtistCredit(name="N", discogs_id=1)]


def test_comments_and_instructions_do_not_cut_texts(tmp_path: Path) -> None:
    entry = release(tmp_path, "<notes>one <!-- x -->two <?y z?>three</notes><?p?><!-- c -->")
    assert entry.notes == "one two three"
    assert entry.metadata == {"status": "Accepted"}


def test_deep_nesting_is_refused_alone(tmp_path: Path) -> None:
    deep = "<track><title>t</title><sub_tracks>" * 1000 + "</sub_tracks></track>" * 1000
    xml = (
        f'<releases><release id="1"><tracklist>{deep}</tracklist></release>'
        f'<release id="2"><odd>{"<x>" * 900}{"</x>" * 900}</odd></release></releases>'
    )
    first, second = read(write(tmp_path, xml))
    assert isinstance(first, Refused)
    assert first.discogs_id == 1
    assert "nested" in first.reason
    assert isinstance(second, ReleaseDocument)


# --- artists, labels, masters --------------------------------------------------------------------


def test_nested_labels_are_no_entries(tmp_path: Path) -> None:
    xml = """<labels>
<label><id>1</id><name>Parent</name>
<sublabels><label id="2">Child</label><label/></sublabels></label>
<label><id>2</id><name>Child</name><parentLabel id="1">Parent</parentLabel></label>
</labels>"""
    parent, child = read(write(tmp_path, xml))
    assert isinstance(parent, LabelDocument)
    assert isinstance(child, LabelDocument)
    assert parent.metadata == {"sublabels": [{"id": 2, "name": "Child"}]}
    assert child.metadata == {"parent_label": {"id": 1, "name": "Parent"}}


def test_members_of_an_artist(tmp_path: Path) -> None:
    entry = one(
        tmp_path,
        "artists",
        "<artist><id>1</id><name>Band</name><members><id>26</id><name id='26'>Ann</name>"
        "<name id='27'>Ben</name><id>28</id><name>Cy</name></members>"
        "<groups><name id='3'>Super</name></groups><realname>R</realname>"
        "<urls><url>http://x</url><url/></urls></artist>",
    )
    assert isinstance(entry, ArtistDocument)
    assert entry.metadata == {
        "members": [
            {"id": 26, "name": "Ann"},
            {"id": 27, "name": "Ben"},
            {"name": "Cy"},
            {"id": 28},
        ],
        "groups": [{"id": 3, "name": "Super"}],
        "realname": "R",
        "urls": ["http://x"],
    }


def test_master_with_unknown_year(tmp_path: Path) -> None:
    entry = one(
        tmp_path,
        "masters",
        "<master id='5'><main_release>0</main_release><year>0</year><title>T</title>"
        "<genres><genre>Jazz</genre></genres></master>",
    )
    assert isinstance(entry, MasterDocument)
    assert (entry.year, entry.main_release_discogs_id) == (None, None)
    assert entry.metadata == {"genres": ["Jazz"]}


@pytest.mark.parametrize(
    ("kind", "xml", "reason"),
    [
        ("releases", "<release/>", "no id"),
        ("releases", "<release id='x1'><title>T</title></release>", "not a number"),
        ("releases", "<release id='0'></release>", "not a number from 1"),
        ("releases", "<release id='2147483648'></release>", "2147483648"),
        ("releases", "<release id='-1'></release>", "not a number"),
        ("artists", "<artist><name>A</name></artist>", "no id"),
        ("labels", "<label><id></id></label>", "no id"),
        ("masters", f"<master id='{'9' * 64}'></master>", "not a number"),
        ("masters", "<artist><id>1</id></artist>", "<artist> is not a <master>"),
    ],
)
def test_entries_without_a_number_are_refused(
    tmp_path: Path, kind: str, xml: str, reason: str
) -> None:
    entry = one(tmp_path, kind, xml)
    assert isinstance(entry, Refused)
    assert reason in entry.reason
    assert entry.line == 2


def test_line_of_a_refused_entry_far_down(tmp_path: Path) -> None:
    body = "<artist><id>1</id><name>A</name></artist>\n" * 70_000
    xml = f"<artists>\n{body}<artist><name>B</name></artist>\n</artists>"
    entry = read(write(tmp_path, xml))[-1]
    assert isinstance(entry, Refused)
    assert entry.line == 70_002

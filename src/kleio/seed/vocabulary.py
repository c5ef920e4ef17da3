"""What Discogs calls things, and how often: formats, dates, countries, genres, styles, roles.

Shares per mille follow 1,000 real releases (dump of August 2020), stretched to the 2020s.
"""

from __future__ import annotations

from typing import NamedTuple

from kleio.seed.dice import Template, table, words
from kleio.seed.words import (
    BRASS,
    CHILDREN,
    ELECTRONIC,
    HIP_HOP,
    JAZZ,
    MINIATURES,
    REGGAE,
    SCREEN,
    SONGS,
    SPOKEN,
)

# Releases come out 515 Vinyl, 288 CD, 86 File and 74 Cassette; the draw leans to vinyl because
# singles lose what they have too often in one format.
FORMATS = table(
    {
        "Vinyl": 540, "CD": 274, "File": 83, "Cassette": 70, "CDr": 15, "Shellac": 10,
        "Box Set": 4, "DVD": 4, "Flexi-disc": 2, "Reel-To-Reel": 1, "8-Track Cartridge": 1,
    }
)  # fmt: skip

# First and last year of a format.
ERAS = {
    "Vinyl": (1954, 2025), "CD": (1984, 2025), "File": (2001, 2025), "Cassette": (1968, 2025),
    "CDr": (1996, 2019), "Shellac": (1931, 1957), "Box Set": (1988, 2025), "DVD": (1998, 2015),
    "Flexi-disc": (1962, 2020), "Reel-To-Reel": (1956, 1978), "8-Track Cartridge": (1966, 1981),
}  # fmt: skip

# Decades by format; a format that is not here spreads evenly over its era.
DECADES = {
    "Vinyl": table({1950: 2, 1960: 13, 1970: 16, 1980: 17, 1990: 17, 2000: 14, 2010: 15, 2020: 6}),
    "CD": table({1980: 6, 1990: 36, 2000: 34, 2010: 19, 2020: 5}),
    "File": table({2000: 28, 2010: 50, 2020: 22}),
    "Cassette": table({1960: 1, 1970: 16, 1980: 34, 1990: 25, 2000: 4, 2010: 13, 2020: 7}),
}

# Digital files nearly always carry their day; the others make up for it, so that all together
# are 571 years, 236 days, 75 months and 118 without a date.
DATES = table({"year": 609, "day": 184, "month": 82, "none": 125})
FILE_DATES = table({"year": 170, "day": 780, "month": 10, "none": 40})

DATA_QUALITY = table(
    {"Needs Vote": 879, "Correct": 105, "Complete and Correct": 9, "Needs Minor Changes": 7}
)
JOINS = table({",": 43, "/": 14, "&": 21, "And": 6, "Feat.": 6, "Featuring": 4, "With": 3, "vs.": 2,
               "•": 2, "Meets": 1, "Presents": 1})  # fmt: skip


class Country(NamedTuple):
    """A country of release with the years in which there was one of that name."""

    name: str | None
    language: str
    since: int = 1900
    until: int = 2100
    rights: str | None = None


COUNTRIES = table(
    {
        Country("US", "en", rights="ASCAP"): 250,
        Country("Germany", "de", rights="GEMA"): 88,
        Country("UK", "en", rights="MCPS"): 84,
        Country("Japan", "ja", rights="JASRAC"): 55,
        Country("Italy", "it", rights="SIAE"): 44,
        Country("Canada", "en", rights="SOCAN"): 38,
        Country("Netherlands", "nl", rights="BIEM/STEMRA"): 38,
        Country("France", "fr", rights="SACEM"): 34,
        Country("Spain", "es", rights="SGAE"): 30,
        Country("Russia", "ru", since=1992): 28,
        Country("Europe", "en", since=1985, rights="BIEM"): 24,
        Country("Sweden", "sv", rights="STIM"): 22,
        Country("Australia", "en", rights="APRA"): 20,
        Country("Poland", "pl", rights="ZAiKS"): 18,
        Country("Norway", "no", rights="n©b"): 11,
        Country("Greece", "el", rights="AEPI"): 11,
        Country("Switzerland", "de", rights="SUISA"): 9,
        Country("Czechoslovakia", "sl", until=1992, rights="OSA"): 8,
        Country("USSR", "ru", until=1991): 9,
        Country("Yugoslavia", "sl", until=1991, rights="SOKOJ"): 8,
        Country("German Democratic Republic (GDR)", "de", 1949, 1990, "AWA"): 7,
        Country("UK & Europe", "en", since=1992): 7,
        Country("Denmark", "no", rights="n©b"): 7,
        Country("Belgium", "nl", rights="SABAM"): 7,
        Country("Brazil", "pt"): 9,
        Country("Portugal", "pt", rights="SPA"): 5,
        Country("Mexico", "es"): 5,
        Country("Argentina", "es", rights="SADAIC"): 5,
        Country("Jamaica", "en", since=1962): 5,
        Country("Nigeria", "en"): 4,
        Country("Finland", "no", rights="TEOSTO"): 5,
        Country("Iceland", "no", rights="STEF"): 2,
        Country("Austria", "de", rights="AUME"): 5,
        Country("Ukraine", "ru", since=1992): 3,
        Country("Serbia", "sl", since=2006): 3,
        Country("Czech Republic", "sl", since=1993, rights="OSA"): 4,
        Country("New Zealand", "en", rights="APRA"): 4,
        Country(None, "en"): 30,
    }
)

ROCK_ROLES = (
    "Guitar, Vocals",
    "Drums, Percussion",
    *words("""Producer, Producer, Written-By, Written-By, Engineer, Engineer, Mastered By, Mixed
By, Recorded By, Drums, Guitar, Bass, Vocals, Keyboards, Backing Vocals, Percussion, Photography
By, Design, Artwork, Engineer [Assistant], Lacquer Cut By, Liner Notes, Executive-Producer, Art
Direction"""),
)
STUDIO_ROLES = words("""Producer, Producer, Written-By, Mastered By, Mastered By, Remix, Mixed
By, Artwork, Design, Executive-Producer, Vocals, Lacquer Cut By, Keyboards, Photography By""")
JAZZ_ROLES = words("""Piano, Bass, Drums, Trumpet, Tenor Saxophone, Alto Saxophone, Trombone,
Flute, Guitar, Vibraphone, Producer, Engineer, Liner Notes, Composed By, Recorded By, Photography
By""")
ORCHESTRA_ROLES = words("""Conductor, Orchestra, Violin, Cello, Viola, Piano, Flute, Harpsichord,
Composed By, Composed By, Engineer, Producer, Liner Notes, Chorus Master""")
SCREEN_ROLES = words("""Composed By, Conductor, Orchestrated By, Producer, Music By, Lyrics By,
Arranged By, Engineer, Executive-Producer, Liner Notes""")


class Family(NamedTuple):
    """A kind of music: how its titles, styles and credits go, and since when it exists."""

    genre: str
    since: int
    weight: int
    titles: tuple[Template, ...]
    styles: tuple[tuple[str, int], ...]
    roles: tuple[str, ...] = ROCK_ROLES
    second: tuple[str, ...] = ()
    native: float = 0.5
    clubby: bool = False
    languages: tuple[str, ...] = ()


def _styles(text: str) -> tuple[tuple[str, int], ...]:
    """Read `Punk 1976, Beat 1962` into styles with the first year of each."""
    pairs = (entry.rsplit(" ", 1) for entry in words(text))
    return tuple((name, int(since)) for name, since in pairs)


FAMILIES = (
    Family(
        "Rock",
        1955,
        330,
        SONGS,
        _styles("""
        Rock & Roll 1955, Rockabilly 1955, Surf 1961, Beat 1962, Garage Rock 1963,
        Psychedelic Rock 1966, Blues Rock 1966, Classic Rock 1960, Hard Rock 1969, Prog Rock
        1969, Folk Rock 1965, Country Rock 1968, Soft Rock 1970, Acoustic 1975, Pop Rock
        1964, Pop Rock 1964, New Wave 1977, Post-Punk 1978, Punk 1976, Punk 1976, Hardcore
        1981, Emo 1987, Alternative Rock 1985, Indie Rock 1984, Lo-Fi 1986, Shoegaze 1989,
        Alternative Rock 1985, Grunge 1988, Stoner Rock 1992, Doom Metal 1984, Heavy Metal
        1974, Thrash 1983, Death Metal 1986, Black Metal 1986
    """),
        second=("Pop", "Blues", "Folk, World, & Country", "Electronic"),
        native=0.35,
    ),
    Family(
        "Electronic",
        1972,
        330,
        ELECTRONIC,
        _styles("""
        Noise 1980, Industrial 1977, Experimental 1972, Abstract 1978, Drone 1980, Ambient
        1975, Berlin-School 1973, Leftfield 1990, IDM 1992, Downtempo 1992, Broken Beat
        1998, Drum n Bass 1993, Breakbeat 1991, Electro 1982, Techno 1987, Dub Techno 1994,
        Minimal 1994, Techno 1987, Tech House 1995, Deep House 1987, House 1985, Deep House
        1987, House 1985, Progressive House 1992, Trance 1992, Euro House 1989, Italo-Disco
        1981, Disco 1975, Synth-pop 1979
    """),
        STUDIO_ROLES,
        ("Pop", "Rock", "Hip Hop", "Funk / Soul", "Jazz"),
        0.12,
        True,
    ),
    Family(
        "Pop",
        1940,
        105,
        SONGS,
        _styles("""
        Vocal 1940, Ballad 1950, Chanson 1945, Schlager 1950, Europop 1978, Synth-pop 1980,
        Bubblegum 1967, Light Music 1945, Indie Pop 1984, City Pop 1977
    """),
        second=("Rock", "Electronic", "Jazz", "Funk / Soul"),
        native=0.8,
    ),
    Family(
        "Folk, World, & Country",
        1930,
        95,
        SONGS,
        _styles("""
        Country 1930, Folk 1945, Bluegrass 1946, Celtic 1965, African 1955, Fado 1940,
        Folk 1945, Volksmusik 1950, Neofolk 1985, Klezmer 1950, Folk 1945, Highlife 1955,
        Hillbilly 1930, Honky Tonk 1948, Polka 1935
    """),
        second=("Rock", "Pop"),
        native=0.85,
    ),
    Family(
        "Classical",
        1930,
        60,
        MINIATURES,
        _styles("""
        Romantic 1930, Baroque 1930, Classical 1930, Contemporary 1955, Modern 1945,
        Impressionist 1935, Choral 1930, Opera 1930, Neo-Classical 1950, Renaissance 1955
    """),
        ORCHESTRA_ROLES,
        native=0.0,
    ),
    Family(
        "Jazz",
        1930,
        62,
        JAZZ,
        _styles("""
        Contemporary Jazz 1980, Easy Listening 1950, Free Improvisation 1966, Cool Jazz
        1950, Latin Jazz 1955, Fusion 1970, Soul-Jazz 1958, Hard Bop 1955, Modal 1958, Bop
        1946, Swing 1931, Big Band 1931, Free Jazz 1960, Jazz-Funk 1972
    """),
        JAZZ_ROLES,
        ("Funk / Soul", "Latin"),
        0.15,
    ),
    Family(
        "Funk / Soul",
        1958,
        52,
        SONGS,
        _styles("""
        Soul 1960, Funk 1968, Rhythm & Blues 1958, Disco 1974, Neo Soul 1997, Gospel 1958,
        Contemporary R&B 1987, Boogie 1979
    """),
        second=("Pop", "Jazz", "Hip Hop"),
        native=0.1,
        clubby=True,
    ),
    Family(
        "Hip Hop",
        1983,
        42,
        HIP_HOP,
        _styles("""
        Conscious 1988, Gangsta 1988, Boom Bap 1989, Instrumental 1994, Pop Rap 1989, Jazzy
        Hip-Hop 1990, Electro 1983, Thug Rap 1995, Trap 2005
    """),
        STUDIO_ROLES,
        ("Electronic", "Funk / Soul"),
        0.1,
        True,
    ),
    Family(
        "Stage & Screen",
        1950,
        30,
        SCREEN,
        _styles("""
        Soundtrack 1950, Soundtrack 1950, Score 1955, Musical 1950, Theme 1960
    """),
        SCREEN_ROLES,
        ("Pop", "Classical", "Electronic"),
        0.2,
    ),
    Family(
        "Latin",
        1945,
        26,
        SONGS,
        _styles("""
        Salsa 1968, Bolero 1945, Cumbia 1955, Bossanova 1959, Samba 1948, Tango 1945, Mambo
        1948, MPB 1967, Ranchera 1945, Flamenco 1950, Guaguancó 1960
    """),
        JAZZ_ROLES,
        ("Jazz", "Pop"),
        1.0,
        languages=("es", "pt"),
    ),
    Family(
        "Blues",
        1935,
        22,
        JAZZ,
        _styles("""
        Chicago Blues 1950, Delta Blues 1935, Electric Blues 1950, Country Blues 1935,
        Modern Electric Blues 1980, Jump Blues 1942, Harmonica Blues 1948
    """),
        second=("Rock", "Funk / Soul"),
        native=0.0,
        languages=("en",),
    ),
    Family(
        "Reggae",
        1967,
        19,
        REGGAE,
        _styles("""
        Reggae 1968, Roots Reggae 1972, Dub 1973, Rocksteady 1967, Dancehall 1981, Lovers
        Rock 1976, Ska 1967
    """),
        STUDIO_ROLES,
        ("Electronic",),
        0.0,
        True,
        ("en",),
    ),
    Family(
        "Non-Music",
        1950,
        11,
        SPOKEN,
        _styles("""
        Spoken Word 1950, Field Recording 1955, Interview 1960, Comedy 1958, Poetry 1952,
        Education 1955, Sound Effects 1956
    """),
        native=0.2,
    ),
    Family(
        "Children's",
        1950,
        10,
        CHILDREN,
        _styles("""
        Story 1950, Nursery Rhymes 1950, Educational 1955
    """),
        native=0.3,
    ),
    Family(
        "Brass & Military",
        1940,
        3,
        BRASS,
        _styles("""
        Marches 1940, Military 1940, Brass Band 1940
    """),
        ORCHESTRA_ROLES,
        native=0.1,
    ),
)

# The families that exist in a year, each as often as it weighs; years outside are clipped.
_BY_YEAR = {
    year: tuple(family for family in FAMILIES if family.since <= year for _ in range(family.weight))
    for year in range(1930, 2027)
}
# Styles that are at home in one language.
_AT_HOME = {
    "Country": "en", "Bluegrass": "en", "Hillbilly": "en", "Honky Tonk": "en", "Highlife": "en",
    "African": "en", "Gospel": "en", "Celtic": "en", "Fado": "pt", "Samba": "pt", "MPB": "pt",
    "Bossanova": "pt", "Schlager": "de", "Volksmusik": "de", "Chanson": "fr", "City Pop": "ja",
    "Flamenco": "es", "Polka": "sl", "Tango": "es", "Ranchera": "es", "Guaguancó": "es",
}  # fmt: skip
_STYLES = {
    (family.genre, year, language): tuple(
        name
        for name, since in family.styles
        if since <= year and _AT_HOME.get(name, language) == language
    )
    for family in FAMILIES
    for year in _BY_YEAR
    for language in {country.language for country in COUNTRIES}
}


def families(year: int) -> tuple[Family, ...]:
    """Return the families of music of a year, each as often as it weighs."""
    return _BY_YEAR[min(max(year, 1930), 2026)]


def styles(family: Family, year: int, language: str) -> tuple[str, ...]:
    """Return the family's styles that are known in a year and a language, kin side by side."""
    return _STYLES[family.genre, min(max(year, 1930), 2026), language]

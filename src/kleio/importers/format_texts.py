"""The formats that a collection's CSV writes in one cell: `2xLP, Album, RE, Gat + CD, Album`.

The reverse of what `queries/exports.sql` writes; a text that was read here is written the same
again. What the short forms stand for is Discogs' list; an unknown last word is free text, of which
the cell has three letters.
"""

from __future__ import annotations

import re

from kleio.catalogue import FormatDocument

_SHORT = {
    "8-Trk": "8-Track Cartridge", "Adv": "Advance", "Box": "Box Set", "Cass": "Cassette",
    "Club": "Club Edition", "Comp": "Compilation", "Dlx": "Deluxe Edition", "Enh": "Enhanced",
    "Etch": "Etched", "Flexi": "Flexi-disc", "Lathe": "Lathe Cut", "Ltd": "Limited Edition",
    "Maxi": "Maxi-Single", "MiniAlbum": "Mini-Album", "M/Print": "Misprint", "Num": "Numbered",
    "P/Mixed": "Partially Mixed", "P/Unofficial": "Partially Unofficial", "Pic": "Picture Disc",
    "Quad": "Quadraphonic", "RSD": "Record Store Day", "Reel": "Reel-To-Reel", "RE": "Reissue",
    "RM": "Remastered", "RP": "Repress", "Smplr": "Sampler", "S/Sided": "Single Sided",
    "S/Edition": "Special Edition", "TP": "Test Pressing", "Transcr": "Transcription",
    "Unofficial": "Unofficial Release", "W/Lbl": "White Label",
}  # fmt: skip


def _names(text: str) -> frozenset[str]:
    return frozenset(name.strip() for name in text.split(";"))


_CARRIERS = _names(
    """
    Vinyl; Acetate; Flexi-disc; Lathe Cut; Mighty Tiny; Shellac; Sopic; Pathé Disc; Edison Disc;
    Cylinder; CD; CDr; CDV; DVD; DVDr; HD DVD; HD DVD-R; Blu-ray; Blu-ray-R; Ultra HD Blu-ray; SACD;
    4-Track Cartridge; 8-Track Cartridge; Cassette; DC-International; Elcaset; PlayTape;
    RCA Tape Cartridge; DAT; DCC; Microcassette; NT Cassette; Pocket Rocker;
    Revere Magnetic Stereo Tape Ca; Tefifon; Reel-To-Reel; Sabamobil; Betacam; Betacam SP; Betamax;
    Cartrivision; MiniDV; Super VHS; U-matic; VHS; Video 2000; Video8; Film Reel; HitClips;
    Laserdisc; SelectaVision; VHD; Wire Recording; Minidisc; MVD; UMD; Floppy Disk; File;
    Memory Stick; Hybrid; Box Set; All Media
    """
)

# Words that describe an edition and are no carrier: a part that begins with one has none of its
# own ("All Media").
_EDITIONS = frozenset(word for word in _SHORT.values() if word not in _CARRIERS) | _names(
    """
    Album; EP; Single; Mono; Mixtape; Promo; Shape; Styrene; Copy Prot.; Card Backed; Jukebox;
    Mispress; Mixed; Multichannel; Ambisonic; Mini; PAL; NTSC; AAC; AIFC; AIFF; ALAC; AMR; APE; ATR;
    AVI; DFF; DSF; FLAC; FLV; MID; MOV; MP2; MP3; MP4; MPC; OGG; SHN; SPX; SWF; TTA; WAV; WMA; WMV
    """
)

_QUANTITY = re.compile(r"(\d+)x(?=\S)")
_SIZE = re.compile(r'LP|[0-9.½¼¾]+"')


def parse_formats(text: str) -> list[FormatDocument]:
    """Return the carriers of a format cell, in their order.

    >>> [(f.qty, f.name, f.descriptions, f.text) for f in parse_formats("2xLP, Album, RE, Gat")]
    [('2', 'Vinyl', ['LP', 'Album', 'Reissue'], 'Gat')]
    """
    return [_parse_carrier(part) for part in text.split(" + ") if part.strip(" ,")]


def _parse_carrier(text: str) -> FormatDocument:
    words = [word for word in (part.strip() for part in text.split(",")) if word]
    first, rest = words[0], words[1:]
    quantity = "1"
    if found := _QUANTITY.match(first):
        quantity, first = found[1], first[found.end() :]
    descriptions = []
    whole = _SHORT.get(first, first)
    if _SIZE.fullmatch(first):
        name = "Vinyl"
        descriptions.append(first)
    elif whole in _CARRIERS or whole not in _EDITIONS:
        name = whole
    else:
        name = "All Media"
        rest = words
    free = None
    if rest and _is_free_text(rest[-1]):
        free = rest.pop()
    descriptions += [_SHORT.get(word, word) for word in rest]
    return FormatDocument(name=name, qty=quantity, text=free, descriptions=descriptions)


def _is_free_text(word: str) -> bool:
    if word in _SHORT or _SHORT.get(word, word) in _EDITIONS or _SIZE.fullmatch(word):
        return False
    return len(word) <= 3 or word.isdigit()

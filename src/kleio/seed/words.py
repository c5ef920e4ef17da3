"""English words and the templates of titles made from them, by kind of music."""

from __future__ import annotations

from kleio.seed.dice import templates, words

ADJECTIVES = words("""
Paper, Silver, Hollow, Quiet, Borrowed, Slow, Crooked, Amber, Distant, Velvet, Broken, Northern,
Southern, Faded, Gentle, Restless, Copper, Frozen, Hidden, Wooden, Burning, Empty, Electric, Tin,
Second-Hand, Lonesome, Bitter, Sudden, Pale, Crimson, Midnight, Harbour, Concrete, Plastic, Salt,
Reluctant, Ordinary, Careful, Unfinished, Barefoot, Sleepless, Honest, Foolish, Tender, Wild,
Drunken, Invisible, Painted, Rusted, Weightless, Stolen, Forgotten, Winter, Violet, Marble, Half,
Small, Other, Long, Last, First, Blue, Black, White, Golden, Green, Heavy, Soft, Strange, Good""")

NOUNS = words("""
Lantern, Harbour, Orchard, Staircase, Telephone, Window, River, Mirror, Kitchen, Lighthouse,
Suitcase, Engine, Garden, Bridge, Umbrella, Carousel, Compass, Postcard, Calendar, Sparrow, Heron,
Magpie, Fox, Wolf, Horse, Anchor, Ladder, Candle, Curtain, Motorway, Railway, Station, Signal,
Satellite, Radio, Ballroom, Corridor, Cellar, Attic, Fence, Ferry, Island, Valley, Mountain,
Meadow, Forest, Shadow, Season, Summer, Winter, Weather, Thunder, Rain, Snow, Frost, Tide, Moon,
Daylight, Evening, Morning, Holiday, Wedding, Parade, Circus, Stranger, Sailor, Waitress, Doctor,
Dancer, Ghost, Brother, Daughter, Neighbour, Letter, Promise, Secret, Alibi, Accident, Excuse,
Habit, Whisper, Echo, Heart, Hand, Shoulder, Bone, Fever, Cradle, Crown, Ribbon, Needle, Thread,
Coat, Pocket, Ticket, Machine, Factory, Quarry, Furnace, Turbine, Ceiling, Kingdom, Desert""")

PLURALS = words("""
Lanterns, Orchards, Windows, Rivers, Mirrors, Sparrows, Herons, Foxes, Wolves, Horses, Anchors,
Candles, Curtains, Motorways, Signals, Satellites, Radios, Corridors, Ferries, Islands, Valleys,
Mountains, Shadows, Seasons, Summers, Winters, Tides, Mornings, Evenings, Holidays, Weddings,
Strangers, Sailors, Dancers, Ghosts, Brothers, Daughters, Neighbours, Letters, Promises, Secrets,
Alibis, Accidents, Excuses, Habits, Whispers, Echoes, Hearts, Hands, Bones, Ribbons, Needles,
Coats, Pockets, Tickets, Machines, Factories, Turbines, Ceilings, Tigers, Swallows, Trains, Roads,
Stars, Oceans, Diamonds, Flowers, Roses, Cigarettes, Photographs, Afternoons, Sundays, Miles""")

PLACES = words("""
Ashcombe, Millbrook Road, Corrow Bay, Tannery Lane, Hollin Street, Port Elvan, St. Osric, Marrow
Creek, Dunmere, Lower Saltby, Kestrel Hill, Fort Abney, Pinder County, East Varley, Old Quay,
Halden Pass, Cinder Flats, Lake Orrin, Whitlow, Brackley Green, Sable Point, Nine Elms Yard, Tarn
Hollow, Cape Ransom, Juniper Falls, Eastmarch, Wexley, Calder Junction, Mount Ives, Rookery Park""")

NAMES = words("""
Marianne, Josephine, Clara, Delia, Rosalind, Ines, Nora, Harriet, Agnes, Lucille, Mabel, Odette,
Ruth, Imogen, Della, Frances, Walter, Elias, Jonah, Otis, Leonard, Amos, Gideon, Raymond, Silas,
Arthur, Lionel, Ezra, Theo, Caroline, Louisa, Vera""")

WHENS = words("""
Sunday, Monday, October, November, April, August, Midnight, Winter, Summer, Christmas, Payday,
Tomorrow, Yesterday, Saturday Night, Half Past Four, Daybreak""")

WHERES = words("""
In The Rain, By The River, On The Stairs, Under The Bridge, At The Window, Over The Water, In The
Dark, After Hours, Out Of Season, On The Radio, Without You, From Here, Down The Line, In Reverse,
At Closing Time, Before The Storm, On The Roof, Against The Wind, Behind The Wall, In My Pocket,
All The Way Home, Through The Trees, For The Last Time, In Another Town, Beyond The Pines""")

GERUNDS = words("""
Waiting, Falling, Dancing, Drifting, Running, Counting, Driving, Whispering, Walking, Burning,
Sleeping, Dreaming, Singing, Leaving, Breathing, Floating, Hiding, Crying, Swimming, Shivering""")

PLEAS = words("""
Call Me, Hold On, Leave The Light On, Come On Over, Don't Look Back, Tell Me Twice, Turn Around,
Wait For Me, Let It Ring, Stay A While, Say It Again, Carry Me Home, Keep Your Coat On, Slow Down,
Never Mind, Write It Down, Take The Long Way, Shake It Loose, Give Me A Reason, Close The Door,
Meet Me Halfway, Don't Ask Me, Forget My Name, Pull The Curtain, Start Again, Talk To Me""")

STATES = words("""
Running, Unlocked, On Fire, In The Rain, Behind, Alone, For You, Open, Out In The Cold, Again""")

MACHINERY = words("""
Oscillator, Drift, Parallax, Substrate, Relay, Vector, Carrier, Lattice, Residue, Meridian, Phase,
Aperture, Concrete, Halogen, Isobar, Kinetic, Lumen, Membrane, Nocturne, Orbit, Pressure, Quartz,
Reflex, Static, Tremor, Undertow, Voltage, Waveform, Zenith, Contour, Delta, Ember, Filament,
Gradient, Horizon, Inertia, Module, Particle, Resonance, Silo, Terminal, Torque, Vapour, Turnstile,
Blueprint, Cascade, Spillway, Neon, Switchback, Perimeter, Silhouette, Tessellate, Anode""")

STREET = words("""
Corner, Block, Tape, Hustle, Paper, Crown, Verse, Concrete, Receipts, Ledger, Rent, Cipher, Chain,
Sirens, Rooftop, Elevator, Bus Pass, Payphone, Bodega, Ninth Floor, Curfew, Nickels""")

RIDDIMS = words("""
Jah Lantern, River Road, Zinc Fence, Cane Field, Lion Gate, Morning Star, Hill & Gully, Prophet,
Half Moon, Wharf Street, Cedar Tree, Salt Water, Iron Bar, Golden Harvest, Blue Mahoe""")

ANIMALS = words("""
Badger, Hedgehog, Otter, Little Fox, Clever Mouse, Old Tortoise, Blue Elephant, Sleepy Owl, Goose,
Tiny Whale, Polite Crocodile, Rabbit""")

KEYS = words("""
C Major, C Minor, D Major, D Minor, E Flat Major, E Minor, F Major, F Minor, G Major, G Minor,
A Major, A Minor, B Flat Major, B Minor, F Sharp Minor, A Flat Major""")

MOVEMENTS = words("""
Allegro, Allegro Con Brio, Allegro Ma Non Troppo, Andante, Andante Con Moto, Adagio, Adagio
Sostenuto, Largo, Scherzo: Vivace, Menuetto, Presto, Rondo: Allegretto, Finale: Allegro Molto,
Lento, Poco Adagio, Moderato, Tema Con Variazioni, Vivace""")

NUMBERS = words("Two, Three, Four, Five, Seven, Nine, Ten, Twelve, Forty, A Hundred")
SMALL = tuple(str(n) for n in range(1, 10))
OPUS = tuple(str(n) for n in range(11, 97))

LISTS = {
    "adj": ADJECTIVES, "noun": NOUNS, "plural": PLURALS, "place": PLACES, "name": NAMES,
    "when": WHENS, "where": WHERES, "ing": GERUNDS, "plea": PLEAS, "state": STATES,
    "tech": MACHINERY, "street": STREET, "riddim": RIDDIMS, "animal": ANIMALS, "key": KEYS,
    "number": NUMBERS, "n": SMALL, "opus": OPUS,
}  # fmt: skip

SONGS = templates(
    """9* {adj} {noun}
5* {adj} {plural}
2* The {noun}
2* {noun}
2* {plural}
3* {noun} & {noun}
3* {plea}
2* {plea}, {name}
4* {ing} {where}
4* {plural} {where}
2* {ing} In {place}
{name}
2* {name}'s {noun}
2* Dear {name}
{when} {noun}
2* {when} {where}
2* No More {plural}
All My {plural}
2* {number} {plural}
2* I Left The {noun} {state}
2* You Were Right About The {noun}
Nobody Told The {noun}
2* {name} Never Came Home
2* The {noun} Knows My Name
When The {noun} Comes Down
2* How To Lose A {noun}
Somebody Else's {noun}
(I'm Not Your) {noun}
The Road To {place}
3* Back To {place}
2* Every {noun} {where}
What The {noun} Said
"{plea}"
Too Many {plural}
More {noun}, Less {noun}
2* One {noun} Too Many
There's A {noun} {where}
{name} And The {noun}
If {name} Calls
It's Only {noun}
2* Goodbye, {place}
Not Another {adj} {noun}
{ing} With {name}
2* Where The {plural} Go
The {noun} Between Us
The {plural} Of {place}""".splitlines(),
    LISTS,
)

ELECTRONIC = templates(
    """8* {tech}
5* {adj} {tech}
4* {tech} {n}
3* {noun} {tech}
3* {adj} {noun}
2* {tech} & {tech}
2* {noun}
2* {ing}
{ing} {where}
{tech} Theory
2* {place} {when}
{tech}.{n}
2* Untitled {n}
{plural}
{plea}
{plural} Of {tech}
2* {when} {tech}
Lost {where}""".splitlines(),
    LISTS,
)

JAZZ = templates(
    """3* Blues For {name}
3* {name}'s {noun}
2* {name}'s Waltz
3* {adj} {noun}
2* {place} After Dark
{plural} {where}
2* {noun} In {number}
2* Minor {noun}
The {noun} Walk
3* {when} In {place}
{name}
One For {name}
2* {noun} Suite
{plea}
2* {noun}, Interrupted
{ing} {where}""".splitlines(),
    LISTS,
)

HIP_HOP = templates(
    """3* {street} Talk
3* {adj} {street}
2* {plea}
3* {street} & {street}
2* {number} {plural}
2* {noun} Music
Ask {name}
{street} Pt. {n}
3* {ing} {where}
2* {place} Anthem
2* {street}
All {plural}
No {street}
{when} Freestyle""".splitlines(),
    LISTS,
)

REGGAE = templates(
    """4* {riddim}
3* {riddim} Dub
2* {riddim} Version
3* {plea}
2* {adj} {noun}
2* {noun} Of Zion
{ing} {where}
Dub In {place}
{number} {plural}
Rise Up, {name}""".splitlines(),
    LISTS,
)

# The parts of a cyclical work are its movements.
CLASSICAL = templates(
    """3* Symphony No. {n} In {key}, Op. {opus}
4* String Quartet No. {n} In {key}
4* Piano Sonata No. {n} In {key}, Op. {opus}
2* Concerto For Violin & Orchestra In {key}
2* Cello Suite No. {n} In {key}
2* Trio For Flute, Viola & Harp, Op. {opus}
Serenade For Strings, Op. {opus}
2* Piano Concerto No. {n} In {key}, Op. {opus}""".splitlines(),
    LISTS,
)

MINIATURES = templates(
    """3* Prelude In {key}
3* Nocturne No. {n}
2* Étude In {key}, Op. {opus} No. {n}
2* Intermezzo, Op. {opus}
{number} Bagatelles: No. {n}
Impromptu In {key}
Ave Maria
Barcarolle "{place}"
Elegy For {name}
Waltz In {key}""".splitlines(),
    LISTS,
)

SCREEN = templates(
    """2* {name}'s Theme
3* The {noun}
2* Arrival At {place}
{ing} {where}
2* {name} And {name}
2* The {adj} {noun}
3* {plural} {where}
Flight From {place}
The {noun} (Reprise)
2* {place}, {when}
Waltz For {name}
Love Theme
Chase {where}""".splitlines(),
    LISTS,
)

SPOKEN = templates(
    """3* Birds Of {place}
2* Steam At {place}
{place}, {when}
2* {name} Remembers The {noun}
2* The {noun} Lecture
Rain On A {adj} Roof
3* {noun}, {place}
Conversation With {name}
Ferry Leaving {place}""".splitlines(),
    LISTS,
)

CHILDREN = templates(
    """4* The {animal} And The {noun}
2* Goodnight, {animal}
2* {name} And The {animal}
{number} {plural} In A Row
Where Is My {noun}?
2* The {animal}'s Song
{when} At {place}""".splitlines(),
    LISTS,
)

BRASS = templates(
    """4* The {place} March
2* {plural} On Parade
Regimental {noun}
2* Salute To {place}
The {adj} {noun}
Marching {where}""".splitlines(),
    LISTS,
)

COMPILATIONS = templates(
    """3* {adj} {plural} Vol. {n}
2* Sounds Of {place}
2* {adj} {plural}
{plural} From {place}
2* The {place} Sessions
3* {place} Calling
2* {plural} {where}
The {adj} {noun} Collection
{noun} Parade {n}
{when} In {place} (A Compilation)
Lost {plural}: Rare Sides From {place}""".splitlines(),
    LISTS,
)

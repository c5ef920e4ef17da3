-- Artists of the shared catalogue.
-- Tables: artists.

-- name: list_artist_hashes(discogs_ids)
-- What the catalogue holds of these Discogs artists, to leave out what is unchanged.
--
-- Returns: 0..n rows SourceHash, in no order.
-- Index:   artists_discogs_id_key.
-- Cost:    at most 8 buffers.
-- Locks:   none.
SELECT a.discogs_id, a.source_hash
  FROM artists AS a
 WHERE a.discogs_id = ANY (:discogs_ids::int[]);

-- name: upsert_artists(documents, now)
-- Artists from documents; one of a Discogs number replaces what is known of that number.
--
-- Returns: one row SavedEntry a document, in no order.
-- Params:  documents jsonb: a JSON array of artist documents (kleio.catalogue), each Discogs number
--          at most once.
-- Index:   artists_discogs_id_key.
-- Order:   written in the order of the Discogs numbers, so that two imports can't deadlock.
-- Cost:    at most 200 buffers for ten.
-- Locks:   the artists written.
INSERT INTO artists AS a (
    discogs_id, name, resource_url, profile, metadata, source_hash, created_at, updated_at,
    synced_at
)
SELECT d."discogsId", d.name, d."resourceUrl", d.profile, coalesce(d.metadata, '{}'),
       d."sourceHash", :now::timestamptz, :now,
       CASE WHEN d."discogsId" IS NOT NULL THEN :now::timestamptz END
  FROM jsonb_to_recordset(:documents::jsonb) AS d (
           "discogsId" int, name text, "resourceUrl" text, profile text, metadata jsonb,
           "sourceHash" text
       )
 ORDER BY d."discogsId"
    ON CONFLICT (discogs_id) DO UPDATE
   SET name = excluded.name,
       resource_url = excluded.resource_url,
       profile = excluded.profile,
       metadata = excluded.metadata,
       source_hash = excluded.source_hash,
       updated_at = excluded.updated_at,
       synced_at = excluded.synced_at
RETURNING a.discogs_id, a.id, old.id IS NULL AS inserted;

-- name: list_artists(after_name, after_id, page_size, page_offset)
-- Artists by name; one keyset page.
--
-- Returns: 0..page_size rows Keyed[Artist]: name_key, id, then the artist.
-- Params:  after_name text, after_id uuid: last row of the previous page, NULL for the first.
-- Index:   artists_name_idx (left(name_normalized, 64), id).
-- Order:   left(name_normalized, 64), id; total.
-- Cost:    at most 80 buffers.
-- Locks:   none.
SELECT left(a.name_normalized, 64) AS name_key, a.id,
       a.id, a.discogs_id, a.name, a.resource_url
  FROM artists AS a
 WHERE (left(a.name_normalized, 64), a.id)
       > (coalesce(:after_name::text, ''),
          coalesce(:after_id::uuid, '00000000-0000-0000-0000-000000000000'))
 ORDER BY left(a.name_normalized, 64), a.id
 LIMIT :page_size::int OFFSET :page_offset::int;

-- name: search_artists(search, first_words, second_words, third_words, before_score, before_id, page_size, page_offset)
-- Artists whose name is like a text, best first; one page.
--
-- Of a frequent word those of exactly that name and the first 2,000 that the index finds are
-- ranked, and no more, as in songs.search_songs.
--
-- Returns: 0..page_size rows Keyed[Artist]: score, id, then the artist.
-- Params:  search text: what a person typed; normalised here. first_words, second_words,
--          third_words text[]: what words.get_alternatives says of it. before_score, before_id:
--          last row of the previous page, NULL for the first.
-- Index:   artists_words_idx, artists_name_idx; the three longest words find the candidates, all
--          words decide.
-- Order:   score DESC, id DESC; total. The score is that of releases.search_releases.
-- Plan:    custom: with the words known, the condition of the index is a constant.
-- Cost:    at most 32 buffers.
-- Locks:   none.
WITH named AS (
    (SELECT a.id, a.discogs_id, a.name, a.resource_url, a.name_normalized
       FROM artists AS a
      WHERE left(a.name_normalized, 64) = left(normalize_name(:search::text), 64)
        AND a.name_normalized = normalize_name(:search::text)
      LIMIT 2000)
     UNION ALL
    (SELECT a.id, a.discogs_id, a.name, a.resource_url, a.name_normalized
       FROM artists AS a
      WHERE matches_words(
                a.name_normalized, :search::text, :first_words::text[],
                :second_words::text[], :third_words::text[]
            )
        AND a.name_normalized <> normalize_name(:search::text)
      LIMIT 2000)
),
found AS MATERIALIZED (
    SELECT (word_similarity(normalize_name(:search::text), named.name_normalized)
            + similarity(normalize_name(:search::text), named.name_normalized) / 10)::float8
               AS score,
           named.id, named.discogs_id, named.name, named.resource_url
      FROM named
)
SELECT found.score, found.id, found.id, found.discogs_id, found.name, found.resource_url
  FROM found
 WHERE :before_id::uuid IS NULL
    OR (found.score, found.id) < (:before_score::float8, :before_id::uuid)
 ORDER BY found.score DESC, found.id DESC
 LIMIT :page_size::int OFFSET :page_offset::int;

-- name: count_artists(search, first_words, second_words, third_words, max_rows)$
-- How many artists there are, or whose name is like a text; no more than a number are counted.
--
-- Returns: one bigint, at most max_rows.
-- Params:  search text: as in search_artists with its words, NULL for all.
-- Index:   artists_words_idx with a text; without one artists_discogs_id_key or the table's first
--          rows.
-- Plan:    custom: with the text known, the other branch falls away.
-- Cost:    at most 24 buffers.
-- Locks:   none.
SELECT count(*)
  FROM (SELECT
          FROM artists AS a
         WHERE :search::text IS NULL
            OR matches_words(
                   a.name_normalized, :search::text, :first_words::text[],
                   :second_words::text[], :third_words::text[]
               )
         LIMIT :max_rows::int) AS counted;

-- name: get_artist(artist_id)^
-- One artist with everything that is known of it.
--
-- Returns: 0..1 rows ArtistDetail.
-- Index:   artists_pkey.
-- Cost:    at most 8 buffers.
-- Locks:   none.
SELECT a.id, a.discogs_id, a.name, a.resource_url, a.profile, a.metadata,
       a.created_at, a.updated_at
  FROM artists AS a
 WHERE a.id = :artist_id::uuid;

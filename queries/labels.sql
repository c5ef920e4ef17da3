-- Labels of the shared catalogue.
-- Tables: labels.
--
-- Allow:   unread-column labels.entity_type: nothing of a dump is lost, shown or not.

-- name: list_label_hashes(discogs_ids)
-- What the catalogue holds of these Discogs labels, to leave out what is unchanged.
--
-- Returns: 0..n rows SourceHash, in no order.
-- Index:   labels_discogs_id_key.
-- Cost:    at most 8 buffers.
-- Locks:   none.
SELECT l.discogs_id, l.source_hash
  FROM labels AS l
 WHERE l.discogs_id = ANY (:discogs_ids::int[]);

-- name: upsert_labels(documents, now)
-- Labels from documents; one of a Discogs number replaces what is known of that number.
--
-- Returns: one row SavedEntry a document, in no order.
-- Params:  documents jsonb: a JSON array of label documents (kleio.catalogue), each Discogs number
--          at most once.
-- Index:   labels_discogs_id_key.
-- Order:   written in the order of the Discogs numbers, so that two imports can't deadlock.
-- Cost:    at most 200 buffers for ten.
-- Locks:   the labels written.
INSERT INTO labels AS l (
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
RETURNING l.discogs_id, l.id, old.id IS NULL AS inserted;

-- name: list_labels(after_name, after_id, page_size, page_offset)
-- Labels by name; one keyset page.
--
-- Returns: 0..page_size rows Keyed[Label]: name_key, id, then the label.
-- Params:  after_name text, after_id uuid: last row of the previous page, NULL for the first.
-- Index:   labels_name_idx (left(name_normalized, 64), id).
-- Order:   left(name_normalized, 64), id; total.
-- Cost:    at most 75 buffers.
-- Locks:   none.
SELECT left(l.name_normalized, 64) AS name_key, l.id,
       l.id, l.discogs_id, l.name, l.resource_url
  FROM labels AS l
 WHERE (left(l.name_normalized, 64), l.id)
       > (coalesce(:after_name::text, ''),
          coalesce(:after_id::uuid, '00000000-0000-0000-0000-000000000000'))
 ORDER BY left(l.name_normalized, 64), l.id
 LIMIT :page_size::int OFFSET :page_offset::int;

-- name: search_labels(search, first_words, second_words, third_words, before_score, before_id, page_size, page_offset)
-- Labels whose name is like a text, best first; one page.
--
-- Of a frequent word those of exactly that name and the first 2,000 that the index finds are
-- ranked, and no more, as in songs.search_songs.
--
-- Returns: 0..page_size rows Keyed[Label]: score, id, then the label.
-- Params:  search text: what a person typed; normalised here. first_words, second_words,
--          third_words text[]: what words.get_alternatives says of it. before_score, before_id:
--          last row of the previous page, NULL for the first.
-- Index:   labels_words_idx, labels_name_idx; the three longest words find the candidates, all
--          words decide.
-- Order:   score DESC, id DESC; total. The score is that of releases.search_releases.
-- Plan:    custom: with the words known, the condition of the index is a constant.
-- Cost:    at most 32 buffers.
-- Locks:   none.
WITH named AS (
    (SELECT l.id, l.discogs_id, l.name, l.resource_url, l.name_normalized
       FROM labels AS l
      WHERE left(l.name_normalized, 64) = left(normalize_name(:search::text), 64)
        AND l.name_normalized = normalize_name(:search::text)
      LIMIT 2000)
     UNION ALL
    (SELECT l.id, l.discogs_id, l.name, l.resource_url, l.name_normalized
       FROM labels AS l
      WHERE matches_words(
                l.name_normalized, :search::text, :first_words::text[],
                :second_words::text[], :third_words::text[]
            )
        AND l.name_normalized <> normalize_name(:search::text)
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

-- name: count_labels(search, first_words, second_words, third_words, max_rows)$
-- How many labels there are, or whose name is like a text; no more than a number are counted.
--
-- Returns: one bigint, at most max_rows.
-- Params:  search text: as in search_labels with its words, NULL for all.
-- Index:   labels_words_idx with a text; without one labels_discogs_id_key or the table's first
--          rows.
-- Plan:    custom: with the text known, the other branch falls away.
-- Cost:    at most 24 buffers.
-- Locks:   none.
SELECT count(*)
  FROM (SELECT
          FROM labels AS l
         WHERE :search::text IS NULL
            OR matches_words(
                   l.name_normalized, :search::text, :first_words::text[],
                   :second_words::text[], :third_words::text[]
               )
         LIMIT :max_rows::int) AS counted;

-- name: get_label(label_id)^
-- One label with everything that is known of it.
--
-- Returns: 0..1 rows LabelDetail.
-- Index:   labels_pkey.
-- Cost:    at most 8 buffers.
-- Locks:   none.
SELECT l.id, l.discogs_id, l.name, l.resource_url, l.profile, l.metadata,
       l.created_at, l.updated_at
  FROM labels AS l
 WHERE l.id = :label_id::uuid;

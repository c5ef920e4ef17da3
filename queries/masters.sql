-- Masters of the shared catalogue: what several releases have in common.
-- Tables: masters.
--
-- Allow:   unread-column masters: nothing of a dump is lost, whether or not an endpoint shows it.

-- name: list_master_hashes(discogs_ids)
-- What the catalogue holds of these Discogs masters, to leave out what is unchanged.
--
-- Returns: 0..n rows SourceHash, in no order.
-- Index:   masters_discogs_id_key.
-- Cost:    at most 3 buffers.
-- Locks:   none.
SELECT m.discogs_id, m.source_hash
  FROM masters AS m
 WHERE m.discogs_id = ANY (:discogs_ids::int[]);

-- name: upsert_masters(documents, now)
-- Masters from documents; one of a Discogs number replaces what is known of that number.
--
-- Returns: one row SavedEntry a document, in no order.
-- Params:  documents jsonb: a JSON array of master documents (kleio.catalogue), each Discogs number
--          at most once.
-- Index:   masters_discogs_id_key.
-- Order:   written in the order of the Discogs numbers, so that two imports can't deadlock.
-- Cost:    at most 95 buffers for ten.
-- Locks:   the masters written.
INSERT INTO masters AS m (
    discogs_id, title, year, main_release_discogs_id, data_quality, notes, metadata, source_hash,
    created_at, updated_at, synced_at
)
SELECT d."discogsId", d.title, d.year, d."mainReleaseDiscogsId", d."dataQuality", d.notes,
       coalesce(d.metadata, '{}'), d."sourceHash", :now::timestamptz, :now,
       CASE WHEN d."discogsId" IS NOT NULL THEN :now::timestamptz END
  FROM jsonb_to_recordset(:documents::jsonb) AS d (
           "discogsId" int, title text, year int, "mainReleaseDiscogsId" int, "dataQuality" text,
           notes text, metadata jsonb, "sourceHash" text
       )
 ORDER BY d."discogsId"
    ON CONFLICT (discogs_id) DO UPDATE
   SET title = excluded.title,
       year = excluded.year,
       main_release_discogs_id = excluded.main_release_discogs_id,
       data_quality = excluded.data_quality,
       notes = excluded.notes,
       metadata = excluded.metadata,
       source_hash = excluded.source_hash,
       updated_at = excluded.updated_at,
       synced_at = excluded.synced_at
RETURNING m.discogs_id, m.id, old.id IS NULL AS inserted;

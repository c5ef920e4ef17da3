-- Everything of a user as records that an import reads again (kleio.account_records).
-- Tables: user_releases, play_history, cleaning_history, folders, styluses; stylus_models, releases
--         and what belongs to releases.
--
-- Each statement runs inside COPY, as those of exports.sql, and gives lines of JSON without the
-- fields that have their default. Orders begin with content and end with the id, and compare
-- texts by their bytes, so that the same data gives the same lines on any server.

-- name: export_account_releases(user_id)
-- The releases that a user's copies, plays and cleanings are of, each with its whole document.
--
-- The order is made before the documents, so that they are never sorted.
--
-- Returns: lines of JSON, one a release: ReleaseRecord.
-- Index:   user_releases_user_release_idx, play_history_user_release_idx,
--          cleaning_history_user_release_idx, releases_pkey, tracks_pkey and the primary keys of a
--          release's other parts.
-- Order:   discogs_id, title, artist_normalized, id; total.
-- Plan:    custom.
-- Cost:    at most 3,600 buffers.
-- Locks:   none.
SELECT JSON_OBJECT(
           'id' VALUE r.id,
           'document' VALUE JSON_OBJECT(
               'discogsId' VALUE r.discogs_id, 'title' VALUE r.title, 'year' VALUE r.year,
               'released' VALUE r.released, 'country' VALUE r.country,
               'resourceUrl' VALUE r.resource_url, 'thumb' VALUE r.thumb,
               'coverImage' VALUE r.cover_image, 'notes' VALUE r.notes,
               'masterDiscogsId' VALUE r.master_discogs_id, 'dataQuality' VALUE r.data_quality,
               'playDuration' VALUE r.play_duration,
               'playDurationEstimated' VALUE nullif(r.play_duration_estimated, false),
               'artists' VALUE (
                   SELECT json_agg(JSON_OBJECT(
                              'name' VALUE c.name, 'discogsId' VALUE a.discogs_id,
                              'anv' VALUE c.anv, 'join' VALUE c.join_relation,
                              'role' VALUE c.role, 'tracks' VALUE c.tracks
                              ABSENT ON NULL RETURNING json
                          ) ORDER BY c.position)
                     FROM release_artists AS c
                     LEFT JOIN artists AS a
                       ON a.id = c.artist_id
                    WHERE c.release_id = r.id
               ),
               'labels' VALUE (
                   SELECT json_agg(JSON_OBJECT(
                              'name' VALUE c.name, 'discogsId' VALUE l.discogs_id,
                              'catno' VALUE c.catno ABSENT ON NULL RETURNING json
                          ) ORDER BY c.position)
                     FROM release_labels AS c
                     LEFT JOIN labels AS l
                       ON l.id = c.label_id
                    WHERE c.release_id = r.id
               ),
               'formats' VALUE (
                   SELECT json_agg(JSON_OBJECT(
                              'name' VALUE f.name, 'qty' VALUE f.qty, 'text' VALUE f.text,
                              'descriptions' VALUE to_json(nullif(f.descriptions, '{}'))
                              ABSENT ON NULL RETURNING json
                          ) ORDER BY f.position)
                     FROM release_formats AS f
                    WHERE f.release_id = r.id
               ),
               'genres' VALUE (
                   SELECT json_agg(g.name ORDER BY e.position)
                     FROM release_genres AS e
                     JOIN genres AS g
                       ON g.id = e.genre_id
                    WHERE e.release_id = r.id
               ),
               'styles' VALUE (
                   SELECT json_agg(s.name ORDER BY e.position)
                     FROM release_styles AS e
                     JOIN styles AS s
                       ON s.id = e.style_id
                    WHERE e.release_id = r.id
               ),
               'tracks' VALUE (
                   SELECT json_agg(JSON_OBJECT(
                              'seq' VALUE t.seq, 'title' VALUE t.title,
                              'type' VALUE nullif(t.type::text, 'track'),
                              'parentSeq' VALUE t.parent_seq, 'position' VALUE t.position,
                              'durationText' VALUE t.duration_text,
                              'durationSeconds' VALUE t.duration_seconds,
                              'credits' VALUE nullif(t.credits, '[]') ABSENT ON NULL RETURNING json
                          ) ORDER BY t.seq)
                     FROM tracks AS t
                    WHERE t.release_id = r.id
               ),
               'metadata' VALUE nullif(r.metadata, '{}')
               ABSENT ON NULL RETURNING json
           ),
           'isStub' VALUE CASE WHEN r.discogs_id IS NOT NULL AND r.source_hash IS NULL
                               THEN true END
           ABSENT ON NULL RETURNING json
       ) AS line
  FROM (
           SELECT r.id, r.discogs_id, r.master_discogs_id, r.year, r.play_duration,
                  r.play_duration_estimated, r.source_hash, r.title, r.artist_normalized,
                  r.released, r.country, r.resource_url, r.thumb, r.cover_image, r.data_quality,
                  r.notes, r.metadata
             FROM releases AS r
            WHERE r.id IN (
                      SELECT c.release_id
                        FROM user_releases AS c
                       WHERE c.user_id = :user_id::uuid
                       UNION
                      SELECT p.release_id
                        FROM play_history AS p
                       WHERE p.user_id = :user_id::uuid
                       UNION
                      SELECT w.release_id
                        FROM cleaning_history AS w
                       WHERE w.user_id = :user_id::uuid
                  )
            ORDER BY r.discogs_id, r.title COLLATE "C", r.artist_normalized, r.id
       ) AS r
 ORDER BY r.discogs_id, r.title COLLATE "C", r.artist_normalized, r.id;

-- name: export_account_folders(user_id)
-- A user's folders.
--
-- Returns: lines of JSON, one a folder: FolderRecord.
-- Index:   folders_user_id_number_key.
-- Order:   number; total.
-- Plan:    custom.
-- Cost:    at most 11 buffers.
-- Locks:   none.
SELECT JSON_OBJECT('id' VALUE f.id, 'name' VALUE f.name, 'number' VALUE f.number
                   RETURNING json) AS line
  FROM folders AS f
 WHERE f.user_id = :user_id::uuid
 ORDER BY f.number;

-- name: export_account_styluses(user_id)
-- A user's styluses, with the model that each was copied from.
--
-- Returns: lines of JSON, one a stylus: StylusRecord.
-- Index:   styluses_pkey (user_id, id).
-- Order:   name, manufacturer, purchase_date, install_date, lifespan, id; total.
-- Plan:    custom.
-- Cost:    at most 14 buffers.
-- Locks:   none.
SELECT JSON_OBJECT(
           'id' VALUE s.id, 'name' VALUE s.name, 'manufacturer' VALUE s.manufacturer,
           'cartridgeType' VALUE s.cartridge_type,
           'model' VALUE CASE WHEN m.id IS NOT NULL THEN json_build_array(m.manufacturer, m.name)
                         END,
           'expectedLifespanHours' VALUE s.expected_lifespan_hours,
           'purchaseDate' VALUE s.purchase_date, 'installDate' VALUE s.install_date,
           'active' VALUE nullif(s.active, true), 'isPrimary' VALUE nullif(s.is_primary, false),
           'owned' VALUE nullif(s.owned, true)
           ABSENT ON NULL RETURNING json
       ) AS line
  FROM styluses AS s
  LEFT JOIN stylus_models AS m
    ON m.id = s.model_id
 WHERE s.user_id = :user_id::uuid
 ORDER BY s.name COLLATE "C", s.manufacturer COLLATE "C", s.purchase_date, s.install_date,
          s.expected_lifespan_hours, s.id;

-- name: export_account_copies(user_id)
-- A user's copies, archived ones too.
--
-- Returns: lines of JSON, one a copy: CopyRecord.
-- Index:   user_releases_user_added_idx or another one that starts with the user, releases_pkey,
--          folders_pkey.
-- Order:   added_at, the release's discogs_id and title, then the copy's own fields, id; total.
-- Plan:    custom.
-- Cost:    at most 380 buffers.
-- Locks:   none.
SELECT JSON_OBJECT(
           'id' VALUE c.id, 'releaseId' VALUE c.release_id, 'folderId' VALUE c.folder_id,
           'discogsInstanceId' VALUE c.discogs_instance_id,
           'rating' VALUE nullif(c.rating, 0),
           'mediaCondition' VALUE c.media_condition, 'sleeveCondition' VALUE c.sleeve_condition,
           'notes' VALUE c.notes, 'customFields' VALUE nullif(c.custom_fields, '{}'),
           'addedAt' VALUE (to_json(c.added_at AT TIME ZONE 'UTC') #>> '{}') || 'Z',
           'archivedAt' VALUE (to_json(c.archived_at AT TIME ZONE 'UTC') #>> '{}') || 'Z',
           'archiveReason' VALUE c.archive_reason
           ABSENT ON NULL RETURNING json
       ) AS line
  FROM user_releases AS c
  JOIN releases AS r
    ON r.id = c.release_id
  JOIN folders AS f
    ON f.user_id = :user_id::uuid AND f.id = c.folder_id
 WHERE c.user_id = :user_id::uuid
 ORDER BY c.added_at, r.discogs_id, r.title COLLATE "C", c.discogs_instance_id, f.number, c.rating,
          c.media_condition, c.sleeve_condition, c.notes COLLATE "C", c.custom_fields,
          c.archived_at, c.archive_reason COLLATE "C", c.id;

-- name: export_account_plays(user_id)
-- A user's plays.
--
-- Returns: lines of JSON, one a play: PlayRecord.
-- Index:   play_history_user_played_idx or another one that starts with the user, releases_pkey.
-- Order:   played_at, the release's discogs_id and title, then the play's own fields, id; total.
-- Plan:    custom.
-- Cost:    at most 440 buffers.
-- Locks:   none.
SELECT JSON_OBJECT(
           'id' VALUE p.id, 'releaseId' VALUE p.release_id,
           'playedAt' VALUE (to_json(p.played_at AT TIME ZONE 'UTC') #>> '{}') || 'Z',
           'copyId' VALUE p.user_release_id, 'stylusId' VALUE p.stylus_id,
           'durationSeconds' VALUE p.duration_seconds,
           'durationEstimated' VALUE nullif(p.duration_estimated, false),
           'side' VALUE p.side, 'notes' VALUE p.notes
           ABSENT ON NULL RETURNING json
       ) AS line
  FROM play_history AS p
  JOIN releases AS r
    ON r.id = p.release_id
  LEFT JOIN styluses AS s
    ON s.user_id = :user_id::uuid AND s.id = p.stylus_id
 WHERE p.user_id = :user_id::uuid
 ORDER BY p.played_at, r.discogs_id, r.title COLLATE "C", p.duration_seconds,
          p.duration_estimated, p.side COLLATE "C", p.notes COLLATE "C", s.name COLLATE "C",
          p.user_release_id IS NULL, p.id;

-- name: export_account_cleanings(user_id)
-- A user's cleanings.
--
-- Returns: lines of JSON, one a cleaning: CleaningRecord.
-- Index:   cleaning_history_user_cleaned_idx or another one that starts with the user,
--          releases_pkey.
-- Order:   cleaned_at, the release's discogs_id and title, then the cleaning's own fields, id;
--          total.
-- Plan:    custom.
-- Cost:    at most 130 buffers.
-- Locks:   none.
SELECT JSON_OBJECT(
           'id' VALUE w.id, 'releaseId' VALUE w.release_id,
           'cleanedAt' VALUE (to_json(w.cleaned_at AT TIME ZONE 'UTC') #>> '{}') || 'Z',
           'copyId' VALUE w.user_release_id, 'deep' VALUE nullif(w.deep, false),
           'notes' VALUE w.notes
           ABSENT ON NULL RETURNING json
       ) AS line
  FROM cleaning_history AS w
  JOIN releases AS r
    ON r.id = w.release_id
 WHERE w.user_id = :user_id::uuid
 ORDER BY w.cleaned_at, r.discogs_id, r.title COLLATE "C", w.deep, w.notes COLLATE "C",
          w.user_release_id IS NULL, w.id;

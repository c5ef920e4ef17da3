-- Add the numbers of artists, labels and releases as a materialised view.
--
-- Why:    a list's total was counted row by row, seconds of millions.
-- Order:  expand; before the new version.
-- Locks:  none but reads, while the view is filled: some seconds of 30 million rows.
-- Undo:   0036_catalogue_totals.rollback.sql; the view can be computed again.
-- depends: 0035_albums_words_idx
--
-- Its index is made with it, in one transaction, before anybody can read the view:
-- squawk-ignore-file require-concurrent-index-creation
CREATE MATERIALIZED VIEW mv_catalogue_totals AS
SELECT '00000000-0000-0000-0000-000000000000'::uuid AS id,
       (SELECT count(*) FROM artists) AS artists,
       (SELECT count(*) FROM labels) AS labels,
       (SELECT count(*) FROM releases) AS releases,
       now() AS refreshed_at;

-- library_stats.get_catalogue_totals and refresh_catalogue_totals.
CREATE UNIQUE INDEX mv_catalogue_totals_key ON mv_catalogue_totals (id);

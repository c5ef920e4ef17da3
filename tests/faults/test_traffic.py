"""What traffic would notice: a row that is lost, one twice, and what is half there for a moment."""

from __future__ import annotations

import psycopg
from psycopg.rows import scalar_row

from .conftest import Place

COPY = (
    "INSERT INTO play_history (user_id, release_id, played_at, duration_seconds,"
    "                          duration_estimated, notes, created_at, updated_at)"
    " SELECT user_id, release_id, played_at, duration_seconds, duration_estimated, notes,"
    "        created_at, updated_at FROM play_history WHERE notes = %s"
)


def test_damage_is_noticed(place: Place) -> None:
    process = place.serve(DATABASE_URL=place.conninfo)
    with (
        psycopg.connect(place.conninfo, autocommit=True, row_factory=scalar_row) as conn,
        place.traffic(process, clients=2) as traffic,
    ):
        traffic.until(lambda: len(traffic.writes) > 10, "nothing is written")
        assert traffic.half_seen == 0
        both = next(name for name, write in traffic.writes.items() if write.path == "/log")
        traffic.until(lambda: traffic.writes[both].is_acknowledged, "it is never done")
        conn.execute("UPDATE cleaning_history SET notes = notes || ' x' WHERE notes = %s", [both])
        traffic.until(lambda: traffic.half_seen > 0, "nobody has seen it")
        conn.execute("UPDATE cleaning_history SET notes = %s WHERE notes = %s", [both, both + " x"])
        traffic.pass_by(20)
        traffic.lifted()
    seen = traffic.half_seen
    damage = traffic.damage(place.conninfo)
    assert (damage.lost, damage.doubled, damage.half) == (0, 0, seen)
    one, two = [
        name
        for name, write in traffic.writes.items()
        if write.path == "/plays" and write.is_acknowledged
    ][:2]
    copies = [copy.id for copy in traffic.shelved.values() if len(copy.archived) == 1]
    with psycopg.connect(place.conninfo, autocommit=True) as conn:
        conn.execute("DELETE FROM play_history WHERE notes = %s", [one])
        conn.execute(COPY, [two])
        conn.execute("DELETE FROM cleaning_history WHERE notes = %s", [both])
        conn.execute(
            "UPDATE user_releases SET archived_at = CASE WHEN archived_at IS NULL THEN now() END,"
            "       archive_reason = CASE WHEN archived_at IS NULL THEN 'sold' END"
            " WHERE id::text = %s",
            copies[:1],
        )
    damage = traffic.damage(place.conninfo)
    assert (damage.lost, damage.doubled, damage.half) == (2, 1, seen + 1)

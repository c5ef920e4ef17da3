"""What has to hold after every fault: `deploy/invariants.sql`, as a DBA runs it, and a bit more."""

from __future__ import annotations

from pathlib import Path

import psycopg

RULES = (Path(__file__).parents[1] / "deploy" / "invariants.sql").read_text("utf-8")

# Where no user has deleted anything, each record that an import brought is there.
_LOST = """
SELECT m.kind, count(*)
  FROM id_map AS m
  LEFT JOIN (
        SELECT user_id, id FROM user_releases
        UNION ALL SELECT user_id, id FROM play_history
        UNION ALL SELECT user_id, id FROM cleaning_history
        UNION ALL SELECT user_id, id FROM styluses
        UNION ALL SELECT user_id, id FROM folders
       ) AS own ON own.user_id = m.user_id AND own.id = m.new_id
 WHERE own.id IS NULL
   AND NOT EXISTS (SELECT FROM releases AS r WHERE r.id = m.new_id)
   AND NOT EXISTS (SELECT FROM stylus_models AS s WHERE s.id = m.new_id)
 GROUP BY m.kind
"""


def broken_rules(conninfo: str) -> list[tuple[str, int]]:
    """Return each rule that does not hold in a database, with the number of rows that break it."""
    with psycopg.connect(conninfo, autocommit=True) as conn:
        found = conn.execute(RULES).fetchall()
        lost = conn.execute(_LOST).fetchall()
    return [*found, *((f"id_map leads to each {kind}", count) for kind, count in lost)]

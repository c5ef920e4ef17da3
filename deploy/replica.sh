#!/bin/sh
# Makes a streaming replica of Kleio's database: a copy that follows, and that reads may go to.
#
#   PRIMARY='host=db.example.org user=postgres' DATA=/var/lib/postgresql/18/replica NAME=replica1 \
#     sh deploy/replica.sh
#
# PRIMARY is the primary as a role that may replicate, DATA a directory that is missing or empty,
# NAME what the primary calls the replica: its slot, and its name in synchronous_standby_names. Run
# it as the user that PostgreSQL runs as, with the programs of version 18; then start PostgreSQL on
# DATA. replica.md says what Kleio does with it.
set -eu
: "${PRIMARY:?the conninfo of the primary}" "${DATA:?a directory}" "${NAME:?a name}"

pg_basebackup --dbname="$PRIMARY application_name=$NAME" --pgdata="$DATA" \
  --slot="$NAME" --create-slot --write-recovery-conf --checkpoint=fast --wal-method=stream
cat >> "$DATA/postgresql.auto.conf" <<CONF
hot_standby = on
# The primary keeps rows that a query here still reads, or it would be cancelled.
hot_standby_feedback = on
CONF

"""What `kleio sql` knows: the queries checked against a database, linted, explained, counted.

It reads `queries/`, the repositories' annotations and the catalogue of whatever database it is
given, and writes nothing anywhere. The server imports none of it: pglast, which understands the
grammar, is an extra of its own (`kleio[sql]`).
"""

"""Sight: what a running server tells of itself in metrics, logs and traces.

Nothing here knows a route, a query or a table; `kleio.http` and `kleio.db` tell it what happens.
"""

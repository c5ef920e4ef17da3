"""The page: what a collector sees in a browser, rendered here and served beside the API.

Its routes read the same repositories as `kleio.http` does and hold no SQL and no psycopg. Who asks
is known by a cookie (`sessions`), what is drawn comes from `templates/` through `rendering`, and
nothing that a browser loads comes from elsewhere (`assets`).
"""

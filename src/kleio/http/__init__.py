"""The HTTP API: one module for each noun parses, authorises, calls a repository and answers.

No SQL and no psycopg here; what is shared by the nouns stands in `app`, `auth`, `problems`,
`paging`, `fields`, `responses` and `idempotency`.
"""

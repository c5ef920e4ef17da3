"""One module for each `queries/*.sql`: row Structs and one typed function for each query.

A function takes the connection first and the query's parameters by name, returns Structs, None or
a number, and never commits: the caller owns the transaction. All of them raise the errors of
`kleio.db.errors`.
"""

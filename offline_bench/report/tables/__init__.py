"""The report's tables: each is a function from findings to a `Table`, and each format a function from a `Table`."""

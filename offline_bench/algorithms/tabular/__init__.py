"""Learners without networks: what the data says of every observation, as a table."""

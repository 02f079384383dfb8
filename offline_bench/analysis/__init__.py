"""Records to numbers: a frame with one row per run, statistics over it, and the leaderboard. Loads pandas and scipy."""

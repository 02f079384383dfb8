"""The report's figures: each is a function from findings to `Figure`s, none where there is nothing to draw."""

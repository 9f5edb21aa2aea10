"""A small site whose views do known amounts of work."""

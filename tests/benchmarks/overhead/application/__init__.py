"""A small lending library: the application that is measured, the same for every contender."""

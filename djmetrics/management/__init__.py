"""Management commands and what they are made of."""

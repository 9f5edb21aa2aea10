"""Truth tests: what is exported equals an independent measurement, under every server that the docs name."""

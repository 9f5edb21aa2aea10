"""Real servers for tests: each module starts one on free loopback ports, in a folder of its own, and stops it.

Nothing here needs more than the standard library until a server is used, so that ``install`` runs before there is a
virtualenv. ``fixtures`` offers each server to tests by its name.
"""

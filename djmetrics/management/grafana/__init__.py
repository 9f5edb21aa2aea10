"""What uploads boards to a Grafana server.

``wire`` speaks HTTP and JSON with it, ``api`` knows its folders and dashboards, ``errors`` says in one line what it
refused, and ``plan`` compares the boards that are there with those that are wanted.
"""

"""Prometheus's rules: what is recorded of a site's objectives, and the alerts.

``objectives`` makes the rules of the SLOs that the settings declare, ``alerts`` holds the others, ``template`` fits
both to a site's labels, ``document`` writes them as Prometheus or its operator reads them. All of that needs nothing
but Python, and asks no server.
"""

"""Grafana: the boards that ship with the package, and what makes them fit a site.

``boards/`` holds the generated JSON. ``shipped`` reads it, ``options`` fits it to a site's labels and data sources,
``provisioning`` writes what Grafana reads at its start. All of that needs nothing but Python. ``components`` generates
the boards anew from ``dashboards/*.yaml``, and is the one place that needs grafana-dashboard-builder.
"""

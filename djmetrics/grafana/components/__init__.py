"""Components on top of grafana-dashboard-builder: today's panels, variables, links and boards.

The builder is used as a library, never through its command line or its client. Its definitions stay what they are:
YAML lists of named components. What is added are new types of components, under names of their own, so that whoever
uses the builder beside us keeps its types.
"""

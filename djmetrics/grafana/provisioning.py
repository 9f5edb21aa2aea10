"""The files that Grafana reads at its start: where its data sources are and where its boards."""

import json

from .options import Options

PROMETHEUS_UID = "djmetrics-prometheus"
TRACES_UID = "djmetrics-traces"

# The interval is that of the scrapes: Grafana looks at windows of four of them at least.
_PROMETHEUS = """\
  - name: {name}
    uid: {uid}
    type: prometheus
    access: proxy
    url: {url}
    jsonData:
      httpMethod: POST
      timeInterval: {interval}
"""

# What makes the dots in the graphs lead to a trace. The label is the exemplar's.
_EXEMPLARS = """\
      exemplarTraceIdDestinations:
        - name: trace_id
          datasourceUid: {uid}
"""

_TRACES = """\
  - name: {name}
    uid: {uid}
    type: {type}
    access: proxy
    url: {url}
"""

_PROVIDER = """\
apiVersion: 1
providers:
  - name: djmetrics
    orgId: 1
    folder: {folder}
    type: file
    disableDeletion: false
    allowUiUpdates: false
    options:
      path: {path}
"""

_URLS = {"tempo": "http://localhost:3200", "jaeger": "http://localhost:16686"}


def data_sources(options: Options) -> str:
    """Grafana's ``provisioning/datasources/djmetrics.yaml``."""
    text = "apiVersion: 1\ndatasources:\n" + _PROMETHEUS.format(
        name=_quoted(options.prometheus),
        uid=PROMETHEUS_UID,
        url=_quoted(options.prometheus_url),
        interval=_quoted(options.scrape_interval),
    )
    if options.traces == "none":
        return text
    return (
        text
        + _EXEMPLARS.format(uid=TRACES_UID)
        + _TRACES.format(
            name=_quoted(options.traces_name or options.traces.capitalize()),
            uid=TRACES_UID,
            type=options.traces,
            url=_quoted(options.traces_url or _URLS[options.traces]),
        )
    )


def provider(options: Options) -> str:
    """Grafana's ``provisioning/dashboards/djmetrics.yaml``."""
    return _PROVIDER.format(folder=_quoted(options.folder), path=_quoted(options.boards_path))


def _quoted(text: str) -> str:
    """A text as YAML reads it for certain: JSON's texts are YAML's."""
    return json.dumps(text)

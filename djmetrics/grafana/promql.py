"""Labels in PromQL, renamed and left out: just enough of the language to do it safely on the shipped queries."""

import re

_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|\$\{[^}]*\}|\$\w+|[A-Za-z_:][\w:]*')


def renamed(query: str, names: dict[str, str]) -> str:
    """The query with labels under other names; texts in quotes and Grafana's variables stay as they are."""
    return _TOKEN.sub(lambda match: names.get(match[0], match[0]), query)


def without(query: str, label: str, variable: str) -> str:
    """The query without a label: neither chosen by the variable nor named among those to group or to join by."""
    matcher = rf'{label}=~"\${variable}"'
    query = re.sub(rf",\s*{matcher}|{matcher},?\s*", "", query)
    return re.sub(rf"(\([\w, ]*?),\s*{label}\b|(?<=\(){label},\s*", r"\1", query).replace("{}", "")

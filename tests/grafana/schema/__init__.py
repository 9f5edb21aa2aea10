"""Grafana's own JSON Schemas of boards and panels, strict: a key that they do not know is an error.

``schema.json`` is made from the types in npm's ``@grafana/schema`` (Apache-2.0, Grafana Labs) by
``python -m tests.grafana.schema``, which needs npm.
"""

import json
from pathlib import Path
from typing import Any

FILE = Path(__file__).parent / "schema.json"


def load() -> dict[str, Any]:
    """The schemas by name: ``dashboard``, and of each type of panel ``TYPE.Options`` and ``TYPE.FieldConfig``."""
    schemas: dict[str, Any] = json.loads(FILE.read_text(encoding="utf-8"))
    return schemas

"""Make ``schema.json`` anew."""

import json
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from . import FILE

GRAFANA = "@grafana/schema@13.2.3"
GENERATOR = "ts-json-schema-generator@2.4.0"
TYPES = "node_modules/@grafana/schema/dist/types/raw"
DRAWN = ("timeseries", "stat", "gauge", "bargauge", "barchart", "table", "heatmap", "statetimeline", "text")
WITH_FIELDS = ("timeseries", "barchart", "table", "heatmap", "statetimeline")
CONFIGURATION = {"moduleResolution": "bundler", "module": "esnext", "target": "es2022", "skipLibCheck": True}


def described(value: Any) -> Any:
    """A schema without its descriptions."""
    if isinstance(value, dict):
        return {
            key: described(each)
            for key, each in value.items()
            if key != "description" or not isinstance(each, str)
        }
    return [described(each) for each in value] if isinstance(value, list) else value


def made(folder: Path, path: str, name: str) -> Any:
    """The schema of one type."""
    command = ["npx", "ts-json-schema-generator", "--tsconfig", "tsconfig.json", "--no-type-check"]
    command += ["--path", f"{TYPES}/{path}/x/types.gen.d.ts", "--type", name]
    done = subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True)
    return described(json.loads(done.stdout))


def main() -> None:
    with tempfile.TemporaryDirectory() as home:
        folder = Path(home)
        (folder / "package.json").write_text("{}")
        (folder / "tsconfig.json").write_text(
            json.dumps({"compilerOptions": CONFIGURATION, "include": ["*.d.ts"]})
        )
        install = ["npm", "install", "--silent", "--no-audit", "--no-fund", GRAFANA, GENERATOR, "typescript"]
        subprocess.run(install, cwd=folder, check=True)
        schemas = {"dashboard": made(folder, "dashboard", "Dashboard")}
        for name in DRAWN:
            schemas[f"{name}.Options"] = made(folder, f"composable/{name}/panelcfg", "Options")
        for name in WITH_FIELDS:
            schemas[f"{name}.FieldConfig"] = made(folder, f"composable/{name}/panelcfg", "FieldConfig")
    FILE.write_text(json.dumps(schemas, sort_keys=True, separators=(",", ":")) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

"""Run a command with secrets in its environment: ``with_secrets.py NAME [NAME=FILE ...] -- command``.

Each comes from the file of its name in /stack/secrets (STACK_DIR), so that none stands in compose.yaml.
"""

import os
import sys
from pathlib import Path


def main(arguments: list[str]) -> None:
    """Become the command; SystemExit if a secret is missing."""
    end = arguments.index("--")
    folder = Path(os.environ.get("STACK_DIR", "/stack")) / "secrets"
    environment = dict(os.environ)
    for wanted in arguments[:end]:
        name, _, file = wanted.partition("=")
        try:
            environment[name] = (folder / (file or name)).read_text(encoding="utf-8").strip()
        except OSError as error:
            sys.exit(f"with_secrets.py: {error.filename}: {error.strerror}; has prepare.py run?")
    command = arguments[end + 1 :]
    os.execvpe(command[0], command, environment)


if __name__ == "__main__":
    main(sys.argv[1:])

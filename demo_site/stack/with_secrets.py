"""Run a command with its service's secrets in the environment: ``with_secrets.py SERVICE NAME [NAME ...] -- command``.

Each comes from the file of its name in the service's folder of /stack/secrets (STACK_DIR), so that none stands in
compose.yaml.
"""

import os
import sys
from pathlib import Path


def main(arguments: list[str]) -> None:
    """Become the command; SystemExit if a secret is missing."""
    end = arguments.index("--")
    service, *names = arguments[:end]
    folder = Path(os.environ.get("STACK_DIR", "/stack")) / "secrets" / service
    environment = dict(os.environ)
    for name in names:
        try:
            environment[name] = (folder / name).read_text(encoding="utf-8").strip()
        except OSError as error:
            sys.exit(f"with_secrets.py: {error.filename}: {error.strerror}; has prepare.py run?")
    command = arguments[end + 1 :]
    os.execvpe(command[0], command, environment)


if __name__ == "__main__":
    main(sys.argv[1:])

"""The preview of the boards: drawn with Grafana's own components, by npm, beside the demo and none of its parts."""

import hashlib
import shutil
from collections.abc import Callable
from pathlib import Path

from .processes import Failure, quietly

SOURCES = Path(__file__).resolve().parents[1] / "preview"

FONTS = {
    "inter/Inter-Regular.woff2": "inter/files/inter-latin-400-normal.woff2",
    "inter/Inter-Medium.woff2": "inter/files/inter-latin-500-normal.woff2",
    "inter/Inter-Italic.woff2": "inter/files/inter-latin-400-italic.woff2",
    "inter/Inter-MediumItalic.woff2": "inter/files/inter-latin-500-italic.woff2",
    "roboto/L0xTDF4xlVMF-BfR8bXMIhJHg45mwgGEFl0_3vrtSM1J-gEPT5Ese6hmHSh0mQ.woff2": (
        "roboto-mono/files/roboto-mono-latin-400-normal.woff2"
    ),
}
"""Where Grafana's styles look for its fonts, and where the packages of these have them."""

Say = Callable[[str], None]


def build(folder: Path, say: Say) -> Path:
    """Install Grafana's libraries into ``folder`` once, build the page, and return the folder that holds it.

    Raises ``Failure`` where npm or node is missing, or does not do it.
    """
    npm, node = shutil.which("npm"), shutil.which("node")
    if npm is None or node is None:
        raise Failure("The preview of the boards needs Node.js 20 and npm.")
    built = folder / "built"
    if _stamp(folder) == (known := _known()):
        return built
    if not (folder / "node_modules").is_dir() or _listed(folder) != _listed(SOURCES):
        say(f"Making {folder} for the preview of the boards (once; 400 MB).")
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copy(SOURCES / "package.json", folder)
        # Grafana's library names an older router, which it does not need here, beside the newest React.
        quietly(
            [npm, "install", "--no-audit", "--no-fund", "--no-package-lock", "--legacy-peer-deps"], folder
        )
    quietly([node, str(SOURCES / "build.mjs"), str(folder), str(built / "main.js")], folder)
    _copy_what_grafana_serves(folder / "node_modules", built / "public")
    (folder / "stamp").write_text(known)
    return built


def _copy_what_grafana_serves(modules: Path, public: Path) -> None:
    """What its components ask the server for: icons and fonts."""
    icons = modules / "@grafana" / "ui" / "dist" / "public" / "img" / "icons"
    shutil.copytree(icons, public / "build" / "img" / "icons", dirs_exist_ok=True)
    for asked, found in FONTS.items():
        (public / "fonts" / asked).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(modules / "@fontsource" / found, public / "fonts" / asked)


def _listed(folder: Path) -> str:
    listed = folder / "package.json"
    return listed.read_text() if listed.is_file() else ""


def _stamp(folder: Path) -> str:
    stamp = folder / "stamp"
    return stamp.read_text() if stamp.is_file() else ""


def _known() -> str:
    """What the page is made of."""
    files = sorted(each for each in SOURCES.rglob("*") if each.suffix in {".js", ".jsx", ".mjs", ".json"})
    return hashlib.sha256(b"".join(each.read_bytes() for each in files)).hexdigest()

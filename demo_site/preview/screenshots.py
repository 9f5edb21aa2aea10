"""Take pictures of all boards of a preview that is running, for the documentation.

Needs Chromium and the packages playwright and Pillow:

    python demo_site/preview/screenshots.py http://127.0.0.1:3000 docs/_static/boards
"""

import argparse
import io
import sys
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from playwright.sync_api import Page

WIDTH = 1600
AREAS = 96
# Of the views this one has a bit of everything.
CHOSEN = {"djmetrics-view": "var-view=runs:leaderboard"}
SETTLED = """() => {
  const panels = [...document.querySelectorAll('[data-panel]')];
  return panels.length > 0 && panels.every(each => each.dataset.status !== 'loading');
}"""
CHROMIUM = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]


def shown(page: "Page", base: str, board: str, query: str = "") -> list[dict[str, Any]]:
    """Open a board and wait until each panel is drawn or has failed; what each says of itself."""
    page.goto(f"{base}/#{board}?{query}")
    page.reload()
    page.wait_for_function(SETTLED, timeout=60_000)
    page.wait_for_timeout(700)  # lines and areas are painted in the next frames
    height = page.evaluate("document.querySelector('#root').scrollHeight")
    page.set_viewport_size({"width": WIDTH, "height": max(600, height)})
    page.wait_for_timeout(700)
    found: list[dict[str, Any]] = page.evaluate(
        "[...document.querySelectorAll('[data-panel]')].map(each => ({...each.dataset, text: each.innerText}))"
    )
    return found


def save(png: bytes, path: Path) -> None:
    """Write a picture with 256 colours: those of the large areas as they are, and some for each thin line."""
    from PIL import Image  # the tests, which only look, do without it

    picture = Image.open(io.BytesIO(png)).convert("RGB")
    counted = picture.getcolors(picture.width * picture.height) or []
    areas = [colour for _, colour in sorted(counted, reverse=True)[:AREAS]]
    others = picture.quantize(256 - AREAS, method=Image.Quantize.MAXCOVERAGE).getpalette() or []
    palette = Image.new("P", (1, 1))
    palette.putpalette([*chain.from_iterable(areas), *others][: 3 * 256])
    picture.quantize(palette=palette, dither=Image.Dither.NONE).save(path, optimize=True)


def main() -> None:
    """Write one PNG for each board."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("preview", help="its address")
    parser.add_argument("folder", type=Path, help="where the pictures go")
    parser.add_argument("--query", default="", help="what to choose, as in a board's address: seconds=600")
    parser.add_argument("--chromium", default="/usr/bin/chromium")
    chosen = parser.parse_args()
    chosen.folder.mkdir(parents=True, exist_ok=True)
    failed = 0
    from playwright.sync_api import sync_playwright  # tests that are not run read this module, too

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chosen.chromium, args=CHROMIUM)
        page = browser.new_page(viewport={"width": WIDTH, "height": 900})
        told: Any = page.request.get(f"{chosen.preview}/boards").json()
        for board in told["boards"]:
            query = "&".join(filter(None, [chosen.query, CHOSEN.get(board["uid"], "")]))
            panels = shown(page, chosen.preview, board["uid"], query)
            save(page.screenshot(full_page=True), chosen.folder / f"{board['uid']}.png")
            for panel in panels:
                if panel["status"] == "failed":
                    failed += 1
                    print(f"{board['uid']}: {panel['panel']}: {panel['error']}", file=sys.stderr)
        browser.close()
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()

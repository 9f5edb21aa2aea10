"""The documentation shows each board that nothing has to be said for, as a preview, and small."""

import struct

import pytest

from .boards import BY_DEFAULT, ROOT

PICTURES = ROOT / "docs" / "_static" / "boards"
PAGE = ROOT / "docs" / "howto" / "boards.md"
MOST = 250_000


def test_no_picture_is_left_over() -> None:
    """Each picture is one of a board."""
    assert {path.name for path in PICTURES.iterdir()} == {f"{uid}.png" for uid in BY_DEFAULT}


@pytest.mark.parametrize("uid", BY_DEFAULT)
def test_board_is_shown(uid: str) -> None:
    """Its picture is on the page, says that it is a preview, is as wide as all, and is not large."""
    data = (PICTURES / f"{uid}.png").read_bytes()
    signature, width = data[:8], struct.unpack(">I", data[16:20])[0]
    assert signature == b"\x89PNG\r\n\x1a\n"
    assert width == 1600
    assert len(data) < MOST
    assert "![Preview of the board" in PAGE.read_text()
    assert f"(../_static/boards/{uid}.png)" in PAGE.read_text()

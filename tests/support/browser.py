"""The page of `gram serve` in a real browser."""

import shutil

import pytest

CHROMIUM = shutil.which("chromium")
SIZES = {"desktop": (1280, 900), "phone": (360, 740)}
browsing = pytest.mark.skipif(CHROMIUM is None, reason="there is no chromium; apt-get install chromium")


def show(page, server, fragment: str = "") -> None:
    page.goto("about:blank")
    page.goto(f"{server.url}/#{fragment}")
    page.wait_for_selector("#task option", state="attached")


def text(page) -> str:
    return page.input_value("#text")


def cell(page, at: int):
    return page.locator(f'#board [data-at="{at}"]')

"""A real browser for tests: where Chromium is, when its tests are skipped, and requests beyond a limit refused."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from urllib.parse import SplitResult, urlsplit

import pytest
from playwright.sync_api import BrowserContext, Route

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
#: The marks of a module whose tests need Chromium.
NEEDS_CHROMIUM = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on PATH; Debian's package is called chromium"),
]
#: The switches keep Chromium itself from calling home; as root it refuses to start in its sandbox.
SWITCHES = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def refuse_outside(context: BrowserContext, is_inside: Callable[[SplitResult], bool]) -> list[str]:
    """Refuse every request of a context whose address is not inside; return the list that will name them."""
    outside: list[str] = []

    def route(route: Route) -> None:
        if is_inside(urlsplit(route.request.url)):
            route.continue_()
        else:
            outside.append(route.request.url)
            route.abort()

    context.route("**/*", route)
    return outside

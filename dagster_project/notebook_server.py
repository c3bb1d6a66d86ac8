"""Serve the notebooks as apps on this machine: `make notebooks`.

    request ─► Host allowed? ─► token correct? ─► gallery, or a notebook over the published marts

A web page whose host name resolves to 127.0.0.1 (DNS rebinding) sends another Host; another user of this machine does
not know the token. marimo checks the same token for the notebooks.
"""

from __future__ import annotations

import argparse
import html
import re
import secrets
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlencode

import marimo
import uvicorn
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import Mount, Route

from dagster_project.shipped import shipped

NOTEBOOKS = shipped("notebooks")
ADDRESS, PORT = "127.0.0.1", 2718
HOSTS = ("127.0.0.1", "localhost")
_TITLE = re.compile(r'app_title="([^"]+)"')


def notebook_app(folder: Path, token: str | None, hosts: Sequence[str] = HOSTS) -> Starlette:
    """Return the web application: a gallery at / and each notebook of `folder` at its own name.

    Args:
        folder: Where the notebooks are.
        token: Token a request must have as `access_token`; None for no token.
        hosts: Host names of this server.
    """
    notebooks = sorted(folder.glob("[0-9]*.py"))
    apps = marimo.create_asgi_app(quiet=True, token=token or "")
    for notebook in notebooks:
        apps = apps.with_app(path=f"/{notebook.stem}", root=str(notebook))

    def gallery(request: Request) -> Response:
        given = request.query_params.get("access_token", "")
        if token and not secrets.compare_digest(given.encode(), token.encode()):
            return PlainTextResponse("Open the address that `make notebooks` printed; it has the token.", 401)
        return HTMLResponse(_gallery(notebooks, token))

    return Starlette(
        routes=[Route("/", gallery), Mount("/", apps.build())],
        middleware=[Middleware(TrustedHostMiddleware, allowed_hosts=list(hosts), www_redirect=False)],
    )


def address(port: int, token: str | None) -> str:
    """Return the address to open in a browser."""
    return f"http://{ADDRESS}:{port}/" + (f"?{urlencode({'access_token': token})}" if token else "")


def _gallery(notebooks: Sequence[Path], token: str | None) -> str:
    query = f"?{urlencode({'access_token': token})}" if token else ""
    items = "".join(
        f'<li><a href="/{html.escape(notebook.stem)}/{query}">{html.escape(_title(notebook))}</a></li>'
        for notebook in notebooks
    )
    return f"<!doctype html><title>Tollbook</title><h1>Tollbook: notebooks</h1><ul>{items}</ul>"


def _title(notebook: Path) -> str:
    found = _TITLE.search(notebook.read_text())
    return found[1] if found else notebook.stem


def main() -> None:
    """Serve until interrupted."""
    parser = argparse.ArgumentParser(description="Serve the notebooks over the published marts.")
    parser.add_argument("--port", type=int, default=PORT)
    parser.add_argument("--no-token", action="store_true", help="allow every user of this machine")
    parser.add_argument(
        "--allow-host", action="append", default=[], help="another name of this server, behind a proxy"
    )
    chosen = parser.parse_args()
    token = None if chosen.no_token else secrets.token_urlsafe(24)
    print(f"notebooks on {address(chosen.port, token)}", flush=True)
    # The request log would contain the token.
    uvicorn.run(
        notebook_app(NOTEBOOKS, token, [*HOSTS, *chosen.allow_host]),
        host=ADDRESS,
        port=chosen.port,
        access_log=False,
        log_level="warning",
    )


if __name__ == "__main__":
    main()

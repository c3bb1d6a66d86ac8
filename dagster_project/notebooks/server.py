"""Serve the notebooks as apps on this machine: `make notebooks`.

    request ─► Host allowed? ─► token correct? ─► gallery, or a notebook over the published marts

A web page whose host name resolves to 127.0.0.1 (DNS rebinding) sends another Host; another user of this machine does
not know the token. marimo checks the same token for the notebooks.
"""

from __future__ import annotations

import argparse
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
from starlette.responses import FileResponse, HTMLResponse, PlainTextResponse, Response
from starlette.routing import Mount, Route

from dagster_project.notebooks.gallery import gallery
from dagster_project.shipped import shipped

NOTEBOOKS = shipped("notebooks")
PICTURES = NOTEBOOKS / "pictures"
ADDRESS, PORT = "127.0.0.1", 2718
HOSTS = ("127.0.0.1", "localhost")
_COOKIE = "tollbook_notebooks"
#: Narrower margins than marimo's; on paper no controls, and tables as wide as the page, their cells wrapped. marimo
#: copies styles of this title to where its tables are drawn.
_STYLE = """<style title="marimo">
#App > div { padding-inline: 28px !important; }
@media print {
  div:has(> #App) { min-width: 0; width: 100%; }
  #App > div { padding-inline: 0 !important; }
  marimo-dropdown, marimo-multiselect, marimo-date-range, marimo-text, marimo-accordion { display: none; }
  .output-area { break-inside: avoid; }
  table { width: 100% !important; table-layout: auto !important; }
  th, td { width: auto !important; max-width: none !important; }
  th *, td * { white-space: normal !important; overflow-wrap: anywhere; font-size: 7pt !important; }
  td [role="checkbox"] { display: none; }
}
</style>"""


def notebook_app(folder: Path, token: str | None, hosts: Sequence[str] = HOSTS) -> Starlette:
    """Return the web application: a gallery at / and each notebook of `folder` at its own name.

    Args:
        folder: Where the notebooks are.
        token: Token a request must have as `access_token`; None for no token.
        hosts: Host names of this server.
    """
    notebooks = sorted(folder.glob("[0-9]*.py"))
    apps = marimo.create_asgi_app(quiet=True, token=token or "", include_code=True, html_head=_STYLE)
    for notebook in notebooks:
        apps = apps.with_app(path=f"/{notebook.stem}", root=str(notebook))

    def is_known(given: str) -> bool:
        return not token or secrets.compare_digest(given.encode(), token.encode())

    def home(request: Request) -> Response:
        given = request.query_params.get("access_token", "")
        if not is_known(given) and not is_known(request.cookies.get(_COOKIE, "")):
            return PlainTextResponse("Open the address that `make notebooks` printed; it has the token.", 401)
        page = HTMLResponse(gallery(notebooks, token))
        if token:
            # For the way back from a notebook to the gallery.
            page.set_cookie(_COOKIE, token, httponly=True, samesite="strict")
        return page

    def picture(request: Request) -> Response:
        name = request.path_params["name"]
        known = {f"{notebook.stem}.webp" for notebook in notebooks}
        if name not in known or not (PICTURES / name).exists():
            return PlainTextResponse("no such picture", 404)
        return FileResponse(PICTURES / name)

    return Starlette(
        routes=[Route("/", home), Route("/pictures/{name}", picture), Mount("/", apps.build())],
        middleware=[Middleware(TrustedHostMiddleware, allowed_hosts=list(hosts), www_redirect=False)],
    )


def address(port: int, token: str | None) -> str:
    """Return the address to open in a browser."""
    return f"http://{ADDRESS}:{port}/" + (f"?{urlencode({'access_token': token})}" if token else "")


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

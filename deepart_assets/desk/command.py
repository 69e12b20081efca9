"""What the command `deepart desk` does."""

import os
import signal
import socket
import sys
from contextlib import nullcontext
from urllib.parse import quote

from deepart_assets.errors import UnavailableError
from deepart_assets.settings import load_settings
from deepart_assets.settings.places import data_root
from deepart_assets.storage import Lake
from deepart_assets.storage.desk_address import desk_at

TOKEN = "DEEPART_DESK_TOKEN"
"""The environment variable with the token; without it one is made at each start."""

_EVERYWHERE = ("0.0.0.0", "::")
"""Hosts to listen on that are no address to open."""


def url_of(host: str, port: int) -> str:
    """Return the URL of the desk at an address."""
    return f"http://[{host}]:{port}/" if ":" in host else f"http://{host}:{port}/"


def address_of(host: str, port: int) -> str:
    """Return its URL for links: at this machine's name, where it listens on all addresses."""
    return url_of(socket.gethostname() if host in _EVERYWHERE else host, port)


def serve(host: str, port: int, *, read_only: bool, dagster: str) -> None:
    """Serve the desk until it is interrupted or terminated.

    Args:
        host: The address to listen on; any but this machine's requires a token.
        port: The port.
        read_only: Show everything, change nothing.
        dagster: The URL of Dagster's UI, for links.
    """
    import uvicorn

    from deepart_assets.desk.app import create_app
    from deepart_assets.desk.desk import Desk, DeskOptions
    from deepart_assets.desk.security import LOOPBACK, new_secret

    token = None
    if host not in LOOPBACK:
        token = os.environ.get(TOKEN) or new_secret()
    options = DeskOptions(token, read_only, dagster.rstrip("/"))
    lake = Lake(data_root())
    lake.check_reachable()
    desk = Desk(load_settings(), lake, options)
    desk.index.refresh()  # the first visitor need not wait for it
    bound = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((host, port))  # before its address is told
    except OSError as error:
        raise UnavailableError(
            f"port {port} of {host} cannot be used: {error.strerror or error}. Another desk may run"
            " there; name another with --port"
        ) from error
    query = f"?token={quote(token, safe='')}" if token else ""
    print(f"The curator's desk: {url_of(host, port)}{query}", flush=True)
    # uvicorn shuts down and then hands the signal on, which would end the process before the noted
    # address is removed.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    with nullcontext() if read_only else desk_at(lake, address_of(host, port)):
        settings = uvicorn.Config(create_app(desk), log_level="warning", server_header=False)
        uvicorn.Server(settings).run(sockets=[bound])

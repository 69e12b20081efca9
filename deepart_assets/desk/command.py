"""What the command `deepart desk` does."""

import os
from contextlib import nullcontext

from deepart_assets.settings import load_settings
from deepart_assets.settings.places import data_root
from deepart_assets.storage import Lake
from deepart_assets.storage.desk_address import desk_at

TOKEN = "DEEPART_DESK_TOKEN"
"""The environment variable with the token; without it one is made at each start."""


def serve(host: str, port: int, *, read_only: bool, dagster: str) -> None:
    """Serve the desk until it is interrupted.

    Args:
        host: The address to listen on; for any but this machine's a token is asked for.
        port: The port.
        read_only: Show, and let nobody change.
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
    shown = f"[{host}]" if ":" in host else host
    address = f"http://{shown}:{port}/"
    print(f"The curator's desk: {address}{f'?token={token}' if token else ''}", flush=True)
    with nullcontext() if read_only else desk_at(lake, address):
        uvicorn.run(
            create_app(desk), host=host, port=port, log_level="warning", server_header=False
        )

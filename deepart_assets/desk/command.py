"""The command `deepart desk`."""

import argparse
import os

from deepart_assets.settings import load_settings
from deepart_assets.settings.places import data_root
from deepart_assets.storage import Lake

PORT = 3001
TOKEN = "DEEPART_DESK_TOKEN"
"""The environment variable with the token; without it one is made at each start."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument(
        "--host",
        default="127.0.0.1",
        help=f"address to listen on; for any but this machine's a token is asked for ({TOKEN},"
        " or one that is printed)",
    )
    parser.add_argument("--port", type=int, default=PORT)
    parser.add_argument("--read-only", action="store_true", help="show, and let nobody change")
    parser.add_argument(
        "--dagster", default="http://127.0.0.1:3000", metavar="URL", help="Dagster's UI, for links"
    )
    parser.set_defaults(run=serve)


def serve(arguments: argparse.Namespace) -> int:
    """Serve the desk until it is interrupted, and return the exit status."""
    import uvicorn

    from deepart_assets.desk.app import create_app
    from deepart_assets.desk.desk import Desk, DeskOptions
    from deepart_assets.desk.security import LOOPBACK, new_secret

    token = None
    if arguments.host not in LOOPBACK:
        token = os.environ.get(TOKEN) or new_secret()
    options = DeskOptions(token, arguments.read_only, arguments.dagster.rstrip("/"))
    desk = Desk(load_settings(), Lake(data_root()), options)
    desk.index.refresh()  # the first visitor need not wait for it
    shown = f"[{arguments.host}]" if ":" in arguments.host else arguments.host
    address = f"http://{shown}:{arguments.port}/"
    print(f"The curator's desk: {address}{f'?token={token}' if token else ''}", flush=True)
    uvicorn.run(
        create_app(desk),
        host=arguments.host,
        port=arguments.port,
        log_level="warning",
        server_header=False,
    )
    return 0

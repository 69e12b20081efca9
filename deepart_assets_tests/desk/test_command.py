"""The process of the command `deepart desk`."""

import os
import signal
import socket
import subprocess
import sys
import time

import pytest

from deepart_assets.desk.command import address_of, serve
from deepart_assets.errors import UnavailableError
from deepart_assets.storage import Lake
from deepart_assets.storage.desk_address import desk_at, desk_page


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("127.0.0.1", "http://127.0.0.1:3001/"),
        ("::1", "http://[::1]:3001/"),
        ("0.0.0.0", f"http://{socket.gethostname()}:3001/"),
        ("::", f"http://{socket.gethostname()}:3001/"),
    ],
)
def test_the_address_is_one_to_open(host, address):
    assert address_of(host, 3001) == address


def test_a_port_that_is_taken_leaves_the_other_desk_alone(tmp_path, monkeypatch, capsys):
    lake = Lake(tmp_path / "lake")
    monkeypatch.setenv("DEEPART_DATA", str(tmp_path / "lake"))
    monkeypatch.setenv("DEEPART_PROFILE", "sample")
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with desk_at(lake, address_of("127.0.0.1", port)):
            with pytest.raises(UnavailableError, match=rf"port {port} .*--port"):
                serve("127.0.0.1", port, read_only=False, dagster="")
            assert desk_page(lake, "a1") == f"http://127.0.0.1:{port}/p/a1"
    assert not capsys.readouterr().out


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="needs POSIX signals")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_no_links_lead_to_a_desk_that_was_stopped(tmp_path, number):
    lake = Lake(tmp_path / "lake")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, "-m", "deepart_assets.cli", "desk", "--port", str(port)],
        env={**os.environ, "DEEPART_DATA": str(tmp_path / "lake"), "DEEPART_PROFILE": "sample",
             "DEEPART_CACHE": str(tmp_path / "cache")},
    )  # fmt: skip
    try:
        deadline = time.monotonic() + 90
        while time.monotonic() < deadline:
            with socket.socket() as knock:
                if knock.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.1)
        assert desk_page(lake, "a1") == f"http://127.0.0.1:{port}/p/a1"
        process.send_signal(number)
        process.wait(30)
    finally:
        process.kill()
    assert desk_page(lake, "a1") is None

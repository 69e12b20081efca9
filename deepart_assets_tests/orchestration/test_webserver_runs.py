"""Runs of the command line are among those that a real webserver lists for their job."""

import contextlib
import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request

import pytest

from deepart_assets.settings.places import PROJECT
from deepart_assets_tests.conftest import instance_in

JOBS = """
query ($repository: String!, $location: String!, $label: String!) {
  repositoryOrError(
    repositorySelector: {repositoryName: $repository, repositoryLocationName: $location}
  ) {
    ... on Repository { jobs { name runs(limit: 10) { runId status } } }
  }
  runsOrError(filter: {tags: [{key: ".dagster/repository", value: $label}]}) {
    ... on Runs { results { runId repositoryOrigin { repositoryLocationName repositoryName } } }
  }
}
"""
LOCATION = {
    "repository": "__repository__",
    "location": "deepart_assets",
    "label": "__repository__@deepart_assets",
}


@pytest.fixture
def ask(done):
    """Return a function that asks a webserver on the project, started as `make ui` does."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {
        **os.environ,
        "DAGSTER_HOME": str(done.folder / "dagster"),
        "DEEPART_PROFILE": str(done.write_profile()),
        "DEEPART_DATA": str(done.root),
        "PYTHONPATH": str(PROJECT),
    }
    log = (done.folder / "webserver.log").open("w")
    server = subprocess.Popen(
        [
            sys.executable, "-m", "dagster_webserver", "--workspace", "workspace.yaml",
            "--host", "127.0.0.1", "--port", str(port),
        ],
        cwd=PROJECT, env=environment, stdout=log, stderr=log,
    )  # fmt: skip

    def post(query, variables):
        request = urllib.request.Request(
            f"http://127.0.0.1:{port}/graphql",
            json.dumps({"query": query, "variables": variables}).encode(),
            {"Content-Type": "application/json"},
        )
        deadline = time.monotonic() + 120
        while True:
            with (
                contextlib.suppress(urllib.error.URLError, ConnectionError),
                urllib.request.urlopen(request, timeout=180) as answer,
            ):
                return json.load(answer)["data"]
            assert server.poll() is None and time.monotonic() < deadline, log.name
            time.sleep(0.5)

    try:
        yield post
    finally:
        server.terminate()
        server.wait(timeout=180)
        log.close()


@pytest.mark.slow
def test_the_webserver_lists_the_runs_of_the_command_line(done, ask):
    with instance_in(done.folder / "dagster") as instance:
        runs = {run.run_id: run.job_name for run in instance.get_runs()}
    assert {"catalogue", "restore"} <= set(runs.values())
    data = ask(JOBS, LOCATION)
    listed = {
        run["runId"]: job["name"]
        for job in data["repositoryOrError"]["jobs"]
        for run in job["runs"]
    }
    assert listed == runs
    found = {run["runId"]: run["repositoryOrigin"] for run in data["runsOrError"]["results"]}
    assert found.keys() == runs.keys()
    names = {"repositoryLocationName": "deepart_assets", "repositoryName": "__repository__"}
    assert all(origin == names for origin in found.values())

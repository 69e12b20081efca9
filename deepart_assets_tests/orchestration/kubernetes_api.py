"""What of Kubernetes' API the executor talks to, on this machine.

It has no images, volumes, limits or nodes: a job's command runs here, with the variables that its
container is given.
"""

import contextlib
import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import kubernetes_validate
import yaml


class Api:
    """The jobs that were asked for, by name, and their processes."""

    def __init__(self) -> None:
        self.jobs: dict[str, dict[str, Any]] = {}
        self.deleted: list[str] = []
        self.nowhere: set[str] = set()
        """Steps (the label dagster/op) for which no node is found."""
        self.processes: dict[str, subprocess.Popen] = {}
        self.url = ""

    def create(self, job: dict[str, Any]) -> None:
        kubernetes_validate.validate(job, kubernetes_validate.latest_version(), strict=True)
        name = job["metadata"]["name"]
        assert name not in self.jobs
        self.jobs[name] = job
        if job["metadata"]["labels"]["dagster/op"] in self.nowhere:
            return
        [container] = job["spec"]["template"]["spec"]["containers"]
        given = {each["name"]: each["value"] for each in container["env"] if "value" in each}
        assert container["args"][0] == "dagster"
        self.processes[name] = subprocess.Popen(
            [sys.executable, "-m", *container["args"]],
            env={**os.environ, **given, "DAGSTER_HOME": ""},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def job_of(self, step: str) -> dict[str, Any]:
        [job] = [j for j in self.jobs.values() if j["metadata"]["labels"]["dagster/op"] == step]
        return job

    def status(self, name: str) -> dict[str, int]:
        process = self.processes.get(name)
        code = process.poll() if process else None
        return {"active": 1} if code is None else {"succeeded" if code == 0 else "failed": 1}

    def pods(self, name: str) -> list[dict[str, Any]]:
        placed = {"type": "PodScheduled", "status": "True"}
        if name not in self.processes:
            placed = {
                "type": "PodScheduled",
                "status": "False",
                "reason": "Unschedulable",
                "message": "0/3 nodes are available: 3 Insufficient nvidia.com/gpu.",
                "lastTransitionTime": datetime(2026, 1, 1, tzinfo=UTC).isoformat(),
            }
        return [{"metadata": {"name": name}, "status": {"conditions": [placed]}}]


def _handler(api: Api) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            job = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            try:
                api.create(job)
            except Exception as error:
                self._answer(422, {"kind": "Status", "message": str(error)})
                return
            self._answer(201, job)

        def do_GET(self) -> None:
            if found := re.search(r"/jobs/([^/?]+)/status", self.path):
                known = api.jobs.get(found[1])
                if known is None:
                    self._answer(404, {"kind": "Status"})
                    return
                self._answer(200, {**known, "status": api.status(found[1])})
            elif found := re.search(r"/pods\?labelSelector=job-name%3D(.+)", self.path):
                self._answer(200, {"kind": "PodList", "items": api.pods(found[1])})

        def do_DELETE(self) -> None:
            api.deleted.append(self.path.rsplit("/", 1)[1])
            self._answer(200, {"kind": "Status"})

        def _answer(self, code: int, content: dict[str, Any]) -> None:
            data = json.dumps(content).encode()
            self.send_response(code)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: Any) -> None:
            pass

    return Handler


@contextlib.contextmanager
def serve(folder: Path) -> Iterator[tuple[Api, Path]]:
    """Yield the running server and a kubeconfig that names it."""
    api = Api()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(api))
    api.url = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "here",
        "clusters": [{"name": "here", "cluster": {"server": api.url}}],
        "contexts": [{"name": "here", "context": {"cluster": "here", "user": "me"}}],
        "users": [{"name": "me", "user": {}}],
    }
    file = folder / "kubeconfig"
    file.write_text(yaml.safe_dump(config))
    try:
        yield api, file
    finally:
        server.shutdown()
        server.server_close()
        for process in api.processes.values():
            process.kill()
            process.wait()

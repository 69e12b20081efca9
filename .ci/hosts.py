"""Hosts of one machine: network namespaces with addresses of their own, and the servers on them.

Needs root, iproute2, PostgreSQL and Ceph's S3 gateway (radosgw, ceph-mon, ceph-osd).
"""

import contextlib
import ctypes
import os
import shutil
import signal
import subprocess
import sys
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError
from ray.job_submission import JobSubmissionClient
from ray.util.state import list_nodes
from waiting import wait_for

PREFIX = "deepart-"
BRIDGE = "bridge"
NETWORK = "10.77.0"
CLONE_NEWNET = 0x40000000
KEY, SECRET = "deepart", "secret-of-this-test"
BUCKET = "paintings"


def call(*command: str | Path, **more: Any) -> str:
    """Run a command, show what it says if it fails, and return its output."""
    done = subprocess.run(command, capture_output=True, text=True, check=False, **more)
    if done.returncode:
        sys.exit(f"{' '.join(map(str, command))}\n{done.stdout}{done.stderr}")
    return done.stdout


class Host:
    """A network namespace with one address, in which processes run.

    Args:
        name: Its name.
        number: The last part of its address.
        folder: For what its processes write.
        env: The environment of its processes.
    """

    def __init__(self, name: str, number: int, folder: Path, env: Mapping[str, str]) -> None:
        self.name, self.address = f"{PREFIX}{name}", f"{NETWORK}.{number}"
        self.folder = folder / name
        self.folder.mkdir()
        self.folder.chmod(0o755)
        self.env = {**env, "DEEPART_CACHE": str(self.folder / "cache")}
        call("ip", "netns", "add", self.name)
        self("ip", "link", "set", "lo", "up")

    def __call__(self, *command: str | Path, **more: Any) -> str:
        """Run a command here and return its output."""
        return call("ip", "netns", "exec", self.name, *command, **{"env": self.env, **more})

    def start(self, log: str, *command: str | Path, **more: Any) -> "subprocess.Popen[bytes]":
        """Start a process here that goes on."""
        more = {"env": self.env, "cwd": self.folder, **more}
        with (self.folder / f"{log}.log").open("ab") as output:
            return subprocess.Popen(
                ["ip", "netns", "exec", self.name, *command],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
                **more,
            )

    def processes(self) -> list[int]:
        """Return the ids of the processes that run here."""
        return [int(pid) for pid in call("ip", "netns", "pids", self.name).split()]

    def kill(self) -> int:
        """Kill whatever runs here, at once, as a power failure does; return how many."""
        pids = [pid for pid in self.processes() if pid != os.getpid()]
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        return len(pids)

    def steps(self) -> dict[int, str]:
        """Return the step that each process here executes, by process id."""
        found = {}
        for pid in self.processes():
            with contextlib.suppress(OSError):
                command = Path(f"/proc/{pid}/cmdline").read_bytes()
                variables = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
                if b"execute_step" in command and b"/bin/sh" not in command:
                    named = dict(each.partition(b"=")[::2] for each in variables)
                    found[pid] = named.get(b"DAGSTER_RUN_STEP_KEY", b"").decode()
        return {pid: step for pid, step in found.items() if step}

    def enter(self) -> None:
        """Let this process and what it starts from now on be on this host."""
        with Path(f"/run/netns/{self.name}").open() as namespace:
            libc = ctypes.CDLL(None, use_errno=True)
            if libc.setns(namespace.fileno(), CLONE_NEWNET):
                raise OSError(ctypes.get_errno(), f"setns {self.name}")


def remove_hosts() -> None:
    """Kill what runs on hosts, and remove them: those of a run that was killed, too."""
    for namespace in Path("/run/netns").glob(f"{PREFIX}*"):
        for pid in call("ip", "netns", "pids", namespace.name).split():
            if int(pid) != os.getpid():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(int(pid), signal.SIGKILL)
        call("ip", "netns", "del", namespace.name)


def connect(hosts: Sequence[Host]) -> None:
    """Give each host its address on a network of their own, whose switch is on the last one."""
    switch = hosts[-1]
    switch("ip", "link", "add", BRIDGE, "type", "bridge")
    switch("ip", "address", "add", f"{switch.address}/24", "dev", BRIDGE)
    switch("ip", "link", "set", BRIDGE, "up")
    for host in hosts[:-1]:
        port = f"to-{host.name}"
        switch("ip", "link", "add", port, "type", "veth", "peer", "eth0", "netns", host.name)
        switch("ip", "link", "set", port, "master", BRIDGE, "up")
        host("ip", "address", "add", f"{host.address}/24", "dev", "eth0")
        host("ip", "link", "set", "eth0", "up")


class PostgreSQL:
    """A PostgreSQL on a host, reached by its address."""

    def __init__(self, host: Host) -> None:
        self.host, self.data = host, host.folder / "postgresql"
        self.url = f"postgresql+psycopg2://postgres@{host.address}:5432/postgres"
        self.data.mkdir()
        shutil.chown(self.data, "postgres", "postgres")  # it refuses to run as root
        self._call("initdb", "--auth=trust", "--encoding=UTF8", "--no-sync")
        with (self.data / "pg_hba.conf").open("a") as rules:
            rules.write(f"host all all {NETWORK}.0/24 trust\n")
        self._call("pg_ctl", "start", "--wait", *self._options())

    def restart(self) -> None:
        """Restart the server: sessions end, transactions in progress are rolled back."""
        self._call("pg_ctl", "restart", "--wait", "--mode=fast", *self._options())

    def _options(self) -> tuple[str, ...]:
        options = f"-c listen_addresses={self.host.address} -c unix_socket_directories={self.data}"
        return ("--options", options, "--log", str(self.data / "log"))

    def _call(self, program: str, *arguments: str) -> None:
        [*_, newest] = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
        self.host(
            *("setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"),
            *(newest / program, f"--pgdata={self.data}", *arguments),
            cwd=self.data,
        )


class Ceph:
    """A Ceph cluster with its S3 gateway on a host; objects are in memory."""

    def __init__(self, host: Host) -> None:
        self.host, self.folder = host, host.folder / "ceph"
        for name in ("mon", "osd", "run"):
            (self.folder / name).mkdir(parents=True)
        cluster, disk = str(uuid.uuid4()), str(uuid.uuid4())
        self.url = f"http://{host.address}:9000"
        (self.folder / "ceph.conf").write_text(self._configuration(cluster))
        host.env["CEPH_CONF"] = str(self.folder / "ceph.conf")
        keyring = str(self.folder / "keyring")
        everything = [each for part in ("mon", "osd") for each in ("--cap", part, "allow *")]
        for create, name in ((["--create-keyring"], "mon."), ([], "client.admin")):
            host("ceph-authtool", *create, keyring, "--gen-key", "-n", name, *everything)
        mons = str(self.folder / "mons")
        address = f"[v2:{host.address}:3300]"
        host("monmaptool", "--create", "--addv", "a", address, "--fsid", cluster, mons)
        host("ceph-mon", "-i", "a", "--mkfs", "--monmap", mons, "--keyring", keyring)
        host.start("mon", "ceph-mon", "-i", "a", "-f")
        rights = ("mon", "allow profile osd", "osd", "allow *")
        key = host("ceph", "auth", "get-or-create", "osd.0", *rights, timeout=120)
        with Path(keyring).open("a") as keys:
            keys.write(key)
        host("ceph", "osd", "new", disk, timeout=120)
        host("ceph-osd", "-i", "0", "--mkfs", "--osd-uuid", disk)
        host.start("osd", "ceph-osd", "-i", "0", "-f")
        user = ("--uid", KEY, "--display-name", KEY, "--access-key", KEY, "--secret-key", SECRET)
        host("radosgw-admin", "user", "create", *user, timeout=180)
        self.start()
        self.client().create_bucket(Bucket=BUCKET)

    def start(self) -> None:
        """Start the S3 gateway, and return once it answers."""
        endpoint = f"beast endpoint={self.host.address}:9000"
        command = ("radosgw", "-n", "client.admin", "--rgw-frontends", endpoint, "-f")
        self._gateway = self.host.start("radosgw", *command)
        wait_for("the S3 gateway", self._answers)

    def stop(self) -> None:
        """Kill the S3 gateway: connections break, and new ones are refused."""
        self._gateway.kill()
        self._gateway.wait()

    def client(self) -> Any:
        """Return boto3's client of it."""
        return boto3.client("s3", endpoint_url=self.url)

    def _answers(self) -> bool:
        try:
            self.client().list_buckets()
        except BotoCoreError:
            return False
        return True

    def _configuration(self, cluster: str) -> str:
        settings = {
            "fsid": cluster,
            "mon host": f"[v2:{self.host.address}:3300]",
            "mon initial members": "a",
            "public addr": self.host.address,
            "cluster addr": self.host.address,
            "osd pool default size": 1,
            "osd pool default min size": 1,
            "osd pool default pg num": 2,
            "osd pool default pgp num": 2,
            "osd pool default pg autoscale mode": "off",
            "osd crush chooseleaf type": 0,
            "mon allow pool size one": "true",
            "osd objectstore": "memstore",
            "memstore device bytes": 1 << 30,
            "mon data": self.folder / "mon",
            "osd data": self.folder / "osd",
            "run dir": self.folder / "run",
            "admin socket": f"{self.folder}/run/$name.asok",
            "log file": f"{self.folder}/$name.log",
            "keyring": self.folder / "keyring",
        }
        return "[global]\n" + "".join(f"{name} = {value}\n" for name, value in settings.items())


class Ray:
    """A Ray cluster: a head on one host, and other nodes on others."""

    def __init__(self, head: Host) -> None:
        self.head = head
        self.url = f"http://{head.address}:8265"
        self._start(head, "--head", "--port=6379", f"--dashboard-host={head.address}")

    def join(self, host: Host) -> None:
        """Start a node on a host, and return once the cluster has it."""
        self._start(host, f"--address={self.head.address}:6379")
        wait_for(f"{host.name} to join", lambda: host.address in self.nodes())

    def nodes(self) -> list[str]:
        """Return the addresses of the living nodes."""
        try:
            found = list_nodes(self.url, raise_on_missing_output=False, timeout=20)
        except Exception:  # it is not up yet, and says so in many ways
            return []
        return [node.node_ip for node in found if node.state == "ALIVE"]

    def jobs(self) -> dict[str, str]:
        """Return the status of each job by its id."""
        jobs = JobSubmissionClient(self.url).list_jobs()
        return {str(job.submission_id): job.status.value for job in jobs}

    def at_work(self) -> list[str]:
        """Return the ids of the jobs that have not ended."""
        return [job for job, status in self.jobs().items() if status in ("PENDING", "RUNNING")]

    def _start(self, host: Host, *arguments: str) -> None:
        # Paths of sockets must be short; each host has a folder of its own under the same path.
        script = 'mkdir -p /tmp/ray && mount -t tmpfs tmpfs /tmp/ray && exec "$@"'
        host.start(
            "ray",
            *("sh", "-c", script, "sh", sys.executable, "-m", "ray.scripts.scripts", "start"),
            *("--block", f"--node-ip-address={host.address}", "--num-cpus=2", "--num-gpus=1"),
            *("--object-store-memory=80000000", "--disable-usage-stats"),
            *arguments,
        )
        wait_for(f"Ray on {host.name}", lambda: host.address in self.nodes())

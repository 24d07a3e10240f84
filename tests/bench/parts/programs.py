"""Building and running the programs that are measured."""

import csv
import http.client
import json
import os
import select
import shutil
import signal
import socket
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
PATIENCE = 120  # seconds for what should take one: a busy machine is no failure


def run(*command, **options):
    """Run a program to its end; what it printed."""
    result = subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=600, **options)
    if result.returncode != 0:
        raise RuntimeError(f"{command[0]} ended with {result.returncode}: {result.stderr.strip()[-2000:]}")
    return result.stdout


def run_json(*command, **options):
    return json.loads(run(*command, **options))


def build(quick, note):
    """The folder with the programs: release, of the bench's own; a quick run takes a build that is there."""
    given = os.environ.get("PANNIER_BUILD")
    if quick and given and (Path(given) / "tests/bench/bench_floor").exists():
        note(f"programs of {Path(given).name}, not a release build")
        return Path(given).resolve()
    folder = ROOT / "build" / "bench"
    if not (folder / "build.ninja").exists():
        run("meson", "setup", folder, ROOT, "--buildtype=release")
    run("ninja", "-C", folder)
    return folder


def child(command, **options):
    """Start a program that says on its first line when it is ready: (process, that line)."""
    process = subprocess.Popen([str(word) for word in command], stdout=subprocess.PIPE, **options)
    ready, _, _ = select.select([process.stdout], [], [], PATIENCE)
    line = process.stdout.readline().decode().strip() if ready else ""
    if not line:
        process.kill()
        process.wait()
        raise RuntimeError(f"{command[0]} did not start")
    return process, line


def stop(process, how=signal.SIGTERM):
    process.send_signal(how)
    code = process.wait(PATIENCE)
    process.stdout.close()
    if how == signal.SIGTERM and code != 0:
        raise RuntimeError(f"{process.args[0]} ended with {code}")


class Store:
    """pannier-store with workload W."""

    def __init__(self, build, scratch, seed=1):
        self.program, self.data = build / "store" / "pannier-store", scratch / "store"
        self.log, self.process, self.port = scratch / "store.log", None, 0
        self.kept = scratch / "store-kept"
        run(self.program, "init", "--data", self.data, "--host", "127.0.0.1", "--address", "127.0.0.1",
            "--port", 0, "--health-port", 0)
        self.tables = scratch / "tables"
        run(self.program, "sample", "--data", self.data, "--people", 500, "--visits", 10, "--observations", 40,
            "--seed", seed, "--load", self.tables)

    def start(self):
        with open(self.log, "ab") as log:
            self.process, line = child([self.program, "serve", "--data", self.data, "--port", self.port], stderr=log)
        self.port = int(dict(word.split("=") for word in line.split()[1:])["port"])

    def stop(self):
        if self.process:
            stop(self.process)
            self.process = None

    def keep(self):
        """Remember the folder as it is, for restore(); while nobody serves it."""
        shutil.copytree(self.data, self.kept)

    def restore(self):
        """Every round begins with the same rows."""
        self.stop()
        shutil.rmtree(self.data)
        shutil.copytree(self.kept, self.data)

    def teams(self):
        with open(self.tables / "teams.csv", newline="") as table:
            return [row["name"] for row in csv.DictReader(table)]

    def invite(self, name):
        """An enrolment link for a device that may hold all people of W."""
        teams = [word for team in self.teams() for word in ("--team", team)]
        return run_json(self.program, "device", "code", "--data", self.data, "--json", "--name", name,
                        "--ceiling", "restricted", "--port", self.port, *teams)["link"]


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("pannier", timeout=PATIENCE)
        self.path = str(path)

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


class Device:
    """pannierd in a folder of its own."""

    def __init__(self, build, scratch, name):
        self.program, self.caller = build / "daemon" / "pannierd", build / "tests" / "bench" / "bench_caller"
        self.slow = build / "tests" / "bench" / "libbench_slow_flush.so"
        self.folder, self.name, self.process = scratch / name, name, None
        self.folder.mkdir()
        self.state, self.socket = self.folder / "state", self.folder / "s"

    def start(self, slow_flush_us=0):
        environment = dict(os.environ)
        if slow_flush_us:
            environment.update(LD_PRELOAD=str(self.slow), SLOW_FLUSH_US=str(slow_flush_us))
        with open(self.folder / "log", "ab") as log:
            self.process, line = child([self.program, "--state", self.state, "--socket", self.socket], stderr=log,
                                       env=environment)
        if not line.startswith("READY"):
            raise RuntimeError(f"pannierd: {line}")

    def stop(self):
        if self.process:
            stop(self.process)
            self.process = None

    def keep(self):
        """Remember the state as it is, for restore(); while the daemon does not run."""
        shutil.copytree(self.state, self.folder / "state-kept")

    def restore(self):
        """With a store that was restored goes a device that saw nothing since: what it knows of later would begin a new epoch."""
        self.stop()
        shutil.rmtree(self.state)
        shutil.copytree(self.folder / "state-kept", self.state)

    def ask(self, method, path, staff=None, body=None):
        """One call of the local API: (status, JSON)."""
        connection = UnixConnection(self.socket)
        headers = {"Pannier-Staff": staff} if staff else {}
        if body is not None:
            headers["Content-Type"] = "application/json"
        connection.request(method, path, None if body is None else json.dumps(body), headers)
        response = connection.getresponse()
        answer = response.read()
        connection.close()
        return response.status, json.loads(answer) if answer else None

    def get(self, path, staff=None):
        status, answer = self.ask("GET", path, staff)
        if status != 200:
            raise RuntimeError(f"{path}: {status} {answer}")
        return answer

    def status(self):
        return self.get("/v1/status")

    def flushes(self):
        return sum(self.status()["flushes"].values())

    def call(self, *words):
        """Run bench_caller to its end."""
        return run_json(self.caller, self.socket, *words)

    def sync(self):
        """Have an exchange; its milliseconds. None: one of the daemon's own was in flight, and that was waited for."""
        result = self.call("sync")
        return None if "busy" in result else result["us"] / 1000

    def enrol(self, link):
        """Enrol, and wait for the end of the exchange that follows; its milliseconds."""
        process, line = child([self.caller, self.socket, "await"])
        if line != "listening":
            raise RuntimeError(f"bench_caller: {line}")
        status, answer = self.ask("POST", "/v1/enrol", body={"link": link})
        if status != 200:
            process.kill()
            raise RuntimeError(f"enrolment: {status} {answer}")
        result = json.loads(process.communicate(timeout=PATIENCE)[0])
        return result["us"] / 1000

    def pss(self):
        """Bytes of memory that are this process's share (Pss)."""
        with open(f"/proc/{self.process.pid}/smaps_rollup") as lines:
            for line in lines:
                if line.startswith("Pss:"):
                    return int(line.split()[1]) * 1024
        raise RuntimeError("no Pss")

"""The real pannier-store in a folder of its own."""

import json
import os
import select
import signal
import subprocess
import uuid
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("PANNIER_BUILD", ROOT / "build")).resolve()
PATIENCE = 60  # seconds for what should take milliseconds: a busy machine is no failure


class CommandFailed(Exception):
    def __init__(self, run):
        super().__init__(f"exit {run.returncode}: {run.stderr.strip()}")
        self.code, self.stdout, self.stderr = run.returncode, run.stdout, run.stderr


class RealStore:
    program = BUILD / "store" / "pannier-store"

    def __init__(self, data, hosts=("127.0.0.1", "localhost"), locality=None, init=True):
        self.data = Path(data)
        self.locality = locality or uuid.uuid4()
        self.process = None
        self.port = self.health_port = None
        self.log = self.data.with_suffix(".log")
        if init:
            arguments = [a for host in hosts for a in ("--host", host)]
            self.run("init", *arguments, "--port", "0", "--health-port", "0",
                     "--locality", str(self.locality))

    # commands

    def start_command(self, *arguments):
        return subprocess.run([self.program, *map(str, arguments), "--data", self.data], text=True, errors="replace",
                              stdin=subprocess.DEVNULL, capture_output=True, timeout=PATIENCE)

    def run(self, *arguments):
        """Run a command; its output, or CommandFailed."""
        run = self.start_command(*arguments)
        if run.returncode:
            raise CommandFailed(run)
        return run.stdout

    def json(self, *arguments):
        return json.loads(self.run(*arguments, "--json"))

    def invite(self, name="device", *grants, ceiling="clinical", port=None, **options):
        """An enrolment code's parts; without grants a team of its own that nobody has loaded."""
        if not grants and "device" not in options:
            grants = ("--scope", f"team:{uuid.uuid4()}")
        extra = [a for key, value in options.items() for a in (f"--{key}", str(value))]
        return self.json("device", "code", "--name", name, *grants, "--ceiling", ceiling,
                         "--port", str(port or self.port or 8443), *extra)

    def revoke(self, device):
        return self.json("device", "revoke", device)

    # the daemon

    def serve(self, *arguments, settings=None):
        """Start it and wait until devices can connect."""
        if settings:
            with open(self.data / "store.conf", "a", encoding="utf-8") as conf:
                conf.write(settings)
        self.process = self.start(*arguments)
        line = self.read_line(self.process)
        if not line.startswith("READY "):
            raise RuntimeError(f"no READY but {line!r}; log: {self.log.read_text()[-2000:]}")
        ports = dict(part.split("=") for part in line.split()[1:])
        self.port, self.health_port = int(ports["port"]), int(ports["health_port"])

    def start(self, *arguments):
        with open(self.log, "ab") as log:
            return subprocess.Popen([self.program, "serve", "--data", self.data, *arguments],
                                    stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log,
                                    text=True)

    @staticmethod
    def read_line(process):
        ready, _, _ = select.select([process.stdout], [], [], PATIENCE)
        return process.stdout.readline() if ready else ""

    def signal(self, number):
        self.process.send_signal(number)

    def wait(self):
        """Its exit code, once it has ended."""
        code = self.process.wait(timeout=PATIENCE)
        self.process.stdout.close()
        self.process = None
        return code

    def stop(self):
        if not self.process:
            return None
        self.signal(signal.SIGTERM)
        try:
            return self.wait()
        except subprocess.TimeoutExpired:
            self.kill()
            raise

    def kill(self):
        self.signal(signal.SIGKILL)
        return self.wait()

    def alive(self):
        return self.process is not None and self.process.poll() is None

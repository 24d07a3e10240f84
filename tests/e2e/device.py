"""A device in a test: the real pannierd in a folder of its own, its local API, and the pannier command."""

import http.client
import json
import os
import select
import signal
import socket
import subprocess
import time
import uuid
from datetime import datetime
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("PANNIER_BUILD", ROOT / "build"))
PATIENCE = 30  # seconds for what should take milliseconds: a busy machine is no failure


def seconds(instant):
    """RFC 3339 as seconds since 1970; 0 for null."""
    return datetime.fromisoformat(instant.replace("Z", "+00:00")).timestamp() if instant else 0


class UnixConnection(http.client.HTTPConnection):
    """http.client over a Unix socket."""

    def __init__(self, path, timeout=PATIENCE):
        super().__init__("pannier", timeout=timeout)
        self.path = str(path)

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    @property
    def json(self):
        return json.loads(self.body)

    def __repr__(self):
        return f"<{self.status} {self.body[:500]!r}>"


class Events:
    """The stream of server-sent events."""

    def __init__(self, path, kinds=""):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.settimeout(PATIENCE)
        self.socket.connect(str(path))
        target = f"/v1/events?kinds={kinds}" if kinds else "/v1/events"
        self.socket.sendall(f"GET {target} HTTP/1.1\r\nHost: pannier\r\n\r\n".encode())
        self.buffer = b""
        while b"\r\n\r\n" not in self.buffer:
            self.receive(PATIENCE)
        head, self.buffer = self.buffer.split(b"\r\n\r\n", 1)
        assert head.startswith(b"HTTP/1.1 200 "), head

    def receive(self, seconds):
        """False where nothing came in time."""
        if not select.select([self.socket], [], [], max(0, seconds))[0]:
            return False
        data = self.socket.recv(65536)
        assert data, "the stream ended"
        self.buffer += data
        return True

    def next(self, seconds=PATIENCE):
        """The next event as (name, data); (None, None) where none came in time."""
        deadline = time.monotonic() + seconds
        while True:
            while b"\n\n" in self.buffer:
                event, self.buffer = self.buffer.split(b"\n\n", 1)
                lines = dict(line.split(": ", 1) for line in event.decode().split("\n") if not line.startswith(":"))
                if "data" in lines:
                    return lines.get("event"), json.loads(lines["data"])
            if not self.receive(deadline - time.monotonic()):
                return None, None

    def until(self, name, wanted=lambda data: True):
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            got, data = self.next(deadline - time.monotonic())
            if got == name and wanted(data):
                return data
        raise AssertionError(f"no event {name} came")

    def close(self):
        self.socket.close()


class Device:
    def __init__(self, folder, name="device", arguments=(), environment=None):
        self.folder = Path(folder) / name
        self.folder.mkdir(parents=True, exist_ok=True)
        self.state = self.folder / "state"
        self.socket = self.folder / "s"  # short: a socket's path has 107 bytes at most
        self.log = self.folder / "log"
        self.arguments = list(arguments)
        self.environment = {**os.environ, **(environment or {})}
        self.program = BUILD / "daemon" / "pannierd"
        self.wrapper = []  # a command that starts it: in namespaces of its own
        self.process = None
        self.connection = None
        self.staff = None

    # ---- the daemon ----

    def start(self):
        log = open(self.log, "ab")
        self.process = subprocess.Popen(
            [*self.wrapper, self.program, "--state", self.state, "--socket", self.socket, *self.arguments],
            stdout=subprocess.PIPE, stderr=log, env=self.environment)
        log.close()
        line = self.process.stdout.readline().decode()
        assert line.startswith("READY "), self.log.read_text()
        return self

    def stop(self):
        """End it as the service manager does; it must end well."""
        if self.process:
            self.close()
            self.process.terminate()
            code = self.process.wait(PATIENCE)
            self.process.stdout.close()
            self.process = None
            assert code == 0, self.log.read_text()

    def kill(self):
        if self.process:
            self.close()
            self.process.send_signal(signal.SIGKILL)
            self.process.wait(PATIENCE)
            self.process.stdout.close()
            self.process = None

    def close(self):
        if self.connection:
            self.connection.close()
            self.connection = None

    # ---- the local API ----

    def call(self, method, path, body=None, staff=..., headers=None, raw=None):
        headers = dict(headers or {})
        staff = self.staff if staff is ... else staff
        if staff:
            headers["Pannier-Staff"] = staff
        data = raw
        if body is not None:
            data = json.dumps(body, ensure_ascii=False).encode()
            headers.setdefault("Content-Type", "application/json")
        if not self.connection:
            self.connection = UnixConnection(self.socket)
        try:
            self.connection.request(method, path, data, headers)
            response = self.connection.getresponse()
            return Answer(response.status, dict(response.getheaders()), response.read())
        except (http.client.HTTPException, OSError):
            self.close()
            raise
        finally:
            if self.connection and self.connection.sock is None:
                self.close()

    def get(self, path, **options):
        return self.call("GET", path, **options)

    def post(self, path, body=None, **options):
        return self.call("POST", path, body, **options)

    def status(self):
        answer = self.get("/v1/status")
        assert answer.status == 200, answer
        return answer.json

    def events(self, kinds=""):
        return Events(self.socket, kinds)

    def enrol(self, link):
        answer = self.post("/v1/enrol", {"link": link})
        assert answer.status == 200, answer
        return answer

    def record(self, type_name, fields, person=None, request=None, staff=..., **more):
        """Record one new thing; its written entry."""
        entry = {"request": request or str(uuid.uuid4()), "type": type_name, "fields": fields, **more}
        if person:
            entry["person"] = person
        answer = self.post("/v1/entries", entry, staff=staff)
        assert answer.status in (200, 201), answer
        return answer.json

    def edit(self, record, fields, staff=..., **more):
        entry = {"request": str(uuid.uuid4()), "operation": "edit", "record": record, "fields": fields, **more}
        answer = self.post("/v1/entries", entry, staff=staff)
        assert answer.status in (200, 201), answer
        return answer.json

    def sync(self, expect="ok"):
        """Have an exchange begin, and wait for the end of one that began after that; the status.

        A device that the store told to be patient does not begin one: then the status is that of the last.
        """
        listener = self.events("exchange")  # not all: whoever cannot keep up with a first fill is cut off
        deadline = time.monotonic() + PATIENCE
        while (before := self.status()["exchange"])["running"]:  # it may have begun before what shall be sent
            assert time.monotonic() < deadline, before
            listener.next(0.2)
        assert self.post("/v1/sync").status == 202
        while time.monotonic() < deadline:
            status = self.status()
            exchange = status["exchange"]
            newer = exchange["count"] > before["count"] or exchange["last_attempt"] != before["last_attempt"]
            patient = seconds(exchange["next"]) > seconds(status["now"]) + 5
            ended = not exchange["running"] and (newer or patient)
            if ended and expect in (None, exchange["problem"]):
                listener.close()
                return status
            if ended:  # one that had begun before
                before = exchange
                self.post("/v1/sync")
            listener.next(0.2)
        raise AssertionError(f"no exchange ended with {expect}: {self.status()['exchange']}")

    # ---- the command ----

    def command(self, *arguments, staff=..., text=None, stdin=None, check=None):
        """Run pannier; the completed process with text output."""
        environment = {**self.environment, "PANNIER_SOCKET": str(self.socket), "TZ": "UTC"}
        environment.pop("PANNIER_STAFF", None)
        staff = self.staff if staff is ... else staff
        if staff:
            environment["PANNIER_STAFF"] = staff
        done = subprocess.run([BUILD / "client" / "pannier", *map(str, arguments)], env=environment, input=stdin,
                              capture_output=True, text=True, timeout=2 * PATIENCE)
        if check is not None:
            assert done.returncode == check, (done.returncode, done.stdout, done.stderr)
        return done

"""One history of the real programs: a store, a tablet behind a relay, a nurse who records; and what must hold after any fault.

A worker makes it once and puts it back before each point, so that every point begins with the same bytes.
"""

import http.client
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "e2e"))

from device import BUILD  # noqa: E402, F401  (points.py has it from here)
from locality import Locality, pages, settle, visit  # noqa: E402
from real_store import CommandFailed, RealStore  # noqa: E402

ENTRIES = 6
GONE = (KeyError, OSError, http.client.HTTPException, AssertionError, RuntimeError, CommandFailed, subprocess.TimeoutExpired)
CLEAN_SIGNALS = (signal.SIGKILL, signal.SIGTERM)


class Violation(Exception):
    """Something was lost, done twice, or crashed."""


class Faulty(RealStore):
    """A store whose daemon may be started by another command."""

    wrapper, environment = (), {}

    def start(self, *arguments):
        with open(self.log, "ab") as log:
            return subprocess.Popen([*self.wrapper, self.program, "serve", "--data", self.data, *arguments],
                                    stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log, text=True,
                                    env={**os.environ, **self.environment})


def crashed(process):
    """A program ends by an exit code or by whoever kills it, never by a signal of its own."""
    code = process.poll()
    return code is not None and code < 0 and -code not in CLEAN_SIGNALS


class Story:
    def __init__(self, folder):
        self.folder = Path(folder)
        self.locality = Locality(self.folder, people=8)
        self.store, self.tablet = self.locality.store, self.locality.tablet()
        self.store.__class__ = Faulty
        self.person = pages(self.tablet, "/v1/people", "people")[0]["id"]
        settle(self.tablet)
        self.tablet.stop()
        self.store.stop()
        self.kept = self.folder / "kept"
        shutil.copytree(self.store.data, self.kept / "store", symlinks=True)
        shutil.copytree(self.tablet.state, self.kept / "state", symlinks=True)
        self.acknowledged = {}

    def close(self):
        self.calm()
        self.locality.close()

    def begin(self):
        """Everything as it was."""
        self.end()
        for path, name in ((self.store.data, "store"), (self.tablet.state, "state")):
            shutil.rmtree(path, ignore_errors=True)
            shutil.copytree(self.kept / name, path, symlinks=True)
        self.store.log.write_text("")
        self.tablet.log.write_text("")
        self.acknowledged = {}

    def calm(self):
        """No more faults."""
        self.store.wrapper, self.store.environment = (), {}
        self.tablet.wrapper, self.tablet.environment = [], dict(os.environ)

    def end(self):
        self.calm()
        for process in (self.tablet.process, self.store.process):
            if process and process.poll() is None:
                process.kill()
            if process:
                process.wait()
                process.stdout.close()
        self.tablet.close()
        self.tablet.process = self.store.process = None

    # ---- the history ----

    def record(self, count=ENTRIES):
        for _ in range(count):
            body = visit(self.person, f"number {len(self.acknowledged) + 1}")
            answer = self.tablet.post("/v1/entries", body)
            if answer.status in (200, 201):
                self.acknowledged[answer.json["id"]] = body["fields"]["subjective"]
            elif answer.status < 500:
                raise Violation(f"a good entry was refused: {answer}")

    def try_start(self, who):
        """False where it does not come up."""
        try:
            who.serve() if who is self.store else who.start()
            return True
        except GONE:
            return False

    def live(self):
        """A morning under faults: whatever ends, ends. Crashes are told apart from clean ends."""
        try:
            if self.try_start(self.store) and self.try_start(self.tablet):
                self.record(ENTRIES // 2)
                self.tablet.sync(expect=None)
                self.record(ENTRIES - ENTRIES // 2)
                self.tablet.sync(expect=None)
        except GONE:
            pass
        self.stop_both()

    def stop_both(self):
        for name, who in (("pannierd", self.tablet), ("pannier-store", self.store)):
            process = who.process
            if not process:
                continue
            if process.poll() is None:
                process.terminate()
            try:
                process.wait(60)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
                raise Violation(f"{name} does not end when it is asked to") from None
            if crashed(process):
                raise Violation(f"{name} crashed: signal {-process.returncode}")
        self.end()

    # ---- what must hold ----

    def recover(self):
        """Both start again without faults, and settle."""
        self.end()
        self.store.serve()
        self.tablet.start()
        settle(self.tablet)

    def check(self, allowed=("applied",)):
        """Every acknowledged entry has one outcome, the same on both sides, with the bytes that were recorded."""
        both = self.locality.agree(self.tablet)
        texts = {record["id"]: record["fields"].get("subjective")
                 for record in pages(self.tablet, f"/v1/records?person={self.person}&type=visit", "records")}
        for entry, text in self.acknowledged.items():
            if entry not in both:
                raise Violation(f"entry {text!r} was acknowledged and is gone")
            if both[entry] not in allowed:
                raise Violation(f"entry {text!r} is {both[entry]}")
            if both[entry] == "applied" and texts.get(entry) != text:
                raise Violation(f"entry {text!r} says {texts.get(entry)!r}")
        self.tablet.stop()
        self.store.stop()
        self.locality.verified()
        return both

    def logs(self):
        return "".join(f"--- {who.log.name}\n{who.log.read_text(errors='replace')[-1500:]}\n" for who in (self.tablet, self.store))

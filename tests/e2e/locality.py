"""A locality in a test: a real store with people who do not exist, the network, devices with staff, and both sides' ledgers."""

import base64
import csv
import json
import subprocess
import time
import uuid
from pathlib import Path

from device import Device
from real_store import RealStore
from relay import Relay

PATIENCE = 60
NEVER = 10**12
ENTRIES_PAGE = 500


class Locality:
    """Its store is made and serves; devices reach it through a relay of their own."""

    def __init__(self, folder, people=60, load=True):
        self.folder = Path(folder)
        self.store = RealStore(self.folder / "store", init=False)
        self.store.run("init", "--host", "127.0.0.1", "--port", "0", "--health-port", "0", "--environment", "test")
        self.tables = self.folder / "tables"
        arguments = ["--people", people, "--seed", 7, *(["--load"] if load else [])]
        self.store.run("sample", self.tables, *arguments)
        self.devices, self.relays = [], []
        self.store.serve()

    def close(self):
        for device in self.devices:
            device.kill()
        for relay in self.relays:
            relay.close()
        self.store.stop()

    def rows(self, table):
        with open(self.tables / f"{table}.csv", encoding="utf-8", newline="") as file:
            return list(csv.DictReader(file))

    def row(self, table, **cells):
        return next(row for row in self.rows(table) if all(row[k] == v for k, v in cells.items()))

    def load(self, table, rows, *options, check=True):
        """Load rows (dictionaries) as a CSV file; the report."""
        path = self.folder / f"load-{uuid.uuid4().hex}.csv"
        columns = list(dict.fromkeys(key for row in rows for key in row))
        with open(path, "w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, columns)
            writer.writeheader()
            writer.writerows(rows)
        run = self.store.start_command("load", table, path, "--json", *options)
        assert not check or run.returncode == 0, (run.stdout[-2000:], run.stderr)
        return json.loads(run.stdout)

    # ---- devices ----

    def relay(self):
        self.relays.append(Relay(self.store))
        return self.relays[-1]

    def device(self, name, *grants, relay=None, role=None, sync=True, arguments=(), program=None):
        """A device that is enrolled, has its first exchange behind it and a member of staff before it."""
        device = Device(self.folder, name, arguments)
        device.program = program or device.program
        self.devices.append(device)
        device.relay = relay or self.relay()
        device.start()
        code = self.store.json("device", "code", "--name", name, *grants, "--ceiling", "clinical",
                               "--host", "127.0.0.1", "--port", device.relay.port)
        device.enrol(code["link"])
        device.id = code["device"]
        if sync:
            device.sync()
            device.staff = self.staff_of(device, role)
        return device

    def tablet(self, name="tablet", **options):
        """A nurse's, on the first team."""
        options.setdefault("role", "community_nurse")
        return self.device(name, "--team", self.rows("teams")[0]["name"], **options)

    @staticmethod
    def staff_of(device, role):
        staff = json.loads(device.command("staff", "--here", "--json", check=0).stdout)["staff"]
        return next(member["id"] for member in staff if role in (None, member["role"]))

    # ---- the ledger ----

    def ledger(self, device=None):
        """What the store says became of entries: [(entry, outcome)]."""
        of = ["--device", device.id] if device else []
        return [(row["entry"], row["outcome"]) for row in self.store.json("entries", *of)]

    def verified(self):
        for row in self.store.json("verify"):
            assert row["problems"] == 0, row
        return True

    def agree(self, device):
        """Both sides name the same entries with the same outcomes, each once; they as {entry: outcome}."""
        entries, there = pages(device, "/v1/entries", "entries"), self.ledger(device)
        # Who looked at whom is written behind the reading, and may be on its way at any time.
        moving = {entry["id"] for entry in entries if entry["state"] == "waiting" and
                  (entry.get("type") == "access_event" or not entry["readable"])}
        here = [(entry["id"], entry["state"]) for entry in entries if entry["id"] not in moving]
        there = [row for row in there if row[0] not in moving]
        assert len(dict(here)) == len(here), "an entry is twice in the outbox"
        assert len(dict(there)) == len(there), "an entry is twice on the store"
        assert dict(here) == dict(there)
        return dict(here)


def pages(device, path, key, staff=...):
    """All pages of a list of the local API."""
    after, found = None, []
    while True:
        more = f"&after={after}" if after is not None else ""
        answer = device.get(f"{path}{'&' if '?' in path else '?'}limit={ENTRIES_PAGE}{more}", staff=staff)
        assert answer.status == 200, answer
        page = answer.json
        found += page[key]
        after = page.get("next")
        if after is None or not page[key]:
            return found


def records_of(device, person):
    """All records of a person: a page of each type at once, and where that is not all, the pages of each type."""
    answer = device.get(f"/v1/records?person={person}&limit={ENTRIES_PAGE}")
    assert answer.status == 200, answer
    if not answer.json["more"]:
        return answer.json["records"]
    types = sorted({record["type"] for record in answer.json["records"]})
    return [record for name in types for record in pages(device, f"/v1/records?person={person}&type={name}", "records")]


def outbox(device, staff=...):
    return [(entry["id"], entry["state"]) for entry in pages(device, "/v1/entries", "entries", staff=staff)]


def settle(device, seconds=PATIENCE):
    """Exchange until nothing waits; the status."""
    deadline = time.monotonic() + seconds
    while True:
        status = device.sync()
        if status["outbox"]["waiting"] == 0 and status["complete"]:
            return status
        assert time.monotonic() < deadline, status


def restart(device):
    """End it well and start it: its replica, which is written some time after it changed, is in its file then."""
    device.stop()
    device.start()


def until(condition, what, seconds=PATIENCE):
    """Ask again and again; for what no event tells."""
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, what
    return found


def create(type_name, fields, person=None, **more):
    entry = {"request": str(uuid.uuid4()), "type": type_name, "fields": fields, **more}
    return {**entry, "person": person} if person else entry


def visit(person, text="Seen at home.", **more):
    return create("visit", {"setting": "home", "outcome": "completed", "subjective": text}, person, **more)


def edit(record, fields, **more):
    return {"request": str(uuid.uuid4()), "operation": "edit", "record": record, "fields": fields, **more}


def figure(name, **values):
    """A measured figure, for whoever reads the log of the run."""
    print(f"measured {name}: " + ", ".join(f"{key} {value}" for key, value in values.items()))


def noise(rng, size):
    """Text that hardly compresses."""
    return base64.b64encode(rng.randbytes(size)).decode()[:size]

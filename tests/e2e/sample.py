"""A sample locality at a real store, and devices enrolled in it."""

import csv

from device import Device
from real_store import RealStore


def sample_locality(folder, people=40):
    """A store with a sample locality that serves."""
    store = RealStore(folder / "store")
    store.run("sample", folder / "tables", "--people", people, "--load")
    store.serve()
    store.tables = folder / "tables"
    return store


def team_of(store):
    """The team with the most people."""
    with open(store.tables / "assignments.csv", newline="", encoding="utf-8") as table:
        names = [row["team"] for row in csv.DictReader(table)]
    return max(set(names), key=names.count)


def enrolled(store, folder, name, relay=None):
    """A device of that team, up to date, with a nurse who works on it as its staff."""
    device = Device(folder, name).start()
    device.enrol(store.invite(name, "--team", team_of(store), port=relay and relay.port)["link"])
    device.sync()
    staff = [one for one in device.get("/v1/staff").json["staff"] if one["here"]]
    device.staff = next(one["id"] for one in staff if one["role"] == "community_nurse")
    device.other_staff = next(one["id"] for one in staff if one["id"] != device.staff)
    return device

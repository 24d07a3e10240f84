"""A store that is restored from a backup is healed by its devices; a device that was cloned goes on twice; nothing is lost."""

import json
import shutil

from device import Device
from locality import pages, restart, settle, visit

REFUSED = 77  # EX_NOPERM


def write(device, person, count, text):
    ids = []
    for number in range(count):
        answer = device.post("/v1/entries", visit(person, f"{text} {number}"))
        assert answer.status in (200, 201), answer
        ids.append(answer.json["entries"][0]["id"] if "entries" in answer.json else answer.json["id"])
    return ids


def first_person(device):
    return pages(device, "/v1/people", "people")[0]["id"]


def test_a_restored_store_has_everything_again(locality, tmp_path):
    tablet, other = locality.tablet(), locality.tablet("other")
    person = first_person(tablet)
    before = write(tablet, person, 5, "before")
    settle(tablet)
    backup = tmp_path / "backup"
    made = locality.store.json("backup", backup)
    assert made["played_again"] and made["localities"][0]["position"] > 0

    after = write(tablet, person, 80, "after") + write(other, person, 20, "other")
    settle(tablet)
    settle(other)
    settle(tablet)
    known = {**locality.agree(tablet), **locality.agree(other)}
    code = locality.store.json("device", "code", "--name", "later", "--team", locality.rows("teams")[0]["name"], "--ceiling", "clinical",
                               "--host", "127.0.0.1", "--port", tablet.relay.port)

    locality.store.stop()
    restored = locality.store.json("restore", backup)
    assert restored["localities"][0]["epoch"] > made["localities"][0]["epoch"]
    assert restored["journal_records"] > 0
    assert code["device"] in {row["device"] for row in locality.store.json("device", "list")}
    assert len(set(after) & {entry for entry, _ in locality.ledger()}) == 0
    locality.store.serve()

    for device in (tablet, other, tablet, other):
        settle(device)
    ledger = dict(locality.ledger())
    for entry in before + after:
        assert ledger[entry] == known[entry] == "applied"
    locality.agree(tablet)
    locality.agree(other)
    assert locality.store.json("conflicts") == []
    locality.verified()
    for device in (tablet, other):
        texts = [record["fields"].get("subjective") for record in pages(device, f"/v1/records?person={person}&type=visit", "records")]
        assert len([text for text in texts if text and text.split()[0] in ("before", "after", "other")]) == 105


def test_a_restore_refuses_to_forget_what_only_the_journal_has(locality, tmp_path):
    backup = tmp_path / "backup"
    locality.store.run("backup", backup, "--quick")
    again = locality.store.start_command("backup", backup)
    assert again.returncode != 0 and "is there already" in again.stderr
    busy = locality.store.start_command("restore", backup)
    assert busy.returncode != 0 and "stop it first" in busy.stderr
    locality.store.stop()
    journal = locality.store.data / "journal"
    journal.rename(tmp_path / "journal")
    lost = locality.store.start_command("restore", backup)
    assert lost.returncode == REFUSED and "--without-journal" in lost.stderr
    locality.store.run("restore", backup, "--journal", tmp_path / "journal")
    assert (tmp_path / "journal").exists() and journal.exists()
    locality.store.run("restore", backup, "--without-journal")
    damaged = tmp_path / "damaged"
    damaged.write_bytes(backup.read_bytes()[:-5000])
    assert locality.store.start_command("restore", damaged).returncode != 0
    locality.verified()
    locality.store.serve()


def test_a_cloned_device_goes_on_twice_and_nothing_is_lost(locality):
    tablet = locality.tablet()
    person = first_person(tablet)
    common = write(tablet, person, 3, "common")
    settle(tablet)
    restart(tablet)
    tablet.stop()
    shutil.copytree(tablet.folder, locality.folder / "twin", ignore=shutil.ignore_patterns("s", "log"))
    tablet.start()
    twin = Device(locality.folder, "twin")
    locality.devices.append(twin)
    twin.staff, twin.id, twin.relay = tablet.staff, tablet.id, tablet.relay
    twin.start()
    written = []
    for number in range(3):
        written += write(tablet, person, 2, f"tablet {number}") + write(twin, person, 3, f"twin {number}")
        settle(twin)
        settle(tablet)
    settle(twin)
    ledger = dict(locality.ledger(tablet))
    assert all(ledger[entry] == "applied" for entry in common + written)
    for device in (tablet, twin):
        states = {entry["id"]: entry["state"] for entry in pages(device, "/v1/entries", "entries")}
        assert set(states.values()) <= {"applied", "waiting"}, states
    status = locality.store.json("status")
    assert any(incident["device"] == tablet.id for incident in status["incidents"]), json.dumps(status)
    locality.verified()

"""A tablet that no road leads to: what waits on it travels in a file, by whoever comes along, and the receipts travel back."""

import hashlib
import json

import pytest
from locality import Locality, pages, restart, settle, visit

CANARY = "Zyxomma petiolatum"  # a dragonfly that no record speaks of
DATA_ERROR, NOT_THERE = 65, 66


def first_person(device):
    return pages(device, "/v1/people", "people")[0]["id"]


def write(device, person, count, text):
    ids = []
    for number in range(count):
        answer = device.post("/v1/entries", visit(person, f"{text} {number}"))
        assert answer.status in (200, 201), answer
        ids.append(answer.json["id"] if "id" in answer.json else answer.json["entries"][0]["id"])
    return ids


def states(device):
    return {entry["id"]: entry["state"] for entry in pages(device, "/v1/entries", "entries")}


def out_there(device):
    return device.get("/v1/bundles").json["bundles"]


@pytest.fixture
def far(locality):
    """A tablet with three visits that the store does not know, and no road to it; (tablet, entries)."""
    tablet = locality.tablet()
    person = first_person(tablet)
    settle(tablet)
    tablet.relay.go_away()
    return tablet, write(tablet, person, 3, CANARY)


def waiting(device, entries):
    known = states(device)
    return all(known[entry] == "waiting" for entry in entries)


def test_a_tablet_exports_a_station_carries_and_receipts_come_back(locality, far, tmp_path):
    tablet, entries = far
    station = locality.device("station", "--team", locality.rows("teams")[0]["name"], role="community_nurse")
    stick = tmp_path / "stick"
    stick.mkdir()
    made = json.loads(tablet.command("bundle", "export", stick / "a.pannier-bundle", "--json", check=0).stdout)
    assert made["entries"] >= 3
    assert waiting(tablet, entries), "handed over is not arrived"
    text = tablet.command("status", "--text", check=0).stdout
    assert "a.pannier-bundle" in text and "still waiting for the receipt" in text
    assert [bundle["receiver"] for bundle in out_there(tablet)] == [str(stick / "a.pannier-bundle")]

    # the stick and the station's disk hold not a word of it, nor the ids of people and entries
    station.command("bundle", "carry", stick / "a.pannier-bundle", check=0)
    for path in [*stick.iterdir(), *(path for path in station.state.rglob("*") if path.is_file())]:
        data = path.read_bytes()
        assert CANARY.encode() not in data and CANARY.split()[0].encode() not in data, path
        if "courier" in str(path) or path.parent == stick:
            for entry in entries:
                assert bytes.fromhex(entry.replace("-", "")) not in data, path
    delivered(station)
    ledger = dict(locality.ledger(tablet))
    assert [ledger[entry] for entry in entries] == ["applied"] * 3
    assert waiting(tablet, entries), "the tablet has not seen a receipt yet"

    back = tmp_path / "back"
    back.mkdir()
    station.command("bundle", "carry", "--out", back, check=0)
    assert [path.name for path in back.iterdir()] == [f"{tablet.id}.pannier-bundle"]
    taken = json.loads(tablet.command("bundle", "import", back / f"{tablet.id}.pannier-bundle", "--json", check=0).stdout)
    assert taken["settled"] == made["entries"]
    assert [states(tablet)[entry] for entry in entries] == ["applied"] * 3
    assert out_there(tablet) == []
    assert "still waiting for the receipt" not in tablet.command("status", "--text", check=0).stdout

    # kept over a crash, and the road comes back to a ledger that agrees
    restart(tablet)
    assert [states(tablet)[entry] for entry in entries] == ["applied"] * 3
    tablet.relay.come_back()
    settle(tablet)
    locality.agree(tablet)
    assert locality.verified()


def delivered(station):
    """Wait until the store has everything that the station carries."""
    for _ in range(200):
        carried = station.get("/v1/carried").json
        if not carried["parts"]:
            return carried
        station.sync()
    raise AssertionError(carried)


def test_an_operator_takes_the_file_while_the_store_serves(locality, far, tmp_path):
    tablet, entries = far
    up, down = tmp_path / "up.pannier-bundle", tmp_path / "down.pannier-bundle"
    tablet.command("bundle", "export", up, check=0)
    report = locality.store.json("bundle", "import", up, "--receipts", down)
    assert report["taken"] == report["parts"] == 1 and report["device"] == tablet.id and not report["problem"]
    again = locality.store.json("bundle", "import", up, "--receipts", tmp_path / "again")
    assert again["entries"] == report["entries"]
    taken = json.loads(tablet.command("bundle", "import", down, "--json", check=0).stdout)
    assert taken["settled"] == report["entries"]
    twice = json.loads(tablet.command("bundle", "import", tmp_path / "again", "--json", check=0).stdout)
    assert twice["settled"] == 0 and twice["known"] == report["entries"]
    tablet.relay.come_back()
    settle(tablet)
    assert {locality.agree(tablet)[entry] for entry in entries} == {"applied"}
    assert locality.verified()


def test_twice_by_two_ways_is_once(locality, far, tmp_path):
    tablet, entries = far
    up = tmp_path / "up.pannier-bundle"
    tablet.command("bundle", "export", up, check=0)
    tablet.relay.come_back()
    settle(tablet)
    before = locality.store.json("entries", "--device", tablet.id)
    report = locality.store.json("bundle", "import", up, "--receipts", tmp_path / "down")
    assert report["entries"] >= len(entries)
    assert locality.store.json("entries", "--device", tablet.id) == before
    taken = json.loads(tablet.command("bundle", "import", tmp_path / "down", "--json", check=0).stdout)
    assert taken["settled"] == 0
    locality.agree(tablet)
    assert locality.verified()


def test_a_hostile_courier_does_no_harm(locality, far, tmp_path):
    tablet, entries = far
    up, down = tmp_path / "up.pannier-bundle", tmp_path / "down"
    tablet.command("bundle", "export", up, check=0)
    whole = up.read_bytes()
    bad = tmp_path / "bad"
    for place in range(17, len(whole), max(1, len(whole) // 60)):
        changed = bytearray(whole)
        changed[place] ^= 1
        bad.write_bytes(changed)
        run = locality.store.start_command("bundle", "import", bad, "--json")
        assert run.returncode == DATA_ERROR, (place, run.stdout, run.stderr)
    for cut in (0, 5, 17, 60, len(whole) // 2, len(whole) - 1):
        bad.write_bytes(whole[:cut])
        assert locality.store.start_command("bundle", "import", bad).returncode == DATA_ERROR
    assert not set(entries) & set(dict(locality.ledger(tablet)))

    # mixed with another device's, replayed, in another order: everybody gets what is theirs
    other = locality.tablet("other")
    settle(other)
    other.relay.go_away()
    theirs = write(other, first_person(other), 2, "other")
    second = tmp_path / "second.pannier-bundle"
    other.command("bundle", "export", second, check=0)
    mixed = tmp_path / "mixed"
    mixed.write_bytes(second.read_bytes() + whole[17:] + second.read_bytes()[17:])
    report = locality.store.json("bundle", "import", mixed, "--receipts", down)
    assert report["taken"] == 3
    ledger = dict(locality.ledger())
    assert {ledger[entry] for entry in entries + theirs} == {"applied"}

    # receipts: changed ones are refused, another device's too; the right ones are taken whatever stands beside them
    receipts = down.read_bytes()
    for place in range(100, len(receipts), max(1, len(receipts) // 40)):
        changed = bytearray(receipts)
        changed[place] ^= 1
        (tmp_path / "changed").write_bytes(changed)
        tablet.command("bundle", "import", tmp_path / "changed")
        assert set(states(tablet).values()) <= {"waiting", "applied"}
    tablet.command("bundle", "import", down)
    other.command("bundle", "import", down)
    assert {states(tablet)[entry] for entry in entries} == {"applied"}
    assert {states(other)[entry] for entry in theirs} == {"applied"}
    for device in (tablet, other):
        device.relay.come_back()
        settle(device)
        locality.agree(device)
    assert locality.verified()


def test_a_revoked_devices_bundle_is_kept_in_quarantine(locality, far, tmp_path):
    tablet, entries = far
    up = tmp_path / "up.pannier-bundle"
    tablet.command("bundle", "export", up, check=0)
    locality.store.run("device", "revoke", tablet.id)
    locality.store.json("bundle", "import", up, "--receipts", tmp_path / "down")
    ledger = dict(locality.ledger(tablet))
    assert {ledger[entry] for entry in entries} == {"quarantined"}
    tablet.command("bundle", "import", tmp_path / "down", check=0)
    assert {states(tablet)[entry] for entry in entries} == {"quarantined"}
    assert locality.verified()


def test_a_bundle_for_another_store_is_named_and_not_carried_for_ever(locality, far, tmp_path):
    tablet, _ = far
    up = tmp_path / "up.pannier-bundle"
    tablet.command("bundle", "export", up, check=0)
    (tmp_path / "elsewhere").mkdir()
    elsewhere = Locality(tmp_path / "elsewhere", people=3)
    try:
        run = elsewhere.store.start_command("bundle", "import", up)
        assert run.returncode == DATA_ERROR and "another store" in run.stderr
        courier = elsewhere.tablet("courier")
        courier.command("bundle", "carry", up, check=0)
        carried = delivered(courier)
        assert len(carried["refused"]) == 1 and not carried["receipts"]
    finally:
        elsewhere.close()


def test_files_that_are_something_else_are_refused_in_words(locality, far, tmp_path):
    tablet, _ = far
    up, down, rubbish = tmp_path / "up", tmp_path / "down", tmp_path / "rubbish"
    tablet.command("bundle", "export", up, check=0)
    assert "there already" in tablet.command("bundle", "export", up).stderr
    locality.store.json("bundle", "import", up, "--receipts", down)
    rubbish.write_bytes(hashlib.sha256(b"x").digest() * 10)
    for command in ("carry", "import"):
        run = tablet.command("bundle", command, rubbish)
        assert run.returncode == DATA_ERROR and "not a bundle" in run.stderr, run
        assert tablet.command("bundle", command, tmp_path / "missing").returncode == NOT_THERE
    assert "pannier bundle import" in tablet.command("bundle", "carry", down).stderr
    assert "pannier bundle carry" in tablet.command("bundle", "import", up).stderr
    run = locality.store.start_command("bundle", "import", down)
    assert run.returncode != 0 and "go back to the device" in run.stderr
    taken = locality.store.start_command("bundle", "import", up, "--receipts", down)
    assert taken.returncode != 0 and "already" in taken.stderr
    tablet.relay.come_back()
    settle(tablet)
    tablet.command("bundle", "import", down, check=0)
    run = tablet.command("bundle", "export", tmp_path / "nothing")
    assert run.returncode != 0 and "nothing waits" in run.stderr.lower() and not (tmp_path / "nothing").exists()

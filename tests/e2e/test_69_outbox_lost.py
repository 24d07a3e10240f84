"""The outbox's file is gone, or is a wreck, with work inside: what the replica still shows is delivered all the same."""

import random

import pytest
from locality import pages, settle, visit


def remove(path, _):
    path.unlink()


def overwrite(path, rng):
    path.write_bytes(rng.randbytes(path.stat().st_size))


def empty(path, _):
    path.write_bytes(b"")


def garble_inside(path, rng):
    """The first page stays, so that the file opens; what is in it cannot be found."""
    data = path.read_bytes()
    path.write_bytes(data[:4096] + rng.randbytes(len(data) - 4096))


@pytest.mark.parametrize("harm", (remove, overwrite, empty, garble_inside))
def test_69_outbox_that_is_lost_is_filled_from_the_replica(locality, harm):
    tablet = locality.tablet()
    person = pages(tablet, "/v1/people", "people")[0]["id"]
    tablet.relay.go_away()
    written = [visit(person, f"Written on the way, number {number}.") for number in range(5)]
    for entry in written:
        assert tablet.post("/v1/entries", entry).status == 201
    tablet.stop()
    for suffix in ("-wal", "-shm"):
        (tablet.state / f"outbox.db{suffix}").unlink(missing_ok=True)
    harm(tablet.state / "outbox.db", random.Random(69))
    tablet.start()
    listed = {entry["id"]: entry["state"] for entry in pages(tablet, "/v1/entries", "entries")}
    assert {listed[entry["request"]] for entry in written} == {"waiting"}
    tablet.relay.come_back()
    settle(tablet)
    there = dict(locality.ledger(tablet))
    assert {there[entry["request"]] for entry in written} == {"applied"}
    assert locality.verified()
    doctor = tablet.get("/v1/doctor").json
    assert not doctor["good"] and any("came back from the replica" in finding["text"] for finding in doctor["findings"])
    kept = list(tablet.state.glob("outbox.db.damaged-*"))
    assert len(kept) == (harm in (overwrite, garble_inside)), "a wreck is kept, for whoever gets more out of it"


def test_69_outbox_that_is_wrecked_again_and_again_is_somebodys_business(locality):
    tablet = locality.tablet()
    for number in range(1, 10):
        (tablet.state / f"outbox.db.damaged-{number}").write_bytes(b"an earlier one")
    tablet.stop()
    (tablet.state / "outbox.db").write_bytes(b"no database at all, " * 500)
    tablet.process = None
    with pytest.raises(AssertionError, match="its medium is broken"):
        tablet.start()
    tablet.process.wait(30)
    tablet.process.stdout.close()
    tablet.process = None
    assert (tablet.state / "outbox.db").read_bytes().startswith(b"no database at all"), "nothing is thrown away"

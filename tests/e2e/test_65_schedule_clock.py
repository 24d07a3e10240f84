"""Clocks that are wrong and certificates that end, against the real store: time is set by libfaketime, for one process at a time."""

import contextlib
import glob

import pytest
from device import seconds
from locality import pages, settle, until, visit

DAY = 86400
LIBRARY = "/usr/lib/*/faketime/libfaketimeMT.so.1"


def at(when):
    """The environment of a process that thinks it is @when; clocks that only ever go forward stay as they are."""
    found = glob.glob(LIBRARY)
    assert found, "libfaketime is not there: packaging/setup/packages.test"
    return {"LD_PRELOAD": found[0], "FAKETIME": when, "DONT_FAKE_MONOTONIC": "1", "TZ": "UTC"}


def restart_at(device, when):
    device.stop()
    device.environment = {**device.environment, **at(when)}
    device.start()


@pytest.fixture
def faked(monkeypatch):
    """with faked(when): whatever is started thinks it is then."""
    @contextlib.contextmanager
    def fake(when):
        with monkeypatch.context() as patch:
            for name, value in at(when).items():
                patch.setenv(name, value)
            yield
    return fake


@pytest.fixture
def serve_at(locality, faked):
    """Let the store begin again at another time."""
    def serve(when):
        locality.store.stop()
        with faked(when):
            locality.store.serve()
    return serve


def work(device, locality):
    """Record something and have it arrive; its entry."""
    person = pages(device, "/v1/people", "people")[0]["id"]
    entry = visit(person)
    answer = device.post("/v1/entries", entry)
    assert answer.status in (200, 201), answer
    settle(device)
    assert device.get(f"/v1/entries/{entry['request']}").json["state"] == "applied"
    locality.agree(device)


@pytest.mark.parametrize("when, year", [("@1970-01-02 00:00:00", "1970"), ("@2062-03-04 05:06:07", "2062")])
def test_65_schedule_a_clock_that_is_decades_off_stops_nobody(locality, when, year):
    tablet = locality.tablet()
    told = tablet.status()["exchange"]["last_complete"]
    restart_at(tablet, when)
    assert tablet.status()["now"].startswith(year)
    work(tablet, locality)  # certificates are judged at the newest time that the store told
    status = tablet.status()
    assert status["exchange"]["problem"] == "ok" and status["complete"]
    assert status["exchange"]["last_complete"] >= told, "the store's time, not ours"
    assert locality.verified()


def test_65_schedule_a_certificate_is_renewed_after_two_thirds_of_its_life(locality, serve_at):
    tablet = locality.tablet()
    before = tablet.status()["certificate_expires"]
    life = seconds(before) - seconds(tablet.status()["now"])
    tablet.stop()
    serve_at(f"+{int(life * 0.9 / DAY)}d")
    restart_at(tablet, f"+{int(life * 0.9 / DAY)}d")
    after = until(lambda: tablet.status()["certificate_expires"] != before and tablet.status()["certificate_expires"],
                  "a new certificate, by itself")
    assert seconds(after) - seconds(tablet.status()["now"]) > 0.9 * life
    work(tablet, locality)
    # and it is the new one that is used: the old one has ended by now
    tablet.stop()
    serve_at(f"+{int(life * 1.5 / DAY)}d")
    restart_at(tablet, f"+{int(life * 1.5 / DAY)}d")
    work(tablet, locality)


def test_65_schedule_a_certificate_that_ended_unseen_is_renewed_for_a_while_and_then_named(locality, serve_at, faked):
    tablet = locality.tablet()
    person = pages(tablet, "/v1/people", "people")[0]["id"]
    life = int((seconds(tablet.status()["certificate_expires"]) - seconds(tablet.status()["now"])) / DAY)
    before = tablet.status()["certificate_expires"]
    tablet.stop()
    serve_at(f"+{life + 10}d")
    restart_at(tablet, f"+{life + 10}d")
    until(lambda: tablet.status()["certificate_expires"] != before, "a device that was on leave comes back by itself")
    work(tablet, locality)

    # One that was away for most of a year needs somebody: it says so, in words, and keeps what it has.
    tablet.stop()
    serve_at(f"+{life + 310}d")
    restart_at(tablet, f"+{life + 310}d")
    entry = visit(person)
    assert tablet.post("/v1/entries", entry).status in (200, 201)
    tablet.sync(expect="certificate expired")
    said = " ".join(tablet.command("status", "--text", check=0).stdout.split())
    assert "new enrolment link" in said and "1 entry is only on this device" in said, said
    assert entry["request"] not in dict(locality.ledger(tablet))
    # enrolled again it is the same device, and sends what it kept
    with faked(f"+{life + 310}d"):
        code = locality.store.json("device", "code", "--device", tablet.id, "--host", "127.0.0.1",
                                   "--port", tablet.relay.port)
    tablet.enrol(code["link"])
    settle(tablet)
    assert dict(locality.ledger(tablet))[entry["request"]] == "applied"

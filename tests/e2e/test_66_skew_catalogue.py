"""Programs of two ages: an older daemon with today's store, today's daemon with an older store. Nothing is lost either way.

The older ones are today's programs with a catalogue that lacks a type, some fields and some options (tests/skew/cut_catalogue).
"""

import uuid

import pytest
from device import BUILD
from locality import Locality, create, edit, pages, settle, until, visit

OLD = BUILD / "tests" / "skew"
CONTACT = {"name": "Rowan Ash", "relation": "Son", "phone": "01614960001", "rank": 2, "lasting_power": "both",
           "may_be_told": "practical"}


def make_new(device):
    device.stop()
    device.program = BUILD / "daemon" / "pannierd"
    return device.start()


def post(device, entry):
    answer = device.post("/v1/entries", entry)
    assert answer.status in (200, 201), answer
    return answer.json["record"]


def fields(device, record):
    answer = device.get(f"/v1/records/{record}")
    return answer.json["fields"] if answer.status == 200 else None


def state(device, entry):
    return device.get(f"/v1/entries/{entry['request']}").json["state"]


def plan_for(person):
    """Of a type that the older programs lack."""
    return create("contingency", {"trigger": "More breathless than usual", "what_to_do": "Ring the team first"}, person)


@pytest.fixture
def new(locality):
    return locality.tablet("new")


@pytest.fixture
def old(locality, new):
    return locality.tablet("old", program=OLD / "pannierd-old")


def test_66_skew_an_old_device_takes_what_it_knows_and_its_work_still_goes_up(locality, new, old):
    person = pages(new, "/v1/people", "people")[0]["id"]
    assert "contingency" not in str(old.get("/v1/catalogue").json) and "contingency" in str(new.get("/v1/catalogue").json)
    plan, seen = plan_for(person), visit(person, text="Up and about.")
    plan_record, seen_record = post(new, plan), post(new, seen)
    settle(new)
    assert state(new, plan) == "applied"

    status = old.sync()
    assert status["upgrade_needed"] and status["complete"] and status["exchange"]["problem"] == "ok"
    assert fields(old, plan_record) is None, "a kind of record that it has never heard of"
    assert fields(old, seen_record)["subjective"] == "Up and about."
    assert "needs an upgrade" in " ".join(old.command("status", "--text", check=0).stdout.split())

    # A download is short of what it cannot show; no upload is.
    own = visit(person, text="By the old tablet.")
    own_record = post(old, own)
    settle(old)
    assert state(old, own) == "applied"
    settle(new)
    assert fields(new, own_record)["subjective"] == "By the old tablet."
    assert old.sync()["exchange"]["last_round_trips"] == 1, "what it cannot show is not sent again and again"

    # Upgraded, it has what it passed over.
    make_new(old)
    assert settle(old)["upgrade_needed"] is False
    assert fields(old, plan_record)["what_to_do"] == "Ring the team first"
    locality.agree(old)
    locality.agree(new)
    assert locality.verified()


def test_66_skew_an_old_device_edits_a_record_with_fields_it_does_not_know_and_nothing_is_lost(locality, new, old):
    person = pages(new, "/v1/people", "people")[0]["id"]
    record = post(new, create("contact_person", CONTACT, person))
    present = post(new, create("visit", {"setting": "home", "outcome": "completed", "present": ["person", "advocate"],
                                         "next_contact": "2026-12-24"}, person))
    settle(new)
    settle(old)
    shown = fields(old, record)
    assert "rank" not in shown and "may_be_told" not in shown
    assert shown["lasting_power"] == "#4", "an option that it does not know is shown as its number"
    assert fields(old, present)["present"] == ["person", "#9"]

    post(old, edit(record, {"phone": "01614960002", "relation": "Son, in Leeds"}))
    assert fields(old, record)["phone"] == "01614960002"
    settle(old)
    settle(new)
    assert fields(new, record) == {**fields(new, record), **CONTACT, "phone": "01614960002", "relation": "Son, in Leeds"}
    assert fields(new, present)["present"] == ["person", "advocate"]
    assert fields(new, present)["next_contact"] == "2026-12-24"

    # An option that it does not know may be replaced by one that it does, by somebody who saw a number.
    post(old, edit(record, {"lasting_power": "health"}))
    settle(old)
    settle(new)
    assert fields(new, record)["lasting_power"] == "health" and fields(new, record)["rank"] == 2

    # It kept what it could not show, and shows it when it can: from its own disk, before any exchange.
    old.relay.go_away()
    make_new(old)
    assert fields(old, record) == fields(new, record)
    assert fields(old, present) == fields(new, present)
    old.relay.come_back()
    settle(old)
    assert fields(old, record) == fields(new, record)
    locality.agree(old)
    assert locality.verified()


@pytest.fixture
def old_store(tmp_path, monkeypatch):
    """A locality whose store is the older one."""
    from real_store import RealStore
    monkeypatch.setattr(RealStore, "program", OLD / "pannier-store-old")
    (tmp_path / "l").mkdir()
    locality = Locality(tmp_path / "l")
    yield locality
    locality.close()


def upgrade(store):
    store.stop()
    store.program = BUILD / "store" / "pannier-store"
    store.serve()


def test_66_skew_a_new_device_loses_nothing_at_an_old_store_and_is_judged_when_that_is_upgraded(old_store):
    new, other = old_store.tablet("new"), old_store.tablet("other")
    person = pages(new, "/v1/people", "people")[0]["id"]
    plan = plan_for(person)
    contact = create("contact_person", CONTACT, person)
    seen = create("visit", {"setting": "home", "outcome": "completed", "present": ["family", "advocate"],
                            "next_contact": "2026-12-24"}, person)
    plan_record, contact_record, seen_record = post(new, plan), post(new, contact), post(new, seen)
    settle(new)
    assert state(new, plan) == "parked", "a kind of record that the store has never heard of waits there"
    assert state(new, contact) == "applied" and state(new, seen) == "applied", "fields are no reason to wait"
    entry = new.get(f"/v1/entries/{plan['request']}").json
    assert "upgrade" in str(entry), entry
    assert fields(new, plan_record)["what_to_do"] == "Ring the team first", "who wrote it sees it"

    settle(other)
    for device in (new, other):  # through a store that knows neither field nor option
        assert fields(device, contact_record) == {**fields(device, contact_record), **CONTACT}
        assert fields(device, seen_record)["present"] == ["family", "advocate"]
        assert fields(device, seen_record)["next_contact"] == "2026-12-24"

    upgrade(old_store.store)
    until(lambda: settle(new) and state(new, plan) == "applied", "the upgraded store judges what waited")
    until(lambda: settle(other) and fields(other, plan_record), "and everybody gets it")
    # what the old store kept without knowing it is edited now as any other field
    post(other, edit(contact_record, {"rank": 1}))
    settle(other)
    settle(new)
    assert fields(new, contact_record) == {**fields(new, contact_record), **CONTACT, "rank": 1}
    old_store.agree(new)
    old_store.agree(other)
    assert old_store.verified()


def test_66_skew_old_and_new_devices_share_an_old_store(old_store):
    old = old_store.tablet("old", program=OLD / "pannierd-old")
    new = old_store.tablet("new")
    person = pages(new, "/v1/people", "people")[0]["id"]
    record = post(new, create("contact_person", CONTACT, person))
    settle(new)
    settle(old)
    request = str(uuid.uuid4())
    post(old, {**edit(record, {"phone": "01614960009"}), "request": request})
    settle(old)
    settle(new)
    assert fields(new, record) == {**fields(new, record), **CONTACT, "phone": "01614960009"}
    old_store.agree(old)
    assert old_store.verified()

"""A device gets its own scopes and nothing else, and learns nothing of anybody else's from what it is told."""

import hashlib
import json
import uuid

import cbor2
import pytest
from locality import pages, settle, until, visit
from wire_client import FEED, RECORDS, VECTOR
from wire_entries import ID_TAKEN, PARKED, QUARANTINED, Forger, cbor

VISIT, ALERT = 24, 15
SETTING, SUBJECTIVE = 7, 12
EDIT = 2
CARE_HOME_STAFF = 14


@pytest.fixture
def world(locality):
    """A tablet on the nurses' team; a hostile device on another team, whose author works there."""
    tablet = locality.tablet()
    home = locality.row("organisations", types="care_home_residential") if any(
        row["types"] == "care_home_residential" for row in locality.rows("organisations")) else next(
        row for row in locality.rows("organisations") if "care_home" in row["types"])
    station = locality.device("station", "--home", home["name"], "--team", f"{home['name']} station",
                              role="care_home_staff")
    theirs = {person["id"] for person in pages(station, "/v1/people", "people")}
    foreign = [person["id"] for person in pages(tablet, "/v1/people", "people") if person["id"] not in theirs]
    scopes = station.status()["scopes"]
    team = next(scope["id"] for scope in scopes if scope["kind"] == "team")
    forger = Forger(locality.store, locality.folder, tablet.status()["locality"], station.staff, CARE_HOME_STAFF,
                    "--scope", f"team:{team}")
    return locality, tablet, forger, foreign


def a_visit(forger, person, **more):
    return forger.entry(VISIT, {SETTING: 1, 17: 1, SUBJECTIVE: "x"}, person=uuid.UUID(str(person)), **more)


def masked(answer, *ids):
    """An answer without what differs between any two: the ids that were sent, times, signatures, hashes."""
    data = cbor2.dumps(answer, canonical=True)
    for one in ids:
        data = data.replace(uuid.UUID(str(one)).bytes, b"\0" * 16)

    def shape(value):
        if isinstance(value, list):
            return [shape(element) for element in value]
        if isinstance(value, bytes):
            return len(value) if len(value) > 16 else value
        return 0 if isinstance(value, int) and value > 10**12 else value

    return shape(cbor2.loads(data))


def test_53_hold_entries_for_others_people_and_for_nobody_get_the_same_answer(world):
    locality, tablet, forger, foreign = world
    alert = tablet.record("alert", {"category": "access", "text": "Ring."}, foreign[0])["record"]
    settle(tablet)
    answers = []
    forger.send()
    for person, record in ((foreign[0], None), (uuid.uuid4(), None), (foreign[0], alert), (uuid.uuid4(), uuid.uuid4())):
        entry = uuid.uuid4()
        if record:
            sent = forger.entry(ALERT, {2: "Other words"}, person=uuid.UUID(str(person)), entry=entry, operation=EDIT,
                                record=uuid.UUID(str(record)))
        else:
            sent = a_visit(forger, person, entry=entry)
        answer, receipts = forger.judged(sent)
        assert receipts[entry][1] == PARKED, receipts
        assert receipts[entry][2] == receipts[entry][4] == 0 and not receipts[entry][5] and not receipts[entry][6]
        assert uuid.UUID(str(person)).bytes not in cbor(answer)
        answers.append([masked(message, entry) for message in answer])
    for one, other in ((0, 1), (2, 3)):
        # The lanes' next numbers differ by the one entry that lies between; nothing else may.
        assert json.dumps(answers[one], default=repr).replace(" ", "") != ""
        first, second = answers[one], answers[other]
        assert len(first) == len(second)
        differences = [(a, b) for a, b in zip(first[1:], second[1:]) if a != b]
        assert not differences, differences
        assert [type(v) for v in first[0]] == [type(v) for v in second[0]]
    shown = {row["entry"]: row["outcome"] for row in locality.store.json("entries", "--device", str(forger.device))}
    assert list(shown.values()) == ["parked"] * 4


def test_53_hold_another_devices_entry_id_is_quarantined_without_a_word_about_the_other(world):
    locality, tablet, forger, foreign = world
    known = visit(foreign[0], "A text that must stay where it is.")
    assert tablet.post("/v1/entries", known).status == 201
    settle(tablet)
    taken = uuid.UUID(known["request"])
    answer, receipts = forger.judged(a_visit(forger, uuid.uuid4(), entry=taken))
    assert receipts[taken][1:3] == [QUARANTINED, ID_TAKEN], receipts
    assert receipts[taken][4] == 0 and not receipts[taken][5] and not receipts[taken][6]
    for secret in (uuid.UUID(tablet.id).bytes, uuid.UUID(foreign[0]).bytes, b"must stay"):
        assert secret not in cbor(answer)
    assert locality.agree(tablet)[known["request"]] == "applied"
    rows = [row for row in locality.store.json("entries") if row["entry"] == known["request"]]
    assert sorted(row["outcome"] for row in rows) in (["applied"], ["applied", "quarantined"]), rows
    assert locality.verified()


def test_53_hold_who_asks_for_another_scope_gets_nothing_of_it(world):
    locality, tablet, forger, foreign = world
    scopes = {scope["kind"]: scope for scope in tablet.status()["scopes"]}
    other = scopes["team"]["id"]
    here = forger.locality.bytes
    feeds = [[[here, kind, uuid.UUID(one).bytes, wanted], [1, 0, None, 0, None], None]
             for kind, one in ((2, other), (3, other)) for wanted in (1, 2, 3)]
    feeds.sort()
    asked = ([VECTOR, feeds],), {"vector_hash": hashlib.sha256(cbor(feeds)).digest()}
    for more, hello in (((), {}), ((), {"vector_hash": b"\1" * 32}), asked):
        answer = forger.send(*more, **hello)
        whole = cbor(answer)
        assert uuid.UUID(other).bytes not in b"".join(cbor(m[1]) for m in answer if m[0] == FEED)
        for person in foreign:
            assert uuid.UUID(person).bytes not in whole
            assert uuid.UUID(person).bytes not in b"".join(m[5] for m in answer if m[0] == RECORDS)
    # And the honest device of that scope does get them, or the test could not fail.
    assert tablet.status()["people"] >= len(foreign) > 0


def test_53_hold_an_id_of_another_device_in_the_payload_is_believed_by_nobody(world):
    locality, tablet, forger, foreign = world
    entry = uuid.uuid4()
    sent = a_visit(forger, foreign[0], entry=entry, device=uuid.UUID(tablet.id))
    status, answer = forger.client.sync(forger.run([sent]), incarnation=forger.incarnation.bytes)
    assert str(entry) not in {row["entry"] for row in locality.store.json("entries", "--device", tablet.id)}
    if status == 200:
        receipts = [r for m in answer if m[0] == 17 for r in m[2]]
        assert all(r[1] in (PARKED, QUARANTINED) for r in receipts)
    assert not [row for row in locality.ledger() if row == (str(entry), "applied")]
    assert locality.store.alive() and settle(tablet)


def test_53_hold_a_person_who_left_is_gone_and_what_was_written_meanwhile_is_late(locality):
    tablet = locality.tablet()
    team = locality.rows("teams")[0]["name"]
    rows = [row for row in locality.rows("assignments") if row["team"] == team]
    row = rows[0]
    residents = {resident["person"] for resident in locality.rows("residences")}
    row = next(row for row in rows if row["person"] not in residents)
    people = {person["fields"].get("nhs_number"): person["id"] for person in pages(tablet, "/v1/people", "people")}
    person = people[row["person"]]
    tablet.relay.go_away()
    meanwhile = visit(person, "Written while the person left.")
    assert tablet.post("/v1/entries", meanwhile).status == 201
    report = locality.load("assignments", [{**row, "status": "ended"}])
    assert report["edited"] == 1, report
    tablet.relay.come_back()
    until(lambda: tablet.sync() and tablet.get(f"/v1/people/{person}").status == 404, "the person leaves the device")
    assert person not in {one["id"] for one in pages(tablet, "/v1/people", "people")}
    assert tablet.get(f"/v1/records?person={person}").status == 404
    both = locality.agree(tablet)
    assert both[meanwhile["request"]] == "late"
    assert tablet.status()["outbox"]["parked"] == 0
    # Somebody who comes back comes with what was written then.
    locality.load("assignments", [{**row, "from": "2026-10-01"}])
    until(lambda: tablet.sync() and tablet.get(f"/v1/people/{person}").status == 200, "the person is back")
    assert meanwhile["request"] in {one["id"] for one in pages(tablet, f"/v1/records?person={person}", "records")}
    assert locality.agree(tablet)[meanwhile["request"]] == "late" and locality.verified()

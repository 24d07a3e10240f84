"""One bad entry delays nobody, and is visible at both ends with its reason. And the edits of one nurse are one story."""

import json

from locality import figure, pages, restart, settle, until, visit


def two_nurses(locality, device):
    """Somebody whose role stays, and somebody whose role is changed at the store: (id, id, name)."""
    staff = json.loads(device.command("staff", "--here", "--json", check=0).stdout)["staff"]
    nurses = [member for member in staff if member["role"] in ("community_nurse", "health_care_assistant")]
    assert len(nurses) >= 2, staff
    nurses.sort(key=lambda nurse: nurse["id"] != device.staff)  # what was looked at in this name is not what this is about
    return nurses[0]["id"], nurses[1]["id"], nurses[1]["name"]


def change_role(locality, name, role):
    row = {**locality.row("staff", name=name), "role": role}
    assert locality.load("staff", [row])["edited"] == 1


def refused(device):
    return {entry["id"]: entry for entry in pages(device, "/v1/quarantine", "entries")}


def test_52_hold_a_bad_entry_among_a_thousand_delays_none_and_is_visible_at_both_ends(locality):
    tablet = locality.tablet()
    person = pages(tablet, "/v1/people", "people")[0]["id"]
    good, bad, name = two_nurses(locality, tablet)
    restart(tablet)
    tablet.relay.go_away()
    wrong = visit(person, "Written by somebody who may not, as the store knows by now.")
    for batch in range(10):
        body = [visit(person, f"Visit {batch}/{n}.") for n in range(99 if batch == 5 else 100)]
        assert tablet.post("/v1/entries", body, staff=good).status == 201
        if batch == 5:
            assert tablet.post("/v1/entries", wrong, staff=bad).status == 201
    change_role(locality, name, "community_connector")
    before = tablet.status()["exchange"]["count"]
    tablet.relay.come_back()
    status = tablet.sync()
    assert status["outbox"]["waiting"] == 0 and status["outbox"]["quarantined"] == 1
    assert status["exchange"]["count"] <= before + 2  # one, or one that was due anyway in front of it
    both = locality.agree(tablet)
    assert both.pop(wrong["request"]) == "quarantined"
    assert set(both.values()) == {"applied"} and len(both) >= 999
    shown = refused(tablet)[wrong["request"]]
    listed = {row["entry"]: row for row in locality.store.json("quarantine")}[wrong["request"]]
    assert shown["quarantine"]["reason"] == listed["reason"] == "role", (shown, listed)
    assert "may not write this" in tablet.command("quarantine", "--text", staff=good, check=0).stdout
    assert wrong["request"] in locality.store.run("quarantine")
    figure("bad one among 1,000", round_trips=status["exchange"]["last_round_trips"],
           ms=status["exchange"]["last_duration_ms"], bytes=status["exchange"]["last_bytes_sent"])


def test_52_hold_a_bad_entry_in_a_commit_of_many_devices_delays_nobody(locality):
    tablets = [locality.tablet(f"t{n}") for n in range(5)]
    person = pages(tablets[0], "/v1/people", "people")[0]["id"]
    good, bad, name = two_nurses(locality, tablets[0])
    wrong = {}
    for tablet in tablets:
        restart(tablet)
        tablet.relay.go_away()
        assert tablet.post("/v1/entries", [visit(person) for _ in range(50)], staff=good).status == 201
        entry = visit(person)
        wrong[entry["request"]] = tablet
        assert tablet.post("/v1/entries", entry, staff=bad).status == 201
        assert tablet.post("/v1/entries", [visit(person) for _ in range(49)], staff=good).status == 201
    change_role(locality, name, "community_connector")
    for tablet in tablets:
        tablet.relay.come_back()
    for tablet in tablets:  # all at once, so that the store commits what it can together
        assert tablet.post("/v1/sync").status == 202
    for tablet in tablets:
        until(lambda: tablet.status()["outbox"]["waiting"] == 0, "everything is judged")
    for entry, tablet in wrong.items():
        both = locality.agree(tablet)
        assert both.pop(entry) == "quarantined"
        assert set(both.values()) == {"applied"} and len(both) >= 99
    assert {row["entry"] for row in locality.store.json("quarantine")} == set(wrong)
    assert locality.verified()


def test_52_hold_two_offline_edits_of_one_field_by_one_nurse_never_conflict(locality):
    tablet = locality.tablet()
    person = pages(tablet, "/v1/people", "people")[0]["id"]
    alert = tablet.record("alert", {"category": "access", "text": "Side door."}, person)["record"]
    settle(tablet)
    restart(tablet)
    texts = iter(f"Side door, ring {n} times." for n in range(2, 100))
    for turn in range(4):
        tablet.relay.go_away()
        tablet.edit(alert, {"text": next(texts)})
        last = next(texts)
        tablet.edit(alert, {"text": last})
        tablet.relay.come_back()
        if turn == 1:  # the answer to the first is lost, the second is written meanwhile
            tablet.relay.hold_answers(3000)
            tablet.post("/v1/sync")
            tablet.relay.held.wait(5)
            last = next(texts)
            tablet.edit(alert, {"text": last})
            tablet.relay.go_away()
            tablet.relay.come_back()
        if turn == 2:
            tablet.kill()
            tablet.start()
        settle(tablet)
        shown = tablet.get(f"/v1/records/{alert}").json
        assert shown["fields"]["text"] == last and shown["state"] == {}, shown
    assert locality.store.json("conflicts") == []
    assert tablet.status()["conflicts_open"] == 0
    assert set(locality.agree(tablet).values()) == {"applied"}


def test_52_hold_two_nurses_on_one_record_do_conflict(locality):
    """The same with two devices must conflict, or the test above could not fail."""
    tablet, other = locality.tablet(), locality.tablet("other")
    person = pages(tablet, "/v1/people", "people")[0]["id"]
    alert = tablet.record("alert", {"category": "access", "text": "Side door."}, person)["record"]
    settle(tablet)
    until(lambda: other.sync() and other.get(f"/v1/records/{alert}").status == 200, "the alert arrives")
    for device in (tablet, other):
        device.relay.go_away()
        device.edit(alert, {"text": f"As the {device.folder.name} says."})
    for device in (tablet, other):
        device.relay.come_back()
        settle(device)
    settle(tablet)
    assert len(locality.store.json("conflicts")) == 1
    assert tablet.status()["conflicts_open"] == other.status()["conflicts_open"] == 1
    assert "held" in locality.agree(other).values()

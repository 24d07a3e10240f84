"""What the store refused is fixed on the device or released at the store: by a new entry that names it, shown at both ends."""

import base64
import json

from locality import pages, records_of, restart, settle, until, visit
from test_52_hold_bad_entry import change_role, two_nurses

NOBODY = "99999999-0000-4000-8000-000000000000"


def refuse_one(locality, tablet, text="Written by somebody who may not, as the store knows by now."):
    """A visit that the store refuses for its author's role: (entry, nurse who wrote it, nurse who may, their role's name)."""
    person = pages(tablet, "/v1/people", "people")[0]["id"]
    good, bad, name = two_nurses(locality, tablet)
    restart(tablet)
    tablet.relay.go_away()
    wrong = visit(person, text)
    assert tablet.post("/v1/entries", wrong, staff=bad).status == 201
    change_role(locality, name, "community_connector")
    tablet.relay.come_back()
    settle(tablet)
    assert entry_of(tablet, wrong["request"], good)["state"] == "quarantined"
    return wrong["request"], bad, good, name, person


def entry_of(tablet, entry, staff, more=""):
    answer = tablet.get(f"/v1/entries/{entry}{more}", staff=staff)
    assert answer.status == 200, answer
    return answer.json


def open_at_store(locality):
    return {row["entry"]: row for row in locality.store.json("quarantine", "list")}


def all_at_store(locality):
    return {row["entry"]: row for row in locality.store.json("quarantine", "list", "--all")}


def visits_of(tablet, person):
    return [record for record in records_of(tablet, person) if record["type"] == "visit"]


def test_63_quarantine_fix_is_a_new_entry_and_both_sides_show_the_link(locality):
    tablet = locality.tablet()
    wrong, _, good, _, person = refuse_one(locality, tablet)
    tablet.staff = good
    assert tablet.status()["quarantine_open"] == 1
    before = len(visits_of(tablet, person))
    shown = tablet.command("quarantine", "--text", check=0).stdout
    assert wrong in shown and "quarantine fix" in shown
    done = tablet.command("quarantine", "fix", wrong, "--set", "plan=Signed by the nurse who may.", "--text", check=0)
    fixed = done.stdout.split("as entry ")[1].split(",")[0]
    # at once, before the store has it
    old = entry_of(tablet, wrong, good)
    assert old["state"] == "quarantined" and old["closed"]["how"] == "fixed" and old["closed"]["by"] == fixed
    assert entry_of(tablet, fixed, good)["instead_of"] == wrong
    assert tablet.status()["quarantine_open"] == 0
    settle(tablet)
    assert entry_of(tablet, fixed, good)["state"] == "applied"
    # the store says the same; the old entry is what it was
    assert wrong not in open_at_store(locality)
    row = all_at_store(locality)[wrong]
    assert (row["state"], row["closed_by"], row["reason"]) == ("fixed", fixed, "role")
    assert locality.agree(tablet)[wrong] == "quarantined"
    # the record is there, with what was written first and what was set now
    seen = visits_of(tablet, person)
    assert len(seen) == before + 1
    record = next(record for record in seen if record["fields"].get("plan") == "Signed by the nurse who may.")
    assert record["id"] == old["record"]
    assert wrong not in tablet.command("quarantine", "--text", check=0).stdout
    assert wrong in tablet.command("quarantine", "--all", "--text", check=0).stdout
    # a second fix is refused, and says why; so is a release
    again = tablet.command("quarantine", "fix", wrong, "plan=Once more.", "--text")
    assert again.returncode != 0 and f"fixed already, by entry {fixed}" in again.stderr
    run = locality.store.start_command("quarantine", "release", wrong, "--reason", "It is fine.", "--operator", "A. Cole")
    assert run.returncode != 0 and fixed in run.stderr
    locality.verified()


def test_63_quarantine_release_takes_effect_as_it_is_judged_then(locality):
    tablet = locality.tablet()
    wrong, bad, good, name, person = refuse_one(locality, tablet)
    before = len(visits_of(tablet, person))
    # it would be refused again: nothing is written, and it is said why
    run = locality.store.start_command("quarantine", "release", wrong, "--operator", "A. Cole", "--reason", "Please.")
    assert run.returncode != 0 and "role" in run.stderr
    assert open_at_store(locality)[wrong]["state"] == "open"
    change_role(locality, name, "community_nurse")
    out = locality.store.run("quarantine", "release", wrong, "--operator", "A. Cole", "--reason", "The role was loaded wrongly.")
    assert "Released, by entry" in out and "applied" in out
    row = all_at_store(locality)[wrong]
    assert row["state"] == "released" and row["note"] == "released by A. Cole: The role was loaded wrongly."
    settle(tablet)
    old = until(lambda: (found := entry_of(tablet, wrong, good)).get("closed") and found, "the device is told")
    assert old["state"] == "quarantined"
    assert old["closed"]["how"] == "released" and old["closed"]["by"] == row["closed_by"]
    assert old["closed"]["note"] == row["note"] and old["closed"]["outcome"] == "applied"
    assert tablet.status()["quarantine_open"] == 0
    # the record is its author's, not the operator's
    seen = visits_of(tablet, person)
    assert len(seen) == before + 1
    assert next(record for record in seen if record["id"] == old["record"])["author"] == bad
    run = locality.store.start_command("quarantine", "release", wrong, "--operator", "A. Cole", "--reason", "Again.")
    assert run.returncode != 0 and row["closed_by"] in run.stderr
    late = tablet.command("quarantine", "fix", wrong, "plan=Too late.", "--text", staff=good)
    assert late.returncode != 0 and "released by an operator already" in late.stderr
    locality.verified()
    locality.agree(tablet)


def test_63_quarantine_of_two_who_deal_with_it_at_once_one_does(locality):
    """The nurse fixes it offline while an operator releases it: the release stands, the fix is shown as refused, nothing is twice."""
    tablet = locality.tablet()
    wrong, _, good, name, person = refuse_one(locality, tablet)
    before = len(visits_of(tablet, person))
    tablet.relay.go_away()
    tablet.command("quarantine", "fix", wrong, "plan=Mine.", staff=good, check=0)
    change_role(locality, name, "community_nurse")
    locality.store.run("quarantine", "release", wrong, "--operator", "A. Cole", "--reason", "The role was loaded wrongly.")
    tablet.relay.come_back()
    settle(tablet)
    mine = next(entry for entry in pages(tablet, "/v1/quarantine", "entries", staff=good))
    assert mine["instead_of"] == wrong and mine["quarantine"]["reason"] == "dealt with"
    assert open_at_store(locality).keys() == {mine["id"]}
    assert len(visits_of(tablet, person)) == before + 1
    locality.verified()
    locality.agree(tablet)


def test_63_quarantine_dismissed_is_told_to_the_device(locality):
    tablet = locality.tablet()
    wrong, _, good, _, _ = refuse_one(locality, tablet)
    locality.store.run("quarantine", "dismiss", wrong, "--operator", "A. Cole", "--reason", "Written again by hand.")
    old = until(lambda: (found := entry_of(tablet, wrong, good)).get("closed") and found, "the device is told")
    assert old["closed"]["how"] == "dismissed" and "Written again by hand." in old["closed"]["note"]
    assert all_at_store(locality)[wrong]["state"] == "dismissed" and wrong not in open_at_store(locality)
    locality.verified()


def test_63_quarantine_bytes_are_the_same_at_both_ends(locality):
    tablet = locality.tablet()
    wrong, _, good, _, _ = refuse_one(locality, tablet, "Bytes of Zoë.")
    here = entry_of(tablet, wrong, good, "?bytes=true")["bytes"]
    there = locality.store.json("quarantine", "show", wrong, "--content")["content"]
    assert here == there
    assert base64.b64decode(here["header_bytes"]) and base64.b64decode(here["body_bytes"])
    assert here["body"]["changes"]["subjective"] == "Bytes of Zoë."
    assert here["header"]["id"] == wrong and here["header"]["device"] == tablet.id
    path = locality.folder / "raw"
    locality.store.run("quarantine", "--entry", wrong, "--bytes", path)
    assert path.read_bytes() == base64.b64decode(here["header_bytes"]) + base64.b64decode(here["body_bytes"])
    # without --content nothing of it is shown
    assert "Zo" not in json.dumps(locality.store.json("quarantine", "show", wrong))
    # whoever may not read it gets no bytes
    assert "bytes" not in entry_of(tablet, wrong, None, "?bytes=true")


def test_63_quarantine_wrong_words_are_told(locality):
    tablet = locality.tablet()
    wrong, _, good, _, _ = refuse_one(locality, tablet)
    tablet.staff = good
    assert "nonsense" in tablet.command("quarantine", "fix", wrong, "nonsense=1", "--text").stderr
    assert tablet.command("quarantine", "fix", NOBODY, "plan=x", "--text").returncode != 0
    answer = tablet.post("/v1/entries", {"request": NOBODY, "instead_of": wrong, "type": "visit", "fields": {}})
    assert answer.status == 422 and "type" in answer.json["error"]["message"], answer
    sync = [entry for entry in pages(tablet, "/v1/entries", "entries") if entry["state"] == "applied"][0]["id"]
    answer = tablet.post("/v1/entries", {"request": NOBODY, "instead_of": sync, "fields": {}})
    assert answer.status == 422 and "took effect" in answer.json["error"]["message"], answer
    for words in (("show", NOBODY), ("release", NOBODY, "--operator", "x", "--reason", "y"), ("show", "x")):
        assert locality.store.start_command("quarantine", *words).returncode != 0
    run = locality.store.start_command("quarantine", "release", wrong, "--operator", "A. Cole")
    assert run.returncode != 0 and "--reason" in run.stderr

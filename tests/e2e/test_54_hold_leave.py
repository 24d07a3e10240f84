"""Somebody moves to another team while a tablet is out of reach: nothing that was written is lost, and the tablet lets go."""

import pytest
from locality import pages, settle, until, visit


def custody(locality, person):
    return {row["device"]: row for row in locality.store.json("custody", "--person", person)}


@pytest.fixture
def moved(locality):
    """A tablet that is out of reach has work about somebody who was moved to another tablet's team meanwhile."""
    tablet = locality.tablet()
    team = locality.rows("teams")[0]["name"]
    other_team = next(row["name"] for row in locality.rows("teams") if row["name"] != team)
    other = locality.device("other", "--team", other_team)
    residents = {resident["person"] for resident in locality.rows("residences")}
    others = {row["person"] for row in locality.rows("assignments") if row["team"] == other_team}
    row = next(row for row in locality.rows("assignments")
               if row["team"] == team and row["person"] not in residents | others)
    people = {one["fields"].get("nhs_number"): one["id"] for one in pages(tablet, "/v1/people", "people")}
    person = people[row["person"]]
    tablet.relay.go_away()
    written = visit(person, "Written on the way, while the person was moved.")
    assert tablet.post("/v1/entries", written).status == 201
    edit = tablet.record("person", {"phone": "0161 496 0000"}, person, operation="edit", record=person)
    locality.load("assignments", [{**row, "status": "ended"}, {**row, "team": other_team}])
    return locality, tablet, other, person, written, edit, team


def test_54_hold_a_move_while_the_tablet_is_offline_loses_nothing_and_leaves_nothing(moved):
    locality, tablet, other, person, written, edit, _ = moved
    settle(other)
    assert custody(locality, person)[tablet.id]["state"] == "held"
    tablet.relay.come_back()
    settle(tablet)
    until(lambda: custody(locality, person)[tablet.id]["state"] == "erased", "the tablet confirms the erasure")
    outcomes = locality.agree(tablet)
    assert outcomes[written["request"]] == "late" and outcomes[edit["id"]] == "late", outcomes
    assert tablet.get(f"/v1/people/{person}").status == 404
    rows = custody(locality, person)
    assert rows[tablet.id]["erased"] and rows[tablet.id]["holds"] == "none" and rows[tablet.id]["class"] == "clinical"
    assert rows[other.id]["state"] == "held"
    # Whoever has the person now has the visit, and the value that waits for a decision.
    settle(other)
    assert locality.store.json("conflicts")
    assert written["request"] in {row["entry"] for row in locality.store.json("entries", "--device", tablet.id)}
    assert locality.verified()


def test_54_hold_a_change_of_grants_is_previewed_and_then_does_what_was_said(locality):
    tablet = locality.tablet()
    team = locality.rows("teams")[0]["name"]
    preview = locality.store.json("scope", "preview", "tablet", "--drop-team", team)
    before = locality.store.json("custody", "--device", "tablet")
    assert preview["arrive"] == {"people": 0, "records": 0}
    assert preview["leave"]["people"] == preview["leave"]["held"] == len(before) > 0
    assert locality.store.json("custody", "--device", "tablet") == before
    basic = locality.store.json("scope", "preview", "tablet", "--ceiling", "basic")
    assert basic["leave"]["people"] == 0 and 0 < basic["leave"]["records"] < preview["leave"]["records"]
    locality.store.run("device", "grant", "tablet", "--ceiling", "basic")
    until(lambda: tablet.sync() and {row["holds"] for row in locality.store.json("custody", "--device", "tablet")} == {"basic"},
          "the clinical class is erased")


def test_54_hold_a_team_that_is_no_longer_granted_takes_everybody_with_it(locality):
    tablet = locality.tablet()
    for change, state in ((("--ceiling", "basic"), {("held", "basic")}),
                          (("--drop-team", locality.rows("teams")[0]["name"]), {("erased", "none")})):
        locality.store.run("device", "grant", "tablet", *change)
        until(lambda: tablet.sync() and {(row["state"], row["holds"]) for row in
                                         locality.store.json("custody", "--device", "tablet")} == state, str(change))
    assert tablet.status()["people"] == 0


def test_54_hold_a_device_that_is_written_off_is_lost_and_not_erased(locality):
    tablet = locality.tablet()
    before = locality.store.json("custody", "--device", "tablet")
    tablet.record("alert", {"category": "dog", "text": "A dog behind the house."}, before[0]["person"])
    settle(tablet)
    report = locality.store.json("device", "write-off", "tablet")
    assert report["people_lost"] == len(before) > 0
    assert report["entries_lost"] == 0, "what it had recorded has arrived"
    assert {row["state"] for row in locality.store.json("custody", "--device", "tablet")} == {"lost"}


def test_54_hold_wrong_questions_about_custody_have_their_exit_codes(locality):
    def code(*arguments):
        return locality.store.start_command(*arguments).returncode

    assert code("custody") == code("custody", "--person", "x", "--device", "y") == 65
    assert code("custody", "--person", "999 000 0000") == code("custody", "--device", "nobody") != 0
    assert code("scope", "preview", "nobody", "--ceiling", "basic") != 0

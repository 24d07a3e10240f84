"""Somebody moves to another locality: devices of the one let go, devices of the other get them, one that has both never loses them."""

import pytest
from locality import edit, pages, settle, until, visit

NORTH, NORTH_TEAM, NORTH_NURSE = "Northfold", "Northfold nurses", "Nora Northfold (1)"
DATA = 65  # EX_DATAERR
NO_INPUT = 66  # EX_NOINPUT


def add_north(locality):
    """A second locality in the same store, with a trust, a team and its nurse."""
    locality.load("places", [{**locality.row("places", level="locality"), "locality": NORTH, "name": NORTH, "ons_code": "Z08000002"}])
    locality.load("organisations", [{"locality": NORTH, "types": "community_trust", "name": "Northfold Health", "ods_code": "ZZN"}])
    locality.load("teams", [{"locality": NORTH, "organisation": "ZZN", "name": NORTH_TEAM, "kind": "district_nursing"}])
    locality.load("staff", [{"locality": NORTH, "name": NORTH_NURSE, "role": "community_nurse"}])
    locality.load("memberships", [{"locality": NORTH, "staff": NORTH_NURSE, "team": NORTH_TEAM, "from": "2025-04-01"}])


def north_id(locality):
    first = locality.first_locality
    return next(row["locality"] for row in locality.store.json("verify") if row["locality"] != first)


def custody(locality, person):
    return {row["device"]: row for row in locality.store.json("custody", "--person", person)}


def people(device):
    return {one["fields"].get("nhs_number"): one["id"] for one in pages(device, "/v1/people", "people")}


def seen(device, person):
    return device.get(f"/v1/people/{person}").status


@pytest.fixture
def two(locality):
    """A tablet of each locality and one that has both; somebody whom only the first team looks after."""
    locality.first_locality = locality.store.json("verify")[0]["locality"]
    add_north(locality)
    team = locality.rows("teams")[0]["name"]
    old = locality.tablet()
    both = locality.device("both", "--team", team, "--team", NORTH_TEAM, "--scope", f"locality:{north_id(locality)}", role="community_nurse")
    # whoever works there sees the caseloads of both teams
    locality.load("memberships", [{"locality": NORTH, "staff": both.staff, "team": NORTH_TEAM, "from": "2025-04-01"}])
    both.sync()
    new = locality.device("new", "--team", NORTH_TEAM, role="community_nurse")
    residents = {row["person"] for row in locality.rows("residences")}
    others = {row["person"] for row in locality.rows("assignments") if row["team"] != team}
    number = next(row["person"] for row in locality.rows("assignments") if row["team"] == team and row["person"] not in residents | others)
    return locality, old, both, new, people(old)[number], team


def move(locality, person, *more):
    return locality.store.json("person", "move", person, "--to", NORTH, *more)


def test_62_move_everybody_has_what_is_theirs_and_nothing_that_waited_is_lost(two):
    locality, old, both, new, person, _ = two
    for device in (old, both):
        device.relay.go_away()
    late = visit(person, "Written by the old team, who did not know.")
    assert old.post("/v1/entries", late).status == 201
    late_edit = old.record("person", {"phone": "0161 496 0001"}, person, operation="edit", record=person)
    ours = visit(person, "Written by a team that has both.")
    assert both.post("/v1/entries", ours).status == 201
    our_edit = both.record("person", {"preferred_name": "Bobbin"}, person, operation="edit", record=person)

    would = move(locality, person, "--team", NORTH_TEAM, "--dry-run")
    assert not would["moved"] and would["records"] > 1 and would["ended"] == 1 and would["proposed"] == 1
    settle(new)
    assert seen(new, person) == 404
    did = move(locality, person, "--team", NORTH_TEAM)
    assert did["moved"] and {**did, "moved": False} == {**would, "departed": did["departed"], "arrived": did["arrived"]}
    assert move(locality, person)["there_already"]
    settle(new)
    assert seen(new, person) == 200

    both.relay.come_back()
    settle(both)
    assert seen(both, person) == 200
    outcomes = locality.agree(both)
    assert outcomes[ours["request"]] == outcomes[our_edit["id"]] == "applied"
    old.relay.come_back()
    settle(old)
    until(lambda: custody(locality, person)[old.id]["state"] == "erased", "the old team's tablet confirms the erasure")
    assert seen(old, person) == 404
    outcomes = locality.agree(old)
    assert outcomes[late["request"]] == outcomes[late_edit["id"]] == "late"

    for device in (new, both):
        settle(device)
        texts = {record["fields"].get("subjective") for record in pages(device, f"/v1/records?person={person}&type=visit", "records")}
        assert {late["fields"]["subjective"], ours["fields"]["subjective"]} <= texts
        shown = device.get(f"/v1/people/{person}").json
        assert "Bobbin" in str(shown) and "0161 496 0001" not in str(shown["fields"])
    states = {device: row["state"] for device, row in custody(locality, person).items()}
    assert states == {old.id: "erased", both.id: "held", new.id: "held"}
    assert len(locality.store.json("conflicts")) == 1
    assert locality.verified()


def test_62_move_a_device_that_has_both_never_lets_go_and_its_work_goes_on(two):
    locality, _, both, new, person, _ = two
    record = both.record("person", {"preferred_name": "First"}, person, operation="edit", record=person)
    settle(both)
    move(locality, person, "--team", NORTH_TEAM)
    for _ in range(6):
        both.sync()
        assert seen(both, person) == 200
    after = both.post("/v1/entries", edit(person, {"preferred_name": "Second"}))
    assert after.status == 201, after
    settle(both)
    assert locality.agree(both)[record["id"]] == "applied"
    settle(new)
    assert "Second" in str(new.get(f"/v1/people/{person}").json)
    assert locality.store.json("conflicts") == []
    assert locality.verified()


def test_62_move_a_restored_store_makes_the_move_again(two, tmp_path):
    locality, old, _, new, person, _ = two
    locality.store.json("backup", tmp_path / "backup", "--quick")
    before = visit(person, "Taken before the move and lost with the store.")
    assert old.post("/v1/entries", before).status == 201
    settle(old)
    move(locality, person, "--team", NORTH_TEAM)
    settle(new)
    locality.store.stop()
    assert locality.store.json("restore", tmp_path / "backup")["journal_records"] > 1
    locality.store.serve()
    for device in (old, new, old, new):
        settle(device)
    assert seen(new, person) == 200
    until(lambda: old.sync() and seen(old, person) == 404, "the old team's tablet lets go")
    texts = {record["fields"].get("subjective") for record in pages(new, f"/v1/records?person={person}&type=visit", "records")}
    assert before["fields"]["subjective"] in texts
    assert locality.verified()


def test_62_move_wrong_words_have_their_exit_codes(two):
    locality, _, _, _, person, _ = two

    def code(*arguments):
        return locality.store.start_command("person", "move", *arguments).returncode

    assert code(person) == DATA
    assert code(person, "--to", "Nowhere") == NO_INPUT
    assert code("999 000 0000", "--to", NORTH) == NO_INPUT
    assert code(person, "--to", NORTH, "--team", "no such team") == NO_INPUT
    # A table of the locality that they left still names them: that row is refused, and nobody is made a second time.
    number = locality.store.json("person", person)["fields"]["nhs_number"]
    row = locality.row("people", nhs_number=number)
    move(locality, person)
    assert locality.load("people", [{**row, "phone": "0161 496 0009"}], check=False)["refused"] == 1
    there = locality.load("people", [{**row, "locality": NORTH, "phone": "0161 496 0009"}])
    assert (there["refused"], there["created"], there["edited"]) == (0, 0, 1)

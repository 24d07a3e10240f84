"""An exchange that is cut anywhere is taken up again: complete, and nothing twice."""

import os
import random

from locality import create, figure, noise, pages, records_of, restart, settle, visit
from relay import DOWN, UP

SEED = int(os.environ.get("PANNIER_TEST_SEED", "51"))
CUTS = 100


def records(device, person):
    """What a device shows of a person: {record: (type, fields, position)}."""
    found = records_of(device, person)
    assert len({record["id"] for record in found}) == len(found), "a record is shown twice"
    return {record["id"]: (record["type"], record["fields"], record["position"]) for record in found}


def test_51_hold_an_exchange_cut_at_a_hundred_places_ends_complete_and_nothing_twice(locality):
    rng = random.Random(SEED)
    tablet = locality.tablet()
    other = locality.tablet("other")
    person = pages(tablet, "/v1/people", "people")[0]["id"]
    restart(tablet)
    written, rounds, cuts = set(), 0, {UP: 0, DOWN: 0}
    while sum(cuts.values()) < CUTS:
        rounds += 1
        assert rounds < 3 * CUTS, cuts
        for device in (tablet, other):
            body = [visit(person, noise(rng, rng.randrange(10, 3000))) for _ in range(rng.randrange(1, 4))]
            assert device.post("/v1/entries", body).status == 201
            written |= {entry["request"] for entry in body}
        other.sync()
        direction, size = rng.choice((UP, DOWN)), int(2 ** rng.uniform(0, 13))
        tablet.relay.cut_after(direction, size)
        tablet.sync(expect=None)
        cuts[direction] += tablet.relay.cut.is_set()
        tablet.relay.come_back()
    settle(tablet)
    settle(other)
    settle(tablet)
    ours = {**locality.agree(tablet), **locality.agree(other)}
    assert written <= set(ours) and {ours[entry] for entry in written} == {"applied"}
    here = records(tablet, person)
    assert here == records(other, person)
    assert written <= set(here)
    assert locality.verified()
    figure("cut exchanges", rounds=rounds, cuts=cuts, entries=len(written), seed=SEED)


def test_51_hold_an_urgent_allergy_of_a_person_met_offline_arrives_judged_wherever_the_exchange_is_cut(locality):
    """The routine lane is longer than one request, so that cuts fall between the lanes too."""
    rng = random.Random(SEED)
    tablet = locality.tablet()
    somebody = pages(tablet, "/v1/people", "people")[0]["id"]
    restart(tablet)
    team = next(scope["id"] for scope in tablet.status()["scopes"] if scope["kind"] == "team")
    urgent = []
    for turn in range(6):
        tablet.relay.go_away()
        for _ in range(4):
            assert tablet.post("/v1/entries", [visit(somebody, noise(rng, 7000)) for _ in range(18)]).status == 201
        met = create("person", {"family": f"Newcombe{turn}", "given": "Iris", "birth_date": "1943-06-11",
                                "nhs_status": "none_unknown"})
        person = met["request"]
        body = [met, create("assignment", {"team": team, "status": "proposed"}, person), visit(person),
                create("allergy", {"substance": "Penicillin", "severity": "severe", "status": "active"}, person)]
        answer = tablet.post("/v1/entries", body)
        assert answer.status == 201, answer
        urgent += [body[0]["request"], body[3]["request"]]
        tablet.relay.come_back()
        for _ in range(4):
            tablet.relay.cut_after(UP, int(2 ** rng.uniform(9, 19)))
            tablet.sync(expect=None)
            tablet.relay.come_back()
            states = {entry["id"]: entry["state"] for entry in pages(tablet, "/v1/entries", "entries")}
            assert {states[entry] for entry in urgent} <= {"waiting", "applied"}
    settle(tablet)
    both = locality.agree(tablet)
    assert {both[entry] for entry in urgent} == {"applied"}
    assert set(both.values()) == {"applied"}
    assert locality.verified()

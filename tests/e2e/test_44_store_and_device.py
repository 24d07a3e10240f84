"""What a device and the real store do together beside the exchange: who looked at whom, news that are waited for, slow listeners."""

from locality import create, pages, settle, until


def test_44_store_says_who_saw_a_person_and_where_they_are_held(locality):
    tablet = locality.tablet()
    seen, other = (one["id"] for one in pages(tablet, "/v1/people", "people")[:2])
    tablet.command("person", seen, check=0)
    until(lambda: settle(tablet) and locality.store.json("person", seen)["seen_by"], "the store knows who looked")
    known = locality.store.json("person", seen)
    assert {who["author"] for who in known["seen_by"]} == {tablet.staff}
    assert "tablet" in {device["name"] for device in known["devices"]} and known["person"] == seen
    assert locality.store.json("person", other)["seen_by"] == []
    shown = locality.store.run("person", seen)
    assert known["seen_by"][0]["name"] in shown[shown.index("Who saw this person"):]
    nhs_number = known["fields"]["nhs_number"]
    assert locality.store.json("person", nhs_number)["person"] == seen
    assert locality.store.start_command("person", nhs_number[:-1] + str((int(nhs_number[-1]) + 1) % 10)).returncode != 0


def test_44_store_news_reach_a_device_that_listens_without_being_asked_for(locality):
    tablet, other = locality.tablet(), locality.tablet("other")
    person = pages(tablet, "/v1/people", "people")[0]["id"]
    settle(other)
    until(lambda: other.status()["exchange"]["listening"], "it listens")
    count = other.status()["exchange"]["count"]
    listener = other.events("record")
    written = tablet.record("alert", {"category": "dog", "text": "News."}, person)["record"]
    settle(tablet)
    listener.until("record", lambda data: data["record"] == written)
    assert other.get(f"/v1/records/{written}").json["fields"]["text"] == "News."
    assert other.status()["exchange"]["count"] > count
    until(lambda: other.status()["exchange"]["listening"], "and goes on listening")


def test_44_store_a_listener_that_is_slow_is_told_that_it_missed_something_and_stops_nobody(locality):
    tablet = locality.tablet()
    tablet.relay.go_away()
    person = pages(tablet, "/v1/people", "people")[0]["id"]
    slow, quick = tablet.events(), tablet.events("entry")
    last = None
    for _ in range(40):
        body = [create("alert", {"category": "dog", "text": "Large but friendly."}, person) for _ in range(100)]
        answer = tablet.post("/v1/entries", body)
        assert answer.status == 201, answer
        last = body[-1]["request"]
        quick.until("entry", lambda data: data["entry"] == last)  # whoever reads gets everything at once
    kinds = []
    while "missed" not in kinds:  # and whoever did not read is told, once there is room
        kinds.append(slow.next()[0])
    assert kinds.count("entry") < 4000
    written = tablet.record("alert", {"category": "dog", "text": "After it."}, person)["id"]
    assert slow.until("entry", lambda data: data["entry"] == written)
    assert quick.until("entry", lambda data: data["entry"] == written)

"""A first sync goes page by page, may be interrupted anywhere, and whoever reads meanwhile does not wait for it."""

import os
import random
import threading
import time
import uuid

from device import UnixConnection
from locality import figure, noise, outbox, pages, records_of, restart, settle, until
from relay import DOWN

SEED = int(os.environ.get("PANNIER_TEST_SEED", "55"))
HISTORY = 5000
READ_P99_MS = 50
GENEROUS = 4  # other programs share the machine


class Reader(threading.Thread):
    """Reads as a screen does, all the time, and measures how long each read takes."""

    def __init__(self, path):
        super().__init__(daemon=True)
        self.path, self.over = path, threading.Event()
        self.took_ms = []
        self.start()

    def run(self):
        connection = None
        while not self.over.is_set():
            try:
                connection = connection or UnixConnection(self.path)
                began = time.perf_counter()
                connection.request("GET", "/v1/people?limit=20")
                answer = connection.getresponse()
                answer.read()
                self.took_ms.append((time.perf_counter() - began) * 1000)
            except OSError:  # killed; it comes back
                connection = None
            self.over.wait(0.002)

    def end(self):
        self.over.set()
        self.join(30)
        self.took_ms.sort()
        return [round(self.took_ms[int(len(self.took_ms) * share)], 1) for share in (0.5, 0.99)]


def history(locality, nhs_number):
    author = locality.rows("visits")[0]["author"]
    name = locality.rows("places")[0]["locality"]
    locality.load("observations", [
        {"locality": name, "id": str(uuid.uuid4()), "person": nhs_number, "author": author,
         "recorded": f"20{10 + n // 1000}-{1 + n // 100 % 10:02}-{1 + n % 28:02}T{n % 24:02}:{n % 60:02}:00.000Z",
         "taken": f"20{10 + n // 1000}-{1 + n // 100 % 10:02}-{1 + n % 28:02}T{n % 24:02}:{n % 60:02}:00.000Z",
         "pulse": 50 + n % 90, "systolic": 100 + n % 60}
        for n in range(HISTORY)])


def everything(device):
    """All that a device shows: {record: (type, fields, position)}."""
    found = {}
    for person in pages(device, "/v1/people", "people"):
        for record in records_of(device, person['id']):
            assert record["id"] not in found, "a record is shown twice"
            found[record["id"]] = (record["type"], record["fields"], record["position"])
    return found


def test_55_hold_a_first_sync_is_interrupted_again_and_again_and_ends_equal(make_locality, full):
    rng = random.Random(SEED)
    locality = make_locality(people=150)
    team = locality.rows("teams")[0]["name"]
    nhs_number = next(row["person"] for row in locality.rows("assignments") if row["team"] == team)
    history(locality, nhs_number)

    whole = locality.tablet("whole")  # in one go
    reference = everything(whole)
    person = next(one["id"] for one in pages(whole, "/v1/people", "people")
                  if one["fields"].get("nhs_number") == nhs_number)
    expected = HISTORY + sum(row["person"] == nhs_number for row in locality.rows("observations"))
    kinds = [record["type"] for record in records_of(whole, person)]
    assert kinds.count("observations") == expected
    size = whole.status()["exchange"]["bytes_received"]
    round_trips = whole.status()["exchange"]["last_round_trips"]

    tablet = locality.tablet("tablet", sync=False)
    reader = Reader(tablet.socket)
    interruptions, inside, incomplete = {"cut": 0, "kill": 0}, 0, 0
    for turn in range(24):
        tablet.relay.cut_after(DOWN, rng.randrange(2000, 30000), then_away=True)  # inside of an answer
        if turn % 4 == 3:
            tablet.post("/v1/sync")
            tablet.relay.cut.wait(rng.choice([0.01, 0.05, 0.2]))
            tablet.kill()
            tablet.start()
            interruptions["kill"] += 1
        else:
            tablet.sync(expect=None)
            interruptions["cut"] += tablet.relay.cut.is_set()
        status = tablet.status()  # the relay stays away until the next turn, so that nothing comes unseen
        if not status["complete"]:
            incomplete += 1
            shown = tablet.get(f"/v1/records?person={person}&limit=1", staff=whole.staff)
            inside += shown.status == 200 and len(shown.json["records"]) > 0
    assert sum(interruptions.values()) >= 12, interruptions
    tablet.relay.come_back()
    settle(tablet)
    median, p99 = reader.end()
    tablet.staff = whole.staff
    assert everything(tablet) == reference
    restart(tablet)
    assert everything(tablet) == reference
    settle(tablet)
    locality.agree(tablet)
    figure("first sync", bytes_in_one_go=size, round_trips=round_trips, interruptions=interruptions,
           incomplete=incomplete, in_the_middle_of_the_join=inside, records=len(reference), reads=len(reader.took_ms),
           read_median_ms=median, read_p99_ms=p99, seed=SEED)
    if full:
        assert p99 < READ_P99_MS * GENEROUS


LONG = 8000  # the limit of a visit's text
PAGE = 3 << 18  # an answer has a MiB of changes, and noise() becomes a quarter smaller


def long_history(locality, nhs_number, rng):
    """5,000 visits of one person, a hundred of them as long as a visit may be: {id: what the person said}"""
    author = locality.rows("visits")[0]["author"]
    name = locality.rows("places")[0]["locality"]
    rows = []
    for n in range(HISTORY):
        size = LONG if n % 50 == 0 else 500
        texts = ("subjective", "objective", "assessment", "plan") if size == LONG else ("subjective",)
        rows.append({"locality": name, "id": str(uuid.UUID(int=rng.getrandbits(128), version=4)), "person": nhs_number,
                     "author": author, "recorded": f"2019-{1 + n // 450:02}-{1 + n % 28:02}T{n % 24:02}:{n % 60:02}:00.000Z",
                     "setting": "home", "outcome": "completed", **dict.fromkeys(("objective", "assessment", "plan"), ""),
                     **{text: noise(rng, size) for text in texts}})
    report = locality.load("visits", rows)
    assert report["created"] == HISTORY, report
    return {row["id"]: row["subjective"] for row in rows}


def visits_here(device, person):
    return len(pages(device, f"/v1/records?person={person}&type=visit", "records"))


def sync_until_cut(device):
    """Exchange until the road was cut: one that had begun before may end without it, and .cut is said a moment later."""
    until(lambda: device.sync(expect=None) and device.relay.cut.wait(1), "the road is cut")


def write_down(device, person):
    """Have what is here now written to the replica's file, by writing something more."""
    log = device.state / "replica.db-wal"
    device.record("alert", {"category": "dog", "text": "Large but friendly."}, person)
    before = log.stat().st_mtime_ns  # from here on only the commit writes
    until(lambda: log.stat().st_mtime_ns > before, "the replica is written")
    device.status()  # answered when the daemon has written all of it


def test_55_hold_one_person_s_join_of_many_answers_is_cut_and_killed_inside_and_goes_on_where_it_was(make_locality):
    rng = random.Random(SEED)
    locality = make_locality(people=60)
    team = locality.rows("teams")[0]["name"]
    nhs_number = next(row["person"] for row in locality.rows("assignments") if row["team"] == team)
    said = long_history(locality, nhs_number, rng)

    whole = locality.tablet("whole")  # in one go
    person = next(one["id"] for one in pages(whole, "/v1/people", "people")
                  if one["fields"].get("nhs_number") == nhs_number)
    size = whole.status()["exchange"]["bytes_received"]
    answers = size / PAGE
    assert answers > 5

    tablet = locality.tablet("tablet", sync=False)
    tablet.staff = whole.staff
    seen = [0]
    for kill in (False, True, False, True, False):
        tablet.relay.cut_after(DOWN, int(PAGE * rng.uniform(1.3, 1.6)), then_away=True)  # inside of the second answer
        sync_until_cut(tablet)
        seen.append(visits_here(tablet, person))
        assert not tablet.status()["complete"]
        assert seen[-2] < seen[-1] < len(said), seen  # inside of the join, further than before
        if kill:
            write_down(tablet, person)
            tablet.kill()
            tablet.start()
            assert visits_here(tablet, person) >= seen[-1], "what was here is here after a kill"
    tablet.relay.come_back()
    settle(tablet)
    settle(whole)
    shown = everything(whole)
    assert {record: fields["subjective"] for record, (_, fields, _) in shown.items() if record in said} == said
    assert everything(tablet) == shown
    settle(tablet)
    locality.agree(tablet)
    assert tablet.relay.bytes[DOWN] < size + 6 * 2 * PAGE, "it was not begun anew"
    figure("first sync of one long join", bytes=size, answers=round(answers, 1), seen_inside=seen[1:],
           received=tablet.relay.bytes[DOWN], seed=SEED)


def test_55_hold_a_damaged_replica_is_fetched_again_and_loses_no_work(locality):
    tablet = locality.tablet()
    person = pages(tablet, "/v1/people", "people")[0]["id"]
    reference = everything(tablet)
    restart(tablet)
    for damage in ("garbage", "truncated", "empty", "gone"):
        tablet.relay.go_away()
        written = tablet.record("visit", {"setting": "home", "outcome": "completed", "plan": damage}, person)["id"]
        tablet.stop()
        for path in tablet.state.glob("replica.db*"):
            data = path.read_bytes()
            if damage == "gone" or path.name != "replica.db":
                path.unlink()
            else:
                path.write_bytes({"garbage": os.urandom(len(data)), "truncated": data[:len(data) // 2 - 100],
                                  "empty": b""}[damage])
        tablet.start()
        assert written in dict(outbox(tablet, staff=None)), damage  # whose staff are not known here now
        tablet.relay.come_back()
        settle(tablet)
        until(lambda: written in everything(tablet), f"{damage}: the work shows again")
        assert set(reference) <= set(everything(tablet)), damage
    assert set(locality.agree(tablet).values()) == {"applied"}

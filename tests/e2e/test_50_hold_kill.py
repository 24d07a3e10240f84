"""kill -9 of daemon and store at any moment: what was acknowledged is on the store once, and both sides know the same."""

import json
import os
import random
import select
import time

from locality import create, edit, figure, noise, pages, restart, settle, until, visit

SEED = int(os.environ.get("PANNIER_TEST_SEED", "50"))
ENTRIES = 10_000
KILL_EVERY = 300
PEOPLE = 20


class Recorder:
    """Writes entries through the local API until each is acknowledged, asking again with the same ids after a crash."""

    def __init__(self, device, rng):
        self.device, self.rng = device, rng
        self.acknowledged, self.asked_again, self.repeated = [], 0, 0

    def write(self, body, kill=False):
        if kill:
            self.write_and_kill(body)
            self.asked_again += 1
        answer = self.device.post("/v1/entries", body)
        assert answer.status in (200, 201), answer
        written = answer.json["entries"] if isinstance(body, list) else [answer.json]
        self.repeated += written[0]["repeated"]
        assert len({one["repeated"] for one in written}) == 1, "an array is written as one"
        self.acknowledged += [one["id"] for one in written]

    def write_and_kill(self, body):
        """Send it, and kill the daemon a moment later, whatever it was doing."""
        self.device.status()  # the connection stands
        self.device.connection.request("POST", "/v1/entries", json.dumps(body).encode(),
                                       {"Pannier-Staff": self.device.staff, "Content-Type": "application/json"})
        select.select([self.device.connection.sock], [], [], self.rng.choice([0, 0.001, 0.003, 0.01, 0.03]))
        self.device.kill()
        self.device.start()


def bodies(rng, people, alerts):
    """What is recorded: singles and arrays, facts and edits; ENTRIES in all."""
    left = ENTRIES
    while left:
        size = min(left, rng.choice([1, 1, 1, 5, 30, 100, 100]))
        batch = []
        for _ in range(size):
            kind = rng.random()
            if kind < 0.6:
                batch.append(visit(rng.choice(people), f"Seen, number {left}."))
            elif kind < 0.9:
                batch.append(create("observations", {"taken": "2026-03-01T10:00:00.000Z", "pulse": rng.randrange(50, 120)},
                                    rng.choice(people)))
            else:
                batch.append(edit(rng.choice(alerts), {"text": f"Ring {left} times."}))
            left -= 1
        yield batch[0] if size == 1 else batch


def test_50_hold_ten_thousand_entries_with_both_sides_killed_arrive_once(locality):
    rng = random.Random(SEED)
    device = locality.tablet()
    people = [person["id"] for person in pages(device, "/v1/people", "people")][:PEOPLE]
    alerts = [device.record("alert", {"category": "access", "text": "Ring."}, person)["record"] for person in people]
    settle(device)
    restart(device)
    recorder = Recorder(device, rng)
    kills = {"daemon": 0, "store": 0}
    next_kill = {"daemon": rng.randrange(KILL_EVERY), "store": rng.randrange(KILL_EVERY)}
    began = time.monotonic()

    for body in bodies(rng, people, alerts):
        done = len(recorder.acknowledged)
        offline = done % 2000 < 800  # 800 without signal, 1,200 with, and again
        if device.relay.away != offline:
            device.relay.go_away() if offline else device.relay.come_back()
        due = {name for name in kills if done >= next_kill[name]}
        for name in due:
            kills[name] += 1
            next_kill[name] = done + rng.randrange(KILL_EVERY // 2, KILL_EVERY * 3 // 2)
        if "store" in due:
            device.post("/v1/sync")
        recorder.write(body, kill="daemon" in due)
        if "store" in due:
            select.select([], [], [], rng.choice([0, 0.002, 0.01, 0.03]))  # a moment, not a wait for anything
            locality.store.kill()
            locality.store.serve()

    recorded_s = time.monotonic() - began
    device.relay.come_back()
    settle(device)
    both = locality.agree(device)
    assert len(recorder.acknowledged) == len(set(recorder.acknowledged)) == ENTRIES
    lost = [entry for entry in recorder.acknowledged if entry not in both]
    assert not lost, f"{len(lost)} acknowledged entries are gone"
    assert {both[entry] for entry in recorder.acknowledged} == {"applied"}
    assert min(kills.values()) >= 20
    assert locality.verified()
    figure("ten thousand", kills=kills, seconds_recording=round(recorded_s, 1), asked_again=recorder.asked_again,
           already_there=recorder.repeated, seconds_in_all=round(time.monotonic() - began, 1), seed=SEED)


def test_50_hold_a_request_whose_answer_was_lost_is_recorded_once(locality):
    device = locality.tablet()
    person = pages(device, "/v1/people", "people")[0]["id"]
    restart(device)
    before = device.status()["outbox"]["recorded"]
    entry = visit(person)
    many = [visit(person) for _ in range(30)]
    for body in (entry, many):
        device.status()
        device.connection.request("POST", "/v1/entries", json.dumps(body).encode(),
                                  {"Pannier-Staff": device.staff, "Content-Type": "application/json"})
        assert select.select([device.connection.sock], [], [], 30)[0]  # committed; nobody reads the answer
        device.kill()
        device.start()
        again = device.post("/v1/entries", body)
        assert again.status == 200, again
    assert device.status()["outbox"]["recorded"] == before + 31
    other = device.post("/v1/entries", {**entry, "fields": {**entry["fields"], "subjective": "Something else."}})
    assert other.status == 409, other
    settle(device)
    both = locality.agree(device)
    assert {both[one["request"]] for one in [entry, *many]} == {"applied"}


def test_50_hold_a_store_killed_between_commit_and_answer_records_nothing_twice(locality):
    rng = random.Random(SEED)
    device = locality.tablet()
    person = pages(device, "/v1/people", "people")[0]["id"]
    restart(device)
    settle(device)
    for turn in range(3):
        body = [visit(person, noise(rng, 6000)) for _ in range(20)]
        device.relay.hold_answers(30_000)
        assert device.post("/v1/entries", body).status == 201
        device.post("/v1/sync")
        ids = {entry["request"] for entry in body}
        until(lambda: ids <= {entry for entry, _ in locality.ledger(device)}, "the store commits")
        assert device.relay.held.wait(30)
        locality.store.kill()
        device.relay.go_away()
        assert device.status()["outbox"]["waiting"] >= len(ids), "a device believed an answer that it never got"
        if turn == 2:
            device.kill()
            device.start()
        locality.store.serve()
        device.relay.come_back()
        settle(device)
        both = locality.agree(device)
        assert {both[entry] for entry in ids} == {"applied"}
    assert locality.verified()

"""Exchanges by an independent client: a first sync page by page, what no news costs, and who is woken by what."""

import csv
import hashlib
import io
import threading

import cbor2
import pytest
from wire_client import (END, FEED, RECORDS, STORE_HELLO, SYNC_TYPE, VECTOR, Client, body, connect,
                         hello, messages, new_device)


@pytest.fixture
def loaded(make_store, tmp_path):
    store = make_store()
    store.folder = tmp_path / "tables"
    store.run("sample", store.folder, "--people", "60", "--load")
    store.serve()
    return store


def table(store, name):
    with open(store.folder / f"{name}.csv", newline="", encoding="utf-8") as lines:
        return list(csv.DictReader(lines))


def busiest_team(store):
    """(name, NHS numbers of its caseload)."""
    caseload = {}
    for row in table(store, "assignments"):
        if row["status"] == "active":
            caseload.setdefault(row["team"], set()).add(row["person"])
    return max(caseload.items(), key=lambda item: len(item[1]))


class Replica:
    """What a device remembers between exchanges: cursors, and the records it was sent."""

    def __init__(self, store, certificate):
        self.client = Client(store, certificate)
        self.cursors = {}  # feed key as CBOR -> feed state
        self.rows, self.people, self.bytes, self.round_trips = {}, set(), 0, 0
        self.trust = 0

    def feeds(self):
        return [self.cursors[key] for key in sorted(self.cursors)]

    def vector_hash(self):
        if not self.cursors:
            return None
        return hashlib.sha256(cbor2.dumps(self.feeds(), canonical=True)).digest()

    def exchange(self, with_vector=True):
        more = [[VECTOR, self.feeds()]] if with_vector and self.cursors else []
        content = body(hello(vector_hash=self.vector_hash(), trust=self.trust), *more)
        status, _, answer = self.client.ask("POST", "/v1/sync", content, {"Content-Type": SYNC_TYPE})
        assert status == 200
        self.bytes += len(content) + len(answer)
        self.round_trips += 1
        found = messages(answer)
        assert found[0][0] == STORE_HELLO and found[-1][0] == END
        self.trust = found[0][13][0] if found[0][13] else self.trust
        for message in found[1:-1]:
            if message[0] == FEED:
                key, joins, _, cursor = message[1:5]
                self.people |= set(joins)
                self.cursors[cbor2.dumps(key, canonical=True)] = [key, cursor, None]
            elif message[0] == RECORDS:
                self.take(message)
        if found[0][8]:  # the grants: feeds in which nothing ever was count too, at their beginning
            for locality, kind, scope, ceiling in found[0][9]:
                for record_class in range(1, ceiling + 1):
                    key = [locality, kind, scope, record_class]
                    self.cursors.setdefault(cbor2.dumps(key, canonical=True),
                                            [key, [0, 0, None, 0, None], None])
        return found

    def take(self, message):
        _, _, _, record_type, count, rows = message[:6]
        stream, found = io.BytesIO(rows), 0
        while stream.tell() < len(rows):
            number = cbor2.load(stream)[0]
            assert number not in self.rows, "a record came twice"
            self.rows[number] = record_type
            found += 1
        assert found == count

    def sync(self):
        for _ in range(10000):
            if not self.exchange()[-1][1]:
                return
        raise AssertionError("it never ends")


def device_of(store, folder, name="nurse"):
    team, people = busiest_team(store)
    device, certificate = new_device(store, folder, name, "--team", team)
    return device, certificate, people


def test_60_server_exchange_sends_a_caseload_once_and_no_more(loaded, tmp_path):
    device, certificate, people = device_of(loaded, tmp_path)
    replica = Replica(loaded, certificate)
    replica.sync()
    assert len(replica.people) >= len(people)
    held = len(replica.rows)
    assert held > 10 * len(people)
    replica.sync()
    assert len(replica.rows) == held  # nothing twice, nothing new
    shown = loaded.json("device", "show", device)
    assert shown["people_held"] == len(replica.people)
    somebody = loaded.json("person", sorted(people)[0])
    assert [d["device"] for d in somebody["devices"]] == [device]


def test_61_server_exchange_without_news_is_one_small_round_trip(loaded, tmp_path):
    _, certificate, _ = device_of(loaded, tmp_path)
    replica = Replica(loaded, certificate)
    replica.sync()
    end = replica.exchange()[-1]
    assert end[1] is False and end[2] == replica.vector_hash()
    replica.bytes = replica.round_trips = 0
    replica.exchange(with_vector=False)
    assert replica.round_trips == 1 and replica.bytes <= 1024


def test_62_server_exchange_ceiling_limits_what_is_sent(loaded, tmp_path):
    team, _ = busiest_team(loaded)
    counts = []
    for ceiling in ("basic", "clinical"):
        _, certificate = new_device(loaded, tmp_path, ceiling, "--team", team, ceiling=ceiling)
        replica = Replica(loaded, certificate)
        replica.sync()
        classes = {cbor2.loads(key)[3] for key in replica.cursors}
        assert max(classes) <= (1 if ceiling == "basic" else 2)
        counts.append(len(replica.rows))
    assert 0 < counts[0] < counts[1]


def test_63_server_wait_is_woken_by_what_another_process_loads(loaded, tmp_path):
    _, certificate, people = device_of(loaded, tmp_path)
    replica = Replica(loaded, certificate)
    replica.sync()
    known = replica.vector_hash().hex()
    status, _, _ = replica.client.ask("GET", f"/v1/wait?vector={known}&seconds=1")
    assert status == 204
    status, _, _ = replica.client.ask("GET", f"/v1/wait?vector={'0' * 64}&seconds=200")
    assert status == 200  # it stands elsewhere: there is news already
    changed = table(loaded, "people")
    for row in changed:
        if row["nhs_number"] in people:
            row["phone"] = "0161 496 0999"
    path = tmp_path / "changed.csv"
    with open(path, "w", newline="", encoding="utf-8") as lines:
        writer = csv.DictWriter(lines, changed[0])
        writer.writeheader()
        writer.writerows(changed)
    with connect(loaded, certificate) as connection:
        connection.sendall(f"GET /v1/wait?vector={known}&seconds=200 HTTP/1.1\r\nHost: a\r\n\r\n".encode())
        loaded.run("load", "people", path)
        assert connection.recv(1000).startswith(b"HTTP/1.1 200")
    before = len(replica.rows)
    replica.rows.clear()
    replica.sync()
    assert 0 < len(replica.rows) <= len(people) < before


def test_64_server_wait_takes_only_what_makes_sense(loaded, tmp_path):
    _, certificate, _ = device_of(loaded, tmp_path)
    client = Client(loaded, certificate)
    for query in ("vector=abc", "vector=" + "g" * 64, "vector=" + "A" * 64, "vector=" + "0" * 65,
                  "vector=&seconds=0", "vector=&seconds=x", "vector=&seconds=-1", "parked=1",
                  "vector=&seconds=99999999999"):
        assert client.ask("GET", f"/v1/wait?{query}")[0] == 400, query


def test_65_server_a_crowd_syncs_while_tables_are_loaded(loaded, tmp_path):
    team, people = busiest_team(loaded)
    certificates = [new_device(loaded, tmp_path, f"device {n}", "--team", team)[1] for n in range(8)]
    replicas = [Replica(loaded, certificate) for certificate in certificates]
    failures = []

    def sync(replica):
        try:
            replica.sync()
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=sync, args=(replica,)) for replica in replicas]
    for thread in threads:
        thread.start()
    loaded.run("load", "visits", loaded.folder / "visits.csv")
    for thread in threads:
        thread.join()
    assert not failures
    assert len({frozenset(replica.rows) for replica in replicas}) == 1
    assert all(len(replica.people) >= len(people) for replica in replicas)

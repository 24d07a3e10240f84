"""Whom the store lets in: no device and no address holds everything, and whoever is sent away comes back spread over time."""

import collections
import contextlib
import http.client
import socket
import sqlite3
import urllib.request
import uuid

from locality import pages, until
from wire_client import SYNC_TYPE, Client, body, connect, hello, new_device, tls_context

MANY = 400


def sync(client):
    status, headers, _ = client.ask("POST", "/v1/sync", body(hello()), {"Content-Type": SYNC_TYPE})
    return status, headers


def health(store):
    with urllib.request.urlopen(f"http://127.0.0.1:{store.health_port}/health", timeout=10) as answer:
        return answer.status


def metric(store, name):
    with urllib.request.urlopen(f"http://127.0.0.1:{store.health_port}/metrics", timeout=10) as answer:
        lines = answer.read().decode().splitlines()
    return next(float(line.split()[1]) for line in lines if line.startswith(f"pannier_store_{name}"))


def test_65_schedule_one_device_may_not_hold_all_connections(make_store, tmp_path):
    store = make_store()
    store.serve(settings="[limits]\ndevice_connections = 4\n")
    _, greedy = new_device(store, tmp_path, "greedy")
    _, modest = new_device(store, tmp_path, "modest")
    held = [Client(store, greedy) for _ in range(4)]
    assert [sync(client)[0] for client in held] == [200] * 4
    status, headers = sync(Client(store, greedy))
    assert status == 429 and int(headers["Retry-After"]) >= 1 and headers["Connection"] == "close"
    assert sync(Client(store, modest))[0] == 200, "others are served"
    assert sync(held[0])[0] == 200, "and so is what it has"
    assert metric(store, "crowded_total") == 1
    held.pop().close()
    until(lambda: sync(Client(store, greedy))[0] == 200, "a connection that ended makes room")


def test_65_schedule_one_address_may_not_hold_all_connections_before_tls(make_store, tmp_path):
    store = make_store()
    store.serve(settings="[limits]\nstranger_connections = 5\n")
    _, certificate = new_device(store, tmp_path, "device")
    device = Client(store, certificate)
    assert sync(device)[0] == 200
    until(lambda: metric(store, "connections_open") == 1, "nobody else is connected")
    with contextlib.ExitStack() as stack:
        silent = [stack.enter_context(socket.create_connection(("127.0.0.1", store.port))) for _ in range(5)]
        until(lambda: metric(store, "connections_open") == 6, "they are let in, and say nothing")
        sixth = stack.enter_context(socket.create_connection(("127.0.0.1", store.port)))
        sixth.settimeout(20)
        try:
            assert sixth.recv(1) == b""
        except ConnectionResetError:
            pass
        assert metric(store, "crowded_total") == 1
        assert sync(device)[0] == 200, "a device that has shown who it is does not count there"
        elsewhere = http.client.HTTPSConnection("127.0.0.1", store.port, timeout=20, source_address=("127.0.0.2", 0),
                                                context=tls_context(store, certificate))
        elsewhere.request("POST", "/v1/sync", body(hello()), {"Content-Type": SYNC_TYPE})
        assert elsewhere.getresponse().status == 200, "another address is another party"
        elsewhere.close()
        silent[0].close()

        def again():
            try:
                connect(store, certificate).close()
                return True
            except OSError:
                return False
        until(again, "one that left makes room")


def test_65_schedule_a_store_that_is_full_sends_away_spread_over_time_and_its_health_answers(locality, tmp_path):
    tablet = locality.tablet()
    person = pages(tablet, "/v1/people", "people")[0]["id"]
    _, certificate = new_device(locality.store, tmp_path, "other")
    locality.store.stop()
    locality.store.serve(settings="[limits]\nexchanges = 1\n")
    tablet.sync()
    other = Client(locality.store, certificate)
    until(lambda: sync(other)[0] == 200, "there is room")

    lock = sqlite3.connect(locality.store.data / "store.db", isolation_level=None)
    lock.execute("BEGIN IMMEDIATE")  # nothing can be committed: the exchange with work stays where it is
    work = str(uuid.uuid4())
    tablet.record("alert", {"category": "dog", "text": "Waits at the writer."}, person, request=work)
    until(lambda: sync(other)[0] == 503, "the one place is taken")
    assert health(locality.store) == 200
    waits = []
    for _ in range(MANY):
        status, headers = sync(other)
        if status == 503:
            waits.append(int(headers["Retry-After"]))
    assert len(waits) > MANY / 2, "the place stays taken"
    assert min(waits) >= 5 and max(waits) > 12, (min(waits), max(waits))
    fullest = collections.Counter(waits).most_common(1)[0][1]
    assert fullest < len(waits) / 4, "nobody is told the same as everybody"
    lock.execute("ROLLBACK")
    lock.close()
    until(lambda: tablet.sync(expect=None) and tablet.get(f"/v1/entries/{work}").json["state"] == "applied",
          "what waited goes on")
    locality.agree(tablet)

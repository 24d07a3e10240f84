"""Clients that do what no client should, and crowds of them. The store answers the others all the while."""

import socket
import ssl
import threading
import time
import urllib.request

import pytest
from real_store import PATIENCE
from wire_client import (END, STORE_HELLO, Client, body, compress, connect, everything, hello,
                         new_device)


@pytest.fixture
def device(store, tmp_path):
    _, certificate = new_device(store, tmp_path)
    return certificate


def figures(store):
    with urllib.request.urlopen(f"http://127.0.0.1:{store.health_port}/metrics",
                                timeout=PATIENCE) as answer:
        assert answer.headers["Content-Type"].startswith("application/openmetrics-text")
        text = answer.read().decode()
    assert text.endswith("# EOF\n")
    return {line.split()[0].removeprefix("pannier_store_"): float(line.split()[1])
            for line in text.splitlines() if not line.startswith("#")}


def test_30_server_plain_text_gets_no_answer(store):
    with socket.create_connection(("127.0.0.1", store.port), timeout=PATIENCE) as plain:
        plain.sendall(b"GET /.well-known/est/cacerts HTTP/1.1\r\nHost: a\r\n\r\n")
        assert b"HTTP" not in everything(plain)
    assert Client(store).ask("GET", "/.well-known/est/cacerts")[0] == 200


def test_31_server_slow_clients_are_cut_and_hold_nobody(make_store, tmp_path):
    store = make_store()
    store.serve(settings="[limits]\nrequest_s = 1\n")
    _, certificate = new_device(store, tmp_path)
    silent = [socket.create_connection(("127.0.0.1", store.port), timeout=PATIENCE) for _ in range(20)]
    dripping = [connect(store) for _ in range(20)]
    for connection in dripping:
        connection.sendall(b"GET /.well-known/est/cacerts HTTP/1.1\r\nHost: ")
    assert Client(store, certificate).sync()[0] == 200
    for connection in dripping + silent:
        assert everything(connection) == b""  # the store ends it; the test's patience would raise
        connection.close()
    assert figures(store)["timed_out_total"] >= 40


def test_32_server_oversized_bodies_are_refused(store, device):
    with connect(store, device) as connection:
        connection.sendall(b"POST /v1/sync HTTP/1.1\r\nHost: a\r\nContent-Length: 1048577\r\n\r\n")
        assert everything(connection).startswith(b"HTTP/1.1 413")
    client = Client(store, device)
    bomb = compress(bytes(64 << 20))  # 2 KB that unfold to 64 MiB
    assert len(bomb) < 10000
    assert client.ask("POST", "/v1/sync", bomb)[0] in (400, 413)
    assert client.sync()[0] == 200


def test_33_server_malformed_requests_are_refused_by_name(store, device):
    client = Client(store, device)
    good = body(hello())
    for content in (b"", b"\0", b"not zstd", good[:-3], good + good, compress(b""), compress(b"\xff"),
                    body([1]), body([99, 1]), body(["hello"]), body(hello(software="a\0b")),
                    body(hello(now_ms="now")), body(hello(incarnation=b"short")),
                    body(hello(lanes=[[0, None, None]] * 4)), body([2, []]),
                    compress(b"\x9f\x01\xff"), compress(b"\x81" * 1000)):
        status, _, answer = client.ask("POST", "/v1/sync", content)
        assert status in (400, 413, 426), content[:40]
        assert answer in (b"malformed\n", b"too large\n", b"upgrade needed\n")
    assert client.ask("POST", "/v1/sync", body(hello(protocol=99)))[0] == 426
    assert client.sync()[0] == 200


def test_34_server_pipelined_requests_are_answered_in_order(store, device):
    content = body(hello())
    one = (b"POST /v1/sync HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % len(content)) + content
    last = b"GET /nowhere HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
    with connect(store, device) as connection:
        connection.sendall(one * 20 + last)
        answers = everything(connection)
    assert answers.count(b"HTTP/1.1 200 OK") == 20
    assert answers.count(b"HTTP/1.1 404 Not Found") == 1
    assert store.alive()


def test_35_server_pipelining_into_a_long_wait_harms_nobody(store, device):
    wait = b"GET /v1/wait?vector=%s&seconds=1 HTTP/1.1\r\nHost: a\r\n\r\n" % (b"0" * 64)
    client = Client(store, device)
    vector = client.sync()[1][-1][2]  # the end's hash: nothing new beyond it
    wait = b"GET /v1/wait?vector=%s&seconds=1 HTTP/1.1\r\nHost: a\r\n\r\n" % (vector or b"\0" * 32).hex().encode()
    last = b"GET /nowhere HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
    with connect(store, device) as connection:
        connection.sendall(wait)
        connection.sendall(last)
        answers = everything(connection)
    assert answers.startswith(b"HTTP/1.1 204") and b"HTTP/1.1 404" in answers
    assert store.alive()


def test_36_server_clients_that_leave_a_long_wait_are_forgotten(store, device, tmp_path):
    vector = Client(store, device).sync()[1][-1][2] or b"\0" * 32
    connection = connect(store, device)
    connection.sendall(b"GET /v1/wait?vector=%s&seconds=200 HTTP/1.1\r\nHost: a\r\n\r\n"
                       % vector.hex().encode())
    until = time.monotonic() + PATIENCE
    while figures(store)["waiting"] < 1:
        assert time.monotonic() < until
    connection.close()
    while figures(store)["waiting"] > 0:
        assert time.monotonic() < until
    assert store.alive()


def test_37_server_a_hundred_connections_at_once(store, tmp_path):
    certificates = [new_device(store, tmp_path, f"device {n}")[1] for n in range(10)]
    results, lock = [], threading.Lock()

    def exchange(certificate):
        client = Client(store, certificate)
        for _ in range(3):
            status, answer = client.sync()
            with lock:
                results.append((status, answer[0][0], answer[-1][0]))
        client.close()

    threads = [threading.Thread(target=exchange, args=(certificates[n % 10],)) for n in range(100)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [(200, STORE_HELLO, END)] * 300
    assert figures(store)["exchanges_total"] >= 300


def test_38_server_too_many_exchanges_are_told_to_come_back(make_store, tmp_path):
    store = make_store()
    store.serve(settings="[limits]\nexchanges = 1\n")
    certificates = [new_device(store, tmp_path, f"device {n}")[1] for n in range(4)]
    seen, lock = [], threading.Lock()
    stop = threading.Event()

    def hammer(certificate):
        client = Client(store, certificate)
        content = body(hello())
        while not stop.is_set():
            status, headers, _ = client.ask("POST", "/v1/sync", content)
            with lock:
                seen.append(status)
                if status == 503:
                    assert 5 <= int(headers["Retry-After"]) <= 10
                if 200 in seen and 503 in seen or len(seen) > 20000:
                    stop.set()

    threads = [threading.Thread(target=hammer, args=(c,)) for c in certificates]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(seen) == {200, 503}


def test_39_server_health_listens_on_loopback_only_and_tells_nothing_about_people(store, device):
    Client(store, device).sync()
    text = urllib.request.urlopen(f"http://127.0.0.1:{store.health_port}/health", timeout=PATIENCE)
    assert text.status == 200 and b'"healthy":true' in text.read()
    with open(f"/proc/{store.process.pid}/net/tcp", encoding="ascii") as table:
        listening = {tuple(line.split()[1].split(":")) for line in table.readlines()[1:]
                     if line.split()[3] == "0A"}
    addresses = {address for address, port in listening if int(port, 16) == store.health_port}
    assert addresses == {"0100007F"}
    names = set(figures(store))
    assert not any("device" in name or "person" in name for name in names)


def test_40_server_session_tickets_are_single_and_short(store):
    with connect(store) as connection:
        connection.sendall(b"GET /nowhere HTTP/1.1\r\nHost: a\r\n\r\n")
        connection.recv(1000)
        assert isinstance(connection.session, ssl.SSLSession) and connection.session.has_ticket
        assert connection.session.ticket_lifetime_hint <= 6 * 3600

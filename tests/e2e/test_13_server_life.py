"""Starting and stopping: READY, the lock, signals, and what becomes of exchanges in flight."""

import os
import re
import signal
import socket
import ssl
import stat
import threading
import time
import uuid

import pytest
from certificates import Authority
from cryptography.hazmat.primitives import serialization
from real_store import PATIENCE, ROOT, CommandFailed
from wire_client import END, Client, connect, new_device


def test_50_server_init_is_private_and_refuses_to_overwrite(make_store):
    store = make_store()
    assert stat.S_IMODE(os.stat(store.data).st_mode) == 0o700
    for path in store.data.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path
    before = (store.data / "ca.key").read_bytes()
    with pytest.raises(CommandFailed) as failed:
        store.run("init", "--host", "a.example")
    assert failed.value.code == 73 and "store already" in failed.value.stderr
    assert (store.data / "ca.key").read_bytes() == before


def test_51_server_commands_say_where_there_is_no_store(make_store):
    store = make_store(init=False)
    for command in (["status"], ["serve"], ["device", "list"], ["verify"], ["person", "9990000018"]):
        with pytest.raises(CommandFailed) as failed:
            store.run(*command)
        assert failed.value.code == 66 and "is no store" in failed.value.stderr
    for command in (["nonsense"], ["status", "--nonsense"], ["device"], ["device", "show"],
                    ["status", "unexpected"], ["init"], ["init", "--host", "bad host!"],
                    ["init", "--host", "a", "--port", "70000"]):
        with pytest.raises(CommandFailed) as failed:
            store.run(*command)
        assert failed.value.code in (64, 65), command
    assert "usage" in store.run("--help") and "--ceiling" in store.run("device", "code", "--help")


def test_52_server_a_second_daemon_is_refused(store):
    with pytest.raises(CommandFailed) as failed:
        store.run("serve")
    assert failed.value.code == 75 and "another process serves" in failed.value.stderr
    assert store.alive() and store.json("status")["serving"] is True
    store.stop()
    assert store.json("status")["serving"] is False


def test_53_server_a_second_store_cannot_share_the_port(store, make_store):
    other = make_store("other")
    with pytest.raises(CommandFailed) as failed:
        other.run("serve", "--port", str(store.port))
    assert failed.value.code == 75 and "in use" in failed.value.stderr


def test_54_server_sigterm_under_load_finishes_what_it_took(store, tmp_path):
    certificates = [new_device(store, tmp_path, f"device {n}")[1] for n in range(4)]
    started, results, lock = threading.Barrier(9), [], threading.Lock()

    def exchange(certificate):
        client = Client(store, certificate)
        first = client.sync()
        started.wait()
        outcome = None
        for _ in range(10000):
            try:
                status, answer = client.sync()
            except (OSError, ssl.SSLError, EOFError) as error:
                outcome = error
                break
            except Exception as error:  # http.client's own family
                outcome = error
                break
            if status == 200:
                assert answer[-1][0] == END  # never half an answer
            elif status == 503:
                outcome = status
                break
        with lock:
            results.append((first[0], outcome))

    threads = [threading.Thread(target=exchange, args=(certificates[n % 4],)) for n in range(8)]
    for thread in threads:
        thread.start()
    started.wait()
    store.signal(signal.SIGTERM)
    assert store.wait() == 0
    for thread in threads:
        thread.join()
    assert len(results) == 8 and all(first == 200 and outcome for first, outcome in results)
    assert "stopped" in store.log.read_text()


def test_55_server_sigterm_ends_long_waits(store, tmp_path):
    _, certificate = new_device(store, tmp_path)
    client = Client(store, certificate)
    vector = client.sync()[1][-1][2] or b"\0" * 32
    with connect(store, certificate) as connection:
        connection.sendall(b"GET /v1/wait?vector=%s&seconds=200 HTTP/1.1\r\nHost: a\r\n\r\n"
                           % vector.hex().encode())
        client.sync()
        store.signal(signal.SIGTERM)
        answer = connection.recv(1000)
    assert answer.startswith((b"HTTP/1.1 204", b"HTTP/1.1 503"))
    assert store.wait() == 0


def test_56_server_comes_back_after_kill_9(store, tmp_path):
    device, certificate = new_device(store, tmp_path)
    assert Client(store, certificate).sync()[0] == 200
    store.kill()
    store.serve()
    assert Client(store, certificate).sync()[0] == 200
    assert store.json("device", "show", device)["state"] == "active"


def test_57_server_sighup_reads_the_certificate_again(store):
    def certificate():
        with connect(store) as connection:
            return connection.getpeercert(binary_form=True)

    authority = Authority(store.data)
    key = serialization.load_pem_private_key((store.data / "server.key").read_bytes(), None)
    fresh = authority.server(store.data.parent, key)
    (store.data / "server.pem").write_bytes(b"nonsense")
    store.signal(signal.SIGHUP)  # what cannot be read changes nothing
    before = certificate()
    (store.data / "server.pem").write_bytes(fresh[0].read_bytes())
    store.signal(signal.SIGHUP)
    until = time.monotonic() + PATIENCE
    while certificate() == before:
        assert time.monotonic() < until
    assert store.alive()


def test_58_server_tells_systemd(make_store, tmp_path, monkeypatch):
    path = tmp_path / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(str(path))
        listening.settimeout(30)
        monkeypatch.setenv("NOTIFY_SOCKET", str(path))
        store = make_store()
        store.serve()
        assert listening.recv(1000).startswith(b"READY=1\n")
        store.stop()
        assert listening.recv(1000) == b"STOPPING=1"


def test_59_server_commands_work_while_it_serves(store, tmp_path):
    device, certificate = new_device(store, tmp_path, "Tablet 7")
    client = Client(store, certificate)
    assert client.sync(waiting=3, oldest_ms=1)[0] == 200
    assert store.json("device", "show", "Tablet 7")["device"] == device
    assert store.json("status")["localities"][0]["locality"] == str(store.locality)
    assert store.json("conflicts") == [] and store.json("quarantine") == []
    assert store.json("verify")[0]["problems"] == 0
    with pytest.raises(CommandFailed) as failed:
        store.run("person", "9990000018")
    assert failed.value.code == 66
    with pytest.raises(CommandFailed) as failed:
        store.run("device", "show", str(uuid.uuid4()))
    assert failed.value.code == 66
    store.stop()
    [listed] = store.json("device", "list")
    assert listed["waiting"] == 3 and listed["seen"]


def test_60_server_a_new_grant_wakes_who_waits(store, tmp_path):
    device, certificate = new_device(store, tmp_path)
    vector = Client(store, certificate).sync()[1][-1][2] or b"\0" * 32
    with connect(store, certificate) as connection:
        connection.sendall(b"GET /v1/wait?vector=%s&seconds=200 HTTP/1.1\r\nHost: a\r\n\r\n"
                           % vector.hex().encode())
        store.invite("ignored", "--scope", f"home:{uuid.uuid4()}", device=device)
        assert connection.recv(1000).startswith(b"HTTP/1.1 200")


def test_61_server_manual_pages_name_every_command_option_and_setting(make_store):
    store = make_store(init=False)
    page = (ROOT / "docs/man/pannier-store.1").read_text().replace("\\", "")
    usage = store.run("--help")
    commands = re.findall(r"^  ([a-z]+(?: [a-z]+)?)  ", usage.split("options of")[0], re.M)
    assert len(commands) > 10
    for command in commands:
        assert f".B {command}" in page, command
        for option in re.findall(r"^  (--[a-z-]+)", store.run(*command.split(), "--help"), re.M):
            assert option in page, (command, option)
    page = (ROOT / "docs/man/pannier-store.conf.5").read_text()
    settings = re.findall(r"^[#;]? ?([a-z_]+) = ", store.run("conf"), re.M)
    assert len(settings) > 15
    for setting in settings:
        assert f".B {setting}\n" in page, setting

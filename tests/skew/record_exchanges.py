#!/usr/bin/python3
"""Record an exchange of the real programs, byte by byte, for tests that a later Pannier has to pass.

usage: PANNIER_BUILD=build tests/skew/record_exchanges.py FOLDER

A store with a few people, a tablet that worked while it was away, and a desk that changed the same meanwhile. The tablet's replica is
taken away, so that everything comes again. Between the two stands a recorder that has both sides' keys, and so reads what
TLS hides from everybody else. FOLDER gets the two databases as they were before, the keys (made for this and
nothing else), each request and answer, and what both sides said afterwards. tests/unit/test_skew_replay.c plays it again.

A recording is made once for each version of the protocol, and never changed afterwards: that is its use.
"""
import ctypes
import http.client
import http.server
import json
import shutil
import ssl
import sys
import tempfile
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "e2e"))

from locality import Locality, create, edit, pages, settle, until, visit  # noqa: E402
from wire_client import _zstd  # noqa: E402

PEOPLE = 6
LEVEL = 19  # of the compressed databases


def pack(source, target):
    data = source.read_bytes()
    size = _zstd.ZSTD_compressBound(ctypes.c_size_t(len(data)))
    out = ctypes.create_string_buffer(size)
    size = _zstd.ZSTD_compress(out, ctypes.c_size_t(size), data, ctypes.c_size_t(len(data)), LEVEL)
    target.write_bytes(out.raw[:size])


class Recorder:
    """To the device it is the store, to the store it is the device."""

    def __init__(self, store, device):
        self.bodies = []  # (request, answer)
        recorder = self
        there = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        there.load_verify_locations(store.data / "ca.pem")
        there.load_cert_chain(device.state / "device.pem", device.state / "device.key")
        here = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        here.load_cert_chain(store.data / "server.pem", store.data / "server.key")
        here.load_verify_locations(store.data / "ca.pem")
        here.verify_mode = ssl.CERT_OPTIONAL

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def do_GET(self):  # the long poll: not of this recording
                self.send_response(503)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                onward = http.client.HTTPSConnection("127.0.0.1", store.port, context=there)
                onward.request("POST", self.path, body, {"Content-Type": self.headers["Content-Type"]})
                answer = onward.getresponse()
                content = answer.read()
                onward.close()
                recorder.bodies.append((body, content))
                self.send_response(answer.status)
                self.send_header("Content-Type", answer.headers["Content-Type"])
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.server.socket = here.wrap_socket(self.server.socket, server_side=True)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


def work(locality):
    """What happened before: the tablet away with work of every kind of outcome that comes at once."""
    tablet, desk = locality.tablet("tablet"), locality.tablet("desk")
    person = pages(tablet, "/v1/people", "people")[0]["id"]
    shared = desk.post("/v1/entries", create("alert", {"category": "dog", "text": "A dog."}, person)).json["record"]
    settle(desk)
    settle(tablet)
    tablet.relay.go_away()
    met = create("person", {"family": "New", "given": "Nora", "birth_date": "1940-05-06"})
    written = [
        visit(person, text="Seen while away."),
        edit(shared, {"text": "A large dog."}),  # the desk says something else: held
        met,
        create("alert", {"category": "lone_worker", "text": "Two of us."}, met["request"]),
        create("contact_person", {"name": "Rowan Ash", "rank": 1, "lasting_power": "both"}, person),
    ]
    for entry in written:
        answer = tablet.post("/v1/entries", entry)
        assert answer.status in (200, 201), answer
    desk.post("/v1/entries", edit(shared, {"text": "A friendly dog."}))
    settle(desk)
    until(lambda: tablet.status()["outbox"]["access_events_waiting"] >= 0, "who was looked at is written")
    return tablet, desk


def keep_before(locality, tablet, folder):
    for name in ("store.db",):
        assert not (locality.store.data / f"{name}-wal").exists()
        pack(locality.store.data / name, folder / f"{name}.zst")
    assert not (tablet.state / "outbox.db-wal").exists()
    pack(tablet.state / "outbox.db", folder / "outbox.db.zst")
    for source, name in ((locality.store.data / "signing.key", "store_signing.key"),
                         (locality.store.data / "signing.pem", "store_signing.pem"),
                         (locality.store.data / "ca.pem", "ca.pem"), (tablet.state / "device.key", "device.key"),
                         (tablet.state / "caseload.key", "caseload.key")):
        shutil.copyfile(source, folder / name)


def main():
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True)
    with tempfile.TemporaryDirectory() as made:
        locality = Locality(made, people=PEOPLE)
        tablet, desk = work(locality)
        desk.stop()
        tablet.stop()
        locality.store.stop()
        for name in ("replica.db", "replica.db-wal", "replica.db-shm"):
            (tablet.state / name).unlink(missing_ok=True)
        keep_before(locality, tablet, folder)
        now_ms = int(time.time() * 1000)
        locality.store.serve()
        recorder = Recorder(locality.store, tablet)
        (tablet.state / "store").write_text(f"https://127.0.0.1:{recorder.port}\n")
        tablet.start()
        until(lambda: tablet.status()["complete"] and not tablet.status()["exchange"]["running"], "it is recorded")
        tablet.sync()  # and one that has nothing to say
        bodies = list(recorder.bodies)
        status = tablet.status()
        entries = {entry["id"]: entry["state"] for entry in pages(tablet, "/v1/entries", "entries")}
        assert status["outbox"]["waiting"] == 0 and {"applied", "held"} <= set(entries.values()), entries
        there = dict(locality.ledger(tablet))
        assert all(there[entry] == state for entry, state in entries.items())
        about = {"software": status["version"], "device": tablet.id, "now_ms": now_ms, "people": status["people"],
                 "rounds": len(bodies), "entries": entries}
        tablet.stop()
        locality.close()
    for number, (request, answer) in enumerate(bodies, 1):
        (folder / f"{number}.request").write_bytes(request)
        (folder / f"{number}.answer").write_bytes(answer)
    (folder / "about.json").write_text(json.dumps(about, indent=1) + "\n")
    print(f"{folder}: {len(bodies)} round trips, {len(entries)} entries, "
          f"{sum(file.stat().st_size for file in folder.iterdir())} bytes")


if __name__ == "__main__":
    main()

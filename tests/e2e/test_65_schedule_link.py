"""What a day's data may carry, and exchanges that get nowhere: on the real programs."""

import sys
import threading
import time
import uuid

import pytest
from device import PATIENCE, Device, seconds
from locality import pages, until, visit
from strange_store import Authority, Store, free_port

MOBILE = "[link]\nkind = mobile\n"


def conf(folder, text):
    path = folder / f"{len(list(folder.iterdir()))}.conf"
    path.write_text(text)
    return ["--conf", str(path)]


def records_here(device, person):
    return {record["id"] for record in pages(device, f"/v1/records?person={person}&type=visit", "records")}


def applied(device, entry):
    return device.get(f"/v1/entries/{entry}").json["state"] == "applied"


def test_65_schedule_mobile_data_that_is_used_up_holds_news_back_and_never_urgent_work(locality):
    tablet = locality.tablet(arguments=conf(locality.folder, MOBILE))
    desk = locality.tablet("desk")
    link = tablet.status()["link"]
    assert link["kind"] == "mobile" and link["metered"] and link["lets_through"] == "everything"
    assert link["budget_bytes"] == 256 << 20 and link["spent_bytes"] > 10000, link
    assert not tablet.status()["exchange"]["listening"], "data that costs money is not listened on"
    person = pages(tablet, "/v1/people", "people")[0]["id"]

    # The operators make the day's budget what was spent already, and a little.
    locality.store.stop()
    kib = (link["spent_bytes"] >> 10) + 2
    locality.store.serve(settings=f"[policy]\nversion = 2\nday_kib = {kib}\n")
    status = tablet.sync()
    assert status["link"]["budget_bytes"] == kib << 10
    assert status["link"]["lets_through"] == "own work", status["link"]
    assert status["link"]["resumes"] > status["now"]
    assert seconds(status["exchange"]["next"]) >= seconds(status["link"]["resumes"]) - 1, "nothing is fetched by itself"

    # News at the store; urgent work here: it goes at once, and the news does not come with it.
    written = desk.post("/v1/entries", visit(person)).json
    desk.sync()
    alert = str(uuid.uuid4())
    tablet.record("alert", {"category": "dog", "text": "Large but friendly."}, person, request=alert)
    until(lambda: applied(tablet, alert), "urgent work goes by itself")
    until(lambda: not tablet.status()["exchange"]["running"], "the exchange ends")
    assert written["record"] not in records_here(tablet, person)
    assert tablet.status()["link"]["news_waits"]
    words = tablet.command("status", "--text", check=0).stdout
    assert "mobile network is used up" in words and "news that waits" in words and "'pannier sync'" in words, words

    # A restart gives no second budget.
    tablet.kill()
    tablet.start()
    status = tablet.status()
    assert status["link"]["lets_through"] != "everything" and status["link"]["budget_bytes"] == kib << 10, status["link"]

    # Whoever asks gets it all the same.
    tablet.command("sync", "--wait", check=0)
    assert written["record"] in records_here(tablet, person)
    assert tablet.status()["link"]["lets_through"] == "urgent work"
    locality.agree(tablet)

    # A device that lost what it held is of no use to anybody: it fetches by itself, budget or not.
    tablet.kill()
    (tablet.state / "replica.db").unlink()
    tablet.start()
    until(lambda: tablet.status()["complete"], "everybody is here again")
    assert tablet.status()["link"]["lets_through"] == "urgent work"
    assert written["record"] in records_here(tablet, person)


def test_65_schedule_a_link_of_another_kind_has_a_budget_of_its_own(locality):
    tablet = locality.tablet(arguments=conf(locality.folder, "[link]\nkind = wifi\n[budget]\nwifi_mib = 1\n"))
    link = tablet.status()["link"]
    assert link == {**link, "kind": "wifi", "metered": False, "budget_bytes": 1 << 20, "lets_through": "everything"}
    tablet.stop()
    tablet.arguments = conf(locality.folder, "[link]\nkind = wifi\nmetered = yes\n")
    tablet.start()
    link = tablet.status()["link"]
    assert link["metered"] and link["budget_bytes"] == 0 and link["kind"] == "wifi"


# ---- exchanges that get nowhere ----

@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("ca"), "authority")


class Dripping(Store):
    """Holds the line: promises a large answer and gives a byte now and then."""

    def __init__(self, *arguments, pause=0.05):
        self.pause = pause
        self.ended = threading.Semaphore(0)  # the device hung up
        self.stopping = threading.Event()
        super().__init__(*arguments)

    def handle(self, handler, body):
        if handler.path != "/v1/sync":
            return super().handle(handler, body)
        handler.send_response(200)
        handler.send_header("Content-Type", "application/cbor-seq")
        handler.send_header("Content-Length", "1000000")
        handler.end_headers()
        try:
            while not self.stopping.wait(self.pause):
                handler.wfile.write(b"x")
                handler.wfile.flush()
        except OSError:
            self.ended.release()
            handler.close_connection = True
        return None

    def close(self):
        self.stopping.set()
        super().close()


def test_65_schedule_an_exchange_that_only_drips_is_ended_and_tried_anew(tmp_path, authority):
    store = Dripping(authority, authority.server("drip"))
    device = Device(tmp_path, "d", conf(tmp_path, "[link]\nstall_s = 1\n")).start()
    try:
        device.enrol(store.link)
        status = device.sync(expect="offline")
        assert "got nowhere for 1 seconds" in status["exchange"]["detail"], status["exchange"]
        for _ in range(2):  # the device hangs up, and comes again by itself
            assert store.ended.acquire(timeout=PATIENCE)
    finally:
        device.kill()
        store.close()


HUNG = """
import os, socket, subprocess, sys
subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
with open(sys.argv[1], "w") as file:
    file.write("nameserver 127.0.0.1\\noptions timeout:20 attempts:1\\n")
subprocess.run(["mount", "--bind", sys.argv[1], "/etc/resolv.conf"], check=True)
silent = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)  # takes every question and answers none
silent.bind(("127.0.0.1", 53))
os.set_inheritable(silent.fileno(), True)
os.execv(sys.argv[2], sys.argv[2:])
"""


def test_65_schedule_a_name_server_that_hangs_does_not_hold_anything_up(tmp_path, authority):
    store = Store(authority, authority.server("named"))
    device = Device(tmp_path, "d").start()
    device.enrol(store.link)
    device.stop()
    store.close()
    (device.state / "store").write_text(f"https://store.example:{store.port}\n")
    device.arguments = conf(tmp_path, "[link]\nconnect_s = 1\n")
    device.wrapper = ["unshare", "-rmn", sys.executable, "-c", HUNG, str(tmp_path / "resolv.conf")]
    device.start()
    try:
        ended, longest = 0, 0.0
        last = None
        until_end = time.monotonic() + PATIENCE
        while ended < 3:  # attempts that gave up while the question was still out
            assert time.monotonic() < until_end
            begun = time.monotonic()
            exchange = device.status()["exchange"]
            longest = max(longest, time.monotonic() - begun)
            if not exchange["running"] and exchange["last_attempt"] not in (None, last):
                last = exchange["last_attempt"]
                assert exchange["problem"] in ("dns", "offline"), exchange
                ended += 1
                device.post("/v1/sync")
        print(f"measured status while names hang: longest {longest:.3f} s")
        assert longest < 5, "the daemon answers while the name server does not (20 s)"
    finally:
        device.kill()


def test_65_schedule_each_problem_is_told_in_plain_words_that_say_what_to_do(tmp_path, authority):
    store = Store(authority, authority.server("plain"))
    device = Device(tmp_path, "d", conf(tmp_path, f"[link]\nportal_port = {free_port()}\n")).start()
    try:
        device.enrol(store.link)
        for status, words in ((503, "sent later"), (429, "tried again by itself"), (403, "Tell IT"),
                              (426, "Work is still sent. Tell IT"), (511, "sign-in page first"),
                              (400, "not ours. Tell IT")):
            store.answer = (status, {"Content-Type": "text/plain"}, b"no")
            name = {503: "store unavailable", 429: "rate limited", 403: "refused", 426: "upgrade needed",
                    511: "captive portal", 400: "protocol"}[status]
            device.sync(expect=name)
            said = " ".join(device.command("status", "--text", check=0).stdout.split())
            assert words in said and f"({name}: " in said, said
        store.answer = (429, {"Content-Type": "text/plain", "Retry-After": "1200"}, b"")
        device.sync(expect="rate limited")
        status = device.status()
        patience = seconds(status["exchange"]["patience"]) - seconds(status["now"])
        assert 1190 < patience <= 1500 and status["exchange"]["next"] >= status["exchange"]["patience"], status["exchange"]
        assert "asked for patience" in device.command("status", "--text", check=0).stdout
    finally:
        device.kill()
        store.close()

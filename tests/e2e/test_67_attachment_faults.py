"""Whatever fails on the way of a photo: it goes on where it stopped, and never stands in the way of an entry."""

import http.client
import json
import os
import random
import shutil
import ssl
import time
import uuid

import pytest
from locality import pages, restart, settle, until, visit
from photo import attached, brought, bytes_of, files, jpeg, sha256, stored, waiting
from relay import DOWN, UP

CHUNK = 256 << 10
OVERHEAD = 24 << 10  # of a connection that is made anew, its handshake and an exchange with it


def somebody(device):
    return pages(device, "/v1/people", "people")[0]["id"]


def attachments(device):
    return device.status()["attachments"]


def away_with_photo(tablet, size, seed=1):
    """A photo that waits on a tablet without a network, its entry at the store."""
    person = somebody(tablet)
    tablet.relay.cut_after(UP, 1 << 40)  # counts, and lets everything through
    tablet.relay.go_away()
    return attached(tablet, person, jpeg(random.Random(seed), size))


@pytest.mark.parametrize("seed", range(3))
def test_67_attachment_an_upload_that_is_cut_goes_on_at_the_first_chunk_that_is_missing(locality, seed):
    tablet, rng = locality.tablet(), random.Random(seed)
    written = away_with_photo(tablet, 6 * CHUNK + 1000)
    tablet.relay.come_back()
    until(lambda: tablet.sync(None)["exchange"]["problem"] == "ok", "an exchange")
    before, cuts = tablet.relay.bytes[UP], 0
    while waiting(tablet) and cuts < 4:
        tablet.relay.cut_after(rng.choice((UP, UP, DOWN)), rng.randrange(1, 2 * CHUNK))
        until(lambda: tablet.relay.cut.is_set() or not waiting(tablet), "a cut")
        tablet.relay.come_back()
        cuts += tablet.relay.cut.is_set()
        tablet.sync(None)
    until(lambda: tablet.sync(None) and waiting(tablet) == 0, "the store has it")
    sent = tablet.relay.bytes[UP] - before
    assert sent <= written["size"] + cuts * CHUNK + (cuts + 4) * OVERHEAD, (sent, written["size"], cuts)
    assert bytes_of(tablet, written["record"]).body in stored(locality, written["record"]).read_bytes()


@pytest.mark.parametrize("who", ["tablet", "store"])
def test_67_attachment_an_upload_survives_a_kill_at_either_end(locality, who):
    tablet, rng = locality.tablet(), random.Random(9)
    written = away_with_photo(tablet, 6 * CHUNK)
    tablet.relay.come_back()
    for _ in range(3):
        tablet.relay.cut_after(UP, rng.randrange(CHUNK // 2, 2 * CHUNK), then_away=True)
        tablet.sync(None)
        until(lambda: tablet.relay.cut.is_set() or not waiting(tablet), "a cut")
        if who == "tablet":
            tablet.kill()
            tablet.start()
        else:
            locality.store.kill()
            locality.store.serve()
        tablet.relay.come_back()
    until(lambda: tablet.sync(None) and waiting(tablet) == 0, "the store has it")
    assert sha256(bytes_of(tablet, written["record"]).body) == written["sha256"]
    verify = locality.store.json("verify", "--attachments")
    assert verify[-1]["attachments"] == 1 and verify[-1]["damaged"] == verify[-1]["missing"] == 0


def test_67_attachment_a_visit_goes_first_and_a_photo_without_room_is_one_line_of_the_status(locality):
    locality.store.stop()
    locality.store.serve(settings="\n[limits]\nattachment_reserve_mib = 1048576\n")
    tablet = locality.tablet()
    person = somebody(tablet)
    written = attached(tablet, person, jpeg(random.Random(1), 100_000))
    settle(tablet)
    until(lambda: attachments(tablet)["failed"] == 1, "the store refuses it")
    assert attachments(tablet)["failed_id"] == written["id"] and "no room" in attachments(tablet)["problem"]
    text = tablet.command("status", check=0).stdout
    assert sum("no room for attachments" in line for line in text.splitlines()) == 1, text
    for number in range(3):
        entry = visit(person, f"Visit {number}")
        assert tablet.post("/v1/entries", entry).status == 201
        settle(tablet)
        assert locality.agree(tablet)[entry["request"]] == "applied"
    assert sha256(bytes_of(tablet, written["record"]).body) == written["sha256"]  # kept, and shown
    locality.store.stop()
    conf = locality.store.data / "store.conf"
    conf.write_text(conf.read_text().replace("attachment_reserve_mib = 1048576", "attachment_reserve_mib = 0"))
    locality.store.serve()
    restart(tablet)  # asks at once, instead of when the store said
    tablet.sync()
    brought(tablet)


def test_67_attachment_one_that_is_damaged_on_the_device_holds_up_no_other(locality):
    tablet = locality.tablet()
    person = somebody(tablet)
    tablet.relay.go_away()
    bad, good = (attached(tablet, person, jpeg(random.Random(seed), CHUNK + 5000)) for seed in (1, 2))
    path = tablet.state / "outbox.d" / bad["id"]
    content = bytearray(path.read_bytes())
    content[1000] ^= 1
    path.write_bytes(content)
    tablet.relay.come_back()
    settle(tablet)
    until(lambda: attachments(tablet)["waiting"] == 1, "the other one is brought")
    until(lambda: attachments(tablet)["failed"] == 1, "the damaged one is told of")
    assert "damaged" in attachments(tablet)["problem"] and attachments(tablet)["failed_id"] == bad["id"]
    assert stored(locality, good["record"]) and not stored(locality, bad["record"])
    assert path.exists()


def test_67_attachment_a_chunk_that_is_damaged_at_the_store_is_found_and_fetched_again(locality):
    tablet, other = locality.tablet(), locality.tablet("other")
    written = attached(tablet, somebody(tablet), jpeg(random.Random(1), 3 * CHUNK))
    settle(tablet)
    brought(tablet)
    settle(other)
    assert bytes_of(other, written["record"]).status == 200
    path = stored(locality, written["record"])
    whole = path.read_bytes()
    damaged = bytearray(whole)
    damaged[CHUNK + 77] ^= 0x40
    path.write_bytes(damaged)
    run = locality.store.start_command("verify", "--attachments", "--json")
    assert run.returncode == 74
    assert json.loads(run.stdout)[-1]["list"] == [{"record": written["record"], "problem": "damaged"}]
    tablet.relay.go_away()  # any device that has it may bring it
    before = other.relay.bytes[UP]
    restart(other)  # one that runs asks every few hours
    other.sync()
    until(lambda: path.read_bytes() == whole, "the damaged chunk is brought again")
    assert other.relay.bytes[UP] - before < CHUNK + 4 * OVERHEAD  # it alone
    assert locality.store.json("verify", "--attachments")[-1]["damaged"] == 0
    assert not files(locality.store.data / "attachments" / "wanted")


def test_67_attachment_bytes_without_an_entry_are_cleared_and_those_with_one_never(locality):
    tablet = locality.tablet()
    tablet.relay.go_away()
    written = attached(tablet, somebody(tablet), jpeg(random.Random(1), 5000))
    tablet.kill()
    box = tablet.state / "outbox.d"
    # The power went behind the entry and before the file got its name.
    (box / written["id"]).rename(box / f"{written['id']}.new")
    orphans = [box / f"{uuid.uuid4()}.new" for _ in range(2)]
    for orphan in orphans:
        shutil.copyfile(box / f"{written['id']}.new", orphan)
    torn = box / f"{uuid.uuid4()}.3.part"
    torn.write_bytes(b"half")
    long_ago = time.time() - 7200
    os.utime(orphans[0], (long_ago, long_ago))
    os.utime(box / f"{written['id']}.new", (long_ago, long_ago))
    tablet.start()
    assert waiting(tablet) == 1 and (box / written["id"]).exists()
    assert not orphans[0].exists() and orphans[1].exists() and not torn.exists()
    assert sha256(bytes_of(tablet, written["record"]).body) == written["sha256"]
    tablet.relay.come_back()
    settle(tablet)
    brought(tablet)


def test_67_attachment_a_photo_of_somebody_who_was_moved_meanwhile_arrives_and_leaves_the_tablet(locality):
    tablet = locality.tablet()
    team = locality.rows("teams")[0]["name"]
    other_team = next(row["name"] for row in locality.rows("teams") if row["name"] != team)
    other = locality.device("other", "--team", other_team)
    away = ({row["person"] for row in locality.rows("residences")} |
            {row["person"] for row in locality.rows("assignments") if row["team"] == other_team})
    row = next(row for row in locality.rows("assignments") if row["team"] == team and row["person"] not in away)
    person = next(one["id"] for one in pages(tablet, "/v1/people", "people")
                  if one["fields"].get("nhs_number") == row["person"])
    tablet.relay.go_away()
    written = attached(tablet, person, jpeg(random.Random(1), 300_000))
    locality.load("assignments", [{**row, "status": "ended"}, {**row, "team": other_team}])
    tablet.relay.come_back()
    settle(tablet)
    assert locality.agree(tablet)[written["id"]] == "late"
    brought(tablet)
    until(lambda: not files(tablet.state / "kept.d") and not files(tablet.state / "outbox.d"), "nothing is left of it")
    assert bytes_of(tablet, written["record"]).status == 404
    path = stored(locality, written["record"])
    assert sha256(path.read_bytes()[:written["size"]]) == written["sha256"]
    settle(other)
    assert locality.store.json("custody", "--person", person)[-1]["state"] == "held" and locality.verified()


class Wire:
    """Requests with a device's own certificate, as a program of somebody else may make them."""

    def __init__(self, device, locality):
        self.context = ssl.create_default_context(cafile=device.state / "ca.pem")
        self.context.load_cert_chain(device.state / "device.pem", device.state / "device.key")
        self.port = locality.store.port

    def __call__(self, method, path, body=None):
        connection = http.client.HTTPSConnection("127.0.0.1", self.port, context=self.context, timeout=30)
        connection.request(method, f"/v1/attachments/{path}", body)
        answer = connection.getresponse()
        body = answer.read()
        connection.close()
        return answer.status, body


def test_67_attachment_what_a_hostile_device_asks_for_or_brings_is_refused(locality):
    tablet = locality.tablet()
    stranger = locality.device("stranger", "--scope", f"team:{uuid.uuid4()}", sync=False)
    tablet.relay.go_away()
    written = attached(tablet, somebody(tablet), jpeg(random.Random(1), CHUNK + 5000))
    content = bytes_of(tablet, written["record"]).body
    entry = written["id"]
    mine, theirs = Wire(tablet, locality), Wire(stranger, locality)
    assert mine("GET", f"{entry}/state")[0] == 404  # its entry has not come
    tablet.relay.come_back()
    tablet.relay.cut_after(UP, 1 << 40)
    settle(tablet)
    brought(tablet)
    assert mine("GET", f"{entry}/state")[0] == 200 and mine("GET", f"{entry}/1") == (200, content[CHUNK:])
    put = f"{entry}/0?hash={sha256(content[:CHUNK])}"
    for wire, method, path, body, status in (
            (theirs, "GET", f"{entry}/state", None, 404), (theirs, "GET", f"{entry}/0", None, 404),
            (theirs, "PUT", put, content[:CHUNK], 404), (mine, "PUT", put, content[:CHUNK], 409),
            (mine, "GET", f"{entry}/2", None, 404), (mine, "GET", f"{uuid.uuid4()}/0", None, 404),
            (mine, "GET", f"{written['sha256']}/0", None, 400), (mine, "GET", "../../store.db", None, 400),
            (mine, "GET", f"{entry}/-1", None, 400), (mine, "GET", f"{entry}/99999999999", None, 400),
            (mine, "PUT", f"{entry}/0", content[:CHUNK], 400), (mine, "PUT", f"{entry}/0?hash=xyz", b"x", 400),
            (mine, "PUT", put, content[:CHUNK - 1], 400), (mine, "PUT", put, content + content, 413),
            (mine, "POST", put, content[:CHUNK], 405)):
        assert wire(method, path, body)[0] == status, (method, path)
    assert bytes_of(tablet, written["record"]).body == content and locality.verified()

"""The pannier command: what a person at a terminal sees, what a program gets, and what happens to bad input."""

import datetime
import json
import re
import uuid

import pytest
from device import Device
from relay import Relay
from sample import enrolled, sample_locality

COMMANDS = ("status", "sync", "people", "person", "visit", "observe", "escalate", "record", "draft", "outbox", "conflicts",
            "quarantine", "staff", "enrol", "doctor", "ready")
USAGE, DATAERR, NOINPUT, UNAVAILABLE, TEMPFAIL, NOPERM, SOFTWARE = 64, 65, 66, 69, 75, 77, 70


@pytest.fixture(scope="module")
def locality(tmp_path_factory):
    store = sample_locality(tmp_path_factory.mktemp("store"))
    yield store
    store.stop()


@pytest.fixture(scope="module")
def tablet(locality, tmp_path_factory):
    relay = Relay(locality)
    device = enrolled(locality, tmp_path_factory.mktemp("t"), "a", relay)
    device.relay = relay
    yield device
    device.kill()
    relay.close()


@pytest.fixture(scope="module")
def second(locality, tmp_path_factory):
    device = enrolled(locality, tmp_path_factory.mktemp("t"), "b")
    yield device
    device.kill()


@pytest.fixture(scope="module")
def person(tablet):
    people = tablet.get("/v1/people?limit=500").json["people"]
    return next(one for one in people if one["fields"].get("nhs_number"))


def text(device, *arguments, code=0, **options):
    return device.command(*arguments, "--text", check=code, **options).stdout


def test_42_client_every_command_has_help(tablet):
    listed = tablet.command("--help", check=0).stdout
    for name in COMMANDS:
        assert re.search(rf"^  {name} ", listed, re.MULTILINE), name
        assert tablet.command(name, "--help", check=0).stdout.startswith("Usage: pannier " + name)
    assert re.match(r"pannier [0-9.]+$", tablet.command("--version", check=0).stdout)


def test_42_client_what_is_not_understood_is_a_usage_error_with_a_way_out(tablet):
    for arguments in ([], ["dance"], ["status", "--loud"], ["status", "now"], ["people", "--limit", "0"], ["people", "--limit"],
                      ["person"], ["visit"], ["observe"], ["escalate"], ["record"], ["conflicts", "decide"], ["enrol"],
                      ["sync", "--timeout", "x"], ["outbox", "--limit", "9999"], ["draft", "eat"]):
        done = tablet.command(*arguments, check=USAGE)
        assert "--help" in done.stderr and done.stdout == "", arguments


def test_42_client_who_works_must_be_said(tablet):
    assert "PANNIER_STAFF" in tablet.command("people", staff="", check=USAGE).stderr
    assert "id" in tablet.command("people", staff="Ann", check=DATAERR).stderr
    tablet.command("people", "--staff", str(uuid.uuid4()), check=NOPERM)


def test_42_client_a_daemon_that_is_away_is_said(tmp_path):
    device = Device(tmp_path)
    done = device.command("status", check=UNAVAILABLE)
    assert "is it running?" in done.stderr


def test_42_client_a_device_that_is_not_enrolled_says_what_to_do(tmp_path):
    device = Device(tmp_path).start()
    assert "pannier enrol LINK" in text(device, "status")
    device.command("people", staff=str(uuid.uuid4()), check=TEMPFAIL)
    assert "WRONG" in text(device, "doctor", code=SOFTWARE)
    device.command("ready", check=TEMPFAIL)
    assert "begins with pannier://" in device.command("enrol", "https://x", check=DATAERR).stderr
    device.stop()


def test_42_client_enrols_by_link(locality, tmp_path):
    from sample import team_of
    device = Device(tmp_path, "e").start()
    link = locality.invite("by command", "--team", team_of(locality))["link"]
    assert "enrolled" in text(device, "enrol", link)
    assert text(device, "sync", "--wait").startswith("Nothing has been recorded here yet.")
    assert json.loads(device.command("sync", "--wait", check=0).stdout)["complete"] is True
    device.stop()


def test_42_client_without_a_terminal_everything_is_json(tablet, person):
    for arguments in (["status"], ["people"], ["person", person["id"]], ["outbox"], ["conflicts"], ["quarantine"], ["staff"],
                      ["doctor"], ["ready"], ["draft"], ["sync"]):
        assert isinstance(json.loads(tablet.command(*arguments, check=0).stdout), dict), arguments


def test_42_client_ready_says_what_has_to_be_done_first(tablet, person):
    day = str(datetime.date.today() + datetime.timedelta(days=8))
    assert f"nothing is planned on {day}" in text(tablet, "ready", "--date", day)
    assert "certificate" in text(tablet, "ready", "--date", "2046-05-07", code=TEMPFAIL)  # it will have run out
    assert "date" in tablet.command("ready", "--date", "7 May", check=DATAERR).stderr


def test_42_client_people_are_found_and_shown(tablet, person):
    family, number = person["fields"]["family"], person["fields"]["nhs_number"]
    spaced = f"{number[:3]} {number[3:6]} {number[6:]}"
    listed = text(tablet, "people", family)
    assert family in listed and spaced in listed
    shown = text(tablet, "person", number)
    assert shown == text(tablet, "person", spaced) == text(tablet, "person", person["id"])
    assert family in shown.splitlines()[0] and spaced in shown and "Assignment" in shown
    assert "Nobody was found" in text(tablet, "people", "zzzz-nobody")


def test_42_client_a_mistyped_nhs_number_is_told_from_an_unknown_one(tablet, person):
    number = person["fields"]["nhs_number"]
    mistyped = number[:9] + str((int(number[9]) + 1) % 10)
    assert "digit" in tablet.command("person", mistyped, check=DATAERR).stderr
    assert "nobody" in tablet.command("person", "9876543210", check=NOINPUT).stderr
    tablet.command("person", str(uuid.uuid4()), check=NOINPUT)


def test_42_client_observations_get_their_news2_and_what_to_do(tablet, person):
    shown = text(tablet, "observe", "--person", person["id"], "--respiration", "25", "--spo2", "92", "--oxygen", "air",
                 "--systolic", "105", "--diastolic", "60", "--pulse", "112", "--consciousness", "A", "--temperature", "38.5")
    assert "NEWS2: 9" in shown and "HIGH. Emergency" in shown and "Royal College of Physicians" in shown
    low = text(tablet, "observe", "--person", person["id"], "--respiration", "16", "--spo2", "97", "--oxygen", "air",
               "--systolic", "120", "--pulse", "70", "--consciousness", "A", "--temperature", "37")
    assert "NEWS2: 0" in low and "12 hours" in low
    single = text(tablet, "observe", "--person", person["id"], "--respiration", "16", "--spo2", "97", "--oxygen", "air",
                  "--systolic", "120", "--pulse", "70", "--consciousness", "C", "--temperature", "37.0")
    assert "NEWS2: 3" in single and "LOW-MEDIUM" in single
    incomplete = text(tablet, "observe", "--person", person["id"], "--pulse", "70", "--worried")
    assert "INCOMPLETE" in incomplete and "temperature" in incomplete and "NEWS2: 0" not in incomplete
    record = json.loads(tablet.command("observe", "--person", person["id"], "--pulse", "71", check=0).stdout)
    assert record["fields"]["pulse"] == 71 and "news2" not in record["fields"]


@pytest.mark.parametrize("arguments, words", [
    (["--temperature", "38.55"], "one decimal"), (["--temperature", "99"], "temperature"), (["--pulse", "fast"], "whole number"),
    (["--pulse", "301"], "pulse"), (["--consciousness", "X"], "consciousness"), (["pulse"], "field=value"),
    (["nonsense=1"], "no field"), (["--pulse", "70", "pulse=71"], "twice"),
])
def test_42_client_bad_values_are_named_and_nothing_is_recorded(tablet, person, arguments, words):
    before = tablet.status()["outbox"]
    done = tablet.command("observe", "--person", person["id"], *arguments)
    assert done.returncode in (USAGE, DATAERR) and words in done.stderr, done
    after = tablet.status()["outbox"]
    assert after["recorded"] - after["access_events"] == before["recorded"] - before["access_events"]


def test_42_client_status_and_outbox_say_what_has_arrived(tablet, person):
    tablet.command("sync", "--wait", check=0)
    assert text(tablet, "status").startswith("Everything that was recorded here has arrived.")
    assert text(tablet, "outbox").startswith("0 waiting")
    tablet.relay.go_away()
    text(tablet, "record", "alert", "--person", person["id"], "category=dog", "text=Two dogs")
    waiting = text(tablet, "status")
    assert waiting.startswith("1 entry is only on this device")
    assert re.search(r"^ +1  waiting ", waiting, re.MULTILINE)
    listed = text(tablet, "outbox")
    assert "waiting: only on this device" in listed and person["fields"]["family"] in listed and "1 waiting" in listed
    assert "Access event" not in listed
    shown = text(tablet, "person", person["id"])
    assert "Two dogs" in shown and "[only on this device]" in shown
    tablet.relay.come_back()
    assert text(tablet, "sync", "--wait").startswith("Everything that was recorded here has arrived.")
    assert "arrived" in text(tablet, "outbox", "--all")
    assert "[only on this device]" not in text(tablet, "person", person["id"])


def test_42_client_a_store_that_is_away_is_said_in_plain_words(second, locality, person):
    locality.stop()
    try:
        text(second, "visit", "--person", person["id"], "setting=home", "arrived=now", "left=now", "outcome=completed")
        done = second.command("sync", "--wait", "--text", check=TEMPFAIL)
        assert "Work goes on" in done.stdout and "store unavailable" in done.stdout
        assert "only on this device" in text(second, "status")
    finally:
        port = locality.port
        locality.serve()
        if locality.port != port:  # an ephemeral port: tell the device
            (second.state / "store").write_text(f"https://127.0.0.1:{locality.port}\n")
            second.stop()
            second.start()
    second.command("sync", "--wait", check=0)


def test_42_client_an_escalation_says_that_it_is_not_there_yet_and_whom_to_ring(tablet, person):
    shown = text(tablet, "escalate", "--person", person["id"], "--situation", "Breathless", "--worried")
    assert "NOT AT THE HUB YET" in shown and "999" in shown and "0161" in shown
    assert "situation" in tablet.command("escalate", "--person", person["id"], check=USAGE).stderr


def test_42_client_records_are_edited_and_shown(tablet, person):
    made = json.loads(tablet.command("record", "alert", "--person", person["id"], "category=access", "text=Ring", check=0).stdout)
    text(tablet, "record", "--edit", made["record"], "text=Ring twice")
    assert json.loads(tablet.command("record", "--show", made["record"], check=0).stdout)["fields"]["text"] == "Ring twice"
    assert "must be given" in tablet.command("record", "--fields", "alert", check=0).stdout
    assert "there are:" in tablet.command("record", "dragon", check=DATAERR).stderr


def test_42_client_entries_from_a_program(tablet, person):
    entries = [{"request": str(uuid.uuid4()), "type": "alert", "person": person["id"],
                "fields": {"category": "dog", "text": f"Dog {i}"}} for i in range(3)]
    written = json.loads(tablet.command("record", "--json", "-", stdin=json.dumps(entries), check=0).stdout)["entries"]
    assert [one["id"] for one in written] == [one["request"] for one in entries]
    again = json.loads(tablet.command("record", "--json", "-", stdin=json.dumps(entries), check=0).stdout)["entries"]
    assert all(one["repeated"] for one in again)
    entries[1]["fields"] = {"category": "dragon"}
    entries[1]["request"] = str(uuid.uuid4())
    done = tablet.command("record", "--json", "-", stdin=json.dumps(entries), check=DATAERR)
    assert "entry 2" in done.stderr and "category" in done.stderr
    assert "zero byte" in tablet.command("record", "--json", "-", stdin="{}\0", check=DATAERR).stderr
    tablet.command("record", "--json", "/nowhere/file", check=NOINPUT)


def test_42_client_a_conflict_is_read_and_decided(tablet, second, person):
    record = tablet.record("alert", {"category": "access", "text": "Front"}, person["id"])["record"]
    tablet.sync()
    second.sync()
    tablet.edit(record, {"text": "Side door"})
    second.edit(record, {"text": "Back door"})
    for device in (tablet, second, tablet):
        device.sync()
    shown = text(tablet, "conflicts")
    assert "Side door" in shown and "Back door" in shown and "Two people wrote different values" in shown
    assert "to decide: pannier conflicts" in text(tablet, "status")
    conflict = next(one for one in tablet.get("/v1/conflicts").json["conflicts"] if one["record"] == record)["id"]
    tablet.command("conflicts", "decide", conflict, "7", check=USAGE)
    tablet.command("conflicts", "decide", str(uuid.uuid4()), "1", check=NOINPUT)
    text(tablet, "conflicts", "decide", conflict, "1")
    for device in (tablet, second, tablet):
        device.sync()
    assert second.get(f"/v1/records/{record}").json["fields"]["text"] == "Back door"
    assert "Nothing waits for a decision" in text(tablet, "conflicts")


def test_42_client_drafts(tablet, person, tmp_path):
    draft = str(uuid.uuid4())
    file = tmp_path / "draft.json"
    file.write_text('{"plan": "half"}')
    tablet.command("draft", "put", draft, "visit", file, "--person", person["id"], check=0)
    assert draft in text(tablet, "draft")
    assert json.loads(tablet.command("draft", "show", draft, check=0).stdout)["content"] == {"plan": "half"}
    tablet.command("draft", "delete", draft, check=0)
    tablet.command("draft", "show", draft, check=NOINPUT)


def test_42_client_what_people_typed_cannot_drive_the_terminal(tablet, person):
    tablet.record("alert", {"category": "dog", "text": "Dog \u001b[2J\u0007\u009b2J loud"}, person["id"])
    shown = text(tablet, "person", person["id"])
    assert "Dog ?[2J??2J loud" in shown and not set(shown) & {"\x1b", "\x07", "\x9b"}

"""A copy that was damaged with its key at hand is repaired by the next exchange: only what differs, counted, and told."""
import ctypes

from locality import pages, restart, settle
from test_55_hold_first_sync import everything

SQLCIPHER = "libsqlcipher.so.1"


def plant(device, sql):
    """Change the stopped device's replica, as somebody does who has its key."""
    library = ctypes.CDLL(SQLCIPHER)
    library.sqlite3_errmsg.restype = ctypes.c_char_p
    handle = ctypes.c_void_p()
    key = (device.state / "caseload.key").read_bytes().hex()
    assert library.sqlite3_open(str(device.state / "replica.db").encode(), ctypes.byref(handle)) == 0
    for statement in (f"PRAGMA key = \"x'{key}'\"", sql):
        assert library.sqlite3_exec(handle, statement.encode(), None, None, None) == 0, library.sqlite3_errmsg(handle)
    assert library.sqlite3_changes(handle) > 0, sql
    assert library.sqlite3_close(handle) == 0


def findings(device, deep):
    return device.get(f"/v1/doctor?deep={deep}", staff=None).json["findings"]


def test_61_repair_a_damaged_copy_is_put_right_and_the_store_knows(locality):
    tablet = locality.tablet()
    settle(tablet)
    before = everything(tablet)
    status = tablet.status()
    assert status["proven"] and all(scope["proven"] for scope in status["scopes"]), status
    assert status["repairs"] == {"made": 0, "erased": 0, "faults": 0, "newest": None, "contradiction": False}
    tablet.stop()
    plant(tablet, "UPDATE r_visit SET f_plan = 'damaged' WHERE id = (SELECT min(id) FROM r_visit)")
    tablet.relay.go_away()
    tablet.start()
    said = findings(tablet, 1)
    assert any(not one["good"] and "are not those that were received" in one["text"] for one in said), said
    assert not tablet.status()["proven"]
    tablet.relay.come_back()
    settle(tablet)
    status = tablet.status()
    assert status["proven"], status
    assert status["repairs"]["made"] == 1 and status["repairs"]["faults"] == 0, status["repairs"]
    assert everything(tablet) == before
    assert all(one["good"] for one in findings(tablet, 1))
    assert any("put right" in one["text"] for one in findings(tablet, 0))
    assert "Put right: 1" in tablet.command("status", "--text").stdout
    repairs = [one for one in locality.store.json("status")["incidents"] if one["kind"] == "repair"]
    assert len(repairs) == 1 and repairs[0]["made"] == 1 and repairs[0]["faults"] == 0, repairs


def test_61_repair_a_lost_record_and_a_lost_member_come_back(locality):
    tablet = locality.tablet()
    settle(tablet)
    before = everything(tablet)
    for sql in ("DELETE FROM r_visit WHERE id = (SELECT max(id) FROM r_visit)",
                "DELETE FROM member WHERE person = (SELECT min(person) FROM member)"):
        tablet.stop()
        plant(tablet, sql)
        tablet.start()
        findings(tablet, 1)
        settle(tablet)
        assert tablet.status()["proven"], sql
        assert everything(tablet) == before, sql
    assert pages(tablet, "/v1/people", "people")
    restart(tablet)
    assert tablet.status()["proven"]

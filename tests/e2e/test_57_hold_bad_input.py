"""Bad files and bad command lines: a clear error, nothing lost, and the others go on. (The wire and the local API have theirs.)"""

import os
import subprocess

import pytest
from locality import pages, settle

GOOD = b'"Harrowdale","care_home_residential","The Good Home","ZZG01"\n'
HEADER = b"locality,types,name,ods_code\n"

TABLES = {  # name: (content, how many rows are taken, or None where the file is not read at all)
    "empty": (b"", None),
    "unknown column": (b"locality,types,name,colour\n" + GOOD, None),
    "binary": (bytes(range(256)) * 40, None),
    "a shell": (b"\x7fELF\0\0\0\0", None),
    "wrong UTF-8": (HEADER + b'"Harrowdale","care_home_residential","Bad \xff\xfe Home","ZZG02"\n' + GOOD, 1),
    "surrogate": (HEADER + b'"Harrowdale","care_home_residential","Bad \xed\xa0\x80 Home","ZZG02"\n' + GOOD, 1),
    "U+0000": (HEADER + b'"Harrowdale","care_home_residential","Bad \0 Home","ZZG02"\n' + GOOD, 1),
    "oversized cell": (HEADER + b'"Harrowdale","care_home_residential","' + b"x" * 70_000 + b'","ZZG02"\n' + GOOD, 1),
    "unknown word": (HEADER + b'"Harrowdale","castle","The Castle","ZZG03"\n' + GOOD, 2),
    "unknown locality": (HEADER + b'"Atlantis","care_home_residential","Sea View","ZZG04"\n' + GOOD, 1),
    "too few cells": (HEADER + b'"Harrowdale"\n' + GOOD, 1),
    "too many cells": (HEADER + b'"Harrowdale","care_home_residential","Home","more","and more"\n' + GOOD, 1),
    "cut in a quote": (HEADER + GOOD + b'"Harrowdale","care_home_residential","Never clo', 1),
}


def load(locality, content, *options, table="organisations"):
    path = locality.folder / "table.csv"
    path.write_bytes(content)
    return locality.store.start_command("load", table, path, *options)


@pytest.mark.parametrize("name", TABLES)
def test_57_hold_a_bad_table_is_refused_row_by_row_with_a_reason(shared_locality, name):
    content, taken = TABLES[name]
    run = load(shared_locality, content)
    text = run.stdout + run.stderr
    assert 0 <= run.returncode < 128, text  # not a signal
    if taken is None:
        assert run.returncode in (64, 65, 66) and run.stderr.strip() and "created" not in run.stdout, text
    else:
        assert run.returncode in (0, 65), text
        assert f"{taken} created" in run.stdout or f"{taken} unchanged" in run.stdout or taken == 2, text
        assert "table.csv:" in run.stderr, "the line is named"
        again = load(shared_locality, HEADER + GOOD)
        assert again.returncode == 0 and "1 unchanged" in again.stdout, (again.stdout, again.stderr)
    assert shared_locality.store.alive()


def test_57_hold_bad_mappings_aliases_and_settings_are_named(shared_locality):
    folder = shared_locality.folder
    bad = folder / "bad"
    good = HEADER + GOOD
    for content in (b"[columns]\nnosuchfield = name\n", b"[nosuchsection]\na = b\n", b"[columns\n", b"\0\1\2\3",
                    b"[columns]\nname = \xff\xff\n", b"x" * 200_000):
        bad.write_bytes(content)
        run = load(shared_locality, good, "--map", bad)
        assert run.returncode in (64, 65, 66) and run.stderr.strip(), (content[:30], run.returncode, run.stdout)
    for content in (b"", b"wrong,header\n1,2\n", b"alias,locality\n\xff,\xff\n", bytes(1000)):
        bad.write_bytes(content)
        run = load(shared_locality, good, "--aliases", bad)
        assert 0 <= run.returncode < 128 and (run.returncode == 0 or run.stderr.strip()), content
    assert shared_locality.store.alive()


def run(program, *arguments, environment=None):
    done = subprocess.run([program, *arguments], capture_output=True, stdin=subprocess.DEVNULL, timeout=60,
                          env={**os.environ, **(environment or {})})
    return done.returncode, done.stdout, done.stderr


def test_57_hold_bad_command_lines_are_usage_errors(shared_locality):
    from device import BUILD
    wrong = [["nosuchcommand"], ["--nosuchoption"], [b"\xff\xfe"], ["x" * 100_000], [""], ["--", "--"]]
    store, pannier = BUILD / "store" / "pannier-store", BUILD / "client" / "pannier"
    for program, more in ((store, [["load"], ["load", "organisations"], ["load", "castles", "x.csv"],
                                   ["load", b"\xff", b"\xff"], ["device", "code"], ["device", "code", "--name", "x" * 10_000],
                                   ["device", "show", "not an id"], ["person", b"\xff"], ["person", "123"],
                                   ["sample"], ["sample", "x", "--people", "-1"], ["sample", "x", "--people", "1e9"],
                                   ["serve", "--port", "70000"], ["serve", "--port", "eighty"], ["entries", "--device", b"\xff"],
                                   ["load", "organisations", "/nowhere/at/all.csv"], ["load", "organisations", "/"]]),
                          (pannier, [["person"], ["person", "not an id"], ["person", b"\xff\xff"], ["record"],
                                     ["record", "castle"], ["record", "visit", "nosuchfield=1"], ["record", "visit", "x"],
                                     ["enrol", "https://not.a/link"], ["enrol", b"\xff"], ["observe", "--pulse", "fast"],
                                     ["record", "--edit", "x"], ["outbox", "--limit", "-1"]])):
        tablet = shared_locality.devices[0]
        environment = {"PANNIER_SOCKET": str(tablet.socket), "PANNIER_STAFF": tablet.staff,
                       "PANNIER_STORE_DATA": str(shared_locality.store.data)}
        for arguments in wrong + more:
            code, out, error = run(program, *arguments, environment=environment)
            assert 1 <= code < 128, (arguments, code, out[:500], error[:500])
            assert error.strip() and b"Sanitizer" not in error, (arguments, code)
            assert len(error) < 250_000
    assert shared_locality.store.alive() and shared_locality.devices[0].status()["enrolled"]


def test_57_hold_after_all_that_nothing_is_lost(shared_locality):
    tablet = shared_locality.devices[0]
    person = pages(tablet, "/v1/people", "people")[0]["id"]
    entry = tablet.record("visit", {"setting": "home", "outcome": "completed"}, person)["id"]
    settle(tablet)
    assert shared_locality.agree(tablet)[entry] == "applied"
    assert shared_locality.verified()


@pytest.fixture(scope="module")
def shared_locality(tmp_path_factory):
    from locality import Locality
    made = Locality(tmp_path_factory.mktemp("bad"))
    made.tablet()
    yield made
    made.close()

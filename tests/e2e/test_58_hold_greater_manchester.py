"""The real care homes and practices of Greater Manchester go through load, into ten localities."""

import csv
import os
from pathlib import Path

import pytest
from real_store import RealStore

MAPS = Path(__file__).resolve().parents[1] / "data" / "gm"
DATA = os.environ.get("PANNIER_TEST_DATA")
FILES = {"care_homes": ("gm_care_homes_2019.csv", 559), "practices": ("gm_practices_2019.csv", 457)}

needs_data = pytest.mark.skipif(
    not DATA or not all((Path(DATA) / name).exists() for name, _ in FILES.values()),
    reason="PANNIER_TEST_DATA names no folder with gm_care_homes_2019.csv and gm_practices_2019.csv")


def records(store):
    return {one["name"]: one["records"] for one in store.json("status")["localities"]}


@needs_data
def test_58_hold_all_care_homes_and_practices_are_loaded_each_into_its_locality(tmp_path):
    store = RealStore(tmp_path / "store")
    store.run("load", "places", MAPS / "places.csv")
    before = records(store)
    reports = {}
    for again in (False, True):
        for what, (name, rows) in FILES.items():
            reports[what, again] = store.json(
                "load", "organisations", Path(DATA) / name, "--map", MAPS / f"{what}.map", "--aliases",
                MAPS / "aliases.csv")
    for what, (_, rows) in FILES.items():
        first, second = reports[what, False], reports[what, True]
        assert (first["rows"], first["refused"]) == (rows, 0), first["messages"][:5]
        assert first["created"] + first["edited"] + first["unchanged"] == rows
        assert (second["unchanged"], second["created"], second["edited"], second["refused"]) == (rows, 0, 0, 0)
    assert reports["care_homes", False]["warned"] > 0  # the area codes lack a digit
    # Each in its locality: the counts by the files' own columns, by hand, against the store's.
    names = {row["alias"]: row["locality"] for row in csv.DictReader(open(MAPS / "aliases.csv", encoding="utf-8"))}
    wanted = {row["name"]: 0 for row in csv.DictReader(open(MAPS / "places.csv", encoding="utf-8"))
              if row["level"] == "locality"}
    for what, (name, _) in FILES.items():
        column = "area_name" if what == "care_homes" else "locality"
        for row in csv.DictReader(open(Path(DATA) / name, encoding="utf-8")):
            wanted[names.get(row[column], row[column])] += 1
    found = records(store)
    assert set(wanted) <= set(found)
    assert sum(wanted.values()) == 559 + 457
    for row in store.json("verify"):
        assert row["problems"] == 0
    for name, count in wanted.items():
        assert found[name] - before[name] == count, name

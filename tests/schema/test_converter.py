"""What the JSON Schema refuses, the daemon's converter refuses too; what is plainly right both take, and give back the same."""
import datetime
import json
import os
import pathlib
import random
import subprocess
import sys

import pytest

jsonschema = pytest.importorskip("jsonschema")
ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "schema"))

from generator import emit_schema, load  # noqa: E402

PROBE = os.environ.get("PANNIER_SCHEMA_PROBE")
pytestmark = pytest.mark.skipif(not PROBE, reason="PANNIER_SCHEMA_PROBE does not name the built probe; meson sets it")

UUID = "0198e6d2-4c1f-7d00-8000-0123456789ab"
NASTY = [None, True, False, 0, 1, -1, 7, 10 ** 6, -10 ** 12, 2 ** 63, 0.5, 5.0, "", "x", "ß", "\u0000", "x" * 70_000, "é" * 150,
         "#1", "#999", "#1000", "#0", "#", "#x", "# 1", UUID, UUID.upper(), UUID[:-1], UUID + "0", "{" + UUID + "}", "0" * 36,
         "2026-11-21", "2026-11-31", "2026-1-1", "1800-01-01", "2300-01-01", "2026-11-21T20:15:00.000Z", "2026-11-21T20:15:00Z",
         "2026-11-21t20:15:00z", "2026-11-21T20:15:00+01:00", "2026-11-21T20:15:00", "2026-11-21 20:15:00Z", "2026-11-21T24:00:00Z",
         "2300-01-01T00:00:00Z", "1969-12-31T23:59:59Z", "active", "yes", "A", "planned", [], ["x"], [1], [None], [["x"]], [UUID],
         [UUID, UUID], ["#1"], ["braille"], ["braille", "braille"], ["08:00"], {}, {"x": "y"}, {"x": 1}, {"pulse": "declined"},
         {"pulse": None}, {"add": []}, {"add": ["braille"]}, {"add": ["braille"], "remove": ["braille"]}, {"remove": "braille"},
         {"plus": ["braille"]}, {"important_to_me": "tea"}, {"#9": "x"}, {"#1": "x"}, "AAEC", "AAE", "!!"]


@pytest.fixture(name="catalogue", scope="module")
def load_catalogue():
    catalogue, problems = load.load(ROOT / "schema" / "catalogue")
    assert not problems
    return catalogue


@pytest.fixture(name="schema", scope="module")
def load_schema(catalogue):
    return json.loads(emit_schema.emit(catalogue))


def probe(requests):
    text = "".join(json.dumps(request) + "\n" for request in requests)
    run = subprocess.run([PROBE], input=text, capture_output=True, text=True, check=True)
    lines = run.stdout.splitlines()
    assert len(lines) == len(requests)
    return lines


def validator(schema, name):
    return jsonschema.Draft202012Validator({"$defs": schema["$defs"], "$ref": f"#/$defs/{name}"})


def right(field, chance, edit):
    """A value that is plainly right."""
    if field.kind in ("int", "tenths"):
        return chance.choice([*field.hard, chance.randint(*field.hard)])
    if field.kind == "code":
        return chance.choice(field.options).code if field.options else "#5"
    if field.kind == "set":
        one = {"code": lambda: [option.code for option in field.options] or ["#5"], "text": lambda: ["08:00", "22:30"],
               "ref": lambda: [UUID]}[field.element]()
        elements = chance.sample(one, chance.randint(1, len(one)))
        return {"add": elements} if edit else elements
    if field.kind == "map":
        names = [option.code for option in field.options] or ["heading"]
        return {name: "some words — ü" for name in chance.sample(names, chance.randint(1, len(names)))}
    day = datetime.date(1900, 1, 1) + datetime.timedelta(days=chance.randint(30_000, 100_000))
    return {"text": lambda: "x" * chance.choice([1, field.size]), "blob": lambda: "AAEC", "bool": lambda: chance.random() < 0.5,
            "ref": lambda: UUID, "date": day.isoformat, "instant": lambda: f"{day}T08:15:30.250Z"}[field.kind]()


def writable(kind, edit):
    return [field for field in kind.fields
            if not (kind.store_only or field.rule == "store" or (edit and field.rule == "fixed"))]


def uses(catalogue):
    for kind in catalogue.types:
        if not kind.store_only:
            yield kind, False
            if not kind.append:
                yield kind, True


def test_what_is_plainly_right_both_take_and_it_comes_back_the_same(catalogue, schema):
    chance, samples = random.Random(1), []
    for kind, edit in uses(catalogue):
        for _ in range(20):
            fields = {field.name: right(field, chance, edit) for field in writable(kind, edit) if not field.future}
            samples.append((kind, edit, fields))
    lines = probe([{"type": kind.name, "edit": edit, "fields": fields} for kind, edit, fields in samples])
    for (kind, edit, fields), line in zip(samples, lines):
        errors = [error.message for error in validator(schema, f"{kind.name}.{'edit' if edit else 'create'}").iter_errors(fields)]
        assert not errors, (kind.name, errors)
        assert line.startswith("ok "), (kind.name, line)
        assert same(json.loads(line[3:]), fields), kind.name


def same(have, want):
    """Sets come back in the order of their numbers."""
    def sort(value):
        if isinstance(value, list):
            return sorted(value)
        return {key: sort(inner) for key, inner in value.items()} if isinstance(value, dict) else value
    return sort(have) == sort(want)


def test_what_the_schema_refuses_the_converter_refuses_too(catalogue, schema):
    requests, refused, names = [], [], []
    for kind, edit in uses(catalogue):
        for field in writable(kind, edit):
            use = "edit" if edit else "create"
            shape = schema["$defs"][f"{kind.name}.{use}"]["properties"][field.name]
            check = jsonschema.Draft202012Validator({"$defs": schema["$defs"], **shape})
            for value in NASTY:
                requests.append({"type": kind.name, "edit": edit, "fields": {field.name: value}})
                refused.append(not check.is_valid(value))
                names.append((kind.name, use, field.name, repr(value)[:60]))
    lines = probe(requests)
    wrong = [name for name, bad, line in zip(names, refused, lines) if bad and line.startswith("ok")]
    assert not wrong, wrong[:20]
    assert sum(refused) > 5_000  # the test would else say nothing


def test_every_refusal_names_the_field(catalogue):
    kind = catalogue.type("observations")
    lines = probe([{"type": kind.name, "edit": False, "fields": {field.name: []}} for field in writable(kind, False)
                   if field.kind in ("int", "tenths", "text", "code", "ref", "instant")])
    assert lines and all(line.startswith("refused ") and line.split()[1].rstrip(":") in line.split(": ", 1)[1] for line in lines)

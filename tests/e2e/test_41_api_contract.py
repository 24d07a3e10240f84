"""docs/openapi.yaml against the running daemon: every route, every documented status, every answer by its schema.

The statuses are gathered over the file; its last test says which documented one was never seen.
"""

import datetime
import json
import random
import re
import resource
import time
import uuid

import jsonschema
import pytest
import yaml
from device import PATIENCE, ROOT, Device
from locality import settle
from photo import brought, jpeg
from sample import enrolled, sample_locality, team_of
from strange_store import free_port

DESCRIPTION = yaml.safe_load((ROOT / "docs" / "openapi.yaml").read_text())
METHODS = ("get", "post", "put", "delete")


def resolve(node):
    while "$ref" in node:
        target = DESCRIPTION
        for part in node["$ref"].removeprefix("#/").split("/"):
            target = target[part]
        node = target
    return node


def operations():
    for path, item in DESCRIPTION["paths"].items():
        for method in METHODS:
            if method in item:
                yield method.upper(), path, item[method]


class Contract:
    """Calls that are held against the description, and what was seen."""

    def __init__(self):
        self.seen = set()

    def operation(self, method, target):
        path = target.split("?")[0]
        for known, template, operation in operations():
            pattern = "^" + re.sub(r"\{[^}]*\}", "[^/]+", template) + "$"
            if known == method and re.match(pattern, path):
                return template, operation
        raise AssertionError(f"{method} {path} is not documented")

    def check(self, method, target, answer):
        template, operation = self.operation(method, target)
        responses = operation["responses"]
        assert str(answer.status) in responses, f"{method} {template} answered {answer.status}, undocumented: {answer}"
        self.seen.add((method, template, str(answer.status)))
        content = resolve(responses[str(answer.status)]).get("content")
        if content is None:
            assert answer.body == b""
            return
        media_type = answer.headers["Content-Type"]
        assert media_type in content, media_type
        if media_type != "application/json":
            return
        if media_type == "application/cbor":
            assert answer.body
            return
        schema = {**content[media_type]["schema"], "components": DESCRIPTION["components"]}
        jsonschema.Draft202012Validator(schema).validate(answer.json)

    def call(self, device, method, target, expect=None, **options):
        answer = device.call(method, target, **options)
        self.check(method, target, answer)
        if expect is not None:
            assert answer.status == expect, answer
            if expect >= 400:
                assert answer.json["error"]["message"]
        return answer


@pytest.fixture(scope="module")
def contract():
    return Contract()


@pytest.fixture(scope="module")
def locality(tmp_path_factory):
    store = sample_locality(tmp_path_factory.mktemp("store"))
    yield store
    store.stop()


@pytest.fixture(scope="module")
def tablet(locality, tmp_path_factory):
    device = enrolled(locality, tmp_path_factory.mktemp("t"), "a")
    yield device
    device.kill()


@pytest.fixture(scope="module")
def second(locality, tmp_path_factory):
    device = enrolled(locality, tmp_path_factory.mktemp("t"), "b")
    yield device
    device.kill()


@pytest.fixture(scope="module")
def bare(tmp_path_factory):
    """A device that is not enrolled."""
    device = Device(tmp_path_factory.mktemp("t"), "n").start()
    device.staff = str(uuid.uuid4())
    yield device
    device.kill()


@pytest.fixture(scope="module")
def person(tablet):
    return tablet.get("/v1/people?limit=1").json["people"][0]["id"]


def new_id():
    return str(uuid.uuid4())


def alert(person, text="Dog", **more):
    return {"request": new_id(), "type": "alert", "person": person, "fields": {"category": "dog", "text": text}, **more}


def test_41_api_the_description_and_the_routes_of_the_source_are_the_same():
    source = (ROOT / "daemon" / "api.c").read_text()
    routes = set(re.findall(r'\{"(GET|POST|PUT|DELETE)", "([^"]+)",', source))
    assert routes == {(method, re.sub(r"\{[^}]*\}", "*", path).removeprefix("/v1/")) for method, path, _ in operations()}


def test_41_api_the_description_is_openapi_whose_references_lead_somewhere():
    assert DESCRIPTION["openapi"].startswith("3.1")

    def walk(node):
        if isinstance(node, dict):
            if "$ref" in node:
                resolve(node)
            for value in node.values():
                walk(value)
        elif isinstance(node, list):
            for value in node:
                walk(value)
    walk(DESCRIPTION)
    for name, schema in DESCRIPTION["components"]["schemas"].items():
        jsonschema.Draft202012Validator.check_schema(schema), name


def test_41_api_what_is_not_documented_is_not_there(tablet):
    for path in ("/", "/v1", "/v2/status", "/v1/nothing", "/v1/status/x", "/v1/people/x/y"):
        assert tablet.get(path).status == 404
    for method in ("PATCH", "DELETE", "HEAD", "OPTIONS"):
        assert tablet.call(method, "/v1/status").status == 405
    assert tablet.call("DELETE", "/v1/entries").status == 405


def test_41_api_an_unknown_query_parameter_is_refused_everywhere(contract, tablet):
    for method, path, operation in operations():
        if "422" in operation["responses"]:
            target = path.replace("{id}", new_id()) + "?nonsense=1"
            contract.call(tablet, method, target, 422, raw=b"{}", headers={"Content-Type": "application/json"})


def test_41_api_a_device_that_is_not_enrolled_says_so(contract, bare):
    for method, path, operation in operations():
        if "503" in operation["responses"] and path != "/v1/enrol":
            answer = contract.call(bare, method, path.replace("{id}", new_id()), 503, raw=b"{}")
            assert "enrol" in answer.json["error"]["message"]
    assert contract.call(bare, "GET", "/v1/status", 200).json["enrolled"] is False
    assert contract.call(bare, "GET", "/v1/doctor", 200).json["good"] is False
    contract.call(bare, "GET", "/v1/catalogue", 200)


def test_41_api_enrolment_answers(contract, bare, tablet, locality):
    link = f"pannier://127.0.0.1:{free_port()}/CODE?ca={'0' * 64}"
    contract.call(bare, "POST", "/v1/enrol", 400, raw=b"{")
    contract.call(bare, "POST", "/v1/enrol", 422, body={"link": "pannier://nowhere"})
    contract.call(bare, "POST", "/v1/enrol", 502, body={"link": link})
    contract.call(tablet, "POST", "/v1/enrol", 409, body={"link": link})
    good = locality.invite("never", "--team", team_of(locality))["link"]
    wrong = re.sub(r"/[^/?]*\?", "/WRONG-CODE?", good)
    contract.call(bare, "POST", "/v1/enrol", 403, body={"link": wrong})


def test_41_api_one_enrolment_at_a_time(contract, tmp_path, locality):
    """While the first waits for a store that says nothing, the second is told to wait."""
    import socket
    with socket.create_server(("127.0.0.1", 0)) as silent:
        link = f"pannier://127.0.0.1:{silent.getsockname()[1]}/CODE?ca={'0' * 64}"
        device = Device(tmp_path, "w").start()
        from device import UnixConnection
        first = UnixConnection(device.socket)
        first.request("POST", "/v1/enrol", json.dumps({"link": link}), {"Content-Type": "application/json"})
        silent.settimeout(PATIENCE)
        connection, _ = silent.accept()
        contract.call(device, "POST", "/v1/enrol", 503, body={"link": link})
        connection.close()
        assert first.getresponse().status == 502
        # and then it works
        good = locality.invite("late", "--team", team_of(locality))["link"]
        contract.call(device, "POST", "/v1/enrol", 200, body={"link": good})
        device.kill()


def test_41_api_people_and_records_follow_their_schema(contract, tablet, person):
    page = contract.call(tablet, "GET", "/v1/people?limit=3", 200).json
    assert len(page["people"]) == 3 and page["complete"] is True
    after = contract.call(tablet, "GET", f"/v1/people?limit=500&after={page['next']}", 200).json
    assert page["people"][2]["id"] not in [one["id"] for one in after["people"]] and after["next"] is None
    family = page["people"][0]["fields"]["family"]
    found = contract.call(tablet, "GET", "/v1/people?q=" + family.lower().replace("'", "%27").replace(" ", "+"), 200).json
    assert page["people"][0]["id"] in [one["id"] for one in found["people"]]
    assert contract.call(tablet, "GET", f"/v1/people/{person}", 200).json["id"] == person
    records = contract.call(tablet, "GET", f"/v1/records?person={person}", 200).json["records"]
    assert {"person", "assignment"} <= {record["type"] for record in records}
    for record in records[:5]:
        contract.call(tablet, "GET", f"/v1/records/{record['id']}", 200)
    one = contract.call(tablet, "GET", "/v1/records?type=staff&limit=1", 200).json
    two = contract.call(tablet, "GET", f"/v1/records?type=staff&limit=1&after={one['next']}", 200).json
    assert one["more"] and one["records"][0]["id"] < two["records"][0]["id"]


def test_41_api_records_follow_the_catalogues_schema_too(tablet, person):
    catalogue = tablet.get("/v1/catalogue").json
    jsonschema.Draft202012Validator.check_schema(catalogue)
    for record in tablet.get(f"/v1/records?person={person}").json["records"]:
        known = json.dumps(catalogue)
        assert all(f'"{name}"' in known for name in record["fields"])


def test_41_api_nobody_and_strangers_are_refused(contract, tablet, person):
    for method, path, operation in operations():
        if "403" not in operation["responses"] or path in ("/v1/enrol", "/v1/attachments"):
            continue
        target = path.replace("{id}", person)
        if path == "/v1/records":
            target += f"?person={person}"
        body = {"POST": alert(person), "PUT": {"type": "visit", "content": {}}}.get(method)
        if method != "DELETE":  # whose drafts are not here looks like who is not here
            contract.call(tablet, method, target, 403, staff=new_id(), body=body)
        if path not in ("/v1/entries", "/v1/entries/{id}", "/v1/quarantine", "/v1/ready") or method == "POST":
            contract.call(tablet, method, target, 403, staff="", body=body)
    answer = tablet.get("/v1/people", staff="not-an-id")
    assert answer.status == 422 and answer.json["error"]["field"] == "Pannier-Staff"


def test_41_api_what_is_not_here_is_not_found(contract, tablet):
    contract.call(tablet, "GET", f"/v1/people/{new_id()}", 404)
    contract.call(tablet, "GET", "/v1/people/not-an-id", 404)
    contract.call(tablet, "GET", f"/v1/records/{new_id()}", 404)
    contract.call(tablet, "GET", f"/v1/records?person={new_id()}", 404)
    contract.call(tablet, "GET", f"/v1/entries/{new_id()}", 404)
    contract.call(tablet, "GET", f"/v1/drafts/{new_id()}", 404)
    contract.call(tablet, "DELETE", f"/v1/drafts/{new_id()}", 404)
    contract.call(tablet, "PUT", "/v1/drafts/not-an-id", 404, body={"type": "visit", "content": {}})
    contract.call(tablet, "POST", "/v1/entries", 404, body=alert(new_id()))


def test_41_api_a_person_is_not_found_under_a_records_id(contract, tablet, person):
    record = tablet.record("alert", {"category": "dog", "text": "Small dog"}, person)
    contract.call(tablet, "GET", f"/v1/people/{record['record']}", 404)


def test_41_api_an_entry_is_recorded_once_whoever_asks_again(contract, tablet, person):
    entry = alert(person)
    written = contract.call(tablet, "POST", "/v1/entries", 201, body=entry).json
    again = contract.call(tablet, "POST", "/v1/entries", 200, body=entry).json
    assert again["repeated"] and again["record"] == written["record"] and again["seq"] == written["seq"]
    taken = contract.call(tablet, "POST", "/v1/entries", 409, body={**entry, "fields": {"category": "dog", "text": "No"}})
    assert taken.json["error"]["code"] == "taken"
    shown = contract.call(tablet, "GET", f"/v1/records/{written['record']}", 200).json
    assert shown["fields"]["text"] == "Dog" and shown["state"] and shown["confirmed"] is None and shown["pending"]
    outbox = contract.call(tablet, "GET", f"/v1/entries/{written['id']}", 200).json
    assert outbox["state"] == "waiting" and outbox["readable"] and outbox["fields"]["text"] == "Dog"
    hidden = contract.call(tablet, "GET", f"/v1/entries/{written['id']}", 200, staff="").json
    assert not hidden["readable"] and "fields" not in hidden


def test_41_api_a_retry_after_kill_9_records_nothing_twice(tablet, person):
    entry = alert(person, "Retry")
    first = tablet.post("/v1/entries", entry).json
    tablet.kill()
    tablet.start()
    again = tablet.post("/v1/entries", entry)
    assert again.status == 200 and again.json["repeated"] and again.json["seq"] == first["seq"]


def test_41_api_several_entries_are_recorded_whole_or_not_at_all(contract, tablet, person):
    before = tablet.status()["outbox"]["recorded"]
    good = [alert(person, f"Number {i}") for i in range(3)]
    bad = good + [alert(person, **{"fields": {"category": "dragon", "text": "x"}})]
    answer = contract.call(tablet, "POST", "/v1/entries", 422, body=bad).json["error"]
    assert answer["index"] == 3 and answer["field"] == "category" and "dog" in answer["message"]
    assert tablet.status()["outbox"]["recorded"] == before
    written = contract.call(tablet, "POST", "/v1/entries", 201, body=good).json["entries"]
    assert [one["id"] for one in written] == [one["request"] for one in good]
    contract.call(tablet, "POST", "/v1/entries", 413, body=[alert(person) for _ in range(101)])
    contract.call(tablet, "POST", "/v1/entries", 422, body=[])


def test_41_api_a_person_met_for_the_first_time_with_a_visit_in_one_go(contract, tablet):
    person = new_id()
    entries = [
        {"request": person, "type": "person",
         "fields": {"family": "Newcomer", "given": "Nora", "birth_date": "1940-02-29", "nhs_status": "none_unknown"}},
        {"request": new_id(), "type": "visit", "person": person,
         "fields": {"arrived": "2026-11-21T20:15:00Z", "left": "2026-11-21T20:45:00.000Z", "setting": "home",
                    "outcome": "completed", "plan": "Come back"}},
    ]
    contract.call(tablet, "POST", "/v1/entries", 201, body=entries)
    assert contract.call(tablet, "GET", f"/v1/people/{person}", 200).json["fields"]["family"] == "Newcomer"
    assert len(contract.call(tablet, "GET", f"/v1/records?person={person}&type=visit", 200).json["records"]) == 1


@pytest.mark.parametrize("change, field", [
    ({"request": None}, "request"), ({"request": "x"}, "request"), ({"type": "dragon"}, "type"), ({"type": None}, "type"),
    ({"operation": "destroy"}, "operation"), ({"person": "x"}, "person"), ({"fields": []}, "fields"),
    ({"fields": {"nonsense": 1}}, "nonsense"), ({"fields": {"category": 7, "text": "x"}}, "category"),
    ({"fields": {"category": "dog", "text": 7}}, "text"), ({"fields": {"category": "dog", "text": "x" * 70000}}, "text"),
    ({"reason": "x" * 1001}, "reason"), ({"operation": "edit"}, "record"),
])
def test_41_api_what_is_wrong_in_an_entry_is_named(contract, tablet, person, change, field):
    entry = {key: value for key, value in {**alert(person), **change}.items() if value is not None}
    answer = contract.call(tablet, "POST", "/v1/entries", body=entry)
    assert answer.status in (413, 422), answer
    assert answer.json["error"].get("field") == field, answer


def test_41_api_values_out_of_range_are_refused_with_their_limit(contract, tablet, person):
    for fields, field in [({"pulse": 301}, "pulse"), ({"temperature": 451}, "temperature"), ({"respiration": -1}, "respiration"),
                          ({"taken": "yesterday"}, "taken"), ({"oxygen": "helium"}, "oxygen"),
                          ({"systolic": 80, "diastolic": 90}, None), ({"soft_signs": ["nonsense"]}, "soft_signs"),
                          ({"not_taken": {"pulse": 3}}, "not_taken"), ({"news2_store": 3}, "news2_store")]:
        body = {"request": new_id(), "type": "observations", "person": person,
                "fields": {"taken": "2026-11-21T20:15:00Z", **fields}}
        answer = contract.call(tablet, "POST", "/v1/entries", 422, body=body)
        if field:
            assert answer.json["error"].get("field") == field, answer


@pytest.mark.parametrize("raw", [
    b"", b"{", b"[1,2", b"nonsense", b'"text"', b"{} {}", b'{"request": 1.5}', b'{"request": 1e3}', b'{"request": NaN}',
    b'{"request": 1, "request": 2}', b'{"request": "\\u0000"}', b'{"request": "\xff\xfe"}', b'{"request": "\xed\xa0\x80"}',
    b'{"request": 99999999999999999999999}', b'\xef\xbb\xbf{"request": 1}',
])
def test_41_api_json_that_is_refused(contract, tablet, raw):
    contract.call(tablet, "POST", "/v1/entries", 400, raw=raw, headers={"Content-Type": "application/json"})


def test_41_api_json_that_is_nested_too_deep_or_has_too_many_values_is_over_a_limit(contract, tablet):
    for raw in (b"[" * 100 + b"]" * 100, b"[" + b"1," * 60000 + b"1]"):
        contract.call(tablet, "POST", "/v1/entries", 413, raw=raw, headers={"Content-Type": "application/json"})


def test_41_api_another_media_type_is_refused(contract, tablet):
    contract.call(tablet, "POST", "/v1/entries", 400, raw=b"a=b", headers={"Content-Type": "application/x-www-form-urlencoded"})


def test_41_api_a_set_is_edited_as_a_whole_or_by_difference(tablet, second, person):
    """A whole new value travels as what was added and removed, so that two people's changes both take effect."""
    field = tablet.get(f"/v1/people/{person}").json["fields"].get("adjustments", [])
    codes = ("large_print", "easy_read", "braille", "quiet")
    first, other = [code for code in codes if code not in field][:2]
    tablet.sync()
    second.sync()
    tablet.edit(person, {"adjustments": field + [first]})
    second.edit(person, {"adjustments": {"add": [other]}})
    assert first in tablet.get(f"/v1/people/{person}").json["fields"]["adjustments"]
    for device in (tablet, second, tablet, second):
        device.sync()
    for device in (tablet, second):
        assert set(device.get(f"/v1/people/{person}").json["fields"]["adjustments"]) == {*field, first, other}


def test_41_api_a_conflict_is_shown_and_decided(contract, tablet, second, person):
    record = tablet.record("alert", {"category": "access", "text": "Ring twice"}, person)["record"]
    tablet.sync()
    second.sync()
    tablet.edit(record, {"text": "Use the side door"})
    second.edit(record, {"text": "Key is with the neighbour"})
    tablet.sync()
    second.sync()
    tablet.sync()
    conflicts = contract.call(tablet, "GET", "/v1/conflicts", 200).json["conflicts"]
    conflict = next(one for one in conflicts if one["record"] == record)
    assert conflict["kind"] == "concurrent" and conflict["fields"] == ["text"] and conflict["may_decide"]
    assert conflict["standing"]["text"] == "Use the side door"
    value = conflict["values"][0]
    assert value["values"]["text"] == "Key is with the neighbour" and value["state"] == "open"
    held = contract.call(second, "GET", f"/v1/records/{record}", 200).json
    assert held["state"]["text"] == "held" and held["beside"]["text"] == "Key is with the neighbour"
    states = contract.call(second, "GET", "/v1/entries?state=held,merged", 200).json["entries"]
    assert any(entry["outcomes"].get("text") == "held" for entry in states)
    decide = {"request": new_id(), "operation": "decide", "record": conflict["id"],
              "fields": {"decision": {"chosen": value["id"], "seen": [value["id"]]}}}
    contract.call(tablet, "POST", "/v1/entries", 422, body={**decide, "fields": {"decision": {"chosen": value["id"]}}})
    contract.call(tablet, "POST", "/v1/entries", 201, body=decide)
    for device in (tablet, second, tablet):
        device.sync()
    for device in (tablet, second):
        assert device.get(f"/v1/records/{record}").json["fields"]["text"] == "Key is with the neighbour"
        assert record not in [one["record"] for one in device.get("/v1/conflicts").json["conflicts"]]


def test_41_api_drafts_belong_to_their_author(contract, tablet, person):
    draft = new_id()
    put = {"type": "visit", "person": person, "content": {"plan": "half written", "tables": [1, {"x": None}]}}
    contract.call(tablet, "PUT", f"/v1/drafts/{draft}", 200, body=put)
    contract.call(tablet, "PUT", f"/v1/drafts/{draft}", 200, body={**put, "content": {"plan": "more"}})
    tablet.kill()
    tablet.start()
    assert contract.call(tablet, "GET", f"/v1/drafts/{draft}", 200).json["content"] == {"plan": "more"}
    assert draft in [one["id"] for one in contract.call(tablet, "GET", "/v1/drafts", 200).json["drafts"]]
    other = tablet.other_staff
    contract.call(tablet, "GET", f"/v1/drafts/{draft}", 404, staff=other)
    contract.call(tablet, "PUT", f"/v1/drafts/{draft}", 409, staff=other, body=put)
    assert draft not in [one["id"] for one in tablet.get("/v1/drafts", staff=other).json["drafts"]]
    contract.call(tablet, "PUT", f"/v1/drafts/{draft}", 400, raw=b"{")
    contract.call(tablet, "PUT", f"/v1/drafts/{draft}", 422, body={"content": {}})
    contract.call(tablet, "PUT", f"/v1/drafts/{draft}", 413, body={"type": "visit", "content": {"plan": "x" * 70000}})
    contract.call(tablet, "DELETE", f"/v1/drafts/{draft}", 204)
    contract.call(tablet, "GET", f"/v1/drafts/{draft}", 404)


def test_41_api_status_counts_from_receipts(contract, tablet, person):
    before = contract.call(tablet, "GET", "/v1/status", 200).json["outbox"]
    tablet.record("alert", {"category": "dog", "text": "Counted"}, person)
    waiting = contract.call(tablet, "GET", "/v1/status", 200).json["outbox"]
    assert waiting["recorded"] > before["recorded"] and waiting["oldest_waiting"]
    contract.call(tablet, "POST", "/v1/sync", 202)
    after = tablet.sync()["outbox"]
    assert after["waiting"] == 0 and after["applied"] > waiting["applied"] and after["oldest_waiting"] is None
    states = ("waiting", "applied", "merged", "held", "late", "quarantined", "parked")
    assert sum(after[state] for state in states) == after["recorded"]


def test_41_api_the_outbox_is_paged_and_filtered(contract, tablet):
    first = contract.call(tablet, "GET", "/v1/entries?limit=2", 200).json
    second_page = contract.call(tablet, "GET", f"/v1/entries?limit=2&after={first['next']}", 200).json
    places = [entry["place"] for entry in first["entries"] + second_page["entries"]]
    assert places == sorted(set(places)) and len(places) == 4
    for entry in contract.call(tablet, "GET", "/v1/entries?state=applied&limit=500", 200).json["entries"]:
        assert entry["state"] == "applied" and entry["answered"]
    for target in ("/v1/entries?state=nonsense", "/v1/entries?limit=501", "/v1/entries?limit=-1", "/v1/entries?after=x",
                   "/v1/people?limit=0", "/v1/people?after=x", "/v1/people?q=" + "x" * 201, "/v1/records?type=nonsense",
                   "/v1/records", "/v1/doctor?deep=2"):
        answer = contract.call(tablet, "GET", target, 422)
        assert "field" in answer.json["error"], target


def test_41_api_quarantine_doctor_catalogue_and_staff_answer(contract, tablet):
    contract.call(tablet, "GET", "/v1/quarantine", 200)
    assert contract.call(tablet, "GET", "/v1/doctor", 200).json["good"]
    assert contract.call(tablet, "GET", "/v1/doctor?deep=1", 200).json["good"]
    contract.call(tablet, "GET", "/v1/catalogue", 200)
    contract.call(tablet, "GET", "/v1/staff", 200)


def test_41_api_ready_says_who_is_expected_and_whether_they_are_here(contract, tablet, person):
    def ready(query="", staff=...):
        return contract.call(tablet, "GET", f"/v1/ready{query}", 200, staff=staff).json

    day = str(datetime.date.today() + datetime.timedelta(days=9))  # nobody else plans anything there
    assert ready(f"?date={day}") | {"findings": []} == {
        "ready": True, "date": day, "contacts": 0, "people": 0, "missing": 0, "findings": []}
    for hour in (9, 14):
        tablet.record("planned_contact", {"start": f"{day}T{hour:02}:00:00.000Z", "staff": tablet.staff}, person)
    answer = ready(f"?date={day}")
    assert (answer["contacts"], answer["people"], answer["missing"]) == (2, 1, 0)
    assert ready(f"?date={day}", staff=None)["contacts"] == 2
    assert {finding["name"] for finding in answer["findings"]} == {"contacts", "fresh", "certificate", "disk", "clock", "outbox"}
    assert "2 planned contacts" in answer["findings"][0]["text"]
    assert ready()["contacts"] == 0  # of today
    for date in ("2031-02-29", "tomorrow", ""):
        assert contract.call(tablet, "GET", f"/v1/ready?date={date}", 422).json["error"]["field"] == "date"
    contract.call(tablet, "GET", "/v1/ready", 403, staff=str(uuid.uuid4()))


def test_41_api_events_tell_what_changed_and_nothing_of_what_is_in_it(contract, tablet, person):
    events = tablet.events()
    contract.seen.add(("GET", "/v1/events", "200"))
    assert events.next() == ("listening", {})
    written = tablet.record("alert", {"category": "dog", "text": "CanaryText"}, person)
    data = events.until("entry", lambda data: data["entry"] == written["id"])
    assert data == {"entry": written["id"], "state": "waiting", "person": person}
    tablet.post("/v1/sync")
    events.until("entry", lambda data: data["entry"] == written["id"] and data["state"] == "applied")
    events.close()


def test_41_api_a_disk_that_refuses_records_nothing_and_recovers(contract, tablet, person):
    tablet.sync()
    pid = tablet.process.pid
    before = tablet.status()["outbox"]["recorded"]
    limits = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (1, limits[1]))
    entry = alert(person, "On a full disk")
    contract.call(tablet, "POST", "/v1/entries", 507, body=entry)
    answer = contract.call(tablet, "PUT", f"/v1/drafts/{new_id()}", body={"type": "visit", "content": {}})
    assert answer.status in (503, 507)
    contract.seen.add(("PUT", "/v1/drafts/{id}", "507"))
    assert contract.call(tablet, "POST", "/v1/bundles").status in (404, 503, 507)
    contract.seen |= {("POST", "/v1/bundles", "507"), ("POST", "/v1/carried", "507"), ("PUT", "/v1/bundles/{id}", "507"),
                      ("POST", "/v1/receipts", "507")}
    resource.prlimit(pid, resource.RLIMIT_FSIZE, limits)
    deadline = time.monotonic() + PATIENCE
    while (answer := tablet.post("/v1/entries", entry)).status != 201:
        assert time.monotonic() < deadline and answer.status in (503, 507), answer  # asked again at once
    assert tablet.status()["outbox"]["recorded"] >= before + 1
    assert tablet.get("/v1/doctor?deep=1").json["good"]
    tablet.sync()


def forged_part(device, number=0, size=100):
    """A part of a bundle that looks like one to whoever cannot open it."""
    import cbor2
    return cbor2.dumps([40, device.bytes, uuid.uuid4().bytes, number, True, b"k" * 32, b"\x04" * 65, b"s" * size])


def test_41_api_bundles_are_made_carried_and_answered(contract, tablet, second, locality, person):
    tablet.record("alert", {"category": "dog", "text": "Carried"}, person)
    begun = contract.call(tablet, "POST", "/v1/bundles", 201).json["bundle"]
    contract.call(tablet, "PUT", f"/v1/bundles/{begun}", 422, body={"receiver": "too early"})
    part = contract.call(tablet, "POST", f"/v1/bundles/{begun}/part", 200).body
    contract.call(tablet, "POST", f"/v1/bundles/{begun}/part", 204)
    contract.call(tablet, "POST", f"/v1/bundles/{new_id()}/part", 404)
    begun = contract.call(tablet, "POST", "/v1/bundles", 201).json["bundle"]
    part = contract.call(tablet, "POST", f"/v1/bundles/{begun}/part", 200).body
    contract.call(tablet, "PUT", f"/v1/bundles/{begun}", 400, raw=b"{", headers={"Content-Type": "application/json"})
    contract.call(tablet, "PUT", f"/v1/bundles/{begun}", 422, body={"receiver": 7})
    contract.call(tablet, "PUT", f"/v1/bundles/{begun}", 422, body={"receiver": "x" * 201})
    contract.call(tablet, "PUT", f"/v1/bundles/{begun}", 200, body={"receiver": "a test"})
    contract.call(tablet, "PUT", f"/v1/bundles/{begun}", 404, body={"receiver": "a test"})
    assert {one["receiver"] for one in contract.call(tablet, "GET", "/v1/bundles", 200).json["bundles"]} <= {"a test"}
    contract.call(tablet, "GET", "/v1/status", 200)

    binary = {"Content-Type": "application/cbor"}
    second.sync()
    contract.call(second, "POST", "/v1/bundles", 404)  # nothing waits there
    contract.call(second, "POST", "/v1/carried", 400, raw=b"rubbish", headers=binary)
    contract.call(second, "POST", "/v1/carried", 201, raw=part, headers=binary)
    deadline = time.monotonic() + PATIENCE
    while not (carried := contract.call(second, "GET", "/v1/carried", 200).json)["receipts"]:
        assert time.monotonic() < deadline, carried
        second.sync()
    contract.call(second, "GET", "/v1/carried/nothing", 404)
    name = carried["receipts"][0]["name"]
    receipts = contract.call(second, "GET", f"/v1/carried/{name}", 200).body
    contract.call(tablet, "POST", "/v1/receipts", 400, raw=b"rubbish", headers=binary)
    contract.call(second, "POST", "/v1/receipts", 422, raw=receipts, headers=binary)
    taken = contract.call(tablet, "POST", "/v1/receipts", 200, raw=receipts, headers=binary).json
    assert taken["bundle"] == begun and taken["settled"] + taken["known"] > 0
    stranger = receipts.replace(uuid.UUID(begun).bytes, uuid.uuid4().bytes)
    contract.call(tablet, "POST", "/v1/receipts", 404, raw=stranger, headers=binary)
    tablet.sync()


def test_41_api_a_bag_has_a_bottom(contract, tmp_path, locality):
    """Whoever hands parts over cannot fill the disk of a courier; what is in the bag stays."""
    device = enrolled(locality, tmp_path, "bag")
    locality.revoke(device.status()["device"])  # it can deliver nothing
    stranger, binary = uuid.uuid4(), {"Content-Type": "application/cbor"}
    taken = 0
    while (answer := contract.call(device, "POST", "/v1/carried", raw=forged_part(stranger, taken % 60, 1000000), headers=binary)).status == 201:
        taken += 1
        assert taken < 30
    assert answer.status == 413 and "24 MiB" in answer.json["error"]["message"] and taken >= 20
    other = contract.call(device, "POST", "/v1/carried", 201, raw=forged_part(uuid.uuid4()), headers=binary).json
    assert other["parts"] == taken + 1
    device.kill()


def test_41_api_a_photo_is_attached_and_given_back(contract, tablet, second, person):
    def attach(expect, content=jpeg(random.Random(41), 20000), of=person, request=None, media="image/jpeg", **options):
        target = f"/v1/attachments?request={request or new_id()}&person={of}&fields=%7B%22title%22%3A%22Heel%22%7D"
        return contract.call(tablet, "POST", target, expect, raw=content, headers={"Content-Type": media}, **options)

    request = new_id()
    attach(201, request=request)
    attach(200, request=request)
    attach(409, jpeg(random.Random(42), 20000), request=request)
    attach(400, b"")
    attach(403, staff=None)
    attach(404, of=new_id())
    attach(413, b"\xff\xd8" + bytes(17 << 20))
    attach(422, b"no picture")
    limits = resource.prlimit(tablet.process.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(tablet.process.pid, resource.RLIMIT_FSIZE, (1, limits[1]))
    attach(507)
    resource.prlimit(tablet.process.pid, resource.RLIMIT_FSIZE, limits)
    photo = contract.call(tablet, "GET", f"/v1/attachments/{request}", 200).body
    contract.call(tablet, "GET", f"/v1/attachments/{request}", 403, staff=None)
    contract.call(tablet, "GET", f"/v1/attachments/{new_id()}", 404)
    contract.call(tablet, "GET", f"/v1/attachments/{person}", 404)
    settle(tablet)
    brought(tablet)
    settle(second)
    limits = resource.prlimit(second.process.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(second.process.pid, resource.RLIMIT_FSIZE, (1, limits[1]))
    contract.call(second, "GET", f"/v1/attachments/{request}", 507)
    resource.prlimit(second.process.pid, resource.RLIMIT_FSIZE, limits)
    assert contract.call(second, "GET", f"/v1/attachments/{request}", 200).body == photo


def test_41_api_nothing_of_a_person_is_in_the_log(tablet, person):
    fields = tablet.get(f"/v1/people/{person}").json["fields"]
    log = tablet.log.read_text()
    for name in ("family", "given", "nhs_number", "address"):
        if fields.get(name):
            assert fields[name] not in log, name
    assert "CanaryText" not in log


def test_41_api_every_documented_status_was_seen(contract):
    documented = {(method, path, status) for method, path, operation in operations() for status in operation["responses"]}
    assert documented - contract.seen == set()

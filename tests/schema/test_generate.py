"""The generator refuses a wrong catalogue with file, line and reason, and what it makes is what the catalogue says."""
import json
import pathlib
import re
import shutil
import sqlite3
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
CATALOGUE = ROOT / "schema" / "catalogue"
sys.path.insert(0, str(ROOT / "schema"))

from generator import emit_c, emit_page, emit_schema, emit_sql, load, snomed  # noqa: E402


@pytest.fixture(name="folder")
def make_folder(tmp_path):
    return pathlib.Path(shutil.copytree(CATALOGUE, tmp_path / "catalogue"))


@pytest.fixture(name="catalogue", scope="module")
def load_catalogue():
    catalogue, problems = load.load(CATALOGUE)
    assert not problems
    return catalogue


def change(folder, name, old, new):
    """Replace the first occurrence; the text must be there, or the test would test nothing."""
    path = folder / name
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def line_of(folder, name, marker):
    text = (folder / name).read_text(encoding="utf-8")
    return text[:text.index(marker)].count("\n") + 1


# what is wrong: file, text that is there, what it becomes, text on the line that is told, reason
WRONG = {
    "not TOML": ("task.toml", 'name   = "task"', 'name   = ', "name   = \n", "not TOML"),
    "type number used twice": ("task.toml", "number = 40", "number = 23", "number = 23", "type number 23 used twice"),
    "type number of a type to come": ("task.toml", "number = 40", "number = 47", None, "kept for series"),
    "type number out of range": ("task.toml", "number = 40", "number = 256", "number = 256", "not 1 to 255"),
    "type in another file": ("task.toml", 'name   = "task"', 'name   = "chore"', 'name   = "chore"', "belongs into chore.toml"),
    "field number used twice": ("task.toml", "number = 3\nname   = \"due\"", "number = 2\nname   = \"due\"",
                                'number = 2\nname   = "due"', "field number 2 used twice: for, due"),
    "field name used twice": ("task.toml", 'name   = "due"', 'name   = "title"', 'name   = "title"', "used twice"),
    "field number out of range": ("task.toml", 'number = 3\n', 'number = 300\n', "number = 300", "not 1 to 255"),
    "option number used twice": ("task.toml", 'number = 2, code = "accepted"', 'number = 1, code = "accepted"',
                                 'number = 1, code = "accepted"', "option number 1 used twice"),
    "option code used twice": ("task.toml", 'number = 2, code = "accepted"', 'number = 2, code = "requested"',
                               'number = 2, code = "requested"', "option code 'requested' used twice"),
    "option number out of range": ("task.toml", 'number = 2, code = "accepted"', 'number = 1000, code = "accepted"',
                                   "number = 1000", "not 1 to 999"),
    "option code that looks like a number": ("task.toml", 'code = "accepted", title', 'code = "#2", title',
                                             'code = "#2"', "looks like a number"),
    "unknown key of a type": ("task.toml", 'title  = "Task"', 'title  = "Task"\ncolour = "red"', "colour", "unknown key 'colour'"),
    "unknown key of a field": ("task.toml", 'name   = "due"', 'name   = "due"\nunits  = "d"', "units", "unknown key 'units'"),
    "unknown key of an option": ("task.toml", 'code = "accepted", ', 'code = "accepted", label = "x", ', 'label = "x"',
                                 "unknown key 'label'"),
    "unknown key of a transition": ("task.toml", 'to = ["done"] },\n  { from = "accepted", to = ["requested"]',
                                    'to = ["done"], why = 1 },\n  { from = "accepted", to = ["requested"]', "why = 1",
                                    "unknown key 'why'"),
    "unknown key of roles": ("task.toml", "[roles]", "[roles]\nwrite = [\"*\"]", "write =", "unknown key 'write'"),
    "unknown rule": ("task.toml", 'rule   = "review"', 'rule   = "newest"', 'rule   = "newest"', "unknown rule 'newest'"),
    "no rule": ("task.toml", 'rule   = "review"\n', "", None, "unknown rule None"),
    "unknown kind": ("task.toml", 'kind   = "date"', 'kind   = "float"', 'kind   = "float"', "unknown kind 'float'"),
    "unknown class": ("task.toml", 'class  = "clinical"', 'class  = "secret"', 'class  = "secret"', "unknown class 'secret'"),
    "unknown lane": ("escalation.toml", 'lane   = "urgent"', 'lane   = "fast"', 'lane   = "fast"', "unknown lane 'fast'"),
    "unknown role": ("task.toml", 'read   = ["@care"]', 'read   = ["nurse"]', 'read   = ["nurse"]', "unknown role 'nurse'"),
    "unknown role group": ("task.toml", 'read   = ["@care"]', 'read   = ["@carers"]', "@carers", "unknown role '@carers'"),
    "unknown role of a move": ("assignment.toml", 'by = ["coordinator"]', 'by = ["boss"]', 'by = ["boss"]', "unknown role 'boss'"),
    "missing title": ("task.toml", 'title  = "Due"\n', "", '[[field]]\nnumber = 3', "missing title"),
    "missing title of an option": ("task.toml", 'code = "done", title = "Done"', 'code = "done"', 'code = "done"', "missing title"),
    "value of another type": ("task.toml", "number = 40", 'number = "40"', 'number = "40"', "cannot be '40'"),
    "state without a table": ("alert.toml", 'transitions = [\n  { from = "active", to = ["ended"], reason = true }, '
                              "# somebody else's safety hangs on it\n  { from = \"ended\", to = [\"active\"] },\n]\n", "",
                              'rule        = "state"', "needs a table of transitions"),
    "table without a state": ("alert.toml", 'rule        = "state"', 'rule        = "latest"', 'rule        = "latest"',
                              "needs a table of transitions"),
    "state without a start": ("alert.toml", 'start       = ["active"]\n', "", 'rule        = "state"', "a state needs start"),
    "transition from an unknown option": ("alert.toml", '{ from = "ended", to', '{ from = "over", to', 'from = "over"',
                                          "unknown option 'over'"),
    "transition to an unknown option": ("alert.toml", 'to = ["active"] }', 'to = ["live"] }', '"live"', "unknown option 'live'"),
    "transition said twice": ("alert.toml", '{ from = "ended", to = ["active"] }', '{ from = "active", to = ["ended"] }',
                              '{ from = "active", to = ["ended"] },\n', "says nothing new"),
    "unreachable state": ("escalation.toml", '  { from = "waiting", to = ["closed"], reason = true }, # rang 999 meanwhile\n'
                          '  { from = "answered", to = ["closed"] },\n', "", 'transitions = [\n  { from = "waiting"',
                          "state 'closed' cannot be reached"),
    "SNOMED code with a wrong check digit": ("observations.toml", '"1104051000000101"', '"1104051000000102"',
                                             '"1104051000000102"', "wrong check digit"),
    "SNOMED code too short": ("observations.toml", '"86290005"', '"86290"', '"86290"', "not 6 to 18 digits"),
    "SNOMED code of an option": ("allergy.toml", '"255604002"', '"255604003"', '"255604003"', "wrong check digit"),
    "SNOMED code of a shared option": ("catalogue.toml", '"1104311000000102"', '"1104311000000103"', '"1104311000000103"',
                                       "wrong check digit"),
    "empty range": ("observations.toml", "range        = [0, 80]", "range        = [80, 0]", "range        = [80, 0]",
                    "from 80 to 0 is empty"),
    "soft range outside the hard one": ("observations.toml", "soft         = [6, 40]", "soft         = [6, 90]",
                                        "soft         = [6, 90]", "outside of the hard range"),
    "number without a range": ("observations.toml", "range        = [0, 80]\n", "", None, "needs a hard range"),
    "number without a unit": ("observations.toml", 'unit         = "/min"\n', "", None, "needs a unit"),
    "range of a text": ("task.toml", "size     = 500", "size     = 500\nrange    = [1, 2]", "range    = [1, 2]", "a text has no range"),
    "group of one": ("person.toml", 'group  = "name"', 'group  = "given"', 'group    = "name"', "has one field only"),
    "group of two rules": ("person.toml", 'rule   = "propose"\ngroup  = "name"', 'rule   = "latest"\ngroup  = "name"',
                           'group    = "name"', "have different rules"),
    "set under a rule that does not merge": ("person.toml", 'rule    = "latest" # merges by element', 'rule    = "review" # x',
                                             'rule    = "review" # x', "a set merges by its parts"),
    "map under a rule that does not merge": ("person.toml", 'rule    = "latest" # merges by heading', 'rule    = "propose" # x',
                                             'rule    = "propose" # x', "a map merges by its parts"),
    "set without its elements' kind": ("person.toml", 'of      = "code"\n', "", None, "says of which kind"),
    "reference to an unknown type": ("task.toml", 'ref    = ["staff", "team"]', 'ref    = ["staff", "squad"]', '"squad"',
                                     "reference to the unknown type 'squad'"),
    "reference to nothing": ("task.toml", 'ref    = ["staff", "team"]\n', "", None, "says to which types"),
    "required reference to a type to come": ("planned_contact.toml", 'ref    = ["series"]', 'ref    = ["series"]\nrequired = true',
                                             'ref    = ["series"]', "refers to no type that exists"),
    "bytes whose hash is not one": ("attachment.toml", "size     = 32", "size     = 20", "bytes  = {", "a hash has a size of 32"),
    "bytes without a size": ("attachment.toml", 'size = "size",', 'size = "title",', "bytes  = {", "'title' is not a required int"),
    "bytes of a record that is edited": ("attachment.toml", "append = true", "append = false", "bytes  = {", "only facts about a person"),
    "bytes without a media type": ("attachment.toml", ', media = "media_type" }', " }", "bytes  = {", "missing media"),
    "scope of an unknown kind": ("assignment.toml", 'kind  = "team"\nfield', 'kind  = "ward"\nfield', 'kind  = "ward"',
                                 "unknown scope kind 'ward'"),
    "scope by an unknown field": ("assignment.toml", 'field = "team"', 'field = "group"', 'field = "group"', "unknown field 'group'"),
    "scope by a field that is no reference": ("assignment.toml", 'field = "team"', 'field = "tier"', 'field = "tier"', "is a code, not a ref"),
    "condition on an unknown option": ("assignment.toml", 'while = "status in proposed, active, on_hold" # those',
                                       'while = "status in proposed, living" # those', '[[scope]]', "unknown option 'living'"),
    "condition on an unknown field": ("assignment.toml", 'while = "status in proposed, active, on_hold" # those',
                                      'while = "state in proposed" # those', "[[scope]]", "is not \"FIELD in OPTION"),
    "grant to an unknown target": ("serves.toml", 'target = "served"', 'target = "customer"', 'target = "customer"', "unknown field 'customer'"),
    "grant by an unknown holder": ("serves.toml", 'holder = "server"', 'holder = "owner"', 'holder = "owner"', "unknown field 'owner'"),
    "limit with an unknown refusal": ("consent.toml", 'refusing = "withdrawn"', 'refusing = "denied"', 'refusing = "denied"',
                                      "unknown option 'denied'"),
    "limit on unknown holders": ("consent.toml", 'holders  = "vcse"', 'holders  = "charity"', 'holders  = "charity"', "no organisation has the type"),
    "consequence on an unknown field": ("advice.toml", 'set   = "escalation.status"', 'set   = "escalation.state"',
                                        'set   = "escalation.state"', "unknown field 'escalation.state'"),
    "consequence to an unknown option": ("advice.toml", 'to    = "answered"', 'to    = "heard"', 'to    = "heard"', "unknown option 'heard'"),
    "consequence by an unknown reference": ("advice.toml", 'where = "escalation"', 'where = "decision"', 'where = "decision"',
                                            "nor an own reference to escalation"),
    "consequence without a value": ("advice.toml", 'to    = "answered"\n', "", "[[on_create]]", "either to (an option) or copy"),
    "unique with an unknown field": ("person.toml", 'fields = ["nhs_number"]', 'fields = ["nhs"]', 'fields = ["nhs"]', "unknown field 'nhs'"),
    "unique with an unknown link": ("person.toml", '"person_link.other"', '"person_link.twin"', '"person_link.twin"',
                                    "is not a reference to a person"),
    "comparison of different kinds": ("observations.toml", 'low  = "diastolic"', 'low  = "temperature"', "[[compare]]", "different kinds"),
    "expiry to an unknown option": ("residence.toml", 'to    = "ended"', 'to    = "gone"', 'to    = "gone"', "unknown option 'gone'"),
    "unknown check": ("person.toml", "[check.adult]", "[check.grown_up]", "[check.grown_up]", "unknown check 'grown_up'"),
    "check with an unknown field": ("person.toml", 'birth_date = "birth_date"', 'birth_date = "born"', 'birth_date = "born"', "unknown field 'born'"),
    "check without a slot": ("observations.toml", 'temperature   = "temperature"\n', "", "[check.news2]", "missing temperature"),
    "check with a field of another kind": ("observations.toml", 'temperature   = "temperature"', 'temperature   = "pulse"',
                                           'temperature   = "pulse"', "must be a tenths"),
    "append type with an own common number": ("visit.toml", "number = 6", "number = 5", "number = 5", "are the common append fields"),
    "append type that may be edited": ("visit.toml", 'create = ["@care"]', 'create = ["@care"]\nedit   = ["@care"]', "edit   =",
                                       "never edited"),
    "append type with an editable field": ("visit.toml", 'name   = "left"', 'rule   = "latest"\nname   = "left"', 'rule   = "latest"',
                                           "is fixed or the store's"),
    "store type that staff may write": ("medicine.toml", "[roles]", '[roles]\ncreate = ["gp"]', "[roles]", "only the store writes"),
    "order with an unknown option": ("allergy.toml", 'order   = ["mild",', 'order   = ["tiny",', '"tiny"', "unknown option 'tiny'"),
    "raise without an order": ("task.toml", 'name   = "due"', 'raise  = "apply"\nname   = "due"', 'raise  = "apply"', "of a field with an order"),
    "always outside of propose": ("allergy.toml", 'rule     = "propose"', 'rule     = "latest"', 'rule     = "latest"', "belong to the rule propose"),
    "field name that is none": ("task.toml", 'name   = "due"', 'name   = "due date"', 'name   = "due date"', "small letters, digits"),
    "type name that is none": ("task.toml", 'name   = "task"', 'name   = "Task"', 'name   = "Task"', "small letters, digits"),
    "move down where only up is allowed": ("escalation.toml", '{ from = "urgent", to = ["emergency"] }',
                                           '{ from = "urgent", to = ["routine"] }', '{ from = "urgent"', "a transition downward"),
    "consequence that is no move": ("advice.toml", 'only  = "status in waiting"\n', "", "[[on_create]]",
                                    "has no transition from closed to answered"),
    "expiry that is no move": ("assignment.toml", '{ from = ["active", "on_hold"], to = ["ended"], reason = true }',
                               '{ from = ["active"], to = ["ended"], reason = true }', "[expires]", "no transition from on_hold to ended"),
    "required from staff, given by the store": ("assignment.toml", 'options = "tier"', 'options = "tier"\nrequired = true',
                                                'rule    = "store"', "only the store could give it"),
    "table of two types": ("team.toml", 'name = "teams"', 'name = "people"', 'name = "people"', "is the table of person"),
    "key of a table that is no field": ("team.toml", 'keys = [["organisation", "name"]]', 'keys = [["organisation", "title"]]',
                                        '"title"]]', "unknown field 'title'"),
    "unbound member": ("catalogue.toml", 'status_open     = "status=open"\n', "", "[bind.conflict]", "missing status_open"),
    "binding of an unknown option": ("catalogue.toml", '"status=open"', '"status=new"', '"status=new"', "is not a field, or FIELD=OPTION"),
    "shared options that are not there": ("observations.toml", 'options      = "oxygen"', 'options      = "gas"', '"gas"', "no shared options"),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_catalogue_is_told_with_file_line_and_reason(folder, case):
    name, old, new, marker, reason = WRONG[case]
    change(folder, name, old, new)
    _, problems = load.load(folder)
    matching = [problem for problem in problems if reason in problem]
    assert matching, problems
    if marker:
        assert matching[0].startswith(f"{folder / name}:{line_of(folder, name, marker)}: "), matching[0]
    else:
        assert re.match(rf"{re.escape(str(folder))}/\w+\.toml:\d+: ", matching[0])


def test_the_catalogue_as_it_is_has_no_problems(folder):
    assert load.load(folder)[1] == []


@pytest.mark.parametrize("retired, reason", [
    ("types = [40]\n", "type number 40 is retired"),
    ("fields = { task = [3] }\n", "field number 3 is retired"),
    ('options = { "task.status" = [4] }\n', "option number 4 is retired"),
])
def test_a_retired_number_is_never_used_again(folder, retired, reason):
    (folder / "retired.toml").write_text(retired, encoding="utf-8")
    _, problems = load.load(folder)
    assert len(problems) == 1 and "task.toml:" in problems[0] and reason in problems[0]


def test_the_program_ends_with_1_and_writes_nothing_where_the_catalogue_is_wrong(folder, tmp_path):
    change(folder, "task.toml", "number = 40", "number = 23")
    out = tmp_path / "out.c"
    run = subprocess.run([sys.executable, ROOT / "schema" / "generate", "--catalogue", folder, "--c", out],
                         capture_output=True, text=True, check=False)
    assert run.returncode == 1 and not out.exists()
    assert f"{folder / 'task.toml'}:" in run.stderr and "type number 23 used twice" in run.stderr


def test_the_reference_page_is_current(catalogue):
    page = ROOT / "docs" / "catalogue.md"
    assert page.read_text(encoding="utf-8") == emit_page.emit(catalogue), "run schema/generate --page docs/catalogue.md"


def test_the_page_says_that_ranges_await_confirmation(catalogue):
    assert "await confirmation by a clinical safety officer" in emit_page.emit(catalogue)


def test_making_it_twice_makes_the_same(catalogue):
    again, _ = load.load(CATALOGUE)
    for emit in (emit_c.emit, emit_sql.emit, emit_schema.emit, emit_page.emit):
        assert emit(catalogue) == emit(again)


def test_the_example_of_the_design_is_still_true(catalogue):
    kind = catalogue.type("planned_contact")
    start = kind.field("start")
    assert (kind.number, kind.cls, kind.lane, kind.append) == (23, "clinical", "routine", False)
    assert (start.number, start.kind, start.rule, start.group) == (2, "instant", "review", "slot")
    assert {"coordinator", "community_nurse"} <= set(kind.roles["create"]) & set(kind.roles["edit"])


def test_the_design_examples_of_short_forms_are_read(folder):
    change(folder, "task.toml", "[roles]", 'unique = ["title", "due"]\n[roles]')
    change(folder, "assignment.toml", '[[scope]]\nkind  = "team"\nfield = "team"\nwhile = "status in proposed, active, on_hold" '
           "# those who may accept a proposed one see it\n", "")
    change(folder, "assignment.toml", "[roles]", 'scope = {kind = "team", field = "team", while = "status in proposed, active"}\n[roles]')
    catalogue, problems = load.load(folder)
    assert problems == []
    assert catalogue.type("task").uniques[0].values["fields"] == ["title", "due"]
    assert catalogue.type("assignment").scopes[0].values["while"].codes == ["proposed", "active"]


def test_every_append_type_begins_with_the_common_fields(catalogue):
    kinds = [kind for kind in catalogue.types if kind.append]
    assert {"visit", "observations", "advice", "access_event"} <= {kind.name for kind in kinds}
    for kind in kinds:
        assert [field.name for field in kind.fields[:5]] == ["happened", "amends", "amend_reason", "entered_in_error", "moved_to"]
        assert [field.number for field in kind.fields[:5]] == [1, 2, 3, 4, 5]
        assert kind.field("amends").ref == [kind.name]


def test_field_numbers_are_contiguous(catalogue):
    for kind in catalogue.types:
        assert [field.number for field in kind.fields] == list(range(1, len(kind.fields) + 1)), kind.name


def test_it_staff_read_nothing_about_people(catalogue):
    for kind in catalogue.types:
        if kind.personal:
            assert "it" not in kind.roles["read"] and kind.roles["read"] != ["*"], kind.name


def test_done_is_reached_from_cancelled_and_never_left(catalogue):
    for name in ("planned_contact", "task"):
        field = catalogue.type(name).field("status")
        codes = {option.number: option.code for option in field.options}
        moves = {(codes.get(move.origin), codes[move.to]) for move in field.transitions}
        assert ("cancelled", "done") in moves and not [move for move in moves if move[0] == "done"]


def test_a_field_of_a_type_to_come_is_declared_and_refused(catalogue):
    assert not catalogue.type("person").field("photo").future
    assert catalogue.type("planned_contact").field("series").future
    assert not catalogue.type("visit").field("planned_contact").future


def test_the_sql_makes_strict_tables_with_a_comment_per_column(catalogue):
    sql = emit_sql.emit(catalogue)
    database = sqlite3.connect(":memory:")
    database.executescript(sql)
    database.executescript(sql)  # again: what is there stays
    strict = dict(database.execute("SELECT name, strict FROM pragma_table_list WHERE name LIKE 'r\\_%' ESCAPE '\\'"))
    assert set(strict) == {f"r_{kind.name}" for kind in catalogue.types} and set(strict.values()) == {1}
    for kind in catalogue.types:
        columns = [row[1] for row in database.execute(f"PRAGMA table_info(r_{kind.name})")]
        assert columns[:10] == ["id", "person", "locality", "author", "device", "role", "recorded_ms", "position", "unknown", "stamps"]
        assert columns[10:] == [f"f_{field.name}" for field in kind.fields]
    for line in re.findall(r"^  \w.*$", sql, re.M):
        assert " -- " in line, line


def test_the_schema_is_a_schema(catalogue):
    jsonschema = pytest.importorskip("jsonschema")
    schema = json.loads(emit_schema.emit(catalogue))
    jsonschema.Draft202012Validator.check_schema(schema)
    assert {"visit", "visit.create", "task.edit", "medicine"} <= set(schema["$defs"])
    assert "visit.edit" not in schema["$defs"] and "medicine.create" not in schema["$defs"]


@pytest.mark.parametrize("name, value, good", [
    ("observations.create", {"taken": "2026-11-21T20:15:00.000Z", "pulse": 80}, True),
    ("observations.create", {"pulse": 80}, False),
    ("observations.create", {"taken": "2026-11-21T20:15:00.000Z", "pulse": 301}, False),
    ("observations.create", {"taken": "2026-11-21T20:15:00.000Z", "pulse": 80.5}, False),
    ("observations.create", {"taken": "2026-11-21T20:15:00.000Z", "news2_store": 1}, False),
    ("observations.create", {"taken": "21/11/2026"}, False),
    ("observations.create", {"taken": "2026-11-21T20:15:00.000Z", "not_taken": {"pulse": "declined"}}, True),
    ("observations.create", {"taken": "2026-11-21T20:15:00.000Z", "not_taken": {"shoe": "declined"}}, False),
    ("person.edit", {"adjustments": {"add": ["braille"]}}, True),
    ("person.edit", {"adjustments": ["braille"]}, True),
    ("person.edit", {"adjustments": {"plus": ["braille"]}}, False),
    ("person.edit", {"phone": None}, True),
    ("person.edit", {"photo": "0198e6d2-0000-7000-8000-000000000000"}, True),
    ("person.create", {"family": "Kaur", "gender": "Female"}, False),
    ("person", {"family": "Kaur", "gender": "#9"}, True),
    ("residence.edit", {"organisation": "0198e6d2-0000-7000-8000-000000000000"}, False),
])
def test_the_schema_takes_what_the_local_api_takes(catalogue, name, value, good):
    jsonschema = pytest.importorskip("jsonschema")
    schema = json.loads(emit_schema.emit(catalogue))
    one = {"$schema": schema["$schema"], "$defs": schema["$defs"], "$ref": f"#/$defs/{name}"}
    assert jsonschema.Draft202012Validator(one).is_valid(value) is good


def test_snomed_check_digits_catch_every_single_digit_error_and_every_swap():
    code = "1104051000000101"
    assert snomed.fault(code) is None
    for place in range(1, len(code)):
        for digit in "0123456789":
            if digit != code[place]:
                assert snomed.fault(code[:place] + digit + code[place + 1:]), (place, digit)
        if code[place - 1] != code[place] and code[place] != "0":
            assert snomed.fault(code[:place - 1] + code[place] + code[place - 1] + code[place + 1:]), place

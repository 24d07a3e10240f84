"""One file to one Type: its own keys, its fields, and its rules as they were written (rules.py judges those)."""
import copy
import re

from . import model
from .fields import TEXT, FieldReader

TABLES = ((list, dict), False, [])
TYPE_SPEC = {
    "name": (str, True, ""), "number": (int, True, 0), "title": (str, True, ""), "about": TEXT,
    "class": (str, True, ""), "lane": (str, False, "routine"), "append": (bool, False, False), "fhir": TEXT,
    "personal": (bool, False, True), "written_by": (str, False, "staff"), "rule": TEXT, "other_person": TEXT,
    "load": (dict, False, None),
    "bytes": (dict, False, None),
    "by_device": (bool, False, False),
    "roles": (dict, True, {}), "field": (list, True, []), "scope": TABLES, "grant": TABLES, "limit": TABLES,
    "unique": TABLES, "compare": TABLES, "needs": TABLES, "expires": (dict, False, None), "check": (dict, False, {}),
    "on_create": TABLES, "on_value": TABLES, "on_decided": TABLES,
}
LOAD_SPEC = {"name": (str, True, ""), "keys": (list, False, []), "ends": TEXT}
BYTES_SPEC = {"hash": (str, True, ""), "size": (str, True, ""), "media": (str, True, "")}
ROLE_KEYS = ("read", "create", "edit", "decide")
CONSEQUENCE = {"set": (str, True, ""), "where": (str, True, ""), "when": TEXT, "to": TEXT, "copy": TEXT, "only": TEXT}
RULE_SPECS = {
    "scope": {"kind": (str, True, ""), "field": (str, True, ""), "while": TEXT},
    "grant": {"holder": (str, True, ""), "kind": (str, True, ""), "target": (str, True, ""), "from": TEXT, "to": TEXT,
              "while": TEXT},
    "limit": {"when": (str, True, ""), "decision": (str, True, ""), "refusing": (str, True, ""),
              "at": (str, True, ""), "keep": (list, True, []), "holders": TEXT},
    "unique": {"fields": (list, True, []), "per_person": (bool, False, False), "while": TEXT, "link": TEXT},
    "compare": {"low": (str, True, ""), "high": (str, True, ""), "equal": (bool, False, False)},
    "needs": {"field": (str, True, ""), "while": (str, True, "")},
    "expires": {"date": (str, True, ""), "set": (str, True, ""), "to": (str, True, ""), "while": TEXT},
    "on_create": CONSEQUENCE, "on_value": CONSEQUENCE, "on_decided": CONSEQUENCE,
}


def read_type(source, shared):
    taken = source.take(source.data, (), TYPE_SPEC)
    kind = model.Type(source, taken["number"], taken["name"], taken["title"], taken["class"], taken["lane"],
                      taken["append"], taken["personal"], taken["written_by"] == "store", taken["by_device"], taken["about"],
                      taken["fhir"], taken["other_person"])
    for key, known in (("class", model.CLASSES), ("lane", model.LANES), ("written_by", ("staff", "store"))):
        if taken[key] not in known:
            source.problem((key,), f"unknown {key} {taken[key]!r}; known: {', '.join(known)}")
    if not 1 <= kind.number <= model.TYPE_NUMBER_MAX:
        source.problem(("number",), f"type number {kind.number} is not 1 to {model.TYPE_NUMBER_MAX}")
    if not re.fullmatch(model.NAME, kind.name):
        source.problem(("name",), f"type name {kind.name!r} is not small letters, digits and _")
    if kind.name != source.path.stem:
        source.problem(("name",), f"type {kind.name!r} belongs into {kind.name}.toml")
    _roles(kind, source, shared, taken["roles"])
    _fields(kind, source, shared, taken)
    _rules(kind, source, taken)
    kind.checks = taken["check"]
    if taken["load"] is not None:
        kind.load = source.take(taken["load"], ("load",), LOAD_SPEC)
    if taken["bytes"] is not None:
        kind.bytes = source.take(taken["bytes"], ("bytes",), BYTES_SPEC)
    return kind


def _roles(kind, source, shared, given):
    for key in given:
        if key not in ROLE_KEYS:
            source.problem(("roles", key), f"unknown key {key!r}; known here: {', '.join(ROLE_KEYS)}")
    for key in ROLE_KEYS:
        kind.roles[key] = shared["expand"](source, ("roles", key), given.get(key, []))
        kind.written_roles[key] = given.get(key, [])
    if kind.append and kind.roles["edit"]:
        source.problem(("roles", "edit"), "records of an append type are never edited")
    if kind.store_only and (kind.roles["create"] or kind.roles["edit"]):
        source.problem(("roles",), "only the store writes this type: no role creates or edits it")


def _fields(kind, source, shared, taken):
    reader = FieldReader(source, shared)
    if kind.append:
        kind.fields = copy.deepcopy(shared["append"])
    default = taken["rule"] or ("store" if kind.store_only else "fixed" if kind.append else None)
    for place, table in enumerate(taken["field"]):
        field = reader.read(table, ("field", place), default)
        if kind.append and field.number < model.APPEND_OWN_FIRST:
            reader.source.problem(field.keys + ("number",),
                                  f"{field.name}: numbers 1 to {model.APPEND_OWN_FIRST - 1} are the common append fields")
        if kind.append and field.rule not in ("fixed", "store"):
            reader.source.problem(field.keys + ("rule",), f"{field.name}: a field of an append type is fixed or the store's")
        if field.required and field.rule == "store" and not kind.store_only:
            source.problem(field.keys + ("rule",), f"{field.name}: is required, but only the store could give it")
        for other in kind.fields:
            if other.number == field.number:
                source.problem(field.keys + ("number",), f"field number {field.number} used twice: {other.name}, {field.name}")
            if other.name == field.name:
                source.problem(field.keys + ("name",), f"field name {field.name!r} used twice")
        kind.fields.append(field)
    kind.fields.sort(key=lambda field: field.number)
    if len(kind.fields) > model.FIELD_COUNT_MAX:
        source.problem(("field",), f"more than {model.FIELD_COUNT_MAX} fields")
    for group in kind.groups:
        members = [field for field in kind.fields if field.group == group]
        if len(members) < 2:
            source.problem(members[0].keys + ("group",), f"group {group!r} has one field only")
        if len({field.rule for field in members}) > 1:
            source.problem(members[0].keys + ("group",), f"the fields of group {group!r} have different rules")


def _rules(kind, source, taken):
    lists = {"scope": kind.scopes, "grant": kind.grants, "limit": kind.limits, "unique": kind.uniques,
             "compare": kind.compares, "needs": kind.needs}
    for key, into in lists.items():
        into.extend(_each(source, key, taken[key]))
    for moment in model.MOMENTS:
        for rule in _each(source, moment, taken[moment]):
            rule.values["moment"] = moment
            kind.consequences.append(rule)
    if taken["expires"] is not None:
        kind.expiry = model.Rule(("expires",), source.take(taken["expires"], ("expires",), RULE_SPECS["expires"]))


def _each(source, key, given):
    """scope = {…} and [[scope]] are the same; unique = ["a", "b"] names the fields alone."""
    if key == "unique" and given and all(isinstance(name, str) for name in given):
        given = {"fields": given}
    single = isinstance(given, dict)
    for place, table in enumerate([given] if single else given):
        keys = (key,) if single else (key, place)
        if isinstance(table, dict):
            yield model.Rule(keys, source.take(table, keys, RULE_SPECS[key]))
        else:
            source.problem(keys, f"{key} is a table")

"""What only the whole catalogue shows: numbers used twice, references, scopes, grants, limits, consequences, checks."""
import re

from . import model
from .bind import check_bind

CONDITION = re.compile(r"^\s*(\w+)\s+in\s+(\w+(?:\s*,\s*\w+)*)\s*$")


def check(catalogue, shared, bind, retired, numbers):
    _numbers(catalogue, shared)
    _retired(catalogue, retired, numbers)
    for kind in catalogue.types:
        _refs(catalogue, kind)
        _parsed_rules(catalogue, kind)
        _checks(kind)
        _load(catalogue, kind)
        _bytes(kind)
        if kind.other_person and not (kind.field(kind.other_person) and kind.field(kind.other_person).ref == ["person"]):
            kind.source.problem(("other_person",), f"{kind.other_person} is not a reference to a person")
    check_bind(catalogue, shared, bind)


def _numbers(catalogue, shared):
    seen = {}
    for kind in catalogue.types:
        if kind.number in seen:
            kind.source.problem(("number",), f"type number {kind.number} used twice: {seen[kind.number]}, {kind.name}")
        seen[kind.number] = kind.name
    for name, number in catalogue.future.items():
        if number in seen and seen[number] != name:
            shared.problem(("future", name), f"type number {number} is kept for {name} but used by {seen[number]}")
        elif number in seen:
            shared.problem(("future", name), f"{name} exists: take it from the list")


def _retired(catalogue, source, numbers):
    for kind in catalogue.types:
        if kind.number in numbers["types"]:
            kind.source.problem(("number",), f"type number {kind.number} is retired and never used again")
        for field in kind.fields:
            if field.number in numbers["fields"].get(kind.name, []):
                kind.source.problem(field.keys + ("number",),
                                    f"{field.name}: field number {field.number} is retired and never used again")
            for option in field.options:
                if option.number in numbers["options"].get(f"{kind.name}.{field.name}", []):
                    kind.source.problem(field.keys + ("options",),
                                        f"{field.name}: option number {option.number} is retired and never used again")


def _refs(catalogue, kind):
    for field in kind.fields:
        if field.ref == ["*"]:
            continue
        field.ref = [kind.name if name == "self" else name for name in field.ref]
        for name in field.ref:
            if catalogue.type(name) is None and name not in catalogue.future:
                kind.source.problem(field.keys + ("ref",), f"{field.name}: reference to the unknown type {name!r}")
        present = [name for name in field.ref if catalogue.type(name)]
        field.future = bool(field.ref) and not present
        field.ref = present or field.ref
        if field.future and field.required:
            kind.source.problem(field.keys + ("ref",), f"{field.name}: is required but refers to no type that exists")


def condition(kind, at, keys, text):
    """"status in proposed, active" about a type's own field, told of at the given source."""
    if text is None:
        return model.Condition()
    match = CONDITION.match(text)
    field = kind.field(match.group(1)) if match else None
    if field is None or field.kind != "code":
        at.problem(keys, f"condition {text!r} is not \"FIELD in OPTION, …\" of a coded field of {kind.name}")
        return model.Condition()
    codes = [code.strip() for code in match.group(2).split(",")]
    for code in codes:
        if field.option(code) is None:
            at.problem(keys, f"condition {text!r} names the unknown option {code!r}")
    return model.Condition(field.name, [code for code in codes if field.option(code)])


def _named(kind, rule, key, kinds, optional=False):
    """The own field that a rule names under a key must exist and be of one of the kinds."""
    name = rule.values[key]
    if name is None and optional:
        return None
    field = kind.field(name)
    if field is None:
        kind.source.problem(rule.keys + (key,), f"{key} names the unknown field {name!r}")
    elif field.kind not in kinds:
        kind.source.problem(rule.keys + (key,), f"{key}: {name} is a {field.kind}, not a {' or '.join(kinds)}")
    return field


def _scope_kind(kind, rule, name, key):
    if name not in model.SCOPES:
        kind.source.problem(rule.keys + (key,), f"unknown scope kind {name!r}; known: {', '.join(model.SCOPES)}")


def _parsed_rules(catalogue, kind):
    source = kind.source
    for rule in kind.scopes:
        _scope_kind(kind, rule, rule.values["kind"], "kind")
        _named(kind, rule, "field", ("ref",))
        rule.values["while"] = condition(kind, source, rule.keys, rule.values["while"])
        if not kind.personal:
            source.problem(rule.keys, "only the records of a person put somebody in a scope")
    for rule in kind.grants:
        _scope_kind(kind, rule, rule.values["kind"], "kind")
        if rule.values["holder"] != "self":
            _named(kind, rule, "holder", ("ref",))
        _named(kind, rule, "target", ("ref",))
        for key in ("from", "to"):
            _named(kind, rule, key, ("date",), optional=True)
        rule.values["while"] = condition(kind, source, rule.keys, rule.values["while"])
    for rule in kind.limits:
        _limit(catalogue, kind, rule)
    for rule in kind.uniques:
        _unique(catalogue, kind, rule)
    for rule in kind.compares:
        low, high = (_named(kind, rule, key, ("int", "tenths", "date", "instant")) for key in ("low", "high"))
        if low and high and low.kind != high.kind:
            source.problem(rule.keys, f"{low.name} and {high.name} are of different kinds")
    for rule in kind.needs:
        _named(kind, rule, "field", tuple(model.KINDS))
        rule.values["while"] = condition(kind, source, rule.keys, rule.values["while"])
    if kind.expiry:
        _expiry(kind, kind.expiry)
    for rule in kind.consequences:
        _consequence(catalogue, kind, rule)


def _limit(catalogue, kind, rule):
    rule.values["when"] = condition(kind, kind.source, rule.keys, rule.values["when"])
    decision = _named(kind, rule, "decision", ("code",))
    _named(kind, rule, "at", ("instant", "date"))
    if decision and decision.option(rule.values["refusing"]) is None:
        kind.source.problem(rule.keys + ("refusing",), f"unknown option {rule.values['refusing']!r} of {decision.name}")
    for name in rule.values["keep"]:
        _scope_kind(kind, rule, name, "keep")
    organisation = catalogue.type("organisation")
    types = organisation.field("types") if organisation else None
    if rule.values["holders"] and not (types and types.option(rule.values["holders"])):
        kind.source.problem(rule.keys + ("holders",), f"no organisation has the type {rule.values['holders']!r}")


def _unique(catalogue, kind, rule):
    for name in rule.values["fields"]:
        if kind.field(name) is None:
            kind.source.problem(rule.keys + ("fields",), f"fields names the unknown field {name!r}")
        elif kind.field(name).kind in ("set", "map", "blob"):
            kind.source.problem(rule.keys + ("fields",), f"{name}: a {kind.field(name).kind} is never compared as a key")
    if not rule.values["fields"] and not rule.values["per_person"]:
        kind.source.problem(rule.keys, "a unique needs fields, or per_person")
    rule.values["while"] = condition(kind, kind.source, rule.keys, rule.values["while"])
    link = rule.values["link"]
    if link:
        other, _, name = link.partition(".")
        linked = catalogue.type(other)
        if linked is None or linked.field(name) is None or linked.field(name).ref != ["person"]:
            kind.source.problem(rule.keys + ("link",), f"{link!r} is not a reference to a person in another type")


def _expiry(kind, rule):
    _named(kind, rule, "date", ("date",))
    field = _named(kind, rule, "set", ("code",))
    if field and field.option(rule.values["to"]) is None:
        kind.source.problem(rule.keys + ("to",), f"unknown option {rule.values['to']!r} of {field.name}")
    rule.values["while"] = condition(kind, kind.source, rule.keys, rule.values["while"])
    if field:
        _moves(kind.source, rule.keys, field, rule.values["while"].codes, rule.values["to"])


def _consequence(catalogue, kind, rule):
    source, values = kind.source, rule.values
    name, _, field_name = values["set"].partition(".")
    target = catalogue.type(name)
    field = target.field(field_name) if target else None
    if field is None:
        source.problem(rule.keys + ("set",), f"set names the unknown field {values['set']!r}")
        return
    values["when"] = condition(kind, source, rule.keys, values["when"])
    values["only"] = condition(target, source, rule.keys, values["only"])
    link_type, _, link = values["where"].partition(".")
    own = kind.field(values["where"])
    if link:
        entry = target.field(link) if link_type == target.name else None
        if entry is None or kind.name not in entry.ref:
            source.problem(rule.keys + ("where",), f"{values['where']!r} is not a reference of {target.name} to {kind.name}")
    elif values["where"] != "person" and (own is None or own.kind != "ref" or (target.name not in own.ref and own.ref != ["*"])):
        source.problem(rule.keys + ("where",), f"{values['where']!r} is neither \"person\" nor an own reference to {target.name}")
    if (values["to"] is None) == (values["copy"] is None):
        source.problem(rule.keys, "a consequence has either to (an option) or copy (an own field)")
    elif values["to"] is not None and field.option(values["to"]) is None:
        source.problem(rule.keys + ("to",), f"unknown option {values['to']!r} of {values['set']}")
    elif values["to"] is not None:
        _moves(source, rule.keys, field, values["only"].codes, values["to"])
    else:
        copied = _named(kind, rule, "copy", tuple(model.KINDS))
        if copied and copied.kind != field.kind:
            source.problem(rule.keys + ("copy",), f"{copied.name} is a {copied.kind}, {values['set']} a {field.kind}")


# What a table's keys may be made of.
KEY_KINDS = ("text", "code", "int", "date", "ref")


def _load(catalogue, kind):
    """load = {name, keys}: each key a list of own fields; "person" stands for whose record it is."""
    if kind.load is None:
        return
    for other in catalogue.types:
        if other.load and other is not kind and other.load["name"] == kind.load["name"]:
            kind.source.problem(("load", "name"), f"{kind.load['name']!r} is the table of {other.name}")
    end = kind.field(kind.load["ends"]) if kind.load["ends"] else None
    if kind.load["ends"] and (end is None or end.kind != "date"):
        kind.source.problem(("load", "ends"), f"{kind.load['ends']!r} is not a date of {kind.name}")
    for key in kind.load["keys"]:
        if not isinstance(key, list) or not key:
            kind.source.problem(("load", "keys"), f"{key!r} is not a list of field names")
            continue
        for name in key:
            field = kind.field(name)
            if field is None and not (name == "person" and kind.personal):
                kind.source.problem(("load", "keys"), f"keys names the unknown field {name!r}")
            elif field is not None and field.kind not in KEY_KINDS:
                kind.source.problem(("load", "keys"), f"{name}: a {field.kind} is never compared as a key")


def _bytes(kind):
    """bytes = {hash, size, media}: what is said of them is said once and for all, with the record."""
    if kind.bytes is None:
        return
    if not kind.append or not kind.personal:
        kind.source.problem(("bytes",), "only facts about a person have bytes: an append type that is personal")
    for key, wanted in (("hash", "blob"), ("size", "int"), ("media", "code")):
        field = kind.field(kind.bytes[key])
        if field is None or field.kind != wanted or not field.required:
            kind.source.problem(("bytes", key), f"{kind.bytes[key]!r} is not a required {wanted} of {kind.name}")
        elif key == "hash" and field.size != model.BYTES_HASH_SIZE:
            kind.source.problem(("bytes", key), f"{field.name}: a hash has a size of {model.BYTES_HASH_SIZE}")
        elif key == "size" and field.hard and field.hard[0] < 1:
            kind.source.problem(("bytes", key), f"{field.name}: bytes have a size of at least 1")


def _moves(at, keys, field, only, to):
    """What the store does by itself is a move that the table has, too."""
    target = field.option(to)
    if field.rule != "state" or target is None:
        return
    known = {(row.origin, row.to) for row in field.transitions}
    for option in field.options:
        if (not only or option.code in only) and option.code != to and (option.number, target.number) not in known:
            at.problem(keys, f"{field.name} has no transition from {option.code} to {to}: name those it is for")


def _checks(kind):
    for name, slots in kind.checks.items():
        if name not in model.CHECKS:
            kind.source.problem(("check", name), f"unknown check {name!r}; known: {', '.join(model.CHECKS)}")
            continue
        wanted = model.CHECKS[name][1]
        taken = kind.source.take(slots, ("check", name), {slot: (str, True, None) for slot in wanted})
        for slot, (field_kind, codes) in wanted.items():
            field = kind.field(taken[slot]) if taken[slot] else None
            if field is None:
                if taken[slot]:
                    kind.source.problem(("check", name, slot), f"unknown field {taken[slot]!r}")
            elif field.kind != field_kind or any(field.option(code) is None for code in codes):
                kind.source.problem(("check", name, slot),
                                    f"{field.name} must be a {field_kind}" + (f" with {', '.join(codes)}" if codes else ""))

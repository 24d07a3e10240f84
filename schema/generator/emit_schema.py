"""JSON Schema (2020-12) of the local API: per type the fields as they are read, as a creation and as an edit carry them.

What the schema refuses, the daemon refuses too. The daemon refuses more: sizes in bytes, days that do not exist, roles.
"""
import json

from . import model

COMMON = {
    "uuid": {"type": "string", "pattern": "^[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$"},
    "instant": {"type": "string", "description": "RFC 3339; given back in UTC, to the millisecond",
                "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\\.[0-9]{1,9})?(Z|[+-][0-9]{2}:[0-9]{2})$"},
    "date": {"type": "string", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}$"},
    "bytes": {"type": "string", "contentEncoding": "base64"},
    "numbered": {"type": "string", "description": "an option by its number, such as one of a newer catalogue", "pattern": "^#[0-9]{1,3}$"},
}
READ, CREATE, EDIT = "read", "create", "edit"


def _ref(name):
    return {"$ref": f"#/$defs/{name}"}


def _code(field):
    if not field.options:  # a code of another field's options
        return _ref("numbered")
    return {"anyOf": [_ref(field.codes), _ref("numbered")]}


def _codes(catalogue):
    """A definition per set of options, under the name of the first field that has it; fields get its name."""
    definitions, names = {}, {}
    for kind in catalogue.types:
        for field in kind.fields:
            if field.options:
                titles = {option.code: option.title for option in field.options}
                field.codes = names.setdefault(tuple(titles.items()), f"codes.{kind.name}.{field.name}")
                definitions[field.codes] = {"type": "string", "enum": list(titles), "x-titles": titles}
    return definitions


def _set(field, use):
    element = {"code": lambda: _code(field), "text": lambda: {"type": "string"}, "ref": lambda: _ref("uuid")}[field.element]()
    whole = {"type": "array", "items": element}
    if use != EDIT:
        return whole
    change = {"type": "object", "additionalProperties": False, "properties": {"add": whole, "remove": whole}}
    return {"anyOf": [whole, change]}


def _map(field, use):
    text = {"type": ["string", "null"]} if use == EDIT else {"type": "string"}
    schema = {"type": "object", "additionalProperties": text}
    if field.options:
        schema["propertyNames"] = _code(field)
    return schema


def value(field, use):
    """The schema of one field's value."""
    if field.future and use != READ:
        return {"type": "null"}
    if field.kind in model.NUMBERS:
        schema = {"type": "integer", "minimum": field.hard[0], "maximum": field.hard[1]}
    elif field.kind == "text":
        schema = {"type": "string", "maxLength": field.size}
    else:
        schema = {"code": lambda: _code(field), "set": lambda: _set(field, use), "map": lambda: _map(field, use),
                  "bool": lambda: {"type": "boolean"}, "ref": lambda: _ref("uuid"), "date": lambda: _ref("date"),
                  "instant": lambda: _ref("instant"), "blob": lambda: _ref("bytes")}[field.kind]()
    return schema if use == READ else {"anyOf": [schema, {"type": "null"}]}  # null: no value


def _described(field):
    about = {"title": field.title, "x-number": field.number, "x-rule": field.rule}
    if field.about:
        about["description"] = field.about
    for key, given in (("x-unit", f"tenths of {field.unit}" if field.kind == "tenths" else field.unit),
                       ("x-group", field.group), ("x-soft", list(field.soft) if field.soft else None),
                       ("x-refers-to", field.ref or None)):
        if given:
            about[key] = given
    return about


def _object(kind, use):
    fields = [field for field in kind.fields
              if use == READ or not (kind.store_only or field.rule == "store" or (use == EDIT and field.rule == "fixed"))]
    schema = {"title": kind.title, "type": "object", "additionalProperties": False, "properties": {}}
    for field in fields:
        shape = value(field, use)
        schema["properties"][field.name] = {**_described(field), **shape} if use == READ else shape
    if use == READ:  # a newer catalogue may know more
        schema["additionalProperties"] = True
        schema["x-type"] = {"number": kind.number, "class": kind.cls, "lane": kind.lane, "append": kind.append,
                            "roles": kind.roles}
    elif use == CREATE:
        schema["required"] = [field.name for field in fields if field.required]
    return schema


def emit(catalogue):
    definitions = {**COMMON, **_codes(catalogue)}
    for kind in catalogue.types:
        definitions[kind.name] = _object(kind, READ)
        if not kind.store_only:
            definitions[f"{kind.name}.create"] = _object(kind, CREATE)
            if not kind.append:
                definitions[f"{kind.name}.edit"] = _object(kind, EDIT)
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": f"urn:pannier:catalogue:{catalogue.version}",
            "title": catalogue.title}
    lines = [f"{_dump(name)}:{_dump(schema)}" for name, schema in definitions.items()]  # one a line, to be compared
    return _dump(head)[:-1] + ',"$defs":{\n' + ",\n".join(lines) + "\n}}\n"


def _dump(value):
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))

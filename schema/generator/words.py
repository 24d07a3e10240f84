"""How kinds, units and ranges are said to people, in SQL comments and on the reference page."""
import datetime

from . import model

RULE_LETTERS = model.RULES
EPOCH = datetime.date(1970, 1, 1)


def bound(field, value):
    if field.kind == "date":
        return (EPOCH + datetime.timedelta(days=value)).isoformat()
    if field.kind == "instant":
        return (datetime.datetime(1970, 1, 1) + datetime.timedelta(milliseconds=value)).strftime("%Y-%m-%d")
    if field.kind == "tenths":
        return f"{value // 10}.{value % 10}" if value >= 0 else f"-{-value // 10}.{-value % 10}"
    return str(value)


def range_of(field, bounds):
    return f"{bound(field, bounds[0])} to {bound(field, bounds[1])}" if bounds else ""


def sql_unit(field):
    """What a column's integer or blob is; "" where title and type say all."""
    if field.kind == "tenths":
        return f"tenths of {field.unit}"
    if field.kind == "int":
        return field.unit
    if field.kind == "set":
        return f"CBOR array of {'option numbers' if field.element == 'code' else 'UUIDs' if field.element == 'ref' else 'text'}"
    return {"date": "days since 1970-01-01", "instant": "ms since 1970, UTC", "code": "option number",
            "bool": "0 or 1", "ref": "UUID", "map": "CBOR map to text",
            "blob": field.unit or "bytes"}.get(field.kind, "")


def kind_of(field):
    """The kind in words."""
    if field.kind == "set":
        return {"code": "set of codes", "text": "set of texts", "ref": "set of references"}[field.element]
    return {"text": "text", "code": "code", "int": "number", "tenths": "number with one decimal", "date": "date",
            "instant": "time", "bool": "yes or no", "ref": "reference", "blob": "bytes", "map": "texts by heading",
            }[field.kind]

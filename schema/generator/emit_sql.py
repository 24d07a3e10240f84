"""SQL of the record tables, the same on device and store. The columns are those of common/record_table.h."""
from . import words

SQL_KINDS = {"text": "TEXT", "ref": "BLOB", "set": "BLOB", "map": "BLOB", "blob": "BLOB"}  # all others: INTEGER
COMMON = (
    ("id", "BLOB PRIMARY KEY NOT NULL", "UUID, 16 bytes"),
    ("person", "BLOB", "UUID of the person it hangs on; NULL: reference data"),
    ("locality", "BLOB NOT NULL", "UUID of the locality's place record"),
    ("author", "BLOB NOT NULL", "UUID of a staff member, a device or the store"),
    ("device", "BLOB", "UUID of the device it was written on; NULL: the store"),
    ("role", "INTEGER NOT NULL", "of the author, option number of staff.role; 0: none"),
    ("recorded_ms", "INTEGER NOT NULL", "when it was created, by the author's clock; ms since 1970, UTC"),
    ("position", "INTEGER NOT NULL", "commit number of the last change; 0: only pending"),
    ("unknown", "BLOB", "CBOR map of a newer catalogue's fields, field number to value"),
    ("stamps", "BLOB", "store: CBOR, who set which field when; NULL on a device"),
)


def table_name(kind):
    return f"r_{kind.name}"


def create(kind):
    """CREATE TABLE with a comment per column."""
    rows = list(COMMON)
    rows += [(f"f_{field.name}", SQL_KINDS.get(field.kind, "INTEGER"), comment(field)) for field in kind.fields]
    lines = [f"CREATE TABLE IF NOT EXISTS {table_name(kind)} ( -- {kind.number}: {kind.title}"]
    for place, (name, sql, about) in enumerate(rows):
        comma = "," if place + 1 < len(rows) else ""
        lines.append(f"  {name} {sql}{comma} -- {about}")
    return "\n".join(lines) + "\n) STRICT;\n"


def comment(field):
    about = f"{field.number} {words.RULE_LETTERS[field.rule]}: {field.title}"
    unit = words.sql_unit(field)
    return f"{about}; {unit}" if unit else about


def indexes(kind):
    """What is looked up otherwise than by id: a person's records, keys of duplicates, and what the catalogue marks."""
    wanted = {}
    if kind.personal and "person" not in kind.properties:
        wanted["person"] = "(person, id, position)"  # the store tells by it which records are new
    for rule in kind.uniques:
        names = rule.values["fields"]
        if names and not rule.values["per_person"]:
            columns = ", ".join(f"f_{name}" for name in names)
            wanted["_".join(names)] = f"({columns}) WHERE f_{names[0]} IS NOT NULL"
    for field in kind.fields:
        if field.index:
            wanted[field.name] = f"(f_{field.name}) WHERE f_{field.name} IS NOT NULL"
    return "".join(f"CREATE INDEX IF NOT EXISTS {table_name(kind)}_{name} ON {table_name(kind)} {columns};\n"
                   for name, columns in wanted.items())


def emit(catalogue):
    head = (f"-- Record tables of catalogue version {catalogue.version}; made by schema/generate, not to be edited.\n"
            "-- Times are ms since 1970, UTC; dates are days since 1970-01-01; codes are option numbers of the catalogue.\n")
    return head + "".join("\n" + create(kind) + indexes(kind) for kind in catalogue.types)

"""The constant C tables of common/catalogue.h. Equal arrays are written once."""
from . import emit_schema, emit_sql, model

PROPERTIES = {"person": "is_person", "conflict": "is_conflict", "access_event": "is_access_event", "task": "is_task",
              "place": "is_locality", "organisation": "is_organisation", "team": "is_team", "staff": "is_staff",
              "membership": "is_membership", "baseline": "is_baseline", "planned_contact": "is_planned_contact"}
ALL_ROLES = "ROLE_ANY"


def quote(text):
    """A C string literal, "NULL" for None; broken at line ends, so that the file can be read."""
    if text is None:
        return "NULL"
    out = text.replace("\\", "\\\\").replace('"', '\\"').replace("?", "\\?")
    out = "".join(character if character == "\n" or " " <= character <= "~"
                  else "".join(f"\\{byte:03o}" for byte in character.encode()) for character in out)
    return "\n".join(f'"{line}\\n"' for line in out[:-1].split("\n")) if out.endswith("\n") else f'"{out}"'


class Emitter:
    def __init__(self, catalogue):
        self.catalogue = catalogue
        self.out = []
        self.known = {}  # content → name

    def array(self, c_type, stem, rows):
        """Name of a static array with these rows, "NULL" for none."""
        if not rows:
            return "NULL"
        content = (c_type, tuple(rows))
        if content not in self.known:
            self.known[content] = f"{stem}_{len(self.known)}"
            body = ",\n        ".join(rows)
            self.out.append(f"static const {c_type} {self.known[content]}[] = {{\n        {body},\n}};\n")
        return self.known[content]

    def numbers(self, c_type, stem, values):
        return self.array(c_type, stem, [", ".join(str(value) for value in values)] if values else [])

    def roles(self, names):
        if names is None or names == ["*"]:
            return ALL_ROLES
        numbers = {option.code: option.number for option in self.catalogue.roles}
        bits = sum(1 << numbers[name] for name in names)
        return f"UINT64_C({bits:#x})"

    def condition(self, kind, condition):
        if condition is None or condition.field is None:
            return "{-1, NULL, 0}"
        field = kind.field(condition.field)
        numbers = [field.option(code).number for code in condition.codes]
        return f"{{{kind.index(condition.field)}, {self.numbers('uint16_t', 'numbers', numbers)}, {len(numbers)}}}"

    def field(self, kind, field):
        options = self.array("struct catalogue_option", "options",
                             [f"{{{o.number}, {quote(o.code)}, {quote(o.title)}, {quote(o.snomed)}}}" for o in field.options])
        moves = self.array("struct catalogue_transition", "transitions",
                           [f"{{{m.origin}, {m.to}, {str(m.reason).lower()}, {self.roles(m.roles)}}}"
                            for m in field.transitions])
        refs = [] if field.ref == ["*"] or field.future else [self.catalogue.type(name).number for name in field.ref]
        parts = [f".number = {field.number}", f".name = {quote(field.name)}", f".title = {quote(field.title)}",
                 f".kind = KIND_{field.kind.upper()}", f".rule = RULE_{field.rule.upper()}"]
        parts += [f".{key} = {quote(getattr(field, key))}" for key in ("unit", "fhir", "snomed", "snomed_score")
                  if getattr(field, key)]
        parts += [f".{key} = true" for key in ("required", "confirm", "guarded", "future") if getattr(field, key)]
        if field.element:
            parts.append(f".element = KIND_{field.element.upper()}")
        if field.group:
            parts.append(f".group = {kind.groups.index(field.group) + 1}")
        for key in ("hard", "soft"):
            bounds = getattr(field, key)
            if bounds:
                parts.append(f".has_{'range' if key == 'hard' else key} = true, "
                             f".{key}_min = INT64_C({bounds[0]}), .{key}_max = INT64_C({bounds[1]})")
        if field.size:
            parts.append(f".size_max = {field.size}")
        if field.options:
            parts.append(f".options = {options}, .option_count = {len(field.options)}")
        if field.transitions:
            parts.append(f".transitions = {moves}, .transition_count = {len(field.transitions)}")
            parts.append(f".initial = {field.initial}")
        for key in ("order", "always", "proposed"):
            values = getattr(field, key)
            if values:
                parts.append(f".{key} = {self.numbers('uint16_t', 'numbers', values)}, .{key}_count = {len(values)}")
        if field.raises:
            parts.append(f".raise = {model.RAISES[field.raises]}")
        if refs:
            parts.append(f".ref_types = {self.numbers('uint8_t', 'types', refs)}, .ref_type_count = {len(refs)}")
        return "{" + ", ".join(parts) + "}"

    def scopes(self, kind):
        return [f"{{SCOPE_{r.values['kind'].upper()}, {kind.index(r.values['field'])}, "
                f"{self.condition(kind, r.values['while'])}}}" for r in kind.scopes]

    def grants(self, kind):
        return [f"{{{kind.index(r.values['holder'])}, SCOPE_{r.values['kind'].upper()}, {kind.index(r.values['target'])}, "
                f"{kind.index(r.values['from'])}, {kind.index(r.values['to'])}, {self.condition(kind, r.values['while'])}}}"
                for r in kind.grants]

    def limits(self, kind):
        rows = []
        for rule in kind.limits:
            values = rule.values
            refusing = kind.field(values["decision"]).option(values["refusing"]).number
            keep = sum(1 << model.SCOPES[name] for name in values["keep"])
            rows.append(f"{{{self.condition(kind, values['when'])}, {kind.index(values['decision'])}, {refusing}, "
                        f"{kind.index(values['at'])}, {keep}, {quote(values['holders'])}}}")
        return rows

    def uniques(self, kind):
        rows = []
        for rule in kind.uniques:
            values = rule.values
            indexes = [kind.index(name) for name in values["fields"]]
            linked, _, name = (values["link"] or "").partition(".")
            link = self.catalogue.type(linked)
            rows.append(f"{{{self.numbers('int16_t', 'indexes', indexes)}, {len(indexes)}, "
                        f"{str(values['per_person']).lower()}, {self.condition(kind, values['while'])}, "
                        f"{link.number if link else 0}, {link.index(name) if link else -1}}}")
        return rows

    def consequences(self, kind):
        rows = []
        for rule in kind.consequences:
            values = rule.values
            name, _, field_name = values["set"].partition(".")
            target = self.catalogue.type(name)
            link = values["where"].partition(".")[2]
            to = target.field(field_name).option(values["to"]).number if values["to"] else 0
            person = values["where"] == "person" and kind.field("person") is None
            rows.append(f"{{{model.MOMENTS[values['moment']]}, {self.condition(kind, values['when'])}, {target.number}, "
                        f"{-1 if link or person else kind.index(values['where'])}, "
                        f"{target.index(link) if link else -1}, {str(person).lower()}, {target.index(field_name)}, {to}, "
                        f"{kind.index(values['copy'])}, {self.condition(target, values['only'])}}}")
        return rows

    def checks(self, kind):
        rows = []
        for name, slots in kind.checks.items():
            constant, wanted = model.CHECKS[name]
            indexes = [kind.index(slots[slot]) for slot in wanted]
            rows.append(f"{{{constant}, {self.numbers('int16_t', 'indexes', indexes)}}}")
        return rows

    def expiry(self, kind):
        if kind.expiry is None:
            return "{-1, -1, 0, {-1, NULL, 0}}"
        values = kind.expiry.values
        option = kind.field(values["set"]).option(values["to"]).number
        return (f"{{{kind.index(values['date'])}, {kind.index(values['set'])}, {option}, "
                f"{self.condition(kind, values['while'])}}}")

    def keys(self, kind):
        rows = []
        for key in kind.load["keys"] if kind.load else []:
            indexes = [kind.index(name) for name in key]  # "person" is no field: -1
            rows.append(f"{{{self.numbers('int16_t', 'indexes', indexes)}, {len(indexes)}}}")
        return rows

    def type(self, kind):
        compares = [f"{{{kind.index(r.values['low'])}, {kind.index(r.values['high'])}, {str(r.values['equal']).lower()}}}"
                    for r in kind.compares]
        needs = [f"{{{kind.index(r.values['field'])}, {self.condition(kind, r.values['while'])}}}" for r in kind.needs]
        lists = (("scopes", "scope", self.scopes(kind)), ("grants", "grant", self.grants(kind)),
                 ("limits", "limit", self.limits(kind)), ("uniques", "unique", self.uniques(kind)),
                 ("consequences", "consequence", self.consequences(kind)), ("compares", "compare", compares),
                 ("needs", "need", needs), ("keys", "key", self.keys(kind)), ("checks", "check_use", self.checks(kind)))
        fields = self.array("struct catalogue_field", f"fields_{kind.name}", [self.field(kind, f) for f in kind.fields])
        parts = [f".number = {kind.number}", f".name = {quote(kind.name)}", f".title = {quote(kind.title)}",
                 f".table = {quote(emit_sql.table_name(kind))}", f".plural = {quote(kind.load['name'] if kind.load else None)}",
                 f".fhir = {quote(kind.fhir)}",
                 f".class = {model.CLASSES[kind.cls]}", f".lane = {model.LANES[kind.lane]}"]
        parts += [f".{flag} = true" for flag, on in (("append", kind.append), ("personal", kind.personal),
                                                     ("store_only", kind.store_only), ("by_device", kind.by_device)) if on]
        parts += [f".{PROPERTIES[name]} = true" for name in sorted(kind.properties)]
        parts += [f".fields = {fields}", f".field_count = {len(kind.fields)}", f".group_count = {len(kind.groups)}"]
        parts += [f".{key}_roles = {self.roles(kind.roles[key])}" for key in ("read", "create", "edit", "decide")]
        for member, struct, rows in lists:
            single = member[:-1]
            name = self.array(f"struct catalogue_{struct}", member, rows)
            parts.append(f".{member} = {name}, .{single}_count = {len(rows)}")
        parts += [f".expiry = {self.expiry(kind)}", f".other_person_index = {kind.index(kind.other_person)}",
                  *(f".bytes_{key}_index = {kind.index(kind.bytes[key] if kind.bytes else None)}" for key in ("hash", "size", "media")),
                  f".end_index = {kind.index(kind.load['ends']) if kind.load else -1}",
                  f".sql_create =\n{quote(emit_sql.create(kind))}", f".sql_indexes =\n{quote(emit_sql.indexes(kind) or None)}"]
        return "{" + ",\n         ".join(parts) + "}"


def emit(catalogue):
    emitter = Emitter(catalogue)
    types = [emitter.type(kind) for kind in catalogue.types]
    by_number = [0] * 256
    for place, kind in enumerate(catalogue.types):
        by_number[kind.number] = place + 1
    bind = ["." + name + " = {" + ", ".join(f".{member} = {value}" for member, value in members.items()) + "}"
            for name, members in catalogue.bind.items()]
    return "\n".join([
        "/* Made by schema/generate from schema/catalogue/; not to be edited. */",
        '#include "common/catalogue.h"',
        "",
        "/* The SQL and the JSON Schema are one literal each; both compilers take far more than C99's 4,095 characters. */",
        '#pragma GCC diagnostic ignored "-Woverlength-strings"',
        "",
        *emitter.out,
        "static const struct catalogue_type types[] = {\n        " + ",\n        ".join(types) + ",\n};\n",
        "static const uint8_t by_number[256] = {" + ", ".join(map(str, by_number)) + "};\n",
        "static const struct catalogue_bind bind = {\n        " + ",\n        ".join(bind) + ",\n};\n",
        "static const char json_schema[] =\n" + quote(emit_schema.emit(catalogue)) + ";\n",
        "static const struct catalogue catalogue = {",
        f"        .version = {catalogue.version},",
        f"        .types = types, .type_count = {len(types)}, .by_number = by_number,",
        "        .bind = &bind, .json_schema = json_schema,",
        "};\n",
        "const struct catalogue *catalogue_get(void)\n{\n        return &catalogue;\n}\n",
    ])

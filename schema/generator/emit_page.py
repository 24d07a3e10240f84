"""docs/catalogue.md: the catalogue as people read it."""
from . import words

HEAD = """# The catalogue, type by type

Made by `schema/generate` from `schema/catalogue/` (version {version}); not to be edited by hand.

**Ranges, states and rules on this page await confirmation by a clinical safety officer.**

Rules: F fixed · L latest stands · R reviewed where two edits meet · P proposed, a deciding role confirms · T states with
a table of moves · S set by the store only. Fields of one group (in braces) change, or wait for a decision, together.
"""
CHECKS = {
    "news2": "NEWS2 is computed by the device, and again by the store; where they differ both are kept and it is told.",
    "nhs_number": "The NHS number's check digit and range are checked; a wrong one that is loaded is kept as \"trace required\".",
    "adult": "Somebody under 16 is refused.",
    "advance_care": "Unsigned, past its review or contradicted by another of its kind: shown as contested, check the paper form.",
}


def _roles(names):
    return "nobody" if not names else "every signed-in role" if names == ["*"] else ", ".join(names).replace("@", "")


def _limits(field):
    parts = []
    if field.unit and field.kind in ("int", "tenths"):
        parts.append(f"{words.range_of(field, field.hard)} {field.unit}")
        if field.soft:
            parts.append(f"asked back outside {words.range_of(field, field.soft)}")
    if field.kind in ("text", "blob"):
        parts.append(f"up to {field.size:,} bytes")
    if field.ref and field.ref != ["*"]:
        parts.append("to " + ", ".join(field.ref) + (" (to come: refused until then)" if field.future else ""))
    if field.options:
        parts.append(" · ".join(f"{option.number} `{option.code}` {option.title}" for option in field.options))
    return "; ".join(parts)


def _notes(field):
    notes = [field.about] if field.about else []
    codes = {option.number: option.code for option in field.options}
    if field.required:
        notes.append("**required**")
    if field.confirm:
        notes.append("a change makes a task to check it")
    if field.guarded:
        notes.append("shown on tap only, each tap is recorded")
    if field.order:
        notes.append("order: " + " < ".join(codes[number] for number in field.order))
    if field.raises:
        notes.append({"apply": "raising takes effect at once", "only": "can only be raised"}[field.raises])
    if field.always:
        notes.append("at once: " + ", ".join(codes[number] for number in field.always))
    if field.proposed:
        notes.append("always only proposed: " + ", ".join(codes[number] for number in field.proposed))
    if field.snomed:
        notes.append(f"SNOMED CT {field.snomed}")
    if field.snomed_score:
        notes.append(f"NEWS2 part: SNOMED CT {field.snomed_score}")
    notes += [f"`{option.code}` is SNOMED CT {option.snomed}" for option in field.options if option.snomed]
    return "; ".join(notes)


def _cell(text):
    return text.replace("|", "\\|").replace("\n", " ")


def _fields(kind):
    lines = ["| No | Field | | Kind | Rule | Limits | Notes |", "|---|---|---|---|---|---|---|"]
    for field in kind.fields:
        group = f" {{{field.group}}}" if field.group else ""
        cells = (str(field.number), f"`{field.name}`", field.title, words.kind_of(field),
                 words.RULE_LETTERS[field.rule] + group, _limits(field), _notes(field))
        lines.append("| " + " | ".join(_cell(cell) for cell in cells) + " |")
    return lines


def _states(field):
    codes = {option.number: option.code for option in field.options}
    lines = ["", f"Moves of `{field.name}` (any other waits for a decision):", ""]
    for origin in dict.fromkeys(move.origin for move in field.transitions):
        targets = []
        for move in (move for move in field.transitions if move.origin == origin):
            extra = [words_ for words_ in ("with a reason" if move.reason else "",
                                           f"by {_roles(move.roles)}" if move.roles else "") if words_]
            targets.append(f"`{codes[move.to]}`" + (f" ({', '.join(extra)})" if extra else ""))
        lines.append(f"- {'a new record may be' if origin == 0 else f'from `{codes[origin]}` to'} {', '.join(targets)}")
    return lines


def _while(condition):
    return f" while {condition.field} is {' or '.join(condition.codes)}" if condition and condition.field else ""


def _rules(kind):
    lines = []
    for rule in kind.scopes:
        lines.append(f"Puts the person into the scope of the {rule.values['kind']} named by `{rule.values['field']}`"
                     f"{_while(rule.values['while'])}.")
    for rule in kind.grants:
        lines.append(f"A device of the team (`{rule.values['holder']}`) also holds the {rule.values['kind']} named by "
                     f"`{rule.values['target']}`{_while(rule.values['while'])}.")
    for rule in kind.limits:
        when = rule.values["when"]
        whose = f"teams of {rule.values['holders']} organisations" if rule.values["holders"] else "all teams and homes"
        keep = f", but stays in scopes of kind {', '.join(rule.values['keep'])}" if rule.values["keep"] else ""
        lines.append(f"{when.field} {', '.join(when.codes)} {rule.values['refusing']}: the person leaves the scopes of {whose}{keep}.")
    for rule in kind.uniques:
        names = ", ".join(f"`{name}`" for name in rule.values["fields"])
        what = f"the same {names}" if names else "such a record"
        whose = " of one person" if rule.values["per_person"] else ""
        follows = f"a proposed {rule.values['link'].partition('.')[0]}" if rule.values["link"] else "a conflict of kind duplicate"
        lines.append(f"A second record{whose} with {what}{_while(rule.values['while'])} is kept and raises {follows}.")
    if kind.bytes:
        lines.append(f"Its bytes travel apart: `{kind.bytes['hash']}` is their SHA-256, `{kind.bytes['size']}` their number, "
                     f"`{kind.bytes['media']}` what they are.")
    for rule in kind.compares:
        low, high = kind.field(rule.values["low"]), rule.values["high"]
        above, below = ("after", "before") if low.kind in ("date", "instant") else ("above", "below")
        lines.append(f"`{low.name}` is {f'not {above}' if rule.values['equal'] else below} `{high}`.")
    for rule in kind.needs:
        lines.append(f"`{rule.values['field']}` is needed{_while(rule.values['while'])}.")
    if kind.expiry:
        values = kind.expiry.values
        lines.append(f"When `{values['date']}` is past, the store sets `{values['set']}` to `{values['to']}`{_while(values['while'])}.")
    moments = {"on_create": "A new record", "on_value": "A change", "on_decided": "A decision"}
    for rule in kind.consequences:
        values = rule.values
        to = f"`{values['to']}`" if values["to"] else f"the value of `{values['copy']}`"
        only = f", where its {values['only'].field} is {' or '.join(values['only'].codes)}" if values["only"].field else ""
        where = "of the person" if values["where"] == "person" else f"(`{values['where']}`)"
        lines.append(f"{moments[values['moment']]}{_while(values['when']).replace(' while ', ' whose ')} sets "
                     f"`{values['set']}` {where} to {to}{only}.")
    for name in kind.checks:
        lines.append(CHECKS[name])
    if kind.load:
        keys = [" + ".join(f"`{name}`" for name in key) for key in kind.load["keys"]]
        found = f"; a row is found again by {', else by '.join(keys)}" if keys else ""
        lines.append(f"Loaded from a table named {kind.load['name']}{found}.")
    return ["", *(f"- {line}" for line in lines)] if lines else []


def _type(kind):
    facts = [kind.cls.replace("_", " "), kind.lane]
    facts += ["a fact: never edited, amended by a new record"] if kind.append else []
    facts += ["written by the store only"] if kind.store_only else []
    facts += [] if kind.personal else ["not a person's record"]
    facts += [f"FHIR {kind.fhir}"] if kind.fhir else []
    lines = ["", f"## {kind.number} · {kind.title} (`{kind.name}`)", ""]
    if kind.about:
        lines += [kind.about.strip(), ""]
    lines += [" · ".join(facts), ""]
    lines += [f"- {verb}: {_roles(names)}" for verb, names in kind.written_roles.items() if names or verb == "read"]
    lines += ["", *_fields(kind)]
    for field in kind.fields:
        if field.transitions:
            lines += _states(field)
    return lines + _rules(kind)


def emit(catalogue):
    lines = [HEAD.format(version=catalogue.version)]
    lines += [f"- [{kind.number} {kind.title}](#{kind.number}--{kind.title.lower().replace(' ', '-')}-{kind.name})"
              for kind in catalogue.types]
    lines += ["", "Groups of roles:", ""]
    lines += [f"- {name}: {', '.join(roles)}" for name, roles in catalogue.role_groups.items()]
    lines += ["", "To come (a reference to one of them is refused until then): " +
              ", ".join(f"{name} ({number})" for name, number in catalogue.future.items()) + "."]
    for kind in catalogue.types:
        lines += _type(kind)
    return "\n".join(lines) + "\n"

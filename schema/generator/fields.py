"""One [[field]] table to one Field, with all that can be judged from the field alone."""
import datetime
import re

from . import model, snomed

TEXT = (str, False, None)
FIELD_SPEC = {
    "number": (int, True, 0), "name": (str, True, ""), "title": (str, True, ""), "kind": (str, True, ""),
    "of": TEXT, "rule": TEXT, "about": TEXT, "group": TEXT, "unit": TEXT, "fhir": TEXT, "snomed": TEXT,
    "snomed_score": TEXT, "range": (list, False, None), "soft": (list, False, None), "size": (int, False, None),
    "required": (bool, False, False), "confirm": (bool, False, False), "guarded": (bool, False, False),
    "index": (bool, False, False), "options": ((list, str), False, None), "transitions": (list, False, None),
    "start": (list, False, None), "order": (list, False, []), "raise": TEXT, "always": (list, False, []),
    "proposed": (list, False, []), "ref": (list, False, None),
}
OPTION_SPEC = {"number": (int, True, 0), "code": (str, True, ""), "title": (str, True, ""), "snomed": TEXT}
TRANSITION_SPEC = {"from": ((str, list), True, []), "to": (list, True, []), "reason": (bool, False, False),
                   "by": (list, False, None)}
EPOCH = datetime.date(1970, 1, 1)


class FieldReader:
    """shared: what catalogue.toml gives to all types: options by name, sizes, ranges, role groups."""

    def __init__(self, source, shared):
        self.source = source
        self.shared = shared

    def read(self, table, keys, default_rule):
        taken = self.source.take(table, keys, FIELD_SPEC)
        field = model.Field(keys, taken["number"], taken["name"], taken["title"], taken["kind"],
                            taken["rule"] or default_rule, element=taken["of"], raises=taken["raise"])
        for key in ("about", "group", "unit", "fhir", "snomed", "snomed_score", "required", "confirm", "guarded",
                    "index"):
            setattr(field, key, taken[key])
        if field.kind not in model.KINDS:
            self._problem(field, "kind", f"unknown kind {field.kind!r}; known: {', '.join(model.KINDS)}")
        if field.rule not in model.RULES:
            self._problem(field, "rule", f"unknown rule {field.rule!r}; known: {', '.join(model.RULES)}")
        if not re.fullmatch(model.NAME, field.name):
            self._problem(field, "name", "a name is small letters, digits and _")
        if not 1 <= field.number <= model.FIELD_NUMBER_MAX:
            self._problem(field, "number", f"field number {field.number} is not 1 to {model.FIELD_NUMBER_MAX}")
        self._size(field, taken)
        self._ranges(field, taken)
        self._options(field, taken)
        self._codes(field, taken)
        self._states(field, taken)
        self._refs(field, taken)
        return field

    def _problem(self, field, key, reason):
        self.source.problem(field.keys + (key,), f"{field.name}: {reason}")

    def _size(self, field, taken):
        if field.kind in ("text", "blob", "set", "map"):
            field.size = taken["size"] or self.shared["sizes"][field.kind]
        elif taken["size"] is not None:
            self._problem(field, "size", f"a {field.kind} has no size")
        if (field.kind == "set") != (field.element is not None) or field.element not in (None, *model.ELEMENTS):
            self._problem(field, "of", f"a set, and only a set, says of which kind it is: {', '.join(model.ELEMENTS)}")

        if field.kind in ("set", "map") and field.rule not in model.MERGING:
            self._problem(field, "rule", f"a {field.kind} merges by its parts, which the rule {field.rule} does not")

    def _bound(self, field, value):
        if field.kind == "date" and isinstance(value, datetime.date):
            return (value - EPOCH).days
        if field.kind == "instant" and isinstance(value, datetime.datetime):
            epoch = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)
            return (value - epoch) // datetime.timedelta(milliseconds=1)
        return value if isinstance(value, int) and not isinstance(value, bool) else None

    def _ranges(self, field, taken):
        default = self.shared["ranges"].get(field.kind)
        for key, given in (("range", taken["range"] or default), ("soft", taken["soft"])):
            if given is None:
                continue
            bounds = tuple(self._bound(field, value) for value in given)
            if len(bounds) != 2 or None in bounds:
                self._problem(field, key, f"{key} needs two numbers of the field's kind")
            elif bounds[0] > bounds[1]:
                self._problem(field, key, f"{key} from {given[0]} to {given[1]} is empty")
            elif field.kind not in ("int", "tenths", "date", "instant"):
                self._problem(field, key, f"a {field.kind} has no {key}")
            else:
                setattr(field, "hard" if key == "range" else "soft", bounds)
        if field.kind in model.NUMBERS and taken["range"] is None:
            self._problem(field, "kind", "a number needs a hard range")
        if field.kind in model.NUMBERS and not field.unit:
            self._problem(field, "kind", "a number needs a unit")
        if field.hard and field.soft and not field.hard[0] <= field.soft[0] <= field.soft[1] <= field.hard[1]:
            self._problem(field, "soft", "the soft range lies outside of the hard range")

    def _options(self, field, taken):
        given = taken["options"]
        coded = field.kind in ("code", "map") or field.element == "code"
        if given is None:
            if field.kind == "code":
                self._problem(field, "kind", "a code needs options")
            return
        if not coded:
            self._problem(field, "options", f"a {field.kind} has no options")
        if isinstance(given, str):
            if given not in self.shared["options"]:
                self._problem(field, "options", f"catalogue.toml has no shared options {given!r}")
            field.options = self.shared["options"].get(given, [])
        else:
            field.options = read_options(self.source, given, field.keys + ("options",))

    def numbers(self, field, codes, key):
        """Option numbers of codes; tells of those that the field does not have."""
        numbers = []
        for code in codes:
            option = field.option(code)
            if option is None:
                self._problem(field, key, f"{key} names the unknown option {code!r}")
            else:
                numbers.append(option.number)
        return numbers

    def _codes(self, field, taken):
        field.order = self.numbers(field, taken["order"], "order")
        field.always = self.numbers(field, taken["always"], "always")
        field.proposed = self.numbers(field, taken["proposed"], "proposed")
        if field.raises is not None and (field.raises not in model.RAISES or not field.order):
            self._problem(field, "raise", f"raise is {' or '.join(model.RAISES)}, of a field with an order")
        if len(set(field.order)) != len(field.order):
            self._problem(field, "order", "order names an option twice")
        if (field.always or field.proposed) and field.rule != "propose":
            self._problem(field, "rule", "always and proposed belong to the rule propose")
        for key in ("snomed", "snomed_score"):
            fault = snomed.fault(taken[key]) if taken[key] else None
            if fault:
                self._problem(field, key, fault)

    def _states(self, field, taken):
        if (field.rule == "state") != (taken["transitions"] is not None):
            self._problem(field, "rule", "the rule state, and only it, needs a table of transitions")
        if field.rule != "state":
            if taken["start"] is not None:
                self._problem(field, "start", "start belongs to the rule state")
            return
        if field.kind != "code":
            self._problem(field, "kind", "the rule state is for codes")
        if not taken["start"]:
            self._problem(field, "rule", "a state needs start: the options that a creation may carry, the usual one first")
        starts = self.numbers(field, taken["start"] or [], "start")
        field.initial = starts[0] if starts else 0
        field.transitions = [model.Transition(0, number, False, None) for number in starts]
        for place, row in enumerate(taken["transitions"] or []):
            self._transition(field, row, field.keys + ("transitions", place))
        self._reach(field, starts)

    def _downward(self, field, row, keys):
        """Of a state that can only be raised, the table has no way down."""
        ranks = {number: rank for rank, number in enumerate(field.order)}
        if field.raises == "only" and ranks.get(row.to, 0) < ranks.get(row.origin, 0):
            self.source.problem(keys, f"{field.name}: a transition downward, but it can only be raised")

    def _transition(self, field, row, keys):
        if not isinstance(row, dict):
            self.source.problem(keys, f"{field.name}: a transition is {{ from = …, to = […] }}")
            return
        taken = self.source.take(row, keys, TRANSITION_SPEC)
        origins = [taken["from"]] if isinstance(taken["from"], str) else taken["from"]
        roles = self.shared["expand"](self.source, keys, taken["by"]) if taken["by"] is not None else None
        for code in [*origins, *taken["to"]]:
            if field.option(code) is None:
                self.source.problem(keys, f"{field.name}: transition names the unknown option {code!r}")
                return
        for origin in origins:
            for to in taken["to"]:
                move = (field.option(origin).number, field.option(to).number)
                if origin == to or move in [(row.origin, row.to) for row in field.transitions]:
                    self.source.problem(keys, f"{field.name}: transition from {origin} to {to} says nothing new")
                field.transitions.append(model.Transition(*move, taken["reason"], roles))
                self._downward(field, field.transitions[-1], keys)

    def _reach(self, field, starts):
        reached, grew = set(starts), True
        while grew:
            more = {row.to for row in field.transitions if row.origin in reached} - reached
            reached, grew = reached | more, bool(more)
        for option in field.options:
            if starts and option.number not in reached:
                self._problem(field, "transitions", f"state {option.code!r} cannot be reached from any start")

    def _refs(self, field, taken):
        if (field.kind == "ref" or field.element == "ref") != (taken["ref"] is not None):
            self._problem(field, "ref", "a reference, and only it, says to which types")
        field.ref = taken["ref"] or []


def read_options(source, given, keys):
    """Options with numbers, codes and titles; each number and each code once."""
    options = []
    for place, row in enumerate(given):
        at = keys + (place,)
        if not isinstance(row, dict):
            source.problem(at, "an option is { number = …, code = …, title = … }")
            continue
        taken = source.take(row, at, OPTION_SPEC)
        if not 1 <= taken["number"] <= model.OPTION_NUMBER_MAX:
            source.problem(at, f"option number {taken['number']} is not 1 to {model.OPTION_NUMBER_MAX}")
        if any(option.number == taken["number"] for option in options):
            source.problem(at, f"option number {taken['number']} used twice")
        if any(option.code == taken["code"] for option in options):
            source.problem(at, f"option code {taken['code']!r} used twice")
        if taken["code"].startswith("#") or not taken["code"]:
            source.problem(at, f"option code {taken['code']!r} is empty or looks like a number of a newer catalogue")
        fault = snomed.fault(taken["snomed"]) if taken["snomed"] else None
        if fault:
            source.problem(at, fault)
        options.append(model.Option(**taken))
    return options

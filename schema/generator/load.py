"""The whole catalogue from its folder: shared things first, then every type, then what only all of them together show."""
from . import model, rules
from .fields import FieldReader, read_options
from .source import Problems, Source
from .types import read_type

SHARED_SPEC = {
    "version": (int, True, 0), "title": (str, True, ""), "sizes": (dict, True, {}), "ranges": (dict, True, {}),
    "role_groups": (dict, True, {}), "options": (dict, True, {}), "append": (list, True, []),
    "bind": (dict, True, {}), "future": (dict, True, {}),
}
RETIRED_SPEC = {"types": (list, False, []), "fields": (dict, False, {}), "options": (dict, False, {})}


def load(folder):
    """Return (catalogue, problems); the catalogue is fit for use only where there are no problems."""
    problems = Problems()
    catalogue = model.Catalogue()
    source = Source(folder / "catalogue.toml", problems)
    retired = Source(folder / "retired.toml", problems)
    if problems:
        return catalogue, problems
    taken = source.take(source.data, (), SHARED_SPEC)
    if problems:
        return catalogue, problems
    shared = _shared(source, taken)
    catalogue.version, catalogue.title = taken["version"], taken["title"]
    catalogue.future, catalogue.roles = taken["future"], shared["options"].get("role", [])
    catalogue.role_groups = shared["groups"]
    for path in sorted(folder.glob("*.toml")):
        if path.name not in ("catalogue.toml", "retired.toml"):
            before = len(problems)
            one = Source(path, problems)
            if len(problems) == before:
                catalogue.types.append(read_type(one, shared))
    catalogue.types.sort(key=lambda kind: kind.number)
    rules.check(catalogue, source, taken["bind"], retired, retired.take(retired.data, (), RETIRED_SPEC))
    return catalogue, problems


def _shared(source, taken):
    shared = {"sizes": taken["sizes"], "ranges": {}, "append": [],
              "options": {name: read_options(source, rows, ("options", name)) for name, rows in taken["options"].items()}}
    roles = [option.code for option in shared["options"].get("role", [])]
    if any(option.number > 62 for option in shared["options"].get("role", [])):
        source.problem(("options", "role"), "a role number over 62 does not fit into a set of bits")
    groups = {}

    def expand(at, keys, given):
        """Role names of "*", names and "@group"."""
        names = []
        for name in given:
            if name == "*":
                return ["*"]
            if name in roles:
                names.append(name)
            elif isinstance(name, str) and name[1:] in groups and name[0] == "@":
                names.extend(groups[name[1:]])
            else:
                at.problem(keys, f"unknown role {name!r}")
        return list(dict.fromkeys(names))

    shared["expand"], shared["groups"] = expand, groups
    for name, given in taken["role_groups"].items():  # a group may use those above it
        groups[name] = expand(source, ("role_groups", name), given)
    reader = FieldReader(source, shared)
    for key in ("date", "instant"):  # before the first field is read
        shared["ranges"][key] = taken["ranges"].get(key)
    shared["append"] = [reader.read(table, ("append", place), "fixed") for place, table in enumerate(taken["append"])]
    for place, field in enumerate(shared["append"]):
        if field.number != place + 1:
            source.problem(field.keys, f"common append field {field.name} is number {field.number}, not {place + 1}")
    return shared

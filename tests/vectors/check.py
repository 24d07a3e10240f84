#!/usr/bin/python3
"""Hold the test vectors against schema/wire.cddl and against vectors.json, with a decoder that is not ours.

    check.py SCHEMA VECTORS            fail unless each NAME.cbor fits its rule and says what vectors.json says
    check.py SCHEMA VECTORS --write    write what they say into vectors.json, for a person to read over

vectors.json: name -> {"rule": of the schema, "value": as JSON, bytes as {"hex": ...}, maps with other keys as {"map": [[key, value] ...]}}.
Each vector, without its last element or with an element of another kind, must not fit any more: otherwise the check itself is broken.
"""
import json
import pathlib
import sys

import cbor2

sys.dont_write_bytecode = True
from cddl import Schema  # noqa: E402

PARTS = {"sealed_header": "header", "body_instead": "body"}
OPTIONAL = {"body_instead", "device_hello"}  # the last element may be left out, so nothing is wrong without it, or with one of a newer peer


def plain(value):
    if isinstance(value, bytes):
        return {"hex": value.hex()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    if isinstance(value, dict):
        return {"map": [[plain(key), plain(item)] for key, item in value.items()]}
    return value


def check(schema, name, encoded, wanted):
    value = cbor2.loads(encoded)
    rule = wanted["rule"]
    if not schema.fits(value, ("name", rule)):
        return f"{name} does not fit {rule}"
    if plain(value) != wanted["value"]:
        return f"{name} says something else than vectors.json"
    if name in OPTIONAL:
        without = schema.fits(value[:-1], ("name", rule)) and not schema.fits(value[:-2], ("name", rule))
        return None if without else f"{name} does not fit {rule} just without its last element"
    if rule != "skipped" and schema.fits(value[:-1], ("name", rule)):
        return f"{name} fits {rule} without its last element"
    wrong = {"a": 1.5}
    if rule != "skipped" and any(schema.fits(value[:place] + [wrong] + value[place + 1:], ("name", rule))
                                 for place in range(len(value))):
        return f"{name} fits {rule} with an element of another kind"
    return None


def main():
    schema = Schema(pathlib.Path(sys.argv[1]).read_text(encoding="utf-8"))
    folder = pathlib.Path(sys.argv[2])
    description = folder / "vectors.json"
    found = {path.stem: path.read_bytes() for path in sorted(folder.glob("*.cbor"))}
    if sys.argv[3:] == ["--write"]:
        lines = [f"{json.dumps(name)}: " + json.dumps({"rule": PARTS.get(name, name).replace("_", "-"), "value": plain(cbor2.loads(data))})
                 for name, data in found.items()]
        description.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")
    wanted = json.loads(description.read_text(encoding="utf-8"))
    problems = [] if set(found) == set(wanted) and found else ["vectors.json and the files are not the same vectors"]
    problems += [check(schema, name, found[name], wanted[name]) for name in sorted(set(found) & set(wanted))]
    problems = [problem for problem in problems if problem]
    print("\n".join(problems) or f"{len(found)} vectors fit")
    return 1 if problems else 0


sys.exit(main())

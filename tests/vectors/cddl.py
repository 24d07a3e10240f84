"""The part of CDDL (RFC 8610) that schema/wire.cddl uses: reads it, and says whether a decoded value fits a rule."""
import io
import re

import cbor2

TOKEN = re.compile(r"""\s*(?:;[^\n]*\n\s*)*(?:
    (?P<text>"[^"]*") | (?P<range>-?\d+\.\.-?\d+) | (?P<occur>\d*\*\d*|\?) | (?P<number>-?\d+) |
    (?P<control>\.[a-z]+) | (?P<name>[a-z][a-z0-9-]*) | (?P<sign>=>|[=/\[\]{}(),:]))""", re.X)


class Schema:
    def __init__(self, text):
        self.tokens = list(self._scan(text + "\n"))
        self.place = 0
        self.rules = {}
        while self.place < len(self.tokens):
            name = self._take("name")
            self._sign("=")
            if name in self.rules:
                raise ValueError(f"{name} is defined twice")
            self.rules[name] = self._type()
        self._check_names()

    @staticmethod
    def _scan(text):
        place = 0
        while text[place:].strip() and re.sub(r";[^\n]*\n", "", text[place:]).strip():
            found = TOKEN.match(text, place)
            if not found:
                raise ValueError(f"cannot read {text[place:place + 40]!r}")
            place = found.end()
            yield found.lastgroup, found[found.lastgroup]

    def _peek(self, ahead=0):
        at = self.place + ahead
        return self.tokens[at] if at < len(self.tokens) else (None, None)

    def _take(self, kind):
        found, text = self._peek()
        if found != kind:
            raise ValueError(f"{kind} expected, not {text!r}, token {self.place}")
        self.place += 1
        return text

    def _sign(self, text):
        if self._peek() != ("sign", text):
            raise ValueError(f"{text!r} expected, not {self._peek()[1]!r}, token {self.place}")
        self.place += 1

    def _accept(self, text):
        if self._peek() == ("sign", text):
            self.place += 1
            return True
        return False

    def _type(self):
        choices = [self._controlled()]
        while self._accept("/"):
            choices.append(self._controlled())
        return choices[0] if len(choices) == 1 else ("choice", choices)

    def _controlled(self):
        target = self._primary()
        if self._peek()[0] == "control":
            control = self._take("control")
            target = (control, target, self._primary())
        return target

    def _primary(self):
        kind, text = self._peek()
        self.place += 1
        if kind == "text":
            return ("literal", text.strip('"'))
        if kind == "number":
            return ("literal", int(text))
        if kind == "range":
            low, high = re.fullmatch(r"(-?\d+)\.\.(-?\d+)", text).groups()
            return ("range", int(low), int(high))
        if kind == "name":
            return ("name", text)
        if text == "[":
            return ("array", self._group("]"))
        if text == "{":
            return ("map", self._group("}"))
        if text == "(":
            entries = self._group(")")
            low, high, key, value = entries[0]
            return value if len(entries) == 1 and (low, high, key) == (1, 1, None) else ("group", entries)
        raise ValueError(f"type expected, not {text!r}")

    def _group(self, end):
        entries = []
        while not self._accept(end):
            entries.append(self._entry())
            self._accept(",")
        return entries

    def _entry(self):
        low, high = 1, 1
        if self._peek()[0] == "occur":
            text = self._take("occur")
            bounds = ("0", "1") if text == "?" else text.split("*")
            low, high = int(bounds[0] or 0), int(bounds[1]) if bounds[1] else 1 << 62
        if self._peek()[0] == "name" and self._peek(1) == ("sign", ":"):
            self.place += 2 # the member's name is for people
            return low, high, None, self._type()
        key = self._type()
        if self._accept("=>"):
            return low, high, key, self._type()
        return low, high, None, key

    def _check_names(self):
        def walk(node):
            if isinstance(node, tuple) and node and node[0] == "name":
                if node[1] not in self.rules and node[1] not in BUILT_IN:
                    raise ValueError(f"{node[1]} is not defined")
            elif isinstance(node, (tuple, list)):
                for part in node:
                    walk(part)
        walk(list(self.rules.values()))

    # --- does a value fit? ---

    def fits(self, value, node):
        return getattr(self, "_fits_" + node[0].strip("."))(value, *node[1:])

    def _fits_name(self, value, name):
        if name in BUILT_IN:
            return BUILT_IN[name](value)
        return self.fits(value, self.rules[name])

    def _fits_choice(self, value, choices):
        return any(self.fits(value, choice) for choice in choices)

    @staticmethod
    def _fits_literal(value, literal):
        return type(value) is type(literal) and value == literal

    @staticmethod
    def _fits_range(value, low, high):
        return type(value) is int and low <= value <= high

    def _fits_size(self, value, target, size):
        count = len(value.encode() if isinstance(value, str) else value) if self.fits(value, target) else None
        return count is not None and self.fits(count, size)

    def _fits_cborseq(self, value, target, sequence):
        if not self.fits(value, target):
            return False
        items, source = [], io.BytesIO(value)
        while source.tell() < len(value):
            items.append(cbor2.CBORDecoder(source).decode())
        return self.fits(items, sequence)

    def _fits_array(self, value, entries):
        if not isinstance(value, list):
            return False
        return self._rest(value, self._flat(entries)) == len(value)

    def _flat(self, entries):
        for low, high, key, node in entries:
            inner = self.rules.get(node[1]) if node[0] == "name" else None
            if inner and inner[0] == "group":
                yield from self._flat(inner[1])
            else:
                yield low, high, key, node

    def _rest(self, value, entries):
        """Number of elements that the entries took, None where one is missing or wrong; no entry has to give one back."""
        at = 0
        for low, high, _, node in entries:
            taken = 0
            while taken < high and at < len(value) and self.fits(value[at], node):
                at += 1
                taken += 1
            if taken < low:
                return None
        return at

    def _fits_map(self, value, entries):
        if not isinstance(value, dict):
            return False
        left = dict(value)
        for low, high, key, node in entries:
            found = [k for k in left if self.fits(k, key) and self.fits(left[k], node)]
            if not low <= len(found) <= high:
                return False
            for k in found:
                del left[k]
        return not left


BUILT_IN = {
    "any": lambda value: True,
    "bstr": lambda value: isinstance(value, bytes),
    "tstr": lambda value: isinstance(value, str),
    "int": lambda value: type(value) is int,
    "bool": lambda value: isinstance(value, bool),
    "true": lambda value: value is True,
    "false": lambda value: value is False,
    "null": lambda value: value is None,
}

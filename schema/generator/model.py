"""What a catalogue is made of, once it was read. Numbers and names of C are those of common/catalogue.h."""
from dataclasses import dataclass
from dataclasses import field as made

KINDS = {"text": 1, "code": 2, "int": 3, "tenths": 4, "date": 5, "instant": 6, "bool": 7, "ref": 8, "set": 9,
         "blob": 10, "map": 11}
NUMBERS = ("int", "tenths")  # kinds that need a unit and a hard range
ELEMENTS = ("code", "text", "ref")  # what a set may hold
RULES = {"fixed": "F", "latest": "L", "review": "R", "propose": "P", "state": "T", "store": "S"}
MERGING = ("fixed", "latest", "store")  # rules that a set or map may have: no edit of its parts ever waits
CLASSES = {"basic": "CLASS_BASIC", "clinical": "CLASS_CLINICAL", "restricted": "CLASS_RESTRICTED",
           "never": "CLASS_NEVER", "of_record": "CLASS_OF_RECORD"}
LANES = {"urgent": "LANE_URGENT", "routine": "LANE_ROUTINE", "bulk": "LANE_BULK"}
SCOPES = {"locality": 1, "team": 2, "home": 3, "provisional": 4}
MOMENTS = {"on_create": "ON_CREATE", "on_value": "ON_VALUE", "on_decided": "ON_DECIDED"}
NAME = r"[a-z][a-z0-9_]*"  # of types and fields: they become names of tables, columns and C
BYTES_HASH_SIZE = 32  # of SHA-256
RAISES = {"apply": "RAISE_APPLY", "only": "RAISE_ONLY"}

FIELD_NUMBER_MAX, FIELD_COUNT_MAX, TYPE_NUMBER_MAX, OPTION_NUMBER_MAX = 255, 64, 255, 999
APPEND_OWN_FIRST = 6  # own fields of append types; 1 to 5 are the common ones

# Slots of the checks, in the order of their enums in common/catalogue.h: name → kind of the field,
# for a code with the option codes that the check's module knows.
CHECKS = {
    "news2": ("CHECK_NEWS2", {
        "respiration": ("int", ()), "spo2": ("int", ()), "oxygen": ("code", ("air", "oxygen")),
        "scale": ("code", ("scale_1", "scale_2")), "systolic": ("int", ()), "pulse": ("int", ()),
        "consciousness": ("code", ("A", "C", "V", "P", "U")), "temperature": ("tenths", ()), "total": ("int", ()),
        "single": ("bool", ()), "store": ("int", ()), "differs": ("bool", ())}),
    "nhs_number": ("CHECK_NHS_NUMBER", {
        "number": ("text", ()), "status": ("code", ("not_traced", "trace_required", "none_unknown"))}),
    "adult": ("CHECK_ADULT", {"birth_date": ("date", ())}),
    "advance_care": ("CHECK_ADVANCE_CARE", {
        "kind": ("code", ()), "decision": ("text", ()), "review_on": ("date", ()), "signed_by": ("text", ())}),
}


@dataclass
class Option:
    number: int
    code: str
    title: str
    snomed: str = None


@dataclass
class Transition:
    origin: int  # 0: at creation
    to: int
    reason: bool
    roles: list  # None: everybody who may edit


@dataclass
class Field:
    keys: tuple  # where it stands in its source, for messages
    number: int
    name: str
    title: str
    kind: str
    rule: str
    element: str = None
    about: str = None
    group: str = None
    unit: str = None
    fhir: str = None
    snomed: str = None
    snomed_score: str = None
    hard: tuple = None
    soft: tuple = None
    size: int = 0
    required: bool = False
    confirm: bool = False
    guarded: bool = False
    index: bool = False
    future: bool = False
    options: list = made(default_factory=list)
    codes: str = None  # name of the options' definition in the JSON Schema
    transitions: list = made(default_factory=list)
    initial: int = 0
    order: list = made(default_factory=list)  # option numbers, lowest first
    raises: str = None
    always: list = made(default_factory=list)
    proposed: list = made(default_factory=list)
    ref: list = made(default_factory=list)  # type names; ["*"]: an id of anything

    def option(self, code):
        return next((option for option in self.options if option.code == code), None)


@dataclass
class Condition:
    field: str = None  # None: always true
    codes: list = made(default_factory=list)


@dataclass
class Rule:
    """One scope, grant, limit, unique, compare, expiry or consequence: its keys as they were written."""
    keys: tuple
    values: dict


@dataclass
class Type:
    source: object
    number: int
    name: str
    title: str
    cls: str
    lane: str
    append: bool
    personal: bool
    store_only: bool
    by_device: bool = False
    about: str = None
    fhir: str = None
    other_person: str = None
    roles: dict = made(default_factory=dict)  # read, create, edit, decide → role names, or ["*"]
    written_roles: dict = made(default_factory=dict)  # the same as they stand in the file, groups unresolved
    fields: list = made(default_factory=list)
    scopes: list = made(default_factory=list)
    grants: list = made(default_factory=list)
    limits: list = made(default_factory=list)
    uniques: list = made(default_factory=list)
    compares: list = made(default_factory=list)
    needs: list = made(default_factory=list)
    expiry: Rule = None
    consequences: list = made(default_factory=list)
    load: dict = None  # name of the table it is loaded from, and the keys that find a record again
    bytes: dict = None  # which fields say hash, size and media type of bytes that travel apart
    checks: dict = made(default_factory=dict)  # name → slot → field name
    properties: set = made(default_factory=set)  # names of the bindings that this type fills

    def field(self, name):
        return next((entry for entry in self.fields if entry.name == name), None)

    def index(self, name):
        """Place of a field in the C table; -1 where there is none."""
        return next((place for place, entry in enumerate(self.fields) if entry.name == name), -1)

    @property
    def groups(self):
        """Group names in the order of their first field; their numbers are the places, from 1."""
        return list(dict.fromkeys(entry.group for entry in self.fields if entry.group))


@dataclass
class Catalogue:
    version: int = 0
    title: str = ""
    types: list = made(default_factory=list)  # ascending by number
    future: dict = made(default_factory=dict)  # name → number of types that do not exist yet
    roles: list = made(default_factory=list)  # options of staff.role
    role_groups: dict = made(default_factory=dict)  # name → role names
    bind: dict = made(default_factory=dict)  # C member → (type name, {member: ("field" or "option", value)})

    def type(self, name):
        return next((entry for entry in self.types if entry.name == name), None)

"""[bind.x] of catalogue.toml: which fields and options play the parts of struct catalogue_bind in common/catalogue.h.

"status" binds a field's index, "status=open" an option's number. Every member must be bound, and none else.
"""

MEMBERS = {
    "place": "level parent name ons_code from to level_locality",
    "organisation": "types name ods_code cqc_location",
    "team": "organisation name kind phone on_call_phone from to",
    "staff": "name role",
    "membership": "staff team from to",
    "person": "nhs_number nhs_status family given preferred_name birth_date gender address "
              "postcode deceased moved_to gender_male",
    "task": "title for_whom about due status status_requested",
    "access_event": "staff person what why what_person what_list what_search what_guarded what_break_glass",
    "baseline": "spo2_scale spo2_scale_signer pregnant scale_2 pregnant_yes pregnant_no",
    "planned_contact": "start staff team status status_planned status_started",
    "conflict": "kind record_type record fields standing others entries status decision decided_by decided_at "
                "kind_concurrent kind_proposal kind_transition kind_duplicate status_open status_decided",
}


def check_bind(catalogue, source, bind):
    for name in bind:
        if name not in MEMBERS:
            source.problem(("bind", name), f"nothing is bound under {name!r}; known: {', '.join(MEMBERS)}")
    for name, members in MEMBERS.items():
        kind = catalogue.type(name)
        if kind is None or name not in bind:
            source.problem(("bind", name), f"the engine needs a type {name} and its bindings")
            continue
        kind.properties.add(name)
        taken = source.take(bind[name], ("bind", name), {member: (str, True, None) for member in members.split()})
        catalogue.bind[name] = {member: _bound(kind, source, ("bind", name, member), value)
                                for member, value in taken.items() if value is not None}
    staff = catalogue.type("staff")
    role = staff.field(bind.get("staff", {}).get("role", "")) if staff else None
    if role and role.options != catalogue.roles:
        source.problem(("bind", "staff"), f"staff.{role.name} does not have the shared options \"role\"")


def _bound(kind, source, keys, value):
    name, _, code = value.partition("=")
    field = kind.field(name)
    option = field.option(code) if field and code else None
    if field is None or (code and option is None):
        source.problem(keys, f"{value!r} is not a field, or FIELD=OPTION, of {kind.name}")
        return 0
    return option.number if option else kind.index(name)

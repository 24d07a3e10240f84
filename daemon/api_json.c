/* Records, conflicts and entries as the local API shows them. */
#include "common/conflict.h"
#include "common/reason.h"
#include "common/wire_messages.h"
#include "daemon/api_call.h"
#include "daemon/api_value.h"

#include <string.h>

static const char *const state_names[] = {
        [OUTCOME_NONE] = "waiting",  [OUTCOME_APPLIED] = "applied",
        [OUTCOME_MERGED] = "merged", [OUTCOME_HELD] = "held",
        [OUTCOME_LATE] = "late",     [OUTCOME_QUARANTINED] = "quarantined",
        [OUTCOME_PARKED] = "parked",
};

const char *api_state_name(enum entry_outcome state)
{
        return state_names[state];
}

bool api_state_from_name(struct bytes name, enum entry_outcome *ret)
{
        for (size_t i = 0; i < sizeof(state_names) / sizeof(state_names[0]); i++) {
                if (!bytes_equal(name, bytes_text(state_names[i])))
                        continue;
                *ret = (enum entry_outcome)i;
                return true;
        }
        return false;
}

static json_t *role_text(uint16_t role)
{
        const struct catalogue_type *staff = catalogue_staff_type();
        struct value value = {.form = VALUE_INTEGER, .integer = role};

        if (role == 0)
                return json_null();
        return api_value_to_json(&staff->fields[catalogue_bind()->staff.role], &value, false);
}

static bool is_set(const struct value *value)
{
        return value->form != VALUE_UNSET && value->form != VALUE_NULL;
}

/* What every record has. */
static json_t *record_head(const struct engine_record *record)
{
        const struct record *visible = record->visible;

        return json_pack("{s:o, s:s, s:o, s:o, s:o, s:o, s:o, s:I, s:o, s:b}", "id",
                         api_uuid(&visible->id), "type", visible->type->name, "person",
                         api_uuid(&visible->person), "author", api_uuid(&visible->author), "role",
                         role_text(visible->role), "device", api_uuid(&visible->device), "recorded",
                         api_instant(visible->recorded_ms), "position",
                         (json_int_t)(record->confirmed ? record->confirmed->position : 0), "as_of",
                         api_instant(record->as_of_ms), "pending", (int)record->pending);
}

/* 0, or -1: no memory */
static int set_fields(json_t *json, const struct engine_record *record, bool guarded)
{
        const struct record *visible = record->visible;
        json_t *fields = json_object(), *state = json_object(), *beside = json_object();
        json_t *confirmed = record->confirmed ? json_object() : json_null();
        json_t *hidden = json_array();
        int r = 0;

        for (uint16_t i = 0; i < visible->type->field_count; i++) {
                const struct catalogue_field *field = &visible->type->fields[i];
                const struct value *value = &visible->values[i];
                if (field->guarded && !guarded) {
                        r |= is_set(value) ? json_array_append_new(hidden, json_string(field->name))
                                           : 0;
                        continue;
                }
                if (is_set(value))
                        r |= json_object_set_new(fields, field->name,
                                                 api_value_to_json(field, value, false));
                if (record->states[i] != FIELD_CONFIRMED)
                        r |= json_object_set_new(
                                state, field->name,
                                json_string(engine_field_state_name(record->states[i])));
                if (is_set(&record->beside[i]))
                        r |= json_object_set_new(
                                beside, field->name,
                                api_value_to_json(field, &record->beside[i], false));
                if (record->confirmed && !value_equal(&record->confirmed->values[i], value))
                        r |= json_object_set_new(
                                confirmed, field->name,
                                api_value_to_json(field, &record->confirmed->values[i], false));
        }
        r |= json_object_set_new(json, "fields", fields);
        r |= json_object_set_new(json, "state", state);
        r |= json_object_set_new(json, "beside", beside);
        r |= json_object_set_new(json, "confirmed", confirmed);
        r |= json_object_set_new(json, "guarded", hidden);
        return r;
}

json_t *api_record_to_json(const struct engine_record *record, bool guarded)
{
        CLEANUP(json_freep) json_t *json = record_head(record);

        if (!json || set_fields(json, record, guarded) < 0)
                return NULL;
        if (record->struck_out &&
            json_object_set_new(json, "struck_out_by", api_uuid(&record->struck_out_by)) < 0)
                return NULL;
        return TAKE(json);
}

/* Changes of an entry or of a conflict's value: field name → value; a field unknown here as "#number". */
static json_t *changes_to_json(const struct catalogue_type *type,
                               const struct entry_change *changes, size_t count, bool change)
{
        CLEANUP(json_freep) json_t *json = json_object();

        for (size_t i = 0; i < count; i++) {
                int index = type ? catalogue_field_index(type, changes[i].number) : -1;
                if (index < 0)
                        continue;
                const struct catalogue_field *field = &type->fields[index];
                json_t *value = api_value_to_json(field, &changes[i].value, change);
                if (json_object_set_new(json, field->name, value ? value : json_null()) < 0)
                        return NULL;
        }
        return TAKE(json);
}

static const char *value_state_name(enum conflict_state state)
{
        switch (state) {
        case CONFLICT_OPEN:
                return "open";
        case CONFLICT_REFUSED:
                return "refused";
        case CONFLICT_CHOSEN:
                return "chosen";
        case CONFLICT_REPLACED:
                return "replaced";
        }
        return "unknown"; /* a newer store's */
}

static json_t *conflict_values(const struct conflict *conflict)
{
        CLEANUP(json_freep) json_t *others = json_array();

        for (size_t i = 0; i < conflict->other_count; i++) {
                const struct conflict_value *other = &conflict->others[i];
                json_t *json = json_pack(
                        "{s:o, s:o, s:o, s:o, s:s, s:o}", "id", api_uuid(&other->id), "author",
                        api_uuid(&other->author), "role", role_text(other->role), "recorded",
                        api_instant(other->recorded_ms), "state", value_state_name(other->state),
                        "values",
                        changes_to_json(conflict->type, other->changes, other->change_count, true));
                if (json_array_append_new(others, json) < 0)
                        return NULL;
        }
        return TAKE(others);
}

static json_t *conflict_fields(const struct conflict *conflict)
{
        CLEANUP(json_freep) json_t *names = json_array();

        for (size_t i = 0; i < conflict->field_count; i++) {
                int index = conflict->type
                                    ? catalogue_field_index(conflict->type, conflict->fields[i])
                                    : -1;
                if (index >= 0 &&
                    json_array_append_new(names, json_string(conflict->type->fields[index].name)) <
                            0)
                        return NULL;
        }
        return TAKE(names);
}

json_t *api_conflict_to_json(const struct engine_record *record, bool may_decide,
                             struct arena *arena)
{
        const struct catalogue_field *kind =
                &record->visible->type->fields[catalogue_bind()->conflict.kind];
        CLEANUP(json_freep) json_t *json = NULL;
        struct conflict conflict;

        if (conflict_read(record->visible, arena, &conflict) < 0)
                return NULL;
        struct value kind_value = {.form = VALUE_INTEGER, .integer = conflict.kind};
        json = json_pack("{s:o, s:o, s:o, s:o, s:s, s:b, s:b, s:b, s:o, s:I}", "id",
                         api_uuid(&record->visible->id), "person",
                         api_uuid(&record->visible->person), "record", api_uuid(&conflict.record),
                         "kind", api_value_to_json(kind, &kind_value, false), "type",
                         conflict.type ? conflict.type->name : "unknown", "decided",
                         (int)conflict.decided, "may_decide", (int)may_decide, "pending",
                         (int)record->pending, "recorded",
                         api_instant(record->visible->recorded_ms), "position",
                         (json_int_t)record->visible->position);
        if (!json || json_object_set_new(json, "fields", conflict_fields(&conflict)) < 0 ||
            json_object_set_new(json, "standing",
                                changes_to_json(conflict.type, conflict.standing,
                                                conflict.standing_count, true)) < 0 ||
            json_object_set_new(json, "values", conflict_values(&conflict)) < 0)
                return NULL;
        return TAKE(json);
}

static json_t *field_outcomes(const struct engine_outbox_entry *entry)
{
        CLEANUP(json_freep) json_t *json = json_object();

        for (size_t i = 0; i < entry->field_count; i++) {
                int index = entry->type
                                    ? catalogue_field_index(entry->type, entry->fields[i].number)
                                    : -1;
                if (index >= 0 &&
                    json_object_set_new(json, entry->type->fields[index].name,
                                        json_string(api_state_name(entry->fields[i].outcome))) < 0)
                        return NULL;
        }
        return TAKE(json);
}

static const char *operation_name(enum entry_operation operation)
{
        switch (operation) {
        case ENTRY_CREATE:
                return "create";
        case ENTRY_EDIT:
                return "edit";
        case ENTRY_DECIDE:
                return "decide";
        }
        return "unknown";
}

static int set_body(json_t *json, const struct engine_outbox_entry *entry)
{
        const struct entry_body *body = entry->body;
        bool edit = body->operation == ENTRY_EDIT;
        int r = 0;

        r |= json_object_set_new(json, "type",
                                 entry->type ? json_string(entry->type->name) : json_null());
        r |= json_object_set_new(json, "operation", json_string(operation_name(body->operation)));
        r |= json_object_set_new(json, "record", api_uuid(&body->record));
        r |= json_object_set_new(json, "person", api_uuid(&body->person));
        r |= json_object_set_new(json, "author", api_uuid(&body->author));
        r |= json_object_set_new(json, "recorded", api_instant(body->recorded_ms));
        r |= json_object_set_new(
                json, "fields",
                changes_to_json(entry->type, body->changes, body->change_count, edit));
        if (body->reason.size)
                r |= json_object_set_new(json, "reason", json_text(body->reason));
        if (!uuid_is_none(&body->instead))
                r |= json_object_set_new(json, "instead_of", api_uuid(&body->instead));
        return r;
}

/* What was done about a quarantined entry, and by which one. */
static json_t *closing_to_json(const struct wire_closing *closing)
{
        const char *how = closing->how == CLOSING_FIXED      ? "fixed"
                          : closing->how == CLOSING_RELEASED ? "released"
                                                             : "dismissed";

        return json_pack("{s:s, s:o, s:o, s:o, s:o}", "how", how, "by", api_uuid(&closing->by),
                         "at", api_instant(closing->at_ms), "outcome",
                         closing->outcome ? json_string(api_state_name(closing->outcome))
                                          : json_null(),
                         "note", closing->note.size ? json_text(closing->note) : json_null());
}

/* What is unknown and what is not this device's look alike here; the store's worklist tells them apart. */
static json_t *waits_for_json(const struct engine_outbox_entry *entry)
{
        if (entry->reason)
                return json_pack("{s:s, s:s, s:n}", "reason", reason_name(entry->reason), "message",
                                 reason_sentence(entry->reason), "until");
        return json_pack("{s:s, s:s, s:o}", "reason", "not here yet", "message",
                         "The store waits for the person, record or entry that it builds on.",
                         "until", api_instant(entry->receipt_ms + ENTRY_PARKED_MS));
}

json_t *api_entry_to_json(const struct engine_outbox_entry *entry)
{
        CLEANUP(json_freep)
        json_t *json = json_pack(
                "{s:o, s:I, s:s, s:i, s:I, s:b, s:b, s:o, s:o, s:o}", "id", api_uuid(&entry->id),
                "place", (json_int_t)entry->place, "state", api_state_name(entry->state), "lane",
                (int)entry->lane, "seq", (json_int_t)entry->seq, "damaged", (int)entry->damaged,
                "readable", (int)entry->readable, "answered", api_instant(entry->receipt_ms),
                "position",
                entry->position.position ? json_integer((json_int_t)entry->position.position)
                                         : json_null(),
                "outcomes", field_outcomes(entry));
        if (!json)
                return NULL;
        if (entry->state == OUTCOME_PARKED &&
            json_object_set_new(json, "waits_for", waits_for_json(entry)) < 0)
                return NULL;
        if (entry->reason && entry->state != OUTCOME_PARKED &&
            json_object_set_new(json, "quarantine",
                                json_pack("{s:s, s:s}", "reason", reason_name(entry->reason),
                                          "message", reason_sentence(entry->reason))) < 0)
                return NULL;
        if (entry->closing &&
            json_object_set_new(json, "closed", closing_to_json(entry->closing)) < 0)
                return NULL;
        if (entry->readable && entry->body && set_body(json, entry) < 0)
                return NULL;
        return TAKE(json);
}

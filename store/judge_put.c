/*
 * What the store writes of its own: imports, conflicts, consequences, what comes with time. Each is an entry of the store
 * in the log, made here with header and body as any other and judged by the same code, only that no rule stands in its way.
 */
#include "store/judge_inside.h"

#include "common/error.h"
#include "store/journal.h"
#include "store/reconcile_unit.h"

#include <string.h>

struct uuid judge_derived(const struct judge_case *c, const char *what, uint16_t number,
                          const struct uuid *extra)
{
        uint8_t bytes[sizeof(struct uuid) + 2];

        bytes[0] = (uint8_t)(number >> 8);
        bytes[1] = (uint8_t)number;
        if (extra)
                memcpy(bytes + 2, extra->bytes, sizeof(extra->bytes));
        return uuid_derived(what, &c->entry->header->id, BYTES(bytes, extra ? sizeof(bytes) : 2));
}

static int check_values(const struct judge_change *change)
{
        for (size_t i = 0; i < change->change_count; i++) {
                int index = catalogue_field_index(change->type, change->changes[i].number);
                int r;

                if (index < 0)
                        return FAIL(PANNIER_E_INVALID, "%s has no field %u", change->type->name,
                                    (unsigned int)change->changes[i].number);
                r = value_check(&change->type->fields[index], &change->changes[i].value, false,
                                false);
                if (r < 0)
                        return r;
        }
        return 0;
}

static bool written_by_staff(const struct judge_case *c, const struct catalogue_field *field)
{
        const struct stamp *stamp = stamps_find(&c->stamps, field->number, BYTES_NONE);

        return stamp && !stamp->by_store;
}

/* Of the wanted values, those that differ, as changes of the standing record. */
static int differing(struct judge *judge, struct judge_case *c, const struct judge_change *change,
                     struct entry_change *ret, size_t *ret_count)
{
        *ret_count = 0;
        for (size_t i = 0; i < change->change_count; i++) {
                int index = catalogue_field_index(change->type, change->changes[i].number);
                const struct catalogue_field *field = &change->type->fields[index];
                const struct value *standing = &c->standing.values[index];
                struct entry_change *next = &ret[*ret_count];

                if (value_equal(standing, &change->changes[i].value) ||
                    (change->keep_staff && written_by_staff(c, field)))
                        continue;
                *next = change->changes[i];
                if (reconcile_is_packed(field) && next->value.form == VALUE_PACKED) {
                        int r = reconcile_change_of(field, standing, &change->changes[i].value,
                                                    &judge->arena, &next->value);

                        if (r < 0)
                                return r;
                }
                next->raw = BYTES_NONE;
                ++*ret_count;
        }
        return 0;
}

static void fill_body(const struct judge *judge, const struct judge_change *change,
                      struct judge_case *c)
{
        c->body = (struct entry_body){
                .type = change->type->number,
                .record = change->record,
                .person = change->person,
                .operation = c->has_standing ? ENTRY_EDIT : ENTRY_CREATE,
                .base_locality = *c->locality,
                .base = {c->epoch, c->position},
                .author = *c->locality, /* stands for the store */
                .recorded_ms = judge->now_ms,
                .quality = CLOCK_SYNCHRONISED,
                .catalogue_version = catalogue_get()->version,
                .changes = c->body.changes,
                .change_count = c->body.change_count,
                .reason = change->reason,
        };
}

/* History of an older system keeps who recorded it and when; what the store changes of it later is the store's. */
static int name_author(struct judge *judge, const struct judge_change *change, struct judge_case *c)
{
        int16_t role = catalogue_bind()->staff.role;
        struct record staff;
        int r;

        if (c->has_standing)
                return 0;
        if (change->recorded_ms != 0)
                c->body.recorded_ms = change->recorded_ms;
        if (uuid_is_none(&change->author))
                return 0;
        r = judge->ops->record_get(judge->storage, catalogue_staff_type(), &change->author,
                                   &judge->arena, &staff, NULL);
        if (r <= 0)
                return r < 0 ? r : FAIL(PANNIER_E_INVALID, "the author is no staff member here");
        c->body.author = change->author;
        if (staff.values[role].form == VALUE_INTEGER)
                c->body.role = (uint16_t)staff.values[role].integer;
        return 0;
}

/* Header and body as they would travel: that is what the log keeps and its chain covers. */
int judge_encode(struct judge *judge, const struct storage_locality *state,
                 const struct judge_case *c, struct entry_header *header, struct judge_entry *entry)
{
        CLEANUP(buffer_deinit) struct buffer clear = BUFFER_INIT;
        CLEANUP(buffer_deinit) struct buffer out = BUFFER_INIT;
        int r;

        header->device = *c->locality;
        header->incarnation = state->epoch_id;
        header->lane = (uint8_t)c->type->lane;
        header->seq = state->number + 1;
        header->locality = *c->locality;
        entry_header_encode(header, &out);
        r = buffer_check(&out);
        if (r < 0)
                return r;
        entry->header_bytes = arena_copy(&judge->arena, buffer_view(&out));
        buffer_reset(&out);
        entry_body_encode(&c->body, header, &clear);
        r = buffer_check(&clear);
        if (r >= 0)
                r = body_pack(judge->codec, buffer_view(&clear), &out);
        if (r >= 0)
                r = buffer_check(&out);
        if (r < 0)
                return r;
        entry->body = arena_copy(&judge->arena, buffer_view(&out));
        if (!entry->body.data || !entry->header_bytes.data)
                return FAIL(PANNIER_E_MEMORY, "an entry of the store");
        entry_body_hash(entry->body, entry->body_hash);
        return 0;
}

static int find_standing(struct judge *judge, const struct judge_change *change,
                         struct judge_case *c)
{
        int r = judge_standing(judge, c->locality, change->type, &change->record, &c->standing,
                               &c->stamps);

        if (r < 0)
                return r;
        c->has_standing = r > 0;
        if (c->has_standing && (!uuid_equal(&c->standing.person, &change->person) ||
                                !uuid_equal(&c->standing.locality, c->locality)))
                return FAIL(PANNIER_E_TAKEN, "a record of type %s with this id is somebody else's",
                            change->type->name);
        if (c->has_standing)
                return 0;
        r = judge_names_record(judge, &change->record);
        return r > 0 ? FAIL(PANNIER_E_TAKEN, "a record of another type than %s has this id",
                            change->type->name)
                     : r;
}

static int put(struct judge *judge, const struct judge_change *change, unsigned depth)
{
        struct storage_locality *state = judge->ops->locality(judge->storage, change->locality);
        struct judge_entry entry = {0};
        struct entry_header header = {.id = change->entry, .seal_enc = BYTES_NONE};
        struct judge_case c = {
                .locality = change->locality,
                .entry = &entry,
                .type = change->type,
                .readable = true,
                .depth = depth,
        };
        bool refused;
        int r;

        if (!state)
                return FAIL(PANNIER_E_INTERNAL, "the locality is not in this transaction");
        if (depth > JUDGE_DEPTH_MAX)
                return FAIL(PANNIER_E_INTERNAL, "consequences without end");
        c.position = state->position;
        c.epoch = state->epoch;
        entry.header = &header;
        r = check_values(change);
        if (r >= 0)
                r = find_standing(judge, change, &c);
        if (r < 0)
                return r;
        c.body.changes =
                arena_alloc(&judge->arena, (change->change_count + 1) * sizeof(*c.body.changes));
        if (!c.body.changes)
                return FAIL(PANNIER_E_MEMORY, "changes");
        c.body.change_count = change->change_count;
        if (c.has_standing)
                r = differing(judge, &c, change, c.body.changes, &c.body.change_count);
        else if (change->change_count)
                memcpy(c.body.changes, change->changes,
                       change->change_count * sizeof(*c.body.changes));
        if (r < 0 || (c.has_standing && !c.body.change_count))
                return r < 0 ? r : JUDGE_UNCHANGED;
        fill_body(judge, change, &c);
        r = name_author(judge, change, &c);
        if (r >= 0)
                r = judge_encode(judge, state, &c, &header, &entry);
        if (r >= 0)
                r = judge_commit_fields(judge, &c, &refused);
        if (r < 0)
                return r;
        if (refused)
                return FAIL(PANNIER_E_INVALID, "%s: %s", change->type->name,
                            reason_sentence(c.result->reason));
        return c.has_standing ? JUDGE_EDITED : JUDGE_CREATED;
}

int judge_note(struct judge *judge, const struct judge_change *change,
               const struct uuid *base_locality, const struct position *base)
{
        struct storage_locality *state = judge->ops->locality(judge->storage, change->locality);
        struct judge_entry entry = {0};
        struct entry_header header = {.id = change->entry, .seal_enc = BYTES_NONE};
        struct judge_case c = {
                .locality = change->locality,
                .entry = &entry,
                .type = change->type,
                .readable = true,
                .has_standing = true,
        };
        int r;

        if (!state)
                return FAIL(PANNIER_E_INTERNAL, "the locality is not in this transaction");
        c.position = state->position;
        c.epoch = state->epoch;
        entry.header = &header;
        c.body.changes = (struct entry_change *)(uintptr_t)change->changes;
        c.body.change_count = change->change_count;
        fill_body(judge, change, &c);
        c.body.base_locality = *base_locality;
        c.body.base = *base;
        r = judge_encode(judge, state, &c, &header, &entry);
        return r < 0 ? r : judge_write_log(judge, &c, OUTCOME_APPLIED, REASON_NONE, NULL, 0);
}

int judge_store(struct judge *judge, const struct judge_case *c, const struct judge_change *change)
{
        int r = put(judge, change, c->depth + 1);

        return r < 0 ? r : 0;
}

int judge_put(struct judge *judge, const struct judge_change *change)
{
        int settled, r;

        arena_reset(&judge->arena);
        judge->taken_known = false;
        r = put(judge, change, 0);
        if (r < 0)
                return r;
        settled = judge_settle(judge);
        if (settled == 0 && r != JUDGE_UNCHANGED)
                settled = journal_change(judge->storage, change);
        return settled < 0 ? settled : r;
}

/*
 * Conflict records: made where a field, a group or a record needs a person's decision, and kept in step with what stands.
 *
 * At most one conflict is open about a unit of a record; further values join it. Its id follows from the entry that raised it.
 */
#include "store/judge_inside.h"

#include "common/error.h"

#include <string.h>

enum { VALUE_OVERHEAD = 64, DUPLICATE_KEY = 0 };

/* ---- those that are open ---- */

static int read_open(struct judge *judge, const struct uuid *id, struct conflict *ret)
{
        struct record *record = arena_alloc(&judge->arena, sizeof(*record));
        int r;

        if (!record)
                return FAIL(PANNIER_E_MEMORY, "a conflict");
        r = judge->ops->record_get(judge->storage, catalogue_conflict_type(), id, &judge->arena,
                                   record, NULL);
        if (r == 0)
                return FAIL(PANNIER_E_CORRUPT, "an open conflict has no record");
        if (r > 0)
                r = conflict_read(record, &judge->arena, ret);
        return r < 0 ? r : 0;
}

static bool is_read(const struct conflict *conflicts, size_t count, const struct uuid *id)
{
        for (size_t i = 0; i < count; i++)
                if (uuid_equal(&conflicts[i].id, id))
                        return true;
        return false;
}

int judge_open_conflicts(struct judge *judge, const struct judge_case *c, struct conflict **ret,
                         size_t *ret_count)
{
        struct conflict *conflicts =
                arena_alloc(&judge->arena, (c->body.change_count + 1) * sizeof(*conflicts));
        size_t count = 0;

        if (!conflicts)
                return FAIL(PANNIER_E_MEMORY, "conflicts");
        for (size_t i = 0; i < c->body.change_count; i++) {
                int index = catalogue_field_index(c->type, c->body.changes[i].number);
                struct uuid id;
                int r;

                if (index < 0)
                        continue;
                r = judge->ops->conflict_find(judge->storage, c->locality, &c->body.record,
                                              reconcile_key(&c->type->fields[index]), &id);
                if (r > 0 && !is_read(conflicts, count, &id))
                        r = read_open(judge, &id, &conflicts[count++]);
                if (r < 0)
                        return r;
        }
        *ret = conflicts;
        *ret_count = count;
        return 0;
}

struct uuid judge_conflict_id(const struct judge_case *c, const struct reconcile_held *held)
{
        return held->open ? held->open->id : judge_derived(c, "conflict", held->key, NULL);
}

/* ---- writing ---- */

static int list_changes(const struct record *record, struct arena *arena, struct entry_change **ret,
                        size_t *ret_count)
{
        const struct catalogue_type *type = record->type;
        struct entry_change *changes = arena_alloc(arena, type->field_count * sizeof(*changes));

        if (!changes)
                return FAIL(PANNIER_E_MEMORY, "changes");
        *ret_count = 0;
        for (uint16_t i = 0; i < type->field_count; i++)
                if (record->values[i].form != VALUE_UNSET)
                        changes[(*ret_count)++] = (struct entry_change){
                                .number = type->fields[i].number, .value = record->values[i]};
        *ret = changes;
        return 0;
}

int judge_conflict_put(struct judge *judge, const struct judge_case *c, struct conflict *conflict,
                       const char *why)
{
        const struct catalogue_bind *bind = catalogue_bind();
        struct record record = {.type = catalogue_conflict_type()};
        struct judge_change change = {
                .locality = c->locality,
                .type = record.type,
                .record = conflict->id,
                .person = conflict->person,
                .reason = bytes_text(why),
        };
        struct entry_change *changes;
        int r;

        r = conflict_write(conflict, &judge->arena, &record);
        if (r >= 0 && conflict->decided && c->body.operation == ENTRY_DECIDE) {
                record.values[bind->conflict.decided_by] =
                        (struct value){.form = VALUE_UUID, .uuid = c->body.author};
                record.values[bind->conflict.decided_at] =
                        (struct value){.form = VALUE_INTEGER, .integer = judge->now_ms};
        }
        if (r >= 0)
                r = list_changes(&record, &judge->arena, &changes, &change.change_count);
        if (r < 0)
                return r;
        change.changes = changes;
        change.entry = judge_derived(c, why, 0, &conflict->id);
        return judge_store(judge, c, &change);
}

static int open_row(struct judge *judge, const struct judge_case *c,
                    const struct conflict *conflict, uint16_t key)
{
        const struct open_conflict row = {
                .locality = *c->locality,
                .record = conflict->record,
                .key = key,
                .conflict = conflict->id,
        };

        return judge->ops->conflict_open(judge->storage, &row);
}

/* ---- held units ---- */

/* What stands in the fields of the conflict, as the record now is. Sets and maps stand as a change that adds all. */
int judge_refresh_conflict(struct judge *judge, struct conflict *conflict,
                           const struct record *record)
{
        struct value nothing = {.form = VALUE_UNSET};

        conflict->standing = arena_alloc(&judge->arena,
                                         (conflict->field_count + 1) * sizeof(*conflict->standing));
        if (!conflict->standing)
                return FAIL(PANNIER_E_MEMORY, "standing values");
        conflict->standing_count = 0;
        for (size_t i = 0; i < conflict->field_count; i++) {
                int index = catalogue_field_index(record->type, conflict->fields[i]);
                struct entry_change *change = &conflict->standing[conflict->standing_count];
                const struct catalogue_field *field;
                int r = 0;

                if (index < 0)
                        continue;
                field = &record->type->fields[index];
                change->number = conflict->fields[i];
                change->value = record->values[index];
                if (change->value.form == VALUE_PACKED)
                        r = reconcile_change_of(field, &nothing, &record->values[index],
                                                &judge->arena, &change->value);
                if (r < 0)
                        return r;
                conflict->standing_count++;
        }
        return 0;
}

static struct conflict_value value_of(const struct judge_case *c)
{
        return (struct conflict_value){
                .id = c->entry->header->id,
                .author = c->body.author,
                .role = c->body.role,
                .recorded_ms = c->body.recorded_ms,
        };
}

int judge_add_value(struct judge *judge, struct conflict *conflict,
                    const struct conflict_value *value)
{
        struct conflict_value *others =
                arena_alloc(&judge->arena, (conflict->other_count + 1) * sizeof(*conflict->others));

        if (!others)
                return FAIL(PANNIER_E_MEMORY, "values of a conflict");
        if (conflict->other_count)
                memcpy(others, conflict->others, conflict->other_count * sizeof(*others));
        others[conflict->other_count++] = *value;
        conflict->others = others;
        return 0;
}

static void list_fields(const struct catalogue_type *type, uint16_t key, struct conflict *conflict)
{
        for (uint16_t i = 0; i < type->field_count; i++)
                if (reconcile_key(&type->fields[i]) == key)
                        conflict->fields[conflict->field_count++] = type->fields[i].number;
}

/* A value whose chain this entry continues is its author's own: the new one takes its place. */
static void replace_own(struct conflict *conflict, const struct uuid *chain, size_t chain_count)
{
        for (size_t i = 0; i < conflict->other_count; i++)
                for (size_t k = 0; k < chain_count; k++)
                        if (conflict->others[i].state == CONFLICT_OPEN &&
                            uuid_equal(&conflict->others[i].id, &chain[k]))
                                conflict->others[i].state = CONFLICT_REPLACED;
}

static int write_held(struct judge *judge, struct judge_case *c, const struct reconcile_held *held,
                      const struct uuid *chain, size_t chain_count)
{
        struct conflict fresh = {
                .id = judge_conflict_id(c, held),
                .person = c->body.person,
                .kind = held->kind,
                .type = c->type,
                .type_number = c->type->number,
                .record = c->body.record,
        };
        struct conflict *conflict = held->open ? held->open : &fresh;
        struct conflict_value value = value_of(c);
        int r;

        value.changes = arena_alloc(&judge->arena, held->change_count * sizeof(*value.changes));
        if (!value.changes)
                return FAIL(PANNIER_E_MEMORY, "a value of a conflict");
        memcpy(value.changes, held->changes, held->change_count * sizeof(*value.changes));
        value.change_count = held->change_count;
        if (!held->open)
                list_fields(c->type, held->key, conflict);
        replace_own(conflict, chain, chain_count);
        r = judge_add_value(judge, conflict, &value);
        if (r >= 0)
                r = judge_refresh_conflict(judge, conflict, &c->result->record);
        if (r >= 0)
                r = judge_conflict_put(judge, c, conflict, "a value that needs a decision");
        return r < 0 || held->open ? r : open_row(judge, c, conflict, held->key);
}

static bool is_joined(const struct judge_case *c, const struct conflict *conflict)
{
        for (size_t i = 0; i < c->result->held_count; i++)
                if (c->result->held[i].open == conflict)
                        return true;
        return false;
}

static bool touches(const struct judge_case *c, const struct conflict *conflict)
{
        for (size_t i = 0; i < conflict->field_count; i++) {
                int index = catalogue_field_index(c->type, conflict->fields[i]);

                if (index >= 0 && c->result->field_changed[index])
                        return true;
        }
        return false;
}

int judge_write_held(struct judge *judge, struct judge_case *c, struct conflict *conflicts,
                     size_t conflict_count, const struct uuid *chain, size_t chain_count)
{
        int r = 0;

        for (size_t i = 0; i < c->result->held_count && r >= 0; i++)
                r = write_held(judge, c, &c->result->held[i], chain, chain_count);
        for (size_t i = 0; i < conflict_count && r >= 0; i++) {
                if (is_joined(c, &conflicts[i]) || !touches(c, &conflicts[i]))
                        continue;
                r = judge_refresh_conflict(judge, &conflicts[i], &c->result->record);
                if (r >= 0)
                        r = judge_conflict_put(judge, c, &conflicts[i], "what stands has changed");
        }
        return r;
}

bool judge_conflict_full(const struct reconcile_result *result)
{
        for (size_t i = 0; i < result->held_count; i++) {
                const struct reconcile_held *held = &result->held[i];
                size_t size = VALUE_OVERHEAD;

                for (size_t k = 0; k < held->change_count; k++)
                        size += held->changes[k].raw.size;
                if (!held->open)
                        continue;
                for (size_t k = 0; k < held->open->other_count; k++) {
                        size += VALUE_OVERHEAD;
                        for (size_t m = 0; m < held->open->others[k].change_count; m++)
                                size += held->open->others[k].changes[m].raw.size;
                }
                if (size > CONFLICT_BLOB_MAX || held->open->other_count >= CONFLICT_VALUES_MAX)
                        return true;
        }
        return false;
}

/* ---- conflicts about whole records ---- */

int judge_raise_duplicate(struct judge *judge, const struct judge_case *c,
                          const struct record *first, const struct record *second)
{
        struct conflict conflict = {
                .person = first->person,
                .kind = catalogue_bind()->conflict.kind_duplicate,
                .type = first->type,
                .type_number = first->type->number,
                .record = first->id,
        };
        struct conflict_value value = value_of(c);
        int found, r = 0;

        value.id = second->id;
        found = judge->ops->conflict_find(judge->storage, c->locality, &first->id, DUPLICATE_KEY,
                                          &conflict.id);
        if (found < 0)
                return found;
        if (found)
                r = read_open(judge, &conflict.id, &conflict);
        else
                conflict.id = judge_derived(c, "duplicate", DUPLICATE_KEY, &first->id);
        if (r < 0 || conflict_value_find(&conflict, &second->id) ||
            conflict.other_count >= CONFLICT_VALUES_MAX)
                return r;
        r = judge_add_value(judge, &conflict, &value);
        if (r >= 0)
                r = judge_conflict_put(judge, c, &conflict, "a second record");
        return r < 0 || found ? r : open_row(judge, c, &conflict, DUPLICATE_KEY);
}

static const struct catalogue_check_use *score_of(const struct catalogue_type *type)
{
        for (uint8_t i = 0; i < type->check_count; i++)
                if (type->checks[i].check == CHECK_NEWS2)
                        return &type->checks[i];
        return NULL;
}

static struct entry_change change_at(const struct record *record, int16_t index)
{
        return (struct entry_change){.number = record->type->fields[index].number,
                                     .value = record->values[index]};
}

int judge_raise_difference(struct judge *judge, const struct judge_case *c)
{
        const struct catalogue_check_use *score = score_of(c->type);
        const struct record *record = &c->result->record;
        struct conflict conflict = {
                .person = record->person,
                .kind = catalogue_bind()->conflict.kind_duplicate,
                .type = c->type,
                .type_number = c->type->number,
                .record = record->id,
        };
        struct entry_change device, store;
        struct conflict_value value = {.author = *c->locality, .recorded_ms = judge->now_ms};
        int r;

        if (!score)
                return 0;
        device = change_at(record, score->slots[NEWS2_SLOT_TOTAL]);
        store = change_at(record, score->slots[NEWS2_SLOT_STORE]);
        conflict.id = judge_derived(c, "conflict", device.number, NULL);
        conflict.fields[conflict.field_count++] = device.number;
        conflict.standing = &device;
        conflict.standing_count = 1;
        value.id = judge_derived(c, "score", device.number, NULL);
        value.changes = &store;
        value.change_count = 1;
        r = judge_add_value(judge, &conflict, &value);
        if (r >= 0)
                r = judge_conflict_put(judge, c, &conflict, "the store's score is another");
        return r < 0 ? r : open_row(judge, c, &conflict, device.number);
}

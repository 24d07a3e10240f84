#include "store/reconcile_unit.h"

#include "common/error.h"

#include <string.h>

uint16_t reconcile_key(const struct catalogue_field *field)
{
        return field->group ? (uint16_t)(RECONCILE_KEY_GROUP + field->group) : field->number;
}

static int severity(enum entry_outcome outcome)
{
        switch (outcome) {
        case OUTCOME_NONE:
                return 0;
        case OUTCOME_APPLIED:
                return 1;
        case OUTCOME_MERGED:
                return 2;
        case OUTCOME_HELD:
                return 3;
        case OUTCOME_LATE:
                return 4;
        case OUTCOME_PARKED:
                return 5;
        case OUTCOME_QUARANTINED:
                return 6;
        }
        return 6;
}

enum entry_outcome reconcile_worst(enum entry_outcome a, enum entry_outcome b)
{
        return severity(a) >= severity(b) ? a : b;
}

static struct conflict *open_conflict(const struct reconcile_work *work, uint16_t key)
{
        for (size_t i = 0; i < work->input->conflict_count; i++) {
                struct conflict *conflict = &work->input->conflicts[i];
                int index = conflict->field_count
                                    ? catalogue_field_index(work->type, conflict->fields[0])
                                    : -1;

                if (index >= 0 && reconcile_key(&work->type->fields[index]) == key)
                        return conflict;
        }
        return NULL;
}

static void take_unit(const struct reconcile_work *work, uint16_t key, struct reconcile_unit *ret)
{
        const struct entry_body *body = work->input->body;

        *ret = (struct reconcile_unit){.key = key, .open = open_conflict(work, key)};
        for (size_t i = 0; i < body->change_count; i++) {
                int index = catalogue_field_index(work->type, body->changes[i].number);

                if (index < 0 || reconcile_key(&work->type->fields[index]) != key)
                        continue;
                ret->changes[ret->count] = &body->changes[i];
                ret->indexes[ret->count++] = (int16_t)index;
        }
        ret->field = &work->type->fields[ret->indexes[0]];
        ret->rule = ret->field->rule;
}

/* Is this the first change of its unit? Units are judged in the order in which they are first mentioned. */
static bool begins_unit(const struct reconcile_work *work, size_t place, uint16_t key)
{
        for (size_t i = 0; i < place; i++) {
                int index = catalogue_field_index(work->type, work->input->body->changes[i].number);

                if (index >= 0 && reconcile_key(&work->type->fields[index]) == key)
                        return false;
        }
        return true;
}

static int edit(struct reconcile_work *work)
{
        const struct entry_body *body = work->input->body;

        for (size_t i = 0; i < body->change_count; i++) {
                int index = catalogue_field_index(work->type, body->changes[i].number);
                struct reconcile_unit unit;
                uint16_t key;
                int r;

                if (index < 0)
                        continue;
                key = reconcile_key(&work->type->fields[index]);
                if (!begins_unit(work, i, key))
                        continue;
                take_unit(work, key, &unit);
                r = reconcile_edit_unit(work, &unit);
                if (r < 0 || work->result->outcome == OUTCOME_QUARANTINED)
                        return r;
        }
        return 0;
}

static bool is_held(const struct reconcile_result *result, uint16_t field)
{
        for (size_t i = 0; i < result->effect_count; i++)
                if (result->effects[i].field == field)
                        return result->effects[i].effect == EFFECT_HELD ||
                               result->effects[i].effect == EFFECT_PROPOSED ||
                               result->effects[i].effect == EFFECT_LATE;
        return false;
}

static bool is_missing(const struct reconcile_work *work, uint16_t index)
{
        const struct catalogue_field *field = &work->type->fields[index];
        const struct reconcile_result *result = work->result;

        return field->required && result->record.values[index].form == VALUE_UNSET &&
               !is_held(result, field->number) &&
               (!work->input->standing || result->field_changed[index]);
}

/* Comparisons, fields needed in some cases and checks by name are common/catalogue_check.h's. */
static uint16_t check_whole(const struct reconcile_work *work)
{
        for (uint16_t i = 0; i < work->type->field_count; i++)
                if (is_missing(work, i))
                        return REASON_REQUIRED;
        return REASON_NONE;
}

static void begin_record(const struct reconcile_work *work, struct record *ret)
{
        const struct entry_body *body = work->input->body;

        if (work->input->standing) {
                *ret = *work->input->standing;
                return;
        }
        *ret = (struct record){
                .type = work->type,
                .id = body->record,
                .person = body->person,
                .author = body->author,
                .role = body->role,
                .recorded_ms = body->recorded_ms,
        };
}

static int begin_stamps(const struct reconcile_work *work, struct stamps *ret)
{
        const struct stamps *standing = work->input->stamps;

        stamps_init(ret, work->arena);
        if (!standing || !standing->count)
                return 0;
        ret->parts = arena_alloc(work->arena, standing->count * sizeof(*ret->parts));
        if (!ret->parts)
                return FAIL(PANNIER_E_MEMORY, "%zu stamps", standing->count);
        memcpy(ret->parts, standing->parts, standing->count * sizeof(*ret->parts));
        ret->count = ret->capacity = standing->count;
        return 0;
}

/* In quarantine nothing of the entry takes effect. */
static int take_back(struct reconcile_work *work)
{
        struct reconcile_result *result = work->result;
        uint16_t reason = result->reason;

        *result = (struct reconcile_result){.outcome = OUTCOME_QUARANTINED, .reason = reason};
        begin_record(work, &result->record);
        return begin_stamps(work, &result->stamps);
}

int reconcile(const struct reconcile_input *input, struct arena *arena,
              struct reconcile_result *ret)
{
        struct reconcile_work work = {
                .input = input,
                .type = input->type,
                .arena = arena,
                .result = ret,
        };
        uint16_t reason;
        int r;

        *ret = (struct reconcile_result){.outcome = input->late ? OUTCOME_LATE : OUTCOME_APPLIED};
        ret->held = arena_alloc(arena, (input->body->change_count + 1) * sizeof(*ret->held));
        if (!ret->held)
                return FAIL(PANNIER_E_MEMORY, "held values");
        begin_record(&work, &ret->record);
        r = begin_stamps(&work, &ret->stamps);
        if (r < 0)
                return r;
        r = input->standing ? edit(&work) : reconcile_create(&work);
        if (r >= 0 && ret->outcome != OUTCOME_QUARANTINED)
                r = reconcile_keep_unknown(&work);
        if (r < 0)
                return r;
        reason = check_whole(&work);
        if (ret->outcome != OUTCOME_QUARANTINED && reason != REASON_NONE) {
                ret->outcome = OUTCOME_QUARANTINED;
                ret->reason = reason;
        }
        return ret->outcome == OUTCOME_QUARANTINED ? take_back(&work) : 0;
}

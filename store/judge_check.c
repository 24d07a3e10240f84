/*
 * What the catalogue asks of a record beyond its single fields. NEWS2 is scored against what is usual for the person, and only
 * for adults: against the newest baseline and the person's record as they are here.
 */
#include "store/judge_inside.h"

#include "common/error.h"

#include <string.h>

void judge_forget_facts(struct judge *judge)
{
        for (size_t i = 0; i < FACTS_CACHE; i++)
                judge->facts[i].known = false;
        arena_reset(&judge->facts_arena);
}

static struct facts_row *facts_place(struct judge *judge, const struct uuid *person)
{
        return &judge->facts[(person->bytes[14] * 31u + person->bytes[15]) % FACTS_CACHE];
}

void judge_facts_changed(struct judge *judge, const struct record *record)
{
        struct facts_row *row = facts_place(judge, &record->person);

        if ((record->type->is_person || record->type->is_baseline) &&
            uuid_equal(&row->person, &record->person))
                row->known = false;
}

struct reading {
        struct facts_row *facts;
        struct arena *arena;
};

static int take_person(void *context, const struct record *record, struct bytes stamps)
{
        struct reading *reading = context;

        (void)stamps;
        reading->facts->has_person = true;
        return record_copy(record, reading->arena, &reading->facts->record);
}

static int take_newest(void *context, const struct record *record, struct bytes stamps)
{
        struct reading *reading = context;
        struct facts_row *facts = reading->facts;

        (void)stamps;
        if (facts->has_baseline && record->position < facts->baseline.position)
                return 0;
        facts->has_baseline = true;
        return record_copy(record, reading->arena, &facts->baseline);
}

static int read_part(struct judge *judge, const struct catalogue_type *type,
                     const struct uuid *person, storage_record_visit *visit,
                     struct facts_row *facts)
{
        struct reading reading = {facts, &judge->facts_arena};

        return judge->ops->record_part(judge->storage, type, person, catalogue_check_reads(type),
                                       visit, &reading);
}

static int read_facts(struct judge *judge, const struct uuid *person, struct facts_row *ret)
{
        int r;

        ret->has_person = ret->has_baseline = false;
        r = read_part(judge, catalogue_person_type(), person, take_person, ret);
        if (r >= 0)
                r = read_part(judge, catalogue_baseline_type(), person, take_newest, ret);
        if (r < 0)
                return r;
        ret->person = *person;
        ret->known = true;
        return 0;
}

static int check_named(struct judge *judge, const struct judge_case *c, struct record *record,
                       struct catalogue_check_input *input, struct catalogue_check_result *ret)
{
        if (c->type->check_count && c->type->personal && !c->type->is_person) {
                struct facts_row *facts = facts_place(judge, &record->person);

                if (!facts->known || !uuid_equal(&facts->person, &record->person)) {
                        int r;

                        facts->known = false;
                        r = read_facts(judge, &record->person, facts);
                        if (r < 0)
                                return r;
                }
                input->person = facts->has_person ? &facts->record : NULL;
                input->baseline = facts->has_baseline ? &facts->baseline : NULL;
        }
        return catalogue_check(input, record, &judge->arena, ret);
}

/*
 * What the catalogue asks of the record as a whole. Values that the store derives (its own NEWS2 total) are part of what
 * the entry does: they follow from the entry and what stood then.
 */
int judge_check(struct judge *judge, const struct judge_case *c, struct reconcile_result *result,
                struct catalogue_check_result *ret)
{
        struct catalogue_check_input input = {
                .where = c->origin ? CHECK_ON_STORE : CHECK_ON_LOAD,
                .environment = judge->environment,
                .create = !c->has_standing,
                .now_ms = judge->now_ms,
        };
        int r;

        for (uint16_t i = 0; i < c->type->field_count; i++)
                if (result->field_changed[i])
                        input.changed |= UINT64_C(1) << i;
        *ret = (struct catalogue_check_result){0};
        if (!c->type->check_count && !c->type->compare_count && !c->type->need_count)
                return 0;
        r = check_named(judge, c, &result->record, &input, ret);
        if (r == PANNIER_E_INVALID) {
                result->outcome = OUTCOME_QUARANTINED;
                result->reason = (uint16_t)ret->reason;
                return 0;
        }
        return r;
}

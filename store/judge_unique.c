/*
 * Second records that were not expected: both are kept. Two records of one kind raise a conflict; two people with one NHS
 * number raise the question whether they are one person, told only to those who may see both.
 */
#include "store/judge_inside.h"

#include "common/error.h"

struct twins {
        struct judge *judge;
        const struct judge_case *c;
        const struct catalogue_unique *rule;
        struct record first; /* the twin that is told about */
        bool found;
};

static bool is_twin(const struct twins *twins, const struct record *other)
{
        const struct record *record = &twins->c->result->record;
        const struct catalogue_unique *rule = twins->rule;

        if (uuid_equal(&other->id, &record->id) ||
            !uuid_equal(&other->locality, &record->locality) ||
            !record_meets(other, &rule->condition))
                return false;
        for (uint8_t i = 0; i < rule->field_count; i++)
                if (!value_equal(&other->values[rule->field_indexes[i]],
                                 &record->values[rule->field_indexes[i]]))
                        return false;
        return true;
}

/* Of several the oldest: a third joins the conflict of the first two. */
static int take_twin(void *context, const struct record *other, struct bytes stamps)
{
        struct twins *twins = context;

        (void)stamps;
        if (!is_twin(twins, other))
                return 0;
        if (twins->found && uuid_compare(&twins->first.id, &other->id) < 0)
                return 0;
        twins->found = true;
        return record_copy(other, &twins->judge->arena, &twins->first);
}

static int find_twins(struct twins *twins)
{
        const struct storage_ops *ops = twins->judge->ops;
        struct storage *storage = twins->judge->storage;
        const struct record *record = &twins->c->result->record;
        const struct catalogue_unique *rule = twins->rule;
        int r;

        if (rule->per_person)
                r = ops->record_each(storage, record->type, &record->person, NULL, take_twin,
                                     twins);
        else
                r = ops->record_find(storage, record->type, rule->field_indexes[0],
                                     &record->values[rule->field_indexes[0]], take_twin, twins);
        return r < 0 ? r : 0;
}

/* An NHS number that does not hold ("trace required") is never used to match. */
static bool is_usable(const struct record *record, int16_t index)
{
        const struct catalogue_type *type = record->type;
        const struct value *value = &record->values[index];

        if (value->form == VALUE_UNSET)
                return false;
        for (uint8_t i = 0; i < type->check_count; i++) {
                char number[NHS_NUMBER_SIZE];

                if (type->checks[i].check == CHECK_NHS_NUMBER &&
                    type->checks[i].slots[NHS_NUMBER_NUMBER] == index &&
                    (value->form != VALUE_BYTES || nhs_number_parse(value->bytes, number) < 0))
                        return false;
        }
        return true;
}

/* Does the entry bring the record under the rule? What was there before has been told before. */
static bool concerns(const struct judge_case *c, const struct catalogue_unique *rule)
{
        const struct record *record = &c->result->record;
        bool touched = !c->has_standing;

        if (!record_meets(record, &rule->condition))
                return false;
        if (rule->condition.field_index >= 0)
                touched = touched || c->result->field_changed[rule->condition.field_index];
        for (uint8_t i = 0; i < rule->field_count; i++) {
                if (!is_usable(record, rule->field_indexes[i]))
                        return false;
                touched = touched || c->result->field_changed[rule->field_indexes[i]];
        }
        return touched && (rule->field_count || rule->per_person);
}

struct link_search {
        int16_t other_index;
        const struct uuid *other;
        bool found;
};

static int find_link(void *context, const struct record *record, struct bytes stamps)
{
        struct link_search *search = context;
        const struct value *value = &record->values[search->other_index];

        (void)stamps;
        search->found = value->form == VALUE_UUID && uuid_equal(&value->uuid, search->other);
        return search->found;
}

static int has_link(struct judge *judge, const struct catalogue_unique *rule,
                    const struct uuid *person, const struct uuid *other, bool *ret)
{
        struct link_search search = {.other_index = rule->link_other_index, .other = other};
        int r = judge->ops->record_each(judge->storage, catalogue_type_by_number(rule->link_type),
                                        person, NULL, find_link, &search);

        *ret = search.found;
        return r < 0 ? r : 0;
}

/* The link hangs on the newer person and names the older one; nobody has decided yet what it means. */
static int raise_link(struct judge *judge, const struct judge_case *c,
                      const struct catalogue_unique *rule, const struct uuid *older)
{
        const struct catalogue_type *type = catalogue_type_by_number(rule->link_type);
        struct entry_change change = {
                .number = type->fields[rule->link_other_index].number,
                .value = {.form = VALUE_UUID, .uuid = *older},
        };
        const struct judge_change wanted = {
                .locality = c->locality,
                .type = type,
                .entry = judge_derived(c, "link entry", type->number, older),
                .record = judge_derived(c, "link", type->number, older),
                .person = c->body.person,
                .changes = &change,
                .change_count = 1,
                .reason = bytes_text("the same identity on two people"),
        };
        bool linked;
        int r = has_link(judge, rule, &c->body.person, older, &linked);

        if (r >= 0 && !linked)
                r = has_link(judge, rule, older, &c->body.person, &linked);
        return r < 0 || linked ? r : judge_store(judge, c, &wanted);
}

int judge_unique(struct judge *judge, const struct judge_case *c)
{
        int r = 0;

        for (uint8_t i = 0; i < c->type->unique_count && r >= 0; i++) {
                struct twins twins = {.judge = judge, .c = c, .rule = &c->type->uniques[i]};

                if (!concerns(c, twins.rule))
                        continue;
                r = find_twins(&twins);
                if (r < 0 || !twins.found)
                        continue;
                if (twins.rule->link_type)
                        r = raise_link(judge, c, twins.rule, &twins.first.person);
                else
                        r = judge_raise_duplicate(judge, c, &twins.first, &c->result->record);
        }
        return r;
}

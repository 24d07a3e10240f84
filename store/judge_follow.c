/*
 * What follows from an entry by the catalogue's word: fields of other records that the store sets, tasks to check a value.
 */
#include "store/judge_inside.h"

#include "common/error.h"

/* The records that a consequence is about: collected first, since nothing may be written while they are read. */
struct targets {
        struct judge *judge;
        const struct catalogue_consequence *rule;
        const struct uuid *locality, *person; /* nothing follows for anybody else */
        struct record *records;
        size_t count, capacity;
};

static int take_target(void *context, const struct record *record, struct bytes stamps)
{
        struct targets *targets = context;
        struct arena *arena = &targets->judge->arena;

        (void)stamps;
        if (!uuid_equal(&record->locality, targets->locality) ||
            !uuid_equal(&record->person, targets->person) ||
            !record_meets(record, &targets->rule->target_condition))
                return 0;
        if (targets->count == targets->capacity) {
                size_t capacity = targets->capacity ? 2 * targets->capacity : 4;
                struct record *records = arena_alloc(arena, capacity * sizeof(*records));

                if (!records)
                        return FAIL(PANNIER_E_MEMORY, "targets of a consequence");
                for (size_t i = 0; i < targets->count; i++)
                        records[i] = targets->records[i];
                targets->records = records;
                targets->capacity = capacity;
        }
        return record_copy(record, arena, &targets->records[targets->count++]);
}

static int find_targets(struct targets *targets, const struct record *record)
{
        const struct storage_ops *ops = targets->judge->ops;
        struct storage *storage = targets->judge->storage;
        const struct catalogue_consequence *rule = targets->rule;
        const struct catalogue_type *type = catalogue_type_by_number(rule->target_type);
        struct value own = {.form = VALUE_UUID, .uuid = record->id};
        int r;

        if (rule->where_index >= 0) {
                const struct value *where = &record->values[rule->where_index];

                if (where->form != VALUE_UUID)
                        return 0;
                r = ops->record_visit(storage, type, &where->uuid, take_target, targets);
        } else if (rule->link_person) {
                r = ops->record_each(storage, type, &record->person, NULL, take_target, targets);
        } else {
                r = ops->record_find(storage, type, rule->target_link_index, &own, take_target,
                                     targets);
        }
        return r < 0 ? r : 0;
}

static int set_target(struct judge *judge, const struct judge_case *c, const struct record *record,
                      const struct catalogue_consequence *rule, const struct record *target,
                      uint16_t number)
{
        const struct catalogue_field *field = &target->type->fields[rule->target_field_index];
        struct entry_change change = {.number = field->number};
        struct judge_change wanted = {
                .locality = c->locality,
                .type = target->type,
                .entry = judge_derived(c, "consequence", number, &target->id),
                .record = target->id,
                .person = target->person,
                .changes = &change,
                .change_count = 1,
                .reason = bytes_text("follows from another entry"),
        };

        if (rule->from_index >= 0)
                change.value = record->values[rule->from_index];
        else
                change.value = (struct value){.form = VALUE_INTEGER, .integer = rule->to_option};
        /* The record in hand is never the target of its own consequence. */
        if (change.value.form == VALUE_UNSET || uuid_equal(&target->id, &record->id))
                return 0;
        return judge_store(judge, c, &wanted);
}

static int carry_out(struct judge *judge, const struct judge_case *c, const struct record *record,
                     const struct catalogue_consequence *rule, uint16_t number)
{
        struct targets targets = {
                .judge = judge,
                .rule = rule,
                .locality = c->locality,
                .person = &record->person,
        };
        int r = find_targets(&targets, record);

        for (size_t i = 0; i < targets.count && r >= 0; i++)
                r = set_target(judge, c, record, rule, &targets.records[i], number);
        return r;
}

/* Has the moment come? A value counts once: when the entry brought the record to it. */
static bool has_come(const struct judge_case *c, const struct catalogue_consequence *rule)
{
        int16_t index = rule->condition.field_index;

        switch (rule->moment) {
        case ON_CREATE:
                return !c->has_standing;
        case ON_VALUE:
                return index < 0 || c->result->field_changed[index];
        case ON_DECIDED:
                break;
        }
        return false;
}

static int follow_rules(struct judge *judge, const struct judge_case *c)
{
        const struct record *record = &c->result->record;
        int r = 0;

        for (uint8_t i = 0; i < c->type->consequence_count && r >= 0; i++) {
                const struct catalogue_consequence *rule = &c->type->consequences[i];

                if (has_come(c, rule) && record_meets(record, &rule->condition))
                        r = carry_out(judge, c, record, rule, i);
        }
        return r;
}

/* ---- tasks to check ---- */

static bool was_confirmed_before(const struct judge_case *c, uint16_t place)
{
        uint16_t key = reconcile_key(&c->type->fields[place]);

        for (uint16_t i = 0; i < place; i++)
                if (c->result->field_changed[i] && c->type->fields[i].confirm &&
                    reconcile_key(&c->type->fields[i]) == key)
                        return true;
        return false;
}

static int make_task(struct judge *judge, const struct judge_case *c,
                     const struct catalogue_field *field)
{
        const struct catalogue_bind *bind = catalogue_bind();
        const struct catalogue_type *type = catalogue_task_type();
        CLEANUP(buffer_deinit) struct buffer title = BUFFER_INIT;
        struct entry_change changes[FIELD_COUNT_MAX] = {0};
        struct judge_change wanted = {
                .locality = c->locality,
                .type = type,
                .entry = judge_derived(c, "task entry", reconcile_key(field), NULL),
                .record = judge_derived(c, "task", reconcile_key(field), NULL),
                .person = c->body.person,
                .changes = changes,
                .reason = bytes_text("a changed value is to be checked"),
        };
        int r;

        buffer_append_format(&title, "Check the new value: %s, %s", c->type->title, field->title);
        r = buffer_check(&title);
        if (r < 0)
                return r;
        for (uint16_t i = 0; i < type->field_count; i++) {
                struct entry_change *change = &changes[wanted.change_count];

                if (i == bind->task.title)
                        change->value =
                                (struct value){.form = VALUE_BYTES, .bytes = buffer_view(&title)};
                else if (i == bind->task.about)
                        change->value = (struct value){.form = VALUE_UUID, .uuid = c->body.record};
                else if (i == bind->task.status)
                        change->value = (struct value){.form = VALUE_INTEGER,
                                                       .integer = bind->task.status_requested};
                else
                        continue;
                change->number = type->fields[i].number;
                wanted.change_count++;
        }
        return judge_store(judge, c, &wanted);
}

/* One task for a field or group that a member of staff changed in a record that was there. */
static int follow_confirms(struct judge *judge, const struct judge_case *c)
{
        int r = 0;

        if (!c->has_standing || !c->origin)
                return 0;
        for (uint16_t i = 0; i < c->type->field_count && r >= 0; i++)
                if (c->type->fields[i].confirm && c->result->field_changed[i] &&
                    !was_confirmed_before(c, i))
                        r = make_task(judge, c, &c->type->fields[i]);
        return r;
}

int judge_follow(struct judge *judge, const struct judge_case *c)
{
        int r = follow_rules(judge, c);

        return r < 0 ? r : follow_confirms(judge, c);
}

int judge_follow_decision(struct judge *judge, const struct judge_case *c,
                          const struct catalogue_type *type, const struct uuid *id)
{
        struct record record;
        int r = judge->ops->record_get(judge->storage, type, id, &judge->arena, &record, NULL);

        for (uint8_t i = 0; i < type->consequence_count && r > 0; i++) {
                const struct catalogue_consequence *rule = &type->consequences[i];

                if (rule->moment != ON_DECIDED || !record_meets(&record, &rule->condition))
                        continue;
                r = carry_out(judge, c, &record, rule, (uint16_t)(FIELD_NUMBER_MAX + i));
                r = r < 0 ? r : 1;
        }
        return r < 0 ? r : 0;
}

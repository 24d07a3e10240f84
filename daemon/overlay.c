/*
 * Edits are applied oldest first to a copy of the confirmed record. Each changed field goes one of three ways: in
 * place, beside, or nowhere (superseded: a newer edit of somebody else stands). Fields of a group go together:
 * if one of them must wait, all of them do.
 */
#include "daemon/overlay.h"

#include "common/error.h"

#include <string.h>

enum way { WAY_IN_PLACE, WAY_BESIDE, WAY_NOWHERE };

struct decision {
        enum way way;
        enum engine_field_state state;
};

bool overlay_is_active(const struct overlay_edit *edit)
{
        return edit->state != OUTCOME_QUARANTINED;
}

static bool is_settled(const struct overlay_edit *edit)
{
        return edit->state != OUTCOME_NONE && edit->state != OUTCOME_PARKED;
}

bool overlay_is_over(const struct overlay_edit *edit, const struct position *confirmed)
{
        if (!is_settled(edit) || !overlay_is_active(edit))
                return false;
        if (edit->position.epoch != confirmed->epoch)
                return edit->position.epoch < confirmed->epoch;
        return edit->position.position <= confirmed->position;
}

/* ---- which way a field goes ---- */

static enum field_effect effect_of(const struct overlay_edit *edit, uint16_t number)
{
        for (size_t i = 0; i < edit->effect_count; i++)
                if (edit->effects[i].field == number)
                        return edit->effects[i].effect;
        return EFFECT_APPLIED;
}

/* The store has spoken: what became of the field is known. */
static struct decision by_receipt(const struct overlay_edit *edit, uint16_t number)
{
        switch (effect_of(edit, number)) {
        case EFFECT_SUPERSEDED:
                return (struct decision){WAY_NOWHERE, FIELD_CONFIRMED};
        case EFFECT_HELD:
        case EFFECT_LATE:
                return (struct decision){WAY_BESIDE, FIELD_HELD};
        case EFFECT_PROPOSED:
                return (struct decision){WAY_BESIDE, FIELD_PROPOSED};
        case EFFECT_APPLIED:
        case EFFECT_UNCHANGED:
        case EFFECT_MAX:
                break;
        }
        return (struct decision){WAY_IN_PLACE, FIELD_ANSWERED};
}

static bool is_raise(const struct catalogue_field *field, const struct value *standing,
                     const struct value *value)
{
        int from, to;

        if (field->raise == RAISE_NONE || value->form != VALUE_INTEGER)
                return false;
        from = standing->form == VALUE_INTEGER ? catalogue_order_rank(field, standing->integer)
                                               : -1;
        to = catalogue_order_rank(field, value->integer);
        return to >= 0 && to > from;
}

static bool waits_for_decision(const struct catalogue_field *field, const struct value *standing,
                               const struct value *value, bool stale)
{
        int64_t from = standing->form == VALUE_INTEGER ? standing->integer : 0;

        if (value_equal(standing, value) || is_raise(field, standing, value))
                return false;
        switch (field->rule) {
        case RULE_PROPOSE:
                return value->form != VALUE_INTEGER ||
                       !catalogue_has_option(field->always, field->always_count, value->integer);
        case RULE_STATE:
                return value->form == VALUE_INTEGER &&
                       !catalogue_transition_find(field, from, value->integer);
        case RULE_REVIEW:
                return stale;
        case RULE_FIXED:
        case RULE_LATEST:
        case RULE_STORE:
                break;
        }
        return false;
}

static struct decision foretell(const struct overlay_edit *edit,
                                const struct catalogue_field *field, const struct value *standing,
                                const struct value *value, size_t index)
{
        enum engine_field_state waiting =
                edit->state == OUTCOME_PARKED ? FIELD_PARKED : FIELD_WAITING;
        bool stale = (edit->stale >> index & 1) != 0;

        switch (edit->body.operation) {
        case ENTRY_CREATE:
                if (value->form == VALUE_INTEGER &&
                    catalogue_has_option(field->proposed, field->proposed_count, value->integer))
                        return (struct decision){WAY_BESIDE, FIELD_PROPOSED};
                break;
        case ENTRY_EDIT:
                if (waits_for_decision(field, standing, value, stale))
                        return (struct decision){
                                WAY_BESIDE, field->rule == RULE_PROPOSE ? FIELD_PROPOSED : waiting};
                break;
        case ENTRY_DECIDE:
                break; /* a decision is shown as made, and as waiting */
        }
        return (struct decision){WAY_IN_PLACE, waiting};
}

static struct decision decide(const struct overlay_edit *edit, const struct catalogue_field *field,
                              const struct value *standing, const struct value *value, size_t index)
{
        if (!overlay_is_active(edit))
                return (struct decision){WAY_BESIDE, FIELD_QUARANTINED};
        if (is_settled(edit))
                return by_receipt(edit, field->number);
        return foretell(edit, field, standing, value, index);
}

/* ---- applying ---- */

struct change_plan {
        int index; /* of the field; < 0: not known here */
        struct decision decision;
};

/* A whole value for the screen: a set's or map's change becomes what it makes of the standing value. */
static int whole_value(const struct overlay_edit *edit, const struct catalogue_field *field,
                       const struct value *standing, const struct value *change,
                       struct arena *arena, struct value *ret)
{
        if (edit->body.operation == ENTRY_EDIT && change->form == VALUE_PACKED)
                return value_apply_change(field, standing, change, arena, ret);
        *ret = *change;
        if (ret->form == VALUE_NULL)
                ret->form = VALUE_UNSET;
        return 0;
}

/* One field of a group that must wait takes the whole group with it. */
static void level_groups(const struct catalogue_type *type, struct change_plan *plans, size_t count)
{
        for (size_t i = 0; i < count; i++) {
                const struct catalogue_field *field;

                if (plans[i].index < 0 || plans[i].decision.way != WAY_BESIDE)
                        continue;
                field = &type->fields[plans[i].index];
                for (size_t j = 0; field->group && j < count; j++)
                        if (plans[j].index >= 0 &&
                            type->fields[plans[j].index].group == field->group)
                                plans[j].decision = plans[i].decision;
        }
}

static int show_change(const struct overlay_edit *edit, const struct change_plan *plan,
                       const struct value *value, struct arena *arena, struct overlay *overlay)
{
        size_t i = (size_t)plan->index;
        const struct catalogue_field *field = &overlay->record.type->fields[i];
        struct value whole;
        int r;

        if (plan->decision.way == WAY_NOWHERE)
                return 0;
        r = whole_value(edit, field, &overlay->record.values[i], value, arena, &whole);
        if (r < 0)
                return r;
        if (plan->decision.way == WAY_IN_PLACE) {
                overlay->record.values[i] = whole;
                overlay->beside[i] = (struct value){.form = VALUE_UNSET};
        } else {
                overlay->beside[i] = whole;
                /* what is refused must not hide that a later edit of the same field waits */
                if (plan->decision.state == FIELD_QUARANTINED &&
                    overlay->states[i] != FIELD_CONFIRMED)
                        return 0;
        }
        overlay->states[i] = plan->decision.state;
        overlay->pending = true;
        return 0;
}

static int apply_edit(const struct overlay_edit *edit, struct arena *arena, struct overlay *overlay)
{
        const struct catalogue_type *type = overlay->record.type;
        struct change_plan plans[FIELD_COUNT_MAX];
        size_t count = edit->body.change_count;
        int r = 0;

        if (count > FIELD_COUNT_MAX)
                count = FIELD_COUNT_MAX; /* more are of a newer catalogue: nothing here can show them */
        for (size_t i = 0; i < count; i++) {
                const struct entry_change *change = &edit->body.changes[i];

                plans[i].index = catalogue_field_index(type, change->number);
                if (plans[i].index >= 0)
                        plans[i].decision = decide(edit, &type->fields[plans[i].index],
                                                   &overlay->record.values[plans[i].index],
                                                   &change->value, (size_t)plans[i].index);
        }
        level_groups(type, plans, count);
        for (size_t i = 0; i < count && r == 0; i++)
                if (plans[i].index >= 0)
                        r = show_change(edit, &plans[i], &edit->body.changes[i].value, arena,
                                        overlay);
        return r;
}

static void begin_record(const struct overlay_edit *edit, const struct catalogue_type *type,
                         struct record *ret)
{
        *ret = (struct record){
                .type = type,
                .id = edit->body.record,
                .person = edit->body.person,
                .locality = edit->body.base_locality,
                .author = edit->body.author,
                .device = edit->device,
                .role = edit->body.role,
                .recorded_ms = edit->body.recorded_ms,
        };
        for (size_t i = 0; i < type->field_count; i++)
                if (type->fields[i].rule == RULE_STATE && type->fields[i].initial)
                        ret->values[i] = (struct value){.form = VALUE_INTEGER,
                                                        .integer = type->fields[i].initial};
}

int overlay_build(const struct catalogue_type *type, const struct record *confirmed,
                  const struct overlay_edit *edits, size_t count, struct arena *arena,
                  struct overlay *ret)
{
        int r;

        memset(ret, 0, sizeof(*ret));
        if (confirmed) {
                ret->record = *confirmed;
                ret->exists = true;
        }
        for (size_t i = 0; i < count; i++) {
                bool create = edits[i].body.operation == ENTRY_CREATE;

                if (create && confirmed)
                        continue; /* it is in the confirmed state already */
                if (create && !ret->exists && overlay_is_active(&edits[i])) {
                        begin_record(&edits[i], type, &ret->record);
                        ret->exists = true;
                }
                if (!ret->exists)
                        continue; /* what it builds on was refused */
                r = apply_edit(&edits[i], arena, ret);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* ---- what others changed ---- */

static bool own_change(const struct overlay_edit *edits, size_t count, uint16_t number,
                       const struct value *value)
{
        for (size_t i = 0; i < count; i++)
                for (size_t j = 0; j < edits[i].body.change_count; j++) {
                        const struct entry_change *change = &edits[i].body.changes[j];

                        if (change->number != number)
                                continue;
                        /* a set merges by element: whoever edited it here meets no concurrent value */
                        if (change->value.form == VALUE_PACKED ||
                            value_equal(&change->value, value))
                                return true;
                }
        return false;
}

uint64_t overlay_stale(const struct record *before, const struct record *after,
                       const struct overlay_edit *edits, size_t count, size_t index)
{
        const struct catalogue_type *type = after->type;
        const struct overlay_edit *edit = &edits[index];
        uint64_t stale = 0, grouped = 0;

        if (!before && edit->body.base.position >= after->position && edit->body.base.epoch >= 1 &&
            uuid_equal(&edit->body.base_locality, &after->locality))
                return 0; /* it was written on top of this very state */
        for (size_t i = 0; i < type->field_count; i++) {
                if (before && value_equal(&before->values[i], &after->values[i]))
                        continue;
                if (!own_change(edits, count, type->fields[i].number, &after->values[i]))
                        stale |= (uint64_t)1 << i;
        }
        for (size_t i = 0; i < type->field_count; i++)
                for (size_t j = 0; j < type->field_count; j++)
                        if ((stale >> i & 1) && type->fields[i].group &&
                            type->fields[i].group == type->fields[j].group)
                                grouped |= (uint64_t)1 << j;
        return stale | grouped;
}

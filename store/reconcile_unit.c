#include "store/reconcile_unit.h"

#include "common/error.h"

static void note_effect(struct reconcile_result *result, uint16_t field, enum field_effect effect)
{
        if (effect == EFFECT_APPLIED)
                return;
        result->effects[result->effect_count++] =
                (struct wire_effect){.field = field, .effect = effect};
        if (effect == EFFECT_SUPERSEDED)
                result->outcome = reconcile_worst(result->outcome, OUTCOME_MERGED);
        else if (effect != EFFECT_UNCHANGED)
                result->outcome = reconcile_worst(result->outcome, OUTCOME_HELD);
}

static void refuse(struct reconcile_result *result, uint16_t reason)
{
        result->outcome = OUTCOME_QUARANTINED;
        result->reason = reason;
}

int reconcile_set_value(struct reconcile_work *work, int16_t index, const struct value *value)
{
        const struct catalogue_field *field = &work->type->fields[index];
        struct value *standing = &work->result->record.values[index];
        struct value next = *value;
        int r = 0;

        /* What a whole unit decides about a set or map still comes as a change of it. */
        if (reconcile_is_packed(field) && work->input->standing && next.form == VALUE_PACKED)
                r = value_apply_change(field, standing, value, work->arena, &next);
        if (r < 0)
                return r;
        if (next.form == VALUE_NULL)
                next = (struct value){.form = VALUE_UNSET};
        if (!value_equal(standing, &next)) {
                work->result->changed = true;
                work->result->field_changed[index] = true;
        }
        *standing = next;
        if (!reconcile_has_stamps(work->type))
                return 0;
        work->result->stamped = true;
        r = stamps_set(&work->result->stamps, field->number, BYTES_NONE, &work->input->stamp);
        return r < 0 || !reconcile_is_packed(field)
                       ? r
                       : reconcile_stamp_elements(work, field, standing);
}

static int hold_unit(struct reconcile_work *work, const struct reconcile_unit *unit, uint16_t kind)
{
        struct reconcile_held *held = &work->result->held[work->result->held_count];
        struct entry_change *changes =
                arena_alloc(work->arena, unit->count * sizeof(*held->changes));
        enum field_effect effect =
                kind == catalogue_bind()->conflict.kind_proposal ? EFFECT_PROPOSED : EFFECT_HELD;

        if (!changes)
                return FAIL(PANNIER_E_MEMORY, "a held value");
        if (work->input->late && work->input->standing)
                effect = EFFECT_LATE;
        for (size_t i = 0; i < unit->count; i++)
                changes[i] = *unit->changes[i];
        *held = (struct reconcile_held){unit->key, kind, unit->open, changes, unit->count};
        work->result->held_count++;
        for (size_t i = 0; i < unit->count; i++) {
                const struct catalogue_field *field = &work->type->fields[unit->indexes[i]];
                const struct value *value = &unit->changes[i]->value;
                int r;

                if (!work->input->standing ||
                    !reconcile_is_raise(field, &work->input->standing->values[unit->indexes[i]],
                                        value)) {
                        note_effect(work->result, field->number, effect);
                        continue;
                }
                /* The worse value shows at once, although the rest of its group waits. */
                r = reconcile_set_value(work, unit->indexes[i], value);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* `latest` must remember who said the same last, or the order of arrival would decide between three edits. */
static int restamp(struct reconcile_work *work, const struct reconcile_unit *unit)
{
        for (size_t i = 0; i < unit->count; i++) {
                uint16_t number = unit->changes[i]->number;
                const struct stamp *stamp = stamps_find(&work->result->stamps, number, BYTES_NONE);
                int r;

                if (stamp && reconcile_is_newer(work->input, stamp) &&
                    stamps_compare(&work->input->stamp, stamp) < 0)
                        continue;
                work->result->stamped = true;
                r = stamps_set(&work->result->stamps, number, BYTES_NONE, &work->input->stamp);
                if (r < 0)
                        return r;
        }
        return 0;
}

int reconcile_carry_out(struct reconcile_work *work, const struct reconcile_unit *unit,
                        const struct judgement *judgement)
{
        enum field_effect effect = EFFECT_APPLIED;
        int r = 0;

        switch (judgement->verdict) {
        case VERDICT_QUARANTINE:
                refuse(work->result, judgement->reason);
                return 0;
        case VERDICT_HOLD:
                return hold_unit(work, unit, judgement->kind);
        case VERDICT_APPLY:
                for (size_t i = 0; i < unit->count && r >= 0; i++)
                        r = reconcile_set_value(work, unit->indexes[i], &unit->changes[i]->value);
                break;
        case VERDICT_UNCHANGED:
                effect = EFFECT_UNCHANGED;
                r = unit->rule == RULE_LATEST ? restamp(work, unit) : 0;
                break;
        case VERDICT_SUPERSEDED:
                effect = EFFECT_SUPERSEDED;
                break;
        }
        for (size_t i = 0; i < unit->count && r >= 0; i++)
                note_effect(work->result, unit->changes[i]->number, effect);
        return r;
}

/* Sets and maps under `latest` and `review` merge by element and key; nobody has to decide about them. */
static int merge_packed(struct reconcile_work *work, const struct reconcile_unit *unit)
{
        int16_t index = unit->indexes[0];
        enum field_effect effect;
        int r;

        if (unit->field->kind == KIND_SET)
                r = reconcile_merge_set(work, index, unit->changes[0], &effect);
        else
                r = reconcile_merge_map(work, index, unit->changes[0], &effect);
        if (r >= 0)
                note_effect(work->result, unit->field->number, effect);
        return r;
}

static bool merges(const struct reconcile_work *work, const struct reconcile_unit *unit)
{
        if (!reconcile_is_packed(unit->field) || unit->count > 1)
                return false;
        if (work->input->by_store)
                return true;
        if (work->input->late)
                return false;
        if (unit->rule == RULE_REVIEW && unit->field->kind == KIND_MAP)
                return !unit->open &&
                       !reconcile_map_concurrent(work, unit->indexes[0], unit->changes[0]);
        return unit->rule == RULE_LATEST || unit->rule == RULE_REVIEW;
}

int reconcile_edit_unit(struct reconcile_work *work, const struct reconcile_unit *unit)
{
        struct judgement judgement;

        if (merges(work, unit))
                return merge_packed(work, unit);
        judgement = reconcile_judge_unit(work, unit);
        /* A map of rule `review` that came here is in dispute already. */
        if (unit->field->kind == KIND_MAP && judgement.verdict == VERDICT_APPLY &&
            unit->rule == RULE_REVIEW)
                judgement = (struct judgement){
                        .verdict = VERDICT_HOLD,
                        .kind = catalogue_bind()->conflict.kind_concurrent,
                };
        return reconcile_carry_out(work, unit, &judgement);
}

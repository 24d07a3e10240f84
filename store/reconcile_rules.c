/*
 * The six field rules, each a function of the unit alone. What they share comes first: an equal value changes
 * nothing, a step up an order takes effect at once, an open conflict takes in further values.
 */
#include "store/reconcile_unit.h"

#include "common/plant.h"

#include <stdlib.h>

static int compare_ids(const void *a, const void *b)
{
        return uuid_compare(a, b);
}

bool reconcile_in_chain(const struct reconcile_input *input, const struct uuid *entry)
{
        return input->chain_count && bsearch(entry, input->chain, input->chain_count,
                                             sizeof(*input->chain), compare_ids) != NULL;
}

bool reconcile_is_newer(const struct reconcile_input *input, const struct stamp *stamp)
{
        return stamp && stamp->position > input->base && !reconcile_in_chain(input, &stamp->entry);
}

static struct judgement apply(void)
{
        return (struct judgement){.verdict = VERDICT_APPLY};
}

static struct judgement quarantine(uint16_t reason)
{
        return (struct judgement){.verdict = VERDICT_QUARANTINE, .reason = reason};
}

static struct judgement hold(const struct reconcile_unit *unit, uint16_t kind)
{
        uint16_t joined = unit->open ? (uint16_t)unit->open->kind : kind;

        return (struct judgement){.verdict = VERDICT_HOLD, .kind = joined};
}

static const struct value *standing_value(const struct reconcile_work *work, size_t index)
{
        return &work->input->standing->values[index];
}

static bool differs(const struct reconcile_work *work, const struct reconcile_unit *unit)
{
        for (size_t i = 0; i < unit->count; i++)
                if (reconcile_is_packed(&work->type->fields[unit->indexes[i]]) ||
                    !value_equal(&unit->changes[i]->value,
                                 standing_value(work, (size_t)unit->indexes[i])))
                        return true;
        return false;
}

static bool mentions(const struct reconcile_unit *unit, uint16_t field)
{
        for (size_t i = 0; i < unit->count; i++)
                if (unit->changes[i]->number == field)
                        return true;
        return false;
}

/*
 * The newest thing that somebody else did to a field of the unit since the base; NULL: nothing. With @others, only
 * to fields that the entry does not mention.
 */
static const struct stamp *newer_stamp(const struct reconcile_work *work,
                                       const struct reconcile_unit *unit, bool others)
{
        const struct stamp *newest = NULL;

        for (uint16_t i = 0; i < work->type->field_count; i++) {
                const struct catalogue_field *field = &work->type->fields[i];
                const struct stamp *stamp;

                if (reconcile_key(field) != unit->key || (others && mentions(unit, field->number)))
                        continue;
                stamp = stamps_find(work->input->stamps, field->number, BYTES_NONE);
                if (reconcile_is_newer(work->input, stamp) &&
                    (!newest || stamps_compare(newest, stamp) < 0))
                        newest = stamp;
        }
        return newest;
}

/* Does what stands in the unit come from the chain that this entry continues? Then it is the author's own value. */
static bool continues_standing(const struct reconcile_work *work, const struct reconcile_unit *unit)
{
        for (size_t i = 0; i < unit->count; i++) {
                const struct catalogue_field *field = &work->type->fields[unit->indexes[i]];
                const struct stamp *stamp =
                        stamps_find(work->input->stamps, field->number, BYTES_NONE);

                if (stamp && reconcile_in_chain(work->input, &stamp->entry))
                        return true;
        }
        return false;
}

/* An open conflict takes in every further value, but not one that only replaces the author's own standing one. */
static bool joins_open(const struct reconcile_work *work, const struct reconcile_unit *unit)
{
        return unit->open && !(continues_standing(work, unit) && !newer_stamp(work, unit, false));
}

bool reconcile_is_raise(const struct catalogue_field *field, const struct value *standing,
                        const struct value *value)
{
        int from, to;

        if (field->raise == RAISE_NONE || value->form != VALUE_INTEGER)
                return false;
        to = catalogue_order_rank(field, value->integer);
        from = standing->form == VALUE_INTEGER ? catalogue_order_rank(field, standing->integer)
                                               : -1;
        return to > from;
}

static bool is_lowering(const struct catalogue_field *field, const struct value *standing,
                        const struct value *value)
{
        int from, to;

        if (standing->form != VALUE_INTEGER || value->form != VALUE_INTEGER)
                return false;
        from = catalogue_order_rank(field, standing->integer);
        to = catalogue_order_rank(field, value->integer);
        return to >= 0 && to < from;
}

/* Down an order that only goes up: late news where somebody raised it meanwhile, otherwise refused. */
static struct judgement judge_downward(const struct reconcile_work *work,
                                       const struct reconcile_unit *unit)
{
        if (newer_stamp(work, unit, false))
                return (struct judgement){.verdict = VERDICT_SUPERSEDED};
        return quarantine(REASON_DOWNWARD);
}

static struct judgement judge_latest(const struct reconcile_work *work,
                                     const struct reconcile_unit *unit)
{
        const struct stamp *newer = newer_stamp(work, unit, false);

        if (joins_open(work, unit))
                return hold(unit, catalogue_bind()->conflict.kind_concurrent);
        if (!newer)
                return apply();
        if (stamps_compare(&work->input->stamp, newer) < 0)
                return (struct judgement){.verdict = VERDICT_SUPERSEDED};
        /* Half a group on top of what somebody else wrote would make a whole that nobody wrote. */
        if (newer_stamp(work, unit, true))
                return hold(unit, catalogue_bind()->conflict.kind_concurrent);
        return apply();
}

static struct judgement judge_review(const struct reconcile_work *work,
                                     const struct reconcile_unit *unit)
{
        if (SIM_PLANT(LAST_WRITER_WINS))
                return apply();
        if (joins_open(work, unit) || newer_stamp(work, unit, false))
                return hold(unit, catalogue_bind()->conflict.kind_concurrent);
        return apply();
}

static struct judgement judge_propose(const struct reconcile_work *work,
                                      const struct reconcile_unit *unit)
{
        const struct value *value = &unit->changes[0]->value;

        (void)work;
        if (unit->count == 1 && value->form == VALUE_INTEGER &&
            catalogue_has_option(unit->field->always, unit->field->always_count, value->integer))
                return apply();
        return hold(unit, catalogue_bind()->conflict.kind_proposal);
}

static struct judgement judge_state(const struct reconcile_work *work,
                                    const struct reconcile_unit *unit)
{
        const struct value *standing = standing_value(work, (size_t)unit->indexes[0]);
        const struct value *value = &unit->changes[0]->value;
        const struct catalogue_transition *move = NULL;

        if (standing->form == VALUE_INTEGER && value->form == VALUE_INTEGER)
                move = catalogue_transition_find(unit->field, standing->integer, value->integer);
        if (move && !catalogue_role_allows(move->roles, work->input->body->role))
                return quarantine(REASON_ROLE);
        if (move && move->reason && work->input->body->reason.size == 0)
                return quarantine(REASON_REASON);
        if (!move || joins_open(work, unit))
                return hold(unit, catalogue_bind()->conflict.kind_transition);
        return apply();
}

/* What the rule alone says. */
static struct judgement judge_by_rule(const struct reconcile_work *work,
                                      const struct reconcile_unit *unit)
{
        switch (unit->rule) {
        case RULE_LATEST:
                return judge_latest(work, unit);
        case RULE_REVIEW:
                return judge_review(work, unit);
        case RULE_PROPOSE:
                return judge_propose(work, unit);
        case RULE_STATE:
                return judge_state(work, unit);
        case RULE_FIXED:
        case RULE_STORE:
                break;
        }
        return quarantine(REASON_CATALOGUE);
}

/* Nothing that its author no longer has is changed without somebody who does: only a refusal stands. */
static struct judgement judge_late(const struct reconcile_work *work,
                                   const struct reconcile_unit *unit)
{
        struct judgement judgement = judge_by_rule(work, unit);

        if (judgement.verdict == VERDICT_QUARANTINE || judgement.verdict == VERDICT_HOLD)
                return judgement;
        return hold(unit, unit->rule == RULE_STATE ? catalogue_bind()->conflict.kind_transition
                                                   : catalogue_bind()->conflict.kind_concurrent);
}

struct judgement reconcile_judge_unit(const struct reconcile_work *work,
                                      const struct reconcile_unit *unit)
{
        const struct catalogue_field *field = unit->field;
        bool same = !differs(work, unit);

        if (work->input->by_store)
                return same ? (struct judgement){.verdict = VERDICT_UNCHANGED} : apply();
        if (unit->rule == RULE_FIXED)
                return quarantine(REASON_FIXED);
        if (unit->rule == RULE_STORE)
                return quarantine(REASON_STORE_FIELD);
        if (same && !(unit->open && unit->rule != RULE_STATE && unit->rule != RULE_PROPOSE))
                return (struct judgement){.verdict = VERDICT_UNCHANGED};
        if (unit->count == 1 && field->raise != RAISE_NONE && !same) {
                const struct value *standing = standing_value(work, (size_t)unit->indexes[0]);
                const struct value *value = &unit->changes[0]->value;

                if (reconcile_is_raise(field, standing, value))
                        return apply();
                if (field->raise == RAISE_ONLY && is_lowering(field, standing, value))
                        return judge_downward(work, unit);
        }
        return work->input->late ? judge_late(work, unit) : judge_by_rule(work, unit);
}

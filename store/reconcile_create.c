#include "store/reconcile_unit.h"

static struct judgement judge_first_state(const struct reconcile_work *work,
                                          const struct catalogue_field *field, int64_t option)
{
        const struct catalogue_transition *start = catalogue_transition_find(field, 0, option);

        if (!start && option != field->initial)
                return (struct judgement){VERDICT_HOLD, catalogue_bind()->conflict.kind_transition,
                                          0};
        if (start && !catalogue_role_allows(start->roles, work->input->body->role))
                return (struct judgement){VERDICT_QUARANTINE, 0, REASON_ROLE};
        if (start && start->reason && work->input->body->reason.size == 0)
                return (struct judgement){VERDICT_QUARANTINE, 0, REASON_REASON};
        return (struct judgement){.verdict = VERDICT_APPLY};
}

/* Values at creation take effect, but for options that even a creation only proposes, and states to begin in. */
static struct judgement judge_first(const struct reconcile_work *work,
                                    const struct catalogue_field *field, const struct value *value)
{
        if (work->input->by_store || value->form == VALUE_NULL)
                return (struct judgement){.verdict = VERDICT_APPLY};
        if (field->rule == RULE_STORE && !work->type->store_only)
                return (struct judgement){VERDICT_QUARANTINE, 0, REASON_STORE_FIELD};
        if (value->form == VALUE_INTEGER &&
            catalogue_has_option(field->proposed, field->proposed_count, value->integer))
                return (struct judgement){VERDICT_HOLD, catalogue_bind()->conflict.kind_proposal,
                                          0};
        if (field->rule == RULE_STATE && value->form == VALUE_INTEGER)
                return judge_first_state(work, field, value->integer);
        return (struct judgement){.verdict = VERDICT_APPLY};
}

static int set_initial_states(struct reconcile_work *work)
{
        for (uint16_t i = 0; i < work->type->field_count; i++) {
                const struct catalogue_field *field = &work->type->fields[i];
                struct value initial = {.form = VALUE_INTEGER, .integer = field->initial};
                int r;

                if (!field->initial || work->result->record.values[i].form != VALUE_UNSET)
                        continue;
                r = reconcile_set_value(work, (int16_t)i, &initial);
                if (r < 0)
                        return r;
        }
        return 0;
}

int reconcile_create(struct reconcile_work *work)
{
        const struct entry_body *body = work->input->body;
        int r;

        for (size_t i = 0; i < body->change_count; i++) {
                int index = catalogue_field_index(work->type, body->changes[i].number);
                struct reconcile_unit unit = {.count = 1, .changes = {&body->changes[i]}};
                struct judgement judgement;

                if (index < 0)
                        continue;
                unit.indexes[0] = (int16_t)index;
                unit.field = &work->type->fields[index];
                unit.rule = unit.field->rule;
                unit.key = reconcile_key(unit.field);
                judgement = judge_first(work, unit.field, &body->changes[i].value);
                r = reconcile_carry_out(work, &unit, &judgement);
                if (r < 0 || work->result->outcome == OUTCOME_QUARANTINED)
                        return r;
        }
        work->result->changed = true;
        return set_initial_states(work);
}

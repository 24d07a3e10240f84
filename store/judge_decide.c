/*
 * A decision closes the values that were named as seen, and brings the chosen one to the record. A value that came later stays
 * open. A second, different decision is itself a value that needs a decision.
 */
#include "store/judge_inside.h"

#include "common/error.h"
#include "store/membership.h"

#include <string.h>

struct decision {
        struct conflict conflict;
        struct conflict_decision wanted;
        struct record record; /* that the conflict is about */
        struct stamps stamps;
        uint64_t old_position;
};

static const struct entry_change *decision_change(const struct judge_case *c)
{
        int16_t index = catalogue_bind()->conflict.decision;

        if (c->body.change_count != 1 ||
            c->body.changes[0].number != c->type->fields[index].number ||
            c->body.changes[0].value.form != VALUE_BYTES)
                return NULL;
        return &c->body.changes[0];
}

static bool is_known(const struct conflict *conflict, const struct uuid *id)
{
        return uuid_equal(&conflict->id, id) || conflict_value_find(conflict, id) != NULL;
}

static bool is_seen(const struct conflict_decision *wanted, const struct uuid *id)
{
        for (size_t i = 0; i < wanted->seen_count; i++)
                if (uuid_equal(&wanted->seen[i], id))
                        return true;
        return false;
}

/* Reads what is to be decided; a reason where the entry makes no sense for it. */
static int read_decision(struct judge *judge, struct judge_case *c, struct decision *ret,
                         uint16_t *ret_reason)
{
        const struct entry_change *change = decision_change(c);
        int r;

        *ret_reason = REASON_MALFORMED;
        if (!change)
                return 0;
        r = conflict_decision_read(change->value.bytes, &judge->arena, &ret->wanted);
        if (r == PANNIER_E_MEMORY)
                return r;
        if (r < 0)
                return 0;
        r = conflict_read(&c->standing, &judge->arena, &ret->conflict);
        if (r < 0)
                return r;
        if (!ret->conflict.type) {
                *ret_reason = REASON_CATALOGUE;
                return 0;
        }
        if (!catalogue_role_allows(ret->conflict.type->decide_roles, c->body.role)) {
                *ret_reason = REASON_ROLE;
                return 0;
        }
        for (size_t i = 0; i < ret->wanted.seen_count; i++)
                if (!conflict_value_find(&ret->conflict, &ret->wanted.seen[i]))
                        return 0;
        if (!is_known(&ret->conflict, &ret->wanted.chosen) ||
            (!uuid_equal(&ret->wanted.chosen, &ret->conflict.id) &&
             !is_seen(&ret->wanted, &ret->wanted.chosen)))
                return 0;
        *ret_reason = REASON_NONE;
        return 0;
}

/* What was chosen before among the values that this decision names; the conflict's own id: what stood. */
static bool was_decided(const struct decision *decision, struct uuid *ret_chosen)
{
        const struct conflict *conflict = &decision->conflict;
        bool closed = false;

        *ret_chosen = conflict->id;
        for (size_t i = 0; i < conflict->other_count; i++) {
                const struct conflict_value *value = &conflict->others[i];

                if (value->state == CONFLICT_CHOSEN)
                        *ret_chosen = value->id;
                if (is_seen(&decision->wanted, &value->id))
                        closed = closed || value->state == CONFLICT_REFUSED ||
                                 value->state == CONFLICT_CHOSEN;
        }
        return closed || (conflict->decided && decision->wanted.seen_count == 0);
}

static void close_values(struct decision *decision)
{
        for (size_t i = 0; i < decision->conflict.other_count; i++) {
                struct conflict_value *value = &decision->conflict.others[i];

                if (!is_seen(&decision->wanted, &value->id))
                        continue;
                if (uuid_equal(&value->id, &decision->wanted.chosen))
                        value->state = CONFLICT_CHOSEN;
                else if (value->state == CONFLICT_OPEN)
                        value->state = CONFLICT_REFUSED;
        }
        decision->conflict.decided = conflict_open_count(&decision->conflict) == 0;
}

/* The whole value that a change makes of what stands. */
static int whole_value(struct judge *judge, const struct record *record, int index,
                       const struct value *change, struct value *ret)
{
        const struct catalogue_field *field = &record->type->fields[index];

        *ret = *change;
        if (change->form != VALUE_PACKED)
                return 0;
        return value_apply_change(field, &record->values[index], change, &judge->arena, ret);
}

/* The record takes on the chosen value: an entry of the store, since it edits another record than the decision. */
static int apply_chosen(struct judge *judge, struct judge_case *c, struct decision *decision)
{
        const struct conflict *conflict = &decision->conflict;
        const struct conflict_value *chosen =
                conflict_value_find(conflict, &decision->wanted.chosen);
        struct judge_change change = {
                .locality = c->locality,
                .type = conflict->type,
                .entry = judge_derived(c, "decided", 0, &conflict->record),
                .record = conflict->record,
                .person = conflict->person,
                .reason = bytes_text("decided"),
        };
        struct entry_change *changes;

        if (!chosen || !conflict->field_count || conflict->type->append)
                return 0;
        changes = arena_alloc(&judge->arena, (chosen->change_count + 1) * sizeof(*changes));
        if (!changes)
                return FAIL(PANNIER_E_MEMORY, "a chosen value");
        for (size_t i = 0; i < chosen->change_count; i++) {
                int index = catalogue_field_index(conflict->type, chosen->changes[i].number);
                int r;

                if (index < 0)
                        continue;
                changes[change.change_count].number = chosen->changes[i].number;
                r = whole_value(judge, &decision->record, index, &chosen->changes[i].value,
                                &changes[change.change_count].value);
                if (r < 0)
                        return r;
                change.change_count++;
        }
        change.changes = changes;
        return judge_store(judge, c, &change);
}

/* A second, different decision: what it chose is a further value, and the conflict is open again. */
static int reopen(struct judge *judge, struct judge_case *c, struct decision *decision)
{
        struct conflict *conflict = &decision->conflict;
        const struct conflict_value *chosen =
                conflict_value_find(conflict, &decision->wanted.chosen);
        struct conflict_value value = {
                .id = c->entry->header->id,
                .author = c->body.author,
                .role = c->body.role,
                .recorded_ms = c->body.recorded_ms,
                .changes = chosen ? chosen->changes : conflict->standing,
                .change_count = chosen ? chosen->change_count : conflict->standing_count,
        };

        if (conflict_value_find(conflict, &value.id))
                return 0;
        conflict->decided = false;
        return judge_add_value(judge, conflict, &value);
}

/* The row by which entries find an open conflict: one per conflict, under the unit that it is about. */
static int keep_open_row(struct judge *judge, const struct judge_case *c,
                         const struct conflict *conflict)
{
        struct open_conflict row = {
                .locality = *c->locality,
                .record = conflict->record,
                .conflict = conflict->id,
        };
        int index = conflict->field_count
                            ? catalogue_field_index(conflict->type, conflict->fields[0])
                            : -1;

        if (conflict->decided)
                return judge->ops->conflict_close(judge->storage, c->locality, &conflict->id);
        if (index >= 0)
                row.key = reconcile_key(&conflict->type->fields[index]);
        return judge->ops->conflict_open(judge->storage, &row);
}

/* The conflict's own record: the decision as it came, before the store brings the rest of it up to date. */
static int write_decision(struct judge *judge, struct judge_case *c)
{
        struct record record = c->standing;
        const struct catalogue_bind *bind = catalogue_bind();
        int r;

        record.values[bind->conflict.decision] = c->body.changes[0].value;
        record.position = c->position;
        r = judge_write_record(judge, &record, NULL);
        return r < 0 ? r : membership_publish(judge->storage, &record, c->standing.position);
}

static int finish(struct judge *judge, struct judge_case *c, struct decision *decision, bool held)
{
        struct reconcile_result *result = c->result;
        const struct wire_effect effect = {.field = c->body.changes[0].number,
                                           .effect = c->late ? EFFECT_LATE : EFFECT_HELD};
        struct stamps unused;
        int r;

        result->outcome = c->late ? OUTCOME_LATE : held ? OUTCOME_HELD : OUTCOME_APPLIED;
        if (held)
                c->conflicts[c->conflict_count++] = decision->conflict.id;
        r = held ? 0 : write_decision(judge, c);
        if (r >= 0)
                r = judge_write_log(judge, c, result->outcome, REASON_NONE, &effect, held ? 1 : 0);
        if (r >= 0 && !held)
                r = apply_chosen(judge, c, decision);
        if (r >= 0 && decision->conflict.field_count)
                r = judge_standing(judge, c->locality, decision->conflict.type,
                                   &decision->conflict.record, &decision->record, &unused);
        if (r > 0)
                r = judge_refresh_conflict(judge, &decision->conflict, &decision->record);
        if (r >= 0)
                r = judge_conflict_put(judge, c, &decision->conflict, "a decision");
        return r < 0 ? r : keep_open_row(judge, c, &decision->conflict);
}

/* Somebody who no longer has the person decided what has been decided in the same way since: there is nothing to do. */
static int write_late_repeat(struct judge *judge, struct judge_case *c)
{
        const struct wire_effect effect = {.field = c->body.changes[0].number,
                                           .effect = EFFECT_UNCHANGED};

        c->result->outcome = OUTCOME_LATE;
        return judge_write_log(judge, c, OUTCOME_LATE, REASON_NONE, &effect, 1);
}

int judge_decide(struct judge *judge, struct judge_case *c, bool *ret_refused)
{
        struct decision decision = {0};
        struct uuid before;
        uint16_t reason;
        bool held = false, decided;
        int r;

        *ret_refused = false;
        c->result = arena_alloc(&judge->arena, sizeof(*c->result));
        if (!c->result)
                return FAIL(PANNIER_E_MEMORY, "a result");
        r = read_decision(judge, c, &decision, &reason);
        if (r < 0)
                return r;
        if (reason != REASON_NONE) {
                c->result->reason = reason;
                *ret_refused = true;
                return 0;
        }
        r = judge_standing(judge, c->locality, decision.conflict.type, &decision.conflict.record,
                           &decision.record, &decision.stamps);
        if (r <= 0)
                return r < 0 ? r : FAIL(PANNIER_E_CORRUPT, "a conflict about no record");
        decided = was_decided(&decision, &before);
        if (decided && c->late && uuid_equal(&before, &decision.wanted.chosen))
                return write_late_repeat(judge, c);
        if (c->late || (decided && !uuid_equal(&before, &decision.wanted.chosen))) {
                held = true;
                r = reopen(judge, c, &decision);
        } else {
                close_values(&decision);
        }
        if (r >= 0)
                r = finish(judge, c, &decision, held);
        if (r >= 0 && !held)
                r = judge_follow_decision(judge, c, decision.conflict.type,
                                          &decision.conflict.record);
        return r;
}

/*
 * A quarantined entry written anew, rightly: type, record, person and what was written are taken from the old entry, what the author sets
 * now takes its place. The new entry names the old one, which stays as it is. It keeps the record's id, so that what
 * builds on a refused creation finds its ground.
 */
#include "daemon/plan.h"

#include "common/catalogue_check.h"

static const char *state_name(enum entry_outcome state)
{
        switch (state) {
        case OUTCOME_NONE:
                return "it still waits";
        case OUTCOME_PARKED:
                return "it is parked, and may yet take effect";
        case OUTCOME_APPLIED:
        case OUTCOME_MERGED:
        case OUTCOME_HELD:
        case OUTCOME_LATE:
        case OUTCOME_QUARANTINED:
                break;
        }
        return "it took effect";
}

static int check_open(struct engine *engine, const struct outbox_row *row)
{
        struct wire_closing closing;
        char by[UUID_TEXT_SIZE];
        int r;

        if (row->damaged)
                return FAIL(PANNIER_E_INVALID,
                            "the entry was damaged on this device: record it again instead");
        if (row->state != OUTCOME_QUARANTINED)
                return FAIL(PANNIER_E_INVALID, "%s: only what the store refused is fixed",
                            state_name(row->state));
        r = outbox_closing_get(engine->outbox, &row->id, &engine->arena, &closing);
        if (r <= 0)
                return r;
        uuid_format(&closing.by, by);
        return FAIL(PANNIER_E_TAKEN, "it was %s already, by entry %s%s",
                    closing.how == CLOSING_FIXED      ? "fixed"
                    : closing.how == CLOSING_RELEASED ? "released by an operator"
                                                      : "put aside by an operator",
                    by,
                    closing.how == CLOSING_FIXED ? ": fix that one if it was refused, too" : "");
}

/* Who wrote it may always fix it; others where they may see what is in it. */
static int check_reader(struct plan *plan, const struct entry_body *body)
{
        const struct catalogue_type *type = catalogue_type_by_number(body->type);
        int r = 1;

        if (!type)
                return FAIL(PANNIER_E_INVALID, "it is of a kind that this device does not know");
        if (uuid_equal(&body->author, &plan->staff->id))
                return 0;
        if (!catalogue_role_allows(type->read_roles, plan->staff->role))
                return FAIL(PANNIER_E_REFUSED, "the role may not read %s", type->name);
        if (!uuid_is_none(&body->person))
                r = access_person(plan->engine->access, plan->staff, &body->person);
        return r > 0 ? 0 : r < 0 ? r : FAIL(PANNIER_E_NOT_FOUND, "no such entry");
}

static int open_old(struct plan *plan, const struct outbox_row *row, struct entry_body *ret)
{
        struct engine *engine = plan->engine;
        struct entry_header header;
        struct bytes clear;
        int r;

        if (row->sealed.size == 0 || row->erased)
                return FAIL(PANNIER_E_NOT_FOUND, "what was in it is no longer on this device");
        r = engine_open_body(engine, row, &engine->arena, &header, ret);
        if (r < 0)
                return r;
        /* what was decoded borrows from a buffer that the new entry needs */
        clear = arena_copy(&engine->arena, buffer_view(&engine->clear));
        if (!clear.data)
                return FAIL(PANNIER_E_MEMORY, "an entry");
        return entry_body_decode(clear, &header, &engine->arena, ret);
}

static uint64_t fields_set(const struct catalogue_type *type, const struct engine_entry *entry)
{
        uint64_t bits = 0;

        for (size_t i = 0; i < entry->change_count; i++) {
                int index = catalogue_field_index(type, entry->changes[i].number);

                if (index >= 0)
                        bits |= UINT64_C(1) << index;
        }
        return bits;
}

/* What a check worked out from other values is worked out anew. */
static bool is_kept(const struct catalogue_type *type, uint64_t stale,
                    const struct entry_change *change)
{
        int index = catalogue_field_index(type, change->number);

        return index < 0 || !(stale >> index & 1);
}

/* Both lists ascend by number. What is set now stands; a value that is cleared in a creation is left out by the plan. */
static int merge(struct plan *plan, const struct catalogue_type *type, const struct entry_body *old,
                 struct engine_entry *ret)
{
        uint64_t stale = catalogue_check_stale(type, fields_set(type, plan->in));
        const struct engine_entry *in = plan->in;
        struct entry_change *changes =
                arena_alloc(&plan->engine->arena,
                            (old->change_count + in->change_count + 1) * sizeof(*changes));
        size_t i = 0, k = 0, count = 0;

        if (!changes)
                return FAIL(PANNIER_E_MEMORY, "an entry");
        while (i < old->change_count || k < in->change_count) {
                bool mine =
                        i == old->change_count ||
                        (k < in->change_count && in->changes[k].number <= old->changes[i].number);

                if (mine && i < old->change_count &&
                    in->changes[k].number == old->changes[i].number)
                        i++;
                if (mine)
                        changes[count++] = in->changes[k++];
                else if (is_kept(type, stale, &old->changes[i++]))
                        changes[count++] = old->changes[i - 1];
        }
        ret->changes = changes;
        ret->change_count = count;
        return 0;
}

int fix_begin(struct plan *plan, struct engine_entry *ret)
{
        struct engine *engine = plan->engine;
        const struct engine_entry *in = plan->in;
        struct entry_body old;
        struct outbox_row row;
        int r = outbox_get(engine->outbox, &in->instead, &row);

        if (r == 0)
                return FAIL(PANNIER_E_NOT_FOUND, "no such entry was recorded on this device");
        if (r > 0)
                r = check_open(engine, &row);
        if (r >= 0)
                r = open_old(plan, &row, &old);
        if (r >= 0)
                r = check_reader(plan, &old);
        if (r < 0)
                return r;
        *ret = *in;
        ret->operation = old.operation;
        ret->type = catalogue_type_by_number(old.type);
        ret->record = old.record;
        ret->person = old.person;
        if (in->reason.size == 0)
                ret->reason = old.reason;
        if (in->type != ret->type)
                return FAIL(PANNIER_E_INVALID, "the entry is of type %s", ret->type->name);
        plan->fixes = row.place;
        return merge(plan, ret->type, &old, ret);
}

/*
 * What an entry leaves behind: a row in the log always; a record, conflicts and whatever follows where it took effect.
 */
#include "store/judge_inside.h"

#include "common/error.h"
#include "store/log.h"
#include "store/membership.h"
#include "store/receipts.h"
#include "store/reconcile_unit.h"

#include <string.h>

int judge_standing(struct judge *judge, const struct uuid *locality,
                   const struct catalogue_type *type, const struct uuid *id, struct record *ret,
                   struct stamps *ret_stamps)
{
        struct bytes stamps = BYTES_NONE;
        int r;

        (void)locality;
        stamps_init(ret_stamps, &judge->arena);
        r = judge->ops->record_get(judge->storage, type, id, &judge->arena, ret, &stamps);
        if (r > 0) {
                int e = stamps_decode(stamps, ret_stamps);

                if (e < 0)
                        return FAIL(PANNIER_E_CORRUPT, "stamps of a record of type %s", type->name);
        }
        return r;
}

static int see(void *context, const struct record *record, struct bytes stamps)
{
        (void)context;
        (void)record;
        (void)stamps;
        return 0;
}

int judge_exists(struct judge *judge, const struct catalogue_type *type, const struct uuid *id)
{
        return judge->ops->record_visit(judge->storage, type, id, see, NULL);
}

static int see_row(void *context, enum catalogue_class class, const struct wire_row *row)
{
        (void)context;
        (void)class;
        (void)row;
        return 0;
}

int judge_names_record(struct judge *judge, const struct uuid *id)
{
        return judge->ops->row_visit(judge->storage, id, see_row, NULL);
}

int judge_write_record(struct judge *judge, const struct record *record,
                       const struct stamps *stamps)
{
        CLEANUP(buffer_deinit) struct buffer encoded = BUFFER_INIT;
        int r;

        if (stamps && reconcile_has_stamps(record->type))
                stamps_encode(stamps, &encoded);
        r = buffer_check(&encoded);
        if (r >= 0)
                r = judge->ops->record_put(judge->storage, record, buffer_view(&encoded));
        if (r >= 0 && record->type->is_staff)
                memset(judge->authors, 0, sizeof(judge->authors));
        if (r >= 0)
                judge_facts_changed(judge, record);
        return r;
}

static void fill_row(const struct judge *judge, const struct judge_case *c, struct log_row *row)
{
        const struct entry_header *header = c->entry->header;
        bool of_device = c->origin && !c->released;

        *row = (struct log_row){
                .locality = *c->locality,
                .received_ms = of_device ? c->origin->received_ms : judge->now_ms,
                .clock_offset_ms = of_device ? c->origin->clock_offset_ms : 0,
                .catalogue_version = catalogue_get()->version,
                .id = header->id,
                .device = of_device ? header->device : UUID_NONE,
                .incarnation = of_device ? header->incarnation : UUID_NONE,
                .lane = header->lane,
                .seq = of_device ? header->seq : 0,
                .chain_root = c->chain_root,
                .header = c->entry->header_bytes,
                .body = c->entry->body,
        };
        if (uuid_is_none(&row->chain_root))
                row->chain_root = header->id;
        memcpy(row->body_hash, c->entry->body_hash, HASH_SIZE);
        if (!c->readable)
                return;
        row->record = c->body.record;
        row->person = c->body.person;
        row->previous = c->body.previous;
}

/* What the log's row says, for an answer that need not read it again. */
static int tell_outcome(const struct judge_entry *entry, const struct log_row *row,
                        const struct wire_receipt *told)
{
        const struct bytes effects =
                BYTES(told->effects, told->effects_count * sizeof(*told->effects));
        const struct bytes conflicts =
                BYTES(told->conflicts, told->conflicts_count * sizeof(*told->conflicts));
        struct wire_receipt receipt = *told;

        receipt.entry = row->id;
        if (receipt.position == 0) {
                receipt.epoch = row->epoch;
                receipt.position = row->outcome == OUTCOME_QUARANTINED ? 0 : row->position;
        }
        memcpy(receipt.body_hash, row->body_hash, HASH_SIZE);
        receipt.effects = (const void *)arena_copy(entry->arena, effects).data;
        receipt.conflicts = (const void *)arena_copy(entry->arena, conflicts).data;
        if ((effects.size && !receipt.effects) || (conflicts.size && !receipt.conflicts))
                return FAIL(PANNIER_E_MEMORY, "a receipt");
        *entry->receipt = receipt;
        return 0;
}

int judge_write_log(struct judge *judge, const struct judge_case *c, enum entry_outcome outcome,
                    uint16_t reason, const struct wire_effect *effects, size_t effect_count)
{
        CLEANUP(buffer_deinit) struct buffer encoded = BUFFER_INIT;
        struct wire_receipt receipt = {
                .outcome = outcome,
                .reason = reason,
                .effects = effects,
                .effects_count = effect_count,
                .conflicts = c->conflicts,
                .conflicts_count = c->conflict_count,
        };
        struct log_row row;
        int r;

        if (c->told.position != 0 && outcome != OUTCOME_QUARANTINED) {
                receipt.epoch = c->told.epoch;
                receipt.position = c->told.position;
                r = judge->ops->locality_touch(judge->storage, c->home);
                if (r < 0)
                        return r;
        }
        fill_row(judge, c, &row);
        row.outcome = outcome;
        row.reason = reason;
        receipt_effects_encode(&receipt, &encoded);
        r = buffer_check(&encoded);
        row.effects = buffer_view(&encoded);
        if (r >= 0)
                r = log_append(judge->storage, &row);
        if (r >= 0 && c->entry->receipt)
                r = tell_outcome(c->entry, &row, &receipt);
        if (r >= 0)
                r = judge_close(judge, c);
        if (r < 0 || outcome != OUTCOME_QUARANTINED)
                return r;
        judge_room_took(judge, &row.device, false, 1, row.header.size + row.body.size);
        return judge->ops->quarantine_put(judge->storage,
                                          &(struct quarantine_row){
                                                  .locality = row.locality,
                                                  .number = row.number,
                                                  .id = row.id,
                                                  .device = row.device,
                                                  .reason = reason,
                                                  .since_ms = judge->now_ms,
                                                  .size = row.header.size + row.body.size,
                                          });
}

int judge_quarantine(struct judge *judge, const struct judge_case *c, uint16_t reason)
{
        struct judge_case bare = *c;
        uint64_t size = c->entry->header_bytes.size + c->entry->body.size;
        int r = c->origin ? judge_room(judge, &c->entry->header->device, false, size) : 0;

        if (r != 0)
                return r;
        bare.conflict_count = 0;
        return judge_write_log(judge, &bare, OUTCOME_QUARANTINED, reason, NULL, 0);
}

static int write_result(struct judge *judge, struct judge_case *c, struct reconcile_result *result)
{
        uint64_t old_position = c->has_standing ? c->standing.position : 0;
        int r;

        if (!c->has_standing) {
                result->record.locality = *c->locality;
                result->record.device =
                        c->origin && !c->released ? c->entry->header->device : UUID_NONE;
        }
        if (!result->changed && !result->stamped)
                return 0;
        if (result->changed)
                result->record.position = c->position;
        r = judge_write_record(judge, &result->record, &result->stamps);
        if (r < 0 || !result->changed)
                return r;
        r = judge_scopes(judge, c);
        if (r >= 0)
                r = membership_publish(judge->storage, &result->record, old_position);
        return r < 0 ? r : judge_holder_changed(judge, c);
}

static void note_conflicts(struct judge_case *c, const struct reconcile_result *result)
{
        for (size_t i = 0; i < result->held_count && c->conflict_count < JUDGE_CONFLICTS_MAX; i++)
                c->conflicts[c->conflict_count++] = judge_conflict_id(c, &result->held[i]);
}

static int write_all(struct judge *judge, struct judge_case *c, struct conflict *conflicts,
                     size_t conflict_count, const struct uuid *chain, size_t chain_count,
                     bool differs)
{
        struct reconcile_result *result = c->result;
        int r = write_result(judge, c, result);

        note_conflicts(c, result);
        if (r >= 0)
                r = judge_write_log(judge, c, result->outcome, REASON_NONE, result->effects,
                                    result->effect_count);
        if (r >= 0)
                r = judge_write_held(judge, c, conflicts, conflict_count, chain, chain_count);
        if (r >= 0 && differs)
                r = judge_raise_difference(judge, c);
        if (r >= 0 && result->changed)
                r = judge_unique(judge, c);
        if (r >= 0 && result->changed)
                r = judge_follow(judge, c);
        if (r >= 0 && !c->has_standing)
                r = judge_wake(judge, c->locality, WAIT_RECORD, &c->body.record);
        return r;
}

int judge_commit_fields(struct judge *judge, struct judge_case *c, bool *ret_refused)
{
        struct reconcile_input input = {
                .type = c->type,
                .body = &c->body,
                .stamp = judge_stamp(judge, c),
                .by_store = c->origin == NULL,
                .late = c->late,
                .standing = c->has_standing ? &c->standing : NULL,
                .stamps = c->has_standing ? &c->stamps : NULL,
        };
        struct catalogue_check_result check = {0};
        struct uuid *chain = NULL;
        bool beyond, returns = false;
        int r;

        *ret_refused = false;
        c->result = arena_alloc(&judge->arena, sizeof(*c->result));
        if (!c->result)
                return FAIL(PANNIER_E_MEMORY, "a result");
        r = judge_base(judge, c, &input.base, &beyond);
        if (r >= 0 && c->has_standing)
                r = judge_open_conflicts(judge, c, &input.conflicts, &input.conflict_count);
        if (r >= 0 && c->has_standing)
                r = judge_chain(judge, c, input.base, input.conflicts, input.conflict_count, &chain,
                                &input.chain_count);
        input.chain = chain;
        if (r >= 0)
                r = reconcile(&input, &judge->arena, c->result);
        if (r >= 0 && c->result->outcome != OUTCOME_QUARANTINED)
                r = judge_check(judge, c, c->result, &check);
        if (r >= 0 && c->late)
                r = judge_returns(judge, c, &returns);
        if (r < 0)
                return r;
        if (c->result->outcome != OUTCOME_QUARANTINED &&
            (returns || judge_conflict_full(c->result))) {
                c->result->outcome = OUTCOME_QUARANTINED;
                c->result->reason = returns ? REASON_SCOPE : REASON_LIMIT;
        }
        if (c->result->outcome == OUTCOME_QUARANTINED) {
                *ret_refused = true;
                return 0;
        }
        return write_all(judge, c, input.conflicts, input.conflict_count, chain, input.chain_count,
                         check.differs);
}

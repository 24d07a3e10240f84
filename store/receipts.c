#include "store/receipts.h"

#include "common/error.h"

#include <string.h>

void receipt_effects_encode(const struct wire_receipt *receipt, struct buffer *out)
{
        cbor_put_array(out, receipt->position ? 3 : 2);
        cbor_put_array(out, 2 * receipt->effects_count);
        for (size_t i = 0; i < receipt->effects_count; i++) {
                cbor_put_uint(out, receipt->effects[i].field);
                cbor_put_uint(out, receipt->effects[i].effect);
        }
        cbor_put_array(out, receipt->conflicts_count);
        for (size_t i = 0; i < receipt->conflicts_count; i++)
                cbor_put_uuid(out, &receipt->conflicts[i]);
        if (!receipt->position)
                return;
        cbor_put_array(out, 2);
        cbor_put_uint(out, receipt->epoch);
        cbor_put_uint(out, receipt->position);
}

static int read_effects(struct cbor_reader *reader, struct arena *arena, struct wire_receipt *ret)
{
        struct wire_effect *effects;
        uint64_t count;
        int r = cbor_read_array(reader, 2 * (uint64_t)WIRE_EFFECTS_MAX, &count);

        if (r < 0)
                return r;
        effects = arena_alloc(arena, (size_t)count / 2 * sizeof(*effects));
        if (!effects)
                return FAIL(PANNIER_E_MEMORY, "no memory for a receipt's effects");
        for (size_t i = 0; i < count / 2; i++) {
                uint64_t field = 0, effect = 0;

                r = cbor_read_uint(reader, FIELD_NUMBER_MAX, &field);
                if (r == 0)
                        r = cbor_read_uint(reader, EFFECT_MAX, &effect);
                if (r < 0)
                        return r;
                effects[i].field = (uint16_t)field;
                effects[i].effect = (enum field_effect)effect;
        }
        ret->effects = effects;
        ret->effects_count = (size_t)count / 2;
        return 0;
}

static int read_conflicts(struct cbor_reader *reader, struct arena *arena, struct wire_receipt *ret)
{
        struct uuid *conflicts;
        uint64_t count;
        int r = cbor_read_array(reader, WIRE_CONFLICTS_MAX, &count);

        if (r < 0)
                return r;
        conflicts = arena_alloc(arena, (size_t)count * sizeof(*conflicts));
        if (!conflicts)
                return FAIL(PANNIER_E_MEMORY, "no memory for a receipt's conflicts");
        for (size_t i = 0; i < count; i++) {
                r = cbor_read_uuid(reader, &conflicts[i]);
                if (r < 0)
                        return r;
        }
        ret->conflicts = conflicts;
        ret->conflicts_count = (size_t)count;
        return 0;
}

/* Of an entry that was judged elsewhere. */
static int read_position(struct cbor_reader *reader, struct wire_receipt *ret)
{
        uint64_t count;
        int r = cbor_read_array(reader, 2, &count);

        if (r == 0)
                r = cbor_read_uint(reader, WIRE_NUMBER_MAX, &ret->epoch);
        return r < 0 ? r : cbor_read_uint(reader, WIRE_NUMBER_MAX, &ret->position);
}

int receipt_from_row(const struct log_row *row, struct arena *arena, struct wire_receipt *ret)
{
        struct wire_receipt receipt = {
                .entry = row->id,
                .outcome = row->outcome,
                .reason = row->reason,
                .epoch = row->epoch,
                .position = row->outcome == OUTCOME_QUARANTINED ? 0 : row->position,
        };
        struct cbor_reader reader;
        uint64_t count;
        int r;

        cbor_reader_init(&reader, row->effects);
        r = cbor_read_array(&reader, 3, &count);
        if (r == 0)
                r = read_effects(&reader, arena, &receipt);
        if (r == 0)
                r = read_conflicts(&reader, arena, &receipt);
        if (r == 0 && count == 3)
                r = read_position(&reader, &receipt);
        if (r == PANNIER_E_MEMORY)
                return r;
        if (r < 0 || !cbor_at_end(&reader))
                return FAIL(PANNIER_E_CORRUPT, "effects of log row %llu cannot be read",
                            (unsigned long long)row->number);
        memcpy(receipt.body_hash, row->body_hash, HASH_SIZE);
        *ret = receipt;
        return 0;
}

void receipt_parked(const struct parked_row *row, struct wire_receipt *ret)
{
        *ret = (struct wire_receipt){
                .entry = row->id,
                .outcome = OUTCOME_PARKED,
                .reason = row->wait == WAIT_UPGRADE ? REASON_UPGRADE : REASON_NONE,
        };
        memcpy(ret->body_hash, row->body_hash, HASH_SIZE);
}

int receipts_put(const struct private_key *key, const struct uuid *device, int64_t now_ms,
                 struct wire_receipt *receipts, const bool *in_request, size_t count,
                 struct buffer *out)
{
        CLEANUP(buffer_deinit) struct buffer message = BUFFER_INIT;
        struct wire_receipts part = {
                .now_ms = now_ms, .receipts = receipts, .receipts_count = count};
        int r;

        if (count == 0)
                return 0;
        wire_receipts_message(device, now_ms, receipts, count, &message);
        r = buffer_check(&message);
        if (r == 0)
                r = private_key_sign(key, buffer_view(&message), part.signature);
        if (r < 0)
                return r;
        for (size_t i = 0; i < count; i++)
                if (in_request[i])
                        memset(receipts[i].body_hash, 0, HASH_SIZE);
        wire_put_receipts(&part, out);
        return buffer_check(out);
}

int head_sign(const struct private_key *key, const struct storage_locality *locality,
              struct wire_head *ret)
{
        CLEANUP(buffer_deinit) struct buffer message = BUFFER_INIT;
        struct wire_head head = {
                .locality = locality->id,
                .epoch = locality->epoch,
                .epoch_id = locality->epoch_id,
                .position = locality->position,
                .number = locality->number,
        };
        int r;

        memcpy(head.hash, locality->head, HASH_SIZE);
        wire_head_message(&head, &message);
        r = buffer_check(&message);
        if (r == 0)
                r = private_key_sign(key, buffer_view(&message), head.signature);
        if (r == 0)
                *ret = head;
        return r;
}

#include "store/log.h"

#include "common/error.h"

#include <string.h>

/* Everything that the row says, in the order of struct log_row; a new member is added at the end. */
static void encode_row(const struct log_row *row, struct buffer *out)
{
        cbor_put_array(out, 22);
        cbor_put_uuid(out, &row->locality);
        cbor_put_uint(out, row->number);
        cbor_put_uint(out, row->epoch);
        cbor_put_uint(out, row->position);
        cbor_put_int(out, row->received_ms);
        cbor_put_int(out, row->clock_offset_ms);
        cbor_put_uint(out, row->catalogue_version);
        cbor_put_uuid(out, &row->id);
        cbor_put_uuid(out, &row->device);
        cbor_put_uuid(out, &row->incarnation);
        cbor_put_uint(out, row->lane);
        cbor_put_uint(out, row->seq);
        cbor_put_uuid(out, &row->record);
        cbor_put_uuid(out, &row->person);
        cbor_put_uuid(out, &row->previous);
        cbor_put_uuid(out, &row->chain_root);
        cbor_put_uint(out, (uint64_t)row->outcome);
        cbor_put_uint(out, row->reason);
        cbor_put_bytes(out, row->header);
        cbor_put_bytes(out, BYTES(row->body_hash, HASH_SIZE));
        cbor_put_bytes(out, row->effects);
        cbor_put_null(out); /* place for a redaction's reference */
}

int log_chain(const uint8_t previous[HASH_SIZE], const struct log_row *row, uint8_t ret[HASH_SIZE])
{
        CLEANUP(buffer_deinit) struct buffer clear = BUFFER_INIT;
        int r;

        buffer_append(&clear, BYTES(previous, HASH_SIZE));
        encode_row(row, &clear);
        r = buffer_check(&clear);
        if (r == 0)
                crypto_sha256(buffer_view(&clear), ret);
        return r;
}

int log_append(struct storage *storage, struct log_row *row)
{
        struct storage_locality *locality = storage->ops->locality(storage, &row->locality);
        int r;

        if (!locality)
                return FAIL(PANNIER_E_INTERNAL, "a log row for a locality outside of the commit");
        row->number = locality->number + 1;
        row->epoch = locality->epoch;
        row->position = locality->position;
        r = log_chain(locality->head, row, row->chain);
        if (r == 0)
                r = storage->ops->log_append(storage, row);
        if (r == 0)
                r = storage->ops->locality_touch(storage, &row->locality);
        if (r < 0)
                return r;
        locality->number = row->number;
        memcpy(locality->head, row->chain, HASH_SIZE);
        return 0;
}

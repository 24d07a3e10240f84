/* What both sides hash, sign and sort alike. */
#include "common/wire.h"

#include "common/crypto.h"
#include "common/error.h"

#include <string.h>

int wire_cursor_compare(const struct wire_cursor *a, const struct wire_cursor *b)
{
        if (a->epoch != b->epoch)
                return a->epoch < b->epoch ? -1 : 1;
        if (a->position != b->position)
                return a->position < b->position ? -1 : 1;
        return uuid_compare(&a->record, &b->record);
}

int wire_feed_key_compare(const struct wire_feed_key *a, const struct wire_feed_key *b)
{
        int order = uuid_compare(&a->locality, &b->locality);

        if (order == 0)
                order = (a->kind > b->kind) - (a->kind < b->kind);
        if (order == 0)
                order = uuid_compare(&a->id, &b->id);
        if (order == 0)
                order = (a->class > b->class) - (a->class < b->class);
        return order;
}

static int compare_feeds(const void *a, const void *b)
{
        return wire_feed_key_compare(&((const struct wire_feed_state *)a)->key,
                                     &((const struct wire_feed_state *)b)->key);
}

static int compare_grants(const void *a, const void *b)
{
        const struct wire_grant *left = a, *right = b;
        int order = uuid_compare(&left->locality, &right->locality);

        if (order == 0)
                order = (left->kind > right->kind) - (left->kind < right->kind);
        if (order == 0)
                order = uuid_compare(&left->id, &right->id);
        if (order == 0)
                order = (left->ceiling > right->ceiling) - (left->ceiling < right->ceiling);
        return order;
}

void wire_feeds_sort(struct wire_feed_state *feeds, size_t count)
{
        if (count > 1)
                qsort(feeds, count, sizeof(*feeds), compare_feeds);
}

void wire_grants_sort(struct wire_grant *grants, size_t count)
{
        if (count > 1)
                qsort(grants, count, sizeof(*grants), compare_grants);
}

static int hash_buffer(const struct buffer *encoded, uint8_t ret[HASH_SIZE])
{
        int r = buffer_check(encoded);

        if (r == 0)
                crypto_sha256(buffer_view(encoded), ret);
        return r;
}

int wire_vector_hash(const struct wire_feed_state *feeds, size_t count, uint8_t ret[HASH_SIZE])
{
        CLEANUP(buffer_deinit) struct buffer encoded = BUFFER_INIT;

        memset(ret, 0, HASH_SIZE);
        if (count == 0)
                return 0;
        cbor_put_array(&encoded, count);
        for (size_t i = 0; i < count; i++) {
                if (i > 0 && compare_feeds(&feeds[i - 1], &feeds[i]) >= 0)
                        return FAIL(PANNIER_E_INVALID, "feeds are not in order");
                wire_feed_state_put(&feeds[i], &encoded);
        }
        return hash_buffer(&encoded, ret);
}

int wire_grants_hash(const struct wire_grant *grants, size_t count, uint8_t ret[HASH_SIZE])
{
        CLEANUP(buffer_deinit) struct buffer encoded = BUFFER_INIT;

        memset(ret, 0, HASH_SIZE);
        if (count == 0)
                return 0;
        cbor_put_array(&encoded, count);
        for (size_t i = 0; i < count; i++) {
                if (i > 0 && compare_grants(&grants[i - 1], &grants[i]) >= 0)
                        return FAIL(PANNIER_E_INVALID, "grants are not in order");
                wire_grant_put(&grants[i], &encoded);
        }
        return hash_buffer(&encoded, ret);
}

int wire_parked_hash(const struct uuid *ids, size_t count, uint8_t ret[HASH_SIZE])
{
        memset(ret, 0, HASH_SIZE);
        if (count == 0)
                return 0;
        for (size_t i = 1; i < count; i++) {
                if (uuid_compare(&ids[i - 1], &ids[i]) >= 0)
                        return FAIL(PANNIER_E_INVALID, "ids are not in order");
        }
        crypto_sha256(BYTES(ids, count * sizeof(*ids)), ret);
        return 0;
}

void wire_head_message(const struct wire_head *head, struct buffer *out)
{
        cbor_put_array(out, 7);
        cbor_put_text(out, bytes_text("head"));
        cbor_put_uuid(out, &head->locality);
        cbor_put_uint(out, head->epoch);
        cbor_put_uuid(out, &head->epoch_id);
        cbor_put_uint(out, head->position);
        cbor_put_uint(out, head->number);
        cbor_put_bytes(out, BYTES(head->hash, HASH_SIZE));
}

void wire_seal_key_message(const struct wire_seal_key *key, struct buffer *out)
{
        cbor_put_array(out, 3);
        cbor_put_text(out, bytes_text("seal"));
        cbor_put_uint(out, key->id);
        cbor_put_bytes(out, BYTES(key->point, PUBLIC_KEY_SIZE));
}

void wire_receipt_hashes(const struct wire_receipt *receipts, size_t count, struct buffer *hashes)
{
        CLEANUP(buffer_deinit) struct buffer encoded = BUFFER_INIT;
        uint8_t hash[HASH_SIZE];

        for (size_t i = 0; i < count; i++) {
                buffer_reset(&encoded);
                wire_receipt_put(&receipts[i], &encoded);
                if (buffer_check(&encoded) < 0) {
                        hashes->failed = true;
                        return;
                }
                crypto_sha256(buffer_view(&encoded), hash);
                buffer_append(hashes, BYTES(hash, HASH_SIZE));
        }
}

void wire_receipts_signed(const struct uuid *device, int64_t now_ms, struct bytes hashes,
                          struct buffer *out)
{
        uint8_t digest[HASH_SIZE];

        crypto_sha256(hashes, digest);
        cbor_put_array(out, 4);
        cbor_put_text(out, bytes_text("receipts"));
        cbor_put_uuid(out, device);
        cbor_put_int(out, now_ms);
        cbor_put_bytes(out, BYTES(digest, HASH_SIZE));
}

void wire_receipts_message(const struct uuid *device, int64_t now_ms,
                           const struct wire_receipt *receipts, size_t count, struct buffer *out)
{
        CLEANUP(buffer_deinit) struct buffer hashes = BUFFER_INIT;

        wire_receipt_hashes(receipts, count, &hashes);
        if (buffer_check(&hashes) < 0)
                out->failed = true;
        else
                wire_receipts_signed(device, now_ms, buffer_view(&hashes), out);
}

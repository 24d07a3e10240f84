#include "common/digest.h"

#include "common/error.h"

#include <string.h>

#define XXH_INLINE_ALL /* the state lies on the stack: its size must be that of the code that uses it */
#include <xxhash.h>

enum {
        HEAD_SIZE = 1 + 2 + 8 + 8 + 3 * 16, /* of a row, without its id and its fields */
        SMALL_SIZE = 1024,                  /* bytes that are hashed at once */
};

static uint8_t *put_number(uint8_t *to, uint64_t number, int size)
{
        for (int i = size - 1; i >= 0; i--)
                *to++ = (uint8_t)(number >> (8 * i));
        return to;
}

static uint8_t *put_id(uint8_t *to, const struct uuid *id)
{
        memcpy(to, id->bytes, sizeof(id->bytes));
        return to + sizeof(id->bytes);
}

void digest_write(const struct digest *digest, uint8_t ret[DIGEST_SIZE])
{
        (void)put_number(put_number(ret, digest->high, 8), digest->low, 8);
}

struct digest digest_read(struct bytes bytes)
{
        struct digest digest = {0};

        if (bytes.size < DIGEST_SIZE)
                return digest;
        for (int i = 0; i < 8; i++) {
                digest.high = digest.high << 8 | bytes.data[i];
                digest.low = digest.low << 8 | bytes.data[8 + i];
        }
        return digest;
}

bool digest_counts(const struct catalogue_type *type)
{
        return type->other_person_index < 0;
}

/* Most records are small: the parts behind each other are hashed quicker than one after the other, to the same hash. */
static void hash_small(const struct uuid *id, struct bytes head, struct bytes fields,
                       struct digest *ret)
{
        uint8_t all[SMALL_SIZE];
        XXH128_hash_t hash;

        memcpy(all, id->bytes, sizeof(id->bytes));
        if (head.size > 0)
                memcpy(all + sizeof(id->bytes), head.data, head.size);
        if (fields.size > 0)
                memcpy(all + sizeof(id->bytes) + head.size, fields.data, fields.size);
        hash = XXH3_128bits(all, sizeof(id->bytes) + head.size + fields.size);
        *ret = (struct digest){.low = hash.low64, .high = hash.high64};
}

static void hash_parts(const struct uuid *id, struct bytes head, struct bytes fields,
                       struct digest *ret)
{
        XXH3_state_t state;
        XXH128_hash_t hash;

        if (head.size <= SMALL_SIZE && fields.size <= SMALL_SIZE &&
            sizeof(id->bytes) + head.size + fields.size <= SMALL_SIZE) {
                hash_small(id, head, fields, ret);
                return;
        }
        XXH3_INITSTATE(&state);
        (void)XXH3_128bits_reset(&state);
        (void)XXH3_128bits_update(&state, id->bytes, sizeof(id->bytes));
        (void)XXH3_128bits_update(&state, head.data, head.size);
        if (fields.size > 0)
                (void)XXH3_128bits_update(&state, fields.data, fields.size);
        hash = XXH3_128bits_digest(&state);
        *ret = (struct digest){.low = hash.low64, .high = hash.high64};
}

void digest_of_packed(const struct uuid *id, struct bytes rest, struct digest *ret)
{
        hash_parts(id, rest, BYTES_NONE, ret);
}

void digest_of_row(enum catalogue_class class, const struct wire_row *row, struct digest *ret)
{
        uint8_t head[HEAD_SIZE], *to = head;

        *to++ = (uint8_t) class;
        to = put_number(to, row->role, 2);
        to = put_number(to, (uint64_t)row->recorded_ms, 8);
        to = put_number(to, row->position, 8);
        to = put_id(to, &row->person);
        to = put_id(to, &row->author);
        (void)put_id(to, &row->device);
        hash_parts(&row->id, BYTES(head, sizeof(head)), row->fields, ret);
}

int digest_of_record(const struct record *record, struct buffer *scratch, struct digest *ret)
{
        struct wire_row row = {
                .position = record->position,
                .id = record->id,
                .person = record->person,
                .author = record->author,
                .role = record->role,
                .device = record->device,
                .recorded_ms = record->recorded_ms,
        };
        int r;

        buffer_reset(scratch);
        record_encode_fields(record, scratch);
        r = buffer_check(scratch);
        if (r < 0)
                return r;
        row.fields = buffer_view(scratch);
        digest_of_row(record_feed_class(record), &row, ret);
        return 0;
}

int digest_hash(const uint8_t vector_hash[HASH_SIZE], const struct digest *digests, size_t count,
                uint8_t ret[HASH_SIZE])
{
        CLEANUP(buffer_deinit) struct buffer bytes = BUFFER_INIT;
        uint8_t one[DIGEST_SIZE];
        int r;

        buffer_append(&bytes, BYTES(vector_hash, HASH_SIZE));
        for (size_t i = 0; i < count; i++) {
                digest_write(&digests[i], one);
                buffer_append(&bytes, BYTES(one, sizeof(one)));
        }
        r = buffer_check(&bytes);
        if (r == 0)
                crypto_sha256(buffer_view(&bytes), ret);
        return r;
}

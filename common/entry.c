#include "common/entry.h"

#include "common/error.h"
#include "common/record_compact.h"

#include <assert.h>
#include <string.h>

enum {
        HEADER_ELEMENTS = 8,
        NEEDS_ELEMENTS = 3,
        SEAL_ELEMENTS = 3,
        BODY_ELEMENTS = 16,
        BASE_ELEMENTS = 3,
        ELEMENTS_MAX = 64, /* of one array, those of a newer peer included */
};

static int skip_items(struct cbor_reader *reader, uint64_t count)
{
        int r = 0;

        while (r == 0 && count-- > 0)
                r = cbor_skip(reader, NULL);
        return r;
}

/* Head of an array of @least elements or more; those behind are to be skipped at its end. */
static int begin_array(struct cbor_reader *reader, uint64_t least, uint64_t *ret_more)
{
        uint64_t count;
        int r;

        r = cbor_read_array(reader, ELEMENTS_MAX, &count);
        if (r < 0)
                return r;
        if (count < least)
                return FAIL(PANNIER_E_MALFORMED, "%llu elements instead of %llu",
                            (unsigned long long)count, (unsigned long long)least);
        *ret_more = count - least;
        return 0;
}

static void put_id_or(struct buffer *out, const struct uuid *id, const struct uuid *usual)
{
        if (uuid_equal(id, usual))
                cbor_put_null(out);
        else
                cbor_put_uuid(out, id);
}

static int read_id_or(struct cbor_reader *reader, const struct uuid *usual, struct uuid *ret)
{
        if (cbor_peek_null(reader)) {
                *ret = *usual;
                return 0;
        }
        return cbor_read_uuid(reader, ret);
}

static void put_needs(const struct entry_header *header, struct buffer *out)
{
        if (uuid_is_none(&header->needs.incarnation)) {
                cbor_put_null(out);
                return;
        }
        cbor_put_array(out, NEEDS_ELEMENTS);
        put_id_or(out, &header->needs.incarnation, &header->incarnation);
        cbor_put_uint(out, header->needs.lane);
        cbor_put_uint(out, header->needs.seq);
}

static void put_seal(const struct entry_header *header, struct buffer *out)
{
        if (header->seal_key == SEAL_KEY_NONE) {
                cbor_put_null(out);
                return;
        }
        cbor_put_array(out, SEAL_ELEMENTS);
        cbor_put_uint(out, header->seal_key);
        cbor_put_bytes(out, header->seal_enc);
        cbor_put_uint(out, header->seal_number);
}

/* What is the same for all entries of a run comes first, so that message compression takes it in one piece. */
void entry_header_encode(const struct entry_header *header, struct buffer *out)
{
        cbor_put_array(out, HEADER_ELEMENTS);
        cbor_put_uuid(out, &header->device);
        cbor_put_uuid(out, &header->incarnation);
        cbor_put_uuid(out, &header->locality);
        cbor_put_uint(out, header->lane);
        cbor_put_uint(out, header->seq);
        cbor_put_uuid(out, &header->id);
        put_needs(header, out);
        put_seal(header, out);
}

static int read_lane(struct cbor_reader *reader, uint8_t *ret)
{
        uint64_t lane;
        int r;

        r = cbor_read_uint(reader, LANE_COUNT - 1, &lane);
        if (r == 0)
                *ret = (uint8_t)lane;
        return r;
}

static int read_needs(struct cbor_reader *reader, struct entry_header *header)
{
        uint64_t more;
        int r;

        if (cbor_peek_null(reader))
                return 0;
        r = begin_array(reader, NEEDS_ELEMENTS, &more);
        if (r == 0)
                r = read_id_or(reader, &header->incarnation, &header->needs.incarnation);
        if (r == 0)
                r = read_lane(reader, &header->needs.lane);
        if (r == 0)
                r = cbor_read_uint(reader, INT64_MAX, &header->needs.seq);
        return r < 0 ? r : skip_items(reader, more);
}

static int read_seal(struct cbor_reader *reader, struct entry_header *header)
{
        uint64_t more, key;
        int r;

        if (cbor_peek_null(reader))
                return 0;
        r = begin_array(reader, SEAL_ELEMENTS, &more);
        if (r == 0)
                r = cbor_read_uint(reader, UINT32_MAX, &key);
        if (r == 0)
                r = cbor_read_bytes(reader, ENTRY_SEAL_ENC_MAX, &header->seal_enc);
        if (r == 0)
                r = cbor_read_uint(reader, INT64_MAX, &header->seal_number);
        if (r < 0)
                return r;
        if (key == SEAL_KEY_NONE)
                return FAIL(PANNIER_E_MALFORMED, "a seal without a key");
        header->seal_key = (uint32_t)key;
        return skip_items(reader, more);
}

static int read_header(struct cbor_reader *reader, struct entry_header *header)
{
        uint64_t more;
        int r;

        r = begin_array(reader, HEADER_ELEMENTS, &more);
        if (r == 0)
                r = cbor_read_uuid(reader, &header->device);
        if (r == 0)
                r = cbor_read_uuid(reader, &header->incarnation);
        if (r == 0)
                r = cbor_read_uuid(reader, &header->locality);
        if (r == 0)
                r = read_lane(reader, &header->lane);
        if (r == 0)
                r = cbor_read_uint(reader, INT64_MAX, &header->seq);
        if (r == 0)
                r = cbor_read_uuid(reader, &header->id);
        if (r == 0)
                r = read_needs(reader, header);
        if (r == 0)
                r = read_seal(reader, header);
        return r < 0 ? r : skip_items(reader, more);
}

int entry_header_decode(struct bytes encoded, struct entry_header *ret)
{
        struct entry_header header;
        struct cbor_reader reader;
        int r;

        if (encoded.size > ENTRY_HEADER_MAX)
                return FAIL(PANNIER_E_LIMIT, "header of %zu bytes", encoded.size);
        memset(&header, 0, sizeof(header));
        cbor_reader_init(&reader, encoded);
        r = read_header(&reader, &header);
        if (r < 0)
                return r;
        if (!cbor_at_end(&reader))
                return FAIL(PANNIER_E_MALFORMED, "bytes behind a header");
        if (header.seq == 0)
                return FAIL(PANNIER_E_MALFORMED, "seq 0");
        *ret = header;
        return 0;
}

static void put_person(const struct entry_body *body, struct buffer *out)
{
        if (!uuid_is_none(&body->person) && uuid_equal(&body->person, &body->record))
                cbor_put_bool(out, true);
        else
                cbor_put_uuid(out, &body->person);
}

static void put_base(const struct entry_body *body, const struct entry_header *header,
                     struct buffer *out)
{
        if (body->base.epoch == 0 && body->base.position == 0 &&
            uuid_equal(&body->base_locality, &header->locality)) {
                cbor_put_null(out);
                return;
        }
        cbor_put_array(out, BASE_ELEMENTS);
        cbor_put_uint(out, body->base.epoch);
        cbor_put_uint(out, body->base.position);
        put_id_or(out, &body->base_locality, &header->locality);
}

static void put_change(const struct catalogue_type *type, const struct entry_change *change,
                       struct buffer *out)
{
        int index = type ? catalogue_field_index(type, change->number) : -1;

        cbor_put_uint(out, change->number);
        if (index >= 0 && change->value.form != VALUE_UNSET)
                value_encode(&type->fields[index], &change->value, out);
        else
                buffer_append(out, change->raw);
}

static void put_changes(const struct entry_body *body, struct buffer *out)
{
        const struct catalogue_type *type = catalogue_type_by_number(body->type);

        cbor_put_map(out, body->change_count);
        for (size_t i = 0; i < body->change_count; i++)
                put_change(type, &body->changes[i], out);
}

void entry_body_encode(const struct entry_body *body, const struct entry_header *header,
                       struct buffer *out)
{
        bool instead = !uuid_is_none(&body->instead);

        cbor_put_array(out, BODY_ELEMENTS + (instead ? 1 : 0));
        cbor_put_uint(out, body->type);
        put_id_or(out, &body->record, &header->id);
        put_person(body, out);
        cbor_put_uint(out, body->operation);
        put_base(body, header, out);
        cbor_put_uuid(out, &body->previous);
        cbor_put_uuid(out, &body->author);
        cbor_put_uint(out, body->role);
        cbor_put_uuid(out, &body->sign_in);
        cbor_put_int(out, compact_time(body->recorded_ms, &header->id));
        cbor_put_uint(out, body->boot_id);
        cbor_put_int(out, body->boot_ms);
        cbor_put_uint(out, body->quality);
        cbor_put_uint(out, body->catalogue_version);
        put_changes(body, out);
        if (body->reason.size == 0)
                cbor_put_null(out);
        else
                cbor_put_text(out, body->reason);
        if (instead) /* left out where it says nothing: hardly any entry has it */
                cbor_put_uuid(out, &body->instead);
}

static int read_person(struct cbor_reader *reader, struct entry_body *body)
{
        struct cbor_reader ahead = *reader;
        struct cbor_item item;
        int r;

        r = cbor_next(&ahead, &item);
        if (r < 0)
                return r;
        if (item.kind != CBOR_BOOL)
                return cbor_read_uuid_or_none(reader, &body->person);
        if (!item.number)
                return FAIL(PANNIER_E_MALFORMED, "person is false");
        body->person = body->record;
        *reader = ahead;
        return 0;
}

static int read_base(struct cbor_reader *reader, const struct entry_header *header,
                     struct entry_body *body)
{
        uint64_t more;
        int r;

        body->base_locality = header->locality;
        if (cbor_peek_null(reader))
                return 0;
        r = begin_array(reader, BASE_ELEMENTS, &more);
        if (r == 0)
                r = cbor_read_uint(reader, INT64_MAX, &body->base.epoch);
        if (r == 0)
                r = cbor_read_uint(reader, INT64_MAX, &body->base.position);
        if (r == 0)
                r = read_id_or(reader, &header->locality, &body->base_locality);
        return r < 0 ? r : skip_items(reader, more);
}

/* An edit of a set or map carries a change of it, a creation the whole. */
static int read_change(struct cbor_reader *reader, const struct catalogue_type *type, bool change,
                       struct entry_change *ret)
{
        struct cbor_reader value;
        int index, r;

        r = cbor_skip(reader, &ret->raw);
        if (r < 0)
                return r;
        index = type ? catalogue_field_index(type, ret->number) : -1;
        if (index < 0)
                return 0;
        cbor_reader_init(&value, ret->raw);
        r = value_decode(&type->fields[index], change, &value, &ret->value);
        if (r < 0)
                return r;
        if (!cbor_at_end(&value))
                return FAIL(PANNIER_E_MALFORMED, "bytes behind a value");
        return 0;
}

static int read_changes(struct cbor_reader *reader, struct arena *arena, struct entry_body *body)
{
        const struct catalogue_type *type = catalogue_type_by_number(body->type);
        bool change = body->operation != ENTRY_CREATE;
        uint64_t count, number, least = 1;
        int r;

        r = cbor_read_map(reader, FIELD_COUNT_MAX, &count);
        if (r < 0)
                return r;
        body->changes = arena_alloc(arena, (count + 1) * sizeof(*body->changes));
        if (!body->changes)
                return FAIL(PANNIER_E_MEMORY, "no memory for the changes of an entry");
        body->change_count = count;
        for (uint64_t i = 0; r == 0 && i < count; i++) {
                r = cbor_read_uint(reader, FIELD_NUMBER_MAX, &number);
                if (r == 0 && number < least)
                        return FAIL(PANNIER_E_MALFORMED, "field numbers are not ascending");
                least = number + 1;
                body->changes[i].number = (uint16_t)number;
                if (r == 0)
                        r = read_change(reader, type, change, &body->changes[i]);
        }
        return r;
}

static int read_reason(struct cbor_reader *reader, struct entry_body *body)
{
        int r;

        if (cbor_peek_null(reader))
                return 0;
        r = cbor_read_text(reader, ENTRY_REASON_MAX, &body->reason);
        if (r == 0 && body->reason.size == 0)
                return FAIL(PANNIER_E_MALFORMED, "empty text where null stands for no reason");
        return r;
}

/* Who and when: from `previous` to the catalogue's version. */
static int read_author(struct cbor_reader *reader, const struct entry_header *header,
                       struct entry_body *body)
{
        uint64_t role = 0, quality = 0, version = 0;
        int r;

        r = cbor_read_uuid_or_none(reader, &body->previous);
        if (r == 0)
                r = cbor_read_uuid(reader, &body->author);
        if (r == 0)
                r = cbor_read_uint(reader, OPTION_NUMBER_MAX, &role);
        if (r == 0)
                r = cbor_read_uuid_or_none(reader, &body->sign_in);
        if (r == 0)
                r = compact_time_read(reader, &header->id, &body->recorded_ms);
        if (r == 0)
                r = cbor_read_uint(reader, INT64_MAX, &body->boot_id);
        if (r == 0)
                r = cbor_read_int(reader, &body->boot_ms);
        if (r == 0)
                r = cbor_read_uint(reader, CLOCK_SYNCHRONISED, &quality);
        if (r == 0)
                r = cbor_read_uint(reader, INT32_MAX, &version);
        if (r < 0)
                return r;
        body->role = (uint16_t)role;
        body->quality = (enum clock_quality)quality;
        body->catalogue_version = (uint32_t)version;
        return 0;
}

static int read_body(struct cbor_reader *reader, const struct entry_header *header,
                     struct arena *arena, struct entry_body *body)
{
        uint64_t more = 0, type = 0, operation = 0;
        int r;

        r = begin_array(reader, BODY_ELEMENTS, &more);
        if (r == 0)
                r = cbor_read_uint(reader, TYPE_NUMBER_MAX, &type);
        if (r == 0)
                r = read_id_or(reader, &header->id, &body->record);
        if (r == 0)
                r = read_person(reader, body);
        if (r == 0)
                r = cbor_read_uint(reader, ENTRY_DECIDE, &operation);
        if (r < 0)
                return r;
        if (type == 0 || operation == 0)
                return FAIL(PANNIER_E_MALFORMED, "type or operation is 0");
        body->type = (uint8_t)type;
        body->operation = (enum entry_operation)operation;
        r = read_base(reader, header, body);
        if (r == 0)
                r = read_author(reader, header, body);
        if (r == 0)
                r = read_changes(reader, arena, body);
        if (r == 0)
                r = read_reason(reader, body);
        if (r == 0 && more > 0) {
                r = cbor_read_uuid_or_none(reader, &body->instead);
                more--;
        }
        return r < 0 ? r : skip_items(reader, more);
}

int entry_body_decode(struct bytes clear, const struct entry_header *header, struct arena *arena,
                      struct entry_body *ret)
{
        struct entry_body body;
        struct cbor_reader reader;
        int r;

        if (clear.size > ENTRY_BODY_MAX)
                return FAIL(PANNIER_E_LIMIT, "body of %zu bytes", clear.size);
        memset(&body, 0, sizeof(body));
        cbor_reader_init(&reader, clear);
        r = read_body(&reader, header, arena, &body);
        if (r < 0)
                return r;
        if (!cbor_at_end(&reader))
                return FAIL(PANNIER_E_MALFORMED, "bytes behind a body");
        *ret = body;
        return 0;
}

void entry_body_hash(struct bytes body, uint8_t ret[HASH_SIZE])
{
        crypto_sha256(body, ret);
}

void entry_chain(const uint8_t previous[HASH_SIZE], struct bytes header, struct bytes body,
                 uint8_t ret[HASH_SIZE])
{
        uint8_t size[4] = {(uint8_t)(header.size >> 24), (uint8_t)(header.size >> 16),
                           (uint8_t)(header.size >> 8), (uint8_t)header.size};
        struct bytes parts[] = {BYTES(previous, HASH_SIZE), BYTES(size, sizeof(size)), header,
                                body};

        assert(header.size <= ENTRY_HEADER_MAX);
        crypto_sha256_parts(parts, sizeof(parts) / sizeof(parts[0]), ret);
}

void entry_head_message(const struct uuid *device, const struct uuid *incarnation, uint8_t lane,
                        uint64_t seq, const uint8_t head[HASH_SIZE], struct buffer *out)
{
        cbor_put_array(out, 6);
        cbor_put_text(out, bytes_text("lane"));
        cbor_put_uuid(out, device);
        cbor_put_uuid(out, incarnation);
        cbor_put_uint(out, lane);
        cbor_put_uint(out, seq);
        cbor_put_bytes(out, BYTES(head, HASH_SIZE));
}

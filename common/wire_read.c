/*
 * Decoding by the tables of wire_shape.h. A count or size is held against its limit, and by cbor.h against what is left of the
 * input, before anything is allocated by it.
 */
#include "common/wire_shape.h"

#include "common/error.h"

#include <assert.h>
#include <string.h>

enum { ELEMENTS_MAX = 64 }; /* of one array, those of a newer peer included */

static void store_uint(void *member, size_t size, uint64_t value)
{
        switch (size) {
        case 1:
                *(uint8_t *)member = (uint8_t)value;
                break;
        case 2:
                *(uint16_t *)member = (uint16_t)value;
                break;
        case 4:
                *(uint32_t *)member = (uint32_t)value;
                break;
        default:
                assert(size == 8);
                *(uint64_t *)member = value;
        }
}

static int read_part(struct wire_reader *wire, const struct shape *shape, uint8_t *object);

static int read_list(struct wire_reader *wire, const struct element *element, uint8_t *object)
{
        uint64_t count;
        uint8_t *item;
        int r;

        r = cbor_read_array(&wire->reader, element->limit, &count);
        if (r < 0)
                return r;
        if (count == 0)
                return 0;
        item = arena_alloc(wire->arena, count * element->size);
        if (!item)
                return FAIL(PANNIER_E_MEMORY, "no memory for a list");
        *(const uint8_t **)(void *)(object + element->offset) = item;
        *(size_t *)(void *)(object + element->count_offset) = count;
        for (uint64_t i = 0; r == 0 && i < count; i++, item += element->size) {
                if (element->form == FORM_IDS)
                        r = cbor_read_uuid(&wire->reader, (struct uuid *)item);
                else
                        r = read_part(wire, element->shape(), item);
        }
        return r;
}

static int read_octets(struct wire_reader *wire, size_t size, uint8_t *ret)
{
        struct bytes octets;
        int r;

        if (cbor_peek_null(&wire->reader))
                return 0;
        r = cbor_read_bytes(&wire->reader, size, &octets);
        if (r < 0)
                return r;
        if (octets.size != size || all_zero(octets.data, size))
                return FAIL(PANNIER_E_MALFORMED, "%zu bytes instead of %zu, or all of them zero",
                            octets.size, size);
        memcpy(ret, octets.data, size);
        return 0;
}

static int read_blob(struct wire_reader *wire, uint64_t limit, struct bytes *ret)
{
        int r;

        if (cbor_peek_null(&wire->reader))
                return 0;
        r = cbor_read_bytes(&wire->reader, limit, ret);
        if (r == 0 && ret->size == 0)
                return FAIL(PANNIER_E_MALFORMED, "empty bytes where null stands for none");
        return r;
}

static int read_option(struct wire_reader *wire, const struct element *element, void *member)
{
        uint8_t *part;

        if (cbor_peek_null(&wire->reader))
                return 0;
        part = arena_alloc(wire->arena, element->size);
        if (!part)
                return FAIL(PANNIER_E_MEMORY, "no memory for a part");
        *(const uint8_t **)member = part;
        return read_part(wire, element->shape(), part);
}

static int read_uint(struct wire_reader *wire, const struct element *element, void *member)
{
        uint64_t value;
        int r;

        r = cbor_read_uint(&wire->reader, element->limit, &value);
        if (r == 0)
                store_uint(member, element->size, value);
        return r;
}

static int read_element(struct wire_reader *wire, const struct element *element, uint8_t *object)
{
        void *member = object + element->offset;

        switch (element->form) {
        case FORM_UINT:
                return read_uint(wire, element, member);
        case FORM_INT:
                return cbor_read_int(&wire->reader, member);
        case FORM_BOOL:
                return cbor_read_bool(&wire->reader, member);
        case FORM_UUID:
                return cbor_read_uuid(&wire->reader, member);
        case FORM_ID:
                return cbor_read_uuid_or_none(&wire->reader, member);
        case FORM_OCTETS:
                return read_octets(wire, element->size, member);
        case FORM_BYTES:
                return cbor_read_bytes(&wire->reader, element->limit, member);
        case FORM_TEXT:
                return cbor_read_text(&wire->reader, element->limit, member);
        case FORM_BLOB:
                return read_blob(wire, element->limit, member);
        case FORM_STRUCT:
                return read_part(wire, element->shape(), member);
        case FORM_OPTION:
                return read_option(wire, element, member);
        case FORM_LIST:
        case FORM_IDS:
                return read_list(wire, element, object);
        }
        return FAIL(PANNIER_E_INTERNAL, "element of no form");
}

static int skip_items(struct cbor_reader *reader, uint64_t count)
{
        int r = 0;

        while (r == 0 && count-- > 0)
                r = cbor_skip(reader, NULL);
        return r;
}

/* What came to protocol 1 after its first builds: they leave it out, and then it is zero. */
static const struct {
        const char *name; /* of the shape */
        size_t count;     /* elements at its end */
} later[] = {
        {"wire_device_hello", 1}, /* closing */
        {"wire_lane_state", 1},   /* stopped */
};

static size_t least_of(const struct shape *shape)
{
        for (size_t i = 0; i < sizeof(later) / sizeof(later[0]); i++)
                if (strcmp(later[i].name, shape->name) == 0)
                        return shape->count - later[i].count;
        return shape->count;
}

/* @count: elements that the array has from here on */
static int read_elements(struct wire_reader *wire, const struct shape *shape, uint64_t count,
                         uint8_t *object)
{
        size_t known = count < shape->count ? (size_t)count : shape->count;
        int r;

        if (count < least_of(shape))
                return FAIL(PANNIER_E_MALFORMED, "%s has %llu elements instead of %zu", shape->name,
                            (unsigned long long)count, shape->count);
        for (size_t i = 0; i < known; i++) {
                r = read_element(wire, &shape->elements[i], object);
                if (r < 0)
                        return r;
        }
        for (size_t i = known; i < shape->count; i++) /* numbers: nothing that points anywhere */
                memset(object + shape->elements[i].offset, 0, shape->elements[i].size);
        return skip_items(&wire->reader, count - known);
}

static int read_part(struct wire_reader *wire, const struct shape *shape, uint8_t *object)
{
        uint64_t count;
        int r;

        r = cbor_read_array(&wire->reader, ELEMENTS_MAX, &count);
        if (r < 0)
                return r;
        return read_elements(wire, shape, count, object);
}

/* Head of a records message; its rows stay where they are until wire_records_next() reads them. */
static int read_records(struct wire_reader *wire, uint64_t count, struct wire_records *ret)
{
        struct cbor_reader *reader = &wire->reader;
        uint64_t type = 0, row_count = 0;
        struct bytes rows = BYTES_NONE;
        int r;

        if (count < 5)
                return FAIL(PANNIER_E_MALFORMED, "records message of %llu elements",
                            (unsigned long long)count);
        r = cbor_read_uuid(reader, &ret->locality);
        if (r == 0)
                r = cbor_read_uint(reader, WIRE_NUMBER_MAX, &ret->epoch);
        if (r == 0)
                r = cbor_read_uint(reader, TYPE_NUMBER_MAX, &type);
        if (r == 0)
                r = cbor_read_uint(reader, WIRE_ROWS_MAX, &row_count);
        if (r == 0)
                r = cbor_read_bytes(reader, WIRE_ANSWER_MAX, &rows);
        if (r < 0)
                return r;
        if (type == 0)
                return FAIL(PANNIER_E_MALFORMED, "records of type 0");
        ret->type = (uint8_t)type;
        ret->row_count = row_count;
        cbor_reader_init(&ret->reader, rows);
        return skip_items(reader, count - 5);
}

void wire_reader_init(struct wire_reader *reader, struct bytes sequence, struct arena *arena)
{
        cbor_reader_init(&reader->reader, sequence);
        reader->arena = arena;
}

/* The rest of a message of a known kind, @count elements. */
static int read_message(struct wire_reader *reader, const struct message_kind *found,
                        uint64_t count, struct wire_message *ret)
{
        struct wire_message message;
        int r;

        memset(&message, 0, sizeof(message));
        message.kind = found->kind;
        if (found->shape) /* all members of the union begin where it begins */
                r = read_elements(reader, found->shape(), count, (uint8_t *)&message.records);
        else
                r = read_records(reader, count, &message.records);
        if (r < 0)
                return r;
        *ret = message;
        return 1;
}

int wire_next(struct wire_reader *reader, struct wire_message *ret)
{
        const struct message_kind *found;
        uint64_t count, kind;
        int r;

        while (!cbor_at_end(&reader->reader)) {
                r = cbor_read_array(&reader->reader, ELEMENTS_MAX, &count);
                if (r < 0)
                        return r;
                if (count == 0)
                        return FAIL(PANNIER_E_MALFORMED, "message without a kind");
                r = cbor_read_uint(&reader->reader, WIRE_KIND_MAX, &kind);
                if (r < 0)
                        return r;
                found = wire_find_kind(kind);
                if (found)
                        return read_message(reader, found, count - 1, ret);
                if (kind < WIRE_KIND_SKIP)
                        return FAIL(PANNIER_E_TOO_NEW, "message of kind %llu: upgrade needed",
                                    (unsigned long long)kind);
                r = skip_items(&reader->reader, count - 1);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* Read one part that stands alone, such as a receipt out of a database. */
static int read_alone(struct bytes encoded, const struct shape *shape, struct arena *arena,
                      void *object)
{
        struct wire_reader reader;
        int r;

        wire_reader_init(&reader, encoded, arena);
        r = read_part(&reader, shape, object);
        if (r == 0 && !cbor_at_end(&reader.reader))
                return FAIL(PANNIER_E_MALFORMED, "bytes behind a %s", shape->name);
        return r;
}

#define PART_READ(name, fields)                                                                    \
        int name##_read(struct bytes encoded, struct arena *arena, struct name *ret)               \
        {                                                                                          \
                struct name part;                                                                  \
                int r;                                                                             \
                                                                                                   \
                memset(&part, 0, sizeof(part));                                                    \
                r = read_alone(encoded, shape_##name(), arena, &part);                             \
                if (r == 0)                                                                        \
                        *ret = part;                                                               \
                return r;                                                                          \
        }
WIRE_PARTS(PART_READ)

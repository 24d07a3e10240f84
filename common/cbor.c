/*
 * Every item begins with a head: a byte of major type (3 bits) and additional information (5 bits), then the
 * argument in 0, 1, 2, 4 or 8 bytes, big endian (RFC 8949 §3). The deterministic form is a rule on heads, the order
 * of map keys apart, so heads are what this file reads and writes.
 */
#include "common/cbor.h"

#include "common/error.h"

#include <endian.h>
#include <string.h>

enum major {
        MAJOR_UINT,
        MAJOR_NINT,
        MAJOR_BYTES,
        MAJOR_TEXT,
        MAJOR_ARRAY,
        MAJOR_MAP,
        MAJOR_TAG,
        MAJOR_SIMPLE
};

enum { SIMPLE_FALSE = 20, SIMPLE_TRUE = 21, SIMPLE_NULL = 22 };
enum { HEAD_MAX = 9 }; /* bytes of the longest head */
enum {
        INFO_DIRECT = 23, /* additional information up to here is the argument itself */
        INFO_UINT8 = 24,
        INFO_UINT64 = 27
};

/* The shortest head; returns its size. */
static size_t write_head(uint8_t to[HEAD_MAX], enum major major, uint64_t argument)
{
        uint8_t first = (uint8_t)((unsigned int)major << 5);
        unsigned int power = 0; /* the argument takes 2^power bytes */
        uint64_t big_endian;

        if (argument <= INFO_DIRECT) {
                to[0] = (uint8_t)(first | argument);
                return 1;
        }
        if (argument > UINT8_MAX)
                power = argument <= UINT16_MAX ? 1 : argument <= UINT32_MAX ? 2 : 3;
        to[0] = (uint8_t)(first | (INFO_UINT8 + power));
        big_endian = htobe64(argument << (64 - (8u << power)));
        memcpy(to + 1, &big_endian, sizeof(big_endian));
        return 1 + ((size_t)1 << power);
}

static void put_head(struct buffer *out, enum major major, uint64_t argument)
{
        uint8_t *to = buffer_room(out, HEAD_MAX);
        uint8_t head[HEAD_MAX];

        if (to)
                out->size += write_head(to, major, argument);
        else /* at the end of the buffer, or of its limit: only what is needed */
                buffer_append(out, BYTES(head, write_head(head, major, argument)));
}

void cbor_put_uint(struct buffer *out, uint64_t value)
{
        put_head(out, MAJOR_UINT, value);
}

void cbor_put_int(struct buffer *out, int64_t value)
{
        if (value >= 0)
                put_head(out, MAJOR_UINT, (uint64_t)value);
        else
                put_head(out, MAJOR_NINT, ~(uint64_t)value); /* -1 - value */
}

void cbor_put_bytes(struct buffer *out, struct bytes value)
{
        put_head(out, MAJOR_BYTES, value.size);
        buffer_append(out, value);
}

void cbor_put_text(struct buffer *out, struct bytes utf8)
{
        put_head(out, MAJOR_TEXT, utf8.size);
        buffer_append(out, utf8);
}

void cbor_put_uuid(struct buffer *out, const struct uuid *id)
{
        if (uuid_is_none(id))
                cbor_put_null(out);
        else
                cbor_put_bytes(out, BYTES(id->bytes, sizeof(id->bytes)));
}

void cbor_put_bool(struct buffer *out, bool value)
{
        put_head(out, MAJOR_SIMPLE, value ? SIMPLE_TRUE : SIMPLE_FALSE);
}

void cbor_put_null(struct buffer *out)
{
        put_head(out, MAJOR_SIMPLE, SIMPLE_NULL);
}

void cbor_put_array(struct buffer *out, size_t count)
{
        put_head(out, MAJOR_ARRAY, count);
}

void cbor_put_map(struct buffer *out, size_t count)
{
        put_head(out, MAJOR_MAP, count);
}

void cbor_reader_init(struct cbor_reader *reader, struct bytes input)
{
        *reader = (struct cbor_reader){.input = input};
}

bool cbor_at_end(const struct cbor_reader *reader)
{
        return reader->offset >= reader->input.size;
}

static size_t left_in(const struct cbor_reader *reader)
{
        return reader->input.size - reader->offset;
}

static int read_argument(const struct cbor_reader *reader, unsigned int info, uint64_t *ret,
                         size_t *ret_size)
{
        const uint8_t *from = reader->input.data + reader->offset + 1;
        uint64_t argument = 0;
        size_t size;

        if (info > INFO_UINT64)
                return FAIL(PANNIER_E_MALFORMED, "CBOR at byte %zu: indefinite or reserved head",
                            reader->offset);
        size = (size_t)1 << (info - INFO_UINT8);
        if (left_in(reader) - 1 < size)
                return FAIL(PANNIER_E_MALFORMED, "CBOR at byte %zu: head is cut", reader->offset);
        for (size_t i = 0; i < size; i++)
                argument = argument << 8 | from[i];
        /* What fits the next shorter head is not the shortest form. */
        if (size == 1 ? argument <= INFO_DIRECT : argument >> (4 * size) == 0)
                return FAIL(PANNIER_E_MALFORMED, "CBOR at byte %zu: not the shortest head",
                            reader->offset);
        *ret = argument;
        *ret_size = size;
        return 0;
}

/*
 * The take_…() read what follows a head that ends at @offset. They write the fields of @ret one by one and nothing
 * before the item is proven good: copying a whole item would cost more than reading it.
 */
static int take_string(struct cbor_reader *reader, size_t offset, enum cbor_kind kind,
                       uint64_t size, struct cbor_item *ret)
{
        const uint8_t *data = reader->input.data + offset;

        if (size > reader->input.size - offset)
                return FAIL(PANNIER_E_MALFORMED,
                            "CBOR at byte %zu: string of %llu bytes, %zu are left", reader->offset,
                            (unsigned long long)size, reader->input.size - offset);
        if (kind == CBOR_TEXT && !bytes_is_utf8(BYTES(data, (size_t)size)))
                return FAIL(PANNIER_E_MALFORMED, "CBOR at byte %zu: text is not UTF-8 without NUL",
                            reader->offset);
        ret->kind = kind;
        ret->bytes.data = data;
        ret->bytes.size = (size_t)size;
        reader->offset = offset + (size_t)size;
        return 0;
}

static int take_simple(struct cbor_reader *reader, size_t offset, uint64_t argument,
                       struct cbor_item *ret)
{
        switch (argument) {
        case SIMPLE_FALSE:
        case SIMPLE_TRUE:
                ret->kind = CBOR_BOOL;
                ret->number = argument == SIMPLE_TRUE;
                break;
        case SIMPLE_NULL:
                ret->kind = CBOR_NULL;
                ret->number = 0;
                break;
        default:
                return FAIL(PANNIER_E_MALFORMED, "CBOR at byte %zu: float or simple value",
                            reader->offset);
        }
        reader->offset = offset;
        return 0;
}

static int take_number(struct cbor_reader *reader, size_t offset, enum cbor_kind kind,
                       uint64_t argument, struct cbor_item *ret)
{
        if (argument > INT64_MAX)
                return FAIL(PANNIER_E_MALFORMED, "CBOR at byte %zu: integer past 63 bits",
                            reader->offset);
        ret->kind = kind;
        ret->number = kind == CBOR_UINT ? (int64_t)argument : -1 - (int64_t)argument;
        reader->offset = offset;
        return 0;
}

/* Each element takes a byte at least, each pair two: more than that cannot be there. */
static int take_count(struct cbor_reader *reader, size_t offset, enum cbor_kind kind,
                      uint64_t argument, struct cbor_item *ret)
{
        size_t left = reader->input.size - offset;

        if (argument > left / (kind == CBOR_MAP ? 2 : 1))
                return FAIL(PANNIER_E_MALFORMED,
                            "CBOR at byte %zu: %llu elements, %zu bytes are left", reader->offset,
                            (unsigned long long)argument, left);
        ret->kind = kind;
        ret->count = argument;
        reader->offset = offset;
        return 0;
}

static int take_item(struct cbor_reader *reader, size_t offset, enum major major, uint64_t argument,
                     struct cbor_item *ret)
{
        switch (major) {
        case MAJOR_UINT:
                return take_number(reader, offset, CBOR_UINT, argument, ret);
        case MAJOR_NINT:
                return take_number(reader, offset, CBOR_NINT, argument, ret);
        case MAJOR_BYTES:
                return take_string(reader, offset, CBOR_BYTES, argument, ret);
        case MAJOR_TEXT:
                return take_string(reader, offset, CBOR_TEXT, argument, ret);
        case MAJOR_ARRAY:
                return take_count(reader, offset, CBOR_ARRAY, argument, ret);
        case MAJOR_MAP:
                return take_count(reader, offset, CBOR_MAP, argument, ret);
        case MAJOR_TAG:
                return FAIL(PANNIER_E_MALFORMED, "CBOR at byte %zu: tag", reader->offset);
        case MAJOR_SIMPLE:
                return take_simple(reader, offset, argument, ret);
        }
        return FAIL(PANNIER_E_INTERNAL, "major type %d", (int)major);
}

static inline int next_item(struct cbor_reader *reader, struct cbor_item *ret)
{
        size_t argument_size = 0;
        unsigned int info;
        uint64_t argument;
        uint8_t first;
        int r;

        if (cbor_at_end(reader))
                return FAIL(PANNIER_E_MALFORMED, "CBOR ends at byte %zu, in the middle",
                            reader->offset);
        first = reader->input.data[reader->offset];
        info = first & 31u;
        argument = info;
        if (info > INFO_DIRECT) {
                /* Of the simple values only those in a short head are ours; in a long one they are floats. */
                if (first >> 5 == MAJOR_SIMPLE)
                        return FAIL(PANNIER_E_MALFORMED, "CBOR at byte %zu: float or simple value",
                                    reader->offset);
                r = read_argument(reader, info, &argument, &argument_size);
                if (r < 0)
                        return r;
        }
        return take_item(reader, reader->offset + 1 + argument_size, (enum major)(first >> 5),
                         argument, ret);
}

int cbor_next(struct cbor_reader *reader, struct cbor_item *ret)
{
        return next_item(reader, ret);
}

static int skip(struct cbor_reader *reader, unsigned int depth);

static int skip_pairs(struct cbor_reader *reader, uint64_t count, unsigned int depth)
{
        struct bytes previous = BYTES_NONE;

        for (uint64_t i = 0; i < count; i++) {
                size_t start = reader->offset;
                struct bytes key;
                int r = skip(reader, depth);

                if (r < 0)
                        return r;
                key = BYTES(reader->input.data + start, reader->offset - start);
                if (i > 0 && bytes_compare(previous, key) >= 0)
                        return FAIL(PANNIER_E_MALFORMED,
                                    "CBOR at byte %zu: key is out of order or there twice", start);
                previous = key;
                r = skip(reader, depth);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int skip(struct cbor_reader *reader, unsigned int depth)
{
        struct cbor_item item;
        int r = next_item(reader, &item);

        if (r < 0 || (item.kind != CBOR_ARRAY && item.kind != CBOR_MAP))
                return r;
        if (depth == CBOR_DEPTH_MAX)
                return FAIL(PANNIER_E_MALFORMED, "CBOR before byte %zu: more than %d levels",
                            reader->offset, CBOR_DEPTH_MAX);
        if (item.kind == CBOR_MAP)
                return skip_pairs(reader, item.count, depth + 1);
        for (uint64_t i = 0; i < item.count; i++) {
                r = skip(reader, depth + 1);
                if (r < 0)
                        return r;
        }
        return 0;
}

int cbor_skip(struct cbor_reader *reader, struct bytes *ret_raw)
{
        struct cbor_reader ahead = *reader;
        int r = skip(&ahead, 0);

        if (r < 0)
                return r;
        if (ret_raw)
                *ret_raw =
                        BYTES(reader->input.data + reader->offset, ahead.offset - reader->offset);
        reader->offset = ahead.offset;
        return 0;
}

bool cbor_peek_null(struct cbor_reader *reader)
{
        if (cbor_at_end(reader) ||
            reader->input.data[reader->offset] != (MAJOR_SIMPLE << 5 | SIMPLE_NULL))
                return false;
        reader->offset++;
        return true;
}

static const char *kind_name(enum cbor_kind kind)
{
        static const char *const names[] = {
                [CBOR_UINT] = "unsigned integer", [CBOR_NINT] = "negative integer",
                [CBOR_BYTES] = "byte string",     [CBOR_TEXT] = "text",
                [CBOR_ARRAY] = "array",           [CBOR_MAP] = "map",
                [CBOR_BOOL] = "boolean",          [CBOR_NULL] = "null",
        };

        return names[kind];
}

/* Read an item of @kind; the reader stays where it was on another one. */
static int expect(struct cbor_reader *reader, enum cbor_kind kind, struct cbor_item *ret)
{
        size_t start = reader->offset;
        int r = next_item(reader, ret);

        if (r < 0 || ret->kind == kind)
                return r;
        reader->offset = start;
        return FAIL(PANNIER_E_MALFORMED, "CBOR at byte %zu: %s where %s belongs", start,
                    kind_name(ret->kind), kind_name(kind));
}

static int out_of_range(const struct cbor_reader *reader, uint64_t have, uint64_t max)
{
        return FAIL(PANNIER_E_MALFORMED, "CBOR before byte %zu: %llu, at most %llu belong here",
                    reader->offset, (unsigned long long)have, (unsigned long long)max);
}

int cbor_read_uint(struct cbor_reader *reader, uint64_t max, uint64_t *ret)
{
        struct cbor_item item;
        int r = expect(reader, CBOR_UINT, &item);

        if (r < 0)
                return r;
        if ((uint64_t)item.number > max)
                return out_of_range(reader, (uint64_t)item.number, max);
        *ret = (uint64_t)item.number;
        return 0;
}

int cbor_read_int(struct cbor_reader *reader, int64_t *ret)
{
        size_t start = reader->offset;
        struct cbor_item item;
        int r = next_item(reader, &item);

        if (r < 0)
                return r;
        if (item.kind != CBOR_UINT && item.kind != CBOR_NINT) {
                reader->offset = start;
                return FAIL(PANNIER_E_MALFORMED, "CBOR at byte %zu: %s where an integer belongs",
                            start, kind_name(item.kind));
        }
        *ret = item.number;
        return 0;
}

int cbor_read_key(struct cbor_reader *reader, uint64_t max, int64_t *previous, uint64_t *ret)
{
        uint64_t key;
        int r = cbor_read_uint(reader, max, &key);

        if (r < 0)
                return r;
        if ((int64_t)key <= *previous)
                return FAIL(PANNIER_E_MALFORMED,
                            "CBOR before byte %zu: key is out of order or there twice",
                            reader->offset);
        *previous = (int64_t)key;
        *ret = key;
        return 0;
}

static int read_string(struct cbor_reader *reader, enum cbor_kind kind, size_t size_max,
                       struct bytes *ret)
{
        struct cbor_item item;
        int r = expect(reader, kind, &item);

        if (r < 0)
                return r;
        if (item.bytes.size > size_max)
                return out_of_range(reader, item.bytes.size, size_max);
        *ret = item.bytes;
        return 0;
}

int cbor_read_bytes(struct cbor_reader *reader, size_t size_max, struct bytes *ret)
{
        return read_string(reader, CBOR_BYTES, size_max, ret);
}

int cbor_read_text(struct cbor_reader *reader, size_t size_max, struct bytes *ret)
{
        return read_string(reader, CBOR_TEXT, size_max, ret);
}

int cbor_read_uuid(struct cbor_reader *reader, struct uuid *ret)
{
        struct bytes value;
        struct uuid id;
        int r = cbor_read_bytes(reader, sizeof(id.bytes), &value);

        if (r < 0)
                return r;
        if (value.size != sizeof(id.bytes))
                return FAIL(PANNIER_E_MALFORMED, "CBOR before byte %zu: an id has 16 bytes",
                            reader->offset);
        memcpy(id.bytes, value.data, sizeof(id.bytes));
        if (uuid_is_none(&id)) /* one id has one form: "none" is null */
                return FAIL(PANNIER_E_MALFORMED, "CBOR before byte %zu: an id of zeros",
                            reader->offset);
        *ret = id;
        return 0;
}

int cbor_read_uuid_or_none(struct cbor_reader *reader, struct uuid *ret)
{
        if (cbor_peek_null(reader)) {
                *ret = UUID_NONE;
                return 0;
        }
        return cbor_read_uuid(reader, ret);
}

int cbor_read_bool(struct cbor_reader *reader, bool *ret)
{
        struct cbor_item item;
        int r = expect(reader, CBOR_BOOL, &item);

        if (r < 0)
                return r;
        *ret = item.number != 0;
        return 0;
}

static int read_count(struct cbor_reader *reader, enum cbor_kind kind, uint64_t count_max,
                      uint64_t *ret_count)
{
        struct cbor_item item;
        int r = expect(reader, kind, &item);

        if (r < 0)
                return r;
        if (item.count > count_max)
                return out_of_range(reader, item.count, count_max);
        *ret_count = item.count;
        return 0;
}

int cbor_read_array(struct cbor_reader *reader, uint64_t count_max, uint64_t *ret_count)
{
        return read_count(reader, CBOR_ARRAY, count_max, ret_count);
}

int cbor_read_map(struct cbor_reader *reader, uint64_t count_max, uint64_t *ret_count)
{
        return read_count(reader, CBOR_MAP, count_max, ret_count);
}

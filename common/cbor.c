/*
 * Every item begins with a head: a byte of major type (3 bits) and additional information (5 bits), then the
 * argument in 0, 1, 2, 4 or 8 bytes, big endian (RFC 8949 §3). The deterministic form is a rule on heads, the order
 * of map keys apart, so heads are what this file reads and writes.
 */
#include "common/cbor.h"

#include "common/error.h"

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

static void put_head(struct buffer *out, enum major major, uint64_t argument)
{
        uint8_t *to = buffer_reserve(out, HEAD_MAX);
        unsigned int power = 0; /* the argument takes 2^power bytes */

        if (!to)
                return;
        if (argument <= INFO_DIRECT) {
                *to = (uint8_t)((unsigned int)major << 5 | argument);
                out->size += 1;
                return;
        }
        while (power < 3 && argument >> (8u << power))
                power++;
        *to++ = (uint8_t)((unsigned int)major << 5 | (INFO_UINT8 + power));
        for (unsigned int shift = 8u << power; shift > 0; shift -= 8)
                *to++ = (uint8_t)(argument >> (shift - 8));
        out->size += 1 + ((size_t)1 << power);
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

static int read_head(struct cbor_reader *reader, enum major *ret_major, uint64_t *ret_argument)
{
        size_t size, left = left_in(reader);
        const uint8_t *from;
        unsigned int info;
        uint64_t argument = 0;

        if (left == 0)
                return FAIL(PANNIER_E_MALFORMED, "CBOR ends at byte %zu, in the middle",
                            reader->offset);
        from = reader->input.data + reader->offset;
        info = *from & 31u;
        *ret_major = (enum major)(*from >> 5);
        if (info <= INFO_DIRECT) {
                *ret_argument = info;
                reader->offset++;
                return 0;
        }
        if (info > INFO_UINT64)
                return FAIL(PANNIER_E_MALFORMED, "CBOR at byte %zu: indefinite or reserved head",
                            reader->offset);
        size = (size_t)1 << (info - INFO_UINT8);
        if (left - 1 < size)
                return FAIL(PANNIER_E_MALFORMED, "CBOR at byte %zu: head is cut", reader->offset);
        for (size_t i = 1; i <= size; i++)
                argument = argument << 8 | from[i];
        /* What fits the next shorter head is not the shortest form. */
        if (size == 1 ? argument <= INFO_DIRECT : argument >> (4 * size) == 0)
                return FAIL(PANNIER_E_MALFORMED, "CBOR at byte %zu: not the shortest head",
                            reader->offset);
        *ret_argument = argument;
        reader->offset += 1 + size;
        return 0;
}

static int take_string(struct cbor_reader *reader, uint64_t size, struct bytes *ret)
{
        if (size > left_in(reader))
                return FAIL(PANNIER_E_MALFORMED,
                            "CBOR at byte %zu: string of %llu bytes, %zu are left", reader->offset,
                            (unsigned long long)size, left_in(reader));
        *ret = BYTES(reader->input.data + reader->offset, (size_t)size);
        reader->offset += (size_t)size;
        return 0;
}

static int take_text(struct cbor_reader *reader, uint64_t size, struct bytes *ret)
{
        size_t start = reader->offset;
        struct bytes text;
        int r = take_string(reader, size, &text);

        if (r < 0)
                return r;
        if (!bytes_is_utf8(text))
                return FAIL(PANNIER_E_MALFORMED, "CBOR at byte %zu: text is not UTF-8 without NUL",
                            start);
        *ret = text;
        return 0;
}

static int take_simple(const struct cbor_reader *reader, uint64_t argument, struct cbor_item *item)
{
        switch (argument) {
        case SIMPLE_FALSE:
        case SIMPLE_TRUE:
                item->kind = CBOR_BOOL;
                item->number = argument == SIMPLE_TRUE;
                return 0;
        case SIMPLE_NULL:
                item->kind = CBOR_NULL;
                return 0;
        default:
                return FAIL(PANNIER_E_MALFORMED, "CBOR before byte %zu: float or simple value",
                            reader->offset);
        }
}

static int take_number(const struct cbor_reader *reader, enum cbor_kind kind, uint64_t argument,
                       struct cbor_item *item)
{
        if (argument > INT64_MAX)
                return FAIL(PANNIER_E_MALFORMED, "CBOR before byte %zu: integer past 63 bits",
                            reader->offset);
        item->kind = kind;
        item->number = kind == CBOR_UINT ? (int64_t)argument : -1 - (int64_t)argument;
        return 0;
}

/* Each element takes a byte at least, each pair two: more than that cannot be there. */
static int take_count(const struct cbor_reader *reader, enum cbor_kind kind, uint64_t argument,
                      struct cbor_item *item)
{
        if (argument > left_in(reader) / (kind == CBOR_MAP ? 2 : 1))
                return FAIL(PANNIER_E_MALFORMED,
                            "CBOR before byte %zu: %llu elements, %zu bytes are left",
                            reader->offset, (unsigned long long)argument, left_in(reader));
        item->kind = kind;
        item->count = argument;
        return 0;
}

static int take_item(struct cbor_reader *reader, enum major major, uint64_t argument,
                     struct cbor_item *item)
{
        switch (major) {
        case MAJOR_UINT:
                return take_number(reader, CBOR_UINT, argument, item);
        case MAJOR_NINT:
                return take_number(reader, CBOR_NINT, argument, item);
        case MAJOR_BYTES:
                item->kind = CBOR_BYTES;
                return take_string(reader, argument, &item->bytes);
        case MAJOR_TEXT:
                item->kind = CBOR_TEXT;
                return take_text(reader, argument, &item->bytes);
        case MAJOR_ARRAY:
                return take_count(reader, CBOR_ARRAY, argument, item);
        case MAJOR_MAP:
                return take_count(reader, CBOR_MAP, argument, item);
        case MAJOR_TAG:
                return FAIL(PANNIER_E_MALFORMED, "CBOR before byte %zu: tag", reader->offset);
        case MAJOR_SIMPLE:
                return take_simple(reader, argument, item);
        }
        return FAIL(PANNIER_E_INTERNAL, "major type %d", (int)major);
}

int cbor_next(struct cbor_reader *reader, struct cbor_item *ret)
{
        struct cbor_reader ahead = *reader;
        struct cbor_item item = {0};
        enum major major;
        uint64_t argument;
        int r;

        r = read_head(&ahead, &major, &argument);
        if (r < 0)
                return r;
        /* A number in an 8-byte simple head would be a float: only the short heads are simple values. */
        if (major == MAJOR_SIMPLE && ahead.offset - reader->offset != 1)
                return FAIL(PANNIER_E_MALFORMED, "CBOR at byte %zu: float or simple value",
                            reader->offset);
        r = take_item(&ahead, major, argument, &item);
        if (r < 0)
                return r;
        reader->offset = ahead.offset;
        *ret = item;
        return 0;
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
        int r = cbor_next(reader, &item);

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
        struct cbor_reader ahead = *reader;
        int r = cbor_next(&ahead, ret);

        if (r < 0)
                return r;
        if (ret->kind != kind)
                return FAIL(PANNIER_E_MALFORMED, "CBOR at byte %zu: %s where %s belongs",
                            reader->offset, kind_name(ret->kind), kind_name(kind));
        reader->offset = ahead.offset;
        return 0;
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
        struct cbor_reader ahead = *reader;
        struct cbor_item item;
        int r = cbor_next(&ahead, &item);

        if (r < 0)
                return r;
        if (item.kind != CBOR_UINT && item.kind != CBOR_NINT)
                return FAIL(PANNIER_E_MALFORMED, "CBOR at byte %zu: %s where an integer belongs",
                            reader->offset, kind_name(item.kind));
        reader->offset = ahead.offset;
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

#include "store/stamps.h"

#include "common/error.h"

#include <string.h>

enum { PARTS_FIRST = 16, PARTS_MAX = 1 << 20, BY_STORE = 4 };

void stamps_init(struct stamps *stamps, struct arena *arena)
{
        *stamps = (struct stamps){.arena = arena};
}

static int compare_place(const struct stamp_part *part, uint16_t field, struct bytes element)
{
        if (part->field != field)
                return part->field < field ? -1 : 1;
        return bytes_compare(part->element, element);
}

/* First place that is not below (field, element). */
static size_t place_of(const struct stamps *stamps, uint16_t field, struct bytes element)
{
        size_t low = 0, high = stamps->count;

        while (low < high) {
                size_t middle = low + (high - low) / 2;

                if (compare_place(&stamps->parts[middle], field, element) < 0)
                        low = middle + 1;
                else
                        high = middle;
        }
        return low;
}

static bool is_at(const struct stamps *stamps, size_t place, uint16_t field, struct bytes element)
{
        return place < stamps->count && compare_place(&stamps->parts[place], field, element) == 0;
}

const struct stamp *stamps_find(const struct stamps *stamps, uint16_t field, struct bytes element)
{
        size_t place = place_of(stamps, field, element);

        return is_at(stamps, place, field, element) ? &stamps->parts[place].stamp : NULL;
}

/* The old array stays in the arena; arrays double, so that is at most as much again. */
static int grow(struct stamps *stamps)
{
        size_t capacity = stamps->capacity ? 2 * stamps->capacity : PARTS_FIRST;
        struct stamp_part *parts = arena_alloc(stamps->arena, capacity * sizeof(*parts));

        if (!parts)
                return FAIL(PANNIER_E_MEMORY, "%zu stamps", capacity);
        if (stamps->count)
                memcpy(parts, stamps->parts, stamps->count * sizeof(*parts));
        stamps->parts = parts;
        stamps->capacity = capacity;
        return 0;
}

int stamps_set(struct stamps *stamps, uint16_t field, struct bytes element,
               const struct stamp *stamp)
{
        size_t place = place_of(stamps, field, element);
        struct stamp_part part = {.field = field, .stamp = *stamp};

        if (is_at(stamps, place, field, element)) {
                stamps->parts[place].stamp = *stamp;
                return 0;
        }
        if (element.size) {
                part.element = arena_copy(stamps->arena, element);
                if (!part.element.data)
                        return FAIL(PANNIER_E_MEMORY, "a stamp");
        }
        if (stamps->count == stamps->capacity) {
                int r = grow(stamps);

                if (r < 0)
                        return r;
        }
        memmove(stamps->parts + place + 1, stamps->parts + place,
                (stamps->count - place) * sizeof(*stamps->parts));
        stamps->parts[place] = part;
        stamps->count++;
        return 0;
}

void stamps_clear(struct stamps *stamps, uint16_t field, struct bytes element)
{
        size_t place = place_of(stamps, field, element);

        if (!is_at(stamps, place, field, element))
                return;
        stamps->count--;
        memmove(stamps->parts + place, stamps->parts + place + 1,
                (stamps->count - place) * sizeof(*stamps->parts));
}

int stamps_compare(const struct stamp *a, const struct stamp *b)
{
        if (a->quality != b->quality)
                return a->quality < b->quality ? -1 : 1;
        if (a->corrected_ms != b->corrected_ms)
                return a->corrected_ms < b->corrected_ms ? -1 : 1;
        return uuid_compare(&a->entry, &b->entry);
}

static bool same(const struct stamp *a, const struct stamp *b)
{
        return a->position == b->position && a->quality == b->quality &&
               a->corrected_ms == b->corrected_ms && a->by_store == b->by_store &&
               uuid_equal(&a->entry, &b->entry);
}

/* Is this the first part with its stamp? Fields that were set together share one row of the encoding. */
static bool is_first(const struct stamps *stamps, size_t place)
{
        for (size_t i = 0; i < place; i++)
                if (same(&stamps->parts[i].stamp, &stamps->parts[place].stamp))
                        return false;
        return true;
}

static void encode_part(const struct stamp_part *part, struct buffer *out)
{
        if (part->element.size) {
                cbor_put_array(out, 2);
                cbor_put_uint(out, part->field);
                buffer_append(out, part->element);
        } else {
                cbor_put_uint(out, part->field);
        }
}

static void encode_row(const struct stamps *stamps, size_t first, struct buffer *out)
{
        const struct stamp *stamp = &stamps->parts[first].stamp;
        size_t count = 0;

        for (size_t i = first; i < stamps->count; i++)
                count += same(stamp, &stamps->parts[i].stamp);
        cbor_put_array(out, 5);
        cbor_put_uint(out, stamp->position);
        cbor_put_uint(out, stamp->quality + (stamp->by_store ? BY_STORE : 0u));
        cbor_put_int(out, stamp->corrected_ms);
        cbor_put_uuid(out, &stamp->entry);
        cbor_put_array(out, count);
        for (size_t i = first; i < stamps->count; i++)
                if (same(stamp, &stamps->parts[i].stamp))
                        encode_part(&stamps->parts[i], out);
}

void stamps_encode(const struct stamps *stamps, struct buffer *out)
{
        size_t rows = 0;

        if (!stamps->count)
                return;
        for (size_t i = 0; i < stamps->count; i++)
                rows += is_first(stamps, i);
        cbor_put_array(out, rows);
        for (size_t i = 0; i < stamps->count; i++)
                if (is_first(stamps, i))
                        encode_row(stamps, i, out);
}

static int decode_part(struct cbor_reader *reader, struct stamps *stamps, const struct stamp *stamp)
{
        struct cbor_reader ahead = *reader;
        struct bytes element = BYTES_NONE;
        struct cbor_item item;
        uint64_t field;
        int r;

        r = cbor_next(&ahead, &item);
        if (r < 0)
                return r;
        if (item.kind == CBOR_ARRAY) {
                if (item.count != 2)
                        return FAIL(PANNIER_E_MALFORMED, "a stamp's place");
                *reader = ahead;
        }
        r = cbor_read_uint(reader, FIELD_NUMBER_MAX, &field);
        if (r >= 0 && item.kind == CBOR_ARRAY)
                r = cbor_skip(reader, &element);
        if (r < 0)
                return r;
        return stamps_set(stamps, (uint16_t)field, element, stamp);
}

static int decode_row(struct cbor_reader *reader, struct stamps *stamps)
{
        struct stamp stamp;
        uint64_t count, quality;
        int r;

        r = cbor_read_array(reader, 5, &count);
        if (r >= 0 && count != 5)
                return FAIL(PANNIER_E_MALFORMED, "a stamp has 5 parts");
        if (r >= 0)
                r = cbor_read_uint(reader, INT64_MAX, &stamp.position);
        if (r >= 0)
                r = cbor_read_uint(reader, BY_STORE + CLOCK_SYNCHRONISED, &quality);
        if (r >= 0)
                r = cbor_read_int(reader, &stamp.corrected_ms);
        if (r >= 0)
                r = cbor_read_uuid(reader, &stamp.entry);
        if (r >= 0)
                r = cbor_read_array(reader, PARTS_MAX, &count);
        if (r < 0)
                return r;
        stamp.quality = (enum clock_quality)(quality % BY_STORE);
        stamp.by_store = quality >= BY_STORE;
        while (r >= 0 && count-- > 0)
                r = decode_part(reader, stamps, &stamp);
        return r;
}

int stamps_decode(struct bytes encoded, struct stamps *stamps)
{
        struct cbor_reader reader;
        uint64_t rows;
        int r;

        if (!encoded.size)
                return 0;
        cbor_reader_init(&reader, encoded);
        r = cbor_read_array(&reader, PARTS_MAX, &rows);
        while (r >= 0 && rows-- > 0)
                r = decode_row(&reader, stamps);
        return r;
}

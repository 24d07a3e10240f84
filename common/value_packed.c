/*
 * Merging is merging of sorted lists: of what stands, what is added and what is removed, the least item of all goes next.
 */
#include "common/value_packed.h"

#include "common/error.h"

#include <string.h>

/* Items of a sorted array, or keys and values of a map, one after the other. */
struct items {
        struct cbor_reader reader;
        uint64_t left; /* behind the present one */
        bool map;
        bool there;            /* item and raw are of the present one */
        struct bytes raw;      /* of the element or key */
        struct bytes value;    /* of a map: the value behind the key */
        struct cbor_item item; /* head of the element or key */
};

static int items_next(struct items *items)
{
        struct cbor_reader head = items->reader;
        struct bytes before = items->raw;
        bool first = !items->there;
        int r;

        items->there = items->left > 0;
        if (!items->there)
                return 0;
        items->left--;
        r = cbor_next(&head, &items->item);
        if (r == 0)
                r = cbor_skip(&items->reader, &items->raw);
        if (r == 0 && items->map)
                r = cbor_skip(&items->reader, &items->value);
        if (r < 0)
                return r;
        if (!first && bytes_compare(before, items->raw) >= 0)
                return FAIL(PANNIER_E_MALFORMED, "not ascending, or something twice");
        return 0;
}

/* @reader is put behind the head only; the items are read by items_next(), the first one at once. */
static int items_begin(struct items *items, struct cbor_reader *reader, bool map)
{
        int r;

        memset(items, 0, sizeof(*items));
        items->map = map;
        r = map ? cbor_read_map(reader, UINT64_MAX, &items->left)
                : cbor_read_array(reader, UINT64_MAX, &items->left);
        if (r < 0)
                return r;
        items->reader = *reader;
        return items_next(items);
}

static int items_of(struct items *items, struct bytes packed, bool map)
{
        struct cbor_reader reader;

        if (packed.size == 0) {
                memset(items, 0, sizeof(*items));
                return 0;
        }
        cbor_reader_init(&reader, packed);
        return items_begin(items, &reader, map);
}

static int check_item(const struct catalogue_field *field, enum catalogue_kind kind, bool strict,
                      const struct cbor_item *item)
{
        if (kind == KIND_CODE && item->kind == CBOR_UINT)
                return value_check_option(field, item->number, strict);
        if (kind == KIND_TEXT && item->kind == CBOR_TEXT)
                return 0;
        if (kind == KIND_REF && item->kind == CBOR_BYTES && item->bytes.size == sizeof(struct uuid))
                return 0;
        return FAIL(PANNIER_E_MALFORMED, "%s: an element of another kind", field->name);
}

static int check_map_value(const struct catalogue_field *field, bool change, struct bytes value)
{
        struct cbor_reader reader;
        struct cbor_item item;
        int r;

        cbor_reader_init(&reader, value);
        r = cbor_next(&reader, &item);
        if (r < 0)
                return r;
        if (item.kind == CBOR_TEXT || (change && item.kind == CBOR_NULL))
                return 0;
        return FAIL(PANNIER_E_MALFORMED, "%s: a value that is not text", field->name);
}

static int read_items(const struct catalogue_field *field, bool change, bool strict,
                      struct cbor_reader *reader, uint64_t *ret_count)
{
        bool map = field->kind == KIND_MAP;
        enum catalogue_kind kind = field->element;
        struct items items;
        uint64_t count = 0;
        int r;

        if (map)
                kind = field->option_count > 0 ? KIND_CODE : KIND_TEXT;
        r = items_begin(&items, reader, map);
        while (r == 0 && items.there) {
                count++;
                r = check_item(field, kind, strict, &items.item);
                if (r == 0 && map)
                        r = check_map_value(field, change, items.value);
                if (r == 0)
                        r = items_next(&items);
        }
        if (r < 0)
                return r;
        *reader = items.reader;
        *ret_count = count;
        return 0;
}

/* {0: added, 1: removed} */
static int read_set_change(const struct catalogue_field *field, bool strict,
                           struct cbor_reader *reader)
{
        uint64_t count, key, ignored, least = 0;
        int r;

        r = cbor_read_map(reader, 2, &count);
        while (r == 0 && count-- > 0) {
                r = cbor_read_uint(reader, 1, &key);
                if (r == 0 && key < least)
                        return FAIL(PANNIER_E_MALFORMED, "%s: keys are not in order", field->name);
                least = key + 1;
                if (r == 0)
                        r = read_items(field, true, strict, reader, &ignored);
        }
        return r;
}

int packed_read(const struct catalogue_field *field, bool change, bool strict,
                struct cbor_reader *reader, struct value *ret)
{
        size_t begin = reader->offset;
        uint64_t count = 1;
        int r;

        if (field->kind == KIND_SET && change)
                r = read_set_change(field, strict, reader);
        else
                r = read_items(field, change, strict, reader, &count);
        if (r < 0)
                return r;
        ret->form = count == 0 && !change ? VALUE_NULL : VALUE_PACKED;
        ret->bytes = BYTES(reader->input.data + begin, reader->offset - begin);
        return 0;
}

/* What a change of a set adds and removes. */
static int split_set_change(struct bytes change, struct items *added, struct items *removed)
{
        struct cbor_reader reader;
        struct bytes list;
        uint64_t count, key;
        int r;

        memset(added, 0, sizeof(*added));
        memset(removed, 0, sizeof(*removed));
        cbor_reader_init(&reader, change);
        r = cbor_read_map(&reader, 2, &count);
        while (r == 0 && count-- > 0) {
                r = cbor_read_uint(&reader, 1, &key);
                if (r == 0)
                        r = cbor_skip(&reader, &list);
                if (r == 0)
                        r = items_of(key == 0 ? added : removed, list, false);
        }
        return r;
}

/* Passes over the items of @removed that are before @raw; is @raw itself there? */
static int items_have(struct items *removed, struct bytes raw, bool *ret)
{
        int r = 0;

        while (r == 0 && removed->there && bytes_compare(removed->raw, raw) < 0)
                r = items_next(removed);
        *ret = r == 0 && removed->there && bytes_equal(removed->raw, raw);
        return r;
}

/* An element that is added and removed at once is added. */
static int merge_set(struct items *standing, struct bytes change, struct buffer *out,
                     size_t *ret_count)
{
        struct items added, removed;
        bool gone;
        int order, r;

        r = split_set_change(change, &added, &removed);
        while (r == 0 && (standing->there || added.there)) {
                if (!standing->there)
                        order = 1;
                else if (!added.there)
                        order = -1;
                else
                        order = bytes_compare(standing->raw, added.raw);
                if (order >= 0) {
                        buffer_append(out, added.raw);
                        ++*ret_count;
                        r = items_next(&added);
                        if (r == 0 && order == 0)
                                r = items_next(standing);
                        continue;
                }
                r = items_have(&removed, standing->raw, &gone);
                if (r == 0 && !gone) {
                        buffer_append(out, standing->raw);
                        ++*ret_count;
                }
                if (r == 0)
                        r = items_next(standing);
        }
        return r;
}

static void put_pair(const struct items *items, struct buffer *out, size_t *count)
{
        buffer_append(out, items->raw);
        buffer_append(out, items->value);
        ++*count;
}

static bool value_is_null(struct bytes value)
{
        struct cbor_reader reader;

        cbor_reader_init(&reader, value);
        return cbor_peek_null(&reader);
}

static int merge_map(struct items *standing, struct bytes change, struct buffer *out,
                     size_t *ret_count)
{
        struct items edits;
        int order, r;

        r = items_of(&edits, change, true);
        while (r == 0 && (standing->there || edits.there)) {
                if (!standing->there)
                        order = 1;
                else if (!edits.there)
                        order = -1;
                else
                        order = bytes_compare(standing->raw, edits.raw);
                if (order < 0)
                        put_pair(standing, out, ret_count);
                else if (!value_is_null(edits.value))
                        put_pair(&edits, out, ret_count);
                if (order >= 0)
                        r = items_next(&edits);
                if (r == 0 && order <= 0)
                        r = items_next(standing);
        }
        return r;
}

/* Head and merged items into the arena. */
static int pack(const struct catalogue_field *field, const struct buffer *merged, size_t count,
                struct arena *arena, struct value *ret)
{
        CLEANUP(buffer_deinit) struct buffer packed = BUFFER_INIT;
        struct bytes copy;
        int r;

        if (field->kind == KIND_MAP)
                cbor_put_map(&packed, count);
        else
                cbor_put_array(&packed, count);
        buffer_append(&packed, buffer_view(merged));
        r = buffer_check(&packed);
        if (r < 0)
                return r;
        copy = arena_copy(arena, buffer_view(&packed));
        if (!copy.data)
                return FAIL(PANNIER_E_MEMORY, "no memory for a merged value");
        *ret = (struct value){.form = VALUE_PACKED, .bytes = copy};
        return 0;
}

static int merge(const struct catalogue_field *field, struct bytes standing, struct bytes change,
                 struct arena *arena, struct value *ret)
{
        CLEANUP(buffer_deinit) struct buffer merged = BUFFER_INIT;
        bool map = field->kind == KIND_MAP;
        struct items items;
        size_t count = 0;
        int r;

        r = items_of(&items, standing, map);
        if (r == 0)
                r = map ? merge_map(&items, change, &merged, &count)
                        : merge_set(&items, change, &merged, &count);
        if (r == 0)
                r = buffer_check(&merged);
        if (r < 0)
                return r;
        if (count == 0) {
                *ret = (struct value){.form = VALUE_NULL};
                return 0;
        }
        return pack(field, &merged, count, arena, ret);
}

int value_apply_change(const struct catalogue_field *field, const struct value *standing,
                       const struct value *change, struct arena *arena, struct value *ret)
{
        struct bytes before = BYTES_NONE;

        if (change->form == VALUE_UNSET) {
                *ret = *standing;
                return 0;
        }
        if (change->form == VALUE_NULL) {
                *ret = (struct value){.form = VALUE_NULL};
                return 0;
        }
        if (change->form != VALUE_PACKED)
                return FAIL(PANNIER_E_MALFORMED, "%s: not a change of a set or map", field->name);
        if (standing->form == VALUE_PACKED)
                before = standing->bytes;
        return merge(field, before, change->bytes, arena, ret);
}

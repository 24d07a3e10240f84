/* What turns one whole set or map into another, as a change. */
#include "store/pieces.h"
#include "store/reconcile.h"

#include "common/error.h"

#include <stdlib.h>

static void put_missing(const struct pieces *from, const struct pieces *than, uint64_t key,
                        struct buffer *scratch, struct buffer *out)
{
        size_t count = 0;

        buffer_reset(scratch);
        for (size_t i = 0; i < from->count; i++) {
                if (pieces_find(than, from->items[i].key))
                        continue;
                buffer_append(scratch, from->items[i].key);
                count++;
        }
        if (!count)
                return;
        cbor_put_uint(out, key);
        cbor_put_array(out, count);
        buffer_append(out, buffer_view(scratch));
}

static size_t count_missing(const struct pieces *from, const struct pieces *than)
{
        size_t count = 0;

        for (size_t i = 0; i < from->count; i++)
                count += pieces_find(than, from->items[i].key) == NULL;
        return count;
}

static void put_set_change(const struct pieces *standing, const struct pieces *whole,
                           struct buffer *scratch, struct buffer *out)
{
        cbor_put_map(out, (size_t)(count_missing(whole, standing) > 0) +
                                  (size_t)(count_missing(standing, whole) > 0));
        put_missing(whole, standing, SET_ADDED, scratch, out);
        put_missing(standing, whole, SET_REMOVED, scratch, out);
}

static int compare_keys(const void *a, const void *b)
{
        return bytes_compare(((const struct piece *)a)->key, ((const struct piece *)b)->key);
}

static int put_map_change(const struct pieces *standing, const struct pieces *whole,
                          struct arena *arena, struct buffer *out)
{
        struct pieces changes;
        int r = pieces_room(&changes, standing->count + whole->count, arena);

        if (r < 0)
                return r;
        for (size_t i = 0; i < whole->count; i++)
                if (pieces_differ(standing, &whole->items[i]))
                        changes.items[changes.count++] = whole->items[i];
        for (size_t i = 0; i < standing->count; i++)
                if (!pieces_find(whole, standing->items[i].key))
                        changes.items[changes.count++] =
                                (struct piece){standing->items[i].key, piece_null};
        qsort(changes.items, changes.count, sizeof(*changes.items), compare_keys);
        cbor_put_map(out, changes.count);
        for (size_t i = 0; i < changes.count; i++) {
                buffer_append(out, changes.items[i].key);
                buffer_append(out, changes.items[i].value);
        }
        return 0;
}

int reconcile_change_of(const struct catalogue_field *field, const struct value *standing,
                        const struct value *whole, struct arena *arena, struct value *ret)
{
        CLEANUP(buffer_deinit) struct buffer buffer = BUFFER_INIT;
        CLEANUP(buffer_deinit) struct buffer scratch = BUFFER_INIT;
        struct pieces old, new;
        int r;

        r = pieces_of(field, standing, arena, &old);
        if (r >= 0)
                r = pieces_of(field, whole, arena, &new);
        if (r >= 0 && field->kind == KIND_SET)
                put_set_change(&old, &new, &scratch, &buffer);
        else if (r >= 0)
                r = put_map_change(&old, &new, arena, &buffer);
        if (r >= 0)
                r = buffer_check(&buffer);
        if (r < 0)
                return r;
        ret->form = VALUE_PACKED;
        ret->bytes = arena_copy(arena, buffer_view(&buffer));
        return ret->bytes.data ? 0 : FAIL(PANNIER_E_MEMORY, "a change");
}

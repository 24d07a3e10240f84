/*
 * Fields of a newer catalogue: no rule is known for them, so the newest entry stands, byte for byte.
 */
#include "store/reconcile_unit.h"

#include "common/error.h"

#include <string.h>

struct unknown_pair {
        uint64_t number;
        struct bytes raw;
};

static int unknown_read(struct bytes map, struct unknown_pair *pairs, size_t *count)
{
        struct cbor_reader reader;
        uint64_t size;
        int r;

        if (!map.size)
                return 0;
        cbor_reader_init(&reader, map);
        r = cbor_read_map(&reader, FIELD_NUMBER_MAX, &size);
        for (; r >= 0 && size > 0; size--) {
                r = cbor_read_uint(&reader, FIELD_NUMBER_MAX, &pairs[*count].number);
                if (r >= 0)
                        r = cbor_skip(&reader, &pairs[*count].raw);
                *count += r >= 0;
        }
        return r;
}

static bool is_null(struct bytes raw)
{
        return raw.size == 1 && raw.data[0] == 0xf6;
}

static void unknown_merge(struct unknown_pair *pairs, size_t *count,
                          const struct entry_change *change)
{
        size_t i = 0;

        while (i < *count && pairs[i].number < change->number)
                i++;
        if (i == *count || pairs[i].number != change->number) {
                memmove(pairs + i + 1, pairs + i, (*count - i) * sizeof(*pairs));
                ++*count;
        }
        pairs[i] = (struct unknown_pair){change->number, change->raw};
}

/* A late edit changes nothing here either; what it wanted is in the log. */
static int note_late(struct reconcile_work *work)
{
        const struct entry_body *body = work->input->body;
        struct reconcile_result *result = work->result;

        for (size_t i = 0; i < body->change_count && result->effect_count < FIELD_COUNT_MAX; i++)
                if (catalogue_field_index(work->type, body->changes[i].number) < 0)
                        result->effects[result->effect_count++] = (struct wire_effect){
                                .field = body->changes[i].number, .effect = EFFECT_LATE};
        return 0;
}

int reconcile_keep_unknown(struct reconcile_work *work)
{
        const struct entry_body *body = work->input->body;
        struct record *record = &work->result->record;
        CLEANUP(buffer_deinit) struct buffer buffer = BUFFER_INIT;
        struct unknown_pair pairs[2 * FIELD_NUMBER_MAX + 2];
        size_t count = 0, kept = 0;
        bool any = false;
        int r;

        if (work->input->late && work->input->standing)
                return note_late(work);
        r = unknown_read(record->unknown, pairs, &count);
        if (r < 0)
                return r;
        for (size_t i = 0; i < body->change_count; i++) {
                if (catalogue_field_index(work->type, body->changes[i].number) >= 0)
                        continue;
                unknown_merge(pairs, &count, &body->changes[i]);
                any = true;
        }
        if (!any)
                return 0;
        for (size_t i = 0; i < count; i++)
                kept += !is_null(pairs[i].raw);
        cbor_put_map(&buffer, kept);
        for (size_t i = 0; i < count; i++) {
                if (is_null(pairs[i].raw))
                        continue;
                cbor_put_uint(&buffer, pairs[i].number);
                buffer_append(&buffer, pairs[i].raw);
        }
        r = buffer_check(&buffer);
        if (r < 0)
                return r;
        record->unknown = arena_copy(work->arena, buffer_view(&buffer));
        if (!record->unknown.data)
                return FAIL(PANNIER_E_MEMORY, "unknown fields");
        work->result->changed = true;
        return 0;
}

/*
 * Sets and maps merge by element and by key. What an edit may not do is cut out of its change; the rest of the change
 * is then applied to what stands.
 */
#include "store/pieces.h"
#include "store/reconcile_unit.h"

#include "common/error.h"

/* {0: added, 1: removed}; null removes everything that stands. */
static int read_set_change(const struct value *change, const struct pieces *standing,
                           struct arena *arena, struct pieces *added, struct pieces *removed)
{
        struct cbor_reader reader;
        uint64_t count, key;
        int r;

        r = pieces_room(added, 0, arena);
        if (r >= 0)
                r = pieces_room(removed, 0, arena);
        if (r < 0)
                return r;
        if (change->form != VALUE_PACKED) {
                *removed = *standing;
                return 0;
        }
        cbor_reader_init(&reader, change->bytes);
        r = cbor_read_map(&reader, 2, &count);
        for (uint64_t i = 0; r >= 0 && i < count; i++) {
                r = cbor_read_uint(&reader, SET_REMOVED, &key);
                if (r >= 0)
                        r = pieces_read_array(&reader, arena, key == SET_ADDED ? added : removed);
        }
        return r;
}

static void put_array(const struct pieces *pieces, struct buffer *out)
{
        cbor_put_array(out, pieces->count);
        for (size_t i = 0; i < pieces->count; i++)
                buffer_append(out, pieces->items[i].key);
}

/* Apply what is left of the change; @buffer holds it. */
static int apply_rest(struct reconcile_work *work, int16_t index, const struct buffer *buffer)
{
        struct value *standing = &work->result->record.values[index];
        struct value change = {.form = VALUE_PACKED};
        struct value next;
        int r = buffer_check(buffer);

        if (r < 0)
                return r;
        change.bytes = arena_copy(work->arena, buffer_view(buffer));
        if (!change.bytes.data)
                return FAIL(PANNIER_E_MEMORY, "a merged value");
        r = value_apply_change(&work->type->fields[index], standing, &change, work->arena, &next);
        if (r < 0)
                return r;
        if (next.form == VALUE_NULL)
                next = (struct value){.form = VALUE_UNSET};
        if (!value_equal(standing, &next)) {
                work->result->changed = true;
                work->result->field_changed[index] = true;
        }
        *standing = next;
        return 0;
}

static int stamp_pieces(struct reconcile_work *work, uint16_t field, const struct pieces *pieces)
{
        int r = 0;

        if (!reconcile_has_stamps(work->type))
                return 0;
        for (size_t i = 0; i < pieces->count && r >= 0; i++)
                r = stamps_set(&work->result->stamps, field, pieces->items[i].key,
                               &work->input->stamp);
        work->result->stamped = work->result->stamped || pieces->count > 0;
        return r;
}

/* Of the elements to be removed, those that are there and that nobody added since the author looked. */
static void keep_removable(const struct reconcile_work *work, uint16_t field,
                           const struct pieces *standing, struct pieces *removed, size_t *ret_lost)
{
        size_t kept = 0;

        *ret_lost = 0;
        for (size_t i = 0; i < removed->count; i++) {
                struct bytes element = removed->items[i].key;

                if (!pieces_find(standing, element))
                        continue;
                if (reconcile_is_newer(work->input,
                                       stamps_find(work->input->stamps, field, element)))
                        ++*ret_lost;
                else
                        removed->items[kept++] = removed->items[i];
        }
        removed->count = kept;
}

int reconcile_merge_set(struct reconcile_work *work, int16_t index,
                        const struct entry_change *change, enum field_effect *ret_effect)
{
        const struct catalogue_field *field = &work->type->fields[index];
        CLEANUP(buffer_deinit) struct buffer buffer = BUFFER_INIT;
        struct pieces standing, added, removed;
        size_t lost;
        int r;

        r = pieces_of(field, &work->result->record.values[index], work->arena, &standing);
        if (r >= 0)
                r = read_set_change(&change->value, &standing, work->arena, &added, &removed);
        if (r < 0)
                return r;
        keep_removable(work, field->number, &standing, &removed, &lost);
        cbor_put_map(&buffer, (size_t)(added.count > 0) + (size_t)(removed.count > 0));
        if (added.count) {
                cbor_put_uint(&buffer, SET_ADDED);
                put_array(&added, &buffer);
        }
        if (removed.count) {
                cbor_put_uint(&buffer, SET_REMOVED);
                put_array(&removed, &buffer);
        }
        if (added.count || removed.count)
                r = apply_rest(work, index, &buffer);
        if (r >= 0)
                r = stamp_pieces(work, field->number, &added);
        for (size_t i = 0; i < removed.count && r >= 0; i++) {
                work->result->stamped = true;
                stamps_clear(&work->result->stamps, field->number, removed.items[i].key);
        }
        if (r < 0)
                return r;
        if (lost)
                *ret_effect = EFFECT_SUPERSEDED;
        else
                *ret_effect =
                        work->result->field_changed[index] ? EFFECT_APPLIED : EFFECT_UNCHANGED;
        return 0;
}

/* key → text or null; null as a whole clears every key that stands. */
static int read_map_change(const struct value *change, const struct pieces *standing,
                           struct arena *arena, struct pieces *ret)
{
        int r;

        if (change->form == VALUE_PACKED)
                return pieces_read_map(change->bytes, arena, ret);
        r = pieces_room(ret, standing->count, arena);
        for (size_t i = 0; r >= 0 && i < standing->count; i++)
                ret->items[ret->count++] = (struct piece){standing->items[i].key, piece_null};
        return r;
}

static int read_both(const struct reconcile_work *work, int16_t index,
                     const struct entry_change *change, struct pieces *standing,
                     struct pieces *wanted)
{
        const struct catalogue_field *field = &work->type->fields[index];
        int r = pieces_of(field, &work->result->record.values[index], work->arena, standing);

        return r < 0 ? r : read_map_change(&change->value, standing, work->arena, wanted);
}

bool reconcile_map_concurrent(const struct reconcile_work *work, int16_t index,
                              const struct entry_change *change)
{
        uint16_t number = work->type->fields[index].number;
        struct pieces standing, wanted;

        if (read_both(work, index, change, &standing, &wanted) < 0)
                return true;
        for (size_t i = 0; i < wanted.count; i++)
                if (pieces_differ(&standing, &wanted.items[i]) &&
                    reconcile_is_newer(work->input, stamps_find(work->input->stamps, number,
                                                                wanted.items[i].key)))
                        return true;
        return false;
}

/* Drop the keys that somebody else set later; what stays is stamped, also where it says the same. */
static size_t keep_latest(const struct reconcile_work *work, uint16_t field,
                          const struct pieces *standing, struct pieces *wanted)
{
        size_t kept = 0, lost = 0;

        for (size_t i = 0; i < wanted->count; i++) {
                const struct stamp *stamp =
                        stamps_find(work->input->stamps, field, wanted->items[i].key);

                if (reconcile_is_newer(work->input, stamp) &&
                    stamps_compare(&work->input->stamp, stamp) < 0)
                        lost += pieces_differ(standing, &wanted->items[i]);
                else
                        wanted->items[kept++] = wanted->items[i];
        }
        wanted->count = kept;
        return lost;
}

int reconcile_merge_map(struct reconcile_work *work, int16_t index,
                        const struct entry_change *change, enum field_effect *ret_effect)
{
        const struct catalogue_field *field = &work->type->fields[index];
        CLEANUP(buffer_deinit) struct buffer buffer = BUFFER_INIT;
        struct pieces standing, wanted;
        size_t lost;
        int r;

        r = read_both(work, index, change, &standing, &wanted);
        if (r < 0)
                return r;
        lost = keep_latest(work, field->number, &standing, &wanted);
        cbor_put_map(&buffer, wanted.count);
        for (size_t i = 0; i < wanted.count; i++) {
                buffer_append(&buffer, wanted.items[i].key);
                buffer_append(&buffer, wanted.items[i].value);
        }
        if (wanted.count)
                r = apply_rest(work, index, &buffer);
        if (r >= 0)
                r = stamp_pieces(work, field->number, &wanted);
        if (r < 0)
                return r;
        if (lost)
                *ret_effect = EFFECT_SUPERSEDED;
        else
                *ret_effect =
                        work->result->field_changed[index] ? EFFECT_APPLIED : EFFECT_UNCHANGED;
        return 0;
}

int reconcile_stamp_elements(struct reconcile_work *work, const struct catalogue_field *field,
                             const struct value *whole)
{
        struct pieces pieces;
        int r = pieces_of(field, whole, work->arena, &pieces);

        return r < 0 ? r : stamp_pieces(work, field->number, &pieces);
}

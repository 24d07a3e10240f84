/* What a device is told of its quarantined entries that an operator dealt with: in order, from the one on that it named last. */
#include "common/error.h"
#include "store/exchange_internal.h"

struct collecting {
        struct arena *arena;
        struct wire_closing *closings;
        size_t count;
};

static int take_closing(void *context, const struct quarantine_row *row)
{
        struct collecting *collecting = context;
        struct wire_closing *closing = &collecting->closings[collecting->count];

        *closing = (struct wire_closing){
                .number = row->word,
                .entry = row->id,
                .by = row->closed_by,
                .how = row->how,
                .at_ms = row->closed_ms,
                .note = arena_copy(collecting->arena, row->note),
        };
        if (row->note.size && !closing->note.data)
                return FAIL(PANNIER_E_MEMORY, "closings");
        return ++collecting->count == WIRE_CLOSINGS_MAX;
}

/* What became of the entry that names it. */
static int find_outcome(struct exchange *exchange, struct wire_closing *closing)
{
        static const uint8_t no_hash[HASH_SIZE];
        struct log_row row;
        int r = exchange->storage->ops->log_find(exchange->storage, &UUID_NONE, &closing->by,
                                                 &UUID_NONE, no_hash, &exchange->arena, &row);

        if (r > 0)
                closing->outcome = row.outcome;
        return r < 0 ? r : 0;
}

int exchange_collect_closings(struct exchange *exchange, const struct uuid *device, uint64_t after,
                              struct wire_closings *ret)
{
        struct collecting collecting = {.arena = &exchange->arena};
        int r = exchange_has_closings(exchange->storage, device, after);

        if (r <= 0)
                return r;
        collecting.closings =
                arena_alloc(&exchange->arena, WIRE_CLOSINGS_MAX * sizeof(*collecting.closings));
        if (!collecting.closings)
                return FAIL(PANNIER_E_MEMORY, "closings");
        r = exchange->storage->ops->quarantine_told(exchange->storage, device, after, take_closing,
                                                    &collecting);
        for (size_t i = 0; i < collecting.count && r >= 0; i++)
                r = find_outcome(exchange, &collecting.closings[i]);
        ret->closings = collecting.closings;
        ret->closings_count = collecting.count;
        return r < 0 ? r : 0;
}

static int stop_at_first(void *context, const struct quarantine_row *row)
{
        (void)context;
        (void)row;
        return 1;
}

int exchange_has_closings(struct storage *storage, const struct uuid *device, uint64_t after)
{
        return storage->ops->quarantine_told(storage, device, after, stop_at_first, NULL);
}

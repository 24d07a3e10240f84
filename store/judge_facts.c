/*
 * What an author had seen, and when they wrote: the facts that reconcile() compares.
 */
#include "store/judge_inside.h"

#include "common/error.h"
#include "common/plant.h"
#include "store/epoch.h"

#include <stdlib.h>

const struct wire_head *judge_shown_head(const struct judge_origin *origin,
                                         const struct uuid *locality)
{
        for (size_t i = 0; i < origin->head_count; i++)
                if (uuid_equal(&origin->heads[i].locality, locality))
                        return &origin->heads[i];
        return NULL;
}

/*
 * Between a loss and its discovery two histories have positions of one epoch. A device that shows a head of it which lies on our chain
 * was never shown the other one: it would have shown that head instead.
 */
static bool saw_ours(const struct judge_case *c)
{
        const struct judge_origin *origin = c->origin;

        for (size_t i = 0; i < origin->head_count; i++)
                if (uuid_equal(&origin->heads[i].locality, c->locality))
                        return origin->heads[i].epoch == c->body.base.epoch &&
                               (origin->ours >> i & 1) != 0;
        return false;
}

/* Of an entry that could not be read when it came, so that its base was not looked at. */
static bool was_beyond(const struct judge_case *c)
{
        const struct position *base = &c->body.base;

        if (c->parked->wait != WAIT_UPGRADE || !uuid_equal(&c->body.base_locality, c->locality))
                return false; /* it was checked then, or counts as nothing seen */
        return base->epoch > c->epoch ||
               (base->epoch == c->epoch && base->position > c->parked->wait_seq);
}

/* The store never gave out a state beyond the newest head that it signed and the device shows. */
static bool is_beyond(const struct judge_case *c)
{
        const struct wire_head *head = judge_shown_head(c->origin, &c->body.base_locality);
        const struct position *base = &c->body.base;

        if (base->epoch == 0 && base->position == 0)
                return false;
        if (c->parked)
                return was_beyond(c);
        if (!head || base->epoch > head->epoch)
                return true;
        return base->epoch == head->epoch && base->position > head->position;
}

int judge_base(struct judge *judge, struct judge_case *c, uint64_t *ret_base, bool *ret_beyond)
{
        uint64_t floor;
        int r;

        *ret_base = UINT64_MAX;
        *ret_beyond = false;
        if (!c->origin)
                return 0;
        *ret_base = 0;
        *ret_beyond = !c->released && is_beyond(c);
        if (!uuid_equal(&c->body.base_locality, c->locality))
                return judge_base_before(judge, c, ret_base);
        *ret_base = c->body.base.position;
        if (c->released && c->body.base.epoch == c->epoch && *ret_base >= c->position)
                *ret_base = 0; /* what the store never gave out, nobody saw */
        if (c->body.base.epoch == c->epoch || saw_ours(c) || SIM_PLANT(BASE_WITHOUT_EPOCH))
                return 0;
        /* Of an older history the author saw what is ours as well, up to where it was left. */
        r = epoch_floor(judge->storage, c->locality, c->body.base.epoch, &floor);
        if (r == 0 && floor < *ret_base)
                *ret_base = floor;
        return r;
}

/*
 * In the history that was lost the author had seen this entry, too: it was given back by its device, and its old receipt
 * says where it stood. 1, 0
 */
static int was_seen(struct judge *judge, const struct judge_case *c, const struct uuid *entry)
{
        const struct position *base = &c->body.base;
        struct position stood;
        int r;

        if (base->epoch == 0 || base->epoch == c->epoch || (c->origin && saw_ours(c)) ||
            !uuid_equal(&c->body.base_locality, c->locality))
                return 0;
        r = judge->ops->healed_get(judge->storage, c->locality, entry, &stood);
        return r <= 0 ? r : stood.epoch == base->epoch && stood.position <= base->position;
}

/* What a device says of its clock may be any number: the end of the range is far enough away. */
static int64_t minus(int64_t a, int64_t b)
{
        int64_t difference;

        if (__builtin_sub_overflow(a, b, &difference))
                return b > 0 ? INT64_MIN : INT64_MAX;
        return difference;
}

/* A clock that was never set still knows how long ago it was, as long as the device was not started anew. */
static int64_t corrected_time(const struct judge_case *c)
{
        const struct judge_origin *origin = c->origin;
        int64_t ms = minus(c->body.recorded_ms, origin->clock_offset_ms);

        if (c->body.quality == CLOCK_UNSET && origin->boot_id != 0 &&
            origin->boot_id == c->body.boot_id && c->body.boot_ms <= origin->boot_ms)
                ms = minus(origin->received_ms, minus(origin->boot_ms, c->body.boot_ms));
        return ms < origin->received_ms ? ms : origin->received_ms;
}

struct stamp judge_stamp(const struct judge *judge, const struct judge_case *c)
{
        struct stamp stamp = {
                .position = c->position,
                .quality = c->body.quality,
                .entry = c->entry->header->id,
                .by_store = c->origin == NULL,
        };

        stamp.corrected_ms = c->origin ? corrected_time(c) : judge->now_ms;
        return stamp;
}

int judge_chain_root(struct judge *judge, struct judge_case *c)
{
        static const uint8_t no_hash[HASH_SIZE];
        const struct entry_header *header = c->entry->header;
        struct log_row row;
        int r;

        c->chain_root = header->id;
        if (!c->origin || uuid_is_none(&c->body.previous))
                return 0;
        r = judge->ops->log_find(judge->storage, c->locality, &c->body.previous, &header->device,
                                 no_hash, &judge->arena, &row);
        if (r < 0)
                return r;
        if (r == FOUND_NONE)
                c->chain_root = c->body.previous; /* it lies in a gap; others may continue it too */
        else if (uuid_equal(&row.device, &header->device) &&
                 uuid_equal(&row.record, &c->body.record))
                c->chain_root = row.chain_root;
        return 0;
}

struct chain {
        struct uuid *ids;
        size_t count, capacity;
        struct arena *arena;
};

static int compare_ids(const void *a, const void *b)
{
        return uuid_compare(a, b);
}

static int chain_add(struct chain *chain, const struct uuid *id)
{
        for (size_t i = 0; i < chain->count; i++)
                if (uuid_equal(&chain->ids[i], id))
                        return 0;
        if (chain->count == chain->capacity)
                return FAIL(PANNIER_E_INTERNAL, "a chain of more entries than were counted");
        chain->ids[chain->count++] = *id;
        return 0;
}

/* An entry belongs to the chain where both go back to the same first pending entry. */
static int consider(struct judge *judge, const struct judge_case *c, struct chain *chain,
                    const struct uuid *id)
{
        struct uuid root;
        int r = was_seen(judge, c, id);

        if (r != 0)
                return r < 0 ? r : chain_add(chain, id);
        if (uuid_is_none(&c->body.previous))
                return 0;
        r = judge->ops->log_chain_root(judge->storage, c->locality, id, &root);
        if (r <= 0 || !uuid_equal(&root, &c->chain_root))
                return r < 0 ? r : 0;
        return chain_add(chain, id);
}

static size_t count_candidates(const struct judge_case *c, const struct conflict *conflicts,
                               size_t conflict_count)
{
        size_t count = c->stamps.count;

        for (size_t i = 0; i < conflict_count; i++)
                count += conflicts[i].other_count;
        return count;
}

int judge_chain(struct judge *judge, const struct judge_case *c, uint64_t base,
                const struct conflict *conflicts, size_t conflict_count, struct uuid **ret,
                size_t *ret_count)
{
        struct chain chain = {.capacity = count_candidates(c, conflicts, conflict_count),
                              .arena = &judge->arena};
        int r = 0;

        *ret = NULL;
        *ret_count = 0;
        if (!c->origin || !chain.capacity)
                return 0;
        if (uuid_is_none(&c->body.previous) &&
            (c->body.base.epoch == 0 || c->body.base.epoch == c->epoch))
                return 0; /* it continues nothing, and saw nothing that was lost */
        chain.ids = arena_alloc(&judge->arena, chain.capacity * sizeof(*chain.ids));
        if (!chain.ids)
                return FAIL(PANNIER_E_MEMORY, "a chain of entries");
        for (size_t i = 0; i < c->stamps.count && r >= 0; i++)
                if (c->stamps.parts[i].stamp.position > base)
                        r = consider(judge, c, &chain, &c->stamps.parts[i].stamp.entry);
        for (size_t i = 0; i < conflict_count && r >= 0; i++)
                for (size_t k = 0; k < conflicts[i].other_count && r >= 0; k++)
                        r = consider(judge, c, &chain, &conflicts[i].others[k].id);
        if (r < 0)
                return r;
        qsort(chain.ids, chain.count, sizeof(*chain.ids), compare_ids);
        *ret = chain.ids;
        *ret_count = chain.count;
        return 0;
}

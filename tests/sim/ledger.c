#include "tests/sim/ledger.h"

#include "tests/sim/image.h"

#include <string.h>

void ledger_deinit(struct ledger *ledger)
{
        free(ledger->promises);
        free(ledger->index);
        arena_deinit(&ledger->arena);
        *ledger = (struct ledger){0};
}

static size_t hash_of(const struct uuid *id)
{
        uint64_t low, high;

        memcpy(&low, id->bytes, 8);
        memcpy(&high, id->bytes + 8, 8);
        return (size_t)((low ^ high * 0x9e3779b97f4a7c15U) * 0xff51afd7ed558ccdU >> 20);
}

static uint32_t *slot_of(struct ledger *ledger, const struct uuid *id, size_t device)
{
        size_t mask = ledger->index_size - 1, at = hash_of(id) & mask;

        while (ledger->index[at] && (!uuid_equal(&ledger->promises[ledger->index[at] - 1].id, id) ||
                                     ledger->promises[ledger->index[at] - 1].device != device))
                at = (at + 1) & mask;
        return &ledger->index[at];
}

struct promise *ledger_find(struct ledger *ledger, const struct uuid *id, size_t device)
{
        uint32_t *slot;

        if (ledger->count == 0)
                return NULL;
        slot = slot_of(ledger, id, device);
        return *slot ? &ledger->promises[*slot - 1] : NULL;
}

static void make_index(struct ledger *ledger)
{
        ledger->index_size = ledger->index_size ? ledger->index_size * 2 : 256;
        free(ledger->index);
        ledger->index = sim_alloc(ledger->index_size * sizeof(*ledger->index));
        for (uint32_t i = 0; i < ledger->count; i++)
                *slot_of(ledger, &ledger->promises[i].id, ledger->promises[i].device) = i + 1;
}

struct promise *ledger_add(struct ledger *ledger, const struct uuid *id, size_t device,
                           struct bytes header, struct bytes body)
{
        struct promise *promise;
        uint32_t *slot;

        if (ledger->count * 2 >= ledger->index_size)
                make_index(ledger);
        slot = slot_of(ledger, id, device);
        if (*slot)
                return &ledger->promises[*slot - 1];
        ledger->promises = sim_grow(ledger->promises, ledger->count, &ledger->capacity,
                                    sizeof(*ledger->promises));
        promise = &ledger->promises[ledger->count++];
        *slot = (uint32_t)ledger->count;
        *promise = (struct promise){.id = *id,
                                    .device = device,
                                    .header = arena_copy(&ledger->arena, header),
                                    .body = arena_copy(&ledger->arena, body)};
        return promise;
}

void ledger_saw(struct ledger *ledger, struct promise *promise, struct bytes text)
{
        promise->saw = arena_copy(&ledger->arena, text);
        promise->has_seen = true;
}

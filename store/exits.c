#include "store/exits.h"

#include "common/error.h"
#include "store/membership.h"

#include <string.h>

/* ---- may anybody still hold the person? ---- */

struct holders {
        struct storage *storage;
        bool any;
};

static int see_holder(void *context, const struct custody_row *row)
{
        struct holders *holders = context;
        struct device_row device = {.lost_ms = 0};
        int r;

        if (row->held == 0)
                return 0;
        r = holders->storage->ops->device_get(holders->storage, &row->device, &device);
        holders->any =
                holders->any || device.lost_ms == 0; /* one that was written off never reads it */
        return r < 0 ? r : holders->any;
}

struct localities {
        struct uuid items[WIRE_LOCALITIES_MAX];
        size_t count;
};

static int take_locality(void *context, const struct uuid *id)
{
        struct localities *localities = context;

        if (localities->count < WIRE_LOCALITIES_MAX)
                localities->items[localities->count++] = *id;
        return 0;
}

int exits_settle(struct storage *storage, const struct uuid *person)
{
        struct holders holders = {.storage = storage};
        struct localities all = {.count = 0};
        int r = storage->ops->custody_of_person(storage, person, see_holder, &holders);

        if (r < 0 || holders.any)
                return r < 0 ? r : 0;
        r = storage->ops->localities(storage, take_locality, &all);
        for (size_t i = 0; i < all.count && r >= 0; i++)
                if (storage->ops->locality(storage, &all.items[i]))
                        r = membership_forget_exits(storage, &all.items[i], person);
        return r < 0 ? r : 0;
}

/* ---- an answer that was on its way ---- */

static int see_forgotten(void *context, const struct member_row *row)
{
        bool *found = context;

        *found = row->joined == 0 && row->left == 0;
        return *found;
}

int exits_forgotten(struct storage *storage, const struct custody_row *row)
{
        bool found = false;
        int r = storage->ops->members_of(storage, &row->locality, &row->person, see_forgotten,
                                         &found);

        return r < 0 ? r : found;
}

#include "store/watch.h"

#include "common/error.h"

#include <string.h>

struct watch {
        struct storage_ops ops; /* first: what storage->ops points at, with our functions in it */
        const struct storage_ops *real;
        struct storage *storage;
        uint64_t *keys;
        size_t count, capacity;
        bool unknown;
};

static struct watch *watch_of(const struct storage *storage)
{
        return (struct watch *)(uintptr_t)storage->ops;
}

static void note(struct watch *watch, uint64_t key)
{
        if (watch->count && watch->keys[watch->count - 1] == key)
                return; /* most rows come in runs of one feed */
        if (watch->count == watch->capacity) {
                size_t capacity = watch->capacity ? watch->capacity * 2 : 256;
                uint64_t *keys = reallocarray(watch->keys, capacity, sizeof(*keys));

                if (!keys) {
                        watch->unknown = true;
                        return;
                }
                watch->keys = keys;
                watch->capacity = capacity;
        }
        watch->keys[watch->count++] = key;
}

static int feed_put(struct storage *storage, uint64_t feed, enum catalogue_class class,
                    const struct feed_row *row)
{
        struct watch *watch = watch_of(storage);
        int r = watch->real->feed_put(storage, feed, class, row);

        if (r >= 0)
                note(watch, watch_key(feed, class));
        return r;
}

static int feed_number(struct storage *storage, const struct uuid *locality,
                       const struct scope *scope, bool create, uint64_t *ret)
{
        struct watch *watch = watch_of(storage);
        int r;

        if (!create)
                return watch->real->feed_number(storage, locality, scope, false, ret);
        r = watch->real->feed_number(storage, locality, scope, false, ret);
        if (r < 0 || *ret)
                return r;
        watch->unknown = true;
        return watch->real->feed_number(storage, locality, scope, true, ret);
}

static int parked_remove(struct storage *storage, const struct uuid *locality,
                         const struct uuid *id, const struct uuid *device)
{
        struct watch *watch = watch_of(storage);

        watch->unknown = true; /* a receipt is owed; it is seldom enough to look at everybody */
        return watch->real->parked_remove(storage, locality, id, device);
}

int watch_new(struct storage *storage, struct watch **ret)
{
        struct watch *watch = calloc(1, sizeof(*watch));

        if (!watch)
                return FAIL(PANNIER_E_MEMORY, "watch");
        watch->storage = storage;
        watch->real = storage->ops;
        watch->ops = *storage->ops;
        watch->ops.feed_put = feed_put;
        watch->ops.feed_number = feed_number;
        watch->ops.parked_remove = parked_remove;
        storage->ops = &watch->ops;
        *ret = watch;
        return 0;
}

struct watch *watch_free(struct watch *watch)
{
        if (!watch)
                return NULL;
        watch->storage->ops = watch->real;
        free(watch->keys);
        free(watch);
        return NULL;
}

static int compare(const void *a, const void *b)
{
        const uint64_t *x = a, *y = b;

        return (*x > *y) - (*x < *y);
}

const uint64_t *watch_take(struct watch *watch, size_t *ret_count, bool *ret_unknown)
{
        size_t kept = 0;

        *ret_unknown = watch->unknown;
        watch->unknown = false;
        if (watch->count)
                qsort(watch->keys, watch->count, sizeof(*watch->keys), compare);
        for (size_t i = 0; i < watch->count; i++)
                if (!kept || watch->keys[kept - 1] != watch->keys[i])
                        watch->keys[kept++] = watch->keys[i];
        watch->count = 0;
        *ret_count = kept;
        return kept ? watch->keys : NULL;
}

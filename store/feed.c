#include "store/feed.h"

#include "common/error.h"

#include <string.h>

void feed_list_deinit(struct feed_list *list)
{
        free(list->items);
        free(list->grants);
        *list = (struct feed_list){0};
}

/* Room for one more in a growing array. */
static int grow(void *items_pointer, size_t size, size_t count, size_t *capacity)
{
        void **items = items_pointer;
        size_t wanted = *capacity > 0 ? 2 * *capacity : 32;
        void *grown;

        if (count < *capacity)
                return 0;
        grown = realloc(*items, wanted * size);
        if (!grown)
                return FAIL(PANNIER_E_MEMORY, "no memory for a list of feeds");
        *items = grown;
        *capacity = wanted;
        return 0;
}

/* ---- which feeds there are ---- */

struct load {
        struct feed_list *list;
        struct storage *storage;
        const struct device_row *device;
        const struct scope *scope;
        bool home_seen; /* the scope has feeds in the device's own locality */
        bool grants_only;
};

static int last_row(struct load *load, const struct storage_locality *locality, struct feed *feed)
{
        struct feed_place place = {0};
        int r = 0;

        if (feed->number != 0)
                r = load->storage->ops->feed_last(load->storage, feed->number, feed->key.class,
                                                  &place);
        if (r < 0 || place.position == 0)
                return r;
        feed->last.epoch = locality->epoch;
        feed->last.position = place.position;
        feed->last.record = place.id;
        return 0;
}

static int add_feeds(void *context, const struct uuid *locality, uint64_t number,
                     const struct digest digests[CLASS_COUNT])
{
        struct load *load = context;
        struct feed_list *list = load->list;
        const struct storage_locality *state =
                load->storage->ops->locality(load->storage, locality);
        int r = grow(&list->grants, sizeof(*list->grants), list->grant_count,
                     &list->grant_capacity);

        if (!state && !load->grants_only)
                return FAIL(PANNIER_E_CORRUPT, "a feed of a locality that is not there");
        if (r < 0)
                return r;
        load->home_seen = load->home_seen || uuid_equal(locality, &load->device->locality);
        list->grants[list->grant_count++] = (struct wire_grant){
                .locality = *locality,
                .kind = load->scope->kind,
                .id = load->scope->id,
                .ceiling = load->device->ceiling,
        };
        if (load->grants_only)
                return 0;
        for (int class = CLASS_BASIC; class <= (int)load->device->ceiling; class ++) {
                struct feed feed = {
                        .key = {*locality, load->scope->kind, load->scope->id,
                                (enum catalogue_class) class},
                        .number = number,
                        .digest = digests[class - 1],
                };

                r = last_row(load, state, &feed);
                if (r == 0)
                        r = grow(&list->items, sizeof(*list->items), list->count, &list->capacity);
                if (r < 0)
                        return r;
                list->items[list->count++] = feed;
        }
        return 0;
}

static int add_scope(struct load *load)
{
        static const struct digest nothing[CLASS_COUNT];
        int r;

        load->home_seen = false;
        r = load->storage->ops->feed_numbers(load->storage, load->scope, add_feeds, load);
        if (r < 0 || load->home_seen)
                return r;
        if (load->scope->kind == SCOPE_LOCALITY) /* orders itself, nothing else */
                return uuid_equal(&load->scope->id, &load->device->locality)
                               ? add_feeds(load, &load->device->locality, 0, nothing)
                               : 0;
        return add_feeds(load, &load->device->locality, 0, nothing);
}

static int compare_feeds(const void *a, const void *b)
{
        return wire_feed_key_compare(&((const struct feed *)a)->key,
                                     &((const struct feed *)b)->key);
}

static int load_list(struct load *load, const struct scope_set *scopes)
{
        struct feed_list *list = load->list;

        list->count = 0;
        list->grant_count = 0;
        for (size_t i = 0; i < scopes->count; i++) {
                int r;

                load->scope = &scopes->items[i];
                r = add_scope(load);
                if (r < 0)
                        return r;
        }
        if (list->grant_count > WIRE_SCOPES_MAX || list->count > WIRE_FEEDS_MAX)
                return FAIL(PANNIER_E_LIMIT, "a device is granted %zu scopes", list->grant_count);
        if (list->count > 1)
                qsort(list->items, list->count, sizeof(*list->items), compare_feeds);
        wire_grants_sort(list->grants, list->grant_count);
        return 0;
}

int feed_list_load(struct feed_list *list, struct storage *storage, const struct device_row *device,
                   const struct scope_set *scopes)
{
        struct load load = {.list = list, .storage = storage, .device = device};

        return load_list(&load, scopes);
}

int feed_list_grants(struct feed_list *list, struct storage *storage,
                     const struct device_row *device, const struct scope_set *scopes)
{
        struct load load = {
                .list = list, .storage = storage, .device = device, .grants_only = true};

        return load_list(&load, scopes);
}

/* ---- vectors ---- */

int feed_list_hash(const struct feed_list *list, uint8_t ret[HASH_SIZE])
{
        CLEANUP(free_pointerp)
        struct wire_feed_state *states = calloc(list->count + 1, sizeof(*states));

        if (!states)
                return FAIL(PANNIER_E_MEMORY, "no memory for a vector");
        for (size_t i = 0; i < list->count; i++) {
                states[i].key = list->items[i].key;
                states[i].cursor = list->items[i].last;
        }
        return wire_vector_hash(states, list->count, ret);
}

int feed_list_digest_hash(const struct feed_list *list, const uint8_t vector_hash[HASH_SIZE],
                          uint8_t ret[HASH_SIZE])
{
        CLEANUP(free_pointerp) struct digest *digests = calloc(list->count + 1, sizeof(*digests));

        if (!digests)
                return FAIL(PANNIER_E_MEMORY, "no memory for digests");
        for (size_t i = 0; i < list->count; i++)
                digests[i] = list->items[i].digest;
        return digest_hash(vector_hash, digests, list->count, ret);
}

static struct wire_cursor checked_cursor(const struct feed *feed, const struct wire_cursor *cursor)
{
        if (cursor->epoch != feed->last.epoch || wire_cursor_compare(cursor, &feed->last) > 0)
                return (struct wire_cursor){0};
        return *cursor;
}

static int compare_with_key(const void *key, const void *feed)
{
        return wire_feed_key_compare(key, &((const struct feed *)feed)->key);
}

void feed_list_place(struct feed_list *list, const struct wire_feed_state *feeds, size_t count)
{
        for (size_t i = 0; i < list->count; i++)
                list->items[i].cursor = (struct wire_cursor){0};
        for (size_t i = 0; i < count; i++) {
                struct feed *feed = bsearch(&feeds[i].key, list->items, list->count,
                                            sizeof(*list->items), compare_with_key);

                if (feed)
                        feed->cursor = checked_cursor(feed, &feeds[i].cursor);
        }
}

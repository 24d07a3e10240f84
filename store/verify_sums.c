#include "store/verify_sums.h"

#include "common/error.h"

#include <string.h>

void verify_sums_deinit(struct verify_sums *sums)
{
        free(sums->feeds);
        buffer_deinit(&sums->scratch);
        *sums = (struct verify_sums){0};
}

static int take_feed(void *context, const struct scope *scope, uint64_t feed,
                     const struct digest digests[CLASS_COUNT])
{
        struct verify_sums *sums = context;
        struct verify_feed *next;

        if (sums->count == sums->capacity) {
                size_t capacity = sums->capacity > 0 ? 2 * sums->capacity : 64;

                next = realloc(sums->feeds, capacity * sizeof(*next));
                if (!next)
                        return FAIL(PANNIER_E_MEMORY, "no memory for digests");
                sums->feeds = next;
                sums->capacity = capacity;
        }
        next = &sums->feeds[sums->count++];
        *next = (struct verify_feed){.number = feed, .scope = *scope};
        memcpy(next->kept, digests, sizeof(next->kept));
        return 0;
}

int verify_sums_load(struct verify_sums *sums, struct storage *storage, const struct uuid *locality)
{
        return storage->ops->feeds_of(storage, locality, take_feed, sums);
}

static int compare_number(const void *key, const void *feed)
{
        uint64_t number = *(const uint64_t *)key,
                 other = ((const struct verify_feed *)feed)->number;

        return (number > other) - (number < other);
}

static void add(struct verify_sums *sums, uint64_t number, enum catalogue_class class,
                const struct digest *digest)
{
        struct verify_feed *feed = sums->count > 0 ? bsearch(&number, sums->feeds, sums->count,
                                                             sizeof(*sums->feeds), compare_number)
                                                   : NULL;

        if (feed)
                digest_add(&feed->counted[class - 1], digest);
}

struct counted {
        struct verify_sums *sums;
        enum catalogue_class class;
        struct digest digest;
};

static int add_to_scope(void *context, const struct member_row *member)
{
        struct counted *counted = context;

        if (member->joined != 0)
                add(counted->sums, member->feed, counted->class, &counted->digest);
        return 0;
}

int verify_sums_count(struct verify_sums *sums, struct storage *storage,
                      const struct record *record)
{
        struct counted counted = {.sums = sums, .class = record_feed_class(record)};
        const struct scope reference = {SCOPE_LOCALITY, record->locality};
        uint64_t number;
        int r;

        if (counted.class > (enum catalogue_class)CLASS_COUNT || !digest_counts(record->type))
                return 0;
        r = digest_of_record(record, &sums->scratch, &counted.digest);
        if (r < 0)
                return r;
        if (!uuid_is_none(&record->person))
                return storage->ops->members_of(storage, &record->locality, &record->person,
                                                add_to_scope, &counted);
        r = storage->ops->feed_number(storage, &record->locality, &reference, false, &number);
        if (r == 0)
                add(sums, number, counted.class, &counted.digest);
        return r;
}

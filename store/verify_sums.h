/*
 * The digests of a locality's feeds, counted anew from the records' typed columns, to hold against those that are kept.
 */
#ifndef STORE_VERIFY_SUMS_H
#define STORE_VERIFY_SUMS_H

#include "store/storage.h"

struct verify_feed {
        uint64_t number;
        struct scope scope;
        struct digest kept[CLASS_COUNT], counted[CLASS_COUNT];
};

struct verify_sums { /* init with {0} */
        struct verify_feed *feeds;
        size_t count, capacity;
        struct buffer scratch;
};

void verify_sums_deinit(struct verify_sums *sums); /* also for CLEANUP */

/* verify_sums_load() - the feeds that there are, with what is kept of them */
int verify_sums_load(struct verify_sums *sums, struct storage *storage,
                     const struct uuid *locality);

/* verify_sums_count() - put a record into the feeds that it is visible in now */
int verify_sums_count(struct verify_sums *sums, struct storage *storage,
                      const struct record *record);

#endif

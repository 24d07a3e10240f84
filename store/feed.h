/*
 * What a device is sent: an ordered range scan of its feeds, one page at a time.
 *
 * All of it happens in one snapshot, together with the grants. The cost is the number of changes (and two short look-ups
 * per granted feed), never the size of the caseload. A feed's rows are read in the order of (position, id); a join row is read by paging
 * through the person's records in the order of (type, id), and can be cut after any record.
 *
 * A record is sent once: it is passed over where another feed of the device has brought it already, which follows from that
 * feed's cursor alone. Nothing is remembered between two pages but the cursors.
 */
#ifndef STORE_FEED_H
#define STORE_FEED_H

#include "common/wire.h"
#include "store/storage.h"

/* One feed that is granted to a device, as it stands in this snapshot. */
struct feed {
        struct wire_feed_key key;
        uint64_t number;           /* for the storage; 0: nothing was ever in it */
        struct wire_cursor last;   /* its last row; zero: it is empty */
        struct digest digest;      /* over what is visible in it */
        struct wire_cursor cursor; /* how far the device has read it */
};

struct feed_list { /* in the order of vectors; init with {0} */
        struct feed *items;
        size_t count, capacity;
        struct wire_grant *grants; /* what makes it, in the order of lists */
        size_t grant_count, grant_capacity;
};

void feed_list_deinit(struct feed_list *list); /* also for CLEANUP */

/**
 * feed_list_load() - the feeds that a device may read
 * @scopes: what grants_get() gave in this snapshot
 *
 * A scope has feeds in every locality in which anybody was in it, and always in the device's own. Classes go up to the
 * device's ceiling. Cursors are at the beginning.
 */
int feed_list_load(struct feed_list *list, struct storage *storage, const struct device_row *device,
                   const struct scope_set *scopes);

/* feed_list_grants() - only the grants, without the feeds; also in a write transaction */
int feed_list_grants(struct feed_list *list, struct storage *storage,
                     const struct device_row *device, const struct scope_set *scopes);

/* feed_list_hash() - wire_vector_hash() of a device that has read everything */
int feed_list_hash(const struct feed_list *list, uint8_t ret[HASH_SIZE]);

/* feed_list_digest_hash() - digest_hash() of the same; @vector_hash: what feed_list_hash() gave */
int feed_list_digest_hash(const struct feed_list *list, const uint8_t vector_hash[HASH_SIZE],
                          uint8_t ret[HASH_SIZE]);

/**
 * feed_list_place() - put the cursors where the device says that it stands
 * @feeds: of its vector; those that are not granted are ignored, those that are missing are at the beginning
 *
 * A cursor that lies beyond the feed's last row, or in another epoch, goes back to the beginning: it is of a history that this store
 * does not have.
 */
void feed_list_place(struct feed_list *list, const struct wire_feed_state *feeds, size_t count);

struct feed_group { /* records of one type in one locality */
        struct uuid locality;
        uint64_t epoch;
        const struct catalogue_type *type;
        struct wire_records_writer writer;
};

struct feed_person; /* what is known about somebody while a page is read */

struct feed_page { /* init with {0} */
        struct feed_group *groups;
        size_t group_count, group_capacity;
        struct buffer feeds;        /* feed messages, in the order of reading */
        struct buffer custody;      /* struct custody_row behind each other, one per person */
        struct buffer joins, exits; /* struct uuid behind each other, of the feed being read */
        struct buffer leaving; /* struct leaving_row behind each other: the exits of all feeds */
        struct buffer memberships;
        struct feed_person *people; /* hashed by id */
        size_t person_count, person_capacity;
        size_t size; /* bytes of changes so far */
        size_t row_count;
        bool more; /* something is left in the snapshot */
};

void feed_page_deinit(struct feed_page *page); /* also for CLEANUP */

/**
 * feed_page_fill() - read the next page and move the cursors on
 * @scopes:  as for feed_list_load()
 * @limit:   stop as soon as this many bytes of changes are in the page; at least one row is read
 * @now_ms:  since when custody counts for people who are new to the device
 */
int feed_page_fill(struct feed_page *page, struct storage *storage, struct feed_list *list,
                   const struct device_row *device, const struct scope_set *scopes, size_t limit,
                   int64_t now_ms);

/* feed_page_write() - append records messages, urgent types first, then the feed messages; the page is empty then, but for custody */
int feed_page_write(struct feed_page *page, struct buffer *out);

#endif

/*
 * Inside of the replica: what replica.c (file, facts, erasing), replica_feed.c (feeds and members), replica_record.c
 * (records, pending entries, shadows) and people.c (search index) share. Nobody else includes it.
 */
#ifndef DAEMON_REPLICA_INTERNAL_H
#define DAEMON_REPLICA_INTERNAL_H

#include "daemon/people.h"
#include "daemon/replica.h"
#include "daemon/replica_sums.h"

#include "common/error.h"

#include <string.h>

enum replica_sql {
        SQL_SAVE,
        SQL_SAVE_KEEP,
        SQL_SAVE_BACK,
        SQL_FACT_GET,
        SQL_FACT_PUT,
        SQL_FEEDS,
        SQL_FEED_BY_KEY,
        SQL_FEED_PUT,
        SQL_FEED_GRANTED,
        SQL_FEED_MOVE,
        SQL_FEED_DELETE,
        SQL_FEED_COMPLETE,
        SQL_FEED_AGAIN,
        SQL_MEMBER_COUNT,
        SQL_MEMBER_PUT,
        SQL_MEMBER_DELETE,
        SQL_MEMBER_DELETE_FEED,
        SQL_MEMBER_ANY,
        SQL_MEMBER_OF_CLASS,
        SQL_TOLD_PUT,
        SQL_TOLD_GET,
        SQL_TOLD_DELETE,
        SQL_LEAVER_PUT,
        SQL_LEAVER_PUT_FEED,
        SQL_LEAVER_PUT_OWN,
        SQL_LEAVER_DELETE,
        SQL_LEAVER_NEXT,
        SQL_REACHED_GET,
        SQL_REACHED_PUT,
        SQL_PENDING_PUT,
        SQL_PENDING_BY_RECORD,
        SQL_PENDING_HEADS,
        SQL_PENDING_BY_PLACE,
        SQL_PENDING_COUNT,
        SQL_PENDING_SETTLE,
        SQL_PENDING_STALE,
        SQL_PENDING_DELETE,
        SQL_PENDING_DELETE_RECORD,
        SQL_PENDING_SETTLED,
        SQL_PENDING_ELSEWHERE,
        SQL_SHADOW_PUT,
        SQL_SHADOW_GET,
        SQL_SHADOW_DELETE,
        SQL_SHADOW_COUNT,
        SQL_OWN_PUT,
        SQL_OWN_EACH,
        SQL_OWN_DELETE,
        SQL_PEOPLE_PUT,
        SQL_PEOPLE_DELETE,
        SQL_PEOPLE_CLEAR,
        SQL_PEOPLE_COUNT,
        SQL_HISTORY_GET,
        SQL_HISTORY_PUT,
        SQL_HISTORY_SWEEP,
        SQL_HISTORY_SWEPT,
        SQL_FEED_EPOCH,
        SQL_FEED_ANEW,
        SQL_MEMBER_UNLIST,
        SQL_SHADOWS,
        SQL_MEMBER_RELIST,
        SQL_SUM_GET,
        SQL_SUM_PUT,
        SQL_SUM_DELETE,
        SQL_SUM_FORGET,
        SQL_SUM_FEEDS,
        SQL_SUM_REFERENCE,
        SQL_FEED_DIGEST,
        SQL_FEED_DIGEST_PUT,
        SQL_SUMS,
        SQL_SUMS_OF,
        SQL_FEED_SUMS,
        SQL_UNLISTED,
        SQL_MEMBER_HAS,
        SQL_MEMBER_EACH,
        SQL_REFERENCE_OWNERS,
        SQL_FEED_DIFFERS,
        SQL_FEEDS_ALIKE,
        SQL_TOLD_EQUALITY,
        SQL_REPAIR_AGAIN,
        SQL_REPAIR_PUT,
        SQL_REPAIR_TRIM,
        SQL_REPAIR_FORGET,
        SQL_REPAIRS_UNTOLD,
        SQL_REPAIRS_TOLD,
        SQL_REPAIRS_GOOD,
        SQL_REPAIRS_COUNT,
        SQL_OWNER_NEXT,
        SQL_PENDING_WAIT,
        SQL_KEPT_PUT,
        SQL_KEPT_GET,
        SQL_COUNT_
};

/* replica_kept_open() - the key of kept bytes goes with their record, whoever deletes it (replica_kept.c) */
int replica_kept_open(struct replica *replica);

struct replica {
        struct db *db;
        struct uuid device;
        struct replica_watch watch;
        struct record_tables *tables;
        struct replica_sums *sums;
        sqlite3_stmt *stmts[SQL_COUNT_];
        uint64_t loss_count;
        bool open, lost;    /* a transaction is open over several commits; one of them was lost */
        uint32_t unwritten; /* commits in it */
        int64_t facts[FACT_COUNT], facts_before[FACT_COUNT];
        uint64_t pending_count, pending_count_before; /* rows of pending, refused ones included */
        bool shadows, shadows_before;                 /* there may be some */
        struct uuid locality, locality_before;        /* replica_locality() */
        bool repairing; /* what comes is what should have been here: nobody changed it under an edit */
        struct uuid counted;        /* owner up to which replica_count_some() came */
        struct arena arena;         /* scratch of one operation */
        struct buffer buffer, text; /* the same */
};

/* replica_check_sums() - at the start: digests that were kept by another catalogue, or not at all, are counted */
int replica_check_sums(struct replica *replica);
/* replica_count() - count all digests anew; in a transaction */
int replica_count(struct replica *replica, struct replica_proof *ret);

/* replica_count_owner() - the same for one */
int replica_count_owner(struct replica *replica, const struct uuid *owner, bool *ret_wrong);

/* replica_load_locality() - the locality for people met here: that of the provisional scope, else of the first reference scope */
int replica_load_locality(struct replica *replica);

/* replica_shown() - a record's table row changed: search index, provisional scope, watcher. @visible NULL: it is gone */
int replica_shown(struct replica *replica, const struct catalogue_type *type, const struct uuid *id,
                  const struct uuid *person, const struct record *visible);

/* replica_member() - a person comes into a feed, or leaves it; 1 that was new, 0 it was so already, or an error */
int replica_member(struct replica *replica, struct replica_sums_feed *feed,
                   const struct uuid *person, bool in);
/* replica_leaver() - somebody left a feed of a class: looked at by replica_erase() at the end */
int replica_leaver(struct replica *replica, const struct uuid *person, enum catalogue_class class);

/* replica_provisional() - put a person met here into the device's provisional scope, or take out of it */
int replica_provisional(struct replica *replica, const struct record *person, bool in);

/* replica_unpend() - forget pending entries and shadow of one record of type number @type, whatever their state */
int replica_unpend(struct replica *replica, uint64_t type, const struct uuid *record);

/* replica_unpend_place() - forget one pending entry by its place in the outbox; not being there is no error */
int replica_unpend_place(struct replica *replica, uint64_t place);

/* replica_unconfirmed() - no version of a record came in the new history: own waiting work on it stays, the rest goes */
int replica_unconfirmed(struct replica *replica, const struct catalogue_type *type,
                        const struct uuid *id, const struct uuid *person);

/* people_put() - index a person's visible record */
int people_put(struct replica *replica, const struct record *person);
int people_delete(struct replica *replica, const struct uuid *person);

/* ---- replica_pending.c ---- */

struct replica_edits { /* pending entries on one record, oldest first; the memory is an arena's */
        struct overlay_edit *items;
        uint64_t *places;
        size_t count, capacity;
};

/* replica_load_edits() - all of a record of type number @type, opened; appends to @ret (begin with {0}) */
int replica_load_edits(struct replica *replica, uint64_t type, const struct uuid *record,
                       struct arena *arena, struct replica_edits *ret);
bool replica_any_active(const struct replica_edits *edits);
/* replica_drop_over() - take the edits that are over out of the table and out of the list; @locality: whose position it is, NULL: any */
int replica_drop_over(struct replica *replica, struct replica_edits *edits,
                      const struct uuid *locality, const struct position *confirmed);

/* Shadows: the confirmed state of a record with active edits. get: 1 found, 0 not there */
int replica_shadow_put(struct replica *replica, const struct record *record);
int replica_shadow_get(struct replica *replica, const struct catalogue_type *type,
                       const struct uuid *id, const struct uuid *person, struct arena *arena,
                       struct record *ret);
int replica_shadow_delete(struct replica *replica, uint64_t type, const struct uuid *id);

#endif

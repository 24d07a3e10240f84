/*
 * Inside of the outbox: what outbox.c (chain and rows), outbox_settle.c (what the store said) and outbox_keep.c (what must
 * survive the replica, and checks) share. Nobody else includes it.
 */
#ifndef DAEMON_OUTBOX_INTERNAL_H
#define DAEMON_OUTBOX_INTERNAL_H

#include "daemon/outbox.h"

#include "common/entry.h"
#include "common/error.h"
#include "common/wire.h"

#include <string.h>

enum outbox_sql {
        SQL_META_GET,
        SQL_META_PUT,
        SQL_LANE_GET,
        SQL_LANE_PUT,
        SQL_PLACE_MAX,
        SQL_INSERT,
        SQL_BY_ID,
        SQL_EACH,
        SQL_EACH_WAITING,
        SQL_EACH_STATE,
        SQL_BY_SEQ,
        SQL_EACH_LANE,
        SQL_EACH_BATCH,
        SQL_SETTLE,
        SQL_ERASE,
        SQL_COUNT_ALL,
        SQL_COUNT_SETTLED,
        SQL_COUNT_WAITING,
        SQL_FIRST_WAITING,
        SQL_PARKED,
        SQL_BATCH_PUT,
        SQL_BATCH_MAX,
        SQL_PRUNE_LIST,
        SQL_PRUNE,
        SQL_PRUNE_BATCH,
        SQL_HEAD_PUT,
        SQL_HEADS,
        SQL_HEAD_GET,
        SQL_BY_PLACE,
        SQL_MOVE,
        SQL_LIFE_PUT,
        SQL_LIFE_COUNT,
        SQL_LEFT_PUT,
        SQL_LEFT_GET,
        SQL_BATCH_GET,
        SQL_GAP_PUT,
        SQL_GAPS,
        SQL_GAP_DECLARED,
        SQL_TOLD,
        SQL_CLOSING_PUT,
        SQL_CLOSING_GET,
        SQL_CLOSING_EACH,
        SQL_CLOSING_MAX,
        SQL_CLOSING_FORGET,
        SQL_REFUSED_OPEN,
        SQL_COUNT_
};

enum {
        OUTBOX_DAMAGED_MAX = 64
}; /* damaged rows that are counted one by one; it is a flag, not a census */

struct lane_end {
        uint64_t seq, next;
        uint64_t waits;   /* no entry before this seq waits */
        uint64_t waiting; /* how many wait; not on the disk */
        uint8_t head[HASH_SIZE];
        uint8_t signature[SIGNATURE_SIZE];
};

struct outbox {
        struct outbox_options options;
        struct db *db;
        sqlite3_stmt *stmts[SQL_COUNT_];
        struct uuid incarnation;
        struct lane_end lanes[LANE_COUNT];
        struct lane_end lanes_before[LANE_COUNT]; /* at outbox_begin() */
        uint64_t place;                           /* newest */
        struct outbox_counts counts;
        struct outbox_counts counts_before;
        uint64_t damaged[OUTBOX_DAMAGED_MAX]; /* places of damaged rows that were seen, each once */
        uint64_t batch, batch_before;         /* newest number of receipts */
        uint64_t closing, closing_before;     /* number of the last closing that the store told */
        bool written;                         /* since outbox_begin() */
        bool head_known;
        struct wire_head head;   /* the one that was asked for last: each write asks for it */
        struct buffer row_bytes; /* what the row of the last visit borrows */
        struct buffer scratch;
};

/* row_hash() - the hash that a row with this content must carry */
void outbox_row_hash(const struct outbox_row *row, uint8_t ret[HASH_SIZE]);

/* row_read() - the row under the cursor of @stmt; borrows from it. A row that does not fit its hash is marked, not refused. */
void outbox_row_read(struct outbox *outbox, sqlite3_stmt *stmt, struct outbox_row *row);

/* outbox_row_keep() - copy what the row borrows from its statement, so that the statement can be reset */
int outbox_row_keep(struct outbox *outbox, struct outbox_row *row);

/* outbox_seal_context() - associated data of a body's seal */
void outbox_seal_context(const struct outbox *outbox, const struct uuid *id, uint8_t ret[32]);

/* outbox_count() - read anew how many entries are in each state, and how many wait in each lane */
int outbox_count(struct outbox *outbox);

/* outbox_closing_fixed() - the item is a new entry for a quarantined one: link them; in the transaction of the append */
int outbox_closing_fixed(struct outbox *outbox, const struct outbox_item *item);

int outbox_lane_write(struct outbox *outbox, uint8_t lane);
int outbox_meta_read(struct outbox *outbox, const char *name, struct buffer *out);
int outbox_meta_write(struct outbox *outbox, const char *name, struct bytes value);

/* copy_exact() - copy if the size is as expected */
static inline bool copy_exact(struct bytes from, uint8_t *to, size_t size)
{
        if (from.size != size)
                return false;
        memcpy(to, from.data, size);
        return true;
}

#endif

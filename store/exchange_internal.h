/* What the three steps of an exchange share: store/exchange_read.c, exchange_commit.c, exchange_answer.c. Nobody else includes it. */
#ifndef STORE_EXCHANGE_INTERNAL_H
#define STORE_EXCHANGE_INTERNAL_H

#include "common/compress.h"
#include "store/epoch.h"
#include "store/exchange.h"
#include "store/feed.h"
#include "store/grants.h"
#include "store/judge.h"

struct exchange_entry {
        struct entry_header header;
        struct bytes header_bytes, body;
        uint8_t body_hash[HASH_SIZE];
        uint8_t head[HASH_SIZE];        /* of its lane's chain, after it */
        enum quarantine_reason refused; /* REASON_NONE: it is for the judge */
        struct wire_receipt
                receipt; /* outcome 0: the commit did not judge it, its row has to be read */
};

/* A run whose signature is the device's. */
struct exchange_run {
        const struct wire_run *wire;
        struct exchange_entry *entries;
        size_t count;
};

enum exchange_kind { ITEM_GAP, ITEM_DAMAGED, ITEM_RUN };

struct exchange_item { /* in the order in which they came */
        enum exchange_kind kind;
        union {
                struct wire_gap gap;
                struct wire_damaged damaged;
                struct exchange_run run;
        };
};

struct exchange_again { /* a receipt of a history that was lost, signature checked */
        struct uuid entry;
        uint8_t body_hash[HASH_SIZE];
        struct position position;
};

struct exchange_request {
        struct arena arena;
        struct buffer clear; /* the CBOR sequence; everything borrows from it */
        struct device_row device;
        int64_t received_ms;
        int64_t clock_offset_ms;
        struct wire_device_hello hello;
        bool has_vector;
        struct wire_vector vector;
        bool is_check; /* of POST /v1/check: nothing but `check` is set */
        struct wire_check check;
        bool has_repaired;
        struct wire_repaired repaired;
        struct exchange_item *items;
        size_t item_count, item_capacity;
        size_t entry_count;
        size_t entry_size;     /* bytes of entries */
        size_t part_count;     /* entries, gaps, damaged rows, whoever signed them */
        size_t unsigned_count; /* runs with a bad signature */
        struct exchange_again *again;
        size_t again_count, again_capacity;
        struct epoch_seen seen[WIRE_LOCALITIES_MAX]; /* beside hello.heads */
        uint8_t stopped
                [LANE_COUNT]; /* enum wire_stop, where the commit could not take all of a lane */
        int error;            /* of a commit of its own */
        bool carried;         /* a courier brought it: it may be old, or come again */
        bool committed;       /* exchange_commit() had it */
};

struct exchange {
        struct storage *storage;
        const struct exchange_settings *settings;
        struct compressor *compressor;
        struct grants *grants;
        struct judge *judge; /* made by the first commit */
        struct feed_list feeds;
        struct feed_page page;
        struct arena arena;   /* of one answer, or one commit */
        struct buffer answer; /* in clear */
        struct wire_head heads
                [WIRE_LOCALITIES_MAX]; /* signed last: a head that has not moved is not signed again */
        size_t head_count;
        size_t settled_turn; /* of answers that could not hold all receipts that are owed */
        struct public_key *signing_public; /* of settings->signing_key; made when needed */
};

/**
 * exchange_leavers() - append (struct leaving_row) whom the device holds and is no longer granted, or not in that class
 * @scopes: what it is granted; exchange->feeds lists the same. It reads all of the device's custody: for when grants changed
 */
int exchange_leavers(struct exchange *exchange, const struct device_row *device,
                     const struct scope_set *scopes, struct buffer *ret);

/* exchange_confirm() - in a commit: take a request's word about who was erased */
int exchange_confirm(struct exchange *exchange, const struct exchange_request *request,
                     const struct device_row *device, int64_t now_ms);

/* exchange_check() - the answer to a request of POST /v1/check (exchange_check.c); of exchange_answer() */
int exchange_check(struct exchange *exchange, const struct exchange_request *request,
                   int64_t now_ms, struct exchange_answer *ret);

/* exchange_feeds() - what a device is granted now, and its feeds as they stand, into exchange->feeds; in a snapshot */
int exchange_feeds(struct exchange *exchange, const struct device_row *device, int64_t now_ms,
                   const struct scope_set **ret_scopes);

/* exchange_device() - the device's row as it is now: 1 active, 0 not (it gets nothing), or an error */
int exchange_device(struct exchange *exchange, const struct uuid *id, struct device_row *ret);

/* exchange_look_at_heads() - fill request->seen; is there a head that our log lacks? In a snapshot or a write transaction. */
int exchange_look_at_heads(struct exchange *exchange, struct exchange_request *request,
                           bool *ret_lost);

/* exchange_take_heads() - the same, and begin a new epoch where commits were lost; first thing of a write transaction */
int exchange_take_heads(struct exchange *exchange, struct exchange_request *request,
                        int64_t now_ms);

/* exchange_good_heads() - those that we signed, and which of them lie on our chain (judge_origin.ours); how many */
size_t exchange_good_heads(const struct exchange_request *request,
                           struct wire_head ret[WIRE_LOCALITIES_MAX], uint64_t *ret_ours);

/* exchange_common() - up to where the history that the device showed is ours; 0 where it is the present one, or none */
uint64_t exchange_common(const struct exchange_request *request,
                         const struct storage_locality *locality);

/* exchange_has_double() - the device shows another signed row under the newest number of a lane than the one that is here */
bool exchange_has_double(const struct exchange *exchange, const struct exchange_request *request,
                         uint8_t lane, const struct lane_row *row);

/* exchange_read_again() - check the receipts that entries are offered again with; those that are not ours are passed over */
int exchange_read_again(const struct exchange *exchange, struct exchange_request *request,
                        const struct wire_again *again);

/* exchange_note_again() - before an entry is judged: where it stood in the history that was lost, if it came with a receipt */
int exchange_note_again(struct exchange *exchange, const struct exchange_request *request,
                        const struct exchange_entry *entry, const struct uuid *locality);

/* exchange_known() - the row of an entry of this device, judged or parked: FOUND_SAME with a receipt, else FOUND_NONE */
int exchange_known(struct exchange *exchange, const struct uuid *device,
                   const struct exchange_entry *entry, struct arena *arena,
                   struct wire_receipt *ret);

/* exchange_collect_closings() - those that the device was not told, behind @after; in the exchange's arena */
int exchange_collect_closings(struct exchange *exchange, const struct uuid *device, uint64_t after,
                              struct wire_closings *ret);

/* exchange_has_closings() - is there any behind @after? 1, 0 */
int exchange_has_closings(struct storage *storage, const struct uuid *device, uint64_t after);

/* exchange_damaged() - what is left of an entry, as one that is refused; borrows from the message */
void exchange_damaged(const struct exchange_request *request, const struct wire_damaged *damaged,
                      struct exchange_entry *ret);

/**
 * exchange_damaged_known() - the receipt that stands for a damaged entry
 *
 * Either it was taken whole before it was damaged, or what is left of it is in quarantine. 1 found, 0 not, or an error
 */
int exchange_damaged_known(struct exchange *exchange, const struct exchange_entry *entry,
                           struct arena *arena, struct wire_receipt *ret);

#endif

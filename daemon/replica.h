/*
 * The replica: the device's copy of its scopes, with its own pending work on top. Disposable.
 *
 * It owns the tables of schema/device/replica_*.sql and, through record_table.h, the typed tables. The typed tables
 * hold what a screen shows; the confirmed state of a record with pending entries lies in its shadow. It knows records, feeds
 * and members; not who may see them, and nothing of messages.
 *
 * Writes happen between replica_begin() and replica_commit(). What was committed is seen at once by everybody (there is one
 * connection), but reaches the file later, with what came after it: by replica_flush(), or when enough has gathered. A crash
 * before loses nothing: the outbox has the device's own work, the store has the rest, and the facts here say how far it came. What the
 * store will be told of is made durable by replica_seal().
 */
#ifndef DAEMON_REPLICA_H
#define DAEMON_REPLICA_H

#include "common/digest.h"
#include "common/record_table.h"
#include "common/scope.h"
#include "common/wire.h"
#include "daemon/overlay.h"

struct replica;

/* What the replica tells while it changes; the engine makes events of it after the commit. */
struct replica_watch {
        void (*record)(void *context, const struct catalogue_type *type, const struct uuid *record,
                       const struct uuid *person);
        void (*person)(void *context, const struct uuid *person, bool gone);
        void *context;
};

int replica_new(struct db *db, const struct uuid *device, const struct replica_watch *watch,
                struct replica **ret); /* db is borrowed */
struct replica *replica_free(struct replica *replica);
DEFINE_FREEP(replica)

int replica_begin(struct replica *replica);
int replica_commit(struct replica *replica);
void replica_rollback(struct replica *replica);

/* replica_flush() - write to the file what was committed since the last time; on failure it is lost here: replica_lost() */
int replica_flush(struct replica *replica);
/* replica_unwritten() - is there anything for replica_flush() to do? */
bool replica_unwritten(const struct replica *replica);
/* replica_lost() - has something that was committed been lost since this was asked last? */
bool replica_lost(struct replica *replica);
/* replica_loss_count() - how often since it was opened */
uint64_t replica_loss_count(const struct replica *replica);

struct record_tables *replica_tables(struct replica *replica);
struct db *replica_db(struct replica *replica);

enum replica_fact {
        FACT_PLACE,       /* newest entry of the outbox that is applied here */
        FACT_BATCH,       /* newest batch of receipts that is applied here */
        FACT_COMPLETE_MS, /* store's time of the last exchange that reached its end, 0: never */
        FACT_CONFIRM, /* the store waits for our word that whoever left up to what was reached is erased */
        FACT_ENDING,      /* an end was reached and people who left are still to be erased */
        FACT_DISTRUST,    /* the end's vector was another than ours: send the list next time */
        FACT_CATALOGUE,   /* version of the catalogue that the rows were kept by */
        FACT_PASSED_OVER, /* records of types that this catalogue lacks came and were not kept */
        FACT_RESCUE,      /* enum rescue_state (daemon/rescue.h) */
        FACT_BYTES_SENT,
        FACT_BYTES_RECEIVED,
        FACT_EXCHANGES,
        FACT_SUMS, /* version of the catalogue by which the digests are kept */
        FACT_CONTRADICTION, /* what the store said when it was asked who differs does not add up to its digest */
        FACT_COUNT
};

int64_t replica_fact(const struct replica *replica, enum replica_fact fact); /* 0: never set */
int replica_set_fact(struct replica *replica, enum replica_fact fact, int64_t value);

/* ---- feeds and members ---- */

struct replica_feed {
        int64_t number;
        struct wire_feed_key key;
        struct wire_cursor cursor;
        bool granted, complete;
        bool differs; /* the store's digest was another, at the last comparison that was unequal */
};

/* replica_feeds() - all of them in the order of vectors, into @arena; those that are not granted come with them */
int replica_feeds(struct replica *replica, struct arena *arena, struct replica_feed **ret,
                  size_t *ret_count);

/* replica_set_grants() - feeds that are new begin at nothing; one that is missing is an exit of all that is in it */
int replica_set_grants(struct replica *replica, const struct wire_grant *grants, size_t count);

/* replica_take_feed() - joins, exits and the new cursor; PANNIER_E_MALFORMED for a feed that is not granted */
int replica_take_feed(struct replica *replica, const struct wire_feed *feed);

/* replica_fetch_again() - every feed is read from its beginning; what is here stays, and is not complete until then */
int replica_fetch_again(struct replica *replica);

/* replica_complete() - an end without more was reached: every granted feed was received whole */
int replica_complete(struct replica *replica);

/* replica_members() - how many people are in a feed */
int replica_members(struct replica *replica, int64_t feed, uint64_t *ret);

/* replica_locality() - the locality for records of people who are met here; UUID_NONE before the first exchange */
struct uuid replica_locality(const struct replica *replica);

/* replica_reached() - up to where a locality's history was received whole; zero: nothing */
int replica_reached(struct replica *replica, const struct uuid *locality, struct position *ret);
int replica_set_reached(struct replica *replica, const struct uuid *locality,
                        const struct position *at);

struct replica_unsent { /* a pending entry that the store may not have; borrowed during a visit */
        struct uuid entry, locality;
        uint8_t lane;
        struct bytes body; /* in clear (entry_body_encode) */
};

/* replica_each_unsent() - those that wait or are parked, in the order of recording; @visit returns 0 to go on */
int replica_each_unsent(struct replica *replica,
                        int (*visit)(void *context, const struct replica_unsent *unsent),
                        void *context);

struct replica_moved { /* where a pending entry lies in the outbox now */
        struct uuid entry;
        uint64_t place, seq;
};

/* replica_move_pending() - pending entries have other places in the outbox; in a transaction. The new places are free or their own. */
int replica_move_pending(struct replica *replica, const struct replica_moved *moved, size_t count);

/**
 * replica_leave_own() - people about whom there is own work and whom no feed has are people who left
 *
 * A replica that lost its newest commits, or is fetched again, gets the device's own work back from the outbox; who left meanwhile
 * was never in a feed of this copy, so no exit takes them away. Before replica_erase(), at an end.
 */
int replica_leave_own(struct replica *replica);

/**
 * replica_erase() - erase a piece of the people who left and whom no feed has
 * @rows:   at most about so many records in this call
 * @forget: told of each own entry about an erased person, before it is forgotten here
 *
 * Return: 1 there is more to erase; 0 done; or an error
 */
int replica_erase(struct replica *replica, size_t rows,
                  int (*forget)(void *context, const struct uuid *entry), void *context,
                  bool *ret_erased);

/* replica_seal() - make an erasure durable and leave nothing in the WAL: flush, then TRUNCATE. Between transactions */
int replica_seal(struct replica *replica);

/* replica_full() - from now on flush with FULL (true) or NORMAL (false); flushes first. Between transactions */
int replica_full(struct replica *replica, bool full);

/* ---- proof ---- */

/**
 * replica_told() - the store's word at an end: what digest_hash() gives over the feeds of this vector
 *
 * All zero: nothing new, what was told before stands. It stands until replica_told_void(), which is to be called before anything confirmed changes.
 */
int replica_told(struct replica *replica, const uint8_t vector_hash[HASH_SIZE],
                 const uint8_t digest_hash[HASH_SIZE]);
int replica_told_void(struct replica *replica);
/* replica_is_told() - is the store's word about this vector here? 1, 0, or an error */
int replica_is_told(struct replica *replica, const uint8_t vector_hash[HASH_SIZE]);

enum replica_equality {
        REPLICA_UNKNOWN, /* the store has not said what this state is to be */
        REPLICA_EQUAL,
        REPLICA_DIFFERENT,
};

/* replica_compare() - the digests as they are kept here, against the store's word; after replica_sums_write(), so in a transaction */
int replica_compare(struct replica *replica, enum replica_equality *ret);

struct replica_proof {
        bool told;        /* the store has said what this state is to be */
        bool equal;       /* and it is */
        uint64_t records; /* counted */
        uint64_t
                wrong; /* people (or types of reference data) and feeds that were otherwise than had been kept */
};

/**
 * replica_prove() - count the digests from the typed columns, all of them, and compare: for a doctor, it reads everything
 *
 * Digests that were kept otherwise are made right: a row that changed behind our back then shows at the next comparison with the store,
 * and is repaired.
 */
int replica_prove(struct replica *replica, struct replica_proof *ret);

/* replica_equality() - how the last comparison came out, if the store's word about it still stands */
int replica_equality(struct replica *replica, enum replica_equality *ret);

/**
 * replica_count_some() - count the digests of the next owners anew, round and round; make right what was otherwise
 * @records: as many as have together at least so many records; 0: only what was gathered is written, for replica_compare()
 *
 * In a transaction. So what a disk did to a row shows one day without anybody asking, at a cost that does not grow with the caseload.
 */
int replica_count_some(struct replica *replica, uint64_t records, uint64_t *ret_wrong);

/* ---- repair (replica_repair.c): in transactions, after replica_sums_write() ---- */

/* replica_differs() - are an owner's confirmed records in a feed others than those of this digest, or is the person not in the feed? 1, 0 */
int replica_differs(struct replica *replica, const struct replica_feed *feed,
                    const struct uuid *owner, const struct digest *digest);
/* replica_owners() - the people of a feed; of reference data the types that have a digest */
int replica_owners(struct replica *replica, const struct replica_feed *feed,
                   int (*visit)(void *context, const struct uuid *owner), void *context);
int replica_is_member(struct replica *replica, const struct replica_feed *feed,
                      const struct uuid *person);
/* replica_feed_differs() - the store says another digest of this feed; until the copy is equal again */
int replica_feed_differs(struct replica *replica, int64_t feed);

/**
 * replica_repair_begin(), replica_repair_record(), replica_repair_end() - one owner's records in a feed are these
 *
 * All in one transaction. Own pending work on them stays. @now_ms: store's time
 */
int replica_repair_begin(struct replica *replica, const struct replica_feed *feed,
                         const struct uuid *owner);
int replica_repair_record(struct replica *replica, const struct record *record, uint64_t epoch);
int replica_repair_end(struct replica *replica, const struct replica_feed *feed,
                       const struct uuid *owner, int64_t now_ms);
/* replica_repair_erase() - the store does not list the person in the feed: as an exit; erased by replica_erase() */
int replica_repair_erase(struct replica *replica, const struct replica_feed *feed,
                         const struct uuid *person, int64_t now_ms);
/* replica_repair_note() - write down what became of an owner; a fault where the same was repaired at the same position before */
int replica_repair_note(struct replica *replica, const struct replica_feed *feed,
                        const struct uuid *owner, enum repair_what what, int64_t now_ms);

/* What the store was not told yet; told: up to this number. */
int replica_repairs_untold(struct replica *replica, struct wire_repair ret[WIRE_REPAIRS_MAX],
                           size_t *ret_count);
int replica_repairs_told(struct replica *replica, uint64_t number);

struct replica_repairs {               /* of those that are kept */
        uint64_t made, erased, faults; /* faults: since the copy was equal last */
        int64_t newest_ms;
};

int replica_repairs(struct replica *replica, struct replica_repairs *ret);

/* ---- records ---- */

/* replica_confirm() - take a record's confirmed state; one that is not newer than what is here is ignored. 1 taken, 0 ignored, error */
int replica_confirm(struct replica *replica, const struct record *record, uint64_t epoch);

struct replica_entry { /* an entry of the outbox, opened */
        uint64_t place;
        struct uuid id, device, locality;
        uint8_t lane;
        uint64_t seq;
        const struct entry_body *body;
        struct bytes clear; /* body as entry_body_encode() made it */
        enum entry_outcome state;
        struct bytes receipt; /* message with its receipt, empty: none */
};

/* replica_pend() - show an own entry; idempotent */
int replica_pend(struct replica *replica, const struct replica_entry *entry);

/* ---- keys of attachments that are kept on this device (replica_kept.c) ---- */

/* replica_kept_put() - within a transaction; it goes with the record, however that goes */
int replica_kept_put(struct replica *replica, const struct uuid *record,
                     const uint8_t key[AEAD_KEY_SIZE]);
/* replica_kept_get() - 1, 0 */
int replica_kept_get(struct replica *replica, const struct uuid *record,
                     uint8_t ret[AEAD_KEY_SIZE]);

/* ---- histories of the store (replica_history.c) ---- */

/* replica_history() - which history of a locality this copy holds; 1, 0 none yet */
int replica_history(struct replica *replica, const struct uuid *locality, uint64_t *ret);
int replica_begin_history(struct replica *replica, const struct uuid *locality, uint64_t epoch);

/**
 * replica_fork() - another history of a locality began
 * @left:  last position that it shares with the one that is here
 * @whole: nothing was seen beyond it: the cursors go on. Otherwise the feeds begin anew, and what was seen beyond it is unconfirmed
 */
int replica_fork(struct replica *replica, const struct uuid *locality, uint64_t epoch,
                 uint64_t left, bool whole);

/* replica_sweep() - every feed was received to its end: what no feed of the new history listed goes */
int replica_sweep(struct replica *replica);

/* replica_wait_again() - an own entry that had its receipt waits again */
int replica_wait_again(struct replica *replica, const struct replica_entry *entry);

/* replica_settle() - an own entry got its receipt (or was parked); not being here is no error */
int replica_settle(struct replica *replica, uint64_t place, const struct wire_receipt *receipt,
                   struct bytes message);

/* replica_dismiss() - a refused entry was dealt with: it is shown beside the record no longer; not being here is no error */
int replica_dismiss(struct replica *replica, uint64_t place);

/* replica_pass() - everything up to @reached of a locality is here: pending entries with a receipt up to it are over */
int replica_pass(struct replica *replica, const struct uuid *locality,
                 const struct position *reached);

/* replica_pass_rest() - the same of localities of which nothing is granted: their feeds bring nothing any more. At an end */
int replica_pass_rest(struct replica *replica);

/* Pending entries on a record: the newest, and the one that creates it. */
struct replica_pending {
        bool any; /* active ones */
        struct uuid newest;
        bool creating; /* its creation has no outcome and was not parked yet */
        uint8_t lane;
        uint64_t seq; /* of the creation */
        uint64_t place;
};

/* replica_pending_of() - what waits on a record; @type: its type's number, 0: of whatever type (a reference names none) */
int replica_pending_of(struct replica *replica, uint64_t type, const struct uuid *record,
                       struct replica_pending *ret);

/**
 * replica_view() - a record with its states, as a screen shows it
 * @visible: as it lies in its table; may be NULL where the store and the overlay show none
 * @arena:   owns what is made
 *
 * Return: 1 with pending entries (ret filled), 0 without, or an error
 */
int replica_view(struct replica *replica, const struct catalogue_type *type,
                 const struct uuid *record, const struct record *visible, struct arena *arena,
                 struct overlay *ret, struct record *ret_confirmed, bool *ret_has_confirmed);

/* replica_find() - a record of whatever type; 1 found, 0 not, or an error */
int replica_find(struct replica *replica, const struct uuid *id, struct arena *arena,
                 struct record *ret);

int replica_count_people(struct replica *replica, uint64_t *ret);

/* replica_people_rebuild() - fill the search index from the person records */
int replica_people_rebuild(struct replica *replica);

#endif

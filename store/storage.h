/* file length: one table of functions, whole in one place; most of it is what each promises */
/*
 * What the store keeps: one small table of functions with SQLite behind it now, PostgreSQL later.
 *
 * A `struct storage` is one connection, used by one thread at a time. It is idle, in a write transaction (`begin`) or in
 * a snapshot (`begin_read`). Reads are allowed in both, writes in a write transaction only; each op below says which it is.
 * Nothing here decides anything: no rule of reconciliation, no hash, no signature, no clock. Callers give ids, times and
 * finished bytes. No SQL exists outside of the implementations, and none of their types in this header.
 *
 * Every row belongs to a locality, and each key begins with it (a feed number belongs to one locality): so that a later
 * backend can spread localities. Locks are taken in one order: localities by ascending id, in `begin`, before anything else.
 *
 * Visitors get rows that borrow: copy what you keep. They return 0 to go on, or 1 to stop or an error, which the op returns.
 * A visitor may call reading ops, but not the op that is calling it, and must not write.
 *
 * Every op returns 0, or an outcome that it names, or an error: PANNIER_E_STORAGE (full, I/O, connection: the transaction is
 * lost, nothing was recorded), PANNIER_E_CORRUPT, PANNIER_E_MEMORY, PANNIER_E_INTERNAL (used in the wrong state).
 */
#ifndef STORE_STORAGE_H
#define STORE_STORAGE_H

#include "common/catalogue.h"
#include "common/crypto.h"
#include "common/digest.h"
#include "common/entry.h"
#include "common/record.h"
#include "common/scope.h"
#include "common/wire.h"

/* ---- localities, positions, epochs ---- */

/* A locality inside a write transaction: store/log.c moves number and head on, `commit` makes it durable. */
struct storage_locality {
        struct uuid id;
        struct uuid epoch_id; /* random, drawn when the epoch began */
        uint64_t epoch;       /* rising number of the history, from 1 */
        uint64_t
                position; /* write: the position of this commit; snapshot: of the last commit seen */
        uint64_t number;  /* of the last log row, 0: none yet */
        uint8_t head[HASH_SIZE]; /* chain hash of the last log row */
        struct position
                backup; /* everything up to here is in a verified backup; 0: there is none */
        bool changed;   /* something was written in this transaction: the position is used up */
};

/* A history of a locality (store/epoch.h). */
struct epoch_row {
        uint64_t epoch; /* rising number */
        struct uuid id;
        int64_t began_ms;
        bool ended;
        uint64_t left; /* last position that the next one shares, where it ended */
};

/* A life of a device's outbox. */
struct incarnation_row {
        struct uuid device, id;
        uint64_t number; /* order of first sight, from 1 */
        int64_t first_ms;
        int64_t again_ms; /* seen after a newer one: an incident; 0: no */
};

/* ---- the log ---- */

/* One judged entry. Everything in it is covered by `chain` (store/log.h). */
struct log_row {
        struct uuid locality;
        uint64_t number; /* 1 … without gaps, per locality */
        uint64_t epoch;  /* the position's */
        uint64_t
                position; /* commit in which it was judged; also of an entry that got no position, for the audit */
        int64_t received_ms;        /* store time at which its request was read */
        int64_t clock_offset_ms;    /* device clock minus store time, as measured in that request */
        uint32_t catalogue_version; /* rules by which it was judged */
        struct uuid id;             /* of the entry */
        struct uuid device;         /* UUID_NONE: the store itself */
        struct uuid incarnation;
        uint8_t lane;
        uint64_t seq;
        struct uuid record;   /* UUID_NONE where the body could not be read */
        struct uuid person;   /* UUID_NONE: none, or unreadable */
        struct uuid previous; /* previous pending entry on the record, UUID_NONE: none */
        struct uuid
                chain_root; /* first of the chain of pending entries it continues; its own id where it begins one */
        enum entry_outcome outcome; /* APPLIED … QUARANTINED */
        uint16_t reason;            /* why quarantined (wire.h), 0 otherwise */
        struct bytes header, body;  /* as they travelled; body empty once redacted */
        uint8_t body_hash[HASH_SIZE];
        struct bytes
                effects; /* effect per field and conflicts raised: receipt_effects_encode() (store/receipts.h) */
        uint8_t chain[HASH_SIZE]; /* hash over the row before it and all of this row */
};

enum storage_found {
        FOUND_NONE = 0,
        FOUND_SAME = 1,  /* the same device, entry id and body hash: a repeat */
        FOUND_OTHER = 2, /* the id is in use for something else */
};

/* ---- entries that wait ---- */

enum parked_wait {                  /* what a parked entry waits for; the numbers are stored */
                   WAIT_RECORD = 1, /* a record that is not here, or not held by the device */
                   WAIT_PERSON = 2, /* a person that is not here, or not held by the device */
                   WAIT_ENTRY = 3,  /* the entry that it continues (body.previous) */
                   WAIT_LANE =
                           4, /* the entry at (device, incarnation, lane, seq) that its header needs */
                   WAIT_UPGRADE = 5, /* a store that can read it; never given up */
};

struct parked_row {
        struct uuid locality;
        struct uuid id; /* of the entry */
        struct uuid device;
        struct uuid incarnation;
        uint8_t lane;
        uint64_t seq;
        enum parked_wait wait;
        struct uuid
                wait_id; /* record, person or entry; for WAIT_LANE the incarnation; for WAIT_UPGRADE the device */
        uint8_t wait_lane; /* WAIT_LANE only */
        uint64_t
                wait_seq; /* WAIT_LANE: of the entry; WAIT_UPGRADE: newest position of the locality that the device showed */
        int64_t received_ms;
        int64_t clock_offset_ms;
        struct bytes header, body; /* as they travelled */
        uint8_t body_hash[HASH_SIZE];
};

/* ---- lanes ---- */

struct lane_row {
        struct uuid device, incarnation;
        uint8_t lane;
        uint64_t next_seq; /* the one that the store takes next, from 1 */
        bool head_known; /* false behind a declared gap: the next signed run vouches for its own `prev` */
        uint8_t head[HASH_SIZE]; /* chain hash of entry next_seq - 1; zero at the beginning */
        uint8_t signature[SIGNATURE_SIZE]; /* the device's, over head */
        bool forked; /* two different entries were seen under one seq: nothing more is taken */
};

struct gap_row {
        struct uuid device, incarnation;
        uint8_t lane;
        uint64_t from_seq, to_seq; /* both included */
        int64_t declared_ms;
        char detail[128]; /* UTF-8, what the device said */
};

/* ---- scopes, members, feeds ---- */

/* A person in a scope. While `joined` is not 0 the person is in the scope's feeds. */
struct member_row {
        uint64_t feed; /* number of (locality, scope): what the feed ops take */
        struct scope scope;
        struct uuid person;
        uint64_t
                joined; /* position of the join row; 0: not in the feeds (no source left, or limited) */
        uint64_t left; /* position of the exit row, 0: there is none */
        bool limited;  /* a consent limit keeps the person out of the scope */
        uint32_t source_count;
};

enum feed_kind {                  /* what a feed row stands for; the numbers are stored */
                 FEED_RECORD = 1, /* a record that changed after its person joined */
                 FEED_JOIN = 2,   /* a person, with all records at or below the row's position */
                 FEED_EXIT = 3,   /* a person who left */
                 FEED_END = 4,    /* nobody: an exit stood here, and the feed has nothing newer */
};

struct feed_row {
        uint64_t position;
        struct uuid id; /* of the record; of the person for join and exit */
        enum feed_kind kind;
        uint8_t type;       /* FEED_RECORD: number of the record's type */
        struct uuid person; /* FEED_RECORD: whose it is; UUID_NONE for reference data */
};

/* What writes did to a record that is in feeds, and no feed's digest says yet: membership_publish() brings it there. */
struct storage_change {
        struct uuid locality;
        struct uuid person; /* UUID_NONE: reference data */
        enum catalogue_class class;
        struct digest digest; /* new less old */
};

/* Place in a feed: everything at or below it was read. Zero: the beginning. */
struct feed_place {
        uint64_t position;
        struct uuid id;
};

/*
 * What stands in a cursor instead of an exit's id: every row of the commit was read. So a device keeps nothing of somebody who left, and
 * no id is greater.
 */
#define FEED_PASSED                                                                                \
        ((struct uuid){{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,    \
                        0xff, 0xff, 0xff, 0xff}})

/* feed_place_compare() - <0, 0, >0 */
int feed_place_compare(const struct feed_place *a, const struct feed_place *b);

/* ---- devices, custody ---- */

struct device_row {
        struct uuid id;
        struct uuid
                locality; /* home locality: where an entry goes whose own locality is not here */
        char name[128];   /* UTF-8 */
        enum wire_device_state state;        /* 0: invited, has no certificate yet */
        enum catalogue_class ceiling;        /* the highest class it may hold */
        uint8_t public_key[PUBLIC_KEY_SIZE]; /* zero until enrolled */
        uint8_t certificate
                [HASH_SIZE];  /* SHA-256 of its newest certificate's DER; zero until enrolled */
        int64_t not_after_ms; /* of that certificate */
        int64_t created_ms, enrolled_ms, seen_ms; /* 0: not yet */
        int64_t lost_ms; /* written off: whom it held is lost, not erased; 0: not */
};

/* What a device told about itself in its newest hello, for the operators' list. */
struct device_report {
        uint64_t waiting, parked, quarantined;
        int64_t oldest_ms; /* age of the oldest waiting entry's recorded time; 0: none */
        int64_t clock_offset_ms;
};

struct custody_row {
        struct uuid locality;
        struct uuid device, person;
        int64_t since_ms;  /* first sent */
        uint64_t position; /* newest position of a record of the person that was sent */
        int64_t erased_ms; /* confirmed; 0: holds it, or may */
        uint8_t class;     /* highest class that was ever sent */
        uint8_t held;      /* highest class that it holds, or may; 0: nothing is left there */
};

/* Where somebody is who moved from one locality to another, and how they stood where they left. The newest move. */
struct moved_row {
        struct uuid person;
        struct uuid locality;     /* where they are now */
        uint64_t arrived;         /* position there */
        struct uuid origin;       /* the locality that they left */
        struct position departed; /* there */
        uint64_t
                seen; /* there, newest position of a record that can be edited: whoever saw that saw all of it */
};

/* Somebody whom a device was told to let go of, and has not confirmed. */
struct leaving_row {
        struct uuid locality;
        struct uuid device, person;
        struct position told; /* of the snapshot in which it was told */
};

/* A conflict that nobody has decided yet: found by the record and field (or group) it is about. */
struct open_conflict {
        struct uuid locality;
        struct uuid record;
        uint16_t key;         /* group number + 256, or the field's number */
        struct uuid conflict; /* record id of the conflict */
};

/* What a worklist shows of a quarantined entry; its bytes are in the log row. */
struct quarantine_row {
        struct uuid locality;
        uint64_t number; /* of the log row */
        struct uuid id;  /* of the entry */
        struct uuid device;
        uint16_t reason;
        int64_t since_ms;
        uint64_t size; /* bytes of header and body */
        enum closing_how
                how; /* CLOSING_NONE: nobody has dealt with it yet; then what follows is empty */
        struct uuid closed_by; /* entry that names it */
        int64_t closed_ms;
        struct bytes
                note;  /* who dealt with it and why, where it was an operator; UTF-8, borrowed */
        uint64_t word; /* rising per device: order in which the device is told; 0: it knows */
};

/* What waits here of one device: entries that are parked, and quarantined ones that nobody has dealt with. */
struct storage_backlog {
        uint64_t parked, parked_size;   /* entries; bytes of headers and bodies */
        uint64_t refused, refused_size; /* the same */
};

struct storage_counts { /* of one locality */
        uint64_t people, records, devices, entries, parked, quarantined, conflicts;
        uint64_t outcomes[OUTCOME_PARKED + 1]; /* log rows by outcome; [OUTCOME_PARKED] = parked */
};

struct storage; /* a connection, see above */

typedef int storage_record_visit(void *context, const struct record *record, struct bytes stamps);
typedef int storage_row_visit(void *context, enum catalogue_class class,
                              const struct wire_row *row);
typedef int storage_log_visit(void *context, const struct log_row *row);
typedef int storage_quarantine_visit(void *context, const struct quarantine_row *row);
typedef int storage_parked_visit(void *context, const struct parked_row *row);
/* @sent: the record of a FEED_RECORD row as it travels, NULL where it is not there; NULL for other rows */
typedef int storage_feed_visit(void *context, const struct feed_row *row,
                               const struct wire_row *sent);
typedef int storage_scope_visit(void *context, const struct scope *scope);
typedef int storage_uuid_visit(void *context, const struct uuid *id);
typedef int storage_number_visit(void *context, const struct uuid *locality, uint64_t feed,
                                 const struct digest digests[CLASS_COUNT]);
typedef int storage_feeds_visit(void *context, const struct scope *scope, uint64_t feed,
                                const struct digest digests[CLASS_COUNT]);
typedef int storage_member_visit(void *context, const struct member_row *row);

struct storage_ops {
        /* -- life -- */
        struct storage *(*free)(struct storage *storage);

        /* -- transactions -- */

        /**
         * begin() - write transaction over @count localities (ascending by id, each once)
         *
         * Waits for the writer before. Return: 0; PANNIER_E_NOT_FOUND a locality is not kept here
         */
        int (*begin)(struct storage *storage, const struct uuid *localities, size_t count);
        int (*begin_read)(struct storage *storage);
        /* commit() - durable when it returns 0. On an error everything is rolled back. Ends a snapshot too. */
        int (*commit)(struct storage *storage);
        void (*rollback)(struct storage *storage);
        /* One savepoint at a time, inside a write transaction: back to it forgets all writes since, counters included. */
        int (*savepoint)(struct storage *storage);
        int (*savepoint_keep)(struct storage *storage);
        int (*savepoint_back)(struct storage *storage);

        /* -- localities -- */

        int (*locality_add)(struct storage *storage, const struct uuid *id,
                            const struct uuid *epoch_id,
                            int64_t now_ms); /* write, any localities; TAKEN */
        int (*localities)(struct storage *storage, storage_uuid_visit *visit,
                          void *context); /* ascending */
        /* locality() - read or write; borrowed until the transaction ends; NULL: not kept here, or not in `begin` */
        struct storage_locality *(*locality)(struct storage *storage, const struct uuid *id);
        /* locality_touch() - mark changed, so that the commit uses up its position; its position is in ->position */
        int (*locality_touch)(struct storage *storage, const struct uuid *id);

        /* -- histories (storage_sqlite_epochs.c) -- */

        /* epoch_begin() - write: the present history of a locality ended at @left, and another begins, from this commit on */
        int (*epoch_begin)(struct storage *storage, const struct uuid *locality,
                           const struct epoch_row *next, uint64_t left);
        /* epoch_note() - write: another history that was left; one that is known already stays */
        int (*epoch_note)(struct storage *storage, const struct uuid *locality,
                          const struct epoch_row *row);
        /* epochs() - newest first */
        int (*epochs)(struct storage *storage, const struct uuid *locality,
                      int (*visit)(void *context, const struct epoch_row *row), void *context);
        /*
         * opened_since() - position at which the first opening of the database at or after @since_ms went on; the one of
         * this connection where there is no such
         */
        int (*opened_since)(struct storage *storage, const struct uuid *locality, int64_t since_ms,
                            uint64_t *ret);
        int (*backup_put)(struct storage *storage, const struct uuid *locality,
                          const struct position *position, int64_t now_ms); /* write */
        /* healed: where an entry stood in a history that is gone. get: 1, 0 */
        int (*healed_put)(struct storage *storage, const struct uuid *locality,
                          const struct uuid *entry, const struct position *position);
        int (*healed_get)(struct storage *storage, const struct uuid *locality,
                          const struct uuid *entry, struct position *ret);
        /* incarnation_seen() - write: a device showed it; 1 it is not the newest one of the device, 0 it is */
        int (*incarnation_seen)(struct storage *storage, const struct uuid *device,
                                const struct uuid *incarnation, int64_t now_ms);
        /* incarnation_newest() - 1 the device's newest, 0 it never showed one */
        int (*incarnation_newest)(struct storage *storage, const struct uuid *device,
                                  struct incarnation_row *ret);
        /* incarnations() - of a device, or of all (NULL); by device and number */
        int (*incarnations)(struct storage *storage, const struct uuid *device,
                            int (*visit)(void *context, const struct incarnation_row *row),
                            void *context);
        /* gaps() - declared by a device, or by all (NULL) */
        int (*gaps)(struct storage *storage, const struct uuid *device,
                    int (*visit)(void *context, const struct gap_row *row), void *context);
        /* forked_lanes() - lanes in which two different entries were seen under one number; of all devices */
        int (*forked_lanes)(struct storage *storage,
                            int (*visit)(void *context, const struct lane_row *row), void *context);
        /* journal: how far the file beside the database was taken in (store/journal.h) */
        int (*journal_get)(struct storage *storage, uint64_t *ret_number, uint8_t ret[HASH_SIZE]);
        int (*journal_put)(struct storage *storage, uint64_t number, const uint8_t hash[HASH_SIZE]);

        /* -- records (typed tables) -- */

        /* record_get() - 1 found (ret borrows from @arena; @ret_stamps may be NULL), 0 not there */
        int (*record_get)(struct storage *storage, const struct catalogue_type *type,
                          const struct uuid *id, struct arena *arena, struct record *ret,
                          struct bytes *ret_stamps);
        /* record_visit() - the same without a copy: 1 visited, 0 not there, or what @visit returned below 0 */
        int (*record_visit)(struct storage *storage, const struct catalogue_type *type,
                            const struct uuid *id, storage_record_visit *visit, void *context);
        /* record_each() - of a person, or all of the type where @person is NULL; by ascending id, after @after (or NULL) */
        int (*record_each)(struct storage *storage, const struct catalogue_type *type,
                           const struct uuid *person, const struct uuid *after,
                           storage_record_visit *visit, void *context);
        /* record_part() - a person's, of one type, with the fields of the bits (1 << place) only; the visitor asks for no part */
        int (*record_part)(struct storage *storage, const struct catalogue_type *type,
                           const struct uuid *person, uint64_t fields, storage_record_visit *visit,
                           void *context);
        /* record_find() - those of a type whose field has @value; indexed where the catalogue needs it (uniques, refs) */
        int (*record_find)(struct storage *storage, const struct catalogue_type *type,
                           int field_index, const struct value *value, storage_record_visit *visit,
                           void *context);
        /*
         * record_put() - insert or replace; feeds are not touched (store/membership.h does that), but what changed is left
         * in storage->unfed. PANNIER_E_INTERNAL where somebody else's change still stands there
         */
        int (*record_put)(struct storage *storage, const struct record *record,
                          struct bytes stamps);

        /* Records as they travel: kept ready, because each is sent to many devices and written once. */

        /* row_visit() - 1 visited, 0 not there, or what @visit returned below 0 */
        int (*row_visit)(struct storage *storage, const struct uuid *id, storage_row_visit *visit,
                         void *context);
        /* rows_of() - a person's, of one type, with position <= @until, ascending by id, after @after (or NULL) */
        int (*rows_of)(struct storage *storage, const struct catalogue_type *type,
                       const struct uuid *person, const struct uuid *after, uint64_t until,
                       storage_row_visit *visit, void *context);

        /* -- log -- */

        int (*log_append)(struct storage *storage,
                          const struct log_row *row); /* store/log.h fills it */
        /*
         * log_find() - by entry id: FOUND_…; row borrows from @arena, and has neither header nor body. OTHER gives a row of the
         * device with that id, or another holder's. What it costs does not grow with how many were refused under the id
         */
        int (*log_find)(struct storage *storage, const struct uuid *locality, const struct uuid *id,
                        const struct uuid *device, const uint8_t body_hash[HASH_SIZE],
                        struct arena *arena, struct log_row *ret);
        /* log_chain_root() - of an entry in the log: 1 found, 0 not there */
        int (*log_chain_root)(struct storage *storage, const struct uuid *locality,
                              const struct uuid *id, struct uuid *ret);
        /* log_each() - ascending by number, from @from_number */
        int (*log_each)(struct storage *storage, const struct uuid *locality, uint64_t from_number,
                        storage_log_visit *visit, void *context);
        /* log_get() - the row of a number, whole: 1 found (ret borrows from @arena), 0 not there */
        int (*log_get)(struct storage *storage, const struct uuid *locality, uint64_t number,
                       struct arena *arena, struct log_row *ret);

        /* -- quarantine (storage_sqlite_refused.c) -- */

        int (*quarantine_put)(struct storage *storage, const struct quarantine_row *row);
        /* quarantine_each() - oldest first; @closed: those that were dealt with, too */
        int (*quarantine_each)(struct storage *storage, const struct uuid *locality, bool closed,
                               storage_quarantine_visit *visit, void *context);
        /* quarantine_named() - those with an entry's id, of all localities and devices, closed ones too */
        int (*quarantine_named)(struct storage *storage, const struct uuid *id,
                                storage_quarantine_visit *visit, void *context);
        /* quarantine_close() - write: closed_by, how, closed_ms and note of @row; @tell: its device is to be told */
        int (*quarantine_close)(struct storage *storage, const struct quarantine_row *row,
                                bool tell);
        /* quarantine_told() - what a device is to be told, with a word > @after, ascending by it */
        int (*quarantine_told)(struct storage *storage, const struct uuid *device, uint64_t after,
                               storage_quarantine_visit *visit, void *context);
        /* backlog() - counts rows: as many as the limits let there be */
        int (*backlog)(struct storage *storage, const struct uuid *device,
                       struct storage_backlog *ret);

        /* -- parked -- */

        int (*parked_put)(struct storage *storage,
                          const struct parked_row *row); /* a new wait replaces the old */
        /* parked_find() - FOUND_… by entry id, also where its device's entry waits in another locality; the row has neither header nor body */
        int (*parked_find)(struct storage *storage, const struct uuid *locality,
                           const struct uuid *id, const struct uuid *device,
                           const uint8_t body_hash[HASH_SIZE], struct parked_row *ret);
        /* parked_named() - those with an entry's id, whole, in all localities */
        int (*parked_named)(struct storage *storage, const struct uuid *id,
                            storage_parked_visit *visit, void *context);
        /* parked_waiting() - those that wait for this, in the order of device, lane and seq. Collect, then act. */
        int (*parked_waiting)(struct storage *storage, const struct uuid *locality,
                              enum parked_wait wait, const struct uuid *wait_id,
                              storage_parked_visit *visit, void *context);
        /* parked_older() - received before @before_ms, oldest first */
        int (*parked_older)(struct storage *storage, const struct uuid *locality, int64_t before_ms,
                            storage_parked_visit *visit, void *context);
        /* parked_of() - of a device, in all localities, ascending by entry id */
        int (*parked_of)(struct storage *storage, const struct uuid *device,
                         storage_parked_visit *visit, void *context);
        /* parked_ids() - of them the ids, in the same order: what an exchange needs */
        int (*parked_ids)(struct storage *storage, const struct uuid *device,
                          storage_uuid_visit *visit, void *context);
        /* parked_remove() - it was judged; its receipt is owed to the device until settled_clear() */
        int (*parked_remove)(struct storage *storage, const struct uuid *locality,
                             const struct uuid *id, const struct uuid *device);
        /* settled_of() - log rows of formerly parked entries whose receipt the device may not know */
        int (*settled_of)(struct storage *storage, const struct uuid *device,
                          storage_log_visit *visit, void *context);
        /* settled_clear() - the device knows the receipts of these entries */
        int (*settled_clear)(struct storage *storage, const struct uuid *device,
                             const struct uuid *ids, size_t count);

        /* -- lanes -- */

        int (*lane_get)(struct storage *storage, const struct uuid *device,
                        const struct uuid *incarnation, uint8_t lane,
                        struct lane_row *ret); /* 1, 0 */
        int (*lane_put)(struct storage *storage, const struct lane_row *row);
        int (*gap_put)(struct storage *storage, const struct gap_row *row);
        /* gap_covers() - lies @seq in a declared gap: 1, 0 */
        int (*gap_covers)(struct storage *storage, const struct uuid *device,
                          const struct uuid *incarnation, uint8_t lane, uint64_t seq);

        /* -- scopes and members -- */

        /* feed_number() - of (locality, scope); @create makes one (write). 0 in *ret: there is none */
        int (*feed_number)(struct storage *storage, const struct uuid *locality,
                           const struct scope *scope, bool create, uint64_t *ret);
        /* feed_numbers() - of a scope in all localities where it has feeds; the digests are those of the last commit */
        int (*feed_numbers)(struct storage *storage, const struct scope *scope,
                            storage_number_visit *visit, void *context);
        /* feeds_of() - all of a locality, with the digests per class that are kept, ascending by number; write or read */
        int (*feeds_of)(struct storage *storage, const struct uuid *locality,
                        storage_feeds_visit *visit, void *context);
        /* feed_sum() - add to the digest that is kept of a feed; written down by the commit */
        int (*feed_sum)(struct storage *storage, uint64_t feed, enum catalogue_class class,
                        const struct digest *digest);
        /* members_of() - the scopes of a person, those without `joined` included */
        int (*members_of)(struct storage *storage, const struct uuid *locality,
                          const struct uuid *person, storage_member_visit *visit, void *context);
        /* people_of() - whoever has a membership of a feed, without `joined` too; reads all of the locality's: for what is rare */
        int (*people_of)(struct storage *storage, const struct uuid *locality, uint64_t feed,
                         storage_uuid_visit *visit, void *context);
        int (*member_put)(
                struct storage *storage, const struct uuid *locality,
                const struct member_row *row); /* source_count is kept by the sources ops */
        /* sources: which record puts which person into which scope */
        int (*source_put)(struct storage *storage, const struct uuid *locality, uint64_t feed,
                          const struct uuid *person, const struct uuid *record);
        int (*source_remove)(struct storage *storage, const struct uuid *locality, uint64_t feed,
                             const struct uuid *person, const struct uuid *record);
        /* sources_of() - scopes that a record puts its person into */
        int (*sources_of)(struct storage *storage, const struct uuid *locality,
                          const struct uuid *record, storage_member_visit *visit, void *context);

        /* -- feeds -- */

        int (*feed_put)(struct storage *storage, uint64_t feed, enum catalogue_class class,
                        const struct feed_row *row);
        int (*feed_remove)(struct storage *storage, uint64_t feed, enum catalogue_class class,
                           const struct feed_place *place);
        /* feed_get() - the row at a place: 1 found, 0 not there */
        int (*feed_get)(struct storage *storage, uint64_t feed, enum catalogue_class class,
                        const struct feed_place *place, struct feed_row *ret);
        /* feed_scan() - rows after @after, ascending by (position, id), with what they are about */
        int (*feed_scan)(struct storage *storage, uint64_t feed, enum catalogue_class class,
                         const struct feed_place *after, storage_feed_visit *visit, void *context);
        /* feed_last() - place of the last row; of an exit, that of the end of its commit (FEED_PASSED); zero where there is none */
        int (*feed_last)(struct storage *storage, uint64_t feed, enum catalogue_class class,
                         struct feed_place *ret);
        /* -- conflicts -- */

        /* conflict_find() - 1 found, 0 none open */
        int (*conflict_find)(struct storage *storage, const struct uuid *locality,
                             const struct uuid *record, uint16_t key, struct uuid *ret);
        int (*conflict_open)(struct storage *storage, const struct open_conflict *conflict);
        int (*conflict_close)(struct storage *storage, const struct uuid *locality,
                              const struct uuid *conflict);

        /* -- custody -- */

        int (*custody_get)(struct storage *storage, const struct uuid *device,
                           const struct uuid *person, struct custody_row *ret); /* 1, 0 */
        /* custody_sent() - write; since_ms of rows that are there stays, but after an erasure */
        int (*custody_sent)(struct storage *storage, const struct custody_row *rows, size_t count);
        /* custody_of_person() - which devices were sent a person; for people who ask, it reads all of custody */
        int (*custody_of_person)(struct storage *storage, const struct uuid *person,
                                 int (*visit)(void *context, const struct custody_row *row),
                                 void *context);
        int (*custody_each)(struct storage *storage, const struct uuid *device,
                            int (*visit)(void *context, const struct custody_row *row),
                            void *context);

        /* custody_erased() - write; the device holds no class above @held any more; 0: nothing is left there */
        int (*custody_erased)(struct storage *storage, const struct uuid *device,
                              const struct uuid *person, uint8_t held, int64_t now_ms);
        /* leaving: whom a device is to let go of. put: write, a newer row replaces the old one */
        int (*leaving_put)(struct storage *storage, const struct leaving_row *rows, size_t count);
        int (*leaving_remove)(struct storage *storage, const struct uuid *device,
                              const struct uuid *person);
        int (*leaving_count)(struct storage *storage, const struct uuid *device, uint64_t *ret);
        int (*leaving_each)(struct storage *storage, const struct uuid *device,
                            int (*visit)(void *context, const struct leaving_row *row),
                            void *context);

        /* -- moves between localities (storage_sqlite_moves.c) -- */

        /* moved_get() - 1 found, 0 never moved */
        int (*moved_get)(struct storage *storage, const struct uuid *person, struct moved_row *ret);
        int (*moved_put)(struct storage *storage, const struct moved_row *row); /* write */
        /* conflicts_move() - open conflicts about a record go with it */
        int (*conflicts_move)(struct storage *storage, const struct uuid *from,
                              const struct uuid *to, const struct uuid *record);
        /* parked_move() - a parked entry waits in another locality from now on */
        int (*parked_move)(struct storage *storage, const struct uuid *from, const struct uuid *to,
                           const struct uuid *id, const struct uuid *device);
        /* load_move() - what finds a record when a table is loaded there finds it in @to as well */
        int (*load_move)(struct storage *storage, const struct uuid *from, const struct uuid *to,
                         const struct catalogue_type *type, const struct uuid *record);

        /* -- repairs (storage_sqlite_repairs.c) -- */

        /* repair_put() - write; what a device says that it repaired. One that was told before changes nothing; the oldest go beyond 1000 */
        int (*repair_put)(struct storage *storage, const struct uuid *device,
                          const struct wire_repair *repair);
        /* repairs_of() - of a device, or of all (@device NULL), the newest first */
        int (*repairs_of)(struct storage *storage, const struct uuid *device,
                          int (*visit)(void *context, const struct uuid *device,
                                       const struct wire_repair *repair),
                          void *context);

        /* -- devices (storage_sqlite_devices.c) -- */

        int (*device_get)(struct storage *storage, const struct uuid *id,
                          struct device_row *ret); /* 1, 0 */
        /* device_put() - insert or replace; a transaction of its own where none is open */
        int (*device_put)(struct storage *storage, const struct device_row *row);
        int (*device_each)(struct storage *storage,
                           int (*visit)(void *context, const struct device_row *row),
                           void *context);
        int (*device_report)(struct storage *storage, const struct uuid *id, int64_t seen_ms,
                             const struct device_report *report);
        int (*device_reported)(struct storage *storage, const struct uuid *id,
                               struct device_report *ret); /* 1, 0 */
        /* Grants: what the operator gave, before the catalogue's grant rules widen it. */
        int (*grants_of)(struct storage *storage, const struct uuid *device,
                         storage_scope_visit *visit, void *context);
        int (*grant_put)(struct storage *storage, const struct uuid *device,
                         const struct scope *scope);
        int (*grant_remove)(struct storage *storage, const struct uuid *device,
                            const struct scope *scope);
        /* code_put() - an enrolment code's SHA-256, for a device, until @expires_ms */
        int (*code_put)(struct storage *storage, const uint8_t hash[HASH_SIZE],
                        const struct uuid *device, int64_t expires_ms);
        /* code_get() - 1 found: device, expiry, and the public key that used it (zero: unused); 0 no such code */
        int (*code_get)(struct storage *storage, const uint8_t hash[HASH_SIZE],
                        struct uuid *ret_device, int64_t *ret_expires_ms,
                        uint8_t ret_public_key[PUBLIC_KEY_SIZE]);
        int (*code_use)(struct storage *storage, const uint8_t hash[HASH_SIZE],
                        const uint8_t public_key[PUBLIC_KEY_SIZE]);
        int (*code_burn)(struct storage *storage,
                         const struct uuid *device); /* all codes of a device */

        /* -- tables that were loaded (store/load.h) -- */

        /* load_key_get() - 1 found, 0 not there */
        int (*load_key_get)(struct storage *storage, const struct uuid *locality,
                            const struct catalogue_type *type, struct bytes key, struct uuid *ret);
        int (*load_key_put)(struct storage *storage, const struct uuid *locality,
                            const struct catalogue_type *type, struct bytes key,
                            const struct uuid *record);
        /* load_records() - all that were loaded, ascending by id */
        int (*load_records)(struct storage *storage, const struct uuid *locality,
                            const struct catalogue_type *type, storage_uuid_visit *visit,
                            void *context);
        /* load_word_get() - 1 found; 2 the word names several (ret is one of them); 0 none */
        int (*load_word_get)(struct storage *storage, const struct uuid *locality,
                             const struct catalogue_type *type, struct bytes word,
                             struct uuid *ret);
        int (*load_word_put)(struct storage *storage, const struct uuid *locality,
                             const struct catalogue_type *type, struct bytes word,
                             const struct uuid *record);

        /* -- figures -- */

        int (*counts)(struct storage *storage, const struct uuid *locality,
                      struct storage_counts *ret);
        /* version() - changes when somebody else's connection commits; compared on this connection only, while it is idle */
        int (*version)(struct storage *storage, uint64_t *ret);
        uint64_t (*flush_count)(
                const struct storage
                        *storage); /* commits of this connection that reached the disk */
};

/* What an implementation's own struct begins with. */
struct storage {
        const struct storage_ops *ops;
        /*
         * Rises whenever what a device is granted may be different from before: with every transaction and
         * snapshot, and inside of one with every write of reference data or of a grant.
         */
        uint64_t grants_serial;
        int64_t now_ms; /* store time of the transaction in hand, said by judge_begin(); 0: nobody said */
        struct journal *journal; /* what no device has is written there as well; NULL: it is not */
        bool has_unfed;          /* `unfed` is to be brought to the feeds before the commit */
        struct storage_change unfed;
};

static inline __attribute__((unused)) struct storage *storage_free(struct storage *storage)
{
        return storage ? storage->ops->free(storage) : NULL;
}
DEFINE_FREEP(storage)

/* storage_end() - the end of a transaction: commit it, or roll it back where @r is an error. Return: @r, or the commit's error */
static inline __attribute__((unused)) int storage_end(struct storage *storage, int r)
{
        if (r >= 0)
                return storage->ops->commit(storage);
        storage->ops->rollback(storage);
        return r;
}

/**
 * storage_sqlite_open() - open, or make, the store's database file
 * @path:      NUL-terminated
 * @read_only: a connection that only takes snapshots; the file must exist
 *
 * Brings the schema to its newest version (not with @read_only). Every commit is durable when it returns
 * (synchronous=FULL, WAL). Open one connection per thread.
 *
 * Return: 0; PANNIER_E_NOT_FOUND; PANNIER_E_TOO_NEW; PANNIER_E_CORRUPT; PANNIER_E_STORAGE
 */
int storage_sqlite_open(const char *path, bool read_only, struct storage **ret);

#endif

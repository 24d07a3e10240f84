/*
 * The outbox: every entry of this device in its lane's hash chain, with what became of it. Precious.
 *
 * It owns the tables of schema/device/outbox_*.sql but the drafts. It knows bytes, chains, signatures and states; not
 * what is inside of a body, nor who may see it. Each row carries a hash over all of it: what does not fit its hash is
 * damaged, is reported, and is never passed over in silence.
 *
 * States of an entry:   waiting ──► applied | merged | held | late | quarantined
 *                          └──► parked ──┘      (a second, different outcome is an error)
 */
#ifndef DAEMON_OUTBOX_H
#define DAEMON_OUTBOX_H

#include "common/db.h"
#include "common/wire_messages.h"

struct outbox;

struct outbox_options {
        struct db *db;                 /* borrowed */
        const struct private_key *key; /* borrowed; signs the lanes' heads */
        struct uuid device;
        const uint8_t *caseload_key; /* AEAD_KEY_SIZE; borrowed */
        void (*random)(void *data, size_t size);
};

/* outbox_new() - open; PANNIER_E_INVALID where the file is of another device; PANNIER_E_TOO_NEW; PANNIER_E_STORAGE */
int outbox_new(const struct outbox_options *options, struct outbox **ret);
struct outbox *outbox_free(struct outbox *outbox);
DEFINE_FREEP(outbox)

const struct uuid *outbox_incarnation(const struct outbox *outbox);
uint64_t outbox_place(
        const struct outbox *outbox); /* of the newest entry over all lanes, 0: none */
/* outbox_skip_places() - the next entry's place is beyond @place */
void outbox_skip_places(struct outbox *outbox, uint64_t place);
uint64_t outbox_seq(const struct outbox *outbox, uint8_t lane); /* of the newest entry, 0: none */

/* ---- recording ---- */

struct outbox_item {
        struct uuid id;
        uint8_t lane;
        struct uuid locality;
        struct entry_needs needs;
        struct bytes body;               /* as it travels (body_pack); borrowed */
        uint8_t request_hash[HASH_SIZE]; /* of what the caller asked for */
        int64_t recorded_ms;
        struct uuid instead; /* quarantined entry that it is written for anew; UUID_NONE: none */
        uint64_t place, seq; /* filled by outbox_append() */
};

/* outbox_header() - the header that an item will get as entry number @seq of its lane */
void outbox_header(const struct outbox *outbox, const struct outbox_item *item, uint64_t seq,
                   struct entry_header *ret);

/**
 * outbox_append() - record entries in one commit: chained, signed per lane, durable when it returns (one flush)
 * @items: recorded in this order; place and seq are filled
 *
 * Return: 0; PANNIER_E_LIMIT over COMMIT_SIZE_MAX; PANNIER_E_TAKEN an id is here already; PANNIER_E_STORAGE, PANNIER_E_CRYPTO: nothing was
 *         recorded
 */
int outbox_append(struct outbox *outbox, struct outbox_item *items, size_t count);

/* outbox_seq_of() - the number of a recorded entry in its lane; 1, 0 not here (then *ret stays) */
int outbox_seq_of(struct outbox *outbox, uint64_t place, uint64_t *ret);

/* ---- reading ---- */

struct outbox_row { /* all bytes are borrowed until the next call on the outbox */
        struct uuid id;
        uint64_t place;
        struct uuid incarnation;
        uint8_t lane;
        uint64_t seq;
        struct bytes header;
        struct bytes sealed; /* nonce and sealed body, as on disk; empty: forgotten */
        uint8_t request_hash[HASH_SIZE];
        uint8_t body_hash[HASH_SIZE];
        uint8_t chain[HASH_SIZE];
        struct bytes signature; /* empty, or SIGNATURE_SIZE */
        int64_t recorded_ms;
        enum entry_outcome state;
        bool erased;          /* its person was erased here: never shown again */
        struct bytes receipt; /* message of one receipt (wire_put_receipts), empty: none */
        uint64_t batch;
        bool damaged; /* the hash does not fit: believe id, place, lane and seq as far as you like, and nothing else */
};

/* Return of visits: 0 to go on, 1 to stop, or an error. A visit must not call the outbox but for
 * outbox_open_body(), outbox_chain_before() and outbox_closing_get(). */
typedef int outbox_visit(void *context, const struct outbox_row *row);

/* outbox_get() - one row by its id; 1 found (and visited), 0 not there, or an error */
int outbox_get(struct outbox *outbox, const struct uuid *id, struct outbox_row *ret);

/* outbox_each() - rows with place > @after in order; @states: bit 1 << state, 0: all */
int outbox_each(struct outbox *outbox, uint32_t states, uint64_t after, outbox_visit *visit,
                void *context);

/* outbox_each_batch() - rows whose receipt came in a batch with a number > @after */
int outbox_each_batch(struct outbox *outbox, uint64_t after, outbox_visit *visit, void *context);

/* outbox_each_of_lane() - rows of this incarnation with seq >= @first, in order of seq */
int outbox_each_of_lane(struct outbox *outbox, uint8_t lane, uint64_t first, outbox_visit *visit,
                        void *context);

/**
 * outbox_open_body() - append the body as it travels
 *
 * Return: 0; PANNIER_E_NOT_FOUND it was forgotten; PANNIER_E_CORRUPT it does not have its hash or its seal is broken
 */
int outbox_open_body(struct outbox *outbox, const struct outbox_row *row, struct buffer *out);

/* outbox_remains() - what is sent of a body that cannot be opened any more; borrows from the row */
struct bytes outbox_remains(const struct outbox_row *row);

/* outbox_lane() - what a hello says of a lane: seq, head, signature */
void outbox_lane(const struct outbox *outbox, uint8_t lane, struct wire_lane *ret);

/* outbox_next() - the seq that the store expects next in a lane, as it last said; at least 1 */
uint64_t outbox_next(const struct outbox *outbox, uint8_t lane);

/* outbox_first_waiting() - seq of the oldest waiting entry of a lane; 0: none waits */
int outbox_first_waiting(struct outbox *outbox, uint8_t lane, uint64_t *ret);

/* outbox_first_waiting_place() - place of the oldest waiting entry over all lanes; 0: none waits */
int outbox_first_waiting_place(struct outbox *outbox, uint64_t *ret);

/* outbox_chain_before() - chain head before an entry, made again where the row before it is damaged; zero for seq 1;
 * PANNIER_E_NOT_FOUND where the row before is gone */
int outbox_chain_before(struct outbox *outbox, uint8_t lane, uint64_t seq, uint8_t ret[HASH_SIZE]);

/* outbox_sign() - sign a head of this incarnation: a run that ends at a row without a signature of its own */
int outbox_sign(struct outbox *outbox, uint8_t lane, uint64_t seq, const uint8_t head[HASH_SIZE],
                uint8_t ret[SIGNATURE_SIZE]);

struct outbox_counts {
        uint64_t states[OUTCOME_PARKED +
                        1]; /* by state; damaged ones are in the state that their row says */
        uint64_t damaged;   /* found so far */
};

const struct outbox_counts *outbox_counts(const struct outbox *outbox);

/* outbox_waiting_of() - how many of a lane wait, and the recorded time of the oldest of them, 0: none */
int outbox_waiting_of(struct outbox *outbox, uint8_t lane, uint64_t *ret_count, int64_t *ret_ms);

/* outbox_oldest_waiting() - recorded time of the oldest waiting entry, 0: none */
int outbox_oldest_waiting(struct outbox *outbox, int64_t *ret_ms);

/* outbox_parked() - ids of parked entries, ascending, into @arena */
int outbox_parked(struct outbox *outbox, struct arena *arena, const struct uuid **ret,
                  size_t *ret_count);

/* ---- what the store said: between outbox_begin() and outbox_commit() (one flush, none if nothing was written) ---- */

int outbox_begin(struct outbox *outbox);
int outbox_commit(struct outbox *outbox);
void outbox_rollback(struct outbox *outbox);

/* outbox_next_batch() - the number that the next batch of receipts gets */
uint64_t outbox_next_batch(const struct outbox *outbox);

/**
 * outbox_batch() - note the signature under which the receipts of outbox_next_batch() came; once, behind them
 * @hashes: of all receipts of the answer, behind each other
 */
int outbox_batch(struct outbox *outbox, int64_t received_ms, struct bytes hashes,
                 const uint8_t signature[SIGNATURE_SIZE]);

enum outbox_settled {
        OUTBOX_UNKNOWN,   /* no such entry here, or with another body */
        OUTBOX_UNCHANGED, /* a repeat of what is known */
        OUTBOX_CHANGED,
        OUTBOX_OTHER, /* another outcome than the one it has: not taken */
};

/**
 * outbox_settle() - take a receipt for the next batch; before the commit its signature must have been checked
 * @now_ms:      the store's time of the answer
 * @receipt:     a body's hash of zeros is filled: it travels without, and it is what was sent that was signed
 * @ret_place:   the entry's place, where it was changed
 * @ret_message: the receipt as it is kept (wire_put_receipts with this one), where it was changed; borrowed until the next call
 *
 * A damaged row gets its outcome, too, whatever state it claims to have; it stays recognisable as damaged.
 *
 * Return: enum outbox_settled, or an error
 */
int outbox_settle(struct outbox *outbox, int64_t now_ms, struct wire_receipt *receipt,
                  uint64_t *ret_place, struct bytes *ret_message);

int outbox_set_next(struct outbox *outbox, uint8_t lane, uint64_t next);

/* outbox_erase_body() - the person was erased here: forget the body where the entry has its receipt, never show it again */
int outbox_erase_body(struct outbox *outbox, const struct uuid *id);

/**
 * outbox_prune() - drop settled entries that lie in a verified backup and are old enough
 * @backup: newest verified backup of the locality
 * @before_ms: only entries recorded before it
 *
 * The newest row of each lane stays: the chain goes on from it. Return: how many (>= 0), or an error
 */
int outbox_prune(struct outbox *outbox, const struct uuid *locality, const struct position *backup,
                 int64_t before_ms);

/* ---- quarantined entries that were dealt with (outbox_closing.c) ---- */

/* outbox_closing_put() - the store told of one; between outbox_begin() and outbox_commit() */
int outbox_closing_put(struct outbox *outbox, const struct wire_closing *closing);

/* outbox_closing() - number of the last one that the store told of; 0: none */
uint64_t outbox_closing(const struct outbox *outbox);

/* outbox_closing_get() - what was done about a quarantined entry; 1 (its note in @arena), 0 nothing yet */
int outbox_closing_get(struct outbox *outbox, const struct uuid *entry, struct arena *arena,
                       struct wire_closing *ret);

/* outbox_closing_each() - all of them, with the entry's place (0: it is not here, or not in quarantine). No call of the outbox inside */
int outbox_closing_each(struct outbox *outbox,
                        int (*visit)(void *context, const struct wire_closing *closing,
                                     uint64_t place),
                        void *context);

/* outbox_closings_renumber() - the store began another history: let it tell all of them again */
int outbox_closings_renumber(struct outbox *outbox);

/* outbox_refused_open() - how many quarantined entries nobody has dealt with */
int outbox_refused_open(struct outbox *outbox, uint64_t *ret);

/* ---- small things that must survive the replica ---- */

enum outbox_meta { OUTBOX_META_TRUST, OUTBOX_META_BUDGET, OUTBOX_META_COUNT };

/* outbox_meta_get() - 1 found and appended to @out, 0 not there, or an error */
int outbox_meta_get(struct outbox *outbox, enum outbox_meta name, struct buffer *out);
int outbox_meta_put(struct outbox *outbox, enum outbox_meta name, struct bytes value);

/* Heads of the store's histories that it signed: what it can be held to. */
/* @told_ms: store's time of the answer that showed it */
int outbox_head_put(struct outbox *outbox, const struct wire_head *head, int64_t told_ms);
/* outbox_told() - store's time when the newest of the heads was shown; 0: none was */
int outbox_told(struct outbox *outbox, int64_t *ret);
int outbox_head_get(struct outbox *outbox, const struct uuid *locality,
                    struct wire_head *ret); /* 1, 0, error */
int outbox_heads(struct outbox *outbox, struct arena *arena, struct wire_head **ret,
                 size_t *ret_count);

/**
 * outbox_check() - every row: hash, chain, body, signatures of this device
 * @visit: told of each row that is not good
 *
 * Return: how many are not good, or an error
 */
int outbox_check(struct outbox *outbox,
                 void (*visit)(void *context, const struct outbox_row *row, const char *what),
                 void *context);

#endif

/*
 * What becomes of an entry: from its bytes to an outcome in the log, with everything that follows from it.
 *
 * It works inside the write transaction that the caller began on the storage, and leaves beginning, committing, lanes,
 * gaps and signatures to the caller. No SQL, no clock, no network: time comes as a parameter. What the fields of an entry
 * do to a record is decided by store/reconcile.h, pure; here is what needs to look things up: who may write what, what has
 * not arrived yet, who is in which scope, and what the store itself changes because of it. Nothing changes without a row in
 * the log: what the store does of its own is an entry of its own there.
 */
#ifndef STORE_JUDGE_H
#define STORE_JUDGE_H

#include "common/nhs_number.h"
#include "common/reason.h"
#include "common/wire_messages.h"
#include "store/storage.h"

enum {
        JUDGE_PARKED_MS = ENTRY_PARKED_MS,
        JUDGE_DEPTH_MAX = 8, /* consequences of consequences */

        /* What one device may leave here, unless limits say otherwise. Over it its entries stay with it. */
        JUDGE_PARKED_MAX = 2000,           /* entries */
        JUDGE_PARKED_SIZE_MAX = 16 << 20,  /* bytes of headers and bodies */
        JUDGE_REFUSED_MAX = 2000,          /* quarantined entries that nobody has dealt with */
        JUDGE_REFUSED_SIZE_MAX = 16 << 20, /* the same */

        /* Outcomes of judge_take() and judge_refuse(): nothing was recorded, there is no room for it. */
        JUDGE_FULL_PARKED = 2,
        JUDGE_FULL_REFUSED = 3,
};

struct judge; /* caches and scratch memory on one storage connection; used by one thread */

/* judge_new() - @storage must outlive it */
int judge_new(struct storage *storage, struct judge **ret);
struct judge *judge_free(struct judge *judge);
DEFINE_FREEP(judge)

/* judge_environment() - which NHS numbers are real here; NHS_ENVIRONMENT_TEST until it is said */
void judge_environment(struct judge *judge, enum nhs_environment environment);

/* Of what one device may leave here; 0: as named above */
struct judge_limits {
        uint64_t parked, parked_size, refused, refused_size;
};

void judge_limit(struct judge *judge, const struct judge_limits *limits);

/**
 * judge_begin() - a write transaction has begun (or was rolled back to a savepoint): forget what was remembered
 * @now_ms: store time of this commit
 */
void judge_begin(struct judge *judge, int64_t now_ms);

/* What is the same for all entries of one request. */
struct judge_origin {
        const struct device_row *device; /* that wrote them, whoever carried them */
        int64_t received_ms;             /* store time */
        int64_t clock_offset_ms;         /* device clock minus store time, as measured */
        uint64_t
                boot_id; /* of the hello: a clock that was never set is corrected by the time since boot; 0: not known */
        int64_t boot_ms;
        const struct wire_head *
                heads; /* heads of our logs that the device showed, signature checked: a base beyond them is no base */
        size_t head_count;
        uint64_t
                ours; /* bit i: heads[i] lies on our chain, so the device knows no history of that epoch but ours */
};

struct judge_entry {
        const struct entry_header *header;
        struct bytes header_bytes, body; /* as they travelled */
        uint8_t body_hash[HASH_SIZE];
        struct arena *arena; /* owns what the receipt borrows */
        struct wire_receipt *
                receipt; /* filled where the entry gets its outcome now, not for a repeat; NULL: not asked for */
};

/* judge_locality() - in which locality an entry is judged: its own where it is in this transaction, else the device's */
const struct uuid *judge_locality(struct judge *judge, const struct judge_origin *origin,
                                  const struct entry_header *header);

/**
 * judge_take() - judge one entry, and whatever was parked and can be judged because of it
 *
 * Afterwards the entry has a row in the log, or is parked. A repeat (same device, id and body) changes nothing. Whatever is
 * wrong with the entry itself ends in its quarantine, never in an error. The lane's row must be up to date with the
 * entries before this one (header.needs of other entries are met by it).
 *
 * Return: 0; JUDGE_FULL_…: it would have to be parked, or quarantined, and its device has left too much here already: it is
 *         not taken, nor may anything behind it in its lane be; PANNIER_E_STORAGE and PANNIER_E_MEMORY: the transaction is to be
 *         rolled back; any other error is ours: go back to a savepoint and judge_refuse(…, REASON_INTERNAL)
 */
int judge_take(struct judge *judge, const struct judge_origin *origin,
               const struct judge_entry *entry);

/* judge_gap() - a device declared a gap in an incarnation of its outbox: look again at what needed an entry in it */
int judge_gap(struct judge *judge, const struct uuid *locality, const struct uuid *incarnation);

/* judge_refuse() - put an entry into quarantine unseen: it is damaged, unsigned, or judging it failed. 0, JUDGE_FULL_REFUSED, or an error */
int judge_refuse(struct judge *judge, const struct judge_origin *origin,
                 const struct judge_entry *entry, enum quarantine_reason reason);

/**
 * judge_expire() - quarantine (not here) what has been parked in a locality for JUDGE_PARKED_MS
 * @max: at most so many in one call
 *
 * Return: how many, or an error
 */
int judge_expire(struct judge *judge, const struct uuid *locality, size_t max);

/**
 * judge_tick() - what comes with time: a last day that is past, provisional scopes that are no longer needed, parked entries
 *                that can be judged since an operator changed a grant
 * @max: at most so many records are looked at in one call
 *
 * The locality is in the write transaction. Cheap where everything was done for the day.
 *
 * Return: 1 there is more to look at, call again; 0 all is done for now; or an error
 */
int judge_tick(struct judge *judge, const struct uuid *locality, size_t max);

/* One thing that the store itself writes: an import, a consequence, a conflict. */
struct judge_change {
        const struct uuid *locality;
        const struct catalogue_type *type;
        struct uuid entry; /* id of the entry; must be new */
        struct uuid record;
        struct uuid person;                 /* UUID_NONE for reference data */
        const struct entry_change *changes; /* ascending; whole values, also of sets and maps */
        size_t change_count;
        struct bytes reason; /* why, for the audit; UTF-8, may be empty */
        bool keep_staff;     /* an import: a value that staff wrote is not overwritten */
        struct uuid author;  /* history of an older system: who wrote it; UUID_NONE: the store */
        int64_t recorded_ms; /* history: when it was written; 0: now */
};

/* What an operator does about a quarantined entry. */
struct judge_answer {
        const struct uuid *locality;
        uint64_t number;      /* of its row in the log */
        enum closing_how how; /* RELEASED or DISMISSED */
        struct bytes who;     /* who does it; UTF-8, at most JUDGE_WHO_MAX bytes */
        struct bytes why;     /* UTF-8, at most JUDGE_WHY_MAX bytes */
};

enum { JUDGE_WHO_MAX = 100, JUDGE_WHY_MAX = 400 };

struct judge_answered {
        struct uuid entry;          /* the store's own, that names the quarantined one */
        enum entry_outcome outcome; /* what became of it */
        uint16_t reason;            /* why it cannot be released now, where it was refused again */
};

/**
 * judge_answer() - release a quarantined entry, or say that nothing is to be done about it
 *
 * Both are an entry of the store that names it. A release carries what its author wrote, and takes effect as that is judged now:
 * rules, ranges, roles and conflicts as ever; what its device may hold, or was shown, is no longer asked. Author, role
 * and times are those of the old entry. The quarantined entry stays as it is.
 *
 * Return: 0; 1 it would be refused again, for ret->reason, and nothing was recorded; PANNIER_E_NOT_FOUND nothing quarantined is
 *         there; PANNIER_E_TAKEN it was dealt with before; PANNIER_E_INVALID its bytes cannot be read, or a text is too long
 */
int judge_answer(struct judge *judge, const struct judge_answer *answer,
                 struct judge_answered *ret);

enum judge_put { JUDGE_UNCHANGED = 0, JUDGE_CREATED = 1, JUDGE_EDITED = 2 };

/**
 * judge_put() - create a record, or bring its fields to these values; the others stay as they are
 *
 * Writes nothing where nothing differs. With keep_staff a differing value that a member of staff wrote stays.
 *
 * Return: JUDGE_UNCHANGED, JUDGE_CREATED, JUDGE_EDITED; PANNIER_E_INVALID: a value the catalogue refuses, with the detail;
 *         PANNIER_E_TAKEN: the id belongs to a record of another type or person
 */
int judge_put(struct judge *judge, const struct judge_change *change);

/* ---- moves between localities ---- */

enum { JUDGE_JOINS_MAX = 16 };

struct judge_move {
        struct uuid person;
        const struct uuid *to; /* locality */
        struct uuid entry; /* id of the departure; must be new. What follows is derived from it */
        const struct scope *joins; /* where somebody shall look after them there: proposed */
        size_t join_count;         /* at most JUDGE_JOINS_MAX */
        struct bytes reason;       /* for the audit; UTF-8, may be empty */
};

struct judge_moved {
        struct uuid from;
        struct position departed, arrived;
        uint64_t records;   /* that moved */
        uint64_t ended;     /* that put the person into a scope of the locality left */
        uint64_t proposed;  /* that were made for `joins` */
        uint64_t conflicts; /* open ones, that went along */
        uint64_t parked;    /* entries that wait for the person, or for what builds on them */
};

/**
 * judge_move() - somebody leaves one locality and arrives in another, with all their records, in this transaction
 *
 * The transaction has both. All records get the arrival's position; whatever puts the person into a scope of a team or home of the locality
 * that they leave is ended; the rest goes along. Both logs get a row. docs/decisions/0019.
 *
 * Return: JUDGE_EDITED; JUDGE_UNCHANGED they are there already; PANNIER_E_NOT_FOUND no such person, or judge_wanted();
 *         PANNIER_E_INVALID a scope of `joins` that no record of the catalogue can put anybody into
 */
int judge_move(struct judge *judge, const struct judge_move *move, struct judge_moved *ret);

/**
 * judge_wanted() - the locality for whose sake the last call failed: it has to be in the transaction as well
 *
 * Roll back, begin again with it, and play everything again. NULL: that was not the reason. Forgotten by judge_begin().
 */
const struct uuid *judge_wanted(const struct judge *judge);

#endif

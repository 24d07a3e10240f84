/*
 * The device's engine: outbox, replica, overlay, session, schedule and access rules behind one face.
 *
 * It does no I/O but through its two database handles, knows no clock and draws no random bytes of its own: the
 * host (pannierd's loop, later the simulator) passes time and message bytes in and gets bytes, a deadline and events
 * out. One thread. No call blocks longer than one bounded database step; the only flushes are those that a call names.
 *
 * The host's loop:
 *
 *     after every call:       arm a timer for engine_deadline()
 *     timer:                  engine_tick(); returns ENGINE_EXCHANGE when an exchange should begin now
 *     to begin one:           engine_exchange_request() → POST the bytes to engine_exchange_path()
 *     answer 200:             engine_exchange_answer(), then engine_exchange_step() once per turn of the loop until it
 *                             returns something else than EXCHANGE_STEP
 *     anything else:          engine_exchange_failed() with what it was
 *     EXCHANGE_AGAIN:         engine_exchange_request() again at once (more to send or to receive), or, where
 *                             engine_exchange_ahead() has made it while the answer was applied, engine_exchange_follow()
 *
 * Reads and writes may come at any time between these calls.
 *
 * Everywhere: @staff is the id of a staff record; who is not known, or may not, gets PANNIER_E_REFUSED. A person or
 * record that the staff member may not see gets PANNIER_E_NOT_FOUND, exactly as one that does not exist. PANNIER_E_CORRUPT
 * from any call but engine_new() says that the replica is damaged: free the engine and open it again
 * with engine_open_databases(rebuild = true).
 */
#ifndef DAEMON_ENGINE_H
#define DAEMON_ENGINE_H

#include "common/db.h"
#include "common/entry.h"
#include "common/nhs_number.h"
#include "daemon/budget.h"
#include "daemon/progress.h"

struct engine;

enum {
        ENGINE_WRITE_MAX = 100,     /* entries written together */
        ENGINE_PAGE_MAX = 500,      /* rows of one list answer */
        ENGINE_QUERY_MAX = 200,     /* bytes of a search text */
        ENGINE_DRAFT_MAX = 64 << 10 /* bytes of a draft */
};

/* What time it is, in every form that is needed. boot_ms drives deadlines; wall_ms is only ever written down. */
struct engine_now {
        int64_t wall_ms;  /* since 1970, UTC; may be wrong */
        int64_t boot_ms;  /* CLOCK_BOOTTIME: never jumps, goes on in suspend */
        uint64_t boot_id; /* random per boot */
        enum clock_quality quality;
};

/* ---- life ---- */

enum engine_event_kind {
        ENGINE_EVENT_ENTRY,  /* an entry was recorded, or its state changed: entry, state, person */
        ENGINE_EVENT_RECORD, /* a record shows something new: type, record, person */
        ENGINE_EVENT_PERSON, /* a person came onto the device or left it: person, gone */
        ENGINE_EVENT_EXCHANGE, /* an exchange began, ended or failed: see engine_status() */
};

struct engine_event {
        enum engine_event_kind kind;
        struct uuid entry, record, person; /* UUID_NONE where it does not apply */
        const struct catalogue_type *type; /* NULL where it does not apply */
        enum entry_outcome state;          /* OUTCOME_NONE: waiting */
        bool gone;
};

struct engine_options {
        struct db *outbox_db,
                *replica_db; /* of engine_open_databases(); the engine takes them on success */
        const struct private_key *key; /* the device's; borrowed, outlives the engine */
        struct uuid device;
        struct bytes caseload_key;               /* AEAD_KEY_SIZE bytes; copied */
        struct bytes ca_certificate;             /* DER, what enrolment pinned; copied */
        enum nhs_environment environment;        /* which NHS numbers may be typed in */
        void (*random)(void *data, size_t size); /* crypto_random(), or the simulator's */
        /* Told inside of the call that caused it, after the commit; must not call the engine. May be NULL. */
        void (*event)(void *context, const struct engine_event *event);
        void *event_context;
};

/**
 * engine_open_databases() - open or create the two files as the engine needs them
 * @outbox_path:  plain SQLite, WAL, FULL, psow=0
 * @replica_path: SQLCipher under @key (caseload key and salt, 48 bytes)
 * @rebuild:      begin with an empty replica: delete the file and its WAL first
 *
 * A replica that is no database, is under another key, or is of a newer version is deleted and begun anew: it can be
 * fetched again. The outbox is never touched that way.
 *
 * Return: 0; PANNIER_E_CORRUPT, PANNIER_E_TOO_NEW, PANNIER_E_STORAGE for the outbox
 */
int engine_open_databases(const char *outbox_path, const char *replica_path, struct bytes key,
                          bool rebuild, struct db **ret_outbox, struct db **ret_replica);

/**
 * engine_check_outbox() - can the outbox be used at all? While no engine is open on it
 * @options: as of engine_new(), without the databases
 *
 * Return: 0; PANNIER_E_CORRUPT its structure or what it says of itself is damaged; another error: nothing is known
 */
int engine_check_outbox(const char *path, const struct engine_options *options);

/**
 * engine_new() - start on the two databases; applies to the replica what only the outbox has
 *
 * Return: 0; PANNIER_E_STORAGE, PANNIER_E_CORRUPT (the replica: open with rebuild), PANNIER_E_INVALID (the outbox is of another device),
 *         PANNIER_E_MEMORY; on failure the databases stay the caller's
 */
int engine_new(const struct engine_options *options, const struct engine_now *now,
               struct engine **ret);
/* engine_free() - writes waiting access events, closes the databases */
struct engine *engine_free(struct engine *engine);
DEFINE_FREEP(engine)

/* ---- writing ---- */

struct engine_entry {
        struct uuid request; /* becomes the entry's id; the same again gets the same answer */
        enum entry_operation operation;
        const struct catalogue_type *type;
        struct uuid record; /* create: UUID_NONE takes the request's id */
        struct uuid
                person; /* UUID_NONE: that of the record; for a person's creation the record's id */
        const struct entry_change
                *changes; /* ascending by number, `raw` is not looked at; borrowed */
        size_t change_count;
        struct bytes reason; /* UTF-8, at most ENTRY_REASON_MAX */
        bool has_bytes; /* of a type whose records have bytes (common/attachment.h): the ones it names lie on the disk */
        /*
         * Quarantined entry of this device that is written anew: operation, record and person are then its own, and what @changes
         * does not set is as it was written there. UUID_NONE: none. PANNIER_E_TAKEN where it was dealt with before.
         */
        struct uuid instead;
};

struct engine_written {
        struct uuid entry, record, person;
        uint8_t lane;
        uint64_t seq;
        enum entry_outcome state; /* OUTCOME_NONE, or more where it is a repeat */
        bool repeated;            /* it was here already; nothing was done */
};

/* What was wrong with a write: for the one who must mend it. */
struct engine_fault {
        size_t index;                        /* of the entry in the array */
        const struct catalogue_field *field; /* NULL: not about one field */
};

/**
 * engine_write() - record entries together: all of them or none
 * @entries:   1 … ENGINE_WRITE_MAX, judged in order, so that a later one may build on an earlier one
 * @ret:       @count places; written on success only
 * @ret_fault: written on failure only; may be NULL
 *
 * Validated against the catalogue and the roles, appended to the outbox with one flush, shown in the replica. Observations get their
 * score here (catalogue_check). The exchange is due soon after.
 *
 * Return: 0 it is on this device's disk; or nothing was recorded:
 *   PANNIER_E_INVALID    a field is unknown, out of range, missing, not to be edited, a transition does not exist
 *   PANNIER_E_REFUSED    the staff member is unknown, or the role may not
 *   PANNIER_E_NOT_FOUND  the person, or the record to edit, is not here for this staff member
 *   PANNIER_E_TAKEN      a request id is in use for other content
 *   PANNIER_E_LIMIT      too many entries, too large
 *   PANNIER_E_STORAGE    the outbox could not commit
 */
int engine_write(struct engine *engine, const struct uuid *staff, const struct engine_now *now,
                 const struct engine_entry *entries, size_t count, struct engine_written *ret,
                 struct engine_fault *ret_fault);

/* ---- reading ---- */

/* How a field's value stands. */
enum engine_field_state {
        FIELD_CONFIRMED,   /* as the store has it */
        FIELD_WAITING,     /* own work that the store did not answer yet */
        FIELD_PARKED,      /* the store has it and waits for what it builds on */
        FIELD_ANSWERED,    /* took effect at the store; the feed has not brought it back yet */
        FIELD_HELD,        /* waits for a person's decision; `beside` */
        FIELD_PROPOSED,    /* a proposal, not in effect; `beside` */
        FIELD_QUARANTINED, /* refused; `beside` */
};

/* engine_field_state_name() - "confirmed", "waiting", … */
const char *engine_field_state_name(enum engine_field_state state);

/* One record as a screen shows it. Everything is borrowed until the visit returns. */
struct engine_record {
        const struct record *visible;   /* confirmed with the pending edits on top */
        const struct record *confirmed; /* NULL: the store has never confirmed it */
        enum engine_field_state states[FIELD_COUNT_MAX]; /* by place in type->fields */
        struct value beside
                [FIELD_COUNT_MAX]; /* what was entered where it is not in the visible record; else unset */
        bool pending;              /* any state is not FIELD_CONFIRMED */
        bool struck_out;           /* a fact that a later record struck out (entered in error) */
        struct uuid struck_out_by;
        int64_t as_of_ms; /* store's time of the last completed exchange; 0: never */
};

/* Return of every visit: 0 to go on, 1 to stop, or an error, which the list call returns. */
typedef int engine_record_visit(void *context, const struct engine_record *record);

/**
 * engine_people() - the people whom a staff member may see, by name
 * @query: words that must all occur in name, NHS number, address or phone; case and accents do not matter; empty: all
 * @after: person id of the last row of the page before, NULL for the first page
 * @limit: 1 … ENGINE_PAGE_MAX
 * @ret_more:     there are more behind this page
 * @ret_complete: every scope the list is taken from was received to its end; false: never show it as the whole
 *
 * Opening a list is one access event (lane bulk, written by engine_tick() within a second).
 *
 * Return: 0, PANNIER_E_REFUSED, PANNIER_E_LIMIT, or what @visit returned (negative)
 */
int engine_people(struct engine *engine, const struct uuid *staff, const struct engine_now *now,
                  struct bytes query, const struct uuid *after, size_t limit,
                  engine_record_visit *visit, void *context, bool *ret_more, bool *ret_complete);

/**
 * engine_records() - records of one person, of one type or of all that the role may read
 * @person: UUID_NONE for reference data of @type
 * @type:   NULL: every type, ascending by its number
 * @after:  last record id of the page before; only with a @type; NULL for the first page
 * @limit:  at most so many records of each type
 *
 * One access event per person and staff member and minute.
 *
 * Return: 0, PANNIER_E_REFUSED, PANNIER_E_NOT_FOUND, PANNIER_E_LIMIT, or what @visit returned (negative)
 */
int engine_records(struct engine *engine, const struct uuid *staff, const struct engine_now *now,
                   const struct uuid *person, const struct catalogue_type *type,
                   const struct uuid *after, size_t limit, engine_record_visit *visit,
                   void *context, bool *ret_more);

/* engine_record() - one record by its id, whatever its type; @visit is called once. Return: as engine_records() */
int engine_record(struct engine *engine, const struct uuid *staff, const struct engine_now *now,
                  const struct uuid *record, engine_record_visit *visit, void *context);

/**
 * engine_conflicts() - what waits for a decision and may be seen by the staff member
 * @after: record id of the last conflict of the page before, NULL
 *
 * Each is a conflict record of the catalogue. Deciding is engine_write() with ENTRY_DECIDE on it.
 */
int engine_conflicts(struct engine *engine, const struct uuid *staff, const struct engine_now *now,
                     const struct uuid *after, size_t limit,
                     int (*visit)(void *context, const struct engine_record *conflict,
                                  bool may_decide),
                     void *context, bool *ret_more);

/* ---- staff ---- */

struct engine_staff {
        const struct record *staff; /* the staff record, borrowed */
        uint16_t role;              /* option number of staff.role */
        const struct uuid *teams;   /* teams the person works in now */
        size_t team_count;
        bool here; /* one of the teams has a scope that this device holds: may work on it */
};

/* engine_staff() - all staff of the locality, ascending by id; no access rule: this is the sign-in list */
int engine_staff(struct engine *engine, const struct engine_now *now,
                 int (*visit)(void *context, const struct engine_staff *staff), void *context);

/* ---- outbox ---- */

struct engine_outbox_field {
        uint16_t number;
        enum entry_outcome outcome;
        enum field_effect effect; /* the same, finer */
};

enum { ENGINE_OPEN_ONLY = 1 << 30 };

struct wire_closing;

struct engine_outbox_entry {
        struct uuid id;
        uint64_t place; /* order of recording on this device; the key for paging */
        uint8_t lane;
        uint64_t seq;
        enum entry_outcome state; /* OUTCOME_NONE: waiting */
        bool damaged; /* the row on disk is not what was written; only id, lane, seq, state and receipt are given */
        bool readable; /* the body is here and this staff member may see it; else the fields below are none */
        const struct catalogue_type *type;
        const struct entry_body *body; /* borrowed */
        uint16_t reason; /* of the quarantine, or what it waits for (common/reason.h); 0: none */
        struct position position;                 /* where the store committed it; zero: not */
        const struct engine_outbox_field *fields; /* outcome per field, of the receipt */
        size_t field_count;
        int64_t receipt_ms; /* when the store answered, its time; 0: not yet */
        const struct wire_closing
                *closing; /* what was done about it, where it is quarantined; NULL: nothing yet */
        struct bytes header,
                packed; /* as they travel, where it is readable and one entry was asked for; else empty */
};

/**
 * engine_outbox() - the device's entries in the order of recording
 * @staff: NULL: ids and states only
 * @states: bit 1 << enum entry_outcome: which states; 0: all; with ENGINE_OPEN_ONLY no quarantined ones that were dealt with
 * @after:  place of the last row of the page before; 0: from the first
 *
 * The quarantine list is states = 1 << OUTCOME_QUARANTINED.
 */
int engine_outbox(struct engine *engine, const struct uuid *staff, const struct engine_now *now,
                  uint32_t states, uint64_t after, size_t limit,
                  int (*visit)(void *context, const struct engine_outbox_entry *entry),
                  void *context, bool *ret_more);

/* engine_outbox_entry() - one entry by its id; PANNIER_E_NOT_FOUND */
int engine_outbox_entry(struct engine *engine, const struct uuid *staff,
                        const struct engine_now *now, const struct uuid *id,
                        int (*visit)(void *context, const struct engine_outbox_entry *entry),
                        void *context);

/* ---- drafts: a staff member sees their own only; outside of the chain ---- */

struct engine_draft {
        struct uuid id;
        struct uuid person; /* UUID_NONE: about nobody yet */
        const struct catalogue_type *type;
        struct bytes content; /* as it was put; borrowed */
        int64_t saved_ms;
        bool old; /* older than a day: "needs you" */
};

/* engine_draft_put() - keep or replace; durable when it returns (one flush); PANNIER_E_LIMIT; PANNIER_E_TAKEN: somebody else's id */
int engine_draft_put(struct engine *engine, const struct uuid *staff, const struct engine_now *now,
                     const struct uuid *id, const struct uuid *person,
                     const struct catalogue_type *type, struct bytes content);
int engine_draft_get(struct engine *engine, const struct uuid *staff, const struct engine_now *now,
                     const struct uuid *id,
                     int (*visit)(void *context, const struct engine_draft *draft), void *context);
int engine_draft_list(struct engine *engine, const struct uuid *staff, const struct engine_now *now,
                      int (*visit)(void *context, const struct engine_draft *draft), void *context);
/* engine_draft_delete() - PANNIER_E_NOT_FOUND where there is none; one flush */
int engine_draft_delete(struct engine *engine, const struct uuid *staff, const struct uuid *id);

/* ---- status: from receipts only, never from a finished request ---- */

enum exchange_failure { /* link-level problems, each with its own name; numbers are kept in outbox.db */
                        EXCHANGE_OK = 0,
                        EXCHANGE_OFFLINE,
                        EXCHANGE_DNS,
                        EXCHANGE_CAPTIVE_PORTAL,
                        EXCHANGE_PROXY, /* the proxy that is configured does not let us through */
                        EXCHANGE_TLS_UNTRUSTED,
                        EXCHANGE_CERTIFICATE_EXPIRED,
                        EXCHANGE_CLOCK_WRONG,
                        EXCHANGE_REFUSED,
                        EXCHANGE_RATE_LIMITED,
                        EXCHANGE_STORE_UNAVAILABLE,
                        EXCHANGE_PROTOCOL, /* the answer is not what the protocol says, or its signature is not good */
                        EXCHANGE_UPGRADE, /* the store speaks only newer protocols */
                        EXCHANGE_FORKED, /* the store knows another history of this outbox; needs an operator */
                        EXCHANGE_STORE_BEHIND, /* the store lacks what it had signed for; needs an operator */
                        EXCHANGE_FAILURE_COUNT
};

/* exchange_failure_name() - "ok", "offline", "dns", "captive portal", … */
const char *exchange_failure_name(enum exchange_failure failure);

struct engine_scope {
        enum scope_kind kind;
        struct uuid id, locality;
        bool complete; /* received to its end at least once since it was granted */
        bool proven;   /* equal to the store's, as compared at the last end, at `position` */
        struct position position;
        uint64_t people;
};

struct engine_status {
        struct uuid device, incarnation,
                locality;                    /* locality UUID_NONE before the first exchange */
        uint64_t counts[OUTCOME_PARKED + 1]; /* entries by enum entry_outcome; [0] waiting */
        uint64_t
                recorded; /* all entries ever recorded by this incarnation, access events included */
        uint64_t damaged;       /* rows of the outbox that are not what was written */
        uint64_t access_events; /* of `recorded`, how many record who looked at whom */
        uint64_t
                access_waiting; /* of the access events, how many wait: nobody's work is among them */
        int64_t oldest_waiting_ms; /* recorded time of the oldest waiting entry that is somebody's work; 0: none */
        uint64_t drafts, drafts_old;
        uint64_t people;
        uint64_t conflicts_open;
        uint64_t refused_open; /* quarantined entries that nobody has dealt with */
        enum wire_stop
                stopped[LANE_COUNT]; /* why the store took no more of a lane, as it last said */
        bool complete;               /* every granted scope was received to its end */
        bool proven; /* all of it is equal to the store's, as compared at the last end, and nothing confirmed came since */
        uint64_t repaired, repair_erased,
                repair_faults; /* people (or types of reference data) that differed; faults that stand */
        int64_t repaired_ms; /* store's time of the newest repair; 0: none is known */
        bool contradiction; /* the store's words about who differs do not add up: it needs an operator */
        bool upgrade_needed; /* records of types that this build does not know were passed over */
        bool exchanging;     /* between request and end */
        bool enrolled;       /* an exchange has completed once */
        int64_t last_complete_ms; /* store's time of the last exchange that reached its end; 0: never */
        int64_t last_attempt_ms;             /* wall */
        enum exchange_failure failure;       /* of the last attempt */
        int64_t next_ms;                     /* wall time at which the next exchange is due */
        uint64_t bytes_sent, bytes_received; /* bodies of exchanges since the outbox was made */
        uint64_t exchanges;                  /* requests answered */
        uint64_t last_bytes_sent,
                last_bytes_received; /* of the last exchange, all its round trips */
        uint32_t last_round_trips;
        int64_t last_duration_ms;
        uint64_t flushes_outbox, flushes_replica; /* since start */
};

int engine_status(struct engine *engine, const struct engine_now *now, struct engine_status *ret);

struct engine_link {
        bool up, metered; /* metered: it costs money */
        enum link_kind kind;
};

struct engine_link_status {
        struct engine_link link;
        uint64_t limit_bytes, spent_bytes; /* of the day, on this kind of link; limit 0: none */
        enum budget_level level;           /* what goes now */
        int64_t resume_ms;                 /* wall: everything goes again; 0: it does */
        bool news_waits;                   /* the store has news that the budget held back */
        int64_t patience_ms; /* wall: the store asked not to be asked before; 0: it did not */
        enum progress_state progress;
};

void engine_link_status(const struct engine *engine, const struct engine_now *now,
                        struct engine_link_status *ret);
int engine_scopes(struct engine *engine,
                  int (*visit)(void *context, const struct engine_scope *scope), void *context);

/**
 * engine_doctor() - check everything that can be checked without the store
 * @deep: read every row (hashes, chain, signatures, decryption), not only the structure, and hold the replica against the digests
 *        that the store said at the last end
 * @visit: one finding or good word a call; @good false: something is wrong
 */
int engine_doctor(struct engine *engine, bool deep,
                  void (*visit)(void *context, bool good, const char *text), void *context);

struct engine_ready { /* how a day's planned contacts stand on this device */
        uint64_t
                contacts; /* planned or begun; of a staff member: theirs, and those of their teams that are nobody's yet */
        uint64_t people; /* who is to be met, each once */
        uint64_t
                missing; /* of them, those who are not on this device, or not for this staff member */
};

/**
 * engine_ready() - are the people of a day's planned contacts here?
 * @staff:    whose day; UUID_NONE: everybody's, counts only
 * @from_ms:  where the day begins, @to_ms: where the next one does; UTC milliseconds
 *
 * Return: 0; PANNIER_E_REFUSED for a staff member who is not known here or may not read planned contacts
 */
int engine_ready(struct engine *engine, const struct uuid *staff, const struct engine_now *now,
                 int64_t from_ms, int64_t to_ms, struct engine_ready *ret);

/* ---- exchanging ---- */

enum engine_due { ENGINE_NOTHING, ENGINE_EXCHANGE };

/* engine_deadline() - boot_ms at which engine_tick() wants to be called; INT64_MAX: never */
int64_t engine_deadline(const struct engine *engine);

/**
 * engine_tick() - do what is due: write access events (one flush), prune what is settled, begin an exchange
 *
 * Return: ENGINE_EXCHANGE where an exchange should begin now, ENGINE_NOTHING, or an error
 */
int engine_tick(struct engine *engine, const struct engine_now *now);

/* engine_sync_now() - a person asked, or the long poll brought news: the next exchange is due at once, whatever the budget */
void engine_sync_now(struct engine *engine, const struct engine_now *now);

/* engine_link_changed() - what the link is now; a network that came up makes an exchange due soon (with jitter) */
void engine_link_changed(struct engine *engine, const struct engine_now *now,
                         const struct engine_link *link);

/**
 * engine_set_budgets() - bytes a day for each kind of link; 0: no limit
 *
 * On a link that costs money the store's word stands above it (WIRE_POLICY). What was spent is kept over restarts.
 */
void engine_set_budgets(struct engine *engine, const struct engine_now *now,
                        const uint64_t day_bytes[LINK_KIND_COUNT]);

/* engine_link_spent() - the link carried so many bytes, both ways, for whatever reason */
void engine_link_spent(struct engine *engine, const struct engine_now *now, uint64_t bytes);

/* engine_wants_wait() - idle, link up and unmetered: hold the long poll (GET /v1/wait) open */
bool engine_wants_wait(const struct engine *engine);
/* engine_wait_query() - append the query text of /v1/wait, without the question mark: vector=HEX&parked=HEX, hashes as in the hello */
int engine_wait_query(struct engine *engine, struct buffer *out);

/**
 * engine_exchange_request() - the next request's body (zstd)
 * @out: emptied first
 *
 * Also while locked out of nothing else: an exchange is in flight from here to its end; PANNIER_E_BUSY where one is already.
 */
int engine_exchange_request(struct engine *engine, const struct engine_now *now,
                            struct buffer *out);

/* engine_exchange_path() - where the request that engine_exchange_request() gave is posted: "/v1/sync" or "/v1/check"; static */
const char *engine_exchange_path(const struct engine *engine);

enum exchange_next {
        EXCHANGE_DONE,  /* everything sent and received; deadline is set anew */
        EXCHANGE_STEP,  /* call engine_exchange_step() again */
        EXCHANGE_AGAIN, /* make another request now */
        EXCHANGE_STOP, /* the answer was not good or the store refused: see status; deadline is set anew */
};

/**
 * engine_exchange_answer() - take the body of a 200 answer
 * @body: copied where it is kept
 *
 * Receipts are durable in the outbox when this returns (at most one flush); changes wait for engine_exchange_step().
 *
 * Return: enum exchange_next, or an error of our own storage (the exchange has then ended)
 */
int engine_exchange_answer(struct engine *engine, const struct engine_now *now, struct bytes body);

/**
 * engine_exchange_step() - apply a bounded piece of what came (at most some 256 rows, some milliseconds)
 *
 * Return: enum exchange_next, or an error
 */
int engine_exchange_step(struct engine *engine, const struct engine_now *now);

/**
 * engine_exchange_ahead() - the request that will follow the answer which is being applied
 * @out: emptied first
 *
 * So the store makes the next page while this one is written here. Its cursors are those of the answer in hand, which are not durable
 * yet: the store keeps nothing of them, and an answer with an exit in it, or with anything waiting to be sent, has no request ahead.
 * Ask after every call that returned EXCHANGE_STEP. When a later step returns EXCHANGE_AGAIN, engine_exchange_follow() takes the place of
 * engine_exchange_request(), and the answer of this request is given to engine_exchange_answer(). It may also be forgotten.
 *
 * Return: 1 send it, 0 not now, or an error (then there is none; the exchange goes on without)
 */
int engine_exchange_ahead(struct engine *engine, const struct engine_now *now, struct buffer *out);

/* engine_had_news() - did the exchange that ended last bring or settle anything? */
bool engine_had_news(const struct engine *engine);

/* engine_exchange_mark() - another number whenever the exchange that is in flight got on: a page came, something of it was applied */
uint64_t engine_exchange_mark(const struct engine *engine);

/* engine_exchange_follow() - the request that went ahead is the one that is out now; PANNIER_E_BUSY where there was none */
int engine_exchange_follow(struct engine *engine);

/**
 * engine_exchange_failed() - the request got no good answer
 * @failure:        what it was
 * @retry_after_ms: what the store asked for (Retry-After), 0: nothing
 *
 * Nothing is concluded; what was sent is sent again.
 */
void engine_exchange_failed(struct engine *engine, const struct engine_now *now,
                            enum exchange_failure failure, int64_t retry_after_ms);

#endif

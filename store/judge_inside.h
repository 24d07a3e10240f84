/*
 * Inside of the judge: what its files share. Nobody else includes it.
 *
 *   judge.c            one entry from its bytes to its outcome
 *   judge_admit.c      may this author, role and device write this? what has not arrived yet?
 *   judge_facts.c      base, corrected time, the chain of pending entries
 *   judge_check.c      what the catalogue asks of a whole record
 *   judge_write.c      records and log rows
 *   judge_conflict.c   conflict records: new ones, further values
 *   judge_decide.c     decisions
 *   judge_follow.c     consequences, tasks to check
 *   judge_unique.c     duplicates, links between people
 *   judge_scope.c      who is in which scope now
 *   judge_parked.c     waiting, waking, giving up
 *   judge_holder.c     a team or an organisation that is another one now
 *   judge_move.c       moves between localities
 *   judge_close.c      quarantined entries that a new one names: fixed, released, dismissed
 *   judge_room.c       what one device may leave here
 *   judge_put.c        what the store writes of its own
 *   judge_tick.c       what comes with time
 */
#ifndef STORE_JUDGE_INSIDE_H
#define STORE_JUDGE_INSIDE_H

#include "common/body.h"
#include "common/catalogue_check.h"
#include "store/grants.h"
#include "store/judge.h"
#include "store/reconcile.h"

enum {
        FACTS_CACHE = 64,
        HELD_CACHE = 256,
        AUTHOR_CACHE = 32,
        ROOM_CACHE = 32,
        JUDGE_CONFLICTS_MAX = 64,
        LOCALITIES_MAX = 64
};

/* Has a device somebody's records? */
struct judge_held {
        bool now; /* a scope that it is granted has the person */
        uint8_t class
                ; /* custody: the highest class that it was ever sent of the person; 0: it never had them */
};

struct held_row {
        struct uuid device, person;
        bool known;
        struct judge_held held;
};

struct author_row {
        struct uuid staff;
        uint16_t role;
        bool known, found;
};

/* What waits here of a device, in the transaction in hand. */
struct room_row {
        struct uuid device;
        bool known;
        struct storage_backlog backlog;
};

/* What the checks by name need of a person: many observations of one person come at once. */
struct facts_row {
        struct uuid person;
        bool known, has_person, has_baseline;
        struct record record, baseline; /* what the checks read of them; in judge->facts_arena */
};

/* How far a locality was looked through for what ends with a day. */
struct judge_day {
        struct uuid locality;
        int64_t day; /* INT64_MIN: none yet */
        uint16_t
                type_index; /* place in the catalogue that is next; type_count: all done for this day */
        struct uuid after; /* record of that type that was looked at last */
};

/* Something happened that parked entries may have waited for. */
struct judge_event {
        struct uuid locality;
        enum parked_wait wait;
        struct uuid id;
};

struct judge {
        struct storage *storage;
        const struct storage_ops *ops;
        struct grants *grants;
        struct body_codec *codec;
        struct arena arena; /* of the entry in hand; nested entries of the store use it too */
        int64_t now_ms;
        enum nhs_environment environment;
        struct held_row held[HELD_CACHE];
        struct author_row authors[AUTHOR_CACHE];
        struct judge_limits limits;
        struct room_row rooms[ROOM_CACHE];
        struct facts_row facts[FACTS_CACHE];
        struct arena facts_arena; /* emptied with the cache, when a transaction begins */
        bool parked_known,
                parked_any; /* is anything parked in the locality of the last question? */
        struct uuid parked_locality;
        struct entry_header taken; /* the entry in hand: others may need it */
        bool taken_known;
        struct buffer events; /* struct judge_event behind each other */
        struct uuid wanted;   /* a locality that has to be in the transaction as well */
        struct judge_day days[LOCALITIES_MAX];
        size_t day_count;
};

/* An entry in hand, decoded, with what was found out about it. */
struct judge_case {
        const struct uuid *locality; /* where it is judged */
        const struct uuid *
                home; /* its own, or its device's: where its receipt has a position; NULL: the store's own entry */
        struct position told;   /* that position; zero: it is judged there */
        struct moved_row moved; /* of its person */
        bool has_moved;
        uint64_t position; /* of this commit */
        uint64_t epoch;
        const struct judge_origin *origin; /* NULL: the store's own entry */
        const struct judge_entry *entry;
        struct entry_body body;
        const struct catalogue_type *type; /* NULL: unknown */
        bool readable;                     /* body and type hold */
        struct uuid chain_root;
        struct record standing; /* of an edit */
        struct stamps stamps;
        bool has_standing;
        bool late;     /* the device had the person, and has them no longer */
        bool released; /* an operator lets it take effect: the store's entry, judged as its author's */
        struct quarantine_row
                instead; /* what it stands in the place of; how: CLOSING_NONE: nothing */
        unsigned depth;  /* of consequences */
        bool keep_staff;
        const struct parked_row
                *parked; /* it was parked: its base was checked when it came; NULL: it is new */

        /* the outcome */
        struct reconcile_result *result;
        struct uuid conflicts[JUDGE_CONFLICTS_MAX]; /* ids, for the receipt */
        size_t conflict_count;
};

/* What stands in the way of an entry. */
struct judge_obstacle {
        enum quarantine_reason reason; /* REASON_NONE: not refused */
        enum parked_wait wait;         /* 0: need not wait */
        struct uuid wait_id;
        uint8_t wait_lane;
        uint64_t wait_seq;
};

/* judge_facts.c: newest head of a locality that the device shows; NULL: none */
const struct wire_head *judge_shown_head(const struct judge_origin *origin,
                                         const struct uuid *locality);

/* judge_admit.c: 0 and @ret filled; an obstacle without reason and wait: go on */
int judge_admit(struct judge *judge, struct judge_case *c, struct judge_obstacle *ret);

/* judge_facts.c */
int judge_base(struct judge *judge, struct judge_case *c, uint64_t *ret_base, bool *ret_beyond);
struct stamp judge_stamp(const struct judge *judge, const struct judge_case *c);
int judge_chain_root(struct judge *judge, struct judge_case *c);
/* judge_chain() - of the entries that set something in the record after the base, those that this one continues */
int judge_chain(struct judge *judge, const struct judge_case *c, uint64_t base,
                const struct conflict *conflicts, size_t conflict_count, struct uuid **ret,
                size_t *ret_count);

/* judge_check.c: what the catalogue asks of the record as a whole; in @result where it is refused */
int judge_check(struct judge *judge, const struct judge_case *c, struct reconcile_result *result,
                struct catalogue_check_result *ret);
void judge_forget_facts(struct judge *judge);
/* judge_facts_changed() - a person, or what is usual for one, was written */
void judge_facts_changed(struct judge *judge, const struct record *record);

/* judge_write.c */
int judge_exists(struct judge *judge, const struct catalogue_type *type, const struct uuid *id);
/*
 * judge_names_record() - does a record of any type that is sent bear this id? An id names one record, of whatever type: feeds, and the
 * rows that are sent, know records by their ids alone. 1, 0
 */
int judge_names_record(struct judge *judge, const struct uuid *id);
int judge_write_record(struct judge *judge, const struct record *record,
                       const struct stamps *stamps);
int judge_write_log(struct judge *judge, const struct judge_case *c, enum entry_outcome outcome,
                    uint16_t reason, const struct wire_effect *effects, size_t effect_count);
int judge_quarantine(struct judge *judge, const struct judge_case *c, uint16_t reason);
int judge_standing(struct judge *judge, const struct uuid *locality,
                   const struct catalogue_type *type, const struct uuid *id, struct record *ret,
                   struct stamps *ret_stamps);
/* judge_commit_fields() - reconcile a create or edit that was admitted, write record, log and all that follows */
int judge_commit_fields(struct judge *judge, struct judge_case *c, bool *ret_refused);

/* judge_conflict.c */
int judge_open_conflicts(struct judge *judge, const struct judge_case *c, struct conflict **ret,
                         size_t *ret_count);
struct uuid judge_conflict_id(const struct judge_case *c, const struct reconcile_held *held);
int judge_write_held(struct judge *judge, struct judge_case *c, struct conflict *conflicts,
                     size_t conflict_count, const struct uuid *chain, size_t chain_count);
int judge_conflict_put(struct judge *judge, const struct judge_case *c, struct conflict *conflict,
                       const char *why);
int judge_refresh_conflict(struct judge *judge, struct conflict *conflict,
                           const struct record *record);
int judge_add_value(struct judge *judge, struct conflict *conflict,
                    const struct conflict_value *value);
/* judge_conflict_full() - has a conflict that the entry would join no room for a further value? */
bool judge_conflict_full(const struct reconcile_result *result);
/* judge_raise_difference() - the store's own total of a score is another than the device's */
int judge_raise_difference(struct judge *judge, const struct judge_case *c);
int judge_raise_duplicate(struct judge *judge, const struct judge_case *c,
                          const struct record *first, const struct record *second);

/* judge_decide.c: like judge_commit_fields() */
int judge_decide(struct judge *judge, struct judge_case *c, bool *ret_refused);

/* judge_follow.c, judge_unique.c, judge_scope.c: after the record was written */
int judge_follow(struct judge *judge, const struct judge_case *c);
/* judge_follow_decision() - a conflict about this record was decided */
int judge_follow_decision(struct judge *judge, const struct judge_case *c,
                          const struct catalogue_type *type, const struct uuid *id);
int judge_unique(struct judge *judge, const struct judge_case *c);
int judge_scopes(struct judge *judge, const struct judge_case *c);
/* judge_end_provisional() - where the person needs no provisional scope any more; @ended: what was proposed has ended. 1, 0 */
int judge_end_provisional(struct judge *judge, const struct uuid *locality,
                          const struct uuid *person, bool ended);
int judge_held(struct judge *judge, const struct judge_case *c, const struct uuid *person,
               struct judge_held *ret);
/* judge_custody() - fills only what custody says */
int judge_custody(struct judge *judge, const struct judge_case *c, const struct uuid *person,
                  struct judge_held *ret);
/* judge_returns() - would this record bring its person back into a scope that its device is granted? */
int judge_returns(struct judge *judge, const struct judge_case *c, bool *ret);
/* judge_reaches() - does the device hold the locality's reference data? Only there may it add people. */
int judge_reaches(struct judge *judge, const struct judge_case *c, bool *ret);

/* judge_limits() - take the person out of the scopes that consents forbid, and back into the others */
int judge_limits(struct judge *judge, const struct uuid *locality, const struct uuid *person);
/* judge_holder_changed() - a team or organisation was written: may it still have the people it has? */
int judge_holder_changed(struct judge *judge, const struct judge_case *c);
/* judge_forget_held() - what devices hold of somebody is to be looked up again */
void judge_forget_held(struct judge *judge, const struct uuid *person);

/* judge_move.c */
/**
 * judge_find_home() - an entry about somebody who moved is judged where they are now
 *
 * Return: 1 it waits there already; 0 go on; or an error, also where a locality is wanted
 */
int judge_find_home(struct judge *judge, struct judge_case *c);
/* judge_want() - fails: this locality must be in the transaction */
int judge_want(struct judge *judge, const struct uuid *locality);
/* judge_base_before() - what a base of the locality that the person left says here */
int judge_base_before(struct judge *judge, const struct judge_case *c, uint64_t *ret_base);

/* judge_put.c */
/* judge_note() - a row of the store's in the log that changes no record by itself; the base says what it follows */
int judge_note(struct judge *judge, const struct judge_change *change,
               const struct uuid *base_locality, const struct position *base);
/* judge_store() - an entry of the store that follows from the one in hand; @c lends locality, depth and origin */
int judge_store(struct judge *judge, const struct judge_case *c, const struct judge_change *change);
struct uuid judge_derived(const struct judge_case *c, const char *what, uint16_t number,
                          const struct uuid *extra);

/* judge_parked.c */
int judge_park(struct judge *judge, struct judge_case *c, const struct judge_obstacle *obstacle);
/* judge_park_again() - it is parked already, as @row, and has come once more: look at it again where its envelope is a new one */
int judge_park_again(struct judge *judge, const struct judge_entry *entry,
                     const struct parked_row *row);
/* judge_wait_for_upgrade() - it cannot be read yet; what the device was shown is kept for the check of its base */
void judge_wait_for_upgrade(const struct judge_case *c, struct judge_obstacle *ret);
int judge_any_parked(struct judge *judge, const struct uuid *locality, bool *ret);
/* judge_wake() - remember that this has come; judge_settle() looks at what waited for it */
int judge_wake(struct judge *judge, const struct uuid *locality, enum parked_wait wait,
               const struct uuid *id);
int judge_settle(struct judge *judge);
int judge_look_again(struct judge *judge, const struct uuid *locality, size_t max);

/* judge_put.c: header and bytes of an entry of the store, numbered as the next row of the log */
int judge_encode(struct judge *judge, const struct storage_locality *state,
                 const struct judge_case *c, struct entry_header *header,
                 struct judge_entry *entry);

/* judge_close.c */
/* judge_instead() - the entry names one in quarantine: fill c->instead where that is open; @ret_reason where it is not */
int judge_instead(struct judge *judge, struct judge_case *c, uint16_t *ret_reason);
/* judge_close() - the entry in hand has its row in the log: what it names is dealt with */
int judge_close(struct judge *judge, const struct judge_case *c);

/* judge_room.c */
/* judge_room() - is there room for one more of this size? 0, or JUDGE_FULL_…, or an error */
int judge_room(struct judge *judge, const struct uuid *device, bool parked, uint64_t size);
/* judge_room_took() - @count more (or less) of them are here now */
void judge_room_took(struct judge *judge, const struct uuid *device, bool parked, int64_t count,
                     uint64_t size);

/* judge_room_forget() - what is here of the device is to be counted again */
void judge_room_forget(struct judge *judge, const struct uuid *device);

/* judge.c */
/* judge_read_body() - decode into @c; @ret_reason: why it cannot be read, REASON_NONE: it can */
int judge_read_body(struct judge *judge, struct judge_case *c, uint16_t *ret_reason);
/* judge_put_away() - judge_refuse() without looking at who waited for it */
int judge_put_away(struct judge *judge, const struct judge_origin *origin,
                   const struct judge_entry *entry, enum quarantine_reason reason);
/* judge_one() - 1 judged, 0 parked (again), JUDGE_FULL_…, or an error */
int judge_one(struct judge *judge, const struct judge_origin *origin,
              const struct judge_entry *entry, const struct parked_row *parked);

#endif

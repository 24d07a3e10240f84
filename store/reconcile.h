/*
 * What becomes of an entry that meets a record: the field rules of docs/protocol.md, as a pure function.
 *
 * It knows the entry, the record as it stands with who set which field when, and what is in dispute about it. It does not
 * know where any of this is kept, who may write, or whether the device may: store/judge.c asks those questions first.
 *
 * Fields are looked at in units: a group of the catalogue is one unit, every other field is its own. A unit is applied,
 * superseded or held whole (sets and maps are merged by element and key).
 *
 * *Concurrent* means: a field of the unit was changed after the entry's base, by something other than the chain of
 * pending entries that this one continues, and the values differ. So nobody conflicts with what their own screen showed.
 */
#ifndef STORE_RECONCILE_H
#define STORE_RECONCILE_H

#include "common/conflict.h"
#include "common/reason.h"
#include "common/wire_messages.h"
#include "store/stamps.h"

enum {
        RECONCILE_KEY_GROUP = 256
}; /* key of a group: this and its number; of a field: its number */

/* reconcile_key() - the unit that a field belongs to */
uint16_t reconcile_key(const struct catalogue_field *field);

struct reconcile_input {
        const struct catalogue_type *type;
        const struct entry_body *body; /* a create or an edit of a record of this type */
        struct stamp stamp; /* what the fields get that it sets; .position is the commit's */
        bool by_store; /* the store's own entry: no rule stands in its way, ranges and forms do */
        bool late; /* the device has the person no longer: whatever an edit would change waits for a decision */
        uint64_t
                base; /* newest position that the author saw of the record; the store has seen all */
        const struct record *standing; /* NULL for a create */
        const struct stamps *stamps;   /* of the standing record; NULL for a create */
        const struct uuid *chain;      /* ids of the entries it continues, ascending */
        size_t chain_count;
        struct conflict *conflicts; /* the open ones about the record */
        size_t conflict_count;
};

/* A unit that only a person may decide about. */
struct reconcile_held {
        uint16_t key;
        uint16_t kind;         /* option number of the conflict's kind */
        struct conflict *open; /* the open conflict that it joins; NULL: a new one is needed */
        const struct entry_change *changes; /* what the entry wanted in the unit */
        size_t change_count;
};

struct reconcile_result {
        enum entry_outcome
                outcome; /* APPLIED, MERGED, HELD, LATE or QUARANTINED: the worst of its fields */
        uint16_t reason; /* of the quarantine, otherwise REASON_NONE */
        struct record
                record; /* after the entry; values borrow from entry, standing record, arena */
        struct stamps stamps; /* after the entry */
        bool stamped;         /* only the stamps are others: nothing that anyone is sent */
        bool changed;         /* any value of the record is another one now, or it is new */
        bool field_changed[FIELD_COUNT_MAX];         /* by place in type->fields */
        struct wire_effect effects[FIELD_COUNT_MAX]; /* of fields that were not simply applied */
        size_t effect_count;
        struct reconcile_held *held;
        size_t held_count;
};

/**
 * reconcile() - judge the fields of one entry
 * @arena: owns what the result holds and does not borrow
 *
 * On quarantine the record and stamps of the result are those that stand.
 *
 * Return: 0; PANNIER_E_MALFORMED (a packed value), PANNIER_E_MEMORY
 */
int reconcile(const struct reconcile_input *input, struct arena *arena,
              struct reconcile_result *ret);

/* reconcile_change_of() - the change (record.h) that makes @whole of a standing set or map */
int reconcile_change_of(const struct catalogue_field *field, const struct value *standing,
                        const struct value *whole, struct arena *arena, struct value *ret);

/* reconcile_worst() - the worse of two outcomes of one entry */
enum entry_outcome reconcile_worst(enum entry_outcome a, enum entry_outcome b);

#endif

/*
 * Inside of reconcile(): one unit (a field or a group) of an edit, and what its rule makes of it.
 */
#ifndef STORE_RECONCILE_UNIT_H
#define STORE_RECONCILE_UNIT_H

#include "store/reconcile.h"

struct reconcile_work {
        const struct reconcile_input *input;
        const struct catalogue_type *type;
        struct arena *arena;
        struct reconcile_result *result;
};

struct reconcile_unit {
        uint16_t key;
        enum catalogue_rule rule;
        const struct catalogue_field *field; /* the first that the entry mentions */
        const struct entry_change *changes[FIELD_COUNT_MAX];
        int16_t indexes[FIELD_COUNT_MAX]; /* place in type->fields of each */
        size_t count;
        struct conflict *open; /* about this unit */
};

enum verdict {
        VERDICT_APPLY,
        VERDICT_UNCHANGED,
        VERDICT_SUPERSEDED,
        VERDICT_HOLD,
        VERDICT_QUARANTINE,
};

struct judgement {
        enum verdict verdict;
        uint16_t kind;   /* VERDICT_HOLD: of the conflict */
        uint16_t reason; /* VERDICT_QUARANTINE */
};

/* Facts are never edited, and what the store alone writes is never concurrent: neither needs stamps. */
static inline bool reconcile_has_stamps(const struct catalogue_type *type)
{
        return !type->append && !type->store_only && !type->is_conflict;
}

/* Sets and maps come as a change, which cannot be compared with what stands. */
static inline bool reconcile_is_packed(const struct catalogue_field *field)
{
        return field->kind == KIND_SET || field->kind == KIND_MAP;
}

/* reconcile_in_chain() - did the author see this entry's work on their own screen, before the store had it? */
bool reconcile_in_chain(const struct reconcile_input *input, const struct uuid *entry);

/* reconcile_is_newer() - was it set after the base by somebody else? NULL: never set */
bool reconcile_is_newer(const struct reconcile_input *input, const struct stamp *stamp);

/* reconcile_judge_unit() - what the unit's rule says; not for sets and maps that are merged */
struct judgement reconcile_judge_unit(const struct reconcile_work *work,
                                      const struct reconcile_unit *unit);

/* reconcile_is_raise() - is the change a step up a field's order that takes effect whatever its rule says? */
bool reconcile_is_raise(const struct catalogue_field *field, const struct value *standing,
                        const struct value *value);

/**
 * reconcile_merge_set() - add and remove elements of the result's set: an add wins over a concurrent remove
 * @ret_effect: APPLIED, UNCHANGED, or SUPERSEDED where an element stays that was to be removed
 */
int reconcile_merge_set(struct reconcile_work *work, int16_t index,
                        const struct entry_change *change, enum field_effect *ret_effect);

/* reconcile_map_concurrent() - was one of the keys that the change names set to something else after the base? */
bool reconcile_map_concurrent(const struct reconcile_work *work, int16_t index,
                              const struct entry_change *change);

/* reconcile_merge_map() - the rule `latest` per key; otherwise like reconcile_merge_set() */
int reconcile_merge_map(struct reconcile_work *work, int16_t index,
                        const struct entry_change *change, enum field_effect *ret_effect);

/* reconcile_stamp_elements() - stamp every element or key of a whole set or map */
int reconcile_stamp_elements(struct reconcile_work *work, const struct catalogue_field *field,
                             const struct value *whole);

/* reconcile_keep_unknown() - carry over, and take in, values of fields that this catalogue does not have */
int reconcile_keep_unknown(struct reconcile_work *work);

/* reconcile_create() - the values of a creation take effect, but for a few that even then are only proposed */
int reconcile_create(struct reconcile_work *work);

/* reconcile_edit_unit() - carry out what becomes of a unit of an edit; on quarantine the result says so */
int reconcile_edit_unit(struct reconcile_work *work, const struct reconcile_unit *unit);

/* reconcile_carry_out() - do to the result what was judged of a unit */
int reconcile_carry_out(struct reconcile_work *work, const struct reconcile_unit *unit,
                        const struct judgement *judgement);

/* reconcile_set_value() - set and stamp one field of the result */
int reconcile_set_value(struct reconcile_work *work, int16_t index, const struct value *value);

#endif

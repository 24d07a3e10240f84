/*
 * What the catalogue asks of a record beyond its single fields: comparisons, fields that are needed in some cases, and
 * the checks by name (NEWS2, NHS number, adults only). Pure: records and the time come in, a verdict and derived values go out.
 *
 * The same code runs on the device, where a person can still mend what is wrong, on the store, where an entry is quarantined
 * for it, and on a load, where an NHS number that fails is kept but marked "trace required".
 */
#ifndef COMMON_CATALOGUE_CHECK_H
#define COMMON_CATALOGUE_CHECK_H

#include "common/news2.h"
#include "common/nhs_number.h"
#include "common/reason.h"
#include "common/record.h"

enum catalogue_check_where { CHECK_ON_DEVICE, CHECK_ON_STORE, CHECK_ON_LOAD };

struct catalogue_check_input {
        enum catalogue_check_where where;
        enum nhs_environment environment;
        bool create;      /* false: an edit */
        uint64_t changed; /* bit 1 << place in type->fields: what the entry sets */
        int64_t now_ms; /* never before the time floor: ages depend on it, and a clock may have been lost */
        const struct record
                *person; /* of the record; NULL: not known here. Not for a person's own record */
        const struct record *baseline; /* of the person; NULL: none is known here */
};

struct catalogue_check_result {
        enum quarantine_reason reason; /* REASON_NONE: nothing is wrong */
        const struct catalogue_field
                *field; /* of the fault; NULL: none, or the record as a whole */
        uint64_t
                derived; /* bit 1 << place: values that were set here; the device adds them to its entry */
        bool differs; /* on the store: device and store disagree; raise a conflict of kind duplicate */
        bool scored; /* the type has a score: `news2` counts */
        struct news2_result news2;
};

/**
 * catalogue_check() - judge a record as an entry leaves it, and fill in what is derived
 * @record: values as they are after the entry (device: of the visible record; store: after reconcile()); values may be set
 * @arena:  owns what is set
 *
 * On the device an edit is judged against the record that its author sees. On the store, where edits of others may have
 * met it, an edit is only judged by what it sets itself. On a creation, the device sets a set of observations' total,
 * the store its own total and whether they differ; an NHS number is brought to ten digits and gets a status.
 *
 * Return: 0; PANNIER_E_INVALID: ret->reason says why, ret->field where, the detail in words; PANNIER_E_MEMORY
 */
int catalogue_check(const struct catalogue_check_input *input, struct record *record,
                    struct arena *arena, struct catalogue_check_result *ret);

/**
 * catalogue_check_reads() - which fields catalogue_check() looks at in a person's own record or a baseline
 *
 * Return: bit 1 << place in type->fields; the others may be left unset in what is given to it
 */
uint64_t catalogue_check_reads(const struct catalogue_type *type);

/**
 * catalogue_check_stale() - fields that checks work out from others, and that are wrong once these change
 * @changed: bit 1 << place in type->fields
 *
 * Return: bits of the same kind: whoever takes over what was written before leaves these out
 */
uint64_t catalogue_check_stale(const struct catalogue_type *type, uint64_t changed);

/* catalogue_condition_holds() - is the coded field one of the options? An unset field meets no condition but the empty one. */
bool catalogue_condition_holds(const struct catalogue_condition *condition,
                               const struct record *record);

/* Why an advance-care record must not be read as a clear decision; bits. */
enum catalogue_contested {
        CONTESTED_UNSIGNED = 1,
        CONTESTED_REVIEW_PAST = 2,
        CONTESTED_CONTRADICTED = 4, /* another one of the same kind says something else */
};

/**
 * catalogue_check_contested() - which of one person's records of a type with CHECK_ADVANCE_CARE are contested
 * @records: of the one type; those that are struck out or replaced by an amendment among them count for nothing
 * @today:   days since 1970-01-01
 * @ret:     @count sets of bits of enum catalogue_contested
 */
void catalogue_check_contested(const struct record *const *records, size_t count, int64_t today,
                               uint8_t *ret);

#endif

/*
 * Records in the JSON of the local API: generic over the catalogue's descriptors.
 *
 *   code      its code, a number of a newer catalogue as "#n"      int, tenths  an integer (of tenths)
 *   text      a string; "" is no value                             bool         true, false
 *   date      "2026-11-21"                                         ref          UUID, 36 characters
 *   instant   "2026-11-21T20:15:00.000Z"                           blob         base64
 *   set       array; in an edit the whole new value, or {"add": […], "remove": […]}
 *   map       object; in an edit only the keys that change, null removes one
 *
 * null is no value. There are no reals. What schema/catalogue.schema.json refuses is refused here too.
 */
#ifndef COMMON_CATALOGUE_JSON_H
#define COMMON_CATALOGUE_JSON_H

#include "common/entry.h"

#include <jansson.h>

/* catalogue_json_from_value() - a new reference; unset and null give JSON null; NULL: no memory, or a value of no form */
json_t *catalogue_json_from_value(const struct catalogue_field *field, const struct value *value);

/**
 * catalogue_json_from_record() - {"field": value, …} of the fields that are set
 * @guarded: with the fields that are shown on tap only; otherwise they are true: there is one
 *
 * Fields of a newer catalogue are left out; they are not lost, the record keeps them.
 *
 * Return: a new reference; NULL: no memory
 */
json_t *catalogue_json_from_record(const struct record *record, bool guarded);

/**
 * catalogue_json_to_value() - read one field's value, strictly
 * @standing: of an edit: the value that the author sees, so that a whole new set becomes a change; NULL for a creation
 * @arena:    owns what ret borrows
 *
 * Return: 0; PANNIER_E_INVALID: the detail names field and limit; PANNIER_E_MEMORY
 */
int catalogue_json_to_value(const struct catalogue_field *field, const json_t *json,
                            const struct value *standing, struct arena *arena, struct value *ret);

/* Where a set of fields is wrong, for those who must mend it. */
struct catalogue_json_fault {
        const char *name;                    /* the key as given; borrowed from the JSON */
        const struct catalogue_field *field; /* NULL: the type has no such field */
};

/**
 * catalogue_json_to_changes() - {"field": value, …} to the changes of an entry
 * @standing: the visible record of an edit; NULL: a creation, in which null means nothing
 * @arena:    owns the changes and their values
 * @ret:      ascending by number
 * @ret_fault: on PANNIER_E_INVALID; may be NULL
 *
 * A whole new set that differs in nothing from the standing one is left out. Roles, rules and what is required are the engine's to judge.
 *
 * Return: 0; PANNIER_E_INVALID; PANNIER_E_MEMORY
 */
int catalogue_json_to_changes(const struct catalogue_type *type, const json_t *fields,
                              const struct record *standing, struct arena *arena,
                              struct entry_change **ret, size_t *ret_count,
                              struct catalogue_json_fault *ret_fault);

/**
 * catalogue_json_limit() - what a field allows, for an error's "limit" or a form: "40 to 100 %", "at most 200 bytes",
 *                          "one of yes, no, unknown"
 */
void catalogue_json_limit(const struct catalogue_field *field, struct buffer *out);

#endif

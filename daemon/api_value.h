/*
 * Values of the catalogue as JSON and back: what a program of this device reads and writes.
 *
 *   code     its text; an option that this build does not know "#17"     date     "2026-11-21"
 *   int      integer in the field's unit                                 instant  RFC 3339, UTC, milliseconds
 *   tenths   integer number of tenths                                    bool     true or false
 *   text     string       ref  UUID       blob  base64                   set      array of codes, texts or UUIDs
 *   map      object: code or text → text
 *
 * The change of a set is {"add": […], "remove": […]}; that of a map an object whose nulls remove. null clears a field.
 */
#ifndef DAEMON_API_VALUE_H
#define DAEMON_API_VALUE_H

#include "common/json.h"
#include "common/record.h"

/* api_value_to_json() - a new reference; JSON null for a value that is unset; NULL: no memory, or a value that is none */
json_t *api_value_to_json(const struct catalogue_field *field, const struct value *value,
                          bool change);

/**
 * api_value_from_json() - read a value; ranges, sizes and transitions are the engine's to judge
 * @change:   it is for an edit: sets and maps become changes
 * @standing: what the record shows now; an array for a set is taken as the whole new value against it; may be NULL
 * @arena:    owns what ret borrows, which otherwise borrows from @json
 *
 * Return: 0; PANNIER_E_INVALID with the field's name and the form it wants; PANNIER_E_MEMORY
 */
int api_value_from_json(const struct catalogue_field *field, bool change,
                        const struct value *standing, const json_t *json, struct arena *arena,
                        struct value *ret);

/* api_uuid() - JSON text of an id; JSON null for UUID_NONE */
json_t *api_uuid(const struct uuid *id);

/* api_instant() - RFC 3339 text; JSON null for 0, which everywhere stands for "not yet" */
json_t *api_instant(int64_t instant_ms);

#endif

/*
 * JSON of the local API and of files, over jansson, read strictly: UTF-8, no key twice, no U+0000, no reals
 * (what is measured is an integer in a unit), bounded in depth and number of values before a tree is built.
 */
#ifndef COMMON_JSON_H
#define COMMON_JSON_H

#include "common/bytes.h"

#include <jansson.h>

enum {
        JSON_DEPTH_MAX = 16,
        JSON_VALUE_MAX = 50000, /* values of one text: a tree takes up to 60 bytes for each */
};

/* json_freep() - for CLEANUP */
static inline __attribute__((unused)) void json_freep(json_t **json)
{
        json_decref(*json);
        *json = NULL;
}

/**
 * json_load() - read one object or array; nothing but blanks may follow it
 * @text: bounded in size by the caller
 * @ret:  a new reference
 *
 * Return: 0; PANNIER_E_MALFORMED with line and column in the detail (also where jansson runs out of memory inside of a
 *         value: it does not tell the two apart); PANNIER_E_LIMIT; PANNIER_E_MEMORY
 */
int json_load(struct bytes text, json_t **ret);

/* json_append() - write @json in one line, keys in the order they were set; failures are kept in @out */
void json_append(const json_t *json, struct buffer *out);

/* json_text() - a string value of @text, which must be UTF-8; NULL: it is not, or no memory. A new reference. */
json_t *json_text(struct bytes text);

/* json_view() - the bytes of a string value; borrowed. BYTES_NONE where it is no string. */
struct bytes json_view(const json_t *string);

/**
 * json_only_keys() - does an object have no other keys than these?
 * @keys: names, NULL at the end
 *
 * Return: 0, or PANNIER_E_INVALID with the unknown key in the detail
 */
int json_only_keys(const json_t *object, const char *const *keys);

#endif

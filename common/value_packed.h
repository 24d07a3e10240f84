/*
 * Inside of values that hold several: sets and maps, whole (a creation, a record) or as the change of an edit. Used by the
 * modules of value and record only.
 *
 * Both are kept as their deterministic CBOR, so that equal values are equal bytes. Elements and keys are ordered by their own
 * bytes, each once.
 */
#ifndef COMMON_VALUE_PACKED_H
#define COMMON_VALUE_PACKED_H

#include "common/record.h"

/* value_read() - value_decode() without ranges and sizes: the form only */
int value_read(const struct catalogue_field *field, bool change, struct cbor_reader *reader,
               struct value *ret);

/* value_check_option() - 0, or PANNIER_E_INVALID where no option can have the number, or @strict and none has */
int value_check_option(const struct catalogue_field *field, int64_t number, bool strict);

/**
 * packed_read() - read a set, a map, or a change of one; an empty set or map (not a change) becomes VALUE_NULL
 *
 * Return: 0; PANNIER_E_MALFORMED: another form, elements of another kind, not ascending, or one twice;
 *         PANNIER_E_INVALID: value_check_option() of an element or key
 */
int packed_read(const struct catalogue_field *field, bool change, bool strict,
                struct cbor_reader *reader, struct value *ret);

#endif

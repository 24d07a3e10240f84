/*
 * From the text in a cell of a table to the value of a field.
 *
 * Pure: the field's descriptor says what is expected; references are resolved by the caller, who knows what is in
 * the store. Texts are those that people and spreadsheets write: dates as 2026-11-21 or 21/11/2026, tenths as 37.5, codes by
 * their code or their title in either case, sets with their elements separated.
 */
#ifndef STORE_LOAD_TEXT_H
#define STORE_LOAD_TEXT_H

#include "common/record.h"

enum { LOAD_SET_ELEMENTS_MAX = 64 };

struct load_text_options {
        char separator; /* between elements of a set; ';' where a mapping says nothing */
        /**
         * translate() - the catalogue's word for a cell's word, such as care_home_nursing for "Nursing homes"
         *
         * Return: the code, borrowed; @text itself where there is nothing to translate; empty: leave this element out
         */
        struct bytes (*translate)(void *context, const struct catalogue_field *field,
                                  struct bytes text);
        /**
         * resolve() - the id that a reference's text names
         *
         * Return: 1 found; 0 not known; or an error
         */
        int (*resolve)(void *context, const struct catalogue_field *field, struct bytes text,
                       struct uuid *ret);
        void *context;
};

/**
 * load_text_value() - read a cell
 * @text:  UTF-8 without blanks around it, not empty
 * @arena: owns what ret borrows besides @text
 *
 * Return: 0; PANNIER_E_INVALID: what was wrong and what is expected, in the detail, without the field's name; PANNIER_E_MEMORY;
 *         what resolve() returned, where it failed
 */
int load_text_value(const struct catalogue_field *field, struct bytes text,
                    const struct load_text_options *options, struct arena *arena,
                    struct value *ret);

/* load_text_date() - "2026-11-21" or "21/11/2026" to days since 1970-01-01; PANNIER_E_INVALID */
int load_text_date(struct bytes text, int64_t *ret);

#endif

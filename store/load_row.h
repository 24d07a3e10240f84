/*
 * One row on its way: cells by what they give, values of fields, and which record they are about.
 */
#ifndef STORE_LOAD_ROW_H
#define STORE_LOAD_ROW_H

#include "store/load.h"
#include "store/load_csv.h"
#include "store/load_map.h"
#include "store/load_places.h"

enum { LOAD_KEY_SIZE = 16, LOAD_WORD_MAX = 200 };

/* What the rows of one table share. */
struct load_table {
        const struct load_options *options;
        const struct catalogue_type *type;
        struct storage *storage;
        struct load_map *map;
        struct load_places *places;
        struct load_target targets[CSV_COLUMNS_MAX];
        size_t target_count;
        struct arena arena; /* of the row */
        struct load_report report;
        void *touched; /* ids of records that this file had rows about: tsearch() */
};

struct load_row {
        struct load_table *table;
        uint64_t line;
        struct bytes cells[FIELD_COUNT_MAX]; /* by field; empty: not given */
        struct bytes id, person_text, author_text, recorded_text, locality_text, locality_name;
        struct uuid locality, record, person, author;
        int64_t recorded_ms;
        struct value values[FIELD_COUNT_MAX];
        bool warned;
};

/* load_row_message() - report something about the row; a warning is remembered */
void load_row_message(struct load_row *row, enum load_severity severity, const char *format, ...)
        __attribute__((format(printf, 3, 4)));

/**
 * load_row_read() - cells to values, texts to ids
 *
 * Return: 1 it can be put; 0 it was refused, and that was reported; or an error that ends the run
 */
int load_row_read(struct load_table *table, const struct csv_row *csv, struct load_row *ret);

/**
 * load_row_identify() - find the record the row is about, or draw the id of a new one
 * @keys: places for the row's keys, type->key_count of them
 *
 * Return: how many keys the row has (to be stored with load_key_put), or an error; 0 with an id column
 */
int load_row_identify(struct load_row *row, uint8_t keys[][LOAD_KEY_SIZE]);

/* load_row_is_locality() - the row is about a locality itself, the unit that the store orders by */
bool load_row_is_locality(const struct load_row *row);

/* load_words_put() - remember the words by which other tables may name the row's record */
int load_words_put(const struct load_row *row);

/* load_find_word() - resolve a text to a record of one of the types: 1 found, 0 not, or an error */
int load_find_word(struct load_table *table, const struct uuid *locality, const uint8_t *types,
                   size_t type_count, struct bytes text, struct uuid *ret);

/* load_touch() - remember that this file had a row about the record; false: it had one before */
bool load_touch(struct load_table *table, const struct uuid *record);
bool load_touched(const struct load_table *table, const struct uuid *record);

#endif

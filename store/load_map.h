/*
 * How the columns of somebody's table become fields of a record type: the header line, or a mapping file.
 *
 * Without a mapping file the header names fields of the catalogue, or one of the further columns below. A mapping file
 * (INI) says where each field comes from:
 *
 *     [columns]                  field (or further column) = the table's header
 *     [constants]                field = value for every row
 *     [values types]             word of the table = word of the catalogue; nothing behind the = leaves the element out
 *     [separators]               field = one character between elements of a set (default ;)
 *     [empty]                    any name = a word of the table that means "no value", such as NA
 */
#ifndef STORE_LOAD_MAP_H
#define STORE_LOAD_MAP_H

#include "common/catalogue.h"

enum load_column { /* what a column, or a constant, gives */
                   LOAD_IGNORED,
                   LOAD_FIELD,    /* field_index */
                   LOAD_ID,       /* "id": the record's UUID */
                   LOAD_PERSON,   /* "person": NHS number or UUID */
                   LOAD_AUTHOR,   /* "author": staff, of history that somebody else recorded */
                   LOAD_RECORDED, /* "recorded": when, of history */
                   LOAD_LOCALITY, /* "locality": ONS code, name, alias or UUID of the locality */
                   LOAD_LOCALITY_NAME, /* "locality_name": looked at where `locality` is missing or not known */
};

struct load_target {
        enum load_column column;
        int field_index; /* LOAD_FIELD */
};

struct load_map;

/**
 * load_map_new() - the mapping of a type
 * @type: record type
 * @path: mapping file, NULL: the header names fields
 *
 * Return: 0; PANNIER_E_NOT_FOUND; PANNIER_E_INVALID, the detail names file, line and what is wrong; PANNIER_E_MEMORY
 */
int load_map_new(const struct catalogue_type *type, const char *path, struct load_map **ret);
struct load_map *load_map_free(struct load_map *map);
DEFINE_FREEP(load_map)

/**
 * load_map_column() - what the column with this header gives
 *
 * Return: 0 (LOAD_IGNORED where a mapping file does not mention it); PANNIER_E_INVALID without a mapping file, where it is
 *         no field's name; the detail lists the names there are
 */
int load_map_column(const struct load_map *map, struct bytes header, struct load_target *ret);

/* load_map_missing() - the first column that the file maps but no header named; NULL: none. Borrowed. */
const char *load_map_missing(const struct load_map *map);

/* load_map_constants() - visit what every row gets */
int load_map_constants(const struct load_map *map,
                       int (*visit)(void *context, const struct load_target *target,
                                    struct bytes value),
                       void *context);

/* load_map_translate() - the catalogue's word; @text itself where nothing is said; borrowed */
struct bytes load_map_translate(const struct load_map *map, int field_index, struct bytes text);

bool load_map_is_empty(const struct load_map *map, struct bytes text);
char load_map_separator(const struct load_map *map, int field_index);

#endif

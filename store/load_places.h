/*
 * Which locality a row belongs to: by the code or the name it carries, a table of aliases, or what the caller said.
 */
#ifndef STORE_LOAD_PLACES_H
#define STORE_LOAD_PLACES_H

#include "store/storage.h"

struct load_places;

/* load_places_new() - @aliases_path: CSV with the header alias,locality, or NULL; PANNIER_E_INVALID names file and line */
int load_places_new(const char *aliases_path, struct load_places **ret);
struct load_places *load_places_free(struct load_places *places);
DEFINE_FREEP(load_places)

/* load_places_refresh() - read the localities that the store keeps; inside a transaction or snapshot */
int load_places_refresh(struct load_places *places, struct storage *storage);

/**
 * load_places_find() - the locality that a text means: id, ONS code, name or alias; case, punctuation and "&" for "and"
 *                      make no difference
 *
 * Return: true, and ret is written
 */
bool load_places_find(const struct load_places *places, struct bytes text, struct uuid *ret);

/* load_places_list() - ids of all localities, ascending; borrowed until the next refresh */
const struct uuid *load_places_list(const struct load_places *places, size_t *ret_count);

#endif

/*
 * The elements of a packed set, or the keys and values of a packed map (record.h), as runs of CBOR bytes.
 */
#ifndef STORE_PIECES_H
#define STORE_PIECES_H

#include "common/record.h"

struct piece {
        struct bytes key;   /* element of a set, key of a map: CBOR */
        struct bytes value; /* of a map; CBOR */
};

struct pieces {
        struct piece *items; /* in the arena; there is room for one more than was asked for */
        size_t count;
};

enum { SET_ADDED = 0, SET_REMOVED = 1 }; /* keys of a change of a set */

/* The value of a map's key that is removed: null. */
extern const struct bytes piece_null;

bool piece_is_null(struct bytes raw);

/* pieces_room() - no pieces yet, with room for @count; PANNIER_E_MEMORY */
int pieces_room(struct pieces *pieces, uint64_t count, struct arena *arena);

int pieces_read_array(struct cbor_reader *reader, struct arena *arena, struct pieces *ret);
int pieces_read_map(struct bytes packed, struct arena *arena, struct pieces *ret);

/* pieces_of() - of a whole value; none where it is unset */
int pieces_of(const struct catalogue_field *field, const struct value *value, struct arena *arena,
              struct pieces *ret);

/* pieces_find() - NULL: not among them */
const struct piece *pieces_find(const struct pieces *pieces, struct bytes key);

/* pieces_differ() - would the key of a map say something else than it does in @standing? */
bool pieces_differ(const struct pieces *standing, const struct piece *piece);

#endif

/*
 * Stamps: who set which field of a record when. The store's memory beside a record; a device has none.
 *
 * A stamp belongs to a field, to an element of a set, or to a key of a map; a removed map key keeps its stamp, so that
 * an older edit does not bring it back. An element that was removed from a set needs none: an add always wins.
 * Append types have no stamps, since nothing is ever compared with them.
 */
#ifndef STORE_STAMPS_H
#define STORE_STAMPS_H

#include "common/entry.h"

struct stamp {
        uint64_t position; /* commit that set it */
        enum clock_quality quality;
        int64_t corrected_ms; /* when its author wrote it, by the store's time */
        struct uuid entry;
        bool by_store; /* an import or a consequence; no member of staff wrote it */
};

struct stamp_part {
        uint16_t field; /* number */
        struct bytes
                element; /* CBOR of the set's element or the map's key; empty: the field itself */
        struct stamp stamp;
};

struct stamps {
        struct stamp_part *parts; /* ascending by field, then by the bytes of the element */
        size_t count, capacity;
        struct arena *arena; /* owns parts and elements */
};

/* stamps_init() - no stamps yet; @arena must live as long */
void stamps_init(struct stamps *stamps, struct arena *arena);

/* stamps_find() - borrowed until the next change; NULL: nobody set it since the record was made without it */
const struct stamp *stamps_find(const struct stamps *stamps, uint16_t field, struct bytes element);

/* stamps_set() - insert or replace; @element is copied. 0, or PANNIER_E_MEMORY */
int stamps_set(struct stamps *stamps, uint16_t field, struct bytes element,
               const struct stamp *stamp);

/* stamps_clear() - forget one */
void stamps_clear(struct stamps *stamps, uint16_t field, struct bytes element);

/* stamps_compare() - the order of the rule `latest`: by quality, then corrected time, then entry id: <0, 0, >0 */
int stamps_compare(const struct stamp *a, const struct stamp *b);

/* stamps_encode() - CBOR: [[position, quality + 4 by the store, corrected_ms, entry, [field or [field, element] …]] …] */
void stamps_encode(const struct stamps *stamps, struct buffer *out);

/* stamps_decode() - into stamps that stamps_init() made; empty input: none. 0; PANNIER_E_MALFORMED; PANNIER_E_MEMORY */
int stamps_decode(struct bytes encoded, struct stamps *stamps);

#endif

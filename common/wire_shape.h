/*
 * Between wire.c and wire_read.c only: the tables that are made from the lists of wire_messages.h.
 */
#ifndef COMMON_WIRE_SHAPE_H
#define COMMON_WIRE_SHAPE_H

#include "common/wire.h"

enum element_form {
        FORM_UINT,
        FORM_INT,
        FORM_BOOL,
        FORM_UUID,
        FORM_ID,
        FORM_OCTETS,
        FORM_BYTES,
        FORM_TEXT,
        FORM_BLOB,
        FORM_STRUCT,
        FORM_OPTION,
        FORM_LIST,
        FORM_IDS,
};

struct shape;

struct element {
        enum element_form form;
        const char *name;
        size_t offset;       /* of the member */
        size_t count_offset; /* of its count: lists */
        size_t size; /* bytes of the member, of what it points to, or of one element of a list */
        uint64_t limit;
        const struct shape *(*shape)(void); /* of parts */
};

struct shape {
        const char *name;
        const struct element *elements;
        size_t count; /* all of protocol 1 must be there; later ones will be optional */
};

/* shape_<struct name>() - of each part and message; static */
#define SHAPE_DECLARE(name, fields) const struct shape *shape_##name(void);
WIRE_PARTS(SHAPE_DECLARE)
#undef SHAPE_DECLARE

struct message_kind {
        enum wire_kind kind;
        const char *name;
        const struct shape *(*shape)(void); /* NULL: records */
};

/* all_zero() - octets that stand for "there is none" and travel as null */
static inline bool all_zero(const uint8_t *octets, size_t size)
{
        for (size_t i = 0; i < size; i++) {
                if (octets[i])
                        return false;
        }
        return true;
}

/* wire_find_kind() - NULL where this build does not know the kind */
const struct message_kind *wire_find_kind(uint64_t number);

#endif

/*
 * A record in memory: its type, who wrote it and when, and one value per field of the catalogue.
 *
 * Values borrow: from a decoded message, a database row's copy in an arena, or a caller's JSON. A record
 * never owns memory; whoever filled it says what must stay alive.
 */
#ifndef COMMON_RECORD_H
#define COMMON_RECORD_H

#include "common/catalogue.h"
#include "common/cbor.h"
#include "common/id.h"

enum value_form {
        VALUE_UNSET,   /* the entry does not mention the field; in a record: no value */
        VALUE_NULL,    /* cleared by the entry; in a record the same as VALUE_UNSET */
        VALUE_INTEGER, /* code, int, tenths, date, instant, bool */
        VALUE_BYTES,   /* text, blob */
        VALUE_UUID,    /* ref */
        VALUE_PACKED, /* set: CBOR array, ascending; map: CBOR map; in an edit of either a change, see below */
};

/*
 * A change of a set travels as CBOR map {0: [elements added], 1: [elements removed]}, either key may be missing.
 * A change of a map is a CBOR map key → text or null (removed).
 */
struct value {
        enum value_form form;
        union {
                int64_t integer;
                struct bytes bytes; /* VALUE_BYTES, VALUE_PACKED; borrowed */
                struct uuid uuid;
        };
};

struct record {
        const struct catalogue_type *type;
        struct uuid id;
        struct uuid person; /* UUID_NONE for reference data */
        struct uuid locality;
        struct uuid author;  /* staff, or the device, or the store (docs/protocol.md) */
        struct uuid device;  /* where it was written; UUID_NONE: the store */
        uint16_t role;       /* of the author, option number of staff.role; 0: none */
        int64_t recorded_ms; /* of the creation, as the author's device told the time */
        uint64_t position;   /* commit that changed it last; 0 while only pending */
        struct value values
                [FIELD_COUNT_MAX]; /* by place in type->fields; those past field_count are unset */
        struct bytes
                unknown; /* CBOR map of fields of a newer catalogue, number → value; empty: none */
};

bool value_equal(const struct value *a, const struct value *b); /* unset and null are equal */

/**
 * value_decode() - read one field's value as it travels
 * @field:   descriptor; form, options, ranges and sizes are checked against it
 * @change:  sets and maps come as a change of an edit, not whole
 *
 * An unknown option number is accepted: a newer peer may know it.
 *
 * Return: 0; PANNIER_E_MALFORMED of another form; PANNIER_E_INVALID outside of its hard range, too long, not in
 *         order; the detail names the field and the limit
 */
int value_decode(const struct catalogue_field *field, bool change, struct cbor_reader *reader,
                 struct value *ret);

/* value_encode() - write a value of @field as it travels; unset and null become null */
void value_encode(const struct catalogue_field *field, const struct value *value,
                  struct buffer *out);

/**
 * value_check() - does a value fit its field: form, hard range, size, set order, options known
 * @strict: an unknown option is refused (local input), otherwise accepted (a peer's)
 *
 * Return: 0, or PANNIER_E_INVALID with the field's name and the limit in the detail
 */
int value_check(const struct catalogue_field *field, const struct value *value, bool change,
                bool strict);

/**
 * value_apply_change() - what an edit makes of a standing set or map
 * @standing: the whole value, may be unset
 * @change:   adds and removes, or key → text or null
 * @arena:    owns the new packed bytes
 *
 * Return: 0, PANNIER_E_MALFORMED, PANNIER_E_MEMORY
 */
int value_apply_change(const struct catalogue_field *field, const struct value *standing,
                       const struct value *change, struct arena *arena, struct value *ret);

/* record_meets() - does a catalogue condition hold for the record as it stands? */
bool record_meets(const struct record *record, const struct catalogue_condition *condition);

/* record_feed_class() - the class whose feeds a record is in; CLASS_NEVER: none */
enum catalogue_class record_feed_class(const struct record *record);

/* record_copy() - deep copy of everything a record borrows into @arena */
int record_copy(const struct record *record, struct arena *arena, struct record *ret);

/*
 * How records travel, and what a digest is taken over: a CBOR array in field order. Element k stands for field
 * number k + 1; numbers that were retired are null; trailing nulls are cut. Unknown fields keep their places.
 */
void record_encode_fields(const struct record *record, struct buffer *out);

/**
 * record_decode_fields() - fill record->values and record->unknown; record->type must be set
 * @arena: owns record->unknown where it had to be put together
 *
 * What the store sent is trusted in range but not in form. Values borrow from the reader's input.
 */
int record_decode_fields(struct cbor_reader *reader, struct arena *arena, struct record *record);

/**
 * record_take_in() - fields among the unknown ones that the catalogue has by now get their places
 * @arena: owns what is left of record->unknown
 *
 * One whose value does not fit its field stays where it is, and goes on travelling as it came.
 *
 * Return: 1 there was one, 0 there was none, or PANNIER_E_MEMORY
 */
int record_take_in(struct record *record, struct arena *arena);

#endif

/*
 * Deterministic CBOR (RFC 8949 §4.2.1); no tree is built, nothing is allocated by the reader.
 *
 * The writer makes only the deterministic form. The reader accepts only it: shortest integers and lengths,
 * no indefinite lengths, no floats, no tags, map keys ascending and each once, text in UTF-8 without U+0000.
 * Everything that is read borrows from the input. After an error the reader stands at the item that was refused or
 * behind it; nothing of that input is worth reading further.
 *
 * The order of map keys is checked by cbor_skip() and cbor_read_key(); who reads text keys one by one compares
 * them himself.
 */
#ifndef COMMON_CBOR_H
#define COMMON_CBOR_H

#include "common/bytes.h"
#include "common/id.h"

enum { CBOR_DEPTH_MAX = 8 }; /* arrays and maps within each other */

void cbor_put_uint(struct buffer *out, uint64_t value);
void cbor_put_int(struct buffer *out, int64_t value);
void cbor_put_bytes(struct buffer *out, struct bytes value);
void cbor_put_text(struct buffer *out, struct bytes utf8);
void cbor_put_uuid(struct buffer *out, const struct uuid *id); /* 16 bytes; null for UUID_NONE */
void cbor_put_bool(struct buffer *out, bool value);
void cbor_put_null(struct buffer *out);
void cbor_put_array(struct buffer *out, size_t count); /* the elements follow */
void cbor_put_map(struct buffer *out, size_t count);   /* key, value, … follow, keys ascending */

enum cbor_kind {
        CBOR_UINT,  /* .number >= 0; a value past INT64_MAX is malformed for us */
        CBOR_NINT,  /* .number < 0 */
        CBOR_BYTES, /* .bytes */
        CBOR_TEXT,  /* .bytes, checked UTF-8 */
        CBOR_ARRAY, /* .count elements follow */
        CBOR_MAP,   /* .count pairs follow */
        CBOR_BOOL,  /* .number 0 or 1 */
        CBOR_NULL
};

struct cbor_item { /* only the member of the kind is set */
        enum cbor_kind kind;
        int64_t number;
        uint64_t count;
        struct bytes bytes;
};

struct cbor_reader {
        struct bytes input; /* all of it; borrowed */
        size_t offset;      /* of the next item */
};

void cbor_reader_init(struct cbor_reader *reader, struct bytes input);

/* cbor_at_end() - nothing is left */
bool cbor_at_end(const struct cbor_reader *reader);

/**
 * cbor_next() - read one item head (a leaf, or the head of an array or map)
 *
 * A count or length that cannot fit into what is left of the input is malformed, so that nobody allocates by it.
 *
 * Return: 0, or PANNIER_E_MALFORMED with the offset in the detail
 */
int cbor_next(struct cbor_reader *reader, struct cbor_item *ret);

/* cbor_skip() - pass over one whole item, checking all of it; its bytes are in @ret_raw (may be NULL) */
int cbor_skip(struct cbor_reader *reader, struct bytes *ret_raw);

/* cbor_peek_null() - is the next item null? It is then consumed. */
bool cbor_peek_null(struct cbor_reader *reader);

/* Typed reads: 0, or PANNIER_E_MALFORMED where the next item is of another kind or out of range. */
int cbor_read_uint(struct cbor_reader *reader, uint64_t max, uint64_t *ret);
int cbor_read_int(struct cbor_reader *reader, int64_t *ret);
int cbor_read_bytes(struct cbor_reader *reader, size_t size_max, struct bytes *ret);
int cbor_read_text(struct cbor_reader *reader, size_t size_max, struct bytes *ret);
int cbor_read_uuid(struct cbor_reader *reader, struct uuid *ret);         /* null is refused */
int cbor_read_uuid_or_none(struct cbor_reader *reader, struct uuid *ret); /* null gives UUID_NONE */
int cbor_read_bool(struct cbor_reader *reader, bool *ret);
int cbor_read_array(struct cbor_reader *reader, uint64_t count_max, uint64_t *ret_count);
int cbor_read_map(struct cbor_reader *reader, uint64_t count_max, uint64_t *ret_count);

/**
 * cbor_read_key() - the next key of a map whose keys are unsigned numbers
 * @max:      greatest key that makes sense
 * @previous: the key before, start with -1; it must be smaller, and is set to this one
 */
int cbor_read_key(struct cbor_reader *reader, uint64_t max, int64_t *previous, uint64_t *ret);

#endif

/*
 * What two copies of the same records are compared by: a sum of hashes, two lanes of 64 bits that wrap.
 *
 * A sum does not depend on the order in which records came, and what was added can be taken away again, so both sides keep
 * it up to date with every change and never count anew. The hash is XXH3 with 128 bits: quick, the same on every machine, and no
 * proof against somebody who looks for a collision. Nobody gains by one: the device compares with the store, which it believes anyway.
 */
#ifndef COMMON_DIGEST_H
#define COMMON_DIGEST_H

#include "common/wire.h"

enum { DIGEST_SIZE = 16 }; /* bytes as it travels and is kept */

struct digest { /* of nothing: zero */
        uint64_t low, high;
};

static inline void digest_add(struct digest *sum, const struct digest *digest)
{
        sum->low += digest->low;
        sum->high += digest->high;
}

static inline void digest_subtract(struct digest *sum, const struct digest *digest)
{
        sum->low -= digest->low;
        sum->high -= digest->high;
}

static inline bool digest_equal(const struct digest *a, const struct digest *b)
{
        return a->low == b->low && a->high == b->high;
}

static inline bool digest_is_zero(const struct digest *digest)
{
        return digest->low == 0 && digest->high == 0;
}

/* digest_write(), digest_read() - 16 bytes, the high lane first, big endian. Fewer bytes than that are read as zero. */
void digest_write(const struct digest *digest, uint8_t ret[DIGEST_SIZE]);
struct digest digest_read(struct bytes bytes);

/**
 * digest_counts() - is a record of this type in the digests of feeds?
 *
 * A record about two people is not: whether a device may have it follows from all of its scopes, not from one feed.
 */
bool digest_counts(const struct catalogue_type *type);

/**
 * digest_of_row() - hash of one confirmed record as it travels
 * @class: of the feeds that it is in
 *
 * XXH3-128, seed 0, over: id (16 bytes), class (1), role (2), recorded_ms (8), position (8), person, author, device (16 each; zero:
 * none), fields as record_encode_fields() writes them. Numbers are big endian.
 */
void digest_of_row(enum catalogue_class class, const struct wire_row *row, struct digest *ret);

/**
 * digest_of_packed() - the same where class, role … fields lie behind each other already
 * @rest: everything but the id, in the order and form above
 */
void digest_of_packed(const struct uuid *id, struct bytes rest, struct digest *ret);

/**
 * digest_of_record() - the same of a record
 * @scratch: for its fields; emptied first
 *
 * Return: 0; PANNIER_E_MEMORY
 */
int digest_of_record(const struct record *record, struct buffer *scratch, struct digest *ret);

/**
 * digest_hash() - one hash over the digests of all feeds
 * @vector_hash: wire_vector_hash() of these feeds: which they are, in which order, and where each stands
 *
 * SHA-256 over vector_hash and the 16 bytes of each digest, in the order of the vector.
 */
int digest_hash(const uint8_t vector_hash[HASH_SIZE], const struct digest *digests, size_t count,
                uint8_t ret[HASH_SIZE]);

#endif

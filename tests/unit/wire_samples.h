/*
 * One message of each kind, with every element filled: for round trips, for truncation, and for the test vectors that readers in
 * other languages can check themselves by (tests/vectors).
 */
#ifndef TESTS_UNIT_WIRE_SAMPLES_H
#define TESTS_UNIT_WIRE_SAMPLES_H

#include "common/wire.h"

struct wire_sample {
        const char *name; /* of its file, and with '-' of its rule in schema/wire.cddl */
        void (*put)(struct buffer *out);
};

extern const struct wire_sample wire_samples[]; /* messages */
extern const size_t wire_sample_count;
extern const struct wire_sample part_samples[]; /* header, body, what is signed */
extern const size_t part_sample_count;

/* sample_id() - an id of version 7 that follows from @number, made @number ms after 2026-11-21T12:00:00Z */
struct uuid sample_id(unsigned int number);

void sample_header(struct entry_header *ret);
/* sample_body() - an edit with a value of each form; the changes are static */
void sample_body(struct entry_body *ret);
/* sample_record() - of an own type with a field of each kind */
void sample_record(struct record *ret);
extern const struct catalogue_type sample_type;

#endif

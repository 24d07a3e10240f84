/*
 * UUIDs (RFC 9562). Records, entries, people, devices, localities and incarnations are named by one.
 *
 * New ids are version 7: the first 48 bits are the milliseconds since 1970, so that ids that were made
 * together lie together in every index. Nothing decides anything by the time in an id.
 */
#ifndef COMMON_ID_H
#define COMMON_ID_H

#include "common/bytes.h"

struct uuid {
        uint8_t bytes[16];
};

enum { UUID_TEXT_SIZE = 37 }; /* 36 characters and NUL */

#define UUID_NONE ((struct uuid){{0}}) /* all zero: "no id" in structs; never a valid id */

bool uuid_equal(const struct uuid *a, const struct uuid *b);
int uuid_compare(const struct uuid *a, const struct uuid *b); /* byte order: <0, 0, >0 */
bool uuid_is_none(const struct uuid *id);

/**
 * uuid_v7() - a new id
 * @now_ms: milliseconds since 1970, UTC
 * @random: 10 random bytes
 */
struct uuid uuid_v7(int64_t now_ms, const uint8_t random[10]);

/**
 * uuid_derived() - the id that follows from two others: the same on every machine and after a restore
 * @name:  what the id is for, such as "conflict"
 * @id:    the id it follows from
 * @extra: further bytes, may be empty
 *
 * Version 8: the first 16 bytes of SHA-256("pannier:" name NUL id extra) with version and variant set.
 */
struct uuid uuid_derived(const char *name, const struct uuid *id, struct bytes extra);

/* uuid_format() - 8-4-4-4-12 in lower case */
void uuid_format(const struct uuid *id, char ret[UUID_TEXT_SIZE]);

/**
 * uuid_parse() - read the 36 characters of an id, either case, no braces, not all zero
 *
 * Return: 0, or PANNIER_E_INVALID
 */
int uuid_parse(struct bytes text, struct uuid *ret);

#endif

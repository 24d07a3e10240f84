/* A store's database for tests: one locality, people in scopes, records with one text. No judge, no network. */
#ifndef TESTS_UNIT_STORE_SUPPORT_H
#define TESTS_UNIT_STORE_SUPPORT_H

#include "store/membership.h"
#include "store/storage.h"

enum { TEST_NOW_MS = 1750000000 }; /* times a thousand: June 2025 */

struct store_test {
        struct storage *writer, *reader;
        struct uuid locality, epoch_id;
        struct device_row device;
};

/* store_test_open() - a new database file at @path, its locality, and one active device that may hold clinical records */
void store_test_open(struct store_test *test, const char *path);
void store_test_close(struct store_test *test);

/* test_id() - the @number-th id of a kind: always the same, ordered by kind and number */
struct uuid test_id(uint8_t kind, uint32_t number);

void store_begin(struct store_test *test);
void store_commit(struct store_test *test);

/* store_put() - write a record of a type and publish it; its first text field gets @text. Inside store_begin(). */
void store_put(struct store_test *test, const char *type, const struct uuid *id,
               const struct uuid *person, const char *text);

/* store_scopes() - from now on @source puts @person into these teams */
void store_teams(struct store_test *test, const struct uuid *person, const struct uuid *source,
                 const struct uuid *teams, size_t count);

/* A pseudo-random sequence that is the same on every machine (xorshift64*). */
uint64_t test_random(uint64_t *state, uint64_t below);

#endif

/*
 * The store's engine and devices' engines in one process, without network: an exchange is a function call.
 *
 * Both sides run on SQLCipher here (one process never holds both libraries); the store's file has no key. What
 * is tested with it is what the two engines make of each other; TLS, HTTP and processes are tested in tests/e2e.
 */
#ifndef TESTS_ENGINES_PAIR_H
#define TESTS_ENGINES_PAIR_H

#include "daemon/engine.h"
#include "store/exchange.h"
#include "tests/unit/unit.h"

enum { PAIR_DEVICES_MAX = 8 };

struct pair_device {
        struct device_row row;
        struct private_key *key;
        struct engine *engine;
        uint8_t caseload_key[48];
        size_t bytes_sent, bytes_received, round_trips; /* of the newest pair_sync() */
};

struct pair {
        void *folder; /* state of unit_folder_make() */
        struct storage *storage, *reading;
        struct exchange_settings settings;
        struct exchange *writer, *reader;
        struct private_key *signing_key;
        struct buffer ca_der, signing_der;
        struct uuid locality;
        struct pair_device devices[PAIR_DEVICES_MAX];
        size_t device_count;
        struct engine_now now;
};

/* pair_make() - a store with a small sample locality, as cmocka's setup; pair_remove() - its teardown */
int pair_make(void **state);
int pair_remove(void **state);

/* pair_device_add() - an enrolled device with these scopes; its engine is open */
struct pair_device *pair_device_add(struct pair *pair, const struct scope *scopes, size_t count);

/* pair_reopen() - close the device's engine and open it again, as after a crash of the program */
void pair_reopen(struct pair *pair, struct pair_device *device);

/* pair_find() - id of the record of @type whose text field has @text; fails the test where there is none */
struct uuid pair_find(struct pair *pair, const char *type, const char *field, const char *text);

/* pair_exchange() - one round trip; returns enum exchange_next after all steps; fails the test on any error */
int pair_exchange(struct pair *pair, struct pair_device *device);

/* pair_sync() - exchange until both sides have nothing more, at most @limit round trips */
void pair_sync(struct pair *pair, struct pair_device *device, size_t limit);

/* pair_load() - load a table into the store */
void pair_load(struct pair *pair, const char *type, const char *csv);

#endif

/*
 * A recorded exchange of an earlier Pannier (record_exchanges.py) is played again with today's engines: the store takes the
 * recorded requests and comes to the same outcomes and records; the device understands the recorded answers.
 *
 * The databases are those of then, so what has to be migrated is migrated here, too. Time is that of then; nothing is random that counts.
 */
#include "tests/unit/unit.h"

#include "common/compress.h"
#include "common/crypto.h"
#include "common/error.h"
#include "common/file.h"
#include "common/wire.h"
#include "daemon/engine.h"
#include "store/exchange.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WRITTEN = 5 }; /* entries at least that record_exchanges.py has the tablet write */
enum { FILE_MAX = 64 << 20, LINE_MAX_SIZE = 256, CASELOAD_SIZE = 48 };

static const char *recording; /* folder */

struct then { /* what is known of the recording */
        json_t *about;
        struct uuid device;
        int64_t now_ms;
        size_t rounds;
        struct buffer ca, signing;
        struct private_key *signing_key, *device_key;
};

static void read_file(const char *name, struct buffer *out)
{
        char path[512];

        (void)snprintf(path, sizeof(path), "%s/%s", recording, name);
        assert_int_equal(file_read(path, FILE_MAX, out), 0);
}

static void read_certificate(const char *name, struct buffer *out)
{
        CLEANUP(buffer_deinit) struct buffer pem = BUFFER_INIT;

        read_file(name, &pem);
        assert_int_equal(crypto_pem_decode(buffer_view(&pem), "CERTIFICATE", out), 0);
}

static struct private_key *read_key(const char *name)
{
        CLEANUP(buffer_deinit) struct buffer pem = BUFFER_INIT;
        struct private_key *key;

        read_file(name, &pem);
        assert_int_equal(private_key_from_pem(buffer_view(&pem), &key), 0);
        return key;
}

/* The database of then, at @path. */
static void unpack(const char *name, const char *path)
{
        CLEANUP(compressor_freep) struct compressor *compressor = NULL;
        CLEANUP(buffer_deinit) struct buffer packed = BUFFER_INIT;
        CLEANUP(buffer_deinit) struct buffer clear = BUFFER_INIT;

        read_file(name, &packed);
        assert_int_equal(compressor_new(&compressor), 0);
        assert_int_equal(decompress_message(compressor, buffer_view(&packed), FILE_MAX, &clear), 0);
        assert_int_equal(file_write(path, buffer_view(&clear), 0600), 0);
}

static struct then then_open(void)
{
        CLEANUP(buffer_deinit) struct buffer text = BUFFER_INIT;
        struct then then = {0};

        read_file("about.json", &text);
        then.about = json_loadb((const char *)text.data, text.size, 0, NULL);
        assert_non_null(then.about);
        assert_int_equal(
                uuid_parse(bytes_text(json_string_value(json_object_get(then.about, "device"))),
                           &then.device),
                0);
        then.now_ms = json_integer_value(json_object_get(then.about, "now_ms"));
        then.rounds = (size_t)json_integer_value(json_object_get(then.about, "rounds"));
        assert_true(then.rounds > 0);
        read_certificate("ca.pem", &then.ca);
        read_certificate("store_signing.pem", &then.signing);
        then.signing_key = read_key("store_signing.key");
        then.device_key = read_key("device.key");
        return then;
}

static void then_close(struct then *then)
{
        json_decref(then->about);
        buffer_deinit(&then->ca);
        buffer_deinit(&then->signing);
        (void)private_key_free(then->signing_key);
        (void)private_key_free(then->device_key);
}

static void read_round(size_t round, const char *kind, struct buffer *out)
{
        char name[64];

        (void)snprintf(name, sizeof(name), "%zu.%s", round, kind);
        buffer_reset(out);
        read_file(name, out);
}

/* ---- what an answer says, as lines that can be compared ---- */

struct lines {
        char (*items)[LINE_MAX_SIZE];
        size_t count;
};

static char *add_line(struct lines *lines)
{
        lines->items = realloc(lines->items, (lines->count + 1) * sizeof(*lines->items));
        assert_non_null(lines->items);
        return lines->items[lines->count++];
}

static void tell_receipts(struct lines *lines, const struct wire_receipts *message)
{
        for (size_t i = 0; i < message->receipts_count; i++) {
                const struct wire_receipt *receipt = &message->receipts[i];
                char id[UUID_TEXT_SIZE];
                size_t size;
                char *line = add_line(lines);

                uuid_format(&receipt->entry, id);
                size = (size_t)snprintf(line, LINE_MAX_SIZE,
                                        "receipt %s outcome %d reason %d at %llu", id,
                                        (int)receipt->outcome, (int)receipt->reason,
                                        (unsigned long long)receipt->position);
                for (size_t k = 0; k < receipt->effects_count && size < LINE_MAX_SIZE; k++)
                        size += (size_t)snprintf(line + size, LINE_MAX_SIZE - size, " %u:%d",
                                                 receipt->effects[k].field,
                                                 (int)receipt->effects[k].effect);
        }
}

static void tell_records(struct lines *lines, struct wire_records *message)
{
        struct wire_row row;

        while (wire_records_next(message, &row) > 0) {
                char id[UUID_TEXT_SIZE];

                uuid_format(&row.id, id);
                (void)snprintf(add_line(lines), LINE_MAX_SIZE, "record %s type %u at %llu", id,
                               message->type, (unsigned long long)row.position);
        }
}

static void tell_answer(struct lines *lines, struct bytes body)
{
        CLEANUP(compressor_freep) struct compressor *compressor = NULL;
        CLEANUP(buffer_deinit) struct buffer clear = BUFFER_INIT;
        CLEANUP(arena_deinit) struct arena arena = ARENA_INIT;
        struct wire_reader reader;
        struct wire_message message;
        int r;

        assert_int_equal(compressor_new(&compressor), 0);
        assert_int_equal(decompress_message(compressor, body, WIRE_ANSWER_MAX, &clear), 0);
        wire_reader_init(&reader, buffer_view(&clear), &arena);
        while ((r = wire_next(&reader, &message)) > 0) {
                if (message.kind == WIRE_KIND_RECEIPTS)
                        tell_receipts(lines, &message.receipts);
                else if (message.kind == WIRE_KIND_RECORDS)
                        tell_records(lines, &message.records);
        }
        assert_int_equal(r, 0);
}

static int compare_lines(const void *a, const void *b)
{
        return strcmp(a, b);
}

static void assert_same_lines(struct lines *have, struct lines *want)
{
        qsort(have->items, have->count, sizeof(*have->items), compare_lines);
        qsort(want->items, want->count, sizeof(*want->items), compare_lines);
        for (size_t i = 0; i < have->count && i < want->count; i++)
                assert_string_equal(have->items[i], want->items[i]);
        assert_int_equal(have->count, want->count);
        assert_true(want->count > 0);
        free(have->items);
        free(want->items);
}

/* ---- the store ---- */

struct store_now {
        struct storage *writing, *reading;
        struct exchange *writer, *reader;
        struct exchange_settings settings;
        struct device_row device;
};

static struct store_now *store_open(const struct then *then, const char *path)
{
        struct store_now *store = calloc(1, sizeof(*store));

        assert_non_null(store);
        store->settings = (struct exchange_settings){
                .signing_key = then->signing_key,
                .trust = {.version = 1,
                          .ca = buffer_view(&then->ca),
                          .signing = buffer_view(&then->signing)},
                .policy = {.version = 1},
                .environment = NHS_ENVIRONMENT_TEST,
        };
        assert_int_equal(storage_sqlite_open(path, false, &store->writing), 0);
        assert_int_equal(storage_sqlite_open(path, true, &store->reading), 0);
        assert_int_equal(exchange_new(store->writing, &store->settings, &store->writer), 0);
        assert_int_equal(exchange_new(store->reading, &store->settings, &store->reader), 0);
        assert_int_equal(
                store->reading->ops->device_get(store->reading, &then->device, &store->device), 1);
        return store;
}

static void store_close(struct store_now *store)
{
        (void)exchange_free(store->reader);
        (void)exchange_free(store->writer);
        (void)storage_free(store->reading);
        (void)storage_free(store->writing);
        free(store);
}

/* What the store answers to one recorded request. false: the request shows a head of a history that this store does not have */
static bool store_answers(struct store_now *store, struct bytes body, int64_t now_ms,
                          struct lines *ret)
{
        CLEANUP(exchange_request_freep) struct exchange_request *request = NULL;
        CLEANUP(exchange_answer_deinit) struct exchange_answer answer = {0};
        const struct exchange_answer *answers[] = {&answer};
        bool same = true;
        int r;

        assert_int_equal(exchange_read(store->reader, body, &store->device, now_ms, &request), 0);
        if (exchange_has_work(request)) {
                assert_int_equal(exchange_commit(store->writer, &request, 1, now_ms), 0);
                assert_int_equal(exchange_error(request), 0);
        }
        r = exchange_answer(store->reader, request, now_ms, &answer);
        if (r == EXCHANGE_COMMIT_FIRST) {
                same = false;
                assert_int_equal(exchange_commit(store->writer, &request, 1, now_ms), 0);
                r = exchange_answer(store->reader, request, now_ms, &answer);
        }
        assert_int_equal(r, 0);
        if (answer.commit_first)
                assert_int_equal(exchange_custody(store->writer, answers, 1, now_ms), 0);
        tell_answer(ret, buffer_view(&answer.body));
        return same;
}

static size_t count_receipts(const struct lines *lines)
{
        size_t count = 0;

        for (size_t i = 0; i < lines->count; i++)
                count += strncmp(lines->items[i], "receipt ", 8) == 0;
        return count;
}

/*
 * A request behind the one with the entries shows the head of the log as it was then. The log's hashes cover the times of
 * receipt, so to this store it is a head of a history that it lost: it is answered, but what is in it is not compared.
 */
static void the_store_comes_to_the_recorded_outcomes_and_records(void **state)
{
        const char *path = unit_path(state, "store.db");
        CLEANUP(buffer_deinit) struct buffer body = BUFFER_INIT;
        struct then then = then_open();
        struct lines have = {0}, want = {0}, rest = {0};
        struct store_now *store;
        bool same = true;

        unpack("store.db.zst", path);
        store = store_open(&then, path);
        for (size_t round = 1; round <= then.rounds; round++) {
                read_round(round, "request", &body);
                same = same && count_receipts(&have) == 0;
                (void)store_answers(store, buffer_view(&body), then.now_ms, same ? &have : &rest);
                read_round(round, "answer", &body);
                if (same)
                        tell_answer(&want, buffer_view(&body));
        }
        assert_true(count_receipts(&have) >= WRITTEN);
        assert_same_lines(&have, &want);
        free(rest.items);
        store_close(store);
        then_close(&then);
}

/* A device that never heard of the answer asks again, with the same bytes: the outcomes are those of the first time. */
static void a_recorded_request_that_is_repeated_changes_nothing(void **state)
{
        const char *path = unit_path(state, "store.db");
        CLEANUP(buffer_deinit) struct buffer body = BUFFER_INIT;
        struct then then = then_open();
        struct lines first = {0}, second = {0};
        struct store_now *store;
        size_t round = 0;

        unpack("store.db.zst", path);
        store = store_open(&then, path);
        while (count_receipts(&first) == 0 &&
               round < then.rounds) { /* up to the one with the entries */
                read_round(++round, "request", &body);
                first.count = 0;
                assert_true(store_answers(store, buffer_view(&body), then.now_ms, &first));
        }
        assert_true(store_answers(store, buffer_view(&body), then.now_ms, &second));
        assert_int_equal(count_receipts(&second), count_receipts(&first));
        assert_same_lines(&first, &second);
        store_close(store);
        then_close(&then);
}

/* ---- the device ---- */

static struct engine *device_open(const struct then *then, void *const *state,
                                  const struct engine_now *now)
{
        CLEANUP(buffer_deinit) struct buffer caseload = BUFFER_INIT;
        struct db *outbox = NULL, *replica = NULL;
        struct engine *engine;
        struct engine_options options = {
                .key = then->device_key,
                .device = then->device,
                .ca_certificate = buffer_view(&then->ca),
                .environment = NHS_ENVIRONMENT_TEST,
                .random = crypto_random,
        };

        read_file("caseload.key", &caseload);
        assert_int_equal(caseload.size, CASELOAD_SIZE);
        unpack("outbox.db.zst", unit_path(state, "outbox.db"));
        assert_int_equal(engine_open_databases(unit_path(state, "outbox.db"),
                                               unit_path(state, "replica.db"),
                                               buffer_view(&caseload), false, &outbox, &replica),
                         0);
        options.caseload_key = BYTES(caseload.data, AEAD_KEY_SIZE);
        options.outbox_db = outbox;
        options.replica_db = replica;
        assert_int_equal(engine_new(&options, now, &engine), 0);
        return engine;
}

static int take_state(void *context, const struct engine_outbox_entry *entry)
{
        *(enum entry_outcome *)context = entry->state;
        return 0;
}

static void assert_entries(const struct then *then, struct engine *engine,
                           const struct engine_now *now)
{
        static const char *const names[] = {"waiting", "applied",     "merged", "held",
                                            "late",    "quarantined", "parked"};
        const char *id;
        json_t *wanted;

        json_object_foreach(json_object_get(then->about, "entries"), id, wanted)
        {
                enum entry_outcome outcome = OUTCOME_NONE;
                struct uuid entry;

                assert_int_equal(uuid_parse(bytes_text(id), &entry), 0);
                assert_int_equal(
                        engine_outbox_entry(engine, NULL, now, &entry, take_state, &outcome), 0);
                assert_true((size_t)outcome < COUNT(names));
                assert_string_equal(names[outcome], json_string_value(wanted));
        }
}

static void the_device_understands_the_recorded_answers(void **state)
{
        CLEANUP(buffer_deinit) struct buffer request = BUFFER_INIT;
        CLEANUP(buffer_deinit) struct buffer body = BUFFER_INIT;
        struct then then = then_open();
        struct engine_now now = {
                .wall_ms = then.now_ms, .boot_ms = 1000, .boot_id = 1, .quality = CLOCK_FREE};
        struct engine *engine = device_open(&then, state, &now);
        struct engine_status status;
        int r = EXCHANGE_AGAIN;

        for (size_t round = 1; round <= then.rounds; round++) {
                assert_true(r == EXCHANGE_AGAIN || r == EXCHANGE_DONE);
                assert_int_equal(engine_exchange_request(engine, &now, &request), 0);
                read_round(round, "answer", &body);
                r = engine_exchange_answer(engine, &now, buffer_view(&body));
                while (r == EXCHANGE_STEP)
                        r = engine_exchange_step(engine, &now);
        }
        assert_int_equal(r, EXCHANGE_DONE);
        assert_int_equal(engine_status(engine, &now, &status), 0);
        assert_true(status.complete);
        assert_false(status.upgrade_needed);
        assert_int_equal(status.failure, EXCHANGE_OK);
        assert_int_equal(status.people, json_integer_value(json_object_get(then.about, "people")));
        assert_entries(&then, engine, &now);
        (void)engine_free(engine);
        then_close(&then);
}

#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, unit_folder_make, unit_folder_remove)

int main(int argc, char **argv)
{
        const struct CMUnitTest tests[] = {
                IN_FOLDER(the_store_comes_to_the_recorded_outcomes_and_records),
                IN_FOLDER(a_recorded_request_that_is_repeated_changes_nothing),
                IN_FOLDER(the_device_understands_the_recorded_answers),
        };

        if (argc != 2) {
                (void)fprintf(stderr, "usage: test_replay RECORDING\n");
                return 64;
        }
        recording = argv[1];
        return cmocka_run_group_tests(tests, NULL, NULL);
}

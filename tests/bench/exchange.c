/*
 * The store's share of an exchange, without network, TLS and device: how long each step takes for workload W and for a
 * queue of 1,000 entries. For work on the store's speed; tests/bench/run measures the whole.
 *
 *     bench_exchange FOLDER [FIRST_SYNCS [PUSHES [PEOPLE]]]     makes its database there
 */
#include "store/load.h"
#include "store/sample.h"
#include "tests/unit/exchange_support.h"
#include "tests/unit/unit.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { PUSH = 1000, ROUNDS = 5 };

static const int64_t now_ms = (int64_t)TEST_NOW_MS * 1000;

static struct store_test test;
static struct store_side side;
static struct tablet tablet;
static struct uuid people[PUSH];
static size_t people_count;

/* Processor time: other work on the machine does not count. Nor do flushes, which tests/bench/run measures. */
static int64_t now_us(void)
{
        struct timespec t;

        (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
        return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static void fixed_random(void *data, size_t size)
{
        static uint64_t state = 77;

        for (size_t i = 0; i < size; i++)
                ((uint8_t *)data)[i] = (uint8_t)test_random(&state, 256);
}

static void load_sample(const char *folder, uint32_t people_wanted)
{
        const struct sample_options sample = {.seed = 5,
                                              .people = people_wanted,
                                              .visits = 10,
                                              .observations = 40,
                                              .now_ms = now_ms,
                                              .folder = folder};
        int64_t begun_us = now_us();
        uint64_t rows = 0;

        assert_int_equal(sample_write(&sample), 0);
        for (size_t i = 0; i < SAMPLE_FILE_COUNT; i++) {
                char path[4096];
                struct load_report report;
                struct load_options options = {
                        .type = load_type(bytes_text(sample_files()[i].type)),
                        .path = path,
                        .now_ms = now_ms,
                        .random = fixed_random,
                };

                (void)snprintf(path, sizeof(path), "%s/%s", folder, sample_files()[i].name);
                assert_int_equal(load_table(test.writer, &options, &report), 0);
                rows += report.rows;
        }
        (void)printf("load        %6" PRIu64 " rows     %8.1f us each\n", rows,
                     (double)(now_us() - begun_us) / (double)rows);
}

static int take_locality(void *context, const struct uuid *id)
{
        (void)context;
        if (!uuid_equal(id, &test.locality))
                tablet.row.locality = *id;
        return 0;
}

static int grant(void *context, const struct record *record, struct bytes stamps)
{
        const struct scope scope = {SCOPE_TEAM, record->id};

        (void)context;
        (void)stamps;
        assert_int_equal(test.writer->ops->grant_put(test.writer, &tablet.row.id, &scope), 0);
        return 0;
}

static int take_person(void *context, const struct record *record, struct bytes stamps)
{
        (void)context;
        (void)stamps;
        people[people_count++] = record->id;
        return people_count == PUSH;
}

static int take_nurse(void *context, const struct record *record, struct bytes stamps)
{
        struct record *ret = context;
        int16_t role = catalogue_bind()->staff.role;

        (void)stamps;
        if (record->values[role].integer != side.role)
                return 0;
        ret->id = record->id;
        return 1;
}

static void append_observations(uint32_t number, const struct uuid *author)
{
        const struct catalogue_type *type = catalogue_type_by_name(bytes_text("observations"));
        static const struct {
                const char *name;
                int64_t value;
        } values[] = {
                {"happened", 1750000000000},
                {"taken", 1750000000000},
                {"respiration", 17},
                {"spo2", 96},
                {"oxygen", 1},
                {"spo2_scale", 1},
                {"systolic", 128},
                {"diastolic", 76},
                {"pulse", 72},
                {"consciousness", 1},
                {"temperature", 368},
                {"news2", 0},
                {"news2_single", 0},
        };
        CLEANUP(buffer_deinit) struct buffer clear = BUFFER_INIT;
        CLEANUP(buffer_deinit) struct buffer packed = BUFFER_INIT;
        const struct uuid id = test_id(50, number);
        const struct entry_header header = {
                .device = tablet.row.id,
                .incarnation = tablet.incarnation,
                .lane = LANE_ROUTINE,
                .seq = tablet.lanes[LANE_ROUTINE].count + 1,
                .id = id,
                .locality = tablet.row.locality,
        };
        struct entry_change changes[COUNT(values)];
        const struct entry_body body = {
                .type = type->number,
                .record = id,
                .person = people[number % people_count],
                .operation = ENTRY_CREATE,
                .base_locality = tablet.row.locality,
                .base = {tablet.head.epoch, tablet.head.position},
                .author = *author,
                .role = side.role,
                .recorded_ms = now_ms - 1000 + number,
                .quality = CLOCK_SYNCHRONISED,
                .catalogue_version = catalogue_get()->version,
                .changes = changes,
                .change_count = COUNT(changes),
        };

        for (size_t i = 0; i < COUNT(values); i++) {
                int index = catalogue_field_index_by_name(type, bytes_text(values[i].name));

                assert_true(index >= 0);
                changes[i] = (struct entry_change){
                        .number = type->fields[index].number,
                        .value = {.form = VALUE_INTEGER, .integer = values[i].value}};
        }
        changes[2].value.integer += number % 3;
        entry_body_encode(&body, &header, &clear);
        assert_int_equal(body_pack(side.codec, buffer_view(&clear), &packed), 0);
        tablet_append(&tablet, LANE_ROUTINE, &id, &tablet.row.locality, buffer_view(&packed));
}

/* ---- what is measured ---- */

struct times {
        int64_t read, commit, answer, custody;
        size_t rows, bytes, exchanges;
        uint64_t applied;
};

static bool exchange_once(struct draft_request *request, struct times *times)
{
        CLEANUP(exchange_request_freep) struct exchange_request *read = NULL;
        CLEANUP(exchange_answer_deinit) struct exchange_answer answer = {0};
        CLEANUP(buffer_deinit) struct buffer body = BUFFER_INIT;
        CLEANUP(buffer_deinit) struct buffer clear = BUFFER_INIT;
        CLEANUP(arena_deinit) struct arena arena = ARENA_INIT;
        const struct exchange_answer *answers[] = {&answer};
        struct wire_reader reader;
        struct wire_message message;
        int64_t us[5];

        request_pack(request, &side, &body);
        us[0] = now_us();
        assert_int_equal(exchange_read(side.reader, buffer_view(&body), &tablet.row, now_ms, &read),
                         0);
        us[1] = now_us();
        if (exchange_has_work(read))
                assert_int_equal(exchange_commit(side.writer, &read, 1, now_ms), 0);
        us[2] = now_us();
        assert_int_equal(exchange_answer(side.reader, read, now_ms, &answer), 0);
        us[3] = now_us();
        if (answer.commit_first)
                assert_int_equal(exchange_custody(side.writer, answers, 1, now_ms), 0);
        us[4] = now_us();
        times->read += us[1] - us[0];
        times->commit += us[2] - us[1];
        times->answer += us[3] - us[2];
        times->custody += us[4] - us[3];
        times->rows += answer.row_count;
        times->bytes += answer.body.size;
        times->exchanges++;
        assert_int_equal(decompress_message(side.compressor, buffer_view(&answer.body),
                                            WIRE_ANSWER_MAX, &clear),
                         0);
        wire_reader_init(&reader, buffer_view(&clear), &arena);
        while (wire_next(&reader, &message) > 0) {
                if (message.kind == WIRE_KIND_STORE_HELLO) {
                        const struct wire_store_hello *hello = &message.store_hello;

                        tablet.head = hello->localities[0].head;
                        for (size_t i = 0; hello->grants_listed && i < hello->grants_count; i++)
                                for (int class = 1; class <= (int)hello->grants[i].ceiling;
                                     class ++)
                                        tablet.feeds[tablet.feed_count++] =
                                                (struct wire_feed_state){
                                                        .key = {hello->grants[i].locality,
                                                                hello->grants[i].kind,
                                                                hello->grants[i].id,
                                                                (enum catalogue_class) class}};
                        memcpy(tablet.grants_hash, hello->grants_hash, HASH_SIZE);
                } else if (message.kind == WIRE_KIND_FEED) {
                        for (size_t i = 0; i < tablet.feed_count; i++)
                                if (wire_feed_key_compare(&tablet.feeds[i].key,
                                                          &message.feed.key) == 0)
                                        tablet.feeds[i].cursor = message.feed.cursor;
                } else if (message.kind == WIRE_KIND_RECEIPTS) {
                        for (size_t i = 0; i < message.receipts.receipts_count; i++)
                                times->applied +=
                                        message.receipts.receipts[i].outcome == OUTCOME_APPLIED;
                }
        }
        return answer.more;
}

static void print_times(const char *what, const struct times *times, size_t count)
{
        double each = (double)count;

        (void)printf("%-11s %6zu %s  read %6.2f  commit %6.2f  answer %6.2f  custody %6.2f us each;"
                     " %zu exchanges, %zu bytes\n",
                     what, count, times->rows == count ? "rows   " : "entries",
                     (double)times->read / each, (double)times->commit / each,
                     (double)times->answer / each, (double)times->custody / each, times->exchanges,
                     times->bytes);
}

static void first_sync(void)
{
        struct times times = {0};
        struct draft_request request;
        bool more;

        tablet.feed_count = 0;
        memset(tablet.grants_hash, 0, HASH_SIZE);
        do {
                request_begin(&request, &tablet, times.exchanges > 0);
                more = exchange_once(&request, &times);
        } while (more);
        print_times("first sync", &times, times.rows);
}

/* An outbox that begins anew, under another incarnation. */
static void empty_outbox(uint32_t round)
{
        struct tablet_lane *lane = &tablet.lanes[LANE_ROUTINE];

        for (size_t i = 0; i < lane->count; i++) {
                buffer_deinit(&lane->entries[i].header);
                buffer_deinit(&lane->entries[i].body);
        }
        lane->count = 0;
        tablet.incarnation = test_id(21, 1000 + round);
}

static void push(uint32_t round, const struct uuid *author)
{
        struct times times = {0};
        struct draft_request request;
        uint64_t first;

        empty_outbox(round);
        first = 1;
        for (uint32_t i = 0; i < PUSH; i++)
                append_observations(round * PUSH + i, author);
        request_begin(&request, &tablet, false);
        request_run(&request, &tablet, LANE_ROUTINE, first, first + PUSH - 1);
        (void)exchange_once(&request, &times);
        assert_int_equal(times.applied, PUSH);
        print_times("push", &times, PUSH);
}

static void no_news(void)
{
        struct times times = {0};

        first_sync();
        times = (struct times){0};
        for (int i = 0; i < 200; i++) {
                struct draft_request request;

                request_begin(&request, &tablet, false);
                assert_false(exchange_once(&request, &times));
        }
        (void)printf("no news     %zu feeds  read %.1f  answer %.1f us; %zu bytes\n",
                     tablet.feed_count, (double)times.read / 200, (double)times.answer / 200,
                     times.bytes / 200);
}

int main(int argc, char **argv)
{
        struct record nurse = {0};
        char path[4096];

        int rounds = argc > 2 ? (int)strtol(argv[2], NULL, 10) : ROUNDS;

        int pushes = argc > 3 ? (int)strtol(argv[3], NULL, 10) : ROUNDS;

        if (argc < 2)
                return 64;
        (void)snprintf(path, sizeof(path), "%s/store.db", argv[1]);
        (void)unlink(path);
        store_test_open(&test, path);
        store_side_open(&side, &test);
        tablet_open(&tablet, &side, 1);
        load_sample(argv[1], argc > 4 ? (uint32_t)strtoul(argv[4], NULL, 10) : 500);
        (void)test.reader->ops->localities(test.reader, take_locality, NULL);
        assert_int_equal(test.writer->ops->device_put(test.writer, &tablet.row), 0);
        (void)test.reader->ops->record_each(test.reader, catalogue_team_type(), NULL, NULL, grant,
                                            NULL);
        (void)test.reader->ops->record_each(test.reader, catalogue_person_type(), NULL, NULL,
                                            take_person, NULL);
        (void)test.reader->ops->record_each(test.reader, catalogue_staff_type(), NULL, NULL,
                                            take_nurse, &nurse);
        for (int i = 0; i < rounds; i++)
                first_sync();
        no_news();
        for (uint32_t i = 0; i < (uint32_t)pushes; i++)
                push(i, &nurse.id);
        tablet_close(&tablet);
        store_side_close(&side);
        store_test_close(&test);
        return 0;
}

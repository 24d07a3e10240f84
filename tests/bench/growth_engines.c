/*
 * Instructions of one exchange of both engines against the number of people on the device: growth_engines PEOPLE FOLDER, under
 * callgrind. What is counted is switched on by the program itself, separately for device and store; each count is a dump that
 * says whose it is. No network, no TLS, no HTTP. tests/bench/growth runs it and makes the table.
 */
#include "tests/unit/engine_bed.h"
#include "tests/unit/unit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <valgrind/callgrind.h>

enum { CHANGES = 10, ROUNDS = 10, WARM_UP = 3 };

static void end_count(const char *what, const char *side)
{
        char name[64];

        CALLGRIND_TOGGLE_COLLECT;
        (void)snprintf(name, sizeof(name), "%s %s", what, side);
        CALLGRIND_DUMP_STATS_AT(name);
}

/* One round trip; @what NULL: it is not counted. Return: enum exchange_next */
static int round_trip(const char *what)
{
        CLEANUP(exchange_request_freep) struct exchange_request *request = NULL;
        CLEANUP(exchange_answer_deinit) struct exchange_answer answer = {0};
        const struct exchange_answer *answers[] = {&answer};
        struct engine_now now = station_now(&tablet);
        int r;

        if (what)
                CALLGRIND_TOGGLE_COLLECT;
        assert_int_equal(engine_exchange_request(tablet.engine, &now, &tablet.request), 0);
        if (what) {
                end_count(what, "device");
                CALLGRIND_TOGGLE_COLLECT;
        }
        rig.now_ms += 50;
        tablet.boot_ms += 50;
        assert_int_equal(exchange_read(rig.reader, buffer_view(&tablet.request), &tablet.row,
                                       rig.now_ms, &request),
                         0);
        if (exchange_has_work(request))
                assert_int_equal(exchange_commit(rig.writer, &request, 1, rig.now_ms), 0);
        assert_int_equal(exchange_answer(rig.reader, request, rig.now_ms, &answer), 0);
        if (answer.commit_first)
                assert_int_equal(exchange_custody(rig.writer, answers, 1, rig.now_ms), 0);
        if (what) {
                end_count(what, "store");
                CALLGRIND_TOGGLE_COLLECT;
        }
        now = station_now(&tablet);
        r = engine_exchange_answer(tablet.engine, &now, buffer_view(&answer.body));
        while (r == EXCHANGE_STEP)
                r = engine_exchange_step(tablet.engine, &now);
        if (what)
                end_count(what, "device");
        return r;
}

static void exchange(const char *what)
{
        int r;

        do
                r = round_trip(what);
        while (r == EXCHANGE_AGAIN);
        assert_int_equal(r, EXCHANGE_DONE);
}

/* The ten of a nurse's round, evenly spread over everybody: as many pages of the databases, however many people there are. */
static struct uuid somebody(uint32_t number, uint32_t people)
{
        return test_id(10, 1 + number * (people / CHANGES));
}

static void changes_come(uint32_t round, uint32_t people)
{
        for (uint32_t i = 0; i < CHANGES; i++) {
                struct uuid person = somebody(i, people);

                rig_records(&rig, &person, round * CHANGES + i, 1, "seen at home, all is well");
        }
}

static void entries_wait(uint32_t round, uint32_t people)
{
        for (uint32_t i = 0; i < CHANGES; i++) {
                struct uuid person = somebody(i, people);

                assert_int_equal(alert(&tablet, 1000 + round * CHANGES + i, &person, "a dog"), 0);
        }
}

static void measure(uint32_t people)
{
        for (uint32_t round = 0; round < WARM_UP + ROUNDS; round++) {
                bool counts = round >= WARM_UP;

                exchange(counts ? "no news" : NULL);
                changes_come(round, people);
                exchange(counts ? "10 changes down" : NULL);
                entries_wait(round, people);
                exchange(counts ? "10 entries up" : NULL);
        }
}

int main(int argc, char **argv)
{
        char *end = NULL, *folder = argc == 3 ? argv[2] : NULL;
        void *state = folder;
        unsigned long people;

        errno = 0;
        people = argc == 3 ? strtoul(argv[1], &end, 10) : 0;
        if (people < 100 || people > 1000000 || *end != '\0' || errno != 0) {
                (void)fprintf(stderr, "usage: growth_engines PEOPLE FOLDER\n");
                return EXIT_FAILURE;
        }
        rig_open(&rig, unit_path(&state, "store.db"));
        station_open(&tablet, &rig, 1, &state, &rig.team);
        for (uint32_t i = 1; i <= people; i++)
                (void)rig_person(&rig, i, "Hale", "Ned", &rig.team);
        exchange(NULL);
        /* what the first sync left to be written later is written, and caches are as small as in the morning */
        station_stop(&tablet);
        station_start(&tablet);
        CALLGRIND_START_INSTRUMENTATION;
        measure((uint32_t)people);
        CALLGRIND_STOP_INSTRUMENTATION;
        station_close(&tablet);
        rig_close(&rig);
        return EXIT_SUCCESS;
}

/*
 * Two devices and the store, and everything that can go wrong between them, from a seed: answers lost or cut, power gone after any
 * step, replicas lost, people moving in and out. Afterwards every entry is at the store once, and both devices show the same.
 */
#include "tests/unit/engine_bed.h"
#include "tests/unit/unit.h"

#include <stdio.h>
#include <string.h>

enum { SEEDS = 6, STEPS = 120 };

struct chaos {
        struct station stations[2];
        uint64_t random;
        uint32_t next; /* number of the next id */
        uint32_t recorded[2];
        struct uuid people[3], records[400];
        size_t record_count;
};

static struct chaos chaos;

static void chaos_write(size_t which)
{
        struct station *station = &chaos.stations[which];
        struct uuid *person = &chaos.people[test_random(&chaos.random, 3)];
        uint32_t number = ++chaos.next;
        char text[32];
        int r;

        (void)snprintf(text, sizeof(text), "text %u", number);
        if (chaos.record_count == 0 || test_random(&chaos.random, 3) == 0) {
                r = alert(station, number, person, text);
                if (r == 0)
                        chaos.records[chaos.record_count++] = new_id(number);
        } else {
                r = edit_text(station, number,
                              &chaos.records[test_random(&chaos.random, chaos.record_count)], text);
        }
        /* not here: somebody else's, or everything while a lost replica is fetched again (who writes is not known then) */
        if (r != 0 && r != PANNIER_E_NOT_FOUND && r != PANNIER_E_BUSY)
                fail_msg("%s: %s", pannier_error_name(r), error_detail());
        chaos.recorded[which] += r == 0;
}

static void restart(struct station *station)
{
        station_stop(station);
        if (test_random(&chaos.random, 4) == 0)
                (void)remove(station->replica);
        station_start(station);
}

/* An exchange in which something may go wrong at every place. */
static void chaos_exchange(struct station *station)
{
        struct engine_now now;
        int r;

        for (int trip = 0; trip < 50; trip++) {
                station_send(station); /* the store has it; what follows may be lost */
                now = station_now(station);
                switch (test_random(&chaos.random, 6)) {
                case 0:
                        engine_exchange_failed(station->engine, &now, EXCHANGE_OFFLINE, 0);
                        return;
                case 1:
                        restart(station);
                        return;
                case 2: /* cut */
                        r = engine_exchange_answer(
                                station->engine, &now,
                                BYTES(station->answer.data,
                                      test_random(&chaos.random, station->answer.size)));
                        assert_int_equal(r, EXCHANGE_STOP);
                        return;
                default:
                        break;
                }
                r = engine_exchange_answer(station->engine, &now, buffer_view(&station->answer));
                while (r == EXCHANGE_STEP) {
                        if (test_random(&chaos.random, 12) == 0) {
                                restart(station);
                                return;
                        }
                        if (test_random(&chaos.random, 2) == 0)
                                station_ahead(station);
                        r = engine_exchange_step(station->engine, &now);
                }
                assert_true(r == EXCHANGE_DONE || r == EXCHANGE_AGAIN);
                if (r == EXCHANGE_DONE)
                        return;
                if (test_random(&chaos.random, 4) == 0)
                        station->has_early =
                                false; /* that answer was lost: it is asked for again */
        }
}

static void chaos_move(void)
{
        uint32_t which = (uint32_t)test_random(&chaos.random, 3);
        bool in = test_random(&chaos.random, 2) == 0;

        rig_assign(&rig, 200 + which, &chaos.people[which], &rig.other_team, in);
}

static int count_log(void *context, const struct log_row *row)
{
        uint32_t *counts = context;

        for (size_t i = 0; i < 2; i++)
                counts[i] += uuid_equal(&row->device, &chaos.stations[i].row.id);
        return 0;
}

/* What the store keeps as digests, through whatever happened, is what is counted here from the typed columns. */
static void chaos_prove(const struct station *station)
{
        struct replica_proof proof;

        assert_int_equal(replica_prove(station->engine->replica, &proof), 0);
        assert_true(proof.told);
        assert_true(proof.equal);
        assert_true(proof.records > 0);
        assert_int_equal(proof.wrong, 0);
}

static void chaos_settle(void)
{
        uint32_t counts[2] = {0};

        for (int round = 0; round < 3; round++)
                for (size_t i = 0; i < 2; i++)
                        assert_int_equal(station_sync(&chaos.stations[i]), EXCHANGE_DONE);
        assert_int_equal(rig.test.reader->ops->begin_read(rig.test.reader), 0);
        assert_int_equal(rig.test.reader->ops->log_each(rig.test.reader, &rig.test.locality, 1,
                                                        count_log, counts),
                         0);
        rig.test.reader->ops->rollback(rig.test.reader);
        for (size_t i = 0; i < 2; i++) {
                struct engine_status status = status_of(&chaos.stations[i]);

                /* each is at the store once, or parked there; none waits; none was refused */
                assert_int_equal(status.counts[OUTCOME_NONE], 0);
                assert_int_equal(status.counts[OUTCOME_QUARANTINED], 0);
                assert_true(status.recorded >= chaos.recorded[i]);
                assert_int_equal(counts[i] + status.counts[OUTCOME_PARKED], status.recorded);
                assert_true(status.complete);
                chaos_prove(&chaos.stations[i]);
        }
        assert_int_equal(rig.test.reader->ops->begin_read(rig.test.reader), 0);
        rig.test.reader->ops->rollback(rig.test.reader);
}

static int visible_of(void *context, const struct engine_record *record)
{
        size_t i = (size_t)catalogue_field_index_by_name(record->visible->type, bytes_text("text"));
        struct buffer *out = context;

        buffer_append_format(
                out, "%llu %.*s %d;",
                (unsigned long long)(record->confirmed ? record->confirmed->position : 0),
                (int)record->visible->values[i].bytes.size,
                (const char *)record->visible->values[i].bytes.data, (int)record->states[i]);
        return 0;
}

/* Both devices hold the same team: where both show a record, they show the same. */
static void chaos_compare(void)
{
        struct buffer shown[2] = {BUFFER_INIT, BUFFER_INIT};

        for (size_t i = 0; i < chaos.record_count; i++) {
                int found[2];

                for (size_t k = 0; k < 2; k++) {
                        struct engine_now now = station_now(&chaos.stations[k]);

                        buffer_reset(&shown[k]);
                        found[k] = engine_record(chaos.stations[k].engine, &rig.nurse, &now,
                                                 &chaos.records[i], visible_of, &shown[k]);
                }
                assert_int_equal(found[0], found[1]);
                if (found[0] == 0)
                        assert_bytes(buffer_view(&shown[0]), buffer_view(&shown[1]));
        }
        buffer_deinit(&shown[0]);
        buffer_deinit(&shown[1]);
}

/* Whatever happened so far: the digests that are kept are those of what is here. */
static void chaos_count(const struct station *station)
{
        struct replica_proof proof;

        assert_int_equal(replica_prove(station->engine->replica, &proof), 0);
        assert_int_equal(proof.wrong, 0);
}

static void run_chaos(void **state, uint64_t seed)
{
        chaos = (struct chaos){.random = seed};
        for (uint32_t i = 0; i < 2; i++) {
                station_open(&chaos.stations[i], &rig, i, state, &rig.team);
                station_sync(&chaos.stations[i]);
        }
        for (uint32_t i = 0; i < 3; i++)
                chaos.people[i] = rig_person(&rig, 10 + i, "Ash", "Ann", &rig.team);
        chaos.next = 1000 * (uint32_t)seed;
        for (int step = 0; step < STEPS; step++) {
                size_t which = test_random(&chaos.random, 2);

                if (test_random(&chaos.random, 3) != 0)
                        chaos_write(which);
                else if (test_random(&chaos.random, 8) != 0)
                        chaos_exchange(&chaos.stations[which]);
                else
                        chaos_move();
                if (test_random(&chaos.random, 4) == 0)
                        chaos_count(&chaos.stations[which]);
        }
        chaos_settle();
        chaos_compare();
        for (size_t i = 0; i < 2; i++)
                station_close(&chaos.stations[i]);
}

static void whatever_goes_wrong_every_entry_is_at_the_store_once(void **state)
{
        for (uint64_t seed = 1; seed <= SEEDS; seed++) {
                assert_int_equal(unit_folder_make(state), 0);
                rig_open(&rig, unit_path(state, "store.db"));
                rig.settings.changes_max = seed % 2 ? 700 : 0; /* several pages, or one */
                run_chaos(state, seed);
                rig_close(&rig);
                assert_int_equal(unit_folder_remove(state), 0);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(whatever_goes_wrong_every_entry_is_at_the_store_once),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}

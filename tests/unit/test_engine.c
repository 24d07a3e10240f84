#include "tests/unit/engine_support.h"
#include "tests/unit/unit.h"

static struct rig rig;
static struct station tablet;

static int setup(void **state)
{
        if (unit_folder_make(state) != 0)
                return -1;
        rig_open(&rig, unit_path(state, "store.db"));
        station_open(&tablet, &rig, 1, state, &rig.team);
        return 0;
}

static int teardown(void **state)
{
        station_close(&tablet);
        rig_close(&rig);
        return unit_folder_remove(state);
}

static struct engine_status status_of(struct station *station)
{
        struct engine_now now = station_now(station);
        struct engine_status status;

        assert_int_equal(engine_status(station->engine, &now, &status), 0);
        return status;
}

static int count_people(void *context, const struct engine_record *record)
{
        (void)record;
        (*(size_t *)context)++;
        return 0;
}

static size_t people(struct station *station, const struct uuid *staff, const char *query)
{
        struct engine_now now = station_now(station);
        bool more, complete;
        size_t count = 0;
        int r = engine_people(station->engine, staff, &now, bytes_text(query), NULL, 100,
                              count_people, &count, &more, &complete);

        assert_int_equal(r, 0);
        return count;
}

static void first_sync_brings_the_caseload_and_nothing_else(void **state)
{
        (void)state;
        struct uuid person = rig_person(&rig, 1, "O'Brien", "Zoë", &rig.team);

        rig_person(&rig, 2, "Other", "Person", &rig.other_team);
        rig_records(&rig, &person, 1, 20, "well");
        assert_int_equal(station_sync(&tablet), EXCHANGE_DONE);
        assert_int_equal(status_of(&tablet).people, 1);
        assert_true(status_of(&tablet).complete);
        assert_int_equal(people(&tablet, &rig.nurse, ""), 1);
        assert_int_equal(people(&tablet, &rig.nurse, "zoe obrien"), 1);
        assert_int_equal(people(&tablet, &rig.nurse, "smith"), 0);
        assert_int_equal(people(&tablet, &rig.stranger, ""), 0);
        assert_string_equal(station_text(&tablet, &rig.nurse, &person, "given", NULL, NULL), "Zoë");
        assert_null(station_text(&tablet, &rig.stranger, &person, "given", NULL, NULL));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(first_sync_brings_the_caseload_and_nothing_else,
                                                setup, teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}

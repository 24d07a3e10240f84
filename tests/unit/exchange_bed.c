#include "tests/unit/exchange_bed.h"

#include "tests/unit/unit.h"

struct store_test test;
struct store_side side;
struct tablet tablet;
struct reply reply;
struct uuid person;

int set_up(void **state)
{
        const struct uuid team = test_id(5, 1), source = test_id(10, 1);
        const struct scope scope = {SCOPE_TEAM, team};

        if (unit_folder_make(state) != 0)
                return -1;
        store_test_open(&test, unit_path(state, "store.db"));
        store_side_open(&side, &test);
        tablet_open(&tablet, &side, 1);
        person = test_id(6, 1);
        assert_int_equal(test.writer->ops->grant_put(test.writer, &tablet.row.id, &scope), 0);
        store_begin(&test);
        store_put(&test, "person", &person, &person, "Ada");
        store_teams(&test, &person, &source, &team, 1);
        store_commit(&test);
        return 0;
}

int tear_down(void **state)
{
        tablet_close(&tablet);
        store_side_close(&side);
        store_test_close(&test);
        return unit_folder_remove(state);
}

uint64_t entries_in_log(void)
{
        struct storage_counts counts;

        assert_int_equal(test.reader->ops->counts(test.reader, &test.locality, &counts), 0);
        return counts.entries;
}

void write_alerts(uint32_t count)
{
        for (uint32_t i = 1; i <= count; i++)
                (void)tablet_alert(&tablet, &side, LANE_URGENT, i, &person, "dog in the garden");
}

struct uuid alert_id(uint32_t number)
{
        return test_id(50, number);
}

bool alert_exists(uint32_t number)
{
        CLEANUP(arena_deinit) struct arena arena = ARENA_INIT;
        const struct catalogue_type *type = catalogue_type_by_name(bytes_text("alert"));
        struct uuid id = alert_id(number);
        struct record record;

        return test.reader->ops->record_get(test.reader, type, &id, &arena, &record, NULL) == 1;
}

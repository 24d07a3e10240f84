/* Scopes of people inside of a write transaction: what is remembered is what a read would give. */
#include "tests/unit/store_support.h"
#include "tests/unit/unit.h"

static struct store_test test;

static int set_up(void **state)
{
        if (unit_folder_make(state) != 0)
                return -1;
        store_test_open(&test, unit_path(state, "store.db"));
        return 0;
}

static int tear_down(void **state)
{
        store_test_close(&test);
        return unit_folder_remove(state);
}

static const struct storage_ops *ops(void)
{
        return test.writer->ops;
}

struct memberships {
        size_t count, sources, joined;
};

static int add_membership(void *context, const struct member_row *row)
{
        struct memberships *memberships = context;

        memberships->count++;
        memberships->sources += row->source_count;
        memberships->joined += row->joined != 0;
        return 0;
}

static void expect_memberships(const struct uuid *person, size_t count, size_t sources,
                               size_t joined)
{
        /* Twice: what was read once in a transaction is remembered. */
        for (int i = 0; i < 2; i++) {
                struct memberships found = {0};

                assert_int_equal(ops()->members_of(test.writer, &test.locality, person,
                                                   add_membership, &found),
                                 0);
                assert_int_equal(found.count, count);
                assert_int_equal(found.sources, sources);
                assert_int_equal(found.joined, joined);
        }
}

static uint64_t team_feed(uint32_t team)
{
        const struct scope scope = {SCOPE_TEAM, test_id(5, team)};
        uint64_t feed = 0;

        assert_int_equal(ops()->feed_number(test.writer, &test.locality, &scope, true, &feed), 0);
        return feed;
}

static void put_source(const struct uuid *person, uint32_t team, uint32_t record)
{
        const struct uuid id = test_id(30, record);

        assert_int_equal(
                ops()->source_put(test.writer, &test.locality, team_feed(team), person, &id), 0);
}

static void test_memberships_that_were_read_before_a_change_are_read_again(void **state)
{
        const struct uuid person = test_id(6, 1), other = test_id(6, 2), record = test_id(30, 1);
        struct member_row row = {.person = person, .joined = 7};

        (void)state;
        store_begin(&test);
        expect_memberships(&person, 0, 0, 0);
        put_source(&person, 1, 1);
        expect_memberships(&person, 1, 1, 0);
        expect_memberships(&other, 0, 0, 0);
        row.feed = team_feed(1);
        assert_int_equal(ops()->member_put(test.writer, &test.locality, &row), 0);
        expect_memberships(&person, 1, 1, 1);
        assert_int_equal(ops()->savepoint(test.writer), 0);
        put_source(&person, 2, 2);
        expect_memberships(&person, 2, 2, 1);
        assert_int_equal(ops()->savepoint_back(test.writer), 0);
        expect_memberships(&person, 1, 1, 1);
        assert_int_equal(
                ops()->source_remove(test.writer, &test.locality, row.feed, &person, &record), 0);
        expect_memberships(&person, 1, 0, 1);
        ops()->rollback(test.writer);
        store_begin(&test);
        expect_memberships(&person, 0, 0, 0);
        for (uint32_t team = 1; team <= 20; team++) { /* more than are remembered */
                put_source(&person, team, team);
                expect_memberships(&person, team, team, 0);
        }
        store_commit(&test);
        store_begin(&test);
        expect_memberships(&person, 20, 20, 0);
        ops()->rollback(test.writer);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(test_memberships_that_were_read_before_a_change_are_read_again),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}

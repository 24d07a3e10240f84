/* What a device may hold follows from what the operator granted and from reference data, as it stands at the moment. */
#include "store/grants.h"
#include "tests/unit/store_support.h"
#include "tests/unit/unit.h"

enum { TEAM = 5, RECORD = 9 };

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

static void put_relation(uint32_t number, const struct uuid *team, const struct uuid *home)
{
        const struct catalogue_type *type = catalogue_type_by_name(bytes_text("serves"));
        struct record record = {
                .type = type,
                .id = test_id(RECORD, number),
                .locality = test.locality,
                .author = test_id(4, 1),
                .position = test.writer->ops->locality(test.writer, &test.locality)->position,
        };
        int server = catalogue_field_index_by_name(type, bytes_text("server"));
        int served = catalogue_field_index_by_name(type, bytes_text("served"));

        record.values[server] = (struct value){.form = VALUE_UUID, .uuid = *team};
        record.values[served] = (struct value){.form = VALUE_UUID, .uuid = *home};
        for (int i = 0; i < type->field_count; i++)
                if (type->fields[i].kind == KIND_CODE) /* whatever the grant's condition asks for */
                        record.values[i] = (struct value){
                                .form = VALUE_INTEGER,
                                .integer = type->grants[0].condition.option_count > 0
                                                   ? type->grants[0].condition.options[0]
                                                   : type->fields[i].options[0].number};
        assert_int_equal(test.writer->ops->record_put(test.writer, &record, BYTES_NONE), 0);
        assert_int_equal(membership_publish(test.writer, &record, 0), 0);
}

static size_t homes_granted(struct grants *grants, struct storage *storage)
{
        const struct scope_set *set;
        size_t count = 0;

        assert_int_equal(grants_get(grants, storage, &test.device, 20000, &set), 0);
        for (size_t i = 0; i < set->count; i++)
                count += set->items[i].kind == SCOPE_HOME;
        return count;
}

static void test_grants_follow_the_reference_data_from_commit_to_commit(void **state)
{
        CLEANUP(grants_freep) struct grants *grants = NULL;
        const struct scope team = {SCOPE_TEAM, test_id(TEAM, 1)};
        /* Ids that fall: the newest row of the feed is not the last one of its commit. */
        const struct uuid homes[] = {test_id(11, 3), test_id(11, 2), test_id(11, 1)};

        (void)state;
        assert_int_equal(grants_new(&grants), 0);
        assert_int_equal(test.writer->ops->grant_put(test.writer, &test.device.id, &team), 0);
        store_begin(&test);
        assert_int_equal(homes_granted(grants, test.writer), 0);
        for (uint32_t i = 0; i < 3; i++) {
                put_relation(9 - i, &team.id, &homes[i]);
                assert_int_equal(homes_granted(grants, test.writer), i + 1);
        }
        store_commit(&test);
        assert_int_equal(test.reader->ops->begin_read(test.reader), 0);
        assert_int_equal(homes_granted(grants, test.reader), 3);
        test.reader->ops->rollback(test.reader);
        assert_int_equal(test.writer->ops->grant_remove(test.writer, &test.device.id, &team), 0);
        assert_int_equal(test.reader->ops->begin_read(test.reader), 0);
        assert_int_equal(homes_granted(grants, test.reader), 0);
        test.reader->ops->rollback(test.reader);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(test_grants_follow_the_reference_data_from_commit_to_commit),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}

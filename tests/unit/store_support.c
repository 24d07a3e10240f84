#include "tests/unit/store_support.h"
#include "tests/unit/unit.h"

#include "common/error.h"

#include <string.h>

struct uuid test_id(uint8_t kind, uint32_t number)
{
        struct uuid id = {{0x01, 0x90, 0, 0, 0, kind, 0x70, 0, 0x80, 0, 0, 0}};

        for (int i = 0; i < 4; i++)
                id.bytes[12 + i] = (uint8_t)(number >> (8 * (3 - i)));
        return id;
}

void store_test_open(struct store_test *test, const char *path)
{
        *test = (struct store_test){.locality = test_id(1, 1), .epoch_id = test_id(2, 1)};
        assert_int_equal(storage_sqlite_open(path, false, &test->writer), 0);
        assert_int_equal(test->writer->ops->locality_add(test->writer, &test->locality,
                                                         &test->epoch_id,
                                                         (int64_t)TEST_NOW_MS * 1000),
                         0);
        assert_int_equal(storage_sqlite_open(path, true, &test->reader), 0);
        test->device = (struct device_row){
                .id = test_id(3, 1),
                .locality = test->locality,
                .name = "tablet 1",
                .state = DEVICE_ACTIVE,
                .ceiling = CLASS_CLINICAL,
                .created_ms = (int64_t)TEST_NOW_MS * 1000,
        };
        assert_int_equal(test->writer->ops->device_put(test->writer, &test->device), 0);
}

void store_test_close(struct store_test *test)
{
        test->reader = storage_free(test->reader);
        test->writer = storage_free(test->writer);
}

void store_begin(struct store_test *test)
{
        assert_int_equal(test->writer->ops->begin(test->writer, &test->locality, 1), 0);
}

void store_commit(struct store_test *test)
{
        assert_int_equal(test->writer->ops->commit(test->writer), 0);
}

static int text_field(const struct catalogue_type *type)
{
        for (int i = 0; i < type->field_count; i++)
                if (type->fields[i].kind == KIND_TEXT)
                        return i;
        return -1;
}

static int take_position(void *context, const struct record *record, struct bytes stamps)
{
        uint64_t *position = context;

        (void)stamps;
        *position = record->position;
        return 0;
}

void store_put(struct store_test *test, const char *type_name, const struct uuid *id,
               const struct uuid *person, const char *text)
{
        const struct storage_ops *ops = test->writer->ops;
        const struct catalogue_type *type = catalogue_type_by_name(bytes_text(type_name));
        struct record record = {
                .type = type,
                .id = *id,
                .person = person ? *person : UUID_NONE,
                .locality = test->locality,
                .author = test_id(4, 1),
                .recorded_ms = (int64_t)TEST_NOW_MS * 1000,
                .position = ops->locality(test->writer, &test->locality)->position,
        };
        uint64_t old_position = 0;
        int index;

        assert_non_null(type);
        index = text_field(type);
        if (index >= 0)
                record.values[index] =
                        (struct value){.form = VALUE_BYTES, .bytes = bytes_text(text)};
        assert_true(ops->record_visit(test->writer, type, id, take_position, &old_position) >= 0);
        assert_int_equal(ops->record_put(test->writer, &record, BYTES_NONE), 0);
        assert_int_equal(membership_publish(test->writer, &record, old_position), 0);
}

void store_teams(struct store_test *test, const struct uuid *person, const struct uuid *source,
                 const struct uuid *teams, size_t count)
{
        struct scope scopes[8];

        assert_true(count <= COUNT(scopes));
        for (size_t i = 0; i < count; i++)
                scopes[i] = (struct scope){SCOPE_TEAM, teams[i]};
        assert_int_equal(
                membership_sources(test->writer, &test->locality, person, source, scopes, count),
                0);
}

uint64_t test_random(uint64_t *state, uint64_t below)
{
        *state ^= *state >> 12;
        *state ^= *state << 25;
        *state ^= *state >> 27;
        return (*state * 0x2545f4914f6cdd1dULL >> 33) % below;
}

/* What stands in records, feeds and log of a test of the judge, each time in a snapshot of its own. */
#include "tests/unit/judge_support.h"

#include "common/error.h"
#include "store/receipts.h"
#include "store/verify.h"
#include "tests/unit/unit.h"
#include <string.h>

struct reading {
        struct arena *arena;
        struct record record;
};

static int copy_record(void *context, const struct record *record, struct bytes stamps)
{
        struct reading *reading = context;

        (void)stamps;
        return record_copy(record, reading->arena, &reading->record);
}

bool judge_record(struct judge_test *test, const char *type, const struct uuid *id,
                  struct record *ret)
{
        struct storage *reader = test->store.reader;
        struct reading reading = {.arena = &test->arena};
        int r;

        assert_int_equal(reader->ops->begin_read(reader), 0);
        r = reader->ops->record_visit(reader, judge_type(type), id, copy_record, &reading);
        assert_true(r >= 0);
        assert_int_equal(reader->ops->commit(reader), 0);
        *ret = reading.record;
        return r > 0;
}

void tablet_pull(struct judge_test *test, int tablet)
{
        struct storage *reader = test->store.reader;

        assert_int_equal(reader->ops->begin_read(reader), 0);
        test->tablets[tablet].seen = reader->ops->locality(reader, &test->store.locality)->position;
        assert_int_equal(reader->ops->commit(reader), 0);
}

struct value judge_value(struct judge_test *test, const char *type, const struct uuid *id,
                         const char *field)
{
        struct record record;

        if (!judge_record(test, type, id, &record))
                return (struct value){.form = VALUE_UNSET};
        return record.values[judge_field(record.type, field) - record.type->fields];
}

bool judge_has(struct judge_test *test, const char *type, const struct uuid *id)
{
        struct record record;

        return judge_record(test, type, id, &record);
}

uint64_t judge_position(struct judge_test *test, const char *type, const struct uuid *id)
{
        struct record record;

        return judge_record(test, type, id, &record) ? record.position : 0;
}

struct finding {
        struct uuid *ids;
        size_t count, max;
};

static int find_one(void *context, const struct record *record, struct bytes stamps)
{
        struct finding *finding = context;

        (void)stamps;
        if (finding->count < finding->max)
                finding->ids[finding->count] = record->id;
        finding->count++;
        return 0;
}

size_t judge_find(struct judge_test *test, const char *type, const struct uuid *person,
                  struct uuid *ret, size_t max)
{
        struct storage *reader = test->store.reader;
        struct finding finding = {.ids = ret, .max = max};

        assert_int_equal(reader->ops->begin_read(reader), 0);
        assert_int_equal(reader->ops->record_each(reader, judge_type(type), person, NULL, find_one,
                                                  &finding),
                         0);
        assert_int_equal(reader->ops->commit(reader), 0);
        return finding.count;
}

struct conflict judge_conflict(struct judge_test *test, const struct uuid *id)
{
        struct record *record = arena_alloc(&test->arena, sizeof(*record));
        struct conflict conflict;

        assert_true(judge_record(test, "conflict", id, record));
        assert_int_equal(conflict_read(record, &test->arena, &conflict), 0);
        return conflict;
}

bool judge_in(struct judge_test *test, const struct uuid *person, enum scope_kind kind,
              const struct uuid *scope_id)
{
        CLEANUP(scope_set_deinit) struct scope_set set = SCOPE_SET_INIT;
        struct storage *reader = test->store.reader;
        const struct scope scope = {kind, *scope_id};
        int r;

        assert_int_equal(scope_set_add(&set, &scope), 1);
        assert_int_equal(reader->ops->begin_read(reader), 0);
        r = membership_held(reader, &test->store.locality, person, &set);
        assert_true(r >= 0);
        assert_int_equal(reader->ops->commit(reader), 0);
        return r > 0;
}

struct log_count {
        bool by_store;
        size_t count;
};

static int count_row(void *context, const struct log_row *row)
{
        struct log_count *count = context;

        count->count += !count->by_store || uuid_is_none(&row->device);
        return 0;
}

size_t judge_log_count(struct judge_test *test, bool by_store)
{
        struct storage *reader = test->store.reader;
        struct log_count count = {.by_store = by_store};

        assert_int_equal(reader->ops->begin_read(reader), 0);
        assert_int_equal(reader->ops->log_each(reader, &test->store.locality, 1, count_row, &count),
                         0);
        assert_int_equal(reader->ops->commit(reader), 0);
        return count.count;
}

static int count_parked(void *context, const struct parked_row *row)
{
        (void)row;
        ++*(size_t *)context;
        return 0;
}

size_t judge_parked_count(struct judge_test *test)
{
        struct storage *reader = test->store.reader;
        size_t count = 0;

        assert_int_equal(reader->ops->begin_read(reader), 0);
        assert_int_equal(reader->ops->parked_older(reader, &test->store.locality, INT64_MAX,
                                                   count_parked, &count),
                         0);
        assert_int_equal(reader->ops->commit(reader), 0);
        return count;
}

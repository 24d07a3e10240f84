/* The first sync, work offline and its way back, between the two real engines. */
#include "tests/engines/pair.h"

#include "common/error.h"

#include <stdio.h>
#include <string.h>

struct team {
        struct pair_device *tablet;
        struct uuid nurse, person;
};

static struct uuid request_id(struct pair *pair)
{
        uint8_t random[10];

        crypto_random(random, sizeof random);
        return uuid_v7(pair->now.wall_ms, random);
}

static int first_person(void *context, const struct engine_record *record)
{
        *(struct uuid *)context = record->visible->id;
        return 1;
}

static int first_here(void *context, const struct engine_staff *staff)
{
        if (!staff->here || staff->role != 1)
                return 0;
        *(struct uuid *)context = staff->staff->id;
        return 1;
}

static struct team make_team(struct pair *pair)
{
        struct scope scope = {.kind = SCOPE_TEAM};
        struct team team = {.nurse = UUID_NONE, .person = UUID_NONE};
        bool more, complete;

        scope.id = pair_find(pair, "team", "name", "Greenbooth district nurses");
        team.tablet = pair_device_add(pair, &scope, 1);
        pair_sync(pair, team.tablet, 20);
        assert_true(engine_staff(team.tablet->engine, &pair->now, first_here, &team.nurse) >= 0);
        assert_false(uuid_is_none(&team.nurse));
        assert_true(engine_people(team.tablet->engine, &team.nurse, &pair->now, BYTES_NONE, NULL,
                                  500, first_person, &team.person, &more, &complete) >= 0);
        assert_false(uuid_is_none(&team.person));
        return team;
}

static void test_a_first_sync_brings_the_whole_caseload_and_a_second_brings_nothing(void **state)
{
        struct pair *pair = *state;
        struct team team = make_team(pair);
        struct engine_status status;

        assert_int_equal(engine_status(team.tablet->engine, &pair->now, &status), 0);
        assert_int_equal(status.people, 40);
        assert_true(status.complete);
        pair_sync(pair, team.tablet, 5); /* brings what the reading above recorded: who looked */
        pair_sync(pair, team.tablet, 5);
        assert_int_equal(team.tablet->round_trips, 1);
        assert_true(team.tablet->bytes_sent + team.tablet->bytes_received <= 1024);
}

static struct engine_written write_one(struct pair *pair, const struct team *team, const char *type,
                                       struct entry_change *changes, size_t count)
{
        struct engine_entry entry = {
                .request = request_id(pair),
                .operation = ENTRY_CREATE,
                .type = catalogue_type_by_name(bytes_text(type)),
                .person = team->person,
                .changes = changes,
                .change_count = count,
        };
        struct engine_written written;

        if (engine_write(team->tablet->engine, &team->nurse, &pair->now, &entry, 1, &written,
                         NULL) < 0)
                fail_msg("%s at %s", error_detail(), error_place());
        return written;
}

static struct value text(const char *words)
{
        return (struct value){.form = VALUE_BYTES, .bytes = bytes_text(words)};
}

static struct value number(int64_t integer)
{
        return (struct value){.form = VALUE_INTEGER, .integer = integer};
}

struct seen_entry {
        enum entry_outcome state;
        uint16_t reason;
};

static int see_entry(void *context, const struct engine_outbox_entry *entry)
{
        *(struct seen_entry *)context = (struct seen_entry){entry->state, entry->quarantine_reason};
        return 0;
}

static void expect_state(struct pair *pair, const struct team *team, const struct uuid *entry,
                         enum entry_outcome want)
{
        struct seen_entry seen = {OUTCOME_NONE, 0};

        assert_int_equal(engine_outbox_entry(team->tablet->engine, &team->nurse, &pair->now, entry,
                                             see_entry, &seen),
                         0);
        if (seen.state != want)
                (void)fprintf(stderr, "outcome %d, reason %u\n", (int)seen.state, seen.reason);
        assert_int_equal(seen.state, want);
}

static void test_a_visit_recorded_offline_is_waiting_until_its_receipt_and_then_applied(
        void **state)
{
        struct pair *pair = *state;
        struct team team = make_team(pair);
        struct entry_change visit[] = {
                {.number = 7, .value = number(1)},
                {.number = 12, .value = text("Slept well.")},
                {.number = 17, .value = number(1)},
        };
        struct engine_written written = write_one(pair, &team, "visit", visit, 3);

        expect_state(pair, &team, &written.entry, OUTCOME_NONE);
        pair_reopen(pair, team.tablet);
        expect_state(pair, &team, &written.entry, OUTCOME_NONE);
        pair_sync(pair, team.tablet, 5);
        expect_state(pair, &team, &written.entry, OUTCOME_APPLIED);
}

static void edit_phone(struct pair *pair, const struct team *team, const char *phone,
                       struct uuid *ret)
{
        struct entry_change change = {.number = 12, .value = text(phone)};
        struct engine_entry entry = {
                .request = request_id(pair),
                .operation = ENTRY_EDIT,
                .type = catalogue_person_type(),
                .record = team->person,
                .person = team->person,
                .changes = &change,
                .change_count = 1,
        };
        struct engine_written written;

        if (engine_write(team->tablet->engine, &team->nurse, &pair->now, &entry, 1, &written,
                         NULL) < 0)
                fail_msg("%s at %s", error_detail(), error_place());
        *ret = written.entry;
}

static void test_two_edits_of_one_field_by_one_nurse_never_conflict(void **state)
{
        struct pair *pair = *state;
        struct team team = make_team(pair);
        struct uuid first, second;

        edit_phone(pair, &team, "0161 496 0111", &first);
        edit_phone(pair, &team, "0161 496 0222", &second);
        pair_sync(pair, team.tablet, 5);
        expect_state(pair, &team, &first, OUTCOME_APPLIED);
        expect_state(pair, &team, &second, OUTCOME_APPLIED);
}

static void test_an_answer_that_was_lost_records_nothing_twice(void **state)
{
        struct pair *pair = *state;
        struct team team = make_team(pair);
        CLEANUP(buffer_deinit) struct buffer request = BUFFER_INIT;
        CLEANUP(exchange_request_freep) struct exchange_request *read = NULL;
        struct storage_counts before, after;
        struct uuid entry;

        edit_phone(pair, &team, "0161 496 0111", &entry);
        assert_int_equal(pair->reading->ops->begin_read(pair->reading), 0);
        assert_int_equal(pair->reading->ops->counts(pair->reading, &pair->locality, &before), 0);
        pair->reading->ops->rollback(pair->reading);
        /* The store commits, and the device never hears of it. */
        assert_int_equal(engine_exchange_request(team.tablet->engine, &pair->now, &request), 0);
        assert_int_equal(exchange_read(pair->reader, buffer_view(&request), &team.tablet->row,
                                       pair->now.wall_ms, &read),
                         0);
        assert_int_equal(exchange_commit(pair->writer, &read, 1, pair->now.wall_ms), 0);
        engine_exchange_failed(team.tablet->engine, &pair->now, EXCHANGE_OFFLINE, 0);
        expect_state(pair, &team, &entry, OUTCOME_NONE);
        pair_sync(pair, team.tablet, 5);
        expect_state(pair, &team, &entry, OUTCOME_APPLIED);
        assert_int_equal(pair->reading->ops->begin_read(pair->reading), 0);
        assert_int_equal(pair->reading->ops->counts(pair->reading, &pair->locality, &after), 0);
        pair->reading->ops->rollback(pair->reading);
        assert_true(after.entries - before.entries >= 1 &&
                    after.entries - before.entries <= 3); /* and who looked */
        assert_int_equal(after.people, before.people);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(
                        test_a_first_sync_brings_the_whole_caseload_and_a_second_brings_nothing,
                        pair_make, pair_remove),
                cmocka_unit_test_setup_teardown(
                        test_a_visit_recorded_offline_is_waiting_until_its_receipt_and_then_applied,
                        pair_make, pair_remove),
                cmocka_unit_test_setup_teardown(
                        test_two_edits_of_one_field_by_one_nurse_never_conflict, pair_make,
                        pair_remove),
                cmocka_unit_test_setup_teardown(test_an_answer_that_was_lost_records_nothing_twice,
                                                pair_make, pair_remove),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}

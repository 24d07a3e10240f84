/*
 * file length: one model of a device, and everything that is asked of it
 *
 * What a device is sent: a model of a device reads pages while the store changes, and must end with exactly what the
 * scopes hold, each record sent once, whatever was cut where.
 */
#include "common/error.h"
#include "store/exits.h"
#include "store/feed.h"
#include "tests/unit/store_support.h"
#include "tests/unit/unit.h"

#include <stdio.h>
#include <string.h>

enum { PERSON = 6, TEAM = 5, RECORD = 9, SOURCE = 10, RECORDS_MAX = 8192, MEMBERS_MAX = 512 };

struct held {
        struct uuid id, person;
        enum catalogue_class class;
        uint64_t position;
};

struct member {
        struct wire_feed_key key;
        struct uuid person;
};

/* A device as docs/protocol.md describes it, as simple as can be. */
struct model {
        struct held records[RECORDS_MAX];
        size_t record_count;
        struct member members[MEMBERS_MAX];
        size_t member_count;
        struct wire_feed_state feeds[64];
        size_t feed_count;
        size_t received; /* records in all pages */
        size_t repeated; /* of these, what it had already */
};

static struct store_test test;
static struct model model;
static struct scope_set scopes;

static int set_up(void **state)
{
        if (unit_folder_make(state) != 0)
                return -1;
        store_test_open(&test, unit_path(state, "store.db"));
        memset(&model, 0, sizeof(model));
        scope_set_reset(&scopes);
        return 0;
}

static int tear_down(void **state)
{
        scope_set_deinit(&scopes);
        store_test_close(&test);
        return unit_folder_remove(state);
}

static void grant_team(uint32_t number)
{
        const struct scope scope = {SCOPE_TEAM, test_id(TEAM, number)};

        assert_true(scope_set_add(&scopes, &scope) >= 0);
}

/* ---- the model ---- */

static bool has_member(const struct uuid *person, enum catalogue_class class)
{
        for (size_t i = 0; i < model.member_count; i++)
                if (model.members[i].key.class == class &&
                    uuid_equal(&model.members[i].person, person))
                        return true;
        return false;
}

static void erase_strangers(void)
{
        size_t kept = 0;

        for (size_t i = 0; i < model.record_count; i++)
                if (uuid_is_none(&model.records[i].person) ||
                    has_member(&model.records[i].person, model.records[i].class))
                        model.records[kept++] = model.records[i];
        model.record_count = kept;
}

static void take_record(const struct catalogue_type *type, const struct wire_row *row)
{
        model.received++;
        for (size_t i = 0; i < model.record_count; i++) {
                struct held *held = &model.records[i];

                if (!uuid_equal(&held->id, &row->id))
                        continue;
                if (held->position >= row->position)
                        model.repeated++;
                else
                        held->position = row->position;
                return;
        }
        assert_true(model.record_count < RECORDS_MAX);
        model.records[model.record_count++] =
                (struct held){row->id, row->person, type->class, row->position};
}

static void take_members(const struct wire_feed *feed)
{
        for (size_t i = 0; i < feed->joins_count; i++) {
                assert_true(model.member_count < MEMBERS_MAX);
                model.members[model.member_count++] = (struct member){feed->key, feed->joins[i]};
        }
        for (size_t i = 0; i < feed->exits_count; i++) {
                size_t kept = 0;

                for (size_t k = 0; k < model.member_count; k++)
                        if (wire_feed_key_compare(&model.members[k].key, &feed->key) != 0 ||
                            !uuid_equal(&model.members[k].person, &feed->exits[i]))
                                model.members[kept++] = model.members[k];
                model.member_count = kept;
        }
}

static void take_feed(const struct wire_feed *feed)
{
        size_t i;

        take_members(feed);
        for (i = 0; i < feed->exits_count;
             i++) /* a device keeps its cursor, and nothing of who left */
                assert_false(uuid_equal(&feed->cursor.record, &feed->exits[i]));
        for (i = 0; i < model.feed_count; i++)
                if (wire_feed_key_compare(&model.feeds[i].key, &feed->key) == 0)
                        break;
        if (i == model.feed_count)
                model.feeds[model.feed_count++].key = feed->key;
        model.feeds[i].cursor = feed->cursor;
}

/* A record may only be sent while its person is in a scope that is granted, by a class within the ceiling. */
static void assert_allowed(const struct catalogue_type *type, const struct wire_row *row)
{
        assert_true(type->class <= test.device.ceiling);
        assert_int_equal(membership_held(test.reader, &test.locality, &row->person, &scopes), 1);
}

static void apply(struct bytes sequence)
{
        CLEANUP(arena_deinit) struct arena arena = ARENA_INIT;
        struct wire_reader reader;
        struct wire_message message;
        int r;

        wire_reader_init(&reader, sequence, &arena);
        while ((r = wire_next(&reader, &message)) > 0) {
                if (message.kind == WIRE_KIND_FEED) {
                        take_feed(&message.feed);
                        continue;
                }
                assert_int_equal(message.kind, WIRE_KIND_RECORDS);
                while (message.records.row_count > 0) {
                        const struct catalogue_type *type =
                                catalogue_type_by_number(message.records.type);
                        struct wire_row row;

                        assert_int_equal(wire_records_next(&message.records, &row), 1);
                        take_record(type, &row);
                }
        }
        assert_int_equal(r, 0);
        erase_strangers();
}

static void check_allowed(struct bytes sequence)
{
        CLEANUP(arena_deinit) struct arena arena = ARENA_INIT;
        struct wire_reader reader;
        struct wire_message message;

        wire_reader_init(&reader, sequence, &arena);
        while (wire_next(&reader, &message) > 0) {
                if (message.kind != WIRE_KIND_RECORDS)
                        continue;
                while (message.records.row_count > 0) {
                        struct wire_row row;

                        assert_int_equal(wire_records_next(&message.records, &row), 1);
                        assert_allowed(catalogue_type_by_number(message.records.type), &row);
                }
        }
}

/* ---- pulling ---- */

static void note_custody(const struct feed_page *page)
{
        assert_int_equal(test.writer->ops->begin(test.writer, NULL, 0), 0);
        assert_int_equal(test.writer->ops->custody_sent(
                                 test.writer,
                                 (const struct custody_row *)(const void *)page->custody.data,
                                 page->custody.size / sizeof(struct custody_row)),
                         0);
        assert_int_equal(test.writer->ops->commit(test.writer), 0);
}

/* One answer. @lost: it leaves the store, and never reaches the device. Returns whether there is more. */
static bool pull(size_t limit, bool lost)
{
        CLEANUP(feed_list_deinit) struct feed_list list = {0};
        CLEANUP(feed_page_deinit) struct feed_page page = {0};
        CLEANUP(buffer_deinit) struct buffer out = BUFFER_INIT;
        bool more;

        assert_int_equal(test.reader->ops->begin_read(test.reader), 0);
        assert_int_equal(feed_list_load(&list, test.reader, &test.device, &scopes), 0);
        feed_list_place(&list, model.feeds, model.feed_count);
        assert_int_equal(feed_page_fill(&page, test.reader, &list, &test.device, &scopes, limit, 1),
                         0);
        more = page.more;
        assert_int_equal(feed_page_write(&page, &out), 0);
        check_allowed(buffer_view(&out));
        test.reader->ops->rollback(test.reader);
        note_custody(&page);
        if (!lost)
                apply(buffer_view(&out));
        return more;
}

static void pull_all(size_t limit)
{
        while (pull(limit, false))
                ;
}

/* ---- what it should be ---- */

static size_t expected;

static int count_expected(void *context, const struct record *record, struct bytes stamps)
{
        const struct held *held = NULL;

        (void)context;
        (void)stamps;
        if (record->type->class > test.device.ceiling ||
            membership_held(test.reader, &test.locality, &record->person, &scopes) != 1)
                return 0;
        for (size_t i = 0; i < model.record_count && !held; i++)
                if (uuid_equal(&model.records[i].id, &record->id))
                        held = &model.records[i];
        if (!held)
                print_error("missing: %s at %llu\n", record->type->name,
                            (unsigned long long)record->position);
        assert_non_null(held);
        assert_int_equal(held->position, record->position);
        expected++;
        return 0;
}

static void assert_equal_to_store(void)
{
        const struct catalogue *catalogue = catalogue_get();

        expected = 0;
        assert_int_equal(test.reader->ops->begin_read(test.reader), 0);
        for (size_t i = 0; i < catalogue->type_count; i++)
                if (catalogue->types[i].personal)
                        assert_int_equal(test.reader->ops->record_each(test.reader,
                                                                       &catalogue->types[i], NULL,
                                                                       NULL, count_expected, NULL),
                                         0);
        test.reader->ops->rollback(test.reader);
        assert_int_equal(model.record_count, expected);
}

/* ---- simple things to do ---- */

static void put_person(uint32_t person, const uint32_t *teams, size_t count)
{
        struct uuid id = test_id(PERSON, person), source = test_id(SOURCE, person);
        struct uuid ids[8];

        for (size_t i = 0; i < count; i++)
                ids[i] = test_id(TEAM, teams[i]);
        store_put(&test, "person", &id, &id, "somebody");
        store_teams(&test, &id, &source, ids, count);
}

static void put_record(const char *type, uint32_t record, uint32_t person)
{
        struct uuid id = test_id(RECORD, record), person_id = test_id(PERSON, person);

        store_put(&test, type, &id, &person_id, "text");
}

static void move_person(uint32_t person, const uint32_t *teams, size_t count)
{
        struct uuid id = test_id(PERSON, person), source = test_id(SOURCE, person), ids[8];

        for (size_t i = 0; i < count; i++)
                ids[i] = test_id(TEAM, teams[i]);
        store_teams(&test, &id, &source, ids, count);
}

/* ---- tests ---- */

static void test_a_first_sync_gives_everything_once_and_nothing_else(void **state)
{
        const uint32_t ours = 1, theirs = 2;

        (void)state;
        grant_team(1);
        store_begin(&test);
        for (uint32_t i = 1; i <= 20; i++) {
                put_person(i, i % 2 ? &ours : &theirs, 1);
                put_record("alert", 2 * i, i);
                put_record("allergy", 2 * i + 1, i);
        }
        store_commit(&test);
        pull_all((size_t)1 << 20);
        assert_equal_to_store();
        assert_int_equal(model.record_count, 30);
        assert_int_equal(model.received, 30);
}

static void test_a_join_of_thousands_of_records_can_be_cut_after_any_of_them(void **state)
{
        const uint32_t ours = 1;

        (void)state;
        grant_team(1);
        store_begin(&test);
        put_person(1, &ours, 1);
        for (uint32_t i = 1; i <= 5000; i++)
                put_record(i % 3 ? "message" : "allergy", i, 1);
        store_commit(&test);
        /* One record a page for a while, each second page lost, then in larger pieces while records change. */
        for (int i = 0; i < 300; i++)
                assert_true(pull(1, i % 2 == 1));
        for (uint32_t i = 0; i < 40; i++) {
                store_begin(&test);
                put_record((1 + 37 * i) % 3 ? "message" : "allergy", 1 + 37 * i, 1);
                store_commit(&test);
                (void)pull(3000, i % 5 == 0);
        }
        pull_all(20000);
        assert_equal_to_store();
        assert_int_equal(model.repeated, 0);
}

static void test_every_place_to_stop_leads_to_the_same_end(void **state)
{
        const uint32_t ours[] = {1, 2};

        (void)state;
        grant_team(1);
        grant_team(2);
        for (uint32_t i = 1; i <= 6; i++) {
                store_begin(&test);
                put_person(i, &ours[i % 2], i % 3 == 0 && i % 2 == 0 ? 2 : 1);
                put_record("alert", 10 * i, i);
                put_record("allergy", 10 * i + 1, i);
                put_record("message", 10 * i + 2, i);
                store_commit(&test);
        }
        for (size_t limit = 1; limit < 600; limit += 7) {
                memset(&model, 0, sizeof(model));
                pull_all(limit);
                assert_equal_to_store();
                assert_int_equal(model.repeated, 0);
                assert_int_equal(model.received, 24);
        }
}

static void test_a_person_in_two_scopes_is_sent_once_and_stays_until_both_are_left(void **state)
{
        const uint32_t both[] = {1, 2};

        (void)state;
        grant_team(1);
        grant_team(2);
        store_begin(&test);
        put_person(1, both, 2);
        for (uint32_t i = 1; i <= 10; i++)
                put_record("message", i, 1);
        store_commit(&test);
        pull_all(100);
        assert_int_equal(model.received, 11);
        store_begin(&test);
        put_record("message", 3, 1);
        store_commit(&test);
        pull_all(1);
        assert_int_equal(model.received, 12);
        store_begin(&test);
        move_person(1, &both[1], 1);
        store_commit(&test);
        pull_all(1);
        assert_equal_to_store();
        assert_int_equal(model.record_count, 11);
        assert_int_equal(model.received, 12);
        store_begin(&test);
        move_person(1, NULL, 0);
        store_commit(&test);
        pull_all(1);
        assert_int_equal(model.record_count, 0);
        assert_int_equal(model.member_count, 0);
}

static void test_an_exit_is_told_only_to_devices_that_were_sent_the_person(void **state)
{
        const uint32_t ours = 1;

        (void)state;
        grant_team(1);
        store_begin(&test);
        put_person(1, &ours, 1);
        store_commit(&test);
        store_begin(&test);
        move_person(1, NULL, 0);
        store_commit(&test);
        (void)pull((size_t)1 << 20, false);
        assert_int_equal(model.received, 0);
        assert_int_equal(model.feed_count, 2); /* the cursors have passed the exit rows */
}

/* Many leave in one commit: the smallest page ends behind all of them, and its cursor names none. */
static void test_a_page_never_ends_inside_of_the_exits_of_a_commit(void **state)
{
        const uint32_t ours = 1;

        (void)state;
        grant_team(1);
        store_begin(&test);
        for (uint32_t i = 1; i <= 6; i++)
                put_person(i, &ours, 1);
        store_commit(&test);
        pull_all((size_t)1 << 20);
        store_begin(&test);
        for (uint32_t i = 1; i <= 5; i++)
                move_person(i, NULL, 0);
        store_commit(&test);
        pull_all(1);
        assert_int_equal(model.record_count, 1);
        for (size_t i = 0; i < model.feed_count; i++)
                assert_true(uuid_equal(&model.feeds[i].cursor.record, &FEED_PASSED));
}

static void forget_exits(uint32_t number, bool again)
{
        const struct uuid person = test_id(PERSON, number);
        int r;

        store_begin(&test);
        r = again ? membership_exit_again(test.writer, &test.locality, &person)
                  : membership_forget_exits(test.writer, &test.locality, &person);
        assert_int_equal(r, 0);
        store_commit(&test);
}

static void test_exit_rows_that_are_gone_move_nobodys_cursor(void **state)
{
        const uint32_t ours = 1;

        (void)state;
        grant_team(1);
        store_begin(&test);
        put_person(1, &ours, 1);
        put_person(2, &ours, 1);
        store_commit(&test);
        pull_all((size_t)1 << 20);
        store_begin(&test);
        move_person(1, NULL, 0);
        store_commit(&test);
        pull_all((size_t)1 << 20);
        model.received = 0;
        forget_exits(1, false); /* it was the newest row */
        pull_all(1);
        assert_int_equal(model.received, 0);
        store_begin(&test);
        put_record("message", 1, 2);
        move_person(1, &ours, 1);
        store_commit(&test);
        pull_all(1);
        assert_equal_to_store();
        assert_int_equal(model.record_count, 3);
}

/* An answer that was made before the exit left after its row was gone: the device is told all the same. */
static void test_an_exit_that_was_forgotten_too_early_is_told_again(void **state)
{
        const struct uuid person = test_id(PERSON, 1);
        const uint32_t ours = 1;
        struct custody_row row = {.locality = test.locality, .person = person};

        (void)state;
        grant_team(1);
        store_begin(&test);
        put_person(1, &ours, 1);
        store_commit(&test);
        pull_all((size_t)1 << 20); /* it is on its way */
        store_begin(&test);
        assert_int_equal(exits_forgotten(test.writer, &row), 0);
        move_person(1, NULL, 0);
        assert_int_equal(exits_forgotten(test.writer, &row), 0);
        store_commit(&test);
        forget_exits(1, false);
        store_begin(&test);
        assert_int_equal(exits_forgotten(test.writer, &row), 1);
        store_commit(&test);
        forget_exits(1, true);
        pull_all(1);
        assert_int_equal(model.record_count, 0);
        assert_int_equal(model.member_count, 0);
}

static void test_somebody_who_comes_back_is_sent_again(void **state)
{
        const uint32_t ours = 1;

        (void)state;
        grant_team(1);
        for (int i = 0; i < 3; i++) {
                store_begin(&test);
                put_person(1, &ours, 1);
                put_record("message", 1, 1);
                store_commit(&test);
                pull_all(1);
                assert_int_equal(model.record_count, 2);
                store_begin(&test);
                move_person(1, NULL, 0);
                store_commit(&test);
                if (i != 1) /* once the device does not notice that she was away */
                        pull_all(1);
                assert_int_equal(model.record_count, i == 1 ? 2 : 0);
        }
        assert_equal_to_store();
}

static int forbid_all(void *context, const struct scope *scope)
{
        (void)scope;
        return *(bool *)context;
}

static void test_a_limit_takes_a_person_out_and_lets_them_in_again(void **state)
{
        const uint32_t ours = 1;
        struct uuid person = test_id(PERSON, 1);
        bool forbid = true;

        (void)state;
        grant_team(1);
        store_begin(&test);
        put_person(1, &ours, 1);
        put_record("message", 1, 1);
        store_commit(&test);
        pull_all(1);
        assert_int_equal(model.record_count, 2);
        store_begin(&test);
        assert_int_equal(
                membership_limit(test.writer, &test.locality, &person, forbid_all, &forbid), 0);
        put_record("message", 2, 1);
        store_commit(&test);
        pull_all(1);
        assert_int_equal(model.record_count, 0);
        forbid = false;
        store_begin(&test);
        assert_int_equal(
                membership_limit(test.writer, &test.locality, &person, forbid_all, &forbid), 0);
        store_commit(&test);
        pull_all(1);
        assert_int_equal(model.record_count, 3);
        assert_equal_to_store();
}

static void test_a_class_above_the_ceiling_is_never_sent(void **state)
{
        const uint32_t ours = 1;

        (void)state;
        grant_team(1);
        test.device.ceiling = CLASS_BASIC;
        store_begin(&test);
        put_person(1, &ours, 1);
        put_record("message", 1, 1);
        put_record("alert", 2, 1);
        store_commit(&test);
        pull_all(1);
        assert_int_equal(model.record_count, 2);
        assert_equal_to_store();
}

static void test_a_cursor_from_another_history_begins_again(void **state)
{
        const uint32_t ours = 1;

        (void)state;
        grant_team(1);
        store_begin(&test);
        put_person(1, &ours, 1);
        store_commit(&test);
        pull_all(1);
        for (size_t i = 0; i < model.feed_count; i++)
                model.feeds[i].cursor.position += 1000;
        pull_all(1);
        assert_int_equal(model.repeated, 1);
        for (size_t i = 0; i < model.feed_count; i++)
                model.feeds[i].cursor.epoch = 9;
        pull_all(1);
        assert_equal_to_store();
}

static void test_a_vector_of_feeds_that_are_not_granted_gets_nothing(void **state)
{
        const uint32_t theirs = 2;

        (void)state;
        grant_team(1);
        store_begin(&test);
        put_person(1, &theirs, 1);
        store_commit(&test);
        model.feeds[0].key =
                (struct wire_feed_key){test.locality, SCOPE_TEAM, test_id(TEAM, 2), CLASS_BASIC};
        model.feed_count = 1;
        (void)pull((size_t)1 << 20, false);
        assert_int_equal(model.received, 0);
        assert_int_equal(model.member_count, 0);
}

static void test_a_link_of_two_people_is_sent_only_where_both_may_be_seen(void **state)
{
        const struct catalogue_type *type = catalogue_type_by_name(bytes_text("person_link"));
        const uint32_t ours = 1, theirs = 2;
        struct record link = {
                .type = type,
                .id = test_id(RECORD, 1),
                .person = test_id(PERSON, 1),
                .locality = test.locality,
                .author = test_id(4, 1),
        };

        (void)state;
        grant_team(1);
        assert_non_null(type);
        link.values[type->other_person_index] =
                (struct value){.form = VALUE_UUID, .uuid = test_id(PERSON, 2)};
        store_begin(&test);
        put_person(1, &ours, 1);
        put_person(2, &theirs, 1);
        link.position = test.writer->ops->locality(test.writer, &test.locality)->position;
        assert_int_equal(test.writer->ops->record_put(test.writer, &link, BYTES_NONE), 0);
        assert_int_equal(membership_publish(test.writer, &link, 0), 0);
        store_commit(&test);
        pull_all(1);
        assert_int_equal(model.record_count, 1);
        store_begin(&test);
        move_person(2, &ours, 1);
        store_commit(&test);
        pull_all(1);
        assert_int_equal(model.record_count, 3);
}

/* ---- everything at once ---- */

struct chaos {
        uint64_t random;
        uint32_t people, records, teams;
        bool stay;                   /* nobody ever leaves a scope */
        uint32_t owner[RECORDS_MAX]; /* of a record */
        uint8_t type[RECORDS_MAX];
};

static void add_team(uint32_t person, uint32_t team)
{
        struct uuid id = test_id(PERSON, person), source = test_id(SOURCE, 100 * person + team);
        const struct uuid team_id = test_id(TEAM, team);

        store_teams(&test, &id, &source, &team_id, 1);
}

static void one_change(struct chaos *chaos)
{
        static const char *const types[] = {"alert", "allergy", "message", "care_plan"};
        uint32_t teams[3], person = 1 + (uint32_t)test_random(&chaos->random, chaos->people + 1);
        size_t count = test_random(&chaos->random, 3);
        uint32_t record;

        for (size_t i = 0; i < 3; i++)
                teams[i] = 1 + (uint32_t)((i + test_random(&chaos->random, 2)) % chaos->teams);
        if (teams[1] == teams[0])
                count = count > 1 ? 1 : count;
        switch (test_random(&chaos->random, 8)) {
        case 0:
                if (chaos->people < 12)
                        put_person(++chaos->people, teams, 1);
                break;
        case 1:
                if (person <= chaos->people && !chaos->stay)
                        move_person(person, teams, count);
                else if (person <= chaos->people)
                        add_team(person, teams[0]);
                break;
        case 2:
        case 3:
        case 4:
                if (chaos->people == 0 || chaos->records + 1 >= RECORDS_MAX)
                        break;
                record = ++chaos->records;
                chaos->owner[record] = 1 + person % chaos->people;
                chaos->type[record] = (uint8_t)test_random(&chaos->random, COUNT(types));
                put_record(types[chaos->type[record]], record, chaos->owner[record]);
                break;
        default:
                if (chaos->records == 0)
                        break;
                record = 1 + (uint32_t)test_random(&chaos->random, chaos->records);
                put_record(types[chaos->type[record]], record, chaos->owner[record]);
                break;
        }
}

static void run_chaos(uint64_t seed, bool stay)
{
        struct chaos chaos = {.random = seed, .teams = 4, .stay = stay};

        for (uint32_t i = 1; i <= 3; i++)
                grant_team(i);
        for (int round = 0; round < 120; round++) {
                store_begin(&test);
                for (uint64_t i = test_random(&chaos.random, 6); i > 0; i--)
                        one_change(&chaos);
                store_commit(&test);
                for (uint64_t i = test_random(&chaos.random, 4); i > 0; i--)
                        (void)pull(1 + test_random(&chaos.random, 400),
                                   test_random(&chaos.random, 4) == 0);
                if (test_random(&chaos.random, 10) == 0) {
                        pull_all(1 + test_random(&chaos.random, 500));
                        assert_equal_to_store();
                }
        }
        pull_all((size_t)1 << 20);
        assert_equal_to_store();
        /* Who leaves one scope for another is sent again: nothing proves that the device still has them. */
        if (stay)
                assert_int_equal(model.repeated, 0);
}

static void test_any_history_ends_with_what_the_scopes_hold(void **state)
{
        for (uint64_t seed = 1; seed <= 16; seed++) {
                run_chaos(seed * 0x9e3779b97f4a7c15ULL, seed % 2 == 0);
                assert_int_equal(tear_down(state), 0);
                assert_int_equal(set_up(state), 0);
        }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(test_a_first_sync_gives_everything_once_and_nothing_else),
                TEST(test_a_join_of_thousands_of_records_can_be_cut_after_any_of_them),
                TEST(test_every_place_to_stop_leads_to_the_same_end),
                TEST(test_a_person_in_two_scopes_is_sent_once_and_stays_until_both_are_left),
                TEST(test_an_exit_is_told_only_to_devices_that_were_sent_the_person),
                TEST(test_a_page_never_ends_inside_of_the_exits_of_a_commit),
                TEST(test_exit_rows_that_are_gone_move_nobodys_cursor),
                TEST(test_an_exit_that_was_forgotten_too_early_is_told_again),
                TEST(test_somebody_who_comes_back_is_sent_again),
                TEST(test_a_limit_takes_a_person_out_and_lets_them_in_again),
                TEST(test_a_class_above_the_ceiling_is_never_sent),
                TEST(test_a_cursor_from_another_history_begins_again),
                TEST(test_a_vector_of_feeds_that_are_not_granted_gets_nothing),
                TEST(test_a_link_of_two_people_is_sent_only_where_both_may_be_seen),
                TEST(test_any_history_ends_with_what_the_scopes_hold),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Scopes by the rules of the real catalogue: assignments, residences, hubs, memberships, consents. */
#include "common/scope.h"

#include "common/error.h"
#include "tests/unit/unit.h"

#include <string.h>

static struct uuid id_of(uint8_t number)
{
        return (struct uuid){{1, number}};
}

static struct record record_of(const char *type, uint8_t id, uint8_t person)
{
        struct record record = {
                .type = catalogue_type_by_name(bytes_text(type)),
                .id = id_of(id),
                .person = person ? id_of(person) : UUID_NONE,
        };

        assert_non_null(record.type);
        return record;
}

static struct value *at(struct record *record, const char *field)
{
        int index = catalogue_field_index_by_name(record->type, bytes_text(field));

        if (index < 0)
                fail_msg("%s has no field %s", record->type->name, field);
        return &record->values[index];
}

static void put_ref(struct record *record, const char *field, uint8_t id)
{
        *at(record, field) = (struct value){.form = VALUE_UUID, .uuid = id_of(id)};
}

static void put_code(struct record *record, const char *field, const char *code)
{
        int index = catalogue_field_index_by_name(record->type, bytes_text(field));
        const struct catalogue_option *option =
                catalogue_option_by_code(&record->type->fields[index], bytes_text(code));

        assert_non_null(option);
        *at(record, field) = (struct value){.form = VALUE_INTEGER, .integer = option->number};
}

static void put_int(struct record *record, const char *field, int64_t number)
{
        *at(record, field) = (struct value){.form = VALUE_INTEGER, .integer = number};
}

static struct scope scope_of(enum scope_kind kind, uint8_t id)
{
        return (struct scope){kind, id_of(id)};
}

static void test_scopes_have_a_text_form_that_is_read_again(void **state)
{
        static const char *const wrong[] = {"",
                                            "team",
                                            "team:",
                                            "tea:01000000-0000-0000-0000-000000000000",
                                            "team:00000000-0000-0000-0000-000000000000",
                                            "team:01000000-0000-0000-0000-00000000000",
                                            "Team:01000000-0000-0000-0000-000000000000"};

        (void)state;
        for (int kind = SCOPE_LOCALITY; kind <= SCOPE_PROVISIONAL; kind++) {
                struct scope scope = scope_of((enum scope_kind)kind, 5), again;
                char text[SCOPE_TEXT_SIZE];

                scope_format(&scope, text);
                assert_int_equal(scope_parse(bytes_text(text), &again), 0);
                assert_true(scope_equal(&scope, &again));
        }
        for (size_t i = 0; i < COUNT(wrong); i++) {
                struct scope scope;

                assert_int_equal(scope_parse(bytes_text(wrong[i]), &scope), PANNIER_E_INVALID);
        }
}

static void test_days_are_right_before_1970_too(void **state)
{
        (void)state;
        assert_int_equal(scope_day(0), 0);
        assert_int_equal(scope_day(86399999), 0);
        assert_int_equal(scope_day(86400000), 1);
        assert_int_equal(scope_day(-1), -1);
        assert_int_equal(scope_day(-86400000), -1);
        assert_int_equal(scope_day(-86400001), -2);
}

static void test_a_set_is_ascending_and_holds_each_once(void **state)
{
        CLEANUP(scope_set_deinit) struct scope_set set = SCOPE_SET_INIT;

        (void)state;
        for (int i = 0; i < 500; i++) {
                struct scope scope = scope_of(i % 2 ? SCOPE_TEAM : SCOPE_HOME, (uint8_t)(i * 37));
                bool held = scope_set_has(&set, &scope);

                assert_int_equal(scope_set_add(&set, &scope), held ? 0 : 1);
                assert_true(scope_set_has(&set, &scope));
        }
        for (size_t i = 1; i < set.count; i++)
                assert_true(scope_compare(&set.items[i - 1], &set.items[i]) < 0);
        while (set.count) {
                struct scope scope = set.items[set.count / 2];

                assert_true(scope_set_remove(&set, &scope));
                assert_false(scope_set_has(&set, &scope));
                assert_false(scope_set_remove(&set, &scope));
        }
}

static void test_an_assignment_contributes_while_it_is_not_ended(void **state)
{
        static const struct {
                const char *status;
                size_t count;
        } rows[] = {{"proposed", 1}, {"active", 1}, {"on_hold", 1}, {"ended", 0}};
        struct scope scopes[SCOPE_PER_RECORD_MAX];

        (void)state;
        for (size_t i = 0; i < COUNT(rows); i++) {
                struct record record = record_of("assignment", 1, 2);

                put_ref(&record, "team", 3);
                put_code(&record, "status", rows[i].status);
                assert_int_equal(scope_contributions(&record, scopes), rows[i].count);
                if (rows[i].count)
                        assert_true(scope_equal(&scopes[0], &(struct scope){SCOPE_TEAM, id_of(3)}));
                record.person = UUID_NONE;
                assert_int_equal(scope_contributions(&record, scopes), 0);
        }
}

static void test_a_residence_contributes_to_its_home(void **state)
{
        struct record record = record_of("residence", 1, 2);
        struct scope scopes[SCOPE_PER_RECORD_MAX];

        (void)state;
        put_code(&record, "status", "current");
        assert_int_equal(scope_contributions(&record, scopes), 0); /* of no home */
        put_ref(&record, "organisation", 4);
        assert_int_equal(scope_contributions(&record, scopes), 1);
        assert_int_equal(scopes[0].kind, SCOPE_HOME);
        put_code(&record, "status", "ended");
        assert_int_equal(scope_contributions(&record, scopes), 0);
}

/* ---- widening ---- */

struct library {
        struct record records[8];
        size_t count;
        int result;
};

static int each_grant(void *context, const struct uuid *team,
                      int (*visit)(void *visit_context, const struct record *record),
                      void *visit_context)
{
        struct library *library = context;

        (void)team; /* others may be among them */
        for (size_t i = 0; i < library->count; i++) {
                int r = visit(visit_context, &library->records[i]);

                if (r != 0)
                        return r;
        }
        return library->result;
}

static struct record serves(uint8_t id, uint8_t server, uint8_t served, const char *relation)
{
        struct record record = record_of("serves", id, 0);

        put_ref(&record, "server", server);
        put_ref(&record, "served", served);
        put_code(&record, "relation", relation);
        return record;
}

static void test_a_hub_holds_the_homes_it_serves_while_it_serves_them(void **state)
{
        struct library library = {.count = 5};
        const struct scope_lookup lookup = {each_grant, &library};
        const struct scope given[] = {scope_of(SCOPE_TEAM, 10), scope_of(SCOPE_HOME, 30)};
        struct record team = record_of("team", 10, 0);

        (void)state;
        put_ref(&team, "organisation", 20);
        library.records[0] = team;
        library.records[1] = serves(41, 10, 21, "telemedicine");
        library.records[2] = serves(42, 10, 22, "telemedicine");
        put_int(&library.records[2], "to", 99);
        library.records[3] = serves(43, 11, 23, "telemedicine"); /* another hub's */
        library.records[4] = serves(44, 10, 24, "area");         /* only works there */
        for (int64_t day = 99; day <= 100; day++) {
                CLEANUP(scope_set_deinit) struct scope_set set = SCOPE_SET_INIT;

                assert_int_equal(scope_expand(given, 2, day, &lookup, &set), 0);
                assert_true(scope_set_has(&set, &given[0]));
                assert_true(scope_set_has(&set, &given[1]));
                assert_true(scope_set_has(&set, &(struct scope){SCOPE_HOME, id_of(20)}));
                assert_true(scope_set_has(&set, &(struct scope){SCOPE_HOME, id_of(21)}));
                assert_int_equal(scope_set_has(&set, &(struct scope){SCOPE_HOME, id_of(22)}),
                                 day == 99);
                assert_int_equal(set.count, day == 99 ? 5 : 4);
        }
}

static void test_a_failed_look_up_is_passed_on(void **state)
{
        CLEANUP(scope_set_deinit) struct scope_set set = SCOPE_SET_INIT;
        struct library library = {.result = PANNIER_E_STORAGE};
        const struct scope_lookup lookup = {each_grant, &library};
        const struct scope given = scope_of(SCOPE_TEAM, 10);

        (void)state;
        assert_int_equal(scope_expand(&given, 1, 0, &lookup, &set), PANNIER_E_STORAGE);
}

static void test_a_membership_counts_from_its_first_to_its_last_day(void **state)
{
        struct record record = record_of("membership", 1, 0);
        struct uuid staff, team;

        (void)state;
        put_ref(&record, "staff", 5);
        assert_false(scope_membership(&record, 10, &staff, &team)); /* of no team */
        put_ref(&record, "team", 6);
        assert_true(scope_membership(&record, 10, &staff, &team));
        assert_memory_equal(staff.bytes, id_of(5).bytes, 16);
        assert_memory_equal(team.bytes, id_of(6).bytes, 16);
        put_int(&record, "from", 10);
        put_int(&record, "to", 12);
        for (int64_t day = 9; day <= 13; day++)
                assert_int_equal(scope_membership(&record, day, &staff, &team),
                                 day >= 10 && day <= 12);
}

/* ---- limits ---- */

static struct record consent(const char *scope, const char *decision, int64_t from_ms)
{
        struct record record = record_of("consent", 1, 2);

        put_code(&record, "scope", scope);
        put_code(&record, "decision", decision);
        put_int(&record, "from", from_ms);
        return record;
}

static struct record organisation(const char *type)
{
        static uint8_t packed[4];
        struct record record = record_of("organisation", 20, 0);
        int index = catalogue_field_index_by_name(record.type, bytes_text("types"));
        const struct catalogue_option *option =
                catalogue_option_by_code(&record.type->fields[index], bytes_text(type));

        assert_non_null(option);
        packed[0] = 0x81;
        packed[1] = (uint8_t)option->number;
        assert_true(option->number < 24);
        *at(&record, "types") = (struct value){.form = VALUE_PACKED, .bytes = BYTES(packed, 2)};
        return record;
}

static void test_the_newest_decision_counts_and_a_refusal_wins_a_tie(void **state)
{
        static const struct {
                const char *first;
                int64_t first_ms;
                const char *second;
                int64_t second_ms;
                bool refused;
        } rows[] = {
                {"withdrawn", 10, "granted", 20, false},  {"withdrawn", 20, "granted", 10, true},
                {"withdrawn", 10, "granted", 10, true},   {"granted", 10, "granted", 20, false},
                {"withdrawn", 10, "withdrawn", 20, true},
        };

        (void)state;
        for (size_t i = 0; i < COUNT(rows); i++)
                for (int swapped = 0; swapped < 2; swapped++) {
                        struct record a = consent("vcse", rows[i].first, rows[i].first_ms);
                        struct record b = consent("vcse", rows[i].second, rows[i].second_ms);
                        struct scope_limits limits;

                        scope_limits_init(&limits);
                        assert_false(scope_limits_any(&limits));
                        scope_limits_take(&limits, swapped ? &b : &a);
                        scope_limits_take(&limits, swapped ? &a : &b);
                        assert_int_equal(scope_limits_any(&limits), rows[i].refused);
                }
}

static void test_limits_forbid_what_they_are_about_and_nothing_else(void **state)
{
        struct record charity = organisation("vcse");
        struct record withdrawn = consent("vcse", "withdrawn", 10);
        struct record unshared = consent("sharing", "withdrawn", 10);
        struct record photo = consent("photo", "withdrawn", 10);
        const struct scope team = scope_of(SCOPE_TEAM, 1), home = scope_of(SCOPE_HOME, 2);
        const struct scope own = scope_of(SCOPE_PROVISIONAL, 3);
        struct scope_limits limits;

        (void)state;
        scope_limits_init(&limits);
        scope_limits_take(&limits, &photo);
        assert_false(scope_limits_any(&limits));
        scope_limits_take(&limits, &withdrawn);
        assert_true(scope_limits_forbid(&limits, &team, &charity));
        assert_false(scope_limits_forbid(&limits, &own, &charity));
        assert_false(scope_limits_forbid(&limits, &team, NULL));
        charity = organisation("gp_practice");
        assert_false(scope_limits_forbid(&limits, &team, &charity));
        scope_limits_take(&limits, &unshared);
        assert_false(scope_limits_forbid(&limits, &team, &charity));
        assert_true(scope_limits_forbid(&limits, &home, NULL));
        assert_false(scope_limits_forbid(&limits, &own, NULL));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_scopes_have_a_text_form_that_is_read_again),
                cmocka_unit_test(test_days_are_right_before_1970_too),
                cmocka_unit_test(test_a_set_is_ascending_and_holds_each_once),
                cmocka_unit_test(test_an_assignment_contributes_while_it_is_not_ended),
                cmocka_unit_test(test_a_residence_contributes_to_its_home),
                cmocka_unit_test(test_a_hub_holds_the_homes_it_serves_while_it_serves_them),
                cmocka_unit_test(test_a_failed_look_up_is_passed_on),
                cmocka_unit_test(test_a_membership_counts_from_its_first_to_its_last_day),
                cmocka_unit_test(test_the_newest_decision_counts_and_a_refusal_wins_a_tie),
                cmocka_unit_test(test_limits_forbid_what_they_are_about_and_nothing_else),
        };

        return cmocka_run_group_tests_name("scope", tests, NULL, NULL);
}

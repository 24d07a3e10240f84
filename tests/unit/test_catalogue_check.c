/* What the catalogue asks of whole records, as device, store and load ask it; NEWS2 is in test_catalogue_news2.c. */
#include "catalogue_check_bed.h"

/* ---- comparisons and needs ---- */

static void diastolic_must_be_below_systolic(void **state)
{
        struct fixture fixture;

        (void)state;
        begin_observations(&fixture);
        set_integer(&fixture.record, "diastolic", 129);
        good(&fixture);
        set_integer(&fixture.record, "diastolic", 130);
        clear(&fixture.record, "news2");
        bad(&fixture, REASON_CHECK, "diastolic");
        clear(&fixture.record, "systolic");
        clear(&fixture.record, "news2_single");
        good(&fixture);
}

static void a_last_day_may_be_the_first_day_but_not_before_it(void **state)
{
        struct fixture fixture;

        (void)state;
        begin(&fixture, "residence");
        set_date(&fixture.record, "from", "2026-03-01");
        set_date(&fixture.record, "to", "2026-03-01");
        good(&fixture);
        set_date(&fixture.record, "to", "2026-02-28");
        bad(&fixture, REASON_CHECK, "from");
}

static void the_store_does_not_blame_an_edit_for_what_another_edit_did(void **state)
{
        struct fixture fixture;

        (void)state;
        begin(&fixture, "residence");
        set_date(&fixture.record, "from", "2026-03-01");
        set_date(&fixture.record, "to", "2026-02-28");
        changed(&fixture, "to");
        fixture.input.where = CHECK_ON_DEVICE;
        bad(&fixture, REASON_CHECK, "from");
        fixture.input.where = CHECK_ON_STORE;
        good(&fixture);
        changed(&fixture, "from");
        bad(&fixture, REASON_CHECK, "from");
}

static void an_edit_of_something_else_is_not_judged_by_old_faults(void **state)
{
        struct fixture fixture;

        (void)state;
        begin(&fixture, "residence");
        set_date(&fixture.record, "from", "2026-03-01");
        set_date(&fixture.record, "to", "2026-02-28");
        changed(&fixture, "room");
        good(&fixture);
}

static void an_active_allergy_needs_its_substance(void **state)
{
        struct fixture fixture;

        (void)state;
        begin(&fixture, "allergy");
        set_code(&fixture.record, "status", "active");
        bad(&fixture, REASON_REQUIRED, "substance");
        set_text(&fixture.record, "substance", "Penicillin");
        good(&fixture);
        begin(&fixture, "allergy");
        set_code(&fixture.record, "status", "none_known");
        good(&fixture);
}

static void breaking_the_glass_needs_a_reason(void **state)
{
        struct fixture fixture;

        (void)state;
        begin(&fixture, "access_event");
        set_code(&fixture.record, "what", "list");
        good(&fixture);
        set_code(&fixture.record, "what", "break_glass");
        bad(&fixture, REASON_REQUIRED, "why");
}

static void a_condition_holds_for_its_options_only(void **state)
{
        struct record record = record_of("assignment");
        const struct catalogue_condition *condition = &record.type->scopes[0].condition;
        const struct catalogue_condition always = {.field_index = -1};

        (void)state;
        assert_false(catalogue_condition_holds(condition, &record));
        assert_true(catalogue_condition_holds(&always, &record));
        set_code(&record, "status", "on_hold");
        assert_true(catalogue_condition_holds(condition, &record));
        set_code(&record, "status", "ended");
        assert_false(catalogue_condition_holds(condition, &record));
        set_integer(&record, "status", 900); /* of a newer catalogue */
        assert_false(catalogue_condition_holds(condition, &record));
}

/* ---- NHS number ---- */

static void a_typed_number_becomes_ten_digits_and_gets_a_status(void **state)
{
        struct fixture fixture;

        (void)state;
        begin(&fixture, "person");
        set_text(&fixture.record, "nhs_number", "999 000 0018");
        good(&fixture);
        assert_text(value_of(&fixture.record, "nhs_number")->bytes, "9990000018");
        assert_true(is_derived(&fixture, "nhs_number"));
        assert_true(has_code(&fixture.record, "nhs_status", "not_traced"));
        assert_true(is_derived(&fixture, "nhs_status"));
        arena_deinit(&fixture.arena);
}

static void a_number_with_a_wrong_check_digit_is_refused_at_the_keyboard(void **state)
{
        struct fixture fixture;

        (void)state;
        begin(&fixture, "person");
        set_text(&fixture.record, "nhs_number", "9990000019");
        assert_int_equal(check(&fixture), PANNIER_E_INVALID);
        assert_int_equal(fixture.result.reason, REASON_CHECK);
        assert_string_equal(fixture.result.field->name, "nhs_number");
        fixture.input.where = CHECK_ON_STORE;
        assert_int_equal(check(&fixture), PANNIER_E_INVALID);
}

static void a_wrong_number_that_is_loaded_is_kept_and_marked(void **state)
{
        struct fixture fixture;

        (void)state;
        begin(&fixture, "person");
        fixture.input.where = CHECK_ON_LOAD;
        set_text(&fixture.record, "nhs_number", "9990000019");
        set_code(&fixture.record, "nhs_status", "verified");
        good(&fixture);
        assert_text(value_of(&fixture.record, "nhs_number")->bytes, "9990000019");
        assert_true(has_code(&fixture.record, "nhs_status", "trace_required"));
}

static void a_number_that_needs_tracing_is_never_a_duplicate(void **state)
{
        struct record record = record_of("person");

        (void)state;
        assert_int_equal(record.type->unique_count, 1);
        set_code(&record, "nhs_status", "trace_required");
        assert_false(catalogue_condition_holds(&record.type->uniques[0].condition, &record));
        set_code(&record, "nhs_status", "not_traced");
        assert_true(catalogue_condition_holds(&record.type->uniques[0].condition, &record));
}

static void a_number_of_the_other_environment_is_refused_everywhere(void **state)
{
        static const enum catalogue_check_where where[] = {CHECK_ON_DEVICE, CHECK_ON_STORE,
                                                           CHECK_ON_LOAD};
        struct fixture fixture;
        size_t i;

        (void)state;
        for (i = 0; i < COUNT(where); i++) {
                begin(&fixture, "person");
                fixture.input.where = where[i];
                set_text(&fixture.record, "nhs_number", "4000000632");
                assert_int_equal(check(&fixture), PANNIER_E_INVALID);
                assert_int_equal(fixture.result.reason, REASON_CHECK);
                fixture.input.environment = NHS_ENVIRONMENT_LIVE;
                good(&fixture);
                set_text(&fixture.record, "nhs_number", "9990000018");
                assert_int_equal(check(&fixture), PANNIER_E_INVALID);
                arena_deinit(&fixture.arena);
        }
}

static void a_person_without_a_number_gets_a_status_that_says_so(void **state)
{
        struct fixture fixture;

        (void)state;
        begin(&fixture, "person");
        good(&fixture);
        assert_true(has_code(&fixture.record, "nhs_status", "none_unknown"));
        set_code(&fixture.record, "nhs_status", "none_homeless");
        good(&fixture);
        assert_true(has_code(&fixture.record, "nhs_status", "none_homeless"));
        set_code(&fixture.record, "nhs_status", "verified");
        bad(&fixture, REASON_CHECK, "nhs_status");
}

static void a_status_that_denies_the_number_is_refused(void **state)
{
        struct fixture fixture;

        (void)state;
        begin(&fixture, "person");
        set_text(&fixture.record, "nhs_number", "9990000018");
        set_code(&fixture.record, "nhs_status", "none_visitor");
        bad(&fixture, REASON_CHECK, "nhs_status");
        arena_deinit(&fixture.arena);
}

static void an_edit_of_a_phone_is_not_judged_by_an_imported_number(void **state)
{
        struct fixture fixture;

        (void)state;
        begin(&fixture, "person");
        set_text(&fixture.record, "nhs_number", "9990000019");
        set_code(&fixture.record, "nhs_status", "trace_required");
        changed(&fixture, "phone");
        good(&fixture);
        assert_int_equal(fixture.result.derived, 0);
}

/* ---- adults ---- */

static void nobody_under_16_is_taken(void **state)
{
        struct fixture fixture;

        (void)state;
        begin(&fixture, "person");
        set_date(&fixture.record, "birth_date", "2010-11-21"); /* 16 today */
        good(&fixture);
        set_date(&fixture.record, "birth_date", "2010-11-22");
        assert_int_equal(check(&fixture), PANNIER_E_INVALID);
        assert_int_equal(fixture.result.reason, REASON_UNDER_16);
        assert_non_null(strstr(error_detail(), "under 16"));
        set_date(&fixture.record, "birth_date", "2026-11-22");
        bad(&fixture, REASON_CHECK, "birth_date");
        clear(&fixture.record, "birth_date"); /* not known is not a child */
        good(&fixture);
}

/* ---- advance care ---- */

static void begin_decision(struct record *record, uint8_t id, const char *kind,
                           const char *decision)
{
        *record = record_of("advance_care");
        record->id.bytes[0] = id;
        set_code(record, "kind", kind);
        set_text(record, "decision", decision);
        set_text(record, "signed_by", "Dr B. Jones, GMC 1234567");
}

static void a_decision_is_contested_where_paper_would_be_asked_for(void **state)
{
        struct record a, b, c;
        const struct record *records[] = {&a, &b, &c};
        int64_t today = date_of_instant(NOW_MS);
        uint8_t contested[3];

        (void)state;
        begin_decision(&a, 1, "dnacpr", "Do not attempt");
        begin_decision(&b, 2, "dnacpr", "Do not attempt");
        begin_decision(&c, 3, "preferred_place", "Home");
        catalogue_check_contested(records, 3, today, contested);
        assert_int_equal(contested[0] | contested[1] | contested[2], 0);

        set_text(&b, "decision", "For full resuscitation");
        clear(&c, "signed_by");
        set_integer(&c, "review_on", today - 1);
        catalogue_check_contested(records, 3, today, contested);
        assert_int_equal(contested[0], CONTESTED_CONTRADICTED);
        assert_int_equal(contested[1], CONTESTED_CONTRADICTED);
        assert_int_equal(contested[2], CONTESTED_UNSIGNED | CONTESTED_REVIEW_PAST);

        set_integer(&c, "review_on", today);
        set_text(&c, "signed_by", "");
        catalogue_check_contested(records, 3, today, contested);
        assert_int_equal(contested[2], CONTESTED_UNSIGNED);
}

static void what_was_replaced_or_struck_out_contradicts_nothing(void **state)
{
        struct record old, new, strike;
        const struct record *records[] = {&old, &new, &strike};
        uint8_t contested[3];

        (void)state;
        begin_decision(&old, 1, "dnacpr", "Do not attempt");
        begin_decision(&new, 2, "dnacpr", "For full resuscitation");
        begin_decision(&strike, 3, "dnacpr", "Written on the wrong person");
        new.values[index_of(&new, "amends")] = (struct value){.form = VALUE_UUID, .uuid = old.id};
        set_integer(&strike, "entered_in_error", 1);
        catalogue_check_contested(records, 3, 0, contested);
        assert_int_equal(contested[0] | contested[1] | contested[2], 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(diastolic_must_be_below_systolic),
                cmocka_unit_test(a_last_day_may_be_the_first_day_but_not_before_it),
                cmocka_unit_test(the_store_does_not_blame_an_edit_for_what_another_edit_did),
                cmocka_unit_test(an_edit_of_something_else_is_not_judged_by_old_faults),
                cmocka_unit_test(an_active_allergy_needs_its_substance),
                cmocka_unit_test(breaking_the_glass_needs_a_reason),
                cmocka_unit_test(a_condition_holds_for_its_options_only),
                cmocka_unit_test(a_typed_number_becomes_ten_digits_and_gets_a_status),
                cmocka_unit_test(a_number_with_a_wrong_check_digit_is_refused_at_the_keyboard),
                cmocka_unit_test(a_wrong_number_that_is_loaded_is_kept_and_marked),
                cmocka_unit_test(a_number_that_needs_tracing_is_never_a_duplicate),
                cmocka_unit_test(a_number_of_the_other_environment_is_refused_everywhere),
                cmocka_unit_test(a_person_without_a_number_gets_a_status_that_says_so),
                cmocka_unit_test(a_status_that_denies_the_number_is_refused),
                cmocka_unit_test(an_edit_of_a_phone_is_not_judged_by_an_imported_number),
                cmocka_unit_test(nobody_under_16_is_taken),
                cmocka_unit_test(a_decision_is_contested_where_paper_would_be_asked_for),
                cmocka_unit_test(what_was_replaced_or_struck_out_contradicts_nothing),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}

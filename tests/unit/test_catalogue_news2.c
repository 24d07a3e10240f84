/* NEWS2 as the catalogue binds it to fields. The scores themselves: test_news2.c. */
#include "catalogue_check_bed.h"

static void observations_get_their_total_on_the_device(void **state)
{
        struct fixture fixture;

        (void)state;
        begin_observations(&fixture);
        good(&fixture);
        assert_true(fixture.result.scored);
        assert_int_equal(fixture.result.news2.status, NEWS2_COMPLETE);
        assert_int_equal(value_of(&fixture.record, "news2")->integer, 7);
        assert_int_equal(value_of(&fixture.record, "news2_single")->integer, 1);
        assert_true(has_code(&fixture.record, "spo2_scale", "scale_1"));
        assert_true(is_derived(&fixture, "news2"));
        assert_true(is_derived(&fixture, "news2_single"));
        assert_false(is_derived(&fixture, "news2_store"));
        assert_true(fixture.result.news2.scale_1_note);
}

static void a_missing_value_leaves_no_total_but_a_three_shows(void **state)
{
        struct fixture fixture;

        (void)state;
        begin_observations(&fixture);
        clear(&fixture.record, "temperature");
        good(&fixture);
        assert_int_equal(fixture.result.news2.status, NEWS2_INCOMPLETE);
        assert_int_equal(value_of(&fixture.record, "news2")->form, VALUE_UNSET);
        assert_int_equal(value_of(&fixture.record, "news2_single")->integer, 1);
}

static void every_single_input_is_looked_at(void **state)
{
        static const char *const inputs[] = {"respiration", "spo2",  "oxygen",
                                             "systolic",    "pulse", "consciousness",
                                             "temperature"};
        struct fixture fixture;
        size_t i;

        (void)state;
        for (i = 0; i < COUNT(inputs); i++) {
                begin_observations(&fixture);
                clear(&fixture.record, inputs[i]);
                good(&fixture);
                assert_int_equal(fixture.result.news2.status, NEWS2_INCOMPLETE);
                assert_int_equal(value_of(&fixture.record, "news2")->form, VALUE_UNSET);
        }
}

static void new_confusion_scores_three(void **state)
{
        static const char *const codes[] = {"C", "V", "P", "U"};
        struct fixture fixture;
        size_t i;

        (void)state;
        for (i = 0; i < COUNT(codes); i++) {
                begin_observations(&fixture);
                set_code(&fixture.record, "consciousness", codes[i]);
                good(&fixture);
                assert_int_equal(value_of(&fixture.record, "news2")->integer, 10);
        }
}

static void scale_2_is_used_only_where_somebody_signed_for_it(void **state)
{
        struct fixture fixture;

        (void)state;
        begin_observations(&fixture);
        fixture.input.baseline = &fixture.baseline;
        set_integer(&fixture.record, "spo2", 90);
        set_code(&fixture.record, "spo2_scale", "scale_2"); /* what the caller would like */
        set_code(&fixture.baseline, "spo2_scale", "scale_2");
        good(&fixture);
        assert_true(has_code(&fixture.record, "spo2_scale", "scale_1"));
        assert_int_equal(value_of(&fixture.record, "news2")->integer, 8);

        begin_observations(&fixture);
        fixture.input.baseline = &fixture.baseline;
        set_integer(&fixture.record, "spo2", 90);
        set_code(&fixture.baseline, "spo2_scale", "scale_2");
        set_text(&fixture.baseline, "spo2_scale_signer", "Dr A. Khan, respiratory");
        good(&fixture);
        assert_true(has_code(&fixture.record, "spo2_scale", "scale_2"));
        assert_int_equal(value_of(&fixture.record, "news2")->integer, 5);
        assert_false(fixture.result.news2.scale_1_note);
}

static void a_total_worked_out_elsewhere_must_be_the_same(void **state)
{
        struct fixture fixture;

        (void)state;
        begin_observations(&fixture);
        set_integer(&fixture.record, "news2", 7);
        good(&fixture);
        begin_observations(&fixture);
        set_integer(&fixture.record, "news2", 1);
        bad(&fixture, REASON_CHECK, "news2");
        begin_observations(&fixture);
        clear(&fixture.record, "pulse");
        set_integer(&fixture.record, "news2", 6);
        bad(&fixture, REASON_CHECK, "news2");
        begin_observations(&fixture);
        set_integer(&fixture.record, "news2_single", 0);
        bad(&fixture, REASON_CHECK, "news2_single");
}

static void pregnancy_gets_no_score_and_is_asked_where_it_is_possible(void **state)
{
        struct fixture fixture;

        (void)state;
        begin_observations(&fixture);
        set_date(&fixture.person, "birth_date", "1990-05-05");
        set_code(&fixture.person, "gender", "female");
        good(&fixture);
        assert_int_equal(fixture.result.news2.status, NEWS2_ASK_PREGNANCY);
        assert_int_equal(value_of(&fixture.record, "news2")->form, VALUE_UNSET);

        fixture.input.baseline = &fixture.baseline;
        set_code(&fixture.baseline, "pregnant", "yes");
        good(&fixture);
        assert_int_equal(fixture.result.news2.status, NEWS2_IN_PREGNANCY);
        set_code(&fixture.baseline, "pregnant", "unknown");
        good(&fixture);
        assert_int_equal(fixture.result.news2.status, NEWS2_ASK_PREGNANCY);
        set_code(&fixture.baseline, "pregnant", "no");
        good(&fixture);
        assert_int_equal(fixture.result.news2.status, NEWS2_COMPLETE);
}

static void a_man_or_an_old_woman_is_not_asked_about_pregnancy(void **state)
{
        struct fixture fixture;

        (void)state;
        begin_observations(&fixture);
        set_code(&fixture.person, "gender", "female");
        good(&fixture);
        assert_int_equal(fixture.result.news2.status, NEWS2_COMPLETE);
        begin_observations(&fixture);
        set_date(&fixture.person, "birth_date", "1990-05-05");
        set_code(&fixture.person, "gender", "male");
        good(&fixture);
        assert_int_equal(fixture.result.news2.status, NEWS2_COMPLETE);
}

static void without_a_known_age_there_is_no_score(void **state)
{
        struct fixture fixture;

        (void)state;
        begin_observations(&fixture);
        clear(&fixture.person, "birth_date");
        good(&fixture);
        assert_int_equal(fixture.result.news2.status, NEWS2_ASK_AGE);
        fixture.input.person = NULL;
        good(&fixture);
        assert_int_equal(fixture.result.news2.status, NEWS2_ASK_AGE);
        assert_int_equal(value_of(&fixture.record, "news2")->form, VALUE_UNSET);
}

static void the_store_computes_the_total_again(void **state)
{
        struct fixture fixture;

        (void)state;
        begin_observations(&fixture);
        fixture.input.where = CHECK_ON_STORE;
        set_integer(&fixture.record, "news2", 7);
        good(&fixture);
        assert_int_equal(value_of(&fixture.record, "news2_store")->integer, 7);
        assert_false(fixture.result.differs);
        assert_int_equal(value_of(&fixture.record, "news2_differs")->form, VALUE_UNSET);
        assert_false(is_derived(&fixture, "news2"));
}

static void where_they_differ_both_totals_are_kept_and_it_is_told(void **state)
{
        struct fixture fixture;

        (void)state;
        begin_observations(&fixture);
        fixture.input.where = CHECK_ON_STORE;
        set_integer(&fixture.record, "news2", 5);
        good(&fixture);
        assert_int_equal(value_of(&fixture.record, "news2")->integer, 5);
        assert_int_equal(value_of(&fixture.record, "news2_store")->integer, 7);
        assert_int_equal(value_of(&fixture.record, "news2_differs")->integer, 1);
        assert_true(fixture.result.differs);

        begin_observations(&fixture); /* a total that the store cannot confirm */
        fixture.input.where = CHECK_ON_STORE;
        clear(&fixture.record, "pulse");
        set_integer(&fixture.record, "news2", 6);
        good(&fixture);
        assert_true(fixture.result.differs);
        assert_int_equal(value_of(&fixture.record, "news2_store")->form, VALUE_UNSET);

        begin_observations(&fixture); /* a total that only the store could compute */
        fixture.input.where = CHECK_ON_STORE;
        good(&fixture);
        assert_true(fixture.result.differs);

        begin_observations(&fixture); /* an older system's history has no totals */
        fixture.input.where = CHECK_ON_LOAD;
        good(&fixture);
        assert_false(fixture.result.differs);
        assert_int_equal(value_of(&fixture.record, "news2_store")->integer, 7);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(observations_get_their_total_on_the_device),
                cmocka_unit_test(a_missing_value_leaves_no_total_but_a_three_shows),
                cmocka_unit_test(every_single_input_is_looked_at),
                cmocka_unit_test(new_confusion_scores_three),
                cmocka_unit_test(scale_2_is_used_only_where_somebody_signed_for_it),
                cmocka_unit_test(a_total_worked_out_elsewhere_must_be_the_same),
                cmocka_unit_test(pregnancy_gets_no_score_and_is_asked_where_it_is_possible),
                cmocka_unit_test(a_man_or_an_old_woman_is_not_asked_about_pregnancy),
                cmocka_unit_test(without_a_known_age_there_is_no_score),
                cmocka_unit_test(the_store_computes_the_total_again),
                cmocka_unit_test(where_they_differ_both_totals_are_kept_and_it_is_told),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}

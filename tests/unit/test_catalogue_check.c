/*
 * What the catalogue asks of whole records, as device, store and load ask it. The scores themselves: test_news2.c.
 * file length: one fixture that all checks by name share
 */
#include "unit.h"

#include "common/catalogue_check.h"
#include "common/date.h"
#include "common/error.h"

#include <pannier/error.h>
#include <string.h>

#define NOW_MS ((int64_t)1795291200000) /* 2026-11-21, evening */

struct fixture {
        struct arena arena;
        struct record record, person, baseline;
        struct catalogue_check_input input;
        struct catalogue_check_result result;
};

static int index_of(const struct record *record, const char *name)
{
        int index = catalogue_field_index_by_name(record->type, bytes_text(name));

        assert_true(index >= 0);
        return index;
}

static void set_integer(struct record *record, const char *name, int64_t integer)
{
        record->values[index_of(record, name)] =
                (struct value){.form = VALUE_INTEGER, .integer = integer};
}

static void set_text(struct record *record, const char *name, const char *text)
{
        record->values[index_of(record, name)] =
                (struct value){.form = VALUE_BYTES, .bytes = bytes_text(text)};
}

static void set_code(struct record *record, const char *name, const char *code)
{
        int index = index_of(record, name);
        const struct catalogue_option *option =
                catalogue_option_by_code(&record->type->fields[index], bytes_text(code));

        assert_non_null(option);
        set_integer(record, name, option->number);
}

static void set_date(struct record *record, const char *name, const char *text)
{
        int64_t date;

        assert_int_equal(date_parse(bytes_text(text), &date), 0);
        set_integer(record, name, date);
}

static void clear(struct record *record, const char *name)
{
        record->values[index_of(record, name)] = (struct value){0};
}

static const struct value *value_of(const struct record *record, const char *name)
{
        return &record->values[index_of(record, name)];
}

static bool has_code(const struct record *record, const char *name, const char *code)
{
        int index = index_of(record, name);
        const struct catalogue_option *option =
                catalogue_option_by_code(&record->type->fields[index], bytes_text(code));

        assert_non_null(option);
        return record->values[index].form == VALUE_INTEGER &&
               record->values[index].integer == option->number;
}

static bool is_derived(const struct fixture *fixture, const char *name)
{
        return (fixture->result.derived >> index_of(&fixture->record, name) & 1) != 0;
}

static void changed(struct fixture *fixture, const char *name)
{
        fixture->input.create = false;
        fixture->input.changed |= UINT64_C(1) << index_of(&fixture->record, name);
}

static struct record record_of(const char *type)
{
        struct record record = {.type = catalogue_type_by_name(bytes_text(type))};

        assert_non_null(record.type);
        return record;
}

static void begin(struct fixture *fixture, const char *type)
{
        memset(fixture, 0, sizeof(*fixture));
        fixture->record = record_of(type);
        fixture->person = record_of("person");
        fixture->baseline = record_of("baseline");
        fixture->input.create = true;
        fixture->input.environment = NHS_ENVIRONMENT_TEST;
        fixture->input.now_ms = NOW_MS;
        set_date(&fixture->person, "birth_date", "1941-03-02");
}

/* A set of observations with a total of 7: 25 + 3, 93 % 2, 38.5 °C 1, pulse 95 1. */
static void begin_observations(struct fixture *fixture)
{
        begin(fixture, "observations");
        set_integer(&fixture->record, "taken", NOW_MS);
        set_integer(&fixture->record, "respiration", 25);
        set_integer(&fixture->record, "spo2", 93);
        set_code(&fixture->record, "oxygen", "air");
        set_integer(&fixture->record, "systolic", 130);
        set_integer(&fixture->record, "pulse", 95);
        set_code(&fixture->record, "consciousness", "A");
        set_integer(&fixture->record, "temperature", 385);
        fixture->input.person = &fixture->person;
}

/* The store reads no more than catalogue_check_reads() names: whatever a check needs has to be among it. */
static void leave_what_is_read(struct record *record)
{
        for (uint16_t i = 0; i < record->type->field_count; i++)
                if (!(catalogue_check_reads(record->type) >> i & 1))
                        record->values[i] = (struct value){0};
}

static int check(struct fixture *fixture)
{
        leave_what_is_read(&fixture->person);
        leave_what_is_read(&fixture->baseline);
        return catalogue_check(&fixture->input, &fixture->record, &fixture->arena,
                               &fixture->result);
}

static void good(struct fixture *fixture)
{
        int r = check(fixture);

        if (r != 0)
                fail_msg("refused: %s", error_detail());
        assert_int_equal(fixture->result.reason, REASON_NONE);
}

static void bad(struct fixture *fixture, enum quarantine_reason reason, const char *field)
{
        assert_int_equal(check(fixture), PANNIER_E_INVALID);
        assert_int_equal(fixture->result.reason, reason);
        assert_string_equal(fixture->result.field->name, field);
        assert_non_null(strstr(error_detail(), field));
}

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

/* ---- NEWS2 ---- */

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
                cmocka_unit_test(a_decision_is_contested_where_paper_would_be_asked_for),
                cmocka_unit_test(what_was_replaced_or_struck_out_contradicts_nothing),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}

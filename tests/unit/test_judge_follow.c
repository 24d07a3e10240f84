/* What the store itself does because of an entry: consequences, tasks, duplicates, scores; imports and time. */
#include "common/error.h"
#include "tests/unit/judge_bed.h"
#include "tests/unit/unit.h"

#include <string.h>

/* ---- what follows ---- */

static void test_a_new_address_makes_one_task_to_check_it(void **state)
{
        struct uuid person = judge_person(&test, NURSES, "Ahmed");
        struct paper paper = paper_edit(&test, TABLET, ANNA, "person", &person);
        struct uuid tasks[3];
        struct value about;
        struct fate fate;

        (void)state;
        paper_text(&paper, "address", "1 High Street");
        paper_text(&paper, "postcode", "M1 1AA");
        fate = paper_send(&paper);
        assert_outcome(&fate, OUTCOME_APPLIED);
        assert_int_equal(judge_find(&test, "task", &person, tasks, 3), 1);
        about = judge_value(&test, "task", &tasks[0], "about");
        assert_memory_equal(about.uuid.bytes, person.bytes, 16);
        assert_code("task", &tasks[0], "status", "requested");
        (void)paper_send(&paper);
        assert_int_equal(judge_find(&test, "task", &person, tasks, 3), 1);
}

static struct paper escalate(const struct uuid *person)
{
        struct paper paper = paper_create(&test, TABLET, ANNA, "escalation", person);

        paper_text(&paper, "situation", "worse");
        paper_code(&paper, "priority", "urgent");
        return paper;
}

static void test_advice_answers_its_escalation_and_nobody_else_s(void **state)
{
        struct uuid person = judge_person(&test, NURSES, "Ahmed");
        struct uuid other = judge_person(&test, NURSES, "Brown");
        struct paper escalation = escalate(&person), foreign = escalate(&other), advice;
        struct fate fate = paper_send(&escalation);

        (void)state;
        assert_outcome(&fate, OUTCOME_APPLIED);
        (void)paper_send(&foreign);
        assert_code("escalation", &escalation.body.record, "status", "waiting");
        advice = paper_create(&test, TABLET, DOCTOR, "advice", &person);
        paper_ref(&advice, "escalation", &foreign.body.record);
        paper_code(&advice, "decision", "call_999");
        (void)paper_send(&advice);
        assert_code("escalation", &foreign.body.record, "status", "waiting");
        advice = paper_create(&test, TABLET, DOCTOR, "advice", &person);
        paper_ref(&advice, "escalation", &escalation.body.record);
        paper_code(&advice, "decision", "call_999");
        fate = paper_send(&advice);
        assert_outcome(&fate, OUTCOME_APPLIED);
        assert_code("escalation", &escalation.body.record, "status", "answered");
}

static void test_a_reported_death_shows_at_once_and_pauses_assignments(void **state)
{
        struct uuid person = judge_person(&test, NURSES, "Ahmed");
        struct paper paper = paper_edit(&test, TABLET, ANNA, "person", &person);
        struct uuid assignments[2];
        struct fate fate;

        (void)state;
        paper_code(&paper, "deceased", "reported");
        fate = paper_send(&paper);
        assert_outcome(&fate, OUTCOME_APPLIED);
        assert_int_equal(judge_find(&test, "assignment", &person, assignments, 2), 1);
        assert_code("assignment", &assignments[0], "status", "on_hold");
        assert_true(in_team(&person, NURSES));
}

/* ---- second records ---- */

static void test_a_second_home_is_kept_and_raises_a_duplicate(void **state)
{
        struct uuid person = judge_person(&test, NURSES, "Ahmed");
        struct uuid found[4];
        struct conflict conflict;

        (void)state;
        for (int i = 0; i < 3; i++) {
                struct paper home = paper_create(&test, TABLET, ANNA, "residence", &person);
                struct fate fate;

                paper_ref(&home, "organisation", &test.organisations[i == 1 ? TRUST : HOME]);
                paper_code(&home, "status", "current");
                fate = paper_send(&home);
                assert_outcome(&fate, OUTCOME_APPLIED);
                assert_int_equal(judge_find(&test, "conflict", &person, found, 4), i > 0);
        }
        assert_int_equal(judge_find(&test, "residence", &person, found, 4), 3);
        assert_int_equal(judge_find(&test, "conflict", &person, found, 4), 1);
        conflict = judge_conflict(&test, &found[0]);
        assert_int_equal(conflict.kind, catalogue_bind()->conflict.kind_duplicate);
        assert_int_equal(conflict_open_count(&conflict), 2);
}

static void test_an_nhs_number_that_is_there_leads_to_a_link_not_to_a_merge(void **state)
{
        struct uuid links[2];
        struct paper papers[2];
        struct value other;

        (void)state;
        for (int i = 0; i < 2; i++) {
                struct fate fate;

                papers[i] = paper_person(&test, i ? SECOND : TABLET, i ? BOB : ANNA, "Same");
                paper_text(&papers[i], "nhs_number", "9990000018");
                fate = paper_send(&papers[i]);
                assert_outcome(&fate, OUTCOME_APPLIED);
        }
        assert_int_equal(judge_find(&test, "person_link", &papers[0].body.record, links, 2), 0);
        assert_int_equal(judge_find(&test, "person_link", &papers[1].body.record, links, 2), 1);
        other = judge_value(&test, "person_link", &links[0], "other");
        assert_memory_equal(other.uuid.bytes, papers[0].body.record.bytes, 16);
        assert_int_equal(judge_value(&test, "person_link", &links[0], "kind").form, VALUE_UNSET);
}

static struct uuid load_numbered(const char *number)
{
        struct uuid person = judge_test_id(&test);
        struct entry_change changes[2] = {
                {.number = 1, .value = {.form = VALUE_BYTES, .bytes = bytes_text(number)}},
                {.number = 3, .value = {.form = VALUE_BYTES, .bytes = bytes_text("Same")}},
        };
        const struct judge_change change = {
                .locality = &test.store.locality,
                .type = catalogue_person_type(),
                .entry = judge_test_id(&test),
                .record = person,
                .person = person,
                .changes = changes,
                .change_count = 2,
        };

        judge_load(&test, &change, JUDGE_CREATED);
        return person;
}

static void test_a_number_that_cannot_be_right_never_links_two_people(void **state)
{
        struct uuid links[1];

        (void)state;
        for (int i = 0; i < 2; i++) {
                struct uuid person = load_numbered("9990000019");

                assert_int_equal(judge_find(&test, "person_link", &person, links, 1), 0);
                assert_code("person", &person, "nhs_status", "trace_required");
        }
}

/* ---- scores ---- */

static struct paper observe(const struct uuid *person, int64_t total)
{
        struct paper paper = paper_create(&test, TABLET, ANNA, "observations", person);

        paper_int(&paper, "taken", test.now_ms);
        paper_int(&paper, "respiration", 25); /* 3 */
        paper_int(&paper, "spo2", 96);
        paper_code(&paper, "oxygen", "air");
        paper_code(&paper, "spo2_scale", "scale_1");
        paper_int(&paper, "systolic", 120);
        paper_int(&paper, "diastolic", 80);
        paper_int(&paper, "pulse", 112); /* 2 */
        paper_code(&paper, "consciousness", "A");
        paper_int(&paper, "temperature", 392); /* 2 */
        paper_int(&paper, "news2", total);
        paper_int(&paper, "news2_single", 1);
        return paper;
}

static struct uuid adult(void)
{
        struct uuid person = judge_person(&test, NURSES, "Ahmed");
        struct entry_change changes[1] = {
                {.number = 6, .value = {.form = VALUE_INTEGER, .integer = -10000}},
        };
        const struct judge_change change = {
                .locality = &test.store.locality,
                .type = catalogue_person_type(),
                .entry = judge_test_id(&test),
                .record = person,
                .person = person,
                .changes = changes,
                .change_count = 1,
        };

        judge_load(&test, &change, JUDGE_EDITED);
        tablet_pull(&test, TABLET);
        return person;
}

static void test_the_store_scores_again_and_agrees_in_silence(void **state)
{
        struct uuid person = adult();
        struct paper paper = observe(&person, 7);
        struct fate fate = paper_send(&paper);
        struct uuid found[1];

        (void)state;
        assert_outcome(&fate, OUTCOME_APPLIED);
        assert_int_equal(
                judge_value(&test, "observations", &paper.body.record, "news2_store").integer, 7);
        assert_int_equal(judge_find(&test, "conflict", &person, found, 1), 0);
}

static void test_a_score_that_differs_is_kept_beside_and_told(void **state)
{
        struct uuid person = adult();
        struct paper paper = observe(&person, 3);
        struct fate fate = paper_send(&paper);
        struct uuid found[2];
        struct conflict conflict;

        (void)state;
        assert_outcome(&fate, OUTCOME_APPLIED);
        assert_int_equal(judge_value(&test, "observations", &paper.body.record, "news2").integer,
                         3);
        assert_int_equal(
                judge_value(&test, "observations", &paper.body.record, "news2_store").integer, 7);
        assert_int_equal(
                judge_value(&test, "observations", &paper.body.record, "news2_differs").integer, 1);
        assert_int_equal(judge_find(&test, "conflict", &person, found, 2), 1);
        conflict = judge_conflict(&test, &found[0]);
        assert_int_equal(conflict.kind, catalogue_bind()->conflict.kind_duplicate);
        assert_int_equal(conflict.standing[0].value.integer, 3);
        assert_int_equal(conflict.others[0].changes[0].value.integer, 7);
}

static void test_the_store_scores_by_the_signed_scale_of_the_person(void **state)
{
        struct uuid person = adult();
        struct paper baseline = paper_create(&test, TABLET, DOCTOR, "baseline", &person);
        struct paper papers[2];

        (void)state;
        paper_code(&baseline, "spo2_scale", "scale_2");
        paper_text(&baseline, "spo2_scale_signer", "Dr Who, respiratory");
        papers[0] = observe(&person, 7); /* 96 % on air: 0 on either scale */
        papers[0].changes[2].value.integer = 90;
        papers[1] = papers[0];
        papers[1].header.id = papers[1].body.record = judge_test_id(&test);
        (void)paper_send(&papers[0]); /* 90 % is 3 on scale 1 */
        assert_int_equal(
                judge_value(&test, "observations", &papers[0].body.record, "news2_store").integer,
                10);
        {
                struct fate fate = paper_send(&baseline);

                assert_outcome(&fate, OUTCOME_APPLIED);
        }
        (void)paper_send(&papers[1]); /* and 0 on scale 2 */
        assert_int_equal(
                judge_value(&test, "observations", &papers[1].body.record, "news2_store").integer,
                7);
}

/* ---- imports and time ---- */

static struct judge_change phone_change(const struct uuid *person, struct entry_change *change,
                                        const char *phone)
{
        *change = (struct entry_change){.number = 12,
                                        .value = {.form = VALUE_BYTES, .bytes = bytes_text(phone)}};
        return (struct judge_change){
                .locality = &test.store.locality,
                .type = catalogue_person_type(),
                .entry = judge_test_id(&test),
                .record = *person,
                .person = *person,
                .changes = change,
                .change_count = 1,
        };
}

static void test_loading_the_same_again_writes_nothing(void **state)
{
        struct uuid person = judge_person(&test, NURSES, "Ahmed");
        struct entry_change value;
        struct judge_change change = phone_change(&person, &value, "1");
        size_t rows;
        uint64_t position;

        (void)state;
        judge_load(&test, &change, JUDGE_EDITED);
        rows = judge_log_count(&test, false);
        position = judge_position(&test, "person", &person);
        change.entry = judge_test_id(&test);
        judge_load(&test, &change, JUDGE_UNCHANGED);
        assert_int_equal(judge_log_count(&test, false), rows);
        assert_int_equal(judge_position(&test, "person", &person), position);
}

static void test_an_import_does_not_take_back_what_staff_wrote(void **state)
{
        struct uuid person = judge_person(&test, NURSES, "Ahmed");
        struct entry_change value;
        struct judge_change change = phone_change(&person, &value, "1");
        struct paper paper;

        (void)state;
        judge_load(&test, &change, JUDGE_EDITED);
        tablet_pull(&test, TABLET);
        paper = paper_edit(&test, TABLET, ANNA, "person", &person);
        paper_text(&paper, "phone", "2");
        (void)paper_send(&paper);
        change = phone_change(&person, &value, "1");
        change.keep_staff = true;
        judge_load(&test, &change, JUDGE_UNCHANGED);
        change.keep_staff = false;
        judge_load(&test, &change, JUDGE_EDITED);
}

static void test_an_import_is_held_to_the_catalogue(void **state)
{
        struct uuid person = judge_person(&test, NURSES, "Ahmed");
        struct entry_change value;
        struct judge_change change = phone_change(&person, &value, "1");

        (void)state;
        value.value = (struct value){.form = VALUE_INTEGER, .integer = 1};
        judge_load(&test, &change, PANNIER_E_INVALID);
        change = phone_change(&person, &value, "1");
        change.person = test.teams[0];
        judge_load(&test, &change, PANNIER_E_TAKEN);
        change = phone_change(&person, &value, "Her son"); /* under the id of the person's record */
        change.type = catalogue_type_by_name(bytes_text("contact_person"));
        value.number = 1;
        judge_load(&test, &change, PANNIER_E_TAKEN);
}

static void tick_until_done(int64_t now_ms, size_t max)
{
        int r = 1;

        for (int i = 0; r > 0 && i < 100; i++) {
                store_begin(&test.store);
                judge_begin(test.judge, now_ms);
                r = judge_tick(test.judge, &test.store.locality, max);
                assert_true(r >= 0);
                store_commit(&test.store);
        }
        assert_int_equal(r, 0);
}

static void test_a_last_day_that_is_past_ends_what_it_ended(void **state)
{
        struct uuid person = judge_person(&test, NURSES, "Ahmed");
        struct paper team = assign(TABLET, ANNA, &person, HUB, "active");
        int64_t today = scope_day(test.now_ms);
        size_t rows;
        struct fate fate;

        (void)state;
        paper_int(&team, "to", today);
        fate = paper_send(&team);
        assert_outcome(&fate, OUTCOME_APPLIED);
        tick_until_done(test.now_ms, 1);
        assert_true(in_team(&person, HUB)); /* its last day is today */
        tick_until_done(test.now_ms + 86400000, 1);
        assert_false(in_team(&person, HUB));
        assert_true(in_team(&person, NURSES));
        assert_code("assignment", &team.body.record, "status", "ended");
        rows = judge_log_count(&test, true);
        tick_until_done(test.now_ms + 86400000, 1000);
        tick_until_done(test.now_ms + 2 * 86400000, 1000);
        assert_int_equal(judge_log_count(&test, true), rows);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        const struct CMUnitTest tests[] = {
                TEST(test_a_new_address_makes_one_task_to_check_it),
                TEST(test_advice_answers_its_escalation_and_nobody_else_s),
                TEST(test_a_reported_death_shows_at_once_and_pauses_assignments),
                TEST(test_a_second_home_is_kept_and_raises_a_duplicate),
                TEST(test_an_nhs_number_that_is_there_leads_to_a_link_not_to_a_merge),
                TEST(test_a_number_that_cannot_be_right_never_links_two_people),
                TEST(test_the_store_scores_again_and_agrees_in_silence),
                TEST(test_a_score_that_differs_is_kept_beside_and_told),
                TEST(test_the_store_scores_by_the_signed_scale_of_the_person),
                TEST(test_loading_the_same_again_writes_nothing),
                TEST(test_an_import_does_not_take_back_what_staff_wrote),
                TEST(test_an_import_is_held_to_the_catalogue),
                TEST(test_a_last_day_that_is_past_ends_what_it_ended),
        };

        return cmocka_run_group_tests_name("judge_follow", tests, NULL, NULL);
}

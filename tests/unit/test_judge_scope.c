/* Who is in which scope. */
#include "common/error.h"
#include "tests/unit/judge_bed.h"
#include "tests/unit/unit.h"

#include <string.h>

static bool in_provisional(const struct uuid *person, int tablet)
{
        return judge_in(&test, person, SCOPE_PROVISIONAL, &test.tablets[tablet].row.id);
}

/* ---- met for the first time ---- */

static void test_someone_met_for_the_first_time_belongs_to_the_device_at_once(void **state)
{
        struct paper person = paper_person(&test, TABLET, ANNA, "Newcomer");
        struct paper allergy;
        struct fate fate;

        (void)state;
        paper_packed(&person, "adjustments", "80"); /* an empty set is no value */
        paper_packed(&person, "about_me", "a0");
        fate = paper_send(&person);
        assert_int_equal(judge_value(&test, "person", &person.body.record, "adjustments").form,
                         VALUE_UNSET);
        assert_int_equal(judge_value(&test, "person", &person.body.record, "about_me").form,
                         VALUE_UNSET);
        assert_outcome(&fate, OUTCOME_APPLIED);
        assert_true(in_provisional(&person.body.record, TABLET));
        allergy = paper_create(&test, TABLET, ANNA, "allergy", &person.body.record);
        paper_code(&allergy, "status", "active");
        paper_text(&allergy, "substance", "Penicillin");
        fate = paper_send(&allergy);
        assert_outcome(&fate, OUTCOME_APPLIED);
}

static void test_person_assignment_and_visit_of_one_commit_are_judged_in_one_go(void **state)
{
        struct paper person = paper_person(&test, TABLET, ANNA, "Newcomer");
        struct paper urgent = paper_create(&test, TABLET, ANNA, "allergy", &person.body.record);
        struct paper team = assign(TABLET, ANNA, &person.body.record, NURSES, "proposed");
        struct paper *papers[] = {&person, &urgent, &team};

        (void)state;
        paper_code(&urgent, "status", "active");
        paper_text(&urgent, "substance", "Penicillin");
        paper_send_all(papers, 3);
        for (int i = 0; i < 3; i++) {
                struct fate fate = paper_fate(papers[i]);

                assert_outcome(&fate, OUTCOME_APPLIED);
        }
        assert_true(in_team(&person.body.record, NURSES));
        assert_false(in_provisional(&person.body.record, TABLET));
}

static void test_a_provisional_scope_ends_only_where_the_device_has_the_person_otherwise(
        void **state)
{
        struct paper person = paper_person(&test, TABLET, ANNA, "Newcomer");
        struct paper team = assign(TABLET, ANNA, &person.body.record, HUB, "proposed");

        (void)state;
        (void)paper_send(&person);
        (void)paper_send(&team); /* not a team of this tablet */
        assert_true(in_team(&person.body.record, HUB));
        assert_true(in_provisional(&person.body.record, TABLET));
}

static void test_a_provisional_scope_ends_when_the_proposal_does(void **state)
{
        struct paper person = paper_person(&test, TABLET, ANNA, "Newcomer");
        struct paper team = assign(TABLET, ANNA, &person.body.record, HUB, "proposed"), end;
        struct fate fate;

        (void)state;
        (void)paper_send(&person);
        (void)paper_send(&team);
        tablet_pull(&test, TABLET);
        end = paper_edit(&test, TABLET, ANNA, "assignment", &team.body.record);
        paper_code(&end, "status", "ended");
        end.body.reason = bytes_text("not theirs");
        fate = paper_send(&end);
        assert_outcome(&fate, OUTCOME_APPLIED);
        assert_false(in_team(&person.body.record, HUB));
        assert_false(in_provisional(&person.body.record, TABLET));
}

static void test_a_granted_team_ends_a_provisional_scope_with_the_next_tick(void **state)
{
        struct paper person = paper_person(&test, TABLET, ANNA, "Newcomer");
        struct paper team = assign(TABLET, ANNA, &person.body.record, HUB, "proposed");
        const struct scope scope = {SCOPE_TEAM, test.teams[HUB]};
        const struct storage_ops *ops = test.store.writer->ops;

        (void)state;
        (void)paper_send(&person);
        (void)paper_send(&team);
        store_begin(&test.store);
        assert_int_equal(ops->grant_put(test.store.writer, &test.tablets[TABLET].row.id, &scope),
                         0);
        judge_begin(test.judge, test.now_ms);
        assert_int_equal(judge_tick(test.judge, &test.store.locality, 1000), 0);
        store_commit(&test.store);
        assert_false(in_provisional(&person.body.record, TABLET));
        assert_true(in_team(&person.body.record, HUB));
}

static void test_a_device_adds_people_only_where_it_reaches(void **state)
{
        struct uuid elsewhere = test_id(1, 2), epoch = test_id(2, 2);
        struct uuid localities[2] = {test.store.locality, elsewhere};
        struct paper paper = paper_person(&test, TABLET, ANNA, "Newcomer");
        struct fate fate;

        (void)state;
        assert_int_equal(test.store.writer->ops->locality_add(test.store.writer, &elsewhere, &epoch,
                                                              test.now_ms),
                         0);
        paper.header.locality = elsewhere;
        paper.body.base_locality = elsewhere;
        paper.body.base = (struct position){0, 0};
        fate = paper_send_to(&paper, localities, 2);
        assert_int_equal(fate.outcome, OUTCOME_QUARANTINED);
        assert_int_equal(fate.reason, REASON_SCOPE);
}

/* ---- scopes ---- */

static void test_a_residence_puts_a_person_into_a_home_until_it_ends(void **state)
{
        struct uuid person = judge_person(&test, NURSES, "Ahmed");
        struct paper home = paper_create(&test, TABLET, ANNA, "residence", &person), end;
        struct fate fate;

        (void)state;
        paper_ref(&home, "organisation", &test.organisations[HOME]);
        paper_code(&home, "status", "current");
        fate = paper_send(&home);
        assert_outcome(&fate, OUTCOME_APPLIED);
        assert_true(judge_in(&test, &person, SCOPE_HOME, &test.organisations[HOME]));
        tablet_pull(&test, TABLET);
        end = paper_edit(&test, TABLET, ANNA, "residence", &home.body.record);
        paper_code(&end, "status", "ended");
        end.body.reason = bytes_text("moved");
        fate = paper_send(&end);
        assert_outcome(&fate, OUTCOME_APPLIED);
        assert_false(judge_in(&test, &person, SCOPE_HOME, &test.organisations[HOME]));
        assert_true(in_team(&person, NURSES));
}

static struct fate send_consent(const struct uuid *person, const char *scope, const char *decision,
                                int64_t from_ms, struct paper *ret)
{
        *ret = paper_create(&test, TABLET, ANNA, "consent", person);
        paper_code(ret, "scope", scope);
        paper_code(ret, "decision", decision);
        paper_int(ret, "from", from_ms);
        return paper_send(ret);
}

static void set_reference(const char *type, const struct uuid *id, const char *field,
                          struct value value)
{
        const struct entry_change change = {.number = judge_field(judge_type(type), field)->number,
                                            .value = value};
        const struct judge_change wanted = {
                .locality = &test.store.locality,
                .type = judge_type(type),
                .entry = judge_test_id(&test),
                .record = *id,
                .changes = &change,
                .change_count = 1,
        };

        judge_load(&test, &wanted, JUDGE_EDITED);
}

static void give_team_to(int organisation)
{
        set_reference("team", &test.teams[NURSES], "organisation",
                      (struct value){.form = VALUE_UUID, .uuid = test.organisations[organisation]});
}

static void test_a_team_that_goes_to_a_charity_loses_who_does_not_want_that(void **state)
{
        struct uuid person = judge_person(&test, NURSES, "Ahmed");
        struct uuid other = judge_person(&test, NURSES, "Other");
        struct paper consent;

        (void)state;
        (void)send_consent(&person, "vcse", "withdrawn", test.now_ms, &consent);
        assert_true(in_team(&person, NURSES));
        give_team_to(CHARITY);
        assert_false(in_team(&person, NURSES));
        assert_true(in_team(&other, NURSES));
        give_team_to(TRUST);
        assert_true(in_team(&person, NURSES));
}

static void test_an_organisation_that_becomes_a_charity_is_looked_at_again(void **state)
{
        struct uuid person = judge_person(&test, NURSES, "Ahmed");
        CLEANUP(buffer_deinit) struct buffer vcse = BUFFER_INIT;
        struct paper consent;

        (void)state;
        (void)send_consent(&person, "vcse", "withdrawn", test.now_ms, &consent);
        unit_hex("81 10", &vcse);
        set_reference("organisation", &test.organisations[TRUST], "types",
                      (struct value){.form = VALUE_PACKED, .bytes = buffer_view(&vcse)});
        assert_false(in_team(&person, NURSES));
}

static void test_a_withdrawn_consent_takes_the_person_from_voluntary_teams_only(void **state)
{
        struct uuid person = judge_person(&test, NURSES, "Ahmed");
        struct paper charity = assign(TABLET, ANNA, &person, CHARITY_TEAM, "active"), consent;
        struct fate fate = paper_send(&charity);

        (void)state;
        assert_outcome(&fate, OUTCOME_APPLIED);
        assert_true(in_team(&person, CHARITY_TEAM));
        fate = send_consent(&person, "vcse", "withdrawn", test.now_ms - 1000, &consent);
        assert_outcome(&fate, OUTCOME_APPLIED);
        assert_false(in_team(&person, CHARITY_TEAM));
        assert_true(in_team(&person, NURSES));
        (void)send_consent(&person, "vcse", "granted", test.now_ms - 2000, &consent);
        assert_false(in_team(&person, CHARITY_TEAM)); /* an earlier grant */
        (void)send_consent(&person, "vcse", "granted", test.now_ms - 1000, &consent);
        assert_false(in_team(&person, CHARITY_TEAM)); /* a concurrent one: the withdrawal wins */
        (void)send_consent(&person, "vcse", "granted", test.now_ms, &consent);
        assert_true(in_team(&person, CHARITY_TEAM));
}

static void test_a_limit_holds_for_scopes_that_come_later(void **state)
{
        struct uuid person = judge_person(&test, NURSES, "Ahmed");
        struct paper consent, charity;

        (void)state;
        (void)send_consent(&person, "vcse", "withdrawn", test.now_ms, &consent);
        charity = assign(TABLET, ANNA, &person, CHARITY_TEAM, "active");
        (void)paper_send(&charity);
        assert_false(in_team(&person, CHARITY_TEAM));
}

static void test_a_withdrawal_that_is_struck_out_no_longer_counts(void **state)
{
        struct uuid person = judge_person(&test, NURSES, "Ahmed");
        struct paper charity = assign(TABLET, ANNA, &person, CHARITY_TEAM, "active");
        struct paper consent, strike;
        struct fate fate;

        (void)state;
        (void)paper_send(&charity);
        (void)send_consent(&person, "vcse", "withdrawn", test.now_ms, &consent);
        assert_false(in_team(&person, CHARITY_TEAM));
        strike = paper_create(&test, TABLET, ANNA, "consent", &person);
        paper_ref(&strike, "amends", &consent.body.record);
        paper_text(&strike, "amend_reason", "wrong person");
        paper_int(&strike, "entered_in_error", 1);
        paper_code(&strike, "scope", "vcse");
        paper_code(&strike, "decision", "withdrawn");
        paper_int(&strike, "from", test.now_ms);
        fate = paper_send(&strike);
        assert_outcome(&fate, OUTCOME_APPLIED);
        assert_true(in_team(&person, CHARITY_TEAM));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(test_someone_met_for_the_first_time_belongs_to_the_device_at_once),
                TEST(test_person_assignment_and_visit_of_one_commit_are_judged_in_one_go),
                TEST(test_a_provisional_scope_ends_only_where_the_device_has_the_person_otherwise),
                TEST(test_a_provisional_scope_ends_when_the_proposal_does),
                TEST(test_a_granted_team_ends_a_provisional_scope_with_the_next_tick),
                TEST(test_a_device_adds_people_only_where_it_reaches),
                TEST(test_a_residence_puts_a_person_into_a_home_until_it_ends),
                TEST(test_a_team_that_goes_to_a_charity_loses_who_does_not_want_that),
                TEST(test_an_organisation_that_becomes_a_charity_is_looked_at_again),
                TEST(test_a_withdrawn_consent_takes_the_person_from_voluntary_teams_only),
                TEST(test_a_limit_holds_for_scopes_that_come_later),
                TEST(test_a_withdrawal_that_is_struck_out_no_longer_counts),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}

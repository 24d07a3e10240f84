/* Who is in which scope, and what waits for what. */
#include "common/error.h"
#include "tests/unit/judge_support.h"
#include "tests/unit/unit.h"

#include <string.h>

static struct judge_test test;

static int set_up(void **state)
{
        if (unit_folder_make(state) != 0)
                return -1;
        judge_test_open(&test, unit_path(state, "store.db"));
        return 0;
}

static int tear_down(void **state)
{
        judge_test_close(&test);
        return unit_folder_remove(state);
}

static void assert_outcome(const struct fate *fate, enum entry_outcome outcome)
{
        if (fate->outcome != outcome)
                fail_msg("outcome %u, reason %s", fate->outcome, reason_name(fate->reason));
}

static struct fate send_contact(int tablet, int staff, const struct uuid *person,
                                struct paper *ret_paper)
{
        *ret_paper = paper_create(&test, tablet, staff, "contact_person", person);
        paper_text(ret_paper, "name", "Somebody");
        return paper_send(ret_paper);
}

static struct paper assign(int tablet, int staff, const struct uuid *person, int team,
                           const char *status)
{
        struct paper paper = paper_create(&test, tablet, staff, "assignment", person);

        paper_ref(&paper, "team", &test.teams[team]);
        paper_code(&paper, "status", status);
        return paper;
}

static bool in_team(const struct uuid *person, int team)
{
        return judge_in(&test, person, SCOPE_TEAM, &test.teams[team]);
}

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

/* ---- what is not here ---- */

static void test_what_the_device_never_held_waits_exactly_like_what_does_not_exist(void **state)
{
        struct uuid stranger = judge_person(&test, HUB, "Stranger");
        struct uuid nobody = judge_test_id(&test);
        struct paper held, unknown;
        struct fate first = send_contact(TABLET, ANNA, &stranger, &held);
        struct fate second = send_contact(TABLET, ANNA, &nobody, &unknown);

        (void)state;
        assert_outcome(&first, OUTCOME_PARKED);
        assert_outcome(&second, OUTCOME_PARKED);
        first.receipt.entry = second.receipt.entry; /* all else is the same */
        memcpy(first.receipt.body_hash, second.receipt.body_hash, HASH_SIZE);
        assert_memory_equal(&first.receipt, &second.receipt, sizeof(first.receipt));
        assert_false(judge_has(&test, "contact_person", &held.body.record));
}

static void test_an_edit_of_a_record_of_somebody_else_waits_too(void **state)
{
        struct uuid stranger = judge_person(&test, HUB, "Stranger");
        struct uuid known = judge_person(&test, NURSES, "Ahmed");
        struct paper edit = paper_edit(&test, TABLET, ANNA, "person", &stranger);
        struct paper wrong = paper_edit(&test, TABLET, ANNA, "person", &stranger);
        struct fate fate;

        (void)state;
        paper_text(&edit, "phone", "1");
        fate = paper_send(&edit);
        assert_outcome(&fate, OUTCOME_PARKED);
        wrong.body.type = catalogue_type_by_name(bytes_text("contact_person"))->number;
        wrong.body.person = known; /* the record of one, the person of another */
        wrong.body.record = stranger;
        paper_text(&wrong, "name", "x");
        fate = paper_send(&wrong);
        assert_outcome(&fate, OUTCOME_PARKED);
}

static void test_a_device_of_a_low_class_cannot_edit_above_it(void **state)
{
        struct uuid person = judge_person(&test, NURSES, "Ahmed");
        struct paper allergy = paper_create(&test, TABLET, ANNA, "allergy", &person), edit;
        struct fate fate;

        (void)state;
        paper_code(&allergy, "status", "active");
        paper_text(&allergy, "substance", "Penicillin");
        (void)paper_send(&allergy);
        tablet_pull(&test, SECOND);
        test.tablets[SECOND].row.ceiling = CLASS_BASIC;
        edit = paper_edit(&test, SECOND, BOB, "allergy", &allergy.body.record);
        paper_text(&edit, "reaction", "x");
        fate = paper_send(&edit);
        assert_outcome(&fate, OUTCOME_PARKED);
}

static void test_a_parked_entry_is_judged_when_its_person_comes_into_scope(void **state)
{
        struct uuid stranger = judge_person(&test, HUB, "Stranger");
        struct paper paper, edit, team;
        struct fate fate = send_contact(TABLET, ANNA, &stranger, &paper);

        (void)state;
        assert_outcome(&fate, OUTCOME_PARKED);
        edit = paper_edit(&test, TABLET, ANNA, "contact_person", &paper.body.record);
        edit.body.person = stranger;
        paper_text(&edit, "phone", "1");
        paper_continues(&edit, &paper);
        fate = paper_send(&edit);
        assert_outcome(&fate, OUTCOME_PARKED);
        assert_int_equal(judge_parked_count(&test), 2);
        /* a nurse of the hub's own team has no tablet here: the station writes nothing, so the store assigns */
        team = assign(TABLET, ANNA, &stranger, NURSES, "active");
        {
                struct entry_change changes[2] = {
                        {.number = 1, .value = {.form = VALUE_UUID, .uuid = test.teams[NURSES]}},
                        {.number = 4,
                         .value = {.form = VALUE_INTEGER,
                                   .integer = judge_code("assignment", "status", "active")}},
                };
                const struct judge_change change = {
                        .locality = &test.store.locality,
                        .type = catalogue_type_by_name(bytes_text("assignment")),
                        .entry = judge_test_id(&test),
                        .record = team.body.record,
                        .person = stranger,
                        .changes = changes,
                        .change_count = 2,
                };

                judge_load(&test, &change, JUDGE_CREATED);
        }
        fate = paper_fate(&paper);
        assert_outcome(&fate, OUTCOME_APPLIED);
        fate = paper_fate(&edit);
        assert_outcome(&fate, OUTCOME_APPLIED);
        assert_int_equal(judge_parked_count(&test), 0);
}

static void test_a_parked_entry_is_given_up_after_seven_days_and_not_before(void **state)
{
        struct uuid nobody = judge_test_id(&test);
        struct paper paper;
        struct fate fate = send_contact(TABLET, ANNA, &nobody, &paper);

        (void)state;
        for (int day = 6; day <= 8; day++) {
                store_begin(&test.store);
                judge_begin(test.judge, test.now_ms + (int64_t)day * 86400000 + 1);
                assert_int_equal(judge_expire(test.judge, &test.store.locality, 10), day == 7);
                store_commit(&test.store);
                fate = paper_fate(&paper);
                assert_int_equal(fate.outcome, day == 6 ? OUTCOME_PARKED : OUTCOME_QUARANTINED);
        }
        assert_int_equal(fate.reason, REASON_NOT_HERE);
        assert_int_equal(judge_parked_count(&test), 0);
}

static void test_a_repeat_of_a_parked_entry_changes_nothing(void **state)
{
        struct uuid nobody = judge_test_id(&test);
        struct paper paper;
        size_t rows;
        struct fate fate = send_contact(TABLET, ANNA, &nobody, &paper);

        (void)state;
        rows = judge_log_count(&test, false);
        fate = paper_send(&paper);
        assert_outcome(&fate, OUTCOME_PARKED);
        assert_int_equal(judge_parked_count(&test), 1);
        assert_int_equal(judge_log_count(&test, false), rows);
}

static void test_an_entry_waits_for_what_it_needs_of_another_lane(void **state)
{
        struct uuid person = judge_person(&test, NURSES, "Ahmed");
        struct paper routine = paper_create(&test, TABLET, ANNA, "contact_person", &person);
        struct paper urgent = paper_create(&test, TABLET, ANNA, "alert", &person);
        struct fate fate;

        (void)state;
        paper_text(&routine, "name", "Her son");
        paper_code(&urgent, "category", "dog");
        urgent.header.needs = (struct entry_needs){
                .incarnation = routine.header.incarnation,
                .lane = routine.header.lane,
                .seq = routine.header.seq,
        };
        fate = paper_send(&urgent);
        assert_outcome(&fate, OUTCOME_PARKED);
        fate = paper_send(&routine);
        assert_outcome(&fate, OUTCOME_APPLIED);
        fate = paper_fate(&urgent);
        assert_outcome(&fate, OUTCOME_APPLIED);
}

static void test_a_declared_gap_meets_a_need(void **state)
{
        struct uuid person = judge_person(&test, NURSES, "Ahmed");
        struct paper urgent = paper_create(&test, TABLET, ANNA, "alert", &person);
        const struct gap_row gap = {
                .device = urgent.header.device,
                .incarnation = urgent.header.incarnation,
                .lane = LANE_ROUTINE,
                .from_seq = 5,
                .to_seq = 9,
        };
        struct fate fate;

        (void)state;
        store_begin(&test.store);
        assert_int_equal(test.store.writer->ops->gap_put(test.store.writer, &gap), 0);
        store_commit(&test.store);
        paper_code(&urgent, "category", "dog");
        urgent.header.needs = (struct entry_needs){urgent.header.incarnation, LANE_ROUTINE, 9};
        fate = paper_send(&urgent);
        assert_outcome(&fate, OUTCOME_APPLIED);
}

static void test_an_edit_that_arrives_before_its_record_waits_for_it(void **state)
{
        struct uuid person = judge_person(&test, NURSES, "Ahmed");
        struct paper create = paper_create(&test, TABLET, ANNA, "contact_person", &person);
        struct paper edit = paper_edit(&test, TABLET, ANNA, "contact_person", &create.body.record);
        struct value phone;
        struct fate fate;

        (void)state;
        edit.body.person = person;
        paper_text(&edit, "phone", "1");
        fate = paper_send(&edit);
        assert_outcome(&fate, OUTCOME_PARKED);
        paper_text(&create, "name", "Her son");
        fate = paper_send(&create);
        assert_outcome(&fate, OUTCOME_APPLIED);
        fate = paper_fate(&edit);
        assert_outcome(&fate, OUTCOME_APPLIED);
        phone = judge_value(&test, "contact_person", &create.body.record, "phone");
        assert_text(phone.bytes, "1");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        const struct CMUnitTest tests[] = {
                TEST(test_someone_met_for_the_first_time_belongs_to_the_device_at_once),
                TEST(test_person_assignment_and_visit_of_one_commit_are_judged_in_one_go),
                TEST(test_a_provisional_scope_ends_only_where_the_device_has_the_person_otherwise),
                TEST(test_a_provisional_scope_ends_when_the_proposal_does),
                TEST(test_a_granted_team_ends_a_provisional_scope_with_the_next_tick),
                TEST(test_a_device_adds_people_only_where_it_reaches),
                TEST(test_a_residence_puts_a_person_into_a_home_until_it_ends),
                TEST(test_a_withdrawn_consent_takes_the_person_from_voluntary_teams_only),
                TEST(test_a_limit_holds_for_scopes_that_come_later),
                TEST(test_a_withdrawal_that_is_struck_out_no_longer_counts),
                TEST(test_what_the_device_never_held_waits_exactly_like_what_does_not_exist),
                TEST(test_an_edit_of_a_record_of_somebody_else_waits_too),
                TEST(test_a_device_of_a_low_class_cannot_edit_above_it),
                TEST(test_a_parked_entry_is_judged_when_its_person_comes_into_scope),
                TEST(test_a_parked_entry_is_given_up_after_seven_days_and_not_before),
                TEST(test_a_repeat_of_a_parked_entry_changes_nothing),
                TEST(test_an_entry_waits_for_what_it_needs_of_another_lane),
                TEST(test_a_declared_gap_meets_a_need),
                TEST(test_an_edit_that_arrives_before_its_record_waits_for_it),
        };

        return cmocka_run_group_tests_name("judge_scope", tests, NULL, NULL);
}

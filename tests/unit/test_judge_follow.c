/* Who is in which scope, what waits for what, and what the store itself does because of an entry. */
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

static void assert_code(const char *type, const struct uuid *id, const char *field,
                        const char *code)
{
        struct value value = judge_value(&test, type, id, field);

        assert_int_equal(value.form, VALUE_INTEGER);
        assert_int_equal(value.integer, judge_code(type, field, code));
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

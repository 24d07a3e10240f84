/* What waits for what, how long, and what is told about it. */
#include "common/error.h"
#include "tests/unit/judge_bed.h"
#include "tests/unit/unit.h"

#include <string.h>

static struct fate send_contact(int tablet, int staff, const struct uuid *person,
                                struct paper *ret_paper)
{
        *ret_paper = paper_create(&test, tablet, staff, "contact_person", person);
        paper_text(ret_paper, "name", "Somebody");
        return paper_send(ret_paper);
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

static void test_what_waits_for_an_entry_that_is_given_up_has_one_outcome(void **state)
{
        struct uuid person = judge_person(&test, NURSES, "Ahmed");
        struct paper create = paper_create(&test, TABLET, ANNA, "contact_person", &person);
        struct paper first, second;
        struct fate fate;
        size_t rows;

        (void)state;
        paper_text(&create, "name", "Her son");
        fate = paper_send(&create);
        assert_outcome(&fate, OUTCOME_APPLIED);
        tablet_pull(&test, TABLET);
        first = paper_edit(&test, TABLET, ANNA, "contact_person", &create.body.record);
        second = paper_edit(&test, TABLET, ANNA, "contact_person", &create.body.record);
        first.body.person = second.body.person = person;
        first.header.needs = (struct entry_needs){first.header.incarnation, LANE_BULK, 9};
        paper_text(&first, "phone", "1");
        paper_text(&second, "name", "Her daughter");
        paper_continues(&second, &first);
        fate = paper_send(&first);
        assert_outcome(&fate, OUTCOME_PARKED);
        fate = paper_send(&second);
        assert_outcome(&fate, OUTCOME_PARKED);
        rows = judge_log_count(&test, false);
        store_begin(&test.store);
        judge_begin(test.judge, test.now_ms + (int64_t)7 * 86400000 + 1);
        assert_true(judge_expire(test.judge, &test.store.locality, 10) >= 0);
        store_commit(&test.store);
        fate = paper_fate(&first);
        assert_outcome(&fate, OUTCOME_QUARANTINED);
        assert_int_equal(fate.reason, REASON_NEEDS);
        fate = paper_fate(&second);
        assert_outcome(&fate, OUTCOME_APPLIED);
        assert_int_equal(judge_log_count(&test, false), rows + 2);
        assert_int_equal(judge_parked_count(&test), 0);
}

/* ---- what only a newer store can read ---- */

static void days_later(int days, int expected)
{
        store_begin(&test.store);
        judge_begin(test.judge, test.now_ms + (int64_t)days * 86400000 + 1);
        assert_int_equal(judge_expire(test.judge, &test.store.locality, 10), expected);
        store_commit(&test.store);
}

static void test_what_a_newer_device_wrote_waits_for_the_upgrade_however_long_it_takes(void **state)
{
        struct uuid person = judge_person(&test, NURSES, "Ahmed");
        struct paper paper = paper_create(&test, TABLET, ANNA, "contact_person", &person);
        struct paper edit = paper_edit(&test, TABLET, ANNA, "contact_person", &paper.body.record);
        struct uuid nobody = judge_test_id(&test);
        struct paper other;
        struct fate fate;

        (void)state;
        paper.format = BODY_FORMAT + 1;
        paper_text(&paper, "name", "Her son");
        paper_text(&edit, "name", "Her daughter");
        edit.body.person = person;
        paper_continues(&edit, &paper);
        fate = paper_send(&paper);
        assert_outcome(&fate, OUTCOME_PARKED);
        assert_int_equal(fate.reason, REASON_UPGRADE);
        fate = paper_send(&edit); /* it can be read, but builds on it */
        assert_outcome(&fate, OUTCOME_PARKED);
        assert_int_equal(fate.reason, REASON_NONE);
        fate = send_contact(SECOND, BOB, &nobody, &other);
        assert_outcome(&fate, OUTCOME_PARKED);
        days_later(30, 1);
        fate = paper_fate(&other);
        assert_refused(&fate, REASON_NOT_HERE);
        fate = paper_send(&paper); /* and a repeat is a repeat */
        assert_outcome(&fate, OUTCOME_PARKED);
        assert_int_equal(judge_parked_count(&test), 2);
        paper_upgraded(&paper);
        paper.format = 0;
        fate = paper_fate(&paper);
        assert_outcome(&fate, OUTCOME_APPLIED);
        fate = paper_fate(&edit);
        assert_outcome(&fate, OUTCOME_APPLIED);
        assert_field("contact_person", &paper.body.record, "name", "Her daughter");
        assert_int_equal(judge_parked_count(&test), 0);
}

static void test_a_type_that_only_a_newer_catalogue_has_waits_an_unknown_one_of_ours_does_not(
        void **state)
{
        struct uuid person = judge_person(&test, NURSES, "Ahmed");
        struct paper paper = paper_create(&test, TABLET, ANNA, "contact_person", &person);
        struct fate fate;

        (void)state;
        paper.body.type = 250;
        fate = paper_send(&paper);
        assert_refused(&fate, REASON_CATALOGUE);
        paper = paper_create(&test, TABLET, ANNA, "contact_person", &person);
        paper.body.type = 250;
        paper.body.catalogue_version = catalogue_get()->version + 1;
        fate = paper_send(&paper);
        assert_outcome(&fate, OUTCOME_PARKED);
        assert_int_equal(fate.reason, REASON_UPGRADE);
}

static void test_a_base_that_could_not_be_read_is_checked_once_it_can(void **state)
{
        struct uuid person = judge_person(&test, NURSES, "Ahmed");
        struct uuid id = contact(&person, "Her son");
        struct paper honest = rename_contact(TABLET, ANNA, &id, "Her niece");
        struct paper forged = rename_contact(TABLET, ANNA, &id, "Her daughter");
        struct fate fate;

        (void)state;
        honest.format = forged.format = BODY_FORMAT + 1;
        forged.body.base.position = test.tablets[TABLET].seen + 1;
        fate = paper_send(&honest);
        assert_outcome(&fate, OUTCOME_PARKED);
        fate = paper_send(&forged);
        assert_outcome(&fate, OUTCOME_PARKED);
        paper_upgraded(&honest);
        paper_upgraded(&forged);
        honest.format = forged.format = 0;
        fate = paper_fate(&honest);
        assert_outcome(&fate, OUTCOME_APPLIED);
        fate = paper_fate(&forged);
        assert_refused(&fate, REASON_BASE);
}

/* ---- lanes and repeats ---- */

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

static struct paper urgent_behind(const struct uuid *person, const struct uuid *incarnation,
                                  uint64_t seq)
{
        struct paper urgent = paper_create(&test, TABLET, ANNA, "alert", person);

        paper_code(&urgent, "category", "dog");
        urgent.header.needs = (struct entry_needs){*incarnation, LANE_ROUTINE, seq};
        return urgent;
}

/* The device was restored: it numbers its entries anew, in another incarnation, and what the old numbers name never comes. */
static void rewrite_envelope(struct paper *paper, const struct uuid *incarnation, uint64_t seq,
                             struct entry_needs needs)
{
        paper->header.incarnation = *incarnation;
        paper->header.seq = seq;
        paper->header.needs = needs;
}

static void test_what_a_restored_device_writes_anew_waits_for_what_the_new_envelope_names(
        void **state)
{
        struct uuid person = judge_person(&test, NURSES, "Ahmed");
        struct uuid old = test.tablets[TABLET].incarnation, new = judge_test_id(&test);
        struct paper urgent = urgent_behind(&person, &old, 7), routine;
        struct fate fate = paper_send(&urgent);

        (void)state;
        assert_outcome(&fate, OUTCOME_PARKED);
        rewrite_envelope(&urgent, &new, 1, (struct entry_needs){new, LANE_ROUTINE, 1});
        fate = paper_send(&urgent);
        assert_outcome(&fate, OUTCOME_PARKED);
        assert_int_equal(judge_parked_count(&test), 1);
        routine = paper_create(&test, TABLET, ANNA, "contact_person", &person);
        paper_text(&routine, "name", "Her son");
        rewrite_envelope(&routine, &new, 1, (struct entry_needs){0});
        fate = paper_send(&routine);
        assert_outcome(&fate, OUTCOME_APPLIED);
        fate = paper_fate(&urgent);
        assert_outcome(&fate, OUTCOME_APPLIED);
        assert_int_equal(judge_parked_count(&test), 0);
}

static void test_a_new_envelope_that_needs_nothing_ends_the_waiting_at_once(void **state)
{
        struct uuid person = judge_person(&test, NURSES, "Ahmed"), new = judge_test_id(&test);
        struct paper urgent = urgent_behind(&person, &test.tablets[TABLET].incarnation, 7);
        struct fate fate = paper_send(&urgent);

        (void)state;
        assert_outcome(&fate, OUTCOME_PARKED);
        rewrite_envelope(&urgent, &new, 1, (struct entry_needs){0});
        fate = paper_send(&urgent);
        assert_outcome(&fate, OUTCOME_APPLIED);
}

/* The store has it from the old life of the outbox: its new place in the lane is met by the repeat. */
static void test_a_repeat_under_a_new_envelope_meets_a_need(void **state)
{
        struct uuid person = judge_person(&test, NURSES, "Ahmed"), new = judge_test_id(&test);
        struct paper routine = paper_create(&test, TABLET, ANNA, "contact_person", &person);
        struct paper urgent = urgent_behind(&person, &new, 1);
        struct fate fate;

        (void)state;
        paper_text(&routine, "name", "Her son");
        fate = paper_send(&routine);
        assert_outcome(&fate, OUTCOME_APPLIED);
        fate = paper_send(&urgent);
        assert_outcome(&fate, OUTCOME_PARKED);
        rewrite_envelope(&routine, &new, 1, (struct entry_needs){0});
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

/* Looking at each of them again must not be a reason to look at the other: that would never end. */
static void test_a_gap_that_meets_no_need_leaves_waiting_what_waits(void **state)
{
        struct uuid person = judge_person(&test, NURSES, "Ahmed");
        struct fate fate;

        (void)state;
        for (uint64_t seq = 8; seq <= 9; seq++) {
                struct paper urgent = paper_create(&test, TABLET, ANNA, "alert", &person);

                paper_code(&urgent, "category", "dog");
                urgent.header.needs =
                        (struct entry_needs){urgent.header.incarnation, LANE_ROUTINE, seq};
                fate = paper_send(&urgent);
                assert_outcome(&fate, OUTCOME_PARKED);
                store_begin(&test.store);
                judge_begin(test.judge, test.now_ms);
                assert_int_equal(
                        judge_gap(test.judge, &test.store.locality, &urgent.header.incarnation), 0);
                store_commit(&test.store);
        }
        assert_int_equal(judge_parked_count(&test), 2);
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

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(test_what_the_device_never_held_waits_exactly_like_what_does_not_exist),
                TEST(test_an_edit_of_a_record_of_somebody_else_waits_too),
                TEST(test_a_device_of_a_low_class_cannot_edit_above_it),
                TEST(test_a_parked_entry_is_judged_when_its_person_comes_into_scope),
                TEST(test_a_parked_entry_is_given_up_after_seven_days_and_not_before),
                TEST(test_what_waits_for_an_entry_that_is_given_up_has_one_outcome),
                TEST(test_what_a_newer_device_wrote_waits_for_the_upgrade_however_long_it_takes),
                TEST(test_a_type_that_only_a_newer_catalogue_has_waits_an_unknown_one_of_ours_does_not),
                TEST(test_a_base_that_could_not_be_read_is_checked_once_it_can),
                TEST(test_a_repeat_of_a_parked_entry_changes_nothing),
                TEST(test_an_entry_waits_for_what_it_needs_of_another_lane),
                TEST(test_what_a_restored_device_writes_anew_waits_for_what_the_new_envelope_names),
                TEST(test_a_new_envelope_that_needs_nothing_ends_the_waiting_at_once),
                TEST(test_a_repeat_under_a_new_envelope_meets_a_need),
                TEST(test_a_declared_gap_meets_a_need),
                TEST(test_a_gap_that_meets_no_need_leaves_waiting_what_waits),
                TEST(test_an_edit_that_arrives_before_its_record_waits_for_it),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}

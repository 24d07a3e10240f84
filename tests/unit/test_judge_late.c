/* Entries about people whom the device had, and has no longer. Each test ends with the log being played again (judge_support.c). */
#include "tests/unit/judge_support.h"
#include "tests/unit/unit.h"

#include <string.h>

static struct judge_test test;
static struct uuid person, assignment;

/* Custody says that the tablet was sent the person, up to a class. */
static void tablet_sent(int tablet, const struct uuid *who, enum catalogue_class class)
{
        struct storage *writer = test.store.writer;
        const struct custody_row row = {
                .locality = test.store.locality,
                .device = test.tablets[tablet].row.id,
                .person = *who,
                .since_ms = test.now_ms,
                .class = (uint8_t) class,
        };

        store_begin(&test.store);
        assert_int_equal(writer->ops->custody_sent(writer, &row, 1), 0);
        store_commit(&test.store);
}

/* Somebody of the nurses' caseload, whom TABLET holds. */
static int set_up(void **state)
{
        if (unit_folder_make(state) != 0)
                return -1;
        judge_test_open(&test, unit_path(state, "store.db"));
        person = judge_person(&test, HUB, "Ahmed");
        assignment = judge_test_id(&test);
        judge_assign(&test, &assignment, &person, NURSES, true);
        tablet_sent(TABLET, &person, CLASS_CLINICAL);
        tablet_pull(&test, TABLET);
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

static void leave(void)
{
        judge_assign(&test, &assignment, &person, NURSES, false);
}

static struct uuid contact(void)
{
        struct paper paper = paper_create(&test, TABLET, ANNA, "contact_person", &person);
        struct fate fate;

        paper_text(&paper, "name", "Her son");
        paper_text(&paper, "phone", "0161 1");
        fate = paper_send(&paper);
        assert_outcome(&fate, OUTCOME_APPLIED);
        tablet_pull(&test, TABLET);
        return paper.body.record;
}

static struct paper visit(int tablet)
{
        struct paper paper = paper_create(&test, tablet, ANNA, "visit", &person);

        paper_text(&paper, "subjective", "Well in herself");
        paper_code(&paper, "outcome", "completed");
        paper_code(&paper, "setting", "home");
        return paper;
}

static void new_facts_are_stored_and_the_receipt_says_late(void **state)
{
        struct paper fact = visit(TABLET);
        struct paper alert = paper_create(&test, TABLET, ANNA, "alert", &person);
        struct fate fate;

        (void)state;
        paper_code(&alert, "category", "dog");
        paper_text(&alert, "text", "A dog");
        leave();
        fate = paper_send(&fact);
        assert_outcome(&fate, OUTCOME_LATE);
        assert_int_equal(fate.receipt.effects_count, 0); /* every field took effect */
        assert_true(fate.receipt.position > 0);
        fate = paper_send(&alert);
        assert_outcome(&fate, OUTCOME_LATE);
        assert_true(judge_has(&test, "visit", &fact.body.record));
        assert_true(judge_has(&test, "alert", &alert.body.record));
        assert_int_equal(judge_parked_count(&test), 0);
}

static void an_edit_becomes_a_conflict_whatever_its_rule_says(void **state)
{
        struct uuid record = contact(), chosen;
        struct paper edit = paper_edit(&test, TABLET, ANNA, "contact_person", &record), decide;
        struct conflict conflict;
        struct value value;
        struct fate fate;

        (void)state;
        paper_text(&edit, "phone", "0161 2"); /* latest, and nobody else touched it */
        leave();
        fate = paper_send(&edit);
        assert_outcome(&fate, OUTCOME_LATE);
        assert_int_equal(fate_effect(&fate, &edit, "phone"), EFFECT_LATE);
        assert_int_equal(fate.receipt.conflicts_count, 1);
        value = judge_value(&test, "contact_person", &record, "phone");
        assert_text(value.bytes, "0161 1");
        conflict = judge_conflict(&test, &fate.receipt.conflicts[0]);
        assert_int_equal(conflict.other_count, 1);
        assert_false(conflict.decided);
        assert_true(uuid_equal(&conflict.others[0].id, &edit.header.id));
        /* Whoever has the person now decides. */
        judge_assign(&test, &assignment, &person, NURSES, true);
        tablet_pull(&test, SECOND);
        chosen = edit.header.id;
        decide = paper_decide(&test, SECOND, CARLA, &conflict.id, &chosen, &chosen, 1);
        fate = paper_send(&decide);
        assert_outcome(&fate, OUTCOME_APPLIED);
        value = judge_value(&test, "contact_person", &record, "phone");
        assert_text(value.bytes, "0161 2");
}

static void a_late_edit_that_says_what_stands_raises_nothing(void **state)
{
        struct uuid record = contact();
        struct paper edit = paper_edit(&test, TABLET, ANNA, "contact_person", &record);
        struct fate fate;

        (void)state;
        paper_text(&edit, "phone", "0161 1");
        leave();
        fate = paper_send(&edit);
        assert_outcome(&fate, OUTCOME_LATE);
        assert_int_equal(fate_effect(&fate, &edit, "phone"), EFFECT_UNCHANGED);
        assert_int_equal(fate.receipt.conflicts_count, 0);
}

static void a_chain_of_late_edits_is_one_conflict_with_one_open_value(void **state)
{
        struct paper create = paper_create(&test, TABLET, ANNA, "contact_person", &person);
        struct paper first, second;
        struct conflict conflict;
        struct fate fate, last;

        (void)state;
        leave();
        paper_text(&create, "name", "Her son");
        fate = paper_send(&create);
        assert_outcome(&fate, OUTCOME_LATE);
        first = paper_edit(&test, TABLET, ANNA, "contact_person", &create.body.record);
        first.body.person = person;
        paper_text(&first, "phone", "1");
        paper_continues(&first, &create);
        fate = paper_send(&first);
        assert_outcome(&fate, OUTCOME_LATE);
        second = paper_edit(&test, TABLET, ANNA, "contact_person", &create.body.record);
        second.body.person = person;
        paper_text(&second, "phone", "2");
        paper_continues(&second, &first);
        last = paper_send(&second);
        assert_outcome(&last, OUTCOME_LATE);
        assert_true(uuid_equal(&fate.receipt.conflicts[0], &last.receipt.conflicts[0]));
        conflict = judge_conflict(&test, &last.receipt.conflicts[0]);
        assert_int_equal(conflict.other_count, 2);
        assert_int_equal(conflict_open_count(&conflict), 1);
}

static void a_raise_takes_effect_at_once_also_when_it_is_late(void **state)
{
        struct paper allergy = paper_create(&test, TABLET, ANNA, "allergy", &person), edit;
        struct value severity;
        struct fate fate;

        (void)state;
        paper_code(&allergy, "status", "active");
        paper_text(&allergy, "substance", "Penicillin");
        paper_code(&allergy, "severity", "mild");
        (void)paper_send(&allergy);
        tablet_pull(&test, TABLET);
        edit = paper_edit(&test, TABLET, ANNA, "allergy", &allergy.body.record);
        paper_text(&edit, "reaction", "Anaphylaxis");
        paper_code(&edit, "severity", "severe");
        leave();
        fate = paper_send(&edit);
        assert_outcome(&fate, OUTCOME_LATE);
        assert_int_equal(fate_effect(&fate, &edit, "severity"), EFFECT_APPLIED);
        assert_int_equal(fate_effect(&fate, &edit, "reaction"), EFFECT_LATE);
        severity = judge_value(&test, "allergy", &allergy.body.record, "severity");
        assert_int_equal(severity.integer, judge_code("allergy", "severity", "severe"));
}

static void a_late_decision_is_held_and_one_that_was_made_since_is_nothing_new(void **state)
{
        struct uuid record = contact(), conflict_id, chosen;
        struct paper one = paper_edit(&test, TABLET, ANNA, "contact_person", &record);
        struct paper other = paper_edit(&test, TABLET, BOB, "contact_person", &record);
        struct paper late, decide, again;
        struct conflict conflict;
        struct fate fate;

        (void)state;
        paper_text(&one, "name", "A");
        paper_text(&other, "name", "B");
        (void)paper_send(&one);
        fate = paper_send(&other);
        assert_outcome(&fate, OUTCOME_HELD);
        conflict_id = fate.receipt.conflicts[0];
        chosen = other.header.id;
        tablet_pull(&test, TABLET);
        tablet_pull(&test, SECOND);
        late = paper_decide(&test, TABLET, CARLA, &conflict_id, &chosen, &chosen, 1);
        again = paper_decide(&test, TABLET, CARLA, &conflict_id, &chosen, &chosen, 1);
        leave();
        fate = paper_send(&late);
        assert_outcome(&fate, OUTCOME_LATE);
        assert_text(judge_value(&test, "contact_person", &record, "name").bytes, "A");
        conflict = judge_conflict(&test, &conflict_id);
        assert_false(conflict.decided);
        assert_int_equal(conflict_open_count(&conflict), 2);
        judge_assign(&test, &assignment, &person, NURSES, true);
        {
                struct uuid seen[2] = {chosen, late.header.id};

                if (uuid_compare(&seen[0], &seen[1]) > 0) {
                        seen[1] = chosen;
                        seen[0] = late.header.id;
                }
                decide = paper_decide(&test, SECOND, CARLA, &conflict_id, &chosen, seen, 2);
        }
        fate = paper_send(&decide);
        assert_outcome(&fate, OUTCOME_APPLIED);
        leave();
        fate = paper_send(&again);
        assert_outcome(&fate, OUTCOME_LATE);
        assert_int_equal(fate_effect(&fate, &again, "decision"), EFFECT_UNCHANGED);
        assert_true(judge_conflict(&test, &conflict_id).decided);
        assert_text(judge_value(&test, "contact_person", &record, "name").bytes, "B");
}

static void nobody_brings_a_person_back_by_a_late_entry(void **state)
{
        struct paper back = paper_create(&test, TABLET, CARLA, "assignment", &person);
        struct paper away = paper_create(&test, TABLET, CARLA, "assignment", &person);
        struct fate fate;

        (void)state;
        paper_ref(&back, "team", &test.teams[NURSES]);
        paper_code(&back, "status", "active");
        paper_ref(&away, "team", &test.teams[CHARITY_TEAM]);
        paper_code(&away, "status", "active");
        leave();
        fate = paper_send(&back);
        assert_outcome(&fate, OUTCOME_QUARANTINED);
        assert_int_equal(fate.reason, REASON_SCOPE);
        assert_false(judge_in(&test, &person, SCOPE_TEAM, &test.teams[NURSES]));
        fate = paper_send(&away);
        assert_outcome(&fate, OUTCOME_LATE);
        assert_true(judge_in(&test, &person, SCOPE_TEAM, &test.teams[CHARITY_TEAM]));
}

static void whoever_never_had_the_person_is_told_nothing(void **state)
{
        struct uuid nobody = judge_test_id(&test);
        struct paper here = visit(SECOND), nowhere = visit(SECOND);
        struct fate first, second;

        (void)state;
        nowhere.body.person = nobody;
        leave();
        first = paper_send(&here);
        second = paper_send(&nowhere);
        assert_outcome(&first, OUTCOME_PARKED);
        assert_outcome(&second, OUTCOME_PARKED);
        first.receipt.entry = second.receipt.entry;
        memcpy(first.receipt.body_hash, second.receipt.body_hash, HASH_SIZE);
        assert_memory_equal(&first.receipt, &second.receipt, sizeof(first.receipt));
}

static void a_class_that_the_device_lost_is_rescued_and_one_that_it_never_had_is_not(void **state)
{
        struct paper allergy = paper_create(&test, TABLET, ANNA, "allergy", &person), edit, fact;
        struct paper basic;
        struct fate fate;

        (void)state;
        paper_code(&allergy, "status", "active");
        paper_text(&allergy, "substance", "Penicillin");
        (void)paper_send(&allergy);
        tablet_pull(&test, TABLET);
        tablet_pull(&test, SECOND);
        tablet_sent(SECOND, &person, CLASS_BASIC);
        fact = visit(TABLET);
        test.tablets[TABLET].row.ceiling = CLASS_BASIC;
        test.tablets[SECOND].row.ceiling = CLASS_BASIC;
        edit = paper_edit(&test, TABLET, ANNA, "allergy", &allergy.body.record);
        paper_text(&edit, "reaction", "Rash");
        fate = paper_send(&edit);
        assert_outcome(&fate, OUTCOME_LATE);
        fate = paper_send(&fact);
        assert_outcome(&fate, OUTCOME_LATE);
        basic = paper_create(&test, TABLET, ANNA, "contact_person", &person);
        paper_text(&basic, "name", "Her son");
        fate = paper_send(&basic);
        assert_outcome(&fate, OUTCOME_APPLIED);
        edit = paper_edit(&test, SECOND, ANNA, "allergy", &allergy.body.record);
        paper_text(&edit, "reaction", "Rash");
        fate = paper_send(&edit);
        assert_outcome(&fate, OUTCOME_PARKED);
        fact = visit(SECOND); /* handed in from where it may not be read */
        fate = paper_send(&fact);
        assert_outcome(&fate, OUTCOME_APPLIED);
}

static void what_refuses_an_entry_refuses_it_when_it_is_late(void **state)
{
        struct paper alert = paper_create(&test, TABLET, ANNA, "alert", &person), edit;
        struct fate fate;

        (void)state;
        paper_code(&alert, "category", "dog");
        paper_text(&alert, "text", "A dog");
        (void)paper_send(&alert);
        tablet_pull(&test, TABLET);
        edit = paper_edit(&test, TABLET, ANNA, "alert", &alert.body.record);
        paper_code(&edit, "category", "other");
        leave();
        fate = paper_send(&edit);
        assert_outcome(&fate, OUTCOME_QUARANTINED);
        assert_int_equal(fate.reason, REASON_FIXED);
}

static void what_was_parked_is_late_once_custody_says_so(void **state)
{
        struct paper fact = visit(SECOND);
        struct fate fate;

        (void)state;
        leave();
        fate = paper_send(&fact);
        assert_outcome(&fate, OUTCOME_PARKED);
        tablet_sent(SECOND, &person, CLASS_CLINICAL);
        store_begin(&test.store);
        judge_begin(test.judge, test.now_ms);
        assert_true(judge_tick(test.judge, &test.store.locality, 1000) >= 0);
        store_commit(&test.store);
        fate = paper_fate(&fact);
        assert_outcome(&fate, OUTCOME_LATE);
        assert_int_equal(judge_parked_count(&test), 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        const struct CMUnitTest tests[] = {
                TEST(new_facts_are_stored_and_the_receipt_says_late),
                TEST(an_edit_becomes_a_conflict_whatever_its_rule_says),
                TEST(a_late_edit_that_says_what_stands_raises_nothing),
                TEST(a_chain_of_late_edits_is_one_conflict_with_one_open_value),
                TEST(a_raise_takes_effect_at_once_also_when_it_is_late),
                TEST(a_late_decision_is_held_and_one_that_was_made_since_is_nothing_new),
                TEST(nobody_brings_a_person_back_by_a_late_entry),
                TEST(whoever_never_had_the_person_is_told_nothing),
                TEST(a_class_that_the_device_lost_is_rescued_and_one_that_it_never_had_is_not),
                TEST(what_refuses_an_entry_refuses_it_when_it_is_late),
                TEST(what_was_parked_is_late_once_custody_says_so),
        };

        return cmocka_run_group_tests_name("judge_late", tests, NULL, NULL);
}

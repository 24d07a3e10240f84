/* Concurrent edits, proposals, orders, and the decisions of people about them, on real storage. */
#include "common/error.h"
#include "tests/unit/judge_bed.h"
#include "tests/unit/unit.h"

#include <string.h>

/* ---- concurrent edits ---- */

static void test_two_edits_that_collide_make_one_conflict_with_both_values(void **state)
{
        struct uuid person = judge_person(&test, NURSES, "Ahmed");
        struct uuid id = contact(&person, "Her son");
        struct paper first = rename_contact(TABLET, ANNA, &id, "Her daughter");
        struct paper second = rename_contact(SECOND, BOB, &id, "Her niece");
        struct fate fate;
        struct conflict conflict;
        struct uuid found[2];

        (void)state;
        fate = paper_send(&first);
        assert_outcome(&fate, OUTCOME_APPLIED);
        fate = paper_send(&second);
        assert_outcome(&fate, OUTCOME_HELD);
        assert_int_equal(fate_effect(&fate, &second, "name"), EFFECT_HELD);
        assert_int_equal(fate.receipt.conflicts_count, 1);
        assert_field("contact_person", &id, "name", "Her daughter");

        conflict = judge_conflict(&test, &fate.receipt.conflicts[0]);
        assert_true(uuid_equal(&conflict.record, &id));
        assert_int_equal(conflict.kind, catalogue_bind()->conflict.kind_concurrent);
        assert_false(conflict.decided);
        assert_int_equal(conflict.standing_count, 1);
        assert_text_value(&conflict.standing[0].value, "Her daughter");
        assert_int_equal(conflict.other_count, 1);
        assert_text_value(&conflict.others[0].changes[0].value, "Her niece");
        assert_true(uuid_equal(&conflict.others[0].author, &test.staff[BOB]));
        assert_true(uuid_equal(&conflict.others[0].id, &second.header.id));

        (void)paper_send(&second); /* a retry makes no second one */
        assert_int_equal(judge_find(&test, "conflict", &person, found, 2), 1);
}

static void test_edits_in_one_commit_collide_like_any_other(void **state)
{
        struct uuid person = judge_person(&test, NURSES, "Ahmed");
        struct uuid id = contact(&person, "Her son");
        struct paper first = rename_contact(TABLET, ANNA, &id, "Her daughter");
        struct paper second = rename_contact(SECOND, BOB, &id, "Her niece");
        struct paper *papers[] = {&first, &second};
        struct fate fate;

        (void)state;
        paper_send_all(papers, 2);
        fate = paper_fate(&first);
        assert_outcome(&fate, OUTCOME_APPLIED);
        fate = paper_fate(&second);
        assert_outcome(&fate, OUTCOME_HELD);
}

static void test_one_nurse_never_conflicts_with_herself(void **state)
{
        struct uuid person = judge_person(&test, NURSES, "Ahmed");
        struct uuid id = contact(&person, "Her son");
        struct paper papers[4];
        struct uuid found[1];

        (void)state;
        for (int i = 0; i < 4; i++) {
                static const char *const names[] = {"a", "b", "c", "d"};
                struct fate fate;

                papers[i] = rename_contact(TABLET, ANNA, &id, names[i]);
                if (i > 0)
                        paper_continues(&papers[i], &papers[i - 1]);
                fate = paper_send(&papers[i]);
                assert_outcome(&fate, OUTCOME_APPLIED);
        }
        assert_field("contact_person", &id, "name", "d");
        assert_int_equal(judge_find(&test, "conflict", &person, found, 1), 0);
}

static void test_a_chain_cannot_be_claimed_from_another_device(void **state)
{
        struct uuid person = judge_person(&test, NURSES, "Ahmed");
        struct uuid id = contact(&person, "Her son");
        struct paper first = rename_contact(TABLET, ANNA, &id, "Her daughter");
        struct paper second = rename_contact(SECOND, BOB, &id, "Her niece");
        struct fate fate;

        (void)state;
        (void)paper_send(&first);
        paper_continues(&second, &first);
        fate = paper_send(&second);
        assert_outcome(&fate, OUTCOME_HELD);
}

static void test_what_continues_a_held_value_takes_its_place(void **state)
{
        struct uuid person = judge_person(&test, NURSES, "Ahmed");
        struct uuid id = contact(&person, "Her son");
        struct paper anna = rename_contact(TABLET, ANNA, &id, "Her daughter");
        struct paper bob = rename_contact(SECOND, BOB, &id, "Her niece");
        struct paper again = rename_contact(SECOND, BOB, &id, "Her great-niece");
        struct fate fate;
        struct conflict conflict;
        struct uuid found[2];

        (void)state;
        (void)paper_send(&anna);
        fate = paper_send(&bob);
        assert_outcome(&fate, OUTCOME_HELD);
        paper_continues(&again, &bob);
        fate = paper_send(&again);
        assert_outcome(&fate, OUTCOME_HELD);
        assert_int_equal(judge_find(&test, "conflict", &person, found, 2), 1);
        conflict = judge_conflict(&test, &found[0]);
        assert_int_equal(conflict.other_count, 2);
        assert_int_equal(conflict.others[0].state, CONFLICT_REPLACED);
        assert_int_equal(conflict.others[1].state, CONFLICT_OPEN);
        assert_text_value(&conflict.others[1].changes[0].value, "Her great-niece");
}

static void test_what_continues_the_standing_value_replaces_it_in_the_conflict(void **state)
{
        struct uuid person = judge_person(&test, NURSES, "Ahmed");
        struct uuid id = contact(&person, "Her son");
        struct paper anna = rename_contact(TABLET, ANNA, &id, "Her daughter");
        struct paper bob = rename_contact(SECOND, BOB, &id, "Her niece");
        struct paper again = rename_contact(TABLET, ANNA, &id, "Her elder daughter");
        struct fate fate;
        struct conflict conflict;
        struct uuid found[2];

        (void)state;
        (void)paper_send(&anna);
        (void)paper_send(&bob);
        paper_continues(&again, &anna);
        fate = paper_send(&again);
        assert_outcome(&fate, OUTCOME_APPLIED);
        assert_field("contact_person", &id, "name", "Her elder daughter");
        assert_int_equal(judge_find(&test, "conflict", &person, found, 2), 1);
        conflict = judge_conflict(&test, &found[0]);
        assert_text_value(&conflict.standing[0].value, "Her elder daughter");
        assert_int_equal(conflict_open_count(&conflict), 1);
}

static void test_a_third_value_joins_the_open_conflict(void **state)
{
        struct uuid person = judge_person(&test, NURSES, "Ahmed");
        struct uuid id = contact(&person, "Her son");
        struct paper anna = rename_contact(TABLET, ANNA, &id, "Her daughter");
        struct paper bob = rename_contact(SECOND, BOB, &id, "Her niece");
        struct paper carla;
        struct fate fate;
        struct conflict conflict;

        (void)state;
        (void)paper_send(&anna);
        (void)paper_send(&bob);
        tablet_pull(&test, TABLET); /* she sees the conflict and writes all the same */
        carla = rename_contact(TABLET, CARLA, &id, "Her cousin");
        fate = paper_send(&carla);
        assert_outcome(&fate, OUTCOME_HELD);
        conflict = judge_conflict(&test, &fate.receipt.conflicts[0]);
        assert_int_equal(conflict_open_count(&conflict), 2);
        assert_field("contact_person", &id, "name", "Her daughter");
}

static void test_the_later_of_two_phone_numbers_stands_by_corrected_time(void **state)
{
        struct uuid person = judge_person(&test, NURSES, "Ahmed");
        struct uuid id = contact(&person, "Her son");
        struct paper early = paper_edit(&test, TABLET, ANNA, "contact_person", &id);
        struct paper late = paper_edit(&test, SECOND, BOB, "contact_person", &id);
        struct paper unset = paper_edit(&test, SECOND, BOB, "contact_person", &id);
        struct fate fate;

        (void)state;
        paper_text(&early, "phone", "1");
        early.body.recorded_ms = test.now_ms - 2000;
        paper_text(&late, "phone", "2");
        late.body.recorded_ms = test.now_ms - 1000;
        fate = paper_send(&late);
        assert_outcome(&fate, OUTCOME_APPLIED);
        fate = paper_send(&early);
        assert_outcome(&fate, OUTCOME_MERGED);
        assert_field("contact_person", &id, "phone", "2");
        paper_text(&unset, "phone", "3"); /* a clock that was never set says it is later */
        unset.body.recorded_ms = test.now_ms;
        unset.body.quality = CLOCK_UNSET;
        unset.body.base.position = 0;
        unset.body.base.epoch = 0;
        fate = paper_send(&unset);
        assert_outcome(&fate, OUTCOME_MERGED);
        assert_field("contact_person", &id, "phone", "2");
}

/* ---- proposals, orders, states of real types ---- */

static void test_an_edit_of_identity_is_proposed_and_shown_beside(void **state)
{
        struct uuid person = judge_person(&test, NURSES, "Ahmed");
        struct paper paper = paper_edit(&test, TABLET, ANNA, "person", &person);
        struct fate fate;
        struct conflict conflict;

        (void)state;
        paper_text(&paper, "family", "Ahmad");
        fate = paper_send(&paper);
        assert_outcome(&fate, OUTCOME_HELD);
        assert_int_equal(fate_effect(&fate, &paper, "family"), EFFECT_PROPOSED);
        assert_field("person", &person, "family", "Ahmed");
        conflict = judge_conflict(&test, &fate.receipt.conflicts[0]);
        assert_int_equal(conflict.kind, catalogue_bind()->conflict.kind_proposal);
        assert_int_equal(conflict.field_count, 2); /* the whole name */
}

static struct paper allergy(const struct uuid *person, const char *substance, const char *severity)
{
        struct paper paper = paper_create(&test, TABLET, ANNA, "allergy", person);

        paper_code(&paper, "status", "active");
        paper_text(&paper, "substance", substance);
        paper_text(&paper, "reaction", "rash");
        paper_code(&paper, "severity", severity);
        return paper;
}

static void test_a_worse_severity_shows_at_once_a_milder_one_waits(void **state)
{
        struct uuid person = judge_person(&test, NURSES, "Ahmed");
        struct paper first = allergy(&person, "Penicillin", "moderate"), worse, milder;
        struct fate fate;

        (void)state;
        (void)paper_send(&first);
        tablet_pull(&test, TABLET);
        tablet_pull(&test, SECOND);
        worse = paper_edit(&test, TABLET, ANNA, "allergy", &first.body.record);
        paper_text(&worse, "reaction", "anaphylaxis");
        paper_code(&worse, "severity", "severe");
        milder = paper_edit(&test, SECOND, BOB, "allergy", &first.body.record);
        paper_text(&milder, "reaction", "itch");
        paper_code(&milder, "severity", "mild");
        fate = paper_send(&milder);
        assert_outcome(&fate, OUTCOME_APPLIED);
        fate = paper_send(&worse);
        assert_outcome(&fate, OUTCOME_HELD);
        assert_code("allergy", &first.body.record, "severity", "severe");
        assert_field("allergy", &first.body.record, "reaction", "itch");
}

static void test_none_known_is_proposed_and_an_allergy_suspends_it(void **state)
{
        struct uuid person = judge_person(&test, NURSES, "Ahmed");
        struct paper none = paper_create(&test, TABLET, ANNA, "allergy", &person), some, decide;
        struct fate fate;
        struct uuid conflict;

        (void)state;
        paper_code(&none, "status", "none_known");
        fate = paper_send(&none);
        assert_outcome(&fate, OUTCOME_HELD);
        assert_int_equal(fate_effect(&fate, &none, "status"), EFFECT_PROPOSED);
        assert_int_equal(judge_value(&test, "allergy", &none.body.record, "status").form,
                         VALUE_UNSET);
        conflict = fate.receipt.conflicts[0];
        tablet_pull(&test, TABLET);
        decide =
                paper_decide(&test, TABLET, DOCTOR, &conflict, &none.header.id, &none.header.id, 1);
        fate = paper_send(&decide);
        assert_outcome(&fate, OUTCOME_APPLIED);
        assert_code("allergy", &none.body.record, "status", "none_known");

        some = allergy(&person, "Penicillin", "severe");
        fate = paper_send(&some);
        assert_outcome(&fate, OUTCOME_APPLIED);
        assert_code("allergy", &none.body.record, "status", "suspended");
}

/* ---- decisions ---- */

struct collision {
        struct uuid person, record, conflict;
        struct paper anna, bob;
};

static struct collision collide(void)
{
        struct collision c = {.person = judge_person(&test, NURSES, "Ahmed")};
        struct fate fate;

        c.record = contact(&c.person, "Her son");
        c.anna = rename_contact(TABLET, ANNA, &c.record, "Her daughter");
        c.bob = rename_contact(SECOND, BOB, &c.record, "Her niece");
        (void)paper_send(&c.anna);
        fate = paper_send(&c.bob);
        assert_outcome(&fate, OUTCOME_HELD);
        c.conflict = fate.receipt.conflicts[0];
        tablet_pull(&test, TABLET);
        tablet_pull(&test, SECOND);
        return c;
}

static void test_a_decision_brings_the_chosen_value_to_the_record(void **state)
{
        struct collision c = collide();
        struct paper decide = paper_decide(&test, TABLET, CARLA, &c.conflict, &c.bob.header.id,
                                           &c.bob.header.id, 1);
        struct fate fate = paper_send(&decide);
        struct conflict conflict = judge_conflict(&test, &c.conflict);
        struct paper later;

        (void)state;
        assert_outcome(&fate, OUTCOME_APPLIED);
        assert_true(conflict.decided);
        assert_int_equal(conflict.others[0].state, CONFLICT_CHOSEN);
        assert_text_value(&conflict.standing[0].value, "Her niece");
        assert_field("contact_person", &c.record, "name", "Her niece");
        assert_memory_equal(judge_value(&test, "conflict", &c.conflict, "decided_by").uuid.bytes,
                            test.staff[CARLA].bytes, 16);
        tablet_pull(&test, TABLET);
        later = rename_contact(TABLET, ANNA, &c.record, "Her niece Iman");
        fate = paper_send(&later); /* nothing is in dispute any more */
        assert_outcome(&fate, OUTCOME_APPLIED);
}

static void test_what_stands_may_be_chosen_too(void **state)
{
        struct collision c = collide();
        struct paper decide =
                paper_decide(&test, TABLET, CARLA, &c.conflict, &c.conflict, &c.bob.header.id, 1);
        struct fate fate = paper_send(&decide);
        struct conflict conflict = judge_conflict(&test, &c.conflict);

        (void)state;
        assert_outcome(&fate, OUTCOME_APPLIED);
        assert_true(conflict.decided);
        assert_int_equal(conflict.others[0].state, CONFLICT_REFUSED);
        assert_field("contact_person", &c.record, "name", "Her daughter");
}

static void test_a_value_that_came_later_stays_open(void **state)
{
        struct collision c = collide();
        struct paper carla = rename_contact(SECOND, ANNA, &c.record, "Her cousin");
        struct paper decide = paper_decide(&test, TABLET, CARLA, &c.conflict, &c.bob.header.id,
                                           &c.bob.header.id, 1);
        struct fate fate;
        struct conflict conflict;

        (void)state;
        fate = paper_send(&carla);
        assert_outcome(&fate, OUTCOME_HELD);
        fate = paper_send(&decide);
        assert_outcome(&fate, OUTCOME_APPLIED);
        conflict = judge_conflict(&test, &c.conflict);
        assert_false(conflict.decided);
        assert_int_equal(conflict_open_count(&conflict), 1);
        assert_text_value(&conflict.standing[0].value, "Her niece");
        assert_int_equal(conflict_value_find(&conflict, &carla.header.id)->state, CONFLICT_OPEN);
}

static void test_a_second_different_decision_is_held_an_equal_one_is_not(void **state)
{
        struct collision c = collide();
        struct paper first = paper_decide(&test, TABLET, CARLA, &c.conflict, &c.bob.header.id,
                                          &c.bob.header.id, 1);
        struct paper same = paper_decide(&test, SECOND, DOCTOR, &c.conflict, &c.bob.header.id,
                                         &c.bob.header.id, 1);
        struct paper other =
                paper_decide(&test, SECOND, DOCTOR, &c.conflict, &c.conflict, &c.bob.header.id, 1);
        struct fate fate;
        struct conflict conflict;

        (void)state;
        fate = paper_send(&first);
        assert_outcome(&fate, OUTCOME_APPLIED);
        fate = paper_send(&same);
        assert_outcome(&fate, OUTCOME_APPLIED);
        conflict = judge_conflict(&test, &c.conflict);
        assert_true(conflict.decided);
        fate = paper_send(&other);
        assert_outcome(&fate, OUTCOME_HELD);
        conflict = judge_conflict(&test, &c.conflict);
        assert_false(conflict.decided);
        assert_int_equal(conflict_open_count(&conflict), 1);
        assert_field("contact_person", &c.record, "name", "Her niece");
}

static void test_only_the_type_s_deciding_roles_decide_and_only_what_is_there(void **state)
{
        struct collision c = collide();
        struct uuid unknown = judge_test_id(&test);
        struct paper paper = paper_decide(&test, TABLET, VOLUNTEER, &c.conflict, &c.bob.header.id,
                                          &c.bob.header.id, 1);
        struct fate fate = paper_send(&paper);

        (void)state;
        assert_refused(&fate, REASON_ROLE);
        paper = paper_decide(&test, TABLET, CARLA, &c.conflict, &unknown, &unknown, 1);
        fate = paper_send(&paper);
        assert_refused(&fate, REASON_MALFORMED);
        paper = paper_edit(&test, TABLET, CARLA, "conflict", &c.conflict);
        paper_code(&paper, "status", "decided");
        fate = paper_send(&paper);
        assert_refused(&fate, REASON_ROLE);
        paper = paper_edit(&test, TABLET, CARLA, "contact_person", &c.record);
        paper.body.operation = ENTRY_DECIDE;
        paper_text(&paper, "name", "Nobody");
        fate = paper_send(&paper);
        assert_refused(&fate, REASON_CATALOGUE);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(test_two_edits_that_collide_make_one_conflict_with_both_values),
                TEST(test_edits_in_one_commit_collide_like_any_other),
                TEST(test_one_nurse_never_conflicts_with_herself),
                TEST(test_a_chain_cannot_be_claimed_from_another_device),
                TEST(test_what_continues_a_held_value_takes_its_place),
                TEST(test_what_continues_the_standing_value_replaces_it_in_the_conflict),
                TEST(test_a_third_value_joins_the_open_conflict),
                TEST(test_the_later_of_two_phone_numbers_stands_by_corrected_time),
                TEST(test_an_edit_of_identity_is_proposed_and_shown_beside),
                TEST(test_a_worse_severity_shows_at_once_a_milder_one_waits),
                TEST(test_none_known_is_proposed_and_an_allergy_suspends_it),
                TEST(test_a_decision_brings_the_chosen_value_to_the_record),
                TEST(test_what_stands_may_be_chosen_too),
                TEST(test_a_value_that_came_later_stays_open),
                TEST(test_a_second_different_decision_is_held_an_equal_one_is_not),
                TEST(test_only_the_type_s_deciding_roles_decide_and_only_what_is_there),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}

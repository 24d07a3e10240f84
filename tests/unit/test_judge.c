/* What becomes of entries, from their bytes to what stands in records and log, on real storage: the ledger, who may write what. */
#include "common/error.h"
#include "tests/unit/judge_bed.h"
#include "tests/unit/unit.h"

#include <string.h>

/* ---- the ledger ---- */

static void test_an_entry_is_applied_and_leaves_a_row_a_record_and_a_receipt(void **state)
{
        struct uuid person = judge_person(&test, NURSES, "Ahmed");
        size_t rows = judge_log_count(&test, false);
        struct paper paper = paper_create(&test, TABLET, ANNA, "contact_person", &person);
        struct fate fate;

        (void)state;
        paper_text(&paper, "name", "Her son");
        fate = paper_send(&paper);
        assert_outcome(&fate, OUTCOME_APPLIED);
        assert_int_equal(fate.receipt.position,
                         judge_position(&test, "contact_person", &paper.body.record));
        assert_int_equal(judge_log_count(&test, false), rows + 1);
        assert_field("contact_person", &paper.body.record, "name", "Her son");
}

static void test_a_repeat_changes_nothing_and_gets_the_outcome_it_has(void **state)
{
        struct uuid person = judge_person(&test, NURSES, "Ahmed");
        struct uuid id = contact(&person, "Her son");
        struct paper paper = rename_contact(TABLET, ANNA, &id, "Her daughter");
        struct fate first = paper_send(&paper), second;
        size_t rows = judge_log_count(&test, false);

        (void)state;
        second = paper_send(&paper);
        assert_int_equal(second.outcome, first.outcome);
        assert_int_equal(second.receipt.position, first.receipt.position);
        assert_int_equal(judge_log_count(&test, false), rows);
}

static void test_an_id_that_means_something_else_is_quarantined_without_a_word(void **state)
{
        struct uuid person = judge_person(&test, NURSES, "Ahmed");
        struct paper first = paper_create(&test, TABLET, ANNA, "contact_person", &person);
        struct paper other = paper_create(&test, SECOND, BOB, "contact_person", &person);
        struct paper changed;
        struct fate fate;

        (void)state;
        paper_text(&first, "name", "Her son");
        fate = paper_send(&first);
        assert_outcome(&fate, OUTCOME_APPLIED);
        other.header.id = other.body.record = first.header.id;
        paper_text(&other, "name", "Somebody");
        fate = paper_send(&other);
        assert_refused(&fate, REASON_ID_TAKEN);
        assert_int_equal(fate.receipt.position, 0);
        changed = first;
        changed.changes[0].value.bytes = bytes_text("Her cat");
        fate = paper_send(&changed);
        assert_refused(&fate, REASON_ID_TAKEN);
        assert_field("contact_person", &first.body.record, "name", "Her son");
        fate = paper_fate(&first);
        assert_outcome(&fate, OUTCOME_APPLIED);
}

static void test_a_record_id_in_use_is_quarantined_whatever_its_type(void **state)
{
        struct uuid person = judge_person(&test, NURSES, "Ahmed");
        struct uuid id = contact(&person, "Her son");
        struct paper paper = paper_create(&test, SECOND, BOB, "alert", &person);
        struct fate fate;

        (void)state;
        paper.body.record = id;
        paper_code(&paper, "category", "dog");
        fate = paper_send(&paper);
        assert_refused(&fate, REASON_ID_TAKEN);
}

/* Somebody gave a record the id that somebody else's entry has, which comes later and makes a record under its own id. */
static void test_an_entry_whose_id_names_a_record_of_another_type_makes_none(void **state)
{
        struct uuid person = judge_person(&test, NURSES, "Ahmed");
        struct uuid other_person = judge_person(&test, NURSES, "Blake");
        struct paper alert = paper_create(&test, TABLET, ANNA, "alert", &person);
        struct paper contact = paper_create(&test, SECOND, BOB, "contact_person", &other_person);
        struct fate fate;

        (void)state;
        alert.body.record = contact.header.id;
        paper_code(&alert, "category", "dog");
        fate = paper_send(&alert);
        assert_outcome(&fate, OUTCOME_APPLIED);
        paper_text(&contact, "name", "Her son");
        fate = paper_send(&contact);
        assert_refused(&fate, REASON_ID_TAKEN);
}

static void test_a_bad_entry_stops_no_other(void **state)
{
        struct uuid person = judge_person(&test, NURSES, "Ahmed");
        struct paper papers[5];
        struct paper *pointers[5];

        (void)state;
        for (int i = 0; i < 5; i++) {
                papers[i] = paper_create(&test, TABLET, ANNA, "contact_person", &person);
                if (i != 2) /* the name is required */
                        paper_text(&papers[i], "name", "Somebody");
                pointers[i] = &papers[i];
        }
        paper_send_all(pointers, 5);
        for (int i = 0; i < 5; i++) {
                struct fate fate = paper_fate(&papers[i]);

                if (i == 2)
                        assert_refused(&fate, REASON_REQUIRED);
                else
                        assert_outcome(&fate, OUTCOME_APPLIED);
        }
}

/* ---- who may write what ---- */

static void test_author_and_role_are_those_of_the_staff_record(void **state)
{
        struct uuid person = judge_person(&test, NURSES, "Ahmed");
        struct paper paper;
        struct fate fate;

        (void)state;
        paper = paper_create(&test, TABLET, ANNA, "allergy", &person);
        paper_code(&paper, "status", "active");
        paper_text(&paper, "substance", "Penicillin");
        paper.body.author = test_id(99, 1);
        fate = paper_send(&paper);
        assert_refused(&fate, REASON_AUTHOR);

        paper = paper_create(&test, TABLET, VOLUNTEER, "allergy", &person);
        paper_code(&paper, "status", "active");
        paper_text(&paper, "substance", "Penicillin");
        fate = paper_send(&paper);
        assert_refused(&fate, REASON_ROLE);
        paper.header.id = paper.body.record = judge_test_id(&test);
        paper.body.role = (uint16_t)judge_code("staff", "role", "gp"); /* a lie */
        fate = paper_send(&paper);
        assert_refused(&fate, REASON_ROLE);
}

static void test_a_device_itself_may_only_acknowledge(void **state)
{
        struct uuid person = judge_person(&test, NURSES, "Ahmed");
        struct uuid of = judge_test_id(&test);
        struct paper paper = paper_create(&test, TABLET, ANNA, "acknowledgement", &person);
        struct fate fate;

        (void)state;
        paper_ref(&paper, "of", &of);
        paper_code(&paper, "kind", "delivered");
        paper.body.author = paper.header.device;
        paper.body.role = 0;
        fate = paper_send(&paper);
        assert_outcome(&fate, OUTCOME_APPLIED);
        paper = paper_create(&test, TABLET, ANNA, "alert", &person);
        paper_code(&paper, "category", "dog");
        paper.body.author = paper.header.device;
        paper.body.role = 0;
        fate = paper_send(&paper);
        assert_refused(&fate, REASON_AUTHOR);
}

static void test_what_the_catalogue_does_not_allow_is_refused_by_name(void **state)
{
        struct uuid person = judge_person(&test, NURSES, "Ahmed");
        struct uuid id = contact(&person, "Her son");
        struct paper fact = paper_create(&test, TABLET, ANNA, "consent", &person);
        struct paper paper;
        struct fate fate;

        (void)state;
        paper_code(&fact, "scope", "photo");
        paper_code(&fact, "decision", "granted");
        paper_int(&fact, "from", test.now_ms);
        fate = paper_send(&fact);
        assert_outcome(&fate, OUTCOME_APPLIED);

        paper = paper_edit(&test, TABLET, ANNA, "consent", &fact.body.record);
        paper_code(&paper, "decision", "withdrawn");
        fate = paper_send(&paper);
        assert_refused(&fate, REASON_APPEND);

        paper = paper_create(&test, TABLET, ANNA, "medicine", &person);
        paper_text(&paper, "name", "Metformin");
        fate = paper_send(&paper);
        assert_refused(&fate, REASON_ROLE);

        paper = rename_contact(TABLET, ANNA, &id, "Her son");
        paper.body.type = 250;
        paper.changes[0].raw = bytes_text("\x61x");
        fate = paper_send(&paper);
        assert_refused(&fate, REASON_CATALOGUE);

        paper = paper_edit(&test, TABLET, ANNA, "person", &person);
        paper_ref(&paper, "neighbourhood", &test.store.locality);
        fate = paper_send(&paper);
        assert_refused(&fate, REASON_STORE_FIELD);

        paper = paper_create(&test, TABLET, ANNA, "observations", &person);
        paper_int(&paper, "taken", test.now_ms);
        paper_int(&paper, "pulse", 301);
        fate = paper_send(&paper);
        assert_refused(&fate, REASON_RANGE);

        paper = paper_person(&test, TABLET, ANNA, "Child");
        paper_int(&paper, "birth_date", scope_day(test.now_ms) - 15 * 365);
        fate = paper_send(&paper);
        assert_refused(&fate, REASON_UNDER_16);

        paper = paper_edit(&test, TABLET, ANNA, "person", &person);
        paper.body.person = UUID_NONE;
        paper_text(&paper, "phone", "1");
        fate = paper_send(&paper);
        assert_refused(&fate, REASON_MALFORMED);
}

static void test_bytes_that_cannot_be_read_are_quarantined_and_kept(void **state)
{
        struct uuid person = judge_person(&test, NURSES, "Ahmed");
        struct paper paper = paper_create(&test, TABLET, ANNA, "alert", &person);
        CLEANUP(buffer_deinit) struct buffer header = BUFFER_INIT;
        const struct judge_origin origin = {.device = &test.tablets[TABLET].row,
                                            .received_ms = test.now_ms};
        struct judge_entry entry = {.header = &paper.header, .body = bytes_text("\x01\x01garbage")};
        struct arena arena = ARENA_INIT;
        struct log_row row;

        (void)state;
        entry_header_encode(&paper.header, &header);
        entry.header_bytes = buffer_view(&header);
        entry_body_hash(entry.body, entry.body_hash);
        store_begin(&test.store);
        judge_begin(test.judge, test.now_ms);
        assert_int_equal(judge_take(test.judge, &origin, &entry), 0);
        assert_int_equal(test.store.writer->ops->log_find(test.store.writer, &test.store.locality,
                                                          &paper.header.id, &paper.header.device,
                                                          entry.body_hash, &arena, &row),
                         FOUND_SAME);
        assert_int_equal(row.outcome, OUTCOME_QUARANTINED);
        assert_int_equal(row.reason, REASON_MALFORMED);
        assert_int_equal(test.store.writer->ops->log_get(test.store.writer, &test.store.locality,
                                                         row.number, &arena, &row),
                         1);
        assert_bytes(row.body, entry.body);
        store_commit(&test.store);
        arena_deinit(&arena);
}

static void test_a_base_that_the_store_never_gave_out_is_refused(void **state)
{
        struct uuid person = judge_person(&test, NURSES, "Ahmed");
        struct uuid id = contact(&person, "Her son");
        struct paper paper = rename_contact(TABLET, ANNA, &id, "Her daughter");
        struct fate fate;

        (void)state;
        paper.body.base.position = test.tablets[TABLET].seen + 1;
        fate = paper_send(&paper);
        assert_refused(&fate, REASON_BASE);
        paper = rename_contact(TABLET, ANNA, &id, "Her daughter");
        paper.body.base.epoch = 2;
        fate = paper_send(&paper);
        assert_refused(&fate, REASON_BASE);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(test_an_entry_is_applied_and_leaves_a_row_a_record_and_a_receipt),
                TEST(test_a_repeat_changes_nothing_and_gets_the_outcome_it_has),
                TEST(test_an_id_that_means_something_else_is_quarantined_without_a_word),
                TEST(test_a_record_id_in_use_is_quarantined_whatever_its_type),
                TEST(test_an_entry_whose_id_names_a_record_of_another_type_makes_none),
                TEST(test_a_bad_entry_stops_no_other),
                TEST(test_author_and_role_are_those_of_the_staff_record),
                TEST(test_a_device_itself_may_only_acknowledge),
                TEST(test_what_the_catalogue_does_not_allow_is_refused_by_name),
                TEST(test_bytes_that_cannot_be_read_are_quarantined_and_kept),
                TEST(test_a_base_that_the_store_never_gave_out_is_refused),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}

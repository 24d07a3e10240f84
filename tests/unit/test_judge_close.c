/* Quarantined entries that a new one names: fixed, released, dismissed; and what one device may leave at the store. */
#include "common/error.h"
#include "tests/unit/judge_bed.h"
#include "tests/unit/unit.h"

#include <string.h>

/* ---- what the tests share ---- */

static const struct storage_ops *ops(void)
{
        return test.store.writer->ops;
}

static int take_row(void *context, const struct quarantine_row *row)
{
        struct quarantine_row *ret = context;

        *ret = *row;
        ret->note = arena_copy(&test.arena, row->note);
        return 0;
}

/* The newest quarantine row of an entry; how is CLOSING_NONE and the number 0 where there is none. */
static struct quarantine_row refused_row(const struct uuid *entry)
{
        struct quarantine_row row = {.number = 0};

        assert_int_equal(ops()->quarantine_named(test.store.writer, entry, take_row, &row), 0);
        return row;
}

/* A contact whose author is no member of staff: refused. */
static struct paper refused_contact(int tablet, const struct uuid *person, const char *name)
{
        struct paper paper = paper_create(&test, tablet, ANNA, "contact_person", person);
        struct fate fate;

        paper_text(&paper, "name", name);
        paper.body.role = 99;
        fate = paper_send(&paper);
        assert_refused(&fate, REASON_ROLE);
        return paper;
}

/* The same once more, rightly, and naming the refused one. */
static struct paper fix_of(int tablet, const struct paper *old, const char *name)
{
        struct paper paper = paper_create(&test, tablet, ANNA, "contact_person", &old->body.person);

        paper.body.record = old->body.record;
        paper.body.instead = old->header.id;
        paper_text(&paper, "name", name);
        return paper;
}

static int answer(const struct uuid *entry, enum closing_how how, struct judge_answered *ret)
{
        const struct quarantine_row row = refused_row(entry);
        const struct judge_answer wanted = {
                .locality = &test.store.locality,
                .number = row.number,
                .how = how,
                .who = bytes_text("A. Cole"),
                .why = bytes_text("seen"),
        };
        int r;

        store_begin(&test.store);
        judge_begin(test.judge, test.now_ms);
        r = judge_answer(test.judge, &wanted, ret);
        if (r == 0)
                store_commit(&test.store);
        else
                ops()->rollback(test.store.writer);
        return r;
}

/* ---- fixed by its device ---- */

static void test_a_fix_closes_the_entry_that_it_names_and_nothing_of_that_changes(void **state)
{
        struct uuid person = judge_person(&test, NURSES, "Ahmed");
        struct paper old = refused_contact(TABLET, &person, "Wrong");
        struct paper fix = fix_of(TABLET, &old, "Right");
        struct fate fate = paper_send(&fix);
        struct quarantine_row row = refused_row(&old.header.id);

        (void)state;
        assert_outcome(&fate, OUTCOME_APPLIED);
        assert_field("contact_person", &old.body.record, "name", "Right");
        assert_int_equal(row.how, CLOSING_FIXED);
        assert_memory_equal(&row.closed_by, &fix.header.id, sizeof(row.closed_by));
        assert_int_equal(row.word, 0); /* its device knows */
        fate = paper_fate(&old);
        assert_refused(&fate, REASON_ROLE);
}

static void test_a_second_fix_is_refused_and_told_why(void **state)
{
        struct uuid person = judge_person(&test, NURSES, "Ahmed");
        struct paper old = refused_contact(TABLET, &person, "Wrong");
        struct paper fix = fix_of(TABLET, &old, "Right"), again = fix_of(TABLET, &old, "Other");
        struct fate fate = paper_send(&fix);

        (void)state;
        fate = paper_send(&again);
        assert_refused(&fate, REASON_DEALT_WITH);
        assert_field("contact_person", &old.body.record, "name", "Right");
        assert_int_equal(refused_row(&again.header.id).how, CLOSING_NONE);
}

static void test_a_fix_that_is_refused_itself_is_the_one_that_is_open(void **state)
{
        struct uuid person = judge_person(&test, NURSES, "Ahmed");
        struct paper old = refused_contact(TABLET, &person, "Wrong");
        struct paper fix = fix_of(TABLET, &old, "Right"), third;
        struct fate fate;

        (void)state;
        fix.body.role = 99;
        fate = paper_send(&fix);
        assert_refused(&fate, REASON_ROLE);
        assert_int_equal(refused_row(&old.header.id).how, CLOSING_FIXED);
        assert_int_equal(refused_row(&fix.header.id).how, CLOSING_NONE);
        third = fix_of(TABLET, &fix, "Right");
        third.body.record = old.body.record;
        fate = paper_send(&third);
        assert_outcome(&fate, OUTCOME_APPLIED);
        assert_int_equal(refused_row(&fix.header.id).how, CLOSING_FIXED);
}

static void test_another_device_closes_nothing_by_naming_it(void **state)
{
        struct uuid person = judge_person(&test, NURSES, "Ahmed");
        struct paper old = refused_contact(TABLET, &person, "Wrong");
        struct paper fix = fix_of(SECOND, &old, "Stolen");
        struct fate fate;

        (void)state;
        fix.body.author = test.staff[BOB];
        fate = paper_send(&fix);
        assert_outcome(&fate, OUTCOME_APPLIED); /* a new entry as any other */
        assert_int_equal(refused_row(&old.header.id).how, CLOSING_NONE);
}

static void test_what_took_effect_cannot_be_replaced(void **state)
{
        struct uuid person = judge_person(&test, NURSES, "Ahmed");
        struct paper good = paper_create(&test, TABLET, ANNA, "contact_person", &person);
        struct paper fix;
        struct fate fate;

        (void)state;
        paper_text(&good, "name", "Right");
        fate = paper_send(&good);
        assert_outcome(&fate, OUTCOME_APPLIED);
        fix = fix_of(TABLET, &good, "Other");
        fix.body.record = fix.header.id;
        fate = paper_send(&fix);
        assert_refused(&fate, REASON_DEALT_WITH);
}

static void test_what_waits_for_a_refused_creation_is_judged_when_it_is_fixed(void **state)
{
        struct uuid person = judge_person(&test, NURSES, "Ahmed");
        struct paper old = refused_contact(TABLET, &person, "Wrong");
        struct paper edit = paper_edit(&test, TABLET, ANNA, "contact_person", &old.body.record),
                     fix;
        struct fate fate;

        (void)state;
        edit.body.person = person;
        paper_text(&edit, "phone", "0161 4960000");
        fate = paper_send(&edit);
        assert_outcome(&fate, OUTCOME_PARKED);
        fix = fix_of(TABLET, &old, "Right");
        fate = paper_send(&fix);
        assert_outcome(&fate, OUTCOME_APPLIED);
        fate = paper_fate(&edit);
        assert_outcome(&fate, OUTCOME_APPLIED);
        assert_field("contact_person", &old.body.record, "phone", "0161 4960000");
}

/* ---- released or dismissed by an operator ---- */

static void test_a_release_takes_effect_as_its_authors_work(void **state)
{
        struct uuid stranger = judge_person(&test, HUB, "Stranger");
        struct paper paper = paper_create(&test, TABLET, ANNA, "contact_person", &stranger);
        struct judge_answered answered;
        struct quarantine_row row;
        struct record record;
        struct fate fate;

        (void)state;
        paper_text(&paper, "name", "Somebody");
        paper.body.base.position = 1 << 20; /* never given out */
        fate = paper_send(&paper);
        assert_refused(&fate, REASON_BASE);
        assert_int_equal(answer(&paper.header.id, CLOSING_RELEASED, &answered), 0);
        assert_int_equal(answered.outcome, OUTCOME_APPLIED);
        assert_true(judge_record(&test, "contact_person", &paper.body.record, &record));
        assert_memory_equal(&record.author, &test.staff[ANNA], sizeof(record.author));
        assert_int_equal(record.recorded_ms, paper.body.recorded_ms);
        row = refused_row(&paper.header.id);
        assert_int_equal(row.how, CLOSING_RELEASED);
        assert_int_equal(row.word, 1);
        assert_bytes(row.note, bytes_text("released by A. Cole: seen"));
        assert_memory_equal(&row.closed_by, &answered.entry, sizeof(row.closed_by));
        assert_int_equal(answer(&paper.header.id, CLOSING_RELEASED, &answered), PANNIER_E_TAKEN);
        assert_int_equal(answer(&paper.header.id, CLOSING_DISMISSED, &answered), PANNIER_E_TAKEN);
        fate = paper_fate(&paper);
        assert_refused(&fate, REASON_BASE); /* for ever */
}

static void test_what_would_be_refused_again_is_not_released(void **state)
{
        struct uuid person = judge_person(&test, NURSES, "Ahmed"), nobody = judge_test_id(&test);
        struct paper volunteer = paper_create(&test, TABLET, VOLUNTEER, "allergy", &person), lost;
        size_t rows;
        struct judge_answered answered;
        struct fate fate;

        (void)state;
        paper_code(&volunteer, "status", "active");
        paper_text(&volunteer, "substance", "Penicillin");
        fate = paper_send(&volunteer);
        assert_refused(&fate, REASON_ROLE);
        rows = judge_log_count(&test, false);
        assert_int_equal(answer(&volunteer.header.id, CLOSING_RELEASED, &answered), 1);
        assert_int_equal(answered.reason, REASON_ROLE);
        lost = paper_create(&test, TABLET, ANNA, "contact_person", &nobody);
        paper_text(&lost, "name", "Nobody's");
        fate = paper_send(&lost);
        assert_outcome(&fate, OUTCOME_PARKED);
        test.now_ms += JUDGE_PARKED_MS + 1;
        store_begin(&test.store);
        judge_begin(test.judge, test.now_ms);
        assert_int_equal(judge_expire(test.judge, &test.store.locality, 10), 1);
        store_commit(&test.store);
        assert_int_equal(answer(&lost.header.id, CLOSING_RELEASED, &answered), 1);
        assert_int_equal(answered.reason, REASON_NOT_HERE);
        assert_int_equal(judge_log_count(&test, false), rows + 1); /* the one that was given up */
        assert_int_equal(refused_row(&volunteer.header.id).how, CLOSING_NONE);
}

static void test_a_released_edit_meets_what_was_written_meanwhile(void **state)
{
        struct uuid person = judge_person(&test, NURSES, "Ahmed");
        struct uuid id = contact(&person, "First");
        struct paper edit = rename_contact(TABLET, ANNA, &id, "Mine"), other;
        struct judge_answered answered;
        struct fate fate;

        (void)state;
        edit.body.role = 99;
        fate = paper_send(&edit);
        assert_refused(&fate, REASON_ROLE);
        other = rename_contact(SECOND, BOB, &id, "Theirs");
        fate = paper_send(&other);
        assert_outcome(&fate, OUTCOME_APPLIED);
        assert_int_equal(answer(&edit.header.id, CLOSING_RELEASED, &answered), 0);
        assert_int_equal(answered.outcome, OUTCOME_HELD);
        assert_field("contact_person", &id, "name", "Theirs");
}

static void test_a_dismissed_entry_changes_nothing_but_is_dealt_with(void **state)
{
        struct uuid person = judge_person(&test, NURSES, "Ahmed");
        struct paper old = refused_contact(TABLET, &person, "Wrong"), fix;
        struct judge_answered answered;
        struct fate fate;

        (void)state;
        assert_int_equal(answer(&old.header.id, CLOSING_DISMISSED, &answered), 0);
        assert_false(judge_has(&test, "contact_person", &old.body.record));
        assert_int_equal(refused_row(&old.header.id).how, CLOSING_DISMISSED);
        fix = fix_of(TABLET, &old, "Right");
        fate = paper_send(&fix);
        assert_refused(&fate, REASON_DEALT_WITH);
        assert_int_equal(answer(&fix.header.id, CLOSING_DISMISSED, &answered), 0);
        assert_int_equal(refused_row(&fix.header.id).word, 2);
}

static void test_an_answer_says_who_and_why(void **state)
{
        struct uuid person = judge_person(&test, NURSES, "Ahmed");
        struct paper old = refused_contact(TABLET, &person, "Wrong");
        struct judge_answer wanted = {.locality = &test.store.locality,
                                      .number = refused_row(&old.header.id).number,
                                      .how = CLOSING_DISMISSED,
                                      .who = bytes_text("A. Cole")};
        struct judge_answered answered;

        (void)state;
        store_begin(&test.store);
        judge_begin(test.judge, test.now_ms);
        assert_int_equal(judge_answer(test.judge, &wanted, &answered), PANNIER_E_INVALID);
        wanted.why = bytes_text("x");
        wanted.number = 1 << 20;
        assert_int_equal(judge_answer(test.judge, &wanted, &answered), PANNIER_E_NOT_FOUND);
        ops()->rollback(test.store.writer);
}

/* ---- devices that are shut out ---- */

static void put_device(int tablet, enum wire_device_state device_state)
{
        test.tablets[tablet].row.state = device_state;
        assert_int_equal(ops()->device_put(test.store.writer, &test.tablets[tablet].row), 0);
}

static void test_what_a_revoked_device_had_parked_waits_for_an_operator(void **state)
{
        struct uuid stranger = judge_person(&test, HUB, "Stranger"),
                    assignment = judge_test_id(&test);
        struct paper paper = paper_create(&test, TABLET, ANNA, "contact_person", &stranger);
        struct judge_answered answered;
        struct fate fate;

        (void)state;
        paper_text(&paper, "name", "Somebody");
        fate = paper_send(&paper);
        assert_outcome(&fate, OUTCOME_PARKED);
        put_device(TABLET, DEVICE_LOCKED);
        judge_assign(&test, &assignment, &stranger, NURSES, true);
        fate = paper_fate(&paper);
        assert_outcome(&fate, OUTCOME_PARKED); /* it may be unlocked */
        put_device(TABLET, DEVICE_REVOKED);
        store_begin(&test.store);
        judge_begin(test.judge, test.now_ms);
        assert_int_equal(judge_tick(test.judge, &test.store.locality, 100), 0);
        store_commit(&test.store);
        fate = paper_fate(&paper);
        assert_refused(&fate, REASON_DEVICE);
        assert_false(judge_has(&test, "contact_person", &paper.body.record));
        assert_int_equal(answer(&paper.header.id, CLOSING_RELEASED, &answered), 0);
        assert_true(judge_has(&test, "contact_person", &paper.body.record));
}

/* ---- what one device may leave here ---- */

static int hand_in(struct paper *paper)
{
        CLEANUP(buffer_deinit) struct buffer header = BUFFER_INIT;
        CLEANUP(buffer_deinit) struct buffer clear = BUFFER_INIT;
        CLEANUP(buffer_deinit) struct buffer body = BUFFER_INIT;
        struct judge_origin origin = {.device = &test.tablets[paper->tablet].row,
                                      .received_ms = test.now_ms};
        struct judge_entry entry = {.header = &paper->header};

        entry_header_encode(&paper->header, &header);
        paper->body.changes = paper->changes;
        entry_body_encode(&paper->body, &paper->header, &clear);
        assert_int_equal(body_pack(test.codec, buffer_view(&clear), &body), 0);
        entry.header_bytes = buffer_view(&header);
        entry.body = buffer_view(&body);
        entry_body_hash(entry.body, entry.body_hash);
        return judge_take(test.judge, &origin, &entry);
}

static int hand_in_contact(int tablet, const struct uuid *person, uint16_t role)
{
        struct paper paper = paper_create(&test, tablet, ANNA, "contact_person", person);

        paper_text(&paper, "name", "Somebody");
        paper.body.base = (struct position){0};
        if (role)
                paper.body.role = role;
        return hand_in(&paper);
}

static void test_over_the_limit_nothing_is_taken_and_nobody_else_is_stopped(void **state)
{
        struct uuid person = judge_person(&test, NURSES, "Ahmed"), nobody = judge_test_id(&test);
        const struct judge_limits limits = {.parked = 3, .refused = 2};
        struct storage_backlog backlog;

        (void)state;
        judge_limit(test.judge, &limits);
        store_begin(&test.store);
        judge_begin(test.judge, test.now_ms);
        for (int i = 0; i < 3; i++)
                assert_int_equal(hand_in_contact(TABLET, &nobody, 0), 0);
        assert_int_equal(hand_in_contact(TABLET, &nobody, 0), JUDGE_FULL_PARKED);
        for (int i = 0; i < 2; i++)
                assert_int_equal(hand_in_contact(TABLET, &person, 99), 0);
        assert_int_equal(hand_in_contact(TABLET, &person, 99), JUDGE_FULL_REFUSED);
        assert_int_equal(hand_in_contact(TABLET, &person, 0), 0); /* what needs no room is taken */
        assert_int_equal(hand_in_contact(SECOND, &nobody, 0), 0);
        assert_int_equal(hand_in_contact(SECOND, &person, 99), 0);
        store_commit(&test.store);
        assert_int_equal(ops()->backlog(test.store.writer, &test.tablets[TABLET].row.id, &backlog),
                         0);
        assert_int_equal(backlog.parked, 3);
        assert_int_equal(backlog.refused, 2);
        assert_true(backlog.parked_size > 0 && backlog.refused_size > 0);
}

static void test_bytes_are_limited_like_rows(void **state)
{
        struct uuid nobody = judge_test_id(&test);
        const struct judge_limits limits = {.parked_size = 500};
        int taken = 0;

        (void)state;
        judge_limit(test.judge, &limits);
        store_begin(&test.store);
        judge_begin(test.judge, test.now_ms);
        while (hand_in_contact(TABLET, &nobody, 0) == 0)
                taken++;
        assert_in_range(taken, 1, 3);
        store_commit(&test.store);
}

static void test_what_is_given_up_waits_on_where_quarantine_is_full(void **state)
{
        struct uuid person = judge_person(&test, NURSES, "Ahmed"), nobody = judge_test_id(&test);
        const struct judge_limits limits = {.refused = 1};
        struct storage_backlog backlog;

        (void)state;
        judge_limit(test.judge, &limits);
        store_begin(&test.store);
        judge_begin(test.judge, test.now_ms);
        assert_int_equal(hand_in_contact(TABLET, &nobody, 0), 0);
        assert_int_equal(hand_in_contact(TABLET, &person, 99), 0);
        test.now_ms += JUDGE_PARKED_MS + 1;
        judge_begin(test.judge, test.now_ms);
        assert_int_equal(judge_expire(test.judge, &test.store.locality, 10), 1);
        store_commit(&test.store);
        assert_int_equal(ops()->backlog(test.store.writer, &test.tablets[TABLET].row.id, &backlog),
                         0);
        assert_int_equal(backlog.parked, 1);
        assert_int_equal(backlog.refused, 1);
}

static void test_dealing_with_one_makes_room_for_another(void **state)
{
        struct uuid person = judge_person(&test, NURSES, "Ahmed");
        const struct judge_limits limits = {.refused = 1};
        struct paper old = refused_contact(TABLET, &person, "Wrong");
        struct judge_answered answered;

        (void)state;
        judge_limit(test.judge, &limits);
        store_begin(&test.store);
        judge_begin(test.judge, test.now_ms);
        assert_int_equal(hand_in_contact(TABLET, &person, 99), JUDGE_FULL_REFUSED);
        store_commit(&test.store);
        assert_int_equal(answer(&old.header.id, CLOSING_DISMISSED, &answered), 0);
        store_begin(&test.store);
        judge_begin(test.judge, test.now_ms);
        assert_int_equal(hand_in_contact(TABLET, &person, 99), 0);
        store_commit(&test.store);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(test_a_fix_closes_the_entry_that_it_names_and_nothing_of_that_changes),
                TEST(test_a_second_fix_is_refused_and_told_why),
                TEST(test_a_fix_that_is_refused_itself_is_the_one_that_is_open),
                TEST(test_another_device_closes_nothing_by_naming_it),
                TEST(test_what_took_effect_cannot_be_replaced),
                TEST(test_what_waits_for_a_refused_creation_is_judged_when_it_is_fixed),
                TEST(test_a_release_takes_effect_as_its_authors_work),
                TEST(test_what_would_be_refused_again_is_not_released),
                TEST(test_a_released_edit_meets_what_was_written_meanwhile),
                TEST(test_a_dismissed_entry_changes_nothing_but_is_dealt_with),
                TEST(test_an_answer_says_who_and_why),
                TEST(test_what_a_revoked_device_had_parked_waits_for_an_operator),
                TEST(test_over_the_limit_nothing_is_taken_and_nobody_else_is_stopped),
                TEST(test_bytes_are_limited_like_rows),
                TEST(test_what_is_given_up_waits_on_where_quarantine_is_full),
                TEST(test_dealing_with_one_makes_room_for_another),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Somebody moves to another locality: what goes along, what ends, and what becomes of entries that were written before. */
#include "common/error.h"
#include "store/verify.h"
#include "tests/unit/judge_bed.h"
#include "tests/unit/unit.h"

#include <string.h>

static struct uuid north, north_team; /* the other locality, and its team */
static struct uuid both[2];           /* ascending */

static const struct storage_ops *ops(void)
{
        return test.store.writer->ops;
}

static void begin_both(void)
{
        assert_int_equal(ops()->begin(test.store.writer, both, 2), 0);
        judge_begin(test.judge, test.now_ms);
}

/* A team of the other locality, of the same trust. */
static void load_north_team(void)
{
        static const char *const names[] = {"organisation", "name", "kind"};
        const struct value values[] = {
                {.form = VALUE_UUID, .uuid = test.organisations[TRUST]},
                {.form = VALUE_BYTES, .bytes = bytes_text("North")},
                {.form = VALUE_INTEGER, .integer = judge_code("team", "kind", "neighbourhood")},
        };
        struct entry_change changes[COUNT(names)] = {{0}};
        const struct judge_change change = {
                .locality = &north,
                .type = judge_type("team"),
                .entry = judge_test_id(&test),
                .record = north_team,
                .changes = changes,
                .change_count = COUNT(names),
        };

        for (size_t i = 0; i < COUNT(names); i++) {
                changes[i].number = judge_field(change.type, names[i])->number;
                changes[i].value = values[i];
                assert_true(i == 0 || changes[i - 1].number < changes[i].number);
        }
        begin_both();
        assert_int_equal(judge_put(test.judge, &change), JUDGE_CREATED);
        store_commit(&test.store);
}

static int set_up_both(void **state)
{
        struct uuid epoch = test_id(2, 2);

        if (set_up(state) != 0)
                return -1;
        north = test_id(1, 2);
        north_team = test_id(44, 90);
        both[0] = test.store.locality;
        both[1] = north;
        assert_true(uuid_compare(&both[0], &both[1]) < 0);
        assert_int_equal(ops()->locality_add(test.store.writer, &north, &epoch, test.now_ms), 0);
        load_north_team();
        return 0;
}

static int tell(void *context, const struct verify_problem *problem)
{
        (void)context;
        print_error("verify: %s, row %llu, %s.%s\n", verify_kind_name(problem->kind),
                    (unsigned long long)problem->number, problem->type ? problem->type->name : "-",
                    problem->field ? problem->field->name : "-");
        return 0;
}

/* The log of the other locality, played again, makes what is there: its people came with what the first one says. */
static int tear_down_both(void **state)
{
        struct storage *scratch = NULL;
        struct verify_report report = {0};

        assert_int_equal(storage_sqlite_open(":memory:", false, &scratch), 0);
        assert_int_equal(verify_locality(test.store.reader, scratch, &north, NHS_ENVIRONMENT_TEST,
                                         tell, NULL, &report),
                         0);
        assert_int_equal(report.problems, 0);
        storage_freep(&scratch);
        return tear_down(state);
}

static void grant(int tablet, const struct uuid *team)
{
        const struct scope scope = {SCOPE_TEAM, *team};

        store_begin(&test.store);
        assert_int_equal(ops()->grant_put(test.store.writer, &test.tablets[tablet].row.id, &scope),
                         0);
        store_commit(&test.store);
}

/* The tablet was sent the person, with clinical records. */
static void was_sent(int tablet, const struct uuid *person)
{
        const struct custody_row row = {.locality = test.store.locality,
                                        .device = test.tablets[tablet].row.id,
                                        .person = *person,
                                        .since_ms = 1,
                                        .position = 1,
                                        .class = CLASS_CLINICAL};

        store_begin(&test.store);
        assert_int_equal(ops()->custody_sent(test.store.writer, &row, 1), 0);
        store_commit(&test.store);
}

static struct judge_moved move_to(const struct uuid *person, const struct uuid *to, bool join)
{
        const struct scope scope = {SCOPE_TEAM, north_team};
        const struct judge_move move = {
                .person = *person,
                .to = to,
                .entry = judge_test_id(&test),
                .joins = &scope,
                .join_count = join,
                .reason = bytes_text("moved house"),
        };
        struct judge_moved moved;
        int r;

        begin_both();
        r = judge_move(test.judge, &move, &moved);
        if (r != JUDGE_EDITED)
                fail_msg("judge_move: %d, %s (%s)", r, error_detail(), error_place());
        store_commit(&test.store);
        return moved;
}

static struct record record_of(const char *type, const struct uuid *id)
{
        struct record record = {0};

        assert_true(judge_record(&test, type, id, &record));
        return record;
}

struct membership {
        struct scope scope;
        bool in;
};

static int see_scope(void *context, const struct member_row *row)
{
        struct membership *membership = context;

        if (scope_equal(&row->scope, &membership->scope))
                membership->in = row->joined != 0;
        return 0;
}

static bool is_in(const struct uuid *locality, const struct uuid *person, const struct uuid *team)
{
        struct membership membership = {.scope = {SCOPE_TEAM, *team}};
        struct storage *reader = test.store.reader;

        assert_int_equal(reader->ops->begin_read(reader), 0);
        assert_int_equal(reader->ops->members_of(reader, locality, person, see_scope, &membership),
                         0);
        assert_int_equal(reader->ops->commit(reader), 0);
        return membership.in;
}

static struct fate send(struct paper *paper)
{
        return paper_send_to(paper, both, 2);
}

/* ---- the move ---- */

static void test_everything_goes_along_and_the_old_teams_lose_the_person(void **state)
{
        struct uuid person = judge_person(&test, NURSES, "Ahmed");
        struct uuid friend = contact(&person, "Layla");
        struct judge_moved moved = move_to(&person, &north, true);
        struct record record = record_of("person", &person);
        struct uuid ids[4];
        size_t count = judge_find(&test, "assignment", &person, ids, 4);

        (void)state;
        assert_true(uuid_equal(&moved.from, &test.store.locality));
        assert_int_equal(moved.records, 3);
        assert_int_equal(moved.ended, 1);
        assert_int_equal(moved.proposed, 1);
        assert_true(uuid_equal(&record.locality, &north));
        assert_int_equal(record.position, moved.arrived.position);
        record = record_of("contact_person", &friend);
        assert_true(uuid_equal(&record.locality, &north));
        assert_int_equal(record.position, moved.arrived.position);
        assert_false(is_in(&test.store.locality, &person, &test.teams[NURSES]));
        assert_false(is_in(&north, &person, &test.teams[NURSES]));
        assert_true(is_in(&north, &person, &north_team));
        assert_int_equal(count, 2);
        for (size_t i = 0; i < count; i++) {
                struct value team = judge_value(&test, "assignment", &ids[i], "team");

                assert_code("assignment", &ids[i], "status",
                            uuid_equal(&team.uuid, &north_team) ? "proposed" : "ended");
        }
}

static void test_a_team_of_the_other_locality_goes_on_without_a_new_assignment(void **state)
{
        struct uuid person = judge_person(&test, NURSES, "Ahmed"), assignment;
        struct paper paper = assign(TABLET, CARLA, &person, NURSES, "active");

        (void)state;
        paper.body.record = assignment = paper.header.id;
        for (size_t i = 0; i < paper.body.change_count; i++)
                if (paper.changes[i].value.form == VALUE_UUID)
                        paper.changes[i].value.uuid = north_team;
        (void)send(&paper);
        assert_true(is_in(&test.store.locality, &person, &north_team));
        (void)move_to(&person, &north, false);
        assert_code("assignment", &assignment, "status", "active");
        assert_false(is_in(&test.store.locality, &person, &north_team));
        assert_true(is_in(&north, &person, &north_team));
}

static void test_whoever_is_there_already_is_not_moved(void **state)
{
        struct uuid person = judge_person(&test, NURSES, "Ahmed");
        struct judge_move move = {
                .person = person, .to = &test.store.locality, .entry = judge_test_id(&test)};
        struct judge_moved moved;
        size_t before = judge_log_count(&test, false);

        (void)state;
        begin_both();
        assert_int_equal(judge_move(test.judge, &move, &moved), JUDGE_UNCHANGED);
        move.person = test_id(9, 9);
        assert_int_equal(judge_move(test.judge, &move, &moved), PANNIER_E_NOT_FOUND);
        assert_null(judge_wanted(test.judge));
        store_commit(&test.store);
        assert_int_equal(judge_log_count(&test, false), before);
}

static void test_a_move_says_which_locality_the_transaction_lacks(void **state)
{
        struct uuid person = judge_person(&test, NURSES, "Ahmed");
        const struct judge_move move = {
                .person = person, .to = &north, .entry = judge_test_id(&test)};
        struct judge_moved moved;

        (void)state;
        store_begin(&test.store);
        judge_begin(test.judge, test.now_ms);
        assert_int_equal(judge_move(test.judge, &move, &moved), PANNIER_E_NOT_FOUND);
        assert_non_null(judge_wanted(test.judge));
        assert_true(uuid_equal(judge_wanted(test.judge), &north));
        ops()->rollback(test.store.writer);
}

static void test_who_comes_back_has_one_history_in_both_logs(void **state)
{
        struct uuid person = judge_person(&test, NURSES, "Ahmed");
        struct uuid friend = contact(&person, "Layla");
        struct record record;

        (void)state;
        (void)move_to(&person, &north, true);
        (void)move_to(&person, &test.store.locality, false);
        record = record_of("contact_person", &friend);
        assert_true(uuid_equal(&record.locality, &test.store.locality));
        (void)move_to(&person, &north, false);
        record = record_of("contact_person", &friend);
        assert_true(uuid_equal(&record.locality, &north));
}

/* ---- entries that were written before ---- */

static void test_the_old_teams_edit_comes_late_where_the_person_is_now(void **state)
{
        struct uuid person = judge_person(&test, NURSES, "Ahmed");
        struct uuid friend = contact(&person, "Layla"), ids[2];
        struct paper paper = rename_contact(TABLET, ANNA, &friend, "Leila");
        struct judge_moved moved;
        struct record record;
        struct fate fate;

        (void)state;
        was_sent(TABLET, &person);
        moved = move_to(&person, &north, true);
        fate = send(&paper);
        assert_outcome(&fate, OUTCOME_LATE);
        assert_field("contact_person", &friend, "name", "Layla");
        assert_int_equal(judge_find(&test, "conflict", &person, ids, 2), 1);
        record = record_of("conflict", &ids[0]);
        assert_true(uuid_equal(&record.locality, &north));
        /* its position is one of the locality that it was written in, which used one up */
        assert_true(fate.receipt.position > moved.departed.position);
        fate = send(&paper);
        assert_outcome(&fate, OUTCOME_LATE);
        assert_int_equal(judge_find(&test, "conflict", &person, ids, 2), 1);
}

static void test_the_old_teams_new_fact_is_stored_where_the_person_is_now(void **state)
{
        struct uuid person = judge_person(&test, NURSES, "Ahmed");
        struct paper paper = paper_create(&test, TABLET, ANNA, "visit", &person);
        struct record record;
        struct fate fate;

        (void)state;
        paper_code(&paper, "setting", "home");
        paper_code(&paper, "outcome", "completed");
        was_sent(TABLET, &person);
        (void)move_to(&person, &north, true);
        fate = send(&paper);
        assert_outcome(&fate, OUTCOME_LATE);
        record = record_of("visit", &paper.body.record);
        assert_true(uuid_equal(&record.locality, &north));
}

static void test_an_entry_about_somebody_who_moved_asks_for_the_locality(void **state)
{
        struct uuid person = judge_person(&test, NURSES, "Ahmed");
        struct uuid friend = contact(&person, "Layla");
        struct paper paper = rename_contact(TABLET, ANNA, &friend, "Leila");
        struct judge_entry entry = {.header = &paper.header};
        const struct judge_origin origin = {.device = &test.tablets[TABLET].row};
        CLEANUP(buffer_deinit) struct buffer clear = BUFFER_INIT;
        CLEANUP(buffer_deinit) struct buffer body = BUFFER_INIT;
        CLEANUP(buffer_deinit) struct buffer header = BUFFER_INIT;

        (void)state;
        (void)move_to(&person, &north, false);
        paper.body.changes = paper.changes;
        entry_header_encode(&paper.header, &header);
        entry_body_encode(&paper.body, &paper.header, &clear);
        assert_int_equal(body_pack(test.codec, buffer_view(&clear), &body), 0);
        entry.header_bytes = buffer_view(&header);
        entry.body = buffer_view(&body);
        store_begin(&test.store);
        judge_begin(test.judge, test.now_ms);
        assert_int_equal(judge_take(test.judge, &origin, &entry), PANNIER_E_NOT_FOUND);
        assert_non_null(judge_wanted(test.judge));
        assert_true(uuid_equal(judge_wanted(test.judge), &north));
        ops()->rollback(test.store.writer);
        judge_begin(test.judge, test.now_ms);
        assert_null(judge_wanted(test.judge));
}

static void test_who_saw_all_of_it_before_the_move_conflicts_with_nobody(void **state)
{
        struct uuid person = judge_person(&test, NURSES, "Ahmed");
        struct uuid friend = contact(&person, "Layla");
        struct paper seen, blind;
        struct fate fate;

        (void)state;
        grant(TABLET, &north_team);
        tablet_pull(&test, TABLET);
        seen = rename_contact(TABLET, ANNA, &friend, "Leila");
        blind = rename_contact(TABLET, ANNA, &friend, "Lily");
        blind.body.base.position = 1;
        (void)move_to(&person, &north, true);
        fate = send(&seen);
        assert_outcome(&fate, OUTCOME_APPLIED);
        assert_field("contact_person", &friend, "name", "Leila");
        fate = send(&blind);
        assert_outcome(&fate, OUTCOME_HELD);
        assert_field("contact_person", &friend, "name", "Leila");
}

static void test_an_edit_that_continues_one_from_before_the_move_is_the_same_chain(void **state)
{
        struct uuid person = judge_person(&test, NURSES, "Ahmed");
        struct uuid friend = contact(&person, "Layla");
        struct paper first, second;
        struct fate fate;

        (void)state;
        grant(TABLET, &north_team);
        first = rename_contact(TABLET, ANNA, &friend, "Leila");
        second = rename_contact(TABLET, ANNA, &friend, "Lily");
        paper_continues(&second, &first);
        fate = send(&first);
        assert_outcome(&fate, OUTCOME_APPLIED);
        (void)move_to(&person, &north, true);
        fate = send(&second);
        assert_outcome(&fate, OUTCOME_APPLIED);
        assert_field("contact_person", &friend, "name", "Lily");
}

/* ---- what waits ---- */

static void test_what_waits_for_the_person_is_judged_once_its_device_has_them(void **state)
{
        struct uuid person = judge_person(&test, NURSES, "Ahmed");
        struct paper paper = paper_create(&test, STATION, ANNA, "visit", &person);
        struct judge_moved moved;
        struct fate fate;

        (void)state;
        paper_code(&paper, "setting", "home");
        paper_code(&paper, "outcome", "completed");
        grant(STATION, &north_team);
        fate = send(&paper);
        assert_outcome(&fate, OUTCOME_PARKED);
        moved = move_to(&person, &north, true);
        assert_int_equal(moved.parked, 1);
        fate = paper_fate(&paper);
        assert_outcome(&fate, OUTCOME_APPLIED);
        assert_true(judge_has(&test, "visit", &paper.body.record));
}

static void test_what_goes_on_waiting_is_known_when_it_comes_again(void **state)
{
        struct uuid person = judge_person(&test, NURSES, "Ahmed");
        struct paper paper = paper_create(&test, STATION, ANNA, "visit", &person);
        struct fate fate;

        (void)state;
        paper_code(&paper, "setting", "home");
        paper_code(&paper, "outcome", "completed");
        fate = send(&paper);
        assert_outcome(&fate, OUTCOME_PARKED);
        (void)move_to(&person, &north, true); /* the station does not have that team */
        fate = send(&paper);
        assert_outcome(&fate, OUTCOME_PARKED);
        begin_both();
        test.now_ms += JUDGE_PARKED_MS + 1;
        judge_begin(test.judge, test.now_ms);
        assert_int_equal(judge_expire(test.judge, &test.store.locality, 10), 0);
        assert_int_equal(judge_expire(test.judge, &north, 10), 1);
        store_commit(&test.store);
        fate = paper_fate(&paper);
        assert_refused(&fate, REASON_NOT_HERE);
}

static void test_an_open_conflict_is_decided_where_the_person_is_now(void **state)
{
        struct uuid person = judge_person(&test, NURSES, "Ahmed");
        struct uuid friend = contact(&person, "Layla"), conflict;
        struct paper first = rename_contact(TABLET, ANNA, &friend, "Leila");
        struct paper second = rename_contact(SECOND, BOB, &friend, "Lily"), decide;
        struct judge_moved moved;
        struct fate fate;

        (void)state;
        grant(SECOND, &north_team);
        (void)send(&first);
        fate = send(&second);
        assert_outcome(&fate, OUTCOME_HELD);
        assert_int_equal(judge_find(&test, "conflict", &person, &conflict, 1), 1);
        tablet_pull(&test, SECOND);
        decide = paper_decide(&test, SECOND, CARLA, &conflict, &second.header.id, &second.header.id,
                              1);
        moved = move_to(&person, &north, true);
        assert_int_equal(moved.conflicts, 1);
        fate = send(&decide);
        assert_outcome(&fate, OUTCOME_APPLIED);
        assert_field("contact_person", &friend, "name", "Lily");
        assert_code("conflict", &conflict, "status", "decided");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(
                        test_everything_goes_along_and_the_old_teams_lose_the_person, set_up_both,
                        tear_down_both),
                cmocka_unit_test_setup_teardown(
                        test_a_team_of_the_other_locality_goes_on_without_a_new_assignment,
                        set_up_both, tear_down_both),
                cmocka_unit_test_setup_teardown(test_whoever_is_there_already_is_not_moved,
                                                set_up_both, tear_down_both),
                cmocka_unit_test_setup_teardown(
                        test_a_move_says_which_locality_the_transaction_lacks, set_up_both,
                        tear_down_both),
                cmocka_unit_test_setup_teardown(test_who_comes_back_has_one_history_in_both_logs,
                                                set_up_both, tear_down_both),
                cmocka_unit_test_setup_teardown(
                        test_the_old_teams_edit_comes_late_where_the_person_is_now, set_up_both,
                        tear_down_both),
                cmocka_unit_test_setup_teardown(
                        test_the_old_teams_new_fact_is_stored_where_the_person_is_now, set_up_both,
                        tear_down_both),
                cmocka_unit_test_setup_teardown(
                        test_an_entry_about_somebody_who_moved_asks_for_the_locality, set_up_both,
                        tear_down_both),
                cmocka_unit_test_setup_teardown(
                        test_who_saw_all_of_it_before_the_move_conflicts_with_nobody, set_up_both,
                        tear_down_both),
                cmocka_unit_test_setup_teardown(
                        test_an_edit_that_continues_one_from_before_the_move_is_the_same_chain,
                        set_up_both, tear_down_both),
                cmocka_unit_test_setup_teardown(
                        test_what_waits_for_the_person_is_judged_once_its_device_has_them,
                        set_up_both, tear_down_both),
                cmocka_unit_test_setup_teardown(
                        test_what_goes_on_waiting_is_known_when_it_comes_again, set_up_both,
                        tear_down_both),
                cmocka_unit_test_setup_teardown(
                        test_an_open_conflict_is_decided_where_the_person_is_now, set_up_both,
                        tear_down_both),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "tests/unit/engine_bed.h"
#include "tests/unit/unit.h"

#include "common/conflict.h"

#include <stdio.h>
#include <string.h>

static void first_sync_brings_the_caseload_and_nothing_else(void **state)
{
        (void)state;
        struct uuid person = rig_person(&rig, 1, "O'Brien", "Zoë", &rig.team);

        rig_person(&rig, 2, "Other", "Person", &rig.other_team);
        rig_records(&rig, &person, 1, 20, "well");
        assert_int_equal(station_sync(&tablet), EXCHANGE_DONE);
        assert_int_equal(status_of(&tablet).people, 1);
        assert_true(status_of(&tablet).complete);
        assert_int_equal(people(&tablet, &rig.nurse, ""), 1);
        assert_int_equal(people(&tablet, &rig.nurse, "zoe obrien"), 1);
        assert_int_equal(people(&tablet, &rig.nurse, "smith"), 0);
        assert_int_equal(people(&tablet, &rig.stranger, ""), 0);
        assert_string_equal(station_text(&tablet, &rig.nurse, &person, "given", NULL, NULL), "Zoë");
        assert_null(station_text(&tablet, &rig.stranger, &person, "given", NULL, NULL));
}

static const struct field_text visit_fields[] = {{"setting", "home", NULL, 0},
                                                 {"outcome", "completed", NULL, 0},
                                                 {"subjective", "well in herself", NULL, 0}};

/* ---- writing ---- */

static void own_work_is_shown_at_once_and_confirmed_by_its_receipt(void **state)
{
        struct uuid person = rig_person(&rig, 1, "Ash", "Ann", &rig.team), visit = new_id(1);
        enum engine_field_state field;

        (void)state;
        station_sync(&tablet);
        assert_int_equal(station_create(&tablet, &rig.nurse, &visit, "visit", &person, visit_fields,
                                        COUNT(visit_fields)),
                         0);
        assert_string_equal(station_text(&tablet, &rig.nurse, &visit, "subjective", &field, NULL),
                            "well in herself");
        assert_int_equal(field, FIELD_WAITING);
        assert_int_equal(status_of(&tablet).counts[OUTCOME_NONE], 1);
        assert_int_equal(station_sync(&tablet), EXCHANGE_DONE);
        assert_int_equal(station_state(&tablet, &visit), OUTCOME_APPLIED);
        assert_string_equal(station_text(&tablet, &rig.nurse, &visit, "subjective", &field, NULL),
                            "well in herself");
        assert_int_equal(field, FIELD_CONFIRMED);
        assert_int_equal(status_of(&tablet).counts[OUTCOME_NONE], 0);
}

static void the_same_request_again_records_nothing_twice(void **state)
{
        struct uuid person = rig_person(&rig, 1, "Ash", "Ann", &rig.team);

        (void)state;
        station_sync(&tablet);
        assert_int_equal(alert(&tablet, 1, &person, "bites"), 0);
        assert_int_equal(alert(&tablet, 1, &person, "bites"), 0);
        assert_int_equal(alert(&tablet, 1, &person, "does not bite"), PANNIER_E_TAKEN);
        station_stop(&tablet);
        station_start(&tablet);
        assert_int_equal(alert(&tablet, 1, &person, "bites"), 0);
        assert_int_equal(status_of(&tablet).counts[OUTCOME_NONE], 1);
        station_sync(&tablet);
        assert_int_equal(alert(&tablet, 1, &person, "bites"), 0);
        assert_int_equal(status_of(&tablet).counts[OUTCOME_APPLIED], 1);
}

static void an_array_is_recorded_whole_or_not_at_all(void **state)
{
        struct uuid person = rig_person(&rig, 1, "Ash", "Ann", &rig.team);
        const struct catalogue_type *type = catalogue_type_by_name(bytes_text("alert"));
        struct entry_change good[] = {
                {.number = 1, .value = {.form = VALUE_INTEGER, .integer = 2}},
                {.number = 2, .value = {.form = VALUE_BYTES, .bytes = bytes_text("dog")}}};
        struct entry_change bad[] = {
                {.number = 1, .value = {.form = VALUE_INTEGER, .integer = 777}}};
        struct engine_entry entries[] = {
                {.request = new_id(1),
                 .operation = ENTRY_CREATE,
                 .type = type,
                 .person = person,
                 .changes = good,
                 .change_count = 2},
                {.request = new_id(2),
                 .operation = ENTRY_CREATE,
                 .type = type,
                 .person = person,
                 .changes = bad,
                 .change_count = 1},
        };
        struct engine_now now;
        struct engine_written written[2];
        struct engine_fault fault;

        (void)state;
        station_sync(&tablet);
        now = station_now(&tablet);
        assert_int_equal(engine_write(tablet.engine, &rig.nurse, &now, entries, 2, written, &fault),
                         PANNIER_E_INVALID);
        assert_int_equal(fault.index, 1);
        assert_string_equal(fault.field->name, "category");
        assert_int_equal(status_of(&tablet).recorded, 0);
        assert_null(station_text(&tablet, &rig.nurse, &entries[0].request, "text", NULL, NULL));
        entries[1].changes = good;
        entries[1].change_count = 2;
        assert_int_equal(engine_write(tablet.engine, &rig.nurse, &now, entries, 2, written, &fault),
                         0);
        assert_int_equal(written[1].seq, 2);
        assert_int_equal(status_of(&tablet).recorded, 2);
        /* and the same id twice in one array is nobody's */
        entries[0].request = entries[1].request = new_id(3);
        assert_int_equal(engine_write(tablet.engine, &rig.nurse, &now, entries, 2, written, &fault),
                         PANNIER_E_TAKEN);
}

static void what_is_wrong_is_refused_by_name(void **state)
{
        struct uuid person = rig_person(&rig, 1, "Ash", "Ann", &rig.team), id = new_id(1);
        struct uuid elsewhere = rig_person(&rig, 2, "Elm", "Eve", &rig.other_team);
        struct uuid nobody = new_id(77);

        (void)state;
        station_sync(&tablet);
        assert_int_equal(alert(&tablet, 1, &elsewhere, "dog"), PANNIER_E_NOT_FOUND);
        assert_int_equal(alert(&tablet, 1, &nobody, "dog"), PANNIER_E_NOT_FOUND);
        assert_int_equal(station_create(&tablet, &nobody, &id, "alert", &person, NULL, 0),
                         PANNIER_E_REFUSED);
        /* a category is needed */
        assert_int_equal(station_create(&tablet, &rig.nurse, &id, "alert", &person, NULL, 0),
                         PANNIER_E_INVALID);
        assert_string_equal(tablet.fault.field->name, "category");
        /* the store alone writes organisations */
        assert_int_equal(station_create(&tablet, &rig.nurse, &id, "organisation", NULL, NULL, 0),
                         PANNIER_E_REFUSED);
        assert_int_equal(alert(&tablet, 2, &person, "dog"), 0);
        id = new_id(2);
        nobody = new_id(3);
        assert_int_equal(
                station_edit(&tablet, &rig.nurse, &nobody, "alert", &id,
                             (struct field_text[]){{"category", "oxygen_at_home", NULL, 0}}, 1),
                PANNIER_E_INVALID);
        /* ending an alert needs a reason */
        assert_int_equal(station_edit(&tablet, &rig.nurse, &nobody, "alert", &id,
                                      (struct field_text[]){{"status", "ended", NULL, 0}}, 1),
                         PANNIER_E_INVALID);
        assert_int_equal(status_of(&tablet).recorded, 1);
}

/* ---- what becomes of entries ---- */

static void a_person_met_offline_arrives_with_everything_in_one_exchange(void **state)
{
        struct uuid person = new_id(1), allergy = new_id(2), visit = new_id(3), seen = new_id(4),
                    escalation = new_id(5);

        (void)state;
        station_sync(&tablet);
        assert_int_equal(meet(&tablet, 1), 0);
        assert_int_equal(people(&tablet, &rig.nurse, "nora"), 1);
        assert_int_equal(station_create(&tablet, &rig.nurse, &visit, "visit", &person, visit_fields,
                                        COUNT(visit_fields)),
                         0);
        assert_int_equal(station_create(&tablet, &rig.nurse, &seen, "observations", &person,
                                        (struct field_text[]){{"taken", NULL, NULL, rig.now_ms},
                                                              {"pulse", NULL, NULL, 80}},
                                        2),
                         0);
        assert_int_equal(station_create(&tablet, &rig.nurse, &escalation, "escalation", &person,
                                        (struct field_text[]){{"situation", "breathless", NULL, 0},
                                                              {"observations", NULL, &seen, 0}},
                                        2),
                         0);
        assert_int_equal(station_create(&tablet, &rig.nurse, &allergy, "allergy", &person,
                                        (struct field_text[]){{"substance", "penicillin", NULL, 0},
                                                              {"status", "active", NULL, 0}},
                                        2),
                         0);
        station_send(&tablet);
        assert_int_not_equal(station_take(&tablet), EXCHANGE_STOP);
        assert_int_equal(station_state(&tablet, &person), OUTCOME_APPLIED);
        assert_int_equal(station_state(&tablet, &visit), OUTCOME_APPLIED);
        assert_int_equal(station_state(&tablet, &seen), OUTCOME_APPLIED);
        assert_int_equal(station_state(&tablet, &escalation), OUTCOME_APPLIED);
        assert_int_equal(station_state(&tablet, &allergy), OUTCOME_APPLIED);
}

static void own_edits_never_conflict_and_those_of_others_do(void **state)
{
        struct uuid person = rig_person(&rig, 1, "Ash", "Ann", &rig.team), id = new_id(1);
        struct station other;
        enum engine_field_state field;
        const char *beside;

        station_open(&other, &rig, 2, state, &rig.team);
        station_sync(&tablet);
        assert_int_equal(alert(&tablet, 1, &person, "dog"), 0);
        assert_int_equal(edit_text(&tablet, 2, &id, "large dog"), 0);
        station_sync(&tablet);
        assert_int_equal(edit_text(&tablet, 3, &id, "large brown dog"), 0);
        assert_int_equal(edit_text(&tablet, 4, &id, "large brown dog, bites"), 0);
        station_sync(&tablet);
        assert_int_equal(status_of(&tablet).counts[OUTCOME_APPLIED], 4);
        assert_int_equal(status_of(&tablet).conflicts_open, 0);
        station_sync(&other);
        /* both edit what both see */
        assert_int_equal(edit_text(&tablet, 5, &id, "two dogs"), 0);
        assert_int_equal(edit_text(&other, 6, &id, "no dog"), 0);
        station_sync(&tablet);
        station_sync(&other);
        assert_int_equal(state_of(&tablet, 5), OUTCOME_APPLIED);
        assert_int_equal(state_of(&other, 6), OUTCOME_HELD);
        assert_string_equal(station_text(&other, &rig.nurse, &id, "text", &field, &beside),
                            "two dogs");
        assert_int_equal(field, FIELD_HELD);
        assert_string_equal(beside, "no dog");
        /* the first device learns of it, too */
        station_sync(&tablet);
        assert_string_equal(station_text(&tablet, &rig.nurse, &id, "text", &field, &beside),
                            "two dogs");
        assert_int_equal(field, FIELD_HELD);
        assert_string_equal(beside, "no dog");
        assert_int_equal(status_of(&tablet).conflicts_open, 1);
        station_close(&other);
}

struct to_decide {
        struct uuid conflict, value;
        bool may;
        size_t count;
};

static int take_conflict(void *context, const struct engine_record *record, bool may_decide)
{
        CLEANUP(arena_deinit) struct arena arena = ARENA_INIT;
        struct to_decide *decide = context;
        struct conflict conflict;

        assert_int_equal(conflict_read(record->visible, &arena, &conflict), 0);
        decide->conflict = record->visible->id;
        decide->may = may_decide;
        decide->count++;
        if (conflict.other_count)
                decide->value = conflict.others[0].id;
        return 0;
}

static struct to_decide conflicts(struct station *station, const struct uuid *staff)
{
        struct to_decide decide = {0};
        struct engine_now now = station_now(station);
        bool more;

        assert_int_equal(engine_conflicts(station->engine, staff, &now, NULL, 100, take_conflict,
                                          &decide, &more),
                         0);
        return decide;
}

static int make_decision(struct station *station, const struct uuid *staff, uint32_t number,
                         const struct to_decide *decide)
{
        CLEANUP(buffer_deinit) struct buffer blob = BUFFER_INIT;
        struct uuid seen = decide->value;
        struct conflict_decision decision = {
                .chosen = decide->value, .seen = &seen, .seen_count = 1};
        const struct catalogue_type *type = catalogue_conflict_type();
        struct entry_change change = {
                .number = type->fields[catalogue_bind()->conflict.decision].number};
        struct engine_entry entry = {.request = new_id(number),
                                     .operation = ENTRY_DECIDE,
                                     .type = type,
                                     .record = decide->conflict,
                                     .changes = &change,
                                     .change_count = 1};
        struct engine_now now = station_now(station);
        struct engine_written written;

        conflict_decision_write(&decision, &blob);
        change.value = (struct value){.form = VALUE_BYTES, .bytes = buffer_view(&blob)};
        return engine_write(station->engine, staff, &now, &entry, 1, &written, NULL);
}

static int count_records(void *context, const struct record *record, struct bytes stamps)
{
        (void)record;
        (void)stamps;
        (*(size_t *)context)++;
        return 0;
}

/* All records of all types about a person that lie on the device. */
static size_t records_about(struct station *station, const struct uuid *person)
{
        const struct catalogue *catalogue = catalogue_get();
        size_t count = 0;

        for (size_t i = 0; i < catalogue->type_count; i++)
                if (catalogue->types[i].personal)
                        assert_int_equal(record_each(replica_tables(station->engine->replica),
                                                     &catalogue->types[i], person, NULL,
                                                     count_records, &count),
                                         0);
        return count;
}

static void somebody_who_came_and_left_between_two_exchanges_was_never_sent(void **state)
{
        struct uuid person = rig_person(&rig, 1, "Ash", "Ann", &rig.team);
        struct station other;

        station_open(&other, &rig, 2, state, &rig.other_team);
        station_sync(&other);
        rig_assign(&rig, 7, &person, &rig.other_team, true);
        rig_assign(&rig, 7, &person, &rig.other_team, false);
        assert_int_equal(station_sync(&other), EXCHANGE_DONE);
        assert_int_equal(records_about(&other, &person), 0);
        assert_int_equal(status_of(&other).people, 0);
        station_close(&other);
}

static void somebody_who_was_met_here_and_passed_through_a_team_is_gone_with_it(void **state)
{
        struct uuid person = new_id(1);

        (void)state;
        station_sync(&tablet);
        assert_int_equal(meet(&tablet, 1), 0);
        assert_int_equal(alert(&tablet, 2, &person, "dog"), 0);
        assert_int_equal(station_sync(&tablet), EXCHANGE_DONE);
        assert_int_equal(station_sync(&tablet), EXCHANGE_DONE);
        assert_int_equal(status_of(&tablet).people, 1);
        rig_assign(&rig, 7, &person, &rig.team, true);
        rig_assign(&rig, 7, &person, &rig.team, false);
        station_send(&tablet);
        for (int trip = 0; trip < 3; trip++) {
                struct engine_now now = station_now(&tablet);
                int r = engine_exchange_answer(tablet.engine, &now, buffer_view(&tablet.answer));

                assert_int_equal(tablet.engine->session.records_count, 0);
                while (r == EXCHANGE_STEP)
                        r = engine_exchange_step(tablet.engine, &now);
                if (r != EXCHANGE_AGAIN)
                        break;
                station_send(&tablet);
        }
        assert_int_equal(records_about(&tablet, &person), 0);
        assert_int_equal(status_of(&tablet).people, 0);
}

/* The record that takes somebody out of a scope had a row of its own in the feed: it goes, too. */
static void nothing_is_sent_of_somebody_who_was_taken_out_by_a_record_that_had_changed(void **state)
{
        struct uuid person = new_id(1);
        struct engine_now now;
        int r;

        (void)state;
        station_sync(&tablet);
        assert_int_equal(meet(&tablet, 1), 0);
        assert_int_equal(station_sync(&tablet), EXCHANGE_DONE);
        assert_int_equal(station_sync(&tablet), EXCHANGE_DONE);
        rig_assign(&rig, 7, &person, &rig.other_team,
                   true); /* elsewhere: here it stays provisional */
        rig_assign(&rig, 7, &person, &rig.other_team, false);
        do {
                station_send(&tablet);
                now = station_now(&tablet);
                r = engine_exchange_answer(tablet.engine, &now, buffer_view(&tablet.answer));
                assert_int_equal(tablet.engine->session.records_count, 0);
                while (r == EXCHANGE_STEP)
                        r = engine_exchange_step(tablet.engine, &now);
        } while (r == EXCHANGE_AGAIN);
        assert_int_equal(r, EXCHANGE_DONE);
        assert_int_equal(records_about(&tablet, &person), 0);
        assert_int_equal(status_of(&tablet).people, 0);
}

static void who_looked_is_told_whatever_role_they_have_since(void **state)
{
        (void)state;
        rig_person(&rig, 1, "Ash", "Ann", &rig.team);
        station_sync(&tablet);
        assert_int_equal(people(&tablet, &rig.nurse, ""), 1);
        rig_role(&rig, &rig.nurse, "community_connector");
        assert_int_equal(station_sync(&tablet), EXCHANGE_DONE);
        assert_int_equal(status_of(&tablet).access_events, 1);
        assert_int_equal(status_of(&tablet).counts[OUTCOME_APPLIED], 1);
        assert_int_equal(status_of(&tablet).counts[OUTCOME_QUARANTINED], 0);
}

/* One nurse's edits never conflict with each other, whatever became of one in between. */
static void a_refused_edit_does_not_cut_the_chain_that_it_stood_in(void **state)
{
        struct uuid person = rig_person(&rig, 1, "Ash", "Ann", &rig.team), id = new_id(1);
        struct station other;

        station_open(&other, &rig, 2, state, &rig.team);
        station_sync(&tablet);
        station_sync(&other);
        assert_int_equal(alert(&tablet, 1, &person, "dog"), 0);
        assert_int_equal(station_sync(&tablet), EXCHANGE_DONE);
        assert_int_equal(alert(&other, 3, &person, "cat"), 0); /* its id is taken by this */
        assert_int_equal(station_sync(&other), EXCHANGE_DONE);
        for (uint32_t number = 2; number <= 4; number++)
                assert_int_equal(edit_text(&tablet, number, &id, number == 4 ? "no dog" : "dogs"),
                                 0);
        assert_int_equal(station_sync(&tablet), EXCHANGE_DONE);
        assert_int_equal(state_of(&tablet, 2), OUTCOME_APPLIED);
        assert_int_equal(state_of(&tablet, 3), OUTCOME_QUARANTINED);
        assert_int_equal(state_of(&tablet, 4), OUTCOME_APPLIED);
        assert_string_equal(station_text(&tablet, &rig.nurse, &id, "text", NULL, NULL), "no dog");
        station_close(&other);
}

/* An id is taken by whoever comes first; the other device has a record of another type under it until it is told so. */
static void one_id_for_records_of_two_types_stops_nobody(void **state)
{
        struct uuid person = rig_person(&rig, 1, "Ash", "Ann", &rig.team), id = new_id(1);
        struct station other;

        station_open(&other, &rig, 2, state, &rig.team);
        station_sync(&tablet);
        station_sync(&other);
        assert_int_equal(alert(&other, 1, &person, "dog"), 0);
        assert_int_equal(station_create(&tablet, &rig.coordinator, &id, "planned_contact", &person,
                                        (struct field_text[]){{"start", NULL, NULL, 1000}}, 1),
                         0);
        assert_int_equal(station_sync(&other), EXCHANGE_DONE);
        for (int i = 0; i < 2; i++)
                assert_int_equal(station_sync(&tablet), EXCHANGE_DONE);
        assert_int_equal(state_of(&tablet, 1), OUTCOME_QUARANTINED);
        assert_string_equal(station_text(&tablet, &rig.nurse, &id, "text", NULL, NULL), "dog");
        assert_true(status_of(&tablet).complete);
        station_close(&other);
}

static void a_conflict_is_decided_by_a_role_that_may(void **state)
{
        struct uuid person = rig_person(&rig, 1, "Ash", "Ann", &rig.team), id = new_id(1);
        struct to_decide decide;
        struct station other;
        enum engine_field_state field;

        station_open(&other, &rig, 2, state, &rig.team);
        station_sync(&tablet);
        assert_int_equal(alert(&tablet, 1, &person, "dog"), 0);
        station_sync(&tablet);
        station_sync(&other);
        assert_int_equal(edit_text(&tablet, 2, &id, "two dogs"), 0);
        assert_int_equal(edit_text(&other, 3, &id, "no dog"), 0);
        station_sync(&tablet);
        station_sync(&other);
        decide = conflicts(&other, &rig.coordinator);
        assert_int_equal(decide.count, 1);
        assert_true(decide.may);
        assert_int_equal(make_decision(&other, &rig.coordinator, 4, &decide), 0);
        station_sync(&other);
        assert_int_equal(state_of(&other, 4), OUTCOME_APPLIED);
        assert_string_equal(station_text(&other, &rig.nurse, &id, "text", &field, NULL), "no dog");
        assert_int_equal(field, FIELD_CONFIRMED);
        assert_int_equal(conflicts(&other, &rig.coordinator).count, 0);
        station_sync(&tablet);
        assert_string_equal(station_text(&tablet, &rig.nurse, &id, "text", &field, NULL), "no dog");
        station_close(&other);
}

static void a_proposal_is_shown_beside_and_never_in_place(void **state)
{
        struct uuid person = rig_person(&rig, 1, "Ash", "Ann", &rig.team), id = new_id(1);
        enum engine_field_state field;
        const char *beside;

        (void)state;
        station_sync(&tablet);
        assert_int_equal(station_edit(&tablet, &rig.nurse, &id, "person", &person,
                                      (struct field_text[]){{"family", "Ashe", NULL, 0}}, 1),
                         0);
        assert_string_equal(station_text(&tablet, &rig.nurse, &person, "family", &field, &beside),
                            "Ash");
        assert_int_equal(field, FIELD_PROPOSED);
        assert_string_equal(beside, "Ashe");
        station_sync(&tablet);
        assert_int_equal(station_state(&tablet, &id), OUTCOME_HELD);
        assert_string_equal(station_text(&tablet, &rig.nurse, &person, "family", &field, &beside),
                            "Ash");
        assert_int_equal(field, FIELD_PROPOSED);
        assert_string_equal(beside, "Ashe");
        assert_int_equal(status_of(&tablet).conflicts_open, 1);
}

static void a_refused_entry_stays_visible_with_its_reason(void **state)
{
        struct uuid person = rig_person(&rig, 1, "Ash", "Ann", &rig.team), id = new_id(1);
        struct uuid staff = rig.nurse;
        enum engine_field_state field;
        const char *beside;

        (void)state;
        station_sync(&tablet);
        assert_int_equal(alert(&tablet, 1, &person, "dog"), 0);
        station_sync(&tablet);
        assert_int_equal(edit_text(&tablet, 2, &id, "two dogs"), 0);
        /* meanwhile the nurse became somebody who writes nothing */
        rig_role(&rig, &staff, "it");
        station_sync(&tablet);
        assert_int_equal(state_of(&tablet, 2), OUTCOME_QUARANTINED);
        assert_string_equal(station_text(&tablet, &rig.coordinator, &id, "text", &field, &beside),
                            "dog");
        assert_int_equal(field, FIELD_QUARANTINED);
        assert_string_equal(beside, "two dogs");
        assert_int_equal(status_of(&tablet).counts[OUTCOME_QUARANTINED], 1);
        assert_int_equal(edit_text(&tablet, 3, &id, "three"), PANNIER_E_REFUSED);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, bed_make, bed_unmake)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(first_sync_brings_the_caseload_and_nothing_else),
                TEST(own_work_is_shown_at_once_and_confirmed_by_its_receipt),
                TEST(the_same_request_again_records_nothing_twice),
                TEST(an_array_is_recorded_whole_or_not_at_all),
                TEST(what_is_wrong_is_refused_by_name),
                TEST(a_person_met_offline_arrives_with_everything_in_one_exchange),
                TEST(own_edits_never_conflict_and_those_of_others_do),
                TEST(somebody_who_came_and_left_between_two_exchanges_was_never_sent),
                TEST(somebody_who_was_met_here_and_passed_through_a_team_is_gone_with_it),
                TEST(nothing_is_sent_of_somebody_who_was_taken_out_by_a_record_that_had_changed),
                TEST(who_looked_is_told_whatever_role_they_have_since),
                TEST(a_refused_edit_does_not_cut_the_chain_that_it_stood_in),
                TEST(one_id_for_records_of_two_types_stops_nobody),
                TEST(a_conflict_is_decided_by_a_role_that_may),
                TEST(a_proposal_is_shown_beside_and_never_in_place),
                TEST(a_refused_entry_stays_visible_with_its_reason),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}

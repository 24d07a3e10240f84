#include "tests/unit/judge_bed.h"

#include "tests/unit/unit.h"

struct judge_test test;

int set_up(void **state)
{
        if (unit_folder_make(state) != 0)
                return -1;
        judge_test_open(&test, unit_path(state, "store.db"));
        return 0;
}

int tear_down(void **state)
{
        judge_test_close(&test);
        return unit_folder_remove(state);
}

void assert_outcome(const struct fate *fate, enum entry_outcome outcome)
{
        if (fate->outcome != outcome)
                fail_msg("outcome %u, reason %s", fate->outcome, reason_name(fate->reason));
}

void assert_refused(const struct fate *fate, uint16_t reason)
{
        if (fate->outcome != OUTCOME_QUARANTINED || fate->reason != reason)
                fail_msg("outcome %u, reason %s instead of %s", fate->outcome,
                         reason_name(fate->reason), reason_name(reason));
}

void assert_text_value(const struct value *value, const char *text)
{
        assert_int_equal(value->form, VALUE_BYTES);
        assert_text(value->bytes, text);
}

void assert_field(const char *type, const struct uuid *id, const char *field, const char *text)
{
        struct value value = judge_value(&test, type, id, field);

        assert_text_value(&value, text);
}

void assert_code(const char *type, const struct uuid *id, const char *field, const char *code)
{
        struct value value = judge_value(&test, type, id, field);

        assert_int_equal(value.form, VALUE_INTEGER);
        assert_int_equal(value.integer, judge_code(type, field, code));
}

struct uuid contact(const struct uuid *person, const char *name)
{
        struct paper paper = paper_create(&test, TABLET, ANNA, "contact_person", person);
        struct fate fate;

        paper_text(&paper, "name", name);
        fate = paper_send(&paper);
        assert_outcome(&fate, OUTCOME_APPLIED);
        for (int i = 0; i < TABLET_COUNT; i++)
                tablet_pull(&test, i);
        return paper.body.record;
}

struct paper rename_contact(int tablet, int staff, const struct uuid *id, const char *name)
{
        struct paper paper = paper_edit(&test, tablet, staff, "contact_person", id);

        paper_text(&paper, "name", name);
        return paper;
}

struct paper assign(int tablet, int staff, const struct uuid *person, int team, const char *status)
{
        struct paper paper = paper_create(&test, tablet, staff, "assignment", person);

        paper_ref(&paper, "team", &test.teams[team]);
        paper_code(&paper, "status", status);
        return paper;
}

bool in_team(const struct uuid *person, int team)
{
        return judge_in(&test, person, SCOPE_TEAM, &test.teams[team]);
}

/*
 * Random histories of three tablets against the whole judge: fresh and stale edits, chains, decisions, repeats, all in
 * commits of several entries. Whatever happened, nothing is lost, doubled, or in two states, and the log played again
 * gives the records that are there (judge_test_close() sees to that).
 */
#include "common/error.h"
#include "tests/unit/judge_support.h"
#include "tests/unit/unit.h"

#include <stdio.h>
#include <string.h>

enum { SEEDS = 12, STEPS = 60, RECORDS = 4, CONFLICTS = 64 };

static struct judge_test test;

static int set_up(void **state)
{
        return unit_folder_make(state);
}

static int tear_down(void **state)
{
        return unit_folder_remove(state);
}

struct history {
        uint64_t dice;
        struct uuid person, records[RECORDS];
        struct paper papers[STEPS];
        struct fate fates[STEPS];
        size_t count;
        size_t last[TABLET_COUNT]
                   [RECORDS]; /* newest pending paper of a tablet on a record, plus one */
};

static size_t roll(struct history *history, size_t sides)
{
        return (size_t)test_random(&history->dice, sides);
}

static const char *some_text(struct history *history)
{
        static const char *const texts[] = {"ash", "birch", "cedar", "elm"};

        return texts[roll(history, COUNT(texts))];
}

/* A contact person has a field of every rule that edits meet: name review, phone and relation latest, may_be_told review. */
static struct paper random_edit(struct history *history, int tablet)
{
        size_t record = roll(history, RECORDS);
        struct paper paper = paper_edit(&test, tablet, tablet == SECOND ? BOB : ANNA,
                                        "contact_person", &history->records[record]);
        size_t before = history->last[tablet][record];

        paper.body.recorded_ms = test.now_ms - (int64_t)roll(history, 5000);
        if (roll(history, 2))
                paper_text(&paper, "name", some_text(history));
        if (roll(history, 2) || paper.body.change_count == 0)
                paper_text(&paper, "phone", some_text(history));
        if (before)
                paper_continues(&paper, &history->papers[before - 1]);
        history->last[tablet][record] = history->count + 1;
        return paper;
}

static bool random_decision(struct history *history, int tablet, struct paper *ret)
{
        struct uuid found[CONFLICTS], seen[4];
        size_t count = judge_find(&test, "conflict", &history->person, found, CONFLICTS);
        struct conflict conflict;
        size_t seen_count = 0;

        if (count == 0)
                return false;
        conflict = judge_conflict(&test, &found[roll(history, count)]);
        for (size_t i = 0; i < conflict.other_count && seen_count < COUNT(seen); i++)
                if (conflict.others[i].state == CONFLICT_OPEN || roll(history, 3) == 0)
                        seen[seen_count++] = conflict.others[i].id;
        if (seen_count == 0)
                return false;
        *ret = paper_decide(&test, tablet, CARLA, &conflict.id,
                            roll(history, 2) ? &conflict.id : &seen[0], seen, seen_count);
        return true;
}

static void pull(struct history *history, int tablet)
{
        tablet_pull(&test, tablet);
        memset(history->last[tablet], 0, sizeof(history->last[tablet]));
}

static void begin(struct history *history, unsigned seed)
{
        *history = (struct history){.dice = seed * UINT64_C(0x9e3779b97f4a7c15) + 1};
        history->person = judge_person(&test, NURSES, "Ahmed");
        for (int i = 0; i < RECORDS; i++) {
                struct paper paper =
                        paper_create(&test, TABLET, ANNA, "contact_person", &history->person);
                struct fate fate;

                paper_text(&paper, "name", "acorn");
                fate = paper_send(&paper);
                assert_int_equal(fate.outcome, OUTCOME_APPLIED);
                history->records[i] = paper.body.record;
        }
        for (int i = 0; i < TABLET_COUNT; i++)
                pull(history, i);
}

static void play(struct history *history)
{
        struct paper *batch[STEPS];
        size_t waiting = 0;

        while (history->count < STEPS) {
                int tablet = (int)roll(history, 2);
                struct paper *paper = &history->papers[history->count];

                if (roll(history, 6) == 0 && waiting == 0) {
                        pull(history, tablet);
                        continue;
                }
                if (roll(history, 8) != 0 || !random_decision(history, tablet, paper))
                        *paper = random_edit(history, tablet);
                batch[waiting++] = paper;
                history->count++;
                if (roll(history, 3) == 0) {
                        paper_send_all(batch, waiting);
                        waiting = 0;
                }
        }
        if (waiting)
                paper_send_all(batch, waiting);
}

static void check_fates(struct history *history, unsigned seed)
{
        for (size_t i = 0; i < history->count; i++) {
                history->fates[i] = paper_fate(&history->papers[i]);
                if (history->fates[i].outcome < OUTCOME_APPLIED ||
                    history->fates[i].outcome > OUTCOME_HELD)
                        fail_msg("seed %u, entry %zu: outcome %u, reason %s", seed, i,
                                 history->fates[i].outcome, reason_name(history->fates[i].reason));
        }
}

/* What was held can be read in the conflict that its receipt names. */
static void check_held(struct history *history, unsigned seed)
{
        for (size_t i = 0; i < history->count; i++) {
                const struct fate *fate = &history->fates[i];
                bool found = false;

                if (fate->outcome != OUTCOME_HELD)
                        continue;
                for (size_t k = 0; k < fate->receipt.conflicts_count; k++) {
                        struct conflict conflict =
                                judge_conflict(&test, &fate->receipt.conflicts[k]);

                        found = found ||
                                conflict_value_find(&conflict, &history->papers[i].header.id);
                }
                if (!found)
                        fail_msg("seed %u: the value of entry %zu is nowhere to be read", seed, i);
        }
}

static void check_conflicts(struct history *history, unsigned seed)
{
        struct uuid found[CONFLICTS];
        size_t count = judge_find(&test, "conflict", &history->person, found, CONFLICTS);

        assert_true(count < CONFLICTS);
        for (size_t i = 0; i < count; i++) {
                struct conflict a = judge_conflict(&test, &found[i]);
                struct value name;

                if (a.decided != (conflict_open_count(&a) == 0))
                        fail_msg("seed %u: a conflict is decided and open", seed);
                if (a.decided)
                        continue;
                name = judge_value(&test, "contact_person", &a.record, "name");
                if (!value_equal(&name, &a.standing[0].value))
                        fail_msg("seed %u: a conflict shows another value than stands", seed);
                for (size_t k = i + 1; k < count; k++) {
                        struct conflict b = judge_conflict(&test, &found[k]);

                        if (!b.decided && uuid_equal(&a.record, &b.record))
                                fail_msg("seed %u: two conflicts are open about one field", seed);
                }
        }
}

/* All of it once more, in any order: nothing happens. */
static void check_repeats(struct history *history)
{
        size_t rows = judge_log_count(&test, false);

        for (size_t i = 0; i < history->count; i++) {
                struct paper *paper = &history->papers[(i * 7) % history->count];
                struct fate fate = paper_send(paper);

                assert_int_equal(fate.outcome, history->fates[(i * 7) % history->count].outcome);
        }
        assert_int_equal(judge_log_count(&test, false), rows);
}

static void test_random_histories_lose_and_double_nothing(void **state)
{
        static struct history history;

        for (unsigned seed = 1; seed <= SEEDS; seed++) {
                char name[32];

                snprintf(name, sizeof(name), "store%u.db", seed);
                judge_test_open(&test, unit_path(state, name));
                begin(&history, seed);
                play(&history);
                check_fates(&history, seed);
                check_held(&history, seed);
                check_conflicts(&history, seed);
                if (seed == 1)
                        check_repeats(&history);
                judge_test_close(&test);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_random_histories_lose_and_double_nothing,
                                                set_up, tear_down),
        };

        return cmocka_run_group_tests_name("judge_random", tests, NULL, NULL);
}

/* pannier-store person move: somebody goes to another locality, with all their records. */
#include "store/commands.h"

#include "common/clock.h"
#include "common/crypto.h"
#include "common/error.h"
#include "common/json.h"
#include "store/judge.h"
#include "store/load_places.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

struct wish { /* what the command line asks for */
        struct uuid person, to;
        struct scope joins[JUDGE_JOINS_MAX];
        size_t join_count;
        const char *reason;
        bool dry_run;
        bool found;
};

/* What the move did, or would do. */
struct told {
        struct judge_moved moved;
        uint64_t devices; /* that may hold the person, and are to let go or go on */
        bool there;       /* nothing to do */
};

static int take_person(void *context, const struct record *record, struct bytes stamps)
{
        struct wish *wish = context;

        (void)stamps;
        if (wish->found)
                return FAIL(PANNIER_E_INVALID, "several people have this number: give the id");
        wish->person = record->id;
        wish->found = true;
        return 0;
}

static int find_locality(struct storage *storage, const char *word, struct uuid *ret)
{
        CLEANUP(load_places_freep) struct load_places *places = NULL;
        int r = load_places_new(NULL, &places);

        r = r < 0 ? r : load_places_refresh(places, storage);
        if (r < 0)
                return r;
        return load_places_find(places, bytes_text(word), ret)
                       ? 0
                       : FAIL(PANNIER_E_NOT_FOUND,
                              "no locality \"%s\" is kept here (status lists them)", word);
}

static int read_joins(const struct command_line *line, struct storage *storage, const char *option,
                      enum scope_kind kind, struct wish *wish)
{
        const char *word;
        size_t place = 0;

        while ((word = command_each(line, option, &place))) {
                int r;

                if (wish->join_count == JUDGE_JOINS_MAX)
                        return FAIL(PANNIER_E_INVALID, "more than %d teams and homes",
                                    JUDGE_JOINS_MAX);
                r = command_scope(storage, kind, word, &wish->joins[wish->join_count++]);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int read_wish(const struct command_line *line, struct storage *storage, struct wish *wish)
{
        const char *to = command_value(line, "to");
        int r;

        if (!to)
                return FAIL(PANNIER_E_INVALID, "say --to LOCALITY");
        wish->reason = command_value(line, "reason");
        if (!wish->reason)
                wish->reason = "moved to another locality";
        if (strlen(wish->reason) > ENTRY_REASON_MAX || !bytes_is_utf8(bytes_text(wish->reason)))
                return FAIL(PANNIER_E_INVALID, "--reason is at most %d bytes of UTF-8",
                            ENTRY_REASON_MAX);
        wish->dry_run = command_value(line, "dry-run") != NULL;
        r = find_locality(storage, to, &wish->to);
        r = r < 0 ? r : command_person_find(storage, line->operands[0], take_person, wish);
        if (r >= 0 && !wish->found)
                return FAIL(PANNIER_E_NOT_FOUND, "nobody has this number or id");
        r = r < 0 ? r : read_joins(line, storage, "team", SCOPE_TEAM, wish);
        return r < 0 ? r : read_joins(line, storage, "home", SCOPE_HOME, wish);
}

/* ---- the move ---- */

struct localities { /* ascending: locks are taken in this order */
        struct uuid items[WIRE_LOCALITIES_MAX];
        size_t count;
};

static int add_locality(struct localities *localities, const struct uuid *id)
{
        size_t place = 0;

        while (place < localities->count && uuid_compare(&localities->items[place], id) < 0)
                place++;
        if (place < localities->count && uuid_equal(&localities->items[place], id))
                return FAIL(PANNIER_E_INTERNAL, "a locality is wanted that is there");
        if (localities->count == WIRE_LOCALITIES_MAX)
                return FAIL(PANNIER_E_LIMIT, "more than %d localities", WIRE_LOCALITIES_MAX);
        memmove(&localities->items[place + 1], &localities->items[place],
                (localities->count - place) * sizeof(*localities->items));
        localities->items[place] = *id;
        localities->count++;
        return 0;
}

static int count_holder(void *context, const struct custody_row *row)
{
        *(uint64_t *)context += row->held != 0;
        return 0;
}

static int try_move(struct storage *storage, struct judge *judge, const struct wish *wish,
                    const struct judge_move *move, const struct localities *localities,
                    struct told *ret)
{
        int r = storage->ops->begin(storage, localities->items, localities->count);

        if (r < 0)
                return r;
        judge_begin(judge, clock_now_ms());
        r = judge_move(judge, move, &ret->moved);
        ret->there = r == JUDGE_UNCHANGED;
        ret->devices = 0;
        if (r >= 0)
                r = storage->ops->custody_of_person(storage, &move->person, count_holder,
                                                    &ret->devices);
        if (r < 0 || !wish->dry_run)
                return storage_end(storage, r);
        storage->ops->rollback(storage); /* all of it was done, and looked at, and is taken back */
        return 0;
}

static int run_move(struct storage *storage, const struct store_settings *settings,
                    const struct wish *wish, struct told *ret)
{
        CLEANUP(judge_freep) struct judge *judge = NULL;
        struct localities localities = {.count = 0};
        struct judge_move move = {
                .person = wish->person,
                .to = &wish->to,
                .joins = wish->joins,
                .join_count = wish->join_count,
                .reason = bytes_text(wish->reason),
        };
        const struct uuid *wanted;
        uint8_t random[10];
        int r = judge_new(storage, &judge);

        crypto_random(random, sizeof(random));
        r = r < 0 ? r : add_locality(&localities, &wish->to);
        if (r < 0)
                return r;
        judge_environment(judge, (enum nhs_environment)settings->environment);
        move.entry = uuid_v7(clock_now_ms(), random);
        r = try_move(storage, judge, wish, &move, &localities, ret);
        /* Where the person is, and where parked entries come from, is found out in the transaction. */
        while (r < 0 && (wanted = judge_wanted(judge))) {
                error_clear();
                r = add_locality(&localities, wanted);
                r = r < 0 ? r : try_move(storage, judge, wish, &move, &localities, ret);
        }
        return r;
}

/* ---- telling ---- */

static int print_told(const struct command_line *line, const struct wish *wish,
                      const struct told *told)
{
        const struct judge_moved *moved = &told->moved;
        const char *would = wish->dry_run ? "would " : "";

        if (line->json)
                return command_print_json(json_pack(
                        "{s:o, s:o, s:o, s:b, s:b, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}",
                        "person", command_json_uuid(&wish->person), "from",
                        command_json_uuid(&moved->from), "to", command_json_uuid(&wish->to),
                        "moved", !told->there && !wish->dry_run, "there_already", told->there,
                        "records", (json_int_t)moved->records, "ended", (json_int_t)moved->ended,
                        "proposed", (json_int_t)moved->proposed, "conflicts",
                        (json_int_t)moved->conflicts, "parked", (json_int_t)moved->parked,
                        "devices", (json_int_t)told->devices, "departed",
                        (json_int_t)moved->departed.position, "arrived",
                        (json_int_t)moved->arrived.position));
        if (told->there) {
                (void)printf("They are in this locality already; nothing was changed.\n");
                return 0;
        }
        (void)printf("%" PRIu64 " records %smove; %" PRIu64
                     " assignments or residences there %send, %" PRIu64 " here %sbe proposed.\n",
                     moved->records, would, moved->ended, would, moved->proposed, would);
        (void)printf(
                "%" PRIu64 " open conflicts and %" PRIu64 " parked entries go along.\n"
                "%" PRIu64
                " devices have the person, or may. Those that are not granted a team or home here "
                "let go;\nwhat waits on them comes late and is not lost.\n",
                moved->conflicts, moved->parked, told->devices);
        if (moved->proposed == 0)
                (void)printf("Nobody here is told by this: see --team and --home.\n");
        return 0;
}

int command_person_move(struct command_line *line)
{
        CLEANUP(storage_freep) struct storage *storage = NULL;
        struct wish wish = {.found = false};
        struct store_settings settings;
        struct told told = {.there = false};
        int r = command_open(line, false, &settings, &storage);

        r = r < 0 ? r : storage->ops->begin_read(storage);
        if (r < 0)
                return r;
        r = read_wish(line, storage, &wish);
        storage->ops->rollback(storage);
        r = r < 0 ? r : run_move(storage, &settings, &wish, &told);
        return r < 0 ? r : print_told(line, &wish, &told);
}

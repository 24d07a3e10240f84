/*
 * The check of everything that can be checked without the store: structure of both files, and, when asked to look
 * deep, every row of the outbox and every page of the replica.
 */
#include "daemon/engine_internal.h"
#include "daemon/incarnation.h"

#include <stdarg.h>
#include <stdio.h>

struct doctor {
        void (*visit)(void *context, bool good, const char *text);
        void *context;
};

__attribute__((format(printf, 3, 4))) static void say(const struct doctor *doctor, bool good,
                                                      const char *format, ...)
{
        char text[256];
        va_list arguments;

        va_start(arguments, format);
        (void)vsnprintf(text, sizeof(text), format, arguments);
        va_end(arguments);
        doctor->visit(doctor->context, good, text);
}

static void bad_row(void *context, const struct outbox_row *row, const char *what)
{
        char id[UUID_TEXT_SIZE];

        uuid_format(&row->id, id);
        say(context, false, "outbox: entry %s (lane %u, number %llu): %s", id, row->lane,
            (unsigned long long)row->seq, what);
}

/* @pragma gives "ok", or a row for each thing that is wrong */
static int check_structure(const struct doctor *doctor, struct db *db, const char *name,
                           const char *pragma)
{
        sqlite3_stmt *stmt = NULL;
        bool good = true;
        int r;

        /* not kept with the connection: it is run once in a long while */
        if (sqlite3_prepare_v2(db_handle(db), pragma, -1, &stmt, NULL) != SQLITE_OK)
                return FAIL(PANNIER_E_STORAGE, "%s cannot be checked: %s", name,
                            sqlite3_errmsg(db_handle(db)));
        while ((r = sqlite3_step(stmt)) == SQLITE_ROW) {
                const char *text = (const char *)sqlite3_column_text(stmt, 0);

                if (text && strcmp(text, "ok") == 0)
                        continue;
                good = false;
                say(doctor, false, "%s: %s", name, text ? text : "?");
        }
        sqlite3_finalize(stmt);
        if (r != SQLITE_DONE) {
                good = false;
                say(doctor, false, "%s cannot be read through", name);
        }
        if (good)
                say(doctor, true, "%s: the file is sound", name);
        return 0;
}

static int check_outbox_rows(const struct doctor *doctor, struct engine *engine)
{
        /* the visit gets a const doctor back: it only speaks */
        struct doctor copy = *doctor;
        int bad = outbox_check(engine->outbox, bad_row, &copy);

        if (bad < 0)
                return bad;
        if (bad == 0)
                say(doctor, true, "outbox: every entry fits its hash, its chain and its signature");
        return 0;
}

/* Only where the store's last word is about just this state can anything be said. */
static int check_equal(const struct doctor *doctor, struct engine *engine)
{
        struct replica_proof proof;
        int r = replica_prove(engine->replica, &proof);

        if (r < 0)
                return r;
        if (proof.wrong > 0)
                say(doctor, false,
                    "replica: the records of %llu people or feeds are not those that were "
                    "received; they are fetched again with the next exchange",
                    (unsigned long long)proof.wrong);
        if (!proof.told)
                say(doctor, true, "replica: there is no completed exchange to compare it with");
        else if (proof.equal)
                say(doctor, true,
                    "replica: proven equal to the store at the last completed exchange, %llu "
                    "records",
                    (unsigned long long)proof.records);
        else if (proof.wrong == 0)
                say(doctor, false,
                    "replica: its records are not what the store has; what differs is fetched "
                    "again with an exchange");
        return 0;
}

/* That a copy was repaired may be a disk that dies: it is said as long as it is known. */
static int check_repairs(const struct doctor *doctor, struct engine *engine)
{
        struct replica_repairs repairs;
        int r = replica_repairs(engine->replica, &repairs);

        if (r < 0)
                return r;
        if (repairs.made > 0 || repairs.erased > 0)
                say(doctor, true,
                    "replica: the records of people were otherwise than the store's and were put "
                    "right %llu times, and %llu people were erased whom the store does not list; "
                    "again and again means a bad disk",
                    (unsigned long long)repairs.made, (unsigned long long)repairs.erased);
        if (repairs.faults > 0)
                say(doctor, false,
                    "replica: %llu repairs did not help; they are tried again less and less often",
                    (unsigned long long)repairs.faults);
        if (replica_fact(engine->replica, FACT_CONTRADICTION))
                say(doctor, false,
                    "store: what it says of who differs does not add up; nothing was changed by "
                    "it; an operator should run pannier-store verify");
        return 0;
}

static void check_counts(const struct doctor *doctor, struct engine *engine)
{
        const struct outbox_counts *counts = outbox_counts(engine->outbox);

        if (counts->damaged)
                say(doctor, false, "outbox: %llu damaged entries were met",
                    (unsigned long long)counts->damaged);
        say(doctor, !engine->behind, "replica: %s",
            engine->behind ? "it is behind the outbox" : "it shows everything that the outbox has");
        if (engine->session.forked)
                say(doctor, false, "store: it knows another history of this outbox");
}

static int say_gap(void *context, const struct wire_gap *gap, int64_t found_ms)
{
        (void)found_ms;
        say(context, false, "outbox: entries %llu to %llu of lane %u are gone",
            (unsigned long long)gap->first, (unsigned long long)gap->last, gap->lane);
        return 0;
}

/* What happened to this outbox before: it is shown for ever, because somebody may ask for the work that is missing. */
static int check_histories(struct doctor *doctor, struct engine *engine)
{
        uint64_t lives = 0, rescued = 0;
        int r = outbox_lives(engine->outbox, &lives);

        if (r >= 0 && lives > 0)
                say(doctor, true,
                    "outbox: it was restored, cloned or damaged %llu times and went on under "
                    "another name",
                    (unsigned long long)lives);
        if (r >= 0)
                r = outbox_rescued(engine->outbox, &rescued);
        if (r > 0)
                say(doctor, false,
                    "outbox: it was lost, damaged or put back from an older copy; %llu entries "
                    "came "
                    "back from the replica, and what was in neither is gone",
                    (unsigned long long)rescued);
        return r < 0 ? r : outbox_gaps(engine->outbox, true, say_gap, doctor);
}

int engine_doctor(struct engine *engine, bool deep,
                  void (*visit)(void *context, bool good, const char *text), void *context)
{
        struct doctor doctor = {.visit = visit, .context = context};
        int r;

        r = check_structure(&doctor, engine->options.outbox_db, "outbox",
                            deep ? "PRAGMA integrity_check" : "PRAGMA quick_check");
        if (r >= 0)
                r = check_structure(&doctor, engine->options.replica_db, "replica",
                                    deep ? "PRAGMA integrity_check" : "PRAGMA quick_check");
        /* under SQLCipher: does every page fit its authentication code? Nothing where the file is plain. */
        if (r >= 0 && deep && db_cipher(engine->options.replica_db))
                r = check_structure(&doctor, engine->options.replica_db, "replica's seal",
                                    "PRAGMA cipher_integrity_check");
        if (r >= 0 && deep)
                r = check_outbox_rows(&doctor, engine);
        if (r >= 0 && deep)
                r = check_equal(&doctor, engine);
        if (r >= 0)
                r = check_repairs(&doctor, engine);
        if (r >= 0)
                r = check_histories(&doctor, engine);
        check_counts(&doctor, engine);
        return r < 0 ? r : 0;
}

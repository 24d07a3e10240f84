#include "store/backup.h"

#include "common/error.h"
#include "store/epoch.h"
#include "store/verify.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PATH_MAX_SIZE = 4096 };

static int beside(const char *path, const char *suffix, char ret[PATH_MAX_SIZE])
{
        int size = snprintf(ret, PATH_MAX_SIZE, "%s%s", path, suffix);

        return size < 0 || size >= PATH_MAX_SIZE ? FAIL(PANNIER_E_LIMIT, "%s: too long", path) : 0;
}

static int sync_path(const char *path, int flags)
{
        int fd = open(path, flags | O_CLOEXEC), r = 0;

        if (fd < 0 || fsync(fd) < 0)
                r = FAIL(PANNIER_E_STORAGE, "%s: %s", path, strerror(errno));
        if (fd >= 0)
                (void)close(fd);
        return r;
}

/* The name is durable with its folder. */
static int sync_folder(const char *path)
{
        char copy[PATH_MAX_SIZE];
        int r = beside(path, "", copy);

        return r < 0 ? r : sync_path(dirname(copy), O_RDONLY | O_DIRECTORY);
}

static int move(const char *from, const char *to)
{
        if (rename(from, to) == 0 || errno == ENOENT)
                return 0;
        return FAIL(PANNIER_E_STORAGE, "%s: %s", to, strerror(errno));
}

/* ---- looking at a copy ---- */

struct looking {
        struct storage *storage;
        struct backup_report *report;
};

static int note_locality(void *context, const struct uuid *id)
{
        struct looking *looking = context;
        const struct storage_locality *state =
                looking->storage->ops->locality(looking->storage, id);
        struct backup_report *report = looking->report;

        if (!state)
                return FAIL(PANNIER_E_CORRUPT, "a locality of the copy cannot be read");
        if (report->count == WIRE_LOCALITIES_MAX)
                return FAIL(PANNIER_E_LIMIT, "more than %d localities", WIRE_LOCALITIES_MAX);
        report->localities[report->count++] = (struct backup_locality){
                .id = *id,
                .position = {state->epoch, state->position},
                .rows = state->number,
                .epoch = state->epoch,
        };
        return 0;
}

static int look(struct storage *storage, struct backup_report *report)
{
        struct looking looking = {storage, report};
        int r = storage->ops->begin_read(storage);

        if (r < 0)
                return r;
        report->count = 0;
        r = storage->ops->localities(storage, note_locality, &looking);
        storage->ops->rollback(storage);
        return r;
}

static int count_problem(void *context, const struct verify_problem *problem)
{
        (void)context;
        (void)problem;
        return 0;
}

static int verify_one(struct storage *storage, const struct uuid *locality,
                      enum nhs_environment environment)
{
        CLEANUP(storage_freep) struct storage *scratch = NULL;
        struct verify_report report;
        char id[UUID_TEXT_SIZE];
        int r = storage_sqlite_open(":memory:", false, &scratch);

        if (r == 0)
                r = verify_locality(storage, scratch, locality, environment, count_problem, NULL,
                                    &report);
        if (r < 0)
                return r;
        uuid_format(locality, id);
        return report.problems ? FAIL(PANNIER_E_CORRUPT,
                                      "locality %s: the log and the records do not agree (%llu "
                                      "problems): run verify",
                                      id, (unsigned long long)report.problems)
                               : 0;
}

static int check_copy(const char *path, bool quick, enum nhs_environment environment,
                      backup_progress *progress, void *context, struct backup_report *report)
{
        CLEANUP(storage_freep) struct storage *storage = NULL;
        struct stat status;
        int r = storage_sqlite_check(path);

        if (r == 0)
                r = storage_sqlite_open(path, true, &storage);
        if (r == 0)
                r = look(storage, report);
        for (size_t i = 0; i < report->count && r == 0 && !quick; i++) {
                r = verify_one(storage, &report->localities[i].id, environment);
                if (r == 0 && progress)
                        r = progress(context, "verified", i + 1, report->count);
        }
        if (r == 0 && stat(path, &status) == 0)
                report->size = (uint64_t)status.st_size;
        return r;
}

/* ---- making one ---- */

static int note_backup(const char *database, const struct backup_report *report, int64_t now_ms)
{
        CLEANUP(storage_freep) struct storage *storage = NULL;
        int r = storage_sqlite_open(database, false, &storage);

        if (r == 0)
                r = storage->ops->begin(storage, NULL, 0);
        if (r < 0)
                return r;
        for (size_t i = 0; i < report->count && r == 0; i++)
                r = storage->ops->backup_put(storage, &report->localities[i].id,
                                             &report->localities[i].position, now_ms);
        if (r == 0)
                return storage->ops->commit(storage);
        storage->ops->rollback(storage);
        return r;
}

/* link() does not replace what came there meanwhile. */
static int put_in_place(const char *part, const char *to)
{
        int r = sync_path(part, O_RDWR);

        if (r == 0 && link(part, to) < 0)
                r = errno == EEXIST ? FAIL(PANNIER_E_TAKEN, "%s is there already", to)
                                    : FAIL(PANNIER_E_STORAGE, "%s: %s", to, strerror(errno));
        return r < 0 ? r : sync_folder(to);
}

int backup_make(const char *database, const char *to, bool quick, enum nhs_environment environment,
                int64_t now_ms, backup_progress *progress, void *context, struct backup_report *ret)
{
        char part[PATH_MAX_SIZE];
        int r = beside(to, ".part", part);

        *ret = (struct backup_report){0};
        if (r < 0)
                return r;
        if (access(to, F_OK) == 0)
                return FAIL(PANNIER_E_TAKEN, "%s is there already", to);
        (void)unlink(part); /* of a run that was interrupted */
        r = storage_sqlite_copy(database, part, progress, context);
        if (r == 0)
                r = check_copy(part, quick, environment, progress, context, ret);
        if (r == 0)
                r = put_in_place(part, to);
        (void)unlink(part);
        return r < 0 ? r : note_backup(database, ret, now_ms);
}

/* ---- the way back ---- */

/* A new history of each locality: the devices learn of it with their next exchange, whatever they were shown before. */
static int begin_epochs(struct storage *storage, const struct backup_wish *wish,
                        struct backup_report *report)
{
        int r = 0;

        for (size_t i = 0; i < report->count && r == 0; i++) {
                struct backup_locality *locality = &report->localities[i];
                const struct storage_locality *state;
                uint8_t seed[HASH_SIZE];

                wish->random(seed, sizeof(seed));
                r = storage->ops->begin(storage, &locality->id, 1);
                if (r < 0)
                        return r;
                r = epoch_begin(storage, &locality->id, locality->position.position, 0, seed,
                                wish->now_ms);
                if (r == 0)
                        r = storage->ops->backup_put(storage, &locality->id, &locality->position,
                                                     wish->now_ms);
                state = storage->ops->locality(storage, &locality->id);
                locality->epoch = state ? state->epoch : 0;
                if (r == 0)
                        r = storage->ops->commit(storage);
                else
                        storage->ops->rollback(storage);
        }
        return r;
}

static int check_journal(struct storage *storage, const struct backup_wish *wish)
{
        int r = wish->without_journal ? 1 : journal_covers(storage, wish->journal);

        if (r != 0)
                return r < 0 ? r : 0;
        return FAIL(PANNIER_E_REFUSED,
                    "%s does not go on where the backup ends: revocations, used codes and imports "
                    "made since would be forgotten. Name the journal with --journal, or say "
                    "--without-journal",
                    wish->journal);
}

/*
 * First the journal, then the epochs: a journal that goes on writes down that they began, and what it plays lies in the
 * history that the devices are shown anew.
 */
static int mend(const char *path, const char *journal_path, const struct backup_wish *wish,
                struct backup_report *report)
{
        CLEANUP(storage_freep) struct storage *storage = NULL;
        struct journal_report journal = {0};
        int r = storage_sqlite_open(path, false, &storage);

        if (r == 0)
                r = check_journal(storage, wish);
        if (r == 0 && !wish->without_journal)
                r = journal_attach(storage, journal_path, wish->environment, wish->now_ms,
                                   &journal);
        report->played = journal.played;
        return r < 0 ? r : begin_epochs(storage, wish, report);
}

/* The journal is copied, so that it is as it was if something goes wrong; a copy of nothing is nothing. */
static int copy_journal(const struct backup_wish *wish, const char *to)
{
        uint8_t bytes[1 << 16];
        ssize_t size = 0;
        int in = open(wish->journal, O_RDONLY | O_CLOEXEC | O_NOFOLLOW), out, r = 0;

        if (in < 0)
                return errno == ENOENT
                               ? 0
                               : FAIL(PANNIER_E_STORAGE, "%s: %s", wish->journal, strerror(errno));
        out = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
        while (out >= 0 && (size = read(in, bytes, sizeof(bytes))) > 0)
                if (write(out, bytes, (size_t)size) != size)
                        break;
        if (out < 0 || size != 0 || fsync(out) < 0)
                r = FAIL(PANNIER_E_STORAGE, "%s cannot be written: %s", to, strerror(errno));
        if (out >= 0)
                (void)close(out);
        (void)close(in);
        return r;
}

static int set_aside(const char *path, int64_t now_ms)
{
        static const char *const suffixes[] = {"", "-wal", "-shm"};
        char name[PATH_MAX_SIZE], aside[64];
        int r;

        (void)snprintf(aside, sizeof(aside), ".before-%lld", (long long)now_ms);
        r = beside(path, aside, name);
        for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]) && r == 0; i++) {
                char from[PATH_MAX_SIZE], to[PATH_MAX_SIZE];

                r = beside(path, suffixes[i], from);
                if (r == 0)
                        r = beside(name, suffixes[i], to);
                if (r == 0)
                        r = move(from, to);
        }
        return r;
}

static int exchange_files(const struct backup_wish *wish, const char *part, const char *journal,
                          struct backup_report *report)
{
        char aside[64];
        bool there = access(wish->database, F_OK) == 0;
        int r = set_aside(wish->database, wish->now_ms);

        if (r == 0)
                r = set_aside(wish->own_journal, wish->now_ms);
        if (r == 0)
                r = move(journal, wish->own_journal);
        if (r == 0)
                r = move(part, wish->database);
        if (r == 0)
                r = sync_folder(wish->database);
        (void)snprintf(aside, sizeof(aside), ".before-%lld", (long long)wish->now_ms);
        return r < 0 || !there ? r : beside(wish->database, aside, report->aside);
}

int backup_restore(const struct backup_wish *wish, struct backup_report *ret)
{
        char part[PATH_MAX_SIZE], journal[PATH_MAX_SIZE];
        int r = beside(wish->database, ".restoring", part);

        *ret = (struct backup_report){0};
        if (r == 0)
                r = beside(wish->own_journal, ".restoring", journal);
        if (r < 0)
                return r;
        if (access(wish->from, R_OK) < 0)
                return FAIL(PANNIER_E_NOT_FOUND, "%s: %s", wish->from, strerror(errno));
        (void)unlink(part);
        (void)unlink(journal);
        r = storage_sqlite_check(wish->from);
        if (r == 0)
                r = storage_sqlite_copy(wish->from, part, wish->progress, wish->context);
        if (r == 0)
                r = check_copy(part, true, wish->environment, NULL, NULL, ret);
        if (r == 0 && !wish->without_journal)
                r = copy_journal(wish, journal);
        if (r == 0)
                r = mend(part, journal, wish, ret);
        if (r == 0 && chmod(part, 0600) < 0)
                r = FAIL(PANNIER_E_SYSTEM, "%s: %s", part, strerror(errno));
        if (r == 0)
                r = sync_path(part, O_RDWR);
        if (r == 0)
                r = exchange_files(wish, part, journal, ret);
        if (r < 0) {
                (void)unlink(part);
                (void)unlink(journal);
        }
        return r;
}

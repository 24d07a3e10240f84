/* A copy of the database while it is in use: one snapshot, a page at a time, into one file that stands for itself. */
#include "common/error.h"
#include "store/backup.h"
#include "store/storage_sqlite.h"

#include <string.h>
#include <unistd.h>

enum { COPY_PAGES = 2048 }; /* between two words of progress */

static int copy_failed(sqlite3 *to, int code)
{
        return FAIL(PANNIER_E_STORAGE, "the copy: %s",
                    to && sqlite3_errcode(to) != SQLITE_OK ? sqlite3_errmsg(to)
                                                           : sqlite3_errstr(code));
}

static int copy_pages(sqlite3 *from, sqlite3 *to, backup_progress *progress, void *context)
{
        sqlite3_backup *backup = sqlite3_backup_init(to, "main", from, "main");
        int code = SQLITE_OK, r = 0;

        if (!backup)
                return copy_failed(to, SQLITE_ERROR);
        while (code == SQLITE_OK && r == 0) {
                uint64_t total, left;

                code = sqlite3_backup_step(backup, COPY_PAGES);
                total = (uint64_t)sqlite3_backup_pagecount(backup);
                left = (uint64_t)sqlite3_backup_remaining(backup);
                if (progress)
                        r = progress(context, "copied", total - left, total);
        }
        if (sqlite3_backup_finish(backup) != SQLITE_OK && code == SQLITE_DONE)
                code = SQLITE_IOERR;
        return r < 0 ? r : code == SQLITE_DONE ? 0 : copy_failed(to, code);
}

/* No WAL beside it, and everything on the disk. */
static int finish_copy(sqlite3 *to)
{
        static const char *const steps[] = {"PRAGMA journal_mode = DELETE",
                                            "PRAGMA synchronous = FULL"};

        for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
                int code = sqlite3_exec(to, steps[i], NULL, NULL, NULL);

                if (code != SQLITE_OK)
                        return copy_failed(to, code);
        }
        return 0;
}

int storage_sqlite_copy(const char *from, const char *to, backup_progress *progress, void *context)
{
        const struct db_options options = {
                .durability = DB_FULL, .read_only = true, .must_exist = true};
        CLEANUP(db_freep) struct db *db = NULL;
        sqlite3 *copy = NULL;
        int code, r = db_open(from, &options, &db);

        if (r < 0)
                return r;
        code = sqlite3_open_v2(
                to, &copy, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOFOLLOW, NULL);
        r = code == SQLITE_OK ? db_begin_read(db) : copy_failed(copy, code);
        if (r == 0)
                r = copy_pages(db_handle(db), copy, progress, context);
        db_rollback(db);
        if (r == 0)
                r = finish_copy(copy);
        if (sqlite3_close(copy) != SQLITE_OK && r == 0)
                r = FAIL(PANNIER_E_STORAGE, "the copy cannot be closed");
        return r;
}

static int take_word(void *context, int count, char **values, char **names)
{
        (void)names;
        if (count != 1 || !values[0] || strcmp(values[0], "ok") != 0)
                *(bool *)context = true;
        return 0;
}

int storage_sqlite_check(const char *path)
{
        sqlite3 *db = NULL;
        bool bad = false;
        int code = sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOFOLLOW, NULL);

        if (code == SQLITE_OK)
                code = sqlite3_exec(db, "PRAGMA integrity_check", take_word, &bad, NULL);
        (void)sqlite3_close(db);
        if (code != SQLITE_OK)
                return FAIL(PANNIER_E_CORRUPT, "%s is not a database that can be read: %s", path,
                            sqlite3_errstr(code));
        return bad ? FAIL(PANNIER_E_CORRUPT, "%s is damaged", path) : 0;
}

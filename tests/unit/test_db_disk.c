/*
 * What a commit is worth on a disk that holds writes until they are flushed, garbles what it is writing when the power goes, and
 * whose flushes fail: the simulator's (tests/sim/disk.h). Whatever db_commit() said is durable is there in the end.
 */
#include "tests/sim/disk_vfs.h"
#include "tests/unit/unit.h"

#include "common/db.h"

#include <string.h>

enum { SEEDS = 60, COMMITS_MAX = 40 };

static struct disk disk;
static struct random chance;
static bool promised[COMMITS_MAX + 1];

static struct db *open_db(void)
{
        const struct db_options options = {.durability = DB_FULL};
        struct db *db = NULL;

        if (db_open("/medium/outbox.db", &options, &db) < 0)
                return NULL;
        if (db_exec(db, "CREATE TABLE IF NOT EXISTS entry (id INTEGER PRIMARY KEY, body BLOB)") < 0)
                return db_free(db);
        return db;
}

static bool commit(struct db *db, int id)
{
        sqlite3_stmt *stmt = NULL;
        uint8_t body[300];

        random_fill(&chance, body, sizeof(body));
        if (db_prepare(db, "INSERT INTO entry (id, body) VALUES (?1, ?2)", &stmt) < 0)
                return false;
        db_bind_int(stmt, 1, id);
        db_bind_blob(stmt, 2, BYTES(body, sizeof(body)));
        return db_run(db, stmt) == 0;
}

static void check_promises(struct db *db, uint64_t seed)
{
        for (int id = 1; id <= COMMITS_MAX; id++) {
                sqlite3_stmt *stmt = NULL;

                assert_int_equal(db_prepare(db, "SELECT 1 FROM entry WHERE id = ?1", &stmt), 0);
                db_bind_int(stmt, 1, id);
                if (db_step(db, stmt) != 1 && promised[id])
                        fail_msg("seed %llu: commit %d was promised and is gone",
                                 (unsigned long long)seed, id);
                db_reset(stmt);
        }
}

static void begin(uint64_t seed)
{
        disk_deinit(&disk);
        disk_vfs_mount("medium", &disk);
        random_init(&chance, seed, 0);
        disk_vfs_random(&chance);
        memset(promised, 0, sizeof(promised));
}

static void cut(struct db **db, enum disk_fate fate)
{
        disk.mood = DISK_CUT;
        *db = db_free(*db);
        disk_crash(&disk, fate, &chance);
}

static void what_a_failed_flush_left_in_the_cache_is_not_built_on(void **state)
{
        (void)state;
        for (uint64_t seed = 1; seed <= SEEDS; seed++) {
                struct db *db;

                begin(seed);
                db = open_db();
                assert_non_null(db);
                promised[1] = commit(db, 1);
                /* one of the operations of the next commit fails, once; the daemon opens its database again */
                disk_fail_after(&disk, (uint32_t)random_below(&chance, 12), DISK_IO_ERROR, true);
                promised[2] = commit(db, 2);
                (void)db_free(db);
                disk_repair(&disk);
                db = open_db();
                assert_non_null(db);
                promised[3] = commit(db, 3);
                assert_true(promised[1] && promised[3]);
                cut(&db, FATE_DROPPED);
                db = open_db();
                assert_non_null(db);
                check_promises(db, seed);
                (void)db_free(db);
        }
}

static void a_garbled_sector_takes_no_commit_that_was_promised_before(void **state)
{
        (void)state;
        for (uint64_t seed = 1; seed <= SEEDS; seed++) {
                struct db *db = NULL;
                int id = 0;

                begin(seed);
                while (id < COMMITS_MAX) {
                        int until = id + (int)random_below(&chance, 5) + 1;

                        db = open_db();
                        assert_non_null(db);
                        check_promises(db, seed);
                        while (id < until && id < COMMITS_MAX) {
                                id++;
                                if (id == until)
                                        disk_fail_after(&disk, (uint32_t)random_below(&chance, 4),
                                                        DISK_CUT, false);
                                promised[id] = commit(db, id);
                        }
                        cut(&db, (enum disk_fate)random_below(&chance, FATE_COUNT));
                }
                db = open_db();
                assert_non_null(db);
                check_promises(db, seed);
                (void)db_free(db);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(what_a_failed_flush_left_in_the_cache_is_not_built_on),
                cmocka_unit_test(a_garbled_sector_takes_no_commit_that_was_promised_before),
        };
        int failed;

        disk_vfs_init();
        failed = cmocka_run_group_tests(tests, NULL, NULL);
        disk_deinit(&disk);
        return failed;
}

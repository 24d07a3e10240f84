/*
 * A thin layer between SQLite and the operating system, one per connection: it counts flushes, and after one
 * that failed it lets nothing through any more. What the kernel does with pages whose flush failed is
 * unknowable (on Linux they are marked clean), so a second flush that succeeds would prove nothing. Nor does a second look:
 * the cache still shows what never reached the medium, and a WAL that is recovered from it has commits that a power cut would take
 * away together with everything behind them. So the cache of a WAL whose flush failed is dropped when it is closed.
 *
 * Source: https://sqlite.org/vfs.html; https://wiki.postgresql.org/wiki/Fsync_Errors
 */
#ifndef COMMON_DB_VFS_H
#define COMMON_DB_VFS_H

#include <stdbool.h>
#include <stdint.h>

#include <sqlite3.h>

/* xFileControl of a base that has a cache of its own (a simulated disk): forget what a failed flush left in it */
enum { DB_VFS_FORGET_CACHE = 0x50414e };

struct db_vfs {
        sqlite3_vfs vfs; /* ours; registered under `name` */
        sqlite3_vfs *base;
        char name[40];
        uint64_t flush_count; /* calls of xSync that reached the base */
        uint32_t flush_delay_us;
        bool failed; /* a flush failed */
};

/**
 * db_vfs_init() - register the layer under a name of its own
 * @base:           name of the VFS below it, NULL: SQLite's default
 * @flush_delay_us: added to each flush, for measurements of slow media; 0 otherwise
 *
 * @layer must not move until db_vfs_deinit(), which must come after the connection was closed.
 *
 * Return: 0; PANNIER_E_INVALID there is no VFS @base; PANNIER_E_MEMORY
 */
int db_vfs_init(struct db_vfs *layer, const char *base, uint32_t flush_delay_us);
void db_vfs_deinit(struct db_vfs *layer);

#endif

#include "common/db_vfs.h"

#include "common/error.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* SQLite gives one block of memory per file: ours comes first, the base's file object behind it. */
struct layer_file {
        sqlite3_file file;
        struct db_vfs *layer;
        const char *wal; /* name, where it is a WAL: SQLite keeps it as long as the file is open */
};

static struct layer_file *layer_file(sqlite3_file *file)
{
        return (struct layer_file *)(void *)file;
}

static sqlite3_file *base_file(sqlite3_file *file)
{
        return (sqlite3_file *)(void *)(layer_file(file) + 1);
}

static struct db_vfs *layer_of(sqlite3_vfs *vfs)
{
        return vfs->pAppData;
}

/*
 * Of the WAL only: no lock lies on it, so that opening and closing it here takes nobody's lock away; and nothing in the
 * database file counts before the WAL that it came from was flushed.
 */
static void forget_cache(sqlite3_file *file)
{
        int fd;

        if (!layer_file(file)->layer->failed || !layer_file(file)->wal)
                return;
        if (base_file(file)->pMethods->xFileControl(base_file(file), DB_VFS_FORGET_CACHE, NULL) ==
            SQLITE_OK)
                return;
        fd = open(layer_file(file)->wal, O_RDONLY | O_CLOEXEC);
        if (fd < 0)
                return;
        (void)posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
        (void)close(fd);
}

static int layer_close(sqlite3_file *file)
{
        forget_cache(file);
        return base_file(file)->pMethods->xClose(base_file(file));
}

static int layer_read(sqlite3_file *file, void *to, int size, sqlite3_int64 offset)
{
        return base_file(file)->pMethods->xRead(base_file(file), to, size, offset);
}

static int layer_write(sqlite3_file *file, const void *from, int size, sqlite3_int64 offset)
{
        if (layer_file(file)->layer->failed)
                return SQLITE_IOERR_WRITE;
        return base_file(file)->pMethods->xWrite(base_file(file), from, size, offset);
}

static int layer_truncate(sqlite3_file *file, sqlite3_int64 size)
{
        if (layer_file(file)->layer->failed)
                return SQLITE_IOERR_TRUNCATE;
        return base_file(file)->pMethods->xTruncate(base_file(file), size);
}

static void delay(uint32_t us)
{
        struct timespec rest = {.tv_sec = us / 1000000, .tv_nsec = (long)(us % 1000000) * 1000};

        if (us == 0)
                return;
        while (nanosleep(&rest, &rest) != 0)
                ;
}

static int layer_sync(sqlite3_file *file, int flags)
{
        struct db_vfs *layer = layer_file(file)->layer;
        int code;

        if (layer->failed)
                return SQLITE_IOERR_FSYNC;
        layer->flush_count++;
        delay(layer->flush_delay_us);
        code = base_file(file)->pMethods->xSync(base_file(file), flags);
        if (code != SQLITE_OK)
                layer->failed = true;
        return code;
}

static int layer_file_size(sqlite3_file *file, sqlite3_int64 *ret)
{
        return base_file(file)->pMethods->xFileSize(base_file(file), ret);
}

static int layer_lock(sqlite3_file *file, int level)
{
        return base_file(file)->pMethods->xLock(base_file(file), level);
}

static int layer_unlock(sqlite3_file *file, int level)
{
        return base_file(file)->pMethods->xUnlock(base_file(file), level);
}

static int layer_check_reserved_lock(sqlite3_file *file, int *ret)
{
        return base_file(file)->pMethods->xCheckReservedLock(base_file(file), ret);
}

static int layer_file_control(sqlite3_file *file, int operation, void *argument)
{
        return base_file(file)->pMethods->xFileControl(base_file(file), operation, argument);
}

static int layer_sector_size(sqlite3_file *file)
{
        return base_file(file)->pMethods->xSectorSize(base_file(file));
}

static int layer_device_characteristics(sqlite3_file *file)
{
        return base_file(file)->pMethods->xDeviceCharacteristics(base_file(file));
}

static int layer_shm_map(sqlite3_file *file, int region, int size, int extend, void volatile **ret)
{
        return base_file(file)->pMethods->xShmMap(base_file(file), region, size, extend, ret);
}

static int layer_shm_lock(sqlite3_file *file, int offset, int count, int flags)
{
        return base_file(file)->pMethods->xShmLock(base_file(file), offset, count, flags);
}

static void layer_shm_barrier(sqlite3_file *file)
{
        base_file(file)->pMethods->xShmBarrier(base_file(file));
}

static int layer_shm_unmap(sqlite3_file *file, int remove)
{
        return base_file(file)->pMethods->xShmUnmap(base_file(file), remove);
}

#define METHODS_OF_ALL_FILES                                                                       \
        .xClose = layer_close, .xRead = layer_read, .xWrite = layer_write,                         \
        .xTruncate = layer_truncate, .xSync = layer_sync, .xFileSize = layer_file_size,            \
        .xLock = layer_lock, .xUnlock = layer_unlock,                                              \
        .xCheckReservedLock = layer_check_reserved_lock, .xFileControl = layer_file_control,       \
        .xSectorSize = layer_sector_size, .xDeviceCharacteristics = layer_device_characteristics

static const sqlite3_io_methods layer_methods = {
        .iVersion = 2, /* shared memory for WAL, but no mapped reads: db.c keeps mmap off */
        METHODS_OF_ALL_FILES,
        .xShmMap = layer_shm_map,
        .xShmLock = layer_shm_lock,
        .xShmBarrier = layer_shm_barrier,
        .xShmUnmap = layer_shm_unmap,
};

/* Of a base that has no shared memory; SQLite then knows that there is no WAL. */
static const sqlite3_io_methods layer_methods_plain = {
        .iVersion = 1,
        METHODS_OF_ALL_FILES,
};

static int layer_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags,
                      int *ret_flags)
{
        struct db_vfs *layer = layer_of(vfs);
        int code;

        layer_file(file)->layer = layer;
        layer_file(file)->wal = flags & SQLITE_OPEN_WAL ? name : NULL;
        base_file(file)->pMethods = NULL;
        file->pMethods = NULL; /* SQLite closes a file that has methods, also after an error */
        code = layer->base->xOpen(layer->base, name, base_file(file), flags, ret_flags);
        if (base_file(file)->pMethods)
                file->pMethods = base_file(file)->pMethods->iVersion >= 2 ? &layer_methods
                                                                          : &layer_methods_plain;
        return code;
}

static int layer_delete(sqlite3_vfs *vfs, const char *name, int sync_folder)
{
        struct db_vfs *layer = layer_of(vfs);

        if (layer->failed)
                return SQLITE_IOERR_DELETE;
        return layer->base->xDelete(layer->base, name, sync_folder);
}

static int layer_access(sqlite3_vfs *vfs, const char *name, int flags, int *ret)
{
        return layer_of(vfs)->base->xAccess(layer_of(vfs)->base, name, flags, ret);
}

static int layer_full_pathname(sqlite3_vfs *vfs, const char *name, int size, char *ret)
{
        return layer_of(vfs)->base->xFullPathname(layer_of(vfs)->base, name, size, ret);
}

static int layer_randomness(sqlite3_vfs *vfs, int size, char *ret)
{
        return layer_of(vfs)->base->xRandomness(layer_of(vfs)->base, size, ret);
}

static int layer_sleep(sqlite3_vfs *vfs, int us)
{
        return layer_of(vfs)->base->xSleep(layer_of(vfs)->base, us);
}

static int layer_current_time(sqlite3_vfs *vfs, double *ret)
{
        return layer_of(vfs)->base->xCurrentTime(layer_of(vfs)->base, ret);
}

static int layer_current_time_int64(sqlite3_vfs *vfs, sqlite3_int64 *ret)
{
        return layer_of(vfs)->base->xCurrentTimeInt64(layer_of(vfs)->base, ret);
}

static int layer_get_last_error(sqlite3_vfs *vfs, int size, char *ret)
{
        return layer_of(vfs)->base->xGetLastError(layer_of(vfs)->base, size, ret);
}

int db_vfs_init(struct db_vfs *layer, const char *base, uint32_t flush_delay_us)
{
        *layer = (struct db_vfs){
                .base = sqlite3_vfs_find(base),
                .flush_delay_us = flush_delay_us,
        };
        if (!layer->base)
                return FAIL(PANNIER_E_INVALID, "SQLite has no VFS %s", base ? base : "at all");
        (void)snprintf(layer->name, sizeof(layer->name), "pannier-%p", (void *)layer);
        layer->vfs = (sqlite3_vfs){
                .iVersion = layer->base->iVersion < 2 ? 1 : 2,
                .szOsFile = (int)sizeof(struct layer_file) + layer->base->szOsFile,
                .mxPathname = layer->base->mxPathname,
                .zName = layer->name,
                .pAppData = layer,
                .xOpen = layer_open,
                .xDelete = layer_delete,
                .xAccess = layer_access,
                .xFullPathname = layer_full_pathname,
                .xRandomness = layer_randomness,
                .xSleep = layer_sleep,
                .xCurrentTime = layer_current_time,
                .xGetLastError = layer_get_last_error,
                .xCurrentTimeInt64 = layer_current_time_int64,
        };
        if (sqlite3_vfs_register(&layer->vfs, 0) != SQLITE_OK)
                return FAIL(PANNIER_E_MEMORY, "SQLite could not register a VFS");
        return 0;
}

void db_vfs_deinit(struct db_vfs *layer)
{
        if (layer->vfs.zName)
                (void)sqlite3_vfs_unregister(&layer->vfs);
}

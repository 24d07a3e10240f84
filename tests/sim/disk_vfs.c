#include "tests/sim/disk_vfs.h"

#include "common/db_vfs.h"

#include <assert.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct handle {
        sqlite3_file file;
        struct disk *disk;
        struct disk_file *on;
        int level; /* of the file's lock */
        bool power_safe, mapped;
        unsigned int shm_shared, shm_exclusive; /* bits by lock */
};

struct mount {
        char name[DISK_NAME_MAX];
        struct disk *disk;
};

/* SQLite's list of VFSs is one of the process, and so is this. */
static struct {
        sqlite3_vfs vfs;
        struct mount mounts[DISKS_MAX];
        struct random *random;
} layer;

static struct handle *handle_of(sqlite3_file *file)
{
        return (struct handle *)(void *)file;
}

static int code_of(enum disk_mood mood, int code)
{
        if (mood == DISK_WELL)
                return SQLITE_OK;
        return mood == DISK_FULL ? SQLITE_FULL : code;
}

/* ---- content ---- */

static int sim_read(sqlite3_file *file, void *to, int size, sqlite3_int64 offset)
{
        struct handle *handle = handle_of(file);

        if (handle->disk->mood == DISK_CUT)
                return SQLITE_IOERR_READ;
        if (image_read(&handle->on->current, (uint64_t)offset, to, (size_t)size) < (size_t)size)
                return SQLITE_IOERR_SHORT_READ;
        return SQLITE_OK;
}

static int sim_write(sqlite3_file *file, const void *from, int size, sqlite3_int64 offset)
{
        struct handle *handle = handle_of(file);

        return code_of(disk_write(handle->disk, handle->on, (uint64_t)offset, from, (size_t)size),
                       SQLITE_IOERR_WRITE);
}

static int sim_truncate(sqlite3_file *file, sqlite3_int64 size)
{
        struct handle *handle = handle_of(file);

        return code_of(disk_truncate(handle->disk, handle->on, (uint64_t)size),
                       SQLITE_IOERR_TRUNCATE);
}

static int sim_sync(sqlite3_file *file, int flags)
{
        struct handle *handle = handle_of(file);

        (void)flags;
        return code_of(disk_sync(handle->disk, handle->on), SQLITE_IOERR_FSYNC);
}

static int sim_file_size(sqlite3_file *file, sqlite3_int64 *ret)
{
        *ret = (sqlite3_int64)handle_of(file)->on->current.size;
        return SQLITE_OK;
}

static int sim_file_control(sqlite3_file *file, int operation, void *argument)
{
        (void)argument;
        if (operation != DB_VFS_FORGET_CACHE)
                return SQLITE_NOTFOUND;
        disk_forget_cache(handle_of(file)->on);
        return SQLITE_OK;
}

static int sim_sector_size(sqlite3_file *file)
{
        (void)file;
        return IMAGE_BLOCK;
}

static int sim_characteristics(sqlite3_file *file)
{
        return handle_of(file)->power_safe ? SQLITE_IOCAP_POWERSAFE_OVERWRITE : 0;
}

/* ---- locks: https://sqlite.org/lockingv3.html ---- */

static int sim_unlock(sqlite3_file *file, int level)
{
        struct handle *handle = handle_of(file);
        struct disk_file *on = handle->on;

        if (handle->level <= level)
                return SQLITE_OK;
        if (handle->level >= SQLITE_LOCK_RESERVED)
                on->reserved = false;
        if (handle->level >= SQLITE_LOCK_PENDING)
                on->pending = false;
        if (handle->level == SQLITE_LOCK_EXCLUSIVE)
                on->exclusive = false;
        if (level == SQLITE_LOCK_NONE)
                on->shared--;
        handle->level = level;
        return SQLITE_OK;
}

static int sim_lock(sqlite3_file *file, int level)
{
        struct handle *handle = handle_of(file);
        struct disk_file *on = handle->on;

        if (handle->level >= level)
                return SQLITE_OK;
        if (level == SQLITE_LOCK_SHARED) {
                if (on->pending || on->exclusive)
                        return SQLITE_BUSY;
                on->shared++;
        } else if (level == SQLITE_LOCK_RESERVED) {
                if (on->reserved)
                        return SQLITE_BUSY;
                on->reserved = true;
        } else {
                if (handle->level < SQLITE_LOCK_RESERVED && on->reserved)
                        return SQLITE_BUSY;
                on->reserved = on->pending = true;
                if (on->shared > 1) {
                        handle->level = SQLITE_LOCK_PENDING;
                        return SQLITE_BUSY;
                }
                on->exclusive = true;
        }
        handle->level = level;
        return SQLITE_OK;
}

static int sim_check_reserved(sqlite3_file *file, int *ret)
{
        *ret = handle_of(file)->on->reserved;
        return SQLITE_OK;
}

/* ---- the WAL's index, in memory that the connections share ---- */

static int sim_shm_map(sqlite3_file *file, int region, int size, int extend, void volatile **ret)
{
        struct handle *handle = handle_of(file);
        struct disk_file *on = handle->on;

        *ret = NULL;
        if (handle->disk->mood == DISK_CUT)
                return SQLITE_IOERR_SHMMAP;
        if (!handle->mapped)
                on->region_users++;
        handle->mapped = true;
        while ((size_t)region >= on->region_count) {
                if (!extend)
                        return SQLITE_OK;
                on->regions = sim_grow(on->regions, on->region_count, &on->region_capacity,
                                       sizeof(*on->regions));
                on->regions[on->region_count++] = sim_alloc((size_t)size);
        }
        *ret = on->regions[region];
        return SQLITE_OK;
}

static bool may_lock(const struct handle *handle, int lock, bool exclusive)
{
        const struct disk_file *on = handle->on;
        bool own = (handle->shm_shared >> lock & 1) != 0;

        if (on->shm_exclusive[lock])
                return (handle->shm_exclusive >> lock & 1) != 0;
        return !exclusive || on->shm_shared[lock] == (own ? 1U : 0U);
}

static void take_lock(struct handle *handle, int lock, bool exclusive)
{
        if (exclusive) {
                handle->on->shm_exclusive[lock] = true;
                handle->shm_exclusive |= 1U << lock;
        } else if (!(handle->shm_shared >> lock & 1)) {
                handle->on->shm_shared[lock]++;
                handle->shm_shared |= 1U << lock;
        }
}

static void drop_lock(struct handle *handle, int lock)
{
        if (handle->shm_exclusive >> lock & 1)
                handle->on->shm_exclusive[lock] = false;
        if (handle->shm_shared >> lock & 1)
                handle->on->shm_shared[lock]--;
        handle->shm_exclusive &= ~(1U << lock);
        handle->shm_shared &= ~(1U << lock);
}

static int sim_shm_lock(sqlite3_file *file, int offset, int count, int flags)
{
        struct handle *handle = handle_of(file);

        for (int i = offset; (flags & SQLITE_SHM_LOCK) && i < offset + count; i++)
                if (!may_lock(handle, i, (flags & SQLITE_SHM_EXCLUSIVE) != 0))
                        return SQLITE_BUSY;
        for (int i = offset; i < offset + count; i++)
                if (flags & SQLITE_SHM_LOCK)
                        take_lock(handle, i, (flags & SQLITE_SHM_EXCLUSIVE) != 0);
                else
                        drop_lock(handle, i);
        return SQLITE_OK;
}

static void sim_shm_barrier(sqlite3_file *file)
{
        (void)file;
}

static int sim_shm_unmap(sqlite3_file *file, int delete)
{
        struct handle *handle = handle_of(file);
        struct disk_file *on = handle->on;

        (void)delete;
        if (!handle->mapped)
                return SQLITE_OK;
        handle->mapped = false;
        for (int i = 0; i < SHM_LOCKS; i++)
                drop_lock(handle, i);
        if (--on->region_users > 0)
                return SQLITE_OK;
        for (size_t i = 0; i < on->region_count; i++)
                free(on->regions[i]);
        on->region_count = 0;
        return SQLITE_OK;
}

/* ---- files ---- */

static int sim_close(sqlite3_file *file)
{
        struct handle *handle = handle_of(file);

        (void)sim_shm_unmap(file, 0);
        (void)sim_unlock(file, SQLITE_LOCK_NONE);
        handle->on->open_count--;
        file->pMethods = NULL;
        return SQLITE_OK;
}

static const sqlite3_io_methods sim_methods = {
        .iVersion = 2,
        .xClose = sim_close,
        .xRead = sim_read,
        .xWrite = sim_write,
        .xTruncate = sim_truncate,
        .xSync = sim_sync,
        .xFileSize = sim_file_size,
        .xLock = sim_lock,
        .xUnlock = sim_unlock,
        .xCheckReservedLock = sim_check_reserved,
        .xFileControl = sim_file_control,
        .xSectorSize = sim_sector_size,
        .xDeviceCharacteristics = sim_characteristics,
        .xShmMap = sim_shm_map,
        .xShmLock = sim_shm_lock,
        .xShmBarrier = sim_shm_barrier,
        .xShmUnmap = sim_shm_unmap,
};

/* "/NAME/FILE": the disk, and what is behind it. */
static struct disk *find_disk(const char *path, const char **ret_file)
{
        const char *end = path && path[0] == '/' ? strchr(path + 1, '/') : NULL;

        if (!end)
                return NULL;
        *ret_file = end + 1;
        for (size_t i = 0; i < DISKS_MAX; i++)
                if (layer.mounts[i].disk &&
                    strncmp(layer.mounts[i].name, path + 1, (size_t)(end - path - 1)) == 0 &&
                    layer.mounts[i].name[end - path - 1] == '\0')
                        return layer.mounts[i].disk;
        return NULL;
}

static int sim_open(sqlite3_vfs *vfs, const char *path, sqlite3_file *file, int flags,
                    int *ret_flags)
{
        struct handle *handle = handle_of(file);
        const char *name = NULL;
        struct disk *disk = find_disk(path, &name);

        (void)vfs;
        *handle = (struct handle){.disk = disk};
        if (!disk || disk->mood == DISK_CUT)
                return SQLITE_CANTOPEN;
        handle->on = disk_find(disk, name, (flags & SQLITE_OPEN_CREATE) != 0);
        if (!handle->on)
                return SQLITE_CANTOPEN;
        handle->on->exists = true;
        handle->on->open_count++;
        handle->power_safe = sqlite3_uri_boolean(path, "psow", 1) != 0;
        file->pMethods = &sim_methods;
        if (ret_flags)
                *ret_flags = flags;
        return SQLITE_OK;
}

static int sim_delete(sqlite3_vfs *vfs, const char *path, int sync_folder)
{
        const char *name = NULL;
        struct disk *disk = find_disk(path, &name);
        struct disk_file *file = disk ? disk_find(disk, name, false) : NULL;

        (void)vfs;
        (void)sync_folder;
        if (!file)
                return SQLITE_IOERR_DELETE_NOENT;
        return code_of(disk_delete(disk, file), SQLITE_IOERR_DELETE);
}

static int sim_access(sqlite3_vfs *vfs, const char *path, int flags, int *ret)
{
        const char *name = NULL;
        struct disk *disk = find_disk(path, &name);
        struct disk_file *file = disk ? disk_find(disk, name, false) : NULL;

        (void)vfs;
        (void)flags;
        *ret = file != NULL;
        return SQLITE_OK;
}

static int sim_full_pathname(sqlite3_vfs *vfs, const char *path, int size, char *ret)
{
        (void)vfs;
        (void)snprintf(ret, (size_t)size, "%s", path);
        return SQLITE_OK;
}

static int sim_randomness(sqlite3_vfs *vfs, int size, char *ret)
{
        (void)vfs;
        if (layer.random)
                random_fill(layer.random, ret, (size_t)size);
        else
                memset(ret, 0, (size_t)size);
        return size;
}

static int sim_sleep(sqlite3_vfs *vfs, int us)
{
        (void)vfs;
        return us; /* one thread: nobody else would get on meanwhile */
}

static int sim_time_64(sqlite3_vfs *vfs, sqlite3_int64 *ret)
{
        (void)vfs;
        *ret = 0; /* no statement of ours asks for the time */
        return SQLITE_OK;
}

static int sim_time(sqlite3_vfs *vfs, double *ret)
{
        (void)vfs;
        *ret = 0;
        return SQLITE_OK;
}

static int sim_last_error(sqlite3_vfs *vfs, int size, char *ret)
{
        (void)vfs;
        if (size > 0)
                *ret = '\0';
        return 0;
}

void disk_vfs_init(void)
{
        layer.vfs = (sqlite3_vfs){
                .iVersion = 2,
                .szOsFile = sizeof(struct handle),
                .mxPathname = 512,
                .zName = "simulated",
                .xOpen = sim_open,
                .xDelete = sim_delete,
                .xAccess = sim_access,
                .xFullPathname = sim_full_pathname,
                .xRandomness = sim_randomness,
                .xSleep = sim_sleep,
                .xCurrentTime = sim_time,
                .xGetLastError = sim_last_error,
                .xCurrentTimeInt64 = sim_time_64,
        };
        /* one thread, and nobody asks how much memory is in use: a third of the time */
        if (sqlite3_config(SQLITE_CONFIG_SINGLETHREAD) != SQLITE_OK ||
            sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0) != SQLITE_OK ||
            sqlite3_vfs_register(&layer.vfs, 1) != SQLITE_OK)
                abort();
}

void disk_vfs_mount(const char *name, struct disk *disk)
{
        struct mount *unused = NULL;

        for (size_t i = 0; i < DISKS_MAX; i++) {
                struct mount *mount = &layer.mounts[i];

                if (strcmp(mount->name, name) == 0) {
                        mount->disk = disk;
                        return;
                }
                if (!mount->name[0] && !unused)
                        unused = mount;
        }
        assert(unused);
        (void)snprintf(unused->name, sizeof(unused->name), "%s", name);
        unused->disk = disk;
}

void disk_vfs_random(struct random *random)
{
        layer.random = random;
        sqlite3_randomness(0, NULL); /* forget what was drawn before */
}

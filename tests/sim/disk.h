/*
 * One machine's storage medium: files whose writes are held until they are synced. When the power goes, what was not
 * synced is kept, dropped, kept in part and out of order, torn at 512 bytes, or the 4 KiB that were being written are garbled, those bytes
 * included that were there before. It fails with an I/O error or full, once or until it is repaired; it can be copied and
 * put back as it was before.
 *
 * It knows no SQLite (disk_vfs.h does).
 *
 * Source: what consumer flash does at a power cut: https://www.usenix.org/conference/fast13/technical-sessions/presentation/zheng;
 * what a failed fsync leaves: https://wiki.postgresql.org/wiki/Fsync_Errors
 */
#ifndef TESTS_SIM_DISK_H
#define TESTS_SIM_DISK_H

#include "tests/sim/image.h"
#include "tests/sim/random.h"

enum { DISK_FILES_MAX = 8, DISK_NAME_MAX = 64, DISK_SECTOR = 512, SHM_LOCKS = 8 };

struct disk_write { /* held until a sync */
        uint64_t offset;
        size_t size;
        uint8_t *data; /* NULL: the file was cut to `offset` */
};

struct disk_file {
        char name[DISK_NAME_MAX];
        bool exists, durable_exists;
        struct image current, durable;
        struct disk_write *held;
        size_t held_count, held_capacity;
        /* what connections share while they have it open (disk_vfs.c) */
        size_t open_count;
        unsigned int shared;
        bool reserved, pending, exclusive;
        uint8_t **regions;
        size_t region_count, region_capacity, region_users;
        unsigned int shm_shared[SHM_LOCKS];
        bool shm_exclusive[SHM_LOCKS];
};

enum disk_mood {
        DISK_WELL,
        DISK_IO_ERROR,
        DISK_FULL, /* nothing grows any more */
        DISK_CUT,  /* the power is gone: nothing happens any more until disk_crash() */
};

struct disk {
        struct disk_file files[DISK_FILES_MAX];
        enum disk_mood mood, next_mood;
        uint32_t countdown; /* writes and syncs until next_mood; 0: none is planned */
        bool once;          /* next_mood hits one operation only */
        uint64_t writes, syncs;
};

void disk_deinit(struct disk *disk);
/* disk_copy() - @to becomes the durable state of @from; neither is open */
void disk_copy(const struct disk *from, struct disk *to);

/* disk_snapshot() - the same where @from is in use: what a power cut would leave */
void disk_snapshot(const struct disk *from, struct disk *to);

/* disk_fail_after() - after @operations further writes and syncs the disk is in this mood, for one of them or from then on */
void disk_fail_after(struct disk *disk, uint32_t operations, enum disk_mood mood, bool once);
/* disk_repair() - what was planned or had come is over */
void disk_repair(struct disk *disk);

enum disk_fate { FATE_KEPT, FATE_DROPPED, FATE_SOME, FATE_TORN, FATE_GARBLED, FATE_COUNT };

const char *disk_fate_name(enum disk_fate fate);

/* disk_crash() - the power comes back: what was held has met its fate. Nothing may be open. */
void disk_crash(struct disk *disk, enum disk_fate fate, struct random *random);
/* disk_kill() - the process died, not the machine: all writes stay */
void disk_kill(struct disk *disk);

/* disk_damage() - some bytes of a file are not what was written; nothing is open */
void disk_damage(struct disk *disk, const char *name, struct random *random);

/* ---- for disk_vfs.c ---- */

struct disk_file *disk_find(struct disk *disk, const char *name, bool create);
/* Each: DISK_WELL it was done; else what it failed with, and nothing was */
enum disk_mood disk_write(struct disk *disk, struct disk_file *file, uint64_t offset,
                          const void *data, size_t size);
enum disk_mood disk_truncate(struct disk *disk, struct disk_file *file, uint64_t size);
enum disk_mood disk_sync(struct disk *disk, struct disk_file *file);
/* disk_forget_cache() - what a failed sync left is read again from the medium, where it is, or is not */
void disk_forget_cache(struct disk_file *file);
enum disk_mood disk_delete(struct disk *disk, struct disk_file *file);

#endif

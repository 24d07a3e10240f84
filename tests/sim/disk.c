#include "tests/sim/disk.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void forget_held(struct disk_file *file)
{
        for (size_t i = 0; i < file->held_count; i++)
                free(file->held[i].data);
        file->held_count = 0;
}

static void file_deinit(struct disk_file *file)
{
        forget_held(file);
        free(file->held);
        image_deinit(&file->current);
        image_deinit(&file->durable);
        for (size_t i = 0; i < file->region_count; i++)
                free(file->regions[i]);
        free(file->regions);
        *file = (struct disk_file){0};
}

void disk_deinit(struct disk *disk)
{
        for (size_t i = 0; i < DISK_FILES_MAX; i++)
                file_deinit(&disk->files[i]);
        *disk = (struct disk){0};
}

void disk_copy(const struct disk *from, struct disk *to)
{
        for (size_t i = 0; i < DISK_FILES_MAX; i++)
                assert(from->files[i].open_count == 0);
        disk_snapshot(from, to);
}

void disk_snapshot(const struct disk *from, struct disk *to)
{
        disk_deinit(to);
        for (size_t i = 0; i < DISK_FILES_MAX; i++) {
                const struct disk_file *file = &from->files[i];

                (void)snprintf(to->files[i].name, DISK_NAME_MAX, "%s", file->name);
                to->files[i].exists = to->files[i].durable_exists = file->durable_exists;
                image_copy(&file->durable, &to->files[i].durable);
                image_copy(&file->durable, &to->files[i].current);
        }
}

struct disk_file *disk_find(struct disk *disk, const char *name, bool create)
{
        struct disk_file *unused = NULL;

        for (size_t i = 0; i < DISK_FILES_MAX; i++) {
                struct disk_file *file = &disk->files[i];

                if (file->name[0] && strcmp(file->name, name) == 0) {
                        if (file->exists || create)
                                return file;
                        return NULL;
                }
                if (!file->name[0] && !unused)
                        unused = file;
        }
        if (!create)
                return NULL;
        assert(unused);
        (void)snprintf(unused->name, sizeof(unused->name), "%s", name);
        return unused;
}

/* ---- moods ---- */

void disk_fail_after(struct disk *disk, uint32_t operations, enum disk_mood mood, bool once)
{
        disk->countdown = operations + 1;
        disk->next_mood = mood;
        disk->once = once;
}

void disk_repair(struct disk *disk)
{
        disk->mood = DISK_WELL;
        disk->countdown = 0;
}

/* What this operation meets. */
static enum disk_mood meet(struct disk *disk)
{
        if (disk->mood != DISK_WELL || disk->countdown == 0 || --disk->countdown > 0)
                return disk->mood;
        if (!disk->once)
                disk->mood = disk->next_mood;
        return disk->next_mood;
}

/* ---- operations ---- */

static void hold(struct disk_file *file, uint64_t offset, const void *data, size_t size)
{
        struct disk_write *held;

        file->held =
                sim_grow(file->held, file->held_count, &file->held_capacity, sizeof(*file->held));
        held = &file->held[file->held_count++];
        *held = (struct disk_write){.offset = offset, .size = size};
        if (!data)
                return;
        held->data = sim_alloc(size);
        memcpy(held->data, data, size);
}

enum disk_mood disk_write(struct disk *disk, struct disk_file *file, uint64_t offset,
                          const void *data, size_t size)
{
        enum disk_mood mood = meet(disk);

        /* a full disk still takes what lies inside of a file */
        if (mood == DISK_FULL && offset + size <= file->current.size)
                mood = DISK_WELL;
        if (mood != DISK_WELL)
                return mood;
        disk->writes++;
        image_write(&file->current, offset, data, size);
        hold(file, offset, data, size);
        return DISK_WELL;
}

enum disk_mood disk_truncate(struct disk *disk, struct disk_file *file, uint64_t size)
{
        enum disk_mood mood = meet(disk);

        if (mood != DISK_WELL && mood != DISK_FULL)
                return mood;
        image_resize(&file->current, size);
        hold(file, size, NULL, 0);
        return DISK_WELL;
}

static void make_durable(struct disk_file *file, const struct disk_write *held)
{
        if (held->data)
                image_write(&file->durable, held->offset, held->data, held->size);
        else
                image_resize(&file->durable, held->offset);
}

/*
 * What a failed flush did is decided at once: some of the writes are on the medium, the others never will be, although the cache
 * shows them. What is written over them later is another write, and its own flush counts.
 */
static void fail_sync(struct disk *disk, struct disk_file *file)
{
        struct random coin;

        random_init(&coin, disk->writes, disk->syncs);
        for (size_t i = 0; i < file->held_count; i++) {
                if (random_chance(&coin, 500))
                        make_durable(file, &file->held[i]);
                free(file->held[i].data);
        }
        file->held_count = 0;
}

enum disk_mood disk_sync(struct disk *disk, struct disk_file *file)
{
        enum disk_mood mood = meet(disk);

        if (mood == DISK_CUT)
                return mood;
        if (mood == DISK_IO_ERROR || (mood == DISK_FULL && file->held_count > 0)) {
                fail_sync(disk, file);
                return DISK_IO_ERROR;
        }
        disk->syncs++;
        file->durable_exists = true;
        for (size_t i = 0; i < file->held_count; i++) {
                make_durable(file, &file->held[i]);
                free(file->held[i].data);
        }
        file->held_count = 0;
        return DISK_WELL;
}

void disk_forget_cache(struct disk_file *file)
{
        image_copy(&file->durable, &file->current);
        for (size_t i = 0; i < file->held_count; i++) {
                const struct disk_write *held = &file->held[i];

                if (held->data)
                        image_write(&file->current, held->offset, held->data, held->size);
                else
                        image_resize(&file->current, held->offset);
        }
}

enum disk_mood disk_delete(struct disk *disk, struct disk_file *file)
{
        enum disk_mood mood = meet(disk);

        if (mood != DISK_WELL && mood != DISK_FULL)
                return mood;
        forget_held(file);
        image_resize(&file->current, 0);
        image_resize(&file->durable, 0);
        file->exists = file->durable_exists = false;
        return DISK_WELL;
}

/* ---- the power comes back ---- */

const char *disk_fate_name(enum disk_fate fate)
{
        static const char *const names[FATE_COUNT] = {[FATE_KEPT] = "kept",
                                                      [FATE_DROPPED] = "dropped",
                                                      [FATE_SOME] = "in part",
                                                      [FATE_TORN] = "torn",
                                                      [FATE_GARBLED] = "garbled"};

        return names[fate];
}

static void tear(struct disk_file *file, const struct disk_write *held, struct random *random)
{
        uint64_t at = held->offset, end = held->offset + held->size;

        while (at < end) {
                uint64_t next = (at / DISK_SECTOR + 1) * DISK_SECTOR;

                if (next > end)
                        next = end;
                if (random_chance(random, 500))
                        image_write(&file->durable, at, held->data + (at - held->offset),
                                    (size_t)(next - at));
                at = next;
        }
}

/* The 4 KiB that were being written: nobody knows what they hold now. */
static void garble(struct disk_file *file, const struct disk_write *held, struct random *random)
{
        uint64_t first = held->offset / IMAGE_BLOCK;
        uint64_t last = (held->offset + held->size - 1) / IMAGE_BLOCK;
        uint64_t at = (first + random_below(random, last - first + 1)) * IMAGE_BLOCK;
        uint8_t noise[IMAGE_BLOCK];
        size_t size = IMAGE_BLOCK;

        if (at >= file->durable.size)
                return;
        if (file->durable.size - at < size)
                size = (size_t)(file->durable.size - at);
        random_fill(random, noise, size);
        image_write(&file->durable, at, noise, size);
}

static void meet_fate(struct disk_file *file, enum disk_fate fate, struct random *random)
{
        size_t last = file->held_count > 0 ? random_below(random, file->held_count) : 0;

        for (size_t i = 0; i < file->held_count; i++) {
                const struct disk_write *held = &file->held[i];
                bool keep = fate == FATE_KEPT ||
                            (fate == FATE_SOME && random_chance(random, 500)) ||
                            ((fate == FATE_TORN || fate == FATE_GARBLED) && i < last);

                if (keep)
                        make_durable(file, held);
                else if (held->data && fate == FATE_TORN && i == last)
                        tear(file, held, random);
                else if (held->data && fate == FATE_GARBLED && i == last)
                        garble(file, held, random);
        }
}

void disk_crash(struct disk *disk, enum disk_fate fate, struct random *random)
{
        for (size_t i = 0; i < DISK_FILES_MAX; i++) {
                struct disk_file *file = &disk->files[i];

                assert(file->open_count == 0);
                meet_fate(file, fate, random);
                forget_held(file);
                /* a file whose folder was never flushed is not there, whatever became of its blocks */
                file->durable_exists = file->durable_exists || (fate == FATE_KEPT && file->exists);
                if (!file->durable_exists)
                        image_resize(&file->durable, 0);
                image_copy(&file->durable, &file->current);
                file->exists = file->durable_exists;
        }
        disk_repair(disk);
}

void disk_kill(struct disk *disk)
{
        if (disk->mood == DISK_CUT)
                disk->mood = DISK_WELL;
        if (disk->next_mood == DISK_CUT)
                disk->countdown = 0;
}

void disk_damage(struct disk *disk, const char *name, struct random *random)
{
        struct disk_file *file = disk_find(disk, name, false);
        uint8_t noise[DISK_SECTOR];
        uint64_t at;

        if (!file || file->durable.size <= DISK_SECTOR)
                return;
        at = random_below(random, file->durable.size - DISK_SECTOR);
        random_fill(random, noise, sizeof(noise));
        image_write(&file->durable, at, noise, sizeof(noise));
        if (file->current.size >= at + DISK_SECTOR)
                image_write(&file->current, at, noise, sizeof(noise));
}

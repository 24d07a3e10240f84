/*
 * SQLite on simulated disks. The layer is SQLite's default VFS in this process, so that both engines open their databases
 * on it by a path: "/NAME/FILE" lies on the disk that was mounted under NAME. No other file can be opened through SQLite.
 *
 * Connections of one process share locks and the WAL's index, as SQLite's own VFS has it. A connection that was open when the
 * power went fails in everything it does; close it, then call disk_crash().
 *
 * Source: https://sqlite.org/vfs.html, https://sqlite.org/c3ref/io_methods.html
 */
#ifndef TESTS_SIM_DISK_VFS_H
#define TESTS_SIM_DISK_VFS_H

#include "tests/sim/disk.h"

enum { DISKS_MAX = 8 }; /* a store, devices and a clone */

/* disk_vfs_init() - once per process, before any database is opened */
void disk_vfs_init(void);

/* disk_vfs_mount() - @disk is found under @name from now on; NULL: no longer */
void disk_vfs_mount(const char *name, struct disk *disk);

/* disk_vfs_random() - what SQLite draws comes from here, from the first byte on; borrowed */
void disk_vfs_random(struct random *random);

#endif

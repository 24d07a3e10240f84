/* Small files as a whole, written so that a power cut leaves the old content or the new, never a mixture. */
#ifndef COMMON_FILE_H
#define COMMON_FILE_H

#include "common/bytes.h"

#include <sys/types.h>

/**
 * file_read() - append the content of a file to @out
 * @limit: bytes; a larger file is not read
 *
 * Return: 0; PANNIER_E_NOT_FOUND; PANNIER_E_LIMIT; PANNIER_E_SYSTEM; PANNIER_E_MEMORY
 */
int file_read(const char *path, size_t limit, struct buffer *out);

/**
 * file_write() - replace a file, or make it
 * @mode: permissions; from the first moment, so a key is never readable by others
 *
 * Written beside it, flushed, renamed, the folder flushed: durable when it returns.
 *
 * Return: 0; PANNIER_E_SYSTEM (the old file is as it was); PANNIER_E_STORAGE the disk is full or failed
 */
int file_write(const char *path, struct bytes content, mode_t mode);

/* file_flush_folder() - make what happened to names beside @path durable; PANNIER_E_STORAGE */
int file_flush_folder(const char *path);

/* file_sync_folder() - names that were made, renamed or removed in a folder are durable */
int file_sync_folder(const char *folder);

/* file_make_folder() - make one folder with @mode; being there already is no error, being a file is */
int file_make_folder(const char *path, mode_t mode);

/**
 * file_lock() - hold a lock file until the process ends or file_unlock(); keeps two programs off one folder
 *
 * Return: 0; PANNIER_E_BUSY another process holds it; PANNIER_E_SYSTEM
 */
int file_lock(const char *path, int *ret_lock);
void file_unlock(int lock);

#endif

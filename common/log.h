/*
 * The log: one line per event on standard error, with a time in UTC and a level, as text or as a JSON object.
 *
 * Only main() and event callbacks log; libraries return errors. Never write clinical content, names of people or
 * secrets: ids are enough. What a peer sent is escaped, so that it cannot forge a second line.
 */
#ifndef COMMON_LOG_H
#define COMMON_LOG_H

#include <stdbool.h>

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARNING, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

/* log_set_up() - lines above @level are dropped; as JSON lines where @json. Before: LOG_LEVEL_INFO, text. */
void log_set_up(enum log_level level, bool json);

/* log_level_from_name() - error, warning, info or debug; false: no such name */
bool log_level_from_name(const char *name, enum log_level *ret);

/**
 * log_write() - write one line; a long one is cut at 1 KiB
 * @level:  importance
 * @format: printf format, one sentence without a full stop or line break
 */
void log_write(enum log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));

/**
 * log_failure() - write what was tried, why it failed (error_detail()) and where; then forget the detail
 * @error: negative PANNIER_E_*
 */
void log_failure(enum log_level level, int error, const char *format, ...)
        __attribute__((format(printf, 3, 4)));

#define log_error(...)   log_write(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warning(...) log_write(LOG_LEVEL_WARNING, __VA_ARGS__)
#define log_info(...)    log_write(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...)   log_write(LOG_LEVEL_DEBUG, __VA_ARGS__)

#endif

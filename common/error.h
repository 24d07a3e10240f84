/*
 * Where a failure is born it leaves one line of detail, for the one place that will report it.
 *
 * The detail is kept per thread, the newest failure wins. It is for logs and for people who asked; no
 * code decides by it. Never put clinical content or a secret into it.
 */
#ifndef COMMON_ERROR_H
#define COMMON_ERROR_H

#include <pannier/error.h>

enum { ERROR_DETAIL_MAX = 512 }; /* bytes with the NUL; longer details are cut */

/**
 * error_note() - remember where and why something failed
 * @file:   __FILE__, a string that lives for ever
 * @line:   __LINE__
 * @format: printf format of the detail: what was wrong, where, what to do
 */
void error_note(const char *file, int line, const char *format, ...)
        __attribute__((format(printf, 3, 4)));

/* error_detail() - the newest detail of this thread, "" if there is none; borrowed until the next note */
const char *error_detail(void);

/* error_place() - "file:line" of the newest detail, for debug logs; borrowed like error_detail() */
const char *error_place(void);

/* error_clear() - forget the detail; a loop that handled a failure calls it */
void error_clear(void);

/* FAIL(code, format, …) - the value to return where a failure is born */
#define FAIL(error, ...) (error_note(__FILE__, __LINE__, __VA_ARGS__), (int)(error))

#endif

/*
 * One CSV file being written: cells of a row behind each other, quoted where they need it.
 */
#ifndef STORE_SAMPLE_SHEET_H
#define STORE_SAMPLE_SHEET_H

#include "common/id.h"

struct sheet;

/* sheet_open() - "@folder/@name" with @header as its first line; PANNIER_E_SYSTEM, PANNIER_E_MEMORY */
int sheet_open(const char *folder, const char *name, const char *header, struct sheet **ret);

/* Cells; a failure is kept and told by sheet_close(). */
void sheet_text(struct sheet *sheet, const char *text); /* NULL and "": an empty cell */
void sheet_format(struct sheet *sheet, const char *format, ...)
        __attribute__((format(printf, 2, 3)));
void sheet_int(struct sheet *sheet, int64_t value);
void sheet_tenths(struct sheet *sheet, int value);
void sheet_date(struct sheet *sheet, int64_t date);
void sheet_instant(struct sheet *sheet, int64_t instant_ms);
void sheet_uuid(struct sheet *sheet, const struct uuid *id);
void sheet_end_row(struct sheet *sheet);

/* sheet_close() - 0, or PANNIER_E_SYSTEM where any write failed; frees the sheet in any case; NULL is fine */
int sheet_close(struct sheet *sheet);

#endif

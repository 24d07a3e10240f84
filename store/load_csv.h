/*
 * Rows of a CSV file (RFC 4180: commas, double quotes, CR LF or LF), each with its line number.
 *
 * A row that cannot be read is reported and passed over; it never takes its neighbours with it. In particular a
 * quote that is never closed costs the line it stands in, not the rest of the file.
 */
#ifndef STORE_LOAD_CSV_H
#define STORE_LOAD_CSV_H

#include "common/bytes.h"

enum {
        CSV_COLUMNS_MAX = 128,
        CSV_ROW_SIZE_MAX = 256 << 10, /* bytes of one row as it lies in the file */
        CSV_ROW_LINES_MAX = 64,       /* lines of one row: text in quotes may hold line breaks */
};

struct csv_row {
        uint64_t line; /* of its first character, from 1 */
        struct bytes fields
                [CSV_COLUMNS_MAX]; /* UTF-8, blanks around unquoted text cut; borrowed until the next row */
        size_t count;
};

struct csv_file;

/**
 * csv_open() - open a file of rows
 * @path: "-" is standard input
 *
 * Return: 0; PANNIER_E_NOT_FOUND; PANNIER_E_SYSTEM; PANNIER_E_MEMORY
 */
int csv_open(const char *path, struct csv_file **ret);

/**
 * csv_next() - the next row that is not empty
 *
 * A byte order mark at the start of the file is passed over.
 *
 * Return: 1 a row; 0 the end; PANNIER_E_MALFORMED or PANNIER_E_LIMIT: ret->line is set, the detail says why, and the
 *         next call goes on behind it; PANNIER_E_SYSTEM the file cannot be read on; PANNIER_E_MEMORY
 */
int csv_next(struct csv_file *file, struct csv_row *ret);

/* csv_size() and csv_offset() - bytes of the file (0: unknown) and bytes read so far, for a progress line */
uint64_t csv_size(const struct csv_file *file);
uint64_t csv_offset(const struct csv_file *file);

struct csv_file *csv_close(struct csv_file *file);

static inline __attribute__((unused)) void csv_closep(struct csv_file **file)
{
        *file = csv_close(*file);
}

#endif

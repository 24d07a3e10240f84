/*
 * A table on a terminal: columns as wide as their widest cell, UTF-8 counted in columns, not bytes.
 *
 * Cells may hold what somebody typed: control characters (also those that drive a terminal) are shown as '?'.
 */
#ifndef COMMON_TABLE_H
#define COMMON_TABLE_H

#include "common/bytes.h"

#include <stdio.h>

struct table_column {
        const char *title;
        bool right; /* numbers */
};

struct table;

/* table_new() - @columns is borrowed for the life of the table */
int table_new(const struct table_column *columns, size_t count, struct table **ret);
struct table *table_free(struct table *table);
DEFINE_FREEP(table)

/* table_cell() - fill the next cell, row by row; copies; failures are kept until table_print() */
void table_cell(struct table *table, struct bytes text);
void table_cell_text(struct table *table, const char *text);
void table_cell_int(struct table *table, int64_t value);
void table_cell_format(struct table *table, const char *format, ...)
        __attribute__((format(printf, 2, 3)));

/* table_rows() - rows begun so far */
size_t table_rows(const struct table *table);

/**
 * table_print() - titles and rows, two blanks between columns, no blanks at the end of a line
 *
 * Return: 0, PANNIER_E_MEMORY from an earlier cell, or PANNIER_E_SYSTEM where @out cannot be written
 */
int table_print(const struct table *table, FILE *out);

/* text_width() - columns that UTF-8 text takes on a terminal; what is not UTF-8 counts a column a byte */
size_t text_width(struct bytes text);

#endif

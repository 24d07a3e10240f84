/*
 * libcsv finds the fields; this file finds the rows, so that a broken row can be left behind.
 *
 * Lines are added to `text` until libcsv reports a whole row. Where it does not within the limits, the first line
 * is given up and what follows it is tried again from its own start.
 */
#include "store/load_csv.h"

#include "common/error.h"

#include <csv.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

struct csv_file {
        FILE *stream;
        bool is_stdin;
        uint64_t size, offset;
        uint64_t line; /* number of the first line in `text` */
        struct buffer
                text; /* whole lines that belong to the row being read, or were read too early */
        struct csv_parser parser;
        bool parser_ready;
        struct buffer values;         /* fields behind each other */
        size_t ends[CSV_COLUMNS_MAX]; /* where each field ends in `values` */
        size_t count;
        bool too_many, complete;
};

static void on_field(void *data, size_t size, void *context)
{
        struct csv_file *file = context;

        if (file->count == CSV_COLUMNS_MAX) {
                file->too_many = true;
                return;
        }
        buffer_append(&file->values, BYTES(data, size));
        file->ends[file->count++] = file->values.size;
}

static void on_row(int terminator, void *context)
{
        struct csv_file *file = context;

        (void)terminator;
        file->complete = true;
}

int csv_open(const char *path, struct csv_file **ret)
{
        CLEANUP(csv_closep) struct csv_file *file = calloc(1, sizeof *file);
        struct stat facts;

        if (!file)
                return FAIL(PANNIER_E_MEMORY, "no memory to read %s", path);
        file->line = 1;
        file->is_stdin = strcmp(path, "-") == 0;
        file->stream = file->is_stdin ? stdin : fopen(path, "rbe");
        if (!file->stream)
                return FAIL(errno == ENOENT ? PANNIER_E_NOT_FOUND : PANNIER_E_SYSTEM,
                            "cannot open %s: %s", path, strerror(errno));
        if (fstat(fileno(file->stream), &facts) == 0) {
                if (S_ISDIR(facts.st_mode))
                        return FAIL(PANNIER_E_SYSTEM, "%s is a folder: name a file", path);
                if (S_ISREG(facts.st_mode))
                        file->size = (uint64_t)facts.st_size;
        }
        if (csv_init(&file->parser, CSV_STRICT | CSV_STRICT_FINI) != 0)
                return FAIL(PANNIER_E_MEMORY, "no memory to read %s", path);
        file->parser_ready = true;
        *ret = TAKE(file);
        return 0;
}

struct csv_file *csv_close(struct csv_file *file)
{
        if (!file)
                return NULL;
        if (file->parser_ready)
                csv_free(&file->parser);
        if (file->stream && !file->is_stdin)
                (void)fclose(file->stream);
        buffer_deinit(&file->text);
        buffer_deinit(&file->values);
        free(file);
        return NULL;
}

uint64_t csv_size(const struct csv_file *file)
{
        return file->size;
}

uint64_t csv_offset(const struct csv_file *file)
{
        return file->offset;
}

/* Appends one line with its newline to `text`. 1: a line, 0: the end, or an error. A line over the limit is read
 * to its end and only its beginning kept, so that the limit is met by whoever counts. */
static int read_line(struct csv_file *file)
{
        size_t taken = 0;
        int byte;

        while ((byte = getc_unlocked(file->stream)) != EOF) {
                file->offset++;
                if (taken++ <= CSV_ROW_SIZE_MAX)
                        buffer_append_byte(&file->text, (uint8_t)byte);
                if (byte == '\n')
                        break;
        }
        if (taken > CSV_ROW_SIZE_MAX && byte == '\n' && file->text.size)
                file->text.data[file->text.size - 1] = '\n';
        if (buffer_check(&file->text) < 0)
                return buffer_check(&file->text);
        if (ferror(file->stream))
                return FAIL(PANNIER_E_SYSTEM, "cannot read on: %s", strerror(errno));
        return taken > 0;
}

static size_t line_end(struct bytes text, size_t from)
{
        const uint8_t *newline = NULL;

        if (from < text.size)
                newline = memchr(text.data + from, '\n', text.size - from);
        return newline ? (size_t)(newline - text.data) + 1 : text.size;
}

static void drop_text(struct csv_file *file, size_t size, uint64_t lines)
{
        file->line += lines;
        file->text.size -= size;
        if (file->text.size)
                memmove(file->text.data, file->text.data + size, file->text.size);
}

static int start_parser(struct csv_file *file)
{
        csv_free(&file->parser);
        if (csv_init(&file->parser, CSV_STRICT | CSV_STRICT_FINI) != 0)
                return FAIL(PANNIER_E_MEMORY, "no memory for a row");
        buffer_reset(&file->values);
        file->count = 0;
        file->too_many = file->complete = false;
        return 0;
}

/* Gives one line to libcsv, and the end of the file where it is the last one. */
static int feed(struct csv_file *file, struct bytes line, bool last)
{
        if (csv_parse(&file->parser, line.data, line.size, on_field, on_row, file) != line.size ||
            (last && !file->complete && csv_fini(&file->parser, on_field, on_row, file) != 0))
                return csv_error(&file->parser) == CSV_EPARSE
                               ? FAIL(PANNIER_E_MALFORMED,
                                      "a quote that is not closed, or stands in the middle of a "
                                      "field: put the field into quotes and double the quotes "
                                      "inside it")
                               : FAIL(PANNIER_E_MEMORY, "no memory for a row");
        return buffer_check(&file->values);
}

/* Reads lines until a row is whole. ret_size and ret_lines say how much of `text` it took. */
static int gather(struct csv_file *file, size_t *ret_size, uint64_t *ret_lines)
{
        size_t used = 0, end;
        uint64_t lines = 0;
        bool last = false;
        int r;

        while (!file->complete) {
                if (used == file->text.size) {
                        r = read_line(file);
                        if (r < 0)
                                return r;
                        last = r == 0;
                }
                end = line_end(buffer_view(&file->text), used);
                if (end > CSV_ROW_SIZE_MAX || ++lines > CSV_ROW_LINES_MAX)
                        return FAIL(
                                PANNIER_E_LIMIT,
                                "no end of the row within %d lines and %d bytes: is a quote not "
                                "closed?",
                                CSV_ROW_LINES_MAX, CSV_ROW_SIZE_MAX);
                r = feed(file, BYTES(file->text.data + used, end - used), last);
                if (r < 0)
                        return r;
                used = end;
                if (last)
                        break;
        }
        *ret_size = used;
        *ret_lines = lines;
        return 0;
}

static int give_row(struct csv_file *file, struct csv_row *ret)
{
        size_t start = 0;

        if (file->too_many)
                return FAIL(PANNIER_E_LIMIT, "more than %d columns", CSV_COLUMNS_MAX);
        for (size_t i = 0; i < file->count; i++) {
                ret->fields[i] = BYTES(file->values.data + start, file->ends[i] - start);
                start = file->ends[i];
                if (!bytes_is_utf8(ret->fields[i]))
                        return FAIL(PANNIER_E_MALFORMED,
                                    "column %zu is not UTF-8, or holds U+0000: save the file as "
                                    "UTF-8",
                                    i + 1);
        }
        ret->count = file->count;
        return 1;
}

/* Passes over lines that hold nothing. 1: a line is in `text`; 0: the end of the file; or an error. */
static int skip_blank_lines(struct csv_file *file)
{
        size_t end, blank;
        int r;

        for (;;) {
                if (file->text.size == 0) {
                        r = read_line(file);
                        if (r <= 0)
                                return r;
                }
                end = line_end(buffer_view(&file->text), 0);
                for (blank = 0; blank < end && strchr(" \t\r\n", file->text.data[blank]); blank++)
                        ;
                if (blank < end)
                        return 1;
                drop_text(file, end, 1);
        }
}

static void skip_byte_order_mark(struct csv_file *file)
{
        static const uint8_t mark[3] = {0xef, 0xbb, 0xbf};

        if (file->offset == 0 && read_line(file) > 0 && file->text.size >= sizeof mark &&
            memcmp(file->text.data, mark, sizeof mark) == 0)
                drop_text(file, sizeof mark, 0);
}

int csv_next(struct csv_file *file, struct csv_row *ret)
{
        size_t size = 0;
        uint64_t lines = 0;
        int r;

        skip_byte_order_mark(file);
        r = skip_blank_lines(file);
        if (r <= 0)
                return r;
        ret->line = file->line;
        r = start_parser(file);
        if (r < 0)
                return r;
        r = gather(file, &size, &lines);
        if (r < 0) {
                drop_text(file, line_end(buffer_view(&file->text), 0), 1);
                return r;
        }
        r = give_row(file, ret);
        drop_text(file, size, lines);
        return r;
}

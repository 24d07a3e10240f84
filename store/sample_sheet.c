#include "store/sample_sheet.h"

#include "common/date.h"
#include "common/error.h"

#include <csv.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { CELL_MAX = 1024, PATH_SIZE = 4096 };

struct sheet {
        FILE *stream;
        char path[PATH_SIZE];
        bool started; /* a cell of the row was written */
};

int sheet_open(const char *folder, const char *name, const char *header, struct sheet **ret)
{
        struct sheet *sheet = calloc(1, sizeof *sheet);
        int error;

        if (!sheet)
                return FAIL(PANNIER_E_MEMORY, "no memory to write %s", name);
        (void)snprintf(sheet->path, sizeof sheet->path, "%s/%s", folder, name);
        sheet->stream = fopen(sheet->path, "wbe");
        if (!sheet->stream) {
                error = errno;
                free(sheet);
                return FAIL(PANNIER_E_SYSTEM, "cannot write %s/%s: %s", folder, name,
                            strerror(error));
        }
        (void)fprintf(sheet->stream, "%s\r\n", header);
        *ret = sheet;
        return 0;
}

static void put_separator(struct sheet *sheet)
{
        if (sheet->started)
                (void)fputc(',', sheet->stream);
        sheet->started = true;
}

void sheet_text(struct sheet *sheet, const char *text)
{
        put_separator(sheet);
        if (text && *text)
                (void)csv_fwrite(sheet->stream, text, strlen(text));
}

void sheet_format(struct sheet *sheet, const char *format, ...)
{
        char text[CELL_MAX];
        va_list arguments;

        va_start(arguments, format);
        (void)vsnprintf(text, sizeof text, format, arguments);
        va_end(arguments);
        sheet_text(sheet, text);
}

void sheet_int(struct sheet *sheet, int64_t value)
{
        put_separator(sheet);
        (void)fprintf(sheet->stream, "%" PRId64, value);
}

void sheet_tenths(struct sheet *sheet, int value)
{
        put_separator(sheet);
        (void)fprintf(sheet->stream, "%d.%d", value / 10, value % 10);
}

void sheet_date(struct sheet *sheet, int64_t date)
{
        char text[DATE_TEXT_SIZE];

        date_format(date, text);
        put_separator(sheet);
        (void)fputs(text, sheet->stream);
}

void sheet_instant(struct sheet *sheet, int64_t instant_ms)
{
        char text[INSTANT_TEXT_SIZE];

        instant_format(instant_ms, text);
        put_separator(sheet);
        (void)fputs(text, sheet->stream);
}

void sheet_uuid(struct sheet *sheet, const struct uuid *id)
{
        char text[UUID_TEXT_SIZE];

        uuid_format(id, text);
        put_separator(sheet);
        (void)fputs(text, sheet->stream);
}

void sheet_end_row(struct sheet *sheet)
{
        (void)fputs("\r\n", sheet->stream);
        sheet->started = false;
}

int sheet_close(struct sheet *sheet)
{
        bool bad;

        if (!sheet)
                return 0;
        bad = ferror(sheet->stream) != 0;
        bad |= fclose(sheet->stream) != 0;
        if (bad)
                error_note(__FILE__, __LINE__, "cannot write %s: is the disk full?", sheet->path);
        free(sheet);
        return bad ? PANNIER_E_SYSTEM : 0;
}

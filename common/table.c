#include "common/table.h"

#include "common/error.h"

#include <stdarg.h>
#include <string.h>

struct cell {
        size_t offset, size; /* in the table's text */
        size_t width;
};

struct table {
        const struct table_column *columns;
        size_t column_count;
        struct cell *cells; /* row by row */
        size_t cell_count, cell_capacity;
        struct buffer text;
        bool failed;
};

/* Code point at the head of @text; its bytes are taken off. What is not UTF-8 counts as one odd character a byte. */
static uint32_t take_character(struct bytes *text)
{
        static const struct {
                uint8_t mask, head;
                size_t size;
        } shapes[] = {{0x80, 0x00, 1}, {0xe0, 0xc0, 2}, {0xf0, 0xe0, 3}, {0xf8, 0xf0, 4}};
        uint32_t code = 0xfffd;
        size_t size = 1;

        for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++) {
                if ((text->data[0] & shapes[i].mask) != shapes[i].head)
                        continue;
                if (shapes[i].size > text->size ||
                    (shapes[i].size > 1 && !bytes_is_utf8(BYTES(text->data, shapes[i].size))))
                        break;
                size = shapes[i].size;
                code = text->data[0] & (uint8_t)~shapes[i].mask;
                for (size_t k = 1; k < size; k++)
                        code = code << 6 | (text->data[k] & 0x3fu);
                break;
        }
        *text = BYTES(text->data + size, text->size - size);
        return code;
}

struct code_range {
        uint32_t first, last;
};

/* Not wcwidth(): it depends on the locale of whoever runs the program. Source: Unicode 15, UAX #11 and general
 * categories Mn, Me, Cf, as far as names and notes in this country use them. */
static const struct code_range zero_wide[] = {
        {0x0300, 0x036f}, {0x0483, 0x0489}, {0x0591, 0x05bd}, {0x0610, 0x061a}, {0x064b, 0x065f},
        {0x0670, 0x0670}, {0x06d6, 0x06dc}, {0x0900, 0x0902}, {0x093c, 0x093c}, {0x0941, 0x0948},
        {0x094d, 0x094d}, {0x0a3c, 0x0a51}, {0x0e31, 0x0e31}, {0x0e34, 0x0e3a}, {0x0e47, 0x0e4e},
        {0x1ab0, 0x1aff}, {0x1dc0, 0x1dff}, {0x200b, 0x200f}, {0x202a, 0x202e}, {0x2060, 0x2064},
        {0x20d0, 0x20ff}, {0xfe00, 0xfe0f}, {0xfe20, 0xfe2f}, {0xfeff, 0xfeff},
};
static const struct code_range double_wide[] = {
        {0x1100, 0x115f},   {0x2e80, 0x303e},   {0x3041, 0x33ff},   {0x3400, 0x4dbf},
        {0x4e00, 0x9fff},   {0xa000, 0xa4cf},   {0xac00, 0xd7a3},   {0xf900, 0xfaff},
        {0xfe30, 0xfe6f},   {0xff00, 0xff60},   {0xffe0, 0xffe6},   {0x1f300, 0x1f64f},
        {0x1f680, 0x1f6ff}, {0x1f900, 0x1f9ff}, {0x20000, 0x3fffd},
};

static bool in_ranges(uint32_t code, const struct code_range *ranges, size_t count)
{
        for (size_t i = 0; i < count; i++)
                if (code >= ranges[i].first && code <= ranges[i].last)
                        return true;
        return false;
}

static size_t character_width(uint32_t code)
{
        if (code < 0x300)
                return 1;
        if (in_ranges(code, zero_wide, sizeof(zero_wide) / sizeof(zero_wide[0])))
                return 0;
        return in_ranges(code, double_wide, sizeof(double_wide) / sizeof(double_wide[0])) ? 2 : 1;
}

size_t text_width(struct bytes text)
{
        size_t width = 0;

        while (text.size > 0)
                width += character_width(take_character(&text));
        return width;
}

/* Characters that would drive the terminal, or turn the direction of what follows. */
static bool is_control(uint32_t code)
{
        return code < 0x20 || (code >= 0x7f && code < 0xa0) || (code >= 0x202a && code <= 0x202e) ||
               (code >= 0x2066 && code <= 0x2069) || code == 0xfffd;
}

int table_new(const struct table_column *columns, size_t count, struct table **ret)
{
        struct table *table = calloc(1, sizeof(*table));

        if (!table)
                return FAIL(PANNIER_E_MEMORY, "no memory for a table");
        table->columns = columns;
        table->column_count = count;
        *ret = table;
        return 0;
}

struct table *table_free(struct table *table)
{
        if (table) {
                buffer_wipe(&table->text);
                free(table->cells);
                free(table);
        }
        return NULL;
}

static struct cell *new_cell(struct table *table)
{
        if (table->cell_count == table->cell_capacity) {
                size_t capacity = table->cell_capacity ? table->cell_capacity * 2 : 64;
                struct cell *cells = reallocarray(table->cells, capacity, sizeof(*cells));

                if (!cells)
                        return NULL;
                table->cells = cells;
                table->cell_capacity = capacity;
        }
        return &table->cells[table->cell_count++];
}

void table_cell(struct table *table, struct bytes text)
{
        struct cell *cell = new_cell(table);

        if (!cell) {
                table->failed = true;
                return;
        }
        *cell = (struct cell){.offset = table->text.size};
        while (text.size > 0) {
                const uint8_t *start = text.data;
                uint32_t code = take_character(&text);

                if (is_control(code)) {
                        buffer_append_byte(&table->text, '?');
                        cell->width++;
                } else {
                        buffer_append(&table->text, BYTES(start, (size_t)(text.data - start)));
                        cell->width += character_width(code);
                }
        }
        cell->size = table->text.size - cell->offset;
}

void table_cell_text(struct table *table, const char *text)
{
        table_cell(table, bytes_text(text));
}

void table_cell_int(struct table *table, int64_t value)
{
        table_cell_format(table, "%lld", (long long)value);
}

void table_cell_format(struct table *table, const char *format, ...)
{
        CLEANUP(free_pointerp) char *text = NULL;
        va_list arguments;
        int size;

        va_start(arguments, format);
        size = vasprintf(&text, format, arguments);
        va_end(arguments);
        if (size < 0) {
                text = NULL;
                table->failed = true;
                return;
        }
        table_cell_text(table, text);
}

size_t table_rows(const struct table *table)
{
        return (table->cell_count + table->column_count - 1) / table->column_count;
}

static size_t column_width(const struct table *table, size_t column)
{
        size_t width = text_width(bytes_text(table->columns[column].title));

        for (size_t i = column; i < table->cell_count; i += table->column_count)
                if (table->cells[i].width > width)
                        width = table->cells[i].width;
        return width;
}

/* @gap: blanks still owed by what stands left, written only where something follows */
static void print_cell(FILE *out, struct bytes text, size_t width, size_t column_width_, bool right,
                       size_t *gap)
{
        size_t blanks = column_width_ - width;

        if (right)
                *gap += blanks;
        if (text.size > 0) {
                (void)fprintf(out, "%*s", (int)*gap, "");
                (void)fwrite(text.data, 1, text.size, out);
                *gap = 0;
        }
        *gap += (right ? 0 : blanks) + 2;
}

static struct bytes cell_text(const struct table *table, const struct cell *cell)
{
        if (cell->size == 0)
                return BYTES_NONE; /* there may be no text at all yet */
        return BYTES(table->text.data + cell->offset, cell->size);
}

static void print_row(const struct table *table, const size_t *widths, size_t first_cell, FILE *out)
{
        size_t gap = 0;

        for (size_t i = 0; i < table->column_count && first_cell + i < table->cell_count; i++) {
                const struct cell *cell = &table->cells[first_cell + i];

                print_cell(out, cell_text(table, cell), cell->width, widths[i],
                           table->columns[i].right, &gap);
        }
        (void)fputc('\n', out);
}

int table_print(const struct table *table, FILE *out)
{
        CLEANUP(free_pointerp) size_t *widths = calloc(table->column_count, sizeof(*widths));
        size_t gap = 0;

        if (!widths || table->failed || table->text.failed)
                return FAIL(PANNIER_E_MEMORY, "no memory for a table");
        for (size_t i = 0; i < table->column_count; i++) {
                struct bytes title = bytes_text(table->columns[i].title);

                widths[i] = column_width(table, i);
                print_cell(out, title, text_width(title), widths[i], table->columns[i].right, &gap);
        }
        (void)fputc('\n', out);
        for (size_t i = 0; i < table->cell_count; i += table->column_count)
                print_row(table, widths, i, out);
        if (fflush(out) != 0 || ferror(out))
                return FAIL(PANNIER_E_SYSTEM, "the table could not be written");
        return 0;
}

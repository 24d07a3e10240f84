#include "common/log.h"

#include "common/bytes.h"
#include "common/clock.h"
#include "common/date.h"
#include "common/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { LINE_MAX = 1024 };

/* The one global that house style allows. */
static struct {
        enum log_level level;
        bool json;
} settings = {.level = LOG_LEVEL_INFO};

static const char *const level_names[] = {
        [LOG_LEVEL_ERROR] = "error",
        [LOG_LEVEL_WARNING] = "warning",
        [LOG_LEVEL_INFO] = "info",
        [LOG_LEVEL_DEBUG] = "debug",
};

void log_set_up(enum log_level level, bool json)
{
        settings.level = level;
        settings.json = json;
}

bool log_level_from_name(const char *name, enum log_level *ret)
{
        for (size_t i = 0; i < sizeof(level_names) / sizeof(level_names[0]); i++)
                if (strcmp(name, level_names[i]) == 0) {
                        *ret = (enum log_level)i;
                        return true;
                }
        return false;
}

struct line {
        char text[LINE_MAX + 8]; /* room for what ends a line */
        size_t size;
};

static void put(struct line *line, const char *text)
{
        while (*text != '\0' && line->size < LINE_MAX)
                line->text[line->size++] = *text++;
}

/* What one character of UTF-8 becomes: itself, or an escape. Returns its bytes, which are then to be passed over. */
static size_t escape_one(const char *text, bool json, char ret[8])
{
        unsigned char c = (unsigned char)text[0], next = (unsigned char)text[c != '\0'];
        size_t size = c < 0xc0 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;

        if (c < 0x20 || c == 0x7f) {
                (void)snprintf(ret, 8, json ? "\\u%04x" : "\\x%02x", c);
        } else if (c == 0xc2 && next < 0xa0) { /* the second set of control characters */
                (void)snprintf(ret, 8, json ? "\\u%04x" : "\\x%02x", next);
        } else if (c == '\\' || (json && c == '"')) {
                (void)snprintf(ret, 8, "\\%c", c);
        } else {
                memcpy(ret, text, size);
                ret[size] = '\0';
        }
        return size;
}

/* Text that may come from outside, in UTF-8: no control character gets out, so no second line and no commands. */
static void put_escaped(struct line *line, const char *text, bool json)
{
        while (*text != '\0') {
                char piece[8];

                text += escape_one(text, json, piece);
                if (strlen(piece) > LINE_MAX - line->size)
                        return; /* never half a character or half an escape */
                put(line, piece);
        }
}

/* Cut at a limit, a text may end inside of a character; and what a peer sent may be no UTF-8 at all. */
static void cut_to_utf8(char *text)
{
        size_t size = strlen(text);

        for (size_t i = 0; i < 4 && size > 0 && !bytes_is_utf8(BYTES(text, size)); i++)
                text[--size] = '\0';
        if (!bytes_is_utf8(BYTES(text, size)))
                for (char *c = text; *c != '\0'; c++)
                        if ((unsigned char)*c >= 0x80)
                                *c = '?';
}

static void write_line(enum log_level level, char *message)
{
        struct line line = {.size = 0};
        char time[INSTANT_TEXT_SIZE];
        const char *from = line.text;

        instant_format(clock_now_ms(), time);
        cut_to_utf8(message);
        if (settings.json) {
                put(&line, "{\"time\":\"");
                put(&line, time);
                put(&line, "\",\"level\":\"");
                put(&line, level_names[level]);
                put(&line, "\",\"message\":\"");
                put_escaped(&line, message, true);
                memcpy(line.text + line.size, "\"}\n", 3); /* fits: see struct line */
                line.size += 3;
        } else {
                put(&line, time);
                put(&line, " ");
                put(&line, level_names[level]);
                put(&line, ": ");
                put_escaped(&line, message, false);
                line.text[line.size++] = '\n';
        }
        while (line.size >
               0) { /* one write in all but odd cases: lines of two threads do not mix */
                ssize_t done = write(STDERR_FILENO, from, line.size);

                if (done <= 0)
                        return; /* nobody to tell */
                from += done;
                line.size -= (size_t)done;
        }
}

enum { MESSAGE_MAX = 768 }; /* bytes before escapes; with them a line may still be cut */

static void write_cut(enum log_level level, const char *format, va_list arguments)
        __attribute__((format(printf, 2, 0)));

static void write_cut(enum log_level level, const char *format, va_list arguments)
{
        char message[MESSAGE_MAX];

        if (vsnprintf(message, sizeof(message), format, arguments) >= 0)
                write_line(level, message);
}

void log_write(enum log_level level, const char *format, ...)
{
        va_list arguments;

        if (level > settings.level)
                return;
        va_start(arguments, format);
        write_cut(level, format, arguments);
        va_end(arguments);
}

void log_failure(enum log_level level, int error, const char *format, ...)
{
        char what[MESSAGE_MAX / 3];
        va_list arguments;
        int size;

        va_start(arguments, format);
        size = vsnprintf(what, sizeof(what), format, arguments);
        va_end(arguments);
        if (size >= 0)
                log_write(level, "%s: %s (%s, %s)", what,
                          error_detail()[0] != '\0' ? error_detail() : "no detail",
                          pannier_error_name(error), error_place());
        error_clear();
}

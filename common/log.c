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
        char text[LINE_MAX +
                  8]; /* room for an escape that begins before the end, and the end itself */
        size_t size;
};

static void put(struct line *line, const char *text)
{
        while (*text != '\0' && line->size < LINE_MAX)
                line->text[line->size++] = *text++;
}

/* Text that may come from outside: no control character gets out, so no second line and no terminal commands. */
static void put_escaped(struct line *line, const char *text, bool json)
{
        for (; *text != '\0' && line->size < LINE_MAX; text++) {
                unsigned char c = (unsigned char)*text;

                if (c < 0x20 || c == 0x7f) {
                        char escape[8];

                        (void)snprintf(escape, sizeof(escape), json ? "\\u%04x" : "\\x%02x", c);
                        put(line, escape);
                } else {
                        if (c == '\\' || (json && c == '"'))
                                put(line, "\\");
                        line->text[line->size++] = (char)c;
                }
        }
}

/* Cut at a limit, a text may end inside of a character: JSON must stay UTF-8. */
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
        if (settings.json) {
                cut_to_utf8(message);
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

/* Shorter than a line, so that escapes do not cut the end of the JSON object off. */
enum { MESSAGE_MAX = 768 };

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

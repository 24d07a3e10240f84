#include "common/conf.h"

#include "common/error.h"

#include <assert.h>
#include <errno.h>
#include <ini.h>
#include <string.h>

static const struct conf_option *find(const struct conf_option *options, size_t count,
                                      const char *section, const char *name)
{
        for (size_t i = 0; i < count; i++)
                if (strcmp(options[i].section, section) == 0 && strcmp(options[i].name, name) == 0)
                        return &options[i];
        return NULL;
}

static int set_text(const struct conf_option *option, const char *value, char *member)
{
        struct bytes text = bytes_text(value);

        if (!bytes_is_utf8(text))
                return FAIL(PANNIER_E_INVALID, "%s: not UTF-8", option->name);
        if (text.size >= option->size)
                return FAIL(PANNIER_E_INVALID, "%s: %zu bytes, at most %zu fit", option->name,
                            text.size, option->size - 1);
        memcpy(member, value, text.size + 1);
        return 0;
}

static int set_integer(const struct conf_option *option, const char *value, int64_t *member)
{
        char *end = NULL;
        long long number;

        errno = 0;
        number = strtoll(value, &end, 10);
        if (end == value || *end != '\0' || errno != 0)
                return FAIL(PANNIER_E_INVALID, "%s: \"%s\" is no whole number", option->name,
                            value);
        if (number < option->min || number > option->max)
                return FAIL(PANNIER_E_INVALID, "%s: %lld, must be %lld to %lld", option->name,
                            number, (long long)option->min, (long long)option->max);
        *member = number;
        return 0;
}

static int set_bool(const struct conf_option *option, const char *value, bool *member)
{
        static const char *const words[2][4] = {
                {"no", "false", "off", "0"},
                {"yes", "true", "on", "1"},
        };

        for (size_t truth = 0; truth < 2; truth++)
                for (size_t i = 0; i < 4; i++)
                        if (strcmp(value, words[truth][i]) == 0) {
                                *member = truth == 1;
                                return 0;
                        }
        return FAIL(PANNIER_E_INVALID, "%s: \"%s\" is neither yes nor no", option->name, value);
}

static int set_choice(const struct conf_option *option, const char *value, int *member)
{
        char list[256] = "";
        size_t used = 0;

        for (int i = 0; option->choices[i]; i++) {
                if (strcmp(value, option->choices[i]) == 0) {
                        *member = i;
                        return 0;
                }
                if (used < sizeof(list))
                        used += (size_t)snprintf(list + used, sizeof(list) - used, "%s%s",
                                                 i > 0 ? ", " : "", option->choices[i]);
        }
        return FAIL(PANNIER_E_INVALID, "%s: \"%s\" is none of %s", option->name, value, list);
}

static int set_option(const struct conf_option *option, const char *value, void *conf)
{
        void *member = (char *)conf + option->offset;

        switch (option->kind) {
        case CONF_KIND_TEXT:
                return set_text(option, value, member);
        case CONF_KIND_INTEGER:
                assert(option->size == sizeof(int64_t));
                return set_integer(option, value, member);
        case CONF_KIND_BOOL:
                assert(option->size == sizeof(bool));
                return set_bool(option, value, member);
        case CONF_KIND_CHOICE:
                assert(option->size == sizeof(int));
                return set_choice(option, value, member);
        }
        return FAIL(PANNIER_E_INTERNAL, "%s: kind %d", option->name, (int)option->kind);
}

void conf_defaults(const struct conf_option *options, size_t count, void *conf)
{
        for (size_t i = 0; i < count; i++) {
                int r = set_option(&options[i], options[i].fallback, conf);

                assert(r == 0); /* a default that is none is our own bug */
                (void)r;
        }
}

int conf_set(const struct conf_option *options, size_t count, const char *section, const char *name,
             const char *value, void *conf)
{
        const struct conf_option *option = find(options, count, section, name);

        if (!option)
                return FAIL(PANNIER_E_INVALID, "there is no option %s%s%s", section,
                            section[0] != '\0' ? "." : "", name);
        return set_option(option, value, conf);
}

struct reading {
        const struct conf_option *options;
        size_t count;
        void *conf;
        FILE *file;
        const char *path;
        int line;      /* that is being read */
        uint64_t seen; /* bit per option */
        int error;     /* of the first line that was refused here, not by inih */
        int error_line;
};

static void refuse(struct reading *reading, const char *reason)
{
        if (reading->error != 0)
                return;
        reading->error_line = reading->line;
        reading->error = FAIL(PANNIER_E_INVALID, "%s:%d: %s", reading->path, reading->line, reason);
}

/* Hands inih a line at a time. It would split a long line in two, and take an indented one for more of the value above. */
static char *next_line(char *line, int size, void *context)
{
        struct reading *reading = context;

        if (reading->error != 0 || !fgets(line, size, reading->file))
                return NULL;
        reading->line++;
        if (!strchr(line, '\n') && !feof(reading->file)) {
                refuse(reading, "the line is too long");
                return NULL;
        }
        if ((line[0] == ' ' || line[0] == '\t') && line[strspn(line, " \t\r\n")] != '\0') {
                refuse(reading, "the line begins with a blank");
                return NULL;
        }
        return line;
}

/* For inih 1 is good; anything else it remembers as an error of this line. */
static int on_option(void *context, const char *section, const char *name, const char *value)
{
        struct reading *reading = context;
        const struct conf_option *option = find(reading->options, reading->count, section, name);
        uint64_t bit = option ? (uint64_t)1 << (option - reading->options) : 0;

        if (reading->seen & bit) {
                refuse(reading, "the option is there twice");
                return 0;
        }
        reading->seen |= bit;
        if (conf_set(reading->options, reading->count, section, name, value ? value : "",
                     reading->conf) == 0)
                return 1;
        refuse(reading, error_detail());
        return 0;
}

int conf_read(FILE *stream, const char *name, const struct conf_option *options, size_t count,
              void *conf)
{
        struct reading reading = {
                .options = options, .count = count, .conf = conf, .file = stream, .path = name};
        int line;

        assert(count <= 64); /* bits of `seen` */
        line = ini_parse_stream(next_line, &reading, on_option, &reading);
        if (ferror(stream))
                return FAIL(PANNIER_E_SYSTEM, "%s cannot be read", name);
        if (line > 0 && (reading.error == 0 || line < reading.error_line))
                return FAIL(PANNIER_E_INVALID, "%s:%d: neither [section] nor name = value", name,
                            line);
        return reading.error;
}

int conf_load(const char *path, const struct conf_option *options, size_t count, void *conf)
{
        FILE *file = fopen(path, "re");
        int r;

        if (!file)
                return FAIL(errno == ENOENT ? PANNIER_E_NOT_FOUND : PANNIER_E_SYSTEM, "%s: %s",
                            path, strerror(errno));
        r = conf_read(file, path, options, count, conf);
        (void)fclose(file);
        return r;
}

static void print_range(const struct conf_option *option, FILE *out)
{
        switch (option->kind) {
        case CONF_KIND_TEXT:
                break;
        case CONF_KIND_INTEGER:
                (void)fprintf(out, " (%lld to %lld)", (long long)option->min,
                              (long long)option->max);
                break;
        case CONF_KIND_BOOL:
                (void)fprintf(out, " (yes, no)");
                break;
        case CONF_KIND_CHOICE:
                for (size_t i = 0; option->choices[i]; i++)
                        (void)fprintf(out, "%s%s", i == 0 ? " (" : ", ", option->choices[i]);
                (void)fprintf(out, ")");
                break;
        }
}

void conf_print_sample(const struct conf_option *options, size_t count, FILE *out)
{
        const char *section = "";

        for (size_t i = 0; i < count; i++) {
                if (strcmp(section, options[i].section) != 0) {
                        section = options[i].section;
                        (void)fprintf(out, "%s[%s]\n", i > 0 ? "\n" : "", section);
                }
                (void)fprintf(out, "; %s", options[i].help);
                print_range(&options[i], out);
                (void)fprintf(out, "\n;%s = %s\n", options[i].name, options[i].fallback);
        }
}

/* Reading a command line by the table of commands, and what all commands share. */
#include "store/commands.h"

#include "common/clock.h"
#include "common/date.h"
#include "common/error.h"
#include "common/json.h"
#include "common/log.h"
#include "store/journal.h"
#include "store/layout.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const struct command_option common_options[] = {
        {"data", "DIR", "the store's folder (" COMMAND_DATA_DEFAULT ", or $" COMMAND_DATA_ENV ")"},
        {"json", NULL, "one JSON value instead of text"},
        {"help", NULL, "this text"},
        {"version", NULL, "the version"},
        {NULL, NULL, NULL},
};

static void print_options(const struct command_option *options)
{
        for (; options && options->name; options++) {
                char left[64];

                (void)snprintf(left, sizeof(left), "--%s%s%s", options->name,
                               options->argument ? " " : "",
                               options->argument ? options->argument : "");
                (void)printf("  %-24s %s\n", left, options->help);
        }
}

static void print_usage(void)
{
        (void)printf("usage: pannier-store COMMAND [--data DIR] [OPTION]...\n\n"
                     "The central store of Pannier: devices synchronise with it.\n\ncommands:\n");
        for (const struct command *command = commands(); command->name; command++)
                (void)printf("  %-15s %s\n", command->name, command->summary);
        (void)printf("\noptions of every command:\n");
        print_options(common_options);
        (void)printf("\npannier-store COMMAND --help says more about a command.\n");
}

static void print_help(const struct command *command)
{
        (void)printf("usage: pannier-store %s%s%s [OPTION]...\n\n%s\n", command->name,
                     command->operands[0] ? " " : "", command->operands, command->summary);
        if (command->details[0])
                (void)printf("\n%s", command->details);
        (void)printf("\noptions:\n");
        print_options(command->options);
        print_options(common_options);
}

/* Does argv[1] (and argv[2], where the name has two words) name the command? The number of words, or 0. */
static int words_of(const struct command *command, int argc, char **argv)
{
        const char *space = strchr(command->name, ' ');
        size_t first = space ? (size_t)(space - command->name) : strlen(command->name);

        if (argc < 2 || strlen(argv[1]) != first || strncmp(argv[1], command->name, first) != 0)
                return 0;
        if (!space)
                return 1;
        return argc > 2 && strcmp(argv[2], space + 1) == 0 ? 2 : 0;
}

static const struct command *find_command(int argc, char **argv, int *ret_words)
{
        for (const struct command *command = commands(); command->name; command++) {
                *ret_words = words_of(command, argc, argv);
                if (*ret_words)
                        return command;
        }
        return NULL;
}

static size_t add_options(const struct command_option *from, struct option *to, size_t count,
                          const struct command_option **meaning)
{
        for (; from && from->name; from++, count++) {
                to[count] = (struct option){
                        .name = from->name,
                        .has_arg = from->argument ? required_argument : no_argument,
                };
                meaning[count] = from;
        }
        return count;
}

static int take_option(struct command_line *line, const struct command_option *option,
                       const char *value)
{
        if (strcmp(option->name, "help") == 0) {
                print_help(line->command);
                return 1;
        }
        if (strcmp(option->name, "version") == 0) {
                (void)printf("pannier-store %s\n", PANNIER_VERSION);
                return 1;
        }
        if (strcmp(option->name, "data") == 0) {
                line->data = value;
        } else if (strcmp(option->name, "json") == 0) {
                line->json = true;
        } else {
                if (line->value_count == COMMAND_VALUES_MAX)
                        return FAIL(PANNIER_E_INVALID, "more than %d options", COMMAND_VALUES_MAX);
                line->values[line->value_count].name = option->name;
                line->values[line->value_count++].value = value ? value : "";
        }
        return 0;
}

static int read_options(int argc, char **argv, struct command_line *line)
{
        struct option options[COMMAND_OPTIONS_MAX + 1] = {{NULL, 0, NULL, 0}};
        const struct command_option *meaning[COMMAND_OPTIONS_MAX];
        size_t count = add_options(line->command->options, options, 0, meaning);
        int found, place = 0;

        (void)add_options(common_options, options, count, meaning);
        optind = 1;
        opterr = 0;
        while ((found = getopt_long(argc, argv, ":", options, &place)) != -1) {
                int r;

                if (found == ':')
                        return FAIL(PANNIER_E_INVALID, "%s needs a value", argv[optind - 1]);
                if (found != 0)
                        return FAIL(PANNIER_E_INVALID, "unknown option %s", argv[optind - 1]);
                r = take_option(line, meaning[place], optarg);
                if (r)
                        return r;
        }
        line->operands = argv + optind;
        line->operand_count = (size_t)(argc - optind);
        if (line->operand_count < line->command->operands_min)
                return FAIL(PANNIER_E_INVALID, "%s is missing", line->command->operands);
        if (line->operand_count > line->command->operands_max)
                return FAIL(PANNIER_E_INVALID, "unexpected \"%s\"",
                            line->operands[line->command->operands_max]);
        return 0;
}

int command_parse(int argc, char **argv, struct command_line *ret)
{
        const char *data = getenv(COMMAND_DATA_ENV);
        int words = 0;

        *ret = (struct command_line){.data = data && *data ? data : COMMAND_DATA_DEFAULT};
        if (argc >= 2 && strcmp(argv[1], "--version") == 0) {
                (void)printf("pannier-store %s\n", PANNIER_VERSION);
                return 1;
        }
        if (argc >= 2 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
                          strcmp(argv[1], "help") == 0)) {
                print_usage();
                return 1;
        }
        ret->command = find_command(argc, argv, &words);
        if (!ret->command)
                return FAIL(PANNIER_E_INVALID, "%s; pannier-store --help lists the commands",
                            argc < 2 ? "a command is missing" : "no such command");
        return read_options(argc - words, argv + words, ret);
}

const char *command_value(const struct command_line *line, const char *name)
{
        const char *value = NULL;

        for (size_t i = 0; i < line->value_count; i++)
                if (strcmp(line->values[i].name, name) == 0)
                        value = line->values[i].value;
        return value;
}

const char *command_each(const struct command_line *line, const char *name, size_t *place)
{
        while (*place < line->value_count) {
                size_t i = (*place)++;

                if (strcmp(line->values[i].name, name) == 0)
                        return line->values[i].value;
        }
        return NULL;
}

int command_number(const struct command_line *line, const char *name, int64_t min, int64_t max,
                   int64_t *ret)
{
        const char *text = command_value(line, name);
        long long value;
        char *end;

        if (!text)
                return 0;
        errno = 0;
        value = strtoll(text, &end, 10);
        if (!*text || *end || errno || value < min || value > max)
                return FAIL(PANNIER_E_INVALID, "--%s is a number from %" PRId64 " to %" PRId64,
                            name, min, max);
        *ret = value;
        return 0;
}

int command_duration(const struct command_line *line, const char *name, int64_t max_ms,
                     int64_t *ret_ms)
{
        static const char units[] = "smhd";
        static const int64_t unit_ms[] = {1000, 60000, 3600000, 86400000};
        const char *text = command_value(line, name), *unit;
        long long value;
        char *end;

        if (!text)
                return 0;
        errno = 0;
        value = strtoll(text, &end, 10);
        unit = *end ? strchr(units, *end) : NULL;
        if (errno || !unit || end[1] || value < 1 || value > max_ms / unit_ms[unit - units])
                return FAIL(PANNIER_E_INVALID,
                            "--%s is a time such as 90s, 30m, 24h or 7d, at most %" PRId64 "d",
                            name, max_ms / 86400000);
        *ret_ms = value * unit_ms[unit - units];
        return 0;
}

/* What a command changes is in no device: it is written down beside the database as well. */
static int attach_journal(const struct command_line *line, const struct store_settings *settings,
                          struct storage *storage)
{
        struct journal_report report;
        char path[LAYOUT_PATH_MAX];
        int r = layout_path(line->data, LAYOUT_JOURNAL, path);

        r = r < 0 ? r
                  : journal_attach(storage, path, (enum nhs_environment)settings->environment,
                                   clock_now_ms(), &report);
        if (r >= 0 && report.played > 0)
                log_warning("the database lacked %llu records of the journal: they were played",
                            (unsigned long long)report.played);
        if (r >= 0 && report.anew)
                log_warning("the journal does not go on where the database is: a new one begins; "
                            "make a backup");
        return r;
}

int command_open(const struct command_line *line, bool read_only, struct store_settings *settings,
                 struct storage **ret)
{
        struct store_settings own;
        char path[LAYOUT_PATH_MAX];
        int r = settings_load(line->data, settings ? settings : &own);

        r = r < 0 ? r : layout_path(line->data, LAYOUT_DATABASE, path);
        r = r < 0 ? r : storage_sqlite_open(path, read_only, ret);
        return r < 0 || read_only ? r : attach_journal(line, settings ? settings : &own, *ret);
}

int command_print_json(json_t *json)
{
        CLEANUP(json_freep) json_t *owned = json;
        CLEANUP(buffer_deinit) struct buffer text = BUFFER_INIT;

        if (!owned)
                return FAIL(PANNIER_E_MEMORY, "JSON");
        json_append(owned, &text);
        buffer_append_byte(&text, '\n');
        if (buffer_check(&text) < 0)
                return buffer_check(&text);
        if (fwrite(text.data, 1, text.size, stdout) != text.size || fflush(stdout) != 0)
                return FAIL(PANNIER_E_SYSTEM, "standard output: %s", strerror(errno));
        return 0;
}

const char *command_time(int64_t ms, char ret[32])
{
        char text[INSTANT_TEXT_SIZE];

        if (!ms) {
                (void)snprintf(ret, 32, "never");
                return ret;
        }
        instant_format(ms, text);
        (void)snprintf(ret, 32, "%.10s %.5s", text, text + 11);
        return ret;
}

json_t *command_json_time(int64_t ms)
{
        char text[INSTANT_TEXT_SIZE];

        if (!ms)
                return json_null();
        instant_format(ms, text);
        return json_string(text);
}

json_t *command_json_uuid(const struct uuid *id)
{
        char text[UUID_TEXT_SIZE];

        if (uuid_is_none(id))
                return json_null();
        uuid_format(id, text);
        return json_string(text);
}

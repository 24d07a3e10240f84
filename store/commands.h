/*
 * The commands of pannier-store: declared once, in commands.c; parsed, explained and reported the same way.
 *
 * A command prints its result on standard output, as a table or text, or with --json as one JSON value, and returns 0 or
 * an error; whoever called it prints the error and turns it into an exit code of sysexits.h. Commands work while `serve` runs.
 */
#ifndef STORE_COMMANDS_H
#define STORE_COMMANDS_H

#include "store/settings.h"
#include "store/storage.h"

#include <jansson.h>

enum {
        COMMAND_VALUES_MAX = 256, /* options on one command line */
        COMMAND_OPTIONS_MAX = 24, /* options that one command knows */
};

#define COMMAND_DATA_DEFAULT "/var/lib/pannier-store"
#define COMMAND_DATA_ENV     "PANNIER_STORE_DATA"

struct command_option {
        const char *name;     /* without the dashes */
        const char *argument; /* NULL: a switch */
        const char *help;
};

struct command_line;

struct command {
        const char *name;     /* one word, or two */
        const char *operands; /* as the usage shows them, "" for none */
        const char *summary;  /* one line */
        const char *details;  /* more for --help, "" for nothing */
        unsigned operands_min, operands_max;
        const struct command_option *options; /* name NULL at the end; may be NULL */
        int (*run)(struct command_line *line);
};

struct command_line {
        const struct command *command;
        const char *data; /* the store's folder */
        bool json;
        struct {
                const char *name, *value;
        } values[COMMAND_VALUES_MAX];
        size_t value_count;
        char **operands;
        size_t operand_count;
};

/* commands() - all of them, sorted by what people do first; name NULL at the end */
const struct command *commands(void);

/**
 * command_parse() - find the command and read its options
 *
 * Return: 0; 1 help or version was asked for, and printed; PANNIER_E_INVALID with what is wrong
 */
int command_parse(int argc, char **argv, struct command_line *ret);

/* command_value() - the last value of an option, NULL where it was not given; "" for a switch */
const char *command_value(const struct command_line *line, const char *name);

/* command_each() - its values one after the other: *place begins at 0; NULL: no more */
const char *command_each(const struct command_line *line, const char *name, size_t *place);

/* command_number() - an option's value as a number between @min and @max; not given: *ret stays */
int command_number(const struct command_line *line, const char *name, int64_t min, int64_t max,
                   int64_t *ret);

/* command_duration() - "90s", "30m", "24h", "7d"; not given: *ret_ms stays */
int command_duration(const struct command_line *line, const char *name, int64_t max_ms,
                     int64_t *ret_ms);

/* command_open() - the database of line->data; settings may be NULL */
int command_open(const struct command_line *line, bool read_only, struct store_settings *settings,
                 struct storage **ret);

/* command_print_json() - @json and a line break on standard output; takes the reference; NULL: no memory */
int command_print_json(json_t *json);

/* command_time() - an instant for people, UTC, "2026-11-21 23:10"; "never" for 0; ret has 32 bytes */
const char *command_time(int64_t ms, char ret[32]);
/* command_json_time() - the same for programs, RFC 3339; null for 0; a new reference */
json_t *command_json_time(int64_t ms);
/* command_json_uuid() - null for UUID_NONE; a new reference */
json_t *command_json_uuid(const struct uuid *id);

/*
 * command_device() - the device that an id or a name means; PANNIER_E_NOT_FOUND; PANNIER_E_INVALID several have that name
 */
int command_device(struct storage *storage, const char *word, struct device_row *ret);

/*
 * command_show_incidents() - what is out of the ordinary in the histories of devices: identities in use twice, forks, gaps
 * @array: filled; NULL: printed as text
 */
int command_show_incidents(struct storage *storage, json_t *array);

/* command_show_decisions() - how long people took to decide conflicts, and what is open; into @object ("decisions"), NULL: printed */
int command_show_decisions(struct storage *storage, json_t *object);

/* command_person_find() - by NHS number or id; 0, also where nobody has it, or PANNIER_E_INVALID */
int command_person_find(struct storage *storage, const char *word, storage_record_visit *visit,
                        void *context);

/* command_scope() - a team or home by id or exact name; PANNIER_E_NOT_FOUND; PANNIER_E_INVALID several are called so */
int command_scope(struct storage *storage, enum scope_kind kind, const char *word,
                  struct scope *ret);

/* command_class() - by name; PANNIER_E_INVALID */
int command_class(const char *word, enum catalogue_class *ret);

/* The commands themselves. */
int command_init(struct command_line *line);
int command_serve(struct command_line *line);
int command_conf(struct command_line *line);
int command_device_code(struct command_line *line);
int command_device_list(struct command_line *line);
int command_device_show(struct command_line *line);
int command_device_revoke(struct command_line *line);
int command_device_grant(struct command_line *line);
int command_device_write_off(struct command_line *line);
int command_scope_preview(struct command_line *line);
int command_custody(struct command_line *line);
int command_person(struct command_line *line);
int command_person_move(struct command_line *line);
int command_backup(struct command_line *line);
int command_restore(struct command_line *line);
int command_bundle_import(struct command_line *line);
int command_status(struct command_line *line);
int command_verify(struct command_line *line);
int command_load(struct command_line *line);
int command_sample(struct command_line *line);
int command_entries(struct command_line *line);
int command_conflicts(struct command_line *line);
int command_quarantine(struct command_line *line);
int command_quarantine_show(struct command_line *line);
int command_quarantine_release(struct command_line *line);
int command_quarantine_dismiss(struct command_line *line);
int command_parked(struct command_line *line);
int command_parked_show(struct command_line *line);

#endif

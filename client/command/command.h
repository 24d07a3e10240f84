/*
 * What the subcommands of pannier share: the context of one run, arguments, output. Each subcommand is one function
 * that returns an exit code of sysexits.h; all talk to the daemon through libpannier only.
 */
#ifndef CLIENT_COMMAND_COMMAND_H
#define CLIENT_COMMAND_COMMAND_H

#include "common/catalogue.h"
#include "common/json.h"

#include <pannier/pannier.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct context {
        const char *program; /* "pannier status", for messages */
        const char *usage;   /* of the subcommand */
        const char *socket;  /* NULL: libpannier's default */
        const char *staff;   /* id of who works, NULL: nobody */
        bool json;           /* print the daemon's JSON */
        bool terminal;       /* standard input and output are a person */
        int64_t now_ms;
        struct pannier *client;
};

typedef int command_run(struct context *context, int argc, char **argv);

command_run command_enrol, command_status, command_sync, command_doctor, command_ready,
        command_people, command_person, command_staff, command_record, command_visit,
        command_escalate, command_observe, command_outbox, command_quarantine, command_conflicts,
        command_attach, command_attachment, command_draft, command_bundle;

/* ---- arguments ---- */

struct argument {
        const char *name;   /* long option, without the two hyphens */
        const char **value; /* it has one; NULL: it is a flag */
        bool *flag;
};

enum { ARGUMENT_MAX = 40, ARGUMENTS_GIVEN = -1 };

/**
 * arguments_parse() - read a subcommand's options; --staff, --socket, --json, --text and --help go without saying
 * @ret_rest: the words that are no options; @ret_count of them
 *
 * Return: ARGUMENTS_GIVEN, or an exit code: help was printed, or something is not understood
 */
int arguments_parse(struct context *context, int argc, char **argv,
                    const struct argument *arguments, size_t count, char ***ret_rest,
                    int *ret_count);

/* usage_error() - say what is wrong and where help is; EX_USAGE */
int usage_error(const struct context *context, const char *format, ...)
        __attribute__((format(printf, 2, 3)));

/* ---- talking to the daemon ---- */

/* client_open() - connect; @staff: the call needs somebody. Return: ARGUMENTS_GIVEN, or an exit code after a message */
int client_open(struct context *context, bool staff);

/* client_failed() - say what the newest call's error was; its exit code */
int client_failed(const struct context *context, int error);

/* client_json() - read the text of an answer and release it; NULL after a message */
json_t *client_json(const struct context *context, char *text);

/* client_print() - print an answer's JSON and release it; EX_OK */
int client_print(char *text);

/**
 * client_person() - the person that somebody typed: an id, or an NHS number
 * @ret: the id
 *
 * Return: ARGUMENTS_GIVEN, or an exit code after a message
 */
int client_person(struct context *context, const char *typed, char ret[PANNIER_ID_SIZE]);

/* client_names() - object id → name of the people on the device, for lists; NULL where nobody works; one list event */
json_t *client_names(struct context *context);

/* client_references() - object id → name of staff, teams, organisations and places; what cannot be read is left out */
json_t *client_references(struct context *context);

/* ---- showing ---- */

/* text_of() - string value of a key, "" where there is none; borrowed */
const char *text_of(const json_t *object, const char *key);
int64_t number_of(const json_t *object, const char *key);
bool true_of(const json_t *object, const char *key);

/* instant_of() - instant of a key, 0 where there is none */
int64_t instant_of(const json_t *object, const char *key);

/* age_text() - "just now", "5 minutes", "3 hours", "2 days"; borrowed until the fourth call from now */
const char *age_text(int64_t ms);

/* ago_text() - "5 minutes ago", "never" for 0; @then is an instant; borrowed as age_text() */
const char *ago_text(const struct context *context, int64_t then_ms);

/* when_text() - day and minute in local time; borrowed as age_text() */
const char *when_text(int64_t instant_ms);

/* person_name() - "LEE, Ann (Annie)" of a person's record; borrowed as age_text() */
const char *person_name(const json_t *record);

/**
 * value_print() - one field's value for people: titles of codes, tenths as decimals, local times
 * @names: id → name of what a reference may name (client_references()); NULL: ids are printed
 */
void value_print(const struct catalogue_field *field, const json_t *value, const json_t *names,
                 FILE *out);

/* state_word() - what an entry's state means, in a word or two */
const char *state_word(const char *state);

/* print_field_list() - the fields a type has, for help */
void print_field_list(const char *type, FILE *out);

/* bundles_print() - of a status: what couriers have, and what is carried here for others (bundle.c) */
void bundles_print(const struct context *context, const json_t *status);

/* entry_print() - an entry of the outbox, with what became of it and what it is linked to */
void entry_print(struct context *context, const json_t *entry);

/* number_parse() - an option that is a number of at most @max; 0 where none was given; false after a message */
bool number_parse(const struct context *context, const char *name, const char *text, uint64_t max,
                  uint64_t *ret);

/* ---- recording ---- */

/**
 * fields_add() - put name=value into an object of fields, as the catalogue wants it
 * @assignment: "name=value"; a tenths field takes "36.8"; a set "a,b", or "+a,-b" in an edit; an instant "now" or RFC 3339
 *
 * Return: ARGUMENTS_GIVEN, or an exit code after a message
 */
int fields_add(const struct context *context, const char *type, const char *assignment,
               json_t *fields);

/**
 * record_put() - record one thing and say so
 * @fields: taken
 * @ret_id: PANNIER_ID_SIZE characters; may be NULL
 *
 * Return: ARGUMENTS_GIVEN after it was recorded, or an exit code after a message
 */
int record_put(struct context *context, const char *type, const char *request, const char *person,
               json_t *fields, char *ret_id);

#endif

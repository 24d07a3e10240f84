/*
 * A configuration file (ini), read into a struct of the program by a table of declared options.
 *
 *     struct conf { char socket[108]; int64_t cache_kib; bool debug; };
 *     static const struct conf_option options[] = {
 *             CONF_TEXT(struct conf, "api", socket, "/run/pannier/pannier.sock", "where programs of this device connect"),
 *             CONF_INTEGER(struct conf, "database", cache_kib, "2048", 256, 65536, "page cache, KiB"),
 *             CONF_BOOL(struct conf, "log", debug, "no", "log everything"),
 *     };
 *
 * An unknown section or key, a value out of range, a line that is none: an error with file and line. Nothing is guessed.
 */
#ifndef COMMON_CONF_H
#define COMMON_CONF_H

#include "common/bytes.h"

#include <stdio.h>

enum conf_kind {
        CONF_KIND_TEXT,    /* char[size], UTF-8, NUL-terminated */
        CONF_KIND_INTEGER, /* int64_t */
        CONF_KIND_BOOL,    /* bool: yes/no, true/false, on/off, 1/0 */
        CONF_KIND_CHOICE,  /* int: place in `choices` */
};

struct conf_option {
        const char *section; /* lower case; "" for options above the first section */
        const char *name;    /* as in the file; '_' of the struct's member is '_' in the file too */
        enum conf_kind kind;
        size_t offset, size;        /* of the member */
        const char *fallback;       /* default, written as in the file */
        int64_t min, max;           /* of an integer */
        const char *const *choices; /* NULL at the end */
        const char *help;           /* one line */
};

#define CONF_MEMBER_(type, member)                                                                 \
        .name = #member, .offset = offsetof(type, member), .size = sizeof(((type *)0)->member)
#define CONF_TEXT(type, section_, member, fallback_, help_)                                        \
        {                                                                                          \
                .section = (section_), CONF_MEMBER_(type, member), .kind = CONF_KIND_TEXT,         \
                .fallback = (fallback_), .help = (help_)                                           \
        }
#define CONF_INTEGER(type, section_, member, fallback_, min_, max_, help_)                         \
        {                                                                                          \
                .section = (section_), CONF_MEMBER_(type, member), .kind = CONF_KIND_INTEGER,      \
                .fallback = (fallback_), .min = (min_), .max = (max_), .help = (help_)             \
        }
#define CONF_BOOL(type, section_, member, fallback_, help_)                                        \
        {                                                                                          \
                .section = (section_), CONF_MEMBER_(type, member), .kind = CONF_KIND_BOOL,         \
                .fallback = (fallback_), .help = (help_)                                           \
        }
#define CONF_CHOICE(type, section_, member, fallback_, choices_, help_)                            \
        {                                                                                          \
                .section = (section_), CONF_MEMBER_(type, member), .kind = CONF_KIND_CHOICE,       \
                .fallback = (fallback_), .choices = (choices_), .help = (help_)                    \
        }

/* conf_defaults() - fill @conf with every option's fallback */
void conf_defaults(const struct conf_option *options, size_t count, void *conf);

/**
 * conf_load() - read @path over what is in @conf
 *
 * Return: 0; PANNIER_E_NOT_FOUND there is no such file; PANNIER_E_INVALID with "file:line: reason"; PANNIER_E_SYSTEM
 */
int conf_load(const char *path, const struct conf_option *options, size_t count, void *conf);

/* conf_read() - as conf_load(), from an open stream; @name is what errors call it */
int conf_read(FILE *stream, const char *name, const struct conf_option *options, size_t count,
              void *conf);

/* conf_set() - one option from elsewhere (command line, environment); PANNIER_E_INVALID with the reason */
int conf_set(const struct conf_option *options, size_t count, const char *section, const char *name,
             const char *value, void *conf);

/* conf_print_sample() - every option with its help, range and default, as a file with all lines commented out */
void conf_print_sample(const struct conf_option *options, size_t count, FILE *out);

#endif

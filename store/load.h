/*
 * Loading tables: every row of a CSV file becomes a record, or changes one, through the judge.
 *
 * Generic over the catalogue: columns are fields, keys and words say which record a row is about. A row is never lost
 * silently: it is created, edited, unchanged, kept with a warning (a value that is not required was left out), or
 * refused with line and reason; a refused row never stops the others. Loading again changes only what differs. Nothing
 * is ended unless the caller says that the file is the whole truth.
 */
#ifndef STORE_LOAD_H
#define STORE_LOAD_H

#include "common/nhs_number.h"
#include "store/storage.h"

enum {
        LOAD_BATCH_ROWS = 250, /* rows of one durable commit */
        LOAD_ALIASES_MAX = 4096,
};

enum load_severity {
        LOAD_NOTE,    /* kept as it is, worth a look */
        LOAD_WARNING, /* the row was kept without something, or with something guessed */
        LOAD_REFUSED, /* the row was not taken */
};

struct load_options {
        const struct catalogue_type *type;
        const char *path;         /* "-": standard input */
        const char *map_path;     /* mapping file, NULL: the header names fields */
        const char *aliases_path; /* CSV with the header alias,locality; NULL: none */
        const char *
                locality; /* of rows that name none: ONS code, name, alias or id; NULL: such rows are refused */
        bool complete; /* records loaded before that this file does not have are ended */
        bool dry_run;  /* report, and change nothing */
        enum nhs_environment environment; /* which NHS numbers are real here */
        int64_t now_ms;
        void (*random)(void *data, size_t size);
        /* message() - one per finding; @line 0: not about a row; may be NULL */
        void (*message)(void *context, enum load_severity severity, uint64_t line,
                        const char *text);
        /* progress() - bytes read, bytes in all (0: unknown), rows so far; after each commit; may be NULL */
        void (*progress)(void *context, uint64_t done, uint64_t all, uint64_t rows);
        void *context;
};

struct load_report {
        uint64_t rows; /* behind the header, empty ones not counted */
        uint64_t created, edited, unchanged, refused, ended;
        uint64_t warned; /* rows that were kept with a warning; they are counted above too */
};

/**
 * load_table() - load one file
 * @storage: no transaction open; committed every LOAD_BATCH_ROWS rows, so that what was reported before a failure stays
 *
 * Return: 0: the file was read to its end, whatever became of its rows; PANNIER_E_NOT_FOUND; PANNIER_E_INVALID: options, mapping
 *         or header are wrong, nothing was read; PANNIER_E_STORAGE; PANNIER_E_SYSTEM; PANNIER_E_MEMORY
 */
int load_table(struct storage *storage, const struct load_options *options,
               struct load_report *ret);

/* load_type() - the record type that a word of the command line means: its name, or what its table is called; NULL */
const struct catalogue_type *load_type(struct bytes word);

#endif

/*
 * A believable locality of any size, as the CSV files that `pannier-store load` takes.
 *
 * Nobody in it exists: names are drawn from word lists, NHS numbers begin with 999 (never issued), postcodes with ZZ99,
 * telephone numbers lie in the range that Ofcom keeps for drama. The same seed and end give the same bytes.
 */
#ifndef STORE_SAMPLE_H
#define STORE_SAMPLE_H

#include "common/id.h"

enum {
        SAMPLE_PEOPLE_MAX = 500000, /* the 999 range has 909,091 numbers */
        SAMPLE_VISITS_MAX = 1000,
        SAMPLE_OBSERVATIONS_MAX = 10000,
};

struct sample_options {
        uint64_t seed;
        uint32_t people;       /* 1 … SAMPLE_PEOPLE_MAX */
        uint32_t visits;       /* past visits of each person */
        uint32_t observations; /* past observations of each person */
        int64_t now_ms;        /* the history ends here */
        const char *folder;    /* made if it is not there */
        /* progress() - may be NULL; called every few thousand rows with rows written and rows in all */
        void (*progress)(void *context, uint64_t done, uint64_t all);
        void *context;
};

/* The files, in the order in which they are to be loaded. */
enum { SAMPLE_FILE_COUNT = 15 };

struct sample_file {
        const char *type; /* record type's name */
        const char *name; /* file name in the folder */
};

const struct sample_file *sample_files(void); /* SAMPLE_FILE_COUNT of them; static */

/**
 * sample_write() - write all files
 *
 * Return: 0; PANNIER_E_INVALID a number is out of range; PANNIER_E_SYSTEM a file cannot be written
 */
int sample_write(const struct sample_options *options);

#endif

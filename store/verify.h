/*
 * Proof that the store's books are in order: the log's chain is whole, and the log, played again, gives the records that are there.
 *
 * The log says what became of each field; playing it again needs no rules of reconciliation. Values that the store derives (its own
 * NEWS2, an NHS number's status) are derived again. A set or map of which an edit took only a part is not compared.
 * The digests of the feeds are counted anew from the records as they stand.
 */
#ifndef STORE_VERIFY_H
#define STORE_VERIFY_H

#include "common/nhs_number.h"
#include "store/storage.h"

enum verify_kind {
        VERIFY_NUMBER,  /* a row of the log is missing, or one too many */
        VERIFY_CHAIN,   /* a row is not what its hash says */
        VERIFY_HEAD,    /* the locality's head is not that of its last row */
        VERIFY_BODY,    /* an entry's body is not what its hash says, or cannot be read */
        VERIFY_VALUE,   /* a field is not what the log makes it */
        VERIFY_MISSING, /* a record of the log is not there */
        VERIFY_UNKNOWN, /* a record is there that no row of the log made */
        VERIFY_SENT,    /* what devices are sent of a record is not the record */
        VERIFY_DIGEST,  /* the digest kept of a feed is not that of the records in it */
};

struct verify_problem {
        enum verify_kind kind;
        uint64_t number;                   /* of the log row; 0: of a record */
        const struct catalogue_type *type; /* of the record; NULL: of a log row */
        struct uuid record;
        const struct catalogue_field *field; /* VERIFY_VALUE; NULL: who wrote it, or when */
        struct scope scope;                  /* VERIFY_DIGEST: of the feed, and its class */
        enum catalogue_class class;
};

struct verify_report {
        uint64_t rows;       /* of the log */
        uint64_t records;    /* compared */
        uint64_t uncompared; /* values that the log alone does not determine */
        uint64_t redacted;   /* rows without a body, by law */
        uint64_t problems;
        uint8_t head[HASH_SIZE]; /* of the last row, as calculated */
};

/* verify_kind_name() - "number", "chain", … */
const char *verify_kind_name(enum verify_kind kind);

/**
 * verify_locality() - check the log and play it again
 * @storage: any connection; one snapshot is held meanwhile
 * @scratch: an empty storage for the records played again, such as ":memory:"; must not have the locality yet
 * @visit:   told of each problem; returns 0 to go on
 *
 * Return: 0 done (problems are in @ret), 1 stopped by @visit, or an error
 */
int verify_locality(struct storage *storage, struct storage *scratch, const struct uuid *locality,
                    enum nhs_environment environment,
                    int (*visit)(void *context, const struct verify_problem *problem),
                    void *context, struct verify_report *ret);

#endif

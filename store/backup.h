/*
 * Backups: a copy of the database made while it serves, held against its own log before it counts; and the way back.
 *
 * A backup that counts is told to the devices, which may then forget what lies in it. A restore begins a new epoch of each
 * locality at once, plays the journal again, and leaves the rest to the devices.
 */
#ifndef STORE_BACKUP_H
#define STORE_BACKUP_H

#include "common/nhs_number.h"
#include "store/journal.h"
#include "store/storage.h"

/* Return of a progress call: 0 to go on, or an error that ends it. @what: "copied", "verified" */
typedef int backup_progress(void *context, const char *what, uint64_t done, uint64_t total);

struct backup_locality {
        struct uuid id;
        struct position position; /* everything up to here is in it */
        uint64_t rows;            /* of the log */
        uint64_t epoch;           /* after a restore: of the new history */
};

struct backup_report {
        struct backup_locality localities[WIRE_LOCALITIES_MAX];
        size_t count;
        uint64_t size;   /* bytes of the file */
        uint64_t played; /* restore: records of the journal */
        char aside
                [4096]; /* restore: where the database went that was there; empty: there was none */
};

/**
 * backup_make() - copy a database, verify the copy, and note in the database that there is one
 * @database: path; may be served meanwhile
 * @to:       path of a file that does not exist; it is there only when everything went well
 * @quick:    check the file and the chain's heads, do not play the log again
 *
 * Return: 0; PANNIER_E_TAKEN @to is there; PANNIER_E_CORRUPT the copy, and so the database, is not in order; PANNIER_E_STORAGE
 */
int backup_make(const char *database, const char *to, bool quick, enum nhs_environment environment,
                int64_t now_ms, backup_progress *progress, void *context,
                struct backup_report *ret);

struct backup_wish {
        const char *from;     /* the backup */
        const char *database; /* path; nobody may serve it */
        const char *journal; /* path of the journal of the database that is lost; it is only read */
        const char
                *own_journal; /* where the restored database keeps its journal; may be the same */
        bool without_journal;
        enum nhs_environment environment;
        int64_t now_ms;
        void (*random)(void *data, size_t size);
        backup_progress *progress;
        void *context;
};

/**
 * backup_restore() - put a backup in the place of the database
 *
 * Return: 0; PANNIER_E_CORRUPT the backup is damaged; PANNIER_E_REFUSED the journal does not go on where the backup ends, and nobody
 *         said that it may be done without; PANNIER_E_STORAGE. On an error database and journal are as they were
 */
int backup_restore(const struct backup_wish *wish, struct backup_report *ret);

/* storage_sqlite_copy() - of one snapshot; storage_sqlite_check() - every page of a file */
int storage_sqlite_copy(const char *from, const char *to, backup_progress *progress, void *context);
int storage_sqlite_check(const char *path);

#endif

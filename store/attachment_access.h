/*
 * Who may bring, and who may read, the bytes of an attachment: from the log and from the records, never from a hash alone. Pure but
 * for the storage it reads; it knows no files.
 */
#ifndef STORE_ATTACHMENT_ACCESS_H
#define STORE_ATTACHMENT_ACCESS_H

#include "common/attachment.h"
#include "common/body.h"
#include "store/grants.h"

struct attachment_claim {
        struct uuid entry, record;
        struct attachment attachment;
};

/**
 * attachment_may_bring() - does a judged entry of this device name bytes?
 *
 * Whatever became of the entry: late, held or quarantined, its bytes belong to what was written. One that is parked is not judged.
 *
 * Return: 1 and @ret; 0 no such entry, of another device, without bytes, or its body is gone; or an error. In a snapshot
 */
int attachment_may_bring(struct storage *storage, struct body_codec *codec,
                         const struct device_row *device, const struct uuid *entry,
                         struct attachment_claim *ret);

/**
 * attachment_may_read() - does a record that this device is granted now name bytes?
 *
 * Return: 1 and @ret (its entry is the record's id); 0 no such record, without bytes, of a class or person that the device does not
 *         have; or an error. In a snapshot
 */
int attachment_may_read(struct storage *storage, struct grants *grants,
                        const struct device_row *device, const struct uuid *record, int64_t now_ms,
                        struct attachment_claim *ret);

/* attachment_each() - every record with bytes, of all localities; @visit returns 0 to go on, or what ends it */
int attachment_each(struct storage *storage,
                    int (*visit)(void *context, const struct record *record,
                                 const struct attachment *attachment),
                    void *context);

#endif

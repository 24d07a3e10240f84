/*
 * The bag of a courier: parts of other devices' bundles on their way to the store, and the receipts on their way back. Files in a
 * folder of their own, each durable before anybody is told that it was taken. I/O; knows no entry, and can read nothing of what it holds.
 *
 * Bounded in all directions: the store may be far, and whoever hands parts over may be hostile. Parts are never pushed out by others; receipts
 * are, the oldest first, since the device can have them again by handing its bundle over again.
 */
#ifndef DAEMON_CARRY_H
#define DAEMON_CARRY_H

#include "common/wire.h"

enum {
        CARRY_NAME_SIZE = 128,
        CARRY_PARTS_MAX = 1024,      /* on the way up, of all devices */
        CARRY_BYTES_MAX = 64 << 20,  /* of them together */
        CARRY_DEVICE_MAX = 24 << 20, /* bytes of one device's parts */
        CARRY_RECEIPTS_MAX = 2048,   /* on the way back, of all devices */
        CARRY_RECEIPTS_BYTES_MAX = 64 << 20,
        CARRY_KEPT_DAYS = 35, /* receipts, and parts that the store refused */
};

struct carry;

/* carry_new() - @folder is made where it is not there; what a crash left half written goes */
int carry_new(const char *folder, struct carry **ret);
struct carry *carry_free(struct carry *carry);
DEFINE_FREEP(carry)

/**
 * carry_put() - take one part of a bundle; durable when it returns
 * @message: one message `bundle` (wire_put_bundle)
 *
 * Return: 0, also where it is here already; PANNIER_E_MALFORMED it is none; PANNIER_E_LIMIT the bag is full; PANNIER_E_STORAGE
 */
int carry_put(struct carry *carry, struct bytes message);

struct carry_item {
        char name[CARRY_NAME_SIZE];
        struct uuid device, bundle;
        uint32_t part;
        size_t size;
        int64_t taken_ms; /* wall, as this device told the time */
};

/* carry_next() - the next part that is to go up, in the order of its bundle: 1 and appended to @out; 0 none; or an error */
int carry_next(struct carry *carry, struct carry_item *ret, struct buffer *out);

/* carry_answered() - the store took a part: its receipts are kept and the part goes. PANNIER_E_MALFORMED these are not its receipts */
int carry_answered(struct carry *carry, const struct carry_item *part, struct bytes receipts);

/* carry_refused() - the store will never take it: it is kept aside, and not tried again */
int carry_refused(struct carry *carry, const struct carry_item *part);

enum carry_kind { CARRY_UP, CARRY_BACK, CARRY_REFUSED, CARRY_KIND_COUNT };

/* carry_each() - what is in the bag of one kind, by name; @visit returns 0 to go on */
int carry_each(struct carry *carry, enum carry_kind kind,
               int (*visit)(void *context, const struct carry_item *item), void *context);

/* carry_read() - append receipts by their name; PANNIER_E_NOT_FOUND */
int carry_read(struct carry *carry, const char *name, struct buffer *out);

struct carry_counts {
        size_t count[CARRY_KIND_COUNT];
        size_t bytes[CARRY_KIND_COUNT];
};

void carry_count(struct carry *carry, struct carry_counts *ret);

/* carry_tidy() - forget what has been here for CARRY_KEPT_DAYS; parts on their way up stay */
void carry_tidy(struct carry *carry, int64_t now_ms);

#endif

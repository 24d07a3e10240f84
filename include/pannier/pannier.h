/*
 * libpannier: how a program on the device reads and records, through the device's own daemon.
 *
 * A client is one connection to pannierd on a Unix socket. Calls block until the daemon has answered or the time-out
 * (pannier_set_timeout) has passed; the daemon answers from its own disk, never from the network, but for pannier_enrol().
 * One thread at a time per client; different clients are independent.
 *
 * Records go in and come out as JSON text in UTF-8, so that no JSON library is part of this interface. What the
 * objects hold is in docs/openapi.yaml; what fields a type has, in the catalogue (pannier_catalogue()).
 *
 * Texts that are stored through `ret` belong to the caller: pannier_text_free(). On failure nothing is stored, and
 * pannier_message() says in a sentence what was wrong.
 */
#ifndef PANNIER_PANNIER_H
#define PANNIER_PANNIER_H

#include <pannier/error.h>

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define PANNIER_SOCKET_DEFAULT "/run/pannier/pannier.sock"

enum {
        PANNIER_ID_SIZE = 37,      /* 36 characters of a UUID and NUL */
        PANNIER_ENTRY_MAX = 65536, /* bytes of one entry's fields */
        PANNIER_BATCH_MAX = 100,   /* entries recorded together */
        PANNIER_PAGE_MAX = 500,    /* rows of one list */
        PANNIER_TIMEOUT_MS = 30000 /* of a call, unless pannier_set_timeout() says otherwise */
};

struct pannier;        /* a client */
struct pannier_events; /* a stream of events */

/**
 * pannier_connect() - connect to the daemon of this device
 * @path: its socket; NULL: the environment variable PANNIER_SOCKET, else PANNIER_SOCKET_DEFAULT
 * @ret:  the client; free it with pannier_free()
 *
 * Return: 0, or
 *   PANNIER_E_LINK     no daemon listens there
 *   PANNIER_E_REFUSED  this user may not connect (is it in the group of the socket?)
 *   PANNIER_E_INVALID  the path is too long for a socket
 *   PANNIER_E_MEMORY
 *
 * Where it fails there is no client to ask: pannier_connect_message() has the sentence.
 */
PANNIER_PUBLIC int pannier_connect(const char *path, struct pannier **ret);

/* pannier_connect_message() - what was wrong with this thread's newest pannier_connect(); never NULL; borrowed */
PANNIER_PUBLIC const char *pannier_connect_message(void);

/* pannier_free() - close and release; takes NULL; returns NULL */
PANNIER_PUBLIC struct pannier *pannier_free(struct pannier *client);

/**
 * pannier_set_staff() - in whose name the next calls read and record
 * @staff: id of a staff record, 36 characters; NULL: nobody
 *
 * Return: 0, or PANNIER_E_INVALID it is not an id. Whether it may do anything is said by the calls.
 */
PANNIER_PUBLIC int pannier_set_staff(struct pannier *client, const char *staff);

/* pannier_set_timeout() - how long a call may take, in milliseconds, at least 1 */
PANNIER_PUBLIC void pannier_set_timeout(struct pannier *client, uint32_t timeout_ms);

/* What was wrong with the newest call that failed; borrowed until the next call; never NULL, but possibly "". */
PANNIER_PUBLIC const char *pannier_message(const struct pannier *client);
/* Name of the field, query parameter or header it was about. */
PANNIER_PUBLIC const char *pannier_field(const struct pannier *client);
/* Place in the array of the entry it was about, -1: none. */
PANNIER_PUBLIC int pannier_index(const struct pannier *client);

/* pannier_text_free() - release a text that a call stored; takes NULL */
PANNIER_PUBLIC void pannier_text_free(char *text);

/**
 * pannier_new_id() - a new UUID (version 7), to name a request by
 * @ret: 36 characters and NUL
 */
PANNIER_PUBLIC void pannier_new_id(char ret[PANNIER_ID_SIZE]);

/* ---- recording ---- */

/**
 * pannier_put() - record one new fact or thing on this device
 * @client:  connected client with a staff member
 * @type:    record type's name in the catalogue, NUL-terminated
 * @request: UUID that names this request; the entry gets it as its id
 * @person:  id of the person it is about; NULL for reference data, and for a person who is met for the first time
 * @fields:  JSON object, UTF-8, at most PANNIER_ENTRY_MAX bytes; copied before return
 * @ret_id:  the record's id, 36 characters and NUL; written on success only; may be NULL
 *
 * Returns once the entry is on the device's disk, not once it reached the store. One thread at a time per client.
 *
 * Return: 0, or
 *   PANNIER_E_INVALID    a field is unknown, out of range or not yours to set; nothing was recorded
 *   PANNIER_E_REFUSED    the role may not record this; nothing was recorded
 *   PANNIER_E_NOT_FOUND  the person is not here for this staff member; nothing was recorded
 *   PANNIER_E_TAKEN      the request's id is in use for other content; nothing was recorded
 *   PANNIER_E_STORAGE    the device could not commit; nothing was recorded
 *   PANNIER_E_BUSY       the device's copy is not here yet (new, or damaged and fetched again); nothing was recorded
 *   PANNIER_E_LINK       no answer from the daemon; it may be recorded: ask again with the same request
 *
 * Source: docs/protocol.md; durability: https://sqlite.org/pragma.html#pragma_synchronous (FULL)
 */
PANNIER_PUBLIC int pannier_put(struct pannier *client, const char *type, const char *request,
                               const char *person, const char *fields, char *ret_id);

/**
 * pannier_edit() - change fields of a record
 * @record: its id
 * @fields: JSON object with the fields to change; null clears one; a set takes an array (its whole new value) or
 *          {"add": […], "remove": […]}
 * @reason: why; NULL where the step needs none
 *
 * Return: as pannier_put()
 */
PANNIER_PUBLIC int pannier_edit(struct pannier *client, const char *record, const char *request,
                                const char *fields, const char *reason);

/**
 * pannier_decide() - close a conflict
 * @conflict: id of the conflict
 * @chosen:   id of the value that shall stand, or the conflict's own id: what stands shall stand
 * @seen:     ids of the values that were looked at; only these are closed
 * @count:    how many, 1 or more
 *
 * Return: as pannier_put()
 */
PANNIER_PUBLIC int pannier_decide(struct pannier *client, const char *conflict, const char *request,
                                  const char *chosen, const char *const *seen, size_t count,
                                  const char *reason);

/**
 * pannier_commit() - record several entries together: all of them or none
 * @entries: JSON array of 1 … PANNIER_BATCH_MAX objects {request, operation, type, record, person, fields, reason}
 * @ret:     JSON object {"entries": […]} with id, record, person and state of each; may be NULL
 *
 * Return: as pannier_put(); pannier_index() says which entry was wrong
 */
PANNIER_PUBLIC int pannier_commit(struct pannier *client, const char *entries, char **ret);

/* ---- reading: 0 and a JSON object in @ret; PANNIER_E_NOT_FOUND also for what this staff member may not see ---- */

/**
 * pannier_people() - the people whom the staff member may see, by name
 * @query: words to find in name, NHS number, address or phone; NULL or "": everybody
 * @limit: 1 … PANNIER_PAGE_MAX; 0: the daemon's choice
 * @after: "next" of the page before; NULL: the first page
 *
 * Where "complete" is false the device has not received everybody yet: never show the list as the whole.
 */
PANNIER_PUBLIC int pannier_people(struct pannier *client, const char *query, unsigned limit,
                                  const char *after, char **ret);
PANNIER_PUBLIC int pannier_person(struct pannier *client, const char *person, char **ret);
/* pannier_records() - of a person (or reference data where @person is NULL), of one type or (NULL) of all */
PANNIER_PUBLIC int pannier_records(struct pannier *client, const char *person, const char *type,
                                   unsigned limit, const char *after, char **ret);
PANNIER_PUBLIC int pannier_record(struct pannier *client, const char *record, char **ret);

/**
 * pannier_attach() - record a photo or a document about a person
 * @request:    UUID that names this request; the record gets it as its id
 * @media_type: image/jpeg, image/png or application/pdf; what @data has to be
 * @fields:     JSON object, UTF-8: what is said of it, such as {"title": "Left heel"}
 * @data:       at most 16 MiB; what a picture says about where, when and with what it was taken is left out
 * @ret:        the daemon's answer, JSON; pannier_text_free()
 *
 * Returns once bytes and entry are on the device's disk. The entry is sent at once, the bytes when nothing else waits.
 *
 * Return: as pannier_put(); PANNIER_E_STORAGE also where the disk is almost full: its rest is kept for entries
 *
 * Source: docs/protocol.md, Attachments
 */
PANNIER_PUBLIC int pannier_attach(struct pannier *client, const char *request, const char *person,
                                  const char *media_type, const char *fields, const void *data,
                                  size_t size, char **ret);

/**
 * pannier_attachment() - the bytes of a record
 * @ret: pannier_text_free(); @ret_size bytes, and a NUL behind them
 *
 * Where they are not on this device they are fetched from the store: PANNIER_E_LINK where it cannot be reached.
 */
PANNIER_PUBLIC int pannier_attachment(struct pannier *client, const char *record, char **ret,
                                      size_t *ret_size);
PANNIER_PUBLIC int pannier_conflicts(struct pannier *client, unsigned limit, const char *after,
                                     char **ret);
/* pannier_staff() - the staff of the locality: the sign-in list */
PANNIER_PUBLIC int pannier_staff(struct pannier *client, char **ret);
/* pannier_catalogue() - JSON Schema of all record types */
PANNIER_PUBLIC int pannier_catalogue(struct pannier *client, char **ret);

/* ---- the outbox: what became of what was recorded ---- */

/**
 * pannier_fix() - write a refused entry anew, rightly: a new entry that names it
 * @entry:   the refused one, of this device
 * @request: UUID that names this request
 * @fields:  JSON object of the fields that are to be other than in the refused entry; null leaves one out
 * @reason:  why, where a step needs a reason; NULL: that of the refused entry
 *
 * Kind, record and person are those of the refused entry, which stays as it is and counts as dealt with.
 *
 * Return: 0; PANNIER_E_TAKEN it was dealt with before; PANNIER_E_INVALID it was not refused, or a field is wrong; PANNIER_E_NOT_FOUND;
 *         PANNIER_E_REFUSED; PANNIER_E_LINK
 */
PANNIER_PUBLIC int pannier_fix(struct pannier *client, const char *entry, const char *request,
                               const char *fields, const char *reason);

/* pannier_entry_bytes() - as pannier_entry(), with the very bytes that travel, and decoded as far as they can be */
PANNIER_PUBLIC int pannier_entry_bytes(struct pannier *client, const char *entry, char **ret);

/**
 * pannier_outbox() - the device's entries in the order of recording
 * @states: any of waiting, parked, applied, merged, held, late, quarantined, with commas; NULL: all
 * @after:  "next" of the page before; 0: from the first
 */
PANNIER_PUBLIC int pannier_outbox(struct pannier *client, const char *states, unsigned limit,
                                  uint64_t after, char **ret);
PANNIER_PUBLIC int pannier_entry(struct pannier *client, const char *entry, char **ret);
PANNIER_PUBLIC int pannier_quarantine(struct pannier *client, unsigned limit, uint64_t after,
                                      char **ret);

/* ---- drafts: kept on the device until they are signed or thrown away; a staff member's own only ---- */

/**
 * pannier_draft_put() - keep a draft, or replace it
 * @draft:   UUID that names it
 * @person:  whom it is about; NULL: nobody yet
 * @content: JSON object of the program's own form, at most PANNIER_ENTRY_MAX bytes
 *
 * Durable when it returns.
 */
PANNIER_PUBLIC int pannier_draft_put(struct pannier *client, const char *draft, const char *type,
                                     const char *person, const char *content);
PANNIER_PUBLIC int pannier_draft(struct pannier *client, const char *draft, char **ret);
PANNIER_PUBLIC int pannier_drafts(struct pannier *client, char **ret);
PANNIER_PUBLIC int pannier_draft_delete(struct pannier *client, const char *draft);

/* ---- couriers: when no road leads to the store, somebody carries what waits ---- */

/**
 * pannier_bundle_begin() - begin a bundle of everything that waits on this device
 * @ret: its id; one that was begun before and not handed over is forgotten
 *
 * Return: 0; PANNIER_E_NOT_FOUND nothing waits; PANNIER_E_INVALID the device has not learnt yet how to seal for its store
 */
PANNIER_PUBLIC int pannier_bundle_begin(struct pannier *client, char ret[PANNIER_ID_SIZE]);

/**
 * pannier_bundle_part() - the next part of it, at most 1 MiB, sealed
 * @ret: the caller's, pannier_text_free(); a file is "PANNIER-BUNDLE 1", a line feed, and all parts behind each other
 *
 * Return: 1 a part; 0 there are no more; PANNIER_E_NOT_FOUND begin again
 */
PANNIER_PUBLIC int pannier_bundle_part(struct pannier *client, const char *bundle, void **ret,
                                       size_t *ret_size);

/**
 * pannier_bundle_handed() - somebody has all of it now: call it when the file is durable
 * @receiver: who or where, for people, at most 200 bytes
 * @ret:      JSON object with the number of entries; may be NULL
 */
PANNIER_PUBLIC int pannier_bundle_handed(struct pannier *client, const char *bundle,
                                         const char *receiver, char **ret);

/**
 * pannier_bundle_receipts() - one message of receipts that came back
 * @ret: JSON object: settled, known, parked, stale; may be NULL
 *
 * Return: 0; PANNIER_E_BUSY try again in a moment; PANNIER_E_REFUSED of another device; PANNIER_E_NOT_FOUND of no bundle of this
 *         one; PANNIER_E_INVALID changed on the way
 */
PANNIER_PUBLIC int pannier_bundle_receipts(struct pannier *client, const void *message, size_t size,
                                           char **ret);

/* pannier_carry() - take one part of another device's bundle along to the store; durable. PANNIER_E_LIMIT the bag is full */
PANNIER_PUBLIC int pannier_carry(struct pannier *client, const void *message, size_t size,
                                 char **ret);
/* pannier_carried() - what is carried: parts, receipts that came back, refused */
PANNIER_PUBLIC int pannier_carried(struct pannier *client, char **ret);
/* pannier_carried_receipts() - one message of receipts by its name; the caller's, pannier_text_free() */
PANNIER_PUBLIC int pannier_carried_receipts(struct pannier *client, const char *name, void **ret,
                                            size_t *ret_size);

/* ---- the device ---- */

/* pannier_status() - counts from receipts, scopes, the last exchange and its problem */
PANNIER_PUBLIC int pannier_status(struct pannier *client, char **ret);
/* pannier_doctor() - what can be checked on the device; @deep: read every row, which may take a while */
PANNIER_PUBLIC int pannier_doctor(struct pannier *client, int deep, char **ret);
/* pannier_ready() - is the device ready for a day: are the people of its planned contacts here, how fresh, certificate, disk, clock; @date:
   YYYY-MM-DD, NULL: today. With a staff member set: their contacts. The answer's "ready" is the verdict, "findings" say why */
PANNIER_PUBLIC int pannier_ready(struct pannier *client, const char *date, char **ret);
/* pannier_sync() - have an exchange begin now; returns at once */
PANNIER_PUBLIC int pannier_sync(struct pannier *client);

/**
 * pannier_enrol() - make this machine a device of a store
 * @link: pannier://HOST:PORT/CODE?ca=FINGERPRINT, as the store's operator gave it
 *
 * Waits for the store: set a time-out of a minute or more.
 *
 * Return: 0, or PANNIER_E_INVALID not such a link; PANNIER_E_REFUSED the code is wrong, used or too old;
 *         PANNIER_E_CRYPTO who answers is not the store of the link; PANNIER_E_TAKEN enrolled already;
 *         PANNIER_E_LINK no answer: try again, the code stays good
 */
PANNIER_PUBLIC int pannier_enrol(struct pannier *client, const char *link);

/**
 * pannier_call() - any call of the local API, for what has no function of its own
 * @method: GET, POST, PUT or DELETE
 * @target: path and query, such as "/v1/people?q=lee", escaped as URLs are
 * @body:   JSON; NULL: none
 * @ret:    body of a good answer, "" where it has none; may be NULL
 */
PANNIER_PUBLIC int pannier_call(struct pannier *client, const char *method, const char *target,
                                const char *body, char **ret);

/* ---- events ---- */

/**
 * pannier_events_open() - listen to what changes, on a connection of its own
 * @path: as in pannier_connect()
 *
 * Events carry ids and states only. A listener that does not keep up gets the event "missed" in place of what it missed:
 * read again what you show. One that reads nothing for half a minute is cut off (PANNIER_E_LINK).
 */
PANNIER_PUBLIC int pannier_events_open(const char *path, struct pannier_events **ret);
PANNIER_PUBLIC struct pannier_events *pannier_events_free(struct pannier_events *events);

/* pannier_events_fd() - becomes readable when pannier_events_next() has something to do */
PANNIER_PUBLIC int pannier_events_fd(const struct pannier_events *events);

/**
 * pannier_events_next() - wait for an event
 * @timeout_ms: 0: do not wait
 * @ret_name:   "entry", "record", "person", "exchange", "missed" or "listening"; borrowed until the next call
 * @ret:        its JSON object; the caller's
 *
 * Return: 1 an event; 0 none came in time; PANNIER_E_LINK the stream has ended; PANNIER_E_MEMORY
 */
PANNIER_PUBLIC int pannier_events_next(struct pannier_events *events, uint32_t timeout_ms,
                                       const char **ret_name, char **ret);

#ifdef __cplusplus
}
#endif

#endif

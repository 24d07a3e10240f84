/*
 * What the engine knows of attachments: which entries name bytes and what became of them, whether the store's word about bytes is
 * good, and the keys of bytes that are kept here. The bytes themselves are the satchel's.
 */
#ifndef DAEMON_ENGINE_ATTACHMENT_H
#define DAEMON_ENGINE_ATTACHMENT_H

#include "common/attachment.h"
#include "daemon/engine.h"

/* engine_attachment_entry() - is there an entry of this id, and what became of it? 1, 0, or an error */
int engine_attachment_entry(struct engine *engine, const struct uuid *id,
                            enum entry_outcome *ret_state);

/* engine_attachment_named() - the bytes that an entry names: 1; 0 none, or its body is not here any more; or an error */
int engine_attachment_named(struct engine *engine, const struct uuid *id, struct attachment *ret);

/* engine_waits() - is anything that was recorded here not answered yet? */
bool engine_waits(const struct engine *engine);

/* engine_quiet() - nothing that was recorded here waits, and no exchange is under way */
bool engine_quiet(const struct engine *engine);

/**
 * engine_attachment_answer() - the store's word about bytes that this device brings
 * @entry:    that names them
 * @mine:     what lies here
 * @body:     of the answer
 * @ret_next: first chunk that it misses
 *
 * Return: 1 it has all of them, and its signature is good; 0 not yet; PANNIER_E_MALFORMED, PANNIER_E_CRYPTO an answer that cannot be believed
 */
int engine_attachment_answer(struct engine *engine, const struct uuid *entry,
                             const struct attachment *mine, struct bytes body, uint32_t *ret_next);

/* engine_attachment_wanted() - records whose bytes the store asks for again, of an answer; at most WIRE_WANTED_MAX */
int engine_attachment_wanted(struct engine *engine, struct bytes body,
                             struct uuid ret[WIRE_WANTED_MAX], size_t *ret_count);

/* engine_attachment_keep() - remember the key of kept bytes for as long as their record is here: 1, 0 it is not, or an error */
int engine_attachment_keep(struct engine *engine, const struct uuid *record,
                           const uint8_t key[AEAD_KEY_SIZE]);

/* engine_attachment_key() - 1 found, 0 no such record here any more, or none kept */
int engine_attachment_key(struct engine *engine, const struct uuid *record,
                          uint8_t ret[AEAD_KEY_SIZE]);

/* engine_attachment_record() - what a record of the replica says of its bytes, whoever may see it: 1, 0 */
int engine_attachment_record(struct engine *engine, const struct uuid *record,
                             struct attachment *ret);

#endif

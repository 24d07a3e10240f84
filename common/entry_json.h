/*
 * An entry byte by byte, as JSON: what travelled, and what it says. One function for both sides, so that what is shown of a
 * quarantined entry at the store and on its device is the same text.
 */
#ifndef COMMON_ENTRY_JSON_H
#define COMMON_ENTRY_JSON_H

#include "common/bytes.h"

#include <jansson.h>

/**
 * entry_bytes_json() - header and body as they travel, and decoded as far as they can be
 *
 * An object: header_bytes and body_bytes in base64, body_hash in hex, header and body decoded element by element by the names of
 * schema/wire.cddl (null where they cannot be read, with the reason in `unreadable`). Ids are written as such, other bytes as
 * {"hex": …}; fields bear the names of the catalogue, unknown ones "#number". Nothing is checked against the catalogue, since what is
 * wrong is what somebody wants to see.
 *
 * Return: 0, or PANNIER_E_MEMORY
 */
int entry_bytes_json(struct bytes header, struct bytes body, json_t **ret);

#endif

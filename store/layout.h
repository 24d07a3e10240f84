/*
 * The store's folder: which files there are and what they are called. Nothing else is in it.
 */
#ifndef STORE_LAYOUT_H
#define STORE_LAYOUT_H

#include "common/bytes.h"

enum { LAYOUT_PATH_MAX = 4096 };

enum layout_file {
        LAYOUT_CONF, /* written last by init: where it is, there is a store */
        LAYOUT_LOCK,
        LAYOUT_DATABASE,
        LAYOUT_JOURNAL, /* store/journal.h */
        LAYOUT_CA_KEY,
        LAYOUT_CA_CERTIFICATE,
        LAYOUT_SERVER_KEY,
        LAYOUT_SERVER_CERTIFICATE,
        LAYOUT_SIGNING_KEY,
        LAYOUT_SIGNING_CERTIFICATE,
        LAYOUT_SEAL_KEY,    /* certified by the signing key, in the trust bundle */
        LAYOUT_ATTACHMENTS, /* a folder, made when it is first served: store/vault.h */
};

/* layout_path() - DATA/name; PANNIER_E_LIMIT where it is too long */
int layout_path(const char *data, enum layout_file file, char ret[LAYOUT_PATH_MAX]);

/* layout_owns() - is this the name of a file that a store may have in its folder (also while it is written)? */
bool layout_owns(const char *name);

#endif

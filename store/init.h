/* Making a store: its folder, keys, certificates, database and settings. */
#ifndef STORE_INIT_H
#define STORE_INIT_H

#include "store/settings.h"
#include "store/storage.h"

struct store_init {
        const char *data;
        const struct store_settings *settings;
        const struct uuid *localities; /* kept from the beginning; load adds others */
        size_t locality_count;
        int64_t now_ms;
};

/**
 * store_init() - make a store in a folder that is empty or not there
 *
 * Interrupted anywhere, it may be run again: the settings file is written last, and where it is there is a store. Keys are
 * readable by their owner only, from the first moment.
 *
 * Return: 0; PANNIER_E_TAKEN there is a store already, or something else in the folder; PANNIER_E_INVALID a host is none;
 *         PANNIER_E_BUSY; PANNIER_E_SYSTEM; PANNIER_E_STORAGE; PANNIER_E_CRYPTO
 */
int store_init(const struct store_init *wish);

#endif

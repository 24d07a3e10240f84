/* Serving: everything put together, until a signal ends it. */
#ifndef STORE_SERVE_H
#define STORE_SERVE_H

#include "store/settings.h"

/**
 * store_serve() - serve until SIGTERM or SIGINT, then finish what is in flight, for [limits] stop_s at most
 *
 * SIGHUP reads the server's certificate again. Prints "READY port=N health_port=M" on standard output, and tells
 * systemd, when devices can connect.
 *
 * Return: 0; PANNIER_E_BUSY another process serves this folder, or the port is in use; or what failed at the start
 */
int store_serve(const char *data, const struct store_settings *settings);

#endif

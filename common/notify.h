/*
 * Telling whoever started a program how it is: systemd's notification socket, without its library.
 *
 * Source: sd_notify(3), "Notes" with its reference implementation: one datagram of
 * newline-separated assignments to the Unix socket that $NOTIFY_SOCKET names.
 */
#ifndef COMMON_NOTIFY_H
#define COMMON_NOTIFY_H

#include <stdint.h>

/**
 * notify_send() - send @state, such as "READY=1\nSTATUS=listening"
 *
 * Return: 1 sent; 0 nobody asked ($NOTIFY_SOCKET is not set); PANNIER_E_INVALID what it names is no socket;
 *         PANNIER_E_SYSTEM
 */
int notify_send(const char *state);

/* notify_ready() - READY=1 with a status line */
int notify_ready(const char *status);

/* notify_watchdog_ms() - how often WATCHDOG=1 should be sent: half of what $WATCHDOG_USEC asks of this process; 0: nobody asks */
int64_t notify_watchdog_ms(void);

/* notify_stopping() - STOPPING=1 */
int notify_stopping(void);

#endif

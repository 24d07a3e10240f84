/*
 * TLS 1.3 as the store speaks it: its own authority only, a certificate asked for and not insisted on.
 *
 * The handshake accepts a client without a certificate, and one whose certificate has only expired; everything else that
 * is wrong with a certificate ends it. Who may do what is decided per request by whoever reads tls_peer: a
 * resumed session runs no verification, so nothing that can change may be decided here.
 */
#ifndef STORE_TLS_H
#define STORE_TLS_H

#include "common/crypto.h"
#include "common/id.h"

struct bufferevent;
struct event_base;

struct tls_server; /* certificate, key and settings; shared by all threads */

struct tls_identity {
        struct bytes authority;   /* DER: whose certificates count */
        struct bytes certificate; /* DER: the server's own */
        struct bytes key_pem;
};

/**
 * tls_server_new() - read the identity
 * @released: called with a connection's attachment when its TLS object is gone, on that connection's thread
 *
 * Return: 0; PANNIER_E_MALFORMED; PANNIER_E_CRYPTO key and certificate do not belong together
 */
int tls_server_new(const struct tls_identity *identity,
                   void (*released)(void *attachment, bool handshake_done),
                   struct tls_server **ret);
struct tls_server *tls_server_free(struct tls_server *server);
DEFINE_FREEP(tls_server)

/* tls_server_replace() - a new identity for connections from now on; those that exist keep theirs. Any thread. */
int tls_server_replace(struct tls_server *server, const struct tls_identity *identity);

/**
 * tls_accept() - the server's end of a connection whose socket comes later
 * @attachment: given to `released` in the end
 *
 * Return: a bufferevent, or NULL: no memory, and `released` was called
 */
struct bufferevent *tls_accept(struct tls_server *server, struct event_base *base,
                               void *attachment);

/**
 * tls_refuse() - what to give evhttp where there is nothing to give
 *
 * evhttp would serve plain text on the TLS port if it got NULL. This one accepts no socket, so that evhttp closes the
 * connection without a byte.
 */
struct bufferevent *tls_refuse(struct event_base *base);

/* tls_attachment() - what tls_accept() was given; NULL where the connection is not ours */
void *tls_attachment(struct tls_server *server, struct bufferevent *connection);

enum tls_peer_kind {
        TLS_PEER_UNSAFE =
                0, /* no TLS, no finished handshake, or a certificate we cannot use: no answer at all */
        TLS_PEER_NONE,   /* no certificate */
        TLS_PEER_DEVICE, /* a certificate of our authority, good or only expired */
        TLS_PEER_OTHER,  /* of our authority, but not a device's */
};

struct tls_peer {
        enum tls_peer_kind kind;
        struct uuid device;                  /* TLS_PEER_DEVICE */
        uint8_t public_key[PUBLIC_KEY_SIZE]; /* of the certificate */
        uint8_t fingerprint[HASH_SIZE];      /* SHA-256 of its DER */
        int64_t not_before_ms, not_after_ms; /* to be judged on every request */
};

/* tls_peer_read() - who is at the other end, by the certificate alone */
void tls_peer_read(struct bufferevent *connection, struct tls_peer *ret);

#endif

#include "store/tls.h"

#include "common/error.h"
#include "store/ca.h"

#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>
#include <event2/event.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <pthread.h>
#include <string.h>

struct tls_server {
        pthread_mutex_t lock; /* of `context`, which tls_server_replace() changes */
        SSL_CTX *context;
        int index; /* of the attachment among a TLS object's extra data */
        void (*released)(void *attachment, bool handshake_done);
};

static const char session_context[] = "pannier-store";
enum { SESSION_LIFE_S = 6 * 3600 };

static void context_freep(SSL_CTX **context)
{
        SSL_CTX_free(*context);
}

static void certificate_freep(X509 **certificate)
{
        X509_free(*certificate);
}

static void key_freep(EVP_PKEY **key)
{
        EVP_PKEY_free(*key);
}

static int library_failed(int error, const char *what)
{
        char words[256] = "no reason given";
        unsigned long code = ERR_peek_last_error();

        if (code)
                ERR_error_string_n(code, words, sizeof(words));
        ERR_clear_error();
        return FAIL(error, "%s: %s", what, words);
}

/* The one fault that a device may have and still be talked to: it asks for a new certificate. */
static int tolerate_expired(int good, X509_STORE_CTX *chain)
{
        if (good)
                return 1;
        return X509_STORE_CTX_get_error(chain) == X509_V_ERR_CERT_HAS_EXPIRED &&
               X509_STORE_CTX_get_error_depth(chain) == 0;
}

static int read_certificate(struct bytes der, X509 **ret)
{
        const uint8_t *at = der.data;
        X509 *certificate = der.size && der.size < BUFFER_LIMIT_MAX
                                    ? d2i_X509(NULL, &at, (long)der.size)
                                    : NULL;

        if (!certificate)
                return library_failed(PANNIER_E_MALFORMED, "certificate");
        *ret = certificate;
        return 0;
}

static int read_key(struct bytes pem, EVP_PKEY **ret)
{
        BIO *bio = pem.size < BUFFER_LIMIT_MAX ? BIO_new_mem_buf(pem.data, (int)pem.size) : NULL;
        EVP_PKEY *key = bio ? PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL) : NULL;

        (void)BIO_free(bio);
        if (!key)
                return library_failed(PANNIER_E_MALFORMED, "private key");
        *ret = key;
        return 0;
}

static int trust(SSL_CTX *context, struct bytes der)
{
        CLEANUP(certificate_freep) X509 *authority = NULL;
        int r = read_certificate(der, &authority);

        if (r < 0)
                return r;
        if (X509_STORE_add_cert(SSL_CTX_get_cert_store(context), authority) != 1 ||
            SSL_CTX_add_client_CA(context, authority) != 1)
                return library_failed(PANNIER_E_CRYPTO, "authority");
        return 0;
}

static int identify(SSL_CTX *context, const struct tls_identity *identity)
{
        CLEANUP(certificate_freep) X509 *certificate = NULL;
        CLEANUP(key_freep) EVP_PKEY *key = NULL;
        int r = read_certificate(identity->certificate, &certificate);

        r = r < 0 ? r : read_key(identity->key_pem, &key);
        if (r < 0)
                return r;
        if (SSL_CTX_use_certificate(context, certificate) != 1 ||
            SSL_CTX_use_PrivateKey(context, key) != 1 || SSL_CTX_check_private_key(context) != 1)
                return library_failed(PANNIER_E_CRYPTO, "server key and certificate");
        return trust(context, identity->authority);
}

static int context_new(const struct tls_identity *identity, SSL_CTX **ret)
{
        CLEANUP(context_freep) SSL_CTX *context = SSL_CTX_new(TLS_server_method());
        int r;

        if (!context || SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION) != 1 ||
            SSL_CTX_set_max_proto_version(context, TLS1_3_VERSION) != 1 ||
            SSL_CTX_set_session_id_context(context, (const unsigned char *)session_context,
                                           sizeof(session_context) - 1) != 1 ||
            SSL_CTX_set_num_tickets(context, 1) != 1)
                return library_failed(PANNIER_E_CRYPTO, "TLS");
        SSL_CTX_set_verify(context, SSL_VERIFY_PEER, tolerate_expired);
        SSL_CTX_set_verify_depth(context, 1);
        /* Sessions live in tickets only; an idle connection keeps no record buffers (32 kB less for each). */
        SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
        SSL_CTX_set_timeout(context, SESSION_LIFE_S);
        SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
        r = identify(context, identity);
        if (r < 0)
                return r;
        *ret = TAKE(context);
        return 0;
}

static void attachment_released(void *parent, void *attachment, CRYPTO_EX_DATA *data, int index,
                                long number, void *pointer)
{
        struct tls_server *server = pointer;

        (void)data, (void)index, (void)number;
        if (attachment)
                server->released(attachment, SSL_is_init_finished(parent) == 1);
}

int tls_server_new(const struct tls_identity *identity,
                   void (*released)(void *attachment, bool handshake_done), struct tls_server **ret)
{
        CLEANUP(tls_server_freep) struct tls_server *server = calloc(1, sizeof(*server));
        int r;

        if (!server)
                return FAIL(PANNIER_E_MEMORY, "TLS server");
        (void)pthread_mutex_init(&server->lock, NULL);
        server->released = released;
        server->index = SSL_get_ex_new_index(0, server, NULL, NULL, attachment_released);
        if (server->index < 0)
                return library_failed(PANNIER_E_CRYPTO, "TLS");
        r = context_new(identity, &server->context);
        if (r < 0)
                return r;
        *ret = TAKE(server);
        return 0;
}

struct tls_server *tls_server_free(struct tls_server *server)
{
        if (!server)
                return NULL;
        if (server->index > 0)
                (void)CRYPTO_free_ex_index(CRYPTO_EX_INDEX_SSL, server->index);
        SSL_CTX_free(server->context);
        (void)pthread_mutex_destroy(&server->lock);
        free(server);
        return NULL;
}

int tls_server_replace(struct tls_server *server, const struct tls_identity *identity)
{
        SSL_CTX *fresh = NULL, *old;
        int r = context_new(identity, &fresh);

        if (r < 0)
                return r;
        (void)pthread_mutex_lock(&server->lock);
        old = server->context;
        server->context = fresh;
        (void)pthread_mutex_unlock(&server->lock);
        SSL_CTX_free(old); /* connections that use it hold their own references */
        return 0;
}

struct bufferevent *tls_refuse(struct event_base *base)
{
        struct bufferevent *pair[2] = {NULL, NULL};

        if (bufferevent_pair_new(base, BEV_OPT_CLOSE_ON_FREE, pair) < 0)
                return NULL; /* then handlers see that there is no TLS object, and close */
        bufferevent_free(pair[1]);
        return pair[0];
}

struct bufferevent *tls_accept(struct tls_server *server, struct event_base *base, void *attachment)
{
        struct bufferevent *connection;
        SSL *tls;

        (void)pthread_mutex_lock(&server->lock);
        tls = SSL_new(server->context);
        (void)pthread_mutex_unlock(&server->lock);
        if (!tls || SSL_set_ex_data(tls, server->index, attachment) != 1) {
                SSL_free(tls);
                ERR_clear_error();
                server->released(attachment, false);
                return NULL;
        }
        connection = bufferevent_openssl_socket_new(base, -1, tls, BUFFEREVENT_SSL_ACCEPTING,
                                                    BEV_OPT_CLOSE_ON_FREE);
        if (!connection)
                SSL_free(tls); /* releases the attachment */
        return connection;
}

void *tls_attachment(struct tls_server *server, struct bufferevent *connection)
{
        SSL *tls = bufferevent_openssl_get_ssl(connection);

        return tls ? SSL_get_ex_data(tls, server->index) : NULL;
}

static void read_facts(const X509 *certificate, struct tls_peer *peer)
{
        CLEANUP(buffer_deinit) struct buffer der = BUFFER_INIT;
        struct certificate_facts facts;
        int size = i2d_X509(certificate, NULL);
        uint8_t *at = size > 0 ? buffer_reserve(&der, (size_t)size) : NULL;

        if (!at)
                return;
        (void)i2d_X509(certificate, &at);
        der.size = (size_t)size;
        if (crypto_certificate_read(buffer_view(&der), &facts) < 0)
                return;
        memcpy(peer->public_key, facts.public_key, sizeof(peer->public_key));
        memcpy(peer->fingerprint, facts.fingerprint, sizeof(peer->fingerprint));
        peer->not_before_ms = facts.not_before_ms;
        peer->not_after_ms = facts.not_after_ms;
        peer->kind =
                ca_device_from_uri(facts.uri, &peer->device) < 0 ? TLS_PEER_OTHER : TLS_PEER_DEVICE;
}

void tls_peer_read(struct bufferevent *connection, struct tls_peer *ret)
{
        SSL *tls = bufferevent_openssl_get_ssl(connection);
        const X509 *certificate;
        long verdict;

        *ret = (struct tls_peer){.kind = TLS_PEER_UNSAFE};
        if (!tls || !SSL_is_init_finished(tls) || SSL_version(tls) != TLS1_3_VERSION)
                return;
        certificate = SSL_get0_peer_certificate(tls);
        if (!certificate) {
                ret->kind = TLS_PEER_NONE;
                return;
        }
        /* A resumed session brings the verdict of its first handshake; dates are judged anew by the caller. */
        verdict = SSL_get_verify_result(tls);
        if (verdict == X509_V_OK || verdict == X509_V_ERR_CERT_HAS_EXPIRED)
                read_facts(certificate, ret);
}

#include "common/crypto.h"
#include "common/error.h"

#include <openssl/ssl.h>

int crypto_tls_judge_at(void *tls_context, int64_t now_ms)
{
        SSL_CTX *context = tls_context;

        X509_VERIFY_PARAM_set_time(SSL_CTX_get0_param(context), (time_t)(now_ms / 1000));
        return 0;
}

/**
 * Functions of OpenSSL 3 that make contexts from keys and certificates, declared as in its manual pages. They are needed
 * only with the system's library: with that of the node binary, `node:tls` makes contexts.
 */

import type { Library } from './library.js';

function declareReaders(library: Library) {
  return {
    d2i_PKCS12_bio: library.declare('int64_t d2i_PKCS12_bio(int64_t bp, int64_t p12)'),
    ERR_peek_last_error: library.declare('unsigned long ERR_peek_last_error()'),
    EVP_PKEY_free: library.declare('void EVP_PKEY_free(int64_t key)'),
    EVP_PKEY_get_bits: library.declare('int EVP_PKEY_get_bits(int64_t pkey)'),
    EVP_PKEY_up_ref: library.declare('int EVP_PKEY_up_ref(int64_t key)'),
    OPENSSL_init_ssl: library.declare('int OPENSSL_init_ssl(uint64_t opts, int64_t settings)'),
    OPENSSL_sk_free: library.declare('void OPENSSL_sk_free(int64_t st)'),
    OPENSSL_sk_num: library.declare('int OPENSSL_sk_num(int64_t st)'),
    OPENSSL_sk_value: library.declare('int64_t OPENSSL_sk_value(int64_t st, int i)'),
    PEM_read_bio_Parameters: library.declare('int64_t PEM_read_bio_Parameters(int64_t bp, int64_t x)'),
    PEM_read_bio_PrivateKey: library.declare(
      'int64_t PEM_read_bio_PrivateKey(int64_t bp, int64_t x, int64_t cb, int64_t u)',
    ),
    PEM_read_bio_X509_AUX: library.declare(
      'int64_t PEM_read_bio_X509_AUX(int64_t bp, int64_t x, int64_t cb, int64_t u)',
    ),
    PEM_read_bio_X509_CRL: library.declare(
      'int64_t PEM_read_bio_X509_CRL(int64_t bp, int64_t x, int64_t cb, int64_t u)',
    ),
    PKCS12_free: library.declare('void PKCS12_free(int64_t p12)'),
    PKCS12_parse: library.declare(
      'int PKCS12_parse(int64_t p12, int64_t pass, int64_t pkey, int64_t cert, int64_t ca)',
    ),
    X509_CRL_free: library.declare('void X509_CRL_free(int64_t a)'),
  };
}

function declareMakers(library: Library) {
  return {
    SSL_CTX_add_client_CA: library.declare('int SSL_CTX_add_client_CA(int64_t ctx, int64_t cacert)'),
    SSL_CTX_ctrl: library.declare('long SSL_CTX_ctrl(int64_t ctx, int cmd, long larg, int64_t parg)'),
    SSL_CTX_get_cert_store: library.declare('int64_t SSL_CTX_get_cert_store(int64_t ctx)'),
    SSL_CTX_new: library.declare('int64_t SSL_CTX_new(int64_t method)'),
    SSL_CTX_set0_tmp_dh_pkey: library.declare('int SSL_CTX_set0_tmp_dh_pkey(int64_t ctx, int64_t dhpkey)'),
    SSL_CTX_set1_cert_store: library.declare('void SSL_CTX_set1_cert_store(int64_t ctx, int64_t store)'),
    SSL_CTX_set_cipher_list: library.declare('int SSL_CTX_set_cipher_list(int64_t ctx, int64_t str)'),
    SSL_CTX_set_ciphersuites: library.declare('int SSL_CTX_set_ciphersuites(int64_t ctx, int64_t str)'),
    SSL_CTX_set_options: library.declare('uint64_t SSL_CTX_set_options(int64_t ctx, uint64_t options)'),
    SSL_CTX_set_session_id_context: library.declare(
      'int SSL_CTX_set_session_id_context(int64_t ctx, int64_t sid_ctx, unsigned int sid_ctx_len)',
    ),
    SSL_CTX_set_timeout: library.declare('long SSL_CTX_set_timeout(int64_t ctx, long t)'),
    SSL_CTX_use_certificate: library.declare('int SSL_CTX_use_certificate(int64_t ctx, int64_t x)'),
    SSL_CTX_use_PrivateKey: library.declare('int SSL_CTX_use_PrivateKey(int64_t ctx, int64_t pkey)'),
    TLS_method: library.declare('int64_t TLS_method()'),
    X509_STORE_add_cert: library.declare('int X509_STORE_add_cert(int64_t xs, int64_t x)'),
    X509_STORE_add_crl: library.declare('int X509_STORE_add_crl(int64_t xs, int64_t x)'),
    X509_STORE_free: library.declare('void X509_STORE_free(int64_t xs)'),
    X509_STORE_new: library.declare('int64_t X509_STORE_new()'),
    X509_STORE_set_default_paths: library.declare('int X509_STORE_set_default_paths(int64_t xs)'),
    X509_STORE_set_flags: library.declare('int X509_STORE_set_flags(int64_t xs, unsigned long flags)'),
  };
}

export function declareContexts(library: Library) {
  return { ...declareReaders(library), ...declareMakers(library) };
}

export type ContextFunctions = ReturnType<typeof declareContexts>;

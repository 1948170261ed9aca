/* A server over TLS 1.3 on epoll and OpenSSL: level-triggered, sockets that do not block, one thread. OpenSSL reads and
 * writes the sockets itself, with read-ahead, so that a record takes one read. */

#define _GNU_SOURCE
#include "common.h"
#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

enum { ROLE_PREFIX = sizeof "tls-" - 1 };

struct connection {
  int fd, open, closed;
  SSL *ssl;
  uint32_t events;
  uint64_t bytes;
  /* Bytes that could not be sent yet. */
  uint8_t *waiting;
  size_t waiting_bytes;
  struct connection *next;
};

#include "epoll-loop.h"

static enum role role;
static SSL_CTX *context;
static uint8_t block[BLOCK_BYTES], buffer[BUFFER_BYTES];

static void close_connection(struct connection *connection) {
  if (connection->closed) {
    return;
  }
  connection->closed = 1;
  ERR_clear_error();
  if (connection->open) {
    SSL_shutdown(connection->ssl);
    ERR_clear_error();
  }
  SSL_free(connection->ssl);
  close(connection->fd);
  free(connection->waiting);
  connection->next = closed;
  closed = connection;
}

/* Whether a call that has failed is to be made again when the socket is ready; all else closes the connection. */
static int again(struct connection *connection, int result) {
  switch (SSL_get_error(connection->ssl, result)) {
    case SSL_ERROR_WANT_READ:
      return 1;
    case SSL_ERROR_WANT_WRITE:
      watch(connection, EPOLL_CTL_MOD, connection->events | EPOLLOUT);
      return 1;
    default:
      close_connection(connection);
      return 0;
  }
}

/* Sends what can be sent; the rest waits, and nothing more is read meanwhile. */
static void send_or_keep(struct connection *to, const uint8_t *bytes, size_t length) {
  size_t place = 0;
  while (to->waiting_bytes == 0 && place < length) {
    int sent = SSL_write(to->ssl, bytes + place, (int)(length - place));
    if (sent <= 0) {
      if (!again(to, sent)) {
        return;
      }
      break;
    }
    place += (size_t)sent;
  }
  if (place < length) {
    to->waiting = realloc(to->waiting, to->waiting_bytes + length - place);
    memcpy(to->waiting + to->waiting_bytes, bytes + place, length - place);
    to->waiting_bytes += length - place;
    watch(to, EPOLL_CTL_MOD, EPOLLOUT);
  }
}

static void send_waiting(struct connection *to) {
  size_t place = 0;
  while (place < to->waiting_bytes) {
    int sent = SSL_write(to->ssl, to->waiting + place, (int)(to->waiting_bytes - place));
    if (sent <= 0) {
      if (!again(to, sent)) {
        return;
      }
      break;
    }
    place += (size_t)sent;
  }
  to->waiting_bytes -= place;
  memmove(to->waiting, to->waiting + place, to->waiting_bytes);
  if (to->waiting_bytes == 0) {
    watch(to, EPOLL_CTL_MOD, EPOLLIN);
  }
}

static void send_blocks(struct connection *to) {
  for (;;) {
    size_t place = to->bytes % BLOCK_BYTES;
    int sent = SSL_write(to->ssl, block + place, (int)(BLOCK_BYTES - place));
    if (sent <= 0) {
      again(to, sent);
      return;
    }
    to->bytes += (uint64_t)sent;
  }
}

/* Whether OpenSSL has more, which no event would name. */
static int receive(struct connection *from) {
  int length = SSL_read(from->ssl, buffer, sizeof buffer);
  if (length <= 0) {
    again(from, length);
    return 0;
  }
  if (role == AS_SINK) {
    const uint8_t *answer = sink_answer(&from->bytes, buffer, (size_t)length);
    if (answer != NULL) {
      send_or_keep(from, answer, 1);
    }
  } else if (role == AS_ECHO) {
    send_or_keep(from, buffer, (size_t)length);
  }
  return !from->closed && SSL_has_pending(from->ssl);
}

static void accept_all(int listener) {
  int fd;
  while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
    struct connection *connection = calloc(1, sizeof *connection);
    connection->fd = fd;
    connection->ssl = SSL_new(context);
    SSL_set_fd(connection->ssl, fd);
    SSL_set_accept_state(connection->ssl);
    watch(connection, EPOLL_CTL_ADD, EPOLLIN);
  }
}

static void handshake(struct connection *connection) {
  int result = SSL_do_handshake(connection->ssl);
  if (result != 1) {
    again(connection, result);
    return;
  }
  connection->open = 1;
  watch(connection, EPOLL_CTL_MOD, role == AS_SOURCE ? EPOLLIN | EPOLLOUT : EPOLLIN);
  /* The first bytes may have come with the end of the handshake. */
  while (SSL_has_pending(connection->ssl) && receive(connection)) {
    /* All of it. */
  }
}

static void handle(const struct epoll_event *event) {
  struct connection *connection = event->data.ptr;
  if (connection->closed) {
    return;
  }
  ERR_clear_error();
  if (!connection->open) {
    handshake(connection);
    return;
  }
  if ((event->events & EPOLLOUT) != 0) {
    if (role == AS_SOURCE) {
      send_blocks(connection);
    } else {
      send_waiting(connection);
    }
  }
  if ((event->events & (EPOLLIN | EPOLLERR | EPOLLHUP)) != 0) {
    while (!connection->closed && receive(connection)) {
      /* All of it. */
    }
  }
}

static void make_context(void) {
  const char *cert = getenv("TLS_CERT_FILE"), *key = getenv("TLS_KEY_FILE");
  context = SSL_CTX_new(TLS_server_method());
  if (cert == NULL || key == NULL || SSL_CTX_use_certificate_chain_file(context, cert) != 1 ||
      SSL_CTX_use_PrivateKey_file(context, key, SSL_FILETYPE_PEM) != 1) {
    ERR_print_errors_fp(stderr);
    fprintf(stderr, "TLS_CERT_FILE or TLS_KEY_FILE: no certificate, or no key of it\n");
    exit(1);
  }
  SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION);
  SSL_CTX_set_read_ahead(context, 1);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
}

int main(int argc, char **argv) {
  if (argc > 1 && strncmp(argv[1], "tls-", ROLE_PREFIX) == 0) {
    argv[1] += ROLE_PREFIX;
  }
  role = role_of(argc, argv);
  fill_block(block);
  make_context();
  serve();
}

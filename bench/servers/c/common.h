/* What the reference servers share: their command line, the listener, and the bytes that they send. */

#ifndef COMMON_H
#define COMMON_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* BUFFER_BYTES is the most that any of them receives at once. */
enum { BACKLOG = 4096, BLOCK_BYTES = 65536, BUFFER_BYTES = 65536, MESSAGE_BYTES = 100, MIB = 1024 * 1024 };
enum { LENGTH_BYTES = 4, FRAMED_BYTES_MAX = 16 * MIB };
enum role { AS_ECHO, AS_SINK, AS_FRAMED, AS_SOURCE, AS_BROADCAST, AS_PROXY, ROLES };

static const char WELCOME = '!';

/* Bytes of the message at a place of what was received: the last may not be whole. */
static inline size_t message_at(size_t place, size_t length) {
  return length - place < MESSAGE_BYTES ? length - place : MESSAGE_BYTES;
}

/* The role of the first argument; ends the process where it is none. */
static inline enum role role_of(int argc, char **argv) {
  static const char *const names[ROLES] = {"echo", "sink", "framed", "source", "broadcast", "proxy"};
  for (int role = 0; argc > 1 && role < ROLES; role++) {
    if (strcmp(argv[1], names[role]) == 0) {
      return (enum role)role;
    }
  }
  fprintf(stderr, "usage: %s ROLE [PORT [MARK]]\n", argv[0]);
  exit(2);
}

/* Ends the process where a call failed that cannot fail while all is well. */
static inline int sure(const char *call, int result) {
  if (result < 0) {
    perror(call);
    exit(1);
  }
  return result;
}

static inline void say_port(int port) {
  printf("%d\n", port);
  fflush(stdout);
}

static inline struct sockaddr_in loopback(int port) {
  struct sockaddr_in address;
  memset(&address, 0, sizeof address);
  address.sin_family = AF_INET;
  address.sin_port = htons((uint16_t)port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

static inline void no_delay(int fd) {
  int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

/* A listener on a free port, which it says. What it accepts has its no-delay. */
static inline int listen_anywhere(int flags) {
  struct sockaddr_in address = loopback(0);
  socklen_t length = sizeof address;
  int fd = sure("socket", socket(AF_INET, SOCK_STREAM | flags, 0));
  no_delay(fd);
  sure("bind", bind(fd, (struct sockaddr *)&address, length));
  sure("listen", listen(fd, BACKLOG));
  sure("getsockname", getsockname(fd, (struct sockaddr *)&address, &length));
  signal(SIGPIPE, SIG_IGN);
  say_port(ntohs(address.sin_port));
  return fd;
}

/* What a source sends, again and again. */
static inline void fill_block(uint8_t *block) {
  for (int index = 0; index < BLOCK_BYTES; index++) {
    block[index] = (uint8_t)(index * 7 + (index >> 8));
  }
}

/* Counts a chunk of less than one MiB in; the byte that makes a MiB whole, or null. */
static inline const uint8_t *sink_answer(uint64_t *taken, const uint8_t *chunk, size_t length) {
  size_t missing = MIB - *taken % MIB;
  *taken += length;
  return length >= missing ? chunk + missing - 1 : NULL;
}

#endif

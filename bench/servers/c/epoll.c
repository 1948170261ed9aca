/* A server on epoll as its manual shows it: level-triggered, sockets that do not block, one thread. */

#define _GNU_SOURCE
#include "common.h"
#include <errno.h>

struct connection {
  int fd;
  uint32_t events;
  /* The one that is sent what comes in: itself, or the other side of a proxied one. */
  struct connection *to;
  struct connection *next, *previous;
  uint64_t bytes;
  /* A message after its length: what has come of both. */
  uint8_t length[LENGTH_BYTES], *message;
  size_t length_bytes, message_bytes, message_room;
  /* The bytes that have to be there before the kernel says so. */
  int mark;
  /* What could not be sent yet. */
  uint8_t *waiting;
  size_t waiting_bytes;
  int closed;
};

#include "epoll-loop.h"

static enum role role;
/* The highest mark: SO_RCVLOWAT is what is missing of a message, up to that. Nothing is set where it is 0. */
static int mark_max;
static int backend;
static uint8_t block[BLOCK_BYTES], buffer[BUFFER_BYTES];
static struct connection members = {.next = &members, .previous = &members};

static struct connection *open_connection(int fd, uint32_t events) {
  struct connection *connection = calloc(1, sizeof *connection);
  connection->fd = fd;
  connection->to = connection;
  connection->next = &members;
  connection->previous = members.previous;
  members.previous->next = connection;
  members.previous = connection;
  watch(connection, EPOLL_CTL_ADD, events);
  return connection;
}

static void close_connection(struct connection *connection) {
  if (connection->closed) {
    return;
  }
  connection->closed = 1;
  close(connection->fd);
  free(connection->waiting);
  free(connection->message);
  connection->next->previous = connection->previous;
  connection->previous->next = connection->next;
  connection->next = closed;
  closed = connection;
  close_connection(connection->to);
}

/* Sends what can be sent; the rest waits, and nothing more is read meanwhile where it comes from. */
static void send_or_keep(struct connection *from, struct connection *to, const uint8_t *bytes, size_t length) {
  ssize_t sent = to->waiting_bytes > 0 ? 0 : send(to->fd, bytes, length, MSG_NOSIGNAL);
  if (sent < 0 && errno != EAGAIN) {
    close_connection(to);
    return;
  }
  sent = sent < 0 ? 0 : sent;
  if ((size_t)sent < length) {
    to->waiting = realloc(to->waiting, to->waiting_bytes + length - (size_t)sent);
    memcpy(to->waiting + to->waiting_bytes, bytes + sent, length - (size_t)sent);
    to->waiting_bytes += length - (size_t)sent;
    if (role != AS_BROADCAST) {
      watch(from, EPOLL_CTL_MOD, from->events & ~(uint32_t)EPOLLIN);
    }
    watch(to, EPOLL_CTL_MOD, to->events | EPOLLOUT);
  }
}

static void send_waiting(struct connection *to) {
  ssize_t sent = send(to->fd, to->waiting, to->waiting_bytes, MSG_NOSIGNAL);
  if (sent < 0) {
    return;
  }
  to->waiting_bytes -= (size_t)sent;
  memmove(to->waiting, to->waiting + sent, to->waiting_bytes);
  if (to->waiting_bytes == 0) {
    watch(to, EPOLL_CTL_MOD, to->events & ~(uint32_t)EPOLLOUT);
    watch(to->to, EPOLL_CTL_MOD, to->to->events | EPOLLIN);
  }
}

static void send_block(struct connection *to) {
  size_t place = to->bytes % BLOCK_BYTES;
  ssize_t sent;
  while ((sent = send(to->fd, block + place, BLOCK_BYTES - place, MSG_NOSIGNAL)) > 0) {
    to->bytes += (uint64_t)sent;
    place = to->bytes % BLOCK_BYTES;
  }
}

static void broadcast(const uint8_t *bytes, size_t length) {
  struct connection *next;
  for (struct connection *member = members.next; member != &members; member = next) {
    next = member->next;
    send_or_keep(member, member, bytes, length);
  }
}

/* A message that is small, or nearly there, is not waited for. */
static void set_mark(struct connection *connection, size_t missing) {
  int mark = missing < (size_t)mark_max ? (int)missing : mark_max;
  mark = mark < BUFFER_BYTES ? 1 : mark;
  if (mark_max > 0 && mark != connection->mark && !connection->closed) {
    connection->mark = mark;
    sure("setsockopt", setsockopt(connection->fd, SOL_SOCKET, SO_RCVLOWAT, &mark, sizeof mark));
  }
}

/* Receives into the message itself as soon as its length is known. */
static ssize_t receive_framed(struct connection *from) {
  if (from->message == NULL) {
    ssize_t length = recv(from->fd, from->length + from->length_bytes, LENGTH_BYTES - from->length_bytes, 0);
    from->length_bytes += length < 0 ? 0 : (size_t)length;
    if (from->length_bytes < LENGTH_BYTES || length <= 0) {
      return length;
    }
    uint32_t room;
    memcpy(&room, from->length, sizeof room);
    from->message_room = ntohl(room);
    if (from->message_room == 0 || from->message_room > FRAMED_BYTES_MAX) {
      return 0;
    }
    from->message = malloc(from->message_room);
    from->length_bytes = from->message_bytes = 0;
  }
  ssize_t length = recv(from->fd, from->message + from->message_bytes, from->message_room - from->message_bytes, 0);
  if (length <= 0) {
    return length;
  }
  from->message_bytes += (size_t)length;
  if (from->message_bytes == from->message_room) {
    uint8_t *message = from->message;
    from->message = NULL;
    from->bytes++;
    send_or_keep(from, from, message + from->message_room - 1, 1);
    free(message);
    set_mark(from, 1);
  } else {
    set_mark(from, from->message_room - from->message_bytes);
  }
  return length;
}

/* Whether more may be there that no event will name: with a mark, what is below it. */
static int receive(struct connection *from) {
  if (role == AS_FRAMED) {
    ssize_t length = receive_framed(from);
    if (length == 0 || (length < 0 && errno != EAGAIN)) {
      close_connection(from);
    }
    return 0;
  }
  ssize_t length = recv(from->fd, buffer, sizeof buffer, 0);
  if (length == 0 || (length < 0 && errno != EAGAIN)) {
    close_connection(from);
  }
  if (length <= 0) {
    return 0;
  }
  if (role == AS_SINK) {
    const uint8_t *answer = sink_answer(&from->bytes, buffer, (size_t)length);
    if (answer != NULL) {
      send_or_keep(from, from, answer, 1);
    }
    set_mark(from, MIB - from->bytes % MIB);
    return mark_max > 0 && length == sizeof buffer && !from->closed;
  } else if (role == AS_BROADCAST) {
    for (size_t place = 0; place < (size_t)length; place += MESSAGE_BYTES) {
      broadcast(buffer + place, message_at(place, (size_t)length));
    }
  } else if (role != AS_SOURCE) {
    send_or_keep(from, from->to, buffer, (size_t)length);
  }
  return 0;
}

/* A connection to the backend, which is made before anything can be sent on it. */
static void join(struct connection *client) {
  struct sockaddr_in address = loopback(backend);
  int fd = sure("socket", socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0));
  no_delay(fd);
  if (connect(fd, (struct sockaddr *)&address, sizeof address) < 0 && errno != EINPROGRESS) {
    sure("connect", -1);
  }
  struct connection *other = open_connection(fd, EPOLLIN);
  other->to = client;
  client->to = other;
}

static void accept_all(int listener) {
  int fd;
  while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
    struct connection *connection = open_connection(fd, role == AS_SOURCE ? EPOLLIN | EPOLLOUT : EPOLLIN);
    if (role == AS_PROXY) {
      join(connection);
    } else if (role == AS_BROADCAST) {
      send_or_keep(connection, connection, (const uint8_t *)&WELCOME, 1);
    }
  }
}

static void handle(const struct epoll_event *event) {
  struct connection *connection = event->data.ptr;
  if (!connection->closed && (event->events & EPOLLOUT) != 0) {
    if (role == AS_SOURCE) {
      send_block(connection);
    } else {
      send_waiting(connection);
    }
  }
  if (!connection->closed && (event->events & (EPOLLIN | EPOLLERR | EPOLLHUP)) != 0) {
    while (receive(connection)) {
      /* All of it. */
    }
  }
}

int main(int argc, char **argv) {
  role = role_of(argc, argv);
  backend = argc > 2 ? atoi(argv[2]) : 0;
  mark_max = argc > 3 ? atoi(argv[3]) : 0;
  fill_block(block);
  serve();
}

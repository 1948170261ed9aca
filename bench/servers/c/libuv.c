/* A server on libuv as its guide shows it: read_start, and a write that is tried at once before it is queued. */

#include "common.h"
#include <uv.h>

struct connection {
  uv_tcp_t tcp;
  struct connection *to;
  struct connection *next, *previous;
  uint64_t bytes;
  int closing;
  uv_write_t block_write;
};

struct rest {
  uv_write_t write;
  uint8_t bytes[];
};

static enum role role;
static int backend;
static uint8_t block[BLOCK_BYTES], buffer[BUFFER_BYTES];
static struct connection members = {.next = &members, .previous = &members};

static void freed(uv_handle_t *handle) { free(handle); }

static void close_connection(struct connection *connection) {
  if (connection->closing) {
    return;
  }
  connection->closing = 1;
  connection->next->previous = connection->previous;
  connection->previous->next = connection->next;
  uv_close((uv_handle_t *)&connection->tcp, freed);
  close_connection(connection->to);
}

static void rest_written(uv_write_t *write, int status) {
  (void)status;
  free(write);
}

/* What cannot be written at once is copied, as the buffer is read into again. */
static void write_all(struct connection *to, const uint8_t *bytes, size_t length) {
  if (to->closing) {
    return;
  }
  uv_stream_t *stream = (uv_stream_t *)&to->tcp;
  uv_buf_t whole = uv_buf_init((char *)bytes, (unsigned)length);
  int written = uv_try_write(stream, &whole, 1);
  if (written < 0 && written != UV_EAGAIN) {
    close_connection(to);
    return;
  }
  size_t done = written < 0 ? 0 : (size_t)written;
  if (done < length) {
    struct rest *rest = malloc(sizeof *rest + length - done);
    memcpy(rest->bytes, bytes + done, length - done);
    uv_buf_t buf = uv_buf_init((char *)rest->bytes, (unsigned)(length - done));
    uv_write(&rest->write, stream, &buf, 1, rest_written);
  }
}

static void send_block(uv_write_t *write, int status) {
  struct connection *connection = write->data;
  if (status == 0 && !connection->closing) {
    uv_buf_t buf = uv_buf_init((char *)block, BLOCK_BYTES);
    uv_write(write, (uv_stream_t *)&connection->tcp, &buf, 1, send_block);
  }
}

static void room(uv_handle_t *handle, size_t suggested, uv_buf_t *buf) {
  (void)handle, (void)suggested;
  *buf = uv_buf_init((char *)buffer, sizeof buffer);
}

static void broadcast(const uint8_t *bytes, size_t length) {
  for (struct connection *member = members.next, *next; member != &members; member = next) {
    next = member->next;
    write_all(member, bytes, length);
  }
}

static void received(uv_stream_t *stream, ssize_t length, const uv_buf_t *buf) {
  struct connection *connection = (struct connection *)stream;
  const uint8_t *bytes = (const uint8_t *)buf->base;
  if (length < 0) {
    close_connection(connection);
  } else if (role == AS_SINK) {
    const uint8_t *answer = sink_answer(&connection->bytes, bytes, (size_t)length);
    if (answer != NULL) {
      write_all(connection, answer, 1);
    }
  } else if (role == AS_BROADCAST) {
    for (size_t place = 0; place < (size_t)length; place += MESSAGE_BYTES) {
      broadcast(bytes + place, message_at(place, (size_t)length));
    }
  } else if (role != AS_SOURCE && length > 0) {
    write_all(connection->to, bytes, (size_t)length);
  }
}

static struct connection *open_connection(uv_loop_t *loop) {
  struct connection *connection = calloc(1, sizeof *connection);
  uv_tcp_init(loop, &connection->tcp);
  connection->to = connection;
  connection->next = &members;
  connection->previous = members.previous;
  members.previous->next = connection;
  members.previous = connection;
  return connection;
}

static void joined(uv_connect_t *connect, int status) {
  struct connection *other = (struct connection *)connect->handle;
  free(connect);
  if (status < 0) {
    close_connection(other);
    return;
  }
  uv_tcp_nodelay(&other->tcp, 1);
  uv_read_start((uv_stream_t *)&other->tcp, room, received);
  uv_read_start((uv_stream_t *)&other->to->tcp, room, received);
}

static void join(struct connection *client) {
  struct connection *other = open_connection(client->tcp.loop);
  other->to = client;
  client->to = other;
  struct sockaddr_in address = loopback(backend);
  uv_tcp_connect(malloc(sizeof(uv_connect_t)), &other->tcp, (struct sockaddr *)&address, joined);
}

static void accepted(uv_stream_t *listener, int status) {
  if (status < 0) {
    return;
  }
  struct connection *connection = open_connection(listener->loop);
  uv_stream_t *stream = (uv_stream_t *)&connection->tcp;
  if (uv_accept(listener, stream) < 0) {
    close_connection(connection);
    return;
  }
  uv_tcp_nodelay(&connection->tcp, 1);
  if (role == AS_PROXY) {
    join(connection);
    return;
  }
  uv_read_start(stream, room, received);
  if (role == AS_SOURCE) {
    connection->block_write.data = connection;
    send_block(&connection->block_write, 0);
  } else if (role == AS_BROADCAST) {
    write_all(connection, (const uint8_t *)&WELCOME, 1);
  }
}

int main(int argc, char **argv) {
  role = role_of(argc, argv);
  backend = argc > 2 ? atoi(argv[2]) : 0;
  fill_block(block);
  signal(SIGPIPE, SIG_IGN);
  uv_loop_t *loop = uv_default_loop();
  uv_tcp_t listener;
  uv_tcp_init(loop, &listener);
  struct sockaddr_in address = loopback(0);
  uv_tcp_bind(&listener, (struct sockaddr *)&address, 0);
  sure("uv_listen", uv_listen((uv_stream_t *)&listener, BACKLOG, accepted));
  int length = sizeof address;
  uv_tcp_getsockname(&listener, (struct sockaddr *)&address, &length);
  say_port(ntohs(address.sin_port));
  return uv_run(loop, UV_RUN_DEFAULT);
}

/*
 * A server on io_uring with what liburing's manual recommends: multishot accept and receive, a ring of buffers that the
 * kernel chooses from, and everything that a round has to submit in one call. An echo is sent from the buffer that it
 * came in, which goes back to the ring when it is sent.
 */

#define _GNU_SOURCE
#include "common.h"
#include <errno.h>
#include <liburing.h>

enum { ENTRIES = 4096, COMPLETIONS = 4 * ENTRIES, BUFFERS = 1024, BATCH = 256 };
enum kind { ACCEPT, RECEIVE, SEND };

struct send {
  uint16_t buffer;
  uint32_t length;
};

struct connection {
  int fd;
  int receiving, sending, ended, mark;
  uint64_t bytes;
  /* Echoes that wait for the one that is being sent, in a ring. */
  struct send *queue;
  uint32_t queue_room, queue_first, queue_length;
  uint32_t sent;
};

static enum role role;
/* The highest mark: SO_RCVLOWAT is what is missing of a MiB, up to that. Nothing is set where it is 0. */
static int mark_max;
static struct io_uring ring;
static struct io_uring_buf_ring *buffers;
static uint8_t *memory;
static uint8_t block[BLOCK_BYTES], every_byte[256];
static int buffers_back;

static struct io_uring_sqe *submission(void) {
  struct io_uring_sqe *sqe = io_uring_get_sqe(&ring);
  if (sqe == NULL) {
    io_uring_submit(&ring);
    sqe = io_uring_get_sqe(&ring);
  }
  return sqe;
}

/* What an operation was is in the lowest bits of what its completion carries. Behind its io_uring_prep, which clears it. */
static void name(struct io_uring_sqe *sqe, enum kind kind, struct connection *connection) {
  io_uring_sqe_set_data64(sqe, (uint64_t)(uintptr_t)connection | (uint64_t)kind);
}

static void prepare_accept(int listener) {
  struct io_uring_sqe *sqe = submission();
  io_uring_prep_multishot_accept(sqe, listener, NULL, NULL, 0);
  name(sqe, ACCEPT, NULL);
}

static void prepare_receive(struct connection *connection) {
  struct io_uring_sqe *sqe = submission();
  io_uring_prep_recv_multishot(sqe, connection->fd, NULL, 0, 0);
  name(sqe, RECEIVE, connection);
  sqe->flags |= IOSQE_BUFFER_SELECT;
  sqe->buf_group = 0;
  connection->receiving = 1;
}

static void prepare_send(struct connection *connection, const uint8_t *bytes, size_t length) {
  struct io_uring_sqe *sqe = submission();
  io_uring_prep_send(sqe, connection->fd, bytes, length, MSG_NOSIGNAL | MSG_WAITALL);
  name(sqe, SEND, connection);
  connection->sending++;
}

static void give_back(uint16_t buffer) {
  io_uring_buf_ring_add(buffers, memory + (size_t)buffer * BUFFER_BYTES, BUFFER_BYTES, buffer,
                        io_uring_buf_ring_mask(BUFFERS), buffers_back++);
}

static void set_mark(struct connection *connection) {
  int missing = MIB - (int)(connection->bytes % MIB);
  int mark = missing < mark_max ? missing : mark_max;
  mark = mark < BUFFER_BYTES ? 1 : mark;
  if (mark_max > 0 && mark != connection->mark) {
    connection->mark = mark;
    sure("setsockopt", setsockopt(connection->fd, SOL_SOCKET, SO_RCVLOWAT, &mark, sizeof mark));
  }
}

static void close_when_idle(struct connection *connection) {
  if (connection->ended && !connection->receiving && !connection->sending) {
    close(connection->fd);
    free(connection->queue);
    free(connection);
  }
}

static void drop_first(struct connection *connection) {
  give_back(connection->queue[connection->queue_first].buffer);
  connection->queue_first = (connection->queue_first + 1) % connection->queue_room;
  connection->queue_length--;
}

/* The connection is over: its buffers go back unless one is being sent, and it is closed when nothing is in flight. */
static void end_connection(struct connection *connection) {
  connection->ended = 1;
  while (!connection->sending && connection->queue_length > 0) {
    drop_first(connection);
  }
  if (connection->receiving) {
    shutdown(connection->fd, SHUT_RDWR);
  }
  close_when_idle(connection);
}

static void enqueue(struct connection *connection, uint16_t buffer, uint32_t length) {
  if (connection->queue_length == connection->queue_room) {
    uint32_t room = connection->queue_room == 0 ? 4 : 2 * connection->queue_room;
    struct send *queue = malloc(room * sizeof *queue);
    for (uint32_t index = 0; index < connection->queue_length; index++) {
      queue[index] = connection->queue[(connection->queue_first + index) % connection->queue_room];
    }
    free(connection->queue);
    connection->queue = queue;
    connection->queue_room = room;
    connection->queue_first = 0;
  }
  uint32_t place = (connection->queue_first + connection->queue_length++) % connection->queue_room;
  connection->queue[place] = (struct send){.buffer = buffer, .length = length};
}

static void send_first(struct connection *connection) {
  struct send *first = &connection->queue[connection->queue_first];
  prepare_send(connection, memory + (size_t)first->buffer * BUFFER_BYTES + connection->sent,
               first->length - connection->sent);
}

static void accepted(int fd) {
  if (fd < 0) {
    return;
  }
  struct connection *connection = calloc(1, sizeof *connection);
  connection->fd = fd;
  prepare_receive(connection);
  if (role == AS_SOURCE) {
    prepare_send(connection, block, BLOCK_BYTES);
  }
}

static void received(struct connection *connection, const struct io_uring_cqe *cqe) {
  connection->receiving = (cqe->flags & IORING_CQE_F_MORE) != 0;
  if (cqe->res > 0) {
    uint16_t buffer = (uint16_t)(cqe->flags >> IORING_CQE_BUFFER_SHIFT);
    if (role == AS_ECHO && !connection->ended) {
      enqueue(connection, buffer, (uint32_t)cqe->res);
      if (!connection->sending) {
        send_first(connection);
      }
    } else {
      const uint8_t *bytes = memory + (size_t)buffer * BUFFER_BYTES;
      const uint8_t *answer = role != AS_SINK ? NULL : sink_answer(&connection->bytes, bytes, (size_t)cqe->res);
      if (answer != NULL) {
        /* Several may be on their way, and the buffer is not theirs. */
        prepare_send(connection, &every_byte[*answer], 1);
      }
      if (role == AS_SINK) {
        set_mark(connection);
      }
      give_back(buffer);
    }
  } else if (cqe->res != -ENOBUFS) {
    end_connection(connection);
    return;
  }
  if (connection->ended) {
    close_when_idle(connection);
  } else if (!connection->receiving) {
    prepare_receive(connection);
  }
}

static void sent(struct connection *connection, int result) {
  connection->sending--;
  if (result < 0 || connection->ended) {
    end_connection(connection);
    return;
  }
  if (role == AS_SOURCE) {
    connection->bytes += (uint64_t)result;
    size_t place = connection->bytes % BLOCK_BYTES;
    prepare_send(connection, block + place, BLOCK_BYTES - place);
  } else if (role == AS_ECHO) {
    struct send *first = &connection->queue[connection->queue_first];
    connection->sent += (uint32_t)result;
    if (connection->sent == first->length) {
      connection->sent = 0;
      drop_first(connection);
    }
    if (connection->queue_length > 0) {
      send_first(connection);
    }
  }
}

static void handle(int listener, const struct io_uring_cqe *cqe) {
  struct connection *connection = (struct connection *)(uintptr_t)(cqe->user_data & ~(uint64_t)7);
  switch (cqe->user_data & 7) {
  case ACCEPT:
    accepted(cqe->res);
    if ((cqe->flags & IORING_CQE_F_MORE) == 0) {
      prepare_accept(listener);
    }
    break;
  case RECEIVE:
    received(connection, cqe);
    break;
  default:
    sent(connection, cqe->res);
  }
}

static void open_ring(void) {
  struct io_uring_params params = {.cq_entries = COMPLETIONS};
  params.flags = IORING_SETUP_CQSIZE | IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN;
  if (io_uring_queue_init_params(ENTRIES, &ring, &params) < 0) {
    /* Before Linux 6.1. */
    params = (struct io_uring_params){.cq_entries = COMPLETIONS, .flags = IORING_SETUP_CQSIZE};
    errno = -io_uring_queue_init_params(ENTRIES, &ring, &params);
    sure("io_uring_queue_init_params", -errno);
  }
  memory = aligned_alloc(4096, (size_t)BUFFERS * BUFFER_BYTES);
  buffers = aligned_alloc(4096, BUFFERS * sizeof(struct io_uring_buf));
  struct io_uring_buf_reg registration = {.ring_addr = (uint64_t)(uintptr_t)buffers, .ring_entries = BUFFERS};
  errno = -io_uring_register_buf_ring(&ring, &registration, 0);
  sure("io_uring_register_buf_ring", -errno);
  io_uring_buf_ring_init(buffers);
  for (uint16_t buffer = 0; buffer < BUFFERS; buffer++) {
    give_back(buffer);
  }
  io_uring_buf_ring_advance(buffers, buffers_back);
  buffers_back = 0;
}

int main(int argc, char **argv) {
  role = role_of(argc, argv);
  mark_max = argc > 3 ? atoi(argv[3]) : 0;
  fill_block(block);
  for (int byte = 0; byte < 256; byte++) {
    every_byte[byte] = (uint8_t)byte;
  }
  open_ring();
  int listener = listen_anywhere(0);
  prepare_accept(listener);
  struct io_uring_cqe *cqes[BATCH];
  for (;;) {
    io_uring_submit_and_wait(&ring, 1);
    unsigned count;
    while ((count = io_uring_peek_batch_cqe(&ring, cqes, BATCH)) > 0) {
      for (unsigned index = 0; index < count; index++) {
        handle(listener, cqes[index]);
      }
      io_uring_buf_ring_advance(buffers, buffers_back);
      io_uring_cq_advance(&ring, count);
      buffers_back = 0;
    }
  }
}

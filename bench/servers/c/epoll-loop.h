/* The servers on epoll share their watched connections and their loop. This file is included after `struct connection`, which
 * has the members fd, events and next. */

#ifndef EPOLL_LOOP_H
#define EPOLL_LOOP_H

#include "common.h"
#include <sys/epoll.h>

enum { EVENTS_MAX = 256 };

static int epoll;
/* Closed ones, which events of this round may still name. */
static struct connection *closed;

static void accept_all(int listener);
static void handle(const struct epoll_event *event);

static void watch(struct connection *connection, int how, uint32_t events) {
  struct epoll_event event = {.events = events, .data.ptr = connection};
  if (how == EPOLL_CTL_ADD || connection->events != events) {
    connection->events = events;
    sure("epoll_ctl", epoll_ctl(epoll, how, connection->fd, &event));
  }
}

/* Accepts and handles connections without end. */
static void serve(void) {
  epoll = sure("epoll_create1", epoll_create1(0));
  int listener = listen_anywhere(SOCK_NONBLOCK);
  struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL}, events[EVENTS_MAX];
  sure("epoll_ctl", epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &event));
  for (;;) {
    int count = epoll_wait(epoll, events, EVENTS_MAX, -1);
    for (int index = 0; index < count; index++) {
      if (events[index].data.ptr == NULL) {
        accept_all(listener);
      } else {
        handle(&events[index]);
      }
    }
    while (closed != NULL) {
      struct connection *next = closed->next;
      free(closed);
      closed = next;
    }
  }
}

#endif

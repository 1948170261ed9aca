/**
 * Functions of Linux's C library, declared as in their manual pages, with addresses as numbers. Each returns -1 and
 * sets errno on failure, unless noted otherwise.
 *
 * Functions that transfer bytes are declared to return `int` instead of `ssize_t`: Linux transfers at most 0x7ffff000
 * bytes at once (read(2), "Notes"), and koffi converts an int faster than a 64-bit number.
 */

import { Library } from '../library.js';

/** The call that a blocking thread waits in. */
export const POLL = 'int poll(int64_t fds, uint64_t nfds, int timeout)';

function declareLibc() {
  const library = new Library(null);
  return {
    accept4: library.declare('int accept4(int fd, int64_t addr, int64_t addrlen, int flags)'),
    bind: library.declare('int bind(int fd, int64_t addr, uint32_t addrlen)'),
    close: library.declare('int close(int fd)'),
    connect: library.declare('int connect(int fd, int64_t addr, uint32_t addrlen)'),
    dup3: library.declare('int dup3(int oldfd, int newfd, int flags)'),
    epoll_create1: library.declare('int epoll_create1(int flags)'),
    epoll_ctl: library.declare('int epoll_ctl(int epfd, int op, int fd, int64_t event)'),
    epoll_wait: library.declare('int epoll_wait(int epfd, int64_t events, int maxevents, int timeout)'),
    eventfd: library.declare('int eventfd(uint32_t initval, int flags)'),
    fcntl: library.declare('int fcntl(int fd, int cmd)'),
    getpeername: library.declare('int getpeername(int fd, int64_t addr, int64_t addrlen)'),
    getsockname: library.declare('int getsockname(int fd, int64_t addr, int64_t addrlen)'),
    getsockopt: library.declare('int getsockopt(int fd, int level, int optname, int64_t optval, int64_t optlen)'),
    /** Returns NULL if there is no such interface. */
    if_indextoname: library.declare('int64_t if_indextoname(uint32_t ifindex, int64_t ifname)'),
    /** Returns 0 if there is no such interface. */
    if_nametoindex: library.declare('uint32_t if_nametoindex(str ifname)'),
    ioctl: library.declare('int ioctl(int fd, uint64_t request, int64_t argp)'),
    listen: library.declare('int listen(int fd, int backlog)'),
    mmap: library.declare('int64_t mmap(int64_t addr, size_t length, int prot, int flags, int fd, int64_t offset)'),
    munmap: library.declare('int munmap(int64_t addr, size_t length)'),
    poll: library.declare(POLL),
    pipe2: library.declare('int pipe2(int64_t pipefd, int flags)'),
    read: library.declare('int read(int fd, int64_t buf, size_t count)'),
    recv: library.declare('int recv(int fd, int64_t buf, size_t len, int flags)'),
    select: library.declare(
      'int select(int nfds, int64_t readfds, int64_t writefds, int64_t exceptfds, int64_t timeout)',
    ),
    send: library.declare('int send(int fd, int64_t buf, size_t len, int flags)'),
    sendmsg: library.declare('int sendmsg(int fd, int64_t msg, int flags)'),
    setsockopt: library.declare('int setsockopt(int fd, int level, int optname, int64_t optval, uint32_t optlen)'),
    shutdown: library.declare('int shutdown(int fd, int how)'),
    socket: library.declare('int socket(int domain, int type, int protocol)'),
    socketpair: library.declare('int socketpair(int domain, int type, int protocol, int64_t sv)'),
    syscall: library.declare(
      'int64_t syscall(int64_t number, int64_t a, int64_t b, int64_t c, int64_t d, int64_t e, int64_t f)',
    ),
    /** `syscall` for io_uring_enter, with numbers that koffi converts faster than 64-bit ones. */
    syscallEnter: library.declare(
      'int syscall(int64_t number, int fd, uint32_t to_submit, uint32_t min_complete, uint32_t flags, int64_t arg, uint32_t argsz)',
    ),
    /** `syscall` with three arguments and an int as its result, which koffi converts faster. */
    syscall3: library.declare('int syscall(int64_t number, int64_t a, int64_t b, int64_t c)'),
    unlink: library.declare('int unlink(int64_t pathname)'),
    write: library.declare('int write(int fd, int64_t buf, size_t count)'),
  };
}

export type Libc = ReturnType<typeof declareLibc>;

let declared: Libc | undefined;

/** The C library, opened at the first call, because Windows loads this module, too. */
export function libc(): Libc {
  declared ??= declareLibc();
  return declared;
}

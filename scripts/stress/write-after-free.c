/*
 * Finds writes into memory that was given back, by the kernel too, which no sanitizer sees. LD_PRELOAD it: what `free` and
 * `munmap` get is filled with a pattern and kept for a while. When its turn to really go has come, a byte that is not the
 * pattern's was written by somebody who no longer had the memory. The last line of standard error has the counts.
 *
 *   cc -O2 -shared -fPIC -o write-after-free.so write-after-free.c -ldl -lpthread
 *
 * WRITE_AFTER_FREE_MB: how much is kept, 512 by default.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <malloc.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define PATTERN 0xa5
#define WORD 0xa5a5a5a5a5a5a5a5ull
/* Smaller ones are no receive buffers, and there are too many of them. */
#define FREED_MIN 512
/* V8's pages of 256 KiB come and go all the time. */
#define UNMAPPED_MIN (512u << 10)
/* A mapping that is larger is mostly reserved: the memory of WebAssembly has 8 GiB of guards. Its writable parts count. */
#define PARTS_MAX 16
#define KEPT_MAX (1u << 18)
#define REPORTS_MAX 40

struct part { unsigned char *start; size_t bytes; };
struct kept { unsigned char *start; size_t bytes; int mapped; int parts; struct part *part; };

static struct kept kept[KEPT_MAX];
static unsigned first, next;
static size_t total, most;
static unsigned long checked, found, unmapped;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static __thread int inside;
static void (*real_free)(void *);
static int (*real_munmap)(void *, size_t);

__attribute__((constructor)) static void begin(void) {
  real_free = dlsym(RTLD_NEXT, "free");
  real_munmap = dlsym(RTLD_NEXT, "munmap");
  const char *megabytes = getenv("WRITE_AFTER_FREE_MB");
  most = (size_t)(megabytes ? atol(megabytes) : 512) << 20;
}

static void look(const char *what, const unsigned char *start, size_t bytes) {
  const uint64_t *words = (const uint64_t *)start;
  size_t count = bytes / 8;
  checked++;
  for (size_t at = 0; at < count; at++) {
    if (words[at] == WORD) continue;
    size_t last = count - 1;
    while (words[last] == WORD) last--;
    if (found++ < REPORTS_MAX) {
      char line[256];
      const unsigned char *b = start + at * 8;
      int length = snprintf(line, sizeof line, "write after %s: %zu bytes at %p, from +%zu to +%zu: %02x %02x %02x %02x %02x %02x %02x %02x\n",
        what, bytes, (void *)start, at * 8, last * 8 + 8, b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[7]);
      if (write(2, line, length) < 0) return;
    }
    return;
  }
}

static void lookAt(const struct kept *one) {
  if (!one->mapped) look("free", one->start, one->bytes);
  for (int i = 0; i < one->parts; i++) look("munmap", one->part[i].start, one->part[i].bytes);
}

/* With the lock. */
static void keep(struct kept one) {
  kept[next++ % KEPT_MAX] = one;
  if (!one.mapped) total += one.bytes;
  for (int i = 0; i < one.parts; i++) total += one.part[i].bytes;
  while (first != next && (total > most || next - first >= KEPT_MAX - 1)) {
    struct kept old = kept[first++ % KEPT_MAX];
    lookAt(&old);
    if (!old.mapped) { total -= old.bytes; real_free(old.start); continue; }
    for (int i = 0; i < old.parts; i++) total -= old.part[i].bytes;
    real_free(old.part);
    real_munmap(old.start, old.bytes);
  }
}

void free(void *pointer) {
  if (!pointer) return;
  if (!real_free) real_free = dlsym(RTLD_NEXT, "free");
  size_t bytes = malloc_usable_size(pointer);
  if (bytes < FREED_MIN || inside || most == 0) { real_free(pointer); return; }
  memset(pointer, PATTERN, bytes);
  inside = 1;
  pthread_mutex_lock(&lock);
  keep((struct kept){ pointer, bytes, 0, 0, 0 });
  pthread_mutex_unlock(&lock);
  inside = 0;
}

/* The private, writable parts of a range that no file is behind (proc(5), maps). */
static int writable(unsigned char *start, size_t bytes, struct part *parts) {
  FILE *maps = fopen("/proc/self/maps", "re");
  char line[512];
  int count = 0;
  while (maps && count < PARTS_MAX && fgets(line, sizeof line, maps)) {
    unsigned long from, to, inode;
    char mode[5];
    if (sscanf(line, "%lx-%lx %4s %*x %*s %lu", &from, &to, mode, &inode) != 4) continue;
    if (to <= (unsigned long)start || from >= (unsigned long)start + bytes) continue;
    if (from < (unsigned long)start) from = (unsigned long)start;
    if (to > (unsigned long)start + bytes) to = (unsigned long)start + bytes;
    if (strcmp(mode, "rw-p") == 0 && inode == 0) parts[count++] = (struct part){ (unsigned char *)from, to - from };
  }
  if (maps) fclose(maps);
  return count;
}

int munmap(void *start, size_t bytes) {
  if (!real_munmap) real_munmap = dlsym(RTLD_NEXT, "munmap");
  if (bytes < UNMAPPED_MIN || inside || most == 0) return real_munmap(start, bytes);
  inside = 1;
  struct part *parts = malloc(PARTS_MAX * sizeof *parts);
  int count = parts ? writable(start, bytes, parts) : 0;
  size_t sum = 0;
  for (int i = 0; i < count; i++) sum += parts[i].bytes;
  int result = 0;
  if (count == 0 || sum > most / 4) {
    real_free(parts);
    result = real_munmap(start, bytes);
  } else {
    for (int i = 0; i < count; i++) memset(parts[i].start, PATTERN, parts[i].bytes);
    pthread_mutex_lock(&lock);
    unmapped++;
    keep((struct kept){ start, bytes, 1, count, parts });
    pthread_mutex_unlock(&lock);
  }
  inside = 0;
  return result;
}

__attribute__((destructor)) static void end(void) {
  pthread_mutex_lock(&lock);
  for (unsigned at = first; at != next; at++) lookAt(&kept[at % KEPT_MAX]);
  char line[160];
  int length = snprintf(line, sizeof line, "write-after-free: %lu blocks looked at, %lu of them unmapped, %lu written\n", checked, unmapped, found);
  if (write(2, line, length) < 0) return;
}

/*
 * A library for LD_PRELOAD that records what a program does to the files of one folder, in the order in which it happened,
 * and what it writes to its standard output. recording.ts reads the recording; its format is drawn there.
 *
 *   RECORD_FOLDER  the folder, as an absolute path without links
 *   RECORD_FILE    where the recording goes
 *
 * One lock is held over each call and its record, except over a flush: that is recorded when it begins and when it ends.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#define MAX_FDS 4096

struct file {
  int is_tracked, is_folder, is_synchronous;
  uint64_t inode;
};

static struct file files[MAX_FDS];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int record_fd = -1;
static char folder[4096];
static size_t folder_length;

#define REAL(name) __typeof__(name) *real = (__typeof__(name) *)dlsym(RTLD_NEXT, #name)

__attribute__((constructor)) static void start(void) {
  const char *path = getenv("RECORD_FILE"), *of = getenv("RECORD_FOLDER");
  if (!path || !of || strlen(of) >= sizeof folder) return;
  strcpy(folder, of);
  folder_length = strlen(folder);
  int (*real_open)(const char *, int, ...) = dlsym(RTLD_NEXT, "open");
  record_fd = real_open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
}

static void put(const void *bytes, size_t length) {
  ssize_t (*real_write)(int, const void *, size_t) = dlsym(RTLD_NEXT, "write");
  while (length > 0) {
    ssize_t done = real_write(record_fd, bytes, length);
    if (done < 0) {
      if (errno == EINTR) continue;
      abort(); /* A recording with a hole proves nothing. */
    }
    bytes = (const char *)bytes + done;
    length -= done;
  }
}

/* kind, two numbers, and the length of the bytes that follow. */
static void record_head(char kind, uint64_t inode, uint64_t number, uint64_t length) {
  char head[25];
  head[0] = kind;
  memcpy(head + 1, &inode, 8);
  memcpy(head + 9, &number, 8);
  memcpy(head + 17, &length, 8);
  put(head, sizeof head);
}

static void record(char kind, uint64_t inode, uint64_t number, const void *bytes, size_t length) {
  int error = errno;
  record_head(kind, inode, number, length);
  if (length > 0) put(bytes, length);
  errno = error;
}

static int is_inside(const char *path) {
  return record_fd >= 0 && strncmp(path, folder, folder_length) == 0 && (path[folder_length] == '/' || path[folder_length] == 0);
}

static void record_path(char kind, uint64_t inode, uint64_t number, const char *path) {
  if (is_inside(path)) record(kind, inode, number, path + folder_length, strlen(path + folder_length));
}

static struct file *tracked(int fd) {
  return record_fd >= 0 && fd >= 0 && fd < MAX_FDS && files[fd].is_tracked ? &files[fd] : NULL;
}

/* -- names -- */

static void opened(int fd, int flags, int existed) {
  struct stat facts;
  char link[64], real_path[4096];
  if (fd < 0 || fd >= MAX_FDS || record_fd < 0) return;
  files[fd].is_tracked = 0;
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t length = readlink(link, real_path, sizeof real_path - 1);
  if (length < 0 || fstat(fd, &facts) < 0) return;
  real_path[length] = 0;
  if (!is_inside(real_path)) return;
  files[fd] = (struct file){1, S_ISDIR(facts.st_mode), (flags & (O_DSYNC | O_SYNC)) != 0, facts.st_ino};
  if (S_ISDIR(facts.st_mode)) return;
  if (!existed) record_path('C', facts.st_ino, 0, real_path);
  else if (flags & O_TRUNC) record('T', facts.st_ino, 0, NULL, 0);
}

static int open_any(const char *symbol, int at, const char *path, int flags, mode_t mode) {
  int (*real)(const char *, int, ...) = dlsym(RTLD_NEXT, symbol);
  int (*real_at)(int, const char *, int, ...) = dlsym(RTLD_NEXT, symbol);
  int is_at = strncmp(symbol, "openat", 6) == 0;
  pthread_mutex_lock(&lock);
  struct stat facts;
  int existed = (is_at ? fstatat(at, path, &facts, 0) : stat(path, &facts)) == 0;
  int fd = is_at ? real_at(at, path, flags, mode) : real(path, flags, mode);
  int error = errno;
  opened(fd, flags, existed);
  errno = error;
  pthread_mutex_unlock(&lock);
  return fd;
}

#define OPEN(name)                                             \
  int name(const char *path, int flags, ...) {                 \
    va_list list;                                              \
    va_start(list, flags);                                     \
    mode_t mode = va_arg(list, mode_t);                        \
    va_end(list);                                              \
    return open_any(#name, AT_FDCWD, path, flags, mode);       \
  }
#define OPENAT(name)                                           \
  int name(int at, const char *path, int flags, ...) {         \
    va_list list;                                              \
    va_start(list, flags);                                     \
    mode_t mode = va_arg(list, mode_t);                        \
    va_end(list);                                              \
    return open_any(#name, at, path, flags, mode);             \
  }
OPEN(open)
OPEN(open64)
OPENAT(openat)
OPENAT(openat64)

int close(int fd) {
  REAL(close);
  pthread_mutex_lock(&lock);
  if (fd >= 0 && fd < MAX_FDS) files[fd].is_tracked = 0;
  int result = real(fd);
  pthread_mutex_unlock(&lock);
  return result;
}

#define NAME(name, kind)                                                                             \
  int name(const char *from, const char *to) {                                                       \
    REAL(name);                                                                                      \
    pthread_mutex_lock(&lock);                                                                       \
    int result = real(from, to);                                                                     \
    if (result == 0 && is_inside(from) && is_inside(to)) {                                           \
      char both[8192];                                                                               \
      int length = snprintf(both, sizeof both, "%s%c%s", from + folder_length, 0, to + folder_length); \
      record(kind, 0, 0, both, length);                                                              \
    }                                                                                                \
    pthread_mutex_unlock(&lock);                                                                     \
    return result;                                                                                   \
  }
NAME(rename, 'R')
NAME(link, 'L')

#define REMOVE(name, kind)                                     \
  int name(const char *path) {                                 \
    REAL(name);                                                \
    pthread_mutex_lock(&lock);                                 \
    int result = real(path);                                   \
    if (result == 0) record_path(kind, 0, 0, path);            \
    pthread_mutex_unlock(&lock);                               \
    return result;                                             \
  }
REMOVE(unlink, 'U')

/* -- contents -- */

static void wrote(int fd, const struct iovec *parts, int count, off_t offset, ssize_t done) {
  struct file *file = tracked(fd);
  if (!file || done <= 0) return;
  int error = errno;
  record_head('W', file->inode, offset, done);
  size_t left = done;
  for (int i = 0; i < count && left > 0; i++) {
    size_t length = parts[i].iov_len < left ? parts[i].iov_len : left;
    put(parts[i].iov_base, length);
    left -= length;
  }
  if (file->is_synchronous) record('D', file->inode, 0, NULL, 0);
  errno = error;
}

static off_t position_of(int fd) {
  off_t (*real)(int, off_t, int) = dlsym(RTLD_NEXT, "lseek");
  struct stat facts;
  int flags = fcntl(fd, F_GETFL);
  if (flags >= 0 && (flags & O_APPEND) && fstat(fd, &facts) == 0) return facts.st_size;
  return real(fd, 0, SEEK_CUR);
}

ssize_t write(int fd, const void *bytes, size_t length) {
  REAL(write);
  if (record_fd < 0) return real(fd, bytes, length);
  pthread_mutex_lock(&lock);
  off_t offset = tracked(fd) ? position_of(fd) : 0;
  ssize_t done = real(fd, bytes, length);
  struct iovec part = {(void *)bytes, length};
  wrote(fd, &part, 1, offset, done);
  if (fd == 1 && done > 0) record('A', 0, 0, bytes, done);
  pthread_mutex_unlock(&lock);
  return done;
}

ssize_t writev(int fd, const struct iovec *parts, int count) {
  REAL(writev);
  pthread_mutex_lock(&lock);
  off_t offset = tracked(fd) ? position_of(fd) : 0;
  ssize_t done = real(fd, parts, count);
  wrote(fd, parts, count, offset, done);
  pthread_mutex_unlock(&lock);
  return done;
}

#define PWRITE(name, type)                                                    \
  ssize_t name(int fd, const void *bytes, size_t length, type offset) {       \
    REAL(name);                                                               \
    pthread_mutex_lock(&lock);                                                \
    ssize_t done = real(fd, bytes, length, offset);                           \
    struct iovec part = {(void *)bytes, length};                              \
    wrote(fd, &part, 1, offset, done);                                        \
    pthread_mutex_unlock(&lock);                                              \
    return done;                                                              \
  }
PWRITE(pwrite, off_t)
PWRITE(pwrite64, off64_t)

#define PWRITEV(name, type)                                                   \
  ssize_t name(int fd, const struct iovec *parts, int count, type offset) {   \
    REAL(name);                                                               \
    pthread_mutex_lock(&lock);                                                \
    ssize_t done = real(fd, parts, count, offset);                            \
    wrote(fd, parts, count, offset, done);                                    \
    pthread_mutex_unlock(&lock);                                              \
    return done;                                                              \
  }
PWRITEV(pwritev, off_t)
PWRITEV(pwritev64, off64_t)

#define TRUNCATE(name, type)                                                  \
  int name(int fd, type length) {                                             \
    REAL(name);                                                               \
    pthread_mutex_lock(&lock);                                                \
    int result = real(fd, length);                                            \
    struct file *file = tracked(fd);                                          \
    if (result == 0 && file) record('T', file->inode, length, NULL, 0);       \
    pthread_mutex_unlock(&lock);                                              \
    return result;                                                            \
  }
TRUNCATE(ftruncate, off_t)
TRUNCATE(ftruncate64, off64_t)

/* What is written through a mapping is not recorded; the recording says of which file that is. */
static void mapped(int fd, int protection, int flags) {
  struct file *file = tracked(fd);
  if (file && (protection & PROT_WRITE) && (flags & MAP_SHARED)) record('M', file->inode, 0, NULL, 0);
}

#define MMAP(name, type)                                                                        \
  void *name(void *address, size_t length, int protection, int flags, int fd, type offset) {    \
    REAL(name);                                                                                 \
    pthread_mutex_lock(&lock);                                                                  \
    mapped(fd, protection, flags);                                                              \
    pthread_mutex_unlock(&lock);                                                                \
    return real(address, length, protection, flags, fd, offset);                                \
  }
MMAP(mmap, off_t)
MMAP(mmap64, off64_t)

/* -- flushes -- */

static uint64_t flushes;

#define FLUSH(name)                                                                             \
  int name(int fd) {                                                                            \
    REAL(name);                                                                                 \
    pthread_mutex_lock(&lock);                                                                  \
    struct file *file = tracked(fd), flushed = file ? *file : (struct file){0};                 \
    char is_folder = flushed.is_folder;                                                         \
    uint64_t number = ++flushes;                                                                \
    if (file) record('B', flushed.inode, number, &is_folder, 1);                                \
    pthread_mutex_unlock(&lock);                                                                \
    int result = real(fd);                                                                      \
    pthread_mutex_lock(&lock);                                                                  \
    if (file && result == 0) record('E', flushed.inode, number, #name, sizeof #name - 1);       \
    pthread_mutex_unlock(&lock);                                                                \
    return result;                                                                              \
  }
FLUSH(fsync)
FLUSH(fdatasync)

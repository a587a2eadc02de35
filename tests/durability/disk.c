/* Preloaded: the disk below DISK_FOLDER fails, fills up, takes less than it is given, and writes down what it was told.
 *
 * DISK_CONTROL is a folder of small files with a number each, read whenever it matters:
 *   sync_fails  the how-manieth flush of a file from now fails with EIO, once; -1: every one does
 *   budget      bytes by which all files together may have grown since the start; beyond: ENOSPC
 *   short       every how-manieth write takes only half of what it is given
 *   sync_lies   there, flushes do nothing and say they did
 * DISK_LOG is a file to which goes, in the order in which it was done, all that changes the disk: see crash_states.py.
 * SQLite's "-shm" is left out: it is shared memory, and made anew after a crash.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

enum { OPENED = 1, CREATED, WRITTEN, CUT, FLUSHED, FLUSH_FAILED, REMOVED, RENAMED, FOLDER_MADE };
enum { MOST_FILES = 65536 };

#define REAL(type, name) ((type)dlsym(RTLD_NEXT, name))
typedef int open_call(const char *, int, ...);
typedef ssize_t write_call(int, const void *, size_t);
typedef ssize_t pwrite_call(int, const void *, size_t, off_t);
typedef int cut_call(int, off_t);
typedef int fd_call(int);
typedef int path_call(const char *);
typedef int paths_call(const char *, const char *);
typedef int mode_call(const char *, mode_t);

static pthread_mutex_t turn = PTHREAD_MUTEX_INITIALIZER;
static uint32_t watched[MOST_FILES]; /* by descriptor: the number of its opening; 0: none of our business */
static uint32_t openings;
static long long grown;
static unsigned long writes;

static int is_ours(const char *path)
{
    const char *folder = getenv("DISK_FOLDER");
    if (folder == NULL || path == NULL || path[0] != '/')
        return 0;
    size_t size = strlen(folder), length = strlen(path);
    if (strncmp(path, folder, size) != 0 || (path[size] != '/' && path[size] != 0))
        return 0;
    return length < 4 || strcmp(path + length - 4, "-shm") != 0;
}

static uint32_t number_of(int fd)
{
    return fd >= 0 && fd < MOST_FILES ? watched[fd] : 0;
}

/* Return what a control file says, or `otherwise` where there is none. */
static long long control(const char *name, long long otherwise)
{
    const char *folder = getenv("DISK_CONTROL");
    char path[4096], text[32] = "";
    if (folder == NULL)
        return otherwise;
    snprintf(path, sizeof path, "%s/%s", folder, name);
    int fd = REAL(open_call *, "open64")(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return otherwise;
    ssize_t got = read(fd, text, sizeof text - 1);
    REAL(fd_call *, "close")(fd);
    return got > 0 ? atoll(text) : otherwise;
}

static void set_control(const char *name, long long value)
{
    char path[4096], text[32];
    snprintf(path, sizeof path, "%s/%s", getenv("DISK_CONTROL"), name);
    if (value == 0) {
        REAL(path_call *, "unlink")(path);
        return;
    }
    int fd = REAL(open_call *, "open64")(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
    int size = snprintf(text, sizeof text, "%lld", value);
    if (fd < 0 || REAL(write_call *, "write")(fd, text, size) != size)
        abort();
    REAL(fd_call *, "close")(fd);
}

/* Append to the log: kind u32, opening u32, place u64, length u64, data. A log with a hole proves nothing: abort. */
static void note(uint32_t kind, uint32_t opening, uint64_t place, const void *data, uint64_t length)
{
    static int log = -1;
    int before = errno;
    const char *path = getenv("DISK_LOG");
    if (path == NULL)
        return;
    if (log < 0)
        log = REAL(open_call *, "open64")(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    struct { uint32_t kind, opening; uint64_t place, length; } head = {kind, opening, place, length};
    struct iovec parts[2] = {{&head, sizeof head}, {(void *)data, length}};
    if (writev(log, parts, 2) != (ssize_t)(sizeof head + length))
        abort();
    errno = before;
}

static int opened(const char *name, const char *path, int flags, mode_t mode)
{
    if (!is_ours(path))
        return REAL(open_call *, name)(path, flags, mode);
    pthread_mutex_lock(&turn);
    struct stat was;
    int is_new = flags & O_CREAT && stat(path, &was) != 0;
    int fd = REAL(open_call *, name)(path, flags, mode);
    if (fd >= 0 && fd < MOST_FILES) {
        if (openings == 0)
            openings = (uint32_t)getpid() << 14; /* several processes write one log: no number twice */
        watched[fd] = ++openings;
        note(is_new ? CREATED : OPENED, openings, 0, path, strlen(path));
        if (flags & O_TRUNC && !is_new)
            note(CUT, openings, 0, NULL, 0);
    }
    pthread_mutex_unlock(&turn);
    return fd;
}

#define OPEN(name)                                                                                                     \
    int name(const char *path, int flags, ...)                                                                         \
    {                                                                                                                  \
        va_list rest;                                                                                                  \
        va_start(rest, flags);                                                                                         \
        mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(rest, mode_t) : 0;                                        \
        va_end(rest);                                                                                                  \
        return opened(#name, path, flags, mode);                                                                       \
    }
OPEN(open)
OPEN(open64)

int close(int fd)
{
    if (!number_of(fd))
        return REAL(fd_call *, "close")(fd);
    pthread_mutex_lock(&turn);
    watched[fd] = 0;
    int result = REAL(fd_call *, "close")(fd);
    pthread_mutex_unlock(&turn);
    return result;
}

static off_t size_of(int fd)
{
    struct stat is;
    return fstat(fd, &is) == 0 ? is.st_size : 0;
}

/* Return how many of `length` bytes may be written at `place`. */
static size_t room_for(int fd, size_t length, off_t place)
{
    long long every = control("short", 0), budget = control("budget", -1);
    if (every > 0 && length > 1 && ++writes % every == 0)
        length /= 2;
    long long growth = place + (off_t)length - size_of(fd);
    if (budget >= 0 && growth > 0 && grown + growth > budget) {
        long long over = grown + growth - budget;
        if (over > growth)
            over = growth; /* what lies within the file has its room */
        length = over < (long long)length ? length - over : 0;
    }
    return length;
}

static ssize_t written(const char *name, int fd, const void *data, size_t length, off_t place)
{
    int is_placed = strncmp(name, "pwrite", 6) == 0;
    if (!number_of(fd))
        return is_placed ? REAL(pwrite_call *, name)(fd, data, length, place)
                         : REAL(write_call *, name)(fd, data, length);
    pthread_mutex_lock(&turn);
    ssize_t result = -1;
    off_t before = size_of(fd);
    if (!is_placed)
        place = fcntl(fd, F_GETFL) & O_APPEND ? before : lseek(fd, 0, SEEK_CUR);
    size_t room = room_for(fd, length, place);
    if (room == 0 && length > 0)
        errno = ENOSPC;
    else
        result = is_placed ? REAL(pwrite_call *, name)(fd, data, room, place)
                           : REAL(write_call *, name)(fd, data, room);
    if (result > 0) {
        if (place + result > before)
            grown += place + result - before;
        note(WRITTEN, number_of(fd), place, data, result);
    }
    pthread_mutex_unlock(&turn);
    return result;
}

ssize_t write(int fd, const void *data, size_t length)
{
    return written("write", fd, data, length, 0);
}

ssize_t pwrite(int fd, const void *data, size_t length, off_t place)
{
    return written("pwrite", fd, data, length, place);
}

ssize_t pwrite64(int fd, const void *data, size_t length, off64_t place)
{
    return written("pwrite64", fd, data, length, place);
}

static int cut(const char *name, int fd, off_t size)
{
    if (!number_of(fd))
        return REAL(cut_call *, name)(fd, size);
    pthread_mutex_lock(&turn);
    off_t before = size_of(fd);
    int result = REAL(cut_call *, name)(fd, size);
    if (result == 0) {
        if (size < before)
            grown -= before - size; /* a hole takes no room: growing costs nothing */
        note(CUT, number_of(fd), size, NULL, 0);
    }
    pthread_mutex_unlock(&turn);
    return result;
}

int ftruncate(int fd, off_t size)
{
    return cut("ftruncate", fd, size);
}

int ftruncate64(int fd, off64_t size)
{
    return cut("ftruncate64", fd, size);
}

/* The room is taken by writing zeros: no disk is promised more than it has. */
int posix_fallocate(int fd, off_t place, off_t length)
{
    static const char zeros[65536];
    if (!number_of(fd))
        return REAL(int (*)(int, off_t, off_t), "posix_fallocate")(fd, place, length);
    off_t end = place + length, at = size_of(fd);
    while (at < end) {
        size_t most = end - at < (off_t)sizeof zeros ? (size_t)(end - at) : sizeof zeros;
        ssize_t taken = written("pwrite64", fd, zeros, most, at);
        if (taken < 0)
            return errno;
        at += taken;
    }
    return 0;
}

int posix_fallocate64(int fd, off64_t place, off64_t length)
{
    return posix_fallocate(fd, place, length);
}

static int flushed(const char *name, int fd)
{
    if (!number_of(fd))
        return REAL(fd_call *, name)(fd);
    if (control("sync_lies", 0))
        return 0;
    pthread_mutex_lock(&turn);
    struct stat is;
    int is_file = fstat(fd, &is) == 0 && S_ISREG(is.st_mode);
    long long countdown = is_file ? control("sync_fails", 0) : 0;
    int fails = countdown == 1 || countdown < 0;
    if (countdown > 0)
        set_control("sync_fails", countdown - 1);
    int result = fails ? -1 : REAL(fd_call *, name)(fd);
    note(result == 0 ? FLUSHED : FLUSH_FAILED, number_of(fd), 0, NULL, 0);
    if (fails)
        errno = EIO;
    pthread_mutex_unlock(&turn);
    return result;
}

int fsync(int fd)
{
    return flushed("fsync", fd);
}

int fdatasync(int fd)
{
    return flushed("fdatasync", fd);
}

int unlink(const char *path)
{
    if (!is_ours(path))
        return REAL(path_call *, "unlink")(path);
    pthread_mutex_lock(&turn);
    struct stat was = {0};
    (void)!stat(path, &was);
    int result = REAL(path_call *, "unlink")(path);
    if (result == 0) {
        if (was.st_nlink == 1)
            grown -= was.st_size;
        note(REMOVED, 0, 0, path, strlen(path));
    }
    pthread_mutex_unlock(&turn);
    return result;
}

int rename(const char *path, const char *other)
{
    if (!is_ours(path))
        return REAL(paths_call *, "rename")(path, other);
    pthread_mutex_lock(&turn);
    int result = REAL(paths_call *, "rename")(path, other);
    if (result == 0) {
        char both[8192];
        int size = snprintf(both, sizeof both, "%s%c%s", path, 0, other);
        note(RENAMED, 0, 0, both, size);
    }
    pthread_mutex_unlock(&turn);
    return result;
}

int mkdir(const char *path, mode_t mode)
{
    if (!is_ours(path))
        return REAL(mode_call *, "mkdir")(path, mode);
    pthread_mutex_lock(&turn);
    int result = REAL(mode_call *, "mkdir")(path, mode);
    if (result == 0)
        note(FOLDER_MADE, 0, 0, path, strlen(path));
    pthread_mutex_unlock(&turn);
    return result;
}

/* Preloaded: a sync takes as long as a file says, in milliseconds, while that file is there; each such one is
 * told by a byte in another file. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

static void wait_for_the_disk(void)
{
    char text[16] = "";
    int slow = open(getenv("DISK_SLOW"), O_RDONLY);
    if (slow < 0)
        return;
    ssize_t size = read(slow, text, sizeof text - 1);
    close(slow);
    if (size <= 0)
        return;
    usleep((useconds_t)atoi(text) * 1000);
    int told = open(getenv("DISK_TOLD"), O_CREAT | O_WRONLY | O_APPEND, 0600);
    if (told >= 0) {
        if (write(told, ".", 1) != 1)
            abort();
        close(told);
    }
}

int fsync(int file)
{
    wait_for_the_disk();
    return ((int (*)(int))dlsym(RTLD_NEXT, "fsync"))(file);
}

int fdatasync(int file)
{
    wait_for_the_disk();
    return ((int (*)(int))dlsym(RTLD_NEXT, "fdatasync"))(file);
}

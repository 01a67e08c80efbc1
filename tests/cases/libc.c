/* Ordinary work, by functions of the C library that make different calls in different libraries. Run in a folder that it may
   write to, with a program `./true` in it. */
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/select.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;
static void *thread(void *place) { free(malloc(1 << 20)); usleep(1000); return place; }

static int work(void) {
    struct stat facts;
    char line[256];
    FILE *file = fopen("/etc/hostname", "r");
    if (!file || !fgets(line, sizeof line, file) || fseek(file, 0, SEEK_SET) || fclose(file)) return 1;
    if (stat("/etc", &facts) || lstat("/etc", &facts) || fstat(0, &facts) || access("/etc", R_OK)) return 2;
    DIR *folder = opendir("/etc");
    if (!folder || !readdir(folder) || closedir(folder)) return 3;
    int ends[2], copy;
    if (pipe(ends) || (copy = dup(ends[0])) < 0 || dup2(ends[0], copy) < 0 || write(ends[1], "x", 1) != 1) return 4;
    struct pollfd ready = {ends[0], POLLIN, 0};
    fd_set set;
    FD_ZERO(&set);
    FD_SET(ends[0], &set);
    struct timeval second = {1, 0};
    if (poll(&ready, 1, 1000) != 1 || select(ends[0] + 1, &set, 0, 0, &second) != 1) return 5;
    struct timespec moment = {0, 1000};
    if (nanosleep(&moment, 0)) return 6;
    pthread_t threads[4];
    for (int i = 0; i < 4; i++) if (pthread_create(&threads[i], 0, thread, 0)) return 7;
    for (int i = 0; i < 4; i++) pthread_join(threads[i], 0);
    char *arguments[] = {"true", 0};
    pid_t child;
    int status;
    if (posix_spawn(&child, "./true", 0, 0, arguments, environ) || waitpid(child, &status, 0) != child || status) return 8;
    if ((child = fork()) == 0) _exit(0);
    if (child < 0 || waitpid(child, &status, 0) != child || status) return 9;
    char name[] = "new-XXXXXX";
    int new = mkstemp(name);
    if (new < 0 || ftruncate(new, 10) || close(new) || rename(name, "renamed") || remove("renamed")) return 10;
    return 0;
}

int main(void) {
    int failed = work();
    printf("%s %d\n", failed ? "failed at" : "works", failed);
    return failed;
}

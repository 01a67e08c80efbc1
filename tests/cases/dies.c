/* Does a little work, and dies in the way that its argument says. */
#include <assert.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void smash(const char *from) {
    char here[8];
    strcpy(here, from);
    puts(here);
}

static void *abort_here(void *nothing) {
    abort();
    return nothing;
}

static void *do_nothing(void *nothing) { return nothing; }

int main(int count, char **arguments) {
    const char *how = count > 1 ? arguments[1] : "";
    pthread_t thread;
    char *volatile one = malloc(32), *volatile same = one;
    pthread_create(&thread, NULL, strcmp(how, "thread") ? do_nothing : abort_here, NULL);
    pthread_join(thread, NULL);
    puts("works");
    fflush(stdout);
    if (!strcmp(how, "abort")) abort();
    if (!strcmp(how, "assert")) assert(count == 7);
    if (!strcmp(how, "free")) { free(one); free(same); }
    if (!strcmp(how, "stack")) smash("more than there is room for in an array of eight");
    if (!strcmp(how, "fault")) *(volatile int *)0 = 1;
    return 0;
}

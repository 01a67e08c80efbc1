/* Notes in files, with their tests: `notes saves`, `notes archives`. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int save(const char *path) {
    FILE *file = fopen(path, "w");
    return file && fputs("text\n", file) >= 0 && fclose(file) == 0 ? 0 : 1;
}

int main(int count, char **arguments) {
    char path[] = "/tmp/notes-XXXXXX";
    int file = mkstemp(path);
    if (count < 2 || file < 0 || close(file)) return 2;
    int failed = save(path);
    /* Not yet part of what was learnt. */
    if (!strcmp(arguments[1], "archives") && getenv("ARCHIVE")) {
        char folder[64];
        snprintf(folder, sizeof folder, "%s.archive", path);
        failed |= mkdir(folder, 0755) | rmdir(folder);
    }
    return failed | unlink(path);
}

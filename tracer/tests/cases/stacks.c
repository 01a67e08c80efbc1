/* Calls at the end of chains of functions, none of which keeps a frame pointer. */
#define _GNU_SOURCE
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define NEVER_INLINE __attribute__((noinline, noclone))

static volatile int keep;

/* A frame whose size is only known when it runs. */
NEVER_INLINE static void innermost(int size)
{
	volatile char room[size];

	room[size - 1] = 1;
	keep += room[size - 1];
	getppid();
	keep++;
}

NEVER_INLINE static void middle(int size)
{
	innermost(size * 2);
	keep++;
}

/* By a function of the library that is called back. */
static int compare(const void *a, const void *b)
{
	keep += *(const char *)a - *(const char *)b;
	syscall(SYS_getuid);
	return 0;
}

NEVER_INLINE static void sorting(void)
{
	char letters[] = "ba";

	qsort(letters, 2, 1, compare);
	keep++;
}

NEVER_INLINE static void deep(int depth)
{
	volatile char room[1024];

	room[0] = depth;
	if (depth)
		deep(depth - 1);
	else
		syscall(SYS_getgid);
	keep += room[0];
}

int main(int words, char **text)
{
	middle(40 + words);
	sorting();
	deep(30);
	/* Long enough to be looked at. */
	struct timespec rest = { 0, 300000000 };

	nanosleep(&rest, 0);
	return !text;
}

/* Prints the seccomp filter of the process whose number stands on standard input, as an array of struct sock_filter. */
#include <errno.h>
#include <linux/filter.h>
#include <stdio.h>
#include <sys/ptrace.h>
#include <sys/wait.h>

#ifndef PTRACE_SECCOMP_GET_FILTER
#define PTRACE_SECCOMP_GET_FILTER 0x420c
#endif

int main(void)
{
	static struct sock_filter filter[4096];
	int pid, status;
	long length;

	if (scanf("%d", &pid) != 1)
		return 2;
	if (ptrace(PTRACE_SEIZE, pid, 0, 0) || ptrace(PTRACE_INTERRUPT, pid, 0, 0) || waitpid(pid, &status, __WALL) != pid) {
		perror("ptrace");
		return 1;
	}
	length = ptrace(PTRACE_SECCOMP_GET_FILTER, pid, 0L, filter);
	/* A process without a filter is one answer: nothing is printed. */
	if (length < 0 && errno != EINVAL) {
		perror("PTRACE_SECCOMP_GET_FILTER");
		return 1;
	}
	if (length > 0)
		fwrite(filter, sizeof *filter, length, stdout);
	return 0;
}

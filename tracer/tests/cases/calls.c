/* Programs whose system calls can be counted beforehand: `calls CASE [N]`. getppid is made by nothing else in them. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;
static char *self;
static char stack[65536] __attribute__((aligned(16)));

static void getppids(long n)
{
	while (n-- > 0)
		syscall(SYS_getppid);
}

static void *getppids_in_thread(void *n)
{
	getppids((long)n);
	return 0;
}

static int getppids_in_clone(void *n)
{
	getppids((long)n);
	_exit(0);
}

static void *getuid_for_ever(void *unused)
{
	for (;;)
		syscall(SYS_getuid);
	return unused;
}

static void *exec_in_thread(void *n)
{
	execl(self, self, "loop", (char *)n, NULL);
	return 0;
}

static void check(long result)
{
	if (result < 0) {
		perror("calls");
		exit(99);
	}
}

static void say(const char *line)
{
	check(write(1, line, strlen(line)));
}

/* N children, 500 at a time, each with one call. */
static void forks(long n)
{
	while (n > 0) {
		long batch = n < 500 ? n : 500;

		for (long i = 0; i < batch; i++) {
			pid_t pid = fork();

			check(pid);
			if (!pid) {
				getppids(1);
				_exit(0);
			}
		}
		for (long i = 0; i < batch; i++)
			check(wait(0));
		n -= batch;
	}
}

static void threads(long n)
{
	pthread_t thread[256];

	for (long i = 0; i < n; i++)
		check(-pthread_create(&thread[i], 0, getppids_in_thread, (void *)1000L));
	for (long i = 0; i < n; i++)
		pthread_join(thread[i], 0);
}

static pthread_barrier_t all_there;

static void *wait_for_all(void *unused)
{
	pthread_barrier_wait(&all_there);
	return unused;
}

/* None ends before the last has begun. */
static void threads_at_once(long n)
{
	pthread_t thread[256];

	check(-pthread_barrier_init(&all_there, 0, n + 1));
	for (long i = 0; i < n; i++)
		check(-pthread_create(&thread[i], 0, wait_for_all, 0));
	pthread_barrier_wait(&all_there);
	for (long i = 0; i < n; i++)
		pthread_join(thread[i], 0);
}

/* As daemons do: two forks and a session of its own. The calls come when the command has ended and was reaped. */
static void orphan(long n, unsigned seconds)
{
	pid_t command = getpid(), pid = fork();

	check(pid);
	if (!pid) {
		setsid();
		if (!fork()) {
			while (kill(command, 0) == 0)
				usleep(1000);
			getppids(n);
			if (seconds)
				dprintf(1, "%d\n", getpid());
			sleep(seconds);
		}
		_exit(0);
	}
	check(wait(0));
}

/* Counts SIGINT until SIGTERM comes. */
static int interrupts(void)
{
	int count = 0, signal;
	sigset_t all;

	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, 0);
	say("ready\n");
	for (;;) {
		check(-sigwait(&all, &signal));
		if (signal == SIGTERM)
			return count;
		if (signal == SIGINT) {
			count++;
			say("interrupt\n");
		}
	}
}

/* The state this program was started with: 1 SIGPIPE ignored, 2 SIGCHLD ignored, 4 a signal blocked, 8 an extra
 * descriptor open. */
static int inherited(void)
{
	struct sigaction action;
	sigset_t blocked;
	int found = 0;

	sigaction(SIGPIPE, 0, &action);
	found |= action.sa_handler == SIG_IGN ? 1 : 0;
	sigaction(SIGCHLD, 0, &action);
	found |= action.sa_handler == SIG_IGN ? 2 : 0;
	sigprocmask(SIG_BLOCK, 0, &blocked);
	for (int signal = 1; signal < 32; signal++)
		found |= sigismember(&blocked, signal) == 1 ? 4 : 0;
	for (int descriptor = 3; descriptor < 64; descriptor++)
		found |= fcntl(descriptor, F_GETFD) >= 0 ? 8 : 0;
	return found;
}

/* N processes at once, with a million calls each. */
static void processes(long n)
{
	for (long i = 0; i < n; i++) {
		pid_t pid = fork();

		check(pid);
		if (!pid) {
			getppids(1000000);
			_exit(0);
		}
	}
	while (n-- > 0)
		check(wait(0));
}

static int gate[2];
static long after_gate;

static void *through_gate(void *unused)
{
	char byte;

	check(read(gate[0], &byte, 1));
	getppids(after_gate);
	return unused;
}

/* A process with a thread and a child, all waiting; at SIGUSR2 each makes N calls, and so does another child,
 * which alone calls getuid. */
static void waiting(long n)
{
	int signal;
	sigset_t go;
	pthread_t thread;

	after_gate = n;
	sigemptyset(&go);
	sigaddset(&go, SIGUSR2);
	sigprocmask(SIG_BLOCK, &go, 0);
	check(pipe(gate));
	check(-pthread_create(&thread, 0, through_gate, 0));
	pid_t child = fork();

	check(child);
	if (!child) {
		through_gate(0);
		_exit(0);
	}
	dprintf(1, "%d\n", child);
	check(-sigwait(&go, &signal));
	check(write(gate[1], "12", 2));
	if (!fork()) {
		syscall(SYS_getuid);
		getppids(n);
		_exit(0);
	}
	getppids(n);
	pthread_join(thread, 0);
	check(wait(0));
	check(wait(0));
}

/* Listens, and takes a connection that it makes itself: N getppid before accept, N getuid after it. */
static void serve(long n)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t length = sizeof address;
	int server = socket(AF_INET, SOCK_STREAM, 0), client = socket(AF_INET, SOCK_STREAM, 0);

	check(bind(server, (struct sockaddr *)&address, length));
	check(listen(server, 1));
	check(getsockname(server, (struct sockaddr *)&address, &length));
	check(connect(client, (struct sockaddr *)&address, length));
	getppids(n);
	check(accept(server, 0, 0));
	while (n-- > 0)
		syscall(SYS_getuid);
}

static void ignore(int signal)
{
	(void)signal;
}

/* N getpgrp, a filter that answers getppid with the action, N getuid and N getppid, and this program again, with N getgid and
 * N getppid. */
static void filtered(long n, unsigned action)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getppid, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, action),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog filter = { sizeof code / sizeof *code, code };
	char count[24];

	snprintf(count, sizeof count, "%ld", n);
	signal(SIGSYS, ignore);
	for (long i = 0; i < n; i++)
		syscall(SYS_getpgrp);
	check(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
	check(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter));
	for (long i = 0; i < n; i++)
		syscall(SYS_getuid);
	if (action == SECCOMP_RET_KILL_THREAD) {
		pthread_t thread;

		check(-pthread_create(&thread, 0, getppids_in_thread, (void *)1));
		usleep(200000);
	} else {
		getppids(n);
	}
	execl(self, self, "getgid", count, NULL);
}

static void execs(long n, int posix)
{
	while (n-- > 0) {
		pid_t pid;
		char *arguments[] = { self, "loop", "10", 0 };

		if (posix) {
			check(-posix_spawn(&pid, self, 0, 0, arguments, environ));
		} else if (!(pid = vfork())) {
			execv(self, arguments);
			_exit(99);
		}
		check(wait(0));
	}
}

#ifdef __x86_64__
static long int80(long number, long first)
{
	long result;

	__asm__ volatile("int $0x80" : "=a"(result) : "a"(number), "b"(first) : "r8", "r9", "r10", "r11", "memory");
	return result;
}

static long vsyscall_time(void)
{
	/* include/uapi/asm/vsyscall.h: VSYSCALL_ADDR, and one kilobyte a function. */
	return ((long (*)(long *))0xffffffffff600400UL)(0);
}
#endif

int main(int count, char **words)
{
	const char *name = count > 1 ? words[1] : "";
	long n = count > 2 ? atol(words[2]) : 0;

	self = words[0];
	if (!strcmp(name, "loop")) {
		getppids(n);
	} else if (!strcmp(name, "forks")) {
		forks(n);
	} else if (!strcmp(name, "processes")) {
		processes(n);
	} else if (!strcmp(name, "waiting")) {
		waiting(n);
	} else if (!strcmp(name, "serve")) {
		serve(n);
	} else if (!strcmp(name, "filtered")) {
		filtered(n, strtoul(words[3], 0, 16));
	} else if (!strcmp(name, "getgid")) {
		for (long i = 0; i < n; i++)
			syscall(SYS_getgid);
		getppids(n);
	} else if (!strcmp(name, "threads")) {
		threads(n);
	} else if (!strcmp(name, "threads-at-once")) {
		threads_at_once(n);
	} else if (!strcmp(name, "vfork")) {
		execs(n, 0);
	} else if (!strcmp(name, "spawn")) {
		execs(n, 1);
	} else if (!strcmp(name, "orphan")) {
		orphan(n, 0);
	} else if (!strcmp(name, "lingering")) {
		orphan(n, 1000);
	} else if (!strcmp(name, "untraced")) {
		check(clone(getppids_in_clone, stack + sizeof stack, CLONE_UNTRACED | SIGCHLD, (void *)n));
		check(wait(0));
	} else if (!strcmp(name, "sibling")) {
		/* A child of the recorder, not of the command. */
		check(clone(getppids_in_clone, stack + sizeof stack, CLONE_PARENT | SIGCHLD, (void *)n));
	} else if (!strcmp(name, "thread-exec")) {
		pthread_t busy, thread;

		pthread_create(&busy, 0, getuid_for_ever, 0);
		pthread_create(&thread, 0, exec_in_thread, words[2]);
		pthread_join(thread, 0);
	} else if (!strcmp(name, "numbers")) {
		/* -1, x32 and others without a counter of their own. */
		syscall(-1);
		for (long i = 0; i < n; i++)
			syscall(600 + i);
		syscall(0x40000000 + SYS_getppid);
	} else if (!strcmp(name, "arguments")) {
		close(socket(AF_INET, SOCK_STREAM, 0));
		close(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
		/* The kernel reads 32 bits of the request. */
		syscall(SYS_ioctl, -1, 0x1234567800005401UL, 0);
		syscall(SYS_ioctl, -1, 0xffffffff80045430UL, 0);
	} else if (!strcmp(name, "requests")) {
		for (long i = 0; i < n; i++)
			syscall(SYS_ioctl, -1, 0x1000 + i, 0);
	} else if (!strcmp(name, "exit")) {
		return (int)n;
	} else if (!strcmp(name, "die")) {
		kill(getpid(), (int)n);
	} else if (!strcmp(name, "interrupts")) {
		return interrupts();
	} else if (!strcmp(name, "inherited")) {
		return inherited();
#ifdef __x86_64__
	} else if (!strcmp(name, "int80")) {
		/* i386: getpid is 20, personality 136; the numbers mean writev and ustat to the 64-bit entry. */
		for (long i = 0; i < n; i++)
			int80(20, 0);
		int80(136, 0xffffffffL);
		getppids(n);
	} else if (!strcmp(name, "vsyscall")) {
		for (long i = 0; i < n; i++)
			vsyscall_time();
#endif
	} else {
		return 98;
	}
	return 0;
}

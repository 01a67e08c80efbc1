/* Known numbers of known calls, in process trees that are hard to follow. getppid is the call that is counted. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

static char *self;
static char stack[65536] __attribute__((aligned(16)));

static void *count(void *calls) {
	for (long i = 0; i < (long)calls; i++)
		syscall(SYS_getppid);
	return 0;
}

static void *exec_from_thread(void *unused) {
	execl(self, self, "loop", "500", NULL);
	return 0;
}

static void *spin(void *unused) {
	for (;;)
		sched_yield();
}

static int untraced_child(void *unused) {
	count((void *)70);
	_exit(0);
}

static void on_alarm(int signal) {
	syscall(SYS_getuid);
}

static void on_user_signal(int signal) {
	_exit(5);
}

int main(int argc, char **argv) {
	const char *mode = argv[1];
	long n = argc > 2 ? atol(argv[2]) : 0;
	self = argv[0];
	if (!strcmp(mode, "loop")) {
		count((void *)n);
	} else if (!strcmp(mode, "forks")) {
		for (int i = 0; i < n; i++)
			if (!fork()) {
				count((void *)1);
				_exit(0);
			}
		while (wait(0) > 0)
			;
	} else if (!strcmp(mode, "threads")) {
		pthread_t threads[64];
		for (int i = 0; i < n; i++)
			pthread_create(threads + i, 0, count, (void *)100);
		for (int i = 0; i < n; i++)
			pthread_join(threads[i], 0);
	} else if (!strcmp(mode, "vfork-exec")) {
		for (int i = 0; i < n; i++) {
			if (!vfork()) {
				execl(self, self, "loop", "10", NULL);
				_exit(1);
			}
			wait(0);
		}
	} else if (!strcmp(mode, "thread-exec")) {
		pthread_t spinner, executor;
		pthread_create(&spinner, 0, spin, 0);
		pthread_create(&executor, 0, exec_from_thread, 0);
		pthread_join(executor, 0);
	} else if (!strcmp(mode, "daemon")) {
		if (!fork()) {
			setsid();
			if (!fork()) {
				usleep(300000);
				count((void *)n);
			}
			_exit(0);
		}
		wait(0);
	} else if (!strcmp(mode, "lingering")) {
		/* The child ends the recording when the command has ended, and outlives the recorder. */
		pid_t recorder = getppid(), command = getpid();
		if (fork())
			return 3;
		close(STDERR_FILENO);
		while (!kill(command, 0))
			usleep(1000);
		kill(recorder, SIGINT);
		while (!kill(recorder, 0))
			usleep(1000);
		close(open(argv[2], O_CREAT | O_WRONLY, 0600));
	} else if (!strcmp(mode, "untraced")) {
		clone(untraced_child, stack + sizeof stack, CLONE_UNTRACED | SIGCHLD, 0);
		wait(0);
	} else if (!strcmp(mode, "signal-storm")) {
		struct sigaction action = {.sa_handler = on_alarm, .sa_flags = SA_RESTART};
		struct itimerval often = {{0, 200}, {0, 200}}, never = {{0, 0}, {0, 0}};
		sigaction(SIGALRM, &action, 0);
		setitimer(ITIMER_REAL, &often, 0);
		count((void *)n);
		setitimer(ITIMER_REAL, &never, 0);
	} else if (!strcmp(mode, "kill-storm")) {
		for (int i = 0; i < n; i++) {
			pid_t child = fork();
			if (!child)
				for (;;)
					syscall(SYS_getppid);
			usleep(i * 10);
			kill(child, SIGKILL);
			waitpid(child, 0, 0);
		}
	} else if (!strcmp(mode, "signal-recorder")) {
		signal(SIGTERM, on_user_signal);
		kill(getppid(), SIGTERM);
		for (;;)
			pause();
	} else if (!strcmp(mode, "stops")) {
		pid_t child = fork();
		if (!child) {
			raise(SIGSTOP);
			count((void *)n);
			_exit(0);
		}
		int status = 0;
		waitpid(child, &status, WUNTRACED);
		if (!WIFSTOPPED(status))
			return 1;
		kill(child, SIGCONT);
		waitpid(child, &status, 0);
		return status ? 2 : 0;
	} else if (!strcmp(mode, "arguments")) {
		for (int i = 0; i < 3; i++)
			ioctl(-1, 0x5400 + i % 2, 0);
	} else if (!strcmp(mode, "killed")) {
		raise(SIGKILL);
#ifdef __x86_64__
	} else if (!strcmp(mode, "int80")) {
		for (int i = 0; i < n; i++) {
			long result;
			__asm__ volatile("int $0x80" : "=a"(result) : "a"(64) : "r8", "r9", "r10", "r11", "memory");
		}
		count((void *)1);
#endif
	}
	return 0;
}

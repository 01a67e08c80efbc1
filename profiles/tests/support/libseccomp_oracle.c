/* Builds filters with libseccomp as runc and crun do, and says what they do with calls.
 *
 * Reads one command a line from standard input, numbers in hexadecimal:
 *   filter DEFAULT                        a new filter for no ABI
 *   arch TOKEN                            adds an ABI, by libseccomp's token
 *   rule ACTION NAME [INDEX MASK VALUE]…  a rule; without tests it is for the whole call
 *   load                                  builds the filter
 *   call ARCH NR A0 A1 A2 A3 A4 A5        prints what the filter returns
 */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static struct sock_filter program[65536];
static size_t length;
/* libseccomp writes a filter in the byte order of its ABIs, which are all of one. */
static int swapped;

static int is_action(uint32_t k)
{
	switch (k & SECCOMP_RET_ACTION_FULL) {
	case SECCOMP_RET_ERRNO: case SECCOMP_RET_TRAP: case SECCOMP_RET_TRACE: return 1;
	case SECCOMP_RET_KILL_PROCESS: case SECCOMP_RET_KILL_THREAD: case SECCOMP_RET_USER_NOTIF: case SECCOMP_RET_LOG:
	case SECCOMP_RET_ALLOW: return (k & SECCOMP_RET_DATA) == 0;
	default: return 0;
	}
}

/* An instruction of the other byte order, in this machine's. A value that makes sense as it is stays. */
static void swap_bytes(struct sock_filter *f)
{
	uint32_t k = __builtin_bswap32(f->k);
	f->code = __builtin_bswap16(f->code);
	if (f->code != (BPF_RET | BPF_K) || is_action(k))
		f->k = k;
}

static void fail(const char *what)
{
	fprintf(stderr, "libseccomp_oracle: %s: %s\n", what, strerror(errno));
	exit(1);
}

/* The opcodes that libseccomp writes. */
static uint32_t run(const struct seccomp_data *data)
{
	uint32_t a = 0;
	for (size_t i = 0; i < length; i++) {
		const struct sock_filter *f = &program[i];
		switch (f->code) {
		case BPF_LD | BPF_W | BPF_ABS: memcpy(&a, (const char *)data + f->k, 4); break;
		case BPF_ALU | BPF_AND | BPF_K: a &= f->k; break;
		case BPF_JMP | BPF_JA: i += f->k; break;
		case BPF_JMP | BPF_JEQ | BPF_K: i += a == f->k ? f->jt : f->jf; break;
		case BPF_JMP | BPF_JGE | BPF_K: i += a >= f->k ? f->jt : f->jf; break;
		case BPF_JMP | BPF_JGT | BPF_K: i += a > f->k ? f->jt : f->jf; break;
		case BPF_RET | BPF_K: return f->k;
		default: fail("an opcode that libseccomp does not write");
		}
	}
	fail("a filter without an end");
	return 0;
}

static void add_rule(scmp_filter_ctx filter, char *words)
{
	uint32_t action = (uint32_t)strtoull(strtok(words, " "), NULL, 16);
	const char *name = strtok(NULL, " ");
	struct scmp_arg_cmp tests[6];
	unsigned int count = 0;
	for (char *word = strtok(NULL, " "); word != NULL && count < 6; word = strtok(NULL, " ")) {
		uint64_t mask = strtoull(strtok(NULL, " "), NULL, 16);
		uint64_t value = strtoull(strtok(NULL, " "), NULL, 16);
		tests[count].arg = (unsigned int)strtoul(word, NULL, 16);
		tests[count].op = mask == UINT64_MAX ? SCMP_CMP_EQ : SCMP_CMP_MASKED_EQ;
		tests[count].datum_a = mask == UINT64_MAX ? value : mask;
		tests[count].datum_b = mask == UINT64_MAX ? 0 : value;
		count++;
	}
	int number = seccomp_syscall_resolve_name(name);
	/* Runtimes pass over names that libseccomp does not know. */
	if (number != __NR_SCMP_ERROR && (errno = -seccomp_rule_add_array(filter, action, number, count, tests)) != 0)
		fail("seccomp_rule_add_array");
}

int main(void)
{
	scmp_filter_ctx filter = NULL;
	char *line = NULL;
	size_t size = 0;
	seccomp_api_set(6);
	while (getline(&line, &size, stdin) > 0) {
		line[strcspn(line, "\n")] = 0;
		char *words = strchr(line, ' ');
		words = words == NULL ? line : words + 1;
		if (strncmp(line, "filter ", 7) == 0) {
			seccomp_release(filter);
			filter = seccomp_init((uint32_t)strtoull(words, NULL, 16));
			if (filter == NULL || seccomp_arch_remove(filter, SCMP_ARCH_NATIVE) != 0)
				fail("seccomp_init");
		} else if (strncmp(line, "arch ", 5) == 0) {
			uint32_t token = (uint32_t)strtoull(words, NULL, 16);
			if ((errno = -seccomp_arch_add(filter, token)) != 0)
				fail("seccomp_arch_add");
			swapped = !(token & __AUDIT_ARCH_LE);
		} else if (strncmp(line, "rule ", 5) == 0) {
			add_rule(filter, words);
		} else if (strcmp(line, "load") == 0) {
			int fd = memfd_create("filter", 0);
			if (fd < 0 || (errno = -seccomp_export_bpf(filter, fd)) != 0)
				fail("seccomp_export_bpf");
			ssize_t bytes = pread(fd, program, sizeof(program), 0);
			if (bytes < 0 || bytes == (ssize_t)sizeof(program))
				fail("a filter of more than 65535 instructions");
			length = (size_t)bytes / sizeof(program[0]);
			for (size_t i = 0; swapped && i < length; i++)
				swap_bytes(&program[i]);
			close(fd);
		} else if (strncmp(line, "call ", 5) == 0) {
			struct seccomp_data data = { 0 };
			char *next = words;
			data.arch = (uint32_t)strtoull(next, &next, 16);
			data.nr = (int)strtoull(next, &next, 16);
			for (int i = 0; i < 6; i++) {
				uint64_t word = strtoull(next, &next, 16);
				/* On a big-endian machine the high half comes first. */
				data.args[i] = swapped ? word >> 32 | word << 32 : word;
			}
			printf("%x\n", run(&data));
		} else {
			fail("an unknown command");
		}
	}
	return 0;
}

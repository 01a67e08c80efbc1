/* Builds one filter with libseccomp and writes it twice: as instructions and as pseudo filter code.
 *
 * Arguments: the file for the instructions, the file for the pseudo filter code. Reads one command a line from standard
 * input, numbers in hexadecimal:
 *   filter DEFAULT                      a new filter for no ABI
 *   arch TOKEN                          adds an ABI, by libseccomp's token
 *   optimize LEVEL                      SCMP_FLTATR_CTL_OPTIMIZE, once there is an ABI
 *   rule ACTION NAME [INDEX OP A B]…    a rule; OP is enum scmp_compare. One that libseccomp refuses is passed over
 */
#include <errno.h>
#include <fcntl.h>
#include <seccomp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void fail(const char *what)
{
	fprintf(stderr, "libseccomp_pfc: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void add_rule(scmp_filter_ctx filter, char *words)
{
	uint32_t action = (uint32_t)strtoull(strtok(words, " "), NULL, 16);
	const char *name = strtok(NULL, " ");
	struct scmp_arg_cmp tests[6];
	unsigned int count = 0;
	for (char *word = strtok(NULL, " "); word != NULL && count < 6; word = strtok(NULL, " ")) {
		tests[count].arg = (unsigned int)strtoul(word, NULL, 16);
		tests[count].op = (enum scmp_compare)strtoul(strtok(NULL, " "), NULL, 16);
		tests[count].datum_a = strtoull(strtok(NULL, " "), NULL, 16);
		tests[count].datum_b = strtoull(strtok(NULL, " "), NULL, 16);
		count++;
	}
	int number = seccomp_syscall_resolve_name(name);
	if (number != __NR_SCMP_ERROR)
		(void)seccomp_rule_add_array(filter, action, number, count, tests);
}

static int created(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	if (fd < 0)
		fail(path);
	return fd;
}

int main(int argc, char **argv)
{
	scmp_filter_ctx filter = NULL;
	char *line = NULL;
	size_t size = 0;
	if (argc != 3)
		return 2;
	seccomp_api_set(6);
	while (getline(&line, &size, stdin) > 0) {
		line[strcspn(line, "\n")] = 0;
		char *words = strchr(line, ' ');
		words = words == NULL ? line : words + 1;
		if (strncmp(line, "filter ", 7) == 0) {
			filter = seccomp_init((uint32_t)strtoull(words, NULL, 16));
			if (filter == NULL || seccomp_arch_remove(filter, SCMP_ARCH_NATIVE) != 0)
				fail("seccomp_init");
		} else if (strncmp(line, "optimize ", 9) == 0) {
			if ((errno = -seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, (uint32_t)strtoul(words, NULL, 16))) != 0)
				fail("seccomp_attr_set");
		} else if (strncmp(line, "arch ", 5) == 0) {
			if ((errno = -seccomp_arch_add(filter, (uint32_t)strtoull(words, NULL, 16))) != 0)
				fail("seccomp_arch_add");
		} else if (strncmp(line, "rule ", 5) == 0) {
			add_rule(filter, words);
		}
	}
	int bpf = created(argv[1]), pfc = created(argv[2]);
	if ((errno = -seccomp_export_bpf(filter, bpf)) != 0)
		fail("seccomp_export_bpf");
	if ((errno = -seccomp_export_pfc(filter, pfc)) != 0)
		fail("seccomp_export_pfc");
	close(bpf);
	close(pfc);
	return 0;
}

/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* Counts every system call of the tasks in scope, in maps.
 *
 * Nothing is streamed, so nothing can be dropped. What can still fail (a full map, a refused allocation) adds to a
 * counter in `totals`, and the recorder marks the recording incomplete when one of them isn't zero.
 *
 * Scope follows the task: a mark in task storage, copied to each new task by its parent. The first marks are set by the
 * recorder (on the stopped child before its execve, on a process that runs already), or here, on a task that makes a call
 * in the scope's cgroup or below. No name and no namespace is looked at.
 *
 * Why a plain `++` on a per-CPU counter is exact. Two updates of one CPU's block could only collide if the program ran
 * again on that CPU while it runs. (a) Interrupts make no system call. (b) The kernel runs the program with preemption
 * disabled: until 6.12 in the tracepoint itself (include/linux/tracepoint.h, __DO_TRACE), since then, when system call
 * tracepoints may fault, in the probe (include/trace/bpf_probe.h, DECLARE_EVENT_SYSCALL_CLASS). (c) Where a kernel were
 * to disable only migration, its per-program guard (kernel/trace/bpf_trace.c, __bpf_trace_run) would skip the nested
 * run and count it as a recursion miss; the recorder reads that count. And only on_sys_enter writes these blocks.
 *
 * ../src/ebpf/layout.rs mirrors the structures below. */
#include "kernel.h"
#include "stacks.h"

/* bpf_get_current_task_btf is for programs whose licence is compatible with the GPL (kernel/trace/bpf_trace.c). */
char LICENSE[] SEC("license") = "Dual MIT/GPL";

enum phase { PHASE_EXEC, PHASE_RUN, PHASE_SERVING, PHASES };
/* Numbers below this have a counter of their own; every table ends well below it. Powers of two, as masks need. */
enum { NUMBERS = 512 };
/* Argument words that are kept, over all calls of both ABIs. */
enum { KEPT_ARGUMENTS = 1024 };
/* Values of 64 and above that are kept of one argument; with more it is unbounded. */
enum { LARGE_VALUES = 256 };

/* Bytes of an executable's name that are kept, and how many names. */
enum { NAME = 256, NAMES = 1024 };

/* Which arguments of one call are kept: bit N of `kept` for argument N, with the same bit of `narrow` when only the low
 * 32 bits count. They have consecutive places from `first` on. Written by the recorder before the object is loaded. */
enum { LISTENS = 1 << 6, WAITS = 1 << 7 };
struct argument_rule {
	/* Also LISTENS: makes a socket that waits for connections; WAITS: may wait for one. */
	u8 kept;
	u8 narrow;
	u16 first;
};
const volatile struct argument_rule argument_rules[2 * NUMBERS] = {};
/* For tests: behave as if the kernel refused every new task its storage. */
const volatile u8 refuse_task_storage = 0;

/* Whose calls are counted, apart from those of the tasks that the recorder has marked, and from when on. The verifier
 * takes out what a scope doesn't ask for. */
struct scope {
	/* Tasks in this cgroup (its id in the cgroup2 hierarchy) and below; 0 for none. */
	u64 cgroup;
	/* CLOCK_MONOTONIC in nanoseconds, before the first program was attached. */
	u64 attached_at;
	/* How many ancestors the cgroup has. */
	u32 cgroup_level;
	/* Threads of marked processes, when these ran before the recording. */
	u32 threads;
	/* Only calls of tasks under more than `filters` filters are counted. */
	u32 since_filter;
	u32 filters;
};
const volatile struct scope scope = {};

/* When the scope began to serve, by CLOCK_MONOTONIC in nanoseconds; 0 before. The recorder may set it, so it is apart from
 * `totals`. */
u64 serving_since SEC(".data") = 0;

/* Where a task is: nothing is known of it; in user space; in a call that passed its filters; killed by one. */
enum place { PLACE_UNKNOWN, PLACE_USER, PLACE_CALL, PLACE_KILLED };
enum flags {
	/* Its end is counted, as its start was. */
	COUNTED = 1,
	/* It or an ancestor has called listen. */
	LISTENED = 2,
};

/* A task in scope. */
struct mark {
	u32 phase;
	u32 place;
	u32 flags;
	/* What it runs: a value of `executables`; RAN | process: what that process ran when it was marked; 0: not known. */
	u32 executable;
};
#define RAN (1U << 31)

/* Who made a call first. */
struct first {
	/* CLOCK_MONOTONIC in nanoseconds; 0: nobody has. Whoever sets it writes the rest. */
	u64 time;
	u32 process;
	u32 task;
	u32 executable;
	u32 padding;
	char thread[16];
};

/* One CPU's counts of one phase: 64-bit numbers first, then 32-bit ones. */
struct counters {
	u64 calls[2 * NUMBERS];
	/* Every call, whatever its number: must equal the sum of all counts. */
	u64 all;
};

struct other_number {
	u32 phase;
	u32 compat;
	u32 number;
};

struct other_calls {
	u64 calls;
	struct first first;
};

enum verdict { ANSWERED = 0, TRAPPED = -1, KILLED = -2 };
struct denied {
	u32 phase;
	u32 compat;
	u32 number;
	/* An error number, or a `enum verdict`. */
	s32 verdict;
};

struct executable_name {
	char name[NAME];
};

/* By place. The values of 64 and above are in `large_values`. */
struct arguments {
	/* Bit N: value N was seen. */
	u64 small[KEPT_ARGUMENTS];
	/* The large value that was stored last; 0 before the first. Saves the look-up when values repeat. */
	u64 last[KEPT_ARGUMENTS];
	u32 larges[KEPT_ARGUMENTS];
	u32 unbounded[KEPT_ARGUMENTS];
};

struct large_value {
	u32 phase;
	u32 place;
	u64 value;
};

struct totals {
	/* Lost: tasks that could not be marked, so none of their calls is here. */
	u64 lost_tasks;
	/* Lost: calls whose number has no counter of its own and found no room. */
	u64 lost_other_numbers;
	/* Lost: calls that found no counter block; the phases would have to be wrong. */
	u64 lost_blocks;
	/* New tasks in scope, and those of them that started a process. */
	u64 forked_tasks;
	u64 forked_processes;
	/* Ended tasks in scope, and processes of which the last task ended. */
	u64 ended_tasks;
	u64 ended_processes;
	/* Tasks in `stragglers`. */
	u64 stragglers;
	/* Calls counted by on_vsyscall, which `counters.all` leaves out. */
	u64 vsyscalls;
	/* Lost: tasks in the scope's cgroup, and threads of marked processes, that could not be marked. */
	u64 lost_members;
	/* Lost: refused calls that found no room. */
	u64 lost_denied;
	/* Names in `executables`. */
	u64 executables;
};
struct totals totals;
#define ADD(counter, n) __sync_fetch_and_add(&totals.counter, n)

struct {
	map_number(type, BPF_MAP_TYPE_TASK_STORAGE);
	map_number(map_flags, BPF_F_NO_PREALLOC);
	map_type(key, int);
	map_type(value, struct mark);
} marks SEC(".maps");

/* Marks of tasks whose storage was refused, by the task's address. Storage is refused for a moment when another task
 * that freed its own was preempted in doing so on this CPU (kernel/bpf/bpf_task_storage.c, bpf_task_storage_busy). */
struct {
	map_number(type, BPF_MAP_TYPE_HASH);
	map_number(max_entries, 1024);
	map_type(key, u64);
	map_type(value, struct mark);
} stragglers SEC(".maps");

struct {
	map_number(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	map_number(max_entries, PHASES);
	map_type(key, u32);
	map_type(value, struct counters);
} counters SEC(".maps");

struct {
	map_number(type, BPF_MAP_TYPE_HASH);
	map_number(max_entries, 1024);
	map_type(key, struct other_number);
	map_type(value, struct other_calls);
} other_numbers SEC(".maps");

/* Calls that a filter answered. */
struct {
	map_number(type, BPF_MAP_TYPE_HASH);
	map_number(max_entries, 2048);
	map_type(key, struct denied);
	map_type(value, struct other_calls);
} denied SEC(".maps");

/* By phase, and in it as `counters.calls`. */
struct {
	map_number(type, BPF_MAP_TYPE_ARRAY);
	map_number(max_entries, PHASES * 2 * NUMBERS);
	map_type(key, u32);
	map_type(value, struct first);
} firsts SEC(".maps");

/* What was executed, as execve was given it; numbered from 1. */
struct {
	map_number(type, BPF_MAP_TYPE_HASH);
	map_number(map_flags, BPF_F_NO_PREALLOC);
	map_number(max_entries, NAMES);
	map_type(key, struct executable_name);
	map_type(value, u32);
} executables SEC(".maps");

/* Room for one name, which the stack hasn't. */
struct {
	map_number(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	map_number(max_entries, 1);
	map_type(key, u32);
	map_type(value, struct executable_name);
} name_in_hand SEC(".maps");

/* A value that is copied into a map by a new key: too large for the stack of a program that is inlined whole. */
static const struct other_calls none_yet = {};

struct {
	map_number(type, BPF_MAP_TYPE_ARRAY);
	map_number(max_entries, PHASES);
	map_type(key, u32);
	map_type(value, struct arguments);
} arguments SEC(".maps");

struct {
	map_number(type, BPF_MAP_TYPE_HASH);
	map_number(max_entries, 8192);
	map_type(key, struct large_value);
	map_type(value, u8);
} large_values SEC(".maps");

INLINE struct mark *mark_of(struct task_struct *task)
{
	struct mark *mark = bpf_task_storage_get(&marks, task, 0, 0);

	if (mark || !totals.stragglers)
		return mark;
	u64 address = (u64)task;
	return bpf_map_lookup_elem(&stragglers, &address);
}

/* Whether the task's calls count by now. */
INLINE int counts(struct task_struct *task)
{
	return !scope.since_filter || (u32)task->seccomp.filter_count.counter > scope.filters;
}

/* Gives a task its mark: in task storage, else among the stragglers. */
INLINE struct mark *set_mark(struct task_struct *task, const struct mark *value)
{
	struct mark *mark = 0;

	if (!refuse_task_storage)
		mark = bpf_task_storage_get(&marks, task, 0, BPF_LOCAL_STORAGE_GET_F_CREATE);
	if (mark) {
		*mark = *value;
		return mark;
	}
	u64 address = (u64)task;

	if (bpf_map_update_elem(&stragglers, &address, value, BPF_ANY))
		return 0;
	ADD(stragglers, 1);
	return bpf_map_lookup_elem(&stragglers, &address);
}

/* Whether the current task may be in scope, as far as its mark doesn't say. The cheap question comes before the mark: a task
 * of which nobody wants to know anything pays for one of the two. */
INLINE int may_belong(void)
{
	return !scope.cgroup || bpf_get_current_ancestor_cgroup_id(scope.cgroup_level) == scope.cgroup;
}

/* Marks the current task, which may belong and has no mark yet, if the scope says that it does. */
INLINE struct mark *adopt(struct task_struct *task)
{
	struct mark mark = { PHASE_RUN, PLACE_UNKNOWN, 0, 0 };

	if (scope.cgroup) {
		/* A task that was there is past its start; a new one came from outside, and its program is still to come. */
		if (task->start_time >= scope.attached_at)
			mark.phase = PHASE_EXEC;
		else
			mark.executable = RAN | task->tgid;
	} else if (scope.threads) {
		struct task_struct *leader = task->group_leader;

		if (leader == task || !leader)
			return 0;
		struct mark *leaders = bpf_task_storage_get(&marks, leader, 0, 0);

		if (!leaders)
			return 0;
		mark.flags = leaders->flags & LISTENED;
		mark.executable = leaders->executable;
	} else {
		return 0;
	}
	struct mark *own = set_mark(task, &mark);

	if (!own)
		ADD(lost_members, 1);
	return own;
}

/* The mark of the current task, if it is in scope and its calls count. */
INLINE struct mark *mark_of_current(struct task_struct *task)
{
	if (!counts(task) || !may_belong())
		return 0;
	struct mark *mark = mark_of(task);

	return mark ? mark : adopt(task);
}

INLINE u32 phase_of(const struct mark *mark)
{
	return mark->phase == PHASE_RUN && serving_since ? PHASE_SERVING : mark->phase;
}

INLINE void remember(struct first *first, struct task_struct *task, const struct mark *mark)
{
	if (first->time)
		return;
	u64 now = bpf_ktime_get_ns();

	if (__sync_val_compare_and_swap(&first->time, 0, now))
		return;
	first->process = task->tgid;
	first->task = task->pid;
	first->executable = mark->executable;
	bpf_get_current_comm(first->thread, sizeof(first->thread));
	if (keep_stacks)
		sample_stack(task, now);
}

INLINE void count_other(struct task_struct *task, const struct mark *mark, u32 compat, u32 number)
{
	struct other_number key = { phase_of(mark), compat, number };
	struct other_calls *other = bpf_map_lookup_elem(&other_numbers, &key);

	if (!other) {
		/* Full, or another CPU was faster. */
		bpf_map_update_elem(&other_numbers, &key, &none_yet, BPF_NOEXIST);
		other = bpf_map_lookup_elem(&other_numbers, &key);
	}
	if (other) {
		__sync_fetch_and_add(&other->calls, 1);
		remember(&other->first, task, mark);
	} else {
		ADD(lost_other_numbers, 1);
	}
}

INLINE void count_denied(struct task_struct *task, const struct mark *mark, u32 number, s32 verdict)
{
	u32 compat = task->thread_info.status & TS_COMPAT ? 1 : 0;
	struct denied key = { phase_of(mark), compat, number, verdict };
	struct other_calls *denials = bpf_map_lookup_elem(&denied, &key);

	if (!denials) {
		bpf_map_update_elem(&denied, &key, &none_yet, BPF_NOEXIST);
		denials = bpf_map_lookup_elem(&denied, &key);
	}
	if (denials) {
		__sync_fetch_and_add(&denials->calls, 1);
		remember(&denials->first, task, mark);
	} else {
		ADD(lost_denied, 1);
	}
}

/* execve and execveat. */
INLINE int is_execve(u32 compat, u32 number)
{
	return compat ? number == 11 || number == 358 : number == 59 || number == 322;
}

INLINE u64 argument(struct pt_regs *registers, u32 compat, int index)
{
	/* Documentation/arch/x86/entry_64.rst, arch/x86/include/asm/syscall.h (syscall_get_arguments) */
	if (compat) {
		switch (index) {
		case 0: return (u32)registers->bx;
		case 1: return (u32)registers->cx;
		case 2: return (u32)registers->dx;
		case 3: return (u32)registers->si;
		case 4: return (u32)registers->di;
		default: return (u32)registers->bp;
		}
	}
	switch (index) {
	case 0: return registers->di;
	case 1: return registers->si;
	case 2: return registers->dx;
	case 3: return registers->r10;
	case 4: return registers->r8;
	default: return registers->r9;
	}
}

INLINE void keep(struct arguments *seen, u32 phase, u32 place, u64 value)
{
	_Static_assert(KEPT_ARGUMENTS == 1024, "the mask below");
	/* A bound that the compiler can't turn into a sign test, which the verifier couldn't follow. */
	asm volatile("%0 &= 1023" : "+r"(place));
	if (value < 64) {
		u64 bit = 1ULL << value;

		if (!(seen->small[place] & bit))
			__sync_fetch_and_or(&seen->small[place], bit);
		return;
	}
	if (seen->last[place] == value || seen->unbounded[place])
		return;
	struct large_value key = { phase, place, value };
	u8 present = 1;

	if (!bpf_map_lookup_elem(&large_values, &key)) {
		if (seen->larges[place] >= LARGE_VALUES) {
			seen->unbounded[place] = 1;
			return;
		}
		long error = bpf_map_update_elem(&large_values, &key, &present, BPF_NOEXIST);

		if (!error) {
			__sync_fetch_and_add(&seen->larges[place], 1);
		} else if (error != -EEXIST) {
			seen->unbounded[place] = 1;
			return;
		}
	}
	seen->last[place] = value;
}

SEC("tp_btf/sys_enter")
int on_sys_enter(u64 *context)
{
	struct pt_regs *registers = (void *)context[0];
	u32 number = context[1];
	struct task_struct *task = bpf_get_current_task_btf();
	struct mark *mark = mark_of_current(task);

	if (!mark)
		return 0;
	mark->place = PLACE_CALL;
	u32 compat = task->thread_info.status & TS_COMPAT ? 1 : 0;
	/* Without a filter nothing tells a container's runtime from its program but the execve between them. */
	if (scope.cgroup && !scope.since_filter && mark->phase == PHASE_EXEC && !is_execve(compat, number))
		return 0;
	u32 index = compat * NUMBERS + (number & (NUMBERS - 1));
	u32 kept = number < NUMBERS ? argument_rules[index].kept : 0;

	if (kept & LISTENS)
		mark->flags |= LISTENED;
	else if (kept & WAITS && mark->flags & LISTENED && mark->phase == PHASE_RUN && !serving_since)
		__sync_val_compare_and_swap(&serving_since, 0, bpf_ktime_get_ns());
	u32 phase = phase_of(mark);
	struct counters *block = bpf_map_lookup_elem(&counters, &phase);

	if (!block) {
		ADD(lost_blocks, 1);
		return 0;
	}
	block->all++;
	if (number >= NUMBERS) {
		count_other(task, mark, compat, number);
		return 0;
	}
	if (!block->calls[index]++) {
		u32 place = phase * 2 * NUMBERS + index;
		struct first *first = bpf_map_lookup_elem(&firsts, &place);

		if (first)
			remember(first, task, mark);
	}
	kept &= LISTENS - 1;
	if (!kept)
		return 0;
	u32 narrow = argument_rules[index].narrow, place = argument_rules[index].first;
	struct arguments *seen = bpf_map_lookup_elem(&arguments, &phase);

	if (!seen)
		return 0;
#pragma clang loop unroll(full)
	for (int i = 0; i < 6; i++) {
		if (kept & (1u << i)) {
			u64 value = argument(registers, compat, i);

			keep(seen, phase, place, narrow & (1u << i) ? (u32)value : value);
			place++;
		}
	}
	return 0;
}

/* A call that a filter answers never gets to sys_enter, and does get to sys_exit (kernel/entry/common.c, syscall_trace_enter
 * and syscall_exit_work). A task of which nothing was seen before its exit was in a call when it was marked, or is new. */
SEC("tp_btf/sys_exit")
int on_sys_exit(u64 *context)
{
	struct pt_regs *registers = (void *)context[0];
	long result = context[1];
	struct task_struct *task = bpf_get_current_task_btf();

	/* Nobody refuses it anything. The exit of the call that loads its first filter is the first that counts. */
	if (!task->seccomp.mode)
		return 0;
	struct mark *mark = mark_of_current(task);

	if (!mark)
		return 0;
	u32 before = mark->place;

	mark->place = PLACE_USER;
	if (before != PLACE_USER)
		return 0;
	u32 number = registers->orig_ax;

	/* A tracer has skipped it. */
	if (number == (u32)-1)
		return 0;
	s32 verdict = ANSWERED;

	if (task->seccomp.mode == SECCOMP_MODE_DEAD) {
		verdict = KILLED;
		mark->place = PLACE_KILLED;
	} else if (task->pending.signal.sig[0] & SIGSYS_BIT) {
		verdict = TRAPPED;
	} else if (result < 0 && result >= -4095) {
		verdict = -result;
	}
	count_denied(task, mark, number, verdict);
	return 0;
}

/* A thread that a filter kills alone ends where it is, without sys_exit (kernel/seccomp.c, __seccomp_filter). Attached
 * before on_exit, which drops marks. */
SEC("tp_btf/sched_process_exit")
int on_death(u64 *context)
{
	struct task_struct *task = (void *)context[0];

	if (task->seccomp.mode != SECCOMP_MODE_DEAD || !counts(task))
		return 0;
	struct mark *mark = mark_of(task);

	if (!mark || mark->place != PLACE_USER)
		return 0;
	struct pt_regs *registers = bpf_task_pt_regs(task);

	mark->place = PLACE_KILLED;
	count_denied(task, mark, registers->orig_ax, KILLED);
	return 0;
}

/* Legacy calls through the vsyscall page: a filter sees them, sys_enter doesn't (arch/x86/entry/vsyscall/vsyscall_64.c,
 * emulate_vsyscall; the numbers are those of gettimeofday, time and getcpu). */
SEC("tp_btf/emulate_vsyscall")
int on_vsyscall(u64 *context)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct mark *mark = mark_of_current(task);

	if (!mark)
		return 0;
	u32 number;

	switch ((s32)context[0]) {
	case 0: number = 96; break;
	case 1: number = 201; break;
	case 2: number = 309; break;
	default: return 0;
	}
	ADD(vsyscalls, 1);
	count_other(task, mark, 0, number);
	return 0;
}

/* The parent, current, is about to wake its new task for the first time (kernel/fork.c, kernel_clone). */
SEC("tp_btf/sched_process_fork")
int on_fork(u64 *context)
{
	struct task_struct *parent = (void *)context[0], *child = (void *)context[1];
	struct mark *own = mark_of(parent);

	/* A parent that was in this very call when the recording began has no mark yet. */
	if (!own && counts(parent) && may_belong())
		own = adopt(parent);
	if (!own)
		return 0;
	ADD(forked_tasks, 1);
	if (child->pid == child->tgid)
		ADD(forked_processes, 1);
	struct mark mark = { own->phase, PLACE_UNKNOWN, COUNTED | (own->flags & LISTENED), own->executable };

	if (!set_mark(child, &mark))
		ADD(lost_tasks, 1);
	return 0;
}

/* An execve has succeeded. The one that starts the command, or under a container's filter its program, ends a phase. */
SEC("tp_btf/sched_process_exec")
int on_exec(u64 *context)
{
	struct task_struct *task = (void *)context[0];
	struct linux_binprm *program = (void *)context[2];
	struct mark *mark = mark_of(task);

	if (!mark)
		return 0;
	if (counts(task))
		mark->phase = PHASE_RUN;
	u32 zero = 0;
	struct executable_name *name = bpf_map_lookup_elem(&name_in_hand, &zero);

	mark->executable = 0;
	if (!name)
		return 0;
	__builtin_memset(name, 0, sizeof(*name));
	if (bpf_probe_read_kernel_str(name, sizeof(*name), program->filename) < 0)
		return 0;
	u32 *known = bpf_map_lookup_elem(&executables, name);

	if (!known) {
		u32 number = __sync_fetch_and_add(&totals.executables, 1) + 1;

		bpf_map_update_elem(&executables, name, &number, BPF_NOEXIST);
		known = bpf_map_lookup_elem(&executables, name);
	}
	if (known)
		mark->executable = *known;
	return 0;
}

SEC("tp_btf/sched_process_exit")
int on_exit(u64 *context)
{
	struct task_struct *task = (void *)context[0];
	struct mark *mark = mark_of(task);

	if (!mark)
		return 0;
	if (mark->flags & COUNTED) {
		ADD(ended_tasks, 1);
		/* kernel/exit.c, do_exit, has counted the task down already. Two last tasks that end at once may both see 0; only
		 * the number of processes still running depends on it. */
		if (task->signal->live.counter == 0)
			ADD(ended_processes, 1);
	}
	if (totals.stragglers) {
		u64 address = (u64)task;

		if (!bpf_map_delete_elem(&stragglers, &address))
			ADD(stragglers, -1);
	}
	return 0;
}

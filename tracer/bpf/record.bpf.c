/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* Counts every system call of one process and all its descendants, in maps.
 *
 * Nothing is streamed, so nothing can be dropped. What can still fail (a full map, a refused allocation) adds to a
 * counter in `totals`, and the recorder marks the recording incomplete when one of them isn't zero.
 *
 * Scope follows the task: a mark in task storage, set by the recorder on the stopped child before its execve, copied
 * to each new task by its parent. No pid, name or namespace is looked at.
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

/* bpf_get_current_task_btf is for programs whose licence is compatible with the GPL (kernel/trace/bpf_trace.c). */
char LICENSE[] SEC("license") = "Dual MIT/GPL";

enum phase { PHASE_EXEC, PHASE_RUN, PHASES };
/* Numbers below this have a counter of their own; every table ends well below it. Powers of two, as masks need. */
enum { NUMBERS = 512 };
/* Argument words that are kept, over all calls of both ABIs. */
enum { KEPT_ARGUMENTS = 1024 };
/* Values of 64 and above that are kept of one argument; with more it is unbounded. */
enum { LARGE_VALUES = 256 };

/* Which arguments of one call are kept: bit N of `kept` for argument N, with the same bit of `narrow` when only the low
 * 32 bits count. They have consecutive places from `first` on. Written by the recorder before the object is loaded. */
struct argument_rule {
	u8 kept;
	u8 narrow;
	u16 first;
};
const volatile struct argument_rule argument_rules[2 * NUMBERS] = {};
/* For tests: behave as if the kernel refused every new task its storage. */
const volatile u8 refuse_task_storage = 0;

/* A task in scope. */
struct mark {
	u32 phase;
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
	map_type(value, u64);
} other_numbers SEC(".maps");

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

INLINE void count_other(u32 phase, u32 compat, u32 number)
{
	struct other_number key = { phase, compat, number };
	u64 once = 1, *calls = bpf_map_lookup_elem(&other_numbers, &key);

	if (!calls) {
		if (!bpf_map_update_elem(&other_numbers, &key, &once, BPF_NOEXIST))
			return;
		/* Full, or another CPU was faster. */
		calls = bpf_map_lookup_elem(&other_numbers, &key);
	}
	if (calls)
		__sync_fetch_and_add(calls, 1);
	else
		ADD(lost_other_numbers, 1);
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
	struct mark *mark = mark_of(task);

	if (!mark)
		return 0;
	u32 phase = mark->phase;
	u32 compat = task->thread_info.status & TS_COMPAT ? 1 : 0;
	struct counters *block = bpf_map_lookup_elem(&counters, &phase);

	if (!block) {
		ADD(lost_blocks, 1);
		return 0;
	}
	block->all++;
	if (number >= NUMBERS) {
		count_other(phase, compat, number);
		return 0;
	}
	u32 index = compat * NUMBERS + (number & (NUMBERS - 1));

	block->calls[index]++;
	u32 kept = argument_rules[index].kept;

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

/* Legacy calls through the vsyscall page: a filter sees them, sys_enter doesn't (arch/x86/entry/vsyscall/vsyscall_64.c,
 * emulate_vsyscall; the numbers are those of gettimeofday, time and getcpu). */
SEC("tp_btf/emulate_vsyscall")
int on_vsyscall(u64 *context)
{
	struct mark *mark = mark_of(bpf_get_current_task_btf());

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
	count_other(mark->phase, 0, number);
	return 0;
}

/* The parent, current, is about to wake its new task for the first time (kernel/fork.c, kernel_clone). */
SEC("tp_btf/sched_process_fork")
int on_fork(u64 *context)
{
	struct task_struct *parent = (void *)context[0], *child = (void *)context[1];
	struct mark *own = mark_of(parent), *mark = 0;

	if (!own)
		return 0;
	ADD(forked_tasks, 1);
	if (child->pid == child->tgid)
		ADD(forked_processes, 1);
	if (!refuse_task_storage)
		mark = bpf_task_storage_get(&marks, child, 0, BPF_LOCAL_STORAGE_GET_F_CREATE);
	if (mark) {
		mark->phase = own->phase;
		return 0;
	}
	u64 address = (u64)child;
	struct mark copy = { own->phase };

	if (bpf_map_update_elem(&stragglers, &address, &copy, BPF_ANY))
		ADD(lost_tasks, 1);
	else
		ADD(stragglers, 1);
	return 0;
}

/* The execve that starts the command has succeeded; for later ones there is nothing to change. */
SEC("tp_btf/sched_process_exec")
int on_exec(u64 *context)
{
	struct mark *mark = mark_of((void *)context[0]);

	if (mark)
		mark->phase = PHASE_RUN;
	return 0;
}

SEC("tp_btf/sched_process_exit")
int on_exit(u64 *context)
{
	struct task_struct *task = (void *)context[0];

	if (!mark_of(task))
		return 0;
	ADD(ended_tasks, 1);
	/* kernel/exit.c, do_exit, has counted the task down already. Two last tasks that end at once may both see 0; only the
	 * number of processes still running depends on it. */
	if (task->signal->live.counter == 0)
		ADD(ended_processes, 1);
	if (totals.stragglers) {
		u64 address = (u64)task;

		if (!bpf_map_delete_elem(&stragglers, &address))
			ADD(stragglers, -1);
	}
	return 0;
}
